"""The load by the cells against what the simulator lifted: bar, stack and platform."""

import msgspec
import numpy as np
import pytest

from edge.counting.cells import Cells
from edge.counting.load import G_MPS2, Scales
from edge.counting.pipeline import StationPipeline
from edge.link.drivers import Samples
from station.exercises import load_profile
from station.records import RepEvent, SetEvent
from station.sim import LoadCell, SetPlan, Setup, StationPlan, simulate_station, with_seed
from station.sim.recording import Signal
from station.sim.session import default_sensors
from station.weighing import of_set, other_than
from tests.conftest import _make_rep


def lifted(exercise, seed=1, *, close_m=0.0, a_set=None, **sensors):
    profile = load_profile(exercise)
    plan = StationPlan(
        exercise=exercise,
        sets=[SetPlan(**{"reps": 4, **(a_set or {})})],
        sensors=msgspec.structs.replace(default_sensors(profile), **sensors),
        setup=Setup(close_m=close_m),
    )
    return simulate_station(plan, with_seed(seed))


def counted(simulated, block_s=1.0):
    """The reps of the first set in their newest revision, and the summaries."""
    pipeline = StationPipeline(simulated.station, load_profile(simulated.exercise), live_s=0.0)
    events = []
    for start_s in np.arange(0.0, float(simulated.motion.time_s[-1]) + block_s, block_s):
        block = []
        for name, (time_s, value) in simulated.recording.items():
            part = slice(*np.searchsorted(time_s, [start_s, start_s + block_s]))
            block.append(Samples(name, time_s[part].copy(), value[part].copy()))
        events += pipeline.feed(block)
    events += pipeline.finish()
    newest = {e.event_id: e for e in events if isinstance(e, RepEvent)}
    reps = [e.rep for e in newest.values() if e.state != "rejected" and e.set_number == 1]
    return sorted(reps, key=lambda rep: rep.start_s), [e for e in events if isinstance(e, SetEvent)]


def true_kg(simulated):
    return simulated.truth["sets"][0]["reps"][0]["load_measured_kg"]


@pytest.mark.parametrize("force_hz", [10.0, 80.0])
@pytest.mark.parametrize("dead_stop", [False, True])
@pytest.mark.parametrize("exercise", ["romanian-deadlift", "deadlift", "back-squat", "bench-press"])
def test_a_bar_is_weighed_by_its_cell(exercise, dead_stop, force_hz):
    for seed in (3, 4):
        simulated = lifted(exercise, seed, a_set={"dead_stop": dead_stop}, force_hz=force_hz)
        weighed = of_set(counted(simulated)[0])
        assert weighed.kg == pytest.approx(true_kg(simulated), rel=0.015)
        assert abs(weighed.kg - true_kg(simulated)) < 3.0 * weighed.sigma_kg


@pytest.mark.parametrize("exercise", ["cable-pull-through", "cable-row"])
def test_a_stack_is_weighed_through_its_friction_and_its_ratio(exercise):
    for seed in (3, 4, 5):
        simulated = lifted(exercise, seed)
        reps, (last, *_) = counted(simulated)
        true, plates = true_kg(simulated), [true_kg(simulated) + 5.0 * n for n in range(-2, 3)]
        assert of_set(reps).kg == pytest.approx(true, rel=0.01)
        assert last.summary.load_measured_kg == pytest.approx(true, rel=0.01)
        assert other_than(true, reps[:2], plates) is None
        assert other_than(true - 5.0, reps[:2], plates) == true


@pytest.mark.parametrize("exercise", ["romanian-deadlift", "back-squat", "deadlift"])
@pytest.mark.parametrize("dead_stop", [False, True])
def test_a_platform_weighs_the_bar_less_the_lifter(exercise, dead_stop):
    simulated = lifted(exercise, 4, force_hz=None, platform_hz=80.0, a_set={"dead_stop": dead_stop})
    assert of_set(counted(simulated)[0]).kg == pytest.approx(true_kg(simulated), rel=0.02)


