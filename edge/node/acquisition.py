"""Acquiring samples for a session, a thread each: from a port that may come and go, or a recording."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence

from edge.link.alignment import Alignment
from edge.link.drivers import Driver, LinkStats, Samples, make_driver
from edge.link.sources import ByteSource, ReplaySource, SerialSource
from edge.node.flight_recorder import FlightRecorder
from edge.node.session import Session
from station.config import Port
from station.errors import SourceError
from station.messages import Sensor
from station.program.retry import Retry

READ_TIMEOUT_S = 0.05
# What a read costs hardly depends on how much it brings: bytes may gather for a while, except as a lift ends,
# which somebody waits for: then only where many ports share the machine. What has gathered is taken together
# with what comes next, for the clock needs bytes that nothing has delayed; where nothing comes so soon, or
# while a lift ends, one read in so often is taken at once.
GATHER_S = 0.07  # with NEXT_S less than from one live value to the next
NEXT_S = 0.025  # frames come 20 ms apart, or nearer
LINGER_S = 0.0025  # as a lift ends, for each other port
LINGER_MAX_S = 0.04
PROMPT_S = 0.1
GATHER_BYTES = 1024  # a terminal holds 4096: a port as busy as this is not kept waiting


class Acquisition:
    """Acquires samples for a session on a thread of its own; health shows the link's state."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.stats = LinkStats()
        self.link_up = False
        self.problem: str | None = None
        self.reconnects = 0  # how often a port that was there went
        self.linger_s = 0.0  # how long bytes may gather as a lift ends before they are read
        self.beat_at = time.monotonic()  # of the newest round of its loop

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
        """Acquire until it is over or `stop` is set."""
        raise NotImplementedError


class PortAcquisition(Acquisition):
    """Bytes of a port, through its driver.

    Parameters
    ----------
    session : where the samples go
    port : of the station file
    open_source : makes a new source each time the port is opened
    once : end at the end of the source (a capture) instead of trying again
    """

    def __init__(
        self,
        session: Session,
        port: Port,
        open_source: Callable[[Port], ByteSource] = SerialSource,
        *,
        once: bool = False,
    ) -> None:
        super().__init__(session)
        # One driver for the port's whole life: after a hot-plug the board's own clock and boot id tell
        # whether it is the same run, so no motion is made up across the seam.
        self._driver: Driver = make_driver(port, session.station)
        self.stats = self._driver.stats
        # The first port's clock is the session's.
        self._alignment: Alignment | None = None
        if session.clock is None:
            session.clock = self._driver.clock
        else:
            self._alignment = Alignment(self._driver.clock, session.clock)
        self._port = port
        self._open_source = open_source
        self._once = once
        self._retry = Retry()
        self._tap: Callable[[float, bytes], None] = lambda _received_s, _data: None

    def record_flight(self, recorder: FlightRecorder) -> None:
        """Give every byte to the flight recorder; before `run`."""
        self._tap = recorder.tap(self._port, self._driver)

    @property
    def board(self) -> str | None:
        return self._driver.board

    @property
    def sensors(self) -> list[Sensor]:
        return self._driver.sensors

    @property
    def drift_ppm(self) -> float | None:
        return self._driver.clock.drift_ppm

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                with self._open_source(self._port) as source:
                    self.link_up, self.problem = True, None
                    self._driver.opened()
                    prompt_s, gathered = 0.0, False
                    # A capture brings its own receive times, on its own clock; its bytes have gathered.
                    capture = source if isinstance(source, ReplaySource) else None
                    while not stop.is_set():
                        data = source.read(READ_TIMEOUT_S)
                        newest = _next(source) if gathered and data else b""
                        data += newest
                        now_s = time.monotonic()
                        self.take(data, capture.received_s if capture else now_s, now_s)
                        source.write(self._driver.request(now_s))
                        self.beat_at = now_s
                        if newest:
                            prompt_s = now_s + PROMPT_S
                        gathered = False
                        if now_s >= prompt_s:
                            prompt_s = now_s + PROMPT_S
                        elif capture is None and 0 < len(data) < GATHER_BYTES:
                            gathered = not self.session.lift_ends
                            # Not stop.wait, which costs as much as a read: it is asked before and after.
                            time.sleep(self.linger_s + (GATHER_S if gathered else 0.0))
            except SourceError as error:
                was_up, self.link_up, self.problem = self.link_up, False, str(error)
                if self._once:
                    break
                self.reconnects += was_up
            # The port is gone; the set's time-outs and the coach's commands go on.
            self._retry.failed(time.monotonic())
            while not self._retry.due(time.monotonic()) and not stop.wait(READ_TIMEOUT_S):
                self.beat_at = time.monotonic()
                self.session.step([], self.beat_at)

    def take(self, data: bytes, received_s: float, now_s: float) -> None:
        """Count what one read has brought, or the news that it brought nothing."""
        self._tap(received_s, data)
        self.session.step(self._samples(data, received_s), now_s)

    def _samples(self, data: bytes, received_s: float) -> list[Samples]:
        """What the bytes hold, on the session's clock."""
        samples = self._driver.feed(data, received_s) if data else []
        return samples if self._alignment is None else self._alignment.onto(samples)


def _next(source: ByteSource) -> bytes:
    """What comes within NEXT_S. That a port is gone the next read says: what came before is counted first."""
    try:
        return source.read(NEXT_S)
    except SourceError:
        return b""


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
