"""The firmware's sources as a Linux program, fed with true motion; what it says through the node's driver."""

import dataclasses
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from kernels import FrameDecoder
from station import wire
from tests.edge.firmware.stimulus import RECORD, Encoder, Kind, edges, merged, records, stimuli

COUNTS_PER_M = 10_000.0


def with_records(case: Any, *more: Any) -> Any:
    """The case, and that happens too."""
    return dataclasses.replace(case, records=merged([case.records, *more]))


def only(case: Any, stimulus: Any) -> Any:
    """The case's board, and nothing but this happens."""
    return dataclasses.replace(case, records=stimulus)


def test_no_edge_is_lost_and_the_position_is_true_to_a_count_at_its_time(
    make_case: Any, on_host: Any, read_board: Any, true_length: Any
) -> None:
    case = make_case("romanian-deadlift", "position_m", "force_n", "tether_angle_rad")
    driver, found = read_board(on_host(case))
    error = found["position_m"].value - true_length(case, found["position_m"].time_s)
    assert np.abs(error).max() < 1.02 / COUNTS_PER_M
    moving = np.abs(np.gradient(true_length(case, found["position_m"].time_s), 0.001)) > 0.05
    assert error[moving].std() < 0.1 / COUNTS_PER_M  # a plain count has 0.29
    assert driver.stats.frames_lost == driver.stats.frames_corrupt == driver.stats.samples_rejected == 0
    assert driver.stats.missed == {"position_m": 0, "force_n": 0, "tether_angle_rad": 0}


def test_a_reading_bears_the_time_of_its_conversion(make_case: Any, on_host: Any, read_board: Any) -> None:
    case = make_case("romanian-deadlift", "position_m", "force_n")
    _, found = read_board(on_host(case))
    sent = case.records[case.records["kind"] == Kind.READING]
    count = len(found["force_n"].time_s)
    assert count >= len(sent) - 3  # the last frame is not closed
    np.testing.assert_allclose(found["force_n"].time_s * 1e6, sent["t_us"][:count], atol=1.0)
    np.testing.assert_allclose(found["force_n"].value, (sent["value"][:count] - 41_213.0) / 800.0)


def test_tilt_is_the_angle_at_the_time_it_was_asked(make_case: Any, on_host: Any, read_board: Any) -> None:
    case = make_case("romanian-deadlift", "position_m", "tether_angle_rad")
    _, found = read_board(on_host(case))
    tilt = found["tether_angle_rad"]
    sent = case.records[case.records["kind"] == Kind.ANGLE]
    shown = sent["value"][np.searchsorted(sent["t_us"], np.rint(tilt.time_s * 1e6), side="right") - 1]
    np.testing.assert_allclose(tilt.value, (shown - 2048) * 2 * np.pi / 4096, atol=0.0016)
    assert np.median(np.diff(tilt.time_s)) == pytest.approx(0.005, abs=1e-5)


def test_sensors_that_are_built_in_the_other_way_round_measure_the_same(
    make_case: Any, on_host: Any, read_board: Any
) -> None:
    """A and B are swapped, a tilt encoder turns back, a cell's counts fall as it is pulled."""
    case = make_case("romanian-deadlift", "position_m", "force_n", "tether_angle_rad")
    _, true = read_board(on_host(case))
    position, force, tilt = case.board.channels
    other = [
        replace(position, reversed=True),
        replace(force, counts_per_unit=-force.counts_per_unit, zero_counts=-force.zero_counts),
        replace(tilt, reversed=True),
    ]
    turned = case.records.copy()
    kind = turned["kind"]
    swapped = (kind == Kind.EDGE) & ((turned["value"] == 1) | (turned["value"] == 2))
    turned["value"][swapped] ^= 3
    turned["value"][kind == Kind.READING] *= -1
    turned["value"][kind == Kind.ANGLE] = (4096 - turned["value"][kind == Kind.ANGLE]) % 4096
    board = replace(case.board, channels=other)
    _, found = read_board(on_host(dataclasses.replace(case, board=board, records=turned)))
    for name, samples in true.items():
        np.testing.assert_array_equal(found[name].time_s, samples.time_s)
        # An encoder's sub-steps turn about the middle of a count.
        atol = 1.01 / COUNTS_PER_M if name == "position_m" else 1e-12
        np.testing.assert_allclose(found[name].value, samples.value, rtol=0.0, atol=atol)
    assert np.ptp(found["position_m"].value) > 0.3
    assert np.ptp(found["tether_angle_rad"].value) > 0.01


