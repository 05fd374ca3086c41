"""Ask before an exercise is signed off, and show what that rests on."""

import textwrap
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from dashboard.floor.coaching import MasteryProgress
from dashboard.tui.dialogs.dialog import Dialog

_CELLS = 68  # of a line in the box


class SignOffScreen(Dialog[bool | None]):
    """The sets that the mastery rule looked at, what it lacks and could not see; ⏎ signs."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "dismiss(True)", "Sign off")]

    def __init__(self, who: str, title: str, mastery: MasteryProgress | None) -> None:
        super().__init__()
        self._who = who
        self._title = title
        self._mastery = mastery

    def compose(self) -> ComposeResult:
        """The exercise, what was measured, what is open."""
        with Vertical(id="sign-off") as box:
            yield Static(Text("\n".join(basis_lines(self._mastery))))
        box.border_title = Text(f"sign off {self._title} for {self._who}?")
        box.border_subtitle = Text("⏎ sign off   esc back")


def basis_lines(mastery: MasteryProgress | None) -> list[str]:
    """What a signature would rest on, in lines."""
    if mastery is None:
        return ["There is no rule for this exercise: it rests on the coach's eyes alone."]
    said = [mastery.text, ""]
    said += mastery.basis or ["No set of it has been measured: it rests on the coach's eyes alone."]
    if mastery.missing:
        said += ["", "The rule still asks for:", *(f"  ✗ {one}" for one in mastery.missing)]
    if mastery.not_measured:
        said += ["", f"Not measured here: {', '.join(mastery.not_measured)}."]
    said += ["", "Knees, back and the feel of the set are the coach's to judge."]
    return [line for one in said for line in textwrap.wrap(one, _CELLS, subsequent_indent="    ") or [""]]
