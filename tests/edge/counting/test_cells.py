"""What load cells and a platform say of a rep, held against the simulator's truth."""

from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.counting.cells import PLATFORM, Cells, Weight
from edge.counting.pipeline import StationPipeline
from edge.link.drivers import Samples
from station.exercises import load_profile
from station.records import RepEvent
from station.sim import SetPlan, Setup, StationPlan, Technique, simulate_station, with_seed
from station.sim.session import default_sensors

FIELDS = ("slack_s", "heel_pct", "heel_least_pct", "left_pct")


def lifted(exercise, seed=1, *, close_m=0.0, **sensors):
    profile = load_profile(exercise)
    plan = StationPlan(
        exercise=exercise,
        sets=[SetPlan(reps=3), SetPlan(reps=3, technique=Technique(forefoot_m=0.05))],
        sensors=msgspec.structs.replace(default_sensors(profile), **sensors),
        setup=Setup(close_m=close_m),
    )
    return simulate_station(plan, with_seed(seed))


def measured(simulated, block_s=0.25):
    """The newest revision of each rep, with the truth of it."""
    pipeline = StationPipeline(simulated.station, load_profile(simulated.exercise), live_s=0.0)
    newest = {}
    for start_s in np.arange(0.0, float(simulated.motion.time_s[-1]) + block_s, block_s):
        block = []
        for name, (time_s, value) in simulated.recording.items():
            part = slice(*np.searchsorted(time_s, [start_s, start_s + block_s]))
            block.append(Samples(name, time_s[part].copy(), value[part].copy()))
        newest |= {e.event_id: e for e in pipeline.feed(block) if isinstance(e, RepEvent)}
    newest |= {e.event_id: e for e in pipeline.finish() if isinstance(e, RepEvent)}
    true = [rep for a_set in simulated.truth["sets"] for rep in a_set["reps"]]
    reps = [e.rep for e in newest.values() if e.state != "rejected"]
    assert len(reps) == len(true)
    return list(zip(sorted(reps, key=lambda rep: rep.start_s), true, strict=True))


@pytest.mark.parametrize("platform_hz", [10.0, 80.0, 320.0])
@pytest.mark.parametrize(
    "exercise", ["broomstick-hinge", "cable-pull-through", "romanian-deadlift", "deadlift"]
)
def test_the_share_of_the_weight_on_heels_and_left_foot_is_the_true_one(exercise, platform_hz):
    for rep, truth in measured(lifted(exercise, platform_hz=platform_hz)):
        assert rep.heel_pct == pytest.approx(truth["heel_pct"], abs=1.0)
        if platform_hz > 10.0:
            assert rep.heel_least_pct == pytest.approx(truth["heel_least_pct"], abs=2.0)
        else:
            assert rep.heel_least_pct is None
        assert rep.left_pct == pytest.approx(truth["left_pct"], abs=1.0)


@pytest.mark.parametrize("sensors", [{}, {"force_hz": None, "pulley_hz": 80.0}, {"force_hz": 10.0}])
@pytest.mark.parametrize("exercise", ["cable-pull-through", "cable-row", "banded-hinge"])
def test_slack_is_seen_by_a_cell_in_the_cable_or_under_the_pulley(exercise, sensors):
    sensors = {} if exercise == "banded-hinge" else sensors  # the band's cell is its motion
    close_m = 0.2 if exercise == "cable-pull-through" else 0.0
    pairs = measured(lifted(exercise, seed=2, close_m=close_m, **sensors))
    assert max(truth["slack_s"] for _, truth in pairs) > 0.1 or not close_m
    for rep, truth in pairs:
        assert rep.slack_s == pytest.approx(truth["slack_s"], abs=0.12)


def test_what_a_station_has_no_cell_for_stays_null():
    for rep, truth in measured(lifted("romanian-deadlift")):
        assert [getattr(rep, name) for name in FIELDS] == [None] * 4
        assert [truth[name] for name in FIELDS] == [None] * 4
    for rep, _ in measured(lifted("cable-pull-through", force_hz=None, pulley_hz=None)):
        assert rep.slack_s is None


def test_reads_of_any_size_give_the_same_to_the_last_bit():
    simulated = lifted("cable-pull-through", close_m=0.2, platform_hz=80.0)
    whole = [[getattr(rep, name) for name in FIELDS] for rep, _ in measured(simulated, 600.0)]
    for block_s in (0.016, 0.7, 10.0):
        assert [[getattr(rep, name) for name in FIELDS] for rep, _ in measured(simulated, block_s)] == whole


