"""The headless node: ports in, events out, nothing lost. Many stations, one outbox.

Three kinds of threads. *Acquire*, one for all ports (edge.node.reading): source -> driver -> pipeline ->
memory, so simple that it cannot hang; a port that goes away is opened again (station.program.retry). *Commit*
writes what was counted into the outbox, so that a disk that takes its time holds up no port. *Publish*, one
for all brokers, one for the outbox (edge.delivery.publisher), may be cut off for days without losing a rep.
The main thread looks after them and reports health. A thread that dies ends the node with status 1, for
whatever supervises it to start it again; one that hangs keeps the node from telling systemd's watchdog that
it is well.
"""

import math
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

from edge.delivery.outbox import Outbox
from edge.delivery.publisher import Publisher
from edge.delivery.stamps import SessionClock, stamped
from edge.node.acquisition import READ_TIMEOUT_S, Acquisition
from edge.node.clock_sync import clock_synchronised
from edge.node.machine import MachineWatch
from edge.node.reading import PortAcquisition, PortReader
from edge.node.session import Session
from edge.node.systemd import notify
from station.config import Mqtt
from station.messages import HealthMessage, SensorFault, StateMessage, new_id, now_utc

CHECK_S = 0.2  # a sensor that fails is in health within a second
COMMIT_S = 0.5  # what is counted wakes the thread; this is for what the disk did not take, and for disputes
HANG_S = 15.0  # opening a socket:// port that does not answer takes 5
HEALTH_PERIOD_S = 0.97  # not 1 s: stays out of step with the 10 Hz live values
STOP_S = 2.0  # a clean stop takes no longer
UNSAVED_DRAIN_S = 1.0  # and the record may take so long for what only memory holds

State = Literal["starting", "ready", "stopping"]


