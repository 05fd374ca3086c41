"""The writer of the chain's database: batches by COPY, and what of each stream is committed.

    checked rows -> COPY into a staging table -> one upsert for each kind -> ranges of the streams -> commit

The newest state of a row wins, whatever order the batches come in: by the epoch of its relay's stream and the
number within. A deletion is kept for a while, so that an older state which comes late brings nothing back.
Writers of one site wait for each other.
"""

import os
import re
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import NamedTuple

import psycopg
from psycopg.types.json import Jsonb

from dashboard.chain import tables
from dashboard.chain.batch import Batch, ReceivedBatch, RowChange
from dashboard.chain.kinds import KINDS, MONTHLY
from dashboard.chain.quarantine import Quarantined, empty, put_aside
from dashboard.database.postgres import connect_to, meaning, without_password
from dashboard.record.ranges import minus
from dashboard.record.streams import Stream
from station.errors import StoreError
from station.messages import StreamAck

STREAMS_KEPT = 8  # of each site, the newest
GONE_KEPT = "30 days"  # far longer than a batch can be on its way
_STAGED = ("site", "epoch", "month")
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_Streams = dict[tuple[str, str], Stream]  # by site and stream


class CommitResult(NamedTuple):
    """What a transaction has committed."""

    acks: dict[str, list[StreamAck]]  # by site
    rows: dict[str, int]  # by site, as they came; those that were there already left out
    repeated: int  # batches that had been committed before
    quarantined: int
    erased: list[str]  # sites of which an athlete was erased


