"""`plumbline history move`: a history from SQLite to PostgreSQL or back, compared row by row first.

Both are locked against whoever else writes; what is in the new one is all of the old one, or nothing.
"""

import argparse
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Executable, Row, Table, bindparam, collate, func, insert, select, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError

from dashboard.database.database import Database
from dashboard.database.schema import check_current, connect, is_postgres, open_writable
from dashboard.database.tables import METADATA, VERSION
from dashboard.database.types import TEXT
from station.errors import StoreError
from station.program.usage import command_parser

BATCH_ROWS = 500
EXAMPLES = """\
examples:
  sudo systemctl stop plumbline-record
  plumbline history move /var/lib/plumbline-record/history.db postgresql://plumbline@db.local/gym
  plumbline history move postgresql://plumbline@db.local/gym history.db
"""


def history_command(argv: Sequence[str]) -> int:
    """Look after a history: move it."""
    parser = command_parser(
        "history", "Move a history from SQLite to PostgreSQL or back; the old one stays as it is.", EXAMPLES
    )
    parser.add_argument("task", choices=["move"])
    parser.add_argument("source", metavar="FROM", help="a file or postgresql://…; end its record first")
    parser.add_argument("target", metavar="TO", help="the other; made where it is not there, and empty")
    args: argparse.Namespace = parser.parse_args(argv)
    if args.source == args.target:
        raise StoreError(f"{args.source}: moved onto itself; give another")
    with connect(args.source) if _there(args.source) else _none(args.source) as source:
        check_current(source)
        with open_writable(args.target) as target:
            rows = move(source, target)
            said = ", ".join(f"{count} {name}" for name, count in rows.items() if count)
            print(f"{target.name}: {said or 'nothing'}; compared row by row, all the same")
            print(f"give the record and the dashboards --db {target.name} from now on")
    return 0


def move(source: Database, target: Database) -> dict[str, int]:
    """Copy every table and compare; how many rows each has. Raises StoreError, and nothing is changed."""
    rows = {}
    with source.transaction() as read, target.transaction() as written:
        for table in _tables():
            if written.execute(select(func.count()).select_from(table)).scalar_one():
                raise StoreError(f"{target.name}: holds {table.name} already; give an empty one")
        for table in _tables():
            rows[table.name] = _copy(table, read, written)
        for table in _tables():
            _compare(table, read, written)
    return rows


def _copy(table: Table, read: Connection, written: Connection) -> int:
    statement, count = _insert(table, written), 0
    for batch in read.execute(select(table)).mappings().partitions(BATCH_ROWS):
        try:
            written.execute(statement, [dict(row) for row in batch])
        except StatementError as error:
            if isinstance(error, DBAPIError) and not isinstance(error, IntegrityError | DataError):
                raise  # the server's trouble, and not a value's
            first, last = (_key(table, dict(batch[end])) for end in (0, -1))
            raise StoreError(
                f"{table.name} {first} to {last}: a row cannot be held there ({error.orig});"
                " put it right in the old one; nothing was moved"
            ) from None
        count += len(batch)
    if written.dialect.name == "postgresql" and _numbered(table) and count:
        # What comes next gets the next number, as if all had been written here.
        next_after = f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), max(id)) FROM {table.name}"
        written.exec_driver_sql(next_after)
    return count


def _compare(table: Table, read: Connection, written: Connection) -> None:
    for old, new in zip_longest(_in_order(table, read), _in_order(table, written)):
        if old is None or new is None or tuple(old) != tuple(new):
            key = _key(table, dict((old or new)._mapping))
            raise StoreError(f"{table.name} {key}: not the same in both; nothing was moved, report this")


def _key(table: Table, row: dict[str, Any]) -> str:
    return ", ".join(str(row[column.name]) for column in table.primary_key)


def _in_order(table: Table, connection: Connection) -> Iterator[Row[Any]]:
    """By the key, byte by byte: the order of a server's language is its own."""
    plain = connection.dialect.name == "postgresql"
    key = [collate(column, "C") if plain and column.type is TEXT else column for column in table.primary_key]
    yield from connection.execute(select(table).order_by(*key).execution_options(yield_per=BATCH_ROWS))


def _insert(table: Table, written: Connection) -> Executable:
    """With the numbers of rows as they are; PostgreSQL gives its own unless it is told."""
    if written.dialect.name != "postgresql" or not _numbered(table):
        return insert(table)
    names = ", ".join(column.name for column in table.c)
    values = ", ".join(f":{column.name}" for column in table.c)
    statement = text(f"INSERT INTO {table.name} ({names}) OVERRIDING SYSTEM VALUE VALUES ({values})")
    return statement.bindparams(*(bindparam(column.name, type_=column.type) for column in table.c))


def _numbered(table: Table) -> bool:
    return any(column.identity is not None for column in table.c)


def _tables() -> list[Table]:
    """Those that others refer to first."""
    return [table for table in METADATA.sorted_tables if table is not VERSION]


def _there(where: str) -> bool:
    return is_postgres(where) or Path(where).is_file()


def _none(where: str) -> Database:
    raise StoreError(f"{where}: no such history; give a file or a postgresql:// URL")
