"""Device drivers, one file each: bytes in, channel samples out.

samples                   the interface of drivers: samples, counters of link errors
board                     Plumbline's own sensor board
lines                     any device of a line per reading: cutting, clock, numbering, scaling
fields                    what stands in such a line: labels, numbers, units
csv_lines                 lines of numbers, as the station file names them
proposal                  what the station file would have to say for some lines to be read
hx711                     sketches that print an HX711 load-cell converter
openscale                 SparkFun OpenScale
chronojump_encoder        Chronojump linear encoder
chronojump_force          Chronojump force sensor
chronojump_encoder_force  both in one
"""

from collections.abc import Callable
from importlib import import_module

from edge.link.drivers.samples import Driver, LinkStats, Samples
from station.config import StationFile
from station.ports import DriverName, Port

__all__ = ["DRIVERS", "Driver", "LinkStats", "Samples", "make_driver"]


def _when_needed(module: str, name: str) -> Callable[[Port, StationFile], Driver]:
    """A driver whose file is read when there is such a device."""

    def make(port: Port, station: StationFile) -> Driver:
        driver: Driver = getattr(import_module(f"edge.link.drivers.{module}"), name)(port, station)
        return driver

    return make


# What makes the driver of each kind of device, from its port and the station file.
DRIVERS: dict[DriverName, Callable[[Port, StationFile], Driver]] = {
    "plumbline": _when_needed("board", "BoardDriver"),
    "chronojump-encoder": _when_needed("chronojump_encoder", "ChronojumpEncoder"),
    "chronojump-force": _when_needed("chronojump_force", "ChronojumpForce"),
    "chronojump-encoder-force": _when_needed("chronojump_encoder_force", "ChronojumpEncoderForce"),
    "openscale": _when_needed("openscale", "OpenScale"),
    "hx711": _when_needed("hx711", "Hx711"),
    "csv": _when_needed("csv_lines", "CsvLines"),
}


def make_driver(port: Port, station: StationFile) -> Driver:
    """The driver a port's device needs. Raises CalibrationError for a calibration that cannot be."""
    return DRIVERS[port.driver](port, station)
