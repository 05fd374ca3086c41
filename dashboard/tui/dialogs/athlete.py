"""Choose who lifts at a station: type a badge or the beginning of a name, or take one from the list."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from dashboard.plaintext import cells, clean, column, cut
from dashboard.roster.people import Athlete, Plan
from dashboard.roster.plans import matching
from dashboard.tui.dialogs.dialog import Dialog


class AthleteScreen(Dialog[str | None]):
    """The people of the record, most likely first; gives an id, "" for nobody, None when left with escape."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", show=False, priority=True),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("ctrl+n", "person(False)", "New", priority=True, tooltip="somebody the record does not know"),
        Binding("ctrl+e", "person(True)", "Change", priority=True, tooltip="name, badge, squad, note"),
    ]

    def __init__(
        self,
        station: str,
        people: Sequence[Athlete],
        plan_of: Callable[[Athlete], Plan | None],
        id_of: Callable[[str], str],
        enter: Callable[[Athlete | None, str], None],
    ) -> None:
        """`people` in the order to show; `plan_of` what one is to do at this station.

        `id_of` finds whom a word means and raises ValueError with the words to show where it cannot.
        `enter` asks for the particulars of an athlete, None for a new one of that name.
        """
        super().__init__()
        self._station = station
        self._people = people
        self._name_cells = min(28, max((18, *(cells(clean(one.name)) for one in people))))
        self._plan_of = plan_of
        self._id_of = id_of
        self._enter = enter
        self._moved = False  # into the list: what is marked there is meant, not what was typed

    def compose(self) -> ComposeResult:
        """What is typed, and whom it may mean."""
        with Vertical(id="athlete") as box:
            yield Input(placeholder="name, id or badge; nothing for nobody", compact=True)
            people = OptionList(*self._options(""), id="people")
            people.can_focus = False  # letters go on into the line
            yield people
            yield Static("", id="wrong")
        box.border_title = Text(f"who lifts at {self._station}")
        box.border_subtitle = "⏎ take  ↑↓ choose  ^n new  ^e change  esc back"

    def on_input_changed(self, event: Input.Changed) -> None:
        """List the athletes that match the typed text."""
        self._moved = False
        self.query_one("#wrong", Static).update("")
        options = self.query_one(OptionList)
        found = self._options(event.value)
        options.clear_options().add_options(found)
        options.highlighted = 0 if len(found) == 1 else None

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Choose the athlete marked in the list, else the only one that matches."""
        event.stop()
        options = self.query_one(OptionList)
        if self._moved and options.highlighted is not None:
            self.dismiss(options.get_option_at_index(options.highlighted).id)
            return
        word = event.value.strip()
        try:
            self.dismiss(self._id_of(word) if word else "")
        except ValueError as error:
            self.query_one("#wrong", Static).update(Text(str(error)))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Choose the athlete that was clicked."""
        self.dismiss(event.option.id)

    def action_person(self, known: bool) -> None:
        """Enter a new athlete, or change the one that is marked."""
        options = self.query_one(OptionList)
        marked = None
        if known and options.highlighted is not None:
            chosen = options.get_option_at_index(options.highlighted).id
            marked = next((one for one in self._people if one.id == chosen), None)
        if known and marked is None:
            self.query_one("#wrong", Static).update("mark one with ↓ first")
            return
        word = self.query_one(Input).value.strip()
        self.dismiss(None)
        self._enter(marked, word)

    def action_move(self, step: int) -> None:
        """Mark the next athlete in the list."""
        options = self.query_one(OptionList)
        if options.option_count:
            before = options.highlighted if self._moved else None
            at = (0 if step > 0 else options.option_count - 1) if before is None else before + step
            options.highlighted = max(0, min(at, options.option_count - 1))
            self._moved = True

    def _options(self, word: str) -> list[Option]:
        found = matching(self._people, word) if word.strip() else self._people
        return [Option(self._line(one), id=one.id) for one in found]

    def _line(self, one: Athlete) -> Text:
        plan = self._plan_of(one)
        line = Text(column(clean(one.name), self._name_cells))
        line.append(f" {column(clean(one.badge or one.id), 8)}", "dim")
        if one.squad is not None:
            line.append(f" {cut(clean(one.squad), 9)}", "dim")
        if plan is not None:
            sets = f"{plan.sets}×" if plan.sets else ""
            reps = f" {sets}{plan.reps}" if plan.reps else ""
            load = "" if plan.load_kg is None else f" {plan.load_kg:g} kg"
            line.append(f" {cut(clean(plan.exercise), 20)}{load}{reps}", "dim")
        if one.note is not None:
            line.append(f"  ! {cut(clean(one.note), 80)}")
        return line
