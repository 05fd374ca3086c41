"""Motions made of legs, and a counter to count them."""

from collections.abc import Callable

import numpy as np
import pytest

from kernels import CHANNELS, Discarded, Measured, RepCounter


def _ease(n):
    """From 0 to 1 with no jerk at the ends (fifth-order polynomial)."""
    t = np.linspace(0.0, 1.0, n)
    return t**3 * (10.0 - 15.0 * t + 6.0 * t**2)


def _motion(*legs, start_m=1.0, rate_hz=200.0):
    place, at = [np.array([start_m])], start_m
    for duration_s, moved_m in legs:
        place.append(at + moved_m * _ease(round(duration_s * rate_hz) + 1)[1:])
        at += moved_m
    s = np.concatenate(place)
    return np.arange(s.size) / rate_hz, s


def _rdl(reps=3, rom_m=0.4):
    return ((2.0, 0.0), *([(1.8, -rom_m), (0.4, 0.0), (1.0, rom_m), (1.0, 0.0)] * reps), (1.0, 0.0))


def _counter(layout="travel", *, concentric_first=False, free_weight=True, min_range=0.1, **kwargs):
    return RepCounter(
        layout, concentric_first=concentric_first, free_weight=free_weight, min_range=min_range, **kwargs
    )


def _results(time_s, s, kind="complete", **kwargs):
    rc = _counter(**kwargs)
    found = rc.push(CHANNELS.index("position_m"), time_s, s) + rc.finish()
    return [r for r in found if isinstance(r, Measured) and r.kind == kind], [
        r for r in found if isinstance(r, Discarded)
    ]


@pytest.fixture(scope="session")
def motion() -> Callable:
    """A motion from (seconds, metres moved) legs; 0 m is a hold. Gives time_s and the place."""
    return _motion


@pytest.fixture(scope="session")
def rdl() -> Callable:
    """The legs of Romanian deadlifts."""
    return _rdl


@pytest.fixture(scope="session")
def counter() -> Callable:
    """A counter; what is not given is a barbell's."""
    return _counter


@pytest.fixture(scope="session")
def results() -> Callable:
    """What a counter makes of a motion: its reps, and what it discarded."""
    return _results
