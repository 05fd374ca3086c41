"""The motion of the last seconds, and where the bar or the handle went."""

import math
from collections.abc import Sequence
from itertools import pairwise

from rich.segment import Segment
from rich.style import Style

from dashboard.floor.views import StationView
from dashboard.tui.lines import BOLD, FAINT, GREY, Lines, number
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
from station.records import Live

WINDOW_S = 12.0  # two to four reps
PATH_WINDOW_S = 6.0  # about one rep
_GYM_M = 100.0
_BOTH_ROWS = 7  # fewer are for the position alone
_LEAST_SPAN_MPS = 0.4
_LEAST_PATH_M = 0.2
_LEAST_SPAN_M = 0.10  # a still bar must not look like a storm


class Trace(Lines):
    """Position and velocity over the last seconds, coloured by phase."""

    _trace: tuple[Live, ...] = ()

    def show(self, trace: tuple[Live, ...]) -> None:
        """Show these values, oldest first."""
        if trace is not self._trace:
            self._trace = trace
            self.draw_anew()

    def lines(self, width: int, height: int) -> Sequence[Sequence[Segment]]:
        """A heading with the newest values, and the curve."""
        return trace_lines(self._trace, width, height)


class PathPlot(Lines):
    """Front to back against height: this rep over the set's mean, the uncertainty as a band."""

    _trace: tuple[Live, ...] = ()
    _view: StationView | None = None

    def show_path(self, trace: tuple[Live, ...], view: StationView) -> None:
        """Show the path in these values, oldest first."""
        if trace is not self._trace or view is not self._view:
            self._trace, self._view = trace, view
            self.draw_anew()

    def lines(self, width: int, height: int) -> Sequence[Sequence[Segment]]:
        """A heading and the path."""
        sigma_m = limit_m = None
        if self._view is not None:
            sigmas = [rep.measured.path_deviation_sigma_m for rep in self._view.reps]
            known = [sigma for sigma in sigmas if sigma is not None]
            sigma_m, limit_m = (known[-1] if known else None), self._view.path_limit_m
        sees = self._view is not None and self._view.sees_path
        until_s = self._view.reps[-1].measured.end_s if self._view and self._view.reps else math.inf
        trace = _of_the_set(self._trace, self._view)
        return path_lines(trace, width, height, sigma_m, limit_m, sees, until_s)


def _of_the_set(trace: tuple[Live, ...], view: StationView | None) -> tuple[Live, ...]:
    """The values from the set's first rep on: a walk-out is wider than any path, and no part of it."""
    if view is None or not view.reps:
        return trace
    start_s, end_s = view.reps[0].measured.start_s, view.reps[-1].measured.end_s
    return tuple(
        one for one in trace if one.session_s >= start_s and not (view.set_over and one.session_s > end_s)
    )


def trace_lines(trace: tuple[Live, ...], width: int, height: int) -> list[list[Segment]]:
    """Position above velocity in `width` × `height` cells; a gap of more than half a second stays a gap."""
    newest = trace[-1] if trace else None
    force = f"  {number(newest.force_n)} N" if newest and newest.force_n is not None else ""
    said = (
        f"{number(newest.position_m, 2)} m  {number(newest.velocity_mps, 2)} m/s{force}"
        if newest
        else "no values"
    )
    heading = [Segment("position  ", FAINT), Segment(said, BOLD)]
    if newest is None:
        return [heading]
    start_s = newest.session_s - WINDOW_S
    window = [value for value in trace if value.session_s >= start_s]
    if not any(_is_place(value.position_m) for value in window):
        return [heading, [Segment("not measured", FAINT)]]
    rows = max(1, height - 2)
    below = rows // 3 if rows >= _BOTH_ROWS else 0
    curves = _curve(window, [v.position_m for v in window], width, rows - below, _LEAST_SPAN_M)
    if below:
        curves += _curve(window, [v.velocity_mps for v in window], width, below, _LEAST_SPAN_MPS, zero=True)
    foot = [Segment(f"{WINDOW_S:g} s ", FAINT)]
    return [heading, *curves, foot + phase_legend()][:height]


