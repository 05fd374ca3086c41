"""What to simulate, as data: stations, lifters, sets, sensors and their faults. A scenario is a TOML."""

import difflib
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from station.config import Geometry, decode_toml
from station.errors import ConfigError
from station.exercises import load_profile
from station.sim.devices.device import LineFaults
from station.sim.devices.sensors import Sensors
from station.sim.lifter.body import Lifter, Technique, random_lifter

SCENARIOS = Path(__file__).parent / "scenarios"

Way = Literal[
    "usual", "floor", "none"
]  # rack, stack or floor as the exercise has it; from the floor; in position
Seconds = float | None


class SetPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One set and how the lifter comes and goes. `repeat` such sets follow each other."""

    reps: int = 8
    repeat: int = 1
    who: str = "lifter"  # the same name is the same lifter
    load_kg: float | None = None  # None: drawn, and kept until another set says otherwise
    technique: Technique = Technique()
    tempo: tuple[Seconds, Seconds, Seconds, Seconds] | None = (
        None  # instead of the profile's; None: as it comes
    )
    free_tempo: bool = False  # the lifter's own, whatever the profile prescribes
    approach: Way = "usual"
    leave: Way = "usual"
    rest_s: float = 20.0  # before the set; the first set starts at once
    fidget: bool = False  # adjusts grip and stance under the load before the first rep
    top_sway_m: float = 0.0  # swaying in the top pauses, standard deviation
    dead_stop: bool = False  # the load rests on floor or pins at the bottom
    handled: int = 0  # times the load is moved, rested and moved back before the set, and no rep is meant
    quick_pull: bool = False  # one movement several times as fast, some seconds before the set


class Setup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the real station differs from its station file, and what the file does not know."""

    anchor_moved_m: tuple[float, float] = (0.0, 0.0)  # the unit was kicked after the survey
    travel_ratio: float | None = None  # None: as the file says
    pulley_efficiency: float | None = None
    sheaves: int = 3
    close_m: float = 0.0  # cable: the lifter stands this much too close, so that the stack touches down


class StationPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One station's session."""

    exercise: str
    sets: list[SetPlan] = msgspec.field(default_factory=lambda: [SetPlan()])
    id: str = "sim-1"
    lifters: dict[str, dict[str, float]] = {}  # what is known of each; the rest is drawn
    sensors: Sensors | None = None  # None: usual for the exercise
    any_sensors: bool = False  # drawn from what stations have; `sensors` is not looked at then
    geometry: Geometry | None = None  # None: drawn
    setup: Setup = Setup()
    after_s: float = 0.5  # nothing happens at the end
    line: LineFaults = LineFaults()  # of the serial line, in captures and on terminals
    resets_at_s: tuple[float, ...] = ()  # of the board
    start_us: int | None = None  # the board's tick at the start; None: drawn


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A scenario file."""

    about: str
    stations: list[StationPlan]
    seed: int = 1


def load_scenario(name: str) -> Scenario:
    """A shipped scenario by name, or a file. Raises ConfigError naming the key or the nearest."""
    path = Path(name)
    if path.suffix != ".toml":
        shipped = list_scenarios()
        if name not in shipped:
            near = difflib.get_close_matches(name, shipped, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]}? " if near else ""
            raise ConfigError(
                f"no scenario {name!r}; {hint}plumbline simulate --list shows them, or give a .toml"
            )
        path = shipped[name]
    scenario = decode_toml(path, Scenario)
    for station in scenario.stations:
        _check(path, station)
    return scenario


def list_scenarios() -> dict[str, Path]:
    """The shipped scenarios by name."""
    return {path.stem: path for path in sorted(SCENARIOS.glob("*.toml"))}


def _check(path: Path, station: StationPlan) -> None:
    load_profile(station.exercise)
    known_keys = ", ".join(Lifter.__struct_fields__)
    for who, known in station.lifters.items():
        for key in known:
            if key not in Lifter.__struct_fields__:
                raise ConfigError(f"{path}: unknown key lifters.{who}.{key}; valid are {known_keys}")
    for plan in station.sets:
        if plan.reps < 0 or plan.repeat < 1 or plan.rest_s < 0:
            raise ConfigError(f"{path}: a set has reps >= 0, repeat >= 1 and rest_s >= 0, got {plan}")


def meet(who: str, station: StationPlan, rng: np.random.Generator) -> Lifter:
    """The lifter of that name: what the plan says of them, and the rest drawn."""
    return msgspec.structs.replace(random_lifter(rng), **station.lifters.get(who, {}))
