"""Ports unplugged, boards reset, ticks wrapping, bytes corrupted, clocks jumping, at `plumbline edge`."""

import contextlib
import dataclasses
import fcntl
import os
import pty
import sqlite3
import struct
import subprocess
import termios
import time
import tty
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from kernels import FrameDecoder, Frames
from station.config import Mqtt, Port
from station.exercises import load_profile
from station.sim.devices.board import board_bytes
from station.sim.devices.device import Piece
from station.sim.recording import station_toml
from station.sim.session import SimulatedSet, simulate_set
from tests.faults.disk import shim
from tests.faults.gym import Gym, Verdict

READ_OUT_LOOKS = 10  # 20 ms apart: what was written passes a queue of the kernel before it shows as unread

PROFILE = load_profile("rdl")


class Board:
    """A pseudo-terminal behind a path that stays."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plug_in()

    def plug_in(self) -> None:
        """There it is, again."""
        self._far, self._near = pty.openpty()
        tty.setraw(self._near)
        self.terminal = os.ttyname(self._near)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(self.terminal)

    def unplug(self) -> None:
        """Gone, while it is open."""
        self.path.unlink()
        os.close(self._near)
        os.close(self._far)

    @property
    def unread(self) -> int:
        """Bytes that have been sent and not read."""
        return int(struct.unpack("i", fcntl.ioctl(self._near, termios.FIONREAD, bytes(4)))[0])

    def read_out(self) -> None:
        """Wait until everything has been read."""
        looks = iter(range(READ_OUT_LOOKS))
        until(lambda: not self.unread and next(looks, None) is None, 10.0)

    def send(self, data: bytes) -> None:
        """Write as a line does; waits while nobody reads."""
        for start in range(0, len(data), 1000):
            os.write(self._far, data[start : start + 1000])


class Health:
    """The newest health of every station, by its id."""

    def __init__(self, port: int) -> None:
        self.newest: dict[str, dict[str, int]] = {}
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.on_message = self._hear
        self._client.on_connect = lambda client, *_: client.subscribe("plumbline/1/+/+/health")
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _hear(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        if not message.retain:  # a run before this one left that
            self.newest[message.topic.split("/")[3]] = msgspec.json.decode(message.payload)

    def when_read(self, frames: int) -> dict[str, int]:
        """What the node of sim-1 says once it has taken so many frames; a later run begins from nothing."""
        until(lambda: self.newest.get("sim-1", {}).get("frames", 0) >= frames, 20.0)
        return self.close()["sim-1"]

    def close(self) -> dict[str, dict[str, int]]:
        """Hear no more; the newest of each."""
        self._client.disconnect()
        self._client.loop_stop()
        return self.newest


def edge(gym: Gym, simulated: SimulatedSet, board: Board, env: dict[str, str]) -> "subprocess.Popen[str]":
    """Start `plumbline edge` at a board."""
    mqtt = Mqtt(host="127.0.0.1", port=gym.station_port or gym.broker.port, tls=False)
    ports = [Port(url=str(board.path))]
    station = msgspec.structs.replace(simulated.station, ports=ports, mqtt=mqtt, exercise="rdl")
    path = gym.folder / "sim-1.toml"
    path.write_text(station_toml(station), encoding="utf-8")
    where = ("--station", str(path), "--outbox", str(gym.outbox))
    child = gym.run("station.cli", "edge", *where, env=env)
    until(lambda: is_open(child.pid, board), 10.0)
    return child


def end(
    gym: Gym,
    simulated: SimulatedSet,
    board: Board,
    child: "subprocess.Popen[str]",
    env: dict[str, str] | None = None,
) -> None:
    """End the node in order, and see that the record has all of it.

    A record that was late to listen has not by then: what is left on the node's disk is sent by its next run.
    """
    child.terminate()
    child.wait(20.0)
    while waiting(gym):
        send_the_rest(gym, simulated, board, env or {})


def send_the_rest(gym: Gym, simulated: SimulatedSet, board: Board, env: dict[str, str]) -> None:
    """Run the node until its health says that nothing waits any more."""
    child = edge(gym, simulated, board, env)
    health = Health(gym.broker.port)
    until(lambda: health.newest.get("sim-1", {}).get("outbox_depth") == 0, 20.0)
    health.close()
    child.terminate()
    child.wait(20.0)


def waiting(gym: Gym) -> int:
    """How many events are in the outbox of a node that has ended; a running one holds it locked."""
    db = sqlite3.connect(gym.outbox, timeout=5.0)
    count: int = db.execute("SELECT count(*) FROM events").fetchone()[0]
    db.close()
    return count


def until(condition: Callable[[], object], timeout_s: float) -> float:
    """Wait until it is true; seconds it took, infinity where it never was."""
    start_s = time.monotonic()
    while not condition():
        if time.monotonic() - start_s > timeout_s:
            return float("inf")
        time.sleep(0.02)
    return time.monotonic() - start_s


def descriptors(pid: int) -> list[str]:
    """What a process has open."""
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(str(entry.readlink()))
    return found


def is_open(pid: int, board: Board) -> bool:
    """Whether a process has the board's port open and will read what is sent from now on.

    pyserial throws away what has come when it has opened a port, and makes four ends of pipes after that.
    """
    files = descriptors(pid)
    ports, pipes = (sum(name.startswith(kind) for name in files) for kind in ("/dev/pts/", "pipe:"))
    return board.terminal in files and pipes >= 4 * ports


def counted(gym: Gym) -> list[tuple[float, ...]]:
    """The counted reps of the history in their order: start, end, velocity, range of motion."""
    db = sqlite3.connect(gym.history)
    columns = "start_s, end_s, mean_concentric_velocity_mps, peak_concentric_velocity_mps, rom_m"
    rows = db.execute(
        f"SELECT {columns} FROM reps WHERE counted AND state != 'rejected' ORDER BY start_s"
    ).fetchall()
    db.close()
    return rows


def pieces_of(simulated: SimulatedSet, **plan: object) -> list[Piece]:
    """What the board sends, with changes to the plan."""
    changed = (
        dataclasses.replace(simulated, plan=msgspec.structs.replace(simulated.plan, **plan))
        if plan
        else simulated
    )
    return list(board_bytes(changed, np.random.default_rng(6)))


def frames_in(pieces: Iterable[Piece]) -> int:
    """How many frames pieces hold, whole."""
    return len(FrameDecoder().feed(b"\0" + b"".join(data for _, data in pieces)))


def unplugs(quick: bool) -> Verdict:
    """The port is pulled out and put back between reps; what the board says meanwhile is lost."""
    times = 3 if quick else 20
    simulated = simulate_set(PROFILE, reps=times + 2, rng=np.random.default_rng(5))
    reps, pieces = simulated.truth["sets"][0]["reps"], pieces_of(simulated)
    sent_s = [at_s for at_s, _ in pieces]
    back_s, open_files, at, lost = [], [], 0, 0
    with Gym() as gym:
        gym.record()
        health = Health(gym.broker.port)
        board = Board(gym.folder / "board")
        child = edge(gym, simulated, board, {})
        for n in range(times):
            out, back = np.searchsorted(sent_s, [reps[n]["end_s"] + 0.2, reps[n]["end_s"] + 0.5]).tolist()
            board.send(b"".join(data for _, data in pieces[at:out]) + pieces[out][1][:-9])  # cut in a frame
            board.read_out()
            board.unplug()
            lost += 1 + frames_in(pieces[out + 1 : back])  # the half one, and all between
            board.plug_in()
            back_s.append(until(lambda: is_open(child.pid, board), 5.0))
            open_files.append(len(descriptors(child.pid)))
            at = back
        board.send(b"".join(data for _, data in pieces[at:]))
        board.read_out()
        said = health.when_read(frames_in(pieces) - lost)["frames_lost"]
        end(gym, simulated, board, child)
        found = len(counted(gym))
    grown = max(open_files) - min(open_files)
    return Verdict(
        f"unplug × {times}",
        f"{found} of {times + 2} reps counted, 0 to be more; {said} of {lost} lost frames said;"
        f" back in {max(back_s):.1f} s at worst; {grown} descriptors more or less",
        found == times + 2 and said == lost and (quick or max(back_s) <= 2.0) and grown <= 1,
    )


def resets(quick: bool) -> Verdict:
    """The board starts anew while the lifter stands, its tick wraps, frames are lost; the count stays."""
    times = 1 if quick else 20
    simulated = simulate_set(PROFILE, reps=times + 2, rng=np.random.default_rng(5), approach="none")
    reps = simulated.truth["sets"][0]["reps"]
    at_s = tuple((reps[n]["end_s"] + reps[n + 1]["start_s"]) / 2 for n in range(times))
    pieces = pieces_of(simulated, resets_at_s=at_s, start_us=2**32 - 5_000_000)
    # A frame in fifty is lost, but for the last of a boot: that it was sent, nobody can know.
    boots = [n for n, (_, data) in enumerate(pieces) if data.startswith(b"\0")]
    drawn = np.random.default_rng(7).random(len(pieces)) < 0.02
    drawn[[*boots, *(n - 1 for n in boots[1:]), -1]] = False
    dropped = frames_in(piece for piece, gone in zip(pieces, drawn, strict=True) if gone)
    sent = frames_in(pieces) - dropped
    with Gym() as gym:
        gym.record()
        health = Health(gym.broker.port)
        board = Board(gym.folder / "board")
        child = edge(gym, simulated, board, {})
        # Only the host's clock can tell how long a reset took: no faster than life.
        start_s = time.monotonic()
        for (sent_s, data), gone in zip(pieces, drawn, strict=True):
            time.sleep(max(0.0, start_s + sent_s - time.monotonic()))
            if not gone:
                board.send(data)
        board.read_out()
        said = health.when_read(sent)["frames_lost"]
        end(gym, simulated, board, child)
        found = len(counted(gym))
    return Verdict(
        f"board reset × {times}, tick wrap, frames lost",
        f"{found} of {times + 2} reps counted; {said} of {dropped} lost frames said",
        found == times + 2 and said == dropped,
    )


def _contents(frames: Frames) -> list[tuple[int, bytes, bytes]]:
    """What each frame says: when, its samples, and what the board says of itself."""
    words = dict(frames.hellos) | dict(frames.statuses)
    return [
        (t_us, samples.tobytes(), words.get(n, b""))
        for n, (t_us, samples) in enumerate(zip(frames.t_us, frames.samples, strict=True))
    ]


def corrupt(quick: bool) -> Verdict:
    """One byte in a thousand is changed, on the way of 10⁶ frames."""
    simulated = simulate_set(PROFILE, reps=3, rng=np.random.default_rng(5))
    data = np.frombuffer(b"".join(data for _, data in pieces_of(simulated)), dtype=np.uint8)
    clean = FrameDecoder()
    whole = clean.feed(data.tobytes())
    place = {frame: n for n, frame in enumerate(_contents(whole))}
    rng, wanted = np.random.default_rng(1), 50_000 if quick else 1_000_000
    sent = accepted = wrong = missing = said = 0
    while sent < wanted:
        noisy = data.copy()
        hit = rng.random(len(noisy)) < 1e-3
        noisy[hit] ^= rng.integers(1, 256, int(hit.sum()), dtype=np.uint8)
        decoder = FrameDecoder()
        frames = decoder.feed(noisy.tobytes())
        found = [place.get(frame) for frame in _contents(frames)]
        wrong += found.count(None)
        if found and None not in found:
            missing += found[-1] - found[0] + 1 - len(found)  # type: ignore[operator]
        said += decoder.frames_lost
        sent += clean.frames
        accepted += len(found)
    return Verdict(
        f"bytes corrupted at 10⁻³, {sent} frames",
        f"{accepted} accepted, {wrong} of them wrong; {said} of {missing} lost frames said",
        wrong == 0 and said == missing > 0,
    )


def wall_clock(quick: bool) -> Verdict:
    """The wall clock jumps a day either way and a year back, and starts in 1970; the same set is played."""
    simulated = simulate_set(PROFILE, reps=4, rng=np.random.default_rng(5))
    pieces = pieces_of(simulated)
    now_s = int(time.time())
    jumps = {"none": [0], "day": [86_400, -86_400], "year": [-365 * 86_400], "1970": [-now_s]}
    if quick:
        jumps = {name: jumps[name] for name in ("none", "1970")}

    def play(name: str) -> list[tuple[float, ...]]:
        steps = jumps[name]
        with Gym() as gym:
            clock = gym.folder / "clock"
            clock.write_text(str(steps[0] if name == "1970" else 0))
            gym.record()
            board = Board(gym.folder / "board")
            env = {"LD_PRELOAD": str(shim(gym.folder)), "FAULT_CLOCK": str(clock)}
            child = edge(gym, simulated, board, env)
            third = len(pieces) // 3
            for part in range(3):
                board.send(
                    b"".join(data for _, data in pieces[part * third : (part + 1) * third + 3 * (part == 2)])
                )
                board.read_out()
                clock.write_text(str(steps[part % len(steps)]))
            end(gym, simulated, board, child, env)
            return counted(gym)

    with ThreadPoolExecutor(2) as pool:
        outcomes = dict(zip(jumps, pool.map(play, jumps), strict=True))
    same = all(rows == outcomes["none"] for rows in outcomes.values())
    return Verdict(
        "wall clock started in 1970" if quick else "wall clock + 1 d, - 1 d, - 365 d, started in 1970",
        f"{', '.join(str(len(rows)) for rows in outcomes.values())} of 4 reps; "
        + ("all numbers identical to the bit" if same else "numbers differ"),
        same and len(outcomes["none"]) == 4,
    )
