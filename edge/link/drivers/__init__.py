"""Device drivers, one file each: bytes in, channel samples out."""

from edge.link.drivers.board import BoardDriver
from edge.link.drivers.chronojump_encoder import ChronojumpEncoder
from edge.link.drivers.chronojump_encoder_force import ChronojumpEncoderForce
from edge.link.drivers.chronojump_force import ChronojumpForce
from edge.link.drivers.csv_lines import CsvLines
from edge.link.drivers.hx711 import Hx711
from edge.link.drivers.openscale import OpenScale
from edge.link.drivers.samples import Driver, LinkStats, Samples
from station.config import StationFile
from station.ports import Port

__all__ = ["Driver", "LinkStats", "Samples", "make_driver"]


def make_driver(port: Port, station: StationFile) -> Driver:  # noqa: PLR0911 - one line per device
    """The driver a port's device needs. Raises CalibrationError for a calibration that cannot be."""
    match port.driver:
        case "plumbline":
            return BoardDriver(station)
        case "chronojump-encoder":
            return ChronojumpEncoder(port, station)
        case "chronojump-force":
            return ChronojumpForce(port, station)
        case "chronojump-encoder-force":
            return ChronojumpEncoderForce(port, station)
        case "openscale":
            return OpenScale(port, station)
        case "hx711":
            return Hx711(port, station)
        case "csv":
            return CsvLines(port, station)