@pytest.mark.parametrize("mps", [0.0937, 0.3137])
def test_the_age_of_the_edges_makes_velocity_five_times_quieter_than_counts(
    make_case: Any, on_host: Any, read_board: Any, mps: float
) -> None:
    time_s = np.arange(0.0, 2.0, 0.001)
    case = make_case("romanian-deadlift", "position_m")
    moving = edges(0, time_s, mps * COUNTS_PER_M * time_s)
    _, found = read_board(on_host(only(case, moving)))
    position = found["position_m"].value[200:1900]
    plain = np.floor(position * COUNTS_PER_M + 1e-6) / COUNTS_PER_M
    lag = 10
    velocity, of_counts = (p[lag:] - p[:-lag] for p in (position, plain))
    assert velocity.mean() * 1000 / lag == pytest.approx(mps, rel=1e-3)
    assert velocity.std() < of_counts.std() / 5.0


def test_both_encoders_at_100_000_edges_a_second_lose_nothing(
    make_case: Any, on_host: Any, read_board: Any
) -> None:
    time_s = np.arange(0.0, 1.0, 0.001)
    there = 100_000.0 * np.minimum(time_s, 1.0 - time_s)
    end = records(Kind.HOME, 0, np.array([1.2]), np.array([0]))
    both = merged([edges(0, time_s, there), edges(1, time_s, -there), end])
    case = make_case("romanian-deadlift", "position_m", "position_2_m")
    driver, found = read_board(on_host(only(case, both)))
    first, second = found["position_m"], found["position_2_m"]
    assert first.value.max() - first.value.min() == pytest.approx(5.0, abs=0.02)
    assert second.value[-1] - second.value[0] == pytest.approx(0.0, abs=0.02)
    assert driver.stats.missed == {"position_m": 0, "position_2_m": 0}


def test_lines_that_change_together_are_counted_and_no_way_is_guessed(
    make_case: Any, on_host: Any, read_board: Any
) -> None:
    jump = records(Kind.EDGE, 0, np.array([0.0, 0.2, 0.4, 0.6, 2.5]), np.array([0, 3, 0, 1, 1]))
    case = make_case("romanian-deadlift", "position_m")
    driver, found = read_board(on_host(only(case, jump)))
    assert driver.stats.missed == {"position_m": 4}
    counts = np.floor((found["position_m"].value - found["position_m"].value[0]) * COUNTS_PER_M + 0.5)
    assert set(counts) == {0.0, 1.0}


def test_a_converter_that_is_unplugged_is_counted_and_says_nothing(
    make_case: Any, on_host: Any, read_board: Any
) -> None:
    case = make_case("romanian-deadlift", "position_m", "force_n")
    gone = (case.records["kind"] == Kind.READING) & (case.records["t_us"] > 4_000_000)
    kept = case.records[~gone]
    driver, found = read_board(on_host(only(case, kept)))
    assert found["force_n"].time_s[-1] < 4.0
    silent_s = float(kept["t_us"][-1]) / 1e6 - 4.0
    assert (silent_s - 1.1) / 0.051 < driver.stats.missed["force_n"] <= silent_s / 0.05  # four of its periods
    assert driver.stats.missed["position_m"] == 0


