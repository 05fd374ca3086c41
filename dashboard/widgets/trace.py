"""The motion of the last seconds, and where the bar or the handle went."""

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style

from dashboard.widgets.braille import Braille
from dashboard.widgets.lines import BOLD, FAINT, GREY, Lines, number
from dashboard.widgets.tile import PHASE_LOOK
from station.records import Live

WINDOW_S = 12.0  # two to four reps
PATH_WINDOW_S = 6.0  # about one rep
_AXIS = 6  # cells for the numbers at the left
_GYM_M = 100.0
_LEAST_SPAN_M = 0.10  # a still bar must not look like a storm


class Trace(Lines):
    """Position over the last seconds, coloured by phase."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._trace: tuple[Live, ...] = ()

    def show(self, trace: tuple[Live, ...]) -> None:
        """Show these values, oldest first."""
        if trace is not self._trace:
            self._trace = trace
            self.draw_anew()

    def lines(self, width: int, height: int) -> Sequence[Sequence[Segment]]:
        """A heading with the newest values, and the curve."""
        return trace_lines(self._trace, width, height)


class PathPlot(Trace):
    """Front to back against height, over about one rep; gone where the station sends no such values."""

    def show(self, trace: tuple[Live, ...]) -> None:
        """Show these values, oldest first."""
        self.display = any(value.x_m is not None for value in trace)
        super().show(trace)

    def lines(self, width: int, height: int) -> Sequence[Sequence[Segment]]:
        """A heading and the path."""
        return path_lines(self._trace, width, height)


def trace_lines(trace: tuple[Live, ...], width: int, height: int) -> list[list[Segment]]:
    """The curve in `width` × `height` cells; a gap of more than half a second stays a gap."""
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
    shown = [(v, v.position_m or 0.0) for v in trace if v.session_s >= start_s and _is_place(v.position_m)]
    if not shown:
        return [heading, [Segment("not measured", FAINT)]]
    low, high = _span([position for _, position in shown])
    field = Braille(width - _AXIS - 1, height - 2)
    before: tuple[float, int, int] | None = None
    for value, position in shown:
        x = round((value.session_s - start_s) / WINDOW_S * (field.width_dots - 1))
        y = round((high - position) / (high - low) * (field.height_dots - 1))
        if before is not None and value.session_s - before[0] <= 0.5:
            field.line(before[1], before[2], x, y, _phase_style(value))
        else:
            field.dot(x, y, _phase_style(value))
        before = (value.session_s, x, y)
    rows = field.rows()
    foot = [Segment(f"{'':<{_AXIS}}{WINDOW_S:g} s  ", FAINT)]
    foot += [
        Segment(f"{glyph} {name[:3]} ", Style(color=colour)) for name, (glyph, colour) in PHASE_LOOK.items()
    ]
    return [heading, *_with_axis(rows, high, low), foot][:height]


def path_lines(trace: tuple[Live, ...], width: int, height: int) -> list[list[Segment]]:
    """The path in `width` × `height` cells; the same scale for every rep, a line where the bar started."""
    heading = [Segment("path", FAINT)]
    if not trace:
        return [heading]
    start_s = trace[-1].session_s - PATH_WINDOW_S
    shown = [
        (value, value.x_m or 0.0, value.position_m or 0.0)
        for value in trace
        if value.session_s >= start_s and _is_place(value.x_m) and _is_place(value.position_m)
    ]
    if not shown:
        return [heading]
    low, high = _span([position for _, _, position in shown])
    left, right = _span([x for _, x, _ in shown], least=0.2)
    field = Braille(width - _AXIS - 1, height - 2)
    top = shown[0][1]
    for y in range(0, field.height_dots, 2):
        field.dot(round((top - left) / (right - left) * (field.width_dots - 1)), y, Style(color=GREY))
    before: tuple[int, int] | None = None
    for value, x_m, position in shown:
        x = round((x_m - left) / (right - left) * (field.width_dots - 1))
        y = round((high - position) / (high - low) * (field.height_dots - 1))
        field.line(*(before or (x, y)), x, y, _phase_style(value))
        before = (x, y)
    foot = [Segment(f"{'':<{_AXIS}}◂ {100 * (right - left):.0f} cm ▸", FAINT)]
    return [heading, *_with_axis(field.rows(), high, low), foot][:height]


def _is_place(metres: float | None) -> bool:
    """Whether it is a place in a gym; anything else cannot be drawn to scale."""
    return metres is not None and abs(metres) < _GYM_M


def _span(values: Sequence[float], least: float = _LEAST_SPAN_M) -> tuple[float, float]:
    low, high = min(values), max(values)
    middle, half = (low + high) / 2.0, max(high - low, least) / 2.0
    return middle - half, middle + half


def _with_axis(rows: list[list[Segment]], high: float, low: float) -> list[list[Segment]]:
    last = len(rows) - 1
    labels = [number(high, 2) if i == 0 else number(low, 2) if i == last else "" for i in range(len(rows))]
    return [[Segment(f"{label:>{_AXIS - 1}} ", FAINT), *row] for label, row in zip(labels, rows, strict=True)]


def _phase_style(value: Live) -> Style:
    return Style(color=PHASE_LOOK[value.phase][1] if value.phase else GREY)
