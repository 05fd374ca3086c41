"""The record: the one process that writes the history, and says so to the stations.

    broker -> client's inbox -> checked -> one transaction -> committed -> acknowledged

An acknowledgement leaves only after the commit; whatever dies before it is sent again by the station and
found to be there already. Messages are checked before a transaction begins, and those that cannot be used go
into quarantine and stop nothing. A database that cannot be written stops the acknowledgements; the messages
stay in the stations' outboxes, and every second it is tried again.
"""

import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Self

from dashboard.broker.client import Client
from dashboard.broker.events import Packet, read
from dashboard.floor.state import StationKey
from dashboard.record.allowance import (
    EVENTS_AT_ONCE,
    EVENTS_PER_S,
    REQUESTS_AT_ONCE,
    REQUESTS_PER_S,
    Allowance,
)
from dashboard.record.holes import Hole, Holes, StreamKey, in_words
from dashboard.record.store import Arrived, PoisonMessage, RecordedMessage, Store
from dashboard.roster.badges import Badges
from station.config import Mqtt
from station.errors import MessageError, StoreError
from station.messages import (
    AckMessage,
    BadgeMessage,
    CommandMessage,
    HealthMessage,
    InfoMessage,
    ReplyCode,
    ReplyMessage,
    RepMessage,
    SetMessage,
    StreamAck,
    new_id,
    now_utc,
)
from station.program.retry import RETRY_S, Retry
from station.topics import Address

LEAVES = ("rep", "set", "command", "correction", "reply", "info", "health", "badge")
GATHER_S = 0.02  # arrivals of so long share a transaction
MAX_BATCH = 500
MOST_ASKED = 64  # corrections and badges that wait; one is answered between two looks at what has come
BADGE_FRESH_S = 10.0  # whoever has waited longer for an answer is not standing there any more

Asked = CommandMessage | BadgeMessage | InfoMessage  # of a person to the record itself, or of a station


