"""One run of a station: samples and commands in, messages to disk and to the publisher out.

A session begins when its pipeline does and has a random id; the ids of its reps and sets begin with it.
"""

import math
import threading
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec

from edge.drivers import Samples
from edge.marks import Marks
from edge.outbox import Outbox
from edge.pipeline import StationPipeline
from edge.publisher import Publisher
from edge.sets import summarise
from station.clock import DeviceClock
from station.config import StationFile
from station.errors import ConfigError, MessageError, StoreError
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

IDLE_AFTER_S = 2.0  # a port unplugged and back sooner breaks off nothing
STORE_RETRY_S = 1.0
MAX_BACKLOG = 10_000  # messages kept in memory while the outbox cannot be written
MAX_ID_CHARS = 64
SETS_KEPT = 32
COMMANDS_REMEMBERED = 128


class Session:
    """Counts at one station until `finish`.

    Every method may be called from any thread. `step` is what the acquiring thread calls; it does not raise
    for a disk that cannot be written: the messages wait in memory, bounded, and `problem` says so.
    """

    def __init__(self, station: StationFile, profile: Profile, exercises_dir: Path | None = None) -> None:
        """`exercises_dir` holds the gym's own profiles. Raises ConfigError as StationPipeline does."""
        self.id = new_id()
        self.station = station
        self.profile = profile
        self.problem: str | None = None
        self.session_s = 0.0  # of the newest sample, and beyond while none come
        self.last_sample_at: float | None = None  # host's monotonic time of receipt
        self.clock: DeviceClock | None = None  # of the first port; samples of every port come on it
        self.athlete: str | None = None
        self.load_kg: float | None = None
        self.target_reps: int | None = None
        self._pipeline = StationPipeline(station, profile)
        self._exercises_dir = exercises_dir
        self._outbox: Outbox | None = None
        self._publisher: Publisher | None = None
        self._lock = threading.RLock()
        self._marks = Marks()
        self._sets: dict[int, SetMessage] = {}  # the newest, by number
        self._backlog: list[RepMessage | SetMessage] = []
        self._lost = 0
        self._retry_at = 0.0
        self._sample_s = 0.0
        self._replies: dict[str, ReplyMessage] = {}
        self._info: InfoMessage | None = None

    def attach(self, outbox: Outbox, publisher: Publisher) -> None:
        """Where messages go; once, before the first `step`."""
        self._outbox, self._publisher = outbox, publisher

    def step(self, samples: Sequence[Samples], now_s: float) -> None:
        """Take new samples, or the news that there were none, and the commands that have come in."""
        with self._lock:
            if samples:
                self._sample_s = max(self._sample_s, *(float(part.time_s[-1]) for part in samples))
                self.session_s = self._sample_s
                self.last_sample_at = now_s
                self._take(self._pipeline.feed(samples), now_s)
            elif self.last_sample_at is not None and now_s - self.last_sample_at > IDLE_AFTER_S:
                self.session_s = self._sample_s + (now_s - self.last_sample_at)
                self._take(self._pipeline.idle(self.session_s), now_s)
            elif self._backlog or self._lost:
                self._commit([], now_s)
            self._obey_all(now_s)

    def finish(self, now_s: float) -> None:
        """The stream is over: confirm what is pending, end the set, commit."""
        with self._lock:
            self._retry_at = 0.0
            self._take(self._pipeline.finish(), now_s)

    def tell_state(self, state: StateMessage) -> None:
        """Publish the station's state."""
        self._to.retain(self.station.station.id, state)

    def tell_info(self, sensors: list[Sensor], board: str | None) -> None:
        """Publish what the station is and is set to, if that has changed."""
        geometry = self.station.geometry
        with self._lock:
            info = InfoMessage(
                event_id="",
                at_utc="",
                session=self.id,
                software=f"plumbline {version('plumbline')}",
                kind=self.station.station.kind,
                sensors=sensors,
                geometry={
                    name: list(value) if isinstance(value, tuple) else value
                    for name in geometry.__struct_fields__
                    for value in [getattr(geometry, name)]
                },
                exercise=self.profile.name,
                athlete=self.athlete,
                load_kg=self.load_kg,
                target_reps=self.target_reps,
                board=board,
            )
            if info == self._info:
                return
            self._info = info
        stamped = msgspec.structs.replace(info, event_id=new_id(), at_utc=now_utc())
        self._to.retain(self.station.station.id, stamped)

    @property
    def _to(self) -> Publisher:
        assert self._publisher is not None, "attach() comes first"
        return self._publisher

    def _take(self, events: Sequence[RepEvent | SetEvent | Live | Rejected], now_s: float) -> None:
        messages: list[RepMessage | SetMessage] = []
        for event in events:
            if isinstance(event, Live):
                live = LiveMessage(event_id=new_id(), at_utc=now_utc(), session=self.id, live=event)
                self._to.live(self.station.station.id, live)
            elif isinstance(event, RepEvent):
                messages.append(self._marks.revise(self._rep_message(event)))
            elif isinstance(event, SetEvent):
                messages.append(self._ended(self._set_message(event)))
        self._commit(messages, now_s)

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

    def _marked(self, rep: RepMessage) -> list[RepMessage | SetMessage]:
        """A rep that was marked, and its set's summary where the set has ended."""
        old = self._sets.get(rep.set_number)
        if old is None:
            return [rep]
        reps = self._marks.reps(rep.set_number)
        none = msgspec.structs.replace(old.summary, counted_reps=0, partial_reps=0)
        summary = summarise(rep.set_number, reps) if reps else none
        return [rep, self._ended(msgspec.structs.replace(old, summary=summary))]

    def _rep_message(self, event: RepEvent) -> RepMessage:
        return RepMessage(
            event_id=f"{self.id}-{event.event_id}",
            at_utc=now_utc(),
            stream="",  # the outbox fills in stream and seq
            seq=1,
            session=self.id,
            session_s=event.known_s,
            revision=event.revision,
            state=event.state,
            exercise=event.exercise,
            set_number=event.set_number,
            athlete=self.athlete,
            load_kg=self.load_kg,
            rep=event.rep,
        )

    def _set_message(self, event: SetEvent) -> SetMessage:
        return SetMessage(
            event_id=f"{self.id}-{event.event_id}",
            at_utc=now_utc(),
            stream="",
            seq=1,
            session=self.id,
            session_s=event.known_s,
            revision=event.revision,
            exercise=event.exercise,
            athlete=self.athlete,
            load_kg=self.load_kg,
            summary=event.summary,
        )

    def _commit(self, messages: Sequence[RepMessage | SetMessage], now_s: float) -> None:
        self._backlog += messages
        excess = len(self._backlog) - MAX_BACKLOG
        if excess > 0:
            del self._backlog[:excess]
            self._lost += excess
        if not self._backlog or now_s < self._retry_at:
            return
        assert self._outbox is not None, "attach() comes first"
        try:
            self._outbox.append(self.station.station.id, self._backlog, lost_before=self._lost)
        except StoreError as error:
            self.problem = str(error)
            self._retry_at = now_s + STORE_RETRY_S
            return
        self._backlog, self._lost, self.problem = [], 0, None
        self._to.wake()

    def _obey_all(self, now_s: float) -> None:
        for command in self._to.commands(self.station.station.id):
            reply = self._replies.get(command.event_id)
            if reply is None:  # QoS 1 may bring a command twice; it is obeyed once and answered twice
                try:
                    text, ok = self._obey(command, now_s), True
                except (ConfigError, MessageError) as error:
                    text, ok = str(error), False
                reply = ReplyMessage(
                    event_id=new_id(), at_utc=now_utc(), in_reply_to=command.event_id, ok=ok, text=text
                )
                self._replies[command.event_id] = reply
                if len(self._replies) > COMMANDS_REMEMBERED:
                    del self._replies[next(iter(self._replies))]
            self._to.reply(self.station.station.id, reply)

    def _obey(self, command: CommandMessage, now_s: float) -> str:  # noqa: PLR0911, PLR0912
        """Do it and return what was done. Raises ConfigError or MessageError with the reason why not."""
        match command.name:
            case "set-exercise":
                if command.exercise is None:
                    raise MessageError("the command needs exercise")
                profile = load_profile(command.exercise, self._exercises_dir)
                self._take(self._pipeline.set_profile(profile), now_s)
                self.profile = profile
                return f"counting {profile.title}"
            case "set-athlete":
                if command.athlete is not None and not 0 < len(command.athlete) <= MAX_ID_CHARS:
                    raise MessageError(f"an athlete's id has 1 to {MAX_ID_CHARS} characters")
                self._take(self._pipeline.end_set(), now_s)  # a set belongs to one athlete
                self.athlete = command.athlete
                return f"athlete {command.athlete}" if command.athlete else "no athlete"
            case "set-load":
                load_kg = command.load_kg
                if load_kg is not None and not (math.isfinite(load_kg) and 0 <= load_kg <= 1000):
                    raise MessageError(f"a load of {load_kg} kg; give 0 to 1000")
                self.load_kg = load_kg
                self._pipeline.set_load(load_kg)
                return "no load" if load_kg is None else f"load {load_kg:g} kg"
            case "set-target":
                target = command.target_reps
                if target is not None and not 1 <= target <= 1000:
                    raise MessageError(f"a target of {target} reps; give 1 to 1000")
                self.target_reps = target
                return "no target" if target is None else f"target {target} reps"
            case "tare":
                return self._pipeline.tare()
            case "end-set":
                self._take(self._pipeline.end_set(), now_s)
                return "set ended"
            case "mark-rep":
                if command.mark is None:
                    raise MessageError("the command needs mark")
                rep = self._marks.mark(command.rep_event_id, command.mark, command.by[:MAX_ID_CHARS])
            case "undo":
                rep = self._marks.undo()
        self._commit(self._marked(rep), now_s)
        counted = "counted" if rep.rep.counted else f"not counted: {rep.rep.reason}"
        return f"set {rep.set_number} rep {rep.rep.number}: {counted}"
