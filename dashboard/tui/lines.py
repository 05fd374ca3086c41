"""A widget that draws itself line by line: one per card, because cards built of child widgets lag."""

import math
from collections.abc import Sequence
from itertools import zip_longest

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.reactive import var
from textual.strip import Strip
from textual.widget import Widget

from dashboard.floor.reps import fixed

# Told apart by people with any of the common colour blindnesses (Okabe and Ito 2008); every colour also
# comes with a glyph or a word.
BLUE = "#56b4e9"
YELLOW = "#f0e442"
ORANGE = "#e69f00"
VERMILION = "#ff7733"
GREY = "#8a93a0"
PHASE_LOOK = {  # glyph and colour of a phase
    "eccentric": ("▼", ORANGE),
    "bottom": ("▁", GREY),
    "concentric": ("▲", BLUE),
    "top": ("▔", GREY),
}

PLAIN = Style()
BOLD = Style(bold=True)
FAINT = Style(color=GREY)


class Lines(Widget):
    """Draws what `lines` returns; after `draw_anew` only the lines that look otherwise are painted."""

    auto_links = var(False)  # there are none, and looking for them takes a tenth of all painting

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._drawn: list[list[Segment]] = []
        self._drawn_for: object = None  # size and focus
        self._owed = True  # a change has been said and not painted

    def lines(self, width: int, height: int) -> Sequence[Sequence[Segment]]:
        """The segments of every line, at most `height` of them; each is cut or filled to `width` cells."""
        raise NotImplementedError

    def draw_anew(self) -> None:
        """Redraw after a change of content."""
        if self._owed:
            # Scrolled out of sight, or the screen is behind: it is drawn whole when it is painted.
            if self._drawn_for is not None:
                self._drawn_for = None
                self.refresh()
            return
        before, before_for = self._drawn, self._drawn_for
        self._draw()
        if self._drawn_for != before_for:
            self._owed = True
            self.refresh()
            return
        width, height = self.size
        pairs = list(zip_longest(before, self._drawn))[:height]
        if other := [Region(0, y, width, 1) for y, (old, new) in enumerate(pairs) if old != new]:
            self._owed = True
            self.refresh(*other)

    def render_line(self, y: int) -> Strip:
        """One line for Textual, over the widget's own colours."""
        self._owed = False
        width, height = self.size
        if self._drawn_for != (width, height, self.has_focus):
            self._draw()
        strip = Strip(self._drawn[y], width) if y < len(self._drawn) else Strip.blank(width)
        return strip.apply_style(self.rich_style)

    def _draw(self) -> None:
        width, height = self.size
        self._drawn = [fitted(line, width) for line in self.lines(width, height)]
        self._drawn_for = (width, height, self.has_focus)


def fitted(line: Sequence[Segment], width: int, fill: Style = PLAIN) -> list[Segment]:
    """The line cut or filled to `width` cells."""
    cells = sum(cell_len(segment.text) for segment in line)
    if cells <= width:
        return [*line, Segment(" " * (width - cells), fill)] if cells < width else list(line)
    return list(Strip(line, cells).crop(0, width))


def spread(
    left: Sequence[Segment], right: Sequence[Segment], width: int, fill: Style = PLAIN
) -> list[Segment]:
    """`left` at the left end and `right` at the right end; where there is no room the left one is cut."""
    room = max(0, width - sum(cell_len(segment.text) for segment in right))
    return [*fitted(left, room, fill), *right]


def truncated_pct(value: float | None) -> str:
    """A percentage truncated to whole numbers: it reads as its limit only once that is reached."""
    return "–" if value is None else number(float(math.floor(value)))


def number(value: float | None, decimals: int = 0) -> str:
    """A number for a person; a dash where there is none."""
    return "–" if value is None else fixed(value, decimals)


def minutes(seconds: float) -> str:
    """A rest as a person says it: 1:27."""
    whole, rest = divmod(int(seconds), 60)
    return f"{whole}:{rest:02d}"
