"""A fast lift starts and stops more suddenly than any smoother; its boundaries are still its own."""

import numpy as np
import pytest

V0_MPS = 0.02


@pytest.mark.parametrize("lift_s", [0.45, 0.6, 0.8])
@pytest.mark.parametrize("noise_m", [0.0, 0.0003])
def test_fast_lifts_have_their_own_boundaries_and_velocity(motion, results, lift_s, noise_m):
    time_s, s = motion((2.0, 0.0), *[(1.5, -0.5), (0.6, 0.0), (lift_s, 0.5), (1.0, 0.0)] * 6, rate_hz=1000.0)
    v = np.gradient(s, time_s)
    reps, _ = results(time_s, s + np.random.default_rng(8).normal(0.0, noise_m, s.size))
    starts_s, ends_s, velocities = [], [], []
    for rep in reps:
        middle = np.searchsorted(time_s, 0.5 * (rep.concentric_start_s + rep.concentric_end_s))
        first = middle - np.argmax(v[middle::-1] < V0_MPS) + 1
        last = middle + np.argmax(v[middle:] < V0_MPS) - 1
        starts_s.append(rep.concentric_start_s - time_s[first])
        ends_s.append(rep.concentric_end_s - time_s[last])
        velocities.append(
            rep.mean_concentric_velocity * (time_s[last] - time_s[first]) / (s[last] - s[first])
        )
    assert len(reps) == 6
    assert abs(np.mean(starts_s)) < 0.0025
    assert abs(np.mean(ends_s)) < 0.0025
    assert np.mean(velocities) == pytest.approx(1.0, abs=0.006)
