"""Four simulated stations on pseudo-terminals, in real time, for ever: what `plumbline demo` listens to."""

import heapq
import os
import signal
import termios
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from station.config import Geometry, Mqtt, Port, StationFile
from station.errors import SourceError
from station.exercises import Profile, load_profile
from station.sim.board import announce, counts
from station.sim.body import Lifter, Technique
from station.sim.device import Piece, SimulatedBoard
from station.sim.recording import station_toml
from station.sim.sensors import Sensors
from station.sim.session import simulate_set

REST_S = 15.0  # longer than any profile's set_gap_s, so that the sets are seen as sets
TECHNIQUES = (  # a set each, in turn: mostly clean, so that a fault stands out
    Technique(),
    Technique(),
    Technique(rush=0.55),
    Technique(),
    Technique(drift_deg=7.0),
    Technique(lockout_deg=6.0),
)


class DemoStation(NamedTuple):
    """One of the demo's stations: who does what on it, seen by which sensors."""

    id: str
    exercise: str
    sensors: Sensors
    geometry: Geometry
    lifter: Lifter
    load_kg: float


STATIONS = (
    DemoStation(
        "rack-1",
        "romanian-deadlift",
        Sensors(tilt_hz=100.0),
        Geometry(lpt_anchor_m=(0.05, 0.0)),
        Lifter(stature_m=1.72, mass_kg=68.0, fatigue=0.15),
        60.0,
    ),
    DemoStation(
        "rack-2",
        "back-squat",
        Sensors(second_tether=True),
        Geometry(lpt_anchor_m=(0.02, 0.0), lpt_2_anchor_m=(-0.6, 0.0)),
        Lifter(stature_m=1.84, mass_kg=86.0, speed_mps=0.55, eccentric_mps=0.3, fatigue=0.35),
        90.0,
    ),
    DemoStation(
        "cable-1",
        "cable-pull-through",
        Sensors(pulley_hz=80.0),
        Geometry(travel_ratio=2.0, pulley_efficiency=0.97),
        Lifter(stature_m=1.66, mass_kg=61.0, fatigue=0.1),
        40.0,
    ),
    DemoStation(
        "cable-2",
        "cable-row",
        Sensors(pulley_hz=80.0),
        Geometry(travel_ratio=1.0, pulley_efficiency=0.97),
        Lifter(stature_m=1.78, mass_kg=80.0, speed_mps=0.6, eccentric_mps=0.3, fatigue=0.3),
        45.0,
    ),
)


def endless(station: DemoStation, rng: np.random.Generator, first_in_s: float) -> Iterator[Piece]:
    """The bytes of a station's board for ever, with the second at which each piece leaves it.

    The first set begins within `first_in_s`, the lifter already in position.
    """
    profile = load_profile(station.exercise)
    board: SimulatedBoard | None = None
    offset_s, number = first_in_s, 0
    while True:
        simulated = simulate_set(
            profile,
            reps=int(rng.integers(5, 9)),
            rng=rng,
            lifter=station.lifter,
            technique=TECHNIQUES[(number + len(station.id + station.exercise)) % len(TECHNIQUES)],
            sensors=station.sensors,
            geometry=station.geometry,
            load_kg=station.load_kg,
            approach="usual" if number else "none",
            after_s=REST_S,
        )
        channels = announce(simulated.recording, station.sensors)
        board = board or SimulatedBoard(
            channels,
            rng=rng,
            name=f"simulated {station.id}",
            drift_ppm=float(rng.uniform(-60.0, 60.0)),
            start_us=int(rng.integers(2**32)),
        )
        yield from board.send(counts(simulated.recording, channels, offset_s))
        offset_s += float(simulated.motion.time_s[-1])
        number += 1


def station_file(station: DemoStation, tty_path: Path, mqtt: Mqtt | None) -> StationFile:
    """The station file of one of the demo's stations."""
    profile: Profile = load_profile(station.exercise)
    once = simulate_set(
        profile,
        reps=1,
        rng=np.random.default_rng(0),
        lifter=station.lifter,
        sensors=station.sensors,
        geometry=station.geometry,
        load_kg=station.load_kg,
        station_id=station.id,
    )
    return replace(once.station, ports=[Port(url=str(tty_path))], mqtt=mqtt)


class Terminals:
    """A pseudo-terminal per station with a link to it; nobody has to read them."""

    def __init__(self, links: list[Path]) -> None:
        """Open one pty per link and point the link at it. Raises SourceError when that is not possible."""
        self._links = links
        self._ends: list[tuple[int, int]] = []
        for link in links:
            try:
                ours, theirs = os.openpty()
                # Kept open: a pty whose last reader leaves would hang up on us.
                self._ends.append((ours, theirs))
                tty.setraw(theirs)
                os.set_blocking(ours, False)
                link.unlink(missing_ok=True)
                link.symlink_to(os.ttyname(theirs))
            except OSError as error:
                self.close()
                raise SourceError(
                    f"{link}: no pseudo-terminal can be opened here ({error.strerror})"
                ) from error

    def write(self, index: int, data: bytes) -> None:
        """Send what fits. When nobody reads, the oldest bytes go, as in a serial adapter; seq shows it."""
        ours, theirs = self._ends[index]
        try:
            if os.write(ours, data) < len(data):
                termios.tcflush(theirs, termios.TCIFLUSH)
        except BlockingIOError:
            termios.tcflush(theirs, termios.TCIFLUSH)

    def close(self) -> None:
        """Remove the links and close the terminals."""
        for link in self._links:
            link.unlink(missing_ok=True)
        for ours, theirs in self._ends:
            os.close(ours)
            os.close(theirs)
        self._ends = []


def run_demo(folder: Path, mqtt: Mqtt | None, seed: int) -> int:
    """Write the station files into `folder`, open the ports, print `ready`, and send until told to stop."""
    folder.mkdir(parents=True, exist_ok=True)
    links = [folder.resolve() / f"{station.id}.tty" for station in STATIONS]
    for station, link in zip(STATIONS, links, strict=True):
        text = station_toml(station_file(station, link, mqtt))
        (folder / f"{station.id}.toml").write_text(text, encoding="utf-8")
    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda signum, _frame: stopped.append(signum))
    terminals = Terminals(links)
    try:
        print("ready", flush=True)
        _send(terminals, seed, os.getppid(), stopped)
    finally:
        terminals.close()
    return 0


def _send(terminals: Terminals, seed: int, parent: int, stopped: list[int]) -> None:
    """Send every piece when it is due, until a signal comes or the parent is gone."""
    seeds = np.random.SeedSequence(seed).spawn(len(STATIONS))
    streams = [
        endless(station, np.random.Generator(np.random.PCG64(own)), 0.7 * index)
        for index, (station, own) in enumerate(zip(STATIONS, seeds, strict=True))
    ]
    due = [(*next(stream), index) for index, stream in enumerate(streams)]
    heapq.heapify(due)
    started = time.monotonic()
    while not stopped and os.getppid() == parent:
        at_s, data, index = due[0]
        wait_s = started + at_s - time.monotonic()
        if wait_s > 0.0:
            time.sleep(min(wait_s, 0.1))
            continue
        terminals.write(index, data)
        heapq.heapreplace(due, (*next(streams[index]), index))