class ChainStore:
    """The chain's database at a postgresql:// URL. Use from one thread; a lost connection is made anew.

    Methods raise StoreError when the database cannot serve; nothing is half done then.
    """

    def __init__(self, url: str) -> None:
        self.name = without_password(url)
        self._url = url
        self._db: psycopg.Connection | None = None
        self._months: set[str] = set()

    def close(self) -> None:
        """Release it."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def cut(self) -> None:
        """Have whoever waits for the database in another thread wait no longer, but get a StoreError."""
        with suppress(OSError, psycopg.Error):
            if self._db is not None:
                with socket.socket(fileno=os.dup(self._db.fileno())) as line:
                    line.shutdown(socket.SHUT_RDWR)

    def open(self) -> None:
        """Connect, and make the tables where they are missing."""
        with self._errors():
            self._connected()

    def write(self, batches: Sequence[ReceivedBatch], poison: Sequence[Quarantined] = ()) -> CommitResult:
        """Commit batches of sites in one transaction."""
        with self._errors():
            db = self._connected()
            self._make_months(db, batches)
            try:
                with db.transaction():
                    return self._write(db, batches, poison)
            except (psycopg.DataError, psycopg.IntegrityError):
                pass  # a value that no check foresaw: each batch alone, and its rows by halves
            with db.transaction():
                self._lock(db, {one.site for one in poison})
                put_aside(db, poison)
            done = [self._write_alone(db, one) for one in batches]
            return _together(done, len(poison))

    def forget(self) -> None:
        """Let go of deletions that nothing late can undo any more, and of lines without reps."""
        with self._errors():
            db = self._connected()
            db.execute(f"DELETE FROM chain_gone WHERE at_utc < now() - interval '{GONE_KEPT}'".encode())
            tables.unlist(db)

    def _write_alone(self, db: psycopg.Connection, one: ReceivedBatch) -> CommitResult:
        with db.transaction():
            return self._write(db, [one], (), careful=True)

    def _write(
        self,
        db: psycopg.Connection,
        batches: Sequence[ReceivedBatch],
        poison: Sequence[Quarantined],
        careful: bool = False,
    ) -> CommitResult:
        poison = list(poison)
        known = self._load(db, batches)
        newest = _newest(
            change
            for one in batches
            if _new(one.batch, known[one.site, one.batch.stream])
            for change in one.changes
        )
        groups: dict[tuple[str, tuple[str, ...]], list[RowChange]] = {}
        gone: list[RowChange] = []
        for change in newest:
            if change.columns is None:
                gone.append(change)
            else:
                groups.setdefault((change.kind, change.columns), []).append(change)
        # Staged before the sites are locked: another worker writes meanwhile. Gyms of several releases send
        # several groups of one kind, and a staging table holds one of them.
        ahead = {} if careful else dict(reversed(groups))
        for kind, columns in ahead.items():
            self._stage(db, kind, columns, groups[kind, columns])
        self._lock(db, {one.site for one in batches} | {one.site for one in poison})
        streams = self._load(db, batches)
        rows: dict[str, int] = dict.fromkeys((one.site for one in batches), 0)
        repeated = 0
        for site, batch, found, bad in batches:
            stream = streams[site, batch.stream]
            if not _new(batch, stream):
                repeated += 1  # or of another worker, just now: the states that were staged are no newer
                continue
            stream.take_range(batch.first_seq, batch.last_seq)
            poison += [Quarantined(f"{site}/{batch.stream}", one.payload, one.reason) for one in bad]
            rows[site] += len(found)
        for kind, columns in ahead.items():
            self._merge(db, kind, columns)
        for (kind, columns), some in groups.items():
            if careful:
                poison += self._halves(db, kind, columns, some)
            elif ahead[kind] != columns:
                self._upsert(db, kind, columns, some)
        self._delete(db, gone)
        if gone:  # an athlete who is erased is to be in no list
            tables.unlist(db, {one.site for one in gone})
        put_aside(db, poison)
        acks = self._save(db, batches, streams, rows)
        erased = sorted({one.site for one in newest if one.kind == "erased" and one.columns is not None})
        if erased:
            empty(db, erased)
        return CommitResult(acks, rows, repeated, len(poison), erased)

    def _lock(self, db: psycopg.Connection, sites: set[str]) -> None:
        """Nobody else writes of these sites until the end of the transaction."""
        found = (sorted(sites),)
        db.execute("INSERT INTO chain_sites SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", found)
        db.execute("SELECT FROM chain_sites WHERE site = ANY(%s) ORDER BY site FOR UPDATE", found)

    def _load(self, db: psycopg.Connection, batches: Sequence[ReceivedBatch]) -> _Streams:
        """The streams of the batches, and those their relays had before."""
        sites = sorted({one.site for one in batches})
        query = "SELECT site, stream, received FROM chain_streams WHERE site = ANY(%s)"
        kept = {(site, stream): received for site, stream, received in db.execute(query, (sites,))}
        found: _Streams = {}
        for site, batch, *_ in batches:
            for name in (batch.stream, *(batch.settled[:1] if batch.settled else ())):
                received = tuple((first, last) for first, last in kept.get((site, name), ()))
                found.setdefault((site, name), Stream(0, name, received, ()))
        return found

    def _save(
        self,
        db: psycopg.Connection,
        batches: Sequence[ReceivedBatch],
        streams: Mapping[tuple[str, str], Stream],
        rows: Mapping[str, int],
    ) -> dict[str, list[StreamAck]]:
        acks: dict[str, list[StreamAck]] = {}
        epochs = {(site, batch.stream): batch.epoch for site, batch, *_ in batches}
        for (site, _), stream in streams.items():
            acks.setdefault(site, []).append(stream.ack())
        kept = [key for key in streams if key in epochs]  # the others have ended
        # Of many gyms at once each brings few rows: a statement for each would cost more than the rows.
        db.execute(
            "INSERT INTO chain_streams (site, stream, epoch, heard_utc, received, events)"
            " SELECT site, stream, epoch, now(), received, events FROM"
            " unnest(%s::text[], %s::text[], %s::bigint[], %s::jsonb[], %s::bigint[])"
            " AS one (site, stream, epoch, received, events) ON CONFLICT (site, stream)"
            " DO UPDATE SET heard_utc = now(), received = excluded.received,"
            " events = chain_streams.events + excluded.events",
            (
                [site for site, _ in kept],
                [name for _, name in kept],
                [epochs[key] for key in kept],
                [Jsonb(streams[key].received) for key in kept],
                [rows[site] for site, _ in kept],
            ),
        )
        db.execute(
            "DELETE FROM chain_streams USING (SELECT site, stream,"
            " row_number() OVER (PARTITION BY site ORDER BY epoch DESC) AS place FROM chain_streams"
            " WHERE site = ANY(%s)) ranked WHERE place > %s"
            " AND chain_streams.site = ranked.site AND chain_streams.stream = ranked.stream",
            (sorted({site for site, _ in kept}), STREAMS_KEPT),
        )
        return acks

    def _halves(
        self, db: psycopg.Connection, kind: str, columns: tuple[str, ...], some: Sequence[RowChange]
    ) -> list[Quarantined]:
        """Write rows of which at least one cannot be written; those that cannot come back."""
        try:
            with db.transaction():
                self._upsert(db, kind, columns, some)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            if len(some) == 1:
                said = f"{type(error).__name__}: {error}"
                return [Quarantined(f"{some[0].site}/{kind}", some[0].line, said)]
            middle = len(some) // 2
            return [
                *self._halves(db, kind, columns, some[:middle]),
                *self._halves(db, kind, columns, some[middle:]),
            ]
        return []

    def _upsert(
        self, db: psycopg.Connection, kind: str, columns: tuple[str, ...], some: Iterable[RowChange]
    ) -> None:
        self._stage(db, kind, columns, some)
        self._merge(db, kind, columns)

    def _stage(
        self, db: psycopg.Connection, kind: str, columns: tuple[str, ...], some: Iterable[RowChange]
    ) -> None:
        names = _quoted(("seq", *columns, *_own(kind)))
        how = "(FORMAT csv, NULL 'null', ESCAPE '\\')"
        with db.cursor().copy(f"COPY stage_{kind} ({names}) FROM STDIN {how}".encode()) as copy:
            ends: dict[tuple[str, int, str], bytes] = {}
            lines: list[bytes] = []
            for one in some:
                key = (one.site, one.epoch, one.month)
                if key not in ends:
                    month = f',"{one.month}"' if kind == MONTHLY else ""
                    ends[key] = f',"{one.site}",{one.epoch}{month}\n'.encode()
                lines += (one.line, ends[key])
            copy.write(b"".join(lines))

    def _merge(self, db: psycopg.Connection, kind: str, columns: tuple[str, ...]) -> None:
        """Take the staged states over that are newer than what is there."""
        names, key = _quoted(("seq", *columns, *_own(kind))), tables.key_of(kind)
        same = " AND ".join(f"g.{a} = s.{b}" for a, b in _gone_key(kind))
        replaced = ", ".join(
            f'"{name}" = excluded."{name}"' for name in (*columns, "epoch", "seq") if name not in key
        )
        merge = (
            f"INSERT INTO {kind} ({names}) SELECT {names} FROM stage_{kind} s WHERE NOT EXISTS (SELECT FROM"
            f" chain_gone g WHERE g.kind = '{kind}' AND {same} AND (g.epoch, g.seq) > (s.epoch, s.seq))"
            f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {replaced}"
            f" WHERE (excluded.epoch, excluded.seq) > ({kind}.epoch, {kind}.seq)"
        )
        if kind == MONTHLY:  # what is too old to be written is not to be listed either
            written = "RETURNING site, athlete, exercise, at_utc, state"
            merge = f"WITH written AS ({merge} {written}) {tables.listing('written')}"
        db.execute(merge.encode())
        db.execute(f"TRUNCATE stage_{kind}".encode())

    def _delete(self, db: psycopg.Connection, gone: Sequence[RowChange]) -> None:
        """Keep that rows are gone, and delete them where they are."""
        if not gone:
            return
        with db.cursor().copy("COPY stage_gone FROM STDIN") as copy:
            for one in gone:
                copy.write_row(one[:7])
        db.execute(
            "INSERT INTO chain_gone SELECT kind, site, station, event_id, month, epoch, seq FROM stage_gone"
            " ON CONFLICT (kind, site, station, event_id, month)"
            " DO UPDATE SET epoch = excluded.epoch, seq = excluded.seq, at_utc = now()"
            " WHERE (excluded.epoch, excluded.seq) > (chain_gone.epoch, chain_gone.seq)"
        )
        for kind in {one.kind for one in gone}:
            same = " AND ".join(f"g.{a} = t.{b}" for a, b in _gone_key(kind))
            db.execute(
                f"DELETE FROM {kind} t USING stage_gone g WHERE g.kind = '{kind}' AND {same}"
                f" AND (t.epoch, t.seq) < (g.epoch, g.seq)".encode()
            )
        db.execute("TRUNCATE stage_gone")

    def _make_months(self, db: psycopg.Connection, batches: Sequence[ReceivedBatch]) -> None:
        """Parts of the reps' table are made before the transaction that needs them."""
        months = {change.month for one in batches for change in one.changes if change.month}
        if months - self._months:
            tables.month_parts(db, set(filter(_MONTH.fullmatch, months)), datetime.now(UTC).date())
            self._months |= months

    def _connected(self) -> psycopg.Connection:
        if self._db is not None and not self._db.closed and not self._db.broken:
            return self._db
        self.close()
        db = connect_to(self._url, "-c synchronous_commit=on", "plumbline ingest", autocommit=True)
        self._db, self._months = db, set()
        try:
            tables.make(db)
            for kind in KINDS:
                db.execute(f"CREATE TEMP TABLE stage_{kind} (LIKE {kind})".encode())
            db.execute("CREATE TEMP TABLE stage_gone (LIKE chain_gone)")
            db.execute("ALTER TABLE stage_gone DROP COLUMN at_utc")
        except BaseException:
            db.close()
            raise
        return db

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            raise StoreError(f"{self.name}: {meaning(error)}") from error


