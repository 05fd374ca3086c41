"""Files of other programs: what their columns are, as far as the names say it.

Known by their own names, and where the format was found:

* Chronojump force sensor: `Time (micros);Force(N)`, decimal comma in some countries before 2.0.3
  (GNOME/chronojump, src/gui/app1/forceSensor.cs).
* Chronojump encoder signal: the millimetres of each millisecond, separated by commas, often with one at the
  end (GNOME/chronojump, encoder/graph.R: `scan(file, sep=",")`).
* Chronojump filtered signal: `Time (ms);Raw coordinate (mm);Filtered coordinate (mm);…` (butterworth/).
* Any log with a name and a unit for each column: `Time (ms)`, `Position [mm]`, `Weight (kg)`, `force/N`.

Refused as what they are: tables of reps, which hold no positions, of the OpenBarbell and RepOne apps
(squatsandsciencelabs/OpenBarbellApp and RepOnePersonal, CSVConverter.js), Vitruve, GymAware (a line about the
set, then `Row Type,Rep Number,…`) and Chronojump (encoder/graph.R), the last two by the columns that programs
which read them name; Chronojump's reps side by side (graph.R, exportCSV), with no time between them; and its
race analyzer.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.link.columns import G_MPS2, KNOWN, LBF_N
from station.errors import TableError
from station.text.tables import SEPARATORS

Floats = NDArray[np.float64]

CHRONOJUMP_STEP_MM = 20  # in a millisecond; more than this is no displacement of a bar
MOST_ABOVE = 50  # lines above a header
ALIKE = 3  # rows of numbers below each other, and they are readings
LEAST_BY_REP = 2  # names of a rep's numbers, and a row is a rep
CHRONOJUMP_LEAST = 200  # values: less than a fifth of a second is no set

_QUANTITIES = {
    "time_s": (
        *("time", "t", "timestamp", "datetime", "date time", "clock", "elapsed", "elapsed time", "zeit"),
        *("zeitstempel", "uhrzeit", "tiempo", "hora", "temps", "heure", "horodatage", "tempo", "ora"),
    ),
    "position_m": (
        *("position", "pos", "distance", "dist", "displacement", "height", "travel", "length"),
        *("raw coordinate", "weg", "hohe", "posicion", "distancia", "altura", "desplazamiento", "posizione"),
        *("distanza", "altezza", "spostamento", "deplacement", "hauteur", "posicao", "deslocamento"),
    ),
    "force_n": (
        *("force", "load", "tension", "weight", "fuerza", "kraft", "forza", "forca"),
        *("gewicht", "peso", "carga", "carico", "charge", "poids"),
    ),
    "tether_angle_rad": ("tether angle", "angle", "tilt"),
}
_UNITS: Mapping[str, Mapping[str, float]] = {  # the SI unit of one
    "time_s": {"s": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0},
    "position_m": {"m": 1.0, "mm": 1e-3, "cm": 1e-2, "in": 0.0254, "ft": 0.3048},
    "force_n": {
        "n": 1.0,
        "kn": 1e3,
        "kgf": G_MPS2,
        "kg": G_MPS2,
        "g": G_MPS2 / 1e3,
        "lbf": LBF_N,
        "lb": LBF_N,
    },
    "tether_angle_rad": {"rad": 1.0, "deg": np.pi / 180.0},
}
_SPELT = {
    **dict.fromkeys(("sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("msec", "millis", "milliseconds"), "ms"),
    **dict.fromkeys(("µs", "μs", "usec", "useconds", "micros", "microseconds"), "us"),
    **dict.fromkeys(("metre", "metres", "meter", "meters"), "m"),
    **dict.fromkeys(("inch", "inches", '"'), "in"),
    **dict.fromkeys(("feet", "foot"), "ft"),
    **dict.fromkeys(("newton", "newtons"), "n"),
    **dict.fromkeys(("lbs", "pounds"), "lb"),
    **dict.fromkeys(("°", "degree", "degrees"), "deg"),
}
_ALONE = {"millis": ("time_s", "ms"), "micros": ("time_s", "us"), "seconds": ("time_s", "s")}
_BY_REP = re.compile(
    r"(mean|avg|average|peak|max|mean propulsive).{0,12}(velocity|speed|power)|velocidad"
    r"|range of motion|^rom\b"
    r"|^rep( ?#| ?num.*|etition.*)?$|^set( ?#| ?num.*)?$|1rm",
    re.IGNORECASE,
)
_SIDE_BY_SIDE = re.compile(r"DIST\. \+ \d+ \(mm\)")


class Meaning(NamedTuple):
    """The channel and unit of a column of a foreign file."""

    channel: str  # time_s or a channel of a recording
    si: float  # the channel's unit in one of the file's
    said: str  # as a person would write it: position_mm


def meaning_of(name: str) -> Meaning | str | None:
    """What a column's name says; a channel alone where it names no unit; None where it is nothing known."""
    known = KNOWN.get(name.lower())
    if known is not None:
        return Meaning(known.channel, 1.0 / known.per_si, known.name)
    if name.lower() in _ALONE:
        channel, unit = _ALONE[name.lower()]
        return Meaning(channel, _UNITS[channel][unit], f"{channel.rpartition('_')[0]}_{unit}")
    name = "".join(char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    found = re.fullmatch(r"(.+?)[\s_]*(?:[\[(/]\s*|[\s_])([^\s_()\[\]/]+)\s*[\])]?", name)
    stem, unit = (found[1], found[2].lower()) if found else (name, "")
    unit = _SPELT.get(unit, unit)
    for channel, words in _QUANTITIES.items():
        if re.sub(r"[\s_]+", " ", stem).strip().lower() in words and unit in _UNITS[channel]:
            return Meaning(channel, _UNITS[channel][unit], f"{channel.rpartition('_')[0]}_{unit}")
        if re.sub(r"[\s_]+", " ", name).strip().lower() in words:
            return channel
    return None


def with_units(names: Sequence[str], cells: Sequence[str], line: int) -> list[str] | None:
    """The names with their units, where a row below them names those; None where it is no such row.

    Raises TableError where a name and the row differ.
    """
    words = [re.sub(r"[\s\[\](){}]", "", cell).lower() for cell in cells]
    units = [_SPELT.get(word, word) for word in words]
    found = [meaning_of(name) for name in names]
    channels = [one.channel if isinstance(one, Meaning) else one for one in found]
    said = [(unit, channel) for unit, channel in zip(units, channels, strict=True) if channel and unit]
    if not said or any(unit not in _UNITS[channel] for unit, channel in said):
        return None
    joined = []
    for name, meaning, unit in zip(names, found, units, strict=True):
        if isinstance(meaning, Meaning) and unit and unit != meaning.said.rpartition("_")[2]:
            raise TableError(
                f"line {line}: the column {name!r} is said to be in {unit}; name it"
                f" {meaning.channel.rpartition('_')[0]}_{unit}, or delete this line"
            )
        joined.append(f"{name} ({unit})" if isinstance(meaning, str) and unit else name)
    return joined


def told(word: str, columns: Sequence[str]) -> tuple[int, Meaning]:
    """Parse a --column option such as `NAME=position_mm` or `2=time_ms`: the column and its meaning."""
    name, equals, said = word.rpartition("=")
    names = [one.lower() for one in columns]
    at = names.index(name.lower()) if name.lower() in names else -1
    if at < 0 and name.isdigit() and 0 < int(name) <= len(columns):
        at = int(name) - 1
    meaning = Meaning("", 1.0, said) if said.lower() == "none" else meaning_of(said)
    if not equals or at < 0:
        raise TableError(
            f"--column {word}: there is no column {name or word!r}; there are {', '.join(columns)}"
        )
    if not isinstance(meaning, Meaning):
        raise TableError(
            f"--column {word}: {said!r} is no channel with its unit; such as position_mm, time_ms"
        )
    return at, meaning


def from_header(text: str) -> str:
    """The text with blank lines for those above its header, such as a logger's name and settings.

    A header is known by its names, or stands above the first rows of numbers.
    """
    lines = text.split("\n")
    for n, line in enumerate(lines[:MOST_ABOVE]):
        for separator in SEPARATORS:
            names = [" ".join(cell.strip().strip('"').split()) for cell in line.split(separator)]
            if _is_log(names) or sum(bool(_BY_REP.search(name)) for name in names) >= LEAST_BY_REP:
                return "\n" * n + "\n".join(lines[n:])
    for n in range(1, min(len(lines), MOST_ABOVE)):
        if '"' in lines[n - 1]:  # a name may go on in the next line
            break
        for separator in SEPARATORS:
            rows = [line.strip().split(separator) for line in lines[n : n + ALIKE]]
            if len({len(row) for row in rows}) == 1 < len(rows[0]) and all(map(_are_numbers, rows)):
                begin = n - (len(lines[n - 1].split(separator)) == len(rows[0]))
                return "\n" * begin + "\n".join(lines[begin:])
    return text


def _are_numbers(cells: Sequence[str]) -> bool:
    return all(re.fullmatch(r"[+-]?[\d.,]+(?:[eE][+-]?\d+)?", cell.strip()) for cell in cells)


def refuse_known(names: Sequence[str], line: int) -> None:
    """Raise TableError for files of known programs in which no motion is to be counted."""
    found = [name for name in names if _BY_REP.search(name)]
    if any(_SIDE_BY_SIDE.fullmatch(name) for name in names):
        raise TableError(
            f"line {line}: Chronojump's export of reps side by side, without the time between"
            " them; give its signal file (.txt)"
        )
    if {"pulses", "time(useconds)"} <= {name.lower() for name in names}:
        raise TableError(f"line {line}: a file of Chronojump's race analyzer: a run, and no lift in it")
    if len(found) >= LEAST_BY_REP and not _is_log(names):
        raise TableError(
            f"line {line}: a table of reps ({', '.join(found[:4])}), as OpenBarbell, RepOne,"
            " Vitruve, GymAware and Chronojump export it; there are no positions in it to be counted again."
            " Give the samples, if the device has them"
        )


def _is_log(names: Sequence[str]) -> bool:
    """Whether one of the names is a time and another a channel, with unit or without."""
    meanings = [meaning_of(name) for name in names]
    channels = {one.channel if isinstance(one, Meaning) else one for one in meanings if one is not None}
    return "time_s" in channels and len(channels) > 1


def chronojump_signal(text: str) -> Floats | None:
    """The millimetres of each millisecond, where a file is such a signal and can be nothing else."""
    if re.fullmatch(r"[\s,0-9+-]*", text) is None or text.count(",") < CHRONOJUMP_LEAST:
        return None
    words = [word for word in re.split(r"[\s,]+", text) if word]
    try:
        steps_mm = np.array([int(word) for word in words], dtype=np.float64)
    except ValueError:
        return None
    rows = text.strip().count("\n") + 1
    if len(words) < CHRONOJUMP_LEAST or (1 < rows != len(words)):
        return None
    return steps_mm if np.abs(steps_mm).max() <= CHRONOJUMP_STEP_MM else None
