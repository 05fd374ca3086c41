"""Limits of what is measured in a rep, each tried so near that one moved by a third fails."""

import numpy as np
import pytest

from kernels import CHANNELS, Measured

POSITION, FORCE = CHANNELS.index("position_m"), CHANNELS.index("force_n")
FREE_M, ELEVATION_RAD = 1.3, 0.25


def complete(found):
    return [one for one in found if isinstance(one, Measured) and one.kind == "complete"]


def pulls(motion, counter, *, peak_mps, pull_n, noise_n):
    """Two pulls of a cable, and back, at a peak speed."""
    seconds = 1.875 * 0.15 / peak_mps
    rep = ((seconds, 0.15), (0.5, 0.0), (seconds, -0.15), (1.0, 0.0))
    time_s, s = motion((2.0, 0.0), *rep * 2, (2.0, 0.0), start_m=0.05)
    noise = np.random.default_rng(2).normal(0.0, noise_n, (2, s.size))
    rc = counter(
        "pulley", concentric_first=True, free_weight=False, free_length_m=FREE_M, sigma_pulley_n=noise_n
    )
    channels = [
        ("position_m", time_s, s),
        ("pulley_x_n", time_s, pull_n * np.cos(ELEVATION_RAD) + noise[0]),
        ("pulley_y_n", time_s, pull_n * (1.0 + np.sin(ELEVATION_RAD)) + noise[1]),
    ]
    return complete(rc.feed(channels) + rc.finish())


@pytest.mark.parametrize(("peak_mps", "seen"), [(0.043, False), (0.06, True)])
def test_a_cable_that_moves_by_five_centimetres_a_second_shows_where_its_handle_is(
    motion, counter, peak_mps, seen
):
    reps = pulls(motion, counter, peak_mps=peak_mps, pull_n=400.0, noise_n=0.5)
    assert [bool(np.isfinite(rep.path_deviation_m)) for rep in reps] == [seen] * 2


def test_a_path_by_a_quiet_cell_is_as_unsure_as_the_pulley_s_efficiency(motion, counter):
    """Half a hundredth turns the handle side by de = dk cos e / (1 + sin e)."""
    turned = 0.005 * np.cos(ELEVATION_RAD) / (1.0 + np.sin(ELEVATION_RAD))
    for rep in pulls(motion, counter, peak_mps=0.5, pull_n=4000.0, noise_n=0.1):
        assert rep.path_deviation_sigma_m == pytest.approx(turned * (FREE_M + 0.1), rel=0.15)


@pytest.mark.parametrize(("seconds", "lift_s"), [(4.0, 3.14), (6.0, 4.37)])
def test_a_band_moves_from_seven_hundredths_of_its_range_a_second_on(motion, counter, seconds, lift_s):
    rep = ((seconds, -200.0), (0.4, 0.0), (seconds, 200.0), (1.0, 0.0))
    time_s, tension_n = motion((2.0, 0.0), *rep * 3, (6.0, 0.0), start_m=400.0, rate_hz=80.0)
    share = 30.0 * (np.linspace(0.0, 1.0, 10_001) * np.linspace(1.0, 0.0, 10_001)) ** 2 / seconds
    assert seconds * np.mean(share > 0.07) == pytest.approx(lift_s, abs=0.03)
    band = counter("tension", min_range=7.0, free_weight=False)
    for one in complete(band.push(FORCE, time_s, tension_n) + band.finish()):
        assert one.concentric_s == pytest.approx(lift_s, abs=0.06)


@pytest.mark.parametrize(("scale", "said"), [(0.17, True), (0.24, False)])
def test_a_peak_that_a_fifth_of_it_may_be_off_by_is_not_said(motion, rdl, counter, scale, said):
    rc = counter(sigma_scale=scale)
    (rep,) = complete(rc.push(POSITION, *motion(*rdl(1))) + rc.finish())
    assert np.isfinite(rep.peak_concentric_velocity_mps) == said
