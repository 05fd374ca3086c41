"""The history database: reps, sets and commands, and what of every stream has been committed.

`Store` is all that the record needs; `SqliteStore` is the one that comes with Plumbline, and another database
takes its place by offering the same methods.

A stream's sequence numbers are kept as ranges: `received` for what has come, `gaps` for what a tombstone says
is lost for good. A number is taken once; a second arrival of the same event changes nothing. A lost number
that turns up after all (a tombstone overtook it) is taken, and the gap shrinks.
"""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import NoneType
from typing import Any, NamedTuple, Protocol, Self, get_args

import msgspec

from dashboard.history.ranges import Ranges, holes, minus, size, union
from station.errors import StoreError, store_error
from station.messages import (
    CommandMessage,
    ReplyMessage,
    RepMessage,
    SetMessage,
    StreamAck,
    Tombstone,
    now_utc,
)
from station.records import Rep, SetSummary

SCHEMA_VERSION = 1
APPLICATION_ID = 0x504C4849  # "PLHI"
BUSY_TIMEOUT_S = 2.0
STREAMS_KEPT = 64  # of each station; one is in use, the others are of outboxes replaced
QUARANTINE_ROWS = 1000  # the newest are kept
QUARANTINE_BYTES = 4096  # of each payload
MISSING_RANGES = 64  # named in one acknowledgement; what lies beyond is named in a later one

Kept = RepMessage | SetMessage | Tombstone | CommandMessage | ReplyMessage


class Arrived(NamedTuple):
    """A checked message and whose it is."""

    site: str
    station: str
    message: Kept


class Poison(NamedTuple):
    """A message that could not be used."""

    topic: str
    payload: bytes
    reason: str


class Gap(NamedTuple):
    """Events that a station's outbox had to drop; first_seq up to and with last_seq."""

    site: str
    station: str
    stream: str
    first_seq: int
    last_seq: int


StreamKey = tuple[str, str, str]  # site, station, stream


class Store(Protocol):
    """What the record needs of a database. Both methods commit before they return, or raise StoreError."""

    def ingest(self, arrived: Sequence[Arrived]) -> dict[StreamKey, StreamAck]:
        """Take messages in one transaction; return what is now committed of the streams they belong to."""

    def quarantine(self, poison: Sequence[Poison]) -> None:
        """Put unusable messages aside, the newest QUARANTINE_ROWS of them."""

    def acks(self) -> dict[StreamKey, StreamAck]:
        """What is committed of the streams heard last, at most 1000 of them."""


def _columns(record: type[msgspec.Struct]) -> dict[str, str]:
    """The columns of a record: its field names, and what SQLite calls their types."""
    names = {bool: "INTEGER", int: "INTEGER", float: "REAL", str: "TEXT"}
    found = {}
    for field in msgspec.structs.fields(record):
        kinds = [kind for kind in get_args(field.type) or (field.type,) if kind is not NoneType]
        found[field.name] = names.get(kinds[0], "TEXT")
    return found


_ENVELOPE = {
    "site": "TEXT NOT NULL",
    "station": "TEXT NOT NULL",
    "event_id": "TEXT NOT NULL",
    "revision": "INTEGER NOT NULL",
    "at_utc": "TEXT NOT NULL",
    "session": "TEXT NOT NULL",
    "session_s": "REAL NOT NULL",
    "exercise": "TEXT NOT NULL",
    "athlete": "TEXT",
    "load_kg": "REAL",
}
_REPS = _ENVELOPE | {"state": "TEXT NOT NULL", "set_number": "INTEGER NOT NULL"} | _columns(Rep)
_SETS = _ENVELOPE | _columns(SetSummary)


def _table(name: str, columns: Mapping[str, str]) -> str:
    listed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
    return f"CREATE TABLE {name} ({listed}, PRIMARY KEY (site, station, event_id)) STRICT"


