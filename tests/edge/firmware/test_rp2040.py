"""The RP2040's image as machine code in an emulator, and its PIO programs cycle by cycle."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import adafruit_pioasm
import msgspec
import numpy as np
import pytest
from pioemu import State, emulate

from edge.board.configuration import BoardFile, ChannelTable
from kernels import FrameDecoder
from station import wire
from tests.edge.firmware.stimulus import Kind, edges, merged, records

pytestmark = pytest.mark.long

FIRMWARE = Path(__file__).parents[3] / "edge" / "firmware"
COUNTS_PER_M = 10_000.0


def only(case: Any, stimulus: Any) -> Any:
    """The case's board, and nothing but this happens."""
    return dataclasses.replace(case, records=stimulus)


def shorter(case: Any, seconds: float) -> Any:
    """The beginning of a case."""
    return only(case, case.records[case.records["t_us"] < 1e6 * seconds])


def assembled(name: str) -> tuple[list[int], dict[str, int]]:
    program = adafruit_pioasm.Program((FIRMWARE / "rp2040" / f"{name}.pio").read_text())
    return list(program.assembled), program.pio_kwargs


@pytest.mark.parametrize("name", ["edges", "hx711"])
def test_the_words_in_the_image_are_the_programs_assembled(name: str) -> None:
    text = (FIRMWARE / "rp2040" / "programs.h").read_text()
    (words,) = re.findall(rf"{name.upper()}\[{name.upper()}_LENGTH\] = \{{([^}}]*)\}}", text)
    assert [int(word, 16) for word in words.replace(",", " ").split()] == assembled(name)[0]


def test_every_edge_is_pushed_once_with_its_microsecond_cycle_by_cycle() -> None:
    opcodes, ways = assembled("edges")
    rng = np.random.default_rng(2)
    at = np.cumsum(rng.integers(12, 60, 40)) + 30  # cycles of 0.1 us: down to 1.2 us between edges
    order = [0, 1, 3, 2]
    lines = [order[n % 4] for n in range(41)]

    def pins(clock: int) -> int:
        return lines[int(np.searchsorted(at, clock, side="right"))]

    last = int(at[-1]) + 40
    program = emulate(
        opcodes,
        stop_when=lambda _, state: state.clock > last,
        initial_state=State(),
        input_source=pins,
        shift_isr_right=False,
        wrap_target=ways["wrap_target"],
        wrap_top=ways["wrap"],
    )
    pushed = []
    for _, state in program:
        while state.receive_fifo:
            pushed.append(state.receive_fifo.popleft())
    assert [word >> 30 for word in pushed] == lines[1:]
    stamps = np.array([-word & 0x3FFFFFFF for word in pushed])  # the clock counts down from 0
    seen = stamps - at / 10.0
    assert seen.min() > 0.0
    assert seen.max() < 1.7


def test_the_image_measures_what_the_same_sources_measure_on_this_machine(
    make_case: Any, on_rp2040: Any, on_host: Any, read_board: Any, true_length: Any
) -> None:
    case = shorter(make_case("romanian-deadlift", "position_m", "force_n", "tether_angle_rad"), 9.0)
    ended, uart, usb = on_rp2040(case)
    driver, found = read_board(uart)
    _, expected = read_board(on_host(case))
    assert driver.board == "test board 2.0"
    assert driver.stats.missed == {"position_m": 0, "force_n": 0, "tether_angle_rad": 0}
    assert driver.stats.frames_lost == driver.stats.frames_corrupt == driver.stats.samples_rejected == 0
    force, true_force = found["force_n"], expected["force_n"]
    n = len(force.time_s)
    assert n >= len(true_force.time_s) - 4
    np.testing.assert_array_equal(force.value, true_force.value[:n])
    start_s = first_tick_us(uart) / 1e6  # the session begins with the board's first frame
    assert np.abs(force.time_s + start_s - true_force.time_s[:n]).max() < 100e-6
    position = found["position_m"]
    true = true_length(case, position.time_s + start_s)
    speed = np.abs(np.gradient(true, position.time_s))
    assert np.abs(position.value - true).max() < 1.02 / COUNTS_PER_M + 5e-6 * speed.max()
    tilt = found["tether_angle_rad"]
    shown = case.records[case.records["kind"] == Kind.ANGLE]
    # It is asked for within 0.1 ms of its time.
    at = np.searchsorted(shown["t_us"], (tilt.time_s + start_s) * 1e6 + [[0.0], [100.0]], side="right") - 1
    off = np.abs(tilt.value - (shown["value"][at] - 2048) * 2.0 * np.pi / 4096)
    assert off.min(axis=0).max() < 1e-9
    assert len(np.unique(tilt.value)) > 10
    assert ended["usbSeen"]
    assert ended["busy"] < 0.2
    assert ended["baud"] == pytest.approx(460_800, rel=0.02)
    # Whoever listens by USB gets the same frames, from the moment they listen.
    assert len(usb) > 0.8 * len(uart)
    assert usb.split(b"\0")[-30:] == uart.split(b"\0")[-30:]


