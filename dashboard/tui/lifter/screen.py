"""The station's own screen: nothing to configure, no key to know; a badge typed or read says who lifts."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.widgets import Static

from dashboard.floor.pacing import Pace, beats, pace
from dashboard.floor.state import StationState
from dashboard.floor.views import StationView
from dashboard.sound.events import MODES, Heard, Listener, Moment, SoundMode
from dashboard.tui.lifter.view import LifterView, Told
from dashboard.tui.screens.context import CoachContext
from dashboard.tui.screens.live import FloorSnapshot, LiveScreen

if TYPE_CHECKING:
    from dashboard.sound.sounds import Sounds

FLASH_S = 0.4
TOLD_S = 6.0
MAX_BADGE = 32


class LifterScreen(LiveScreen):
    """The lifter's screen of one station."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", show=False),
        Binding("f2", "sound", "Sound", show=False, tooltip="no sound, tones, or a voice as well"),
    ]

    def __init__(
        self, station: str, sounds: "Sounds", chosen: Callable[[SoundMode], None] = lambda _: None
    ) -> None:
        """`chosen` remembers a choice of the sound."""
        super().__init__()
        self.station = station
        self._sounds = sounds
        self._chosen = chosen
        self._listener = Listener()
        self._beats: list[Timer] = []
        self._beats_since_s: float | None = None  # of the rep they belong to
        self._badge = ""
        self._view: StationView | None = None
        self._pace = Pace()
        self._flash = False
        self._told: Told | None = None
        self._untell: Timer | None = None

    def compose(self) -> ComposeResult:
        """One drawing."""
        yield Static(f"waiting for {self.station} …", id="nothing", markup=False)
        yield LifterView(id="lifter")

    def show(self, shown: FloorSnapshot) -> None:
        """Show the station's current view, or what is missing."""
        own = [one for one in shown.views if self.station in (one.key[1], "/".join(one.key))]
        if own:
            self._see(own[0], shown.stations[own[0].key])
        else:
            self.wait(shown.connection, shown.well)

    def _see(self, view: StationView, station: StationState) -> None:
        """Flash for a new rep, and let what has happened be heard."""
        before = self._view
        self._view = view
        ranges = sorted(rep.rom_m for rep in view.reps if rep.counted and rep.rom_m is not None)
        usual_m = ranges[len(ranges) // 2] if ranges else None
        self._pace = pace(station.newest.trace, view.target_tempo_s, usual_m, view.concentric_first)
        heard = self._listener.hear(view)
        if not view.muted:
            if before is not None and view.counted > before.counted and view.set_number == before.set_number:
                self._flash = True
                self.set_timer(FLASH_S, self._dark)
            if self._sounds.play(heard):
                self.app.bell()
        self._keep_time(view)
        self.query_one("#nothing").display = False
        self._draw()

    def wait(self, connection: str, up: bool) -> None:
        """Show what is missing until the station is first heard."""
        why = f"{connection} has nothing of it; is this its id, and does its edge run?"
        if not up:
            why = f"{connection}; trying again"
        self.query_one("#nothing", Static).update(Text(f"waiting for {self.station} …\n{why}"))

    def on_key(self, event: events.Key) -> None:
        """Collect a badge from a keypad or a reader that types."""
        if event.key == "enter":
            # No binding: one overtakes the digits of a reader that types them all at once.
            self._take_badge()
        elif event.key == "backspace":
            self._badge = self._badge[:-1]
        elif event.character and (event.character.isalnum() or event.character in "-_"):
            self._badge = (self._badge + event.character)[-MAX_BADGE:]
        self._draw()

    def tell(self, words: str, ok: bool) -> None:
        """Show the outcome of a badge, or a refusal, for a few seconds."""
        self._told = (words, ok)
        if self._untell is not None:
            self._untell.stop()
        self._untell = self.set_timer(TOLD_S, self._forget)
        self._draw()

    def _forget(self) -> None:
        self._told = None
        self._draw()

    def on_unmount(self) -> None:
        """End what plays."""
        self._sounds.close()

    def action_clear(self) -> None:
        """Clear the typed badge."""
        self._badge = ""
        self._draw()

    def _take_badge(self) -> None:
        """Whoever's badge it is lifts now."""
        if self._badge and self._view is not None:
            cast(CoachContext, self.app).sender.send_badge(self._view.key, self._badge)
        self._badge = ""

    def _keep_time(self, view: StationView) -> None:
        """Start the metronome anew with each rep."""
        began_s = self._pace.rep_began_s
        if began_s == self._beats_since_s:
            return
        self._beats_since_s = began_s
        for timer in self._beats:
            timer.stop()
        self._beats = []
        if began_s is None or view.muted or view.set_over or not view.link.up or self._sounds.mode == "off":
            return
        for at_s, turn in beats(view.target_tempo_s, view.concentric_first):
            if at_s > self._pace.rep_s:
                found = [Heard(Moment.TURN if turn else Moment.TICK)]
                self._beats.append(self.set_timer(at_s - self._pace.rep_s, partial(self._sounds.play, found)))

    def action_sound(self) -> None:
        """Choose what is heard: nothing, tones, or a voice as well."""
        mode = MODES[(MODES.index(self._sounds.mode) + 1) % len(MODES)]
        self._sounds.set_mode(mode)
        self._chosen(mode)
        self.tell(self._sounds.problem or f"sound {mode}", self._sounds.problem is None)

    def _dark(self) -> None:
        self._flash = False
        self._draw()

    def _draw(self) -> None:
        self.query_one(LifterView).show(self._view, self._pace, self._flash, self._badge, self._told)
