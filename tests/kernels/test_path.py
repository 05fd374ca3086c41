import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import CHANNELS, Measured, handle_path
from kernels._smooth import design

places = st.tuples(st.floats(-0.4, 0.4), st.floats(0.3, 1.6))


def slow_place(length_m, length_2_m, anchor_m, anchor_2_m):
    """Bar place by search: the point above the anchors whose two distances fit best."""
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, 501), np.linspace(0.2, 1.8, 801))
    miss = (np.hypot(x - anchor_m[0], y - anchor_m[1]) - length_m) ** 2
    miss += (np.hypot(x - anchor_2_m[0], y - anchor_2_m[1]) - length_2_m) ** 2
    best = np.unravel_index(np.argmin(miss), miss.shape)
    return x[best], y[best]


def length(place, anchor):
    return np.hypot(place[0] - anchor[0], place[1] - anchor[1])


def tilt(place, anchor):
    return np.arctan2(place[0] - anchor[0], place[1] - anchor[1])


def seen(counter, layout, first, second=None, **geometry):
    """Where the bar is, by a counter, of which readings stay what they are: x and y."""
    rc = counter(layout, **geometry)
    time_s = np.arange(60) / 100.0
    if second is not None:
        name = "tether_angle_rad" if layout == "tilt" else "position_2_m"
        rc.push(CHANNELS.index(name), time_s, np.full(60, second))
    rc.push(CHANNELS.index("position_m"), time_s, np.full(60, first))
    _, y, x, _ = rc.trace(0.0)[:, -1]
    return x, y


def test_trilateration_equals_the_search(counter):
    place, a, b = (0.06, 0.81), (0.02, 0.0), (-0.6, 0.05)
    read = length(place, a), length(place, b)
    found = seen(counter, "two-tethers", *read, anchor_m=a, anchor_2_m=b)
    assert found == pytest.approx(slow_place(*read, a, b), abs=0.002)


@settings(deadline=None)
@given(place=places, second=st.sampled_from([(-0.6, 0.0), (0.7, 0.1), (-0.3, -0.05)]))
def test_two_tethers_find_the_bar_wherever_the_second_stands(counter, place, second):
    a = (0.02, 0.0)
    read = length(place, a), length(place, second)
    found = seen(counter, "two-tethers", *read, anchor_m=a, anchor_2_m=second)
    assert found == pytest.approx(place, abs=1e-9)


@settings(deadline=None)
@given(place=places)
def test_tilt_and_length_find_the_bar(counter, place):
    a = (0.05, 0.02)
    found = seen(counter, "tilt", length(place, a), tilt(place, a), anchor_m=a)
    assert found == pytest.approx(place, abs=1e-9)


@pytest.mark.parametrize("layout", ["tilt", "two-tethers"])
def test_a_path_is_as_unsure_as_its_readings_make_its_two_ends(motion, rdl, counter, layout):
    """The farthest of a dozen places is picked: three times the mean square (order statistics)."""
    time_s, s = motion(*rdl(2), rate_hz=100.0)
    a, b, sigma_m, sigma_rad = (0.02, 0.0), (-0.6, 0.05), 0.004, 0.006
    x = 0.1 * (s.max() - s)
    rc = counter(layout, anchor_m=a, anchor_2_m=b, sigma_length_m=sigma_m, sigma_tilt_rad=sigma_rad)
    second = tilt((x, s), a) if layout == "tilt" else length((x, s), b)
    rc.push(CHANNELS.index("tether_angle_rad" if layout == "tilt" else "position_2_m"), time_s, second)
    found = rc.push(CHANNELS.index("position_m"), time_s, length((x, s), a)) + rc.finish()
    rep = next(one for one in found if isinstance(one, Measured) and one.kind == "complete")
    squares = []
    for place in ((x[0], s.max()), (x.max(), s.min())):
        rays = np.array([(place[0] - at[0], place[1] - at[1]) / length(place, at) for at in (a, b)])
        if layout == "tilt":
            rays[1] = rays[0, 1], -rays[0, 0]
        of_x = np.linalg.inv(rays)[0]
        of_second = sigma_m if layout == "two-tethers" else length(place, a) * sigma_rad
        squares.append((of_x[0] * sigma_m) ** 2 + (of_x[1] * of_second) ** 2)
    gain = np.sum(design(16)[0] ** 2)
    assert rep.path_deviation_sigma_m**2 == pytest.approx(gain * (squares[0] + 3.0 * squares[1]), rel=0.05)


def test_one_vertical_tether_is_corrected_for_where_it_stands(counter):
    _, y = seen(counter, "one-tether", length((0.0, 0.8), (0.2, 0.05)), anchor_m=(0.2, 0.05))
    assert y == pytest.approx(0.8)
    # right below the bar nothing is corrected, so a travel zeroed at the top reads as it is
    assert seen(counter, "one-tether", -0.4)[1] == pytest.approx(-0.4, abs=1e-12)


@settings(deadline=None)
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


def test_below_its_reel_a_place_goes_on_without_a_fold_and_without_an_end(counter):
    """5 cm over it, where no bar hangs, a tangent takes the place of the circle."""
    lengths = np.arange(-0.3, 0.4, 0.01)
    one = [seen(counter, "one-tether", at, anchor_m=(0.2, 0.0))[1] for at in lengths]
    second = (0.1, 0.0), (-0.5, 0.0)
    x, two = zip(
        *(
            seen(counter, "two-tethers", at, at + 0.2, anchor_m=second[0], anchor_2_m=second[1])
            for at in lengths
        ),
        strict=True,
    )
    for y in (one, two):
        assert np.isfinite(y).all()
        assert (np.diff(y) > 0.0).all()
        above = np.array(y) > 0.05
        assert above.any()
        assert not above.all()
    assert np.isnan(x)[np.array(two) < 0.0].all(), "nobody sees a path there"
    slope = np.diff(one) / 0.01
    assert slope[:40] == pytest.approx(np.hypot(0.2, 0.05) / 0.05)
    assert seen(counter, "one-tether", np.hypot(0.2, 0.051), anchor_m=(0.2, 0.0))[1] == pytest.approx(0.051)


def test_a_place_nobody_can_see_is_nan(counter):
    assert np.isnan(seen(counter, "two-tethers", 0.1, 0.1, anchor_m=(0.0, 0.0), anchor_2_m=(1.0, 0.0))[0])
    nothing = np.full(1, np.nan), np.zeros(1), np.zeros(1), np.zeros(1)
    assert np.isnan(handle_path(*nothing, 1.0, 0.98)).all()
    assert handle_path(*[np.empty(0)] * 4, 1.0, 0.98).shape == (2, 0)


def test_two_tethers_at_one_place_are_refused(counter):
    with pytest.raises(ValueError, match="two tethers need two places"):
        counter("two-tethers")