def first_tick_us(data: bytes) -> int:
    frames = FrameDecoder().feed(data)
    return frames.t_us[0] - frames.span_us[0]


def test_both_encoders_at_100_000_edges_a_second_lose_nothing_and_keep_their_time(
    make_case: Any, on_rp2040: Any, read_board: Any
) -> None:
    case = make_case("romanian-deadlift", "position_m", "position_2_m", baud=921_600)
    time_s = np.arange(0.0, 0.3, 0.001)
    there = 100_000.0 * np.clip(np.minimum(time_s - 0.02, 0.22 - time_s), 0.0, None)
    end = records(Kind.READING, 0, np.array([0.32]), np.array([0]))
    ended, uart, _ = on_rp2040(only(case, merged([edges(0, time_s, there), edges(1, time_s, -there), end])))
    driver, found = read_board(uart)
    start_s = first_tick_us(uart) / 1e6
    for name, sign in (("position_m", 1.0), ("position_2_m", -1.0)):
        samples = found[name]
        counts = sign * (samples.value - samples.value[0]) * COUNTS_PER_M
        true = np.interp(samples.time_s + start_s, time_s, there)
        # At 100 edges a millisecond half a count is 5 us. At rest the middle between two counts was said.
        fast = (true > 100.0) & (true < 9_900.0)
        assert np.abs(counts + 0.5 * sign - true)[fast].max() < 0.5
        assert counts[-1] == pytest.approx(0.0, abs=1.0)
    assert sum(driver.stats.missed.values()) == 0
    assert ended["busy"] < 0.2


def test_every_sensor_at_its_fastest_takes_no_time_from_the_others(
    make_case: Any, on_rp2040: Any, read_board: Any
) -> None:
    """Two encoders at 100 000 edges a second, four converters, and both lines; a hello meanwhile."""
    base = make_case("romanian-deadlift", "position_m")
    encoders = [
        ChannelTable(name, "encoder", pins, None, COUNTS_PER_M)
        for name, pins in (("position_m", [2, 3]), ("position_2_m", [8, 9]))
    ]
    cells = ("force_n", "pulley_x_n", "pulley_y_n", "platform_front_left_n")
    tables = [
        ChannelTable(name, "hx711", [10 + 2 * n, 11 + 2 * n], None, 100.0) for n, name in enumerate(cells)
    ]
    board = BoardFile([*encoders, *tables], baud=921_600)
    time_s = np.arange(0.0, 0.5, 0.001)
    there = 100_000.0 * np.clip(np.minimum(time_s - 0.02, 0.42 - time_s), 0.0, None)
    ready_s = [0.05 + 0.0031 * n + np.arange(28) * 0.0125 for n in range(4)]
    sent = [records(Kind.READING, 2 + n, ready_s[n], 1000 * n - 7 * np.arange(28)) for n in range(4)]
    end = records(Kind.READING, 2, np.array([0.6]), np.array([0]))
    stimulus = merged([edges(0, time_s, there), edges(1, time_s, -there), *sent, end])
    ended, uart, usb = on_rp2040(dataclasses.replace(base, board=board, records=stimulus))
    driver, found = read_board(uart)
    start_s = first_tick_us(uart) / 1e6
    for n, name in enumerate(cells):
        np.testing.assert_array_equal(found[name].value, (1000 * n - 7 * np.arange(28)) / 100.0)
        np.testing.assert_allclose(found[name].time_s + start_s, ready_s[n], atol=50e-6)
    for name, sign in (("position_m", 1.0), ("position_2_m", -1.0)):
        counts = sign * (found[name].value - found[name].value[0]) * COUNTS_PER_M
        true = np.interp(found[name].time_s + start_s, time_s, there)
        fast = (true > 100.0) & (true < 19_900.0)
        assert np.abs(counts + 0.5 * sign - true)[fast].max() < 0.5
    assert sum(driver.stats.missed.values()) == driver.stats.device_dropped == 0
    assert len(usb) > 0.8 * len(uart)
    assert 500.0 < ended["usbLatestUs"] < 800.0  # RP2040-E15: none in the last 200 us of a frame
    assert ended["busy"] < 0.2


