"""Reps that are lifted first, and a band's, against those worked out slowly by the definitions."""

from itertools import pairwise

import numpy as np
import pytest

from kernels import CHANNELS, Measured
from kernels._smooth import design
from tests.kernels.slow_rep import GRID_S, SlowRep

ANNOUNCE = 7  # grid samples to either side, of the places that the turns are found on
FORCE, POSITION = CHANNELS.index("force_n"), CHANNELS.index("position_m")


def slow_reps(time_s, read, grid, reps, v0_of):
    """`SlowRep`s of all reps but the first and the last, of a motion that leaves its tops downward."""
    at = np.minimum(np.searchsorted(time_s, GRID_S * np.arange(1, len(grid) + 1)), len(time_s) - 1)
    steps = np.where(np.diff(read) != 0.0, np.abs(np.diff(read)), np.inf)
    announced = np.full(len(grid), np.nan)
    announced[ANNOUNCE:-ANNOUNCE] = np.convolve(grid, design(ANNOUNCE)[0], mode="valid")
    middles = [int(0.5 * (rep.start_s + rep.end_s) / GRID_S) for rep in reps]
    turns = [a + int(np.nanargmax(announced[a:b])) for a, b in pairwise(middles)]
    for n, (rep, a, b) in enumerate(zip(reps[1:-1], turns, turns[1:], strict=False), 1):
        v = a + int(np.argmin(announced[a:b]))
        half = round(rep.smoothing_s / GRID_S)
        yield SlowRep(
            grid, time_s[at], at, np.minimum.accumulate(steps)[at - 1], (a, v, b), half, v0_of(reps[:n])
        )


def complete(rc, channel, time_s, read):
    return [
        one for one in rc.push(channel, time_s, read) if isinstance(one, Measured) and one.kind == "complete"
    ]


def fastest(rep, first_s, last_s, sign):
    """The parabolic peak of the speed between two times."""
    i0, i1 = rep.index(first_s), rep.index(last_s)
    i = i0 + int(np.argmax(sign * rep.rate[i0 : i1 + 1]))
    a, peak, c = sign * rep.rate[i - 1 : i + 2]
    return peak - 0.125 * (c - a) ** 2 / (a - 2.0 * peak + c)


@pytest.mark.parametrize("noise_m", [1e-5, 4e-4])
@pytest.mark.parametrize(("up_s", "rest_s", "down_s"), [(0.9, 0.7, 1.3), (1.6, 0.4, 0.8)])
def test_a_rep_that_is_lifted_first_is_measured_as_one_upside_down(
    motion, counter, noise_m, up_s, rest_s, down_s
):
    one = (up_s, 0.5), (rest_s, 0.0), (down_s, -0.5), (0.9, 0.0)
    time_s, s = motion((2.0, 0.0), *one * 6, (1.0, 0.0), start_m=0.3)
    read = s + np.random.default_rng(3).normal(0.0, noise_m, s.size)
    rc = counter(concentric_first=True, free_weight=False)
    reps = complete(rc, POSITION, time_s, read)
    place = rc.trace(0.0)[1]
    slow = list(slow_reps(time_s, read, -place, reps, lambda _: 0.02))
    assert len(slow) >= 3
    for rep, other in zip(reps[1:], slow, strict=False):
        (start, end), (let_down, down) = other.down, other.up
        i0, i1, i2 = (other.index(edge.at_s) for edge in (start, end, down))
        low = -other.place_at(start.at_s - start.inward_s)
        top = -other.place_at(end.at_s - end.inward_s)
        least = place[other.first + i0 : other.first + i1 + 1].min()
        bottom = max(min(low, -other.place[i0 : i1 + 1].max()), least)
        lowest = min(bottom, -other.place[i1 : i2 + 1].max())
        low = max(low, least)
        let_down_m = other.place_at(down.at_s - down.inward_s) - other.place_at(
            let_down.at_s - let_down.inward_s
        )
        expected = {
            "start_s": start.at_s,
            "concentric_start_s": start.at_s,
            "concentric_end_s": end.at_s,
            "eccentric_end_s": down.at_s,
            "end_s": down.at_s,
            "concentric_s": end.at_s - start.at_s,
            "top_pause_s": max(0.0, let_down.at_s - end.at_s),
            "eccentric_s": down.at_s - let_down.at_s,
            "size": top - lowest,
            "mean_concentric_velocity_mps": (top - low) / (end.at_s - start.at_s),
            "peak_concentric_velocity_mps": fastest(other, start.at_s, end.at_s, -1.0),
            "mean_eccentric_velocity_mps": let_down_m / (down.at_s - let_down.at_s),
            "peak_eccentric_velocity_mps": fastest(other, let_down.at_s, down.at_s, 1.0),
        }
        assert {name: getattr(rep, name) for name in expected} == pytest.approx(expected, rel=1e-9, abs=1e-9)
        assert np.isnan(rep.bottom_pause_s)


@pytest.mark.parametrize("noise_n", [0.01, 0.8])
@pytest.mark.parametrize("rate_hz", [20.0, 80.0])
def test_a_band_s_phases_are_those_of_a_speed_of_seven_hundredths_of_the_range(
    motion, counter, noise_n, rate_hz
):
    """The median range of the reps before it, a second; sizes are in newtons."""
    one = (1.3, -120.0), (0.5, 0.0), (1.0, 120.0), (0.9, 0.0)
    true_s, n = motion((2.0, 0.0), *one * 6, (1.0, 0.0), start_m=260.0)
    time_s = (np.arange(int(true_s[-1] * rate_hz)) + 0.5) / rate_hz
    read = np.interp(time_s, true_s, n) + np.random.default_rng(4).normal(0.0, noise_n, time_s.size)
    rc = counter("tension", min_range=30.0, free_weight=False)
    reps = complete(rc, FORCE, time_s, read)
    slow = list(
        slow_reps(
            time_s,
            read,
            rc.trace(0.0)[1],
            reps,
            lambda before: 0.07 * np.sort([rep.size for rep in before])[len(before) // 2],
        )
    )
    assert len(slow) >= 3
    for rep, other in zip(reps[1:], slow, strict=False):
        (start, turn), (pull, end) = other.down, other.up
        expected = {
            "start_s": start.at_s,
            "eccentric_end_s": turn.at_s,
            "concentric_start_s": pull.at_s,
            "concentric_end_s": end.at_s,
            "eccentric_s": turn.at_s - start.at_s,
            "bottom_pause_s": max(0.0, pull.at_s - turn.at_s),
            "concentric_s": end.at_s - pull.at_s,
        }
        assert {name: getattr(rep, name) for name in expected} == pytest.approx(expected, rel=1e-9, abs=1e-9)
        assert rep.size == pytest.approx(120.0, abs=3.0)
