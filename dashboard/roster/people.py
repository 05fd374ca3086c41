"""Athletes and their plans."""

import msgspec


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
    full_range_m: float | None = None
    rest_s: float | None = None


class Athlete(msgspec.Struct, frozen=True, kw_only=True):
    """An athlete. The id is a pseudonym, the only identifier other programs see."""

    id: str
    name: str
    badge: str | None = None  # what a reader at the station types
    plans: tuple[Plan, ...] = ()
