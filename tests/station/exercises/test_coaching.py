"""A lifter with a fault hears of that fault and no other; mastery is offered to the clean one only."""

from typing import Any

import msgspec
import numpy as np
import pytest

from station.errors import ConfigError
from station.exercises import Profile, all_profiles, load_profile
from station.exercises.coaching import (
    DoneSet,
    below_start_m,
    cues,
    faults_of_rep,
    faults_of_set,
    range_cv_pct,
    tempo_adherence_pct,
    verdict,
)
from station.records import Rep
from station.sim import (
    Lifter,
    SetPlan,
    Setup,
    SimulatedSet,
    StationPlan,
    Technique,
    simulate_station,
    with_seed,
)
from station.sim.session import default_sensors

CLEAN = Lifter(steadiness=0.04, fatigue=0.08, sticking=0.1)
PROGRESSION = ("broomstick-hinge", "banded-hinge", "cable-pull-through", "banded-pull-through")


def train(exercise: str, seed: int = 1, setup: Setup | None = None, **asked: Any) -> SimulatedSet:
    plan = StationPlan(
        exercise=exercise,
        lifters={"lifter": msgspec.structs.asdict(CLEAN)},
        sets=[SetPlan(**{"reps": 10, "load_kg": 30.0, **asked})],
        sensors=msgspec.structs.replace(default_sensors(load_profile(exercise)), platform_hz=80.0),
        setup=setup or Setup(),
    )
    return simulate_station(plan, with_seed(seed))


def observe(simulated: SimulatedSet) -> list[Rep]:
    """What perfect sensors saw of the first set."""
    return [Rep(**truth) for truth in simulated.truth["sets"][0]["reps"]]


def make_rep(**changed: Any) -> Rep:
    rep = observe(train("romanian-deadlift", reps=1))[0]
    return msgspec.structs.replace(rep, **changed)


@pytest.mark.parametrize("exercise", sorted(all_profiles()))
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_clean_lifter_hears_nothing(exercise: str, seed: int) -> None:
    assert faults_of_set(load_profile(exercise), observe(train(exercise, seed))) == []


FAULTS = {
    "eccentric-rushed": ("romanian-deadlift", {"technique": Technique(rush=0.5)}),
    "top-rushed": ("romanian-deadlift", {"tempo": (2.0, 0.0, 1.0, 0.3)}),
    "no-lockout": ("romanian-deadlift", {"technique": Technique(lockout_deg=30.0)}),
    "range-shrinking": ("romanian-deadlift", {"technique": Technique(shrink=0.35)}),
    "partial": ("back-squat", {"technique": Technique(partial_reps=(4, 7, 10))}),
    "path-off": ("romanian-deadlift", {"technique": Technique(drift_deg=7.0)}),
    "slack": ("cable-pull-through", {"setup": Setup(close_m=0.15)}),
    "on-toes": ("good-morning", {"technique": Technique(forefoot_m=0.05)}),
}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_lifter_with_a_fault_gets_its_cue_and_no_other(fault: str, seed: int) -> None:
    exercise, asked = FAULTS[fault]
    profile = load_profile(exercise)
    observed = observe(train(exercise, seed, **asked))
    assert faults_of_set(profile, observed) == [fault]
    say = {cue.when: cue.say for cue in profile.cues}
    assert cues(profile, observed) == [say[fault]]


def test_the_cue_for_a_fault_the_sensors_cannot_see_is_never_given() -> None:
    profile = load_profile("romanian-deadlift")
    blind = [
        msgspec.structs.replace(one, path_deviation_m=None, path_drift_m=None, heel_pct=None)
        for one in observe(train("romanian-deadlift", technique=Technique(drift_deg=7.0, forefoot_m=0.05)))
    ]
    assert faults_of_set(profile, blind) == []


def test_a_path_within_the_sensors_uncertainty_is_no_fault() -> None:
    profile = load_profile("romanian-deadlift")
    sure = make_rep(path_deviation_m=0.06, path_deviation_sigma_m=0.005)
    unsure = make_rep(path_deviation_m=0.06, path_deviation_sigma_m=0.015)
    assert faults_of_rep(profile, [sure], 0) == ["path-off"]
    assert faults_of_rep(profile, [unsure], 0) == []


def test_one_slip_in_a_set_is_not_worth_a_cue() -> None:
    profile = load_profile("romanian-deadlift")
    reps = [make_rep(eccentric_s=1.0 if k == 3 else 2.0, mean_eccentric_velocity_mps=None) for k in range(8)]
    assert "eccentric-rushed" in faults_of_rep(profile, reps, 3)
    assert faults_of_set(profile, reps) == []


def test_the_height_lost_at_the_top_is_known_from_the_reps_alone() -> None:
    simulated = train("romanian-deadlift", technique=Technique(lockout_deg=20.0))
    observed = observe(simulated)
    truth = simulated.truth["sets"][0]["reps"]
    s = simulated.dense.s
    start = float(np.interp(truth[0]["start_s"], simulated.motion.time_s, s))
    for index, rep in enumerate(truth):
        low = below_start_m(load_profile("rdl"), observed, index)
        assert low == pytest.approx(
            start - float(np.interp(rep["end_s"], simulated.motion.time_s, s)), abs=0.02
        )
    blind = [msgspec.structs.replace(one, rom_m=None) for one in observed]
    assert below_start_m(load_profile("rdl"), blind, 2) is None


