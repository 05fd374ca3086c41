"""The board's clock against the truth of a simulated link."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from station.timing.clock import DeviceClock

Delay = Callable[[np.random.Generator, NDArray[np.float64]], NDArray[np.float64]]


def feed(
    clock: DeviceClock, ticks_us: list[int], received_s: float = 0.0, *, boot_id: int = 1, span_us: int = 0
) -> list[int]:
    """Feed unwrapped ticks of one boot; the session times, µs."""
    n = len(ticks_us)
    return clock.feed([boot_id] * n, [tick % 2**32 for tick in ticks_us], [span_us] * n, received_s)


def link_errors_s(
    delay: Delay, *, seed: int, drift_ppm: float = 50.0, after_s: float = 30.0, until_s: float = 200.0
) -> tuple[NDArray[np.float64], DeviceClock]:
    """Error of the mapping to the host's clock after a while, each second until the end, 50 frames each."""
    rng = np.random.default_rng(seed)
    clock = DeviceClock()
    true_s = np.arange(0.0, until_s, 0.02)
    ticks_us = np.rint(2**32 - 5e6 + true_s * (1e6 + drift_ppm)).astype(np.int64)
    received_s = 1000.0 + np.maximum.accumulate(true_s + delay(rng, true_s))
    errors = []
    for index in range(len(true_s)):
        (session_us,) = feed(clock, [int(ticks_us[index])], float(received_s[index]))
        if true_s[index] >= after_s and index % 50 == 0:
            host_s = clock.host_s(session_us / 1e6)
            assert host_s is not None
            errors.append(host_s - 1000.0 - true_s[index])
    return np.array(errors), clock


def usb_cdc(rng: np.random.Generator, true_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half a millisecond of scheduling, and now and then a busy host."""
    n = len(true_s)
    return rng.exponential(0.0005, n) + (rng.random(n) < 0.02) * rng.exponential(0.02, n)


def latency_timer(rng: np.random.Generator, true_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """An FTDI chip that hands over what it has every 16 ms of its own, slightly different, clock."""
    return -(true_s + 0.016 * rng.random()) % 0.0160031 + rng.exponential(0.0003, len(true_s))


def uniform_timer(rng: np.random.Generator, true_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same where the board's frames have no fixed phase to the timer."""
    return 0.016 * rng.random(len(true_s)) + rng.exponential(0.0003, len(true_s))


@pytest.mark.parametrize(
    ("delay", "most_ms"),
    [(usb_cdc, 0.1), (uniform_timer, 0.5), (latency_timer, 0.5)],
    ids=["usb-cdc", "uniform-timer", "latency-timer"],
)
@pytest.mark.parametrize("drift_ppm", [-80.0, 50.0])
def test_the_session_is_found_on_the_hosts_clock(delay: Delay, most_ms: float, drift_ppm: float) -> None:
    errors_s, clock = link_errors_s(delay, seed=2, drift_ppm=drift_ppm)
    assert 1e3 * np.sqrt(np.mean(errors_s**2)) < most_ms
    assert clock.drift_ppm == pytest.approx(drift_ppm, abs=3.0)


@pytest.mark.parametrize(
    ("delay", "most_ms"), [(usb_cdc, 0.1), (uniform_timer, 0.5)], ids=["usb-cdc", "uniform-timer"]
)
def test_the_session_is_found_within_seconds(delay: Delay, most_ms: float) -> None:
    for moment_s in (5.0, 10.0, 20.0, 30.0):
        errors_s = [
            link_errors_s(delay, seed=seed, drift_ppm=drift_ppm, after_s=moment_s, until_s=moment_s + 1.0)[0]
            for seed, drift_ppm in enumerate((-80.0, -50.0, -20.0, 5.0, 30.0, 60.0))
        ]
        assert 1e3 * np.sqrt(np.mean(np.square(errors_s))) < most_ms


def test_a_ceramic_resonator_is_believed_within_half_a_minute() -> None:
    errors_s, clock = link_errors_s(usb_cdc, seed=3, drift_ppm=4000.0, after_s=15.0, until_s=45.0)
    assert 1e3 * np.sqrt(np.mean(errors_s**2)) < 0.1
    assert clock.drift_ppm == pytest.approx(4000.0, abs=5.0)


def test_what_had_waited_when_the_port_was_opened_is_no_drift() -> None:
    clock = DeviceClock()
    for tick_s in range(30):
        feed(clock, [1_000_000 * tick_s], 500.0)  # half a minute, read at once
    (session_us,) = feed(clock, [30_000_000], 501.0)
    assert clock.host_s(session_us / 1e6) == pytest.approx(501.0, abs=0.03)
    assert clock.host_s(session_us / 1e6 + 1.0) == pytest.approx(502.0, abs=0.1)
    assert clock.session_at(503.0) == pytest.approx(session_us / 1e6 + 2.0, abs=0.1)


def test_the_drift_is_not_told_before_it_is_known() -> None:
    clock = DeviceClock()
    assert (clock.drift_ppm, clock.session_s, clock.host_s(1.0), clock.session_at(1.0)) == (None,) * 4
    for second in range(15):
        feed(clock, [1_000_000 * second], 50.0 + second)
    assert clock.drift_ppm is None


@given(
    start=st.integers(0, 2**32 - 1),
    steps=st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=20),
    cuts=st.lists(st.integers(0, 20)),
)
def test_ticks_are_unwrapped_the_same_however_they_are_cut(
    start: int, steps: list[int], cuts: list[int]
) -> None:
    ticks = [start + int(step) for step in np.cumsum([0, *steps])]
    expected = [tick - start for tick in ticks]
    assert feed(DeviceClock(), ticks) == expected
    clock = DeviceClock()
    edges = sorted({0, len(ticks), *(cut for cut in cuts if cut < len(ticks))})
    assert [us for a, b in pairwise(edges) for us in feed(clock, ticks[a:b])] == expected


