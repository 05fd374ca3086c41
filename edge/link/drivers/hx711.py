"""Sketches that print an HX711 load-cell converter, one line per reading, in the three formats people copy.

    reading,0.0kg,-10.00                        weight; what follows is the sketch's calibration factor
    one reading:\\t12.3\\t| average:\\t12.1        the first number; 38400 baud
    8388607      or  12.34                      a plain number, counts or a unit of the sketch's own

or in any other, by `pattern` in the station file: a regular expression for a whole line whose group `value`
(or groups named as channels) and time_s, time_ms or time_us are read. A number without a unit gives no value
until the channel is calibrated. Without a time in the line the samples are numbered and put on the line that
fits under their receive times (station.ratelock).

The converter answers -1 when it is read before it is ready, and now and then a bit too far or too short: such
readings are counted as spikes, a -1 that comes from nowhere gives no value.
"""

import re

from edge.link.drivers.lines import G_MPS2, KG_PER_LB, LineDriver, Reading
from station.calibration import Scale, own_scale
from station.config import StationFile
from station.ports import TIME_UNITS, Port

FULL_SCALE = 2**23 - 1  # of 24 bits, at either end
SPIKE_FACTOR = 20.0  # of the usual step from reading to reading
SPURIOUS_FROM = 10.0  # a -1 further than this from the reading before

_NUMBER = r"-?\d{1,9}(?:\.\d{1,8})?"
_USUAL = re.compile(
    rf"(?:reading,(?P<weight>{_NUMBER})(?P<unit>kg|lbs?|g),{_NUMBER}"
    rf"|one reading:\t(?P<one>{_NUMBER})\t\| average:\t{_NUMBER}|(?P<plain>{_NUMBER}))"
)
_NEWTONS = {"kg": G_MPS2, "g": G_MPS2 / 1000.0, "lb": G_MPS2 * KG_PER_LB, "lbs": G_MPS2 * KG_PER_LB}


class Hx711(LineDriver):
    """Lines of a sketch to newtons, or to the channel the station file names."""

    name = "HX711 sketch"

    def __init__(self, port: Port, station: StationFile) -> None:
        """Raises CalibrationError for a calibration that cannot be."""
        super().__init__(port, station, None)
        self._pattern = re.compile(port.pattern) if port.pattern is not None else None
        if self._pattern is not None:  # a group named as a channel has that channel's unit
            for index, name in enumerate(self.channels):
                if name in self._pattern.groupindex:
                    self._scales[index] = own_scale(name, station, Scale(0.0, 1.0))
        self._before: list[tuple[float, ...]] = [()] * len(self.channels)  # up to two readings
        self._usual_step = [0.0] * len(self.channels)

    def read_line(self, text: str) -> Reading | None:
        """See LineDriver.read_line."""
        if self._pattern is not None:
            return self._by_pattern(self._pattern, text)
        found = _USUAL.fullmatch(text)
        if found is None:
            return None
        if found["unit"]:
            if self._scales[0] is None:
                self._scales[0] = own_scale(self.channels[0], self._station, Scale(0.0, 1.0))
            return Reading(None, ((0, self._seen(0, float(found["weight"]), _NEWTONS[found["unit"]])),))
        return Reading(None, ((0, self._seen(0, float(found["one"] or found["plain"]))),))

    def _by_pattern(self, pattern: re.Pattern[str], text: str) -> Reading | None:
        found = pattern.fullmatch(text)
        if found is None:
            return None
        t_us, values = None, []
        for group, said in found.groupdict().items():
            if said is None:
                continue
            number = float(said)
            if not abs(number) < 1e15:  # infinite, not a number, or beyond any clock and any cell
                return None
            if group in TIME_UNITS:
                t_us = round(number * TIME_UNITS[group])
            else:
                index = 0 if group == "value" else self.channels.index(group)
                values.append((index, self._seen(index, number)))
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