def _own(kind: str) -> tuple[str, ...]:
    return _STAGED if kind == MONTHLY else _STAGED[:2]


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _new(batch: Batch, stream: Stream) -> bool:
    """Whether any number of it has not been committed."""
    return bool(minus(((batch.first_seq, batch.last_seq),), stream.received))


def _newest(some: Iterable[RowChange]) -> list[RowChange]:
    """The newest state of each row."""
    found: dict[tuple[str, ...], RowChange] = {}
    for change in some:
        held = found.get(change.key)
        if held is None or (held.epoch, held.seq) < (change.epoch, change.seq):
            found[change.key] = change
    return list(found.values())


def _gone_key(kind: str) -> list[tuple[str, str]]:
    """Columns of chain_gone, and those of a table that they stand for."""
    if kind == "erased":
        return [("site", "site"), ("event_id", "athlete_hash")]
    return [(name, name) for name in tables.key_of(kind)]


def _together(done: Sequence[CommitResult], quarantined: int) -> CommitResult:
    whole = CommitResult({}, {}, 0, quarantined, [])
    for one in done:
        for site, acks in one.acks.items():
            # The newest of a stream alone.
            kept = {ack.stream: ack for ack in (*whole.acks.get(site, ()), *acks)}
            whole.acks[site] = list(kept.values())
            whole.rows[site] = whole.rows.get(site, 0) + one.rows[site]
        whole = whole._replace(
            repeated=whole.repeated + one.repeated,
            quarantined=whole.quarantined + one.quarantined,
            erased=[*whole.erased, *one.erased],
        )
    return whole
