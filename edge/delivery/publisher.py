"""The publishing side of a node: one thread that sends what the outbox holds until the record has it.

It drives the connections of all stations, and asks a station's sender where that has something to send.

Sending an event again is done here and nowhere else. Rep and set messages go out with QoS 0, because the
record's own acknowledgement is what counts (QoS 1 underneath was measured to send each rep five times as
often when brokers were being killed, and saved none). Per station a bounded window of the oldest
unacknowledged events is sent once; when no acknowledgement comes, a few of them are sent again as a probe,
at growing intervals, and the rest follows as soon as one is answered. This thread may die and be started
again: what it must not lose is in the outbox.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial

from edge.delivery.command_inbox import CommandInbox
from edge.delivery.connection import BrokerConnection
from edge.delivery.network import Network
from edge.delivery.outbox import Outbox
from edge.delivery.waiting import START
from station.config import Mqtt
from station.errors import MessageError, StoreError
from station.messages import (
    BY_LEAF,
    AckMessage,
    CurrentMessage,
    HealthMessage,
    InfoMessage,
    LiveMessage,
    ReplyMessage,
    StateMessage,
    StreamAck,
    decode,
    encode,
    new_id,
    now_utc,
)
from station.program.retry import Retry
from station.topics import RETAINED

WINDOW = 200  # events in flight per station; paho refuses silently beyond 65 535
PROBE = 16  # sent again while nothing is answered
RESEND_MIN_S = 0.5
RESEND_MAX_S = 4.0  # a drained outbox within 5 s of the record's return
TICK_S = 0.25  # what is to be sent wakes it; this is for what is to be sent again
MOST_REPLIES = 64  # waiting for a connection
MOST_ACKS = 1024  # waiting for the outbox


Stamp = Callable[[str, str, bytes], bytes]


class Publisher:
    """Publishes the messages of all stations and receives their commands.

    `senders` has each station's side by its id; the network is met on the publishing thread.

    Parameters
    ----------
    outbox : where rep and set messages wait
    brokers : the broker of each station, by station id
    sessions : the session id of each station, for its last will
    window : events in flight per station
    clock : seconds, monotonic
    stamp : (station, leaf, payload) to what is sent of an event; see edge.delivery.stamps
    """

    def __init__(
        self,
        outbox: Outbox,
        brokers: dict[str, Mqtt],
        sessions: dict[str, str],
        *,
        window: int = WINDOW,
        clock: Callable[[], float] = time.monotonic,
        stamp: Stamp = lambda _station, _leaf, payload: payload,
    ) -> None:
        self._network = Network()
        self.senders = {
            station: StationSender(
                outbox, mqtt, station, sessions[station], window, clock, self._network, stamp
            )
            for station, mqtt in brokers.items()
        }
        self._stop_by = math.inf  # when what has not been sent is given up
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="publish", daemon=True)
        self.failure: BaseException | None = None
        self.beat_at = time.monotonic()  # of the newest round of the publishing thread

    @property
    def alive(self) -> bool:
        """False when the publishing thread has ended, by `stop` or by a defect (then see `failure`)."""
        return self._thread.is_alive() and self.failure is None

    def start(self) -> None:
        """Begin to connect; a broker that is not there yet is no error."""
        self._thread.start()

    def stop(self, timeout_s: float = 1.0) -> None:
        """Send pending messages and disconnect within about `timeout_s`; the outbox keeps the rest."""
        self._stop_by = time.monotonic() + timeout_s
        self._stop.set()
        self.wake()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def wake(self) -> None:
        """Wake the thread: there may be something to send, of any station."""
        for sender in self.senders.values():
            sender.wake()

    def together(self) -> AbstractContextManager[None]:
        """What is to be sent meanwhile is sent at its end, together; see Network.together."""
        return self._network.together()

    def _run(self) -> None:
        try:
            tick_at = 0.0
            stopping = False
            while not stopping:
                self._network.wait(tick_at - time.monotonic())
                self.beat_at = now = time.monotonic()
                stopping = self._stop.is_set()  # read before sending: the last round sends everything
                tick = now >= tick_at
                if tick:
                    tick_at = now + TICK_S
                for sender in self.senders.values():
                    if tick or sender.woken:
                        sender.woken = False  # before sending: what comes meanwhile wakes it again
                        if tick or not sender.connection.connected:
                            sender.connection.look_after()
                        sender.send()
            self._disconnect()
        except Exception as error:  # noqa: BLE001 - the node ends with status 1 and says why
            self.failure = error

    def _disconnect(self) -> None:
        """Disconnect every station; give up at `_stop_by`."""
        connections = [sender.connection for sender in self.senders.values()]
        for one in connections:
            one.unsubscribe()
        half = (time.monotonic() + self._stop_by) / 2
        self._network_until(lambda: all(one.unsubscribed or not one.connected for one in connections), half)
        for one in connections:
            one.disconnect()
        self._network_until(lambda: all(one.closed for one in connections), self._stop_by)

    def _network_until(self, done: Callable[[], bool], by: float) -> None:
        while not done() and time.monotonic() < by:
            self._network.wait(by - time.monotonic())


class StationSender:
    """One station's sender: pending messages and the window in flight.

    All methods but `send` may be called from any thread and return at once.

    connection : the station's own
    woken : whether `send` is to be called before the next tick
    store_problem : why the outbox cannot be read or written at the moment
    inbox : the commands for it
    """

    def __init__(
        self,
        outbox: Outbox,
        mqtt: Mqtt,
        station: str,
        session: str,
        window: int,
        clock: Callable[[], float],
        network: Network,
        stamp: Stamp,
    ) -> None:
        will = StateMessage(event_id=new_id(), at_utc=now_utc(), session=session, state="lost")
        self.connection = BrokerConnection(mqtt, station, will, self._arrived, self.wake, network)
        self.inbox = CommandInbox(clock)
        self.woken = True
        self._network = network
        self._live: bytes | None = None
        self._replies: deque[bytes] = deque(maxlen=MOST_REPLIES)
        self._acks_refused = 0  # malformed, too many, or of what was never issued
        self.store_problem: str | None = None
        self._outbox = outbox
        self._station = station
        self._window = window
        self._clock = clock
        self._stamp = partial(stamp, station)
        self._retained: dict[str, bytes] = {}
        self._unsent: set[str] = set()  # leaves of retained messages the broker has not had yet
        self._acks: deque[Sequence[StreamAck]] = deque(maxlen=MOST_ACKS)
        self._store_retry = Retry()
        self._connects_seen = 0
        self._flight = window  # how much may be in flight; PROBE after a time-out
        self._sent = START
        self._resend_after_s = RESEND_MIN_S
        self._resend_at = 0.0
        self._hole_at = math.inf
        self._look_at = -math.inf  # for events to send, at the latest

    @property
    def messages_refused(self) -> int:
        """Commands and acknowledgements: malformed, too many, of what was never issued."""
        return self.inbox.refused + self._acks_refused

    def wake(self) -> None:
        """Wake the publishing thread: an event may be there to send."""
        self._look_at = -math.inf
        self._have_sent()

    def _have_sent(self) -> None:
        self.woken = True
        self._network.wake()

    def retain(self, message: StateMessage | InfoMessage | HealthMessage | CurrentMessage) -> None:
        """Publish the newest state, info, health or current set, and again after every connect."""
        leaf = next(leaf for leaf in RETAINED if isinstance(message, BY_LEAF[leaf]))
        self._retained[leaf] = encode(message)
        self._unsent.add(leaf)
        self._have_sent()

    def live(self, message: LiveMessage) -> None:
        """Publish the newest live value; dropped when not connected or when a newer one overtakes it."""
        self._live = encode(message)
        self._have_sent()

    def reply(self, message: ReplyMessage) -> None:
        """Publish the reply to a command."""
        self._replies.append(encode(message))
        self._have_sent()

    def send(self) -> None:
        """Send everything that is due; called on the publishing thread only."""
        if self.connection.failure is not None:
            raise self.connection.failure
        now = self._clock()
        if self._store_retry.due(now):
            self._from_store(lambda: self._take_acks(now), now)
        if not self.connection.connected:
            self._live = None
            return
        if self.connection.connects != self._connects_seen:
            self._connects_seen = self.connection.connects
            self._from_store(self._announce, now)
            self._unsent |= set(self._retained)
            self._start_over(now, self._window)
            self._resend_after_s = RESEND_MIN_S
        self.connection.listen_to_commands(self.inbox.listens(now))
        while self._unsent:
            leaf = self._unsent.pop()
            self.connection.publish(leaf, self._retained[leaf], qos=1)
        while self._replies:
            self.connection.publish("reply", self._replies.popleft(), qos=1)
        if self.connection.congested:
            # What the broker does not read grows in paho. So a newer live value takes this one's place, and
            # events stay in the outbox; the rest is a few messages a second, until PINGREQ is not answered.
            return
        live, self._live = self._live, None
        if live is not None:
            self.connection.publish("live", live, qos=0)
        # Not for each live value: two questions to the database cost as much as sending it.
        if now >= self._look_at and self._store_retry.due(now):
            self._look_at = now + TICK_S  # before looking: what comes meanwhile sets it back
            self._from_store(lambda: self._send_events(now), now)

    def _announce(self) -> None:
        """Announce the station, and note where, for the run in which nobody asks for it any more."""
        key = f"{self._station}/home-assistant"  # no id of a station has a slash
        before = (self._outbox.saved_state(key) or b"").decode() or None
        prefix = self.connection.announce(before)
        if prefix != before:
            self._outbox.save_state(key, (prefix or "").encode())

    def _from_store(self, work: Callable[[], None], now: float) -> None:
        """Do it; when the outbox cannot be read or written, say so and try again in a while."""
        try:
            work()
            self.store_problem = None
        except StoreError as error:
            self.store_problem = str(error)
            self._store_retry.failed(now)

    def _send_events(self, now: float) -> None:
        if not self._outbox.depth():
            return
        in_flight = self._outbox.depth(self._station, self._sent) if self._sent != START else 0
        if in_flight and now >= self._hole_at:
            self._hole_at = math.inf
            self._start_over(now, self._window)
            in_flight = 0
        elif in_flight and now >= self._resend_at:
            self._resend_after_s = min(RESEND_MAX_S, 2 * self._resend_after_s)
            self._start_over(now, min(PROBE, self._window))
            in_flight = 0
        room = self._flight - in_flight
        if room <= 0:
            return
        entries = self._outbox.unacknowledged(self._station, room, self._sent)
        if entries and not in_flight:
            self._resend_at = now + self._resend_after_s
        for entry in entries:
            self.connection.publish(entry.leaf, self._stamp(entry.leaf, entry.payload), qos=0)
            self._sent = entry.place

    def _start_over(self, now: float, flight: int) -> None:
        self._sent = START
        self._flight = flight
        self._resend_at = now + self._resend_after_s

    def _take_acks(self, now: float) -> None:
        answered = False
        while self._acks:
            for ack in self._acks[0]:
                came_of_it = self._outbox.acknowledge(self._station, ack)
                answered = answered or came_of_it.deleted > 0
                self._acks_refused += came_of_it.refused
                if came_of_it.wanted:  # its time comes also while later events are being answered
                    self._hole_at = min(self._hole_at, now + RESEND_MIN_S)
            self._acks.popleft()  # not before: what fails is done again
        if answered:
            self._resend_after_s = RESEND_MIN_S
            self._resend_at = now + RESEND_MIN_S
            self._flight = self._window

    def _arrived(self, leaf: str, payload: bytes) -> None:
        """Check, put aside for `send` and the thread that obeys, nothing more: paho is reading."""
        if leaf == "command":
            self.inbox.arrived(payload)
            return
        try:
            message = decode(leaf, payload)
        except MessageError:
            self._acks_refused += 1
            return
        if isinstance(message, AckMessage):
            self._acks_refused += len(self._acks) == MOST_ACKS  # the oldest goes
            self._acks.append(message.streams)
            self.wake()