_SCHEMA = (
    _table("reps", _REPS),
    _table("sets", _SETS),
    "CREATE INDEX reps_by_time ON reps (at_utc)",
    "CREATE INDEX reps_by_session ON reps (session, set_number, number)",
    """CREATE TABLE commands (
        site TEXT NOT NULL, station TEXT NOT NULL, event_id TEXT NOT NULL, at_utc TEXT NOT NULL,
        name TEXT NOT NULL, "by" TEXT NOT NULL, command TEXT NOT NULL,  -- the whole of it as JSON
        answered_utc TEXT, ok INTEGER, answer TEXT,
        PRIMARY KEY (site, station, event_id)
    ) STRICT""",
    """CREATE TABLE streams (
        id INTEGER PRIMARY KEY, site TEXT NOT NULL, station TEXT NOT NULL, stream TEXT NOT NULL,
        heard_utc TEXT NOT NULL, UNIQUE (site, station, stream)
    ) STRICT""",
    """CREATE TABLE received (
        stream_id INTEGER NOT NULL REFERENCES streams (id), first_seq INTEGER NOT NULL,
        last_seq INTEGER NOT NULL, PRIMARY KEY (stream_id, first_seq)
    ) STRICT""",
    """CREATE TABLE gaps (
        stream_id INTEGER NOT NULL REFERENCES streams (id), first_seq INTEGER NOT NULL,
        last_seq INTEGER NOT NULL, PRIMARY KEY (stream_id, first_seq)
    ) STRICT""",
    """CREATE TABLE quarantine (
        id INTEGER PRIMARY KEY AUTOINCREMENT, at_utc TEXT NOT NULL, topic TEXT NOT NULL,
        reason TEXT NOT NULL, payload BLOB NOT NULL
    ) STRICT""",
)


def _upsert(table: str, columns: Iterable[str]) -> str:
    names = [f'"{column}"' for column in columns]
    updates = ", ".join(f"{name} = excluded.{name}" for name in names)
    return (
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        f" ON CONFLICT (site, station, event_id) DO UPDATE SET {updates}"
        f" WHERE excluded.revision > {table}.revision"
    )


_UPSERT_REP = _upsert("reps", _REPS)
_UPSERT_SET = _upsert("sets", _SETS)


