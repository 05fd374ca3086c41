"""Sample times of devices without a clock, from when their samples arrived."""

import numpy as np
import pytest
from numpy.typing import NDArray

from station.timing.ratelock import RateLock

Floats = NDArray[np.float64]


def arrivals(true_s: Floats, rng: np.random.Generator, timer_s: float = 0.0) -> Floats:
    """When each is read: after a random delay, behind an adapter's latency timer, in order."""
    late_s = true_s + 0.001 + rng.exponential(0.002, len(true_s))
    if timer_s:
        late_s = np.ceil(late_s / timer_s) * timer_s
    return np.maximum.accumulate(late_s)


def lock_on(lock: RateLock, received_s: Floats) -> Floats:
    """Times of samples that arrive one by one, or together where they were read together; NaN: none."""
    out = []
    start = 0
    while start < len(received_s):
        stop = start + int(np.searchsorted(received_s[start:], received_s[start], side="right"))
        times_s = lock.feed(stop - start, float(received_s[start]))
        out += times_s.tolist() if len(times_s) else [np.nan] * (stop - start)
        start = stop
    return np.array(out)


@pytest.mark.parametrize("rate_hz", [9.5, 10.6, 76.0, 84.0])
@pytest.mark.parametrize("timer_s", [0.0, 0.016])
def test_a_rate_nobody_knows_is_found_and_times_lie_on_a_line(rate_hz: float, timer_s: float) -> None:
    true_s = np.arange(0.0, 120.0, 1.0 / rate_hz)
    lock = RateLock()
    times_s = lock_on(lock, arrivals(true_s, np.random.default_rng(1), timer_s))
    assert 1.9 < true_s[np.flatnonzero(~np.isnan(times_s))[0]] < 2.6
    settled = true_s > 20.0
    error_s = (times_s - true_s)[settled]
    arrival_error_s = (arrivals(true_s, np.random.default_rng(1), timer_s) - true_s)[settled]
    assert np.std(error_s) < (0.0005 if timer_s else 0.0001)
    assert np.std(arrival_error_s) > 0.0015
    assert np.diff(times_s[settled]).min() > 0.9 / rate_hz
    assert lock.rate_hz == pytest.approx(rate_hz, rel=1e-3)


def test_times_are_even_while_arrivals_are_not() -> None:
    true_s = np.arange(0.0, 60.0, 1 / 80)
    received_s = arrivals(true_s, np.random.default_rng(2))
    step_s = np.diff(lock_on(RateLock(), received_s)[3200:])
    assert step_s.std() < 0.05 * np.diff(received_s[3200:]).std()


def test_a_known_rate_gives_times_at_once() -> None:
    assert RateLock(80.0).feed(4, 10.0).tolist() == pytest.approx([9.9625, 9.975, 9.9875, 10.0])


@pytest.mark.parametrize("pause_s", [1.0, 30.0])
def test_a_device_that_paused_goes_on_after_the_pause(pause_s: float) -> None:
    true_s = np.arange(0.0, 60.0, 0.1)
    true_s[300:] += pause_s
    times_s = lock_on(RateLock(), arrivals(true_s, np.random.default_rng(3)))
    assert times_s[-1] - true_s[-1] == pytest.approx(0.0, abs=0.01)
    assert (np.diff(times_s[30:]) > 0.0).all()
    assert np.abs(times_s - true_s)[310:].max() < 0.02


def test_a_link_that_stalled_moves_no_sample() -> None:
    true_s = np.arange(0.0, 60.0, 1 / 80)
    received_s = arrivals(true_s, np.random.default_rng(4))
    stalled_s = np.where((received_s > 30.0) & (received_s < 32.0), 32.0, received_s)
    smooth, stalled = lock_on(RateLock(), received_s), lock_on(RateLock(), stalled_s)
    np.testing.assert_allclose(stalled[2000:], smooth[2000:], atol=0.002)


def test_a_seam_is_where_the_next_sample_arrives() -> None:
    lock = RateLock(10.0)
    lock.feed(1, 5.0)
    lock.seam()
    assert lock.feed(1, 65.0).tolist() == pytest.approx([65.0])


def test_a_crystal_is_never_slewed_and_its_pauses_are_seen() -> None:
    true_s = np.arange(1, 30_000) / 1000.0
    received_s = np.ceil(arrivals(true_s * (1 + 80e-6), np.random.default_rng(5)) / 0.016) * 0.016
    times_s = lock_on(RateLock(1000.0, crystal=True), received_s)
    np.testing.assert_allclose(np.diff(times_s), 0.001, atol=1e-9)


def test_memory_is_bounded_whatever_arrives_when() -> None:
    lock, rng = RateLock(), np.random.default_rng(6)
    for received_s in np.cumsum(rng.exponential(0.01, 50_000)):
        lock.feed(int(rng.integers(0, 4)), float(received_s))
    bowl = RateLock(80.0)
    for index in range(3000):  # every point is on the hull of a parabola
        bowl.feed(1, 1.0 + index / 80 + (index / 3000) ** 2)
    assert len(lock._hull) <= 256 and len(bowl._hull) <= 256


@pytest.mark.parametrize(
    "rate_hz, crystal", [(0.0, False), (-1.0, False), (float("nan"), False), (None, True)]
)
def test_a_rate_that_cannot_be_is_refused(rate_hz: float | None, crystal: bool) -> None:
    with pytest.raises(ValueError, match="need a rate above 0"):
        RateLock(rate_hz, crystal=crystal)
