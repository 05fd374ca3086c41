"""The relay of a gym: its history's changes to the chain, until the chain says that they are committed.

Nothing rests on the servers between: a batch is published without asking them for a receipt, and goes again
until the ingest has answered. A relay that ends at any point begins a new stream with what is still listed.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

import msgspec
from nats.aio.client import Client as Nats
from nats.errors import Error as NatsError

from dashboard.chain.batch import ACKS, EVENTS, MAX_PACKED_BYTES, pack, subject
from dashboard.chain.changes import Changes, NewStream
from dashboard.chain.connection import NatsConnection, ProblemLog, say
from dashboard.chain.floor.forward import Forward
from dashboard.chain.pacing import PATIENCE_S, Pacing, Patience
from station.errors import MessageError, StoreError
from station.messages import AckMessage, StreamAck, decode
from station.program.retry import RETRY_S

BATCH_CHANGES = 200
LOOK_S = 0.25  # for new changes, while there were none
DEPTH_S = 5.0
UNANSWERED = f"no answer for {PATIENCE_S:g} s; does an ingest run, and do the servers reach each other?"
SUSPECT_S = 30.0  # acknowledgements of two workers overtake each other by less


class RelayFigures(msgspec.Struct):
    """What a relay has done since its start."""

    changes_sent: int = 0  # repeats among them
    changes_acknowledged: int = 0
    bytes_sent: int = 0
    acks_refused: int = 0
    resends: int = 0
    relisted: int = 0  # times the chain had lost what it had acknowledged
    waiting: int = 0
    connected: int = 0


class Relay:
    """Runs until `stop` is set; `figures` may be read from any thread."""

    def __init__(
        self,
        changes: Changes,
        link: NatsConnection,
        site: str,
        floor: Forward | None = None,
    ) -> None:
        """`changes` are installed. Raises StoreError where no stream can be begun."""
        self.figures = RelayFigures()
        self._note = ProblemLog("relay")
        self._changes = changes
        self._link = link
        self._site = site
        self._floor = floor
        self._acks: list[StreamAck] = []
        self._patience = Patience()
        self._depth_at = 0.0
        self._begin()

    async def run(self, stop: Callable[[], bool]) -> None:
        """Relay; a history that its record is writing to is waited for."""
        await self._link.serve(lambda nc: self._relay(nc, stop), stop, self._waits)

    async def _relay(self, nc: Nats, stop: Callable[[], bool]) -> None:
        """Over one connection, until it is lost."""
        await nc.subscribe(subject(ACKS, self._site), cb=self._heard)
        looking = asyncio.create_task(self._floor.run(nc)) if self._floor is not None else None
        self._pacing.start_over(time.monotonic())
        self._patience.connected(time.monotonic())
        self.figures.connected = 1
        try:
            while not stop():
                idle = True
                try:
                    self._take_acks()
                    self._measure()
                    idle = not await self._send(nc)
                    self._look_for_answers(time.monotonic())
                except StoreError as error:
                    self._note(str(error))
                    await asyncio.sleep(RETRY_S)
                except NatsError as error:
                    self._note(str(error))
                await asyncio.sleep(LOOK_S if idle and not self._acks else 0)
        finally:
            self.figures.connected = 0
            if looking is not None:
                looking.cancel()
                await asyncio.gather(looking, return_exceptions=True)

    def _waits(self, problem: str | None) -> None:
        """There is no connection; what is to be sent is counted all the same."""
        self._note(problem)
        with suppress(StoreError):
            self._measure()

    def _begin(self) -> None:
        self._begun: NewStream = self._changes.begin(int(time.time() * 1000))
        self._base: int | None = None
        self._pacing = Pacing(0)
        self._highest_id = 0  # of what this stream has sent
        self._suspect_since: float | None = None

    async def _heard(self, message: object) -> None:
        try:
            ack = decode("ack", message.data)  # type: ignore[attr-defined]
        except MessageError:
            self.figures.acks_refused += 1
            return
        if isinstance(ack, AckMessage):
            self._patience.answered()
            self._acks += ack.streams

    async def _send(self, nc: Nats) -> bool:
        """Send one batch if one may go; returns whether one went."""
        now_s = time.monotonic()
        if not self._pacing.may_send(now_s):
            return False
        if self._base is None:
            first = self._changes.first_id()
            if first is None:
                return False
            self._base = first - 1
            self._pacing = Pacing(self._base)
        after_id, limit = self._pacing.sent_id, BATCH_CHANGES
        while True:
            page = self._changes.page(after_id, limit)
            if page is None:
                return False
            packed = pack(page.batch(self._begun, self._base, after_id))
            if len(packed) <= MAX_PACKED_BYTES or limit == 1:
                break
            limit //= 2
        await nc.publish(subject(EVENTS, self._site), packed)
        self._patience.asked(now_s)
        self._pacing.sent(page.last_id, now_s)
        self._highest_id = max(self._highest_id, page.last_id)
        self.figures.changes_sent += sum(map(len, page.rows.values())) + len(page.gone)
        self.figures.bytes_sent += len(packed)
        self.figures.resends = self._pacing.resends
        return True

    def _look_for_answers(self, now_s: float) -> None:
        """Say what stands in the way, and leave a server that none come from; one that refuses answers."""
        self._note(self._link.problem or (UNANSWERED if self._patience.silent(now_s) else None))
        if self._link.problem is None and self._patience.is_over(now_s):
            self._link.leave(UNANSWERED)

    def _take_acks(self) -> None:
        while self._acks:
            ack = self._acks[0]
            if ack.stream == self._begun.stream and self._base is not None:
                self._take(ack, self._base)
            elif self._begun.settled and ack.stream == self._begun.settled[0]:
                if ack.committed_seq < self._begun.settled[1] or ack.missing:
                    self._list_all()
                    return
                self._begun = self._begun._replace(settled=None)
            self._acks.pop(0)

    def _take(self, ack: StreamAck, base: int) -> None:
        if base + ack.committed_seq > self._highest_id or any(
            first > last for first, last in (*ack.missing, *ack.lost)
        ):
            self.figures.acks_refused += 1
            return
        now_s = time.monotonic()
        holes = [first for first, _ in (*ack.missing, *ack.lost)]
        settled_id = base + min([ack.committed_seq, *(first - 1 for first in holes)])
        if (
            settled_id < self._pacing.settled_id
        ):  # of another worker, and late; or the chain has lost something
            self._suspect_since = self._suspect_since or now_s
            if now_s - self._suspect_since > SUSPECT_S:
                self._list_all()
                return
        else:
            self._suspect_since = None
        struck = self._changes.acknowledged(base, ack)
        self.figures.changes_acknowledged += struck
        self._pacing.acknowledged(base + ack.committed_seq, settled_id, struck, now_s)

    def _list_all(self) -> None:
        say("relay: the chain lacks what it had acknowledged; all of the history is sent again")
        self._changes.list_all()
        self._acks.clear()
        self._begin()
        self._begun = self._begun._replace(settled=None)
        self.figures.relisted += 1

    def _measure(self) -> None:
        if time.monotonic() > self._depth_at:
            self._depth_at = time.monotonic() + DEPTH_S
            self.figures.waiting = self._changes.depth()
