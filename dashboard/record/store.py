"""The history as the record writes it: reps, sets and commands, and what of every stream has been committed.

A number of a stream is taken once; a second arrival of the same event changes nothing. A lost number that
turns up after all (a tombstone overtook it) is taken, and the gap shrinks.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec
from msgspec.structs import asdict
from sqlalchemy import ColumnElement, Table, and_, delete, func, select, update

from dashboard.database.database import Database, Row
from dashboard.database.schema import open_writable
from dashboard.database.tables import COMMANDS, QUARANTINE, REPS, SETS
from dashboard.floor.times import parse_utc
from dashboard.record.corrections import Corrections, SessionKey
from dashboard.record.filing import dated, filed, is_misdated
from dashboard.record.holes import Hole, StreamKey
from dashboard.record.ledger import Ledger
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

QUARANTINE_ROWS = 1000  # the newest are kept
QUARANTINE_BYTES = 4096  # of each payload
_NAMES = {table: tuple(column.name for column in table.c) for table in (REPS, SETS)}

RecordedMessage = RepMessage | SetMessage | Tombstone | CommandMessage | ReplyMessage


class Arrived(NamedTuple):
    """A checked message with its site and station."""

    site: str
    station: str
    message: RecordedMessage


class PoisonMessage(NamedTuple):
    """A message that failed its checks."""

    topic: str
    payload: bytes
    reason: str


class Store:
    """The history in a database. Any thread may call.

    Every method commits before it returns, or raises StoreError.
    """

    def __init__(self, db: Database) -> None:
        """Take over an open database; it is closed with the store."""
        self.db = db
        self.corrections = Corrections(db)
        self._ledger = Ledger(db)
        self.misdated = 0  # events whose node's clock could not be right
        self._newer = {table: db.upsert(table, newer=True) for table in (REPS, SETS)}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the database."""
        self.db.close()

    def ingest(self, arrived: Sequence[Arrived]) -> dict[StreamKey, StreamAck]:
        """Write messages in one transaction; return the committed ranges of their streams."""
        with self.db.transaction():
            streams: dict[StreamKey, Stream] = {}
            rows: dict[Table, list[Row]] = {REPS: [], SETS: []}
            revised: set[SessionKey] = set()
            received_utc = now_utc()
            for site, station, message in arrived:
                if isinstance(message, CommandMessage):
                    self._command(site, station, message, received_utc)
                    continue
                if isinstance(message, ReplyMessage):
                    self._reply(site, station, message, received_utc)
                    continue
                key = (site, station, message.stream)
                if key not in streams:
                    streams[key] = self._ledger.load(key)
                new = streams[key].take(message)
                if isinstance(message, Tombstone):
                    continue
                table, row = self._row(site, station, message, received_utc)
                session = SessionKey(site, station, message.session)
                if session in self.corrections.sessions:
                    revised.add(session)
                    if self.corrections.revised(table, session, row):
                        continue
                if new:
                    rows[table].append(row)
                    continue
                # A number taken before may carry another event: the station runs on an old copy of its
                # outbox. An event is known by its id, so keeping it again changes nothing otherwise.
                self._write(rows)
                self.db.run(self._newer[table], row)
            self._write(rows)
            for session in revised:
                self.corrections.again(session)
            for stream in streams.values():
                self._ledger.save(stream)
        return {key: stream.ack() for key, stream in streams.items()}

    def quarantine(self, poison: Sequence[PoisonMessage]) -> None:
        """Store unusable messages in quarantine, the newest QUARANTINE_ROWS of them."""
        at_utc = now_utc()
        with self.db.transaction():
            rows = [
                {
                    "at_utc": at_utc,
                    "topic": one.topic[:256],
                    "reason": one.reason[:512],
                    "payload": one.payload[:QUARANTINE_BYTES],
                }
                for one in poison[-QUARANTINE_ROWS:]
            ]
            self.db.run(QUARANTINE.insert(), rows)
            newest = select(func.max(QUARANTINE.c.id)).scalar_subquery()
            self.db.run(delete(QUARANTINE).where(QUARANTINE.c.id <= newest - QUARANTINE_ROWS))

    def acks(self) -> dict[StreamKey, StreamAck]:
        """The committed ranges of the streams heard last, at most 1000."""
        return self._ledger.acks()

    def keep_holes(
        self, staying: Mapping[StreamKey, Sequence[Hole]], closed: Iterable[StreamKey]
    ) -> dict[StreamKey, list[Hole]]:
        """Keep what stays missing, and forget what has come; the same with the times that are known of it."""
        found: dict[StreamKey, list[Hole]] = {}
        with self.db.transaction():
            for key, holes in staying.items():
                kept = self._ledger.holes(key)
                found[key] = [self._with_times(key, hole, kept) for hole in holes]
                self._ledger.keep_holes(key, found[key])
            for key in closed:
                self._ledger.keep_holes(key, ())
        return found

    def holes(self, key: StreamKey) -> list[Hole]:
        """What was kept of a stream."""
        return self._ledger.holes(key)

    def correct(self, site: str, station: str, command: CommandMessage) -> ReplyMessage:
        """Apply a correction of a past set, once for each event id; returns the reply."""
        with self.db.transaction():
            return self.corrections.obey(site, station, command)

    def _with_times(self, key: StreamKey, hole: Hole, kept: Sequence[Hole]) -> Hole:
        """A hole with the events around it: those kept with it before, or of the history as it is."""
        old = next((o for o in kept if o.first_seq <= hole.last_seq and hole.first_seq <= o.last_seq), None)
        before = hole.before_utc or (old and old.before_utc)
        after = (old and old.after_utc) or self._newest_before(*key[:2], before)
        return hole._replace(before_utc=before, after_utc=after)

    def _newest_before(self, site: str, station: str, at_utc: str | None) -> str | None:
        """The time of a station's newest event before a given time; None: unknown."""
        if at_utc is None or parse_utc(at_utc) is None:
            return None
        newest = func.max(REPS.c.at_utc).label("newest")
        (row,) = self.db.rows(select(newest).where(_at(REPS, site, station), REPS.c.at_utc < at_utc))
        found: str | None = row["newest"]
        return found

    def _row(
        self, site: str, station: str, message: RepMessage | SetMessage, received_utc: str
    ) -> tuple[Table, Row]:
        """A message as a row of its table."""
        table, body = (REPS, message.rep) if isinstance(message, RepMessage) else (SETS, message.summary)
        values = {"site": site, "station": station} | asdict(message) | asdict(body)
        values["at_utc"], values["said_utc"] = found = filed(message, received_utc)
        self.misdated += is_misdated(found, received_utc)
        return table, {name: _plain(values[name]) for name in _NAMES[table]}

    def _write(self, rows: dict[Table, list[Row]]) -> None:
        """Insert or update by event id and revision."""
        for table, some in rows.items():
            if some:
                self.db.run(self._newer[table], some)
                some.clear()

    def _command(self, site: str, station: str, message: CommandMessage, received_utc: str) -> None:
        values = {
            "site": site,
            "station": station,
            "event_id": message.event_id,
            "at_utc": dated(message.at_utc, received_utc),
            "name": message.name,
            "by": message.by,
            "command": msgspec.json.encode(message).decode(),
        }
        self.db.run(self.db.insert(COMMANDS).on_conflict_do_nothing(), values)

    def _reply(self, site: str, station: str, message: ReplyMessage, received_utc: str) -> None:
        asked = and_(_at(COMMANDS, site, station), COMMANDS.c.event_id == message.in_reply_to)
        answered = update(COMMANDS).where(asked, COMMANDS.c.answered_utc.is_(None))
        self.db.run(
            answered.values(
                answered_utc=dated(message.at_utc, received_utc),
                ok=message.ok,
                answer=message.text,
                code=_plain(message.code),
                action=message.action,
                undone=message.undone,
            )
        )


def open_store(where: str | Path | None = None) -> Store:
    """The history to write: a path or a postgresql:// URL, None: this machine's own. See open_writable."""
    return Store(open_writable(where))


def _at(table: Table, site: str, station: str) -> ColumnElement[bool]:
    return and_(table.c.site == site, table.c.station == station)


def _plain(value: Any) -> Any:
    """Drivers want a plain string for a code, and a record within a record is JSON."""
    if isinstance(value, msgspec.Struct):
        return msgspec.json.encode(value).decode()
    return str(value) if isinstance(value, StrEnum) else value
