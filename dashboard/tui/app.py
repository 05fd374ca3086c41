"""The dashboard on a terminal: shows what the client received ten times a second, and sends commands."""

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from io import StringIO
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

from platformdirs import user_downloads_path
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.driver import Driver
from textual.notifications import SeverityLevel
from textual.screen import ModalScreen, Screen

from dashboard.broker.events import read_all
from dashboard.broker.source import FloorSource
from dashboard.floor.attention import Attention
from dashboard.floor.names import Names
from dashboard.floor.state import FloorState, StationKey, StationState, apply_all
from dashboard.floor.views import StationView, Views
from dashboard.history.kept import RecordSnapshot
from dashboard.history.recall import Recall
from dashboard.roster.people import Athlete
from dashboard.tui.choices import ChoosingApp
from dashboard.tui.commands import CommandSender, Result, likely_first, names
from dashboard.tui.keymap import named
from dashboard.tui.lifter.screen import LifterScreen
from dashboard.tui.messages import FloorChanged, Urgent
from dashboard.tui.screens.coach import CoachScreen
from dashboard.tui.screens.floor import FloorScreen
from dashboard.tui.screens.health import HealthScreen
from dashboard.tui.screens.live import FloorSnapshot, LiveScreen
from dashboard.tui.screens.station import StationScreen
from dashboard.tui.terminal import Terminal
from dashboard.tui.timers import after
from dashboard.tui.touch import TouchShell
from dashboard.tui.widgets.tile import Tile
from station.exercises import Profile
from station.messages import ReplyMessage

if TYPE_CHECKING:
    from dashboard.sound.sounds import Sounds
    from dashboard.tui.screens.history import HistoryScreen

FLUSH_S = 0.1
# A rep waits no longer than the longer of these for a flush: the lifter looks up at lockout.
URGENT_S, URGENT_OF_A_STATION_S = 0.015, 0.0007  # the second is for each; a look at it takes a sixth of that
QUIET_S = 1.0  # after the first frame: the stations come before the database
SHOW_AGAIN = 5  # flushes without news after which ages are shown anew
_COACHS = ("leave", "help", "health", "history", "units", "theme", "headline")
_NOTHING_KNOWN = RecordSnapshot()
_RINGS = (Attention.FAULT, Attention.UNSAFE, Attention.VELOCITY_LOSS)


