"""The keys that do something here, in a few lines; the palette has the rest."""

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size

from dashboard.tui.lines import BLUE, FAINT, Lines

_KEY = Style(color=BLUE, bold=True)
_ALL = ("question_mark", "?", "help")
_FIRST = ("open", "back")  # where one can go, before what one can do
_LAST = ("leave", "sort", "health", "history", "units", "theme", "pick(-1)")


class Keys(Lines):
    """The bindings that are active; a click on one presses it."""

    def __init__(self, most_lines: int = 2, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._most_lines = most_lines

    def on_mount(self) -> None:
        """Draw anew whenever other keys are active."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self._changed())

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as the keys take."""
        return max(1, len(self._placed(width)))

    def lines(self, width: int, height: int) -> Sequence[Sequence[Segment]]:
        """The keys and what they do."""
        found: list[list[Segment]] = []
        for row in self._placed(width):
            line = [Segment(" ")]
            gap = " " * _gap(row, width)
            for _, key, words in row:
                line += [Segment(key, _KEY), Segment(f" {words}{gap}", FAINT)]
            found.append(line)
        return found

    def on_click(self, event: events.Click) -> None:
        """Press the key that was clicked."""
        rows = self._placed(self.size.width)
        row = rows[event.y] if event.y < len(rows) else []
        x = 1
        gap = _gap(row, self.size.width)
        for name, key, words in row:
            end = x + len(key) + len(words) + 1 + gap
            if x <= event.x < end:
                self.app.simulate_key(name)
            x = end

    def _changed(self) -> None:
        self.refresh(layout=True)
        self.draw_anew()

    def _placed(self, width: int) -> list[list[tuple[str, str, str]]]:
        """Key, its picture and what it does, by line; those that find no room are in the palette."""
        shown: dict[str, tuple[str, str, str]] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.show and active.enabled:
                picture = binding.key_display or self.app.get_key_display(binding)
                shown.setdefault(binding.action, (binding.key, picture, binding.description))
        first = [shown.pop(action) for action in _FIRST if action in shown]
        last = [shown.pop(action) for action in _LAST if action in shown]
        every = [*first, *shown.values(), *last]
        for gap in (2, 1):
            rows, placed = _rows(every, width, gap, self._most_lines)
            if placed == len(every):
                break
        return rows


def _gap(row: list[tuple[str, str, str]], width: int) -> int:
    """Cells between two keys: two where there is room."""
    return 2 if sum(len(key) + len(words) + 3 for _, key, words in row) <= width - 1 else 1


def _rows(
    every: list[tuple[str, str, str]], width: int, gap: int, most_lines: int
) -> tuple[list[list[tuple[str, str, str]]], int]:
    """At most `most_lines` rows, and how many keys found a place before the one that opens the palette."""
    rows: list[list[tuple[str, str, str]]] = [[]]
    room = width - 1
    for number, one in enumerate(every):
        cells = len(one[1]) + len(one[2]) + 1 + gap
        keep = len(_ALL[1]) + len(_ALL[2]) + 1 if len(rows) == most_lines else 0
        if cells + keep > room and rows[-1]:
            if len(rows) == most_lines:
                return [*rows[:-1], [*rows[-1], _ALL]], number
            rows.append([])
            room = width - 1
        rows[-1].append(one)
        room -= cells
    rows[-1].append(_ALL)
    return rows, len(every)