def test_a_lifter_who_was_not_seen_without_the_bar_is_not_guessed():
    simulated = lifted("romanian-deadlift", force_hz=None, platform_hz=80.0, a_set={"approach": "none"})
    assert [rep.load_measured_kg for rep in counted(simulated)[0]] == [None] * 4


def test_a_cell_that_drifts_between_sets_is_held_against_its_own_zero():
    cold = LoadCell(warm_up_n=25.0, warm_up_s=60.0)
    simulated = lifted("back-squat", 2, a_set={"load_kg": 40.0, "repeat": 3}, cell=cold)
    _, summaries = counted(simulated)
    assert [one.summary.load_measured_kg for one in summaries] == pytest.approx([40.0] * 3, rel=0.02)


def test_a_stack_that_is_down_is_not_its_weight():
    reps, _ = counted(lifted("cable-pull-through", 2, close_m=0.2))
    assert min(rep.slack_s for rep in reps) > 0.1
    assert {rep.load_measured_kg for rep in reps} == {None}


def test_what_weighs_nothing_or_pulls_like_a_band_has_no_load():
    for exercise in ("broomstick-hinge", "banded-hinge"):
        simulated = lifted(exercise, platform_hz=80.0)
        assert {rep.load_measured_kg for rep in counted(simulated)[0]} == {None}


def test_reads_of_any_size_give_the_same_load_to_the_last_bit():
    simulated = lifted("back-squat", platform_hz=80.0, force_hz=None)
    whole = [rep.load_measured_kg for rep in counted(simulated, 600.0)[0]]
    assert None not in whole
    for block_s in (0.016, 0.7):
        assert [rep.load_measured_kg for rep in counted(simulated, block_s)[0]] == whole


STATION = simulate_station(StationPlan(exercise="deadlift"), with_seed(1)).station
HZ = 80.0
TEN_S = np.arange(1, round(10.0 * HZ) + 1) / HZ


def cells_of(hz=HZ, **channels):
    """Cells that have read these, each from 0 s on."""
    cells = Cells()
    for name, value in channels.items():
        cells.feed([Samples(name, np.arange(1, len(value) + 1) / hz, np.asarray(value))])
    return cells


def deadlift(landing_mps, load_kg=100.0, hold_s=1.0):
    """Force of a bar that lies for 5 s, is lifted, held and lowered onto the floor; and the rep, by v0."""
    up = np.linspace(0.0, 1.0, round(0.8 * HZ))
    down_s = 0.6
    accel = np.concatenate(
        [
            0.6 / 0.8**2 * (60 * up - 180 * up**2 + 120 * up**3),  # least jerk, 0.6 m
            np.zeros(round(hold_s * HZ)),
            np.full(round(down_s * HZ), -landing_mps / down_s),
        ]
    )
    floor = np.zeros(round(5.0 * HZ))
    force_n = np.concatenate([floor, load_kg * (G_MPS2 + accel), floor])
    slow_s = 0.8 * np.sqrt(0.02 / 22.5)  # 30 D / T x² of speed, least jerk
    times = {
        "concentric_start_s": 5.0 + slow_s,
        "concentric_end_s": 5.8 - slow_s,
        "eccentric_end_s": 6.4 + hold_s,
        "eccentric_s": down_s * (1.0 - 0.02 / landing_mps),
    }
    return force_n, _make_rep(
        start_s=5.0 + slow_s, end_s=6.4 + hold_s, concentric_s=0.8 - 2.0 * slow_s, **times
    ).rep


@pytest.mark.parametrize("landing_mps", [0.2, 0.8, 2.0])
def test_what_the_floor_stops_is_not_missing_from_the_load(landing_mps):
    force_n, rep = deadlift(landing_mps)
    for known_s in (7.5, 30.0):  # announced, confirmed
        weighed = Scales(STATION, cells_of(force_n=force_n)).weigh(
            rep, load_profile("deadlift"), 5.0, known_s
        )
        assert weighed.kg == pytest.approx(100.0, rel=0.003)


