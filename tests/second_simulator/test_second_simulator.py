"""The truth is what the definitions say, and some seeds of every kind are counted exactly."""

import numpy as np
import pytest

from tests.second_simulator.scoring import score_seed
from tests.second_simulator.sessions import KINDS, make
from tests.second_simulator.strokes import DT_S, timed
from tests.second_simulator.track import Meant
from tests.second_simulator.truth import true_reps

HALF_S = 1.0


def hinge(down_s: float, still_s: float, up_s: float, range_m: float = 0.4) -> tuple[np.ndarray, Meant]:
    """Held for a second, down, held, up, held, all of them minimum-jerk movements."""
    one = round(HALF_S / DT_S)
    down, up = timed(-range_m, down_s), timed(range_m, up_s)
    still = round(still_s / DT_S)
    place = np.concatenate(
        (np.full(one, 1.0), 1.0 + down, np.full(still, 1.0 - range_m), 1.0 - range_m + up, np.full(one, 1.0))
    )
    turn = one + len(down) + still // 2
    return place, Meant(one - 1, turn, len(place) - one // 2, True)


def minimum_jerk_crossing_s(range_m: float, duration_s: float, speed_mps: float) -> float:
    """When v = 30 (A / T) tau^2 (1 - tau)^2 first reaches a speed."""
    return duration_s * (1.0 - np.sqrt(1.0 - 4.0 * np.sqrt(speed_mps * duration_s / (30.0 * range_m)))) / 2.0


def test_a_slow_lift_begins_and_ends_where_its_velocity_crosses_v0() -> None:
    # The peak speeds, 15/8 A / T, are below v0 / 0.08, so that w is v0 and nothing is carried on.
    place, meant = hinge(4.0, 1.0, 3.5)
    (rep,) = true_reps(place, None, [meant], v0=0.02, lengths=True, up_first=False)
    off_s = minimum_jerk_crossing_s(0.4, 3.5, 0.02)
    assert rep.numbers["concentric_s"] == pytest.approx(3.5 - 2.0 * off_s, abs=0.002)
    assert rep.numbers["bottom_pause_s"] == pytest.approx(
        1.0 + off_s + minimum_jerk_crossing_s(0.4, 4.0, 0.02), abs=0.002
    )
    assert rep.numbers["peak_concentric_velocity_mps"] == pytest.approx(15.0 / 8.0 * 0.4 / 3.5, rel=0.001)


def test_a_quick_lift_is_carried_on_to_v0() -> None:
    place, meant = hinge(1.5, 0.5, 0.8)
    (rep,) = true_reps(place, None, [meant], v0=0.02, lengths=True, up_first=False)
    # v ~ tau^2 through w and 3 w: w is crossed first, v0 earlier by less than a hundredth of a second more.
    w = 0.08 * 15.0 / 8.0 * 0.4 / 0.8
    first, third = (minimum_jerk_crossing_s(0.4, 0.8, level) for level in (w, 3.0 * w))
    begin_s = first - (third - first) / (np.sqrt(3.0) - 1.0) * (1.0 - np.sqrt(0.02 / w))
    assert rep.numbers["concentric_s"] == pytest.approx(0.8 - 2.0 * begin_s, abs=0.002)
    assert begin_s == pytest.approx(minimum_jerk_crossing_s(0.4, 0.8, 0.02), abs=0.01)


def test_a_bounce_at_the_bottom_belongs_to_the_pause_and_a_dip_on_the_way_to_the_lift() -> None:
    place, meant = hinge(2.0, 1.2, 2.0)
    at = np.arange(len(place)) * DT_S
    bounce = 0.02 * np.exp(-(((at - 3.6) / 0.08) ** 2))
    dip = -0.03 * np.exp(-(((at - 5.2) / 0.15) ** 2))
    (calm,) = true_reps(place, None, [meant], v0=0.02, lengths=True, up_first=False)
    (rough,) = true_reps(place + bounce + dip, None, [meant], v0=0.02, lengths=True, up_first=False)
    for name in ("eccentric_s", "bottom_pause_s", "concentric_s"):
        assert rough.numbers[name] == pytest.approx(calm.numbers[name], abs=0.02)


def test_a_lift_that_was_let_go_has_no_lowering() -> None:
    session = make(3, "deadlift-drop")
    dropped = [rep for rep in session.reps if rep.let_go]
    assert dropped
    assert all("eccentric_s" not in rep.numbers and "concentric_s" in rep.numbers for rep in dropped)


@pytest.mark.parametrize("kind", list(KINDS))
def test_some_sessions_of_each_kind_are_counted_exactly(kind: str) -> None:
    for seed in (1, 2):
        score = score_seed(seed, kind, "clean")
        assert not score.failure
        assert (score.missed, score.too_many) == ([], []), score.name
