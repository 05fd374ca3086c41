"""A unit at the frame's top, its tether on a stack's top plate: from the encoder's edges to counted reps."""

import dataclasses
from typing import Any

import msgspec
import numpy as np
import pytest

from edge.counting.pipeline import StationPipeline
from edge.doctor.findings import Finding
from edge.doctor.port_checks import check_channel
from edge.link.drivers import Driver, Samples, make_driver
from edge.tools.analysis import RepBook
from station.config import Port
from station.exercises import load_profile
from station.records import Rep
from tests.edge.firmware.stimulus import Encoder, edges, stimuli

COUNTS_PER_M = 10_000.0
TOP_M = 1.6  # from the unit to the top plate of the resting stack
CHANNELS = ("position_m", "pulley_x_n", "pulley_y_n")
WITHIN = {"rom_m": 0.003, "mean_concentric_velocity_mps": 0.01, "eccentric_s": 0.05, "concentric_s": 0.05}


def at_the_top(case: Any, *, counted_on: bool) -> Any:
    """The same set seen from the frame's top, by a board that was switched on with the stack down."""
    sensors = {name: Encoder(COUNTS_PER_M, TOP_M) if name == "position_m" else None for name in CHANNELS}
    records, zeros = stimuli(case.simulated, sensors)
    assert zeros["position_m"] == 0.0  # nothing to write into the board file
    reel, *cells = case.board.channels
    reel = msgspec.structs.replace(reel, zero_counts=None, reversed=counted_on)
    return dataclasses.replace(
        case, board=msgspec.structs.replace(case.board, channels=[reel, *cells]), records=records
    )


def read(case: Any, data: bytes) -> tuple[Driver, list[Samples]]:
    driver = make_driver(Port("/dev/null"), case.simulated.station)
    return driver, driver.feed(data, 0.0)


def count(case: Any, samples: list[Samples]) -> list[Rep]:
    pipeline = StationPipeline(case.simulated.station, load_profile(case.simulated.exercise), live_s=0.0)
    book = RepBook()
    book.take(pipeline.feed(samples))
    book.take(pipeline.finish())
    found = book.analysis("cable", case.simulated.exercise).sets
    return [rep for one in found for rep in one.reps if rep.counted]


def are_true(reps: list[Rep], case: Any) -> bool:
    """Whether they are those that were done, and measure what those do."""
    truth = [rep for one in case.simulated.truth["sets"] for rep in one["reps"]]
    return len(reps) == len(truth) and all(
        getattr(found, key) == pytest.approx(true[key], abs=within)
        for found, true in zip(reps, truth, strict=True)
        for key, within in WITHIN.items()
    )


def direction(case: Any, samples: list[Samples]) -> list[Finding]:
    parts = [part for part in samples if part.channel == "position_m"]
    found = check_channel("position_m", 1000.0, parts, 0, case.simulated.station)
    return [one for one in found if one.check == "position_m direction"]


def test_a_unit_above_the_stack_that_is_reversed_measures_its_travel(
    make_case: Any, on_host: Any, joined: Any
) -> None:
    case = at_the_top(make_case("cable-pull-through", *CHANNELS), counted_on=True)
    driver, samples = read(case, on_host(case))
    position = joined(samples)["position_m"]
    one = case.simulated
    travel_m = one.dense.s / one.station.geometry.travel_ratio
    true_m = np.interp(position.time_s - 0.1, one.motion.time_s, travel_m)
    assert np.abs(position.value - true_m).max() < 0.002  # the stack trembles with the lifter
    assert driver.stats.device_problem is None
    assert direction(case, samples) == []
    assert are_true(count(case, samples), case)


def test_a_unit_above_the_stack_that_is_not_reversed_is_told_so_and_counts_wrongly(
    make_case: Any, on_host: Any
) -> None:
    case = at_the_top(make_case("cable-pull-through", *CHANNELS), counted_on=False)
    driver, samples = read(case, on_host(case))
    (finding,) = direction(case, samples)
    assert finding.status == "fail"
    assert "change reversed in the board file" in finding.todo
    assert "swap A and B" in finding.todo
    assert "reversed" in (driver.stats.device_problem or "")
    assert not are_true(count(case, samples), case)


@pytest.mark.parametrize("tether_in", [False, True])
def test_a_board_that_was_switched_on_with_the_stack_up_or_its_tether_in_is_told_so(
    make_case: Any, on_host: Any, tether_in: bool
) -> None:
    case = at_the_top(make_case("cable-pull-through", *CHANNELS), counted_on=True)
    if tether_in:  # it is pulled out and hooked on meanwhile
        time_s = np.array([0.0, 2.0, 3.0])
        begun = edges(0, time_s, COUNTS_PER_M * TOP_M * time_s / 2.0)
    else:
        begun = case.records[case.records["t_us"] > 6_000_000]  # in mid-set
        begun["t_us"] -= 6_000_000
    driver, samples = read(case, on_host(dataclasses.replace(case, records=begun)))
    (finding,) = direction(case, samples)
    for said in (finding.todo, driver.stats.device_problem or ""):
        assert "let the stack down" in said
        assert "run in" not in said
