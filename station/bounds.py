"""Bounds of numbers by field name: the unit is in the name, and physics sets the limits.

A message with a number beyond is nobody's measurement, however well formed: it goes into quarantine where it
arrives, and a station that comes to such a number says that it has none. Pure.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import msgspec

from station.errors import MessageError


class Bounds(NamedTuple):
    """The least and the greatest value, both allowed."""

    least: float
    greatest: float


_DURATION = Bounds(0.0, 3600.0)  # a phase, a pause; nobody holds a rep for an hour
_MEAN_UP = Bounds(-1.0, 5.0)  # the fastest throws reach 4 m/s
_DOWN = Bounds(-1.0, 12.0)  # a bar dropped from overhead arrives with 7 m/s
_SIZE = Bounds(0.0, 5.0)  # from the floor to overhead a tall lifter has 2.6 m
_NUMBER = Bounds(0, 100_000)  # of reps, sets and revisions in a session

_BY_NAME: Mapping[str, Bounds] = {
    "eccentric_s": _DURATION,
    "bottom_pause_s": _DURATION,
    "concentric_s": _DURATION,
    "top_pause_s": _DURATION,
    "slack_s": _DURATION,
    "tempo_s": _DURATION,
    "age_s": Bounds(0.0, 1e9),
    "rom_m": _SIZE,
    "median_rom_m": _SIZE,
    "full_range_m": _SIZE,
    "usual_range_m": _SIZE,
    "path_limit_m": _SIZE,
    "path_deviation_m": _SIZE,
    "largest_path_deviation_m": _SIZE,
    "path_drift_m": Bounds(-5.0, 5.0),
    "position_m": Bounds(-50_000.0, 50_000.0),  # of a band it is the tension
    "velocity_least_mps": _MEAN_UP,
    "velocity_most_mps": _MEAN_UP,
    "velocity_best_pct": Bounds(0.0, 200.0),
    "rest_s": _DURATION,
    "mean_concentric_velocity_mps": _MEAN_UP,
    "fastest_mean_concentric_velocity_mps": _MEAN_UP,
    "last_mean_concentric_velocity_mps": _MEAN_UP,
    "mean_propulsive_velocity_mps": _MEAN_UP,
    "peak_concentric_velocity_mps": Bounds(-1.0, 8.0),
    "mean_eccentric_velocity_mps": _DOWN,
    "peak_eccentric_velocity_mps": _DOWN,
    "velocity_loss_pct": Bounds(
        -100_000.0, 100.0
    ),  # a rep that is not counted may be faster than all counted
    "velocity_loss_cutoff_pct": Bounds(0.0, 100.0),
    "confidence": Bounds(0.0, 1.0),
    "load_kg": Bounds(0.0, 1000.0),  # the heaviest deadlift is 505 kg
    "number": _NUMBER,
    "set_number": _NUMBER,
    "revision": _NUMBER,
    "counted_reps": _NUMBER,
    "partial_reps": _NUMBER,
    "target_reps": _NUMBER,
    "target_sets": _NUMBER,
    "reps": _NUMBER,
    "sets": _NUMBER,
    "sets_done": _NUMBER,
}
_BY_UNIT: Mapping[str, Bounds] = {
    "s": Bounds(-1e9, 1e9),  # a session's clock, thirty years
    "m": Bounds(-100.0, 100.0),  # geometry, noise
    "mps": Bounds(-100.0, 100.0),  # live values of a sensor that is out of order are shown as well
    "n": Bounds(-50_000.0, 50_000.0),  # five tonnes
    "w": Bounds(-100_000.0, 100_000.0),  # ten times what the strongest reach
    "j": Bounds(-100_000.0, 100_000.0),
    "kg": Bounds(-100.0, 5_000.0),  # a cell that is off its zero weighs less than nothing
    "pct": Bounds(-200.0, 200.0),
    "hz": Bounds(0.0, 1e7),
    "ppm": Bounds(-1e6, 1e6),
}
# What may be asked of a lifter, by the fields of a command.
PRESCRIPTION: Mapping[str, Bounds] = {
    "load_kg": _BY_NAME["load_kg"],
    "target_sets": Bounds(1, 100),
    "target_reps": Bounds(1, 1000),
    "tempo_s": Bounds(0.0, 60.0),
    "velocity_loss_cutoff_pct": Bounds(1.0, 100.0),
    "path_limit_m": Bounds(0.001, 1.0),
    "velocity_least_mps": Bounds(0.05, 3.0),
    "velocity_most_mps": Bounds(0.05, 3.0),
    "velocity_best_pct": Bounds(50.0, 150.0),
    "full_range_m": Bounds(0.05, 2.5),
    "usual_range_m": Bounds(0.05, 2.5),
    "rest_s": _DURATION,
}
_SYMBOLS = {"pct": "%", "mps": "m/s"}
_OTHERWISE = Bounds(-1e12, 1e12)
_YEARS = range(1970, 2100)  # a node without a clock boots in the first


@cache
def limits(name: str) -> Bounds:
    """The limits of the number called `name`."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    unit = name.rpartition("_")[2]
    if "_sigma_" in name and unit in _BY_UNIT:
        return Bounds(0.0, _BY_UNIT[unit].greatest)
    return _BY_UNIT.get(unit, _OTHERWISE)


