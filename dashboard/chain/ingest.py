"""The ingest of the chain: batches of all gyms into the database, and back to each relay what is committed.

Any number of workers share one consumer of the servers. A batch is taken off the servers after its commit and
never before; whatever dies in between is delivered again, or sent again by its relay, and found to be there.
"""

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from nats.aio.client import Client as Nats
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeout
from nats.js import JetStreamContext, api
from nats.js.errors import NotFoundError

from dashboard.chain.batch import ACKS, CONSUMER, EVENTS, STREAM, ReceivedBatch, read, subject
from dashboard.chain.connection import STOP_S, NatsConnection, ProblemLog, with_timeout
from dashboard.chain.quarantine import Quarantined
from dashboard.chain.store import ChainStore, CommitResult
from station.errors import MessageError, StoreError
from station.messages import AckMessage, encode, new_id, now_utc
from station.program.retry import RETRY_S, async_attempts

FETCH = 40  # batches in a transaction, at most
FETCH_S = 1.0
ACK_WAIT_S = 30.0  # until a batch goes to another worker; its relay sends it again sooner
MAX_AGE_S = 7 * 86_400.0  # whatever nobody takes for so long is still in its gym's list
MAX_BYTES = 2**30  # beyond it the oldest go: their relays have them, and send a window each
LOOK_S = 5.0
UNANSWERED_MOST = 4  # questions in a row, until another server is asked: an election takes less
FORGET_S = 3600.0
COMMIT_S = 120.0  # a commit takes a second; a database that is silent for longer is left, and tried again
END_S = 10.0  # the same, when told to end
ANSWER_S = 10.0  # telling the servers and the relays what is committed
T = TypeVar("T")

STREAM_CONFIG = api.StreamConfig(
    name=STREAM,
    subjects=[subject(EVENTS, "*")],
    retention=api.RetentionPolicy.WORK_QUEUE,
    storage=api.StorageType.FILE,
    discard=api.DiscardPolicy.OLD,
    max_age=MAX_AGE_S,
    max_bytes=MAX_BYTES,
    max_msg_size=2**20,
    num_replicas=3,
    # A receipt of the servers would mean nothing, and its subject is the sender's to choose.
    no_ack=True,
)
CONSUMER_CONFIG = api.ConsumerConfig(
    durable_name=CONSUMER,
    ack_policy=api.AckPolicy.EXPLICIT,
    ack_wait=ACK_WAIT_S,
    max_deliver=-1,
    max_ack_pending=4000,
)


class IngestFigures(msgspec.Struct):
    """What a worker has done since its start."""

    batches: int = 0
    repeated: int = 0  # of them, committed before
    quarantined: int = 0  # rows and messages
    commits: int = 0
    commit_s: float = 0.0
    pending: int = 0  # batches that nobody has taken yet
    unacknowledged: int = 0  # taken, and not committed
    lag_s: float = 0.0  # of the newest batch, from the servers to the commit
    rows: dict[str, int] = {}  # by site
    connected: int = 0


