"""The frame decoder against a slow, obvious one."""

import struct
import tracemalloc
import zlib
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import FrameDecoder, Frames
from station import wire

COUNTERS = (
    "frames",
    "frames_lost",
    "frames_corrupt",
    "frames_repeated",
    "frames_unsupported",
    "resets",
    "bytes_discarded",
)


class Reference:
    """The decoder as one would say it: split at zeros, undo COBS, check, unpack."""

    def __init__(self) -> None:
        self.count = dict.fromkeys(COUNTERS, 0)
        self.rows: list[tuple[Any, ...]] = []  # (boot_id, t_us, samples), a sample (channel, age_us, counts)
        self.newest: tuple[int, int, int] | None = None

    def decode(self, stream: bytes) -> "Reference":
        *pieces, tail = stream.split(b"\0")
        for index, piece in enumerate(pieces):
            if piece and not self.piece(piece):
                self.count["bytes_discarded"] += len(piece) + 1
                self.count["frames_corrupt"] += index > 0
        if len(tail) > 1029:
            self.count["bytes_discarded"] += len(tail)
        return self

    def piece(self, piece: bytes) -> bool:
        raw = self.uncobs(piece) if len(piece) <= 1029 else None
        if raw is None or not 16 <= len(raw) <= 1024:
            return False
        body, (crc,) = raw[:-4], struct.unpack("<I", raw[-4:])
        if zlib.crc32(body) != crc:
            return False
        version, kind, seq, boot_id, t_us = struct.unpack_from("<BBHII", body)
        if version not in (1, 2):
            self.count["frames_unsupported"] += 1
            return True
        samples = self.samples(body[12:]) if kind == 2 else []
        heads = {(1, 1): (49, 56), (2, 1): (66, 57), (2, 3): (11, 4)}  # by edition and type
        head = heads.get((version, kind))
        if samples is None or (head is not None and not self.has_channels(body[12:], *head)):
            return False
        if self.newest is not None and self.newest[0] == boot_id:
            behind, behind_us = (self.newest[1] - seq) % 65536, (self.newest[2] - t_us) % 2**32
            if behind < 64 and behind_us < 10_000_000:
                self.count["frames_repeated"] += 1
                return True
            self.count["frames_lost"] += (seq - self.newest[1] - 1) % 65536
        elif self.newest is not None:
            self.count["resets"] += 1
            self.count["frames_lost"] += seq
        self.newest = (boot_id, seq, t_us)
        self.count["frames"] += 1
        self.count["frames_unsupported"] += kind != 2 and head is None
        self.rows.append((boot_id, t_us, samples))
        return True

    @staticmethod
    def uncobs(piece: bytes) -> bytes | None:
        raw = b""
        while piece:
            run = piece[1 : piece[0]]
            if len(run) < piece[0] - 1:
                return None
            raw += run
            full, piece = piece[0] == 255, piece[piece[0] :]
            if piece and not full:
                raw += b"\0"
        return raw

    @staticmethod
    def has_channels(body: bytes, head: int, each: int) -> bool:
        n = body[head - 1] if len(body) >= head else 0
        return 1 <= n <= 16 and len(body) == head + each * n

    @staticmethod
    def samples(body: bytes) -> list[tuple[int, int, float]] | None:
        samples = []
        while True:
            if len(body) < 12:
                return None
            channel, width, count, age_us, period_us = struct.unpack_from("<BBHII", body)
            counts, body = body[12 : 12 + width * count], body[12 + width * count :]
            if channel > 15 or width not in (2, 3, 4) or not count or age_us >= 2**31:
                return None
            if len(counts) < width * count or (count - 1) * period_us > age_us:
                return None
            for k in range(count):
                number = int.from_bytes(counts[k * width : (k + 1) * width], "little", signed=True)
                none = number == -(2 ** (8 * width - 1))
                samples.append((channel, age_us - k * period_us, float("nan") if none else float(number)))
            if not body:
                return samples


def rows(frames: Frames) -> list[tuple[Any, ...]]:
    """Frames as the reference gives them."""
    samples = [of_frame.tolist() for of_frame in frames.samples]
    assert frames.span_us == [max((age_us for _, age_us, _ in each), default=0) for each in samples]
    return list(zip(frames.boot_id, frames.t_us, samples, strict=True))


