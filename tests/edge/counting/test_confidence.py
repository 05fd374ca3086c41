"""How sure a rep is among the others of its set."""

from typing import Any

import msgspec
import numpy as np
import pytest

from edge.counting import confidence
from edge.counting.confidence import Evidence, Stroke, confidences, gather
from edge.counting.pipeline import StationPipeline
from station.exercises import load_profile
from station.exercises.judge import DOUBTFUL
from station.records import RepEvent
from station.sim import simulate_station, with_seed
from station.sim.plan import SetPlan, StationPlan
from tests.accuracy.score import blocks

LEAST_M = 0.24  # what counts in a set of 0.4 m


def strokes(count: int = 5, **of_first: float) -> list[Stroke]:
    """A set of reps alike, 4 s apart; the first of them as given."""
    same = [Stroke(4.0 * k, 4.0 * k + 3.0, 0.4, 0.8, 0.3) for k in range(count)]
    return [same[0]._replace(**of_first), *same[1:]]


def test_a_set_of_reps_alike_is_sure() -> None:
    assert min(confidences(strokes(), LEAST_M)) > 0.98


@pytest.mark.parametrize("dwell_s", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("lift_s", [0.6, 2.0, 5.0])
def test_a_heavy_single_is_sure(dwell_s: float, lift_s: float) -> None:
    (sure,) = confidences(strokes(1, lift_s=lift_s, dwell_s=dwell_s), LEAST_M)
    assert sure > 0.9


@pytest.mark.parametrize("dwell_s", [4.0, 6.0, 9.0])
def test_a_load_put_down_and_taken_up_again_is_doubtful(dwell_s: float) -> None:
    (sure,) = confidences(strokes(1, dwell_s=dwell_s), LEAST_M)
    assert sure < DOUBTFUL


def test_where_all_reps_rest_at_the_turn_one_that_does_is_like_them() -> None:
    paused = [stroke._replace(dwell_s=4.0) for stroke in strokes()]
    assert min(confidences(paused, LEAST_M)) > 0.98


@pytest.mark.parametrize("reps", [2, 3, 8])
def test_a_pull_four_times_as_fast_some_seconds_before_the_set_is_doubtful_and_the_set_is_not(
    reps: int,
) -> None:
    first, *others = confidences(strokes(reps + 1, start_s=-10.0, end_s=-9.0, lift_s=0.2), LEAST_M)
    assert first < DOUBTFUL
    assert min(others) > 0.9


def test_each_weight_speaks_against_and_nothing_is_weighed_twice() -> None:
    assert all(weight < 0.0 for weight in confidence.WEIGHTS)
    usual = gather(strokes(), LEAST_M)[2]
    assert usual == pytest.approx(Evidence(0, 0, 0, 0, 0, usual.border, 0))
    assert usual.border < 1e-6


@pytest.mark.parametrize(
    ("which", "of_first", "seen"),
    [
        ("dwell", {"dwell_s": 7.0}, np.log(7.0 / 2.0)),
        ("speed", {"lift_s": 0.4}, np.log(2.0)),
        ("size", {"size": 0.44}, np.log(1.1)),
        ("size", {"size": 0.9}, 0.2),
        ("apart", {"start_s": -6.0, "end_s": 4.0 - 2.2}, np.log(1.1)),
        ("ahead", {"start_s": -9.0, "end_s": -6.0}, 0.2),
        ("border", {"size": LEAST_M}, 1.0),
        ("border", {"size": LEAST_M * np.exp(0.08)}, np.exp(-0.5)),
        ("quick", {"lift_s": 0.25}, np.log(2.0)),
    ],
)
def test_what_is_odd_is_seen_as_the_logarithm_of_a_ratio(
    which: str, of_first: dict[str, float], seen: float
) -> None:
    assert getattr(gather(strokes(**of_first), LEAST_M)[0], which) == pytest.approx(seen)


def test_pauses_differ_by_half_in_anybodys_set() -> None:
    """Clusters: eight seconds between reps, and now and then a little more."""

    def after(pause_s: float) -> float:
        others = [
            stroke._replace(start_s=11.0 * k, end_s=11.0 * k + 3.0) for k, stroke in enumerate(strokes())
        ]
        first = others[0]._replace(start_s=8.0 - pause_s, end_s=11.0 - pause_s)
        return gather([first, *others[1:]], LEAST_M)[0].apart

    assert after(8.0) == after(11.9) == 0.0
    assert after(12.6) == pytest.approx(np.log(12.6 / 12.0))


# As fitted; whoever moves a number by a third moves some of these.
@pytest.mark.parametrize(
    ("sure", "of_first"),
    [
        (0.981, {"dwell_s": 2.0}),
        (0.722, {"dwell_s": 3.0}),
        (0.233, {"dwell_s": 4.0}),
        (0.079, {"lift_s": 0.25}),
        (0.949, {"size": 0.46}),
        (0.796, {"size": LEAST_M * 1.05}),
        (0.910, {"size": 0.23}),
        (0.049, {"start_s": -6.0, "end_s": -2.0, "size": 0.48}),
        (0.252, {"start_s": -5.0, "end_s": 1.6}),
    ],
)
def test_the_numbers_are_those_of_the_fit(sure: float, of_first: dict[str, float]) -> None:
    assert confidences(strokes(**of_first), LEAST_M)[0] == pytest.approx(sure, abs=0.01)


def test_a_long_set_costs_no_more_than_its_length() -> None:
    assert len(confidences(strokes(5000), LEAST_M)) == 5000


def session(plan: SetPlan, exercise: str, seed: int = 3, cuts_s: float = 1.0) -> dict[str, RepEvent]:
    """The newest revisions of what a station says of a simulated session."""
    simulated = simulate_station(StationPlan(exercise, sets=[plan], after_s=15.0), with_seed(seed))
    pipeline = StationPipeline(simulated.station, load_profile(exercise), live_s=0.0)
    events: list[Any] = []
    for block in blocks(simulated, cuts_s):
        events += pipeline.feed(block)
    return {e.event_id: e for e in [*events, *pipeline.finish()] if isinstance(e, RepEvent)}


@pytest.mark.parametrize("exercise", ["romanian-deadlift", "deadlift", "cable-row", "banded-hinge"])
def test_every_rep_of_a_usual_set_is_sure_on_every_kind_of_station(exercise: str) -> None:
    reps = session(SetPlan(reps=5), exercise).values()
    assert len(reps) == 5
    assert all(event.rep.confidence is not None and event.rep.confidence > 0.9 for event in reps)


def test_a_short_movement_that_does_not_count_is_sure_however_odd_it_is() -> None:
    short = strokes(size=0.15, dwell_s=7.0, lift_s=0.2, start_s=-9.0, end_s=-6.0)
    assert confidences(short, LEAST_M)[0] > 0.98


@pytest.mark.parametrize(("exercise", "seed"), [("romanian-deadlift", 4), ("deadlift", 3)])
def test_a_load_handled_before_the_set_is_doubtful_and_counted_until_a_person_says_more(
    exercise: str, seed: int
) -> None:
    handled, *reps = session(SetPlan(reps=4, handled=1), exercise, seed).values()
    assert handled.rep.counted
    assert handled.rep.confidence is not None and handled.rep.confidence < DOUBTFUL
    assert [event.rep.confidence > 0.9 for event in reps if event.rep.confidence] == [True] * 4


def test_how_sure_a_rep_is_does_not_depend_on_how_the_stream_is_cut() -> None:
    plan = SetPlan(reps=4, handled=1, quick_pull=True)
    whole = session(plan, "deadlift", cuts_s=100.0)
    pieces = session(plan, "deadlift", cuts_s=0.02)
    assert [msgspec.structs.astuple(e.rep) for e in whole.values()] == [
        msgspec.structs.astuple(e.rep) for e in pieces.values()
    ]
