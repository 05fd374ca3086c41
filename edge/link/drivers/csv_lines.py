"""Any device that prints a line of numbers per reading, as `columns` in the station file names them.

    columns = ["time_ms", "position_m", "", "force_n"]      1042,0.531,ready,612.4

The fields are separated by commas, semicolons or tabs. An empty field, or one that says nan, is no value. A
column named "" is passed over. With a column time_s, time_ms or time_us the device's own clock counts, u32 or
not; without one the samples are numbered (station.ratelock). A number is in the channel's unit until the
station file has a calibration of it.
"""

import re

from edge.link.drivers.lines import LineDriver, Reading
from station.calibration import Scale
from station.config import StationFile
from station.ports import TIME_UNITS, Port

_NUMBER = re.compile(r"[+-]?(?:\d{1,15}(?:\.\d{0,15})?|\.\d{1,15})(?:[eE][+-]?\d{1,2})?")
_SEPARATOR = re.compile(r"[,;\t]")


class CsvLines(LineDriver):
    """Lines of numbers to channels."""

    name = "CSV lines"

    def __init__(self, port: Port, station: StationFile) -> None:
        """Raises CalibrationError for a calibration that cannot be."""
        super().__init__(port, station, Scale(0.0, 1.0))
        self._columns = port.columns

    def read_line(self, text: str) -> Reading | None:
        """See LineDriver.read_line."""
        fields = _SEPARATOR.split(text)
        if len(fields) != len(self._columns):
            return None
        t_us: int | None = None
        values: list[tuple[int, float]] = []
        for column, field in zip(self._columns, fields, strict=True):
            said = field.strip()
            if not column or (column not in TIME_UNITS and said.lower() in ("", "nan")):
                continue
            if _NUMBER.fullmatch(said) is None:
                return None
            if column in TIME_UNITS:
                t_us = round(float(said) * TIME_UNITS[column])
            else:
                values.append((self.channels.index(column), float(said)))
        return Reading(t_us, tuple(values))
