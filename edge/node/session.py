"""One run of a station: samples and commands in, messages to disk and to the publisher out.

A session begins when its pipeline does and has a random id; the ids of its reps and sets begin with it.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec

from edge.counting.kept import Kept, exercise_of, from_bytes, to_bytes
from edge.counting.marks import Marks
from edge.counting.pipeline import StationPipeline
from edge.counting.rates import Rates
from edge.counting.rest import RestZero
from edge.counting.sets import summarise
from edge.counting.settings import MAX_ID_CHARS, Settings, changed, in_words
from edge.counting.watch import SensorWatch
from edge.delivery.backlog import Backlog
from edge.delivery.outbox import Outbox
from edge.delivery.publisher import Publisher
from edge.link.drivers import Samples
from station.clock import DeviceClock
from station.config import StationFile
from station.distribution import release
from station.errors import ConfigError, MessageError
from station.exercises import Profile, load_profile
from station.messages import (
    CommandMessage,
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
from station.records import Live, Rejected, RepEvent, SetEvent

SOFTWARE = f"plumbline {release()}"
IDLE_AFTER_S = 2.0  # a port unplugged and back sooner breaks off nothing
SETS_KEPT = 128  # a long day's
COMMANDS_REMEMBERED = 128

Undo = Callable[[], str]  # returns what was undone


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
        self._done: list[Undo] = []  # the newest last
        self._rates = Rates()
        self.rejected = 0  # movements
        self.backlog = Backlog(station.station.id)
        self.watch = SensorWatch()
        self.rest = RestZero(needs_motion=station.station.kind != "band")
        self._tared_n = 0.0
        self._resumed = False
        self._kept: Kept | None = None  # as the outbox's file has it; None: it is not to be kept
        self._pipeline = StationPipeline(station, profile)
        self._exercises_dir = exercises_dir
        self._outbox: Outbox | None = None
        self._publisher: Publisher | None = None
        self._lock = threading.RLock()
        self._marks = Marks()
        self._sets: dict[int, SetMessage] = {}  # the newest, by number
        self._sample_s = 0.0
        self._replies: dict[str, ReplyMessage] = {}
        self._info: InfoMessage | None = None

    def attach(
        self, outbox: Outbox, publisher: Publisher, to_write: Callable[[], None] = lambda: None
    ) -> None:
        """Where messages go; before the first `step`. `to_write` is called when `write` has work to do."""
        self._outbox, self._publisher, self.backlog.on_work = outbox, publisher, to_write

    def resume(self, outbox: Outbox) -> str | None:
        """Set the station to what it was set to before the node ended, and keep that from now on.

        Returns what was taken over, or why not, in words; None where nothing was kept. Before the first
        `step`.
        """
        station = self.station
        self._kept, data = self._to_keep(), outbox.kept(station.station.id)
        if data is None:
            return None
        try:
            kept = from_bytes(data)
            profile = exercise_of(kept, station.exercise, self.profile, self._exercises_dir)
            self._set(kept.settings, profile)
        except ConfigError as error:
            return f"as the station file says, not as it was: {error}"
        self._pipeline.shift_zero(kept.tared_n)
        self._tared_n, self._resumed = kept.tared_n, True
        self._kept = self._to_keep()
        return f"set as before: {in_words(self.settings, self.profile)}"

    def step(self, samples: Sequence[Samples], now_s: float) -> None:
        """Take new samples, or the news that there were none, and the commands that have come in."""
        with self._lock:
            if samples:
                self._sample_s = max(self._sample_s, *(float(part.time_s[-1]) for part in samples))
                self.session_s = self._sample_s
                self.last_sample_at = now_s
                self._rates.feed(samples)
                believed = self.watch.feed(samples, now_s)
                self._take(self._pipeline.feed(believed))
                if self.station.rezero_at_rest:
                    running = self._pipeline.set_running
                    self._pipeline.shift_zero(self.rest.feed(believed, self._pipeline.zero_n, running))
            elif self.last_sample_at is not None and now_s - self.last_sample_at > IDLE_AFTER_S:
                self.session_s = self._sample_s + (now_s - self.last_sample_at)
                self._take(self._pipeline.idle(self.session_s))
            self._obey_all()

    def finish(self) -> None:
        """The stream is over: confirm what is pending, end the set; `write` must follow."""
        with self._lock:
            self.backlog.hurry()
            self._take(self._pipeline.finish())

    def write(self, now_s: float) -> bool:
        """Put what waits into the outbox, and answer the commands among it; False where that fails."""
        assert self._outbox is not None, "attach() comes first"
        written = self.backlog.write(self._outbox, now_s)
        if written.news:
            self._to.wake()
        for reply in written.answers:
            self._to.reply(self.station.station.id, reply)
        return written.done

    def _keep(self) -> None:
        """Keep what the station is set to, where that has changed."""
        kept = self._to_keep()
        if self._kept not in (None, kept):
            self._kept = kept
            self.backlog.keep(to_bytes(kept))

    def _to_keep(self) -> Kept:
        return Kept(
            settings=self.settings,
            exercise=self.profile.name,
            in_file=self.station.exercise,
            tared_n=self._tared_n,
        )

    def tell_state(self, state: StateMessage) -> None:
        """Publish the station's state."""
        self._to.retain(self.station.station.id, state)

    def tell_info(self, sensors: list[Sensor], board: str | None) -> None:
        """Publish what the station is and is set to, if that has changed and would outlive a power cut."""
        if self.backlog.keeping:
            return  # said at the next call
        geometry = self.station.geometry
        with self._lock:
            dates = {name: known.date for name, known in self.station.calibration.items()}
            sensors = [msgspec.structs.replace(s, calibrated=dates.get(s.channel)) for s in sensors]
            info = InfoMessage(
                event_id="",
                at_utc="",
                session=self.id,
                software=SOFTWARE,
                kind=self.station.station.kind,
                sensors=sensors,
                geometry={
                    name: list(value) if isinstance(value, tuple) else value
                    for name in geometry.__struct_fields__
                    for value in [getattr(geometry, name)]
                },
                exercise=self.profile.name,
                board=board,
                resumed=self._resumed,
                sets_done=self._sets_done(),
                **msgspec.structs.asdict(self.settings),
            )
            if info == self._info:
                return
            self._info = info
        stamped = msgspec.structs.replace(info, event_id=new_id(), at_utc=now_utc())
        self._to.retain(self.station.station.id, stamped)

    def measured_rates_hz(self) -> dict[str, float]:
        """Samples a second of each channel over the last calls, some ten seconds; empty at first."""
        with self._lock:
            return self._rates.measured_hz(self._sample_s)

    @property
    def _to(self) -> Publisher:
        assert self._publisher is not None, "attach() comes first"
        return self._publisher

    def _take(self, events: Sequence[RepEvent | SetEvent | Live | Rejected]) -> None:
        messages: list[RepMessage | SetMessage] = []
        for event in events:
            if isinstance(event, Live):
                live = LiveMessage(event_id=new_id(), at_utc=now_utc(), session=self.id, live=event)
                self._to.live(self.station.station.id, live)
            elif isinstance(event, RepEvent):
                messages.append(self._marks.revise(self._rep_message(event)))
            elif isinstance(event, SetEvent):
                messages.append(self._ended(self._set_message(event)))
            else:
                self.rejected += 1
        self.backlog.add(messages)

    def _ended(self, message: SetMessage) -> SetMessage:
        """A set's summary with the next revision; kept, because marks may change it."""
        number = message.summary.number
        if number in self._sets:
            revision = max(message.revision, self._sets[number].revision + 1)
            message = msgspec.structs.replace(message, revision=revision, at_utc=now_utc())
        self._sets[number] = message
        if len(self._sets) > SETS_KEPT:
            del self._sets[min(self._sets)]
        return message

    def _sets_done(self) -> int:
        """Sets of whoever lifts now, of what is counted now, today; one that was restarted is none."""
        now = (self.settings.athlete, self.profile.name, _day(now_utc()))
        done = [one for one in self._sets.values() if one.summary.counted_reps]
        return sum((one.athlete, one.exercise, _day(one.at_utc)) == now for one in done)

    def _summary(self, rep: RepMessage) -> list[SetMessage]:
        """The summary of a marked rep's set anew, where the set has ended."""
        old = self._sets.get(rep.set_number)
        if old is None:
            return []
        reps = self._marks.reps(rep.set_number)
        none = msgspec.structs.replace(old.summary, counted_reps=0, partial_reps=0)
        summary = summarise(rep.set_number, reps) if reps else none
        return [self._ended(msgspec.structs.replace(old, summary=summary))]

    def _rep_message(self, event: RepEvent) -> RepMessage:
        head = self._envelope(event)
        return RepMessage(**head, state=event.state, set_number=event.set_number, rep=event.rep)

    def _set_message(self, event: SetEvent) -> SetMessage:
        return SetMessage(**self._envelope(event), summary=event.summary)

    def _envelope(self, event: RepEvent | SetEvent) -> dict[str, Any]:
        """What a rep and a set are sent in; the outbox fills in stream and seq."""
        return {
            "event_id": f"{self.id}-{event.event_id}",
            "at_utc": now_utc(),
            "stream": "",
            "seq": 1,
            "session": self.id,
            "session_s": event.known_s,
            "revision": event.revision,
            "exercise": event.exercise,
            "athlete": self.settings.athlete,
            "load_kg": self.settings.load_kg,
        }

    def _obey_all(self) -> None:
        for command in self._to.commands(self.station.station.id):
            reply = self._replies.get(command.event_id)
            if reply is None:  # QoS 1 may bring a command twice; it is obeyed once and answered twice
                try:
                    text, ok = self._obey(command), True
                except (ConfigError, MessageError) as error:
                    text, ok = str(error), False
                reply = ReplyMessage(
                    event_id=new_id(), at_utc=now_utc(), in_reply_to=command.event_id, ok=ok, text=text
                )
                self._keep()
                self._replies[command.event_id] = reply
                if len(self._replies) > COMMANDS_REMEMBERED:
                    del self._replies[next(iter(self._replies))]
            self.backlog.answer(reply)

    def _obey(self, command: CommandMessage) -> str:
        """Do it and return what was done. Raises ConfigError or MessageError with the reason why not."""
        if command.name == "undo":
            if not self._done:
                raise MessageError("there is nothing to undo")
            return self._done.pop()()
        text, undo = self._do(command)
        self._done = [*self._done[1 - COMMANDS_REMEMBERED :], undo]
        return text

    def _do(self, command: CommandMessage) -> tuple[str, Undo]:
        """Do it; what was done in words, and what takes it back and says so."""
        match command.name:
            case "tare":
                return self._zeroed(self._pipeline.tare()), lambda: self._zeroed(self._pipeline.undo_tare())
            case "end-set":
                self._take(self._pipeline.end_set())
                return "set ended", self._reopen
            case "restart-set":
                return self._restart(command.by[:MAX_ID_CHARS])
            case "mark-rep":
                if command.mark is None:
                    raise MessageError("the command needs mark")
                by = command.by[:MAX_ID_CHARS]
                rep, before = self._marks.mark(command.rep_event_id, command.mark, by)
                return self._tell([rep]), lambda: self._tell([self._marks.restore(before)])
            case "set-exercise":
                if command.exercise is None:
                    raise MessageError("the command needs exercise")
                profile = load_profile(command.exercise, self._exercises_dir)
                # How many sets, a tempo, a path limit and a full range are of one exercise.
                asked = msgspec.structs.replace(
                    self.settings,
                    target_sets=None,
                    tempo_s=None,
                    velocity_loss_cutoff_pct=None,
                    path_limit_m=None,
                    full_range_m=None,
                )
                text = f"counting {profile.title}"
            case _:
                profile = self.profile
                asked, text = changed(self.settings, command, profile)
        old, old_profile = self.settings, self.profile
        self._set(asked, profile)

        def undo() -> str:
            self._set(old, old_profile)
            return f"undone: {text}"

        return text, undo

    def _set(self, settings: Settings, profile: Profile) -> None:
        if profile != self.profile:
            self._take(self._pipeline.set_profile(profile))
            self.profile = profile
        if settings.athlete != self.settings.athlete:
            self._take(self._pipeline.end_set())  # a set belongs to one athlete
        if settings.load_kg != self.settings.load_kg:
            self._pipeline.set_load(settings.load_kg)
        if settings.full_range_m != self.settings.full_range_m:
            self._pipeline.set_full_range(settings.full_range_m)
        self.settings = settings

    def _zeroed(self, text: str) -> str:
        """A person has set the load cell's zero."""
        self.rest.tared()
        self._tared_n = self._pipeline.zero_n
        return text

    def _reopen(self) -> str:
        if not self._pipeline.reopen_set():
            raise MessageError("too late: a set that ended stays ended")
        return "the set goes on"

    def _restart(self, by: str) -> tuple[str, Undo]:
        """Count the running set from one again; its reps so far are marked false."""
        number = self._pipeline.set_number
        event_ids = self._marks.of_set(number)
        if not event_ids:
            raise MessageError("no set is running")
        self._take(self._pipeline.end_set())
        marked = [self._marks.mark(event_id, "false", by) for event_id in event_ids]
        self._tell([rep for rep, _ in marked])

        def undo() -> str:
            self._tell([self._marks.restore(before) for _, before in marked])
            return f"set {number} counts again"

        return f"set {number} does not count, {len(marked)} reps; counting from one", undo

    def _tell(self, reps: Sequence[RepMessage]) -> str:
        """Send reps whose marks changed, and their set's summary; the last of them in words."""
        messages: list[RepMessage | SetMessage] = [*reps, *self._summary(reps[-1])]
        self.backlog.add(messages)
        rep = reps[-1]
        counted = "counted" if rep.rep.counted else f"not counted: {rep.rep.reason}"
        return f"set {rep.set_number} rep {rep.rep.number}: {counted}"


def _day(at_utc: str) -> date:
    """By this machine's clock."""
    return datetime.fromisoformat(at_utc).astimezone().date()
