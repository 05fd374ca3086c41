"""Devices that print a line per reading: cutting into lines, checking their clock, numbering, scaling."""

import math
import re
from typing import NamedTuple

import numpy as np

from edge.link.drivers.fields import UNITS, is_text
from edge.link.drivers.samples import LinkStats, Samples
from station.calibration import Scale, check_calibration, own_scale
from station.config import StationFile
from station.messages import Sensor
from station.ports import TIME_UNITS, Port, port_channels
from station.timing.clock import DeviceClock
from station.timing.ratelock import RateLock

MAX_LINE_BYTES = 1024  # a logger's JSON; the longest line of a sketch is below 80
STRANGE_LINES = 10  # in a row, and it is not a line that was hit but a format nobody has told
PACE_S = 1.5
SLOWEST, FASTEST = 0.7, 1.4  # of the host's clock; an oscillator without a crystal is off by a tenth at most
MOST = {"m": 5.0, "n": 50_000.0, "rad": math.pi}  # beyond them no channel has been seen


class Reading(NamedTuple):
    """What one line says. Nothing in `values`: understood, but no reading (a banner, an answer)."""

    t_us: int | None  # the device's clock, u32 or unwrapped; None where it has none
    values: tuple[tuple[int, float], ...]  # index of the channel, the number as printed (NaN = no value)


NOTHING = Reading(None, ())


class LineSplitter:
    """Cut bytes into lines ended by LF, CR or both; memory is bounded by one line.

    bytes_discarded counts those of lines that were too long.
    """

    def __init__(self) -> None:
        self.bytes_discarded = 0
        self._tail = b""
        self._skipping = False  # within a line that was too long

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes, without their ends and without empty ones."""
        *whole, self._tail = (self._tail + data).replace(b"\r", b"\n").split(b"\n")
        found = []
        for line in whole:
            if self._skipping or len(line) > MAX_LINE_BYTES:
                self.bytes_discarded += len(line)
                self._skipping = False
            elif line:
                found.append(line)
        if self._skipping or len(self._tail) > MAX_LINE_BYTES:
            self.bytes_discarded += len(self._tail)
            self._tail, self._skipping = b"", True
        return found

    def clear(self) -> None:
        """Forget a line that has only begun."""
        self.bytes_discarded += len(self._tail)
        self._tail, self._skipping = b"", False


FIRST_STEP_US = 10_000_000
LEAST_STEP_US = 20_000


class TickCheck:
    """Tell a device's clock from digits that were lost on the line: there is no checksum to tell.

    A tick far from the one before it is held until the next line confirms it. Depends on nothing but the
    ticks, so cutting the stream changes nothing.

    State: the newest tick that was believed, the last five steps, and a reading that is held.
    """

    def __init__(self) -> None:
        self.rejected = 0
        self._last: int | None = None
        self._steps: list[int] = []
        self._held: Reading | None = None
        self._dropped = 0

    def take(self, reading: Reading) -> list[Reading]:
        """The readings that can be believed now, oldest first: none, this one, or the one held and this."""
        limit_us = FIRST_STEP_US
        if len(self._steps) == 5:
            limit_us = max(LEAST_STEP_US, 4 * sorted(self._steps)[2])
        step_us = _step_us(self._last, reading)
        if step_us is not None and 0 <= step_us <= limit_us:
            if self._held is not None:
                self.rejected += 1
                self._held = None
            self._dropped = 0
            return [self._believe(reading, step_us)]
        if len(self._steps) == 5 and step_us is not None and -limit_us <= step_us < 0:
            # The one before was a little too late: wait until time has caught up with it, or the session's
            # clock would take this for a device that began anew, and go on by what it had been wrong.
            self.rejected += 1
            return []
        held, self._held = self._held, reading
        if held is None:
            return []
        step_us = _step_us(held.t_us, reading)
        if step_us is not None and 0 <= step_us <= limit_us:
            self._held, self._dropped = None, 0
            self._steps = []
            self._last = held.t_us
            return [held, self._believe(reading, step_us)]
        self.rejected += 1
        self._dropped += 1
        if self._dropped >= 3:  # the device's pace has changed
            self._steps, self._dropped = [], 0
        return []

    def _believe(self, reading: Reading, step_us: int) -> Reading:
        self._last = reading.t_us
        self._steps = [*self._steps[-4:], step_us]
        return reading


def _step_us(before: int | None, reading: Reading) -> int | None:
    """Signed difference of two wrapping ticks."""
    if before is None or reading.t_us is None:
        return None
    return (reading.t_us - before + 2**31) % 2**32 - 2**31


class PaceCheck:
    """Whether a device's clock goes as fast as the host's: one in another unit, or none at all, does not.

    One window that is off is a reset, and bytes that were held up are slow first and fast then: two in a row
    that are off to the same side are neither.
    """

    def __init__(self) -> None:
        self.ratio: float | None = None  # device over host, while it is off
        self._first: tuple[int, float] | None = None
        self._off = 0  # windows in a row: above 0 too fast, below too slow

    def take(self, t_us: int, received_s: float) -> None:
        """A reading's tick, u32 or unwrapped, and when it came."""
        if self._first is None:
            self._first = (t_us, received_s)
            return
        first_us, first_s = self._first
        if received_s - first_s < PACE_S:
            return
        step_us = t_us - first_us
        if abs(step_us) >= 2**31:
            step_us = (step_us + 2**31) % 2**32 - 2**31
        ratio = step_us / 1e6 / (received_s - first_s)
        if SLOWEST < ratio < FASTEST:
            self._off = 0
        else:
            self._off = max(0, self._off) + 1 if ratio > 1.0 else min(0, self._off) - 1
        self.ratio = ratio if abs(self._off) > 1 else None
        self._first = (t_us, received_s)


