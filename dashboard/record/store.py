"""The history as the record writes it: reps, sets and commands, and what of every stream has been committed.

`Store` is all that the record needs; `SqlStore` is that on a database (SQLite or PostgreSQL).

A stream's sequence numbers are kept as ranges: `received` for what has come, `gaps` for what a tombstone says
is lost for good. A number is taken once; a second arrival of the same event changes nothing. A lost number
that turns up after all (a tombstone overtook it) is taken, and the gap shrinks.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

import msgspec

from dashboard.database.database import Database, SqliteDatabase
from dashboard.database.schema import REPS, SETS, open_writable, prepare
from dashboard.record.corrections import Corrections, SessionKey
from dashboard.record.filing import filed, from_the_future
from dashboard.record.streams import Stream
from station.messages import (
    CommandMessage,
    ReplyMessage,
    RepMessage,
    SetMessage,
    StreamAck,
    Tombstone,
    now_utc,
)

STREAMS_KEPT = 256  # of each station, the newest: each start of a node begins one
STREAMS_WITH_GAPS = 1024  # of each station, those with gaps to show among them
QUARANTINE_ROWS = 1000  # the newest are kept
QUARANTINE_BYTES = 4096  # of each payload

RecordedMessage = RepMessage | SetMessage | Tombstone | CommandMessage | ReplyMessage


class Arrived(NamedTuple):
    """A checked message and whose it is."""

    site: str
    station: str
    message: RecordedMessage


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
    """What the record needs of a database. Every method commits before it returns, or raises StoreError."""

    misdated: int  # events whose node's clock could not be right

    def ingest(self, arrived: Sequence[Arrived]) -> dict[StreamKey, StreamAck]:
        """Take messages in one transaction; return what is now committed of the streams they belong to."""

    def correct(self, site: str, station: str, command: CommandMessage) -> ReplyMessage:
        """Correct a past set, once for each event id, and say what came of it."""

    def quarantine(self, poison: Sequence[Poison]) -> None:
        """Put unusable messages aside, the newest QUARANTINE_ROWS of them."""

    def acks(self) -> dict[StreamKey, StreamAck]:
        """What is committed of the streams heard last, at most 1000 of them."""

    def newest_before(self, site: str, station: str, at_utc: str | None) -> str | None:
        """When a station's newest event before a time was; None: nobody knows."""


def _upsert(table: str, columns: Iterable[str]) -> str:
    names = [f'"{column}"' for column in columns]
    updates = ", ".join(f"{name} = excluded.{name}" for name in names)
    return (
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        f" ON CONFLICT (site, station, event_id) DO UPDATE SET {updates}"
        f" WHERE excluded.revision > {table}.revision"
    )


_UPSERT_REP = _upsert("reps", REPS)
_UPSERT_SET = _upsert("sets", SETS)


