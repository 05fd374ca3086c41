"""Logs of lines that are no table: what a serial monitor or a logger wrote down, made into one.

12:59:54.010 -> 1042,0.8418                 the Arduino IDE's monitor, with its clock
[12:59:54.010][D][sensor:094]: 'Bar': …     ESPHome's log
t:1042 pos:0.84 m    {"t":1042,"pos":0.84}  serial plotters and JSON loggers, also with a clock as a text
1042 0.8418                                 separated by blanks, with a line of names above or none
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from edge.link.drivers.fields import Field, bare, readings
from station.errors import TableError

MOST_BANNER = 50  # lines a board says before its readings
ALIKE = 3  # lines in a row, and they are readings
CLOCK = re.compile(  # a date, a clock of a day or of minutes, am or pm, an offset
    r"(?:(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4})[T,]?\s*)?"
    r"(?:(\d{1,2}):)?(\d{1,2}):(\d{2}(?:[.,]\d{1,9})?)(?:\s*([AaPp])\.?[Mm]\.?)?\s*(Z|[+-]\d{2}:?\d{2})?"
)
_STAMP = re.compile(
    r"(?P<monitor>\d{1,2}:\d{2}:\d{2}[.,]\d{1,6})\s*->\s?|\[(?P<esphome>\d{1,2}:\d{2}:\d{2}(?:\.\d{1,6})?)\](?=\[)"
)


class Log(NamedTuple):
    """A log as a table: its columns' names, and its lines with a tab between the cells."""

    names: list[str]
    text: str
    by_commas: bool  # numbers without labels were parted by commas, which may be decimal ones


class _Cut(NamedTuple):
    stamp: str
    fields: list[Field]

    @property
    def shape(self) -> tuple[object, ...]:
        return bool(self.stamp), *((one.label, one.unit) for one in self.fields)


def log_of(text: str) -> Log | None:
    """A log of lines as a table with the same lines; None where it is a table already, or no log.

    Raises TableError for a line that is not like those above it, and for one that can be read in two ways.
    """
    lines = re.split(r"\r\n|\r|\n", text)
    there = [n for n, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")]
    cuts = [_cut(lines[n]) for n in there[:MOST_BANNER]]
    runs = (k for k in range(len(cuts) - ALIKE + 1) if _alike(cuts[k : k + ALIKE]))
    begin = next(runs, None)
    if begin is None or (first := cuts[begin]) is None:
        return None
    rows = [""] * len(lines)
    for n in there[begin:]:
        cut = _cut(lines[n])
        if cut is None or cut.shape != first.shape:
            raise TableError(
                f"line {n + 1}: {lines[n].strip()[:60]!r} is not like the lines above it; delete it"
            )
        said = [one.said.replace(" ", "") for one in cut.fields]
        rows[n] = "\t".join([cut.stamp, *said] if cut.stamp else said)
    labels = [one.label for one in first.fields]
    if any(labels) and not all(labels):
        raise TableError(
            f"line {there[begin] + 1}: {lines[there[begin]].strip()[:60]!r} has a number without a label: the"
            " decimals of the one before it, or another; write decimals with a point, or every label"
        )
    names = [f"{one.label} ({one.unit})" if one.unit and one.label else one.label for one in first.fields]
    above = lines[there[begin - 1]].split() if begin else []
    if not any(labels) and not first.stamp and len(above) == len(names):
        names = above
    names = ["time", *names] if first.stamp else names
    by_commas = not any(labels) and "," in lines[there[begin]] and len(first.fields) > 1
    return Log([name or str(n) for n, name in enumerate(names, 1)], "\n".join(rows), by_commas)


def _alike(cuts: Sequence[_Cut | None]) -> bool:
    return len({None if one is None else one.shape for one in cuts}) == 1 and cuts[0] is not None


def _cut(line: str) -> _Cut | None:
    """A line's clock and numbers; None where it is a row of a table, or says no number."""
    stamp = _STAMP.match(line.lstrip())
    text = bare(line.lstrip()[stamp.end() :] if stamp else line)
    clock = (stamp["monitor"] or stamp["esphome"]) if stamp else ""
    for fields in readings(text):
        labelled = any(one.label for one in fields)
        numbers = [one for one in fields if one.is_number or (one.label and CLOCK.fullmatch(one.said))]
        if not any(one.is_number for one in numbers) or (
            len(numbers) < len(fields) and not (labelled and text[:1] == "{")
        ):
            continue
        by_blanks = len(fields) == len(text.split()) > 1 and not re.search(r",\s|[;\t]", text)
        if stamp or labelled or by_blanks:
            return _Cut(clock, numbers)
        return None
    return None
