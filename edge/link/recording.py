"""Recordings: CSV (gzip or not) and Parquet, one column per channel, checked whole before use."""

import csv
import difflib
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.link.drivers import Samples
from station.config import CHANNELS
from station.distribution import install_with
from station.errors import RecordingError

Floats = NDArray[np.float64]

_TIME = "time_s"


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


def read_recording(path: Path) -> Recording:
    """Read and check a recording.

    Raises RecordingError naming the line and column: unreadable, empty, unknown or missing columns, a cell
    that is no number, time that does not rise.
    """
    if path.suffix == ".parquet":
        return _check(path, _read_parquet(path), first_line=1, word="row")
    return _check(path, _read_csv(path), first_line=2, word="line")


def _read_csv(path: Path) -> dict[str, Floats]:
    try:
        raw = path.read_bytes()
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        reason = error.strerror or str(error)
        raise RecordingError(f"{path}: cannot be read ({reason}); give a CSV or Parquet recording") from error
    except (EOFError, zlib.error) as error:
        raise RecordingError(f"{path}: the gzip data is damaged or cut short ({error})") from error
    except UnicodeDecodeError as error:
        raise RecordingError(
            f"{path}: not UTF-8 text at byte {error.start}; a recording is CSV (gzip or not) or .parquet"
        ) from error
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(rows)]
    except StopIteration:
        raise RecordingError(f"{path}: empty; the first line names the columns, {_TIME} among them") from None
    _check_header(path, header)
    try:
        body = list(rows)
    except csv.Error as error:
        raise RecordingError(f"{path}: line {rows.line_num}: {error}") from error
    while body and not body[-1]:
        body.pop()
    try:
        columns = list(zip(*body, strict=True)) if body else [() for _ in header]
        if body and len(columns) != len(header):
            raise ValueError
        return {
            name: np.array([cell or "nan" for cell in column], dtype=np.float64)
            for name, column in zip(header, columns, strict=True)
        }
    except ValueError:
        raise _bad_line(path, header, body) from None


def _bad_line(path: Path, header: list[str], body: list[list[str]]) -> RecordingError:
    """Find the first line that is not as the header says."""
    for line, row in enumerate(body, 2):
        if len(row) != len(header):
            return RecordingError(
                f"{path}: line {line} has {len(row)} cells, the header names {len(header)} columns"
            )
        for name, cell in zip(header, row, strict=True):
            try:
                float(cell or "nan")
            except ValueError:
                return RecordingError(
                    f"{path}: line {line}, column {name}: {cell[:40]!r} is not a number; "
                    "leave a cell empty where there is no sample"
                )
    return RecordingError(f"{path}: not a table of numbers")


def _read_parquet(path: Path) -> dict[str, Floats]:
    try:
        from pyarrow import ArrowException, parquet  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise RecordingError(f"{path}: reading Parquet needs pyarrow; {install_with('parquet')}") from error
    try:
        table = parquet.read_table(path)
    except (OSError, ArrowException) as error:
        raise RecordingError(f"{path}: cannot be read as Parquet ({str(error).splitlines()[0]})") from error
    _check_header(path, table.column_names)
    columns = {}
    for name in table.column_names:
        try:
            columns[name] = table[name].to_numpy().astype(np.float64)
        except (TypeError, ValueError) as error:
            raise RecordingError(
                f"{path}: column {name} does not hold numbers but {table[name].type}"
            ) from error
    return columns


def _check_header(path: Path, header: list[str]) -> None:
    valid = (_TIME, *CHANNELS)
    for name in header:
        if name not in valid:
            near = difflib.get_close_matches(name, valid, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise RecordingError(
                f"{path}: line 1: unknown column {name[:40]!r}; {hint}valid are {', '.join(valid)}"
            )
    if len(set(header)) != len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise RecordingError(f"{path}: line 1: column {twice} is there twice")
    if _TIME not in header:
        raise RecordingError(f"{path}: line 1: column {_TIME} is missing; it is the one every recording has")
    if len(header) == 1:
        raise RecordingError(f"{path}: line 1: no channel beside {_TIME}; add one of {', '.join(CHANNELS)}")


def _check(path: Path, columns: dict[str, Floats], first_line: int, word: str) -> Recording:
    time_s = columns.pop(_TIME)
    if time_s.size == 0:
        raise RecordingError(f"{path}: no samples below the header")
    for name, values in ((_TIME, time_s), *columns.items()):
        bad = np.isinf(values) if name != _TIME else ~np.isfinite(values)
        if bad.any():
            row = int(np.argmax(bad))
            raise RecordingError(
                f"{path}: {word} {row + first_line}, column {name}: {values[row]} is no reading; "
                + ("every row needs its time" if name == _TIME else "leave the cell empty")
            )
    falls = np.flatnonzero(np.diff(time_s) <= 0.0)
    if falls.size:
        row = int(falls[0]) + 1
        raise RecordingError(
            f"{path}: {word} {row + first_line}: {_TIME} goes from {time_s[row - 1]:g} to {time_s[row]:g}; "
            "device time rises strictly"
        )
    if time_s[0] < 0.0:
        raise RecordingError(
            f"{path}: {word} {first_line}: {_TIME} is {time_s[0]:g}; it starts at 0 or later"
        )
    return Recording(time_s, columns)
