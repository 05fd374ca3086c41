"""Ask for a line or a few: a load, a badge, a prescription."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from dashboard.tui.dialogs.dialog import Dialog

_LINES = 2  # more are a form


class Field(NamedTuple):
    """One input line of a form."""

    label: str
    value: str = ""
    known: Sequence[str] = ()  # offered while typing
    extend: bool = False  # typing goes on behind the value instead of replacing it


class AskScreen(Dialog[dict[str, Any] | None]):
    """A form; gives what `parse` makes of its lines, None when left with escape."""

    def __init__(
        self, title: str, fields: Sequence[Field], parse: Callable[[list[str]], dict[str, Any]]
    ) -> None:
        """`parse` raises ValueError with the words to show for lines that cannot be."""
        super().__init__()
        self._title = title
        self._fields = fields
        self._parse = parse

    def compose(self) -> ComposeResult:
        """A label and an input each."""
        with Vertical(id="ask") as box:
            form = len(self._fields) > _LINES  # label and line beside each other, to find room at 80 × 24
            for field in self._fields:
                line = Input(
                    field.value,
                    suggester=SuggestFromList(field.known, case_sensitive=False) if field.known else None,
                    select_on_focus=not field.extend,
                    compact=True,
                )
                label = Static(Text(field.label), classes="label")
                if form:
                    yield Horizontal(label, line, classes="row")
                else:
                    yield label
                    yield line
            box.set_class(form, "form")
            yield Static("", id="wrong")
        box.border_title = Text(self._title)
        more = "tab next line   " if len(self._fields) > 1 else ""
        box.border_subtitle = Text(f"{more}⏎ send   esc back")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Submit the form, or show what is wrong with it."""
        event.stop()
        try:
            given = self._parse([one.value.strip() for one in self.query(Input)])
        except ValueError as error:
            self.query_one("#wrong", Static).update(Text(str(error)))
            return
        self.dismiss(given)


def number_of(text: str, what: str) -> float | None:
    """Parse a number with a decimal comma or point; None for empty. Raises ValueError with a text to show."""
    if not text:
        return None
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise ValueError(f"{what}: {text[:20]!r} is no number") from None


def tempo_of(text: str) -> tuple[float | None, ...] | None:
    """Parse a tempo such as 3-1-X-0; X (as fast as possible) sets no target."""
    if not text:
        return None
    parts = text.lower().replace(" ", "-").split("-")
    if len(parts) != 4:
        raise ValueError("tempo: four phases, such as 3-1-x-0")
    return tuple(None if part in ("x", "·", "") else number_of(part, "tempo") for part in parts)
