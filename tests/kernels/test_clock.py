"""What is counted and measured does not depend on where a clock began."""

import numpy as np
import pytest

from kernels import CHANNELS, Discarded, Measured

POSITION = CHANNELS.index("position_m")


def said(counter, time_s, s, begin_s, **kwargs):
    """What was said, its times from the beginning of the clock."""
    rc = counter(**kwargs)
    out = []
    for one in rc.push(POSITION, time_s + begin_s, s) + rc.finish():
        if isinstance(one, Measured):
            numbers = [value - begin_s if name in TIMES else value for name, value in one.numbers.items()]
            out.append(([one.kind, one.candidate], [one.known_s - begin_s, *numbers]))
        elif isinstance(one, Discarded):
            out.append(([one.reason, one.candidate], [one.start_s - begin_s, one.end_s - begin_s]))
    return out


TIMES = {"start_s", "end_s", "eccentric_end_s", "concentric_start_s", "concentric_end_s"}


@pytest.mark.parametrize("concentric_first", [False, True])
@pytest.mark.parametrize("samples", [1, 2, 3, 5, 1_000_000, 1_000_003, 100_000_001])
def test_a_session_is_the_same_wherever_its_clock_began(motion, rdl, counter, samples, concentric_first):
    """Moved by some samples of the grid: the same is said at the same time, and with the same numbers.

    Not to the bit, for hundredths of a second are no binary fractions.
    """
    # no reading on an edge of the grid, where the last bit of its time says which side it is on
    before = ((3.0, 0.0), (0.8, -0.15), (2.0, 0.0))
    time_s, s = motion(*before, *rdl(4), (6.5, 0.0), (0.3, 0.2), (0.3, -0.2), *rdl(2))
    time_s = time_s + 0.0021
    s = s + np.random.default_rng(5).normal(0.0, 0.0007, s.size)
    usual = said(counter, time_s, s, 0.0, concentric_first=concentric_first)
    moved = said(counter, time_s, s, samples / 100.0, concentric_first=concentric_first)
    assert [what for what, _ in moved] == [what for what, _ in usual]
    assert len(usual) > 8
    for (_, numbers), (_, others) in zip(moved, usual, strict=True):
        assert numbers == pytest.approx(others, rel=1e-6, abs=1e-6, nan_ok=True)
