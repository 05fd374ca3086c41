"""Recordings: CSV (gzip or not) and Parquet, one column per channel, checked whole before use."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.link.columns import Column, check_units_row, read_header
from edge.link.drivers import Samples
from edge.link.plausible import check_plausible
from station.errors import RecordingError, TableError
from station.program.distribution import install_with
from station.text.encoding import RECORDING_MB, read_whole
from station.text.tables import Table, number, text_of

Floats = NDArray[np.float64]

_CHUNK = 8192  # rows: their text is in memory, the rest are numbers


@dataclass(frozen=True)
class Recording:
    """A recording in memory: the row times and, per channel, a value for every row (NaN: no sample)."""

    time_s: Floats
    columns: dict[str, Floats]

    @property
    def duration_s(self) -> float:
        return float(self.time_s[-1] - self.time_s[0]) if self.time_s.size else 0.0

    def samples(self, block_s: float = 1.0) -> Iterator[list[Samples]]:
        """The channels' samples in blocks of recording time, for StationPipeline.feed."""
        number = np.floor((self.time_s - self.time_s[0]) / block_s)
        cuts = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), self.time_s.size]
        for first, last in pairwise(cuts):
            block = []
            for channel, values in self.columns.items():
                value = values[first:last]
                there = ~np.isnan(value)
                if there.all():
                    block.append(Samples(channel, self.time_s[first:last], value))
                elif there.any():
                    block.append(Samples(channel, self.time_s[first:last][there], value[there]))
            yield block


@dataclass(frozen=True)
class Rows:
    """The cells of a file as numbers, and where each row stands in it."""

    columns: tuple[Column, ...]
    values: list[Floats]  # per column
    lines: Floats | range
    word: str = "line"  # row, in Parquet
    by_commas: bool = False  # commas part the cells, and no number has a point


def read_recording(path: Path) -> Recording:
    """Read and check a recording.

    Raises RecordingError naming the line and column: unreadable, empty, unknown or missing columns, a cell
    that is no number, what can be read in two ways, time that does not rise, what no station can have
    measured.
    """
    try:
        raw = read_whole(path, RECORDING_MB)
        rows = _read_parquet(raw) if raw[:4] == b"PAR1" else _read_text(raw)
        recording = checked(rows)
        check_plausible(recording.time_s, recording.columns, rows.columns)
    except TableError as error:
        raise RecordingError(f"{path}: {error}") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise RecordingError(f"{path}: cannot be read ({reason}); give a CSV or Parquet recording") from error
    return recording


def _read_text(raw: bytes) -> Rows:
    table = Table(text_of(raw))
    columns = read_header(table.header, f"line {table.header_line}")
    if table.plain:
        values = _plain_values(table)
        if values is not None:
            first = table.header_line + 1
            lines = range(first, first + len(values[0]))
            return Rows(columns, values, lines, by_commas=not table.has_point)
    return _careful_values(table, columns)


def _plain_values(table: Table) -> list[Floats] | None:
    """The numbers of a table that is as we write it; None where anything is not, to be read with care."""
    rows = table.plain_rows()
    parts: list[list[Floats]] = []
    missing = float("nan")
    try:
        while chunk := list(islice(rows, _CHUNK)):
            cells = list(zip(*chunk, strict=True))
            if len(cells) != len(table.header):
                return None
            parts.append([np.array([float(c) if c else missing for c in column]) for column in cells])
    except ValueError:  # a blank line, a cell too many, a word
        return None
    if not parts:
        return [np.empty(0) for _ in table.header]
    values = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return None if any(np.isinf(column).any() for column in values) or _blank(values).any() else values


def _blank(values: list[Floats]) -> NDArray[np.bool_]:
    """The rows without a number."""
    return np.array(np.isnan(np.array(values)).all(axis=0))


def _careful_values(table: Table, columns: tuple[Column, ...]) -> Rows:
    """The numbers of any table, cell by cell."""
    named = [n for n, name in enumerate(table.header) if name]
    mark = table.decimal_mark(named)
    values: list[list[float]] = [[] for _ in columns]
    lines: list[int] = []
    units_row = True
    for line, cells in table.rows():
        for n, name in enumerate(table.header):
            if not name and cells[n]:
                raise TableError(
                    f"line {line}: there is {cells[n][:40]!r} in column {n + 1}, which has no name;"
                    " delete it (pandas: index=False), or have it left out: plumbline import"
                )
        if units_row and check_units_row(cells, table.header, line):
            units_row = False
            continue
        units_row = False
        for column, cell, into in zip(columns, (cells[n] for n in named), values, strict=True):
            try:
                into.append(number(cell, mark))
            except ValueError:
                raise TableError(
                    f"line {line}, column {column.name}: {cell[:40]!r} is not a number; "
                    "leave a cell empty where there is no sample"
                ) from None
        lines.append(line)
    arrays = [np.array(column, dtype=np.float64) for column in values]
    return Rows(columns, arrays, np.array(lines), by_commas=table.separator == "," and not table.has_point)