def test_readings_that_come_sooner_than_a_converter_converts_are_counted_and_refused(
    make_case: Any, on_host: Any, read_board: Any
) -> None:
    case = make_case("romanian-deadlift", "position_m", "force_n", baud=115_200)
    burst = records(Kind.READING, 1, np.arange(4.0, 5.0, 0.0005), np.full(2000, -1))
    sent = case.records[
        (case.records["kind"] != Kind.READING) | (np.abs(case.records["t_us"] - 4.5e6) > 0.5e6)
    ]
    driver, found = read_board(on_host(only(case, merged([sent, burst]))))
    false = np.isclose(found["force_n"].value, (-1 - 41_213.0) / 800.0)
    assert false.sum() <= 1  # the first may have been one
    assert driver.stats.missed["force_n"] >= 1999
    assert driver.stats.frames_lost == driver.stats.missed["position_m"] == 0
    assert found["force_n"].time_s[-1] > case.records["t_us"][-1] / 1e6 - 0.1


def test_a_tilt_encoder_that_does_not_answer_is_counted(
    make_case: Any, on_host: Any, read_board: Any
) -> None:
    case = make_case("romanian-deadlift", "position_m", "tether_angle_rad")
    silent = records(Kind.ANGLE, 1, np.array([4.0]), np.array([-1]))
    kept = case.records[(case.records["kind"] != Kind.ANGLE) | (case.records["t_us"] < 4_000_000)]
    driver, found = read_board(on_host(with_records(only(case, kept), silent)))
    assert found["tether_angle_rad"].time_s[-1] < 4.01
    assert driver.stats.missed["tether_angle_rad"] > 100


@pytest.mark.parametrize("start", list(wire.Start))
def test_a_restart_in_mid_set_says_why_and_where_zero_is(
    make_case: Any, on_host: Any, read_board: Any, true_length: Any, start: wire.Start
) -> None:
    case = make_case("romanian-deadlift", "position_m", "force_n")
    at_s = 8.0
    data = on_host(with_records(case, records(Kind.RESET, 0, np.array([at_s]), np.array([start]))))
    driver, found = read_board(data, away_s=0.32)
    position = found["position_m"]
    error = position.value - true_length(case, position.time_s)
    before, after = position.time_s < at_s, position.time_s > at_s + 0.32
    assert np.abs(error[before]).max() < 1.02 / COUNTS_PER_M
    # What moved while the board was not there is missing from then on, and no sample jumps about.
    assert np.ptp(error[after]) < 2.1 / COUNTS_PER_M
    hellos = [wire.parse_hello(raw) for _, raw in FrameDecoder().feed(data).hellos]
    assert hellos[-1].start == start
    kept = start != wire.Start.SWITCHED_ON
    assert hellos[-1].channels[0].zero == (wire.Zero.KEPT if kept else wire.Zero.SWITCH_ON)
    if kept:
        moved = true_length(case, at_s + 0.3) - true_length(case, at_s)
        assert error[after].mean() == pytest.approx(-moved, abs=2e-3)
    assert driver.stats.resets == 1
    assert driver.stats.device_restarts == (start == wire.Start.WATCHDOG)
    assert ("restarted by" in (driver.stats.device_problem or "")) == kept


def test_the_home_switch_sets_zero_and_says_so_before_the_first_sample_that_has_it(
    make_case: Any, on_host: Any, read_board: Any
) -> None:
    case = make_case("romanian-deadlift", "position_m")
    closed = records(Kind.HOME, 0, np.array([2.0, 2.5]), np.array([1, 0]))
    data = on_host(with_records(case, closed))
    hellos = [wire.parse_hello(raw) for _, raw in FrameDecoder().feed(data).hellos]
    zeros = [hello.channels[0].zero for hello in hellos]
    assert zeros[:2] == [wire.Zero.SWITCH_ON] * 2
    assert set(zeros[3:]) == {wire.Zero.HOME}
    _, found = read_board(data)
    position = found["position_m"]
    here = position.value[np.searchsorted(position.time_s, 2.0)]
    zero_m = case.board.channels[0].zero_counts / COUNTS_PER_M
    assert here == pytest.approx(-zero_m, abs=2 / COUNTS_PER_M)