def test_zero_is_the_oldest_sample_of_the_first_frame() -> None:
    assert feed(DeviceClock(), [100], span_us=16_000) == [16_000]


def test_receive_times_change_no_interval() -> None:
    ticks = [1_000_000 * k for k in range(10)]
    rng = np.random.default_rng(1)
    clock = DeviceClock()
    late = [
        feed(clock, [tick], received)[0] for tick, received in zip(ticks, rng.random(10) * 60, strict=True)
    ]
    assert late == feed(DeviceClock(), ticks)


def test_after_a_reset_the_session_goes_on_by_the_hosts_time() -> None:
    clock = DeviceClock()
    feed(clock, [5_000_000, 8_000_000], received_s=100.0)
    assert feed(clock, [250_000, 270_000], received_s=101.5, boot_id=2) == [4_500_000, 4_520_000]


def test_after_a_reset_no_sample_is_older_than_those_before_it() -> None:
    clock = DeviceClock()
    (before,) = feed(clock, [5_000_000], received_s=100.0)
    (after,) = feed(clock, [250_000], received_s=100.001, boot_id=2, span_us=20_000)
    assert after - 20_000 > before


def test_after_a_reset_the_session_is_found_on_the_hosts_clock_anew() -> None:
    clock = DeviceClock()
    for second in range(30):
        feed(clock, [second * 1_000_000], received_s=100.0 + second)
    feed(clock, [30_000_000], received_s=130.2)  # late, so the new epoch starts 0.2 s too soon
    (after,) = feed(clock, [0], received_s=131.0, boot_id=2)
    assert clock.host_s(after / 1e6) == pytest.approx(131.0)


def test_a_reset_within_one_read_stays_in_order() -> None:
    ticks = [4_000_000, 4_020_000, 10, 20_010]
    session_us = DeviceClock().feed([1, 1, 2, 2], ticks, [20_000] * 4, 7.0)
    assert session_us == [20_000, 40_000, 60_001, 80_001]


@pytest.mark.parametrize("minutes", [36, 50, 80, 1000])
def test_a_gap_longer_than_half_the_wrap_goes_by_the_hosts_time(minutes: int) -> None:
    clock = DeviceClock()
    feed(clock, [0], received_s=100.0)
    gap_us = minutes * 60 * 1_000_000
    assert feed(clock, [gap_us], received_s=100.0 + minutes * 60 + 0.003) == [gap_us + 3000]


def test_a_gap_below_half_the_wrap_goes_by_the_board() -> None:
    clock = DeviceClock()
    feed(clock, [0], received_s=100.0)
    gap_us = 34 * 60 * 1_000_000
    assert feed(clock, [gap_us], received_s=100.0 + 34 * 60 + 0.003) == [gap_us]


def test_a_tick_that_runs_backwards_does_not_take_the_session_along() -> None:
    clock = DeviceClock()
    (before,) = feed(clock, [60_000_000], received_s=10.0)
    assert feed(clock, [20_000_000], received_s=10.5) == [before + 500_000]


def test_the_two_mappings_are_inverse() -> None:
    _, clock = link_errors_s(usb_cdc, seed=4)
    host_s = clock.host_s(150.0)
    assert host_s is not None
    assert clock.session_at(host_s) == pytest.approx(150.0, abs=1e-9)


def test_memory_is_bounded_over_hours() -> None:
    clock = DeviceClock()
    for minute in range(600):
        for second in range(0, 60, 10):
            feed(clock, [(60 * minute + second) * 1_000_000], 60.0 * minute + second)
    assert len(clock._minima) <= 300
    assert clock.session_s == 35_990.0
