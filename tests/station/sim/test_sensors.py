"""Sensors see the true motion through their resolution, rate, noise and faults; all of it reproducible."""

import time
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from station.config import Geometry
from station.exercises import load_profile
from station.sim import (
    LoadCell,
    Sensors,
    SetPlan,
    Setup,
    SimulatedSet,
    StationPlan,
    simulate_set,
    simulate_station,
    with_seed,
)
from station.sim.devices.board import announce, counts
from station.sim.devices.sensors import knocks
from station.sim.lifter.motion import TrueMotion

SHARP = Sensors(resolution_m=0.0001, position_noise_m=0.0)


def squats(sensors: Sensors, *, seed: int = 1, reps: int = 4, **plan: object) -> SimulatedSet:
    station = StationPlan(
        exercise="back-squat",
        sets=[SetPlan(reps=reps)],
        sensors=sensors,
        geometry=Geometry(lpt_anchor_m=(0.1, 0.0), lpt_2_anchor_m=(-0.5, 0.0)),
    )
    return simulate_station(msgspec.structs.replace(station, **plan), with_seed(seed))


def true_length(one: SimulatedSet, anchor_x_m: float = 0.1) -> np.ndarray:
    assert one.dense.x_m is not None
    length = np.hypot(one.dense.x_m - anchor_x_m, one.dense.s + one.dense.shake_m)
    return np.interp(one.recording["position_m"].time_s, one.motion.time_s, length)


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not() -> None:
    first, again, other = (
        simulate_set(load_profile("rdl"), reps=3, rng=with_seed(seed)) for seed in (11, 11, 12)
    )
    assert first.truth == again.truth
    assert first.truth != other.truth
    for name, channel in first.recording.items():
        np.testing.assert_array_equal(channel.time_s, again.recording[name].time_s)
        np.testing.assert_array_equal(channel.value, again.recording[name].value)


def test_a_tether_reads_the_bar_s_distance_in_whole_counts() -> None:
    one = squats(SHARP)
    value = one.recording["position_m"].value
    assert np.abs(value - true_length(one)).max() < 0.0003
    np.testing.assert_allclose(value / 0.0001, np.rint(value / 0.0001), atol=1e-6)


def test_channels_keep_their_own_rates_and_clocks() -> None:
    one = squats(Sensors(position_hz=250.0, tilt_hz=100.0, force_hz=10.0, platform_hz=80.0))
    seconds = float(one.motion.time_s[-1])
    for name, rate in (
        ("position_m", 250),
        ("tether_angle_rad", 100),
        ("force_n", 10),
        ("platform_rear_left_n", 80),
    ):
        time_s = one.recording[name].time_s
        assert len(time_s) == pytest.approx(rate * seconds, abs=3)
        assert (np.diff(time_s) > 0).all()


def test_two_tethers_and_tilt_agree_on_where_the_bar_is() -> None:
    one = squats(
        Sensors(
            position_noise_m=0.0, resolution_m=1e-5, second_tether=True, tilt_hz=200.0, tilt_noise_rad=0.0
        )
    )
    assert one.dense.x_m is not None
    near, far = one.recording["position_m"], one.recording["position_2_m"]
    x = 0.1 - (near.value**2 - far.value**2 + 0.6**2) / (2 * 0.6)
    np.testing.assert_allclose(x, np.interp(near.time_s, one.motion.time_s, one.dense.x_m), atol=2e-4)
    angle = one.recording["tether_angle_rad"]
    length = np.interp(angle.time_s, near.time_s, near.value)
    truth = np.interp(angle.time_s, one.motion.time_s, one.dense.x_m)
    np.testing.assert_allclose(0.1 + length * np.sin(angle.value), truth, atol=1e-3)


def test_the_pulley_cell_gives_back_the_handle_s_direction_when_friction_is_undone() -> None:
    profile = load_profile("cable-pull-through")
    one = simulate_set(
        profile, reps=4, rng=with_seed(2), sensors=Sensors(pulley_hz=1000.0, pulley_noise_n=0.0)
    )
    assert one.dense.x_m is not None
    assert one.dense.y_m is not None
    assert one.dense.force_n is not None
    assert one.dense.stack_side_n is not None
    rx, ry = one.recording["pulley_x_n"], one.recording["pulley_y_n"]
    at = lambda dense: np.interp(rx.time_s, one.motion.time_s, dense)  # noqa: E731
    pulled = at(one.motion.s_m) > 0.05
    phi = np.arctan2(ry.value - at(one.dense.stack_side_n), rx.value)
    np.testing.assert_allclose(
        phi[pulled], np.arctan2(at(one.dense.y_m), at(one.dense.x_m))[pulled], atol=0.015
    )
    careless = 2 * np.arctan2(ry.value, rx.value) - np.pi / 2
    lifting = pulled & (at(one.motion.v_mps) > 0.2)
    assert np.abs(careless - phi)[lifting].mean() > 0.005


def test_missed_ticks_and_a_jump_of_zero_shift_what_is_read_by_as_much() -> None:
    drifted = squats(msgspec.structs.replace(SHARP, missed_ticks_per_m=50.0))
    error = drifted.recording["position_m"].value - true_length(drifted)
    assert np.abs(error[:50]).max() < 0.0003
    assert 0.0003 < np.abs(error).max() < 0.05
    jumped = squats(msgspec.structs.replace(SHARP, zero_shift_m=0.12))
    error = jumped.recording["position_m"].value - true_length(jumped)
    assert error[0] == pytest.approx(0.0, abs=0.0003)
    assert error[-1] == pytest.approx(0.12, abs=0.0003)


