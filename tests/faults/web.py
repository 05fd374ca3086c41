"""A flood on the real `dashboard --web`, by strangers and by one who is logged in; and a gzip bomb."""

import asyncio
import contextlib
import gzip
import os
import resource
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import aiohttp

from tests.faults.gym import ROOT, Gym, Verdict, rss_bytes
from tests.faults.hardware import descriptors, until
from tests.ports import free_port

TOKEN = "0123456789abcdef0123"
IDLE, HANDSHAKES = 1009, 100
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"  # a ClientHello that never goes on
PAGE_S = 5.0  # to log in and see something, among all that
SERVER_MB, SCREEN_MB, BOMB_MB = 250.0, 400.0, 1500.0
BOMB_ZEROS_MB = 2900


class Seen(NamedTuple):
    """What a browser with the token found."""

    page_s: float  # until its terminal showed something; inf: never
    refused: int  # of what it said that no terminal says


def web(quick: bool) -> Verdict:
    """Idle connections, half handshakes, a resize of 20 000 × 20 000; reps go on, and so do browsers."""
    lasts_s, reps = (4.0, 40) if quick else (20.0, 200)
    with Gym() as gym, contextlib.ExitStack() as stack:
        port = free_port()
        server = gym.run("station.cli", *_options(gym, port))
        until(lambda: _listens(port), 20.0)
        calm_mb = rss_bytes(server.pid) / 2**20
        gym.station("a", reps, reps / lasts_s)
        gym.settle_committed(3)
        crowd = stack.enter_context(_crowd(port))
        peaks = _Peaks(server.pid)
        end_s = time.monotonic() + lasts_s
        seen = asyncio.run(_browse(port, end_s))
        crowd_s = time.monotonic() - (end_s - lasts_s)
        until(lambda: len(gym.told()[1]) == reps, 30.0)
        gym.settle(reps)
        tally, alive = gym.tally(), server.poll() is None
        most = peaks.stop()
        server.terminate()
        status = server.wait(15.0)
    bomb_mb, bomb_status, bomb_said = _bomb()
    worst_s = max(one.page_s for one in seen)
    return Verdict(
        f"web: {IDLE} idle connections, {HANDSHAKES} half handshakes, a screen of 20 000 × 20 000",
        f"{tally}; {len(crowd)} strangers for {crowd_s:.0f} s, {len(seen)} browsers, the slowest saw its page"
        f" in {worst_s:.1f} s; server {calm_mb:.0f}, then {most.server_mb:.0f} MB and {most.descriptors} fds,"
        f" a browser's screen {most.screen_mb:.0f} MB; a gzip of {BOMB_ZEROS_MB} MB: status {bomb_status} at"
        f" {bomb_mb:.0f} MB",
        tally.clean
        and alive
        and status == 143
        and (quick or worst_s < PAGE_S)
        and all(one.refused for one in seen)
        and most.server_mb < SERVER_MB
        and most.screen_mb < SCREEN_MB
        and bomb_status == 1
        and bomb_mb < BOMB_MB
        and "larger than" in bomb_said,
    )


def _options(gym: Gym, port: int) -> list[str]:
    """A dashboard on all addresses, with a certificate of its own and a token, that is the record."""
    names = ["-subj", "/CN=gym", "-addext", "subjectAltName=IP:127.0.0.1"]
    pem, key, token = (gym.folder / name for name in ("gym.pem", "gym.key", "token"))
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", str(key), "-out", str(pem)]
    subprocess.run([*make, *files, *names], check=True, capture_output=True)
    token.write_text(TOKEN)
    token.chmod(0o600)
    where = ["--web-host", "0.0.0.0", "--web-port", str(port), "--web-cert", str(pem), "--web-key", str(key)]
    broker = ["--host", "127.0.0.1", "--port", str(gym.broker.port), "--no-tls", "--db", str(gym.history)]
    return ["dashboard", "--web", *where, "--web-token", str(token), *broker]


