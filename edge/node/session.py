"""One run of a station: samples and commands in, messages to disk and to the publisher out.

A session begins when its pipeline does and has a random id; the ids of its reps and sets begin with it.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from edge.counting.dispute import CountingState, Verdict
from edge.counting.pipeline import StationPipeline
from edge.counting.rest import RestZero
from edge.counting.saved_state import SavedState, Unfinished, exercise_of, from_bytes, to_bytes
from edge.counting.settings import Settings, in_words
from edge.counting.signal import Rates, troubles
from edge.counting.tracked_set import SetView
from edge.counting.watch import SensorWatch
from edge.delivery.backlog import Backlog
from edge.delivery.outbox import Outbox
from edge.delivery.sender import StationSender
from edge.link.drivers import Samples
from edge.node.commands import Commands
from edge.node.dispute_store import DisputeStore
from edge.node.flight_recorder import FlightRecorder
from edge.node.session_messages import SOFTWARE, SessionMessages
from station.config import StationFile
from station.errors import ConfigError
from station.exercises import Profile, load_profile
from station.messages import (
    InfoMessage,
    LiveMessage,
    ReplyMessage,
    RepMessage,
    Sensor,
    SetMessage,
    StateMessage,
    new_id,
    now_utc,
)
from station.records import Live, Rejected, RepEvent, SetEvent, SignalQuality
from station.timing.clock import DeviceClock

IDLE_AFTER_S = 2.0  # a port unplugged and back sooner breaks off nothing
LOOK_S = 0.5  # what brings no event is seen by then
SETS_KEPT = 128  # a long day's
COMMANDS_REMEMBERED = 128


class _SetDone(NamedTuple):
    """What is counted of a set that was summed up."""

    day: date
    athlete: str | None
    exercise: str
    reps: int


class Session:
    """Counts at one station until `finish`.

    Every method may be called from any thread. `step` is what the acquiring thread calls; it never waits for
    the disk. What it has counted waits in memory, bounded, until `write` has put it into the outbox on
    another thread; `problem` says when that fails.
    """

    def __init__(self, station: StationFile, profile: Profile, exercises_dir: Path | None = None) -> None:
        """`exercises_dir` holds the gym's own profiles. Raises ConfigError as StationPipeline does."""
        self.id = new_id()
        self.station = station
        self.profile = profile
        self.session_s = 0.0  # of the newest sample, and beyond while none come
        self.last_sample_at: float | None = None  # host's monotonic time of receipt
        self.clock: DeviceClock | None = None  # of the first port; samples of every port come on it
        self.settings = Settings()
        self._rates = Rates()
        self.rejected = 0  # movements
        self.standing_down = False  # another node counts for this station
        self.backlog = Backlog(station.station.id)
        self.watch = SensorWatch()
        self.rest = RestZero(needs_motion=station.station.kind != "band")
        self._resumed = False
        self._saved: SavedState | None = None  # as the outbox's file has it; None: it is not to be saved
        self.pipeline = StationPipeline(station, profile)
        self.exercises_dir = exercises_dir
        self._outbox: Outbox | None = None
        self._sender: StationSender | None = None
        self._lock = threading.RLock()
        self._sets_done: dict[str, _SetDone] = {}  # by event id, as said last
        self._told: tuple[SetView | None, Settings, Profile] | None = None
        self.sample_s = 0.0
        self._replies: dict[str, ReplyMessage] = {}
        self._info: InfoMessage | None = None
        self._messages = SessionMessages(station, self.id)
        self._commands = Commands(self)
        self._idle = False
        self._news = True  # something may have changed beside the motion
        self._look_s = 0.0  # when that is asked for at the latest, host's monotonic time
        self.flight: FlightRecorder | None = None

    def attach(
        self, outbox: Outbox, sender: StationSender, to_write: Callable[[], None] = lambda: None
    ) -> None:
        """Set where messages go; before the first `step`. `to_write` is called when `write` has work."""
        self._outbox, self._sender, self.backlog.on_work = outbox, sender, to_write

    def resume(self, outbox: Outbox) -> str | None:
        """Restore the station's saved state, and save its state from now on.

        Returns what was taken over, or why not, in words; None where nothing was saved. Before the first
        `step`.
        """
        station = self.station
        self._saved, data = self._state_to_save(), outbox.saved_state(station.station.id)
        if data is None:
            return None
        try:
            saved = from_bytes(data)
            profile = exercise_of(saved, station.exercise, self.profile, self.exercises_dir)
            self.set_to(saved.settings, profile)
        except ConfigError as error:
            return f"as the station file says, not as it was: {error}"
        self.pipeline.cell.resume(saved.tared_n)
        self._resumed = True
        if saved.unfinished is not None:  # what was pending when the node ended is one rep of one set
            self.backlog.add([*saved.unfinished.reps, saved.unfinished.a_set])
        self._saved = self._state_to_save()
        return f"set as before: {in_words(self.settings, self.profile)}"

    def step(self, samples: Sequence[Samples], now_s: float) -> None:
        """Process new samples, or their absence, and the commands received."""
        with self._lock:
            for part in samples:
                self.sample_s = max(self.sample_s, part.time_s.item(-1))
            if samples:
                self.session_s = self.sample_s
                self.last_sample_at = now_s
            if samples and not self.standing_down:
                self._news = self._news or self._idle
                self._idle = False
                self._rates.feed(samples)
                accepted = self.watch.feed(samples, now_s)
                self.take(self.pipeline.feed(accepted))
                if self.station.rezero_at_rest:
                    running = self.pipeline.sets.running
                    moved_n = self.rest.feed(accepted, self.pipeline.cell.zero_n, running)
                    if moved_n:
                        self.pipeline.cell.move(moved_n)
                        self._news = True
            elif self.last_sample_at is not None and now_s - self.last_sample_at > IDLE_AFTER_S:
                self.session_s = self.sample_s + (now_s - self.last_sample_at)
                self._news = self._news or not self._idle
                self._idle = True
                self.take(self.pipeline.idle(self.session_s))
            self._obey_all()
            # Most reads bring motion alone: comparing what has not changed would cost as much as counting.
            news, self._news = self._news or now_s >= self._look_s, False
            if news:
                self._look_s = now_s + LOOK_S
                self._tell_current()
            if self.flight is not None:
                self.flight.after(now_s, self.session_s, self._counting_state() if news else None)

    def finish(self) -> None:
        """The stream is over: confirm what is pending, end the set; `write` must follow."""
        with self._lock:
            self.backlog.hurry()
            self.take(self.pipeline.finish())
            self._tell_current()
            self._save_state()

    def record_flight(self, store: DisputeStore, ports: int) -> FlightRecorder:
        """Start the flight recorder of the ports; before the first `step`."""

        def profile_of(name: str) -> Profile:
            return load_profile(name, self.exercises_dir)

        self.flight = FlightRecorder(self.station, self.id, SOFTWARE, profile_of, store, ports)
        return self.flight

    def keep_disputes(self, now_s: float, *, last: bool = False) -> None:
        """Write the flight recorder's due stretches."""
        if self.flight is not None:
            self.flight.write(now_s, self._disputed_set, last=last)

    def _disputed_set(self, set_event_id: str) -> tuple[list[Verdict], bool]:
        """What was said of a set, under the ids the history has, and whether it is running."""
        with self._lock:
            sets = self.pipeline.sets
            verdicts = [
                msgspec.structs.replace(
                    one,
                    event_id=self._messages.long_id(one.event_id),
                    set_event_id=self._messages.long_id(one.set_event_id),
                )
                for one in sets.verdicts(set_event_id)
            ]
            newest = sets.newest()
            return verdicts, sets.running and newest is not None and newest.event_id == set_event_id

    def _counting_state(self) -> CountingState:
        return CountingState(
            exercise=self.profile.name,
            load_kg=self.settings.load_kg,
            full_range_m=self.settings.full_range_m,
            zero_n=self.pipeline.cell.zero_n,
            line=self.pipeline.sets.section,
            counter=self.pipeline.counters,
            idle=self._idle,
        )

    def write(self, now_s: float) -> bool:
        """Write the backlog to the outbox and send the replies; False where the write fails."""
        assert self._outbox is not None, "attach() comes first"
        written = self.backlog.write(self._outbox, now_s)
        if written.news:
            self._to.wake()
        for reply in written.answers:
            self._to.reply(reply)
        return written.done

    def _save_state(self) -> None:
        """Keep what the station is set to, where that has changed."""
        saved = self._state_to_save()
        if self._saved not in (None, saved):
            self._saved = saved
            self.backlog.save_state(to_bytes(saved))

    def _state_to_save(self) -> SavedState:
        return SavedState(
            settings=self.settings,
            exercise=self.profile.name,
            in_file=self.station.exercise,
            tared_n=self.pipeline.cell.tared_n,
            unfinished=self._unfinished(),
        )

    def _unfinished(self) -> Unfinished | None:
        """What would be said of the running set if the node ended now."""
        found = self.pipeline.sets.unfinished(self.sample_s)
        if found is None:
            return None
        reps, a_set = found
        return Unfinished(reps=[self._messages.rep(event) for event in reps], a_set=self._messages.set(a_set))

    def tell_state(self, state: StateMessage) -> None:
        """Publish the station's state."""
        self._to.retain(state)

    def tell_info(self, sensors: list[Sensor], board: str | None) -> None:
        """Publish the station's configuration and settings when they have changed and are on disk."""
        if self.backlog.saving_state:
            return  # said at the next call
        with self._lock:
            sets_done = self._sets_of_today()
            info = self._messages.info(self.settings, self.profile, sensors, board, self._resumed, sets_done)
            if info == self._info:
                return
            self._info = info
        stamped = msgspec.structs.replace(info, event_id=new_id(), at_utc=now_utc())
        self._to.retain(stamped)

    def measured_rates_hz(self) -> dict[str, float]:
        """Samples a second of each channel over the last calls, some ten seconds; empty at first."""
        with self._lock:
            return self._rates.measured_hz(self.sample_s)

    @property
    def signal(self) -> SignalQuality | None:
        """The quality of the motion's signal in this session."""
        with self._lock:
            return self.pipeline.signal

    @property
    def lift_ends(self) -> bool:
        """Whether a lift may be about to end, which somebody waits for."""
        return self.pipeline.slowing

    @property
    def shifts(self) -> int:
        """The number of zero shifts of the motion that were found and removed."""
        return self.pipeline.shifts

    def signal_problems(self, quality: SignalQuality | None) -> list[str]:
        """Problems of the motion's signal, with what to do. `quality`: as `signal` says."""
        with self._lock:
            return troubles(self.pipeline.adrift, quality)

    @property
    def _to(self) -> StationSender:
        assert self._sender is not None, "attach() comes first"
        return self._sender

    def take(self, events: Sequence[RepEvent | SetEvent | Live | Rejected]) -> None:
        if self.flight is not None:
            self.flight.said(events)
        messages: list[RepMessage | SetMessage] = []
        for event in events:
            if isinstance(event, Live):
                live = LiveMessage(event_id=new_id(), at_utc=now_utc(), session=self.id, live=event)
                self._to.live(live)
            elif isinstance(event, RepEvent):
                messages.append(self._messages.rep(event))
            elif isinstance(event, SetEvent):
                messages.append(self._messages.set(event))
                self._count_set(event, _day(messages[-1].at_utc))
            else:
                self.rejected += 1
        self.backlog.add(messages)
        if messages:
            self._news = True
            self._save_state()

    def _count_set(self, event: SetEvent, day: date) -> None:
        before = self._sets_done.get(event.event_id)
        self._sets_done[event.event_id] = _SetDone(
            before.day if before else day, event.athlete, event.exercise, event.summary.counted_reps
        )
        if len(self._sets_done) > SETS_KEPT:
            del self._sets_done[next(iter(self._sets_done))]

    def _sets_of_today(self) -> int:
        """Sets of whoever lifts now, of what is counted now, today; one that was restarted is none."""
        today, newest = _day(now_utc()), self.pipeline.sets.newest()
        running = newest.event_id if newest is not None and not newest.over else None  # it was gone on with
        return sum(
            (one.day, one.athlete, one.exercise) == (today, self.settings.athlete, self.profile.name)
            and one.reps > 0
            for event_id, one in self._sets_done.items()
            if event_id != running
        )

    def _tell_current(self) -> None:
        """Publish the running set as it stands, where that has changed."""
        said = self.pipeline.sets.newest()
        if (said, self.settings, self.profile) == self._told:
            return
        self._told = said, self.settings, self.profile
        message = self._messages.current(said, self.settings, self.profile)
        stamped = msgspec.structs.replace(
            message, event_id=new_id(), at_utc=now_utc(), session_s=self.session_s
        )
        self._to.retain(stamped)

    def short_id(self, event_id: str | None) -> str | None:
        """The book's id of a rep or a set that a command names."""
        return self._messages.short_id(event_id)

    def _obey_all(self) -> None:
        for command in self._to.inbox.take():
            reply = self._replies.get(command.event_id)
            if reply is None:  # QoS 1 may bring a command twice; it is obeyed once and answered twice
                reply = self._commands.answer(command)
                self._news = True
                self._save_state()
                self._replies[command.event_id] = reply
                if len(self._replies) > COMMANDS_REMEMBERED:
                    del self._replies[next(iter(self._replies))]
            self.backlog.answer(reply)

    def set_to(self, settings: Settings, profile: Profile) -> None:
        """Count this exercise with these settings from now on."""
        if profile != self.profile:
            self.take(self.pipeline.set_profile(profile, settings.athlete))
            self.profile = profile
        elif settings.athlete != self.settings.athlete:
            self.take(self.pipeline.end_set(settings.athlete))  # a set belongs to one athlete
        if settings.load_kg != self.settings.load_kg:
            self.pipeline.set_load(settings.load_kg)
        if settings.full_range_m != self.settings.full_range_m:
            self.pipeline.set_full_range(settings.full_range_m)
        self.settings = settings

    def correct_athlete(self, settings: Settings) -> None:
        """Another athlete lifts than was said, and has since the running set began: it does not end."""
        self.pipeline.sets.signed_in(settings.athlete, settings.full_range_m)
        self.settings = settings


def _day(at_utc: str) -> date:
    """By this machine's clock."""
    return datetime.fromisoformat(at_utc).astimezone().date()
