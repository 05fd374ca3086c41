"""When a rep is said to be pending: as its lift ends, not when the filter has seen the end."""

import numpy as np
import pytest

from kernels import CHANNELS, Measured

POSITION = CHANNELS.index("position_m")
V0_MPS = 0.02


def v0_crossing_s(lift_s, rom_m):
    """When a minimum-jerk lift from 0 s is at v0 again: 30 rom u² (1 - u)² / lift_s, by bisection."""
    low, high = 0.5, 1.0
    for _ in range(60):
        u = 0.5 * (low + high)
        low, high = (u, high) if 30.0 * rom_m * u**2 * (1.0 - u) ** 2 / lift_s > V0_MPS else (low, u)
    return low * lift_s


def lags_s(motion, counter, lift_s, rom_m, rate_hz, concentric_first):
    """From each lockout until it is known, and how far the velocity said then is from the last one said."""
    if concentric_first:
        rep = [(lift_s, rom_m), (0.6, 0.0), (1.2, -rom_m), (1.0, 0.0)]
        ends_s = 2.0 + (lift_s + 2.8) * np.arange(4) + v0_crossing_s(lift_s, rom_m)
    else:
        rep = [(1.5, -rom_m), (0.3, 0.0), (lift_s, rom_m), (1.0, 0.0)]
        ends_s = 2.0 + (lift_s + 2.8) * np.arange(4) + 1.8 + v0_crossing_s(lift_s, rom_m)
    time_s, s = motion((2.0, 0.0), *rep * 4, (2.0, 0.0), rate_hz=rate_hz)
    rc = counter(concentric_first=concentric_first)
    found = [r for r in rc.push(POSITION, time_s, s) + rc.finish() if isinstance(r, Measured)]
    first = {r.candidate: r for r in reversed(found)}
    last = {r.candidate: r for r in found}
    assert len(first) == 4
    errors = [
        first[k].mean_concentric_velocity_mps / last[k].mean_concentric_velocity_mps - 1.0 for k in range(4)
    ]
    return [first[k].known_s - ends_s[k] for k in range(4)], errors


@pytest.mark.parametrize("concentric_first", [False, True])
@pytest.mark.parametrize("rate_hz", [100.0, 1000.0])
@pytest.mark.parametrize(("lift_s", "rom_m"), [(0.5, 0.3), (0.8, 0.5), (1.2, 0.4), (2.0, 0.6), (3.0, 0.4)])
def test_a_smooth_lift_is_pending_within_50_ms_of_its_lockout_and_not_before_it(
    motion, counter, lift_s, rom_m, rate_hz, concentric_first
):
    lags, errors = lags_s(motion, counter, lift_s, rom_m, rate_hz, concentric_first)
    assert 0.02 <= min(lags) <= max(lags) <= 0.05
    assert max(np.abs(errors)) < 0.01
