"""One station whole: the tile, the motion, the path, what to say, and every rep of the set."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from dashboard.floor.running import set_summaries
from dashboard.floor.state import StationKey
from dashboard.floor.views import StationView
from dashboard.tui.screens.coach import CoachScreen
from dashboard.tui.screens.live import Shown
from dashboard.tui.widgets.alerts import AlertStrip
from dashboard.tui.widgets.headline import Headline
from dashboard.tui.widgets.keys import Keys
from dashboard.tui.widgets.reps import RepTable
from dashboard.tui.widgets.session import SessionLines
from dashboard.tui.widgets.tile import Tile
from dashboard.tui.widgets.trace import PathPlot, Trace


class StationScreen(CoachScreen):
    """One station."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Floor", tooltip="all stations"),
        Binding("up", "pick(-1)", "Rep", key_display="↑↓", tooltip="pick the rep that a mark means"),
        Binding("down", "pick(1)", show=False),
    ]

    def __init__(self, view: StationView) -> None:
        super().__init__()
        self._first = view
        self._shown = view
        self._picked: str | None = None  # event id

    @property
    def chosen(self) -> StationKey:
        """The station the keys mean."""
        return self._first.key

    @property
    def picked_rep(self) -> str | None:
        """The picked rep while it is there, else the newest."""
        if any(rep.event_id == self._picked for rep in self._shown.reps):
            return self._picked
        return super().picked_rep

    def compose(self) -> ComposeResult:
        """The headline, tile and curves above, the reps below, the keys."""
        yield Headline()
        yield AlertStrip(id="alerts")
        with Horizontal(id="upper"):
            yield Tile(self._first)
            yield Trace(id="trace")
            yield PathPlot(id="path")
        yield SessionLines(self.desk.profiles, id="session")
        yield RepTable(self._first, id="reps")
        yield Keys(id="keys")

    def show(self, shown: Shown) -> None:
        """Show the station as it is now."""
        self.head(shown, "/".join(self.chosen), own=self.chosen)
        session = shown.stations[self.chosen].newest
        view = self._shown = next(one for one in shown.views if one.key == self.chosen)
        self.desk.recall_of(view)
        self.query_one(Tile).show(view)
        self.query_one(SessionLines).show(view, set_summaries(session), self.desk.units)
        self.query_one("#trace", Trace).show(session.trace)
        self.query_one(PathPlot).show_path(session.trace, view)
        self._draw_reps()

    def action_pick(self, step: int) -> None:
        """Pick the rep before or after; beyond the newest, none."""
        ids = [rep.event_id for rep in self._shown.reps]
        place = ids.index(self._picked) if self._picked in ids else len(ids)
        place = max(0, place + step)
        self._picked = ids[place] if place < len(ids) else None
        self._draw_reps()

    def action_back(self) -> None:
        """To the floor."""
        self.app.pop_screen()

    def _draw_reps(self) -> None:
        self.query_one(RepTable).show(self._shown, self._picked)