def standing(rear_left=200.0, others=200.0, seconds=4.0, rate_hz=80.0):
    """Somebody stands on the platform; the readings of its cells."""
    time_s = np.arange(1, round(seconds * rate_hz) + 1) / rate_hz
    return [
        Samples(name, time_s, np.full(time_s.size, rear_left if name == "platform_rear_left_n" else others))
        for name in PLATFORM
    ]


def test_nobody_on_the_platform_or_too_little_seen_is_no_share():
    cells = Cells()
    assert cells.weight(1.0, 3.0, 9.0) == Weight()
    cells.feed(standing(24.0, 24.0))
    assert cells.weight(1.0, 3.0, 9.0) == Weight()  # 96 N
    cells = Cells()
    cells.feed(standing())
    assert cells.weight(1.0, 3.0, 9.0) == Weight(50.0, 50.0, 50.0)
    assert cells.weight(3.0, 7.0, 9.0) == Weight()  # a quarter of it was seen
    assert cells.weight(1.0, 3.0, 1.5) == Weight()  # known too early


def test_a_mean_is_over_time_and_not_over_readings():
    cells = Cells()
    time_s = np.r_[np.arange(1, 101) / 100.0, 1.0 + np.arange(1, 11) / 10.0]
    cells.feed([Samples("force_n", time_s, np.where(time_s > 1.0, 200.0, 100.0))])
    assert cells.means("force_n", np.array([0.5, 1.5]), 9.0)[0] == pytest.approx(150.0)
    assert np.isnan(cells.means("force_n", np.array([1.5, 2.5]), 9.0)[0])


def test_a_reading_that_is_nonsense_changes_no_mean_and_a_blow_does():
    time_s = np.arange(1, 161) / 80.0
    value = np.full(160, 600.0)
    value[80] = -30_000.0
    cells = Cells()
    cells.feed([Samples("force_n", time_s, value)])
    assert cells.means("force_n", np.array([0.5, 1.5]), 9.0)[0] == pytest.approx(600.0)
    value = np.full(160, 600.0)
    value[80:84] = 1400.0
    cells = Cells()
    cells.feed([Samples("force_n", time_s, value)])
    assert cells.means("force_n", np.array([0.5, 1.5]), 9.0)[0] == pytest.approx(640.0)


@pytest.mark.parametrize(
    ("cell_hz", "read_n", "slack_s"), [(20.0, 0.0, 0.05), (20.0, -900.0, 0.0), (80.0, 0.0, 0.0)]
)
def test_a_slow_cell_s_one_reading_of_nothing_is_a_slack_cable(cell_hz, read_n, slack_s):
    time_s = np.arange(1, 2 * cell_hz + 1) / cell_hz
    value = np.full(time_s.size, 300.0)
    value[time_s.size // 2] = read_n
    cells = Cells()
    cells.feed([Samples("force_n", time_s, value)])
    assert cells.slack_s(0.2, 1.8, 2.0) == pytest.approx(slack_s)


def test_a_gap_is_not_filled():
    time_s = np.arange(1, 321) / 80.0
    there = (time_s < 1.0) | (time_s > 1.6)
    cells = Cells()
    cells.feed([Samples("force_n", time_s[there], np.full(there.sum(), 500.0))])
    first, gap, last = cells.means("force_n", np.array([0.2, 0.9, 1.7, 2.0]), 9.0)
    assert (first, last) == pytest.approx((500.0, 500.0))
    assert np.isnan(gap)


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(0, 320), max_size=8), missing=st.lists(st.integers(0, 319), max_size=40))
def test_missing_values_and_cuts_change_nothing_but_what_is_seen(cuts, missing):
    rng = np.random.default_rng(3)
    time_s = np.arange(1, 321) / 80.0
    value = 500.0 + rng.normal(0.0, 1.0, 320)
    value[missing] = np.nan
    whole, pieces = Cells(), Cells()
    whole.feed([Samples("force_n", time_s, value)])
    for a, b in pairwise(sorted({0, 320, *cuts})):
        pieces.feed([Samples("force_n", time_s[a:b], value[a:b])])
    edges_s = np.linspace(0.5, 3.5, 7)
    np.testing.assert_array_equal(whole.means("force_n", edges_s, 3.9), pieces.means("force_n", edges_s, 3.9))


def test_memory_is_bounded():
    cells = Cells()
    for second in range(1000):
        cells.feed([Samples("force_n", second + np.arange(80) / 80.0, np.full(80, 1.0))])
    assert len(cells._tapes["force_n"]._time_s) < 80 * 1000