def test_a_lifter_in_a_long_set_does_not_weigh_as_much_as_with_the_bar():
    """Reps of ten seconds: for the last half minutes nothing but lifter and bar has been seen."""
    simulated = lifted(
        "back-squat",
        4,
        force_hz=None,
        platform_hz=80.0,
        a_set={"reps": 12, "tempo": (4.0, 2.0, 2.0, 2.0), "load_kg": 80.0},
    )
    reps, _ = counted(simulated)
    assert reps[-1].end_s - reps[0].start_s > 80.0
    assert [rep.load_measured_kg for rep in reps] == pytest.approx([80.0] * 12, rel=0.02)


def turned(floor_share, hold_s=0.3, time_s=TEN_S):
    """Force of 100 kg that is lowered, turned and lifted, a floor bearing a share of it as it turns."""
    x = np.clip((time_s - 4.0) / 1.0, 0.0, 1.0), np.clip((time_s - 5.0 - hold_s) / 0.7, 0.0, 1.0)
    bends = [60.0 * u - 180.0 * u**2 + 120.0 * u**3 for u in x]
    accel = -0.4 * bends[0] + 0.4 / 0.49 * bends[1]
    share = 1.0 - floor_share * np.exp(-(((time_s - 5.0 - 0.5 * hold_s) / (0.25 + 0.5 * hold_s)) ** 4))
    slow_s = np.sqrt(0.02 / 12.0), 0.7 * np.sqrt(0.02 * 0.7 / 12.0)
    rep = _make_rep(
        start_s=4.0 + slow_s[0],
        end_s=5.7 + hold_s - slow_s[1],
        eccentric_end_s=5.0 - slow_s[0],
        eccentric_s=1.0 - 2.0 * slow_s[0],
        concentric_start_s=5.0 + hold_s + slow_s[1],
        concentric_end_s=5.7 + hold_s - slow_s[1],
        concentric_s=0.7 - 2.0 * slow_s[1],
    ).rep
    return np.where(time_s > 2.0, 100.0 * share * (G_MPS2 + accel), 0.0), rep


@pytest.mark.parametrize(("floor_share", "sigma_kg"), [(0.0, 0.7), (0.1, 2.0)])
def test_a_bar_of_which_a_floor_bears_a_part_as_it_turns_is_weighed_less_surely(floor_share, sigma_kg):
    force_n, rep = turned(floor_share)
    weighed = Scales(STATION, cells_of(force_n=force_n)).weigh(
        rep, load_profile("romanian-deadlift"), 4.0, 9.0
    )
    assert (weighed.sigma_kg > 0.9) == (floor_share > 0.0)
    assert weighed.sigma_kg < sigma_kg
    assert abs(weighed.kg - 100.0) < (2.0 * weighed.sigma_kg if floor_share else 0.3)


def test_moments_read_ten_times_a_second_are_no_sure_means():
    """As little as is read of quick reps may be far off, and then that is said, or nothing is."""
    far, sure = [], []
    for hz in (10.0, 80.0):
        for seed in range(8):
            simulated = lifted("back-squat", seed, force_hz=80.0, a_set={"tempo": (0.6, 0.0, 0.5, 1.0)})
            time_s, force_n = simulated.recording["force_n"]
            at_s = np.arange(time_s[0], time_s[-1], 1.0 / hz)
            at_s += np.random.default_rng(seed).uniform(0.0, 0.5 / hz, len(at_s))
            simulated.recording["force_n"] = Signal(at_s, np.interp(at_s, time_s, force_n))
            weighed = of_set(counted(simulated)[0])
            if weighed is not None:
                off = weighed.kg / true_kg(simulated) - 1.0
                assert abs(off) < max(0.02, 3.0 * weighed.sigma_kg / weighed.kg)
            (far if hz == 10.0 else sure).append(weighed.sigma_kg / weighed.kg if weighed else np.inf)
    assert np.median(sure) < 0.01
    assert np.median(far) > 0.01


@pytest.mark.parametrize("hz", [10.0, 50.0])
def test_readings_of_moments_and_means_weigh_the_same_slow_rep(hz):
    """A converter that reads moments is not late by half of its interval, as a mean is."""
    time_s = np.arange(1, 10_001) / 1000.0
    force_n, rep = turned(0.0, time_s=time_s)
    means_n = force_n.reshape(-1, round(1000.0 / hz)).mean(axis=1)
    for read_n in (means_n, force_n[round(1000.0 / hz) - 1 :: round(1000.0 / hz)]):
        weighed = Scales(STATION, cells_of(hz, force_n=read_n)).weigh(
            rep, load_profile("romanian-deadlift"), 4.0, 9.0
        )
        assert weighed.kg == pytest.approx(100.0, rel=0.006)
        assert weighed.sigma_kg < 1.0


