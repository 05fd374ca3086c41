"""The form of a prescription: what an athlete is to do at a station, for now or for good."""

from collections.abc import Callable
from typing import Any, NamedTuple

from dashboard.floor.reps import asked_tempo
from dashboard.floor.units import LB_PER_KG, Units
from dashboard.floor.views import StationView
from dashboard.roster.people import PLAN_NUMBERS, PLAN_WHOLE
from dashboard.tui.dialogs.ask import AskScreen, Field, number_of, tempo_of
from station.bounds import beyond_prescription
from station.exercises import VelocityTarget

FOR_GOOD = "g"


class _Line(NamedTuple):
    """One line of the form: what stands in it, and what of the prescription it gives."""

    label: str
    value: str
    parse: Callable[[str], dict[str, Any]]


def prescription_form(view: StationView, units: Units) -> AskScreen:
    """The form for a station, filled with what holds there; lines that do not apply are left out.

    It gives the fields of `set-target`, `load_kg`, and `for_good`: into the athlete's plan as well.
    """
    lines = [
        *([_load(view, units)] if view.has_load else []),
        _whole("sets", "target_sets", view.sets_planned),
        _whole("reps", "target_reps", view.target_reps),
        _Line(
            "tempo: down-bottom-up-top",
            "-".join(asked_tempo(view.target_tempo_s)),
            _tempo,
        ),
        *(_of_lengths(view) if view.loaded_by != "band" else []),
        *([_number("path limit, mm", "path_limit_m", view.path_limit_m, 1000.0)] if view.has_path else []),
        _number("rest, s", "rest_s", view.rest_asked_s),
    ]
    if view.athlete is not None:
        lines.append(_Line(f"now (n), or for good ({FOR_GOOD}): the plan", "n", _for_good))

    def parse(given: list[str]) -> dict[str, Any]:
        found: dict[str, Any] = {"load_kg": view.load_kg, "for_good": False}
        for line, text in zip(lines, given, strict=True):
            found |= line.parse(text)
        return found

    fields = [Field(line.label, line.value) for line in lines]
    return AskScreen(f"prescription at {view.key[1]}", fields, parse)


def velocity_of(text: str) -> VelocityTarget:
    """Parse a velocity target: `0.5` or more, `0.45-0.55`, `best`, `95%` of it. Raises ValueError."""
    word = text.replace(" ", "").lower().removesuffix("m/s")
    if not word:
        return VelocityTarget()
    if word == "best" or word.endswith("%"):
        share = 100.0 if word == "best" else number_of(word[:-1], "velocity")
        return VelocityTarget(best_pct=_within("velocity_best_pct", share))
    least, dash, most = word.removeprefix("≥").partition("-")
    found = VelocityTarget(
        least_mps=_within("velocity_least_mps", number_of(least, "velocity")),
        most_mps=_within("velocity_most_mps", number_of(most, "velocity")),
    )
    if dash and (found.least_mps is None or found.most_mps is None or found.most_mps <= found.least_mps):
        raise ValueError("velocity: a zone such as 0.45-0.55")
    return found


def velocity_entry(target: VelocityTarget) -> str:
    """A velocity target as one would type it."""
    if target.best_pct is not None:
        return f"{target.best_pct:g}%"
    return "-".join(f"{one:g}" for one in (target.least_mps, target.most_mps) if one is not None)


def _load(view: StationView, units: Units) -> _Line:
    shown = (view.load or "").removesuffix(f" {units}")

    def parse(text: str) -> dict[str, Any]:
        # A load that was rounded for the form, and not touched there, stays as it was entered.
        if text == shown:
            return {}
        load = number_of(text, "load")
        load_kg = load if load is None or units == "kg" else load / LB_PER_KG
        return {"load_kg": _within("load_kg", load_kg)}

    return _Line(f"load, {units}", shown, parse)


def _of_lengths(view: StationView) -> list[_Line]:
    """What is asked of velocities; of a band nobody knows them."""

    def velocity(text: str) -> dict[str, Any]:
        target = velocity_of(text)
        return {
            "velocity_least_mps": target.least_mps,
            "velocity_most_mps": target.most_mps,
            "velocity_best_pct": target.best_pct,
        }

    return [
        _Line("velocity: 0.5  0.45-0.55  95% (of best)", velocity_entry(view.velocity_target), velocity),
        _number("velocity-loss cut-off, %", "velocity_loss_cutoff_pct", view.loss_cutoff_pct),
    ]


def _number(label: str, name: str, value: float | None, factor: float = 1.0) -> _Line:
    what = label.partition(",")[0]
    least, most = (factor * end for end in PLAN_NUMBERS[name])

    def parse(text: str) -> dict[str, Any]:
        number = number_of(text, what)
        if number is not None and not least <= number <= most:
            raise ValueError(f"{what}: {least:g} to {most:g}")
        return {name: None if number is None else number / factor}

    return _Line(label, "" if value is None else f"{factor * value:g}", parse)


def _whole(what: str, name: str, value: int | None) -> _Line:
    least, most = PLAN_WHOLE[what]

    def parse(text: str) -> dict[str, Any]:
        number = number_of(text, what)
        if number is not None and (number != int(number) or not least <= number <= most):
            raise ValueError(f"{what}: {least} to {most}")
        return {name: None if number is None else int(number)}

    return _Line(what, "" if value is None else str(value), parse)


def _tempo(text: str) -> dict[str, Any]:
    phases = tempo_of(text)
    for seconds in phases or ():
        _within("tempo_s", seconds)
    return {"tempo_s": phases}


def _within(name: str, value: float | None) -> float | None:
    wrong = beyond_prescription(name, value)
    if wrong is not None:
        raise ValueError(wrong)
    return value


def _for_good(text: str) -> dict[str, Any]:
    word = text.lower()
    if word not in ("n", FOR_GOOD):
        raise ValueError(f"n for now, {FOR_GOOD} for good")
    return {"for_good": word == FOR_GOOD}
