import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import handle_path, tether_height, tilt_path, two_tether_path

places = st.tuples(st.floats(-0.4, 0.4), st.floats(0.3, 1.6))


def slow_place(length_m, length_2_m, anchor_m, anchor_2_m):
    """Bar place by search: the point above the anchors whose two distances fit best."""
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, 501), np.linspace(0.2, 1.8, 801))
    miss = (np.hypot(x - anchor_m[0], y - anchor_m[1]) - length_m) ** 2
    miss += (np.hypot(x - anchor_2_m[0], y - anchor_2_m[1]) - length_2_m) ** 2
    best = np.unravel_index(np.argmin(miss), miss.shape)
    return x[best], y[best]


def lengths(place, anchor):
    return np.array([np.hypot(place[0] - anchor[0], place[1] - anchor[1])])


def test_trilateration_equals_the_search():
    place, a, b = (0.06, 0.81), (0.02, 0.0), (-0.6, 0.05)
    x, y, _ = two_tether_path(lengths(place, a), lengths(place, b), a, b, 5e-4)[:, 0]
    assert (x, y) == pytest.approx(slow_place(lengths(place, a), lengths(place, b), a, b), abs=0.002)


@given(place=places, second=st.sampled_from([(-0.6, 0.0), (0.7, 0.1), (-0.3, -0.05)]))
def test_two_tethers_find_the_bar_wherever_the_second_stands(place, second):
    a = (0.02, 0.0)
    path = two_tether_path(lengths(place, a), lengths(place, second), a, second, 5e-4)
    assert tuple(path[:2, 0]) == pytest.approx(place, abs=1e-9)


@given(place=places)
def test_tilt_and_length_find_the_bar(place):
    anchor = (0.05, 0.02)
    tilt = np.array([np.arctan2(place[0] - anchor[0], place[1] - anchor[1])])
    path = tilt_path(lengths(place, anchor), tilt, anchor, 5e-4, 1.7e-3)
    assert tuple(path[:2, 0]) == pytest.approx(place, abs=1e-12)


def test_uncertainty_is_what_noise_does():
    rng = np.random.default_rng(3)
    place, a, b = (0.04, 0.8), (0.02, 0.0), (-0.6, 0.0)
    n = 20_000
    length = lengths(place, a) + rng.normal(0.0, 5e-4, n)
    tilt = np.arctan2(0.02, 0.8) + rng.normal(0.0, 1.7e-3, n)
    x, _, sigma = tilt_path(length, tilt, a, 5e-4, 1.7e-3)
    assert x.std() == pytest.approx(sigma.mean(), rel=0.03)
    length_2 = lengths(place, b) + rng.normal(0.0, 5e-4, n)
    x, _, sigma = two_tether_path(length, length_2, a, b, 5e-4)
    assert x.std() == pytest.approx(sigma.mean(), rel=0.03)


def test_one_vertical_tether_is_corrected_for_where_it_stands():
    assert tether_height(lengths((0.0, 0.8), (0.2, 0.05)), (0.2, 0.05))[0] == pytest.approx(0.8)
    assert np.isnan(tether_height(np.array([0.1]), (0.2, 0.0))[0])
    # right below the bar nothing is corrected, so a travel zeroed at the top reads as it is
    np.testing.assert_array_equal(tether_height(np.array([0.1, -0.4]), (0.0, 0.0)), [0.1, -0.4])


@given(
    elevation=st.floats(-0.3, 1.2),
    tension_n=st.floats(20.0, 900.0),
    direction=st.sampled_from([-1.0, 0.0, 1.0]),
)
def test_the_pulley_cell_finds_the_handle_with_friction(elevation, tension_n, direction):
    share = 0.97**direction
    pull = tension_n * np.array([[np.cos(elevation)], [np.sin(elevation) + share]])
    x, y = handle_path(np.array([0.4]), pull[0], pull[1], np.array([direction]), 1.3, 0.97)[:, 0]
    assert (x, y) == pytest.approx((1.7 * np.cos(elevation), 1.7 * np.sin(elevation)), abs=1e-6)


def test_a_place_nobody_can_see_is_nan():
    one = np.array([np.nan])
    assert np.isnan(tilt_path(one, one, (0, 0), 1e-3, 1e-3)).all()
    assert np.isnan(two_tether_path(np.array([0.1]), np.array([0.1]), (0, 0), (1, 0), 1e-3)).all()
    assert np.isnan(handle_path(one, np.zeros(1), np.zeros(1), np.zeros(1), 1.0, 0.98)).all()
    empty = np.empty(0)
    assert tilt_path(empty, empty, (0, 0), 1e-3, 1e-3).shape == (3, 0)


def test_two_tethers_at_one_place_are_refused():
    with pytest.raises(ValueError, match="two tethers need two places"):
        two_tether_path(np.ones(1), np.ones(1), (0, 0), (0, 0), 1e-3)
