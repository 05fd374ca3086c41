"""A converter on I2C, read by the RP2040's image in an emulator: started, unplugged, not answering."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from edge.board.configuration import BoardFile, ChannelTable
from kernels import FrameDecoder
from station import wire
from tests.edge.firmware.stimulus import Kind, merged, records

pytestmark = pytest.mark.long


def nau7802(make_case: Any, seconds: float, *more: Any) -> Any:
    """A converter on the bus, each of its 320 readings a second another, and a tilt encoder beside it."""
    base = make_case("romanian-deadlift", "position_m")
    cell = ChannelTable("force_n", "nau7802", [4, 5, 7], None, 100.0)
    board = BoardFile([cell, ChannelTable("tether_angle_rad", "as5600", [4, 5])], baud=460_800)
    time_s = np.arange(0.05, seconds, 1.0 / 320.0)
    sent = records(Kind.READING, 0, time_s, np.arange(1, len(time_s) + 1) * -3333)
    shown = records(Kind.ANGLE, 1, np.array([0.0, seconds + 0.1]), np.array([2048, 2048]))
    return dataclasses.replace(base, board=board, records=merged([sent, shown, *more]))


def heard(case: Any, uart: bytes, samples: Any) -> Any:
    """When the readings were that were said; each is true."""
    sent = case.records[case.records["kind"] == Kind.READING]
    frames = FrameDecoder().feed(uart)
    time_s = samples.time_s + (frames.t_us[0] - frames.span_us[0]) / 1e6
    at = np.searchsorted(sent["t_us"], time_s * 1e6 + 200.0) - 1
    np.testing.assert_allclose(time_s, sent["t_us"][at] / 1e6, atol=100e-6)
    np.testing.assert_allclose(samples.value, sent["value"][at] / 100.0)
    return time_s


def test_a_nau7802_is_started_and_read_when_it_says_that_it_is_ready(
    make_case: Any, on_rp2040: Any, read_board: Any
) -> None:
    case = nau7802(make_case, 2.1)
    ended, uart, _ = on_rp2040(case)
    driver, found = read_board(uart)
    heard_s = heard(case, uart, found["force_n"])
    assert 0.3 < heard_s[0] < 0.32  # until then its regulator settles
    assert np.diff(heard_s).max() < 1.1 / 320.0
    assert driver.stats.missed == {"force_n": 0, "tether_angle_rad": 0}
    assert ended["registers"][1] >> 3 & 7 == 5  # VLDO: 3.0 V
    assert ended["pulledDown"]


def test_a_nau7802_that_was_unplugged_is_started_anew_and_says_nothing_unsettled(
    make_case: Any, on_rp2040: Any, read_board: Any
) -> None:
    plug = records(Kind.PLUG, 0, np.array([1.5015, 2.5]), np.array([0, 1]))
    case = nau7802(make_case, 4.2, plug)
    _, uart, _ = on_rp2040(case)
    driver, found = read_board(uart)
    heard_s = heard(case, uart, found["force_n"])
    assert not ((heard_s > 1.5) & (heard_s < 2.8)).any()
    again_s = heard_s[heard_s > 2.8]
    assert again_s[0] < 2.9
    assert np.diff(again_s).max() < 1.1 / 320.0
    counted = [wire.parse_status(raw).missed[0] for _, raw in FrameDecoder().feed(uart).statuses]
    assert counted[1] == 0
    silent_s = again_s[0] - 1.5
    assert counted[-1] == pytest.approx(320.0 * silent_s / 4.0, rel=0.05)  # four of its periods each
    assert driver.stats.missed["tether_angle_rad"] == 0  # the bus is free meanwhile
    assert np.diff(found["tether_angle_rad"].time_s).max() < 0.0075


@pytest.mark.parametrize(("failed", "lost"), [(1, 1), (4, 4), (5, 100)])
def test_a_transfer_that_fails_costs_a_nau7802_one_reading_and_five_in_a_row_start_it_anew(
    make_case: Any, on_rp2040: Any, read_board: Any, failed: int, lost: int
) -> None:
    deaf = records(Kind.DEAF, 0, np.array([1.0]), np.array([failed]))
    case = nau7802(make_case, 2.1, deaf)
    _, uart, _ = on_rp2040(case)
    driver, found = read_board(uart)
    gap = 320.0 * np.diff(heard(case, uart, found["force_n"])).max() - 1.0
    assert gap == pytest.approx(lost, abs=0.1 if lost < 5 else 5)
    assert driver.stats.missed["force_n"] == pytest.approx(lost // 4, abs=1)


def test_a_nau7802_whose_pin_stays_high_until_it_is_read_is_read_again_after_a_failure(
    make_case: Any, on_rp2040: Any, read_board: Any
) -> None:
    case = nau7802(make_case, 2.1, records(Kind.DEAF, 0, np.array([1.0]), np.array([1])))
    _, uart, _ = on_rp2040(case, "ready-stays")
    _, found = read_board(uart)
    assert np.diff(heard(case, uart, found["force_n"])).max() < 4.1 / 320.0
