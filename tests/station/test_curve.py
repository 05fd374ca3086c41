"""A packed curve gives back the motion, within its millimetre, and never more than its bytes."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.curve import CURVE_HZ, MOST_BYTES, Curve, packed, slope


def rep_like(seconds: float) -> np.ndarray:
    time_s = np.arange(0.0, seconds, 1 / CURVE_HZ)
    return 0.6 + 0.25 * np.cos(2 * np.pi * time_s / 3.0)


def test_place_velocity_and_path_come_back_within_their_millimetre():
    place = rep_like(3.0)
    path = 0.02 * np.sin(np.arange(len(place)) / 20)
    curve = msgspec.json.decode(msgspec.json.encode(packed(12.34, place, path)), type=Curve)
    np.testing.assert_allclose(curve.place, place, atol=0.000501)
    assert curve.x_m is not None
    np.testing.assert_allclose(curve.x_m, path, atol=0.000501)
    assert curve.time_s[0] == 12.34 and curve.time_s[-1] == pytest.approx(12.34 + (len(place) - 1) / CURVE_HZ)
    true = -0.25 * 2 * np.pi / 3.0 * np.sin(2 * np.pi * (np.array(curve.time_s) - 12.34) / 3.0)
    np.testing.assert_allclose(curve.velocity[4:-4], true[4:-4], atol=0.012)


@given(seconds=st.floats(0.1, 80.0), seen=st.booleans())
def test_however_long_a_rep_its_curve_has_two_kilobytes_at_most(seconds: float, seen: bool):
    place = rep_like(seconds)
    curve = packed(-98765.432, place, place if seen else None)
    assert len(msgspec.json.encode(curve)) <= MOST_BYTES
    assert curve.time_s[-1] == pytest.approx(-98765.432 + (len(place) - 1) / CURVE_HZ, abs=1.001 / curve.hz)
    assert curve.hz == CURVE_HZ or len(msgspec.json.encode(curve)) > 0.45 * MOST_BYTES


def test_what_was_not_seen_has_no_value_and_a_path_without_any_is_none():
    place = rep_like(1.0)
    place[3:6] = np.nan
    place[8] = 40.0  # more than 16 bits of millimetres
    curve = packed(0.0, place, np.full(len(place), np.nan))
    assert np.flatnonzero(np.isnan(curve.place)).tolist() == [3, 4, 5, 8]
    assert curve.x_m is None and curve.x_mm is None


@pytest.mark.parametrize(
    "said",
    [
        {"hz": 50, "start_s": 0, "s_mm": "AA=="},
        {"hz": 50, "start_s": 0, "s_mm": "AAAAAA==", "x_mm": "AAAA"},
        {"hz": 0, "start_s": 0, "s_mm": "AAAA"},
        {"hz": 51, "start_s": 0, "s_mm": "AAAA"},
        {"hz": 50, "start_s": 0, "s_mm": "no base64!"},
        {"hz": 50, "start_s": 0, "s_mm": "A" * 4000},
    ],
)
def test_a_malformed_curve_is_refused(said: dict[str, object]):
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(msgspec.json.encode(said), type=Curve)


def test_the_slope_of_a_line_is_its_rise_and_of_too_little_nothing():
    np.testing.assert_allclose(slope([3.0 * n for n in range(20)]), 3.0)
    for n in range(6):
        assert slope([float(k) for k in range(n)]) == ([1.0] * n if n > 1 else [0.0] * n)
