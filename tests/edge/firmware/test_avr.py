"""The ATmega328P's image as machine code in simavr, in a process of its own."""

import dataclasses
from typing import Any

import msgspec
import numpy as np
import pytest

from kernels import FrameDecoder
from station import wire
from tests.edge.firmware.stimulus import Kind, edges, merged, records

pytestmark = pytest.mark.long

COUNTS_PER_M = 10_000.0

# What goes before each start: nothing, or an edition of Optiboot (Arduino's: 4.4) and what r2 is by chance.
LOADERS: dict[str, tuple[int, ...]] = {
    "none": (),
    "4.4, r2 as of a watchdog": (0x0404, 8),
    "4.4, r2 as at power-on": (0x0404, 1),
    "7.0": (0x0700, 0),
    "8.0": (0x0800, 0),
}


@pytest.fixture
def case(make_case: Any) -> Any:
    """A set at the usual rate of this board."""
    return make_case("romanian-deadlift", "position_m", "force_n", target="avr", baud=115_200)


def only(case: Any, stimulus: Any) -> Any:
    """The case's board, and nothing but this happens."""
    return dataclasses.replace(case, records=stimulus)


def shorter(case: Any, seconds: float) -> Any:
    """The beginning of a case."""
    return only(case, case.records[case.records["t_us"] < 1e6 * seconds])


def ending(seconds: float) -> Any:
    """Nothing, at that time."""
    return records(Kind.HOME, 0, np.array([seconds]), np.array([0]))


def powered_s(data: bytes, force_time_s: Any, case: Any) -> float:
    """When the board's first frame was, since power came: its clock starts when its program does."""
    sent = case.records["t_us"][case.records["kind"] == Kind.READING]
    return float(np.median(sent[: len(force_time_s)] / 1e6 - force_time_s))


def test_the_image_measures_the_true_motion(
    case: Any, on_avr: Any, read_board: Any, true_length: Any
) -> None:
    case = shorter(case, 9.0)
    ended, data = on_avr(case)
    assert ended["baud"] == pytest.approx(115_200, rel=0.0213)  # 117 647 is the nearest it makes
    driver, found = read_board(data)
    assert driver.board == "test board 2.0"
    assert driver.stats.frames_lost == driver.stats.frames_corrupt == driver.stats.samples_rejected == 0
    assert driver.stats.missed == {"position_m": 0, "force_n": 0}
    assert driver.load < 0.3
    force = found["force_n"]
    sent = case.records[case.records["kind"] == Kind.READING]
    start_s = powered_s(data, force.time_s, case)
    n = len(force.time_s)
    assert n >= len(sent) - 4
    np.testing.assert_allclose(force.value, (sent["value"][:n] - 41_213.0) / 800.0)
    assert np.abs(force.time_s + start_s - sent["t_us"][:n] / 1e6).max() < 100e-6
    position = found["position_m"]
    true = true_length(case, position.time_s + start_s)
    speed = np.abs(np.gradient(true, position.time_s))
    assert np.abs(position.value - true).max() < 1.02 / COUNTS_PER_M + 5e-6 * speed.max()
    assert np.median(np.diff(position.time_s)) == pytest.approx(0.002, abs=1e-6)


@pytest.mark.parametrize("rate_hz", [4_987, 20_011, 33_331, 49_999])  # none in step with the samples
def test_50_000_edges_a_second_lose_nothing_and_keep_their_time(
    case: Any, on_avr: Any, read_board: Any, rate_hz: int
) -> None:
    time_s = np.arange(0.0, 1.1, 0.001)
    there = rate_hz * np.clip(np.minimum(time_s - 0.05, 0.95 - time_s), 0.0, None)
    ready_s = np.arange(0.0503, 1.1, 0.0125)
    cell = records(Kind.READING, 1, ready_s, np.full(len(ready_s), 1000))
    ended, data = on_avr(only(case, merged([edges(0, time_s, there), cell, ending(1.2)])))
    assert 0.2 <= ended["clock_high_us"] < 1.5  # HX711 data sheet: 0.2 to 50; from 60 on it switches off
    driver, found = read_board(data)
    position, force = found["position_m"], found["force_n"]
    counts = (position.value - position.value[0]) * COUNTS_PER_M
    assert counts[-1] == pytest.approx(0.0, abs=1.0)
    assert driver.stats.missed == {"position_m": 0, "force_n": 0}
    assert driver.stats.frames_lost == driver.stats.frames_corrupt == 0
    at_s = position.time_s + np.median(ready_s[: len(force.time_s)] - force.time_s)
    off = counts + 0.5 - np.interp(at_s, time_s, there)  # at rest the middle between two counts was said
    steady = np.zeros(len(at_s), dtype=bool)
    for begin_s, end_s in ((0.06, 0.49), (0.51, 0.94)):
        steady |= (at_s > begin_s) & (at_s < end_s)
    assert steady.sum() > 400
    assert np.abs(off[steady]).max() < 1.0 / 16.0 + 5e-6 * rate_hz


