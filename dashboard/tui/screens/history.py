"""The history screen: athletes and exercises, trends, two sets compared."""

from collections.abc import Callable
from datetime import MAXYEAR, MINYEAR, date
from io import StringIO
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.worker import Worker, get_current_worker

from dashboard.database.database import Database
from dashboard.database.schema import open_history
from dashboard.files import file_name
from dashboard.floor.times import UNREADABLE
from dashboard.history.export import COLUMNS, rows, write_csv
from dashboard.history.kept import Filter, KeptSet, Practised
from dashboard.history.queries import efforts, practised, sets, training_days, with_curves
from dashboard.history.standings import since_utc, standings
from dashboard.plaintext import clean
from dashboard.tui.dialogs.ask import AskScreen, Field
from dashboard.tui.keymap import named
from dashboard.tui.screens.live import FloorSnapshot, LiveScreen
from dashboard.tui.screens.past import PastSetScreen
from dashboard.tui.widgets.history import MEASURES, OVERLAYS, STANDINGS, HistoryLines, Page, SetKey
from station.errors import StoreError

CURVES_KEPT = 32  # sets, of some 10 kB each


class HistoryScreen(LiveScreen):
    """Reads the record in a thread of its own: one that is locked or slow does not stop the live screens."""

    BINDINGS: ClassVar[list[BindingType]] = named(
        [
            Binding("escape", "back", "Back", tooltip="to where you came from"),
            Binding("enter", "open", "Reps", key_display="⏎", tooltip="the set rep by rep, to put it right"),
            Binding("down", "choose(1)", "Who and what", key_display="↑↓"),
            Binding("up", "choose(-1)", show=False),
            Binding("left", "set(-1)", "Set", key_display="←→"),
            Binding("right", "set(1)", show=False),
            Binding("space", "mark", "Compare", key_display="␣", tooltip="this set with the next you choose"),
            Binding("m", "measure", "Measure", tooltip="what the curve shows"),
            Binding("b", "page('board')", "Board", tooltip="who of the squad stands where in this exercise"),
            Binding("d", "page('days')", "Days", tooltip="the days somebody has trained, month by month"),
            Binding("p", "report", "Page", tooltip="the athlete's report as a page to print"),
            Binding("x", "export", "Export", tooltip="the reps of this line as a table for other programs"),
            Binding(
                "slash",
                "filter",
                "Filter",
                key_display="/",
                tooltip="athlete, squad or exercise by a word",
            ),
            Binding("r", "read", "Read", tooltip="the record once more"),
        ]
    )

    def __init__(self, where: str | None) -> None:
        """`where` is the record's path or URL, None for this machine's own."""
        super().__init__()
        self._where = where
        self.reads = True  # for the first time: later one goes through the list as fast as one likes
        self._word = ""
        self._of_days: Practised | None = None  # whose month is shown

    def body(self) -> ComposeResult:
        """Everything."""
        yield HistoryLines(self.coach.profiles, id="past")

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
        if past.page == "days":
            month = 12 * past.month.year + past.month.month - 1 + step
            month = max(12 * MINYEAR, min(month, 12 * MAXYEAR + 11))
            past.month = date(month // 12, month % 12 + 1, 1)
            past.draw_anew()
            return
        past.place = max(0, min(past.place + step, len(past.sets) - 1))
        if past.page == "board":
            self.action_read()  # velocities are compared at the set's load
        self._show_pair()

    def action_mark(self) -> None:
        """Mark this set for comparison with the chosen one; again to clear the mark."""
        past = self._past
        past.marked = past.sets[past.place] if past.marked is None and past.sets else None
        self._show_pair()

    def action_measure(self) -> None:
        """The next measure; of two sets over each other the next of what is laid over."""
        past = self._past
        if past.page == "board":
            past.standing = STANDINGS[(STANDINGS.index(past.standing) + 1) % len(STANDINGS)]
            past.places = None
            past.draw_anew()
            self.action_read()
            return
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
        if past.marked is None or past.overlay in ("bars", "tempo", "deviation") or not past.sets:
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

    def action_page(self, page: Page) -> None:
        """Show the squad's standings or the days of training; again the sets."""
        past = self._past
        past.page = "sets" if past.page == page else page
        past.places = None
        past.draw_anew()
        self.action_read()

    def action_report(self) -> None:
        """Hand out the chosen athlete's report."""
        self._hand_out(self._report)

    def action_export(self) -> None:
        """Hand out the chosen line's reps."""
        self._hand_out(self._export)

    def _hand_out(self, make: Callable[[Practised], tuple[str, str]]) -> None:
        past = self._past
        if past.chosen >= len(past.practised):
            return
        line = past.practised[past.chosen]

        def work() -> None:
            try:
                name, text = make(line)
            except StoreError as error:
                words = str(error)
                self.app.call_from_thread(lambda: self.notify(words, severity="error", markup=False))
                return
            self.app.call_from_thread(self.coach.hand_out, name, text)

        self.run_worker(work, thread=True, group="hand out")

    def _report(self, line: Practised) -> tuple[str, str]:
        from dashboard.history.report import athlete_report  # noqa: PLC0415  matplotlib

        who = self.coach.names.get(line.athlete or "", line.athlete or "Athlete not named")
        with open_history(self._where) as db:
            done = [one for one in sets(db, Filter(athlete=line.athlete)) if one.athlete == line.athlete]
        return file_name(line.athlete or "", ".html"), athlete_report(who, done, self.coach.profiles).html

    def _export(self, line: Practised) -> tuple[str, str]:
        wanted = Filter(athlete=line.athlete, exercise=line.exercise)
        held = StringIO()
        with open_history(self._where) as db:
            write_csv(rows(db, "reps", wanted), COLUMNS["reps"], held)
        return file_name(f"{line.athlete or 'nobody'}-{line.exercise}", ".csv"), held.getvalue()

    def action_open(self) -> None:
        """Show the chosen set rep by rep."""
        past = self._past
        if past.sets:
            self.app.push_screen(PastSetScreen(self._where, past.sets[past.place]))

    def answered(self) -> None:
        """Reload after a correction."""
        self.action_read()

    def action_filter(self) -> None:
        """Ask for a word; nothing shows everything."""

        def find(given: dict[str, str]) -> None:
            self._word = given["word"].casefold()
            self._past.chosen = 0
            self._past.practised = ()
            self.action_read()

        fields = [Field("a word of the athlete, the squad or the exercise", self._word)]
        self.ask(AskScreen("filter", fields, lambda given: {"word": given[0]}), find)

    @property
    def _past(self) -> HistoryLines:
        return self.query_one(HistoryLines)

    def _read(self, chosen: Practised | None) -> None:
        """In the thread: what was practised, and the sets of the chosen line or else the first."""
        reading = get_current_worker()
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
                    self._read_page(db, line, done)
            finally:
                db.close()
        except StoreError as error:
            self.app.call_from_thread(self._show, reading, (), None, (), str(error))
            return
        self.app.call_from_thread(self._show, reading, found, line, done, None)

    def _read_page(self, db: Database, line: Practised, done: list[KeptSet]) -> None:
        """In the thread: what the page beside the list needs."""
        past = self._past
        if past.page == "days":
            past.days = training_days(db, line.athlete)
            newest = max(past.days, default="1970-01-01")
            if past.month.year == UNREADABLE.year or line != self._of_days:
                past.month = date.fromisoformat(f"{newest[:7]}-01")
            self._of_days = line
        if past.page == "board":
            squad = self.coach.squads.get(line.athlete or "")
            since = since_utc(line.last_utc)
            profile = self.coach.profiles.get(line.exercise)
            theirs = efforts(db, line.exercise, since, profile.tempo if profile else None)
            if squad is not None:
                theirs = [one for one in theirs if self.coach.squads.get(one.athlete or "") == squad]
            load_kg = done[min(past.place, len(done) - 1)].load_kg if done else None
            by = past.standing
            places = standings(theirs, by, load_kg)
            if by == past.standing:  # else the next reading has been asked for
                past.places, past.squad = places, squad

    def _fits(self, one: Practised) -> bool:
        profile = self.coach.profiles.get(one.exercise)
        called = (profile.title, *profile.aliases) if profile else ()
        athlete = one.athlete or ""
        who = (athlete, self.coach.names.get(athlete, ""), self.coach.squads.get(athlete, ""))
        return self._word in " ".join([*who, one.exercise, *called]).casefold()

    def _show(
        self,
        reading: Worker[None],
        found: list[Practised] | tuple[()],
        line: Practised | None,
        done: list[KeptSet] | tuple[()],
        problem: str | None,
    ) -> None:
        if reading.is_cancelled or not self.is_attached:
            return  # a newer reading was asked for, of another line
        self.reads = False
        past = self._past
        newest = [one.key for one in past.sets] != [one.key for one in done]
        past.practised, past.sets, past.problem = found, done, problem
        past.empty = "nothing has been recorded yet"
        if self._word:
            past.empty = f"nothing of {clean(self._word, 20)!r} in the record; / and an empty line show all"
        past.chosen = found.index(line) if line is not None else 0
        past.units, past.names = self.coach.units, self.coach.names
        if newest:
            past.place = max(0, len(done) - 1)
        past.draw_anew()


def _line(one: Practised) -> tuple[str | None, str]:
    return one.athlete, one.exercise
