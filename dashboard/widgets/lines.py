"""A widget that draws itself line by line: one per card, because cards built of child widgets lag."""

import math
from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

# Told apart by people with any of the common colour blindnesses (Okabe and Ito 2008); every colour also
# comes with a glyph or a word.
BLUE = "#56b4e9"
YELLOW = "#f0e442"
ORANGE = "#e69f00"
VERMILION = "#ff7733"
GREY = "#8a93a0"

PLAIN = Style()
BOLD = Style(bold=True)
FAINT = Style(color=GREY)


class Lines(Widget):
    """Draws what `lines` returns; drawn again only after `draw_anew` or another size."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._drawn: list[Strip] = []
        self._drawn_for: object = None

    def lines(self, width: int, height: int) -> Sequence[Sequence[Segment]]:
        """The segments of every line, at most `height` of them; each is cut or filled to `width` cells."""
        raise NotImplementedError

    def draw_anew(self) -> None:
        """What there is to show has changed."""
        self._drawn_for = None
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line for Textual, over the widget's own colours."""
        width, height = self.size
        if self._drawn_for != (width, height, self.has_focus):
            self._drawn = [Strip(line).adjust_cell_length(width) for line in self.lines(width, height)]
            self._drawn_for = (width, height, self.has_focus)
        strip = self._drawn[y] if y < len(self._drawn) else Strip.blank(width)
        return strip.apply_style(self.rich_style)


def spread(
    left: Sequence[Segment], right: Sequence[Segment], width: int, fill: Style = PLAIN
) -> list[Segment]:
    """`left` at the left end and `right` at the right end; where there is no room the left one is cut."""
    end = Strip(right)
    room = max(0, width - end.cell_length)
    return [*Strip(left).adjust_cell_length(room, fill), *end]


def whole_pct(value: float | None) -> str:
    """A percentage cut to whole ones: one that has reached its limit reads so, one that has not does not."""
    return "–" if value is None else number(float(math.floor(value)))


def number(value: float | None, decimals: int = 0) -> str:
    """A number for a person; a dash where there is none."""
    return "–" if value is None else f"{round(value, decimals) + 0.0:.{decimals}f}"[:9]  # no -0.00
