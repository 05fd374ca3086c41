"""From the command to the first frame on a terminal of 80 × 24, and to the first station on it.

The floor beneath is what importing Textual alone costs. All of it hangs on bytecode being there, which `make`
sees to and pip does by itself: compiling anew takes longer than starting.
"""

import fcntl
import os
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import paho.mqtt.client as paho

from edge.broker.mosquitto import Broker
from station.messages import encode, new_id
from station.topics import Address
from tests.benchmarks.birth import birth

STARTS = 9
SIZE = (80, 24)
WAIT_S = 20.0
STATION = "rack-17"
PLUMBLINE = [sys.executable, "-m", "station.cli"]


def run() -> list[str]:
    """Lines to print."""
    with Broker() as broker, tempfile.TemporaryDirectory(prefix="plumbline-start-") as folder:
        _announce(broker.port)
        where = ["--port", str(broker.port), "--db", str(Path(folder) / "history.db")]
        floor = [*PLUMBLINE, "dashboard", *where]
        lifter = [*PLUMBLINE, "screen", STATION, *where[:2]]
        return [
            _line("dashboard, first frame", lambda: _until_drawn(floor, b"Plumbline")),
            _line("dashboard, first station", lambda: _until_drawn(floor, STATION.encode())),
            _line("lifter's screen, first frame", lambda: _until_drawn(lifter, STATION.encode())),
            _line("plumbline --help", lambda: _until_ended([*PLUMBLINE, "--help"])),
            _line(
                "  peer: import textual.app",
                lambda: _until_ended([sys.executable, "-c", "import textual.app"]),
            ),
        ]


def _line(what: str, once: Callable[[], float]) -> str:
    took_ms = [1e3 * once() for _ in range(STARTS)]
    middle, slowest = statistics.median(took_ms), max(took_ms)
    return f"start: {what:<28} p50 {middle:4.0f} ms, slowest of {STARTS} {slowest:4.0f} ms"


def _until_ended(command: Sequence[str]) -> float:
    start_s = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start_s


def _until_drawn(command: Sequence[str], wanted: bytes) -> float:
    """Seconds from the start of the process until `wanted` has been written to its terminal."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", SIZE[1], SIZE[0], 0, 0))
    start_s = time.perf_counter()
    child = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color"},
    )
    os.close(theirs)
    try:
        drawn = b""
        while wanted not in drawn:
            if not select.select([ours], [], [], WAIT_S)[0]:
                raise TimeoutError(f"{command[-1]}: no {wanted!r} within {WAIT_S:g} s, but {drawn[-200:]!r}")
            drawn += os.read(ours, 65_536)
        return time.perf_counter() - start_s
    finally:
        child.kill()
        child.wait()
        os.close(ours)


def _announce(port: int) -> None:
    """One station's retained birth, as a dashboard started in the middle of a session finds it."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    for leaf, message in zip(("state", "info"), birth(new_id()), strict=True):
        topic = Address("gym", STATION, leaf).topic
        client.publish(topic, encode(message), qos=1, retain=True).wait_for_publish(5.0)
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    print(*run(), sep="\n")
