"""The truth follows the README's definitions, and each technique fault changes what it should."""

import json
from statistics import fmean, median
from typing import Any

import numpy as np
import pytest

from station.exercises import all_profiles, load_profile
from station.records import Rep
from station.sim import Lifter, SetPlan, StationPlan, Technique, simulate_set, simulate_station, with_seed
from station.sim.session import SimulatedSet

STEADY = Lifter(steadiness=0.02, range_spread=0.005, fatigue=0.0, sticking=0.0, sway_m=0.0003)


def simulated(exercise: str, technique: Technique | None = None, **asked: Any) -> SimulatedSet:
    asked = {"reps": 8, "lifter": STEADY, "load_kg": 60.0, **asked}
    return simulate_set(load_profile(exercise), technique=technique, rng=with_seed(5), **asked)


def reps_of(one: SimulatedSet) -> list[dict[str, Any]]:
    return [rep for group in one.truth["sets"] for rep in group["reps"]]


@pytest.mark.parametrize("exercise", sorted(all_profiles()))
def test_every_exercise_has_as_many_counted_reps_as_were_asked_for(exercise: str) -> None:
    for seed in range(5):
        one = simulate_set(load_profile(exercise), reps=7, rng=with_seed(seed))
        assert [len(group["reps"]) for group in one.truth["sets"]] == [7]
        assert all(rep["counted"] for rep in reps_of(one))


@pytest.mark.parametrize("exercise", sorted(all_profiles()))
def test_the_truth_of_a_rep_has_every_field_of_a_rep_and_nothing_else(exercise: str) -> None:
    one = simulated(exercise, reps=3)
    for rep in json.loads(json.dumps(one.truth, allow_nan=False))["sets"][0]["reps"]:
        assert set(rep) == set(Rep.__struct_fields__)
        Rep(**rep)


@pytest.mark.parametrize("exercise", sorted(all_profiles()))
def test_a_boundary_is_read_at_8_percent_of_the_peak_and_carried_on_to_v0(exercise: str) -> None:
    one = simulated(exercise, reps=5)
    profile, time_s = load_profile(exercise), one.motion.time_s
    v = np.gradient(one.dense.s, time_s)
    v0 = profile.v0_mps
    if profile.load == "band":
        v0 = 0.07 * median(
            float(np.ptp(one.dense.s[(time_s >= rep["start_s"]) & (time_s <= rep["end_s"])]))
            for rep in reps_of(one)
        )
    starts = [(rep["concentric_start_s"], rep["concentric_end_s"], 1.0) for rep in reps_of(one)]
    if profile.starts_with == "eccentric":
        starts += [(rep["start_s"], rep["eccentric_end_s"], -1.0) for rep in reps_of(one)]
    for start_s, end_s, sign in starts:
        speed = sign * v
        peak = speed[(time_s >= start_s) & (time_s <= end_s)].max()
        level = max(v0, 0.08 * peak)
        fast = int(np.argmax(speed * ((time_s >= start_s) & (time_s <= end_s))))
        for at_s, step in ((start_s, -1), (end_s, 1)):
            read, through = (fast + step * int(np.argmax(speed[fast::step] < x)) for x in (level, 3 * level))
            # sqrt(v) is linear in time through both, and sqrt(v0) at the boundary; no farther than 0.15 s
            slope = (np.sqrt(3 * level) - np.sqrt(level)) / abs(time_s[read] - time_s[through])
            carried_s = min((np.sqrt(level) - np.sqrt(v0)) / slope, 0.15)
            assert at_s == pytest.approx(time_s[read] + step * carried_s, abs=0.003)


def test_phases_of_an_eccentric_first_rep_add_up() -> None:
    reps = reps_of(simulated("romanian-deadlift"))
    for rep, following in zip(reps, [*reps[1:], None], strict=True):
        whole = rep["eccentric_s"] + rep["bottom_pause_s"] + rep["concentric_s"]
        assert rep["end_s"] - rep["start_s"] == pytest.approx(whole)
        if following is None:
            assert rep["top_pause_s"] is None
        else:
            assert rep["top_pause_s"] == pytest.approx(following["start_s"] - rep["end_s"])


def test_phases_of_a_concentric_first_rep_add_up() -> None:
    reps = reps_of(simulated("deadlift"))
    for rep, following in zip(reps, [*reps[1:], None], strict=True):
        whole = rep["concentric_s"] + rep["top_pause_s"] + rep["eccentric_s"]
        assert rep["end_s"] - rep["start_s"] == pytest.approx(whole)
        if following is None:
            assert rep["bottom_pause_s"] is None
        else:
            assert rep["bottom_pause_s"] == pytest.approx(following["start_s"] - rep["end_s"])


def test_tempo_comes_out_as_asked() -> None:
    reps = reps_of(simulated("romanian-deadlift", tempo=(3.0, 1.0, 1.0, 2.0)))
    assert fmean(rep["eccentric_s"] for rep in reps) == pytest.approx(3.0, abs=0.35)
    assert fmean(rep["bottom_pause_s"] for rep in reps) == pytest.approx(1.0, abs=0.25)
    assert fmean(rep["concentric_s"] for rep in reps) == pytest.approx(1.0, abs=0.15)
    assert fmean(rep["top_pause_s"] for rep in reps[:-1]) == pytest.approx(2.0, abs=0.35)