class LineDriver:
    """What all devices that print lines share; a device says in `read_line` what a line means.

    See Driver for the public names.
    """

    name = ""
    encoding = "ascii"
    unit: Scale | None = Scale(0.0, 1.0)  # of a number where the station file has none; None: only it can say

    def __init__(self, port: Port, station: StationFile) -> None:
        """Raises CalibrationError for a calibration that cannot be."""
        check_calibration(station)
        self.stats = LinkStats()
        self.clock = DeviceClock()
        self.channels = port_channels(port)
        self._station = station
        self._port = port
        self._scales = [own_scale(name, station, self.unit) for name in self.channels]
        self._lines = LineSplitter()
        self._check = TickCheck()
        self._pace = PaceCheck()
        self._lock = RateLock(port.rate_hz)
        self._clocked: bool | None = None
        self._corrupt_bytes = 0
        self._rejected = 0
        self._last_us = [-(2**62)] * len(self.channels)
        self._told = ""
        self._strange = 0  # lines in a row that were not understood
        self._doubt = ""  # why the newest was not, where that is known
        self._implausible = False  # a value of the newest line
        # What a number is nobody has said: it must be in the channel's own unit.
        self._untold = [name not in station.calibration for name in self.channels]

    def read_line(self, text: str) -> Reading | None:
        """What a line says; None where it says nothing this device says."""
        raise NotImplementedError

    @property
    def board(self) -> str | None:
        """The device, once it has been understood."""
        return (self._told or self.name) if self.stats.frames else None

    @property
    def sensors(self) -> list[Sensor]:
        """The channels, once a reading has come."""
        if self.stats.last_sample_s is None:
            return []
        return [
            Sensor(
                channel=name,
                rate_hz=self._port.rate_hz,
                counts_per_unit=None if scale is None else scale.counts_per_unit,
            )
            for name, scale in zip(self.channels, self._scales, strict=True)
        ]

    def opened(self) -> None:
        """See Driver.opened."""
        self._lines.clear()
        self._lock.seam()

    def request(self, now_s: float) -> bytes:
        """See Driver.request."""
        return b""

    def feed(self, data: bytes, received_s: float) -> list[Samples]:
        """See Driver.feed."""
        readings: list[Reading] = []
        for line in self._lines.feed(data):
            self._implausible = False
            reading = self._read(line)
            if reading is None:
                self.stats.frames_corrupt += 1
                self._corrupt_bytes += len(line)
                self._refuse(line)
            else:
                self.stats.frames += 1
                if reading.values and not self._implausible:
                    self._strange, self.stats.device_problem = 0, None
                if reading.values and self._keeps_pace(reading, received_s):
                    readings += self._check.take(reading) if self._clocked else [reading]
        ticks_us = self._ticks_us(readings, received_s)
        given = self._samples(readings, ticks_us, received_s) if ticks_us else []
        self.stats.bytes_discarded = self._lines.bytes_discarded + self._corrupt_bytes
        self.stats.samples_rejected = self._rejected + self._check.rejected
        return given

    def _read(self, line: bytes) -> Reading | None:
        self._doubt = ""
        try:
            reading = self.read_line(self._text(line).strip())
        except (UnicodeDecodeError, ValueError):  # ValueError: a number of thousands of digits
            return None
        if reading is None or not reading.values:
            return reading
        if self._clocked is None:
            self._clocked = reading.t_us is not None
        return reading if self._clocked == (reading.t_us is not None) else None

    def _text(self, line: bytes) -> str:
        try:
            return line.decode(self.encoding)
        except UnicodeDecodeError:
            return line.replace(b"\xb0", "\u00b0".encode()).decode(self.encoding)  # a sketch's char(176)

    def _keeps_pace(self, reading: Reading, received_s: float) -> bool:
        """Whether the time of a reading can be one; if it is in another unit, that is reported."""
        if reading.t_us is None:
            return True
        self._pace.take(reading.t_us, received_s)
        ratio = self._pace.ratio
        if ratio is None:
            return True
        groups = re.compile(self._port.pattern).groupindex if self._port.pattern else ()
        name = next(
            (name for name in (*self._port.columns, *groups) if name in TIME_UNITS), "the device's time"
        )
        us = TIME_UNITS.get(name, 1.0) / max(ratio, 1e-9)
        meant = next((unit for unit, one in TIME_UNITS.items() if SLOWEST < us / one < FASTEST), None)
        cure = (
            f"name it {meant}"
            if meant
            else "name the field that is, and write decimal if a number has a comma"
        )
        seen = f"{name} goes {float(f'{ratio:.2g}'):g} times as fast as this machine's clock"
        self.stats.device_problem = f"{seen} and is no such time; {cure}"
        self._rejected += 1
        return False

    def _refuse(self, line: bytes) -> None:
        """Keep a line that was not understood as it came, and report it when it is no exception."""
        shown = line.decode("utf-8", "replace").strip()[:120]
        if not is_text(shown):
            return
        self._strange += 1
        self.stats.not_understood = shown
        if self._strange >= STRANGE_LINES and self.stats.device_problem is None:
            seen = f"{self._port.driver} cannot read {shown!r}{self._doubt}"
            self.stats.device_problem = f"{seen}; `plumbline doctor` proposes what would"

    def scaled(self, index: int, number: float, unit: str) -> float | None:
        """A number in the channel's unit, if one is printed behind it. None: a unit of something else."""
        if not unit:
            return number
        factor = UNITS[self.channels[index].rpartition("_")[2]].get(unit)
        return None if factor is None else number * factor

    def plausible(self, index: int, value: float) -> float:
        """The value, or NaN for one that cannot be in the channel's unit, which is reported."""
        if not self._untold[index]:
            return value
        name = self.channels[index]
        unit = name.rpartition("_")[2]
        if abs(value) > MOST[unit]:
            other = {
                "m": "1000.0 if it prints millimetres, 100.0 if centimetres",
                "rad": "57.296 if degrees",
                "n": "by calibrating",
            }
            self.stats.device_problem = (
                f"{name} reads {value:g} {unit.upper() if unit == 'n' else unit}, more than any station has;"
                f" write [calibration.{name}] with zero_counts = 0.0 and counts_per_unit = {other[unit]}"
            )
            self._implausible = True
            return float("nan")
        return value

    def _ticks_us(self, readings: list[Reading], received_s: float) -> list[int]:
        """u32 ticks of the readings, by their own clock or by the rate lock; none while that is learning."""
        if self._clocked:
            ticks = [reading.t_us or 0 for reading in readings]
        else:
            times_s = self._lock.feed(len(readings), received_s)
            self._rejected += len(readings) - len(times_s)
            ticks = np.rint(times_s * 1e6).astype(np.int64).tolist()
        return [tick & 0xFFFFFFFF for tick in ticks]

    def _samples(self, readings: list[Reading], ticks_us: list[int], received_s: float) -> list[Samples]:
        zero = [0] * len(ticks_us)
        session_us = self.clock.feed(zero, ticks_us, zero, received_s)
        times: list[list[int]] = [[] for _ in self.channels]
        values: list[list[float]] = [[] for _ in self.channels]
        for at_us, reading in zip(session_us, readings, strict=True):
            for index, value in reading.values:
                if at_us <= self._last_us[index]:
                    self._rejected += 1
                    continue
                self._last_us[index] = at_us
                times[index].append(at_us)
                values[index].append(value)
        given = []
        for index, name in enumerate(self.channels):
            if times[index]:
                time_s = np.array(times[index], dtype=np.float64) / 1e6
                counts = np.array(values[index], dtype=np.float64)
                scale = self._scales[index]
                si = np.full(len(counts), np.nan) if scale is None else scale.si(counts)
                given.append(Samples(name, time_s, si))
                self.stats.samples += len(time_s)
                self.stats.last_sample_s = max(float(time_s[-1]), self.stats.last_sample_s or 0.0)
        return given
