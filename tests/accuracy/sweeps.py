"""What is asked of single numbers over many cases: creeps, quick lowerings, loads, heels and pins."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from itertools import product
from typing import NamedTuple

import msgspec
import numpy as np

from kernels import CHANNELS, Measured, RepCounter
from station.exercises import load_profile
from station.records import Rep
from station.sim import SetPlan, StationPlan, simulate_station, with_seed
from station.sim.devices.sensors import Signal
from station.sim.session import SimulatedSet, default_sensors
from station.weighing import of_set, other_than
from tests.accuracy.score import BEYOND, SAME_REP_S, run_pipeline

RATE_HZ = 200.0
ROM_M = 0.5
PEAK = 1.875  # of the mean speed, in a reach of least jerk (Flash & Hogan 1985)
CREEP_SHARE = 14.0  # a faster creep is part of so slow a lift
PLATE_KG = 5.0
CELL_SCALE = 0.005  # standard uncertainty of a calibrated cell
# Sets. None falsely said in 3000 is at most one in a thousand, at 95 % (the rule of three).
DEADLIFTS, STACKS, PLATFORMS = 200, 3000, 300
TIMES = ("eccentric_s", "bottom_pause_s", "concentric_s", "top_pause_s")


def creeping_lifts(lift_s: float, creep_s: float = 0.0, creep_mps: float = 0.0) -> np.ndarray:
    """Three deadlifts of least jerk, each begun by a creep, at 200 Hz: metres, float64, shape (n,)."""
    reach = np.linspace(0.0, 1.0, round(lift_s * RATE_HZ) + 1)
    speed = ROM_M / lift_s * 30.0 * reach**2 * (1.0 - reach) ** 2
    ahead = np.full(round(creep_s * RATE_HZ), creep_mps)
    rise = 0.02 * RATE_HZ  # 20 ms to get under way
    ahead *= np.clip(np.arange(ahead.size) / rise, 0.0, 1.0)
    fast = int(np.argmax(speed))
    speed[:fast] = np.maximum(speed[:fast], creep_mps if ahead.size else 0.0)
    up = np.concatenate((ahead, speed))
    lower = np.linspace(0.0, 1.0, round(1.5 * RATE_HZ) + 1)
    down = -up.sum() * 30.0 * lower**2 * (1.0 - lower) ** 2
    down *= up.sum() / -down.sum()
    hold = np.zeros(round(0.9 * RATE_HZ))
    rest = np.zeros(round(2.0 * RATE_HZ))
    rep = np.concatenate((hold, up, hold, down))
    return 0.2 + np.cumsum(np.concatenate((rest, rep, rep, rep, rest))) / RATE_HZ


def velocities(place_m: np.ndarray) -> list[float]:
    """Mean concentric velocities of what a counter finds."""
    counter = RepCounter("travel", concentric_first=True, free_weight=True, min_range=0.1)
    time_s = np.arange(place_m.size) / RATE_HZ
    found = counter.push(CHANNELS.index("position_m"), time_s, place_m) + counter.finish()
    reps = [one for one in found if isinstance(one, Measured) and one.kind == "complete"]
    return [rep.mean_concentric_velocity_mps for rep in reps]


def creeps() -> tuple[int, float]:
    """How many cases, and by how much of itself a creep before the lift moves the mean velocity at most."""
    moved = []
    for lift_s in (0.6, 0.8, 1.0, 1.4, 2.0, 2.5):
        plain = np.array(velocities(creeping_lifts(lift_s)))
        for creep_s, creep_mps in product((0.1, 0.2, 0.5, 1.0), (0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08)):
            if PEAK * ROM_M / lift_s >= CREEP_SHARE * creep_mps:
                crept = np.array(velocities(creeping_lifts(lift_s, creep_s, creep_mps)))
                assert crept.shape == plain.shape == (3,)
                moved.append(float(np.abs(crept / plain - 1.0).max()))
    return len(moved), max(moved)


class Lowered(NamedTuple):
    """Of one set of deadlifts: reps that were lowered, those without an eccentric, negative times."""

    reps: int
    nulls: int
    negative: int


def lowered(seed: int) -> Lowered:
    """A set, each rep lowered in 0.4 to 1.5 s and rested on the floor."""
    rng = np.random.default_rng([seed, 5])
    tempo = (float(rng.uniform(0.4, 1.5)), float(rng.uniform(0.4, 1.5)), None, None)
    plan = StationPlan(exercise="deadlift", sets=[SetPlan(reps=5, tempo=tempo)])
    simulated = simulate_station(plan, with_seed(seed))
    pairs = _matched(simulated)
    true = [truth for a_set in simulated.truth["sets"] for truth in a_set["reps"]]
    nulls = sum(rep.eccentric_s is None for rep, truth in pairs if truth["eccentric_s"] is not None)
    times = [getattr(rep, key) for rep, _ in pairs for key in TIMES]
    return Lowered(
        len(true), nulls + len(true) - len(pairs), sum(one < 0.0 for one in times if one is not None)
    )


class Pinned(NamedTuple):
    """Of one set on a stack: the share that the load is off by, and whether a pin was said to be wrong."""

    load_off: float | None
    found: bool  # the entered plate was the next one
    falsely: bool  # and where it was the right one


def pinned(seed: int) -> Pinned:
    """A set on a stack whose cell is as well calibrated as cells are; pins are judged at the second rep."""
    rng = np.random.default_rng([seed, 6])
    kg = PLATE_KG * int(rng.integers(3, 17))
    exercise = str(rng.choice(["cable-pull-through", "cable-row"]))
    plan = StationPlan(exercise=exercise, sets=[SetPlan(reps=2, load_kg=kg)])
    simulated = simulate_station(plan, with_seed(seed))
    _scale_cells(simulated, rng)
    reps = [rep for rep, _ in _matched(simulated)]
    plates = [PLATE_KG * n for n in range(1, 21)]
    wrong_kg = kg + float(rng.choice([-PLATE_KG, PLATE_KG]))
    weighed = of_set(reps)
    return Pinned(
        weighed and weighed.kg / kg - 1.0,
        other_than(wrong_kg, reps, plates) == kg,
        other_than(kg, reps, plates) is not None,
    )


class Stood(NamedTuple):
    """Of one set on a platform: points that the share on the heels is off by, and share of the load."""

    heels_off: list[float]
    load_off: float | None


def stood(seed: int) -> Stood:
    """A set of a barbell exercise on a platform, with or without a cell at the bar."""
    rng = np.random.default_rng([seed, 7])
    exercise = str(rng.choice(["romanian-deadlift", "back-squat", "good-morning", "deadlift"]))
    sensors = msgspec.structs.replace(
        default_sensors(load_profile(exercise)),
        platform_hz=float(rng.choice([10.0, 80.0])),
        force_hz=80.0 if rng.uniform() < 0.5 else None,
    )
    plan = StationPlan(exercise=exercise, sets=[SetPlan(reps=4)], sensors=sensors)
    simulated = simulate_station(plan, with_seed(seed))
    _scale_cells(simulated, rng)
    pairs = _matched(simulated)
    heels = [
        rep.heel_pct - truth["heel_pct"]
        for rep, truth in pairs
        if rep.heel_pct is not None and truth["heel_pct"] is not None
    ]
    weighed = of_set(rep for rep, _ in pairs)
    return Stood(
        heels, weighed and weighed.kg / simulated.truth["sets"][0]["reps"][0]["load_measured_kg"] - 1.0
    )


def _scale_cells(simulated: SimulatedSet, rng: np.random.Generator) -> None:
    """Cells err by a scale that they have in common: they were calibrated with one weight."""
    scale = 1.0 + CELL_SCALE * float(rng.normal())
    for name, (time_s, value) in list(simulated.recording.items()):
        if name.endswith("_n"):
            simulated.recording[name] = Signal(time_s, value * scale)


def _matched(simulated: SimulatedSet) -> list[tuple[Rep, dict]]:
    """The reps found with their truths, in the order of the truth."""
    found, _, _ = run_pipeline(simulated, block_s=5.0)
    pairs = []
    for a_set in simulated.truth["sets"]:
        for truth in a_set["reps"]:
            near = [one.rep for one in found if _apart_s(one.rep, truth) <= SAME_REP_S]
            pairs += [(min(near, key=lambda rep: _apart_s(rep, truth)), truth)] if near else []
    return pairs


def _apart_s(rep: Rep, truth: dict) -> float:
    return abs((rep.concentric_end_s or rep.end_s) - truth["concentric_end_s"])


def _over(pool: Executor, draw: Callable, count: int, first: int) -> Sequence:
    return list(pool.map(draw, range(first, first + count), chunksize=8))


def check(pool: Executor, share: float = 1.0) -> list[str]:
    """The rows, each with what is asked of it; `share`: of the sets that show it."""
    deadlifts, stacks, platforms = (max(2, round(share * count)) for count in (DEADLIFTS, STACKS, PLATFORMS))
    cases, most = creeps()
    moved = f"moves MCV by {100 * most:.2f} % at most, of {cases} cases"
    rows = [("creep before a lift", moved, "1 %", most <= 0.01)]
    sets = _over(pool, lowered, deadlifts, 1)
    reps, nulls, negative = (sum(column) for column in zip(*sets, strict=True))
    missing = f"{nulls} of {reps} dead-stop deadlifts without an eccentric, {negative} negative durations"
    rows.append(("lowered in 0.4-1.5 s", missing, "0, 0", not nulls and not negative))
    pins = _over(pool, pinned, stacks, 20_001)
    found, falsely = (float(np.mean(column)) for column in list(zip(*pins, strict=True))[1:])
    said = f"found {100 * found:.2f} %, falsely said {round(falsely * len(pins))} of {len(pins)} sets"
    rows.append(("pin one plate off", said, "99 %, 0.1 %", found >= 0.99 and falsely <= 0.001))
    stands = _over(pool, stood, platforms, 40_001)
    heels = np.abs([off for one in stands for off in one.heels_off])
    points = f"{np.percentile(heels, 95):.2f} points in 95 %, {heels.max():.2f} at most, of {heels.size} reps"
    rows.append(("heel_pct", f"off by {points}", "2 points", heels.max() <= 2.0))
    for name, every in (("stack", pins), ("bar", stands)):
        off = np.abs([one.load_off for one in every if one.load_off is not None])
        late, of = np.percentile(off, 95), f"{off.size} of {len(every)} sets"
        figure = f"off by {100 * late:.2f} % in 95 %, {100 * off.max():.2f} % at most, of {of}"
        rows.append((f"load of a {name}", figure, "2 % in 95 %", late <= 0.02))
    return [
        f"{name:<22} {figure}  (asked: {asked}){'' if well else BEYOND}" for name, figure, asked, well in rows
    ]