def test_ways_down_and_up_that_do_not_weigh_the_same_make_the_load_unsure():
    force_n, rep = turned(0.0)
    sigmas = []
    for share in (1.0, 0.97):
        weighed = Scales(STATION, cells_of(force_n=np.where(TEN_S < 5.0, share, 1.0) * force_n)).weigh(
            rep, load_profile("romanian-deadlift"), 4.0, 9.0
        )
        assert abs(weighed.kg - 100.0) < 2.0 * weighed.sigma_kg
        sigmas.append(weighed.sigma_kg)
    assert sigmas[1] > 2.0 * sigmas[0]


@pytest.mark.parametrize("hold_s", [0.5, 0.7, 1.0])
def test_what_brakes_a_deadlift_is_no_part_of_what_its_hold_weighs(hold_s):
    """Between two of ten readings a second lie the braking of the lift and the hold."""
    force_n, rep = deadlift(0.8, hold_s=hold_s)
    off_kg = []
    for first in range(8):
        cells, at = Cells(), np.arange(first, len(force_n), 8)
        cells.feed([Samples("force_n", (at + 1) / HZ, force_n[at])])
        weighed = Scales(STATION, cells).weigh(rep, load_profile("deadlift"), 5.0, 30.0)
        off_kg.append(weighed.kg - 100.0)
        assert abs(off_kg[-1]) < 2.0 * weighed.sigma_kg
    assert abs(np.mean(off_kg)) < 0.4


@pytest.mark.parametrize(("seconds", "said"), [(0.4, False), (0.7, True)])
def test_a_load_that_is_less_sure_than_two_per_cent_is_not_said(seconds, said):
    """Of a lift off the floor nobody knows for how long the bar bent before its plates left it."""
    floor = np.zeros(round(5.0 * HZ))
    force_n = np.concatenate([floor, np.full(round(seconds * HZ), 100.0 * G_MPS2), floor])
    times = {"concentric_start_s": 5.0, "concentric_end_s": 5.0 + seconds, "concentric_s": seconds}
    rep = _make_rep(start_s=5.0, end_s=5.0 + seconds, eccentric_s=None, eccentric_end_s=None, **times).rep
    weighed = Scales(STATION, cells_of(force_n=force_n)).weigh(rep, load_profile("deadlift"), 5.0, 9.0)
    assert (weighed is not None) == said


@pytest.mark.parametrize(("peak_mps", "sigma_kg"), [(0.8, (0.0, 0.5)), (2.0, (0.6, 1.2))])
def test_a_stack_that_stood_on_its_way_up_is_weighed_less_surely(peak_mps, sigma_kg):
    """Friction holds what stands either way, and does not add to its weight."""
    station = simulate_station(StationPlan(exercise="cable-pull-through"), with_seed(1)).station
    ratio = station.geometry.travel_ratio
    pull_n = np.where(TEN_S < 3.0, 0.0, 40.0 / ratio * G_MPS2 * np.where(TEN_S < 5.0, 0.95, 1.05))
    rep = _make_rep(
        start_s=4.0,
        eccentric_end_s=5.0,
        eccentric_s=1.0,
        concentric_start_s=5.0,
        concentric_end_s=6.0,
        concentric_s=1.0,
        end_s=6.0,
        slack_s=0.0,
        mean_concentric_velocity_mps=0.5,
        peak_concentric_velocity_mps=peak_mps,
    ).rep
    weighed = Scales(station, cells_of(force_n=pull_n)).weigh(
        rep, load_profile("cable-pull-through"), 3.0, 9.0
    )
    assert weighed.kg == pytest.approx(40.0, rel=0.005)
    assert sigma_kg[0] < weighed.sigma_kg < sigma_kg[1]
