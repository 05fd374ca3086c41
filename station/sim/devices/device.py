"""A simulated sensor board: samples in, the bytes a real board would send out, and a line that spoils them.

    board = SimulatedBoard([BoardChannel(wire.Channel("position_m", 1000.0, 20_000.0), width=3)], rng=rng)
    for sent_s, data in board.send([(time_s, counts)]):
        ...                       # data leaves the board at sent_s, on the clock of time_s

Session time 0 of a driver that hears the stream from its start is the first sample's time.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from station import wire

Piece = tuple[float, bytes]  # true time at which the bytes leave, seconds; the bytes
ChannelSamples = tuple[NDArray[np.float64], NDArray[np.float64]]  # time_s and counts, each of shape (n,)

BOOT_S = 0.3  # a microcontroller's start, before its first hello
MAX_BLOCK_SAMPLES = 200  # keeps any block well inside a frame


class BoardChannel(NamedTuple):
    """A channel of the board and how many bytes (2, 3 or 4) its counts take on the line."""

    announced: wire.Channel
    width: int = 3


class SimulatedBoard:
    """A board that samples, frames and sends; its crystal may be off, and it may reset.

    State: boot_id, seq, the origin of its ticks and when the next hello is due.
    """

    def __init__(
        self,
        channels: Sequence[BoardChannel],
        *,
        rng: np.random.Generator,
        name: str = "simulated board",
        firmware: str = "1.0",
        frame_s: float = 0.016,
        drift_ppm: float = 0.0,
        start_us: int = 0,
        resets_at_s: Sequence[float] = (),
        edition: int = wire.EDITION,
    ) -> None:
        """drift_ppm: how much faster the board's clock runs than true time. start_us: tick of its first
        sample, e.g. 2**32 - 500_000 for a wrap half a second later. resets_at_s: true times, ascending, at
        which it loses what it has not sent, starts anew by its watchdog and is silent for 0.3 s. edition: of
        the protocol; the first has no status.
        """
        self._channels = list(channels)
        self._rng = rng
        self._name = name
        self._firmware = firmware
        self._frame_s = frame_s
        self._rate_us = 1e6 * (1.0 + drift_ppm * 1e-6)
        self._start_us = start_us
        self._resets_at_s = list(resets_at_s)
        self._boot_s: float | None = None
        self._boot_id = 0
        self._seq = 0
        self._next_hello_s = 0.0
        self._edition = edition
        self._restarts = 0

    def send(self, samples: Sequence[ChannelSamples]) -> Iterator[Piece]:
        """Send samples, one (time_s, counts) per channel, in the channels' order; oldest piece first.

        time_s: float64, shape (n,), true time, strictly increasing; channels may differ in n and be empty.
        counts: float64, shape (n,), whole numbers within the channel's width; NaN = no value.
        Call it again with later samples to go on. Raises ValueError for counts that do not fit.
        """
        times = [time_s for time_s, _ in samples if len(time_s)]
        if not times:
            return
        start_s = min(float(time_s[0]) for time_s in times)
        end_s = max(float(time_s[-1]) for time_s in times)
        if self._boot_s is None:
            yield from self._boot(start_s, self._start_us)
        frames = int((end_s - start_s) / self._frame_s) + 1
        closed_s = start_s + self._frame_s * np.arange(1, frames + 1)
        edges = [np.searchsorted(time_s, closed_s, side="left") for time_s, _ in samples]
        first = [0] * len(samples)
        for index in range(frames):
            last = [int(edge[index]) for edge in edges]
            sent_s = float(closed_s[index])
            if self._resets_at_s and sent_s >= self._resets_at_s[0]:
                reset_s = self._resets_at_s.pop(0) + BOOT_S
                first = [int(np.searchsorted(time_s, reset_s, side="left")) for time_s, _ in samples]
                self._restarts += 1
                yield from self._boot(reset_s, round(BOOT_S * self._rate_us))
            if any(begin < end for begin, end in zip(first, last, strict=True)):
                yield from self._frame(samples, first, last, sent_s)
                first = [max(pair) for pair in zip(first, last, strict=True)]

    def _boot(self, at_s: float, start_us: int) -> Iterator[Piece]:
        """Start anew at a true time: a new boot_id, a zero byte that ends what was cut off, and a hello."""
        self._boot_s = at_s
        self._start_us = start_us
        self._boot_id = int(self._rng.integers(2**32))
        self._seq = 0
        self._next_hello_s = at_s + wire.HELLO_PERIOD_US / 1e6
        yield at_s, b"\0" + self._greeting(at_s)

    def _greeting(self, at_s: float) -> bytes:
        """The hello and, where the edition has one, the status."""
        hello = wire.encode(self._hello(at_s), self._edition)
        return hello if self._edition == 1 else hello + wire.encode(self._status(at_s), self._edition)

    def _status(self, at_s: float) -> wire.Status:
        seq, ticks_us = self._next_seq(), int(self._ticks_us(np.array(at_s)))
        return wire.Status(seq, self._boot_id, ticks_us, self._restarts, 0, 0.1, (0,) * len(self._channels))

    def _hello(self, at_s: float) -> wire.Hello:
        return wire.Hello(
            self._next_seq(),
            self._boot_id,
            int(self._ticks_us(np.array(at_s))),
            self._name,
            self._firmware,
            tuple(channel.announced for channel in self._channels),
            start=wire.Start.WATCHDOG if self._restarts else wire.Start.SWITCHED_ON,
        )

    def _frame(
        self, samples: Sequence[ChannelSamples], first: list[int], last: list[int], sent_s: float
    ) -> Iterator[Piece]:
        """The samples [first, last) of every channel, in as many frames as they need, and a due hello."""
        t_us = int(self._ticks_us(np.array(sent_s))) + 1  # blocks are even to 1 µs; none may pass the frame
        blocks: list[wire.Block] = []
        size = 0
        data = bytearray()
        if sent_s >= self._next_hello_s:
            data += self._greeting(sent_s)
            self._next_hello_s = sent_s + wire.HELLO_PERIOD_US / 1e6
        for index, (channel, (time_s, counts)) in enumerate(zip(self._channels, samples, strict=True)):
            begin, end = first[index], last[index]
            ticks_us = self._ticks_us(time_s[begin:end])
            for block in _blocks(index, channel.width, t_us, ticks_us, counts[begin:end]):
                block_bytes = wire.BLOCK_BYTES + block.width * len(block.counts)
                if size + block_bytes > wire.MAX_BODY_BYTES:
                    data += self._data(t_us, blocks)
                    blocks, size = [], 0
                blocks.append(block)
                size += block_bytes
        data += self._data(t_us, blocks)
        yield sent_s, bytes(data)

    def _data(self, t_us: int, blocks: list[wire.Block]) -> bytes:
        return wire.encode(wire.Data(self._next_seq(), self._boot_id, t_us, blocks), self._edition)

    def _ticks_us(self, time_s: NDArray[np.float64]) -> NDArray[np.int64]:
        """The board's ticks, not yet wrapped, at true times."""
        assert self._boot_s is not None
        return np.rint(self._start_us + (time_s - self._boot_s) * self._rate_us).astype(np.int64)

    def _next_seq(self) -> int:
        self._seq += 1
        return self._seq - 1