class Node:
    """Run acquisitions and one publisher until told to stop.

    Parameters
    ----------
    acquisitions : one or more per session
    outbox : shared by all stations; the caller closes it
    brokers : where each station publishes, by station id
    say : takes a line for the log
    """

    def __init__(
        self,
        acquisitions: Sequence[Acquisition],
        outbox: Outbox,
        brokers: dict[str, Mqtt],
        say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
    ) -> None:
        self.acquisitions = acquisitions
        self.sessions = list({a.session.id: a.session for a in acquisitions}.values())
        urls = [port.url for session in self.sessions for port in session.station.ports]
        self._machine = MachineWatch(outbox.path.parent, urls)
        self.outbox = outbox
        by_station = {session.station.station.id: session for session in self.sessions}
        self._clocks = {
            station: SessionClock(session.id, lambda session=session: session.session_s)  # type: ignore[misc]
            for station, session in by_station.items()
        }
        sessions = {station: one.session for station, one in self._clocks.items()}
        self.publisher = Publisher(outbox, brokers, sessions, stamp=self._stamp)
        self._say = say
        self._said: dict[str, str | None] = {}
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._finished = threading.Event()  # nothing more will be counted
        self._work = threading.Event()  # there is something to commit
        self._failure: tuple[str, BaseException] | None = None
        self._faults: dict[str, dict[str, SensorFault]] = {}
        self.healths: dict[str, HealthMessage] = {}  # the newest, by station
        self._saturated: dict[int, dict[str, int]] = {}
        for session in self.sessions:
            session.attach(outbox, self.publisher.senders[session.station.station.id], self._work.set)

    def stop(self) -> None:
        """Ask `run` to end. Not from a signal handler: see station.program.process.on_ending_signals."""
        self._stop.set()
        self._wake.set()

    def run(self, drain_s: float = 0.3) -> int:
        """Count until `stop`, or until every acquisition is over.

        0: ended as asked. 1: a thread died, or events were lost that only memory held.
        `drain_s`: how long the end may wait for the record to confirm the last events.
        """
        ports = [one for one in self.acquisitions if isinstance(one, PortAcquisition)]
        alone: list[Acquisition | PortReader] = [one for one in self.acquisitions if one not in ports]
        readers = [PortReader(ports, together=self.publisher.together)] if ports else []
        threads = [self._thread("acquire", partial(one.run, self._stop)) for one in [*readers, *alone]]
        commit = self._thread("commit", self._commit)
        self._tell_state("starting")
        self.publisher.start()
        commit.start()
        for thread in threads:
            thread.start()
        self._tell_state("ready")
        notify("READY=1")
        report_at = time.monotonic()
        while not self._stop.is_set() and self._sound() and any(thread.is_alive() for thread in threads):
            now_s = time.monotonic()
            for session in self.sessions:
                sender = self.publisher.senders[session.station.station.id]
                session.standing_down = sender.connection.duplicate is not None
            if self._faults_changed(now_s) or now_s >= report_at:
                report_at = now_s + HEALTH_PERIOD_S
                self._report()
                if not self._hanging(now_s):
                    waiting = f"{self.outbox.depth()} events wait"
                    notify(f"WATCHDOG=1\nSTATUS={len(self.sessions)} stations, {waiting}")
            self._wake.wait(CHECK_S)
            self._wake.clear()
        notify("STOPPING=1")
        self._stop.set()
        deadline_s = time.monotonic() + STOP_S / 2
        for thread in threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))
        for session in self.sessions:
            session.finish()
        self._finished.set()
        self._work.set()
        commit.join(STOP_S / 4)
        self._drain(drain_s if self.outbox.problem is None else UNSAVED_DRAIN_S)
        lost = self._count_lost(commit.is_alive(), drain_s)
        self._report()
        self._tell_state("stopping")
        sound = self._sound()
        self.publisher.stop(STOP_S / 2)
        return 0 if sound and not lost else 1

    def _drain(self, drain_s: float) -> None:
        """Wait until the record has everything, or for so long."""
        drained_s = time.monotonic() + drain_s
        while self.outbox.depth() and time.monotonic() < drained_s and self._sound():
            self._wake.wait(READ_TIMEOUT_S)  # a thread that dies ends it
            self._wake.clear()

    def _count_lost(self, disk_hangs: bool, drain_s: float) -> int:
        """What ends with this process: said on the log, and to the record in tombstones where it listens."""
        lost = sum(session.backlog.waiting for session in self.sessions)
        if not disk_hangs:  # it would hold us up as well
            self.outbox.return_to_disk(math.inf)
            unsaved = self.outbox.force_out_unsaved()
            if unsaved:
                lost += unsaved
                self.publisher.wake()
                self._drain(drain_s)
        if lost:
            self._say(f"{lost} events are lost: the disk took none, and no record confirmed them in time")
        return lost

    def _stamp(self, station: str, leaf: str, payload: bytes) -> bytes:
        return stamped(leaf, payload, self._clocks[station], clock_synchronised())

    def _commit(self) -> None:
        """Write what is counted, until there is nothing more to come."""
        last = False
        while not last:
            self._work.wait(COMMIT_S)
            self._work.clear()
            last = self._finished.is_set()  # read before writing: the last round writes everything
            for session in self.sessions:
                session.write(time.monotonic())
                session.keep_disputes(time.monotonic(), last=last)
            self.outbox.return_to_disk(time.monotonic())

    def _hanging(self, now_s: float) -> bool:
        """Whether a thread has not come round for too long; says which."""
        beats = {
            f"acquire-{n}": a.beat_at
            for n, a in enumerate(self.acquisitions)
            if a.link_up or isinstance(a, PortAcquisition)
        }
        beats["publish"] = self.publisher.beat_at
        hanging = [name for name, at in beats.items() if now_s - at > HANG_S]
        self._note("hang", f"no sign of life from {', '.join(hanging)}" if hanging else None)
        return bool(hanging)

    def _faults_changed(self, now_s: float) -> bool:
        """Look at the sensors; whether something is wrong that was not, or right again."""
        for acquisition in self.acquisitions:
            acquisition.session.watch.saturated(acquisition.stats.saturated, now_s)
        faults = {s.id: s.watch.faults(self._read_until(s, now_s)) for s in self.sessions}
        changed, self._faults = faults != self._faults, faults
        return changed

    def _read_until(self, session: Session, now_s: float) -> float:
        """When its ports were read last: on a busy machine what waits in a port is late, not silent."""
        beats = [a.beat_at for a in self.acquisitions if a.session is session and a.link_up]
        return min(beats, default=now_s)

    def _thread(self, name: str, work: Callable[[], None]) -> threading.Thread:
        return threading.Thread(target=self._watched, args=(work,), name=name, daemon=True)

    def _watched(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - said by _sound, and the node ends with status 1
            self._failure = (threading.current_thread().name, error)
        finally:
            self._wake.set()

    def _sound(self) -> bool:
        """Whether all threads are well; says what is wrong, once."""
        if self._failure is None and not self.publisher.alive:
            self._failure = ("publish", self.publisher.failure or RuntimeError("it ended"))
        if self._failure is not None:
            name, error = self._failure
            self._note("thread", f"thread {name} died: {type(error).__name__}: {error}")
        return self._failure is None

    def _tell_state(self, state: State) -> None:
        for session in self.sessions:
            session.tell_state(
                StateMessage(event_id=new_id(), at_utc=now_utc(), session=session.id, state=state)
            )

    def _report(self) -> None:
        """Publish health and, where it has changed, info; say on the log what has changed for the worse."""
        for session in self.sessions:
            ports = [a for a in self.acquisitions if a.session is session]
            boards = [a.board for a in ports if a.board]
            session.tell_info([s for a in ports for s in a.sensors], ", ".join(boards) or None)
            health = self._health(session, ports)
            station = session.station.station.id
            sender = self.publisher.senders[station]
            self.healths = {**self.healths, station: health}
            sender.retain(health)
            self._note(station, health.problem)
            if session.rest.count:
                moved = f"zeroed at rest, {health.zero_moved_n:+.1f} N since it was tared"
                self._note(f"{station} force_n", moved)
            self._note(f"{station} broker", sender.connection.trouble)

    def _health(self, session: Session, ports: Sequence[Acquisition]) -> HealthMessage:
        now_s = time.monotonic()
        stats = [a.stats for a in ports]
        drifts = [a.drift_ppm for a in ports if a.drift_ppm is not None]
        station = session.station.station.id
        sender = self.publisher.senders[station]
        faults = dict(self._faults.get(session.id, {}))
        problems = [
            *self._machine.problems(),
            self.outbox.problem,
            session.backlog.problem,
            session.flight.problem if session.flight is not None else None,
            sender.store_problem,
            sender.inbox.problem,
            *(a.problem for a in ports),
            *(s.device_problem for s in stats),
        ]
        quality = session.signal
        problems += session.signal_problems(quality)
        if session.rest.exhausted:
            problems.append(f"force_n: its zero has wandered {session.rest.moved_n:+.0f} N; tare it")
        problems += [f"{name}: {fault}" for name, fault in faults.items() if fault != "saturated"]
        return HealthMessage(
            event_id=new_id(),
            at_utc=now_utc(),
            session=session.id,
            session_s=session.session_s,
            link_up=all(a.link_up for a in ports),
            frames=sum(s.frames for s in stats),
            frames_lost=sum(s.frames_lost for s in stats),
            frames_corrupt=sum(s.frames_corrupt for s in stats),
            samples_rejected=sum(s.samples_rejected for s in stats),
            bytes_discarded=sum(s.bytes_discarded for s in stats),
            clock_drift_ppm=max(drifts, key=abs) if drifts else None,
            outbox_depth=self.outbox.depth(station),
            settled=self.outbox.settled(station),
            saturated=[name for a in ports for name in self._newly_saturated(a)],
            last_sample_age_s=None if session.last_sample_at is None else now_s - session.last_sample_at,
            reconnects=sum(a.reconnects for a in ports),
            rates_hz=session.measured_rates_hz(),
            sensor_faults=faults,
            movements_rejected=session.rejected,
            messages_refused=sender.messages_refused,
            overruns=session.backlog.overruns,
            rezeros=session.rest.count,
            zero_moved_n=session.rest.moved_n,
            board_resets=sum(s.resets for s in stats),
            watchdog_restarts=sum(s.device_restarts for s in stats),
            board_dropped=sum(s.device_dropped for s in stats),
            missed={name: count for s in stats for name, count in dict(s.missed).items()},
            shifts=session.shifts,
            signal=quality,
            problem="; ".join(dict.fromkeys(p for p in problems if p)) or None,
        )

    def _newly_saturated(self, acquisition: Acquisition) -> list[str]:
        """The channels that reached the end of their range since the last report."""
        before = self._saturated.get(id(acquisition), {})
        counts = dict(acquisition.stats.saturated)
        self._saturated[id(acquisition)] = counts
        return sorted(name for name, count in counts.items() if count > before.get(name, 0))

    def _note(self, what: str, line: str | None) -> None:
        """Say a line when it differs from the last one about the same thing."""
        if self._said.get(what) != line:
            self._said[what] = line
            self._say(f"{what}: {line or 'well again'}")
