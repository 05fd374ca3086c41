"""`plumbline import`: files of other programs into a recording, saying what was taken for what."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.link.columns import KNOWN
from edge.link.plausible import check_plausible
from edge.tools.foreign_files import (
    Meaning,
    chronojump_signal,
    from_header,
    meaning_of,
    refuse_known,
    told,
)
from edge.tools.log_lines import log_of
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
_CLOCK = re.compile(  # a date, a clock of a day or of minutes, am or pm, an offset
    r"(?:(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4})[T,]?\s*)?"
    r"(?:(\d{1,2}):)?(\d{1,2}):(\d{2}(?:[.,]\d{1,9})?)(?:\s*([AaPp])\.?[Mm]\.?)?\s*(Z|[+-]\d{2}:?\d{2})?"
)
_DAY_S = 86_400.0


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
        time_s, channels, notes = _read(text, args.column, args.rate, args.spread)
        check_plausible(time_s, channels, [KNOWN[name] for name in ("time_s", *channels)])
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RecordingError(f"{args.file}: cannot be read ({reason}); give the path of a file") from error
    except TableError as error:
        raise RecordingError(f"{args.file}: {error}") from error
    _write(args.output, time_s, channels)
    for note in notes:
        print(note)
    span_s = time_s[-1] - time_s[0]
    print(f"{args.output}: {len(time_s)} rows of {', '.join(channels)} over {span_s:.1f} s")
    return 0


def _read(
    text: str, words: Sequence[str], rate_hz: float | None, spread: bool
) -> tuple[Floats, dict[str, Floats], list[str]]:
    steps_mm = chronojump_signal(text) if not words else None
    if steps_mm is not None:
        note = "a Chronojump encoder signal: millimetres of each millisecond"
        return np.arange(len(steps_mm)) / 1e3, {"position_m": np.cumsum(steps_mm) / 1e3}, [note]
    log = log_of(text)
    if log is not None:
        table = Table(log.text, separator="\t")
        names, by_commas = log.names, log.by_commas
    else:
        table = Table(from_header(text))
        names, by_commas = table.header, False
        if all(re.fullmatch(r"[+-]?[\d.,]+", name) for name in names):
            names, by_commas = [str(n) for n in range(1, len(names) + 1)], table.separator == ","
    rows = list(table.rows())
    if names is not table.header:  # the first line is a reading
        rows.insert(0, (table.header_line, list(table.header)))
    refuse_known(names, table.header_line)
    columns = _meanings(names, words, rows[0][1] if rows else [], timed=rate_hz is None)
    if by_commas:
        _refuse_halves(columns, rows)
    columns = {at: meaning for at, meaning in columns.items() if meaning.channel}
    mark = table.decimal_mark(list(columns))
    values = {meaning.channel: _values(rows, at, names[at], meaning, mark) for at, meaning in columns.items()}
    notes = [
        f"{names[at]!r} is {meaning.said}" for at, meaning in columns.items() if names[at] != meaning.said
    ]
    unused = [name for at, name in enumerate(names) if name and at not in columns]
    notes += [f"not used: {', '.join(unused)}"] if unused else []
    if not rows:
        raise TableError("no samples below the header; was the file cut short?")
    time_s = values.pop("time_s", None)
    if time_s is None:
        time_s = np.arange(len(rows)) / (rate_hz or 1.0)
    order = np.diff(time_s)
    if np.isnan(time_s).any() or (order < 0.0).any():
        row = int(np.argmax(np.isnan(time_s))) if np.isnan(time_s).any() else int(np.argmax(order < 0.0)) + 1
        raise TableError(f"line {rows[row][0]}: the time is missing or goes back; cut the file there")
    if (order == 0.0).any():
        if not spread:
            row = int(np.argmax(order == 0.0))
            raise TableError(
                f"lines {rows[row][0]} and {rows[row + 1][0]} have one time; were the times rounded?"
                " --spread spreads such rows evenly up to the next time"
            )
        time_s = _spread(time_s)
        notes.append("rows that share a time were spread evenly: their times are good to that step only")
    return time_s, values, notes


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
            if meaning == "time_s" and at < len(first) and _CLOCK.fullmatch(first[at]):
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
    clock = meaning.channel == "time_s" and bool(rows) and _CLOCK.fullmatch(rows[0][1][at]) is not None
    values = np.empty(len(rows))
    days, day = 0, None
    for n, (line, cells) in enumerate(rows):
        try:
            if not clock:
                values[n] = number(cells[at], "," if mark == "," else ".")
                continue
            of_day_s, said = _clock_s(cells[at])
        except ValueError:
            raise TableError(f"line {line}, column {name}: {cells[at][:40]!r} is not a number") from None
        wrapped = n > 0 and of_day_s + days * _DAY_S < values[n - 1] - _DAY_S / 2
        days += wrapped
        if day is not None and said != day and not wrapped:
            raise TableError(f"line {line}: the date goes from {day} to {said}; cut the file there")
        values[n], day = of_day_s + days * _DAY_S, said
    return values - values[0] if clock else np.multiply(values, meaning.si)


def _clock_s(cell: str) -> tuple[float, str]:
    """Seconds of the day, and the date and offset as they are written."""
    found = _CLOCK.fullmatch(cell)
    if found is None or (found[2] is None and not re.search("[.,]", found[4])):  # 12:30 may be either
        raise ValueError(cell)
    hours = int(found[2] or 0)
    if found[5]:
        hours = hours % 12 + (12 if found[5] in "Pp" else 0)
    of_day_s = hours * 3600.0 + int(found[3]) * 60.0 + float(found[4].replace(",", "."))
    return of_day_s, " ".join(part for part in (found[1], found[6]) if part)


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
