"""The driver of a Plumbline sensor board: frames, the board's clock, calibration."""

import numpy as np
from numpy.typing import NDArray

from edge.drivers.samples import LinkStats, Samples
from kernels import FrameDecoder, Frames
from station.calibration import Scale, check_calibration, scale_of
from station.clock import DeviceClock
from station.config import StationFile
from station.errors import MessageError
from station.messages import Sensor
from station.wire import Hello, parse_hello


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
        self._scales: list[Scale] = []
        self._last_us: dict[str, int] = {}
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
        """See Driver.opened; a frame cut in two fails its checksum and is counted there."""

    def request(self, now_s: float) -> bytes:
        """See Driver.request; a board talks unasked."""
        return b""

    def feed(self, data: bytes, received_s: float) -> list[Samples]:
        """See Driver.feed."""
        frames = self._decoder.feed(data)
        session_us = self.clock.feed(frames.boot_id, frames.t_us, frames.span_us, received_s)
        sample_us = np.repeat(session_us, frames.samples) - frames.age_us
        given: list[Samples] = []
        start = 0
        for index, raw in frames.hellos:
            hello = self._new_hello(raw)
            if hello is not None:
                given += self._samples(frames, sample_us, start, index)
                self._hello = hello
                self._scales = [scale_of(channel, self._station) for channel in hello.channels]
                start = index
        given += self._samples(frames, sample_us, start, len(frames.t_us))
        self._count(given)
        return given

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

    def _samples(self, frames: Frames, sample_us: NDArray[np.int64], start: int, stop: int) -> list[Samples]:
        """The samples of frames[start:stop], by the hello that holds for them."""
        first, last = int(frames.samples[:start].sum()), int(frames.samples[:stop].sum())
        if first == last:
            return []
        if self._hello is None:
            self.stats.samples_rejected += last - first
            return []
        channel = frames.channel[first:last]
        of_boot = frames.boot_id[start:stop] == self._hello.boot_id
        if not of_boot.all():
            # 255 names no channel: a board that has just started anew has yet to say what it measures.
            channel = np.where(np.repeat(of_boot, frames.samples[start:stop]), channel, np.uint8(255))
        given = []
        unused = last - first
        for index, announced in enumerate(self._hello.channels):
            where = (channel == index).nonzero()[0] + first
            if not len(where):
                continue
            unused -= len(where)
            where = self._after_the_last(announced.name, where, sample_us)
            counts = frames.counts[where]
            beyond = (counts <= announced.min_counts) | (counts >= announced.max_counts)
            value = self._scales[index].si(counts)
            if beyond.any():
                value = np.where(beyond, np.nan, value)  # how far beyond is not known
                before = self.stats.saturated.get(announced.name, 0)
                self.stats.saturated[announced.name] = before + int(beyond.sum())
            if len(where):
                given.append(Samples(announced.name, sample_us[where] / 1e6, value))
        self.stats.samples_rejected += unused
        return given

    def _after_the_last(
        self, name: str, where: NDArray[np.intp], sample_us: NDArray[np.int64]
    ) -> NDArray[np.intp]:
        """Those of the samples `where` that come after every sample of this channel before them."""
        times_us = sample_us[where]
        newest_us = self._last_us.get(name, int(times_us[0]) - 1)
        if times_us[0] <= newest_us or (times_us[1:] <= times_us[:-1]).any():
            before = np.maximum.accumulate(np.concatenate(([newest_us], times_us[:-1])))
            later = times_us > before
            self.stats.samples_rejected += int((~later).sum())
            where, times_us = where[later], times_us[later]
        self._last_us[name] = int(times_us[-1]) if len(times_us) else newest_us
        return where

    def _count(self, given: list[Samples]) -> None:
        stats, decoder = self.stats, self._decoder
        stats.frames = decoder.frames
        stats.frames_lost = decoder.frames_lost
        stats.frames_corrupt = decoder.frames_corrupt
        stats.frames_repeated = decoder.frames_repeated
        stats.frames_unsupported = decoder.frames_unsupported + self._bad_hellos
        stats.bytes_discarded = decoder.bytes_discarded
        stats.resets = decoder.resets
        for samples in given:
            stats.samples += len(samples.time_s)
            newest_s = float(samples.time_s[-1])
            stats.last_sample_s = max(newest_s, stats.last_sample_s or newest_s)