def test_adherence_and_spread_look_at_counted_reps_only() -> None:
    good = {"eccentric_s": 2.0, "bottom_pause_s": 0.0, "concentric_s": 1.0, "top_pause_s": 1.0, "rom_m": 0.4}
    reps = [
        make_rep(**good),
        make_rep(**good),
        make_rep(**{**good, "eccentric_s": 1.0, "counted": False, "rom_m": 0.1}),
    ]
    assert tempo_adherence_pct(load_profile("rdl"), reps) == 100.0
    assert range_cv_pct(reps) == 0.0
    assert range_cv_pct(reps[2:]) is None
    assert tempo_adherence_pct(load_profile("rdl"), reps[2:]) is None


def sets_of(exercise: str, count: int = 3, **asked: Any) -> list[DoneSet]:
    return [
        DoneSet(reps=observe(train(exercise, seed, **asked)), load_kg=30.0) for seed in range(1, count + 1)
    ]


@pytest.mark.parametrize("exercise", PROGRESSION)
def test_a_clean_lifter_is_offered_the_next_stage_after_the_rule_s_sets(exercise: str) -> None:
    profile = load_profile(exercise)
    for count in range(1, 4):
        judged = verdict(profile, sets_of(exercise, count))
        assert judged.ready == (count == 3), judged.text
    assert judged.text == f"ready for {profile.leads_to}: coach signs off"


SLOPPY = {
    "rushed": {"technique": Technique(rush=0.5)},
    "short set": {"reps": 5},
    "off the legs": {"technique": Technique(drift_deg=7.0)},
    "searching for the range": {"technique": Technique(partial_reps=(2, 5, 8), partial_share=0.65)},
}


@pytest.mark.parametrize("how", sorted(SLOPPY))
def test_a_sloppy_lifter_is_not(how: str) -> None:
    judged = verdict(load_profile("romanian-deadlift"), sets_of("romanian-deadlift", **SLOPPY[how]))
    assert not judged.ready
    assert judged.missing
    assert judged.text.startswith("not yet: ")


def test_slack_and_a_load_below_the_stage_s_stand_in_the_way() -> None:
    profile = load_profile("cable-pull-through")
    slack = verdict(profile, sets_of("cable-pull-through", setup=Setup(close_m=0.15)))
    assert any("slack" in what for what in slack.missing)
    light = [DoneSet(reps=one.reps, load_kg=5.0) for one in sets_of("cable-pull-through")]
    assert any("5 kg" in what for what in verdict(profile, light).missing)


def test_an_early_bad_set_is_forgiven_once_the_newest_are_good() -> None:
    profile = load_profile("broomstick-hinge")
    bad = DoneSet(reps=observe(train("broomstick-hinge", technique=Technique(rush=0.5))))
    assert verdict(profile, [bad, *sets_of("broomstick-hinge")]).ready
    assert not verdict(profile, [*sets_of("broomstick-hinge"), bad]).ready


def test_what_was_not_measured_is_said_and_not_held_against_the_lifter() -> None:
    judged = verdict(load_profile("banded-hinge"), sets_of("banded-hinge"))
    assert judged.ready
    assert judged.not_measured == ["range"]
    blind = [
        DoneSet(reps=[msgspec.structs.replace(rep, heel_pct=None, slack_s=None) for rep in done.reps])
        for done in sets_of("banded-hinge")
    ]
    assert verdict(load_profile("banded-hinge"), blind).not_measured == [
        *("range", "slack", "weight on the heels"),
    ]


def test_weight_on_the_toes_stands_in_the_way_of_every_stage() -> None:
    for exercise in (*PROGRESSION, "romanian-deadlift"):
        judged = verdict(load_profile(exercise), sets_of(exercise, technique=Technique(forefoot_m=0.05)))
        assert "set 1: on-toes" in judged.missing, exercise


def test_an_exercise_without_a_rule_is_the_coach_s() -> None:
    judged = verdict(load_profile("back-squat"), [])
    assert not judged.ready
    assert "coach" in judged.text


def test_the_progression_leads_from_the_broomstick_to_the_romanian_deadlift() -> None:
    name, way = "broomstick-hinge", []
    while name:
        way.append(name)
        name = load_profile(name).leads_to or ""
    assert tuple(way) == (*PROGRESSION, "romanian-deadlift")


@pytest.mark.parametrize("exercise", sorted(all_profiles()))
def test_every_exercise_has_something_to_say_and_says_it_once(exercise: str) -> None:
    profile = load_profile(exercise)
    assert profile.cues
    assert len({cue.when for cue in profile.cues}) == len(profile.cues)


def test_a_cue_for_a_fault_that_does_not_exist_is_refused(tmp_path: Any) -> None:
    text = (
        'name = "own"\ntitle = "Own"\nstarts_with = "eccentric"\nload = "mass"\nmin_rom_m = 0.1\n'
        '[[cues]]\nwhen = "knees-in"\nsay = "Knees out."\n'
    )
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="knees-in"):
        all_profiles(tmp_path)


def test_profiles_stay_hashable_and_comparable() -> None:
    assert isinstance(load_profile("rdl"), Profile)
    assert load_profile("rdl") == load_profile("romanian-deadlift")