def decode(stream: bytes, cuts: list[int] | None = None) -> tuple[str, dict[str, int]]:
    """What a decoder makes of a stream cut at these places; as text, in which NaN equals NaN."""
    decoder = FrameDecoder()
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts or []), len(stream)]
    found: list[tuple[Any, ...]] = []
    for begin, end in pairwise(edges):
        found += rows(decoder.feed(stream[begin:end]))
    return repr(found), {name: getattr(decoder, name) for name in COUNTERS}


def refer(stream: bytes) -> tuple[str, dict[str, int]]:
    """What the reference makes of it."""
    reference = Reference().decode(stream)
    return repr(reference.rows), reference.count


def make_frame(seq: int, *, boot_id: int = 7, n: int = 5, t_us: int | None = None) -> bytes:
    rng = np.random.default_rng(seq)
    t_us = 20_000 * seq if t_us is None else t_us
    edition = 2 - seq // 10 % 2
    if seq % 20 == 7:
        return wire.encode(wire.Status(seq, boot_id, t_us, 1, 2, 0.1, (3, 4)))
    if seq % 10 == 9:
        channels = (wire.Channel("position_m", 1000.0, 20_000.0), wire.Channel("force_n", 80.0, 10.0))
        return wire.encode(wire.Hello(seq, boot_id, t_us, "board", "1.0", channels), edition)
    blocks = []
    for channel, width in enumerate((2, 3, 4)):
        top = 2 ** (8 * width - 1) - 1
        counts = rng.integers(-top, top, n, endpoint=True).astype(np.float64)
        counts[rng.random(n) < 0.1] = np.nan
        counts[rng.random(n) < 0.2] = 0.0
        blocks.append(wire.Block(channel, width, 19_000, 1000, counts))
    return wire.encode(wire.Data(seq, boot_id, t_us, blocks), edition)


def make_stream(n: int = 40, first: int = 0) -> bytes:
    return b"".join(make_frame(seq) for seq in range(first, first + n))


def resealed(seq: int, change: dict[int, int], *, drop: int = 0) -> bytes:
    """A frame with bytes changed or dropped at its end and a crc that fits again: a faulty sender."""
    raw = bytearray(Reference.uncobs(make_frame(seq)[:-1]) or b"")
    for at, value in change.items():
        raw[at] = value
    body = bytes(raw[: len(raw) - 4 - drop])
    return wire.cobs(body + zlib.crc32(body).to_bytes(4, "little")) + b"\0"


def test_a_clean_stream_is_read_as_the_reference_reads_it() -> None:
    found, counters = decode(make_stream())
    assert (found, counters) == refer(make_stream())
    assert counters == {**dict.fromkeys(COUNTERS, 0), "frames": 40}


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(0, 10_000), max_size=12), seed=st.integers(0, 99))
def test_a_spoilt_stream_is_read_the_same_however_it_is_cut(cuts: list[int], seed: int) -> None:
    stream = spoilt(make_stream(), np.random.default_rng(seed))
    assert decode(stream, cuts) == decode(stream) == refer(stream)


def test_byte_by_byte_gives_the_same_as_whole() -> None:
    stream = spoilt(make_stream(15), np.random.default_rng(3))
    assert decode(stream, list(range(len(stream)))) == decode(stream)


def spoilt(stream: bytes, rng: np.random.Generator, rate: float = 0.002) -> bytes:
    """Flip, drop, repeat and insert bytes, zeros and long garbage among them."""
    pieces = []
    for byte in stream:
        luck = rng.random()
        if luck < rate:
            pieces.append(bytes([byte ^ 1 << int(rng.integers(8))]))
        elif luck < 2 * rate:
            pieces.append(rng.bytes(int(rng.integers(1, 40))) + bytes([byte]))
        elif luck < 2.1 * rate:
            pieces.append(b"\xaa" * int(rng.integers(900, 2500)) + bytes([byte]))
        elif luck > rate:
            pieces.append(bytes([byte]))
    return b"".join(pieces)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=3000))
