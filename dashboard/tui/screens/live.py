"""A screen that stays up to date: it receives every new floor, also behind a dialog."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from textual.screen import Screen

from dashboard.floor.state import StationKey, StationState
from dashboard.floor.views import StationView
from dashboard.tui.widgets.alerts import AlertStrip
from dashboard.tui.widgets.headline import Headline


class FloorSnapshot(NamedTuple):
    """The floor at one instant, the same for every screen."""

    views: Sequence[StationView]  # by name
    stations: Mapping[StationKey, StationState]
    connection: str
    well: bool  # whether the broker is there
    note: str = ""  # stands in the headline


class LiveScreen(Screen[None]):
    """A screen that receives the floor ten times a second, in front or behind a dialog."""

    reads = False  # whether it reads what its keys are about: they wait for it

    def show(self, shown: FloorSnapshot) -> None:
        """Show this snapshot."""
        raise NotImplementedError

    def answered(self) -> None:
        """Called when a command has been answered."""

    @property
    def is_ready(self) -> bool:
        """Whether the screen is composed and not being removed."""
        return self.is_mounted and bool(self.children) and self.display

    def head(self, shown: FloorSnapshot, title: str, but: Collection[StationKey] = ()) -> None:
        """The headline, and beneath it what stations call for, `but` those that are seen here."""
        self.query_one(Headline).show(f"{title}{shown.note}", shown.connection, shown.well)
        self.query_one(AlertStrip).show([one for one in shown.views if one.key not in but])