def test_lines_that_change_together_are_counted_and_no_way_is_guessed(
    case: Any, on_avr: Any, read_board: Any
) -> None:
    jump = records(Kind.EDGE, 0, np.array([0.0, 0.2, 0.4, 0.6]), np.array([0, 3, 0, 1]))
    driver, found = read_board(on_avr(only(case, merged([jump, ending(2.5)])))[1])
    assert driver.stats.missed["position_m"] == 4
    counts = np.floor((found["position_m"].value - found["position_m"].value[0]) * COUNTS_PER_M + 0.5)
    assert set(counts) == {0.0, 1.0}


def test_the_home_switch_sets_zero_and_says_so_before_the_first_sample_that_has_it(
    case: Any, on_avr: Any, read_board: Any
) -> None:
    encoder, cell = case.board.channels
    encoder = msgspec.structs.replace(encoder, pins=[2, 3, 6], zero_counts=0.0)
    board = msgspec.structs.replace(case.board, channels=[encoder, cell])
    switch = records(Kind.HOME, 0, np.array([3.0, 3.5]), np.array([1, 0]))
    whole = dataclasses.replace(shorter(case, 5.0), board=board)
    _, data = on_avr(only(whole, merged([whole.records, switch])))
    zeros = [wire.parse_hello(raw).channels[0].zero for _, raw in FrameDecoder().feed(data).hellos]
    assert zeros[:2] == [wire.Zero.SWITCH_ON] * 2
    assert set(zeros[3:]) == {wire.Zero.HOME}
    _, found = read_board(data)
    position = found["position_m"]
    start_s = powered_s(data, found["force_n"].time_s, whole)
    closed = np.searchsorted(position.time_s + start_s, 3.0)
    assert position.value[closed] == pytest.approx(0.0, abs=1.01 / COUNTS_PER_M)
    assert abs(position.value[closed - 2]) > 10.0 / COUNTS_PER_M  # elsewhere was zero until then


def test_a_converter_that_is_unplugged_is_counted_and_says_nothing(
    case: Any, on_avr: Any, read_board: Any
) -> None:
    case = shorter(case, 6.0)
    gone = (case.records["kind"] == Kind.READING) & (case.records["t_us"] > 2_000_000)
    driver, found = read_board(on_avr(only(case, case.records[~gone]))[1])
    assert found["force_n"].time_s[-1] < 2.0
    assert driver.stats.missed["force_n"] > 30


def test_a_converter_whose_data_line_is_held_low_says_nothing_and_is_heard_again(
    case: Any, on_avr: Any, read_board: Any
) -> None:
    short = records(Kind.SHORT, 1, np.array([2.0, 4.0]), np.array([1, 0]))
    whole = shorter(case, 6.0)
    driver, found = read_board(on_avr(only(whole, merged([whole.records, short])))[1])
    _, true = read_board(on_avr(whole)[1])
    force, known = found["force_n"], true["force_n"]
    start_s = powered_s(b"", known.time_s, whole)
    assert driver.stats.missed["force_n"] > 30
    quiet = (force.time_s + start_s > 2.0) & (force.time_s + start_s < 4.0)
    assert not quiet.any()
    assert (force.time_s + start_s > 4.0).sum() > 140
    assert set(force.value.tolist()) <= set(known.value.tolist())
    assert driver.stats.missed["position_m"] == driver.stats.frames_lost == 0


