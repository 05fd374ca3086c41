"""Device drivers, one file each: bytes in, channel samples out."""

from edge.drivers.board import BoardDriver
from edge.drivers.samples import Driver, LinkStats, Samples
from station.config import Port, StationFile

__all__ = ["Driver", "LinkStats", "Samples", "make_driver"]


def make_driver(port: Port, station: StationFile) -> Driver:
    """The driver a port's device needs. Raises CalibrationError for a calibration that cannot be."""
    match port.driver:
        case "plumbline":
            return BoardDriver(station)