@contextlib.contextmanager
def _crowd(port: int) -> Iterator[list[socket.socket]]:
    """Strangers who connect and say nothing, or half of a hello; thrown out, they come again."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(most[0], min(most[1], 4 * IDLE)), most[1]))
    crowd: list[socket.socket] = []
    over = threading.Event()

    def come() -> None:
        while not over.wait(0.002):
            if len(crowd) >= IDLE + HANDSHAKES:
                crowd.pop(0).close()
            with contextlib.suppress(OSError):
                one = socket.create_connection(("127.0.0.1", port), 1.0, source_address=("127.0.0.2", 0))
                crowd.append(one)
                if len(crowd) % (IDLE // HANDSHAKES) == 0:
                    one.sendall(HELLO)

    thread = threading.Thread(target=come, daemon=True)
    thread.start()
    until(lambda: len(crowd) >= IDLE, 20.0)
    try:
        yield crowd
    finally:
        over.set()
        thread.join()
        for one in crowd:
            one.close()


async def _browse(port: int, end_s: float) -> list[Seen]:
    """Browsers with the token, one after the other."""
    seen = []
    while time.monotonic() < end_s or not seen:
        with contextlib.suppress(OSError, aiohttp.ClientError, TimeoutError):
            seen.append(await asyncio.wait_for(_look(port), 30.0))
            continue
        seen.append(Seen(float("inf"), 0))
    return seen


async def _look(port: int) -> Seen:
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    jar = aiohttp.CookieJar(unsafe=True)  # of an address
    connector = aiohttp.TCPConnector(ssl=trusting)
    base, start_s = f"https://127.0.0.1:{port}", time.monotonic()
    async with aiohttp.ClientSession(connector=connector, cookie_jar=jar) as session:
        async with session.get(f"{base}/?token={TOKEN}") as answer:
            answer.raise_for_status()
        async with session.ws_connect(f"{base}/ws?width=99999&height=99999", max_msg_size=0) as terminal:
            await terminal.receive(timeout=20.0)
            page_s = time.monotonic() - start_s
            for size in (20_000, 10**9):
                await terminal.send_json(["resize", {"width": size, "height": size}])
            await terminal.send_json(["stdin", "i"])
            await terminal.receive(timeout=20.0)
            await terminal.send_json(["resize", {"width": "many", "height": []}])  # no terminal says so
            while not terminal.closed:
                await terminal.receive(timeout=20.0)
            return Seen(page_s, int(terminal.close_code == 1008))


class Peak(NamedTuple):
    """The most that was seen."""

    server_mb: float
    screen_mb: float
    descriptors: int


class _Peaks:
    """Watches a server and its children."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._most = Peak(0.0, 0.0, 0)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> Peak:
        """Watch no more."""
        self._over.set()
        self._thread.join()
        return self._most

    def _run(self) -> None:
        while not self._over.wait(0.05):
            with contextlib.suppress(OSError, ValueError):
                children = Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text().split()
                sizes = [0.0]
                for child in children:
                    with contextlib.suppress(OSError, ValueError):
                        sizes.append(rss_bytes(int(child)) / 2**20)
                now = (rss_bytes(self._pid) / 2**20, max(sizes), len(descriptors(self._pid)))
                self._most = Peak(*map(max, self._most, now))  # type: ignore[arg-type]


def _bomb() -> tuple[float, int, str]:
    """Peak memory, status and words of `analyze` on a small file that unpacks to gigabytes."""
    hundred_mb = gzip.compress(b"time_s,position_m\n" + b"0.01,0.5\n" * 11_000_000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "bomb.csv.gz"
        with path.open("wb") as file:
            for _ in range(BOMB_ZEROS_MB // 100):  # members follow one another: RFC 1952, 2.2
                file.write(hundred_mb)
        station = folder / "s.toml"
        station.write_text('[station]\nid = "rack-1"\nkind = "barbell"\n')
        command = ["analyze", str(path), "--station", str(station), "--exercise", "rdl"]
        child = subprocess.Popen(
            [sys.executable, "-m", "station.cli", *command], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        assert child.stderr is not None
        said = child.stderr.read()
        child.stderr.close()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        return used.ru_maxrss / 2**10, child.returncode, said


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
