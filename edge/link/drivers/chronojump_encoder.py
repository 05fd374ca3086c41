"""Chronojump linear encoder, 115200 baud: one byte every millisecond, nothing else.

    byte      meaning
    -128 … 127  signed: millimetres travelled in this millisecond, + as the tether comes out
    84 'T'    trigger pressed    takes no millisecond of its own (84 m/s is no speed of a bar)
    116 't'   trigger released

There is no framing: a byte that is lost is a millimetre and a millisecond that nobody misses. Time is the
count of the bytes, by the encoder's crystal; where the receive times show that bytes are missing, it goes on
by the host's clock. Position is the sum since the port was opened first, so start with the tether at rest in
the unit, or calibrate its zero.
"""

import numpy as np

from edge.link.drivers.samples import LinkStats, Samples
from station.calibration import Scale, check_calibration, own_scale
from station.config import StationFile
from station.messages import Sensor
from station.ports import Port, port_channels
from station.timing.clock import DeviceClock
from station.timing.ratelock import RateLock

RATE_HZ = 1000.0
COUNTS_PER_M = 1000.0
TRIGGER_ON, TRIGGER_OFF = ord("T"), ord("t")
MAX_STEP_MM = 20  # 20 m/s: three times a bar falling from overhead, and below every printable character


class ChronojumpEncoder:
    """Bytes of the encoder to positions. See Driver for the public names.

    A byte no tether can have made counts as corrupt and as no travel.
    """

    def __init__(self, port: Port, station: StationFile) -> None:
        """Raises CalibrationError for a calibration that cannot be."""
        check_calibration(station)
        self.stats = LinkStats()
        self.clock = DeviceClock()
        (self._channel,) = port_channels(port)
        scale = own_scale(self._channel, station, Scale(0.0, COUNTS_PER_M))
        assert scale is not None
        self._scale = scale
        self._lock = RateLock(RATE_HZ, crystal=True)
        self._position_mm = 0

    @property
    def board(self) -> str | None:
        """See Driver.board."""
        return "Chronojump encoder" if self.stats.frames else None

    @property
    def sensors(self) -> list[Sensor]:
        """See Driver.sensors."""
        if not self.stats.frames:
            return []
        return [Sensor(channel=self._channel, rate_hz=RATE_HZ, counts_per_unit=self._scale.counts_per_unit)]

    def opened(self) -> None:
        """See Driver.opened."""
        self._lock.seam()

    def request(self, now_s: float) -> bytes:
        """See Driver.request; the encoder talks unasked."""
        return b""

    def feed(self, data: bytes, received_s: float) -> list[Samples]:
        """See Driver.feed."""
        raw = np.frombuffer(data, dtype=np.int8)
        trigger = (raw == TRIGGER_ON) | (raw == TRIGGER_OFF)
        step_mm = raw[~trigger].astype(np.int64)
        if not len(step_mm):
            return []
        absurd = np.abs(step_mm) > MAX_STEP_MM
        if absurd.any():
            self.stats.frames_corrupt += int(absurd.sum())
            self.stats.bytes_discarded += int(absurd.sum())
            step_mm[absurd] = 0
        ticks_us = np.rint(self._lock.feed(len(step_mm), received_s) * 1e6).astype(np.int64) & 0xFFFFFFFF
        zero = [0] * len(step_mm)
        session_us = np.array(self.clock.feed(zero, ticks_us.tolist(), zero, received_s))
        counts = (self._position_mm + np.cumsum(step_mm)).astype(np.float64)
        self._position_mm = int(counts[-1])
        self.stats.frames += len(counts)
        self.stats.samples += len(counts)
        self.stats.last_sample_s = float(session_us[-1]) / 1e6
        return [Samples(self._channel, session_us / 1e6, self._scale.si(counts))]
