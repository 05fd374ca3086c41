"""What the station file would have to say for lines of text to be read: proposed from a few of them."""

import re
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from edge.link.drivers.csv_lines import CsvLines
from edge.link.drivers.fields import UNITS, Field, bare, readings
from edge.link.drivers.hx711 import Hx711
from station.config import StationFile
from station.errors import ConfigError
from station.ports import MAX_PATTERN_CHARS, TIME_UNITS, Port, check_port

_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?")
_WORDS = (
    ("force_n", r"force|weight|load|cell|tension|peso|kraft|gewicht|\bf\b"),
    ("tether_angle_rad", r"angle|tilt|pitch|winkel"),
    ("position_m", r"pos|enc|dist|length|travel|height|weg"),
    ("time_ms", r"milli|\bms\b|\btime\b|\bt\b|stamp"),
    ("time_us", r"micros|\bus\b"),
)
_FIRST = {"barbell": ("position_m", "force_n"), "cable": ("position_m", "force_n"), "band": ("force_n",)}


def propose(lines: Sequence[str], port: Port, station: StationFile) -> list[str]:
    """Lines for [[ports]] that read the newest of `lines`, best first; more than one where it can be read in
    two ways, none where there is no number in it. Each has been tried on the lines.
    """
    usual = (port.channel,) if port.channel else _FIRST[station.station.kind]
    port = msgspec.structs.replace(port, pattern=None, channel=None, columns=[], decimal=None)
    texts = [bare(line) for line in lines if bare(line)]
    if not texts or not _NUMBER.search(texts[-1]):
        return []
    found: list[str] = []
    for fields in readings(texts[-1]):
        columns = _columns(fields, texts, usual)
        one = msgspec.structs.replace(port, driver="csv", columns=columns)
        if not any(column and column not in TIME_UNITS for column in columns):
            continue
        said = ", ".join(f'"{column}"' for column in columns)
        if _reads(one, texts, station):
            found.append(f'driver = "csv", columns = [{said}]')
        elif _reads(msgspec.structs.replace(one, decimal=","), texts, station):
            found.append(f'driver = "csv", columns = [{said}], decimal = ","')
    if not found:
        # Of lines that come in turn, those of the channel.
        texts = [text for text in texts if any(_named(one) == usual[0] for one in _first(text))] or texts
        pattern = _pattern(texts, usual[0])
        channel = usual[0] if "(?P<value>" in pattern else None
        one = msgspec.structs.replace(port, driver="hx711", pattern=pattern, channel=channel)
        if _reads(one, texts, station):
            named = f'channel = "{channel}", ' if channel else ""
            found.append(f"driver = \"hx711\", {named}pattern = '{pattern}'")
    return list(dict.fromkeys(found))[:2]


def _first(text: str) -> Sequence[Field]:
    return next(readings(text), [])


def _reads(port: Port, texts: Sequence[str], station: StationFile) -> bool:
    """Whether the newest line gives a value by this port; the oldest may have been cut."""
    try:
        check_port(port)
    except ConfigError:
        return False
    driver = (CsvLines if port.driver == "csv" else Hx711)(port, station)
    reading = None
    for text in texts[1:] or texts:
        reading = driver.read_line(text)
    return reading is not None and bool(reading.values)


def _columns(fields: Sequence[Field], texts: Sequence[str], usual: Sequence[str]) -> list[str]:
    """A channel, a time or "" for each field, by its unit, its label or its place."""
    free = list(usual)
    columns: list[str] = []
    for at, one in enumerate(fields):
        name = _named(one) if one.is_number else ""
        if name is None and at == 0 and len(fields) > 1 and _rises(texts, len(fields)):
            name = "time_ms"
        if name is None:
            name = free[0] if free else ""
        if name.startswith("time_") and any(column.startswith("time_") for column in columns):
            name = ""
        if name in columns:
            name = ""
        if name in free:
            free.remove(name)
        columns.append(name)
    return columns


def _named(one: Field) -> str | None:
    """What a field says of itself; None where nothing."""
    if one.unit:
        kind = next((kind for kind, units in UNITS.items() if one.unit in units), None)
        if kind == "time":
            return f"time_{one.unit}" if f"time_{one.unit}" in TIME_UNITS else ""
        return {"m": "position_m", "n": "force_n", "rad": "tether_angle_rad", None: ""}[kind]
    if not one.label:
        return None
    word = re.sub(r"[_\d]+", " ", one.label.lower())
    return next((name for name, words in _WORDS if re.search(words, word)), None)


def _rises(texts: Sequence[str], count: int) -> bool:
    """Whether the first field of the lines is a whole number that grows, as a clock does."""
    cuts = [next((f for f in readings(text) if len(f) == count), None) for text in texts[-6:]]
    return _grows([[cut[0].said] for cut in cuts if cut is not None and cut[0].said.isdigit()])


def _pattern(texts: Sequence[str], channel: str) -> str:
    """A regular expression for lines like the newest: a clock if the first number grows, and the value.

    A length with decimals is in metres; any other number is of no unit until the channel is calibrated.
    """
    text = texts[-1]
    numbers = list(_NUMBER.finditer(text))
    clock = len(numbers) > 1 and _grows([_NUMBER.findall(one)[:1] for one in texts[-6:]])
    if clock and "," in numbers[0][0]:  # 1042,0,8418
        numbers = list(re.finditer(r"^[0-9]+|" + _NUMBER.pattern, text))
    name = channel if channel.endswith("_m") and re.search("[.,]", numbers[clock][0]) else "value"
    groups = [r"(?P<time_ms>\d+)"] * clock + [rf"(?P<{name}>[+-]?\d+(?:[.,]\d+)?)"]
    parts, end = [], 0
    for at, found in enumerate(numbers):
        parts.append(re.escape(text[end : found.start()]).replace(r"\ ", " "))
        parts.append(groups[at] if at < len(groups) else r"[+-]?[\d.,]+")
        end = found.end()
    parts.append(re.escape(text[end:]).replace(r"\ ", " "))
    return "".join(parts)[:MAX_PATTERN_CHARS].replace("'", ".")


def _grows(firsts: Sequence[Sequence[str]]) -> bool:
    """Whether the first numbers of the lines are whole ones, and each above the one before."""
    ticks = [int(found[0].split(",")[0]) for found in firsts if found and "." not in found[0]]
    return len(ticks) > 1 and all(b > a for a, b in pairwise(ticks))
