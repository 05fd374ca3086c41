"""What must hold of a body, a load and their motion, whatever the simulator is used for."""

import numpy as np
import pytest

from station.exercises import all_profiles, load_profile
from station.sim import (
    Lifter,
    SetPlan,
    Setup,
    StationPlan,
    Technique,
    random_lifter,
    simulate_set,
    simulate_station,
    with_seed,
)
from station.sim.lifter.body import FOOT_LENGTH, HEEL_SHARE, SHANK, THIGH, TRUNK, UPPER_ARM, arm_length
from station.sim.lifter.load import G_MPS2, Band, WeightStack, band_tension, cable_tension
from station.sim.lifter.motion import DT_S, Shape, pulse
from station.sim.lifter.reach import Reach, reach

STANDING = (
    "broomstick-hinge",
    "banded-hinge",
    "cable-pull-through",
    "banded-pull-through",
    "romanian-deadlift",
    "good-morning",
    "back-squat",
    "deadlift",
)
HINGES = STANDING[:6]


def lifters(count: int = 12) -> list[Lifter]:
    return [random_lifter(with_seed(seed)) for seed in range(count)]


def way_of(exercise: str, lifter: Lifter, technique: Technique | None = None) -> Reach:
    return reach(exercise, lifter, technique or Technique(), 40.0)


def reps_of(exercise: str, seed: int = 1, **asked: object) -> list[dict[str, float]]:
    truth = simulate_set(load_profile(exercise), rng=with_seed(seed), **asked).truth  # type: ignore[arg-type]
    return [rep for one in truth["sets"] for rep in one["reps"]]


@pytest.mark.parametrize("exercise", sorted(all_profiles()))
def test_velocity_is_the_derivative_of_position_and_acceleration_of_velocity(exercise: str) -> None:
    motion = simulate_set(load_profile(exercise), reps=3, rng=with_seed(2)).motion
    travelled = np.concatenate(([0.0], np.cumsum(0.5 * (motion.v_mps[1:] + motion.v_mps[:-1])))) * DT_S
    np.testing.assert_allclose(motion.s_m - motion.s_m[0], travelled, atol=2e-5)
    gained = np.concatenate(([0.0], np.cumsum(0.5 * (motion.a_mps2[1:] + motion.a_mps2[:-1])))) * DT_S
    np.testing.assert_allclose(motion.v_mps - motion.v_mps[0], gained, atol=2e-3)


@pytest.mark.parametrize("exercise", STANDING)
def test_segments_keep_their_length_through_the_whole_movement(exercise: str) -> None:
    for lifter in lifters():
        posture = way_of(exercise, lifter).posture
        assert posture is not None
        for near, far, share in (
            (posture.ankle, posture.knee, SHANK[0]),
            (posture.knee, posture.hip, THIGH[0]),
            (posture.hip, posture.shoulder, TRUNK[0]),
            (posture.shoulder, posture.elbow, UPPER_ARM[0]),
        ):
            length = np.hypot(*(far - near).T)
            np.testing.assert_allclose(length, share * lifter.stature_m, rtol=1e-9)
        forearm = np.hypot(*(posture.hand - posture.elbow).T)
        if exercise in ("romanian-deadlift", "deadlift", "cable-pull-through", "banded-pull-through"):
            np.testing.assert_allclose(
                forearm, arm_length(lifter) - UPPER_ARM[0] * lifter.stature_m, rtol=1e-6
            )


@pytest.mark.parametrize("exercise", HINGES)
def test_the_centre_of_mass_stays_over_the_foot_in_a_clean_hinge(exercise: str) -> None:
    for lifter in lifters():
        posture = way_of(exercise, lifter).posture
        assert posture is not None
        foot = FOOT_LENGTH * lifter.stature_m
        assert posture.mass_centre[:, 0].min() > -HEEL_SHARE * foot
        assert posture.mass_centre[:, 0].max() < (1.0 - HEEL_SHARE) * foot
        knee = posture.knee - posture.ankle
        assert np.abs(np.rad2deg(np.arctan2(knee[:, 0], knee[:, 1]))).max() < 20.0  # a hinge, not a squat


def test_hands_and_hips_move_the_way_the_exercise_says() -> None:
    lifter = Lifter()
    hinge = way_of("romanian-deadlift", lifter).posture
    squat = way_of("back-squat", lifter).posture
    assert hinge is not None
    assert squat is not None
    assert hinge.hip[0, 0] < hinge.hip[-1, 0] - 0.1  # hips back
    assert squat.hip[-1, 1] - squat.hip[0, 1] > 2.0 * (hinge.hip[-1, 1] - hinge.hip[0, 1])  # hips down


