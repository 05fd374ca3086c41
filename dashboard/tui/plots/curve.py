"""The curves of reps: one with its phases, or several over each other where their concentrics begin."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from rich.segment import Segment
from rich.style import Style

from dashboard.floor.reps import RepView
from dashboard.tui.lines import BLUE, BOLD, FAINT, Lines, fitted
from dashboard.tui.plots.braille import (
    AXIS,
    Braille,
    line_of_rest,
    path_foot,
    phase_legend,
    phase_style,
    span,
    with_axis,
)
from station.motion import Motion

Shows = Literal["place", "velocity", "path"]

NO_CURVE = "no curve came with it"
_LEAST_SPAN: dict[Shows, float] = {"place": 0.10, "velocity": 0.4, "path": 0.2}  # a still bar is no storm
_BOTH_ROWS = 6  # fewer are for the place alone
_PER_TENSION_N = 100.0
_DASH = 3  # samples of 20 ms


class Drawn(NamedTuple):
    """A rep to draw, in one colour or (None) in those of its phases."""

    motion: Motion
    style: Style | None = None
    dashed: bool = False  # told apart where there are no colours


class CurvePlot(Lines):
    """The selected rep's curve; where none is selected all of the set's, the newest in colour."""

    _said = ""
    _drawn_reps: Sequence[Drawn] = ()

    def show(self, said: str, drawn: Sequence[Drawn]) -> None:
        """Show these, beneath these words."""
        if (said, drawn) != (self._said, self._drawn_reps):
            self._said, self._drawn_reps = said, drawn
            self.draw_anew()

    def lines(self, width: int, height: int) -> Sequence[Sequence[Segment]]:
        """Place and velocity at the left, the path at the right where one was seen."""
        drawn = self._drawn_reps
        path = any(one.motion.curve.x_mm is not None for one in drawn)
        aside = width // 3 if path and width >= 60 else 0
        left = motion_lines(self._said, drawn, width - aside, height)
        if not aside:
            return left
        right = path_lines(drawn, aside - 1, height)
        return [[*fitted(a, width - aside), *b] for a, b in zip(left, right, strict=False)]


def of_rep(rep: RepView) -> tuple[str, list[Drawn]]:
    """A selected rep: what stands above it, and its curve in the colours of its phases."""
    said = f"rep {rep.measured.number}"
    if rep.pending:
        said += ": its curve comes when it is confirmed"
    return said, [Drawn(rep.motion)] if rep.motion is not None else []


def of_set(reps: Sequence[RepView]) -> tuple[str, list[Drawn]]:
    """All reps of a set that have a curve over each other, the last in colour."""
    drawn = [Drawn(rep.motion, FAINT) for rep in reps if rep.motion is not None and not rep.marked_false]
    last = [one._replace(style=Style(color=BLUE)) for one in drawn[-1:]]
    if not drawn:
        return "the set's curves", []
    without = sum(rep.motion is None for rep in reps)
    said = f"{len(drawn)} reps over each other, the last in blue"
    return said + (f"; {without} came without a curve" if without else ""), drawn[:-1] + last


def motion_lines(said: str, drawn: Sequence[Drawn], width: int, height: int) -> list[list[Segment]]:
    """Place above velocity in `width` × `height` cells, over time from where the concentric begins."""
    heading = [Segment(said, BOLD)]
    if not drawn:
        return [heading, [Segment(NO_CURVE, FAINT)]]
    rows = max(1, height - 2)
    below = rows // 2 if rows >= _BOTH_ROWS else 0
    lines = over_time(drawn, "place", width, rows - below)
    if below:
        lines += over_time(drawn, "velocity", width, below)
    from_s, to_s = _time_span(drawn)
    foot = [Segment(f"{'':<{AXIS}}{from_s:.1f} to {to_s:.1f} s  ", FAINT)]
    if any(one.style is None for one in drawn):
        foot += phase_legend()
    return [heading, *lines, foot][:height]


def over_time(drawn: Sequence[Drawn], shows: Shows, width: int, rows: int) -> list[list[Segment]]:
    """Place or velocity of reps over time, with its axis; velocity with the line of rest."""
    curves = [(one, _values(one.motion, shows)) for one in drawn]
    low, high = _span([v for _, values in curves for v in values], shows)
    from_s, to_s = _time_span(drawn)
    field = Braille(width - AXIS - 1, rows)
    if shows == "velocity":
        line_of_rest(field, round(high / (high - low) * (field.height_dots - 1)))
    for one, values in curves:
        times_s = one.motion.curve.time_s
        along = [(at_s - one.motion.lift_s - from_s) / (to_s - from_s) for at_s in times_s]
        _trace(field, one, along, [(high - value) / (high - low) for value in values])
    return with_axis(field.rows(), high, low)


def path_lines(drawn: Sequence[Drawn], width: int, height: int) -> list[list[Segment]]:
    """Front to back against height, each rep from where it starts."""
    heading = [Segment("path", FAINT)]
    paths = [(one, _aside(one.motion), _values(one.motion, "place")) for one in drawn]
    seen = [(one, x_m, place) for one, x_m, place in paths if x_m]
    if not seen:
        return [heading, [Segment("not measured", FAINT)]]
    low, high = _span([v for _, _, place in seen for v in place], "place")
    left, right = _span([v for _, x_m, _ in seen for v in x_m], "path")
    field = Braille(width - AXIS - 1, max(1, height - 2))
    for one, x_m, place in seen:
        along = [(aside - left) / (right - left) for aside in x_m]
        _trace(field, one, along, [(high - up) / (high - low) for up in place])
    return [heading, *with_axis(field.rows(), high, low), path_foot(right - left)][:height]


def _trace(field: Braille, one: Drawn, across: Sequence[float], down: Sequence[float]) -> None:
    """A rep's line through shares of the field's width and height; NaN interrupts it."""
    before: tuple[int, int] | None = None
    for place, (at_s, x, y) in enumerate(zip(one.motion.curve.time_s, across, down, strict=True)):
        if math.isnan(x) or math.isnan(y):
            before = None
            continue
        here = round(x * (field.width_dots - 1)), round(y * (field.height_dots - 1))
        if not one.dashed or place // _DASH % 2:
            field.line(*(before or here), *here, one.style or phase_style(one.motion.phase_at(at_s)))
        before = here


def _values(motion: Motion, shows: Shows) -> list[float]:
    curve = motion.curve
    values = curve.velocity if shows == "velocity" else curve.place
    return [_PER_TENSION_N * one for one in values] if motion.on_tension else values


def _aside(motion: Motion) -> list[float]:
    """Horizontal place from where it was first seen."""
    x_m = motion.curve.x_m
    if x_m is None:
        return []
    first = next((one for one in x_m if not math.isnan(one)), 0.0)
    return [one - first for one in x_m]


def _time_span(drawn: Sequence[Drawn]) -> tuple[float, float]:
    """From the earliest start to the latest end, seconds from where the concentric begins."""
    times = [(one.motion.curve.time_s, one.motion.lift_s) for one in drawn if len(one.motion.curve.s_mm)]
    from_s = min((time_s[0] - lift_s for time_s, lift_s in times), default=0.0)
    to_s = max((time_s[-1] - lift_s for time_s, lift_s in times), default=1.0)
    return from_s, max(to_s, from_s + 0.1)


def _span(values: Sequence[float], shows: Shows) -> tuple[float, float]:
    known = [one for one in values if not math.isnan(one)] or [0.0]
    if shows == "velocity":
        known.append(0.0)
    return span(known, _LEAST_SPAN[shows])
