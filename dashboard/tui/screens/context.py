"""What a coach's screens need of the app."""

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
    """What a coach's screens need of the app."""

    profiles: dict[str, Profile]
    sender: CommandSender

    @property
    def units(self) -> Units:
        """Kilograms or pounds."""

    @property
    def names(self) -> Names:
        """What athletes are called, by id."""

    def view_of(self, key: StationKey) -> StationView:
        """The station as it is now."""

    def recall_of(self, view: StationView) -> None:
        """The sets before, of whoever lifts there, are looked at from now on."""

    def people_at(self, key: StationKey) -> list[Athlete]:
        """Everybody the record knows, whoever is likely to lift at a station first."""

    def athletes(self) -> list[str]:
        """Whoever lifts anywhere."""


class ContextScreen(LiveScreen):
    """A screen of the coach's."""

    @property
    def desk(self) -> CoachContext:
        """The app."""
        return cast(CoachContext, self.app)
