"""A screen that lives on: whatever lies over it, it is shown every new floor."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from textual.screen import Screen

from dashboard.floor.state import StationKey, StationState
from dashboard.floor.views import StationView
from dashboard.tui.widgets.alerts import AlertStrip
from dashboard.tui.widgets.headline import Headline


class Shown(NamedTuple):
    """The floor as every screen is shown it, so that all say the same."""

    views: Sequence[StationView]  # by name
    stations: Mapping[StationKey, StationState]
    connection: str
    well: bool  # whether the broker is there
    note: str = ""  # stands in the headline


class LiveScreen(Screen[None]):
    """Shown the floor ten times a second, in front or behind a dialog."""

    def show(self, shown: Shown) -> None:
        """Show this from now on."""
        raise NotImplementedError

    def answered(self) -> None:
        """Something that was asked for has been done, or refused."""

    @property
    def is_ready(self) -> bool:
        """Composed, and not being taken down."""
        return self.is_mounted and bool(self.children) and self.display

    def head(self, shown: Shown, title: str, but: Collection[StationKey] = ()) -> None:
        """The headline, and beneath it what stations call for, `but` those that are seen here."""
        self.query_one(Headline).show(f"{title}{shown.note}", shown.connection, shown.well)
        for strip in self.query(AlertStrip):
            strip.show([one for one in shown.views if one.key not in but])
