"""A calibration is a straight line through what was read, or a refusal with the physical reason."""

import numpy as np
import pytest
from numpy.typing import NDArray

from station.calibration import Point, fit_scale
from station.errors import CalibrationError

G = 9.80665
N = 240


def readings(
    load_kg: float, *, noise: float = 400.0, drift: float = 0.0, seed: int = 1, scale: float = 800.0
) -> NDArray[np.float64]:
    """3 s of an 80 Hz cell: counts; noise 400 is half a newton."""
    rng = np.random.default_rng([seed, int(load_kg)])
    return np.asarray(41_213.0 + scale * G * load_kg + rng.normal(0, noise, N) + drift * np.linspace(0, 1, N))


def point(load_kg: float, counts: NDArray[np.float64] | None = None, saturated: int = 0) -> Point:
    return Point(load_kg * G, f"{load_kg:g} kg", readings(load_kg) if counts is None else counts, saturated)


def test_scale_zero_noise_and_residuals_are_found() -> None:
    fit = fit_scale([point(0), point(20), point(40)], "n", 1)
    assert fit.scale.counts_per_unit == pytest.approx(800.0, rel=2e-3)
    assert fit.scale.zero_counts == pytest.approx(41_213.0, abs=100.0)
    assert fit.noise == pytest.approx(0.5, rel=0.2)
    assert np.abs(fit.residuals).max() < 0.2


def test_spikes_and_missing_readings_change_nothing() -> None:
    spiked = readings(20)
    spiked[::25] = -1.0
    spiked[5::30] = np.nan
    plain = fit_scale([point(0), point(20)], "n")
    fit = fit_scale([point(0), point(20, spiked)], "n")
    assert fit.scale.counts_per_unit == pytest.approx(plain.scale.counts_per_unit, rel=1e-3)


def test_a_tether_of_whole_counts_without_any_noise_is_fine() -> None:
    tether = [Point(0.0, "0.000 m", np.full(N, 7.0)), Point(1.0, "1.000 m", np.full(N, 5007.0))]
    fit = fit_scale(tether, "m", 1)
    assert fit.scale == pytest.approx((7.0, 5000.0))


@pytest.mark.parametrize(
    "points, says",
    [
        ([point(0)], "two points or more"),
        ([point(0), point(20, saturated=3)], "saturated: 3 readings at 20 kg .*lighter load"),
        ([point(0), point(20, readings(0))], "identical readings at 0 kg and 20 kg .*wired"),
        *(
            ([point(0), point(20, readings(0, seed=seed))], "identical readings at 0 kg and 20 kg")
            for seed in range(2, 9)
        ),
        ([point(0), point(0.2, readings(0.2))], "0.2 kg is too close to tare: .*heavier"),
        ([point(0), point(20, readings(0.5))], "too close to tare|noisy"),
        ([point(0), point(20, readings(20, noise=30_000.0))], r"noisy: a reading varies by [\d.]+ N"),
        (
            [point(0), point(20, readings(20, drift=8000.0)), point(40)],
            r"drifting: the reading at 20 kg moved by \+\d[\d.]* N",
        ),
        ([point(0), point(20), point(40, readings(10))], "sign reversed between 20 kg and 40 kg"),
        ([point(0), point(20, readings(20, scale=-800.0))], "sign reversed: more load .*--reversed"),
        ([point(0), point(20), point(40, readings(42))], r"not a straight line: .* kg is off by .* load"),
        ([point(0), point(20), point(20)], "20 kg was given twice"),
        ([point(0), point(20, readings(20)[:8])], "only 8 readings at 20 kg"),
        ([point(0), point(20, np.full(N, np.nan))], "only 0 readings at 20 kg"),
    ],
)
def test_readings_that_support_no_calibration_are_refused(points: list[Point], says: str) -> None:
    with pytest.raises(CalibrationError, match=says) as raised:
        fit_scale(points, "n", 1)
    assert "\n" not in str(raised.value)


def test_a_reversed_sensor_is_accepted_where_no_direction_is_known() -> None:
    fit = fit_scale([point(0, readings(0)), point(20, readings(20, scale=-800.0))], "n", 0)
    assert fit.scale.counts_per_unit == pytest.approx(-800.0, rel=1e-2)