def test_serial_pins_that_are_too_slow_drop_whole_frames_and_count_each(
    make_case: Any, on_rp2040: Any, read_board: Any, true_length: Any
) -> None:
    case = shorter(make_case("romanian-deadlift", "position_m", "force_n", baud=19_200), 7.0)
    ended, uart, _ = on_rp2040(case)
    assert ended["baud"] == pytest.approx(19_200, rel=0.02)
    assert ended["uartLost"] == 0  # nothing was written into a full queue
    assert len(uart) > 0.95 * 1_920 * 6.5  # the line never rests
    decoder, counted = FrameDecoder(), []
    for frame in uart.split(b"\0"):
        for _, raw in decoder.feed(frame + b"\0").statuses:
            counted.append((wire.parse_status(raw).frames_dropped, decoder.frames_lost))
    assert counted[-1][0] > 50
    assert all(said == lost for said, lost in counted)
    driver, found = read_board(uart)
    assert driver.stats.frames_corrupt == 0
    assert driver.stats.missed == {"position_m": 0, "force_n": 0}
    start_s = first_tick_us(uart) / 1e6
    position, force = found["position_m"], found["force_n"]
    true = true_length(case, position.time_s + start_s)
    assert np.abs(position.value - true).max() < 1.1 / COUNTS_PER_M
    sent = case.records[case.records["kind"] == Kind.READING]
    at = np.searchsorted(sent["t_us"], (force.time_s + start_s) * 1e6 + 200.0) - 1
    np.testing.assert_allclose(force.value, (sent["value"][at] - 41_213.0) / 800.0)


def test_the_home_switch_sets_zero_and_says_so_before_the_first_sample_that_has_it(
    make_case: Any, on_rp2040: Any, read_board: Any
) -> None:
    case = shorter(make_case("romanian-deadlift", "position_m"), 5.0)
    (table,) = case.board.channels
    table = msgspec.structs.replace(table, pins=[2, 3, 6], zero_counts=0.0)
    board = msgspec.structs.replace(case.board, channels=[table])
    switch = records(Kind.HOME, 0, np.array([3.0, 3.5]), np.array([1, 0]))
    _, uart, _ = on_rp2040(dataclasses.replace(case, board=board, records=merged([case.records, switch])))
    zeros = [wire.parse_hello(raw).channels[0].zero for _, raw in FrameDecoder().feed(uart).hellos]
    assert zeros[:2] == [wire.Zero.SWITCH_ON] * 2
    assert set(zeros[3:]) == {wire.Zero.HOME}
    _, found = read_board(uart)
    position = found["position_m"]
    closed = np.searchsorted(position.time_s + first_tick_us(uart) / 1e6, 3.0)
    assert position.value[closed] == pytest.approx(0.0, abs=1.01 / COUNTS_PER_M)
    assert abs(position.value[closed - 2]) > 10.0 / COUNTS_PER_M  # elsewhere was zero until then


