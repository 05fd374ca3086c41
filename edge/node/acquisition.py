"""Acquiring samples for a session: from bytes through a port's driver, or from a recording."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence

from edge.link.alignment import Alignment
from edge.link.drivers import Driver, LinkStats, Samples, make_driver
from edge.link.sources import CaptureOverError, ReplaySource
from edge.node.flight_recorder import FlightRecorder
from edge.node.session import Session
from station.config import Port
from station.messages import Sensor

READ_TIMEOUT_S = 0.05


class Acquisition:
    """Acquires samples for a session; health shows the link's state."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.stats = LinkStats()
        self.link_up = False
        self.problem: str | None = None
        self.reconnects = 0  # how often a port that was there went
        self.beat_at = time.monotonic()  # when it was last looked after

    @property
    def board(self) -> str | None:
        """The device's own name."""
        return None

    @property
    def sensors(self) -> list[Sensor]:
        """The channels received."""
        return []

    @property
    def drift_ppm(self) -> float | None:
        """The device's clock against the host's."""
        return None

    def run(self, stop: threading.Event) -> None:
        """Acquire until it is over or `stop` is set. A port has no thread of its own: see PortReader."""
        raise NotImplementedError


class ByteAcquisition(Acquisition):
    """Samples from bytes, through a port's driver.

    Parameters
    ----------
    session : where the samples go
    port : of the station file
    """

    def __init__(self, session: Session, port: Port) -> None:
        super().__init__(session)
        # One driver for the port's whole life: after a hot-plug the board's own clock and boot id tell
        # whether it is the same run, so no motion is made up across the seam.
        self.driver: Driver = make_driver(port, session.station)
        self.stats = self.driver.stats
        # The first port's clock is the session's.
        self._alignment: Alignment | None = None
        if session.clock is None:
            session.clock = self.driver.clock
        else:
            self._alignment = Alignment(self.driver.clock, session.clock)
        self.port = port
        self._tap: Callable[[float, bytes], None] = lambda _received_s, _data: None

    def record_flight(self, recorder: FlightRecorder) -> None:
        """Give every byte to the flight recorder; before the first `take`."""
        self._tap = recorder.tap(self.port, self.driver)

    @property
    def board(self) -> str | None:
        return self.driver.board

    @property
    def sensors(self) -> list[Sensor]:
        return self.driver.sensors

    @property
    def drift_ppm(self) -> float | None:
        return self.driver.clock.drift_ppm

    def take(self, data: bytes, received_s: float, now_s: float) -> None:
        """Count what has been read, or the news that nothing came."""
        self._tap(received_s, data)
        self.session.step(self._samples(data, received_s), now_s)

    def _samples(self, data: bytes, received_s: float) -> list[Samples]:
        """What the bytes hold, on the session's clock."""
        samples = self.driver.feed(data, received_s) if data else []
        return samples if self._alignment is None else self._alignment.onto(samples)


class PlayedCapture(ByteAcquisition):
    """A capture's bytes as they were read, each with its own receive time, on a clock of its own."""

    def __init__(self, session: Session, port: Port, source: ReplaySource) -> None:
        super().__init__(session, port)
        self._source = source

    def run(self, stop: threading.Event) -> None:
        with self._source as source:
            self.link_up = True
            self.driver.opened()
            while not stop.is_set():
                try:
                    data = source.read(READ_TIMEOUT_S)
                except CaptureOverError as over:
                    self.problem = str(over)
                    break
                self.beat_at = time.monotonic()
                self.take(data, source.received_s, self.beat_at)
        self.link_up = False


class PlayedSamples(Acquisition):
    """A recording's samples, played at `speed` times their own pace.

    blocks : lists of samples, oldest first; a block is due when its last sample's time has come.
    sensors : the channels in them
    """

    def __init__(
        self, session: Session, blocks: Iterable[Sequence[Samples]], speed: float, sensors: list[Sensor]
    ) -> None:
        super().__init__(session)
        self._sensors = sensors
        self._blocks = blocks
        self._speed = speed

    @property
    def sensors(self) -> list[Sensor]:
        return self._sensors

    def run(self, stop: threading.Event) -> None:
        self.link_up = True
        start_s: float | None = None
        for block in self._blocks:
            if not block:
                continue
            newest_s = max(float(part.time_s[-1]) for part in block)
            if start_s is None:
                start_s = time.monotonic() - newest_s / self._speed
            while (due_s := start_s + newest_s / self._speed - time.monotonic()) > 0:
                self.beat_at = time.monotonic()
                if stop.wait(min(due_s, READ_TIMEOUT_S)):
                    return
            self.stats.samples += sum(len(part.time_s) for part in block)
            self.session.step(block, time.monotonic())
        self.link_up = False
