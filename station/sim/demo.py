"""Four simulated stations on pseudo-terminals, in real time, for ever: what `plumbline demo` listens to."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from msgspec.structs import replace

from station.config import Geometry, Mqtt, Port, StationFile
from station.exercises import load_profile
from station.sim.devices.board import announce, counts
from station.sim.devices.device import Piece, SimulatedBoard
from station.sim.devices.sensors import Sensors, Signal
from station.sim.lifter.body import Lifter, Technique
from station.sim.play import Terminals, play
from station.sim.recording import station_toml
from station.sim.session import SimulatedSet, simulate_set

REST_S = 15.0  # longer than any profile's set_gap_s, so that the sets are seen as sets
CARRY_S = 2.0  # from where one set's bar was put to where the next one's is taken
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

    def simulate(self, rng: np.random.Generator, **how: Any) -> SimulatedSet:
        """A set on it; see simulate_set."""
        return simulate_set(
            load_profile(self.exercise),
            rng=rng,
            lifter=self.lifter,
            sensors=self.sensors,
            geometry=self.geometry,
            load_kg=self.load_kg,
            station_id=self.id,
            **how,
        )


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

    The lifter stands ready from the start and begins after `first_in_s`.
    """
    board: SimulatedBoard | None = None
    before: dict[str, Signal] | None = None
    offset_s, number = 0.0, -1
    while True:
        waiting = number < 0
        simulated = station.simulate(
            rng,
            reps=0 if waiting else int(rng.integers(5, 9)),
            technique=TECHNIQUES[(number + len(station.id + station.exercise)) % len(TECHNIQUES)],
            approach="none" if number < 1 else "usual",
            leave="none" if waiting else "usual",
            rest_s=first_in_s,
            after_s=0.1 if waiting else REST_S,
        )
        recording = simulated.recording
        if before is not None:
            recording = carried_over(before, recording)
            offset_s += CARRY_S
        before = recording
        channels = announce(recording, station.sensors)
        board = board or SimulatedBoard(
            channels,
            rng=rng,
            name=f"simulated {station.id}",
            drift_ppm=float(rng.uniform(-60.0, 60.0)),
            start_us=int(rng.integers(2**32)),
        )
        yield from board.send(counts(recording, channels, offset_s))
        offset_s += float(simulated.motion.time_s[-1])
        number += 1


def carried_over(before: dict[str, Signal], after: dict[str, Signal]) -> dict[str, Signal]:
    """The recording `after`, begun by bringing every sensor from where `before` left it: no bar jumps."""
    recording = {}
    for name, (time_s, value) in after.items():
        step_s = float(np.median(np.diff(time_s)))
        lead_s = np.arange(float(time_s[0]) - CARRY_S + step_s, float(time_s[0]), step_s)
        share = np.linspace(0.0, 1.0, len(lead_s) + 1, endpoint=False)[1:]
        eased = share**3 * (10.0 - 15.0 * share + 6.0 * share**2)
        start, end = (values[~np.isnan(values)] for values in (before[name].value, value))
        lead = start[-1] + (end[0] - start[-1]) * eased
        recording[name] = Signal(np.concatenate([lead_s, time_s]), np.concatenate([lead, value]))
    return recording


def station_file(station: DemoStation, tty_path: Path, mqtt: Mqtt | None) -> StationFile:
    """The station file of one of the demo's stations."""
    once = station.simulate(np.random.default_rng(0), reps=1)
    return replace(once.station, ports=[Port(url=str(tty_path))], mqtt=mqtt)


def run_demo(folder: Path, mqtt: Mqtt | None, seed: int) -> int:
    """Write the station files into `folder`, open the ports, print `ready`, and send until told to stop."""
    folder.mkdir(parents=True, exist_ok=True)
    links = [folder.resolve() / f"{station.id}.tty" for station in STATIONS]
    for station, link in zip(STATIONS, links, strict=True):
        text = station_toml(station_file(station, link, mqtt))
        (folder / f"{station.id}.toml").write_text(text, encoding="utf-8")
    seeds = np.random.SeedSequence(seed).spawn(len(STATIONS))
    streams = [
        endless(station, np.random.Generator(np.random.PCG64(own)), 0.1 + 0.7 * index)
        for index, (station, own) in enumerate(zip(STATIONS, seeds, strict=True))
    ]
    return play(streams, Terminals(links), speed=1.0)
