"""How far off its neighbours a reading is a spike: each channel's fastest motion, and its noise."""

import numpy as np
import pytest

from kernels import CHANNELS

SECOND_OF = {"position_2_m": "two-tethers", "tether_angle_rad": "tilt"}
MOTION = ["position_m", "position_2_m", "tether_angle_rad"]


def at_rest(counter, channel, rate_hz, *off, still=0.0):
    """The counter that took some readings off a rest, by so much one after the other, the last for good."""
    value = np.full(200, still)
    value[100 : 100 + len(off)] += off
    value[100 + len(off) :] += off[-1]
    time_s = np.arange(200) / rate_hz
    if channel == "force_n" and still >= 200.0:
        rc = counter("tension", min_range=20.0)
    else:
        rc = counter(SECOND_OF.get(channel, "travel"), anchor_2_m=(0.6, 0.0))
    rc.push(CHANNELS.index(channel), time_s, value)
    if channel != "position_m" and still < 200.0:
        rc.push(CHANNELS.index("position_m"), time_s, np.full(200, 1.0))
    return rc


@pytest.mark.parametrize(
    ("channel", "rate_hz", "noise", "spike"),
    [
        # a centimetre of a length, a twentieth of a radian
        ("position_m", 100.0, 0.009, 0.014),
        ("position_2_m", 100.0, 0.009, 0.014),
        ("tether_angle_rad", 100.0, 0.045, 0.07),
        # and between slow readings what 3 g, and 100 rad/s², make of a line
        ("position_m", 25.0, 0.03, 0.038),
        ("position_2_m", 25.0, 0.03, 0.038),
        ("tether_angle_rad", 25.0, 0.115, 0.15),
    ],
)
def test_a_lone_reading_is_a_spike_from_here_on(counter, channel, rate_hz, noise, spike):
    assert at_rest(counter, channel, rate_hz, noise, 0.0).spikes[0] == 0
    assert at_rest(counter, channel, rate_hz, spike, 0.0).spikes[0] == 1


@pytest.mark.parametrize(
    ("channel", "as_fast", "faster", "back"),
    [
        ("position_m", 0.21, 0.29, 0.09),
        ("position_2_m", 0.21, 0.29, 0.09),
        ("tether_angle_rad", 0.31, 0.43, 0.16),
    ],
)
def test_nothing_moves_faster_than_a_bar_that_falls_from_overhead(counter, channel, as_fast, faster, back):
    """Some of the way back at the next reading: neither a slip of the zero nor there and back."""
    assert at_rest(counter, channel, 25.0, as_fast, as_fast - back).spikes[0] == 0
    assert at_rest(counter, channel, 25.0, faster, faster - back).spikes[0] == 1


@pytest.mark.parametrize(
    ("rate_hz", "still_n", "off_n", "spikes"),
    [
        # a band's cell is off by 6 N
        (100.0, 200.0, (5.0, 0.0), 0),
        (100.0, 200.0, (8.0, 0.0), 1),
        # and stretched to 1.25 m it follows a hand by as much of its pull
        (25.0, 1000.0, (21.0, 0.0), 0),
        (25.0, 1000.0, (29.0, 0.0), 1),
        (25.0, 1000.0, (165.0, 85.0), 0),
        (25.0, 1000.0, (280.0, 200.0), 1),
    ],
)
def test_a_band_s_pull_moves_as_fast_as_a_bar_would(counter, rate_hz, still_n, off_n, spikes):
    assert at_rest(counter, "force_n", rate_hz, *off_n, still=still_n).spikes[0] == spikes


@pytest.mark.parametrize(
    ("rate_hz", "still_n", "off_n", "believed"),
    [
        # 40 N of noise, at any rate
        (100.0, 0.0, 35.0, True),
        (100.0, 0.0, 50.0, False),
        # a load weighs nothing, and all of itself again, within 0.05 s
        (50.0, 150.0, 60.0, True),
        (50.0, 150.0, 72.0, False),
        # and what hangs on an empty cell is 50 N at the least
        (20.0, 0.0, 80.0, True),
        (20.0, 0.0, 100.0, False),
    ],
)
def test_a_cell_s_lone_reading_is_believed_up_to_here(counter, rate_hz, still_n, off_n, believed):
    rc = at_rest(counter, "force_n", rate_hz, off_n, 0.0, still=still_n)
    force_n = rc.trace(0.0)[3]
    assert (np.nanmax(force_n) > still_n + 1.0) == believed
