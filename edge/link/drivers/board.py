"""The driver of a Plumbline sensor board: frames, the board's clock, calibration."""

import numpy as np

from edge.link.drivers.samples import LinkStats, Samples
from kernels import ChannelSplit, FrameDecoder, Frames
from station.calibration import Scale, check_calibration, scale_of
from station.config import StationFile
from station.errors import MessageError
from station.messages import Sensor
from station.ports import Port
from station.timing.clock import DeviceClock
from station.wire import EDITION, Channel, Hello, Start, Status, Zero, parse_hello, parse_status

NEVER_US = -(2**63)
NOT_CONFIGURED = "not configured"  # the name of a board whose configuration is missing or only half written
# No tether is shorter than nothing; this much below zero is no error of a survey.
NEGATIVE_M = 0.05


def to_zero(station: StationFile) -> str:
    """What to do before a board is switched on whose encoder has no home switch."""
    # A unit above a stack has its tether out as far as it goes when the stack is down.
    return "let the stack down" if station.station.kind == "cable" else "let the tether run in"


class BoardDriver:
    """Bytes of a Plumbline board to samples.

    Samples that arrive before a hello of the same boot are counted as rejected, not kept: what they measure
    is not known, the hello comes once a second, and a board says it first when it starts.
    """

    def __init__(self, port: Port, station: StationFile) -> None:
        """Raises CalibrationError for a calibration in the station file that cannot be."""
        check_calibration(station)
        self.stats = LinkStats()
        self.clock = DeviceClock()
        self._station = station
        self._decoder = FrameDecoder()
        self._hello: Hello | None = None
        # By the hello; before there is one no channel is known, nor of a board that is not configured.
        self._channels: tuple[Channel, ...] = ()
        self._names: list[str] = []
        self._scales: list[Scale] = []
        self._split = ChannelSplit(0, np.empty((0, 2)), np.empty((0, 2)), [])
        self._bad_hellos = 0
        self._bad_hello = ""
        self._status: Status | None = None
        self._earlier: dict[str, int] = {}  # what boots before this one have missed
        self._earlier_dropped = 0
        self._restarted = False  # while it was being listened to, and not by switching it off and on
        self._negative = ""  # the channel whose zero cannot be right

    @property
    def board(self) -> str | None:
        """Name and firmware as the hello says."""
        return None if self._hello is None else f"{self._hello.board} {self._hello.firmware}".strip()

    @property
    def hello(self) -> Hello | None:
        """The newest hello that could be read."""
        return self._hello

    @property
    def load(self) -> float:
        """Share of the last second in which the board's processor was busy; NaN: not known."""
        return float("nan") if self._status is None else self._status.load

    @property
    def sensors(self) -> list[Sensor]:
        """The channels of the newest hello, with the calibration in use."""
        return [
            Sensor(channel=c.name, rate_hz=c.rate_hz, counts_per_unit=scale.counts_per_unit)
            for c, scale in zip(self._channels, self._scales, strict=True)
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
        statuses = list(frames.statuses)
        for index, raw in frames.hellos:
            while statuses and statuses[0][0] < index:
                self._heed(parse_status(statuses.pop(0)[1]))
            hello = self._new_hello(raw)
            if hello is not None:
                given += self._samples(frames, session_us, start, index)
                self._follow(hello)
                start = index
        given += self._samples(frames, session_us, start, len(frames))
        for _, raw in statuses:
            self._heed(parse_status(raw))
        self._count(given)
        return given

    def _follow(self, hello: Hello) -> None:
        """From now on the samples are what this hello says."""
        newest_us = dict(zip(self._names, self._split.newest_us, strict=True))
        if self._hello is not None and hello.boot_id != self._hello.boot_id:
            self._restarted = hello.start != Start.SWITCHED_ON
            self._negative = ""
        self._hello = hello
        self._channels = () if hello.board == NOT_CONFIGURED else hello.channels
        self._names = [channel.name for channel in self._channels]
        self._scales = [scale_of(channel, self._station) for channel in self._channels]
        self._split = ChannelSplit(
            hello.boot_id,
            np.array([(c.min_counts, c.max_counts) for c in self._channels], dtype=np.float64).reshape(-1, 2),
            np.array(self._scales, dtype=np.float64).reshape(-1, 2),
            [newest_us.get(name, NEVER_US) for name in self._names],
        )

    def _new_hello(self, raw: bytes) -> Hello | None:
        """The hello if it says something new."""
        try:
            hello = parse_hello(raw)
        except MessageError as error:
            self._bad_hellos += 1
            self._bad_hello = str(error)
            return None
        self._bad_hello = ""
        known = self._hello
        if known is not None and (hello.boot_id, hello[3:]) == (known.boot_id, known[3:]):
            return None
        return hello

    def _samples(self, frames: Frames, session_us: list[int], start: int, stop: int) -> list[Samples]:
        """The samples of frames[start:stop], by the hello that holds for them."""
        parts, left_out = self._split.split(frames, session_us, start, stop)
        self.stats.samples_rejected += left_out
        given = []
        for index, time_s, value, beyond, least in parts:
            name = self._names[index]
            if beyond:
                self.stats.saturated[name] = self.stats.saturated.get(name, 0) + beyond
            given.append(Samples(name, time_s, value))
            if least < -NEGATIVE_M and name.startswith("position"):
                self._negative = name
        return given

    def _heed(self, status: Status) -> None:
        """The board's own counters, on top of those of the boots before."""
        hello, known = self._hello, self._status
        if known is not None and known.boot_id != status.boot_id:
            self._earlier = dict(self.stats.missed)
            self._earlier_dropped = self.stats.device_dropped
        self._status = status
        self.stats.device_restarts = status.watchdog_restarts
        self.stats.device_dropped = self._earlier_dropped + status.frames_dropped
        if hello is not None and hello.boot_id == status.boot_id and len(status.missed) == len(self._names):
            for name, missed in zip(self._names, status.missed, strict=True):
                self.stats.missed[name] = self._earlier.get(name, 0) + missed

    def _problem(self) -> str | None:
        """What is wrong with the board right now, in words."""
        hello = self._hello
        if not self._decoder.frames and self._decoder.unsupported_version:
            return (
                f"the board speaks edition {self._decoder.unsupported_version} of the protocol,"
                f" this software reads up to {EDITION}; update this software"
            )
        if self._bad_hello:
            return self._bad_hello
        if hello is None:
            return None
        if hello.board == NOT_CONFIGURED:
            return (
                "the board has no configuration, or half of one: nothing it measures is used;"
                " make one with plumbline board configure and flash it"
            )
        if self._negative:
            why = "the tether was out when the board was switched on, or A and B are swapped"
            if self._station.station.kind == "cable":
                why = "the stack was up when the board was switched on, or reversed is wrong, or A and B are"
            todo = f"{to_zero(self._station)} and switch the board off and on"
            return f"{self._negative} is below 0: {why}; {todo}"
        return self._moved(hello)

    def _moved(self, hello: Hello) -> str | None:
        """Which zero a restart may have moved, in words.

        The board counts its watchdog's restarts until it is switched off, whoever listens. A reset that
        nobody heard was by whoever opened the port, as a Nano's is.
        """
        counted = self._status is not None and self._status.boot_id == hello.boot_id
        watchdog = hello.start == Start.WATCHDOG or bool(counted and self.stats.device_restarts)
        moved = [c.name for c in hello.channels if c.zero in (Zero.SWITCH_ON, Zero.KEPT)]
        if not moved or not (watchdog or self._restarted):
            return None
        by = "its watchdog" if watchdog else "a reset"
        return (
            f"the board was restarted by {by}: zero of {', '.join(moved)} may have moved;"
            f" {to_zero(self._station)} and switch the board off and on"
        )

    def _count(self, given: list[Samples]) -> None:
        stats, decoder = self.stats, self._decoder
        stats.frames = decoder.frames
        stats.frames_lost = decoder.frames_lost
        stats.frames_corrupt = decoder.frames_corrupt
        stats.frames_unsupported = decoder.frames_unsupported + self._bad_hellos
        stats.bytes_discarded = decoder.bytes_discarded
        stats.resets = decoder.resets
        stats.device_problem = self._problem()
        for _, time_s, _ in given:
            stats.samples += len(time_s)
            newest_s = time_s.item(-1)
            stats.last_sample_s = max(newest_s, stats.last_sample_s or newest_s)
