"""The ingest of a chain against PostgreSQL's own COPY of the same rows, in one run; and twice the gyms."""

import random
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from datetime import date
from multiprocessing import get_context
from typing import Any

import msgspec
import psycopg

from dashboard.chain import tables
from dashboard.chain.batch import Batch, ReceivedBatch, pack, read
from dashboard.chain.kinds import KINDS
from dashboard.chain.store import ChainStore
from dashboard.database.types import REAL
from tests.servers import POSTGRES, Postgres

BATCH_ROWS, BATCHES_AT_ONCE = 200, 40
ROWS = 120_000
_COLUMNS = [str(column.name) for column in KINDS["reps"].c if column.name != "site"]
_NUMBERS = [str(c.name) for c in KINDS["reps"].c if c.type is REAL and not c.name.endswith("sigma")]


def run(rows: int = ROWS) -> Iterator[str]:
    """The lines of the table."""
    if POSTGRES is None:
        yield "chain: skipped, postgresql is not installed"
        return
    server = Postgres(POSTGRES, durable=True)
    try:
        yield from _measured(server, rows)
    finally:
        server.stop()


def _measured(server: Postgres, rows: int) -> Iterator[str]:
    url, other = server.database(), server.database()
    packed = [pack(batch) for batch in _batches(rows, 3)]
    size = sum(map(len, packed))
    yardstick = ChainStore(other)
    yardstick.open()
    arrived = [read(f"chain.events.gym-{n % 3}", one) for n, one in enumerate(packed)]
    with psycopg.connect(other) as db:
        tables.month_parts(db, {"2026-11"}, date(2026, 11, 30))
        db.commit()
        began_s = time.perf_counter()
        own = ("site", "epoch", "month")
        names = ", ".join(f'"{name}"' for name in ("seq", *_COLUMNS, *own))
        lines = _lines(arrived)  # as pgbench has them: text that is there already
        copy_s = 0.0
        for place in range(0, len(lines), BATCHES_AT_ONCE):
            began_s = time.perf_counter()
            with db.cursor().copy(f"COPY reps ({names}) FROM STDIN".encode()) as copy:
                for text in lines[place : place + BATCHES_AT_ONCE]:
                    copy.write(text)
            db.commit()
            copy_s += time.perf_counter() - began_s
    alone_s = _work(url, packed, 3, time.time())
    two, half = server.database(), len(packed) // 2
    ChainStore(two).open()
    start_at = time.time() + 3.0
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        workers = [pool.submit(_work, two, part, 3, start_at) for part in (packed[:half], packed[half:])]
        together_s = max(worker.result() for worker in workers)
    twice = [pack(batch) for batch in _batches(2 * rows, 6)]
    # Once more, beside it: a machine's other work comes and goes.
    once_s = min(alone_s, _work(server.database(), packed, 3, time.time()))
    twice_s = _work(server.database(), twice, 6, time.time())
    with psycopg.connect(url) as db:
        kept = db.execute("SELECT count(*), pg_database_size(current_database()) FROM reps").fetchone()
    assert kept is not None
    yardstick.close()
    yield f"chain: COPY of {rows:,} reps into the same tables {rows / copy_s:,.0f} rows/s"
    yield f"       one worker {rows / alone_s:,.0f} reps/s, {100 * copy_s / alone_s:.0f} % of COPY"
    yield f"       two workers {rows / together_s:,.0f} reps/s, {100 * copy_s / together_s:.0f} % of COPY"
    yield f"       twice the gyms with as many reps each {twice_s / once_s:.2f} times as long"
    yield (
        f"       {size / rows:.0f} bytes a rep on the wire, {kept[1] / kept[0]:.0f} on disk with indexes;"
        " without curves"
    )


def _work(url: str, packed: list[bytes], sites: int, start_at: float) -> float:
    """What a worker does with its batches; how long it took since `start_at`."""
    store = ChainStore(url)
    store.open()
    time.sleep(max(0.0, start_at - time.time()))
    start_at = max(start_at, time.time())
    with ThreadPoolExecutor(1) as database:
        writing: Future[Any] | None = None
        for place in range(0, len(packed), BATCHES_AT_ONCE):
            some = packed[place : place + BATCHES_AT_ONCE]
            arrived = [read(f"chain.events.gym-{(place + n) % sites}", one) for n, one in enumerate(some)]
            if writing is not None:
                writing.result()
            writing = database.submit(store.write, arrived)  # as the ingest does, while it reads the next
    if writing is not None:
        writing.result()
    store.close()
    return time.time() - start_at


def _batches(rows: int, sites: int) -> Iterator[Batch]:
    rng = random.Random(1)
    counts = [0] * sites
    for number in range(rows // BATCH_ROWS):
        site = number % sites
        some = []
        for _ in range(BATCH_ROWS):
            counts[site] += 1
            some.append(msgspec.Raw(msgspec.json.encode([counts[site], *_row(rng, counts[site]).values()])))
        yield Batch(
            stream=f"s{site}", epoch=1, first_seq=counts[site] - BATCH_ROWS + 1, last_seq=counts[site],
            columns={"reps": _COLUMNS}, rows={"reps": some},
        )  # fmt: skip


def _row(rng: random.Random, number: int) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(_COLUMNS) | {name: rng.random() for name in _NUMBERS}
    at_utc = f"2026-11-{number // 6000 % 28 + 1:02d}T{number // 250 % 24:02d}:{number % 60:02d}:00.000Z"
    return row | {
        "station": f"rack-{number % 20}", "event_id": f"{rng.getrandbits(64):016x}-s{number % 9}-r{number}",
        "revision": 2, "at_utc": at_utc, "session": f"{number // 3000:016x}", "exercise": "romanian-deadlift",
        "athlete": f"a-{rng.randrange(300)}", "state": "confirmed", "set_number": 1 + number // 8 % 20,
        "number": 1 + number % 8, "counted": True, "load_kg": 60.0, "said_utc": None,
    }  # fmt: skip


def _lines(arrived: list[ReceivedBatch]) -> list[str]:
    found = []
    for one in arrived:
        rows = []
        for change in one.changes:
            own = f',"{change.site}",{change.epoch},"{change.month}"'
            values = msgspec.json.decode(b"[%b%b]" % (change.line, own.encode()))
            rows.append("\t".join(r"\N" if value is None else str(value) for value in values))
        found.append("\n".join(rows) + "\n")
    return found
