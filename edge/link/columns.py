"""Column names of a recording: a channel and its unit."""

import difflib
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from station.config import CHANNELS
from station.errors import TableError

Floats = NDArray[np.float64]

TIME = "time_s"
G_MPS2 = 9.80665  # standard gravity, CGPM 1901: a kilogram-force is this many newtons
LBF_N = 4.4482216152605  # pound-force: 0.45359237 kg, international pound 1959, at standard gravity
# How many of a unit are one of the SI unit a channel is named by.
PER_SI: dict[str, dict[str, float]] = {
    "time": {"s": 1.0, "ms": 1e3, "us": 1e6},
    "m": {"m": 1.0, "mm": 1e3, "cm": 1e2},
    "rad": {"rad": 1.0, "deg": 180.0 / np.pi},
    "n": {"n": 1.0, "kgf": 1.0 / G_MPS2, "lbf": 1.0 / LBF_N},
}
_SPELT = {"µs": "us", "μs": "us", "°": "deg", "sec": "s", "seconds": "s", "newton": "n", "metres": "m"}


class Column(NamedTuple):
    """A column of a recording."""

    channel: str  # time_s or one of CHANNELS
    name: str  # as it stands in the file
    unit: str
    per_si: float

    def si(self, values: Floats) -> Floats:
        """Numbers of this column in the channel's unit."""
        return values if self.per_si == 1.0 else values / self.per_si


def _known() -> dict[str, Column]:
    found = {}
    for channel in (TIME, *CHANNELS):
        stem, _, unit = channel.rpartition("_")
        units = PER_SI["time"] if channel == TIME else PER_SI[unit]
        for other, per_si in units.items():
            name = f"{stem}_{other}"
            found[name] = Column(channel, name, other, per_si)
    return found


KNOWN = _known()


def read_header(header: Sequence[str], where: str) -> tuple[Column, ...]:
    """The columns that a header names, empty names left out; capitals make no difference.

    Raises TableError, beginning with `where`, for unknown, missing and doubled ones.
    """
    columns: list[Column] = []
    seen: dict[str, str] = {}
    for name in header:
        if not name:
            continue
        column = KNOWN.get(name.lower())
        if column is None:
            raise TableError(f"{where}: {_unknown(header, name)}")
        if column.channel in seen:
            said = seen[column.channel]
            both = f"column {name} is there twice" if said == name else f"{said} and {name} are one channel"
            raise TableError(f"{where}: {both}; keep one")
        seen[column.channel] = name
        columns.append(column._replace(name=name))
    if TIME not in seen:
        raise TableError(
            f"{where}: column {TIME} is missing (time_ms and time_us will do); every recording has one"
        )
    if len(columns) == 1:
        raise TableError(f"{where}: no channel beside {seen[TIME]}; add one of {', '.join(CHANNELS)}")
    return tuple(columns)


def _unknown(header: Sequence[str], name: str) -> str:
    if len(header) == 1 and re.search(r"[\s|]", name):
        return f"the columns are not separated by ',' ';' or a tab: {name[:60]!r}"
    near = difflib.get_close_matches(name.lower(), KNOWN, n=1, cutoff=0.75)
    valid = f"valid are {TIME}, {', '.join(CHANNELS)}; also in _ms and _us, _mm and _cm, _deg, _kgf and _lbf"
    hint = f"did you mean {near[0]}? " if near else ""
    return f"unknown column {name[:40]!r}; {hint}{valid}. `plumbline import` reads other programs' files"


def check_units_row(cells: Sequence[str], header: Sequence[str], line: int) -> bool:
    """Whether a row names the units of the columns above. Raises TableError where the two differ."""
    words = [re.sub(r"[\s\[\](){}]", "", cell).lower() for cell in cells]
    units = [_SPELT.get(word, word) for word in words]
    every = {unit for some in PER_SI.values() for unit in some} | {""}
    if not any(units) or any(unit not in every for unit in units):
        return False
    for unit, name in zip(units, header, strict=True):
        column = KNOWN.get(name.lower())
        if unit and column is not None and unit != column.unit:
            kind = column.channel.rpartition("_")[0]
            raise TableError(
                f"line {line}: the column {name} is said to be in {unit}; if the numbers are in {unit},"
                f" name it {kind}_{unit}, if they are in {column.unit}, delete this line"
            )
    return True
