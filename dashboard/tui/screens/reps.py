"""Putting a set right by keys: the rep that is selected, by its event id; the set that is shown.

Nothing here means "the newest": a rep that comes while a key is on its way changes nothing of what it does.
Where none is selected and just one rep of the set is doubtful, a mark settles that one.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from dashboard.floor.reps import RepView
from dashboard.floor.state import StationKey
from dashboard.floor.units import LB_PER_KG, Units
from dashboard.tui.dialogs.ask import AskScreen, Field, number_of
from dashboard.tui.keymap import named
from dashboard.tui.screens.live import LiveScreen
from station.messages import CommandName, Mark

KEYS: list[BindingType] = named(
    [
        Binding("up", "pick(-1)", "Rep", key_display="↑↓", tooltip="select the rep that a mark means"),
        Binding("down", "pick(1)", show=False),
        Binding("space", "mark('counted')", "Count", key_display="␣", tooltip="the rep counts, and no doubt"),
        Binding("f", "mark('false')", "False", tooltip="the rep was none"),
        Binding("h", "mark('partial')", "Half", tooltip="the rep was partial"),
        Binding("d", "mark('failed')", "Failed", tooltip="the rep was a failed attempt"),
        Binding("b", "add_rep", "Missed", tooltip="add a rep that the station missed"),
        Binding("w", "give", "Whose", tooltip="the set, or the rest of it, was another athlete's"),
        Binding("L", "load_set", "Set's load", tooltip="what the whole set was lifted with"),
    ]
)


class RepKeys(LiveScreen):
    """A screen with a set on it, one of whose reps may be selected."""

    BINDINGS: ClassVar[list[BindingType]] = KEYS
    picked: str | None = None  # the event id of the selected rep

    @property
    def shown_set(self) -> tuple[StationKey, str, str | None] | None:
        """Station, session and event id of the set that is shown; None where there is none."""
        raise NotImplementedError

    @property
    def set_reps(self) -> Sequence[RepView]:
        """Its reps, by number."""
        raise NotImplementedError

    def draw_reps(self) -> None:
        """Redraw after a change of the selection."""
        raise NotImplementedError

    @property
    def selected(self) -> RepView | None:
        """The selected rep, while it is there."""
        return next((rep for rep in self.set_reps if rep.event_id == self.picked), None)

    @property
    def mark_target(self) -> RepView | None:
        """The rep that a mark applies to: the selected one, else the set's only doubtful one."""
        doubtful = [rep for rep in self.set_reps if rep.doubtful]
        if self.picked is None and len(doubtful) == 1:
            return doubtful[0]
        return self.selected

    def action_pick(self, step: int) -> None:
        """Select the previous or the next rep; past the newest, none."""
        ids = [rep.event_id for rep in self.set_reps]
        place = ids.index(self.picked) if self.picked in ids else len(ids)
        place = max(0, place + step)
        self.picked = ids[place] if place < len(ids) else None
        self.draw_reps()

    def action_mark(self, mark: Mark) -> None:
        """Mark the selected rep, or the doubtful one."""
        rep = self.mark_target
        if rep is None:
            self.notify("select a rep first: ↑", severity="warning", markup=False)
            return
        self._correct("mark-rep", mark=mark, rep_event_id=rep.event_id)

    def action_add_rep(self) -> None:
        """Add a rep that the station missed."""
        if self.shown_set is not None:
            self._correct("add-rep", set_event_id=self.shown_set[2])

    def action_give(self) -> None:
        """Give the set to another athlete, from one of its reps on."""
        if self.shown_set is None:
            return
        reps, first = list(self.set_reps), self.selected
        numbers = {str(rep.measured.number): rep.event_id for rep in reps if not rep.marked_false}
        # Only a rep that somebody has selected: the whole set is meant far more often.
        start = "" if first is None or not reps or first is reps[0] else str(first.measured.number)
        sender = self.coach.sender

        def parse(given: list[str]) -> dict[str, Any]:
            if given[1] and given[1] not in numbers:
                raise ValueError(f"no rep {given[1][:9]!r} in this set")
            athlete = sender.athlete_of(given[0]) if given[0] else None
            return {"athlete": athlete, "rep_event_id": numbers.get(given[1])}

        fields = [
            Field("name, id or badge; nothing for nobody", "", self.coach.athletes()),
            Field("from which rep on; nothing for the whole set", start),
        ]
        self._ask_and_put_right(AskScreen("whose set it was", fields, parse), "give-set")

    def action_load_set(self) -> None:
        """Enter the load of the whole set."""
        if self.shown_set is None:
            return
        units = self.coach.units
        fields = [Field(units)]
        screen = AskScreen("load of the whole set", fields, lambda given: load_of(given[0], units))
        self._ask_and_put_right(screen, "load-set")

    def _ask_and_put_right(self, screen: AskScreen, name: CommandName) -> None:
        if self.shown_set is not None:
            key, session, of = self.shown_set
            correct = self.coach.sender.correct
            self.ask(screen, lambda given: correct(key, session, name, set_event_id=of, **given))

    def _correct(self, name: CommandName, **given: Any) -> None:
        if self.shown_set is not None:
            key, session, _ = self.shown_set
            self.coach.sender.correct(key, session, name, **given)


def load_of(text: str, units: Units) -> dict[str, Any]:
    """Parse a typed load into kilograms; empty is None. Raises ValueError with a text to show."""
    load = number_of(text, "load")
    return {"load_kg": load if load is None or units == "kg" else load / LB_PER_KG}
