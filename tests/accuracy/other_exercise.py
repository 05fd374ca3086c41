"""How often a lifter is asked, wrongly and rightly, whether another exercise is done than the one counted.

python -m tests.accuracy.other_exercise [--seeds N] [--processes N]
"""

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from typing import NamedTuple

import numpy as np

from dashboard.roster.plans import exercises_at
from dashboard.tui.lifter.keypad import Doubt
from edge.counting.pipeline import StationPipeline
from station.exercises import Profile, all_profiles, load_profile
from station.records import Rejected, RepEvent
from station.sim import SimulatedSet, list_scenarios, load_scenario, simulate_station, with_seed
from station.sim.plan import SetPlan, StationPlan
from tests.accuracy.doubt import EXERCISES
from tests.accuracy.score import blocks

BLOCK_S = 0.97  # as often as a node says in health what it has rejected
SETS, REPS = 2, 8


class Asked(NamedTuple):
    """Of one session."""

    counted_as: str
    done: str
    sets: int
    asked: int  # in so many sets, or between two


class Range(NamedTuple):
    """What is known of an athlete's range at the exercise that is counted."""

    plan_m: float | None  # reps are judged by it as well
    record_m: float | None  # the usual one


def asked_in(simulated: SimulatedSet, counted_as: str, known: Range) -> Asked:
    """Count a session as an exercise, and ask as the lifter's screen does."""
    pipeline = StationPipeline(simulated.station, load_profile(counted_as), live_s=0.0)
    pipeline.set_full_range(known.plan_m)
    range_m = known.plan_m or known.record_m
    doubt, newest, rejected, asked = Doubt(), dict[str, RepEvent](), 0, 0
    for block in blocks(simulated, BLOCK_S):
        for event in pipeline.feed(block):
            if isinstance(event, Rejected):
                rejected += 1
            elif isinstance(event, RepEvent):
                newest[event.event_id] = event
        last = max((one.set_number for one in newest.values()), default=None)
        reps = [one.rep for one in newest.values() if one.set_number == last and one.state != "rejected"]
        asked += doubt.arises(last, sorted(reps, key=lambda rep: rep.start_s), rejected, range_m)
    return Asked(counted_as, simulated.exercise, len(simulated.truth["sets"]), asked)


def ranges_of(simulated: SimulatedSet) -> list[Range]:
    """Nobody knows the athlete's range, the record does, a plan does: the median of the counted reps."""
    found = [rep["rom_m"] for one in simulated.truth["sets"] for rep in one["reps"] if rep["counted"]]
    known = [range_m for range_m in found if range_m is not None]
    range_m = float(np.median(known)) if known else None
    return [Range(None, None), Range(None, range_m), Range(range_m, None)]


def of_scenario(name: str, seed: int, station: int) -> list[Asked]:
    """A session of a scenario, counted as what it is, by what is known of the athlete's range."""
    simulated = simulate_station(load_scenario(name).stations[station], with_seed(seed * 1000 + station))
    return [asked_in(simulated, simulated.exercise, known) for known in ranges_of(simulated)]


def of_another(done: str, counted_as: str, seed: int) -> list[Asked]:
    """Sets of one exercise, counted as another, by what is known of the same lifter's range at that."""
    lifted, other = (
        simulate_station(StationPlan(exercise=name, sets=[SetPlan(reps=REPS)] * SETS), with_seed(seed))
        for name in (done, counted_as)
    )
    return [asked_in(lifted, counted_as, known) for known in ranges_of(other)]


def main() -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.accuracy.other_exercise")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    seeds = range(1, args.seeds + 1)
    right = [
        (name, seed, station)
        for name in list_scenarios()
        for seed in seeds
        for station in range(len(load_scenario(name).stations))
    ]
    profiles = all_profiles()
    wrong = [
        (done, counted, seed)
        for done, counted in product(dict.fromkeys(EXERCISES), repeat=2)
        if done != counted and _at_one_station(profiles[done], profiles[counted])
        for seed in seeds
    ]
    with ProcessPoolExecutor(args.processes) as pool:
        as_it_is = list(pool.map(of_scenario, *zip(*right, strict=True), chunksize=4))
        as_another = list(pool.map(of_another, *zip(*wrong, strict=True), chunksize=4))
    print("where nobody knows the athlete's range, where the record does, where a plan does")
    print("wrongly, by scenario:")
    for name in list_scenarios():
        found = [one for (scenario, _, _), one in zip(right, as_it_is, strict=True) if scenario == name]
        if any(one.asked for both in found for one in both):
            print(f"  {name:<24} in {_share(found)}")
    print(f"  all: {_share(as_it_is)}")
    print("rightly, by exercise:")
    for done, counted in dict.fromkeys((done, counted) for done, counted, _ in wrong):
        of_pair = [one for one in as_another if (one[0].done, one[0].counted_as) == (done, counted)]
        print(f"  {done:<20} counted as {counted:<20} in {_share(of_pair)}")
    print(f"  all: {_share(as_another)}")
    return 0


def _at_one_station(one: Profile, other: Profile) -> bool:
    kinds = [exercises_at(kind, {one.name: one, other.name: other}) for kind in ("barbell", "cable")]
    return any(len(found) > 1 for found in kinds)


def _share(found: Sequence[Sequence[Asked]]) -> str:
    shares = []
    for one in zip(*found, strict=True):
        asked, sets = sum(min(each.asked, each.sets) for each in one), sum(each.sets for each in one)
        shares.append(f"{asked:4} of {sets} sets ({100.0 * asked / max(sets, 1):5.1f} %)")
    return ", ".join(shares)


if __name__ == "__main__":
    raise SystemExit(main())
