"""The list of a gym's changes that the chain has not got yet, kept by the history's own database.

Triggers write it within the transaction of whoever changes something, so its order is the order of commitment
and nothing is in the history that was not in the list. It holds keys, never values: an entry for each row,
under the number of the row's newest change, so it is bounded by the history itself.
"""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import msgspec
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Identity,
    MetaData,
    Table,
    UniqueConstraint,
    and_,
    delete,
    func,
    literal_column,
    select,
    text,
    update,
)

from dashboard.chain.batch import Batch
from dashboard.chain.kinds import KINDS, MONTHLY, key_columns
from dashboard.database.database import Database, Row
from dashboard.database.types import TEXT, WHOLE
from dashboard.record.ranges import Ranges, minus
from station.messages import StreamAck, new_id

_OWN = MetaData()  # not of every history: made where a relay runs
CHANGES = Table(
    "relay_changes",
    _OWN,
    Column("id", WHOLE, Identity(always=True), primary_key=True),
    *(Column(name, TEXT, nullable=False) for name in ("kind", "station", "event_id", "month")),
    UniqueConstraint("kind", "station", "event_id", "month"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)
STREAM = Table(  # the newest of this history's relay
    "relay_stream",
    _OWN,
    *(Column(name, TEXT, nullable=False) for name in ("site", "stream")),
    *(Column(name, WHOLE, nullable=False) for name in ("epoch", "settled_seq")),
    sqlite_strict=True,
)
_TRIGGERS = tuple(product(KINDS, ("INSERT", "UPDATE", "DELETE")))  # a kind and what happens to a row


class NewStream(NamedTuple):
    """A stream just begun; `settled`: the one before it, and the number up to which it was acknowledged."""

    stream: str
    epoch: int
    settled: tuple[str, int] | None


class Page(NamedTuple):
    """The changes behind one place in the list, up to and with another, as the rows are now."""

    last_id: int
    columns: dict[str, list[str]]
    rows: dict[str, list[tuple[int, Row]]]  # by kind: change and row
    gone: list[tuple[int, str, str, str, str]]  # change, kind, station, event id, month

    def batch(self, begun: NewStream, base: int, after_id: int) -> Batch:
        """The message of it; numbers of the stream count from the change `base` on."""
        return Batch(
            stream=begun.stream,
            epoch=begun.epoch,
            first_seq=after_id - base + 1,
            last_seq=self.last_id - base,
            columns={kind: self.columns[kind] for kind, rows in self.rows.items() if rows},
            rows={
                kind: [
                    msgspec.Raw(msgspec.json.encode([change - base, *row.values()])) for change, row in rows
                ]
                for kind, rows in self.rows.items()
                if rows
            },
            gone=[(one[0] - base, *one[1:]) for one in self.gone],
            settled=begun.settled,
        )


class Changes:
    """The list in the history `db`, of one site. Methods raise StoreError where the database cannot serve."""

    def __init__(self, db: Database, site: str) -> None:
        """`site` is of the characters a-z, 0-9 and -: it becomes part of statements."""
        self._db = db
        self._site = site

    def install(self) -> bool:
        """Make the list and its triggers where they are missing, with all of the history in it.

        Also where some are missing, as after a change of the tables: what happened meanwhile is not listed.
        Returns whether that was so.
        """
        with self._db.transaction() as connection:
            _OWN.create_all(connection)
            sites = [row["site"] for row in self._db.rows(select(STREAM.c.site))]
            if _triggers(connection) == {_name(*one) for one in _TRIGGERS} and sites == [self._site]:
                return False
            _drop_triggers(connection)
            for statement in self._statements(connection):
                connection.exec_driver_sql(statement)
            if sites != [self._site]:
                self._db.run(delete(STREAM))
                nothing = {"site": self._site, "stream": new_id(), "epoch": 0, "settled_seq": 0}
                self._db.run(STREAM.insert(), nothing)
            self._list_all()
        return True

    def other_site(self) -> str | None:
        """A site the history has reps of, where it has none of this one."""
        of = KINDS[MONTHLY].c
        mine = select(of.site).where(of.site == self._site).limit(1)
        found = self._db.rows(mine) or self._db.rows(select(of.site).limit(1))
        return next((row["site"] for row in found if row["site"] != self._site), None)

    def list_all(self) -> None:
        """List every row of the history anew: the chain has lost what it had acknowledged."""
        with self._db.transaction():
            self._list_all()

    def remove(self) -> None:
        """Take the list and its triggers away."""
        with self._db.transaction() as connection:
            _drop_triggers(connection)
            _OWN.drop_all(connection)

    def begin(self, now_ms: int) -> NewStream:
        """Begin a stream; its epoch is later than all before, whatever the clock says."""
        with self._db.transaction():
            (old,) = self._db.rows(select(STREAM))
            begun = NewStream(new_id(), max(now_ms, old["epoch"] + 1), (old["stream"], old["settled_seq"]))
            self._db.run(update(STREAM).values(stream=begun.stream, epoch=begun.epoch, settled_seq=0))
        return begun if begun.settled and begun.settled[1] else begun._replace(settled=None)

    def depth(self) -> int:
        """How many changes the chain has not acknowledged."""
        return int(self._db.rows(select(func.count().label("n")).select_from(CHANGES))[0]["n"])

    def first_id(self) -> int | None:
        """The oldest change that waits."""
        found: int | None = self._db.rows(select(func.min(CHANGES.c.id).label("id")))[0]["id"]
        return found

    def page(self, after_id: int, limit: int) -> Page | None:
        """Up to `limit` changes behind one, oldest first; None where there is none."""
        of = CHANGES.c
        listed = select(of.id, of.kind).where(of.id > after_id).order_by(of.id).limit(limit)
        found = self._db.rows(listed)
        if not found:
            return None
        last_id = found[-1]["id"]
        page = Page(last_id, {}, {}, [])
        for kind in dict.fromkeys(row["kind"] for row in found):
            self._add(page, kind, after_id)
        return page

    def acknowledged(self, base: int, ack: StreamAck) -> int:
        """Strike what the chain has committed off the list; how many changes that were."""
        missing: Ranges = tuple(sorted({*ack.missing, *ack.lost}))
        committed = minus(((1, ack.committed_seq),), missing) if ack.committed_seq else ()
        struck = 0
        with self._db.transaction():
            for first, last in committed:
                place = CHANGES.c.id.between(base + first, base + last)
                struck += self._db.run(delete(CHANGES).where(place))
            settled = committed[0][1] if committed and committed[0][0] == 1 else 0
            self._db.run(update(STREAM).where(STREAM.c.stream == ack.stream).values(settled_seq=settled))
        return struck

    def _add(self, page: Page, kind: str, after_id: int) -> None:
        """The rows of one kind: in one statement with their entries, so that both are of one moment."""
        of, table = CHANGES.c, KINDS[kind]
        columns = [column for column in table.c if column.name != "site"]
        event, _ = key_columns(kind)
        entry = (of.id, of.station, of.event_id, of.month)
        query = (
            select(*(column.label(f"change_{column.name}") for column in entry), *columns)
            .select_from(CHANGES.outerjoin(table, self._same(table)))
            .where(of.kind == kind, of.id > after_id, of.id <= page.last_id)
            .order_by(of.id)
        )
        rows: list[tuple[int, Row]] = []
        for row in self._db.rows(query):
            change, *key = (row.pop(f"change_{column.name}") for column in entry)
            if row[event] is None:
                page.gone.append((change, kind, *key))
            else:
                rows.append((change, row))
        page.rows[kind], page.columns[kind] = rows, [str(column.name) for column in columns]

    def _same(self, table: Table) -> ColumnElement[bool]:
        """That a row is the one an entry is about."""
        event, station = key_columns(table.name)
        parts = [table.c[event] == CHANGES.c.event_id]
        if station is not None:
            parts += [table.c[station] == CHANGES.c.station, table.c.site == self._site]
        if table.name == MONTHLY:
            month: ColumnElement[str] = literal_column(_month(f"{table.name}.at_utc", self._db.dialect))
            parts.append(month == CHANGES.c.month)
        return and_(*parts)

    def _list_all(self) -> None:
        for kind, table in KINDS.items():
            event, station = key_columns(kind)
            self._db.run(
                delete(CHANGES).where(
                    CHANGES.c.kind == kind, select(table.c[event]).where(self._same(table)).exists()
                )
            )
            month = _month("at_utc", self._db.dialect) if kind == MONTHLY else "''"
            rows = select(
                literal_column(f"'{kind}'"),
                table.c[station] if station else literal_column("''"),
                table.c[event],
                literal_column(month),
            ).order_by(table.c.at_utc, table.c[event])
            if station:
                rows = rows.where(table.c.site == self._site)
            self._db.run(CHANGES.insert().from_select(["kind", "station", "event_id", "month"], rows))

    def _statements(self, connection: Connection) -> Iterator[str]:
        make = _postgres_trigger if connection.dialect.name == "postgresql" else _sqlite_trigger
        for kind, event in _TRIGGERS:
            yield from make(kind, event, self._site)


def _name(kind: str, event: str) -> str:
    return f"relay_{kind}_{event.lower()}"


def _triggers(connection: Connection) -> set[str]:
    query = (
        "SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
        " WHERE pg_table_is_visible(pg_class.oid) AND tgname LIKE 'relay!_%' ESCAPE '!'"
        if connection.dialect.name == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'relay!_%' ESCAPE '!'"
    )
    return set(connection.scalars(text(query)))


def _drop_triggers(connection: Connection) -> None:
    postgres = connection.dialect.name == "postgresql"
    for kind, event in _TRIGGERS:
        on = f" ON {kind}" if postgres else ""
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {_name(kind, event)}{on}")
    if postgres:
        for kind in KINDS:
            connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS relay_{kind}")


def _month(column: str, dialect: str) -> str:
    if dialect == "postgresql":
        return f"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM')"
    return f"substr({column}, 1, 7)"


def _key(kind: str, row: str, dialect: str) -> tuple[str, str, str]:
    event, station = key_columns(kind)
    month = _month(f"{row}.at_utc", dialect) if kind == MONTHLY else "''"
    return f"{row}.{station}" if station else "''", f"{row}.{event}", month


def _listed(kind: str, row: str, dialect: str) -> str:
    """Statements that list a row's key under a new number. Not INSERT OR REPLACE: in a trigger SQLite follows
    the conflict clause of the statement that fired it."""
    station, event, month = _key(kind, row, dialect)
    return (
        f"DELETE FROM {CHANGES.name} WHERE kind = '{kind}' AND station = {station}"
        f" AND event_id = {event} AND month = {month};"
        f" INSERT INTO {CHANGES.name} (kind, station, event_id, month)"
        f" VALUES ('{kind}', {station}, {event}, {month});"
    )


def _sqlite_trigger(kind: str, event: str, site: str) -> Iterator[str]:
    rows = {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}[event]
    when = f" WHEN {rows[-1]}.site = '{site}'" if key_columns(kind)[1] else ""
    listed = " ".join(_listed(kind, row, "sqlite") for row in rows)
    yield f"CREATE TRIGGER {_name(kind, event)} AFTER {event} ON {kind}{when} BEGIN {listed} END"


def _postgres_trigger(kind: str, event: str, site: str) -> Iterator[str]:
    from dashboard.database.postgres import WRITER  # noqa: PLC0415  an extra

    if event == "INSERT":
        # Numbers are to be in the order of commitment, whoever writes: nobody else gets one before the end.
        moved = f"IF TG_OP <> 'INSERT' THEN {_listed(kind, 'OLD', 'postgresql')} END IF;"
        listed = f"IF TG_OP <> 'DELETE' THEN {_listed(kind, 'NEW', 'postgresql')} END IF;"
        yield (
            f"CREATE FUNCTION relay_{kind}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" PERFORM pg_advisory_xact_lock({WRITER}); {moved} {listed} RETURN NULL; END $$"
        )
    row = "OLD" if event == "DELETE" else "NEW"
    when = f" WHEN ({row}.site = '{site}')" if key_columns(kind)[1] else ""
    yield (
        f"CREATE TRIGGER {_name(kind, event)} AFTER {event} ON {kind}"
        f" FOR EACH ROW{when} EXECUTE FUNCTION relay_{kind}()"
    )
