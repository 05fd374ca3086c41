"""The interface of the app that a coach's screens use."""

from collections.abc import Mapping
from typing import Protocol, cast

from dashboard.floor.names import Names
from dashboard.floor.state import StationKey
from dashboard.floor.units import Units
from dashboard.floor.views import StationView
from dashboard.roster.people import Athlete
from dashboard.tui.commands import CommandSender
from dashboard.tui.screens.live import LiveScreen
from station.exercises import Profile


class CoachContext(Protocol):
    """The interface of the app that a coach's screens use."""

    profiles: dict[str, Profile]
    sender: CommandSender

    @property
    def units(self) -> Units:
        """The unit of loads: kilograms or pounds."""

    @property
    def names(self) -> Names:
        """The athletes' names by id."""

    @property
    def squads(self) -> Mapping[str, str]:
        """The athletes' squads by id."""

    def hand_out(self, name: str, text: str) -> None:
        """Give a file to whoever looks: into the downloads, or to the browser."""

    def view_of(self, key: StationKey) -> StationView:
        """The current view of a station."""

    def recall_of(self, view: StationView) -> None:
        """Have the earlier sets of whoever lifts there read from the record."""

    def people_at(self, key: StationKey) -> list[Athlete]:
        """All athletes of the record, those likely to lift at a station first."""

    def athletes(self) -> list[str]:
        """Names and ids of all athletes."""


class ContextScreen(LiveScreen):
    """A screen that uses the app as its CoachContext."""

    @property
    def coach(self) -> CoachContext:
        """The app as CoachContext."""
        return cast(CoachContext, self.app)