class SqliteStore:
    """The history in one SQLite file (WAL, synchronous=FULL: committed is on disk). Any thread may call.

    Raises StoreError for a file that cannot be written, is none of ours or of a newer Plumbline.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reused = 0  # events that came under a number another event had
        self._lock = threading.Lock()
        with self._errors():
            self._db = sqlite3.connect(
                path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
        try:
            with self._errors():
                self._db.row_factory = sqlite3.Row
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = FULL")
                self._check_schema()
        except BaseException:
            self._db.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            self._db.close()

    def ingest(self, arrived: Sequence[Arrived]) -> dict[StreamKey, StreamAck]:
        """See Store.ingest."""
        with self._transaction():
            streams: dict[StreamKey, _Stream] = {}
            for site, station, message in arrived:
                if isinstance(message, CommandMessage):
                    self._command(site, station, message)
                elif isinstance(message, ReplyMessage):
                    self._reply(site, station, message)
                else:
                    key = (site, station, message.stream)
                    if key not in streams:
                        streams[key] = self._stream(key)
                    new = streams[key].take(message)
                    # A number taken before may carry another event: the station runs on an old copy of its
                    # outbox. An event is known by its id, so keeping it again changes nothing otherwise.
                    if self._keep(site, station, message) and not new:
                        self.reused += 1
            for stream in streams.values():
                self._save(stream)
            for site, station in {key[:2] for key in streams}:
                self._forget_streams(site, station)
        return {key: stream.ack() for key, stream in streams.items()}

    def quarantine(self, poison: Sequence[Poison]) -> None:
        """See Store.quarantine."""
        with self._transaction():
            self._db.executemany(
                "INSERT INTO quarantine (at_utc, topic, reason, payload) VALUES (?, ?, ?, ?)",
                [
                    (now_utc(), p.topic[:256], p.reason[:512], p.payload[:QUARANTINE_BYTES])
                    for p in poison[-QUARANTINE_ROWS:]
                ],
            )
            self._db.execute(
                "DELETE FROM quarantine WHERE id <= (SELECT max(id) FROM quarantine) - ?", (QUARANTINE_ROWS,)
            )

    def acks(self) -> dict[StreamKey, StreamAck]:
        """See Store.acks."""
        with self._lock, self._errors():
            keys = self._db.execute(
                "SELECT site, station, stream FROM streams ORDER BY heard_utc DESC LIMIT 1000"
            ).fetchall()
            return {tuple(key): self._load(tuple(key)).ack() for key in keys}

    def reps(self, site: str, station: str, limit: int = 100) -> list[dict[str, Any]]:
        """The newest reps of a station, oldest first; keys are the columns."""
        return self._newest("reps", site, station, limit)

    def sets(self, site: str, station: str, limit: int = 100) -> list[dict[str, Any]]:
        """The newest sets of a station, oldest first."""
        return self._newest("sets", site, station, limit)

    def commands(self, site: str, station: str, limit: int = 100) -> list[dict[str, Any]]:
        """The newest commands to a station and their answers, oldest first."""
        return self._newest("commands", site, station, limit)

    def gaps(self) -> list[Gap]:
        """What is lost for good: the numbers that tombstones stand for and that never came."""
        return [
            Gap(*row)
            for row in self._rows(
                "SELECT site, station, stream, first_seq, last_seq FROM gaps"
                " JOIN streams ON id = stream_id ORDER BY stream_id, first_seq"
            )
        ]

    def quarantined(self) -> list[dict[str, Any]]:
        """The messages put aside, oldest first."""
        return [dict(row) for row in self._rows("SELECT * FROM quarantine ORDER BY id")]

    def _newest(self, table: str, site: str, station: str, limit: int) -> list[dict[str, Any]]:
        rows = self._rows(
            f"SELECT * FROM {table} WHERE site = ? AND station = ? ORDER BY rowid DESC LIMIT ?",
            (site, station, limit),
        )
        return [dict(row) for row in reversed(rows)]

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        with self._lock, self._errors():
            return self._db.execute(query, values).fetchall()

    def _keep(self, site: str, station: str, message: RepMessage | SetMessage | Tombstone) -> bool:
        """Insert or update by event id and revision; whether that changed anything."""
        if isinstance(message, Tombstone):
            return False
        body = message.rep if isinstance(message, RepMessage) else message.summary
        columns, query = (_REPS, _UPSERT_REP) if isinstance(message, RepMessage) else (_SETS, _UPSERT_SET)
        values = {"site": site, "station": station} | _fields(message) | _fields(body)
        return self._db.execute(query, [values[column] for column in columns]).rowcount > 0

    def _command(self, site: str, station: str, message: CommandMessage) -> None:
        self._db.execute(
            "INSERT INTO commands VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL)"
            " ON CONFLICT (site, station, event_id) DO NOTHING",
            (
                *(site, station, message.event_id, message.at_utc, message.name, message.by),
                msgspec.json.encode(message).decode(),
            ),
        )

    def _reply(self, site: str, station: str, message: ReplyMessage) -> None:
        self._db.execute(
            "UPDATE commands SET answered_utc = ?, ok = ?, answer = ?"
            " WHERE site = ? AND station = ? AND event_id = ? AND answered_utc IS NULL",
            (message.at_utc, message.ok, message.text, site, station, message.in_reply_to),
        )

    def _stream(self, key: StreamKey) -> "_Stream":
        self._db.execute(
            "INSERT INTO streams (site, station, stream, heard_utc) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (site, station, stream) DO UPDATE SET heard_utc = excluded.heard_utc",
            (*key, now_utc()),
        )
        return self._load(key)

    def _forget_streams(self, site: str, station: str) -> None:
        """Keep a station's STREAMS_KEPT newest streams; of the older, those with gaps to show."""
        old = self._db.execute(
            "SELECT id FROM streams WHERE site = ? AND station = ? AND id NOT IN (SELECT stream_id FROM gaps)"
            " ORDER BY heard_utc DESC, id DESC LIMIT -1 OFFSET ?",
            (site, station, STREAMS_KEPT),
        ).fetchall()
        for row in old:
            self._db.execute("DELETE FROM received WHERE stream_id = ?", (row[0],))
            self._db.execute("DELETE FROM streams WHERE id = ?", (row[0],))

    def _load(self, key: StreamKey) -> "_Stream":
        stream_id: int = self._db.execute(
            "SELECT id FROM streams WHERE site = ? AND station = ? AND stream = ?", key
        ).fetchone()[0]
        kept = []
        for table in ("received", "gaps"):
            rows = self._db.execute(
                f"SELECT first_seq, last_seq FROM {table} WHERE stream_id = ? ORDER BY first_seq",
                (stream_id,),
            )
            kept.append(tuple((row[0], row[1]) for row in rows))
        return _Stream(stream_id, key[2], *kept)

    def _save(self, stream: "_Stream") -> None:
        for table, old, new in (
            ("received", stream.received_before, stream.received),
            ("gaps", stream.gaps_before, stream.gaps),
        ):
            self._db.executemany(
                f"DELETE FROM {table} WHERE stream_id = ? AND first_seq = ?",
                [(stream.id, first) for first, last in set(old) - set(new)],
            )
            self._db.executemany(
                f"INSERT INTO {table} VALUES (?, ?, ?)", [(stream.id, *part) for part in set(new) - set(old)]
            )

    def _check_schema(self) -> None:
        with self._transaction():
            application: int = self._db.execute("PRAGMA application_id").fetchone()[0]
            version: int = self._db.execute("PRAGMA user_version").fetchone()[0]
            if application == 0 and not self._db.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
                for statement in _SCHEMA:
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            elif application != APPLICATION_ID:
                raise StoreError(f"{self.path}: an SQLite file, but not a history; give another file")
            elif version != SCHEMA_VERSION:
                raise StoreError(
                    f"{self.path}: history of schema {version}, this Plumbline knows {SCHEMA_VERSION};"
                    " use the newer Plumbline"
                )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock, self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk may have rolled back already
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.IntegrityError, sqlite3.DataError):
            raise  # about a value, not about the database: trying again would not help
        except sqlite3.Error as error:
            raise store_error(self.path, error) from error


