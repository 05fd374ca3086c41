"""What a Plumbline sensor board says on its serial line, byte by byte.

A frame is COBS-encoded, so it has no zero byte inside, and ends with one zero byte. Before COBS it is at most
1024 bytes, little endian, and its type fixes its length exactly:

    offset  type  name      unit  meaning
    0       u8    version         2; boards of the first edition say 1, and are read too
    1       u8    type            1 hello, 2 data, 3 status (not in the first edition)
    2       u16   seq             0 at the start of the board, +1 with every frame of any type; wraps at 65536
    4       u32   boot_id         random, drawn once per start of the board
    8       u32   t_us      µs    the board's clock when it closed the frame; wraps after 71.6 minutes
    12      …     body            by type
    end-4   u32   crc             CRC-32 (zlib's polynomial, reflected) of everything before it

Hello, once a second, so that a listener who joins mid-stream soon understands the data. Body of
66 + 57 n bytes for n channels (1 to 16); text is ASCII, padded with zero bytes:

    12      32 B  board           name of the board
    44      16 B  firmware
    60      16 B  serial          serial number                                       (not in edition 1)
    76      u8    start           why it started: 0 switched on, 1 watchdog, 2 asked  (not in edition 1)
    77      u8    n               number of channels; then for each, in the order of their index:
    78      24 B  name            as in station.config.CHANNELS
    +24     f64   rate_hz   Hz    nominal samples per second
    +32     f64   counts_per_unit  counts per m, rad or N, as the channel's name says; not 0
    +40     f64   zero_counts     counts at zero; value = (counts - zero_counts) / counts_per_unit
    +48     i32   min_counts      a reading at or below it is saturated
    +52     i32   max_counts      a reading at or above it is saturated
    +56     u8    zero            where zero is: 0 fixed by the sensor; 1 where it stood when the board was
                                  switched on; 2 kept over a restart, what moved meanwhile is missing;
                                  3 the home switch, passed since the start           (not in edition 1)

Without what edition 1 has not, a body of 49 + 56 n bytes. A hello may change while the board runs: passing
the home switch moves zero and says so.

Data: one block or more, until the crc. Sample k of a block was taken at t_us - age_us + k · period_us, which
is never after t_us. A sensor with a clock of its own sends blocks of one sample.

    +0      u8    channel         index into the hello's channels
    +1      u8    width     bytes 2, 3 or 4 per sample
    +2      u16   count           samples in the block, 1 or more
    +4      u32   age_us    µs    age of the first sample when the frame was closed, below 2^31
    +8      u32   period_us µs    between samples
    +12     …     counts          count × width bytes, two's complement; the most negative number of the
                                  width means "no value"

Status, once a second, body of 11 + 4 n bytes (not in edition 1). Counters wrap:

    12      u32   watchdog_restarts  since the board was switched on
    16      u32   frames_dropped  since its start: the line was too slow for them, or nobody took them
    20      u16   load            0.001  busy share of the processor in the last second; 65535 unknown
    22      u8    n               number of channels of the hello; then for each, in the order of their index:
    23      u32   missed          since the board's start: edges that were missed (encoder: both lines had
                                  changed at once), or readings that did not come in time (converter, tilt)

Three channels at 1 kHz in 20 ms frames, widths 3, 3 and 2, are 10.7 kB/s: it fits 115 200 baud (11.5 kB/s).
"""

import math
import struct
import zlib
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from station.config import CHANNELS
from station.errors import MessageError

EDITION = 2  # what boards of today speak; those of the first are read as well
HELLO, DATA, STATUS = 1, 2, 3
MAX_FRAME_BYTES = 1024  # before COBS; bounds the decoder's memory
MAX_CHANNELS = 16
HELLO_PERIOD_US = 1_000_000
NO_LOAD = 0xFFFF
MAX_AGE_US = 2**31  # beyond it a signed difference of ticks is ambiguous

_HEADER = struct.Struct("<BBHII")
_HELLO = {1: struct.Struct("<32s16sB"), 2: struct.Struct("<32s16s16sBB")}
_CHANNEL = {1: struct.Struct("<24sdddii"), 2: struct.Struct("<24sdddiiB")}
_STATUS = struct.Struct("<IIHB")
_MISSED = struct.Struct("<I")
_BLOCK = struct.Struct("<BBHII")
_CRC = struct.Struct("<I")
BLOCK_BYTES = _BLOCK.size  # before its counts
MAX_BODY_BYTES = MAX_FRAME_BYTES - _HEADER.size - _CRC.size


class Start(IntEnum):
    """Why a board started."""

    SWITCHED_ON = 0
    WATCHDOG = 1
    ASKED = 2  # reset pin, or after it was programmed


