"""The history as files for other programs: CSV, JSON lines, Parquet; a row per rep, set or command.

The columns are those of the database, and so the fields of the messages. Rows are written as they are read:
a file larger than the memory is no matter.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Literal, TextIO

import msgspec

from dashboard.database.database import Database, Row
from dashboard.database.schema import REPS, SETS
from dashboard.history.queries import EVERYTHING, Filter, condition
from dashboard.history.spreadsheet import cell
from station.distribution import install_with
from station.errors import StoreError

What = Literal["reps", "sets", "commands"]
COLUMNS: Mapping[What, tuple[str, ...]] = {
    "reps": tuple(REPS),
    "sets": tuple(SETS),
    "commands": (
        *("site", "station", "event_id", "at_utc", "name", "by", "command", "answered_utc", "ok", "answer"),
    ),
}
_KINDS = REPS | SETS | {"ok": "INTEGER"}
_TRUTHS = ("counted", "ok")
_ORDER: Mapping[What, str] = {
    "reps": "at_utc, site, station, set_number, number, event_id",
    "sets": "at_utc, site, station, number, event_id",
    "commands": "at_utc, site, station, event_id",
}
_ROW_GROUP = 10_000


def rows(db: Database, what: What, wanted: Filter = EVERYTHING, rejected: bool = False) -> Iterator[Row]:
    """The rows of a table that a filter lets through, oldest first; truths as bool.

    Raises StoreError for commands by athlete, exercise or session: they are about stations.
    """
    if what == "commands" and (wanted.athlete or wanted.exercise or wanted.session):
        raise StoreError("commands belong to a station; filter them by site, station and days")
    where, values = condition(wanted, rejected=rejected or what != "reps")
    listed = ", ".join(f'"{name}"' for name in COLUMNS[what])
    for row in db.stream(f"SELECT {listed} FROM {what} WHERE {where} ORDER BY {_ORDER[what]}", values):
        for name in _TRUTHS:
            if row.get(name) is not None:
                row[name] = bool(row[name])
        yield row


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
        if "command" in row:
            row = row | {"command": json.loads(row["command"])}  # noqa: PLW2901 - it is JSON already
        file.write(msgspec.json.encode(row).decode() + "\n")
    return count


def write_parquet(found: Iterable[Row], columns: Iterable[str], path: Path) -> int:
    """A Parquet file with typed columns; returns how many rows. Raises StoreError without pyarrow."""
    try:
        import pyarrow as pa  # noqa: PLC0415  an extra
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as error:
        raise StoreError(f"Parquet needs pyarrow; {install_with('parquet')}, or export CSV") from error
    kinds = {"INTEGER": pa.int64(), "REAL": pa.float64(), "TEXT": pa.string()}
    schema = pa.schema(
        [
            (name, pa.bool_() if name in _TRUTHS else kinds[_KINDS.get(name, "TEXT").split(" ")[0]])
            for name in columns
        ]
    )
    count = 0
    source = iter(found)
    with pq.ParquetWriter(path, schema) as writer:
        while some := list(islice(source, _ROW_GROUP)):
            writer.write_table(pa.Table.from_pylist(some, schema=schema))
            count += len(some)
    return count


def export(found: Iterable[Row], what: What, draft: Path, suffix: str) -> int:
    """Write rows into a file, in the format of `suffix`; returns how many. Raises StoreError for another."""
    columns = COLUMNS[what]
    if suffix == ".parquet":
        return write_parquet(found, columns, draft)
    writer = text_writer(suffix)
    with draft.open("w", encoding="utf-8", newline="") as file:
        return writer(found, columns, file)


def text_writer(suffix: str) -> Callable[[Iterable[Row], Iterable[str], TextIO], int]:
    """What writes `.csv` or `.jsonl`. Raises StoreError for another suffix."""
    try:
        return {".csv": write_csv, ".jsonl": write_json_lines}[suffix]
    except KeyError:
        raise StoreError(f"no format {suffix!r}; there are .csv, .jsonl and .parquet") from None
