import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import ChannelSplit, FrameDecoder
from station import wire

NEVER_US = np.iinfo(np.int64).min
LIMITS = np.array([[-10.0, 10.0], [-5.0, 12.5], [-20.0, 20.0]])
SCALES = np.array([[0.0, 1.0], [3.0, -7.0], [0.25, 1e-3]])


def slow_split(frames, session_us, start, stop, boot_id, newest_us):
    """The docstring, one sample at a time."""
    found = {}
    left_out = 0
    for f in range(start, stop):
        for c, age_us, counts in frames.samples[f].tolist():
            at_us = session_us[f] - age_us
            if frames.boot_id[f] != boot_id or c >= len(LIMITS) or at_us <= newest_us[c]:
                left_out += 1
                continue
            newest_us[c] = at_us
            inside = LIMITS[c][0] < counts < LIMITS[c][1]
            times, values, beyond = found.setdefault(c, ([], [], []))
            times.append(at_us / 1e6)
            values.append((counts - SCALES[c][0]) / SCALES[c][1] if inside else np.nan)
            beyond.append(not inside and not np.isnan(counts))
    return found, left_out


def drawn(rng, n_frames):
    """Frames of two boots and four channels, late samples among them; and their session times."""
    stream = b""
    for seq in range(n_frames):
        blocks = []
        for _ in range(rng.integers(1, 4)):
            n = int(rng.integers(1, 5))
            counts = rng.integers(-12, 13, n).astype(float)
            counts[rng.random(n) < 0.1] = np.nan
            period_us = int(rng.integers(0, 900))
            age_us = (n - 1) * period_us + int(rng.integers(0, 1000))
            blocks.append(wire.Block(int(rng.integers(0, 4)), 2, age_us, period_us, counts))
        stream += wire.encode(wire.Data(seq, int(rng.choice([7, 8], p=[0.9, 0.1])), 1000 * seq, blocks))
    return FrameDecoder().feed(stream), np.cumsum(rng.integers(1, 3000, n_frames)).tolist()


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 10_000), n_frames=st.integers(0, 12), ends=st.tuples(st.floats(0, 1), st.floats(0, 1))
)
def test_channels_are_taken_apart_as_one_would_by_hand(seed, n_frames, ends):
    frames, session_us = drawn(np.random.default_rng(seed), n_frames)
    assert len(frames) == n_frames
    start, stop = sorted(round(end * n_frames) for end in ends)
    newest_us = [NEVER_US] * 3
    channels = ChannelSplit(7, LIMITS, SCALES, newest_us)
    # In two parts: what the first has given, the second does not go back behind.
    middle = (start + stop) // 2
    for first, last in ((start, middle), (middle, stop)):
        parts, left_out = channels.split(frames, session_us, first, last)
        expected, expected_left_out = slow_split(frames, session_us, first, last, 7, newest_us)
        assert left_out == expected_left_out
        assert [c for c, *_ in parts] == sorted(expected)
        for c, time_s, value, beyond, least in parts:
            np.testing.assert_array_equal(time_s, expected[c][0])
            np.testing.assert_array_equal(value, expected[c][1])
            assert beyond == sum(expected[c][2])
            assert least == np.nanmin(value, initial=np.inf)
        assert channels.newest_us == newest_us


def test_more_channels_than_a_board_has_are_refused():
    with pytest.raises(ValueError, match="of up to 16 channels, got 17, 17 and 17"):
        ChannelSplit(7, np.zeros((17, 2)), np.ones((17, 2)), [0] * 17)


def test_frames_that_are_not_there_are_refused():
    frames, session_us = drawn(np.random.default_rng(1), 3)
    channels = ChannelSplit(7, LIMITS, SCALES, [NEVER_US] * 3)
    for start, stop, times in (
        (0, 4, session_us),
        (2, 1, session_us),
        (-1, 2, session_us),
        (0, 3, session_us[:2]),
    ):
        with pytest.raises(ValueError, match="need frames from 0 to 3"):
            channels.split(frames, times, start, stop)