def test_a_line_that_is_too_slow_drops_whole_frames_and_counts_them(
    make_case: Any, on_host: Any, read_board: Any, true_length: Any
) -> None:
    case = make_case("romanian-deadlift", "position_m", "force_n", baud=9600)
    driver, found = read_board(on_host(case))
    assert driver.stats.frames_lost > 100
    assert driver.stats.device_dropped == pytest.approx(driver.stats.frames_lost, abs=120)
    assert driver.stats.frames_corrupt == 0
    error = found["position_m"].value - true_length(case, found["position_m"].time_s)
    assert np.abs(error).max() < 1.02 / COUNTS_PER_M


def test_noise_on_the_line_makes_no_sample(make_case: Any, on_host: Any, read_board: Any) -> None:
    case = make_case("romanian-deadlift", "position_m", "force_n")
    clean = on_host(case)
    noisy = np.frombuffer(clean, np.uint8).copy()
    rng = np.random.default_rng(3)
    hit = rng.random(len(noisy)) < 1e-3
    noisy[hit] ^= rng.integers(1, 256, int(hit.sum()), dtype=np.uint8)
    _, whole = read_board(clean)
    driver, found = read_board(noisy.tobytes())
    assert driver.stats.frames_corrupt > 50
    for name, samples in found.items():
        known = dict(zip(whole[name].time_s.tolist(), whole[name].value.tolist(), strict=True))
        offset_s = min(whole[name].time_s, key=lambda t: abs(t - samples.time_s[0])) - samples.time_s[0]
        assert all(known.get(t + offset_s) == v for t, v in zip(samples.time_s, samples.value, strict=True))


def test_ticks_that_wrap_in_mid_set_leave_no_trace(make_case: Any, on_host: Any, read_board: Any) -> None:
    case = make_case("romanian-deadlift", "position_m", "force_n", "tether_angle_rad")
    _, plain = read_board(on_host(case))
    driver, wrapped = read_board(on_host(case, 1, 2**32 - 5_000_000))
    for name, samples in plain.items():
        np.testing.assert_array_equal(wrapped[name].time_s, samples.time_s)
        np.testing.assert_array_equal(wrapped[name].value, samples.value)
    assert sum(driver.stats.missed.values()) == 0


def test_a_configuration_that_is_not_whole_is_refused(
    make_case: Any, host_board: Path, tmp_path: Path
) -> None:
    case = make_case("romanian-deadlift", "position_m")
    configuration, stimulus = case.write(tmp_path)
    raw = configuration.read_bytes()
    for damaged in (raw[:-1], raw[:40], b"", bytes((raw[0] ^ 1,)) + raw[1:], raw[:70] + b"\7" + raw[71:]):
        configuration.write_bytes(damaged)
        ended = subprocess.run(
            [str(host_board), str(configuration), str(stimulus)], capture_output=True, check=False
        )
        assert ended.returncode == 1
        assert b"not a whole configuration" in ended.stderr
        assert ended.stdout == b""


def test_stimuli_hold_every_edge_of_the_motion_once(make_case: Any, true_length: Any) -> None:
    case = make_case("romanian-deadlift", "position_m")
    found, _ = stimuli(case.simulated, {"position_m": Encoder(COUNTS_PER_M)})
    pins = found["value"].astype(int)
    order = np.array([0, 1, 3, 2])
    steps = (np.argsort(order)[pins[1:]] - np.argsort(order)[pins[:-1]] + 2) % 4 - 2
    assert set(steps.tolist()) == {-1, 1}
    length = true_length(case, np.array([found["t_us"][-1] / 1e6, 0.1]))
    assert steps.sum() == pytest.approx((length[0] - length[1]) * COUNTS_PER_M, abs=1.01)
    assert RECORD.itemsize == 12


def test_the_same_stimuli_give_the_same_bytes(make_case: Any, on_host: Callable[..., bytes]) -> None:
    case = make_case("romanian-deadlift", "position_m", "force_n")
    assert on_host(case, 5) == on_host(case, 5)
