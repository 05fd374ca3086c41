"""One run of a station: samples and commands in, messages to disk and to the publisher out.

A session begins when its pipeline does and has a random id; the ids of its reps and sets begin with it.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec

from edge.counting.dispute import CountingState, Verdict
from edge.counting.pipeline import StationPipeline
from edge.counting.rates import Rates
from edge.counting.rest import RestZero
from edge.counting.saved_state import SavedState, Unfinished, exercise_of, from_bytes, to_bytes
from edge.counting.sets import SetView
from edge.counting.settings import Settings, in_words
from edge.counting.signal import troubles
from edge.counting.watch import SensorWatch
from edge.delivery.backlog import Backlog
from edge.delivery.outbox import Outbox
from edge.delivery.publisher import Publisher
from edge.link.drivers import Samples
from edge.node.clock_sync import clock_synchronised
from edge.node.commands import Commands
from edge.node.dispute_store import DisputeStore
from edge.node.flight_recorder import FlightRecorder
from station.bounds import measured
from station.config import StationFile
from station.errors import ConfigError
from station.exercises import Profile, load_profile
from station.messages import (
    CURRENT_CURVES,
    CURRENT_REPS,
    CurrentMessage,
    CurrentRep,
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
from station.program.distribution import release
from station.records import Live, Rejected, Rep, RepEvent, SetEvent, SignalQuality
from station.timing.clock import DeviceClock
from station.weighing import other_than

SOFTWARE = f"plumbline {release()}"
IDLE_AFTER_S = 2.0  # a port unplugged and back sooner breaks off nothing
SETS_KEPT = 128  # a long day's
COMMANDS_REMEMBERED = 128


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
        self._kept: SavedState | None = None  # as the outbox's file has it; None: it is not to be kept
        self.pipeline = StationPipeline(station, profile)
        self.exercises_dir = exercises_dir
        self._outbox: Outbox | None = None
        self._publisher: Publisher | None = None
        self._lock = threading.RLock()
        self._set_days: dict[str, date] = {}  # on which a set was done, by its event id
        self._told: tuple[SetView | None, Settings, Profile] | None = None
        self.sample_s = 0.0
        self._replies: dict[str, ReplyMessage] = {}
        self._info: InfoMessage | None = None
        self._commands = Commands(self)
        self._clock_synchronised = clock_synchronised
        self._idle = False
        self.flight: FlightRecorder | None = None

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
            profile = exercise_of(kept, station.exercise, self.profile, self.exercises_dir)
            self.set_to(kept.settings, profile)
        except ConfigError as error:
            return f"as the station file says, not as it was: {error}"
        self.pipeline.cell.resume(kept.tared_n)
        self._resumed = True
        if kept.unfinished is not None:  # what was pending when the node ended is one rep of one set
            self.backlog.add([*kept.unfinished.reps, kept.unfinished.a_set])
        self._kept = self._to_keep()
        return f"set as before: {in_words(self.settings, self.profile)}"

    def step(self, samples: Sequence[Samples], now_s: float) -> None:
        """Take new samples, or the news that there were none, and the commands that have come in."""
        with self._lock:
            if samples and self.standing_down:
                self.sample_s = self.session_s = max(
                    self.sample_s, *(float(part.time_s[-1]) for part in samples)
                )
                self.last_sample_at = now_s
            elif samples:
                self._idle = False
                self.sample_s = max(self.sample_s, *(float(part.time_s[-1]) for part in samples))
                self.session_s = self.sample_s
                self.last_sample_at = now_s
                self._rates.feed(samples)
                believed = self.watch.feed(samples, now_s)
                self.take(self.pipeline.feed(believed))
                if self.station.rezero_at_rest:
                    running = self.pipeline.sets.running
                    self.pipeline.cell.move(self.rest.feed(believed, self.pipeline.cell.zero_n, running))
            elif self.last_sample_at is not None and now_s - self.last_sample_at > IDLE_AFTER_S:
                self.session_s = self.sample_s + (now_s - self.last_sample_at)
                self._idle = True
                self.take(self.pipeline.idle(self.session_s))
            self._obey_all()
            self._tell_current()
            if self.flight is not None:
                self.flight.after(now_s, self.session_s, self._counting_state())

    def finish(self) -> None:
        """The stream is over: confirm what is pending, end the set; `write` must follow."""
        with self._lock:
            self.backlog.hurry()
            self.take(self.pipeline.finish())
            self._tell_current()
            self._keep()

    def record_flight(self, store: DisputeStore, ports: int) -> FlightRecorder:
        """Keep the newest bytes of the ports, and what of them is disputed; before the first `step`."""

        def profile_of(name: str) -> Profile:
            return load_profile(name, self.exercises_dir)

        self.flight = FlightRecorder(self.station, self.id, SOFTWARE, profile_of, store, ports)
        return self.flight

    def keep_disputes(self, now_s: float, *, last: bool = False) -> None:
        """Write the stretches of the ports' bytes that are due."""
        if self.flight is not None:
            self.flight.write(now_s, self._disputed_set, last=last)

    def _disputed_set(self, set_event_id: str) -> tuple[list[Verdict], bool]:
        """What was said of a set, under the ids the history has, and whether it is running."""
        with self._lock:
            sets = self.pipeline.sets
            verdicts = [
                msgspec.structs.replace(
                    one, event_id=self._long(one.event_id), set_event_id=self._long(one.set_event_id)
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

    def _to_keep(self) -> SavedState:
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
        return Unfinished(reps=[self._rep_message(event) for event in reps], a_set=self._set_message(a_set))

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
                clock_synchronised=self._clock_synchronised(),
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
            return self._rates.measured_hz(self.sample_s)

    @property
    def signal(self) -> SignalQuality | None:
        """How good the motion's signal has been in this session."""
        with self._lock:
            return self.pipeline.signal

    @property
    def shifts(self) -> int:
        """Steps of the motion's zero that were found and taken out."""
        return self.pipeline.shifts

    @property
    def signal_problems(self) -> list[str]:
        """What is wrong with the motion's signal, and what to do."""
        with self._lock:
            return troubles(self.pipeline.adrift, self.pipeline.signal)

    @property
    def _to(self) -> Publisher:
        assert self._publisher is not None, "attach() comes first"
        return self._publisher

    def take(self, events: Sequence[RepEvent | SetEvent | Live | Rejected]) -> None:
        if self.flight is not None:
            self.flight.said(events)
        messages: list[RepMessage | SetMessage] = []
        for event in events:
            if isinstance(event, Live):
                live = LiveMessage(event_id=new_id(), at_utc=now_utc(), session=self.id, live=event)
                self._to.live(self.station.station.id, live)
            elif isinstance(event, RepEvent):
                messages.append(self._rep_message(event))
            elif isinstance(event, SetEvent):
                messages.append(self._set_message(event))
                self._set_days.setdefault(event.event_id, _day(messages[-1].at_utc))
                if len(self._set_days) > SETS_KEPT:
                    del self._set_days[next(iter(self._set_days))]
            else:
                self.rejected += 1
        self.backlog.add(messages)
        if messages:
            self._keep()

    def _sets_done(self) -> int:
        """Sets of whoever lifts now, of what is counted now, today; one that was restarted is none."""
        today = _day(now_utc())
        return sum(
            (one.athlete, one.exercise) == (self.settings.athlete, self.profile.name)
            and one.summary.counted_reps > 0
            and self._set_days.get(one.event_id) == today
            for one in self.pipeline.sets.summaries()
        )

    def _rep_message(self, event: RepEvent) -> RepMessage:
        return RepMessage(
            **self._envelope(event),
            state=event.state,
            set_number=event.set_number,
            set_event_id=self._long(event.set_event_id),
            rep=measured(event.rep),
        )

    def _set_message(self, event: SetEvent) -> SetMessage:
        return SetMessage(**self._envelope(event), summary=measured(event.summary))

    def _long(self, event_id: str) -> str:
        """An id of this session's book, as it is known outside."""
        return f"{self.id}-{event_id}"

    def short(self, event_id: str | None) -> str | None:
        """The other way round. What is another session's stays long, and is found by nobody."""
        return None if event_id is None else event_id.removeprefix(f"{self.id}-")

    def _envelope(self, event: RepEvent | SetEvent) -> dict[str, Any]:
        """What a rep and a set are sent in; the outbox fills in stream and seq."""
        return {
            "event_id": self._long(event.event_id),
            "at_utc": now_utc(),
            "stream": "",
            "seq": 1,
            "session": self.id,
            "session_s": event.known_s,
            "revision": event.revision,
            "exercise": event.exercise,
            "athlete": event.athlete,
            "load_kg": event.load_kg,
            "clock_synchronised": self._clock_synchronised(),
        }

    def _tell_current(self) -> None:
        """Publish the running set as it stands, where that has changed."""
        said = self.pipeline.sets.newest()
        if (said, self.settings, self.profile) == self._told:
            return
        self._told = said, self.settings, self.profile
        reps = said.reps if said is not None else []
        curved = reps[-CURRENT_CURVES:]
        standing = [one.rep for one in reps if one.state != "rejected"]
        plates_kg = self.station.stack.plates_kg if self.station.stack else ()
        message = CurrentMessage(
            event_id="",
            at_utc="",
            session=self.id,
            session_s=0.0,
            set_event_id=self._long(said.event_id) if said is not None else None,
            set_number=said.number if said is not None else 1,
            over=said is not None and said.over,
            exercise=said.exercise if said is not None else self.profile.name,
            athlete=said.athlete if said is not None else self.settings.athlete,
            load_kg=said.load_kg if said is not None else self.settings.load_kg,
            target_reps=self.settings.target_reps,
            counted_reps=sum(one.state != "rejected" and one.rep.counted for one in reps),
            partial_reps=sum(one.state != "rejected" and not one.rep.counted for one in reps),
            lifted_kg=other_than(said.load_kg, standing, plates_kg) if said is not None else None,
            reps=[
                CurrentRep(
                    event_id=self._long(one.event_id),
                    revision=one.revision,
                    state=one.state,
                    rep=measured(one.rep) if one in curved else _without_curve(measured(one.rep)),
                )
                for one in reps[-CURRENT_REPS:]
            ],
            reps_left_out=max(0, len(reps) - CURRENT_REPS),
        )
        stamped = msgspec.structs.replace(
            message, event_id=new_id(), at_utc=now_utc(), session_s=self.session_s
        )
        self._to.retain(self.station.station.id, stamped)

    def _obey_all(self) -> None:
        for command in self._to.commands(self.station.station.id):
            reply = self._replies.get(command.event_id)
            if reply is None:  # QoS 1 may bring a command twice; it is obeyed once and answered twice
                reply = self._commands.answer(command)
                self._keep()
                self._replies[command.event_id] = reply
                if len(self._replies) > COMMANDS_REMEMBERED:
                    del self._replies[next(iter(self._replies))]
            self.backlog.answer(reply)

    def set_to(self, settings: Settings, profile: Profile) -> None:
        """Count this for them from now on."""
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


def _without_curve(rep: Rep) -> Rep:
    return msgspec.structs.replace(rep, curve=None)


def _day(at_utc: str) -> date:
    """By this machine's clock."""
    return datetime.fromisoformat(at_utc).astimezone().date()
