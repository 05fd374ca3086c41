"""Curves in a terminal: a cell holds 2 × 4 dots of one colour."""

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style

from dashboard.tui.lines import FAINT, GREY, PHASE_LOOK, number
from station.records import Phase

AXIS = 6  # cells for the numbers at the left

# Dot numbers of Unicode's braille block by column and row from the top (Unicode 15, chapter 21.1).
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))


class Braille:
    """A field of dots, `width` × `height` cells; dot (0, 0) is at the top left."""

    def __init__(self, width: int, height: int) -> None:
        self.width_dots = 2 * max(width, 1)
        self.height_dots = 4 * max(height, 1)
        self._cells = [[0] * max(width, 1) for _ in range(max(height, 1))]
        self._styles: list[list[Style | None]] = [[None] * max(width, 1) for _ in range(max(height, 1))]

    def dot(self, x: int, y: int, style: Style) -> None:
        """Set one dot; one outside the field is left out. A cell has the style of its newest dot."""
        if 0 <= x < self.width_dots and 0 <= y < self.height_dots:
            self._cells[y // 4][x // 2] |= _DOTS[x % 2][y % 4]
            self._styles[y // 4][x // 2] = style

    def line(self, x0: int, y0: int, x1: int, y1: int, style: Style) -> None:
        """A straight line of dots, both ends included."""
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for step in range(steps + 1):
            self.dot(round(x0 + (x1 - x0) * step / steps), round(y0 + (y1 - y0) * step / steps), style)

    def rows(self) -> list[list[Segment]]:
        """The field as lines of segments, blanks where there is no dot."""
        return [
            [
                Segment(chr(0x2800 + dots) if dots else " ", style)
                for dots, style in zip(cells, styles, strict=True)
            ]
            for cells, styles in zip(self._cells, self._styles, strict=True)
        ]


def with_axis(rows: list[list[Segment]], high: float, low: float) -> list[list[Segment]]:
    """The rows with the highest and the lowest value at the left."""
    last = len(rows) - 1
    labels = [number(high, 2) if i == 0 else number(low, 2) if i == last else "" for i in range(len(rows))]
    return [[Segment(f"{label:>{AXIS - 1}} ", FAINT), *row] for label, row in zip(labels, rows, strict=True)]


def span(values: Sequence[float], least: float) -> tuple[float, float]:
    """The least and the greatest value of an axis, at least `least` apart: a still bar is no storm."""
    low, high = min(values), max(values)
    middle, half = (low + high) / 2.0, max(high - low, least) / 2.0
    return middle - half, middle + half


def line_of_rest(field: Braille, y: int) -> None:
    """A dotted line where the velocity is zero."""
    for x in range(0, field.width_dots, 4):
        field.dot(x, y, Style(color=GREY))


def phase_style(phase: Phase | None) -> Style:
    """A phase's colour."""
    return Style(color=PHASE_LOOK[phase][1] if phase else GREY)


def phase_legend() -> list[Segment]:
    """What the colours are."""
    return [
        Segment(f"{glyph} {name[:3]} ", Style(color=colour)) for name, (glyph, colour) in PHASE_LOOK.items()
    ]


def path_foot(width: float) -> list[Segment]:
    """What stands beneath a path that is `width` metres wide."""
    return [Segment(f"{'':<{AXIS}}◂ {100 * width:.0f} cm ▸ front", FAINT)]
