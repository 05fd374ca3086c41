"""The dashboard on a terminal: shows what the client received ten times a second, and sends commands."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen

from dashboard.client import Client
from dashboard.events import FloorChanged, read_all
from dashboard.screens.exercise import ExerciseScreen
from dashboard.screens.floor import FloorScreen
from dashboard.screens.station import StationScreen
from dashboard.state import FloorState, StationKey, apply_all
from dashboard.views import StationView, view
from dashboard.widgets.headline import Headline
from dashboard.widgets.tile import Tile
from station.exercises import Profile
from station.messages import CommandMessage, CommandName, ReplyMessage, new_id, now_utc

FLUSH_S = 0.1
GLANCE_S = 0.02  # a rep does not wait for the next flush: the lifter looks up at lockout
SHOW_AGAIN = 5  # flushes without news after which ages are shown anew


class PlumblineApp(App[int]):
    """The floor, and the stations behind it."""

    CSS_PATH = "app.tcss"
    TITLE = "Plumbline"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "exercise", "Exercise"),
        Binding("t", "command('tare')", "Tare"),
        Binding("x", "command('end-set')", "End set"),
        Binding("q,ctrl+c", "leave", "Quit", key_display="q"),
    ]

    def __init__(
        self,
        client: Client,
        profiles: Mapping[str, Profile],
        clock: Callable[[], float] = time.monotonic,
        stop: threading.Event | None = None,
        trouble: Callable[[], str | None] = lambda: None,
        on_floor: Callable[[FloorState], None] = lambda _: None,
        note: str = "",
        seconds: float | None = None,
    ) -> None:
        """Show what `client` receives.

        `clock` is the one the client stamps with; `stop` set ends the app, and so does the end of `seconds`;
        `trouble` says what is wrong outside the broker, if anything; `on_floor` sees every new floor; `note`
        stands in the headline.
        """
        super().__init__()
        self.client = client
        self.floor = FloorState()
        self.refused = 0  # packets that were no message of ours
        self._profiles = profiles
        self._clock = clock
        self._stop = stop or threading.Event()
        self._trouble = trouble
        self._on_floor = on_floor
        self._note = note
        self._seconds = seconds
        self._flushes = 0

    def get_default_screen(self) -> Screen[None]:
        """The floor lies under everything."""
        return FloorScreen()

    def on_mount(self) -> None:
        """Begin to show."""
        self.set_interval(FLUSH_S, self.flush)
        self.set_interval(GLANCE_S, self.glance)
        if self._seconds is not None:
            self.set_timer(self._seconds, self.action_leave)

    def glance(self) -> None:
        """Flush at once where a rep, a set or an answer has come."""
        if self.client.inbox.pressing:
            self.flush()

    def flush(self) -> None:
        """Take in what has arrived and post the floor as it is now."""
        if self._stop.is_set():
            # Left to itself a signal leaves the terminal in its alternate screen, deaf and without a cursor.
            self.exit(0)
            return
        arrivals, refused = read_all(self.client.inbox.drain())
        self.refused += refused
        for arrival in arrivals:
            if isinstance(arrival.message, ReplyMessage):
                self._answered(arrival.message)
        for asked in self.client.unanswered():
            self.notify(f"{asked.station}: no answer to {asked.command.name}", severity="error", markup=False)
        self.floor = apply_all(self.floor, arrivals)
        self._on_floor(self.floor)
        self._flushes += 1
        if arrivals or self._flushes % SHOW_AGAIN == 0:
            self.post_message(FloorChanged(self.floor))

    def on_floor_changed(self, event: FloorChanged) -> None:
        """Show the floor on the screen that is in front."""
        now_s = self._clock()
        up = self.client.connection.up
        screen = self.screen_stack[-1]
        if isinstance(screen, FloorScreen):
            stations = event.floor.stations.values()
            views = sorted((view(s, self._profiles, now_s, up) for s in stations), key=lambda one: one.key)
            screen.show(views)
            title = f"{len(views)} station{'s' * (len(views) != 1)} {screen.order_name}"
        elif isinstance(screen, StationScreen):
            station = event.floor.stations[screen.chosen]
            screen.show(view(station, self._profiles, now_s, up), station)
            title = "/".join(screen.chosen)
        else:
            return
        screen.query_one(Headline).show(f"{title}{self._note}", *self._connection())

    def on_tile_opened(self, event: Tile.Opened) -> None:
        """Show a station whole."""
        if isinstance(self.screen, FloorScreen):
            self.push_screen(StationScreen(self._view(event.key)))
            self.post_message(FloorChanged(self.floor))

    def action_exercise(self) -> None:
        """Choose what the station counts next."""
        key = self._chosen()
        if key is None:
            return

        def chosen(name: str | None) -> None:
            if name is not None:
                self._send(key, "set-exercise", exercise=name)

        current = self._view(key).exercise
        self.push_screen(ExerciseScreen(self._profiles, key[1], current), chosen)

    def action_command(self, name: CommandName) -> None:
        """Send a command to the chosen station."""
        key = self._chosen()
        if key is not None:
            self._send(key, name)

    def action_leave(self) -> None:
        """End the dashboard."""
        self.exit(0)

    def _chosen(self) -> StationKey | None:
        screen = self.screen
        return screen.chosen if isinstance(screen, FloorScreen | StationScreen) else None

    def _view(self, key: StationKey) -> StationView:
        return view(self.floor.stations[key], self._profiles, self._clock(), self.client.connection.up)

    def _send(self, key: StationKey, name: CommandName, exercise: str | None = None) -> None:
        command = CommandMessage(
            event_id=new_id(), at_utc=now_utc(), name=name, by="dashboard", exercise=exercise
        )
        if not self.client.send(*key, command):
            self.notify(f"{key[1]}: not sent, no broker", severity="error", markup=False)

    def _answered(self, reply: ReplyMessage) -> None:
        asked = self.client.answered(reply)
        if asked is not None:
            self.notify(
                f"{asked.station}: {reply.text}",
                severity="information" if reply.ok else "error",
                markup=False,
            )

    def _connection(self) -> tuple[str, bool]:
        trouble = self._trouble()
        if trouble is not None:
            return trouble, False
        connection = self.client.connection
        lost = self.client.inbox.dropped + self.refused
        words = connection.text + (f", {lost} messages unusable" if lost else "")
        return (words if connection.up else f"broker: {words}"), connection.up