class PlumblineApp(ChoosingApp):
    """The floor, and the stations behind it; or one station for the lifter on it."""

    CSS_PATH = "app.tcss"
    TITLE = "Plumbline"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-wide")]  # noqa: RUF012  Textual declares no class variable; a phone has 55
    BINDINGS: ClassVar[list[BindingType]] = named(
        [
            Binding("q", "leave", "Quit", tooltip="end the dashboard"),
            Binding("ctrl+c", "interrupt", show=False),
            Binding("ctrl+p", "command_palette", show=False),
            Binding(
                "question_mark,f1", "help", "Help", key_display="?", show=False, tooltip="what one can do"
            ),
            Binding("i", "health", "Health", tooltip="links, rates, clocks, calibration, and what to do"),
            Binding("y", "history", "History", tooltip="sets, trends and estimates from the record"),
            Binding("v", "units", "kg/lb", tooltip="kilograms or pounds"),
            Binding(
                "full_stop", "headline", "Large", key_display=".", tooltip="what of a rep stands large here"
            ),
            Binding("c", "theme", "Colours", tooltip="dark, light, high contrast, black on white"),
        ]
    )

    def __init__(
        self,
        client: FloorSource,
        profiles: Mapping[str, Profile],
        stop: threading.Event | None = None,
        trouble: Callable[[], str | None] = lambda: None,
        on_floor: Callable[[FloorState], None] = lambda _: None,
        note: str = "",
        seconds: float | None = None,
        by: str = "dashboard",
        lifter_at: str | None = None,
        preferences: Path | None = None,
        today: Callable[[], date] = date.today,
        history: str | None = None,
        recall: Recall | None = None,
        drawn: threading.Event | None = None,
        sounds: "Sounds | None" = None,
    ) -> None:
        """Show what `client` receives.

        `stop` set ends the app, and so does the end of `seconds`; `trouble` says what is wrong outside the
        broker, if anything; `on_floor` sees every new floor; `note` stands in the headline; `by` is who sends
        commands; `lifter_at` shows that station's own screen and nothing else; `preferences` is the file that
        remembers units and theme; `today` dates calibrations; `history` is the record's path or URL, None for
        this machine's own; `recall` knows athletes, plans and earlier sets from it;
        `drawn` is set soon after the first frame; `sounds` are the lifter's, None: the bell.
        """
        super().__init__(preferences)
        self.client = client
        self.floor = FloorState()
        self.profiles = dict(profiles)
        self.refused = 0  # packets that were no message of ours
        self._heard_until_s = client.heard_until_s
        self._stop = stop or threading.Event()
        self._trouble = trouble
        self._on_floor = on_floor
        self._note = note
        self._seconds = seconds
        self._recall = recall
        self._drawn = drawn
        self.sender = CommandSender(
            client,
            self.profiles,
            by,
            known=self._known,
            info_of=lambda key: self.floor.stations[key].newest.info,
            tell=self._hear,
            recall=recall,
        )
        self._heard: Result | None = None
        self._lifter_at = lifter_at
        self._sounds = sounds
        self.use_command_palette = lifter_at is None
        self._today = today
        self._history = history
        self._past: HistoryScreen | None = None
        self._views = Views(self.profiles, client.brings_live)
        self._flushes = 0
        self._flushed_s = float("-inf")  # when the last flush was
        self._shown = False  # whether every screen has been shown the floor
        self._rung: set[tuple[StationKey, str]] = set()
        self._shell = TouchShell(self)

    @property
    def screen_reads(self) -> bool:
        """Whether the screen still reads what its keys are about."""
        return isinstance(self.screen, LiveScreen) and self.screen.reads

    @property
    def names(self) -> Names:
        """The athletes' names by id, as far as the record has them."""
        return self._known().names

    @property
    def squads(self) -> Mapping[str, str]:
        """The athletes' squads by id, as far as the record has them."""
        return self._known().squads

    def hand_out(self, name: str, text: str) -> None:
        """Give a file to whoever looks: into this computer's downloads, or to the browser."""
        folder = user_downloads_path()
        if not self._shell.served:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                self.notify(f"{folder}: {error.strerror}", severity="error", markup=False)
                return
        kind = "text/html" if name.endswith(".html") else "text/csv"
        self.deliver_text(
            StringIO(text), save_directory=folder, save_filename=name, mime_type=kind, encoding="utf-8"
        )
        where = "given to the browser" if self._shell.served else f"in {folder}"
        self.notify(f"{name}: {where}", markup=False)

    def get_default_screen(self) -> Screen[None]:
        """The floor is the bottom screen, except in a lifter's own app."""
        if self._lifter_at is None:
            return FloorScreen()
        from dashboard.sound.sounds import Sounds  # noqa: PLC0415  a coach's screen has none

        sounds = self._sounds or Sounds(self.profiles)
        return LifterScreen(self._lifter_at, sounds, lambda mode: self._prefer(sound=mode))

    def get_driver_class(self) -> type[Driver]:
        """Our driver for a terminal; for a browser, the one that textual-serve names."""
        return super().get_driver_class() if "TEXTUAL_DRIVER" in os.environ else Terminal

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette's commands: every binding that is active here."""
        for active in screen.active_bindings.values():
            binding = active.binding
            # Textual's own way to quit is left to `q`.
            if active.enabled and binding.description and binding.tooltip and binding.action != "quit":

                def act(action: str = binding.action, node: DOMNode = active.node) -> None:
                    self.call_later(self.run_action, action, node)

                key = binding.key_display or binding.key
                yield SystemCommand(binding.description, f"{key}   {binding.tooltip}", act)

    def on_mount(self) -> None:
        """Begin to show."""
        self.set_class(self._shell.served, "-served")
        self.call_after_refresh(self.flush)  # what has come by now stands on the second frame
        self.set_interval(FLUSH_S, self.flush)
        self.client.inbox.on_urgent = lambda: self.post_message(Urgent())
        if self._seconds is not None:
            after(self, self._seconds, self.action_leave)

    def on_urgent(self) -> None:
        """Flush at once when a rep, a set or a reply has arrived, but not on and on."""
        shown = len(self.floor.stations) if self._lifter_at is None else 1
        every_s = max(URGENT_S, shown * URGENT_OF_A_STATION_S)
        after(self, self._flushed_s + every_s - monotonic(), self._flush_urgent)

    def _flush_urgent(self) -> None:
        if self.client.inbox.urgent:  # else a flush has come between
            self.flush()

    def flush(self) -> None:
        """Apply what has arrived and post the new floor."""
        if self._stop.is_set():
            # Left to itself a signal leaves the terminal in its alternate screen, deaf and without a cursor.
            self.exit(0)
            return
        if not self.screen_stack:  # it is ending
            return
        front = self.behind_dialogs
        self.client.watched = front.chosen if isinstance(front, StationScreen) else None
        self._heard_until_s = self.client.heard_until_s  # before: what comes meanwhile is for the next time
        arrivals, refused = read_all(self.client.inbox.drain())
        self.refused += refused
        for arrival in arrivals:
            if isinstance(arrival.message, ReplyMessage):
                self._answered(arrival.address.station, arrival.message)
        self.sender.tell_unanswered()
        if self._heard is not None:
            self._tell(self._heard)
            self._heard = None
        self._shell.tell_keys()
        self.floor = apply_all(self.floor, arrivals)
        self._on_floor(self.floor)
        self._flushes += 1
        self._flushed_s = monotonic()
        if self.client.inbox.urgent:  # of a flood, which is taken in shares
            self.post_message(Urgent())
        if arrivals or not self._shown or self._flushes % SHOW_AGAIN == 0:
            self.post_message(FloorChanged(self.floor))

    def on_floor_changed(self, event: FloorChanged) -> None:
        """Show the floor on every screen, also behind a dialog; ring the bell for new alerts."""
        self._know()
        views = sorted(map(self._view, event.floor.stations.values()), key=lambda one: one.key)
        if self._lifter_at is None:
            self._ring(views)
        for one in views:
            if one.velocity_target.best_pct is not None:
                self.recall_of(one)
        shown = FloorSnapshot(views, event.floor.stations, *self._connection(), self._note)
        live = [screen for screen in self.screen_stack if isinstance(screen, LiveScreen)]
        ready = [screen for screen in live if screen.is_ready]
        self._shown = len(ready) == len(live) > 0  # else the next flush posts the floor again
        if self._shown and self._drawn is not None:
            after(self, QUIET_S, self._drawn.set)
            self._drawn = None
        for screen in ready:
            screen.show(shown)

    def on_tile_opened(self, event: Tile.Opened) -> None:
        """Open a station's screen."""
        if isinstance(self.screen, FloorScreen):
            self.push_screen(StationScreen(self.view_of(event.key)))
            self.post_message(FloorChanged(self.floor))

    def bell(self) -> None:
        """Ring the terminal's bell, or the browser's."""
        super().bell()
        self._shell.ring()

    def action_health(self) -> None:
        """Show every station's health."""
        if not isinstance(self.screen, HealthScreen):
            self.push_screen(HealthScreen(self._today))
            self.post_message(FloorChanged(self.floor))

    def action_history(self) -> None:
        """Show the record."""
        from dashboard.tui.screens.history import HistoryScreen  # noqa: PLC0415  the database

        if not isinstance(self.screen, HistoryScreen):
            self._past = HistoryScreen(self._history)
            self.push_screen(self._past)
            self.post_message(FloorChanged(self.floor))

    def action_leave(self) -> None:
        """Quit the dashboard."""
        self.exit(0)

    def action_interrupt(self) -> None:
        """Quit the dashboard on Ctrl-C."""
        self.exit(0)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable keys that do not apply; on a lifter's own screen letters belong to the badge."""
        if action == "health" and isinstance(self.screen, HealthScreen):
            return False
        if action == "headline" and not isinstance(self.behind_dialogs, CoachScreen):
            return False
        if action == "history" and self._past is not None and self._past in self.screen_stack:
            return False
        return self._lifter_at is None or action not in _COACHS

    @property
    def behind_dialogs(self) -> Screen[Any]:
        """The screen in front, dialogs aside."""
        screens = [one for one in self.screen_stack if not isinstance(one, ModalScreen)]
        return screens[-1] if screens else self.screen

    def view_of(self, key: StationKey) -> StationView:
        """The current view of a station."""
        self._know()
        return self._view(self.floor.stations[key])

    def people_at(self, key: StationKey) -> list[Athlete]:
        """The record's athletes; first those in its queue, then earlier ones, then those with a plan."""
        return likely_first(self._known().athletes, self.floor.stations[key].newest, self.profiles)

    def athletes(self) -> list[str]:
        """Names and ids of all athletes at stations, in queues and in the record."""
        return names([station.newest.info for station in self.floor.stations.values()], self._known())

    def recall_of(self, view: StationView) -> None:
        """Have the earlier sets of whoever lifts there read from the record."""
        if self._recall is not None and view.athlete and view.exercise:
            self._recall.want(view.athlete, view.exercise)

    def _known(self) -> RecordSnapshot:
        return self._recall.known if self._recall is not None else _NOTHING_KNOWN

    def _know(self) -> None:
        """Have views made with what the record and the preferences now say."""
        known = self._known()
        self._views.several_sites = len({site for site, _ in self.floor.stations}) > 1
        self._views.before, self._views.names, self._views.squads = known.before, known.names, known.squads
        self._views.notes, self._views.headlines = known.notes, self._preferences.headlines

    def _view(self, station: StationState) -> StationView:
        return self._views.view(station, self._heard_until_s, self.client.connection.up, self.units)

    def _answered(self, station: str, reply: ReplyMessage) -> None:
        # A lifter is told as well what their station refuses of the commands that follow a badge.
        own = isinstance(self.screen, LifterScreen) and self.screen.station == station
        if not self.sender.answered(station, reply, others=own):
            return
        if self._recall is not None:
            self._recall.again()
        for screen in self.screen_stack:
            if isinstance(screen, LiveScreen) and screen.is_ready:
                screen.answered()

    def _hear(self, said: Result) -> None:
        """The newest alone is told, with the next flush: a pile of them hides the reps."""
        self._heard = said

    def _tell(self, said: Result) -> None:
        """To the lifter large, to the coach in a corner."""
        if isinstance(self.screen, LifterScreen):
            self.screen.tell(said.words, said.ok)
            return
        self.clear_notifications()
        severity: SeverityLevel = "information" if said.ok else "error"
        self.notify(f"{said.station}: {said.words}", severity=severity, markup=False)

    def _ring(self, views: Iterable[StationView]) -> None:
        """The bell, once for each thing that calls for a coach."""
        calls = {
            (one.key, one.attention_id)
            for one in views
            if one.attention in _RINGS and not one.muted and not one.seen
        }
        if calls - self._rung and self._flushes > 1:
            self.bell()
        self._rung = calls

    def _connection(self) -> tuple[str, bool]:
        trouble = self._trouble()
        if trouble is not None:
            return trouble, False
        connection = self.client.connection
        lost = self.client.inbox.dropped + self.refused
        words = connection.text + (f", {lost} messages unusable" if lost else "")
        if self.client.flooded:
            words += f", a flood on {', '.join(self.client.flooded)} is not listened to"
        return (words if connection.up else f"broker: {words}"), connection.up
