"""Athletes and their plans."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from dashboard.floor.names import Names
from dashboard.plaintext import clean
from station.bounds import PRESCRIPTION


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """An athlete's prescription for one exercise; None: the exercise's own, or free."""

    exercise: str
    load_kg: float | None = None
    sets: int | None = None
    reps: int | None = None
    eccentric_s: float | None = None
    bottom_pause_s: float | None = None
    concentric_s: float | None = None
    top_pause_s: float | None = None
    velocity_loss_cutoff_pct: float | None = None
    path_limit_m: float | None = None
    velocity_least_mps: float | None = None
    velocity_most_mps: float | None = None
    velocity_best_pct: float | None = None
    full_range_m: float | None = None
    rest_s: float | None = None


# Least and most of what a plan may ask for.
PLAN_WHOLE = {name: PRESCRIPTION[f"target_{name}"] for name in ("sets", "reps")}
PLAN_NUMBERS = {name: limits for name, limits in PRESCRIPTION.items() if name in Plan.__struct_fields__}


class Athlete(msgspec.Struct, frozen=True, kw_only=True):
    """An athlete. The id is a pseudonym, the only identifier other programs see."""

    id: str
    name: str
    badge: str | None = None  # what a reader at the station types
    squad: str | None = None  # who trains together: a word to find and to compare by
    note: str | None = None  # what a coach is to know
    plans: tuple[Plan, ...] = ()


def names_of(people: Sequence[Athlete]) -> Names:
    """Names by id; the id is appended where several share a name."""
    called = Counter(one.name for one in people)
    return {one.id: clean(one.name if called[one.name] == 1 else f"{one.name} {one.id}") for one in people}
