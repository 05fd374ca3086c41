"""The interface of drivers: samples in SI on the session's clock, and counters of link errors."""

from typing import NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from station.messages import Sensor
from station.timing.clock import DeviceClock


class Samples(NamedTuple):
    """New samples of one channel, oldest first.

    time_s: float64, shape (n,), session clock, strictly increasing from call to call.
    value: float64, shape (n,), SI as the channel's name says; NaN = no value.
    """

    channel: str
    time_s: NDArray[np.float64]
    value: NDArray[np.float64]


class LinkStats(msgspec.Struct):
    """Counters since the driver was made."""

    frames: int = 0
    frames_lost: int = 0  # by their sequence number
    frames_corrupt: int = 0
    frames_unsupported: int = 0  # a version or type, or a hello, that this software cannot read
    bytes_discarded: int = 0
    resets: int = 0  # of the board
    samples: int = 0  # given out
    samples_rejected: int = 0  # before the hello, of an unnamed channel, or not after the one before
    spikes: int = 0  # readings no load can have made: a lone jump there and back, a spurious -1
    saturated: dict[str, int] = {}  # channel -> samples at the end of its range
    last_sample_s: float | None = None  # session time
    missed: dict[str, int] = {}  # channel -> what the device itself says it missed
    device_restarts: int = 0  # by its own watchdog
    device_dropped: int = 0  # frames the device could not send
    not_understood: str | None = None  # the newest line that was not, as it came
    device_problem: str | None = None  # what is wrong with the device right now, in words


class Driver(Protocol):
    """Decodes one kind of device. Pure: bytes and their receive time in, samples out."""

    stats: LinkStats
    clock: DeviceClock

    @property
    def board(self) -> str | None:
        """Name and firmware of the device; None until it has told."""

    @property
    def sensors(self) -> list[Sensor]:
        """The channels as announced and calibrated; empty until the device has told."""

    def opened(self) -> None:
        """The port has been opened, or opened again: forget what was half read; bytes may be missing."""

    def request(self, now_s: float) -> bytes:
        """What the device is to be sent now, mostly nothing; to be asked after every read."""

    def feed(self, data: bytes, received_s: float) -> list[Samples]:
        """Take any number of bytes; return the samples they complete.

        received_s is the host's monotonic time at which the read returned. Bad bytes are counted in `stats`,
        never raised.
        """
