"""The chain's database: the tables of a history, with the number of the change that each row was left in by.

So every reader of a history reads the chain. The reps are divided by month, which keeps each index small and
lets old months go at once.
"""

from contextlib import suppress
from datetime import date
from typing import Any

from psycopg import Connection, IntegrityError
from sqlalchemy import BigInteger, Column, Index, MetaData, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from dashboard.chain.kinds import KINDS, MONTHLY
from dashboard.chain.readers import protect
from dashboard.database.tables import ERASED, METADATA, SCHEMA_VERSION, VERSION
from dashboard.database.types import TEXT
from dashboard.history.queries import PRACTISED
from station.errors import StoreError

KEY = ("site", "station", "event_id")
EARLIEST_MONTH = "2020-01"  # what is filed before, or years from now, shares one part
MONTHS_AHEAD = 3
_INDEXES = {
    "reps": (
        ("site", "athlete", "exercise", "at_utc"),
        ("site", "exercise", "at_utc"),
        ("session", "set_number"),
    ),
    "sets": (("site", "athlete", "exercise", "at_utc"), ("site", "session")),
    "commands": (("site", "name"),),  # the sign-offs of a gym among its loads and athletes
    "corrections": (),
    "erased": (),
}
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
_ADVISORY = 0x504C4348  # "PLCH": whoever makes or changes tables

OWN = """
CREATE TABLE IF NOT EXISTS chain_streams (
    site text, stream text, epoch bigint NOT NULL, heard_utc timestamptz NOT NULL,
    received jsonb NOT NULL DEFAULT '[]', events bigint NOT NULL DEFAULT 0, PRIMARY KEY (site, stream)
);
CREATE TABLE IF NOT EXISTS chain_sites (site text PRIMARY KEY);
CREATE TABLE IF NOT EXISTS chain_gone (
    kind text, site text, station text, event_id text, month text, epoch bigint NOT NULL, seq bigint NOT NULL,
    at_utc timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (kind, site, station, event_id, month)
);
"""


def key_of(kind: str) -> tuple[str, ...]:
    """The primary key of a table of the chain."""
    if kind == ERASED.name:
        return ("site", "athlete_hash")
    return (*KEY, "month") if kind == MONTHLY else KEY


def make(db: Connection) -> None:
    """Create the tables that are missing, one process at a time. Raises StoreError for another version."""
    with db.transaction():
        db.execute("SELECT pg_advisory_xact_lock(%s)", (_ADVISORY,))
        there = {
            name for (name,) in db.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        }
        if VERSION.name in there:
            found = db.execute(f"SELECT version_num FROM {VERSION.name}".encode()).fetchone()
            if "chain_streams" not in there:
                raise StoreError("that database is a gym's own history; give the chain one of its own")
            if found is not None and int(found[0]) > SCHEMA_VERSION:
                raise StoreError(f"the chain's tables are of schema {found[0]}; use the newer Plumbline")
        elif there:
            raise StoreError("that database has tables, but is not a chain's; give an empty one")
        db.execute(OWN)
        for table in METADATA.sorted_tables:
            if table.name not in there:
                _make_table(db, table_of(table.name) if table.name in KINDS else table)
        for kind in KINDS:
            _add_columns(db, kind)
        if PRACTISED.name not in there:
            _make_table(db, PRACTISED)
            db.execute(listing(MONTHLY).encode())
        protect(db)
        db.execute(f"DELETE FROM {VERSION.name}".encode())
        db.execute(f"INSERT INTO {VERSION.name} VALUES ({SCHEMA_VERSION})".encode())