def test_noise_is_read_as_the_reference_reads_it(noise: bytes) -> None:
    assert decode(noise, [7, 1030]) == refer(noise)


@settings(max_examples=100, deadline=None)
@given(noise=st.binary(max_size=2000), seq=st.integers(0, 65535))
def test_after_any_noise_and_a_zero_the_next_good_frame_is_read(noise: bytes, seq: int) -> None:
    decoder = FrameDecoder()
    decoder.feed(noise + b"\0")
    before = decoder.frames
    assert len(decoder.feed(make_frame(seq, boot_id=0xC0FFEE))) == 1
    assert decoder.frames == before + 1


def test_no_frame_with_changed_bytes_is_accepted() -> None:
    rng = np.random.default_rng(11)
    frame = make_frame(3)
    accepted = FrameDecoder()
    for _ in range(20_000):
        raw = bytearray(frame)
        for at in rng.integers(0, len(raw) - 1, int(rng.integers(1, 6))):
            raw[at] ^= int(rng.integers(1, 256))
        if bytes(raw) != frame:
            accepted.feed(bytes(raw))
            accepted.feed(b"\0")
    assert accepted.frames == 0
    assert accepted.frames_corrupt > 19_000


def test_lost_frames_are_counted_by_their_numbers() -> None:
    frames = [make_frame(seq) for seq in range(30)]
    assert decode(b"".join(frames[:4] + frames[7:20] + frames[21:]))[1]["frames_lost"] == 4


def test_the_first_frame_of_a_port_opened_again_is_whole() -> None:
    frames = [make_frame(seq) for seq in range(4)]
    decoder = FrameDecoder()
    decoder.feed(frames[0] + frames[1][:7])
    decoder.restart()
    assert len(decoder.feed(frames[2] + frames[3])) == 2
    assert (decoder.frames, decoder.frames_lost, decoder.frames_corrupt, decoder.bytes_discarded) == (
        3,
        1,
        1,
        7,
    )


def test_the_sequence_wraps_without_a_loss() -> None:
    assert decode(b"".join(make_frame(seq) for seq in range(65_530, 65_545)))[1]["frames_lost"] == 0


def test_more_lost_frames_than_half_the_numbers_are_no_repeats() -> None:
    late = make_frame(10, t_us=40_000 * 20_000)  # 65536 - 30 + 10 frames later
    counters = decode(make_frame(40, t_us=800_000) + late)[1]
    assert (counters["frames"], counters["frames_repeated"], counters["frames_lost"]) == (2, 0, 65_505)


@pytest.mark.parametrize("again", [[3], [1, 2, 3], [0]])
def test_repeated_frames_are_dropped_and_counted(again: list[int]) -> None:
    frames = [make_frame(seq) for seq in range(8)]
    stream = b"".join(frames[:4] + [frames[index] for index in again] + frames[4:])
    found, counters = decode(stream)
    assert found == decode(b"".join(frames))[0]
    assert (counters["frames_repeated"], counters["frames_lost"]) == (len(again), 0)


def test_a_reset_of_the_board_is_no_loss() -> None:
    stream = make_stream(5) + b"\0" + b"".join(make_frame(seq, boot_id=8) for seq in range(5))
    counters = decode(stream)[1]
    assert (counters["resets"], counters["frames_lost"], counters["frames_corrupt"]) == (1, 0, 0)
    assert counters["frames"] == 10


def test_frames_lost_right_after_a_reset_are_counted() -> None:
    stream = make_stream(5) + b"\0" + b"".join(make_frame(seq, boot_id=8) for seq in range(3, 6))
    counters = decode(stream)[1]
    assert (counters["resets"], counters["frames_lost"]) == (1, 3)


def test_joining_in_the_middle_of_a_frame_is_no_corrupt_frame() -> None:
    stream = make_stream(10)
    counters = decode(stream[50:])[1]
    whole = len(stream) - len(make_frame(0))
    assert (counters["frames"], counters["frames_corrupt"]) == (9, 0)
    assert counters["bytes_discarded"] == len(stream) - 50 - whole


