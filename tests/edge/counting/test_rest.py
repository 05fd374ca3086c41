"""The load cell's zero follows its drift at proven rest, by little at a time, and never otherwise."""

from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.counting.pipeline import StationPipeline
from edge.counting.rest import STEP_N, TOTAL_N, RestZero
from edge.link.drivers import Samples
from edge.node.session import Session
from station.exercises import load_profile
from station.records import RepEvent
from station.sim.session import simulate_set
from tests.edge.node.bench import ListeningSender

Floats = NDArray[np.float64]
PIECE_S = 0.1


def play(
    rest: RestZero,
    lasts_s: float,
    force: Callable[[Floats], Floats],
    position: Callable[[Floats], Floats] | None = lambda time_s: np.round(np.full_like(time_s, 0.2), 4),
    running: Callable[[float], bool] = lambda at_s: False,
) -> list[tuple[float, float]]:
    """Each re-zero: when, and by how much. 80 forces and 200 lengths a second; the zero begins at 0."""
    rng, zero_n, moves = np.random.default_rng(4), 0.0, []
    for start_s in np.arange(0.0, lasts_s, PIECE_S):
        time_s = np.arange(start_s, start_s + PIECE_S - 1e-9, 1 / 80)
        samples = [Samples("force_n", time_s, force(time_s) + rng.normal(0.0, 1.0, len(time_s)))]
        if position is not None:
            place_s = np.arange(start_s, start_s + PIECE_S - 1e-9, 1 / 200)
            samples.append(Samples("position_m", place_s, position(place_s)))
        change_n = rest.feed(samples, zero_n, running(start_s))
        if change_n:
            zero_n += change_n
            moves.append((float(start_s), change_n))
    return moves


def still(level_n: float) -> Callable[[Floats], Floats]:
    return lambda time_s: np.full_like(time_s, level_n)


def test_drift_is_taken_out_at_rest_by_little_at_a_time() -> None:
    rest = RestZero(needs_motion=True)
    moves = play(rest, 600.0, lambda time_s: time_s / 60.0)  # a newton a minute, 10 N in all
    assert 7.5 < rest.moved_n < 10.0
    assert rest.count == len(moves) > 5
    assert max(abs(change_n) for _, change_n in moves) <= STEP_N
    assert min(np.diff([0.0, *(at_s for at_s, _ in moves)])) >= 19.0


def test_a_well_cell_is_left_alone() -> None:
    assert play(RestZero(needs_motion=True), 300.0, still(0.0)) == []


@pytest.mark.parametrize(
    "what",
    [
        "a set runs",
        "something hangs",
        "it moves",
        "the tether is silent",
        "it creeps",
        "a person leans on it",
    ],
)
def test_without_proof_of_rest_the_zero_stays(what: str) -> None:
    given: dict[str, dict[str, object]] = {
        "a set runs": {"force": still(2.0), "running": lambda at_s: at_s % 15.0 < 0.5},
        "something hangs": {"force": still(12.3)},  # the lightest plate
        "it moves": {"force": still(2.0), "position": lambda time_s: 0.2 + 0.02 * np.sin(time_s)},
        "the tether is silent": {"force": still(2.0), "position": None},
        "it creeps": {"force": lambda time_s: 4.0 * np.exp(-(time_s % 15.0) / 8.0)},
        "a person leans on it": {"force": lambda time_s: 3.0 + 3.0 * np.sin(0.7 * time_s)},
    }
    assert play(RestZero(needs_motion=True), 200.0, **given[what]) == []  # type: ignore[arg-type]


def test_a_missing_value_breaks_the_rest() -> None:
    def force(time_s: Floats) -> Floats:
        value = np.full_like(time_s, 2.0)
        value[(time_s % 15.0) < 0.02] = np.nan
        return value

    assert play(RestZero(needs_motion=True), 120.0, force) == []


def test_a_tether_that_was_seen_once_must_go_on_being_seen() -> None:
    rest = RestZero(needs_motion=False)
    time_s = np.array([0.0, 0.5])
    rest.feed([Samples("position_m", time_s, np.zeros(2))], 0.0, False)
    assert play(rest, 120.0, still(2.0), position=None) == []


def test_a_load_cell_alone_must_rest_for_a_minute() -> None:
    moves = play(RestZero(needs_motion=False), 130.0, still(2.0), position=None)
    assert [round(at_s / 60.0) for at_s, _ in moves] == [1]


def test_the_zero_wanders_no_further_than_a_bound_until_somebody_tares() -> None:
    rest = RestZero(needs_motion=True)
    play(rest, 3000.0, lambda time_s: time_s / 60.0)
    assert rest.exhausted
    assert rest.moved_n == pytest.approx(TOTAL_N)
    rest.tared()
    assert not rest.exhausted


def test_nothing_is_zeroed_during_a_set_and_its_reps_are_the_same() -> None:
    simulated = simulate_set(load_profile("rdl"), reps=5, rng=np.random.default_rng(5))
    end_s = max(float(part.time_s[-1]) for part in simulated.recording.values())
    pipeline = StationPipeline(simulated.station, load_profile("rdl"))
    rest, reps = RestZero(needs_motion=True), {}
    for start_s in np.arange(0.0, end_s, PIECE_S):
        samples = [
            Samples(name, part.time_s[there], part.value[there])
            for name, part in simulated.recording.items()
            if (there := (part.time_s >= start_s) & (part.time_s < start_s + PIECE_S)).any()
        ]
        for event in pipeline.feed(samples):
            if isinstance(event, RepEvent):
                reps[event.event_id] = event
        assert not (pipeline.sets.running and rest.feed(samples, pipeline.cell.zero_n, pipeline.sets.running))
    assert len(reps) == 5
    assert rest.count == 0


@pytest.mark.parametrize("switched_on", [True, False])
def test_a_station_reads_zero_again_after_a_rest_unless_its_file_says_no(switched_on: bool) -> None:
    simulated = simulate_set(load_profile("rdl"), reps=1, rng=np.random.default_rng(5))
    station = msgspec.structs.replace(simulated.station, rezero_at_rest=switched_on)
    session = Session(station, load_profile("rdl"))
    publisher = ListeningSender()
    session.attach(None, publisher)  # type: ignore[arg-type]
    rng, said = np.random.default_rng(4), publisher.lives
    for start_s in np.arange(0.0, 45.0, PIECE_S):
        time_s = np.arange(start_s, start_s + PIECE_S - 1e-9, 1 / 80)
        force = Samples("force_n", time_s, rng.normal(1.8, 0.5, len(time_s)))
        session.step([force, Samples("position_m", time_s, np.full_like(time_s, 0.2))], start_s + PIECE_S)
    newest_n = np.median([message.live.force_n for message in said[-20:]])
    assert newest_n == pytest.approx(0.0 if switched_on else 1.8, abs=0.3)
    assert session.rest.count == (1 if switched_on else 0)
