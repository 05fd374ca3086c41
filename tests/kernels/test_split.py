import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import Frames, split_channels

NEVER_US = np.iinfo(np.int64).min


def slow_split(frames, session_us, start, stop, boot_id, limits, newest_us):
    """The docstring, one sample at a time."""
    of_frame = np.repeat(np.arange(len(frames.samples)), frames.samples)
    found = {}
    left_out = 0
    for i, f in enumerate(of_frame):
        if not start <= f < stop:
            continue
        c, at_us = int(frames.channel[i]), int(session_us[f]) - int(frames.age_us[i])
        if frames.boot_id[f] != boot_id or c >= len(limits) or at_us <= newest_us[c]:
            left_out += 1
            continue
        newest_us[c] = at_us
        inside = limits[c][0] < frames.counts[i] < limits[c][1]
        times, values, beyond = found.setdefault(c, ([], [], []))
        times.append(at_us / 1e6)
        values.append(frames.counts[i] if inside else np.nan)
        beyond.append(not inside and not np.isnan(frames.counts[i]))
    return found, left_out


def drawn(rng, n_frames):
    samples = rng.integers(0, 5, n_frames).astype(np.int32)
    n = int(samples.sum())
    counts = rng.integers(-12, 13, n).astype(float)
    counts[rng.random(n) < 0.1] = np.nan
    frames = Frames(
        boot_id=rng.choice([7, 8], n_frames, p=[0.9, 0.1]).astype(np.uint32),
        t_us=np.zeros(n_frames, np.uint32),
        span_us=np.zeros(n_frames, np.uint32),
        samples=samples,
        channel=rng.integers(0, 4, n).astype(np.uint8),
        age_us=rng.integers(0, 3000, n).astype(np.uint32),
        counts=counts,
        hellos=[],
    )
    return frames, np.cumsum(rng.integers(1, 3000, n_frames)).astype(np.int64)


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 10_000), n_frames=st.integers(0, 12), ends=st.tuples(st.floats(0, 1), st.floats(0, 1))
)
def test_channels_are_taken_apart_as_one_would_by_hand(seed, n_frames, ends):
    rng = np.random.default_rng(seed)
    frames, session_us = drawn(rng, n_frames)
    start, stop = sorted(round(end * n_frames) for end in ends)
    limits = np.array([[-10.0, 10.0], [-5.0, 12.5], [-20.0, 20.0]])
    newest_us, slow_newest_us = np.full(3, NEVER_US), np.full(3, NEVER_US)
    parts, left_out = split_channels(frames, session_us, start, stop, 7, limits, newest_us)
    expected, expected_left_out = slow_split(frames, session_us, start, stop, 7, limits, slow_newest_us)
    assert left_out == expected_left_out
    assert [c for c, *_ in parts] == sorted(expected)
    for c, time_s, counts, beyond in parts:
        np.testing.assert_array_equal(time_s, expected[c][0])
        np.testing.assert_array_equal(counts, expected[c][1])
        assert beyond == sum(expected[c][2])
    np.testing.assert_array_equal(newest_us, slow_newest_us)


def test_more_channels_than_a_board_has_are_refused():
    frames, session_us = drawn(np.random.default_rng(1), 3)
    with pytest.raises(ValueError, match="need up to 16 channels"):
        split_channels(frames, session_us, 0, 3, 7, np.zeros((17, 2)), np.zeros(17, np.int64))