class Zero(IntEnum):
    """Where a channel's zero is."""

    FIXED = 0  # a property of the sensor
    SWITCH_ON = 1  # where it stood when the board was switched on
    KEPT = 2  # carried over a restart; what moved meanwhile is missing
    HOME = 3  # the home switch


_Code = TypeVar("_Code", Start, Zero)


class Channel(NamedTuple):
    """One channel as the hello announces it. Units as in the channel's name."""

    name: str
    rate_hz: float
    counts_per_unit: float
    zero_counts: float = 0.0
    min_counts: int = -(2**31) + 1
    max_counts: int = 2**31 - 1
    zero: Zero = Zero.FIXED  # the first edition does not say


class Hello(NamedTuple):
    """Who is talking, and what its channels mean."""

    seq: int
    boot_id: int
    t_us: int
    board: str
    firmware: str
    channels: tuple[Channel, ...]
    serial: str = ""
    start: Start = Start.SWITCHED_ON


class Status(NamedTuple):
    """What the board says of itself. missed: of each channel of the hello; load: 0 to 1, NaN = unknown."""

    seq: int
    boot_id: int
    t_us: int
    watchdog_restarts: int
    frames_dropped: int
    load: float
    missed: tuple[int, ...]


class Block(NamedTuple):
    """Samples of one channel at a constant period; counts: float64, shape (n,), whole; NaN = no value."""

    channel: int
    width: int
    age_us: int
    period_us: int
    counts: NDArray[np.float64]


class Data(NamedTuple):
    """The samples the board took since its last data frame."""

    seq: int
    boot_id: int
    t_us: int
    blocks: Sequence[Block]


def encode(frame: Hello | Data | Status, edition: int = EDITION) -> bytes:
    """The bytes of one frame on the line, its closing zero included.

    seq, t_us and counters are taken modulo their width. Raises ValueError for what the layout cannot hold.
    """
    if isinstance(frame, Hello):
        kind, body = HELLO, _hello_body(frame, edition)
    elif isinstance(frame, Status):
        if edition == 1:
            raise ValueError("the first edition has no status")
        kind, body = STATUS, _status_body(frame)
    else:
        kind, body = DATA, b"".join(map(_block, frame.blocks))
        if not body:
            raise ValueError("a data frame needs at least one block")
    header = _HEADER.pack(
        edition, kind, frame.seq & 0xFFFF, frame.boot_id & 0xFFFFFFFF, frame.t_us & 0xFFFFFFFF
    )
    checked = header + body
    raw = checked + _CRC.pack(zlib.crc32(checked))
    if len(raw) > MAX_FRAME_BYTES:
        raise ValueError(f"frame of {len(raw)} bytes; at most {MAX_FRAME_BYTES} are allowed")
    return cobs(raw) + b"\0"


def cobs(raw: bytes) -> bytes:
    """Consistent overhead byte stuffing (Cheshire and Baker 1999): the same bytes without a zero."""
    stuffed = bytearray()
    for run in raw.split(b"\0"):
        for start in range(0, len(run) - 253, 254):
            stuffed += b"\xff" + run[start : start + 254]
        rest = run[len(run) - len(run) % 254 :]
        stuffed.append(len(rest) + 1)
        stuffed += rest
    return bytes(stuffed)


def parse_hello(raw: bytes) -> Hello:
    """A hello from a frame the decoder has checked (COBS undone, crc included).

    Raises MessageError when its text or numbers make no sense: the board's firmware is at fault.
    """
    edition, _, seq, boot_id, t_us = _HEADER.unpack_from(raw)
    try:
        head, each = _HELLO[edition], _CHANNEL[edition]
        board, firmware, *more, n = head.unpack_from(raw, _HEADER.size)
        serial, start = more or (b"", Start.SWITCHED_ON)
        first = _HEADER.size + head.size
        channels = tuple(_channel(*each.unpack_from(raw, first + index * each.size)) for index in range(n))
        texts = [_text(text) for text in (board, firmware, serial)]
        hello = Hello(seq, boot_id, t_us, texts[0], texts[1], channels, texts[2], _known(Start, start))
    except (KeyError, struct.error, UnicodeDecodeError) as error:
        raise MessageError(f"hello of the board cannot be read: {error}; update its firmware") from error
    names = [channel.name for channel in channels]
    if len(set(names)) < len(names):
        raise MessageError(f"hello of {hello.board} names a channel twice; update its firmware")
    return hello