def month_parts(db: Connection, months: set[str], today: date) -> None:
    """Make the parts of the reps' table for these months, where they are missing."""
    last = today.year * 12 + today.month - 1 + MONTHS_AHEAD
    for month in sorted(months):
        year, number = int(month[:4]), int(month[5:7])
        if month < EARLIEST_MONTH or year * 12 + number - 1 > last:
            continue
        after = f"{year + number // 12}-{number % 12 + 1:02d}"
        name = f"{MONTHLY}_{month.replace('-', '_')}"
        if db.execute("SELECT to_regclass(%s)", (name,)).fetchone() != (None,):
            continue
        # Where rows of that month lie in the part for what was too far ahead, they and the others stay there.
        with suppress(IntegrityError), db.transaction():
            db.execute("SELECT pg_advisory_xact_lock(%s)", (_ADVISORY,))
            # The check lets a question about days leave the other months out.
            db.execute(
                f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF {MONTHLY}"
                f" (CHECK (at_utc >= '{month}-01T00:00Z' AND at_utc < '{after}-01T00:00Z'))"
                f" FOR VALUES IN ('{month}')".encode()
            )


def listing(reps: str) -> str:
    """The statement that has the athletes and exercises of a table of reps in the list."""
    return (
        f"INSERT INTO {PRACTISED.name} AS p SELECT site, athlete, exercise, max(at_utc) FROM {reps}"
        " WHERE state <> 'rejected' GROUP BY site, athlete, exercise"
        " ON CONFLICT (site, athlete, exercise) DO UPDATE SET last_utc = excluded.last_utc"
        " WHERE excluded.last_utc > p.last_utc"
    )


def unlist(db: Connection, sites: set[str] | None = None) -> None:
    """Take lines that have no rep any more out of the list, of these sites or of all."""
    # One look into the index for each line; as a join all of the reps would be read.
    newest = [
        f"(SELECT r.at_utc FROM {MONTHLY} r WHERE r.site = p.site AND r.athlete {whose}"
        " AND r.exercise = p.exercise AND r.state <> 'rejected' ORDER BY r.at_utc DESC LIMIT 1)"
        for whose in ("= p.athlete", "IS NULL")
    ]
    db.execute(
        f"DELETE FROM {PRACTISED.name} p WHERE (site = ANY(%(sites)s) OR %(sites)s IS NULL)"
        f" AND CASE WHEN athlete IS NULL THEN {newest[1]} ELSE {newest[0]} END IS NULL".encode(),
        {"sites": None if sites is None else sorted(sites)},
    )


def table_of(kind: str) -> Table:
    """A table of a history as the chain has it."""
    table = KINDS[kind].to_metadata(MetaData())
    table.indexes.clear()
    own: list[Column[Any]] = [
        Column("epoch", BigInteger, nullable=False),
        Column("seq", BigInteger, nullable=False),
    ]
    if kind == ERASED.name:
        own.append(Column("site", TEXT, primary_key=True))
    if kind == MONTHLY:
        own.append(Column("month", TEXT, primary_key=True))
        table.dialect_options["postgresql"]["partition_by"] = "LIST (month)"
    for column in own:
        table.append_column(column)
    for columns in _INDEXES[kind]:
        Index(f"{kind}_by_{'_'.join(columns)}", *(table.c[name] for name in columns))
    return table


def _make_table(db: Connection, table: Table) -> None:
    db.execute(str(CreateTable(table).compile(dialect=_DIALECT)).encode())
    for index in table.indexes:
        db.execute(str(CreateIndex(index).compile(dialect=_DIALECT)).encode())
    if table.name == MONTHLY:
        db.execute(f"CREATE TABLE {MONTHLY}_other PARTITION OF {MONTHLY} DEFAULT".encode())


def _add_columns(db: Connection, kind: str) -> None:
    """The columns that a newer Plumbline has; what gyms of an older one send lacks them."""
    query = "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
    there = {name for (name,) in db.execute(query, (kind,))}
    for column in table_of(kind).c:
        if column.name not in there:
            column_type = column.type.compile(dialect=_DIALECT)
            db.execute(f'ALTER TABLE {kind} ADD COLUMN "{column.name}" {column_type}'.encode())
