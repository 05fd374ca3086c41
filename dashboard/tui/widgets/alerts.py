"""The other stations' alerts in one line, for a coach who looks at one of them."""

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size

from dashboard.floor.attention import Attention
from dashboard.floor.views import StationView, attention_order
from dashboard.tui.lines import FAINT, Lines
from dashboard.tui.widgets.tile import LOOK

_WORDS_CELLS = 24  # of one alert; the station's own screen has all of it


def _short(words: str) -> str:
    """What is wrong; what to do about it only where there is room for both."""
    if len(words) <= _WORDS_CELLS:
        return words
    first = words.partition("; ")[0]
    return first if len(first) <= _WORDS_CELLS else f"{first[: _WORDS_CELLS - 1]}…"


class AlertStrip(Lines):
    """One line while a station needs attention, none otherwise."""

    _alerts: tuple[tuple[str, Attention, str], ...] = ()

    def show(self, views: Sequence[StationView]) -> None:
        """Show these stations' alerts, most urgent first; acknowledged or muted ones are left out."""
        calling = [one for one in views if one.attention is not Attention.FINE]
        calling = sorted((one for one in calling if not one.seen and not one.muted), key=attention_order)
        unset = [one for one in calling if one.attention is Attention.CLOCK]  # the least, so the last
        alone = calling if len(unset) < 2 else calling[: -len(unset)]
        alerts = tuple((one.name, one.attention, one.attention_text) for one in alone)
        if len(alone) < len(calling):  # where no time server is reached it is all of a gym's
            alerts += ((f"{len(unset)} stations", Attention.CLOCK, unset[0].attention_text),)
        if alerts != self._alerts:
            other_height = bool(alerts) != bool(self._alerts)
            self._alerts = alerts
            self.draw_anew()
            if other_height:
                self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """A line where there is something to say."""
        return 1 if self._alerts else 0

    def lines(self, width: int, height: int) -> Sequence[Sequence[Segment]]:
        """As many as find room, and how many do not."""
        line: list[Segment] = [Segment(" ")]
        room = width - 2
        for place, (station, attention, words) in enumerate(self._alerts):
            left = len(self._alerts) - place
            glyph, colour = LOOK[attention]
            text = f"{glyph} {station} {_short(words)}  "
            more = f"+{left - 1}" if left > 1 else ""
            if len(text) + len(more) > room:
                line.append(Segment(f"+{left}", FAINT))
                break
            line.append(Segment(text, Style(color=colour, bold=attention <= Attention.VELOCITY_LOSS)))
            room -= len(text)
        return [line] if self._alerts else []
