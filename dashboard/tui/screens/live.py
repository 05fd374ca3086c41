"""A screen that stays up to date: it receives every new floor, also behind a dialog."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from textual.app import ComposeResult
from textual.screen import Screen

from dashboard.floor.state import StationKey, StationState
from dashboard.floor.views import StationView
from dashboard.tui.widgets.alerts import AlertStrip
from dashboard.tui.widgets.headline import Headline
from dashboard.tui.widgets.keys import Keys

if TYPE_CHECKING:
    from dashboard.tui.app import PlumblineApp


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
    key_lines = 2  # at most

    def compose(self) -> ComposeResult:
        """The headline, what stations call for, what the screen is about, the keys."""
        yield Headline()
        yield AlertStrip(id="alerts")
        yield from self.body()
        yield Keys(self.key_lines, id="keys")

    def body(self) -> ComposeResult:
        """What the screen is about."""
        raise NotImplementedError

    @property
    def coach(self) -> "PlumblineApp":
        """The app, which knows stations and people, and sends commands."""
        return cast("PlumblineApp", self.app)

    def show(self, shown: FloorSnapshot) -> None:
        """Show this snapshot."""
        raise NotImplementedError

    def answered(self) -> None:
        """Called when a command has been answered."""

    def ask(self, dialog: Screen[Any], act: Callable[[Any], None]) -> None:
        """Show a dialog, and act on what it gives; left with escape it gives None."""

        def chosen(answer: Any) -> None:
            if answer is not None:
                act(answer)

        self.app.push_screen(dialog, chosen)

    def action_back(self) -> None:
        """Return to the previous screen."""
        self.app.pop_screen()

    @property
    def is_ready(self) -> bool:
        """Whether the screen is composed and not being removed."""
        return self.is_mounted and bool(self.children) and self.display

    def head(self, shown: FloorSnapshot, title: str, but: Collection[StationKey] = ()) -> None:
        """The headline, and beneath it what stations call for, `but` those that are seen here."""
        self.query_one(Headline).show(f"{title}{shown.note}", shown.connection, shown.well)
        self.query_one(AlertStrip).show([one for one in shown.views if one.key not in but])
