"""Chronojump encoder and force sensor in one, firmware 0.3, 115200 baud: an ASCII line per event.

    3;<µs>;<N × 100>    force, about every 6.2 ms
    4;<µs>              the encoder moved one pulse out
    5;<µs>              one pulse in

The µs wrap at 2^32. Between pulses the encoder stands still, so each force line is a reading of the position
too: a resting bar is seen resting. One pulse is taken for a millimetre; calibrate position_m where it is not.
"""

import re

from edge.link.drivers.lines import LineDriver, Reading
from station.calibration import Scale, own_scale
from station.config import StationFile
from station.ports import Port

PULSES_PER_M = 1000.0
POSITION, FORCE = 0, 1
_EVENT = re.compile(r"(?:3;(\d{1,10});(-?\d{1,8})|([45]);(\d{1,10}))")


class ChronojumpEncoderForce(LineDriver):
    """Lines of the combined sensor to metres and newtons."""

    name = "Chronojump encoder and force sensor"
    unit = Scale(0.0, PULSES_PER_M)

    def __init__(self, port: Port, station: StationFile) -> None:
        """Raises CalibrationError for a calibration that cannot be."""
        super().__init__(port, station)
        self._scales[FORCE] = own_scale("force_n", station, Scale(0.0, 1.0))
        self._pulses = 0

    def read_line(self, text: str) -> Reading | None:
        """See LineDriver.read_line."""
        found = _EVENT.fullmatch(text)
        if found is None:
            return None
        if found[1]:
            return Reading(int(found[1]), ((POSITION, float(self._pulses)), (FORCE, int(found[2]) / 100.0)))
        self._pulses += 1 if found[3] == "4" else -1
        return Reading(int(found[4]), ((POSITION, float(self._pulses)),))
