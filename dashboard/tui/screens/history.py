"""The history screen: athletes and exercises, trends, two sets compared."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from dashboard.database.schema import open_history
from dashboard.history.kept import Filter, KeptSet, Practised
from dashboard.history.queries import practised, sets, with_curves
from dashboard.plaintext import clean
from dashboard.tui.dialogs.ask import AskScreen, Field
from dashboard.tui.screens.context import CoachContext
from dashboard.tui.screens.live import FloorSnapshot, LiveScreen
from dashboard.tui.screens.past import PastSetScreen
from dashboard.tui.widgets.alerts import AlertStrip
from dashboard.tui.widgets.headline import Headline
from dashboard.tui.widgets.history import MEASURES, OVERLAYS, HistoryLines, SetKey
from dashboard.tui.widgets.keys import Keys
from station.errors import StoreError

CURVES_KEPT = 32  # sets, of some 10 kB each


class HistoryScreen(LiveScreen):
    """Reads the record in a thread of its own: one that is locked or slow does not stop the live screens."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", tooltip="to where you came from"),
        Binding("enter", "open", "Reps", key_display="⏎", tooltip="the set rep by rep, to put it right"),
        Binding("down", "choose(1)", "Who and what", key_display="↑↓"),
        Binding("up", "choose(-1)", show=False),
        Binding("left", "set(-1)", "Set", key_display="←→"),
        Binding("right", "set(1)", show=False),
        Binding("space", "mark", "Compare", key_display="␣", tooltip="this set with the next you choose"),
        Binding("m", "measure", "Measure", tooltip="what the curve shows"),
        Binding("slash", "filter", "Filter", key_display="/", tooltip="athletes and exercises by a word"),
        Binding("r", "read", "Read", tooltip="the record once more"),
    ]

    def __init__(self, coach: CoachContext, where: str | None) -> None:
        """`where` is the record's path or URL, None for this machine's own."""
        super().__init__()
        self._coach = coach
        self._where = where
        self._word = ""

    def compose(self) -> ComposeResult:
        """Headline, everything, keys."""
        yield Headline()
        yield AlertStrip(id="alerts")
        yield HistoryLines(self._coach.profiles, id="past")
        yield Keys(id="keys")

    def show(self, shown: FloorSnapshot) -> None:
        """Update the headline and the alerts; the record is read only on request."""
        self.head(shown, f"history, of {self._word!r}" if self._word else "history")

    def on_mount(self) -> None:
        """Read what there is."""
        self.action_read()

    def action_read(self) -> None:
        """Reload the record, keeping the choice."""
        past = self._past
        chosen = past.practised[past.chosen] if past.chosen < len(past.practised) else None
        self.run_worker(lambda: self._read(chosen), thread=True, exclusive=True)

    def action_choose(self, step: int) -> None:
        """Choose the next or the previous line of athlete and exercise."""
        past = self._past
        past.chosen = max(0, min(past.chosen + step, len(past.practised) - 1))
        past.marked = None
        past.draw_anew()
        self.action_read()

    def action_set(self, step: int) -> None:
        """Choose an older or a newer set."""
        past = self._past
        past.place = max(0, min(past.place + step, len(past.sets) - 1))
        self._show_pair()

    def action_mark(self) -> None:
        """Mark this set for comparison with the chosen one; again to clear the mark."""
        past = self._past
        past.marked = past.sets[past.place] if past.marked is None and past.sets else None
        self._show_pair()

    def action_measure(self) -> None:
        """The next measure; of two sets over each other the next of what is laid over."""
        past = self._past
        if past.marked is not None:
            past.overlay = OVERLAYS[(OVERLAYS.index(past.overlay) + 1) % len(OVERLAYS)]
            self._show_pair()
            return
        past.measure = MEASURES[(MEASURES.index(past.measure) + 1) % len(MEASURES)]
        past.draw_anew()

    def _show_pair(self) -> None:
        """Draw; the curves of two sets over each other are read where they have not been."""
        past = self._past
        past.draw_anew()
        if past.marked is None or past.overlay == "bars" or not past.sets:
            return
        wanted = [one for one in (past.marked, past.sets[past.place]) if one.key not in past.curves]
        if wanted:
            self.run_worker(lambda: self._read_curves(wanted), thread=True, group="curves")

    def _read_curves(self, wanted: list[KeptSet]) -> None:
        try:
            with open_history(self._where) as db:
                found = {one.key: with_curves(db, one) for one in wanted}
        except StoreError:
            return  # the reps are shown, and reading them anew says what is wrong
        self.app.call_from_thread(self._take_curves, found)

    def _take_curves(self, found: dict[SetKey, KeptSet]) -> None:
        if self.is_attached:
            past = self._past
            past.curves = dict(list((dict(past.curves) | found).items())[-CURVES_KEPT:])
            past.draw_anew()

    def action_open(self) -> None:
        """Show the chosen set rep by rep."""
        past = self._past
        if past.sets:
            self.app.push_screen(PastSetScreen(self._coach, self._where, past.sets[past.place]))

    def answered(self) -> None:
        """Reload after a correction."""
        self.action_read()

    def action_filter(self) -> None:
        """Ask for a word; nothing shows everything."""

        def chosen(word: dict[str, str] | None) -> None:
            if word is not None:
                self._word = word["word"].casefold()
                self._past.chosen = 0
                self._past.practised = ()
                self.action_read()

        fields = [Field("a word of the athlete or the exercise", self._word)]
        self.app.push_screen(AskScreen("filter", fields, lambda given: {"word": given[0]}), chosen)

    def action_back(self) -> None:
        """Return to the previous screen."""
        self.app.pop_screen()

    @property
    def _past(self) -> HistoryLines:
        return self.query_one(HistoryLines)

    def _read(self, chosen: Practised | None) -> None:
        """In the thread: what was practised, and the sets of the chosen line or else the first."""
        try:
            db = open_history(self._where)
            try:
                found = [one for one in practised(db) if self._fits(one)]
                same = [one for one in found if chosen is not None and _line(one) == _line(chosen)]
                line = next(iter(same or found), None)
                done: list[KeptSet] = []
                if line is not None:
                    done = sets(db, Filter(athlete=line.athlete, exercise=line.exercise))
                    done = [one for one in done if one.athlete == line.athlete]
            finally:
                db.close()
        except StoreError as error:
            self.app.call_from_thread(self._show, (), None, (), str(error))
            return
        self.app.call_from_thread(self._show, found, line, done, None)

    def _fits(self, one: Practised) -> bool:
        profile = self._coach.profiles.get(one.exercise)
        called = (profile.title, *profile.aliases) if profile else ()
        who = (one.athlete or "", self._coach.names.get(one.athlete or "", ""))
        return self._word in " ".join([*who, one.exercise, *called]).casefold()

    def _show(
        self,
        found: list[Practised] | tuple[()],
        line: Practised | None,
        done: list[KeptSet] | tuple[()],
        problem: str | None,
    ) -> None:
        if not self.is_attached:
            return
        past = self._past
        newest = [one.key for one in past.sets] != [one.key for one in done]
        past.practised, past.sets, past.problem = found, done, problem
        past.empty = "nothing has been recorded yet"
        if self._word:
            past.empty = f"nothing of {clean(self._word, 20)!r} in the record; / and an empty line show all"
        past.chosen = found.index(line) if line is not None else 0
        past.units, past.names = self._coach.units, self._coach.names
        if newest:
            past.place = max(0, len(done) - 1)
        past.draw_anew()


def _line(one: Practised) -> tuple[str | None, str]:
    return one.athlete, one.exercise
