"""One station whole: the tile, the motion, the path, what to say, and every rep of the set."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.geometry import Size

from dashboard.floor.reps import RepView
from dashboard.floor.running import set_summaries
from dashboard.floor.state import StationKey
from dashboard.floor.views import StationView
from dashboard.tui.plots.curve import CurvePlot, of_rep
from dashboard.tui.plots.trace import PathPlot, Trace
from dashboard.tui.screens.coach import CoachScreen
from dashboard.tui.screens.live import FloorSnapshot
from dashboard.tui.screens.reps import RepKeys
from dashboard.tui.widgets.alerts import AlertStrip
from dashboard.tui.widgets.coaching import CoachingLines
from dashboard.tui.widgets.keys import Keys
from dashboard.tui.widgets.reps import RepTable
from dashboard.tui.widgets.tile import MIN_HEIGHT, Tile


class StationScreen(RepKeys, CoachScreen):
    """One station."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Floor", tooltip="all stations"),
    ]

    def __init__(self, view: StationView) -> None:
        super().__init__()
        self._first = view
        self._shown = view
        self._session: str = ""

    @property
    def chosen(self) -> StationKey:
        """The station that keys act on."""
        return self._first.key

    @property
    def shown_set(self) -> tuple[StationKey, str, str | None] | None:
        """The running set."""
        shown = self._shown
        return (shown.key, self._session, shown.set_event_id) if shown.set_number else None

    @property
    def set_reps(self) -> Sequence[RepView]:
        """Its reps."""
        return self._shown.reps

    def body(self) -> ComposeResult:
        """Tile and curves above, the reps below."""
        with Horizontal(id="upper"):
            yield Tile(self._first)
            yield Trace(id="trace")
            yield PathPlot(id="path")
            yield CurvePlot(id="curve")
        yield CoachingLines(self.coach.profiles, id="session")
        yield RepTable(self._first, self._left_for_reps, id="reps")

    def show(self, shown: FloorSnapshot) -> None:
        """Show the station as it is now."""
        self.head(shown, "/".join(self.chosen), but=[self.chosen])
        session = shown.stations[self.chosen].newest
        self._session = session.session
        view = self._shown = next(one for one in shown.views if one.key == self.chosen)
        self.coach.recall_of(view)
        self.query_one(Tile).show(view)
        self.query_one(CoachingLines).show(view, set_summaries(session), self.coach.units, self.coach.names)
        self.query_one("#trace", Trace).show(session.trace)
        self.query_one(PathPlot).show_path(session.trace, view)
        self.draw_reps()

    def _left_for_reps(self, viewport: Size, width: int) -> int:
        """Lines that headline, alerts, a small tile, what to say and the keys leave."""
        others = [self.query_one(kind) for kind in (AlertStrip, CoachingLines, Keys)]
        taken = sum(one.get_content_height(viewport, viewport, width) for one in others if one.display)
        return viewport.height - 1 - MIN_HEIGHT - taken

    def draw_reps(self) -> None:
        """The table, its selected rep marked, and that rep's curve in the place of what moves now."""
        self.query_one(RepTable).show(self._shown, self.picked)
        rep = self.selected
        self.set_class(rep is not None, "-picked")
        if rep is not None:
            self.query_one(CurvePlot).show(*of_rep(rep))
