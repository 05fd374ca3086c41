"""The driver of a Plumbline sensor board: frames, the board's clock, calibration."""

import numpy as np

from edge.link.drivers.samples import LinkStats, Samples
from kernels import ChannelSplit, FrameDecoder, Frames
from station.calibration import Scale, check_calibration, scale_of
from station.clock import DeviceClock
from station.config import StationFile
from station.errors import MessageError
from station.messages import Sensor
from station.wire import Hello, parse_hello

NEVER_US = -(2**63)


class BoardDriver:
    """Bytes of a Plumbline board to samples.

    Samples that arrive before a hello of the same boot are counted as rejected, not kept: what they measure
    is not known, the hello comes once a second, and a board says it first when it starts.
    """

    def __init__(self, station: StationFile) -> None:
        """Raises CalibrationError for a calibration in the station file that cannot be."""
        check_calibration(station)
        self.stats = LinkStats()
        self.clock = DeviceClock()
        self._station = station
        self._decoder = FrameDecoder()
        self._hello: Hello | None = None
        # By the hello; before there is one no channel is known.
        self._names: list[str] = []
        self._scales: list[Scale] = []
        self._split = ChannelSplit(0, np.empty((0, 2)), np.empty((0, 2)), [])
        self._bad_hellos = 0

    @property
    def board(self) -> str | None:
        """Name and firmware as the hello says."""
        return None if self._hello is None else f"{self._hello.board} {self._hello.firmware}".strip()

    @property
    def sensors(self) -> list[Sensor]:
        """The channels of the newest hello, with the calibration in use."""
        channels = () if self._hello is None else self._hello.channels
        return [
            Sensor(channel=c.name, rate_hz=c.rate_hz, counts_per_unit=scale.counts_per_unit)
            for c, scale in zip(channels, self._scales, strict=True)
        ]

    def opened(self) -> None:
        """See Driver.opened; half a frame is counted, and does not spoil the first whole one."""
        self._decoder.restart()

    def request(self, now_s: float) -> bytes:
        """See Driver.request; a board talks unasked."""
        return b""

    def feed(self, data: bytes, received_s: float) -> list[Samples]:
        """See Driver.feed."""
        frames = self._decoder.feed(data)
        session_us = self.clock.feed(frames.boot_id, frames.t_us, frames.span_us, received_s)
        given: list[Samples] = []
        start = 0
        for index, raw in frames.hellos:
            hello = self._new_hello(raw)
            if hello is not None:
                given += self._samples(frames, session_us, start, index)
                self._follow(hello)
                start = index
        given += self._samples(frames, session_us, start, len(frames))
        self._count(given)
        return given

    def _follow(self, hello: Hello) -> None:
        """From now on the samples are what this hello says."""
        newest_us = dict(zip(self._names, self._split.newest_us, strict=True))
        self._hello = hello
        self._names = [channel.name for channel in hello.channels]
        self._scales = [scale_of(channel, self._station) for channel in hello.channels]
        self._split = ChannelSplit(
            hello.boot_id,
            np.array([(c.min_counts, c.max_counts) for c in hello.channels], dtype=np.float64),
            np.array(self._scales, dtype=np.float64),
            [newest_us.get(name, NEVER_US) for name in self._names],
        )

    def _new_hello(self, raw: bytes) -> Hello | None:
        """The hello if it says something new."""
        try:
            hello = parse_hello(raw)
        except MessageError:
            self._bad_hellos += 1
            return None
        known = self._hello
        if known is not None and (hello.boot_id, hello[3:]) == (known.boot_id, known[3:]):
            return None
        return hello

    def _samples(self, frames: Frames, session_us: list[int], start: int, stop: int) -> list[Samples]:
        """The samples of frames[start:stop], by the hello that holds for them."""
        parts, left_out = self._split.split(frames, session_us, start, stop)
        self.stats.samples_rejected += left_out
        given = []
        for index, time_s, value, beyond in parts:
            name = self._names[index]
            if beyond:
                self.stats.saturated[name] = self.stats.saturated.get(name, 0) + beyond
            given.append(Samples(name, time_s, value))
        return given

    def _count(self, given: list[Samples]) -> None:
        stats, decoder = self.stats, self._decoder
        stats.frames = decoder.frames
        stats.frames_lost = decoder.frames_lost
        stats.frames_corrupt = decoder.frames_corrupt
        stats.frames_repeated = decoder.frames_repeated
        stats.frames_unsupported = decoder.frames_unsupported + self._bad_hellos
        stats.bytes_discarded = decoder.bytes_discarded
        stats.resets = decoder.resets
        for _, time_s, _ in given:
            stats.samples += len(time_s)
            newest_s = time_s.item(-1)
            stats.last_sample_s = max(newest_s, stats.last_sample_s or newest_s)
