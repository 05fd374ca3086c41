"""The driver of a Plumbline board: from a simulated board's bytes to samples in SI."""

import zlib
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.link.drivers import Driver, Samples, make_driver
from station import wire
from station.config import Calibration, Port, StationFile, StationTable
from station.errors import CalibrationError
from station.sim.devices.device import BoardChannel, LineFaults, Piece, SimulatedBoard, spoil

POSITION = wire.Channel("position_m", 1000.0, 20_000.0, zero_counts=100.0)
FORCE = wire.Channel("force_n", 80.0, 10.0, zero_counts=-50.0, min_counts=-2000, max_counts=2000)


def make_station(**calibration: Calibration) -> StationFile:
    return StationFile(station=StationTable("rack-1", "barbell"), calibration=calibration)


def driver_for(station: StationFile | None = None) -> Driver:
    return make_driver(Port("/dev/null"), station or make_station())


def motion(end_s: float) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Counts of a slow sine at 1 kHz and of a ramp at 80 Hz."""
    position_s, force_s = np.arange(0.0, end_s, 0.001), np.arange(0.0, end_s, 1 / 80)
    return [(position_s, np.rint(20_000 * np.sin(position_s))), (force_s, np.rint(10 * force_s))]


def board_pieces(end_s: float = 5.0, **changes: Any) -> list[Piece]:
    channels = [BoardChannel(POSITION), BoardChannel(FORCE, width=2)]
    return list(SimulatedBoard(channels, rng=np.random.default_rng(1), **changes).send(motion(end_s)))


@pytest.fixture(scope="session")
def drive(joined: Any) -> Callable[[Driver, Iterable[Piece]], dict[str, Samples]]:
    """Feed pieces to a driver at their times."""
    return lambda driver, pieces: joined(s for at_s, data in pieces for s in driver.feed(data, 500.0 + at_s))


def test_samples_are_those_the_board_took(drive: Any) -> None:
    driver = driver_for()
    found = drive(driver, board_pieces())
    for (time_s, counts), channel in zip(motion(5.0), (POSITION, FORCE), strict=True):
        np.testing.assert_allclose(found[channel.name].time_s, time_s, atol=1.01e-6)
        expected = (counts - channel.zero_counts) / channel.counts_per_unit
        np.testing.assert_array_equal(found[channel.name].value, expected)
    assert driver.board == "simulated board 1.0"
    assert [(s.channel, s.rate_hz) for s in driver.sensors] == [("position_m", 1000.0), ("force_n", 80.0)]
    assert driver.stats.samples == 5400
    assert driver.stats.last_sample_s == pytest.approx(4.999, abs=2e-6)


def test_the_station_files_calibration_wins_over_the_hello_number_by_number(drive: Any) -> None:
    station = make_station(
        position_m=Calibration(counts_per_unit=10_000.0), force_n=Calibration(zero_counts=7.0)
    )
    found = drive(driver_for(station), board_pieces())
    (_, position), (_, force) = motion(5.0)
    np.testing.assert_array_equal(found["position_m"].value, (position - 100.0) / 10_000.0)
    np.testing.assert_array_equal(found["force_n"].value, (force - 7.0) / 10.0)


@pytest.mark.parametrize("counts_per_unit", [0.0, float("nan"), float("inf")])
def test_a_calibration_that_cannot_be_is_refused(counts_per_unit: float) -> None:
    with pytest.raises(CalibrationError, match=r"calibration\.force_n\.counts_per_unit is .*finite"):
        driver_for(make_station(force_n=Calibration(counts_per_unit=counts_per_unit)))


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 40_000), max_size=10), seed=st.integers(0, 20))
def test_the_samples_do_not_depend_on_how_the_bytes_are_cut(joined: Any, cuts: list[int], seed: int) -> None:
    faults = LineFaults(byte_drop_rate=2e-4, bit_flip_rate=2e-4, garbage_rate=0.02, repeat_rate=0.05)
    pieces = spoil(
        board_pieces(3.0, start_us=2**32 - 1_000_000, resets_at_s=[1.5]), faults, np.random.default_rng(seed)
    )
    stream = b"".join(data for _, data in pieces)
    whole, cut = driver_for(), driver_for()
    expected = joined(whole.feed(stream, 0.0))
    edges = sorted({0, len(stream), *(c % len(stream) for c in cuts)})
    found = joined(s for a, b in pairwise(edges) for s in cut.feed(stream[a:b], 0.0))
    assert found.keys() == expected.keys()
    for name, samples in expected.items():
        np.testing.assert_array_equal(found[name].time_s, samples.time_s)
        np.testing.assert_array_equal(found[name].value, samples.value)
    assert cut.stats == whole.stats


def test_ticks_that_wrap_leave_no_trace(drive: Any) -> None:
    plain = drive(driver_for(), board_pieces())
    wrapped = drive(driver_for(), board_pieces(start_us=2**32 - 2_000_000))
    np.testing.assert_array_equal(wrapped["position_m"].time_s, plain["position_m"].time_s)


def test_arrival_is_no_sample_time(drive: Any) -> None:
    pieces = board_pieces()
    rng = np.random.default_rng(8)
    late = [(at_s + float(rng.exponential(0.2)), data) for at_s, data in pieces]
    on_time, delayed = drive(driver_for(), pieces), drive(driver_for(), late)
    np.testing.assert_array_equal(delayed["position_m"].time_s, on_time["position_m"].time_s)


def test_after_a_reset_samples_go_on_later_and_right(drive: Any) -> None:
    driver = driver_for()
    found = drive(driver, board_pieces(resets_at_s=[2.0, 3.5]))["position_m"]
    assert driver.stats.resets == 2
    assert driver.stats.frames_lost == driver.stats.frames_corrupt == driver.stats.samples_rejected == 0
    assert (np.diff(found.time_s) > 0).all()
    truth = (np.rint(20_000 * np.sin(found.time_s)) - 100.0) / 20_000.0
    np.testing.assert_allclose(found.value, truth, atol=1.1e-4)  # 2 counts
    assert 0.3 < np.diff(found.time_s).max() < 0.33


def test_samples_before_the_hello_are_counted_and_not_given(drive: Any) -> None:
    driver = driver_for()
    pieces = board_pieces()
    found = drive(driver, pieces[1:])  # the first piece is the hello alone
    first_s = found["position_m"].time_s[0]
    assert 0.9 < first_s < 1.1
    assert driver.stats.samples_rejected == 5400 - driver.stats.samples > 900
    assert driver.stats.frames_lost == driver.stats.frames_corrupt == 0


def test_losses_on_the_line_are_counted_and_values_stay_true(drive: Any) -> None:
    driver = driver_for()
    faults = LineFaults(byte_drop_rate=1e-3, bit_flip_rate=1e-3, garbage_rate=0.05, unplugged=((2.0, 2.5),))
    found = drive(driver, spoil(board_pieces(), faults, np.random.default_rng(2)))["position_m"]
    truth = (np.rint(20_000 * np.sin(found.time_s)) - 100.0) / 20_000.0
    np.testing.assert_allclose(found.value, truth, atol=1.1e-4)
    stats = driver.stats
    sent = 1 + int(5.0 / 0.016 + 1) + 4  # first hello, data, one hello a second
    assert stats.frames + stats.frames_lost == pytest.approx(sent, abs=6)
    assert stats.frames_lost > 30
    assert stats.frames_corrupt > 30
    assert stats.bytes_discarded > 3000


def frame(seq: int, t_us: int, block: wire.Block, boot_id: int = 1) -> bytes:
    return wire.encode(wire.Data(seq, boot_id, t_us, [block]))


def hello(seq: int, t_us: int, *channels: wire.Channel, boot_id: int = 1) -> bytes:
    return wire.encode(wire.Hello(seq, boot_id, t_us, "b", "1", channels))


def one(channel: int, counts: float, age_us: int = 0) -> wire.Block:
    return wire.Block(channel, 3, age_us, 0, np.array([counts]))


def test_no_value_is_nan_and_saturation_is_counted() -> None:
    driver = driver_for()
    counts = np.array([5.0, np.nan, 2000.0, 1999.0, -2000.0])
    (samples,) = driver.feed(hello(0, 0, FORCE) + frame(1, 9000, wire.Block(0, 2, 8000, 1000, counts)), 0.0)
    known = np.where(np.abs(counts) < 2000.0, counts, np.nan)  # how far beyond the range is not known
    np.testing.assert_array_equal(samples.value, (known + 50.0) / 10.0)
    assert driver.stats.saturated == {"force_n": 2}
    assert driver.stats.samples_rejected == 0


def test_a_sample_not_after_the_one_before_is_rejected() -> None:
    driver = driver_for()
    data = hello(0, 0, FORCE) + b"".join(
        frame(seq, t_us, one(0, float(seq))) for seq, t_us in enumerate((1000, 2000, 2000, 3000), start=1)
    )
    (samples,) = driver.feed(data + frame(5, 3500, one(0, 5.0, age_us=1500)), 0.0)
    np.testing.assert_array_equal(samples.value, (np.array([1.0, 2.0, 4.0]) + 50.0) / 10.0)
    assert driver.stats.samples_rejected == 2
    assert driver.feed(frame(6, 3600, one(0, 6.0, age_us=600)), 0.0) == []
    assert driver.stats.samples_rejected == 3


def test_a_channel_the_hello_does_not_name_is_rejected() -> None:
    driver = driver_for()
    assert driver.feed(hello(0, 0, FORCE) + frame(1, 1000, one(1, 5.0)), 0.0) == []
    assert driver.stats.samples_rejected == 1


def test_a_new_hello_changes_what_follows_it_and_nothing_before(joined: Any) -> None:
    driver = driver_for()
    data = (
        hello(0, 0, FORCE)
        + frame(1, 1000, one(0, 100.0))
        + hello(2, 1500, FORCE._replace(counts_per_unit=20.0))
        + frame(3, 2000, one(0, 100.0))
    )
    found = joined(driver.feed(data, 0.0))["force_n"]
    np.testing.assert_array_equal(found.value, [15.0, 7.5])


def test_another_boards_samples_wait_for_its_own_hello() -> None:
    driver = driver_for()
    driver.feed(hello(0, 0, FORCE) + frame(1, 1000, one(0, 1.0)), 0.0)
    assert driver.feed(frame(5, 70_000, one(0, 2.0), boot_id=2), 1.0) == []
    data = hello(6, 80_000, POSITION, boot_id=2) + frame(7, 90_000, one(0, 100.0), boot_id=2)
    (samples,) = driver.feed(data, 1.1)
    assert (samples.channel, samples.value.tolist()) == ("position_m", [0.0])
    assert (driver.stats.resets, driver.stats.samples_rejected) == (1, 1)


def test_a_hello_that_makes_no_sense_is_counted_and_passed_over() -> None:
    driver = driver_for()
    bad = hello(1, 10, FORCE._replace(counts_per_unit=0.0))
    (samples,) = driver.feed(hello(0, 0, FORCE) + bad + frame(2, 1000, one(0, 0.0)), 0.0)
    assert samples.value.tolist() == [5.0]
    assert driver.stats.frames_unsupported == 1


def restarted(start: wire.Start, zero: wire.Zero, missed: int = 0) -> bytes:
    """A board that was talking and starts anew."""
    channel = POSITION._replace(zero=zero)
    again = wire.Hello(0, 2, 5000, "b", "1", (channel,), "s", start)
    status = wire.Status(1, 2, 5001, int(start == wire.Start.WATCHDOG), 3, 0.1, (missed,))
    return hello(0, 0, channel) + wire.encode(again) + wire.encode(status)


def test_a_restart_that_moved_zero_is_said_until_the_board_is_switched_off_and_on() -> None:
    driver = driver_for()
    driver.feed(restarted(wire.Start.WATCHDOG, wire.Zero.KEPT), 0.0)
    assert "restarted by its watchdog: zero of position_m may have moved" in (
        driver.stats.device_problem or ""
    )
    assert (driver.stats.resets, driver.stats.device_restarts, driver.stats.device_dropped) == (1, 1, 3)
    on = wire.Hello(0, 3, 100, "b", "1", (POSITION._replace(zero=wire.Zero.SWITCH_ON),))
    driver.feed(wire.encode(on), 1.0)
    assert driver.stats.device_problem is None


@pytest.mark.parametrize("start", [wire.Start.WATCHDOG, wire.Start.ASKED])
def test_a_node_that_starts_after_a_watchdogs_restart_says_so_too(start: wire.Start) -> None:
    """A Nano is reset once more by whoever opens its port."""
    channel = POSITION._replace(zero=wire.Zero.KEPT)
    once = wire.encode(wire.Hello(0, 2, 0, "b", "1", (channel,), "s", start))
    driver = driver_for()
    driver.feed(once, 0.0)
    driver.feed(wire.encode(wire.Status(1, 2, 1, 1, 0, 0.1, (0,))), 0.0)
    assert "restarted by its watchdog: zero of position_m may have moved" in (
        driver.stats.device_problem or ""
    )


def test_a_board_that_was_only_reset_before_the_node_came_is_no_problem() -> None:
    channel = POSITION._replace(zero=wire.Zero.KEPT)
    driver = driver_for()
    driver.feed(wire.encode(wire.Hello(0, 2, 0, "b", "1", (channel,), "s", wire.Start.ASKED)), 0.0)
    driver.feed(wire.encode(wire.Status(1, 2, 1, 0, 0, 0.1, (0,))), 0.0)
    assert driver.stats.device_problem is None


def test_nothing_is_measured_by_a_board_that_is_not_configured() -> None:
    driver = driver_for()
    data = wire.encode(wire.Hello(0, 1, 0, "not configured", "2.0", (POSITION,)))
    assert driver.feed(data + frame(1, 1000, one(0, 100.0)), 0.0) == []
    assert (driver.sensors, driver.stats.samples_rejected) == ([], 1)
    assert "no configuration" in (driver.stats.device_problem or "")
    assert "plumbline board configure" in (driver.stats.device_problem or "")
    (samples,) = driver.feed(hello(2, 2000, POSITION) + frame(3, 3000, one(0, 100.0)), 0.1)
    assert (samples.channel, driver.stats.device_problem) == ("position_m", None)


@pytest.mark.parametrize("zero", [wire.Zero.FIXED, wire.Zero.HOME])
def test_a_restart_moves_no_zero_that_the_sensor_or_the_home_switch_keeps(zero: wire.Zero) -> None:
    driver = driver_for()
    driver.feed(restarted(wire.Start.ASKED, zero), 0.0)
    assert driver.stats.device_problem is None


def test_what_the_board_missed_is_counted_over_its_restarts() -> None:
    driver = driver_for()
    first = wire.encode(wire.Status(1, 1, 10, 0, 5, 0.1, (7,)))
    driver.feed(hello(0, 0, POSITION) + first, 0.0)
    assert driver.stats.missed == {"position_m": 7}
    driver.feed(restarted(wire.Start.WATCHDOG, wire.Zero.KEPT, missed=2)[len(hello(0, 0, POSITION)) :], 1.0)
    assert driver.stats.missed == {"position_m": 9}
    assert driver.stats.device_dropped == 8


def test_a_length_below_zero_is_said() -> None:
    driver = driver_for()
    driver.feed(hello(0, 0, POSITION) + frame(1, 1000, one(0, -2000.0)), 0.0)  # 105 mm
    assert "position_m is below 0" in (driver.stats.device_problem or "")


def test_a_board_that_speaks_a_later_edition_is_named_and_not_guessed_at() -> None:
    driver = driver_for()
    assert driver.feed(wire.encode(wire.Hello(0, 1, 0, "b", "1", (FORCE,)), 2), 0.0) == []
    newer = driver_for()
    head = bytes((3, 1)) + bytes(80)
    newer.feed(wire.cobs(head + zlib.crc32(head).to_bytes(4, "little")) + b"\0", 0.0)
    assert "edition 3" in (newer.stats.device_problem or "")
    assert newer.stats.frames_unsupported == 1


@pytest.mark.parametrize("edition", (1, 2))
def test_a_board_of_either_edition_gives_the_same_samples(drive: Any, edition: int) -> None:
    found = drive(driver_for(), board_pieces(edition=edition))
    for (time_s, counts), channel in zip(motion(5.0), (POSITION, FORCE), strict=True):
        np.testing.assert_allclose(found[channel.name].time_s, time_s, atol=1.01e-6)
        expected = (counts - channel.zero_counts) / channel.counts_per_unit
        np.testing.assert_array_equal(found[channel.name].value, expected)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=3000))
def test_no_noise_raises_or_passes_for_a_sample(noise: bytes) -> None:
    driver = driver_for()
    assert driver.feed(noise, 0.0) == []
    assert driver.stats.frames == 0