def _blocks(
    channel: int, width: int, t_us: int, ticks_us: NDArray[np.int64], counts: NDArray[np.float64]
) -> Iterator[wire.Block]:
    """The samples in blocks, each evenly spaced to a microsecond."""
    start, n = 0, len(ticks_us)
    while start < n:
        ticks = ticks_us[start : start + MAX_BLOCK_SAMPLES] - ticks_us[start]
        period_us = round(int(ticks[-1]) / (len(ticks) - 1)) if len(ticks) > 1 else 0
        even = np.abs(ticks - period_us * np.arange(len(ticks))) <= 1
        stop = start + (len(ticks) if even.all() else int(np.argmin(even)))
        yield wire.Block(channel, width, t_us - int(ticks_us[start]), period_us, counts[start:stop])
        start = stop


class LineFaults(msgspec.Struct, frozen=True, kw_only=True):
    """What a bad cable does. Rates are probabilities; spans are (start, end) in true time, seconds."""

    byte_drop_rate: float = 0.0  # per byte
    bit_flip_rate: float = 0.0  # per byte, one bit of it
    garbage_rate: float = 0.0  # per piece, 1 to 64 random bytes before it
    repeat_rate: float = 0.0  # per piece, sent twice
    stalls: tuple[tuple[float, float], ...] = ()  # held back, then all at once
    unplugged: tuple[tuple[float, float], ...] = ()  # lost


def spoil(pieces: Iterable[Piece], faults: LineFaults, rng: np.random.Generator) -> Iterator[Piece]:
    """The pieces as they arrive over a bad line; the same seed spoils the same way."""
    for sent_s, sent in pieces:
        if any(start <= sent_s < end for start, end in faults.unplugged):
            continue
        data = sent
        if faults.repeat_rate and rng.random() < faults.repeat_rate:
            data += sent
        if faults.garbage_rate and rng.random() < faults.garbage_rate:
            data = rng.bytes(int(rng.integers(1, 65))) + data
        data = _spoil_bytes(data, faults, rng)
        arrives_s = next((end for start, end in faults.stalls if start <= sent_s < end), sent_s)
        if data:
            yield arrives_s, data


def _spoil_bytes(data: bytes, faults: LineFaults, rng: np.random.Generator) -> bytes:
    """Flip bits and drop bytes."""
    if not faults.bit_flip_rate and not faults.byte_drop_rate:
        return data
    raw = np.frombuffer(data, dtype=np.uint8).copy()
    flipped = rng.random(len(raw)) < faults.bit_flip_rate
    raw[flipped] ^= np.uint8(1) << rng.integers(0, 8, int(flipped.sum()), dtype=np.uint8)
    return raw[rng.random(len(raw)) >= faults.byte_drop_rate].tobytes()
