"""The history as files for other programs: CSV, JSON lines, Parquet; a row per rep, set, command, correction.

The columns are those of the database, and so the fields of the messages. Rows are written as they are read:
a file larger than the memory is no matter.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TextIO

import msgspec
from sqlalchemy import Table, select

from dashboard.database.database import Database, Row
from dashboard.database.tables import COMMANDS, CORRECTIONS, REPS, SETS
from dashboard.history.kept import EVERYTHING, Filter
from dashboard.history.queries import condition
from dashboard.history.spreadsheet import cell
from station.errors import StoreError
from station.program.distribution import install_with

What = Literal["reps", "sets", "commands", "corrections"]
_TABLES: Mapping[What, Table] = {"reps": REPS, "sets": SETS, "commands": COMMANDS, "corrections": CORRECTIONS}
COLUMNS: Mapping[What, tuple[str, ...]] = {what: tuple(table.c.keys()) for what, table in _TABLES.items()}
_ORDER = ("at_utc", "site", "station", "set_number", "number", "event_id")
_JSON = ("command", "curve")  # columns that hold a record of their own
_ROW_GROUP = 10_000


def rows(db: Database, what: What, wanted: Filter = EVERYTHING, rejected: bool = False) -> Iterator[Row]:
    """The rows of a table that a filter lets through, oldest first; truths as bool.

    Raises StoreError for commands and corrections by athlete, exercise or session: they are about stations.
    """
    if what in ("commands", "corrections") and (wanted.athlete or wanted.exercise or wanted.session):
        raise StoreError(f"{what} belong to a station; filter them by site, station and days")
    table = _TABLES[what]
    order = [table.c[name] for name in _ORDER if name in table.c]
    yield from db.stream(select(table).where(condition(table, wanted, rejected)).order_by(*order))


def write_csv(found: Iterable[Row], columns: Iterable[str], file: TextIO) -> int:
    """A header and a line per row; returns how many. Missing is an empty cell, truths are true and false.

    Text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    columns = tuple(columns)
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    count = 0
    for count, row in enumerate(found, 1):  # noqa: B007 - the last one is the count
        writer.writerow([cell(row[name]) for name in columns])
    return count


def write_json_lines(found: Iterable[Row], columns: Iterable[str], file: TextIO) -> int:
    """One JSON object per line; returns how many. Missing is null."""
    count = 0
    for count, row in enumerate(found, 1):  # noqa: B007
        inner = {name: _inner(row[name]) for name in _JSON if row.get(name) is not None}
        row = row | inner  # noqa: PLW2901
        file.write(msgspec.json.encode(row).decode() + "\n")
    return count


def _inner(text: str) -> Any:
    """The record that a column holds; what is none, as the text it is."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def write_parquet(found: Iterable[Row], what: What, path: Path) -> int:
    """A Parquet file with typed columns; returns how many rows. Raises StoreError without pyarrow."""
    try:
        import pyarrow as pa  # noqa: PLC0415  an extra
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as error:
        raise StoreError(f"Parquet needs pyarrow; {install_with('parquet')}, or export CSV") from error
    kinds = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
    schema = pa.schema([(column.name, kinds[column.type.python_type]) for column in _TABLES[what].c])
    count = 0
    source = iter(found)
    with pq.ParquetWriter(path, schema) as writer:
        while some := list(islice(source, _ROW_GROUP)):
            writer.write_table(pa.Table.from_pylist(some, schema=schema))
            count += len(some)
    return count


def text_writer(suffix: str) -> Callable[[Iterable[Row], Iterable[str], TextIO], int]:
    """What writes `.csv` or `.jsonl`. Raises StoreError for another suffix."""
    try:
        return {".csv": write_csv, ".jsonl": write_json_lines}[suffix]
    except KeyError:
        raise StoreError(f"no format {suffix!r}; there are .csv, .jsonl and .parquet") from None