def test_a_dropped_deadlift_counts_and_has_no_eccentric() -> None:
    one = simulated("deadlift", Technique(drop_last=True), reps=3)
    last = reps_of(one)[-1]
    assert last["counted"]
    assert last["eccentric_s"] is None
    assert last["eccentric_end_s"] is None
    assert last["end_s"] == last["concentric_end_s"]
    bounces = [item for item in one.truth["not_reps"] if item["what"] == "bounce"]
    assert bounces


def test_partial_and_failed_reps_are_reps_that_do_not_count() -> None:
    partial = reps_of(simulated("back-squat", Technique(partial_reps=(3,)), reps=6))
    assert [rep["counted"] for rep in partial] == [True, True, False, True, True, True]
    assert partial[2]["reason"] == "partial"
    failed = reps_of(simulated("back-squat", Technique(failed_last=True), reps=5))
    assert [rep["counted"] for rep in failed] == [True] * 4 + [False]


def test_stalls_dips_and_bounces_neither_split_nor_add_a_rep() -> None:
    for technique in (
        Technique(hitch_m=0.04),
        Technique(stall_s=2.0),
        Technique(hitch_m=0.005, stall_s=0.1),
        Technique(bounce_m=0.03),
    ):
        reps = reps_of(simulated("back-squat", technique, reps=5))
        assert len(reps) == 5
        assert all(rep["counted"] for rep in reps)


def test_sets_are_told_apart_by_the_set_gap() -> None:
    plan = StationPlan(exercise="cable-row", sets=[SetPlan(reps=4, repeat=2, rest_s=30.0), SetPlan(reps=3)])
    truth = simulate_station(plan, with_seed(1)).truth
    assert [len(group["reps"]) for group in truth["sets"]] == [4, 4, 3]


METRICS = {
    "rom_m": 0.02,
    "eccentric_s": 0.05,
    "bottom_pause_s": 0.35,
    "concentric_s": 0.05,
    "path_deviation_m": 0.15,
}
FAULTS = {
    "rush": (Technique(rush=0.4), {"eccentric_s"}),
    "short": (Technique(short_deg=25.0), {"rom_m", "path_deviation_m"}),
    "drift": (Technique(drift_deg=6.0), {"path_deviation_m"}),
    "stall": (Technique(stall_s=0.8), {"concentric_s"}),
    "lockout": (Technique(lockout_deg=15.0), {"rom_m", "path_deviation_m"}),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_technique_fault_changes_its_metric_and_no_other_beyond_noise(fault: str) -> None:
    technique, expected = FAULTS[fault]
    asked = {"reps": 12, "tempo": (2.0, 0.5, 1.0, 1.0)}
    clean = reps_of(simulated("romanian-deadlift", **asked))
    faulty = reps_of(simulated("romanian-deadlift", technique, **asked))
    changed = set()
    for metric, noise in METRICS.items():
        before = fmean(rep[metric] for rep in clean)
        after = fmean(rep[metric] for rep in faulty)
        if abs(after - before) > noise * before:
            changed.add(metric)
    assert changed
    assert changed <= expected


def test_a_squatted_pull_through_lowers_the_handle_instead_of_sending_it_back() -> None:
    def elevation_at_bottom(technique: Technique) -> float:
        one = simulated("cable-pull-through", technique, reps=4)
        assert one.dense.x_m is not None
        assert one.dense.y_m is not None
        rep = reps_of(one)[1]
        k = int(rep["concentric_start_s"] * 1000)
        return float(np.arctan2(one.dense.y_m[k], one.dense.x_m[k]))

    assert elevation_at_bottom(Technique(squat_deg=40.0)) < elevation_at_bottom(Technique()) - 0.03


def test_weight_on_the_toes_shows_under_the_feet_and_nowhere_in_the_tempo() -> None:
    clean, forward = simulated("back-squat"), simulated("back-squat", Technique(forefoot_m=0.05))
    assert fmean(forward.dense.pressure_m) - fmean(clean.dense.pressure_m) == pytest.approx(0.05, abs=0.01)
    for metric in ("eccentric_s", "concentric_s"):
        before = fmean(rep[metric] for rep in reps_of(clean))
        assert fmean(rep[metric] for rep in reps_of(forward)) == pytest.approx(before, rel=0.06)


def test_a_short_rep_so_slow_that_it_reaches_v0_only_inside_its_range_has_boundaries() -> None:
    technique = Technique(partial_reps=(1, 2), partial_share=0.35)
    tempo = (5.0, 0.0, 3.5, 1.0)
    for seed in range(12):
        simulated = simulate_set(
            load_profile("romanian-deadlift"), reps=4, rng=with_seed(seed), technique=technique, tempo=tempo
        )
        for rep in simulated.truth["sets"][0]["reps"]:
            assert rep["start_s"] < rep["eccentric_end_s"] <= rep["concentric_start_s"] < rep["end_s"]
