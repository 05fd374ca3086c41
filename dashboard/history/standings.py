"""Who of a squad has done most of one exercise: each athlete's best of some weeks, the best first. Pure."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Literal

import msgspec

from dashboard.floor.times import day_of, format_utc, instant
from dashboard.history.kept import KeptSet
from station.exercises import Profile
from station.exercises.coaching import tempo_adherence_pct

# What of a rep is looked at: a gym's weeks are 20 000 reps, and most of their bytes are the rest.
OF_A_REP = (
    "mean_concentric_velocity_mps",
    *("eccentric_s", "bottom_pause_s", "concentric_s", "top_pause_s"),
)
DAYS = 28  # strength changes over more than a month
Standing = Literal["load", "velocity", "tempo", "reps"]
TITLES: Mapping[Standing, str] = {
    "load": "heaviest set, kg",
    "velocity": "fastest rep at one load, m/s",
    "tempo": "reps that kept the tempo, %",
    "reps": "reps that count",
}


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """An athlete's best."""

    athlete: str | None
    value: float
    day: str  # of it; the last one where it is a sum
    sets: int


def since_utc(last_utc: str) -> str:
    """When the weeks begin that end with the newest set."""
    return format_utc(instant(last_utc) - timedelta(days=DAYS))


def standings(
    done: Sequence[KeptSet], by: Standing, profile: Profile | None, load_kg: float | None = None
) -> list[Place]:
    """The athletes of these sets of one exercise, the best first.

    `load_kg`: velocities are compared at this load alone, for they fall with it.
    """
    theirs: dict[str | None, list[KeptSet]] = {}
    for one in done:
        if one.counted and (by != "velocity" or one.load_kg == load_kg):
            theirs.setdefault(one.athlete, []).append(one)
    found = []
    for athlete, some in theirs.items():
        valued = [(value, one) for one in some if (value := _value(one, by, profile)) is not None]
        if not valued:
            continue
        if by in ("load", "velocity"):
            value, best = max(valued, key=lambda pair: pair[0])
        else:
            best = valued[-1][1]
            value = sum(one for one, _ in valued)
        if by == "tempo" and profile is not None:
            value = tempo_adherence_pct(profile, [rep for one in some for rep in one.counted]) or 0.0
        found.append(Place(athlete=athlete, value=value, day=day_of(best.at_utc), sets=len(some)))
    return sorted(found, key=lambda place: (-place.value, place.athlete or ""))


def _value(one: KeptSet, by: Standing, profile: Profile | None) -> float | None:
    match by:
        case "load":
            return one.load_kg
        case "velocity":
            return one.summary.fastest_mean_concentric_velocity_mps
        case "tempo":
            return tempo_adherence_pct(profile, one.counted) if profile else None
        case _:
            return float(len(one.counted))
