"""The line at the top: what is shown, and whether the broker is there."""

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style

from dashboard.tui.lines import BLUE, FAINT, VERMILION, Lines, spread


class Headline(Lines):
    """One line of what is shown and what is wrong."""

    _said: tuple[str, str, bool] = ("", "", False)

    def show(self, title: str, connection: str, well: bool) -> None:
        """`title` at the left; `connection` at the right, marked when not well."""
        if (title, connection, well) != self._said:
            self._said = (title, connection, well)
            self.draw_anew()

    def lines(self, width: int, height: int) -> Sequence[Sequence[Segment]]:
        """The one line."""
        title, connection, well = self._said
        mark = Segment("● " if well else "✖ ", Style(color=BLUE if well else VERMILION, bold=True))
        words = Segment(f"{connection} ", FAINT if well else Style(color=VERMILION, bold=True))
        name = Segment(" Plumbline ", Style(bold=True, reverse=True))
        return [spread([name, Segment(f" {title}", FAINT)], [Segment(" "), mark, words], width)]
