"""What a Plumbline sensor board says on its serial line, byte by byte.

A frame is COBS-encoded, so it has no zero byte inside, and ends with one zero byte. Before COBS it is at most
1024 bytes, little endian, and its type fixes its length exactly:

    offset  type  name      unit  meaning
    0       u8    version         1
    1       u8    type            1 hello, 2 data
    2       u16   seq             0 at the start of the board, +1 with every frame of any type; wraps at 65536
    4       u32   boot_id         random, drawn once per start of the board
    8       u32   t_us      µs    the board's clock when it closed the frame; wraps after 71.6 minutes
    12      …     body            by type
    end-4   u32   crc             CRC-32 (zlib's polynomial, reflected) of everything before it

Hello, once a second, so that a listener who joins mid-stream soon understands the data. Body of
49 + 56 n bytes for n channels (1 to 16); text is ASCII, padded with zero bytes:

    12      32 B  board           name of the board
    44      16 B  firmware
    60      u8    n               number of channels; then for each, in the order of their index:
    61      24 B  name            as in station.config.CHANNELS
    +24     f64   rate_hz   Hz    nominal samples per second
    +32     f64   counts_per_unit  counts per m, rad or N, as the channel's name says; not 0
    +40     f64   zero_counts     counts at zero; value = (counts - zero_counts) / counts_per_unit
    +48     i32   min_counts      a reading at or below it is saturated
    +52     i32   max_counts      a reading at or above it is saturated

Data: one block or more, until the crc. Sample k of a block was taken at t_us - age_us + k · period_us, which
is never after t_us. A sensor with a clock of its own sends blocks of one sample.

    +0      u8    channel         index into the hello's channels
    +1      u8    width     bytes 2, 3 or 4 per sample
    +2      u16   count           samples in the block, 1 or more
    +4      u32   age_us    µs    age of the first sample when the frame was closed, below 2^31
    +8      u32   period_us µs    between samples
    +12     …     counts          count × width bytes, two's complement; the most negative number of the
                                  width means "no value"

Three channels at 1 kHz in 20 ms frames, widths 3, 3 and 2, are 10.7 kB/s: it fits 115 200 baud (11.5 kB/s).
"""

import math
import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from station.config import CHANNELS
from station.errors import MessageError

PROTOCOL_VERSION = 1
HELLO, DATA = 1, 2
MAX_FRAME_BYTES = 1024  # before COBS; bounds the decoder's memory
MAX_CHANNELS = 16
HELLO_PERIOD_US = 1_000_000
MAX_AGE_US = 2**31  # beyond it a signed difference of ticks is ambiguous

_HEADER = struct.Struct("<BBHII")
_HELLO = struct.Struct("<32s16sB")
_CHANNEL = struct.Struct("<24sdddii")
_BLOCK = struct.Struct("<BBHII")
_CRC = struct.Struct("<I")
BLOCK_BYTES = _BLOCK.size  # before its counts
MAX_BODY_BYTES = MAX_FRAME_BYTES - _HEADER.size - _CRC.size


class Channel(NamedTuple):
    """One channel as the hello announces it. Units as in the channel's name."""

    name: str
    rate_hz: float
    counts_per_unit: float
    zero_counts: float = 0.0
    min_counts: int = -(2**31) + 1
    max_counts: int = 2**31 - 1


class Hello(NamedTuple):
    """Who is talking, and what its channels mean."""

    seq: int
    boot_id: int
    t_us: int
    board: str
    firmware: str
    channels: tuple[Channel, ...]


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


def encode(frame: Hello | Data) -> bytes:
    """The bytes of one frame on the line, its closing zero included.

    seq and t_us are taken modulo their width. Raises ValueError for what the layout cannot hold.
    """
    if isinstance(frame, Hello):
        kind, body = HELLO, _hello_body(frame)
    else:
        kind, body = DATA, b"".join(map(_block, frame.blocks))
        if not body:
            raise ValueError("a data frame needs at least one block")
    header = _HEADER.pack(
        PROTOCOL_VERSION, kind, frame.seq & 0xFFFF, frame.boot_id & 0xFFFFFFFF, frame.t_us & 0xFFFFFFFF
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
    _, _, seq, boot_id, t_us = _HEADER.unpack_from(raw)
    try:
        board, firmware, n = _HELLO.unpack_from(raw, _HEADER.size)
        start = _HEADER.size + _HELLO.size
        channels = tuple(
            _channel(*_CHANNEL.unpack_from(raw, start + index * _CHANNEL.size)) for index in range(n)
        )
        hello = Hello(seq, boot_id, t_us, _text(board), _text(firmware), channels)
    except (struct.error, UnicodeDecodeError) as error:
        raise MessageError(f"hello of the board cannot be read: {error}; update its firmware") from error
    names = [channel.name for channel in channels]
    if len(set(names)) < len(names):
        raise MessageError(f"hello of {hello.board} names a channel twice; update its firmware")
    return hello


def _hello_body(hello: Hello) -> bytes:
    if not 1 <= len(hello.channels) <= MAX_CHANNELS:
        raise ValueError(f"{len(hello.channels)} channels; a hello names 1 to {MAX_CHANNELS}")
    channels = (
        _CHANNEL.pack(
            _padded(c.name, 24), c.rate_hz, c.counts_per_unit, c.zero_counts, c.min_counts, c.max_counts
        )
        for c in hello.channels
    )
    head = _HELLO.pack(_padded(hello.board, 32), _padded(hello.firmware, 16), len(hello.channels))
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
    name: bytes, rate_hz: float, counts_per_unit: float, zero: float, low: int, high: int
) -> Channel:
    text = _text(name)
    numbers = (rate_hz, counts_per_unit, zero)
    if not all(map(math.isfinite, numbers)) or counts_per_unit == 0.0 or rate_hz <= 0.0:
        raise MessageError(
            f"hello gives {text} {rate_hz} Hz, {counts_per_unit} counts per unit, zero {zero}; "
            "they must be finite, rate and scale not 0"
        )
    if text not in CHANNELS:
        raise MessageError(f"hello names a channel {text!r}; known are {', '.join(CHANNELS)}")
    return Channel(text, rate_hz, counts_per_unit, zero, low, high)


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
