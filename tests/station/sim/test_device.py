"""The simulated board and its bad line."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kernels import FrameDecoder, Frames
from station import wire
from station.sim.devices.device import BoardChannel, LineFaults, Piece, SimulatedBoard, spoil

CHANNELS = [
    BoardChannel(wire.Channel("position_m", 1000.0, 20_000.0)),
    BoardChannel(wire.Channel("force_n", 10.0, 10.0), width=4),
]
TIME_S = np.arange(0.0, 4.0, 0.001)
SAMPLES = [(TIME_S, np.rint(5000 * np.sin(TIME_S))), (TIME_S[::100], np.full(40, 70_000.0))]


def make_board(seed: int = 1, **changes: Any) -> SimulatedBoard:
    return SimulatedBoard(CHANNELS, rng=np.random.default_rng(seed), **changes)


def joined(pieces: list[Piece]) -> bytes:
    return b"".join(data for _, data in pieces)


def counts_of(frames: Frames, channel: int) -> NDArray[np.float64]:
    samples = np.concatenate(frames.samples)
    return samples["counts"][samples["channel"] == channel]


def ticks_of(stream: bytes, channel: int = 0) -> NDArray[np.int64]:
    frames = FrameDecoder().feed(stream)
    of_frames = zip(frames.t_us, frames.samples, strict=True)
    return np.concatenate([t_us - s["age_us"][s["channel"] == channel].astype(int) for t_us, s in of_frames])


def test_every_sample_is_sent_once_soon_after_it_was_taken() -> None:
    pieces = list(make_board().send(SAMPLES))
    frames = FrameDecoder().feed(joined(pieces))
    for index, (_, counts) in enumerate(SAMPLES):
        np.testing.assert_array_equal(counts_of(frames, index), counts)
    assert (np.diff([at_s for at_s, _ in pieces]) > 0).all()
    assert max(frames.span_us) <= 16_002
    np.testing.assert_allclose(ticks_of(joined(pieces)), 1e6 * TIME_S, atol=1)


def test_a_hello_comes_first_and_then_once_a_second() -> None:
    pieces = list(make_board().send(SAMPLES))
    frames = FrameDecoder().feed(joined(pieces))
    assert frames.hellos[0][0] == 0
    times = [frames.t_us[index] for index, _ in frames.hellos]
    assert np.diff(times) == pytest.approx([1e6] * 3, abs=20_000)


def test_sending_in_parts_sends_the_same_samples() -> None:
    board = make_board()
    parts = [
        [
            (time_s[a * len(time_s) // 4 : b * len(time_s) // 4], c[a * len(c) // 4 : b * len(c) // 4])
            for time_s, c in SAMPLES
        ]
        for a, b in ((0, 1), (1, 3), (3, 4))
    ]
    stream = b"".join(joined(list(board.send(part))) for part in parts)
    decoder = FrameDecoder()
    frames = decoder.feed(stream)
    np.testing.assert_array_equal(counts_of(frames, 0), SAMPLES[0][1])
    np.testing.assert_allclose(ticks_of(stream), 1e6 * TIME_S, atol=1)
    assert (decoder.frames_lost, decoder.resets) == (0, 0)


def test_a_crystal_that_is_off_and_a_wrap_are_in_the_ticks() -> None:
    start_us = 2**32 - 1_000_000
    stream = joined(list(make_board(drift_ppm=100.0, start_us=start_us).send(SAMPLES)))
    expected = start_us + TIME_S * 1_000_100
    np.testing.assert_allclose(ticks_of(stream) % 2**32, expected % 2**32, atol=1.5)


def test_uneven_samples_keep_their_own_ticks() -> None:
    rng = np.random.default_rng(3)
    time_s = np.cumsum(rng.uniform(0.0005, 0.03, 400))
    time_s -= time_s[0]
    stream = joined(list(make_board().send([(time_s, np.arange(400.0)), (TIME_S[:0], TIME_S[:0])])))
    np.testing.assert_allclose(ticks_of(stream), 1e6 * time_s, atol=1.5)


def test_more_samples_than_a_frame_holds_go_into_several() -> None:
    time_s = np.arange(0.0, 1.0, 0.00005)
    stream = joined(list(make_board().send([(time_s, np.arange(20_000.0)), (time_s, np.arange(20_000.0))])))
    decoder = FrameDecoder()
    frames = decoder.feed(stream)
    assert (sum(map(len, frames.samples)), decoder.frames_lost, decoder.frames_corrupt) == (40_000, 0, 0)


def test_a_reset_starts_the_sequence_anew_under_another_boot_id() -> None:
    frames = FrameDecoder().feed(joined(list(make_board(resets_at_s=[2.0]).send(SAMPLES))))
    assert len(set(frames.boot_id)) == 2
    first_of_boot = [wire.parse_hello(raw) for index, raw in frames.hellos if raw[2:4] == b"\0\0"]
    assert [hello.boot_id for hello in first_of_boot] == list(dict.fromkeys(frames.boot_id))
    assert 3650 <= len(counts_of(frames, 0)) <= 3700  # 0.3 s of start, and what was not yet sent


def test_nothing_to_send_sends_nothing() -> None:
    assert list(make_board().send([(TIME_S[:0], TIME_S[:0])] * 2)) == []


def test_counts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="counts must be"):
        list(make_board().send([(TIME_S, np.full(4000, 2.0**24)), (TIME_S[:0], TIME_S[:0])]))


def test_the_same_seed_sends_and_spoils_the_same() -> None:
    faults = LineFaults(byte_drop_rate=0.01, bit_flip_rate=0.01, garbage_rate=0.1, repeat_rate=0.1)

    def run(seed: int) -> list[Piece]:
        return list(spoil(make_board(seed).send(SAMPLES), faults, np.random.default_rng(seed)))

    assert run(4) == run(4)
    assert run(4) != run(5)


def test_a_good_line_changes_nothing() -> None:
    pieces = list(make_board().send(SAMPLES))
    assert list(spoil(pieces, LineFaults(), np.random.default_rng(1))) == pieces


def test_each_fault_does_what_its_name_says() -> None:
    pieces = list(make_board().send(SAMPLES))

    def spoilt(**faults: Any) -> list[Piece]:
        return list(spoil(pieces, LineFaults(**faults), np.random.default_rng(1)))

    size = len(joined(pieces))
    assert len(joined(spoilt(byte_drop_rate=0.1))) == pytest.approx(0.9 * size, rel=0.02)
    flipped = joined(spoilt(bit_flip_rate=0.1))
    changed = np.frombuffer(flipped, np.uint8) ^ np.frombuffer(joined(pieces), np.uint8)
    assert np.unpackbits(changed).sum() == np.count_nonzero(changed)
    assert np.count_nonzero(changed) == pytest.approx(0.1 * size, rel=0.1)
    assert len(joined(spoilt(repeat_rate=1.0))) == 2 * size
    assert len(joined(spoilt(garbage_rate=1.0))) > size + 10 * len(pieces)
    assert [p for p in spoilt(unplugged=((1.0, 2.0),)) if 1.0 <= p[0] < 2.0] == []
    stalled = spoilt(stalls=((1.0, 2.0),))
    assert joined(stalled) == joined(pieces)
    assert sum(1 for at_s, _ in stalled if at_s == 2.0) > 50
