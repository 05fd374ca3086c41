"""A past set rep by rep, to be put right by the station screen's keys; the record answers."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from dashboard.database.schema import open_history
from dashboard.floor.names import name_of, shortened
from dashboard.floor.reps import NO_TEMPO, RepView, rep_view
from dashboard.floor.state import StationKey
from dashboard.floor.times import minute_of
from dashboard.floor.units import load_words
from dashboard.history.kept import KeptSet, WholeSet
from dashboard.history.queries import whole_set
from dashboard.tui.keymap import named
from dashboard.tui.plots.curve import CurvePlot, of_rep, of_set
from dashboard.tui.screens.live import FloorSnapshot
from dashboard.tui.screens.reps import RepKeys
from dashboard.tui.widgets.reps import PastSet, RepTable
from station.errors import StoreError
from station.exercises import VelocityTarget
from station.exercises.judge import asked_of, velocity_zone
from station.exercises.surety import fastest_of

READ_EACH_S = 2.0  # what the station still held comes to the record by way of its outbox


class PastSetScreen(RepKeys):
    """One set of the record. Read in a thread of its own, again after whatever was answered."""

    BINDINGS: ClassVar[list[BindingType]] = named(
        [
            Binding("escape", "back", "Back", tooltip="to the history"),
            Binding("u", "undo", "Undo", tooltip="take back what was put right last"),
        ]
    )

    def __init__(self, where: str | None, chosen: KeptSet) -> None:
        """`where` is the record's path or URL, None for this machine's own."""
        super().__init__()
        self._where = where
        self._key = chosen.key
        self._whole = WholeSet(event_id=None, reps=chosen.reps)
        self._problem = ""

    @property
    def shown_set(self) -> tuple[StationKey, str, str | None] | None:
        """The set that is shown."""
        site, station, session, number = self._key
        return (site, station), session, self._whole.event_id or f"{session}-s{number}"

    @property
    def set_reps(self) -> Sequence[RepView]:
        """Its reps, those that a person has struck among them."""
        return self._past_set().reps

    def body(self) -> ComposeResult:
        """Reps and curves."""
        yield RepTable(self._past_set(), id="set-reps")
        yield CurvePlot(id="set-curve")

    def on_mount(self) -> None:
        """Read all of it."""
        self.read()
        self.set_interval(READ_EACH_S, self.read)

    def show(self, shown: FloorSnapshot) -> None:
        """Which set it is, and what the stations call for."""
        self.head(shown, self._problem or self._title())

    def answered(self) -> None:
        """Reload after an answered command."""
        self.read()

    def read(self) -> None:
        """Reload the set from the record."""
        self.run_worker(self._read, thread=True, exclusive=True)

    def draw_reps(self) -> None:
        """The table, its selected rep marked, and below it that rep's curve, or all of the set's."""
        past = self._past_set()
        self.query_one(RepTable).show(past, self.picked)
        selected = next((rep for rep in past.reps if rep.event_id == self.picked), None)
        self.query_one(CurvePlot).show(*(of_rep(selected) if selected else of_set(past.reps)))

    def action_undo(self) -> None:
        """Undo the last correction."""
        site, station, _, _ = self._key
        self.coach.sender.undo_correction((site, station))

    def _title(self) -> str:
        if not self._whole.reps:
            return "this set has no reps any more"
        first = self._whole.reps[0]
        load = load_words(self._whole.reps[-1].load_kg, self.coach.units) or "no load"
        who = shortened(name_of(first.athlete, self.coach.names) or "nobody", 24)
        profile = self.coach.profiles.get(first.exercise)
        what = profile.title if profile else first.exercise
        return f"{first.station} set {self._key[3]}, {who}, {what}, {load}, {minute_of(first.at_utc)}"

    def _past_set(self) -> PastSet:
        reps = self._whole.reps
        profile = self.coach.profiles.get(reps[0].exercise) if reps else None
        fastest = fastest_of(one.rep for one in reps)
        return PastSet(
            reps=tuple(rep_view(one.event_id, one.state, one.rep, profile, fastest) for one in reps),  # type: ignore[arg-type]
            target_tempo_s=asked_of(profile.tempo) if profile else NO_TEMPO,
            path_limit_m=profile.path_limit_m if profile else None,
            velocity_zone=velocity_zone(profile.velocity) if profile else (None, None),
            velocity_target=profile.velocity if profile else VelocityTarget(),
            loss_cutoff_pct=profile.velocity_loss_cutoff_pct if profile else None,
            sees_path=any(one.rep.path_deviation_m is not None for one in reps),
        )

    def _read(self) -> None:
        try:
            with open_history(self._where) as db:
                found, problem = whole_set(db, self._key), ""
        except StoreError as error:
            found, problem = self._whole, str(error)
        self.app.call_from_thread(self._take, found, problem)

    def _take(self, found: WholeSet, problem: str) -> None:
        if self.is_attached:
            self._whole, self._problem = found, problem
            self.draw_reps()
