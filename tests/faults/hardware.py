"""Ports unplugged, boards reset, ticks wrapping, bytes corrupted, clocks jumping, at `plumbline edge`."""

import contextlib
import dataclasses
import os
import pty
import sqlite3
import subprocess
import time
import tty
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from kernels import FrameDecoder
from station.config import Mqtt, Port
from station.exercises import load_profile
from station.sim.board import board_bytes
from station.sim.device import Piece
from station.sim.recording import station_toml
from station.sim.session import SimulatedSet, simulate_set
from tests.faults.disk import shim
from tests.faults.gym import Gym, Verdict

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

    def send(self, data: bytes) -> None:
        """Write as a line does; waits while nobody reads."""
        for start in range(0, len(data), 1000):
            os.write(self._far, data[start : start + 1000])


def edge(gym: Gym, simulated: SimulatedSet, board: Board, env: dict[str, str]) -> "subprocess.Popen[str]":
    """Start `plumbline edge` at a board."""
    mqtt = Mqtt(host="127.0.0.1", port=gym.station_port or gym.broker.port, tls=False)
    ports = [Port(url=str(board.path))]
    station = msgspec.structs.replace(simulated.station, ports=ports, mqtt=mqtt, exercise="rdl")
    path = gym.folder / "sim-1.toml"
    path.write_text(station_toml(station), encoding="utf-8")
    where = ("--station", str(path), "--outbox", str(gym.folder / "edge.outbox"))
    child = gym.run("station.cli", "edge", *where, env=env)
    until(lambda: is_open(child.pid, board), 10.0)
    return child


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
    """Whether a process has the board's port open."""
    return board.terminal in descriptors(pid)


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


def unplugs(quick: bool) -> Verdict:
    """The port is pulled out and put back between reps."""
    times = 4 if quick else 20
    simulated = simulate_set(PROFILE, reps=times + 2, rng=np.random.default_rng(5))
    reps, pieces = simulated.truth["sets"][0]["reps"], pieces_of(simulated)
    back_s, open_files, at = [], [], 0
    with Gym() as gym:
        gym.record()
        board = Board(gym.folder / "board")
        child = edge(gym, simulated, board, {})
        for n in range(times):
            until_s = reps[n]["end_s"] + 0.3
            upto = next(i for i, (at_s, _) in enumerate(pieces) if at_s >= until_s)
            board.send(b"".join(data for _, data in pieces[at:upto]))
            at = upto
            time.sleep(0.3)
            board.unplug()
            time.sleep(0.1)
            board.plug_in()
            back_s.append(until(lambda: is_open(child.pid, board), 5.0))
            open_files.append(len(descriptors(child.pid)))
        board.send(b"".join(data for _, data in pieces[at:]))
        time.sleep(0.5)
        child.terminate()
        child.wait(5.0)
        until(lambda: len(counted(gym)) >= times + 2, 5.0)
        found = len(counted(gym))
    grown = max(open_files) - min(open_files)
    return Verdict(
        f"unplug × {times}",
        f"{found} of {times + 2} reps counted, 0 to be more; back in {max(back_s):.1f} s at worst;"
        f" {grown} descriptors more or less",
        found == times + 2 and max(back_s) <= 2.0 and grown <= 1,
    )


def resets(quick: bool) -> Verdict:
    """The board starts anew while the lifter stands, its tick wraps, and the count stays."""
    times = 2 if quick else 20
    simulated = simulate_set(PROFILE, reps=times + 2, rng=np.random.default_rng(5), approach="none")
    reps = simulated.truth["sets"][0]["reps"]
    at_s = tuple((reps[n]["end_s"] + reps[n + 1]["start_s"]) / 2 for n in range(times))
    pieces = pieces_of(simulated, resets_at_s=at_s, start_us=2**32 - 5_000_000)
    with Gym() as gym:
        gym.record()
        board = Board(gym.folder / "board")
        child = edge(gym, simulated, board, {})
        start_s = (
            time.monotonic()
        )  # only the host's clock can tell how long a reset took: no faster than life
        for sent_s, data in pieces:
            time.sleep(max(0.0, start_s + sent_s - time.monotonic()))
            board.send(data)
        time.sleep(0.5)
        child.terminate()
        child.wait(5.0)
        until(lambda: len(counted(gym)) >= times + 2, 5.0)
        found = len(counted(gym))
    return Verdict(
        f"board reset × {times}, tick wrap", f"{found} of {times + 2} reps counted", found == times + 2
    )


def corrupt(quick: bool) -> Verdict:
    """One byte in a thousand is changed, on the way of 10⁶ frames."""
    simulated = simulate_set(PROFILE, reps=3, rng=np.random.default_rng(5))
    data = np.frombuffer(b"".join(data for _, data in pieces_of(simulated)), dtype=np.uint8)
    clean = FrameDecoder()
    whole = clean.feed(data.tobytes())
    first = np.concatenate(([0], np.cumsum(whole.samples)))
    known = {
        (int(whole.t_us[i]), whole.counts[first[i] : first[i + 1]].tobytes()) for i in range(len(whole.t_us))
    }
    rng, wanted = np.random.default_rng(1), 50_000 if quick else 1_000_000
    sent = accepted = wrong = 0
    while sent < wanted:
        noisy = data.copy()
        hit = rng.random(len(noisy)) < 1e-3
        noisy[hit] ^= rng.integers(1, 256, int(hit.sum()), dtype=np.uint8)
        frames = FrameDecoder().feed(noisy.tobytes())
        first = np.concatenate(([0], np.cumsum(frames.samples)))
        values = frames.counts.tobytes()
        for i, t_us in enumerate(frames.t_us.tolist()):
            wrong += (t_us, values[8 * first[i] : 8 * first[i + 1]]) not in known
        sent += clean.frames
        accepted += len(frames.t_us)
    return Verdict(
        f"bytes corrupted at 10⁻³, {sent} frames", f"{accepted} accepted, {wrong} of them wrong", wrong == 0
    )


def wall_clock(quick: bool) -> Verdict:
    """The wall clock jumps a day either way and a year back, and starts in 1970; the same set is played."""
    simulated = simulate_set(PROFILE, reps=4, rng=np.random.default_rng(5))
    pieces = pieces_of(simulated)
    now_s = int(time.time())
    jumps = {"none": [0], "day": [86_400, -86_400], "year": [-365 * 86_400], "1970": [-now_s]}
    outcomes: dict[str, list[tuple[float, ...]]] = {}
    for name, steps in jumps.items():
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
                time.sleep(0.3)
                clock.write_text(str(steps[part % len(steps)]))
            child.terminate()
            child.wait(5.0)
            until(lambda: len(counted(gym)) >= 4, 5.0)
            outcomes[name] = counted(gym)
    same = all(rows == outcomes["none"] for rows in outcomes.values())
    return Verdict(
        "wall clock + 1 d, - 1 d, - 365 d, started in 1970",
        f"{', '.join(str(len(rows)) for rows in outcomes.values())} of 4 reps; "
        + ("all numbers identical to the bit" if same else "numbers differ"),
        same and len(outcomes["none"]) == 4,
    )