def test_a_board_that_hangs_is_restarted_by_its_watchdog_within_a_quarter_of_a_second(
    make_case: Any, on_rp2040: Any, read_board: Any
) -> None:
    case = shorter(make_case("romanian-deadlift", "position_m", "force_n"), 6.0)
    hang = records(Kind.RESET, 0, np.array([4.0]), np.array([1]))
    _, uart, _ = on_rp2040(only(case, merged([case.records, hang])))
    driver, _ = read_board(uart, away_s=0.3)
    assert (driver.stats.resets, driver.stats.device_restarts) == (1, 1)
    assert "restarted by its watchdog" in (driver.stats.device_problem or "")
    frames = FrameDecoder().feed(uart)
    assert 0.2e6 < np.diff(frames.t_us).max() < 0.3e6
    again = wire.parse_hello(frames.hellos[-1][1])
    assert (again.start, again.channels[0].zero) == (wire.Start.WATCHDOG, wire.Zero.KEPT)


def test_a_board_that_was_just_flashed_was_not_restarted_by_its_watchdog(
    make_case: Any, on_rp2040: Any, read_board: Any
) -> None:
    """The boot ROM ends a copy by letting the watchdog's time run out, which leaves the same reason."""
    case = shorter(make_case("romanian-deadlift", "position_m", "force_n"), 1.5)
    _, uart, _ = on_rp2040(case, "just-flashed")
    hello = wire.parse_hello(FrameDecoder().feed(uart).hellos[-1][1])
    assert (hello.start, hello.channels[0].zero) == (wire.Start.ASKED, wire.Zero.SWITCH_ON)
    driver, _ = read_board(uart)
    assert (driver.stats.device_restarts, driver.stats.device_problem) == (0, None)


def test_a_converter_that_is_unplugged_or_held_low_is_counted_and_makes_nothing_up(
    make_case: Any, on_rp2040: Any, read_board: Any
) -> None:
    """Held low, as by a short or without its supply, for a second; later its plug is pulled out."""
    whole = shorter(make_case("romanian-deadlift", "position_m", "force_n", baud=115_200), 5.0)
    reading = whole.records["kind"] == Kind.READING
    gone = reading & (whole.records["t_us"] > 4_000_000)
    short = records(Kind.SHORT, 1, np.array([2.0, 3.0]), np.array([1, 0]))
    _, uart, _ = on_rp2040(only(whole, merged([whole.records[~gone], short])))
    driver, found = read_board(uart)
    force, start_s = found["force_n"], first_tick_us(uart) / 1e6
    sent = whole.records[reading]
    at = np.searchsorted(sent["t_us"], (force.time_s + start_s) * 1e6 + 200.0) - 1
    np.testing.assert_allclose(force.time_s + start_s, sent["t_us"][at] / 1e6, atol=100e-6)
    np.testing.assert_allclose(force.value, (sent["value"][at] - 41_213.0) / 800.0)
    heard_s = force.time_s + start_s
    assert ((heard_s < 2.0).sum(), (heard_s > 3.0).sum()) == pytest.approx((155, 79), abs=5)
    assert not ((heard_s > 2.0) & (heard_s < 3.0)).any()
    assert heard_s[-1] < 4.0
    assert 15 < driver.stats.missed["force_n"] < 42  # four of its periods each, until the last status
    assert driver.stats.missed["position_m"] == driver.stats.frames_lost == 0


def test_an_image_whose_second_stage_is_not_whole_is_not_run(
    make_case: Any, on_rp2040: Any, rp2040_image: bytes
) -> None:
    case = shorter(make_case("romanian-deadlift", "position_m"), 0.2)
    ended, _, _ = on_rp2040(case, image=b"\xff" * 256 + rp2040_image[256:])
    assert ended == {"boot": "disk"}


