"""One station's sender: what is to be said of it, and its events until the record has them.

Sending an event again is done here and nowhere else. Rep and set messages go out with QoS 0, because the
record's own acknowledgement is what counts (QoS 1 underneath was measured to send each rep five times as
often when brokers were being killed, and saved none). A bounded window of the oldest unacknowledged events is
sent once; when no acknowledgement comes, a few of them are sent again as a probe, at growing intervals, and
the rest follows as soon as one is answered. What must not be lost is in the outbox.
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
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

PROBE = 16  # sent again while nothing is answered
RESEND_MIN_S = 0.5
RESEND_MAX_S = 4.0  # a drained outbox within 5 s of the record's return
MOST_REPLIES = 64  # waiting for a connection
MOST_ACKS = 1024  # waiting for the outbox

Stamp = Callable[[str, str, bytes], bytes]


class StationSender:
    """One station's sender: pending messages and the window in flight.

    All methods but `send` and `look_into_outbox` may be called from any thread and return at once.

    connection : the station's own
    woken, to_look : whether `send`, or `look_into_outbox`, is to be called before the next tick
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
        on_look: Callable[[], None],
        stamp: Stamp,
    ) -> None:
        will = StateMessage(event_id=new_id(), at_utc=now_utc(), session=session, state="lost")
        self.connection = BrokerConnection(mqtt, station, will, self._arrived, self._changed, network)
        self.inbox = CommandInbox(clock)
        self.woken = self.to_look = True
        self._on_look = on_look
        self._network = network
        self._to_send: deque[tuple[str, bytes]] = deque()  # events out of the outbox, at most a window
        self._announced: str | None = None  # to Home Assistant, under which prefix
        self._noted: str | None = None  # in the outbox
        self._to_announce = False
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
        self._connects_sent = self._connects_looked = 0  # seen by either thread
        self._flight = window  # how much may be in flight; PROBE after a time-out
        self._sent = START
        self._resend_after_s = RESEND_MIN_S
        self._resend_at = 0.0
        self._hole_at = math.inf

    @property
    def messages_refused(self) -> int:
        """Commands and acknowledgements: malformed, too many, of what was never issued."""
        return self.inbox.refused + self._acks_refused

    def wake(self) -> None:
        """Have the outbox looked into: an event may be there to send."""
        self.to_look = True
        self._on_look()

    def _to_network(self) -> None:
        self.woken = True
        self._network.wake()

    def _changed(self) -> None:
        self._to_network()
        self.wake()

    def retain(self, message: StateMessage | InfoMessage | HealthMessage | CurrentMessage) -> None:
        """Publish the newest state, info, health or current set, and again after every connect."""
        leaf = next(leaf for leaf in RETAINED if isinstance(message, BY_LEAF[leaf]))
        self._retained[leaf] = encode(message)
        self._unsent.add(leaf)
        self._to_network()

    def live(self, message: LiveMessage) -> None:
        """Publish the newest live value; dropped when not connected or when a newer one overtakes it."""
        self._live = encode(message)
        self._to_network()

    def reply(self, message: ReplyMessage) -> None:
        """Publish the reply to a command."""
        self._replies.append(encode(message))
        self._to_network()

    def send(self) -> None:
        """Send everything that is there to send; on the publishing thread only."""
        if self.connection.failure is not None:
            raise self.connection.failure
        if not self.connection.connected:
            self._live = None
            self._to_send.clear()  # sent from the oldest on when there is a connection
            return
        if self.connection.connects != self._connects_sent:
            self._connects_sent = self.connection.connects
            self._unsent |= set(self._retained)
        if self._to_announce:
            self._to_announce = False
            self._announced = self.connection.announce(self._announced)
            self.wake()
        self.connection.listen_to_commands(self.inbox.listens(self._clock()))
        while self._unsent:
            leaf = self._unsent.pop()
            self.connection.publish(leaf, self._retained[leaf], qos=1)
        while self._replies and self.connection.connected:
            self.connection.publish("reply", self._replies.popleft(), qos=1)
        if self.connection.congested:
            # What the broker does not read grows in paho. So a newer live value takes this one's place, and
            # no more events come; the rest is a few messages a second, until PINGREQ is not answered.
            return
        live, self._live = self._live, None
        if live is not None:
            self.connection.publish("live", live, qos=0)
        while self._to_send:
            leaf, payload = self._to_send.popleft()
            self.connection.publish(leaf, payload, qos=0)

    def look_into_outbox(self) -> None:
        """Put what was acknowledged into the outbox, and take out what is to be sent; may wait for a disk."""
        now = self._clock()
        if self._store_retry.due(now):
            self._from_store(lambda: self._take_acks(now), now)
        if not self.connection.connected:
            return
        if self._store_retry.due(now):
            self._from_store(self._announce, now)
        if self.connection.connects != self._connects_looked:
            self._connects_looked = self.connection.connects
            self._start_over(now, self._window)
            self._resend_after_s = RESEND_MIN_S
        if self._store_retry.due(now) and not self.connection.congested:
            self._from_store(lambda: self._take_out(now), now)

    def _announce(self) -> None:
        """Have the station announced after each connect; note where, for a run in which nobody asks it."""
        key = f"{self._station}/home-assistant"  # no id of a station has a slash
        if self._to_announce:
            return
        if self.connection.connects != self._connects_looked:
            self._announced = self._noted = (self._outbox.saved_state(key) or b"").decode() or None
            self._to_announce = True
            self._to_network()
        elif self._announced != self._noted:
            self._noted = self._announced
            self._outbox.save_state(key, (self._announced or "").encode())

    def _from_store(self, work: Callable[[], None], now: float) -> None:
        """Do it; when the outbox cannot be read or written, say so and try again in a while."""
        try:
            work()
            self.store_problem = None
        except StoreError as error:
            self.store_problem = str(error)
            self._store_retry.failed(now)

    def _take_out(self, now: float) -> None:
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
            self._to_send.append((entry.leaf, self._stamp(entry.leaf, entry.payload)))
            self._sent = entry.place
        if entries:
            self._to_network()

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
        """Check, put aside for the other threads, nothing more: paho is reading."""
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