def test_a_nano_without_an_encoder_sleeps_between_readings(case: Any, on_avr: Any, read_board: Any) -> None:
    (cell,) = [channel for channel in case.board.channels if channel.sensor == "hx711"]
    alone = case.records[case.records["kind"] == Kind.READING]
    alone["channel"] = 0
    board = msgspec.structs.replace(case.board, channels=[cell])
    driver, found = read_board(on_avr(shorter(dataclasses.replace(case, board=board, records=alone), 4.0))[1])
    assert driver.load < 0.15
    assert len(found["force_n"].time_s) > 300
    assert driver.stats.missed == {"force_n": 0}


def test_the_slowest_encoder_that_is_configured_is_sampled_in_time(
    case: Any, on_avr: Any, read_board: Any, true_length: Any
) -> None:
    tables = [msgspec.structs.replace(case.board.channels[0], rate_hz=31.0), case.board.channels[1]]
    slow = shorter(dataclasses.replace(case, board=msgspec.structs.replace(case.board, channels=tables)), 6.0)
    driver, found = read_board(on_avr(slow)[1])
    position, force = found["position_m"], found["force_n"]
    assert driver.stats.missed == {"position_m": 0, "force_n": 0}
    assert np.median(np.diff(position.time_s)) == pytest.approx(1.0 / 31.0, abs=1e-5)
    true = true_length(slow, position.time_s + powered_s(b"", force.time_s, slow))
    assert np.abs(position.value - true).max() < 1.1 / COUNTS_PER_M


def test_a_configuration_that_is_not_whole_is_said_in_the_boards_name(
    case: Any, on_avr: Any, read_board: Any
) -> None:
    driver, _ = read_board(on_avr(shorter(case, 0.5), damaged=True)[1])
    assert driver.board == "not configured 2.0"
    assert driver.hello is not None
    assert [(channel.name, channel.rate_hz) for channel in driver.hello.channels] == [
        ("position_m", 500.0),
        ("force_n", 80.0),
    ]


def test_a_board_says_that_it_was_switched_on(case: Any, on_avr: Any) -> None:
    _, data = on_avr(shorter(case, 0.5))
    hello = wire.parse_hello(FrameDecoder().feed(data).hellos[0][1])
    assert (hello.start, hello.serial) == (wire.Start.SWITCHED_ON, "nano")
    assert hello.channels[0].zero == wire.Zero.SWITCH_ON


def restarted(case: Any, on_avr: Any, loader: str, *hows: int) -> bytes:
    """A reel that is pulled out and rests; resets at 1.5 s, 3.0 s, … What the board says."""
    time_s = np.arange(0.0, 1.0, 0.001)
    there = edges(0, time_s, 1000.0 * np.clip(time_s - 0.2, 0.0, 0.5))
    resets = records(Kind.RESET, 0, 1.5 * np.arange(1, len(hows) + 1), np.array(hows))
    stimulus = merged([there, resets, ending(1.5 * len(hows) + 1.3)])
    _, data = on_avr(only(case, stimulus), loader=LOADERS[loader])
    return bytes(data)


def said(data: bytes) -> tuple[list[wire.Start], list[wire.Zero], int]:
    """Reasons to start and zeros of the board's hellos, each once; restarts by the watchdog in the end."""
    frames = FrameDecoder().feed(data)
    hellos = [wire.parse_hello(raw) for _, raw in frames.hellos]
    counted = wire.parse_status(frames.statuses[-1][1]).watchdog_restarts
    starts = [hello.start for hello in hellos]
    zeros = [hello.channels[0].zero for hello in hellos]
    return starts[::2], zeros[::2], counted


@pytest.mark.parametrize("loader", LOADERS)
def test_a_loss_of_power_is_told_from_a_restart_whatever_the_boot_loader_leaves(
    case: Any, on_avr: Any, read_board: Any, loader: str
) -> None:
    data = restarted(case, on_avr, loader, 0)
    assert said(data) == ([wire.Start.SWITCHED_ON] * 2, [wire.Zero.SWITCH_ON] * 2, 0)
    position = read_board(data, away_s=0.1)[1]["position_m"].value
    assert np.ptp(position) == pytest.approx(0.05, abs=1.1 / COUNTS_PER_M)
    assert position[-1] == pytest.approx(position[0], abs=1.1 / COUNTS_PER_M)