def test_a_board_whose_configuration_is_half_written_says_that_it_has_none(
    make_case: Any, on_rp2040: Any, read_board: Any
) -> None:
    case = shorter(make_case("romanian-deadlift", "position_m", "force_n"), 1.0)
    _, uart, _ = on_rp2040(case, configured=False)
    driver, _ = read_board(uart)
    assert driver.board == "not configured 2.0"
    assert driver.hello is not None
    assert [channel.name for channel in driver.hello.channels] == ["position_m", "force_n"]
    assert "no configuration" in (driver.stats.device_problem or "")


def test_moving_idle_machines_on_by_whole_turns_changes_no_byte(make_case: Any, on_rp2040: Any) -> None:
    case = make_case("romanian-deadlift", "position_m", "force_n")
    time_s = np.arange(0.0, 0.12, 0.001)
    moving = edges(0, time_s, 30.0 * np.sin(60.0 * time_s))
    case = only(case, merged([moving, records(Kind.READING, 1, np.array([0.05, 0.1]), np.array([77, -5]))]))
    assert on_rp2040(case)[1] == on_rp2040(case, "whole-steps")[1]


def test_the_slowest_encoder_that_is_configured_misses_nothing(
    make_case: Any, on_rp2040: Any, read_board: Any, true_length: Any
) -> None:
    case = shorter(make_case("romanian-deadlift", "position_m"), 6.0)
    (table,) = case.board.channels
    slow = msgspec.structs.replace(case.board, channels=[msgspec.structs.replace(table, rate_hz=300.0)])
    _, uart, _ = on_rp2040(dataclasses.replace(case, board=slow))
    driver, found = read_board(uart)
    position = found["position_m"]
    assert driver.stats.missed == {"position_m": 0}
    true = true_length(case, position.time_s + first_tick_us(uart) / 1e6)
    assert np.abs(position.value - true).max() < 1.1 / COUNTS_PER_M


def test_four_cells_under_a_platform_are_read_each_at_its_own_time(
    make_case: Any, on_rp2040: Any, read_board: Any
) -> None:
    base = make_case("romanian-deadlift", "position_m")
    corners = ("front_left", "front_right", "rear_left", "rear_right")
    tables = [
        ChannelTable(f"platform_{corner}_n", "hx711", [10 + 2 * n, 11 + 2 * n], None, 100.0)
        for n, corner in enumerate(corners)
    ]
    time_s = [0.05 + 0.003 * n + np.arange(20) * 0.0125 for n in range(4)]
    sent = [records(Kind.READING, n, time_s[n], 1000 * n - 7 * np.arange(20)) for n in range(4)]
    end = records(Kind.READING, 0, np.array([0.4]), np.array([0]))
    case = dataclasses.replace(base, board=BoardFile(tables, baud=460_800), records=merged([*sent, end]))
    _, uart, _ = on_rp2040(case)
    _, found = read_board(uart)
    start_s = first_tick_us(uart) / 1e6
    for n, corner in enumerate(corners):
        samples = found[f"platform_{corner}_n"]
        np.testing.assert_array_equal(samples.value, (1000 * n - 7 * np.arange(20)) / 100.0)
        np.testing.assert_allclose(samples.time_s + start_s, time_s[n], atol=100e-6)


def test_the_board_is_found_by_its_name_and_becomes_a_disk_when_it_is_asked(
    make_case: Any, on_rp2040: Any
) -> None:
    case = shorter(make_case("romanian-deadlift", "position_m", "force_n"), 1.0)
    ended, _, _ = on_rp2040(case, "usb-questions")
    device, *texts = [answer for answer in ended["answers"] if isinstance(answer, list) and answer]
    assert device[:2] == [18, 1]
    said = [bytes(text[2:]).decode("utf-16-le") for text in texts]
    assert said == ["Plumbline", "board", "test"]  # usb-Plumbline_board_test-if00
    assert ended["disk"]
