"""What the board's frames can and cannot say."""

import math
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import FrameDecoder
from station import wire
from station.config import CHANNELS
from station.errors import MessageError

POSITION = wire.Channel("position_m", 1000.0, 20_000.0, 12.5, -5, 400_000)


def make_hello(**changes: Any) -> wire.Hello:
    hello = wire.Hello(3, 0xDEADBEEF, 2**32 - 1, "rack board", "1.2.3", (POSITION,))
    return hello._replace(**changes)


def hello_bytes(hello: wire.Hello, edition: int = wire.EDITION) -> bytes:
    ((_, raw),) = FrameDecoder().feed(wire.encode(hello, edition)).hellos
    return raw


def test_a_hello_comes_back_as_it_was_sent() -> None:
    assert wire.parse_hello(hello_bytes(make_hello())) == make_hello()


@given(
    board=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=32),
    serial=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=16),
    start=st.sampled_from(wire.Start),
    zeros=st.lists(st.sampled_from(wire.Zero), min_size=1, max_size=len(CHANNELS)),
    edition=st.sampled_from((1, 2)),
)
def test_both_editions_of_a_hello_are_read_and_the_first_says_less(
    board: str, serial: str, start: wire.Start, zeros: list[wire.Zero], edition: int
) -> None:
    channels = tuple(
        wire.Channel(name, 80.0, -10.0, zero=zero) for name, zero in zip(CHANNELS, zeros, strict=False)
    )
    said = make_hello(board=board, serial=serial, start=start, channels=channels)
    plain = tuple(channel._replace(zero=wire.Zero.FIXED) for channel in channels)
    less = said._replace(serial="", start=wire.Start.SWITCHED_ON, channels=plain)
    assert wire.parse_hello(hello_bytes(said, edition)) == (said if edition == 2 else less)


@given(
    restarts=st.integers(0, 2**32 - 1),
    dropped=st.integers(0, 2**32 - 1),
    permille=st.integers(0, 1000) | st.none(),
    missed=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=16),
)
def test_a_status_comes_back_as_it_was_sent(
    restarts: int, dropped: int, permille: int | None, missed: list[int]
) -> None:
    load = math.nan if permille is None else permille / 1000.0
    said = wire.Status(5, 6, 7, restarts, dropped, load, tuple(missed))
    ((_, raw),) = FrameDecoder().feed(wire.encode(said)).statuses
    assert repr(wire.parse_status(raw)) == repr(said)


def test_the_first_edition_has_no_status() -> None:
    status = wire.Status(5, 6, 7, 0, 0, 0.1, (0,))
    with pytest.raises(ValueError, match="no status"):
        wire.encode(status, 1)
    decoder = FrameDecoder()
    raw = bytes((1, 3)) + bytes(10)
    sealed = wire.cobs(raw + zlib.crc32(raw).to_bytes(4, "little")) + b"\0"
    assert decoder.feed(sealed).statuses == []
    assert decoder.frames_unsupported == 1


def test_a_code_of_a_later_edition_is_refused() -> None:
    raw = bytearray(hello_bytes(make_hello()))
    raw[76] = 9
    with pytest.raises(MessageError, match="start 9"):
        wire.parse_hello(bytes(raw))


def test_a_hello_holds_every_channel_there_is() -> None:
    channels = tuple(wire.Channel(name, 80.0, -10.0) for name in CHANNELS)
    assert wire.parse_hello(hello_bytes(make_hello(channels=channels))).channels == channels


@given(
    width=st.sampled_from([2, 3, 4]),
    data=st.data(),
    seq=st.integers(0, 65_535),
    t_us=st.integers(0, 2**32 - 1),
)
def test_counts_come_back_as_they_were_sent(width: int, data: st.DataObject, seq: int, t_us: int) -> None:
    top = 2 ** (8 * width - 1) - 1
    counts = np.array(
        data.draw(st.lists(st.integers(-top, top) | st.just(math.nan), min_size=1, max_size=100)), float
    )
    frame = wire.Data(seq, 1, t_us, [wire.Block(9, width, 100_000, 1000, counts)])
    frames = FrameDecoder().feed(wire.encode(frame))
    (samples,) = frames.samples
    np.testing.assert_array_equal(samples["counts"], counts)
    np.testing.assert_array_equal(samples["age_us"], 100_000 - 1000 * np.arange(len(counts)))
    assert (frames.t_us, set(samples["channel"].tolist())) == ([t_us], {9})