def within(name: str, value: Any) -> bool:
    """Whether a value is within the limits of `name`; non-numbers are, NaN is not."""
    if type(value) is float or (type(value) is int and name in _BY_NAME):
        least, greatest = limits(name)
        return bool(least <= value <= greatest)
    return True


def beyond_prescription(name: str, value: float | None) -> str | None:
    """What is wrong with a number that is asked of a lifter; None: nothing, or nothing is asked."""
    least, greatest = PRESCRIPTION[name]
    if value is None or least <= value <= greatest:
        return None
    what, _, unit = name.rpartition("_")
    seen = f"{what.replace('_', ' ')}: {value:g} {_SYMBOLS.get(unit, unit)}"
    return f"{seen}; give {least:g} to {greatest:g}"


def check_numbers(value: Any, name: str = "") -> None:
    """Raise MessageError for the first number of a message that is out of bounds."""
    if isinstance(value, msgspec.Struct):
        for field in value.__struct_fields__:
            inner = getattr(value, field)
            if inner is not None and type(inner) is not str:
                check_numbers(inner, field)
    elif type(value) in (float, int):
        if not within(name, value):
            least, greatest = limits(name)
            raise MessageError(f"{name} is {value:.6g}; it lies between {least:g} and {greatest:g}")
    elif type(value) in (list, tuple):
        for inner in value:
            check_numbers(inner, name)
    elif type(value) is dict:
        for inner in value.values():
            check_numbers(inner, name)


def is_time(at_utc: str) -> bool:
    """Whether a text is a time of this century or a clock that was never set, as RFC 3339 has it."""
    try:
        at = datetime.fromisoformat(at_utc)
    except ValueError:
        return False
    return at.tzinfo is not None and at.year in _YEARS


def measured(record: msgspec.Struct) -> Any:
    """A copy of a record with optional numbers out of bounds set to None."""
    beyond = {name: None for name in _may_be_none(type(record)) if not within(name, getattr(record, name))}
    return msgspec.structs.replace(record, **beyond) if beyond else record


def within_limits(row: Mapping[str, Any], required: Sequence[str] = ()) -> dict[str, Any]:
    """A database row with numbers out of bounds set to None, so that all of it can be drawn.

    A number out of bounds is None, one that is `required` the nearest in bounds.
    """
    found = dict(row)
    for name, value in row.items():
        if value is not None and not within(name, value):
            least, greatest = limits(name)
            found[name] = type(value)(min(max(value, least), greatest)) if name in required else None
    return found


@cache
def _may_be_none(record: type[msgspec.Struct]) -> tuple[str, ...]:
    """The fields that may be null; found once, because it takes longer than a station's whole step."""
    fields = msgspec.structs.fields(record)
    return tuple(field.name for field in fields if "None" in repr(field.type))
