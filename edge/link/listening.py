"""Listening to one port through its driver for a while: what `calibrate` and `doctor` have in common."""

import time
from collections.abc import Callable
from typing import Self

from edge.link.drivers import Driver, Samples, make_driver
from edge.link.sources import SerialSource
from station.config import Port, StationFile

READ_S = 0.05
RECENT_BYTES = 4096


class Listener:
    """An open port and the data received from it. A context manager.

    Parameters
    ----------
    port, station : as in the station file; the calibration there is what `samples` are scaled by
    """

    def __init__(self, port: Port, station: StationFile) -> None:
        """Raises CalibrationError for a calibration that cannot be."""
        self.port = port
        self.driver: Driver = make_driver(port, station)
        self.data = b""  # what the newest step read
        self.recent = b""  # the newest bytes, for what no driver understands
        self.bytes_received = 0
        self._source = SerialSource(port)

    def __enter__(self) -> Self:
        """Raises SourceError where the port cannot be opened."""
        self._source.__enter__()
        self.driver.opened()
        return self

    def __exit__(self, *exc: object) -> None:
        self._source.__exit__(*exc)

    def step(self, timeout_s: float = READ_S) -> list[Samples]:
        """Read the samples available, waiting at most `timeout_s`. Raises SourceError when it is gone."""
        data = self.data = self._source.read(timeout_s)
        now_s = time.monotonic()
        self.bytes_received += len(data)
        self.recent = (self.recent + data)[-RECENT_BYTES:]
        samples = self.driver.feed(data, now_s) if data else []
        self._source.write(self.driver.request(now_s))
        return samples

    def wait(self, known: Callable[[], object], at_most_s: float) -> bool:
        """Listen until something is known of the device; False where it is not in time."""
        end_s = time.monotonic() + at_most_s
        while not known() and time.monotonic() < end_s:
            self.step()
        return bool(known())

    def listen(self, duration_s: float) -> list[Samples]:
        """Collect all samples for `duration_s`."""
        end_s = time.monotonic() + duration_s
        given: list[Samples] = []
        while (left_s := end_s - time.monotonic()) > 0.0:
            given += self.step(min(left_s, READ_S))
        return given
