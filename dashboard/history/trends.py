"""From set to set: how a measure develops, and two sets side by side. Pure functions over kept sets."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Literal

import msgspec

from dashboard.history.kept import KeptSet
from station.exercises import Profile
from station.exercises.coaching import tempo_adherence_pct
from station.records import Rep

Measure = Literal[
    "fastest_mean_concentric_velocity_mps",
    "median_rom_m",
    "tempo_adherence_pct",
    "largest_path_deviation_m",
    "velocity_loss_pct",
]

TITLES: Mapping[Measure, tuple[str, str]] = {  # and the unit
    "fastest_mean_concentric_velocity_mps": ("mean concentric velocity, fastest rep of the set", "m/s"),
    "median_rom_m": ("range of motion, median of the set", "m"),
    "tempo_adherence_pct": ("reps that kept the tempo", "%"),
    "largest_path_deviation_m": ("path deviation, largest of the set", "m"),
    "velocity_loss_pct": ("velocity loss at the end of the set", "%"),
}


class TrendPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One set's value of a measure."""

    at_utc: str
    load_kg: float | None
    value: float
    sigma: float | None = None  # standard uncertainty of a path deviation, in the measure's unit
    key: tuple[str, str, str, int]  # of the set


def trend(
    done: Sequence[KeptSet], measure: Measure, profiles: Mapping[str, Profile] | None = None
) -> list[TrendPoint]:
    """A measure over sets, oldest first; a set whose sensors did not see it has no point.

    Tempo adherence needs the exercises' profiles for their targets. The sets should be of one exercise.
    """
    points = []
    for one in done:
        value, sigma = _value(one, measure, profiles or {})
        if value is not None:
            points.append(
                TrendPoint(at_utc=one.at_utc, load_kg=one.load_kg, value=value, sigma=sigma, key=one.key)
            )
    return points


def _value(
    one: KeptSet, measure: Measure, profiles: Mapping[str, Profile]
) -> tuple[float | None, float | None]:
    if measure == "tempo_adherence_pct":
        profile = profiles.get(one.exercise)
        return (tempo_adherence_pct(profile, one.counted) if profile else None), None
    if measure == "largest_path_deviation_m":
        seen = [rep for rep in one.counted if rep.path_deviation_m is not None]
        widest = max(seen, key=lambda rep: rep.path_deviation_m or 0.0, default=None)
        return (widest.path_deviation_m, widest.path_deviation_sigma_m) if widest else (None, None)
    value: float | None = getattr(one.summary, measure)
    return value, None


class RepPair(msgspec.Struct, frozen=True, kw_only=True):
    """The reps of two sets that come at the same place; None where that set was over."""

    number: int  # from 1, among the reps that count
    one: Rep | None
    other: Rep | None


def compare_sets(one: KeptSet, other: KeptSet) -> list[RepPair]:
    """Two sets rep by rep; partial reps are left out, as they are in every figure of a set."""
    return [
        RepPair(number=number, one=first, other=second)
        for number, (first, second) in enumerate(zip_longest(one.counted, other.counted), 1)
    ]