class _Stream:
    """What is known of one stream, while a transaction lasts."""

    def __init__(self, stream_id: int, stream: str, received: Ranges, gaps: Ranges) -> None:
        self.id = stream_id
        self.stream = stream
        self.received = self.received_before = received
        self.gaps = self.gaps_before = gaps

    def take(self, message: RepMessage | SetMessage | Tombstone) -> bool:
        """Note a message's numbers; False when it has been taken before."""
        first = message.first_seq if isinstance(message, Tombstone) else message.seq
        numbers: Ranges = ((first, message.seq),)
        if isinstance(message, Tombstone):
            new = minus(minus(numbers, self.received), self.gaps)
            self.gaps = union((*self.gaps, *new))
            return size(new) > 0
        if not minus(numbers, self.received):
            return False
        self.received = union((*self.received, *numbers))
        self.gaps = minus(self.gaps, numbers)
        return True

    def ack(self) -> StreamAck:
        """What is committed, and the first MISSING_RANGES of what is missing below that."""
        known = union((*self.received, *self.gaps))
        missing = holes(known)
        committed = known[-1][1] if known else 0
        if len(missing) > MISSING_RANGES:
            committed = missing[MISSING_RANGES][0] - 1
            missing = missing[:MISSING_RANGES]
        return StreamAck(stream=self.stream, committed_seq=committed, missing=list(missing))


def _fields(record: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__}