def test_slap_rings_between_8_and_15_hz_and_dies_out() -> None:
    one = squats(msgspec.structs.replace(SHARP, slap_m=0.003, position_hz=500.0))
    error = one.recording["position_m"].value - true_length(one)
    assert 0.0008 < np.abs(error).max() < 0.01
    spectrum = np.abs(np.fft.rfft(error - error.mean()))
    frequency = np.fft.rfftfreq(len(error), 1 / 500.0)
    strong = frequency[spectrum > 0.6 * spectrum.max()]
    assert strong.min() > 6.0
    assert strong.max() < 17.0
    assert np.abs(error[:200]).max() < 0.0003


def test_a_moved_unit_is_moved_in_truth_and_not_in_the_station_file() -> None:
    one = squats(SHARP, setup=Setup(anchor_moved_m=(0.2, 0.0)))
    assert one.station.geometry.lpt_anchor_m == (0.1, 0.0)
    np.testing.assert_allclose(one.recording["position_m"].value, true_length(one, 0.3), atol=0.0003)


def test_a_stack_of_ratio_two_moves_half_as_far_as_the_handle_and_the_file_may_not_know_it() -> None:
    plan = StationPlan(
        exercise="cable-row",
        sets=[SetPlan(reps=3)],
        geometry=Geometry(travel_ratio=1.0),
        setup=Setup(travel_ratio=2.0),
    )
    one = simulate_station(plan, with_seed(1))
    assert one.recording["position_m"].value.max() == pytest.approx(one.dense.s.max() / 2.0, abs=0.001)
    assert one.station.geometry.travel_ratio == 1.0


def test_a_load_cell_averages_over_its_conversion() -> None:
    fast, slow = squats(Sensors(force_hz=80.0)), squats(Sensors(force_hz=10.0))
    assert slow.recording["force_n"].value.max() < fast.recording["force_n"].value.max()


def test_load_cells_drift_creep_saturate_spike_and_lose_samples_on_request() -> None:
    def force(cell: LoadCell) -> np.ndarray:
        return squats(Sensors(cell=cell, force_noise_n=0.1)).recording["force_n"].value

    good = force(LoadCell(creep=0.0))
    assert np.abs(force(LoadCell(creep=0.0, warm_up_n=30.0, warm_up_s=10.0))[-1] - good[-1] - 30.0) < 3.0
    assert force(LoadCell(saturation_n=300.0)).max() == 300.0
    assert np.abs(force(LoadCell(spikes_per_min=60.0))).max() > 1.8 * good.max()
    assert len(force(LoadCell(missing=0.2))) == pytest.approx(0.8 * len(good), rel=0.05)


def test_the_four_cells_of_a_platform_carry_body_and_bar() -> None:
    one = squats(Sensors(platform_hz=200.0, platform_noise_n=0.0, cell=LoadCell(creep=0.0)))
    cells = [channel.value for name, channel in one.recording.items() if name.startswith("platform")]
    assert len(cells) == 4
    standing = np.min([len(cell) for cell in cells]) - 200
    total = sum(cell[standing : standing + 100].mean() for cell in cells)
    assert total == pytest.approx(float(one.dense.weight_n[-1]), rel=0.01)


def test_repeated_and_missing_samples_are_what_was_asked_for() -> None:
    plain = squats(SHARP).recording["position_m"]
    assert len(
        squats(msgspec.structs.replace(SHARP, missing=0.2)).recording["position_m"].value
    ) == pytest.approx(0.8 * len(plain.value), rel=0.05)
    moving = squats(msgspec.structs.replace(SHARP, repeated=0.3)).recording["position_m"].value
    assert (np.diff(moving) == 0).mean() > (np.diff(plain.value) == 0).mean() + 0.1


def test_knocks_happen_only_while_nobody_lifts_unless_asked() -> None:
    motion: TrueMotion = squats(SHARP, reps=6).motion
    quiet = knocks(motion, Sensors(bumps_per_min=100.0), with_seed(1))
    assert quiet
    for knock in quiet:
        assert motion.held[int(knock.start_s * 1000) : int(knock.end_s * 1000)].max() < 0.05
    anywhere = knocks(replace(motion), Sensors(bumps_per_min=100.0, bumps_in_set=True), with_seed(1))
    assert len(anywhere) > len(quiet)


def test_a_set_takes_little_enough_time_for_a_thousand_of_them_in_a_minute() -> None:
    profile = load_profile("back-squat")
    simulate_set(profile, reps=10, rng=with_seed(0))
    started = time.process_time()
    for seed in range(10):
        simulate_set(profile, reps=10, rng=with_seed(seed))
    assert (time.process_time() - started) / 10 < 0.12  # twice what is asked for: the machine is shared


def test_a_saturated_cell_reads_at_the_limit_the_board_announces() -> None:
    one = squats(Sensors(cell=LoadCell(saturation_n=300.0)))
    channels = announce(one.recording, one.sensors)
    force = [channel.announced.name for channel in channels].index("force_n")
    _, raw = counts(one.recording, channels)[force]
    assert raw.max() == channels[force].announced.max_counts
    assert raw.min() > channels[force].announced.min_counts