def parse_status(raw: bytes) -> Status:
    """A status from a frame the decoder has checked."""
    _, _, seq, boot_id, t_us = _HEADER.unpack_from(raw)
    restarts, dropped, load, n = _STATUS.unpack_from(raw, _HEADER.size)
    missed = struct.unpack_from(f"<{n}I", raw, _HEADER.size + _STATUS.size)
    return Status(
        seq, boot_id, t_us, restarts, dropped, math.nan if load == NO_LOAD else load / 1000.0, missed
    )


def _status_body(status: Status) -> bytes:
    if not 1 <= len(status.missed) <= MAX_CHANNELS:
        raise ValueError(f"{len(status.missed)} channels; a status speaks of 1 to {MAX_CHANNELS}")
    load = NO_LOAD if math.isnan(status.load) else round(1000.0 * status.load)
    counters = (status.watchdog_restarts & 0xFFFFFFFF, status.frames_dropped & 0xFFFFFFFF)
    missed = (_MISSED.pack(number & 0xFFFFFFFF) for number in status.missed)
    return _STATUS.pack(*counters, load, len(status.missed)) + b"".join(missed)


def _hello_body(hello: Hello, edition: int) -> bytes:
    if not 1 <= len(hello.channels) <= MAX_CHANNELS:
        raise ValueError(f"{len(hello.channels)} channels; a hello names 1 to {MAX_CHANNELS}")
    channels = (
        _CHANNEL[edition].pack(
            _padded(c.name, 24),
            *(c.rate_hz, c.counts_per_unit, c.zero_counts, c.min_counts, c.max_counts),
            *((c.zero,) if edition > 1 else ()),
        )
        for c in hello.channels
    )
    head = _HELLO[edition].pack(
        _padded(hello.board, 32),
        _padded(hello.firmware, 16),
        *((_padded(hello.serial, 16), hello.start) if edition > 1 else ()),
        len(hello.channels),
    )
    return head + b"".join(channels)


def _block(block: Block) -> bytes:
    """A block's header and counts. No value becomes the most negative number of the width."""
    counts = np.asarray(block.counts, dtype=np.float64)
    lowest = -(2 ** (8 * block.width - 1))
    if block.width not in (2, 3, 4) or not 1 <= len(counts) <= 0xFFFF:
        raise ValueError(f"width {block.width}, {len(counts)} samples; need width 2, 3 or 4 and a sample")
    if not (len(counts) - 1) * block.period_us <= block.age_us < MAX_AGE_US:
        raise ValueError(f"age {block.age_us} µs; the last sample must not be after the frame's time")
    absent = np.isnan(counts)
    whole = np.where(absent, lowest, counts)
    if (
        not ((whole > lowest) | absent).all()
        or not (whole < -lowest).all()
        or (whole != np.floor(whole)).any()
    ):
        raise ValueError(f"counts must be whole numbers above {lowest} and below {-lowest}")
    packed = whole.astype("<i4").view(np.uint8).reshape(-1, 4)[:, : block.width].tobytes()
    return _BLOCK.pack(block.channel, block.width, len(counts), block.age_us, block.period_us) + packed


def _channel(
    name: bytes,
    rate_hz: float,
    counts_per_unit: float,
    zero_counts: float,
    low: int,
    high: int,
    zero: int = Zero.FIXED,
) -> Channel:
    text = _text(name)
    numbers = (rate_hz, counts_per_unit, zero_counts)
    if not all(map(math.isfinite, numbers)) or counts_per_unit == 0.0 or rate_hz <= 0.0:
        raise MessageError(
            f"hello gives {text} {rate_hz} Hz, {counts_per_unit} counts per unit, zero {zero_counts}; "
            "they must be finite, rate and scale not 0"
        )
    if text not in CHANNELS:
        raise MessageError(f"hello names a channel {text!r}; known are {', '.join(CHANNELS)}")
    return Channel(text, rate_hz, counts_per_unit, zero_counts, low, high, _known(Zero, zero))


def _known(codes: type[_Code], number: int) -> _Code:
    try:
        return codes(number)
    except ValueError as error:
        raise MessageError(
            f"hello says {codes.__name__.lower()} {number}, known are 0 to {len(codes) - 1};"
            " update this software"
        ) from error


def _padded(text: str, size: int) -> bytes:
    raw = text.encode("ascii")
    if len(raw) > size:
        raise ValueError(f"{text!r} is longer than {size} bytes")
    return raw


def _text(raw: bytes) -> str:
    """Printable ASCII up to the padding: what a board says must not steer a terminal."""
    text = raw.rstrip(b"\0").decode("ascii")
    if not text.isprintable():
        raise MessageError(f"hello holds unprintable text {text!r}; update the board's firmware")
    return text
