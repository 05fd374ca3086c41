"""Device drivers, one file each: bytes in, channel samples out."""

from collections.abc import Callable

from edge.link.drivers.board import BoardDriver
from edge.link.drivers.chronojump_encoder import ChronojumpEncoder
from edge.link.drivers.chronojump_encoder_force import ChronojumpEncoderForce
from edge.link.drivers.chronojump_force import ChronojumpForce
from edge.link.drivers.csv_lines import CsvLines
from edge.link.drivers.hx711 import Hx711
from edge.link.drivers.openscale import OpenScale
from edge.link.drivers.samples import Driver, LinkStats, Samples
from station.config import StationFile
from station.ports import DriverName, Port

__all__ = ["DRIVERS", "Driver", "LinkStats", "Samples", "make_driver"]

# What makes the driver of each kind of device, from its port and the station file.
DRIVERS: dict[DriverName, Callable[[Port, StationFile], Driver]] = {
    "plumbline": BoardDriver,
    "chronojump-encoder": ChronojumpEncoder,
    "chronojump-force": ChronojumpForce,
    "chronojump-encoder-force": ChronojumpEncoderForce,
    "openscale": OpenScale,
    "hx711": Hx711,
    "csv": CsvLines,
}


def make_driver(port: Port, station: StationFile) -> Driver:
    """The driver a port's device needs. Raises CalibrationError for a calibration that cannot be."""
    return DRIVERS[port.driver](port, station)
