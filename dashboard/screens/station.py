"""One station whole: the tile, the motion, the path and every rep of the set."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets import Footer

from dashboard.state import StationKey, StationState
from dashboard.views import StationView
from dashboard.widgets.headline import Headline
from dashboard.widgets.reps import RepTable
from dashboard.widgets.tile import Tile
from dashboard.widgets.trace import PathPlot, Trace


class StationScreen(Screen[None]):
    """One station."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", "Floor")]

    def __init__(self, view: StationView) -> None:
        super().__init__()
        self._first = view

    @property
    def chosen(self) -> StationKey:
        """The station the keys mean."""
        return self._first.key

    def compose(self) -> ComposeResult:
        """The headline, tile and curves above, the reps below, the keys."""
        yield Headline()
        with Horizontal(id="upper"):
            yield Tile(self._first)
            yield Trace(id="trace")
            yield PathPlot(id="path")
        yield RepTable(self._first, id="reps")
        yield Footer(show_command_palette=False)

    def show(self, view: StationView, station: StationState) -> None:
        """Show the station as it is now."""
        self.query_one(Tile).show(view)
        self.query_one(RepTable).show(view)
        for plot in self.query(Trace):
            plot.show(station.current.trace)

    def action_back(self) -> None:
        """To the floor."""
        self.app.pop_screen()
