"""Chronojump force sensor, firmware 0.6, 115200 baud: ASCII lines, and commands that end with a colon.

    we send             it answers
    start_capture:      Starting capture...
                        <µs>;<N, 2 decimals>      until end_capture:
                        <µs>;R   <µs>;r           trigger pressed, released
    get_version:        Force_Sensor-0.6

The µs count from the start of the capture and wrap at 2^32. The sensor forgets the capture when it starts
anew, so it is asked again whenever it has said nothing for a second.
"""

import re

from edge.link.drivers.lines import NOTHING, LineDriver, Reading
from station.config import StationFile
from station.ports import Port

SILENT_S = 1.0
START = b"start_capture:\n"
_READING = re.compile(r"(\d{1,10});(?:(-?\d{1,6}(?:\.\d{1,4})?)|([Rr]))")
_ANSWER = re.compile(r"Starting capture\.\.\.|Capture ended.*|Force_Sensor-[\w.]{1,16}|Taring.*|Tared.*")


class ChronojumpForce(LineDriver):
    """Lines of the force sensor to newtons."""

    name = "Chronojump force sensor"

    def __init__(self, port: Port, station: StationFile) -> None:
        """Raises CalibrationError for a calibration that cannot be."""
        super().__init__(port, station)
        self._silent_since_s: float | None = None
        self._frames_then = 0

    def opened(self) -> None:
        """See Driver.opened."""
        super().opened()
        self._silent_since_s = None

    def request(self, now_s: float) -> bytes:
        """Start the capture, and start it again when the readings have stopped."""
        if self._silent_since_s is None:
            # Half a second to listen: a sensor that is capturing already takes the command for an error.
            self._silent_since_s, self._frames_then = now_s - SILENT_S / 2, self.stats.frames
        elif self.stats.frames != self._frames_then:
            self._silent_since_s, self._frames_then = now_s, self.stats.frames
        elif now_s - self._silent_since_s >= SILENT_S:
            self._silent_since_s = now_s
            return START
        return b""

    def read_line(self, text: str) -> Reading | None:
        """See LineDriver.read_line."""
        found = _READING.fullmatch(text)
        if found is None:
            if _ANSWER.fullmatch(text) is None:
                return None
            if text.startswith("Force_Sensor"):
                self._told = text
            return NOTHING
        if found[3]:
            return NOTHING
        return Reading(int(found[1]), ((0, float(found[2])),))