def _curve(
    window: Sequence[Live],
    values: Sequence[float | None],
    width: int,
    rows: int,
    least: float,
    zero: bool = False,
) -> list[list[Segment]]:
    """One curve over time with its axis; `zero` draws the line of rest."""
    shown = [(live, value) for live, value in zip(window, values, strict=True) if _is_place(value)]
    places = [value or 0.0 for _, value in shown] + [0.0] * zero
    low, high = span(places or [0.0], least)
    start_s = window[-1].session_s - WINDOW_S
    field = Braille(width - AXIS - 1, rows)

    def row(value: float) -> int:
        return round((high - value) / (high - low) * (field.height_dots - 1))

    if zero:
        line_of_rest(field, row(0.0))
    before: tuple[float, int, int] | None = None
    for live, value in shown:
        x = round((live.session_s - start_s) / WINDOW_S * (field.width_dots - 1))
        y = row(value or 0.0)
        if before is not None and live.session_s - before[0] <= 0.5:
            field.line(before[1], before[2], x, y, phase_style(live.phase))
        else:
            field.dot(x, y, phase_style(live.phase))
        before = (live.session_s, x, y)
    return with_axis(field.rows(), high, low)


def path_lines(
    trace: tuple[Live, ...],
    width: int,
    height: int,
    sigma_m: float | None = None,
    limit_m: float | None = None,
    sees: bool = False,
    until_s: float = math.inf,
) -> list[list[Segment]]:
    """The path in `width` × `height` cells: the newest rep in colour, the mean of earlier ones grey.

    sigma_m : the path's standard uncertainty: the mean is as wide.
    limit_m : how far the bar may stray; the scale always holds it, so that a rep looks the same every time.
    sees : the station's sensors can tell, though not always: a slack cable points nowhere.
    until_s : what the scale is for; where the bar is carried afterwards stands at the edge.
    """
    heading = [Segment("path", FAINT)]
    if not trace:
        return [heading]
    shown = [
        (value, value.x_m or 0.0, value.position_m or 0.0)
        for value in trace
        if _is_place(value.x_m) and _is_place(value.position_m)
    ]
    if not shown:
        return [heading, [Segment("not seen now" if sees else "not measured", FAINT)]]
    start = _newest_rep([value for value, _, _ in shown])
    mine, earlier = shown[start:], shown[:start]
    scale = [one for one in shown if one[0].session_s <= until_s] or shown
    low, high = span([position for _, _, position in scale], _LEAST_SPAN_M)
    left, right = span([x for _, x, _ in scale], least=max(_LEAST_PATH_M, 2.5 * (limit_m or 0.0)))
    field = Braille(width - AXIS - 1, height - 2)

    def column(x_m: float) -> int:
        return round((min(max(x_m, left), right) - left) / (right - left) * (field.width_dots - 1))

    def row(position_m: float) -> int:
        return round((high - min(max(position_m, low), high)) / (high - low) * (field.height_dots - 1))

    means: dict[int, list[float]] = {}
    for _, x_m, position in earlier:
        means.setdefault(row(position) // 2, []).append(x_m)
    for half_row, places in means.items():
        mean = sum(places) / len(places)
        wide = min(sigma_m or 0.0, _LEAST_PATH_M)
        for x in range(column(mean - wide), column(mean + wide) + 1):
            field.dot(x, 2 * half_row, Style(color=GREY))
    before: tuple[int, int] | None = None
    for value, x_m, position in mine:
        x, y = column(x_m), row(position)
        field.line(*(before or (x, y)), x, y, phase_style(value.phase))
        before = (x, y)
    band = f" ± {math.ceil(1000 * min(max(sigma_m, 0.0), _GYM_M))} mm" if sigma_m is not None else ""
    legend = "  grey: mean"
    said = f"path{band}"
    heading = [Segment(said + legend if len(said + legend) <= width else said, FAINT)]
    return [heading, *with_axis(field.rows(), high, low), path_foot(right - left)][:height]


def _newest_rep(values: Sequence[Live]) -> int:
    """Where the newest rep begins: the last but one change of direction, at most PATH_WINDOW_S ago."""
    earliest_s = values[-1].session_s - PATH_WINDOW_S
    moving = [n for n, value in enumerate(values) if value.phase in ("eccentric", "concentric")]
    turns = [b for a, b in pairwise(moving) if values[a].phase != values[b].phase]
    first = next((n for n, value in enumerate(values) if value.session_s >= earliest_s), 0)
    return max(first, turns[-2] if len(turns) >= 2 else 0)


def _is_place(metres: float | None) -> bool:
    """Whether it is a place in a gym; anything else cannot be drawn to scale."""
    return metres is not None and abs(metres) < _GYM_M
