"""Any device that prints a line of numbers per reading, as `columns` in the station file names them.

    columns = ["time_ms", "position_m", "", "force_n"]

    1042,0.531,ready,612.4
    1042;0,531;ready;612,4
    t:1042,pos:0.531,state:ready,F:612.4
    {"t": 1042, "pos": 0.531, "state": "ready", "F": 612.4}

How lines can look is drawn in `edge.link.drivers.fields`. An empty field, or one that says nan, is no value.
A column named "" is passed over. A unit behind a number holds; labels must stay the same from line to line.
With a column time_s, time_ms or time_us the device's own clock counts, u32 or not; without one the samples
are numbered (station.timing). A number is in the channel's unit until the station file has a calibration.

`0,8418` may be one number or two, and `1042,612` a time and a force: position 0 is a number too. Such a line
is not read until `decimal` in the station file, a number with a point, a label or a unit settles it.
"""

import math
import re

from edge.link.drivers.fields import COMMA_DOUBT, UNITS, Field, bare, is_log, is_short_comma, readings
from edge.link.drivers.lines import NOTHING, STRANGE_LINES, LineDriver, Reading
from station.config import StationFile
from station.ports import TIME_UNITS, Port

_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,15}(?:\.[0-9]{0,15})?|\.[0-9]{1,15})(?:[eE][+-]?[0-9]{1,2})?")
_SHORT = re.compile(r"[+-]?[0-9]{1,3}")  # beyond a thousand a fraction is less than a thousandth
_STRONG = re.compile(r"[;\t|]")
FINE_COUNTS = 100.0  # per metre, radian or newton: a fraction of a count is nothing


class CsvLines(LineDriver):
    """Lines of numbers to channels."""

    name = "CSV lines"
    encoding = "utf-8"

    def __init__(self, port: Port, station: StationFile) -> None:
        """Raises CalibrationError for a calibration that cannot be."""
        super().__init__(port, station)
        self._columns = port.columns
        self._index = [self.channels.index(c) if c in self.channels else -1 for c in port.columns]
        self._comma = port.decimal == ","
        self._points = port.decimal == "."  # or a number with a decimal point has been seen
        self._decimals: int | None = None  # digits behind the comma of a line that is one number
        self._labels: list[str] | None = None
        self._rival: list[str] = []  # other labels, of lines that could be read as well
        self._rivals = 0

    def read_line(self, text: str) -> Reading | None:
        """See LineDriver.read_line."""
        plain = text.split(",")
        if len(plain) == len(self._columns) and not self._comma and all(map(_NUMBER.fullmatch, plain)):
            return self._reading([Field("", said) for said in plain], plain)
        text = bare(text)
        for fields in readings(text, words=True, commas=not self._comma):
            if len(fields) == len(self._columns):
                reading = self._reading(fields, plain if not _STRONG.search(text) else [text])
                if reading is not None:
                    return reading
        if self._port.decimal is None and re.search(r"\d,\d", text) and not re.search(r"\d\.\d", text):
            self._doubt = self._doubt or COMMA_DOUBT
        return NOTHING if is_log(text) else None

    def _reading(self, fields: list[Field], plain: list[str]) -> Reading | None:
        """The fields by their columns; plain: the line as commas cut it."""
        labels = [one.label for one in fields]
        if self._labels is not None and labels != self._labels:
            self._meet(labels, fields)
        if self._rivals >= STRANGE_LINES:
            both = ",".join(self._labels or ()), ",".join(self._rival)
            self._doubt = ", as lines of {!r} and of {!r} come in turn and either would do".format(*both)
        if self._labels not in (None, labels) or self._rivals >= STRANGE_LINES:
            return None
        self._points = self._points or any("." in one.said for one in fields if one.is_number)
        if self._is_cut_number(fields, plain):
            self._doubt = COMMA_DOUBT
            return None
        t_us: int | None = None
        values: list[tuple[int, float]] = []
        for column, index, one in zip(self._columns, self._index, fields, strict=True):
            if not column:
                continue
            number = self._number(column, index, one)
            if number is None:
                return None
            if index < 0:
                t_us = round(number)
            elif not math.isnan(number):
                values.append((index, self.plausible(index, number)))
        if any(labels):
            self._labels = labels
        return Reading(t_us, tuple(values))

    def _meet(self, labels: list[str], fields: list[Field]) -> None:
        """Count a line with other labels that could be read as well."""
        numbers = [
            self._number(column, index, one)
            for column, index, one in zip(self._columns, self._index, fields, strict=True)
            if column
        ]
        if all(number is not None and not math.isnan(number) for number in numbers):
            self._rivals = self._rivals + 1 if labels == self._rival else 1
            self._rival = labels

    def _number(self, column: str, index: int, one: Field) -> float | None:
        """The number of a field in its column's unit, a time in microseconds; None: it is no such number."""
        if not one.is_number:
            return None
        if index >= 0:
            return self.scaled(index, one.number, one.unit)
        factor = UNITS["time"].get(one.unit) if one.unit else TIME_UNITS[column]
        return one.number * factor if factor is not None and abs(one.number) < 1e15 else None

    def _is_cut_number(self, fields: list[Field], plain: list[str]) -> bool:
        """Whether a comma may be within a number: `0,8418` below a length and a column passed over."""
        if self._comma:
            return False
        if len(fields) == 1 < len(plain):
            return not self._is_one_number(fields[0], plain)
        if self._points or len(fields) != len(plain):
            return False
        for at in range(len(plain) - 1):
            column, index, one = self._columns[at], self._index[at], fields[at]
            if not column or one.unit or not _SHORT.fullmatch(one.said) or not plain[at + 1][:1].isdigit():
                continue
            # A clock of less than a second before counts is one that was just switched on.
            scaled = self._index[at + 1] if column in ("time_ms", "time_us") else index
            scale = self._scales[scaled] if scaled >= 0 else None
            coarse = scale is None or abs(scale.counts_per_unit) < FINE_COUNTS
            if coarse and (not self._columns[at + 1] or column.endswith(("_m", "_rad")) or index < 0):
                return True
        return False

    def _is_one_number(self, one: Field, plain: list[str]) -> bool:
        """Whether the only field of a line that a comma could cut is one number all the same."""
        if not one.is_number or not one.said or "," not in one.said:
            return True  # the comma is elsewhere: in a label, or at the end
        if one.unit:
            return is_short_comma(one)
        if self._decimals is None:
            self._decimals = len(plain[-1])
        elif self._decimals != len(plain[-1]):
            self._decimals = -1  # no format of a fixed number of digits: two numbers, perhaps
        return bool(one.label) and len(plain) == 2 and self._decimals > 0