class Record:
    """Writes reps, sets and commands from the broker into a store, on a thread of its own.

    Use as a context manager, or `start` and `stop`. `problem` says what stands in the way; `failure` is a
    defect that has ended the thread.
    """

    def __init__(
        self,
        mqtt: Mqtt,
        store: Store,
        site: str | None = None,
        say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
        badges: Badges | None = None,
    ) -> None:
        """Raises ConfigError for a broker that may not be used.

        `site` None: every site on the broker. `badges` None answers none.
        """
        self.problem: str | None = None
        self.failure: BaseException | None = None
        self.missing: str | None = None  # what stations have said and this history never got
        self.flood: str | None = None  # who says more than a station can, and is not listened to
        self._asked: deque[tuple[StationKey, Asked]] = deque()
        self._events = Allowance(EVENTS_AT_ONCE, EVENTS_PER_S)
        self._requests = Allowance(REQUESTS_AT_ONCE, REQUESTS_PER_S)
        self._holes = Holes()
        self._staying: dict[StreamKey, list[Hole]] = {}
        self._said_misdated = False
        self._store = store
        self._say = say
        self._badges = badges
        self._client = Client(mqtt, site, leaves=LEAVES)
        self._stopping = threading.Event()
        self._retry = Retry()
        self._thread = threading.Thread(target=self._run, name="record", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""
        return self._client.connection.up

    @property
    def connection_text(self) -> str:
        """The broker's address, or why there is no connection."""
        return self._client.connection.text

    @property
    def refused(self) -> str | None:
        """That the broker takes no acknowledgement from us: somebody else is to be the record."""
        why = self._client.refused
        return why and (
            f"the broker does not let this user acknowledge ({why}), so nothing is written here;"
            " give the record's user, or leave it to `plumbline record` with --no-record"
        )

    @property
    def alive(self) -> bool:
        """False when the thread has ended, by `stop` or by a defect (then see `failure`)."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start; the broker need not be there yet."""
        self._client.start()
        self._thread.start()

    def stop(self) -> None:
        """Commit and acknowledge what has arrived, then end."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(5.0)
        self._client.stop()

    def _run(self) -> None:
        waiting: list[Packet] = []
        greeted: float | None = None
        try:
            last = False
            while not last:
                last = self._stopping.wait(GATHER_S)
                connection = self._client.connection
                may_try = last or self._retry.due(monotonic())
                if may_try and connection.up and connection.since_s != greeted:
                    # Tells stations that have been waiting that somebody writes again.
                    greeted = connection.since_s
                    self._try(self._greet)
                if not waiting:  # what cannot be written now waits in the inbox, which is bounded
                    waiting = self._client.inbox.drain()
                if self.refused is not None:
                    waiting.clear()
                while waiting and may_try:
                    batch = waiting[:MAX_BATCH]
                    if not self._try(lambda batch=batch: self._take(batch)):  # type: ignore[misc]
                        break
                    del waiting[: len(batch)]
                if last or self._retry.due(monotonic()):
                    self._answer(len(self._asked) if last else 1)
                self._say_holes()
                self._say_flood()
        except Exception as error:  # noqa: BLE001 - shown by whoever runs the record
            self.failure = error
            self._say(f"record: ended by a defect: {type(error).__name__}: {error}")

    def _greet(self) -> None:
        acks = self._store.acks()
        self._holes.update(acks, (), monotonic())
        self._acknowledge(acks)

    def _say_holes(self) -> None:
        """Say what stays missing, once for each change of it."""
        staying = self._holes.staying(monotonic())
        if staying == self._staying:
            return
        closed = self._staying.keys() - staying.keys()
        try:
            kept = self._store.keep_holes(staying, closed)
        except StoreError:
            return  # said by whatever writes; asked again then
        by_station: dict[StationKey, list[Hole]] = {}
        for (site, station, _), holes in kept.items():
            by_station.setdefault((site, station), []).extend(holes)
        lines = [in_words(station, holes) for (_, station), holes in by_station.items()]
        self._staying = staying
        missing = "; ".join(lines) or None
        if missing is not None and missing != self.missing:
            self._say(f"record: {missing}; was it restored from a copy, or does a second record write?")
        self.missing = missing

    def _say_flood(self) -> None:
        """Say what is not listened to, once for each change of it."""
        left = self._client.flooded
        flood = f"a flood on {', '.join(left)}; not listened to for a while, see who sends it"
        if left and flood != self.flood:
            self._say(f"record: {flood}")
        self.flood = flood if left else None

    def _try(self, work: Callable[[], None]) -> bool:
        """Do it; False when the database does not allow it now."""
        try:
            work()
        except StoreError as error:
            if str(error) != self.problem:
                self._say(f"record: {error}; trying again every {RETRY_S:g} s, nothing is acknowledged")
            self.problem = str(error)
            self._retry.failed(monotonic())
            return False
        if self.problem is not None:
            self._say("record: the database is back")
        self.problem = None
        return True

    def _take(self, packets: Sequence[Packet]) -> None:  # noqa: PLR0912 - a branch for each kind
        arrived: list[Arrived] = []
        poison: list[PoisonMessage] = []
        asked: list[tuple[StationKey, Asked]] = []
        for packet in packets:
            if not packet.payload and packet.topic.endswith(("/info", "/health")):
                continue  # takes a retained message back (MQTT-3.3.1-10)
            if not self._may(packet):
                continue
            try:
                address, message, _ = read(packet)
                key = (address.site, address.station)
                if isinstance(message, HealthMessage):
                    self._holes.settled(*key, message.settled, monotonic())
                elif isinstance(message, RecordedMessage):
                    arrived.append(Arrived(*key, message))
                    if address.leaf == "correction" and isinstance(message, CommandMessage):
                        asked.append((key, message))
                elif isinstance(message, InfoMessage) and self._badges is not None:
                    self._badges.heard(key, message)
                    if message.athlete is not None and message.usual_range_m is None:
                        asked.append((key, message))
                elif isinstance(message, BadgeMessage) and packet.received_s > monotonic() - BADGE_FRESH_S:
                    asked.append((key, message))
            except MessageError as error:
                poison.append(PoisonMessage(packet.topic, packet.payload, str(error)))
        try:
            acks = self._store.ingest(arrived) if arrived else {}
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - a value that no check foresaw
            if len(packets) > 1:
                for packet in packets:
                    self._take([packet])
                return
            acks, arrived = {}, []
            poison = [PoisonMessage(packets[0].topic, packets[0].payload, f"{type(error).__name__}: {error}")]
            asked = []
        events = [
            ((site, station, message.stream), message)
            for site, station, message in arrived
            if isinstance(message, RepMessage | SetMessage)
        ]
        self._holes.update(acks, events, monotonic())
        self._acknowledge(acks)
        if self._store.misdated and not self._said_misdated:
            self._said_misdated = True
            self._say("record: events come with times that cannot be right; see the nodes' clocks and ours")
        if poison:
            self._store.quarantine(poison)
        self._put_off(asked)  # last: a batch that fails comes again whole

    def _put_off(self, asked: Sequence[tuple[StationKey, Asked]]) -> None:
        """What persons ask waits for its turn: each is a transaction, or a search, and reps go before it."""
        for key, message in asked:
            if len(self._asked) < MOST_ASKED:
                self._asked.append((key, message))
            elif isinstance(message, CommandMessage):
                text = f"{MOST_ASKED} corrections and badges wait for an answer; ask again in a while"
                self._client.publish(
                    Address(*key, "reply"), ReplyMessage.to(message, ReplyCode.REFUSED, text)
                )

    def _answer(self, most: int) -> None:
        """Answer so many of those who wait."""
        for _ in range(min(most, len(self._asked))):
            if not self._try(lambda: self._answer_one(*self._asked[0])):
                return
            self._asked.popleft()

    def _answer_one(self, key: StationKey, message: Asked) -> None:
        """Correct a past set, set the station to whose badge it is, or tell it what is usual there.

        The edge confirms each command.
        """
        if isinstance(message, CommandMessage):
            self._client.publish(Address(*key, "reply"), self._store.correct(*key, message))
            return
        if self._badges is None:
            return
        if isinstance(message, InfoMessage):
            usual = self._badges.usual_range(message)
            if usual is not None:
                self._client.publish(Address(*key, "command"), usual)
            return
        answer = self._badges.answer(key, message)
        if answer is not None:
            for command in answer.commands:
                self._client.publish(Address(*key, "command"), command)
            self._client.publish(Address(*key, "reply"), answer.reply)

    def _may(self, packet: Packet) -> bool:
        """Whether a station has not said too much already; asked before the message is looked at."""
        station, _, leaf = packet.topic.rpartition("/")
        if leaf in ("rep", "set"):
            allowed = self._events.take(station, monotonic())
            if not allowed:
                self._client.inbox.call_flooded(packet.topic)
            return allowed
        return self._requests.take(packet.topic, monotonic())

    def _acknowledge(self, acks: dict[StreamKey, StreamAck]) -> None:
        by_station: dict[tuple[str, str], list[StreamAck]] = {}
        for (site, station, _), ack in acks.items():
            by_station.setdefault((site, station), []).append(ack)
        for (site, station), streams in by_station.items():
            message = AckMessage(event_id=new_id(), at_utc=now_utc(), streams=streams)
            self._client.publish(Address(site, station, "ack"), message)
