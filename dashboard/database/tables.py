"""The tables of the history; columns of reps and sets are the fields of their records and messages."""

from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import Column, ForeignKey, Identity, Index, MetaData, Table, UniqueConstraint
from sqlalchemy.types import TypeEngine

from dashboard.database.types import BYTES, REAL, TEXT, TIME, TRUTH, WHOLE
from station.records import Rep, SetSummary, plain_types

SCHEMA_VERSION = 10  # the newest step in migrations/versions
METADATA = MetaData()
_OF_PYTHON: dict[Any, TypeEngine[Any]] = {bool: TRUTH, int: WHOLE, float: REAL, str: TEXT}


def _of(record: type[msgspec.Struct]) -> Iterator[Column[Any]]:
    """A record's fields as columns."""
    return (Column(name, _OF_PYTHON[kind]) for name, kind in plain_types(record).items())


def _always(**kinds: TypeEngine[Any]) -> Iterator[Column[Any]]:
    return (Column(name, kind, nullable=False) for name, kind in kinds.items())


def _maybe(**kinds: TypeEngine[Any]) -> Iterator[Column[Any]]:
    return (Column(name, kind) for name, kind in kinds.items())


def _table(name: str, *parts: Any, **options: Any) -> Table:
    return Table(name, METADATA, *parts, sqlite_strict=True, **options)


def _events(name: str, *parts: Any) -> Table:
    """A table by whose event it is; no other has these three."""
    key = (Column(part, TEXT, primary_key=True) for part in ("site", "station", "event_id"))
    return _table(name, *key, *parts)


def _messages(name: str, *parts: Any) -> Table:
    """A table of what stations measured, with what stands around it in its message."""
    return _events(
        name,
        *_always(revision=WHOLE, at_utc=TIME, session=TEXT, session_s=REAL, exercise=TEXT),
        *_maybe(athlete=TEXT, load_kg=REAL),
        # By the node, whatever it was, where its clock cannot be right and `at_utc` is the record's.
        *_maybe(said_utc=TEXT),
        *parts,
    )


def _numbered(name: str, *parts: Any) -> Table:
    return _table(
        name, Column("id", WHOLE, Identity(always=True), primary_key=True), *parts, sqlite_autoincrement=True
    )


def _ranges(name: str, *parts: Any) -> Table:
    """Sequence numbers of streams, first to last."""
    return _table(
        name,
        Column("stream_id", WHOLE, ForeignKey("streams.id"), primary_key=True, autoincrement=False),
        Column("first_seq", WHOLE, primary_key=True, autoincrement=False),
        *_always(last_seq=WHOLE),
        *parts,
    )


REPS = _messages(
    "reps",
    *_always(state=TEXT, set_number=WHOLE),
    *_of(Rep),
    Index("reps_by_time", "at_utc"),
    Index("reps_by_session", "session", "set_number", "number"),
    Index("reps_by_athlete", "athlete", "exercise", "at_utc"),
)
SETS = _messages("sets", *_of(SetSummary))
COMMANDS = _events(
    "commands",
    *_always(at_utc=TIME, name=TEXT, by=TEXT, command=TEXT),  # `command` is all of the message, JSON
    *_maybe(answered_utc=TIME, ok=TRUTH, answer=TEXT, code=TEXT, action=TEXT, undone=TEXT),
)
CORRECTIONS = _events(
    "corrections",
    *_always(session=TEXT, at_utc=TIME, by=TEXT, action=TEXT, command=TEXT),
    *_maybe(undone_utc=TIME, undone_by=TEXT),
    Index("corrections_by_session", "site", "station", "session"),
)
ORIGINALS = _events(
    "originals",
    # A row of the table `kind`, JSON; null where the station had said nothing.
    *_always(session=TEXT, kind=TEXT, original=TEXT),
    Index("originals_by_session", "site", "station", "session"),
)
ATHLETES = _table(
    "athletes",
    Column("id", TEXT, primary_key=True),
    *_always(name=TEXT),
    *_maybe(badge=TEXT, squad=TEXT, note=TEXT),
    UniqueConstraint("badge"),
)
PLANS = _table(
    "plans",
    Column("athlete", TEXT, ForeignKey("athletes.id", ondelete="CASCADE"), primary_key=True),
    Column("exercise", TEXT, primary_key=True),
    *_maybe(load_kg=REAL, sets=WHOLE, reps=WHOLE),
    *_maybe(eccentric_s=REAL, bottom_pause_s=REAL, concentric_s=REAL, top_pause_s=REAL),
    *_maybe(velocity_loss_cutoff_pct=REAL, path_limit_m=REAL, full_range_m=REAL, rest_s=REAL),
    *_maybe(velocity_least_mps=REAL, velocity_most_mps=REAL, velocity_best_pct=REAL),
)
ERASED = _table("erased", Column("athlete_hash", TEXT, primary_key=True), *_always(at_utc=TIME))
STREAMS = _numbered(
    "streams",
    *_always(site=TEXT, station=TEXT, stream=TEXT, heard_utc=TIME),
    UniqueConstraint("site", "station", "stream"),
)
RECEIVED, GAPS = _ranges("received"), _ranges("gaps")
HOLES = _ranges("holes", *_always(noticed_utc=TIME), *_maybe(after_utc=TIME, before_utc=TIME))
QUARANTINE = _numbered("quarantine", *_always(at_utc=TIME, topic=TEXT, reason=TEXT, payload=BYTES))
# The step that the tables have; Alembic's own table, under a name that is nobody else's.
VERSION = _table("plumbline_version", Column("version_num", TEXT, primary_key=True))
