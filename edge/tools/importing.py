"""`plumbline import`: files of other programs into a recording, saying what was taken for what."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.link.columns import Column
from edge.link.plausible import check_plausible
from edge.link.recording import Rows, checked
from edge.tools.foreign_files import (
    Meaning,
    chronojump_signal,
    from_header,
    meaning_of,
    refuse_known,
    told,
    with_units,
)
from edge.tools.log_lines import CLOCK, log_of
from station.config import CHANNELS
from station.errors import RecordingError, TableError
from station.program.process import whole_file
from station.program.usage import command_parser
from station.text.encoding import RECORDING_MB, read_whole
from station.text.tables import Table, number, text_of

Floats = NDArray[np.float64]

EXAMPLES = """\
examples:
  plumbline import force.csv -o set.csv                          Chronojump: Time (micros);Force(N)
  plumbline import signal.txt -o set.csv                         Chronojump encoder: millimetres a millisecond
  plumbline import log.csv -o set.csv --column Distance=position_mm --column 1=time_ms
  plumbline import log.csv -o set.csv --spread                   rows that share a rounded time, spread evenly
  plumbline import log.txt -o set.csv --rate 100 --column 1=position_mm
"""
_DAY_S = 86_400.0
_HOUR_S = 3600.0


def import_command(argv: Sequence[str]) -> int:
    """`plumbline import`."""
    parser = command_parser(
        "import",
        "Make a recording of another program's file, and say what was taken for what. Nothing is guessed that"
        " the file does not say: a column without a unit has to be told with --column.",
        EXAMPLES,
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.csv")
    parser.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="NAME=CHANNEL",
        help="what a column (by name or number) is: a channel with its unit, such as position_mm, or none",
    )
    parser.add_argument("--rate", type=float, metavar="HZ", help="samples a second, where there is no time")
    parser.add_argument("--spread", action="store_true", help="spread rows that share a rounded time")
    args = parser.parse_args(argv)
    if args.rate is not None and not 0.0 < args.rate <= 10_000.0:
        parser.error(f"--rate is {args.rate:g}; it must be above 0 and at most 10000")
    try:
        text = text_of(read_whole(args.file, RECORDING_MB))
        rows, notes = _read(text, args.column, args.rate, args.spread)
        recording = checked(rows)
        time_s, channels = recording.time_s, recording.columns
        check_plausible(time_s, channels, rows.columns)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RecordingError(f"{args.file}: cannot be read ({reason}); give the path of a file") from error
    except TableError as error:
        raise RecordingError(f"{args.file}: {error}") from error
    if args.output.exists() and args.output.samefile(args.file):
        raise RecordingError(f"{args.output}: the file that is read; give another name, and keep what it was")
    _write(args.output, time_s, channels)
    for note in notes:
        print(note)
    span_s = time_s[-1] - time_s[0]
    print(f"{args.output}: {len(time_s)} rows of {', '.join(channels)} over {span_s:.1f} s")
    return 0


def _read(text: str, words: Sequence[str], rate_hz: float | None, spread: bool) -> tuple[Rows, list[str]]:
    """The rows of a file and their columns, and what was taken for what."""
    steps_mm = chronojump_signal(text) if not words else None
    if steps_mm is not None:
        note = "a Chronojump encoder signal: millimetres of each millisecond"
        count = len(steps_mm)
        made = (Column("time_s", "time", "ms", 1e3), Column("position_m", "signal", "mm", 1e3))
        return Rows(made, [np.arange(count, dtype=np.float64), np.cumsum(steps_mm)], range(count)), [note]
    log = log_of(text)
    if log is not None:
        table = Table(log.text, separator="\t")
        names, by_commas = log.names, log.by_commas
    else:
        table = Table(from_header(text))
        names, by_commas = table.header, False
        if all(re.fullmatch(r"[+-]?[\d.,]+", name) for name in names):
            names, by_commas = [str(n) for n in range(1, len(names) + 1)], table.separator == ","
    cells = list(table.rows())
    if names is not table.header:  # the first line is a reading
        cells.insert(0, (table.header_line, list(table.header)))
    elif cells and (joined := with_units(names, cells[0][1], cells[0][0])) is not None:
        names = joined
        del cells[0]
    refuse_known(names, table.header_line)
    meanings = _meanings(names, words, cells[0][1] if cells else [], timed=rate_hz is None)
    if by_commas:
        _refuse_halves(meanings, cells)
    meanings = {at: meaning for at, meaning in meanings.items() if meaning.channel}
    mark = table.decimal_mark(list(meanings))
    columns = [
        Column(meaning.channel, names[at] or str(at + 1), meaning.said.rpartition("_")[2], 1.0 / meaning.si)
        for at, meaning in meanings.items()
    ]
    values = [_values(cells, at, names[at], meaning, mark) for at, meaning in meanings.items()]
    notes = [
        f"{names[at]!r} is {meaning.said}" for at, meaning in meanings.items() if names[at] != meaning.said
    ]
    unused = [name for at, name in enumerate(names) if name and at not in meanings]
    notes += [f"not used: {', '.join(unused)}"] if unused else []
    if all(column.channel != "time_s" for column in columns):
        columns.append(Column("time_s", "time", "s", 1.0))
        values.append(np.arange(len(cells)) / (rate_hz or 1.0))
    elif spread and cells:
        at = next(n for n, column in enumerate(columns) if column.channel == "time_s")
        if (np.diff(values[at]) == 0.0).any():
            values[at] = _spread(values[at])
            notes.append("rows that share a time were spread evenly: their times are good to that step only")
    commas = table.separator == "," and not table.has_point
    return Rows(tuple(columns), values, np.array([line for line, _ in cells]), by_commas=commas), notes


def _refuse_halves(columns: dict[int, Meaning], rows: Sequence[tuple[int, list[str]]]) -> None:
    """Raise TableError where a comma between columns without names may be a decimal one."""
    for at, meaning in columns.items():
        after = at + 1
        if meaning.channel in ("", "time_s") or after in columns or after >= len(rows[0][1]):
            continue
        if all(cells[after].isdecimal() and cells[at].lstrip("+-").isdecimal() for _, cells in rows):
            line, cells = rows[0]
            raise TableError(
                f"line {line}: {cells[at]!r} and {cells[after]!r} are two numbers, or one,"
                f" {cells[at]}.{cells[after]} with a decimal comma; write decimals with a point, or say"
                f" --column {after + 1}=none if they are two"
            )


def _meanings(
    names: Sequence[str], words: Sequence[str], first: Sequence[str], timed: bool
) -> dict[int, Meaning]:
    """Column to meaning: what the command line says, and what the names and the first row do."""
    columns = dict(told(word, names) for word in words)
    taken = {meaning.channel for meaning in columns.values()}
    for at, name in enumerate(names):
        meaning = meaning_of(name)
        channel = meaning.channel if isinstance(meaning, Meaning) else meaning
        if at in columns or meaning is None or channel in taken:
            continue
        if isinstance(meaning, str):
            if meaning == "time_s" and at < len(first) and CLOCK.fullmatch(first[at]):
                columns[at] = Meaning("time_s", 1.0, "a clock")
            else:
                stem, _, unit = meaning.rpartition("_")
                other = {"s": "ms", "m": "mm", "n": "kgf", "rad": "deg"}[unit]
                raise TableError(
                    f"the column {name!r} names no unit; say it, for example"
                    f" --column '{name}={stem}_{other}' or '{name}={stem}_{unit}'"
                )
            continue
        columns[at] = meaning
    channels = [meaning.channel for meaning in columns.values()]
    for channel in filter(None, channels):
        if channels.count(channel) > 1:
            both = [names[at] for at, meaning in columns.items() if meaning.channel == channel]
            raise TableError(f"{' and '.join(map(repr, both))} are both {channel}; tell one with --column")
    there = ", ".join(repr(name) for name in names)
    if timed and "time_s" not in channels:
        raise TableError(f"no column is the time; say --column NAME=time_ms, or --rate; there are {there}")
    if not set(channels) - {"time_s", ""}:
        way = f"--column '{len(names)}=position_mm'" if names[-1].isdecimal() else "--column NAME=position_mm"
        raise TableError(f"no column is a channel; say {way}; there are {there}")
    return {at: columns[at] for at in sorted(columns)}


def _values(rows: Sequence[tuple[int, list[str]]], at: int, name: str, meaning: Meaning, mark: str) -> Floats:
    """The numbers of a column as they stand; of clocks, seconds from the first."""
    clock = meaning.channel == "time_s" and bool(rows) and CLOCK.fullmatch(rows[0][1][at]) is not None
    values = np.empty(len(rows))
    turns_s, day = 0.0, None
    for n, (line, cells) in enumerate(rows):
        try:
            if not clock:
                values[n] = number(cells[at], "," if mark == "," else ".")
                continue
            clock_s, turn_s, said = _clock_s(cells[at])
        except ValueError:
            raise TableError(f"line {line}, column {name}: {cells[at][:40]!r} is not a number") from None
        wrapped = n > 0 and clock_s + turns_s < values[n - 1] - turn_s / 2
        turns_s += turn_s if wrapped else 0.0
        if day is not None and said != day and not wrapped:
            raise TableError(f"line {line}: the date goes from {day} to {said}; cut the file there")
        values[n], day = clock_s + turns_s, said
    return values - values[0] if clock else values


def _clock_s(cell: str) -> tuple[float, float, str]:
    """Seconds of the day (of the hour where it names none), the length of either, and date and offset."""
    found = CLOCK.fullmatch(cell)
    if found is None or (found[2] is None and not re.search("[.,]", found[4])):  # 12:30 may be either
        raise ValueError(cell)
    hours = int(found[2] or 0)
    if found[5]:
        hours = hours % 12 + (12 if found[5] in "Pp" else 0)
    clock_s = hours * _HOUR_S + int(found[3]) * 60.0 + float(found[4].replace(",", "."))
    turn_s = _HOUR_S if found[2] is None else _DAY_S
    return clock_s, turn_s, " ".join(part for part in (found[1], found[6]) if part)


def _spread(time_s: Floats) -> Floats:
    """Rows of one time at equal steps up to the next time; the last ones by the step before."""
    starts = np.flatnonzero(np.concatenate(([True], np.diff(time_s) > 0.0)))
    counts = np.diff(np.concatenate((starts, [len(time_s)])))
    first = time_s[starts]
    gaps = np.diff(first)
    gaps = np.concatenate((gaps, gaps[-1:] if len(gaps) else [1.0]))
    within = np.arange(len(time_s)) - np.repeat(starts, counts)
    return np.repeat(first, counts) + within * np.repeat(gaps / counts, counts)


def _write(path: Path, time_s: Floats, channels: dict[str, Floats]) -> None:
    """The recording, whole or not at all. Raises RecordingError."""
    names = [name for name in CHANNELS if name in channels]
    try:
        with whole_file(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
            file.write(",".join(["time_s", *names]) + "\n")
            for n, at_s in enumerate(time_s.tolist()):
                cells = (channels[name][n] for name in names)
                file.write(f"{at_s:.6f}," + ",".join("" if np.isnan(c) else f"{c:.7g}" for c in cells) + "\n")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RecordingError(f"{path}: cannot be written ({reason}); give a path you may write to") from error
