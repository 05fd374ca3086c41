"""Sketches that print an HX711 load-cell converter, one line per reading, in the three formats people copy.

    reading,0.0kg,-10.00                        weight; what follows is the sketch's calibration factor
    one reading:\\t12.3\\t| average:\\t12.1        the first number; 38400 baud
    8388607      or  12.34                      a plain number, counts or a unit of the sketch's own

or in any line of one labelled number (`Weight: 12,34 kg`, JSON, an ESPHome log: edge.link.drivers.fields), or
in any other, by `pattern` in the station file: a regular expression for a whole line whose group `value`
(or groups named as channels) and time_s, time_ms or time_us are read. A number without a unit gives no value
until the channel is calibrated. Without a time in the line the samples are numbered and put on the line that
fits under their receive times (station.timing.ratelock).

The converter answers -1 when it is read before it is ready, and now and then a bit too far or too short: such
readings are counted as spikes, a -1 that comes from nowhere gives no value.
"""

import re

from edge.link.drivers.fields import COMMA_DOUBT, UNITS, Field, bare, is_log, is_short_comma, readings
from edge.link.drivers.lines import NOTHING, LineDriver, Reading
from station.calibration import Scale, own_scale
from station.config import StationFile
from station.ports import TIME_UNITS, Port

FULL_SCALE = 2**23 - 1  # of 24 bits, at either end
SPIKE_FACTOR = 20.0  # of the usual step from reading to reading
SPURIOUS_FROM = 10.0  # a -1 further than this from the reading before

_NUMBER = r"[+-]?[0-9]{1,9}(?:\.[0-9]{1,8})?"
_USUAL = re.compile(
    rf"(?:reading,(?P<weight>{_NUMBER})(?P<unit>kg|lbs?|g),{_NUMBER},?"
    rf"|one reading:\t(?P<one>{_NUMBER})\t\| average:\t{_NUMBER}|(?P<plain>{_NUMBER}),?)"
)
# What a sketch prints beside its reading, or once when it starts.
_BESIDE = re.compile(
    r"(?i).*(?:average|avg|mean|calib|factor|offset|zero|tare|version|baud|gain|temp|batt|known|time|millis|rssi|signal).*"
)
MAX_LABELS = 16


class Hx711(LineDriver):
    """Lines of a sketch to newtons, or to the channel the station file names."""

    name = "HX711 sketch"
    unit = None
    encoding = "utf-8"

    def __init__(self, port: Port, station: StationFile) -> None:
        """Raises CalibrationError for a calibration that cannot be."""
        super().__init__(port, station)
        self._pattern = re.compile(port.pattern) if port.pattern is not None else None
        if self._pattern is not None:  # a group named as a channel has that channel's unit
            for index, name in enumerate(self.channels):
                if name in self._pattern.groupindex:
                    self._scales[index] = own_scale(name, station, Scale(0.0, 1.0))
        self._before: list[tuple[float, ...]] = [()] * len(self.channels)  # up to two readings
        self._usual_step = [0.0] * len(self.channels)
        self._label: str | None = None  # of the lines that are readings
        self._heard: dict[str, int] = {}

    def read_line(self, text: str) -> Reading | None:
        """See LineDriver.read_line."""
        if self._pattern is not None:
            return self._by_pattern(self._pattern, text)
        found = _USUAL.fullmatch(text)
        if found is None:
            return self._labelled(text)
        if found["unit"]:
            return self._reading(Field("", found["weight"], found["unit"]))
        return self._reading(Field("", found["one"] or found["plain"]))

    def _labelled(self, text: str) -> Reading | None:
        """Any other line of one number; NOTHING for a line beside the readings."""
        text = bare(text)
        comma = self._port.decimal == ","
        for fields in readings(text, commas=not comma):
            if len(fields) == 1 and "," in fields[0].said and not comma:
                # 12,34 without a word may be a time and a reading, and so may 1042,34 kg.
                unsure = not is_short_comma(fields[0]) if fields[0].unit else not fields[0].label
                if unsure or self._port.decimal == ".":
                    self._doubt = COMMA_DOUBT if unsure and self._port.decimal is None else ""
                    break
            told = [one for one in _with_labels(fields) if not _BESIDE.fullmatch(one.label)]
            if len(told) != 1 or not (one := told[0]).said:
                continue
            if one.unit and one.unit not in UNITS[self.channels[0].rpartition("_")[2]]:
                continue
            return self._reading(one) if self._is_reading(one.label) else NOTHING
        return NOTHING if is_log(text) else None

    def _is_reading(self, label: str) -> bool:
        """Whether this is the label of the readings: the first that comes twice."""
        if self._label is None and label:
            self._heard[label] = self._heard.get(label, 0) + 1
            if self._heard[label] < 2 and len(self._heard) <= MAX_LABELS:
                return False
        if self._label is None:
            self._label = label
        return label == self._label

    def _reading(self, one: Field) -> Reading | None:
        factor = 1.0
        if one.unit:
            told = UNITS[self.channels[0].rpartition("_")[2]].get(one.unit)
            if told is None:
                return None
            factor = told
            if self._scales[0] is None:
                self._scales[0] = own_scale(self.channels[0], self._station, Scale(0.0, 1.0))
        return Reading(None, ((0, self._seen(0, one.number, factor)),))

    def _by_pattern(self, pattern: re.Pattern[str], text: str) -> Reading | None:
        found = pattern.fullmatch(text)
        if found is None:
            return None
        t_us, values = None, []
        for group, said in found.groupdict().items():
            if said is None:
                continue
            number = float(said.replace(",", "."))
            if not abs(number) < 1e15:  # infinite, not a number, or beyond any clock and any cell
                return None
            if group in TIME_UNITS:
                t_us = round(number * TIME_UNITS[group])
            else:
                index = 0 if group == "value" else self.channels.index(group)
                value = self._seen(index, number)
                values.append((index, self.plausible(index, value) if group != "value" else value))
        return Reading(t_us, tuple(values)) if values else None

    def _seen(self, index: int, number: float, factor: float = 1.0) -> float:
        """The reading, times `factor`; NaN for a spurious -1 and at the end of the range. Counts both."""
        before = self._before[index]
        if number == -1.0 and before and abs(before[-1] + 1.0) > SPURIOUS_FROM:
            self.stats.spikes += 1
            return float("nan")
        if abs(number) >= FULL_SCALE:
            name = self.channels[index]
            self.stats.saturated[name] = self.stats.saturated.get(name, 0) + 1
            return float("nan")  # how far beyond is not known
        if before:
            step = abs(number - before[-1])
            usual = self._usual_step[index]
            if len(before) == 2:
                there, back = before[-1] - before[-2], number - before[-1]
                alone = min(abs(there), abs(back)) > 4.0 * abs(number - before[-2]) and there * back < 0.0
                if alone and usual > 0.0 and min(abs(there), abs(back)) > SPIKE_FACTOR * usual:
                    self.stats.spikes += 1
            # Grows by a tenth and shrinks towards what it sees: one spike does not hide the next.
            self._usual_step[index] = (
                min(step, 1.1 * usual) if usual and step > usual else (0.9 * usual + 0.1 * step)
            )
        self._before[index] = (*before[-1:], number)
        return number * factor


def _with_labels(fields: list[Field]) -> list[Field]:
    """The numbers of a line; a text before one without a label is its label."""
    return [
        one if one.label or not at or fields[at - 1].is_number else one._replace(label=fields[at - 1].said)
        for at, one in enumerate(fields)
        if one.is_number
    ]