def test_ranges_lie_in_the_published_envelopes() -> None:
    rdl = [way_of("romanian-deadlift", lifter) for lifter in lifters(60)]
    ranges = [way.top_m - way.bottom_m for way in rdl]
    assert min(ranges) >= 0.16
    assert max(ranges) <= 0.53
    assert max(ranges) > 0.40
    pulls = [way_of("cable-pull-through", lifter) for lifter in lifters(60)]
    travel = [way.top_m - way.bottom_m for way in pulls]
    assert min(travel) >= 0.25
    assert max(travel) <= 0.65


@pytest.mark.parametrize("exercise", sorted(set(all_profiles()) - {"banded-hinge", "banded-pull-through"}))
def test_velocities_lie_in_what_people_do(exercise: str) -> None:
    means = [
        rep["mean_concentric_velocity_mps"] for seed in range(6) for rep in reps_of(exercise, seed, reps=4)
    ]
    assert min(means) > 0.08
    assert max(means) < 0.9


@pytest.mark.parametrize(("lifting", "sign"), [(True, -1.0), (False, 1.0)])
def test_cable_tension_obeys_the_stack_with_friction_against_the_motion(lifting: bool, sign: float) -> None:
    motion = simulate_set(load_profile("cable-row"), reps=4, rng=with_seed(3)).motion
    stack = WeightStack(mass_kg=30.0, ratio=2.0, sheaves=5, efficiency=0.95)
    tension = cable_tension(motion, stack)
    moving = (motion.v_mps > 0.1) if lifting else (motion.v_mps < -0.1)
    moving &= motion.s_m > 0.02
    ideal = 15.0 * (G_MPS2 + motion.a_mps2 / 2.0)
    np.testing.assert_allclose(tension[moving], (ideal * 0.95 ** (5 * sign))[moving], rtol=1e-6)


def test_the_cable_is_slack_when_the_stack_is_down_or_falls_freely() -> None:
    plan = StationPlan(exercise="cable-pull-through", sets=[SetPlan(reps=3)], setup=Setup(close_m=0.2))
    simulated = simulate_station(plan, with_seed(1))
    assert simulated.dense.force_n is not None
    down = simulated.motion.s_m < 0.0
    assert down.sum() > 500
    assert (simulated.dense.force_n[down] == 0.0).all()
    assert simulated.recording["position_m"].value.min() > -0.002


def test_a_bar_weighs_what_it_weighs_and_nothing_on_the_floor() -> None:
    simulated = simulate_set(load_profile("deadlift"), reps=3, load_kg=100.0, rng=with_seed(4))
    assert simulated.dense.force_n is not None
    held = simulated.motion.held > 0.999
    np.testing.assert_allclose(
        simulated.dense.force_n[held], 100.0 * (G_MPS2 + simulated.motion.a_mps2[held]), rtol=0.01, atol=1.0
    )
    assert simulated.dense.force_n[:500].max() < 1.0


def test_work_is_the_gain_of_energy_between_rest_and_rest() -> None:
    for rep in reps_of("back-squat", reps=5, load_kg=80.0):
        potential = 80.0 * G_MPS2 * rep["rom_m"]
        assert rep["work_j"] == pytest.approx(potential, rel=0.02)


def test_a_band_gives_back_less_than_it_took() -> None:
    stretch = np.concatenate((np.linspace(0.1, 0.5, 2000), np.linspace(0.5, 0.1, 2000)))
    force = band_tension(stretch, Band(hysteresis=0.1))
    loading, unloading = force[:2000], force[:1999:-1]
    assert (np.diff(loading) > 0).all()
    assert unloading[1000] == pytest.approx(loading[1000] * 0.95 / 1.05, rel=1e-3)
    assert (band_tension(np.array([-0.2, -0.1, 0.0]), Band()) == 0.0).all()


def test_a_pulse_has_the_mean_speed_and_a_sticking_region_slows_its_middle() -> None:
    assert pulse(Shape(0.7, 2.0, 0.5), 777).mean() == pytest.approx(1.0)
    sticky, plain = pulse(Shape(1.0, 1.0, 0.7, 0.5), 1000), pulse(Shape(1.0, 1.0), 1000)
    assert sticky[500] < 0.5 * plain[500]