def test_every_byte_is_accounted_for() -> None:
    rng = np.random.default_rng(5)
    frames = [make_frame(seq) for seq in range(50)]
    garbage = [rng.integers(1, 256, 40, dtype=np.uint8).tobytes() + b"\0" for _ in range(9)]
    stream = b"".join(frames[:20] + garbage + frames[20:])
    counters = decode(stream)[1]
    assert (counters["bytes_discarded"], counters["frames_corrupt"]) == (9 * 41, 9)


@pytest.mark.parametrize(
    ("change", "drop"),
    [({}, 1), ({12: 16}, 0), ({13: 1}, 0), ({13: 5}, 0), ({14: 0}, 0), ({14: 4}, 0), ({19: 0x80}, 0)],
)
def test_a_frame_whose_body_does_not_fit_its_length_is_corrupt(change: dict[int, int], drop: int) -> None:
    stream = make_frame(2) + resealed(3, change, drop=drop) + make_frame(4)
    found, counters = decode(stream)
    assert (counters["frames"], counters["frames_corrupt"], counters["frames_lost"]) == (2, 1, 1)
    assert (found, counters) == refer(stream)


def test_a_hello_that_is_too_long_or_too_short_is_corrupt() -> None:
    for seq, n in ((9, 77), (19, 60)):  # both editions
        for change, drop in (({n: 3}, 0), ({n: 1}, 0), ({n: 0}, 0), ({}, 1)):
            stream = make_frame(seq - 7) + resealed(seq, change, drop=drop)
            assert decode(stream)[1]["frames_corrupt"] == 1


def test_a_status_that_is_too_long_or_too_short_is_corrupt() -> None:
    for change, drop in (({22: 3}, 0), ({22: 1}, 0), ({22: 0}, 0), ({}, 1)):
        stream = make_frame(2) + resealed(7, change, drop=drop)
        assert decode(stream)[1]["frames_corrupt"] == 1
        assert decode(stream) == refer(stream)


def test_a_status_comes_out_beside_the_samples() -> None:
    ((index, raw),) = FrameDecoder().feed(make_stream(12)).statuses
    assert index == 7
    assert wire.parse_status(raw)[3:] == (1, 2, 0.1, (3, 4))


def test_an_unknown_version_or_type_is_counted_apart() -> None:
    counters = decode(make_frame(2) + resealed(3, {0: 3}) + resealed(4, {1: 9}))[1]
    assert (counters["frames_unsupported"], counters["frames_corrupt"]) == (2, 0)
    decoder = FrameDecoder()
    decoder.feed(make_frame(2) + resealed(3, {0: 3}))
    assert decoder.unsupported_version == 3


def test_a_hello_comes_out_with_the_place_of_its_frame() -> None:
    frames = FrameDecoder().feed(make_stream(12))
    ((index, raw),) = frames.hellos
    assert index == 9
    assert wire.parse_hello(raw).channels[1].name == "force_n"


def test_nothing_gives_no_frame() -> None:
    frames = FrameDecoder().feed(b"")
    assert len(frames) == 0
    assert frames.boot_id == frames.t_us == frames.span_us == frames.samples == frames.hellos == []


def test_memory_does_not_grow_with_garbage_that_never_ends() -> None:
    decoder = FrameDecoder()
    garbage = b"\x55" * 4096
    tracemalloc.start()
    try:
        decoder.feed(garbage)
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(2000):
            decoder.feed(garbage)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 20_000
    assert decoder.bytes_discarded == 2001 * 4096


def test_the_largest_frame_passes_and_a_larger_one_does_not() -> None:
    counts = np.arange(498.0)
    largest = wire.encode(wire.Data(0, 1, 10_000, [wire.Block(0, 2, 4970, 10, counts)]))
    assert len(Reference.uncobs(largest[:-1]) or b"") == wire.MAX_FRAME_BYTES
    np.testing.assert_array_equal(FrameDecoder().feed(largest).samples[0]["counts"], counts)
    with pytest.raises(ValueError, match="1026 bytes"):
        wire.encode(wire.Data(0, 1, 10_000, [wire.Block(0, 2, 4980, 10, np.arange(499.0))]))