@given(st.binary(max_size=800))
def test_stuffed_bytes_hold_no_zero_and_little_more(raw: bytes) -> None:
    stuffed = wire.cobs(raw)
    assert 0 not in stuffed
    assert len(stuffed) <= len(raw) + len(raw) // 254 + 1


def test_stuffing_gives_the_published_examples() -> None:
    # Cheshire and Baker 1999, and the table of the Wikipedia article on COBS.
    assert wire.cobs(b"\0") == b"\x01\x01"
    assert wire.cobs(b"\x11\x22\0\x33") == b"\x03\x11\x22\x02\x33"
    assert wire.cobs(bytes(range(1, 255)) + b"\0") == b"\xff" + bytes(range(1, 255)) + b"\x01\x01"


def test_a_frame_on_the_line_is_what_the_drawing_says() -> None:
    frame = wire.Data(0x0102, 0x03040506, 0x0708090A, [wire.Block(1, 2, 0x0B0C0D, 1, np.array([0x0E0F]))])
    raw = bytes.fromhex("02 02 0201 06050403 0a090807 01 02 0100 0d0c0b00 01000000 0f0e".replace(" ", ""))
    crc = zlib.crc32(raw)
    assert wire.encode(frame) == wire.cobs(raw + crc.to_bytes(4, "little")) + b"\0"


@pytest.mark.parametrize(
    "block",
    [
        wire.Block(0, 2, 0, 0, np.array([32_768.0])),
        wire.Block(0, 2, 0, 0, np.array([-32_768.0])),
        wire.Block(0, 3, 0, 0, np.array([0.5])),
        wire.Block(0, 4, 0, 0, np.array([np.inf])),
        wire.Block(0, 5, 0, 0, np.array([1.0])),
        wire.Block(0, 2, 0, 0, np.array([])),
        wire.Block(0, 2, 10, 6, np.array([1.0, 2.0, 3.0])),
        wire.Block(0, 2, 2**31, 6, np.array([1.0])),
    ],
)
def test_what_the_layout_cannot_hold_is_refused(block: wire.Block) -> None:
    with pytest.raises(ValueError, match=r"width|counts|age"):
        wire.encode(wire.Data(0, 1, 0, [block]))


def test_a_frame_without_channels_or_blocks_is_refused() -> None:
    with pytest.raises(ValueError, match="0 channels"):
        wire.encode(make_hello(channels=()))
    with pytest.raises(ValueError, match="block"):
        wire.encode(wire.Data(0, 1, 0, []))
    with pytest.raises(ValueError, match="longer than 32"):
        wire.encode(make_hello(board="b" * 33))


@pytest.mark.parametrize(
    ("channel", "names"),
    [
        (POSITION._replace(counts_per_unit=0.0), "position_m"),
        (POSITION._replace(counts_per_unit=math.nan), "position_m"),
        (POSITION._replace(rate_hz=0.0), "0.0 Hz"),
        (POSITION._replace(zero_counts=math.inf), "inf"),
        (POSITION._replace(name="speed"), "'speed'"),
    ],
)
def test_a_hello_that_makes_no_sense_is_refused(channel: wire.Channel, names: str) -> None:
    with pytest.raises(MessageError, match=names):
        wire.parse_hello(hello_bytes(make_hello(channels=(channel,))))


def test_a_hello_cannot_name_a_channel_twice() -> None:
    with pytest.raises(MessageError, match="twice"):
        wire.parse_hello(hello_bytes(make_hello(channels=(POSITION, POSITION))))


@pytest.mark.parametrize("text", ["rack\x1b[2J", "a\nb"])
def test_text_that_would_steer_a_terminal_is_refused(text: str) -> None:
    with pytest.raises(MessageError, match="unprintable"):
        wire.parse_hello(hello_bytes(make_hello(board=text)))


def test_three_channels_at_1_khz_fit_115200_baud() -> None:
    counts = np.full(20, 12_345.0)
    blocks = [wire.Block(index, width, 19_500, 1000, counts) for index, width in enumerate((3, 3, 2))]
    per_second = 50 * len(wire.encode(wire.Data(0, 0x01020304, 0x01020304, blocks)))
    assert per_second + len(wire.encode(make_hello(channels=(POSITION,) * 3))) < 11_520