@pytest.mark.parametrize(("how", "start"), [(1, wire.Start.WATCHDOG), (2, wire.Start.ASKED)])
@pytest.mark.parametrize("loader", LOADERS)
def test_a_restart_by_the_watchdog_or_the_reset_pin_is_told_and_the_count_goes_on(
    case: Any, on_avr: Any, read_board: Any, loader: str, how: int, start: wire.Start
) -> None:
    data = restarted(case, on_avr, loader, how)
    starts, zeros, counted = said(data)
    assert starts == [wire.Start.SWITCHED_ON, start]
    assert zeros == [wire.Zero.SWITCH_ON, wire.Zero.KEPT]
    assert counted == (start == wire.Start.WATCHDOG)
    position = read_board(data, away_s=0.3)[1]["position_m"]
    pulled = position.value[np.searchsorted(position.time_s, 1.2) :] - position.value[0]
    np.testing.assert_allclose(pulled, 0.05, atol=1.1 / COUNTS_PER_M)


def test_a_reset_after_a_restart_by_the_watchdog_is_not_another(case: Any, on_avr: Any) -> None:
    starts, _, counted = said(restarted(case, on_avr, "4.4, r2 as of a watchdog", 1, 2))
    assert starts == [wire.Start.SWITCHED_ON, wire.Start.WATCHDOG, wire.Start.ASKED]
    assert counted == 1


@pytest.mark.parametrize(
    ("loader", "off", "deaf"),
    [
        ("none", wire.Start.SWITCHED_ON, wire.Start.WATCHDOG),
        ("4.4, r2 as of a watchdog", wire.Start.ASKED, wire.Start.ASKED),
        ("7.0", wire.Start.SWITCHED_ON, wire.Start.ASKED),
        ("8.0", wire.Start.SWITCHED_ON, wire.Start.WATCHDOG),
    ],
)
def test_what_memory_cannot_tell_is_told_where_the_boot_loader_hands_it_on(
    case: Any, on_avr: Any, loader: str, off: wire.Start, deaf: wire.Start
) -> None:
    """Power is off for so short that memory lasts; it hangs where no interrupt comes."""
    assert said(restarted(case, on_avr, loader, 3))[0] == [wire.Start.SWITCHED_ON, off]
    assert said(restarted(case, on_avr, loader, 4))[0] == [wire.Start.SWITCHED_ON, deaf]


def test_a_line_that_is_too_slow_drops_whole_frames_and_counts_them(
    make_case: Any, on_avr: Any, read_board: Any
) -> None:
    slow = make_case("romanian-deadlift", "position_m", "force_n", target="avr", baud=19_200)
    driver, found = read_board(on_avr(shorter(slow, 8.0))[1])
    assert driver.stats.frames_lost > 50
    assert driver.stats.device_dropped == pytest.approx(driver.stats.frames_lost, abs=60)
    assert driver.stats.frames_corrupt == 0
    assert driver.stats.missed == {"position_m": 0, "force_n": 0}
    assert len(found["position_m"].time_s) > 500


def test_a_board_that_hangs_is_restarted_by_its_watchdog_and_keeps_its_count(
    case: Any, on_avr: Any, read_board: Any
) -> None:
    case = shorter(case, 6.0)
    hang = records(Kind.RESET, 0, np.array([4.0]), np.array([1]))
    ended, data = on_avr(only(case, merged([case.records, hang])))
    began_s, at = np.array(ended["pieces"]).T
    ended_s = began_s + np.diff(at, append=len(data)) * 10.0 / ended["baud"]
    assert 0.2 < (began_s[1:] - ended_s[:-1]).max() < 0.3
    driver, _ = read_board(data, away_s=0.3)
    assert (driver.stats.resets, driver.stats.device_restarts) == (1, 1)
    frames = FrameDecoder().feed(data)
    again = wire.parse_hello(frames.hellos[-1][1])
    assert (again.start, again.channels[0].zero) == (wire.Start.WATCHDOG, wire.Zero.KEPT)
