"""Who of a squad has done most of one exercise: each athlete's best of some weeks, the best first. Pure."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Literal

import msgspec

from dashboard.floor.times import day_of, format_utc, instant
from dashboard.history.kept import Effort

DAYS = 28  # strength changes over more than a month
Standing = Literal["load", "velocity", "tempo", "reps"]
TITLES: Mapping[Standing, str] = {
    "load": "heaviest set, kg",
    "velocity": "fastest rep at one load, m/s",
    "tempo": "reps that kept the tempo, %",
    "reps": "reps that count",
}


class Rank(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the standings: an athlete's best value of some weeks."""

    athlete: str | None
    value: float
    day: str  # of it; the last one where it is a sum
    sets: int


def since_utc(last_utc: str) -> str:
    """When the weeks begin that end with the newest set."""
    return format_utc(instant(last_utc) - timedelta(days=DAYS))


def standings(done: Sequence[Effort], by: Standing, load_kg: float | None = None) -> list[Rank]:
    """The athletes of these sets of one exercise, oldest first; the best athlete first.

    `load_kg`: velocities are compared at this load alone, for they fall with it.
    """
    theirs: dict[str | None, list[Effort]] = {}
    for one in done:
        if one.counted and (by != "velocity" or one.load_kg == load_kg):
            theirs.setdefault(one.athlete, []).append(one)
    found = []
    for athlete, some in theirs.items():
        valued = [(value, one) for one in some if (value := _value(one, by)) is not None]
        if not valued:
            continue
        value, best = max(valued, key=lambda pair: pair[0])
        if by in ("tempo", "reps"):
            value, best = sum(value for value, _ in valued), valued[-1][1]
        if by == "tempo":
            value *= 100.0 / sum(one.judged for one in some)
        found.append(Rank(athlete=athlete, value=value, day=day_of(best.at_utc), sets=len(some)))
    return sorted(found, key=lambda place: (-place.value, place.athlete or ""))


def _value(one: Effort, by: Standing) -> float | None:
    match by:
        case "load":
            return one.load_kg
        case "velocity":
            return one.fastest_mps
        case "tempo":
            return float(one.kept) if one.judged else None
        case _:
            return float(one.counted)
