"""A recording handed over in one piece gives what its pieces give, however fast its channels are."""

import numpy as np
import pytest

from kernels import Tick


@pytest.mark.parametrize(("layout", "second"), [("tilt", "tether_angle_rad"), ("pulley", "pulley_x_n")])
@pytest.mark.parametrize(("leading_hz", "other_hz"), [(20.0, 1000.0), (1000.0, 100.0), (500.0, 500.0)])
def test_a_read_of_many_minutes_equals_its_pieces(motion, rdl, counter, layout, second, leading_hz, other_hz):
    time_s, s = motion(*rdl(40), rate_hz=leading_hz)
    other_s = np.arange(0.0, time_s[-1], 1.0 / other_hz)
    rng = np.random.default_rng(3)
    channels = {
        "position_m": (time_s, s),
        "force_n": (other_s, 600.0 + rng.normal(0.0, 5.0, other_s.size)),
        second: (other_s, rng.normal(0.01, 0.002, other_s.size)),
    }
    whole, cut = (counter(layout, free_length_m=2.0) for _ in range(2))
    at_once = whole.feed([(name, t, value) for name, (t, value) in channels.items()]) + whole.finish()
    by_pieces = []
    for start_s in np.arange(0.0, time_s[-1] + 1.0, 0.37):
        piece = []
        for name, (t, value) in channels.items():
            first, last = np.searchsorted(t, [start_s, start_s + 0.37])
            piece.append((name, t[first:last], value[first:last]))
        by_pieces += cut.feed(piece)
    by_pieces += cut.finish()
    assert repr(at_once) == repr(by_pieces)
    assert sum(not isinstance(result, Tick) for result in at_once) >= 80


@pytest.mark.parametrize("longer_s", np.arange(0.0, 2.0, 0.1))
def test_a_rep_that_waits_as_long_as_anything_is_remembered_equals_its_pieces(motion, counter, longer_s):
    """Pending at its lockout; the lifter sways, and neither rests nor lowers the bar."""
    sways = [(1.0 + longer_s / 2.0, 0.05), (1.0 + longer_s / 2.0, -0.05), *[(1.0, 0.05), (1.0, -0.05)] * 37]
    time_s, s = motion((1.0, 0.0), (1.5, -0.5), (1.0, 0.45), *sways, (1.5, -0.45), (1.0, 0.45), (3.0, 0.0))
    s = s + np.random.default_rng(6).normal(0.0, 0.001, s.size)  # where no sample is as good as another
    at_once, by_pieces = (counter() for _ in range(2))
    whole = at_once.push(0, time_s, s) + at_once.finish()
    cut = []
    for i in range(0, s.size, 7):
        cut += by_pieces.push(0, time_s[i : i + 7], s[i : i + 7])
    assert repr(whole) == repr(cut + by_pieces.finish())
