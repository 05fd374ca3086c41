"""Whether `confidence` keeps its word: sessions full of what looks like a rep, and how often it was right.

python -m tests.accuracy.doubt [--sessions N]        ten bins, of sessions that nothing was fitted to
python -m tests.accuracy.doubt --fit [--sessions N]  the numbers of edge.counting.confidence, from others
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from statistics import median
from typing import Any

import msgspec
import numpy as np

from edge.counting.confidence import Evidence, gather
from edge.counting.judging import stroke_of
from station.exercises import Profile, load_profile
from station.records import RepEvent
from station.sets import PARTIAL_SHARE
from station.sim import simulate_station, with_seed
from station.sim.devices.sensors import random_sensors
from station.sim.lifter.body import Technique
from station.sim.plan import SetPlan, StationPlan
from station.sim.session import default_sensors
from tests.accuracy.score import BEYOND, SAME_REP_S, run_pipeline

EXERCISES = (
    "romanian-deadlift", "back-squat", "bench-press", "good-morning", "cable-pull-through",
    "broomstick-hinge", "banded-hinge", "deadlift", "deadlift", "cable-row", "cable-row",
)  # fmt: skip
FIRST_HELD_OUT = 100_000  # seeds from here on are never fitted to
BINS = 10
BIN_MATTERS = 100  # reps in a bin
MISJUDGED = 0.05  # said against true, in a bin that matters

Judged = tuple[float, bool]  # confidence said, and whether the judgement was right


def draw_plan(seed: int) -> StationPlan:
    """A session of sets with every fault of technique, and of what is done with a load that is no rep."""
    rng = np.random.default_rng([seed, 77])
    profile = load_profile(EXERCISES[int(rng.integers(len(EXERCISES)))])
    sensors = random_sensors(profile.load, rng) if rng.uniform() < 0.4 else default_sensors(profile)
    if rng.uniform() < 0.25:
        bumps = {"bumps_per_min": rng.uniform(0.5, 3.0), "bumps_in_set": rng.uniform() < 0.5}
        sensors = msgspec.structs.replace(sensors, **bumps)
    slow = {"lifter": {"speed_mps": float(rng.uniform(0.15, 0.35))}} if rng.uniform() < 0.4 else {}
    return StationPlan(
        exercise=profile.name,
        sets=[_draw_set(profile, rng) for _ in range(int(rng.integers(2, 5)))],
        lifters=slow,
        sensors=sensors,
        after_s=float(rng.uniform(0.5, 16.0)),
    )


def _draw_set(profile: Profile, rng: np.random.Generator) -> SetPlan:
    def now_and_then(share: float) -> bool:
        return bool(rng.uniform() < share)

    def draw(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    below = profile.starts_with == "concentric"
    ground = profile.load == "mass"
    reps = int(rng.choice([1, 1, 1, 2, 3, 4, 5, 6, 8]))
    faults: dict[str, Any] = {
        "hitch_m": draw(0.005, 0.04) * now_and_then(0.15),
        "stall_s": draw(0.2, 2.0) * now_and_then(0.15),
        "bounce_m": draw(0.01, 0.05) * now_and_then(0.15),
        "rush": draw(0.4, 0.9) if now_and_then(0.1) else 1.0,
        "shrink": draw(0.1, 0.5) * now_and_then(0.15),
        "failed_last": now_and_then(0.07) and not below,
        "drop_last": now_and_then(0.12) and below,
    }
    partial = reps > 2 and now_and_then(0.25)
    if partial:
        short = rng.choice(np.arange(1, reps + 1), size=int(rng.integers(1, 3)), replace=False)
        faults |= {"partial_reps": tuple(int(k) for k in short), "partial_share": draw(0.35, 0.75)}
    tempo = (draw(0.5, 4.0), draw(0.0, 5.0), draw(0.5, 3.5), draw(0.0, 3.0))
    kept = tuple(seconds if now_and_then(0.55) else None for seconds in tempo)
    return SetPlan(
        reps=reps,
        technique=Technique(**faults),
        # What is short and slow as well is slower than v0, and by definition no movement.
        tempo=(kept[0], kept[1], kept[2], kept[3]) if now_and_then(0.3) and not partial else None,
        free_tempo=now_and_then(0.3),
        approach="floor" if ground and now_and_then(0.15) else "usual",
        leave="floor" if ground and now_and_then(0.15) else "usual",
        rest_s=draw(18.0, 40.0),
        fidget=now_and_then(0.2),
        top_sway_m=draw(0.002, 0.01) * now_and_then(0.1),
        dead_stop=now_and_then(0.1) and not below,
        handled=int(rng.choice([0, 0, 0, 1, 2])),
        quick_pull=now_and_then(0.15),
    )


def judge_session(seed: int) -> tuple[list[tuple[RepEvent, bool]], Profile]:
    """Every rep that stands at the end of a session, and whether it was judged as the truth has it."""
    simulated = simulate_station(draw_plan(seed), with_seed(seed))
    found, _, _ = run_pipeline(simulated, block_s=5.0)
    lockouts = {
        truth["concentric_end_s"]: truth["counted"]
        for a_set in simulated.truth["sets"]
        for truth in a_set["reps"]
    }
    judged = []
    for event in found:
        end_s = event.rep.concentric_end_s or event.rep.end_s
        nearest_s = min(lockouts, key=lambda at_s: abs(at_s - end_s), default=np.inf)
        true = abs(nearest_s - end_s) <= SAME_REP_S and lockouts.pop(nearest_s)
        judged.append((event, true == event.rep.counted))
    return judged, load_profile(simulated.exercise)


def said_and_true(seed: int) -> list[Judged]:
    """What was said of every rep of a session, and whether it was so."""
    judged, _ = judge_session(seed)
    return [(event.rep.confidence, right) for event, right in judged if event.rep.confidence is not None]


def observed(seed: int) -> list[tuple[Evidence, bool]]:
    """What spoke against every rep of a session, and whether it was judged rightly; none on tension alone."""
    judged, profile = judge_session(seed)
    if profile.load == "band":
        return []
    seen: list[tuple[Evidence, bool]] = []
    for number in {event.set_number for event, _ in judged}:
        own = sorted(
            (pair for pair in judged if pair[0].set_number == number), key=lambda one: one[0].rep.start_s
        )
        if any(event.rep.rom_m is None for event, _ in own):
            continue  # a range that nobody knows is no evidence
        strokes = [stroke_of(event.rep, event.rep.rom_m or 0.0, profile) for event, _ in own]
        least = max(profile.min_rom_m, PARTIAL_SHARE * median(stroke.size for stroke in strokes))
        seen += [(evidence, right) for evidence, (_, right) in zip(gather(strokes, least), own, strict=True)]
    return seen


def bins(pairs: Sequence[Judged]) -> list[str]:
    """Said against true in ten bins."""
    said, true = np.array(pairs, dtype=float).T
    doubtful = said < 0.8
    lines = [
        f"confidence: {said.size} reps of sessions with much that looks like one; of those judged wrongly "
        f"{100 * doubtful[true == 0].mean():.0f} % are shown as doubtful, of the others "
        f"{100 * doubtful[true == 1].mean():.1f} %"
    ]
    place = np.minimum((said * BINS).astype(int), BINS - 1)
    for k in range(BINS):
        own = place == k
        if own.any():
            off = abs(said[own].mean() - true[own].mean())
            note = "" if own.sum() < BIN_MATTERS else BEYOND if off > MISJUDGED else "  within"
            lines.append(
                f"  {k / BINS:.1f} to {(k + 1) / BINS:.1f}  n {own.sum():>6}  said {said[own].mean():.3f}"
                f"  true {true[own].mean():.3f}{note}"
            )
    return lines


def fit(seen: Sequence[tuple[Evidence, bool]]) -> str:
    """The numbers of the map in edge.counting.confidence, as they stand there."""
    right = np.array([right for _, right in seen], dtype=float)
    odds, border, short = np.array([one for one, _ in seen], dtype=float).T
    columns = [np.ones_like(odds), (1.0 - short) * odds, border, short]
    shift, slope, at_border, too_short = _logistic(np.column_stack(columns), right)
    numbers = (shift, slope, at_border, shift + too_short)
    return "SHIFT, SLOPE, BORDER, TOO_SHORT = " + ", ".join(f"{number:.2f}" for number in numbers)


def _logistic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The weights of the columns of x, by Newton's method with a ridge that only keeps it in bounds."""
    ridge = 0.01 * np.eye(x.shape[1])
    weights = np.zeros(x.shape[1])
    for _ in range(30):
        p = 1.0 / (1.0 + np.exp(-x @ weights))
        curve = (x * (p * (1.0 - p))[:, None]).T @ x + ridge
        weights += np.linalg.solve(curve, x.T @ (y - p) - ridge @ weights)
    return weights


def check(sessions: int, processes: int) -> list[str]:
    """The ten bins on sessions that nothing was fitted to."""
    with ProcessPoolExecutor(processes) as pool:
        seeds = range(FIRST_HELD_OUT, FIRST_HELD_OUT + sessions)
        return bins([pair for some in pool.map(said_and_true, seeds, chunksize=8) for pair in some])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.accuracy.doubt")
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--fit", action="store_true", help="print the map instead")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    if not args.fit:
        print("\n".join(check(args.sessions, args.processes)))
        return 0
    with ProcessPoolExecutor(args.processes) as pool:
        parts = pool.map(observed, range(1, args.sessions + 1), chunksize=8)
        print(fit([pair for part in parts for pair in part]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
