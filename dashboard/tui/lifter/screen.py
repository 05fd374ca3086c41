"""The station's own screen: a badge typed or read says who lifts, four keys of a keypad do the rest."""

from asyncio import TimerHandle
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from dashboard.floor.pacing import Pace, beats, pace
from dashboard.floor.state import StationState
from dashboard.floor.views import StationView
from dashboard.sound.events import MODES, Heard, Moment, MomentDetector, SoundMode
from dashboard.tui.lifter.keypad import (
    Choice,
    Doubt,
    Key,
    Keypad,
    Typed,
    choices,
    doubtful_rep,
    goes_on,
    mark_of,
)
from dashboard.tui.lifter.view import NOTHING_ASKED, Ask, LifterView, Told
from dashboard.tui.screens.live import FloorSnapshot, LiveScreen
from dashboard.tui.timers import after

if TYPE_CHECKING:
    from dashboard.sound.sounds import Sounds

FLASH_S = 0.4
MINE_S = 30.0  # what was done here is taken back by a key so long: later it may be somebody else's
BADGE_S = 3.0  # until the record has set the station to whose badge it is
TOLD_S = 6.0


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
        self._listener = MomentDetector()
        self._beats: list[TimerHandle] = []
        self._beats_since_s: float | None = None  # of the rep they belong to
        self._keypad = Keypad()
        self._choices: list[Choice] = []
        self._badge = ""  # read last,
        self._badge_at_s = float("-inf")
        self._whose: str | None = None  # and whom the station then had
        self._done_at_s = float("-inf")  # when something was done here that one key takes back
        self._doubt = Doubt()
        self._kind = ""
        self._view: StationView | None = None
        self._pace = Pace()
        self._flash = False
        self._told: Told | None = None
        self._untell: TimerHandle | None = None

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
        counted = [rep.measured for rep in view.reps if rep.counted]
        ranges = sorted(rep.rom_m for rep in counted if rep.rom_m is not None)
        usual_m = ranges[len(ranges) // 2] if ranges else None
        self._pace = pace(station.newest.trace, view.target_tempo_s, usual_m, view.concentric_first)
        self._kind = station.newest.info.kind if station.newest.info is not None else ""
        if monotonic() - self._badge_at_s < BADGE_S:
            self._whose = view.athlete
        heard = self._listener.hear(view)
        of, newest = (view.athlete, view.exercise, view.set_number), station.newest
        rejected = newest.health.movements_rejected if newest.health is not None else 0
        info = newest.info
        range_m = (info.full_range_m or info.usual_range_m) if info is not None else None
        reps = [one.measured for one in view.valid_reps]
        if self._doubt.arises(of, reps, rejected, range_m):
            heard = [Heard(Moment.QUESTION, ("other exercise",)), *heard]
        if not view.muted:
            if before is not None and view.counted > before.counted and view.set_number == before.set_number:
                self._flash = True
                after(self, FLASH_S, self._dark)
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
        """Obey a keypad, or a reader that types."""
        # No bindings: one overtakes the digits of a reader that types them all at once.
        done = self._keypad.take(event.key, event.character)
        view = self._view
        if view is not None and done is not None:
            if isinstance(done, Typed):
                self._enter(view, done)
            else:
                self._press(view, done)
        self._draw()

    def _enter(self, view: StationView, typed: Typed) -> None:
        """A number takes a choice; a badge says who lifts, or says yes where that is asked of its owner."""
        sender = self.coach.sender
        taken = typed.number
        if self._choices and taken is not None:
            if taken < len(self._choices) and self._choices[taken].words:
                self._take(view, self._choices[taken])
            return
        if self._question(view) and typed.text == self._badge and view.athlete == self._whose:
            self._press(view, Key.YES)
            return
        self._choices = []
        self._badge, self._badge_at_s = typed.text, monotonic()
        sender.send_badge(view.key, typed.text)
        self._done_at_s = monotonic()

    def _press(self, view: StationView, key: Key) -> None:
        """One of the four keys."""
        sender = self.coach.sender
        rep = None if self._take_back(view) else doubtful_rep(view)
        if key is Key.CHOOSE:
            self._choices = [] if self._choices else self._choices_at(view)
            self._doubt.open = False
        elif key is Key.END:
            if view.reps and not view.set_over:
                sender.send(view.key, "end-set")
                self._done_at_s = monotonic()
            else:
                self.tell("no set is running", False)
        elif self._choices:
            self._choices = []
        elif rep is not None:
            sender.send(view.key, "mark-rep", rep_event_id=rep.event_id, mark=mark_of(rep, key is Key.YES))
        elif self._doubt.open:
            self._doubt.open = False
            if key is Key.NO:
                self._choices = self._choices_at(view)
        elif key is Key.NO and (monotonic() - self._done_at_s < MINE_S or self._take_back(view)):
            sender.undo(view.key)
            self._done_at_s = float("-inf")
        elif key is Key.NO and goes_on(view):
            sender.send(view.key, "continue-set")
            self._done_at_s = monotonic()
        elif key is Key.NO:
            self.tell("nothing to take back", False)

    def _take(self, view: StationView, choice: Choice) -> None:
        """The next athlete, or another exercise: with the plan for it where somebody is known to lift."""
        sender = self.coach.sender
        self._choices = []
        self._done_at_s = monotonic()
        if choice.athlete is not None:
            sender.send_badge(view.key, choice.athlete)
        elif choice.exercise is not None and view.athlete is not None:
            sender.send_badge(view.key, view.athlete, choice.exercise)
        elif choice.exercise is not None:
            sender.send(view.key, "set-exercise", exercise=choice.exercise)

    def _choices_at(self, view: StationView) -> list[Choice]:
        return choices(view, self._kind, self.coach.profiles)

    def _question(self, view: StationView) -> str:
        """What is asked of the lifter now; a person's word settles it."""
        rep = None if self._take_back(view) else doubtful_rep(view)
        if rep is not None:
            why = f"{rep.not_counted_reason}: " if rep.not_counted_reason else ""
            return f"{why}count rep {rep.measured.number}?"
        return f"still {view.short_title}?" if self._doubt.open else ""

    def _take_back(self, view: StationView) -> bool:
        """Whether a set was ended by somebody and can still go on: of itself it ends after its gap."""
        profile = self.coach.profiles.get(view.exercise or "")
        return view.set_over and profile is not None and (view.rest_s or 0.0) < profile.set_gap_s

    def tell(self, words: str, ok: bool) -> None:
        """Show the outcome of a badge, or a refusal, for a few seconds."""
        self._told = (words, ok)
        if self._untell is not None:
            self._untell.cancel()
        self._untell = after(self, TOLD_S, self._forget)
        self._draw()

    def _forget(self) -> None:
        self._told = None
        self._draw()

    def on_unmount(self) -> None:
        """End what plays."""
        self._sounds.close()

    def action_clear(self) -> None:
        """Clear what was typed, and the choices."""
        self._keypad.text = ""
        self._choices = []
        self._draw()

    def _keep_time(self, view: StationView) -> None:
        """Start the metronome anew with each rep."""
        began_s = self._pace.rep_began_s
        if began_s == self._beats_since_s:
            return
        self._beats_since_s = began_s
        for timer in self._beats:
            timer.cancel()
        self._beats = []
        silent = view.muted or view.set_over or self._sounds.mode == "off"
        if began_s is None or silent or not view.freshness.up:
            return
        for at_s, turn in beats(view.target_tempo_s, view.concentric_first):
            if at_s > self._pace.rep_s:
                found = [Heard(Moment.TURN if turn else Moment.TICK)]
                self._beats.append(after(self, at_s - self._pace.rep_s, partial(self._sounds.play, found)))

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
        view, ask = self._view, NOTHING_ASKED
        if view is not None:
            offered = tuple(one.words for one in self._choices)
            ask = Ask(self._question(view), offered, self._take_back(view), goes_on(view))
        shown = self.query_one(LifterView)
        shown.show(view, self._pace, self._flash, self._keypad.text, self._told, ask)