class Ingest:
    """One worker; runs until `stop` is set. `figures` may be read from any thread."""

    def __init__(self, store: ChainStore, link: NatsConnection) -> None:
        self.figures = IngestFigures(rows=defaultdict(int))
        self._note = ProblemLog("ingest")
        self._store = store
        self._link = link
        self._look_at = 0.0
        self._unanswered = 0  # questions in a row
        self._forget_at = 0.0

    async def run(self, stop: Callable[[], bool]) -> None:
        """Take batches until told to end; what was fetched last is committed."""
        await self._link.serve(lambda nc: self._take(nc, stop), stop, self._note)

    async def _take(self, nc: Nats, stop: Callable[[], bool]) -> None:
        """Over one connection, until it is lost."""
        js = nc.jetstream(timeout=5.0)
        fetching: asyncio.Task[list[Any]] | None = None
        writing: asyncio.Task[None] | None = None
        self.figures.connected = 1
        try:
            async for _ in async_attempts(stop, asyncio.sleep):
                try:
                    await self._asked(stop, math.inf, self._store.open)  # a new edition's tables take a while
                    await prepare(js)
                    subscribed = await js.pull_subscribe_bind(durable=CONSUMER, stream=STREAM)
                    self._note(None)
                    self._unanswered = 0
                    break
                except StoreError as error:
                    self._note(str(error))
                except (NatsError, OSError) as error:
                    self._no_answer(error)
            while not stop():
                messages = await (fetching or self._fetch(subscribed))
                fetching = asyncio.create_task(self._fetch(subscribed))
                found = _read(messages)  # while the database works at the ones before
                if writing is not None:
                    await asyncio.shield(writing)
                writing = asyncio.create_task(self._commit(nc, js, messages, *found, stop))
                await self._look(js)
        finally:
            self.figures.connected = 0
            if fetching is not None:
                fetching.cancel()
            if writing is not None:
                await writing

    async def _asked(self, stop: Callable[[], bool], most_s: float, work: Callable[..., T], *given: Any) -> T:
        """What the database makes of it; one that does not answer is left. Raises StoreError."""
        asking = asyncio.create_task(asyncio.to_thread(work, *given))
        began_s = time.monotonic()
        while not asking.done():
            await asyncio.wait([asking], timeout=STOP_S)
            if time.monotonic() - began_s > (min(most_s, END_S) if stop() else most_s):
                self._store.cut()
        return asking.result()

    async def _fetch(self, subscribed: JetStreamContext.PullSubscription) -> list[Any]:
        try:
            return list(await subscribed.fetch(FETCH, timeout=FETCH_S))
        except (NatsTimeout, TimeoutError):
            return []
        except (NatsError, OSError) as error:
            self._note(self._link.problem or str(error) or type(error).__name__)
            await asyncio.sleep(RETRY_S)
            return []

    async def _commit(
        self,
        nc: Nats,
        js: JetStreamContext,
        messages: Sequence[Any],
        arrived: Sequence[ReceivedBatch],
        poison: Sequence[Quarantined],
        stop: Callable[[], bool],
    ) -> None:
        await self._forget(stop)
        if not messages:
            return
        async for _ in async_attempts(lambda: False, asyncio.sleep):  # what was fetched last is committed
            began_s = time.monotonic()
            try:
                written = await self._asked(stop, COMMIT_S, self._store.write, arrived, poison)
                break
            except StoreError as error:
                self._note(str(error))
            if stop():
                return
        self._note(None)
        self._count(messages, written, time.monotonic() - began_s)
        try:
            await with_timeout(ANSWER_S, self._answer(nc, js, messages, written))
        except (NatsError, OSError) as error:
            self._note(str(error) or type(error).__name__)  # they are delivered again, and found to be there

    async def _answer(
        self, nc: Nats, js: JetStreamContext, messages: Sequence[Any], written: CommitResult
    ) -> None:
        """Take them off the servers, and tell their relays."""
        for message in messages:
            await message.ack()
        for site, streams in written.acks.items():
            ack = AckMessage(event_id=new_id(), at_utc=now_utc(), streams=streams)
            await nc.publish(subject(ACKS, site), encode(ack))
        for site in written.erased:
            # What is still on its way may hold the athlete's rows; the relay sends the others again.
            await js.purge_stream(STREAM, subject=subject(EVENTS, site))

    def _count(self, messages: Sequence[Any], written: CommitResult, took_s: float) -> None:
        of = self.figures
        of.batches += len(messages)
        of.repeated += written.repeated
        of.quarantined += written.quarantined
        of.commits += 1
        of.commit_s += took_s
        for site, rows in written.rows.items():
            of.rows[site] += rows
        of.lag_s = max(0.0, (datetime.now(UTC) - messages[-1].metadata.timestamp).total_seconds())

    async def _look(self, js: JetStreamContext) -> None:
        now_s = time.monotonic()
        if now_s < self._look_at:
            return
        self._look_at = now_s + LOOK_S
        try:
            info = await js.consumer_info(STREAM, CONSUMER)
            self._answer_came()
            self.figures.pending = info.num_pending or 0
            self.figures.unacknowledged = info.num_ack_pending or 0
        except NotFoundError:
            await prepare(js)  # somebody has deleted it, or all three disks are new
        except (NatsError, OSError) as error:
            self._no_answer(error)

    def _no_answer(self, error: Exception) -> None:
        """Say so, and leave a server that gives none: it may be cut off from the others."""
        said = self._link.problem or str(error) or type(error).__name__
        self._note(said)
        self._unanswered += 1
        if self._unanswered >= UNANSWERED_MOST:
            self._unanswered = 0
            self._link.leave(said)

    def _answer_came(self) -> None:
        if self._unanswered:
            self._note(None)
        self._unanswered = 0

    async def _forget(self, stop: Callable[[], bool]) -> None:
        now_s = time.monotonic()
        if now_s > self._forget_at:
            self._forget_at = now_s + FORGET_S
            try:
                await self._asked(stop, math.inf, self._store.forget)
            except StoreError as error:
                self._note(str(error))


def _read(messages: Sequence[Any]) -> tuple[list[ReceivedBatch], list[Quarantined]]:
    arrived: list[ReceivedBatch] = []
    poison: list[Quarantined] = []
    for message in messages:
        try:
            arrived.append(read(message.subject, message.data))
        except MessageError as error:
            poison.append(Quarantined(message.subject, message.data, str(error)))
    return arrived, poison


async def prepare(js: JetStreamContext) -> None:
    """Make the stream and its consumer where they are missing."""
    try:
        await js.stream_info(STREAM)
    except NotFoundError:
        await js.add_stream(STREAM_CONFIG)
    try:
        await js.consumer_info(STREAM, CONSUMER)
    except NotFoundError:
        await js.add_consumer(STREAM, CONSUMER_CONFIG)