class SqlStore:
    """The history in an SQL database: committed is on disk. Any thread may call.

    Raises StoreError for a database that cannot be written, is none of ours or of a newer Plumbline.
    """

    def __init__(self, db: Database) -> None:
        """Take over an open database; it is closed with the store."""
        self.db = db
        self.corrections = Corrections(db)
        self.misdated = 0  # events whose node's clock could not be right
        self.reused = 0  # events that came under a number another event had
        try:
            prepare(db)
        except BaseException:
            db.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the database."""
        self.db.close()

    def ingest(self, arrived: Sequence[Arrived]) -> dict[StreamKey, StreamAck]:
        """See Store.ingest."""
        with self.db.transaction():
            streams: dict[StreamKey, Stream] = {}
            revised: set[SessionKey] = set()
            received_utc = now_utc()
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
                    if self._keep(site, station, message, received_utc, revised) and not new:
                        self.reused += 1
            for session in revised:
                self.corrections.again(session)
            for stream in streams.values():
                self._save(stream)
            for site, station in {key[:2] for key in streams}:
                self._forget_streams(site, station)
        return {key: stream.ack() for key, stream in streams.items()}

    def quarantine(self, poison: Sequence[Poison]) -> None:
        """See Store.quarantine."""
        with self.db.transaction():
            self.db.run_each(
                "INSERT INTO quarantine (at_utc, topic, reason, payload) VALUES (?, ?, ?, ?)",
                [
                    (now_utc(), p.topic[:256], p.reason[:512], p.payload[:QUARANTINE_BYTES])
                    for p in poison[-QUARANTINE_ROWS:]
                ],
            )
            self.db.run(
                "DELETE FROM quarantine WHERE id <= (SELECT max(id) FROM quarantine) - ?", (QUARANTINE_ROWS,)
            )

    def acks(self) -> dict[StreamKey, StreamAck]:
        """See Store.acks."""
        rows = self.db.rows(
            "SELECT id, site, station, stream FROM streams ORDER BY heard_utc DESC LIMIT 1000"
        )
        return {
            (row["site"], row["station"], row["stream"]): self._load(row["id"], row["stream"]).ack()
            for row in rows
        }

    def newest_before(self, site: str, station: str, at_utc: str | None) -> str | None:
        """See Store.newest_before."""
        if at_utc is None:
            return None
        (row,) = self.db.rows(
            "SELECT MAX(at_utc) AS newest FROM reps WHERE site = ? AND station = ? AND at_utc < ?",
            (site, station, at_utc),
        )
        newest: str | None = row["newest"]
        return newest

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
            Gap(**row)
            for row in self.db.rows(
                "SELECT site, station, stream, first_seq, last_seq FROM gaps"
                " JOIN streams ON id = stream_id ORDER BY stream_id, first_seq"
            )
        ]

    def quarantined(self) -> list[dict[str, Any]]:
        """The messages put aside, oldest first."""
        return self.db.rows("SELECT * FROM quarantine ORDER BY id")

    def _newest(self, table: str, site: str, station: str, limit: int) -> list[dict[str, Any]]:
        within = {"reps": "set_number DESC, number DESC,", "sets": "number DESC,", "commands": ""}
        rows = self.db.rows(
            f"SELECT * FROM {table} WHERE site = ? AND station = ?"
            f" ORDER BY at_utc DESC, {within[table]} event_id DESC LIMIT ?",
            (site, station, limit),
        )
        return rows[::-1]

    def correct(self, site: str, station: str, command: CommandMessage) -> ReplyMessage:
        """See Store.correct."""
        with self.db.transaction():
            return self.corrections.obey(site, station, command)

    def _keep(
        self,
        site: str,
        station: str,
        message: RepMessage | SetMessage | Tombstone,
        received_utc: str,
        revised: set[SessionKey],
    ) -> bool:
        """Insert or update by event id and revision; whether that changed anything."""
        if isinstance(message, Tombstone):
            return False
        is_rep = isinstance(message, RepMessage)
        body = message.rep if isinstance(message, RepMessage) else message.summary
        columns, query = (REPS, _UPSERT_REP) if is_rep else (SETS, _UPSERT_SET)
        values = {"site": site, "station": station} | _fields(message) | _fields(body)
        values["at_utc"], values["said_utc"] = filed(message, received_utc)
        self.misdated += values["said_utc"] is not None or from_the_future(message, received_utc)
        session = SessionKey(site, station, message.session)
        if session in self.corrections.sessions:
            revised.add(session)
            row = {column: _plain(values[column]) for column in columns}
            if self.corrections.revised("reps" if is_rep else "sets", session, row):
                return False
        return self.db.run(query, [_plain(values[column]) for column in columns]) > 0

    def _command(self, site: str, station: str, message: CommandMessage) -> None:
        self.db.run(
            'INSERT INTO commands (site, station, event_id, at_utc, name, "by", command)'
            " VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (site, station, event_id) DO NOTHING",
            (
                *(site, station, message.event_id, message.at_utc, message.name, message.by),
                msgspec.json.encode(message).decode(),
            ),
        )

    def _reply(self, site: str, station: str, message: ReplyMessage) -> None:
        self.db.run(
            "UPDATE commands SET answered_utc = ?, ok = ?, answer = ?, code = ?, action = ?, undone = ?"
            " WHERE site = ? AND station = ? AND event_id = ? AND answered_utc IS NULL",
            (
                *(message.at_utc, int(message.ok), message.text, _plain(message.code)),
                *(message.action, message.undone, site, station, message.in_reply_to),
            ),
        )

    def _stream(self, key: StreamKey) -> Stream:
        self.db.run(
            "INSERT INTO streams (site, station, stream, heard_utc) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (site, station, stream) DO UPDATE SET heard_utc = excluded.heard_utc",
            (*key, now_utc()),
        )
        (row,) = self.db.rows("SELECT id FROM streams WHERE site = ? AND station = ? AND stream = ?", key)
        return self._load(row["id"], key[2])

    def _forget_streams(self, site: str, station: str) -> None:
        """Keep a station's STREAMS_KEPT newest streams; of the older, some with gaps to show."""
        streams = self.db.rows(
            "SELECT id, id IN (SELECT stream_id FROM gaps) AS shows_gap FROM streams"
            " WHERE site = ? AND station = ? ORDER BY heard_utc DESC, id DESC",
            (site, station),
        )
        old = [row for row in streams[STREAMS_KEPT:] if not row["shows_gap"]] + streams[STREAMS_WITH_GAPS:]
        for row in old:
            for table in ("received", "gaps"):
                self.db.run(f"DELETE FROM {table} WHERE stream_id = ?", (row["id"],))
            self.db.run("DELETE FROM streams WHERE id = ?", (row["id"],))

    def _load(self, stream_id: int, stream: str) -> Stream:
        kept = []
        for table in ("received", "gaps"):
            rows = self.db.rows(
                f"SELECT first_seq, last_seq FROM {table} WHERE stream_id = ? ORDER BY first_seq",
                (stream_id,),
            )
            kept.append(tuple((row["first_seq"], row["last_seq"]) for row in rows))
        return Stream(stream_id, stream, *kept)

    def _save(self, stream: Stream) -> None:
        for table, old, new in (
            ("received", stream.received_before, stream.received),
            ("gaps", stream.gaps_before, stream.gaps),
        ):
            self.db.run_each(
                f"DELETE FROM {table} WHERE stream_id = ? AND first_seq = ?",
                [(stream.id, first) for first, last in set(old) - set(new)],
            )
            self.db.run_each(
                f"INSERT INTO {table} VALUES (?, ?, ?)", [(stream.id, *part) for part in set(new) - set(old)]
            )


class SqliteStore(SqlStore):
    """The history in one SQLite file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(SqliteDatabase(path))


def open_store(where: str | Path | None = None) -> SqlStore:
    """The history to write: a path or a postgresql:// URL, None: this machine's own. See open_writable."""
    return SqlStore(open_writable(where))


def _fields(record: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


def _plain(value: Any) -> Any:
    """SQLite has no truth values, and wants a plain string for a code."""
    if isinstance(value, StrEnum):
        return str(value)
    return int(value) if isinstance(value, bool) else value