def _read_parquet(raw: bytes) -> Rows:
    try:
        from pyarrow import ArrowException, parquet  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise TableError(f"reading Parquet needs pyarrow; {install_with('parquet')}") from error
    try:
        table = parquet.read_table(io.BytesIO(raw))
    except (OSError, ValueError, ArrowException) as error:
        raise TableError(
            f"cannot be read as Parquet ({(str(error).splitlines() or ['no reason given'])[0]});"
            " write it anew, or give CSV"
        ) from error
    columns = read_header(table.column_names, "the schema")
    values = []
    for name in table.column_names:
        try:
            values.append(table[name].to_numpy().astype(np.float64))
        except (TypeError, ValueError) as error:
            raise TableError(
                f"column {name} holds {table[name].type}; a recording has numbers in every column"
            ) from error
    return Rows(columns, values, range(1, 1 + table.num_rows), "row")


def checked(rows: Rows) -> Recording:
    """One time per row that rises, in SI. Rows of one time are one row where no channel has two values.

    Raises TableError for an empty file, a time that is missing, goes back or was rounded, what is no reading,
    and whole numbers that may be halves of one.
    """
    at = next(n for n, column in enumerate(rows.columns) if column.channel == "time_s")
    time = rows.values[at]
    if time.size == 0:
        raise TableError("no samples below the header; was the file cut short?")
    for n, column in enumerate(rows.columns):
        values = rows.values[n]
        bad = ~np.isfinite(values) if n == at else np.isinf(values)
        if bad.any():
            row = int(np.argmax(bad))
            raise TableError(
                f"{rows.word} {rows.lines[row]}, column {column.name}: {values[row]} is no reading; "
                + ("every row needs its time" if n == at else "leave the cell empty")
            )
    if rows.by_commas:
        _refuse_halves(rows)
    time_name = rows.columns[at].name
    step = np.diff(time)
    if (step < 0.0).any():
        row = int(np.argmax(step < 0.0)) + 1
        raise TableError(
            f"{rows.word} {rows.lines[row]}: {time_name} goes from {time[row - 1]:.12g} to {time[row]:.12g}; "
            "device time rises strictly; cut the file there"
        )
    channels = [n for n in range(len(rows.columns)) if n != at]
    readings = [rows.values[n] for n in channels]
    if (step == 0.0).any():
        time, readings = _merged(rows, time, readings, time_name)
    # A power of ten is divided by, not multiplied with: 4816 µs are exactly the double of 0.004816.
    time_s = time / rows.columns[at].per_si
    return Recording(
        time_s,
        {
            rows.columns[n].channel: rows.columns[n].si(column)
            for n, column in zip(channels, readings, strict=True)
        },
    )


def _refuse_halves(rows: Rows) -> None:
    """Raise TableError for whole metres or radians before a comma: `0,84` is rather one number."""
    for (column, after), (values, others) in zip(pairwise(rows.columns), pairwise(rows.values), strict=True):
        both = np.concatenate((values, others))
        whole = (np.isnan(both) | (both == np.round(both))).all() and not (others < 0.0).any()
        there = np.flatnonzero(~np.isnan(values) & ~np.isnan(others))
        if column.unit in ("m", "rad") and whole and there.size:
            row = int(there[0])
            one, other = f"{values[row]:.0f}", f"{others[row]:.0f}"
            raise TableError(
                f"{rows.word} {rows.lines[row]}: {one} and {other} are {column.name} and {after.name}, or one"
                f" number {one},{other} with a decimal comma; separate the columns by ';' or a tab, or write"
                f" {column.name} with a point"
            )


def _merged(rows: Rows, time: Floats, values: list[Floats], time_name: str) -> tuple[Floats, list[Floats]]:
    """Rows of one time as one row: a logger that writes a row per sensor, or the same row twice."""
    number = np.concatenate(([0], np.cumsum(np.diff(time) > 0.0)))
    merged_time = time[np.concatenate(([True], np.diff(time) > 0.0))]
    merged = []
    for column in values:
        there = np.flatnonzero(~np.isnan(column))
        into = np.full(len(merged_time), np.nan)
        into[number[there]] = column[there]
        other = there[into[number[there]] != column[there]]
        if other.size:
            row = int(other[0])
            last = int(np.searchsorted(number, number[row], side="right")) - 1
            raise TableError(
                f"{rows.word}s {rows.lines[row]} and {rows.lines[last]}: {time_name} is {time[row]:.12g} in"
                f" both, with different readings ({len(merged_time)} times in {len(time)} rows); was the time"
                " rounded? Write it with more digits, or have the rows spread: plumbline import --spread"
            )
        merged.append(into)
    return merged_time, merged
