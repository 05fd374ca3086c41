"""How sure a rep is among the others of its set."""

from itertools import pairwise, product
from math import exp, log, pi, sqrt
from typing import Any

import msgspec
import numpy as np
import pytest

from edge.counting import confidence
from edge.counting.confidence import Stroke, confidences, own_odds
from edge.counting.judging import stroke_of
from edge.counting.pipeline import StationPipeline
from station.exercises import load_profile
from station.exercises.judge import DOUBTFUL
from station.records import RepEvent
from station.sim import simulate_station, with_seed
from station.sim.lifter.body import Technique
from station.sim.plan import SetPlan, StationPlan
from tests.accuracy.score import blocks

LEAST_M = 0.24  # what counts in a set of 0.4 m


def strokes(count: int = 5, **of_first: Any) -> list[Stroke]:
    """A set of reps alike, 4 s apart; the first of them as given."""
    same = [Stroke(4.0 * k, 4.0 * k + 3.0, 0.4, 0.8, 0.3) for k in range(count)]
    return [same[0]._replace(**of_first), *same[1:]]


def by_every_labelling(strokes: list[Stroke]) -> list[float]:
    """The slow reference of `own_odds`: all ways to call each rep the set's own or not, one by one."""
    model = confidence

    def normal(off: float, sigma: float) -> float:
        return exp(-0.5 * (off / sigma) ** 2) / (sigma * sqrt(2.0 * pi))

    def at(value: float, of: confidence.Spread) -> float:
        return normal(log(max(value, 0.05) / of.median), of.sigma)

    def alone(one: Stroke, own: bool, size: float) -> float:
        if own:
            beyond = log(one.size) - size
            fits = normal(beyond, model.RANGE_SIGMA)
            fits = (1 - model.PARTIAL) * fits + model.PARTIAL * model.PER_E_FOLD * (beyond < 0)
            rests = 1.0 if one.dwell_s is None else at(one.dwell_s, model.DWELL_S)
            return (1 - model.PUT_DOWN - model.PULLED) * fits * at(one.lift_s, model.LIFT_S) * rests
        rested = 1.0 if one.dwell_s is None else at(one.dwell_s, model.RESTED_S)
        turned = 1.0 if one.dwell_s is None else at(one.dwell_s, model.TURNED_S)
        put_down = model.PUT_DOWN * at(one.lift_s, model.PUT_DOWN_S) * rested
        return model.PER_E_FOLD * (put_down + model.PULLED * at(one.lift_s, model.PULLED_S) * turned)

    total = np.zeros((len(strokes), 2))
    sizes = {model.RANGE_SIGMA * round(log(one.size) / model.RANGE_SIGMA) for one in strokes}
    for size, (share, habit) in product(sizes, model.PAUSES_S):
        for labels in product([True, False], repeat=len(strokes)):
            p = share
            for one, own in zip(strokes, labels, strict=True):
                p *= alone(one, own, size)
            for (before, after), (own, goes_on) in zip(pairwise(strokes), pairwise(labels), strict=True):
                pause_s = after.start_s - before.end_s
                among = (1 - model.BREATHS) * at(pause_s, habit) + model.BREATHS * at(pause_s, model.BREATH_S)
                p *= among if own and goes_on else at(pause_s, model.APART_S)
                p *= model.WITHIN if own and not goes_on else 1.0
            for k, own in enumerate(labels):
                total[k, int(own)] += p
    return [float(np.clip(np.log(own / other), -4.0, 4.0)) for other, own in total]


@pytest.mark.parametrize("seed", range(20))
def test_the_odds_are_those_of_all_labellings_together(seed: int) -> None:
    rng = np.random.default_rng(seed)
    drawn, at_s = [], 0.0
    for _ in range(int(rng.integers(1, 7))):
        dwell_s = None if rng.uniform() < 0.2 else float(rng.uniform(0.0, 7.0))
        drawn.append(
            Stroke(at_s, at_s + 3.0, float(rng.uniform(0.3, 0.6)), float(rng.uniform(0.2, 2.0)), dwell_s)
        )
        at_s += 3.0 + float(rng.uniform(-0.1, 12.0))
    assert own_odds(drawn) == pytest.approx(by_every_labelling(drawn), abs=1e-9)


@pytest.mark.parametrize(
    "odd",
    [{"size": 1e-6}, {"size": 1e6}, {"lift_s": 0.0}, {"lift_s": 1e5}, {"dwell_s": 1e6}, {"end_s": 1e7}],
)
def test_however_improbable_a_rep_is_its_odds_are_a_number(odd: dict[str, Any]) -> None:
    assert all(0.0 < sure < 1.0 for sure in confidences(strokes(**odd), LEAST_M))


def test_no_reps_no_odds() -> None:
    assert confidences([], LEAST_M) == []


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


@pytest.mark.parametrize("pause_s", [8.0, 10.0, 11.9])
def test_a_set_of_clusters_rests_between_them(pause_s: float) -> None:
    starts_s = np.cumsum([0.0, 4.0, 3.0 + pause_s, 4.0, 3.0 + pause_s, 4.0])
    clusters = [Stroke(at_s, at_s + 3.0, 0.4, 0.8, 0.3) for at_s in starts_s.tolist()]
    assert min(confidences(clusters, LEAST_M)) > DOUBTFUL


@pytest.mark.parametrize("lift_s", [0.9, 1.4, 2.5])
@pytest.mark.parametrize("pauses_s", [(0.5, 0.5, 0.5, 5.0, 7.0), (1.0, 1.0, 3.0, 6.0, 8.0)])
def test_a_lifter_who_breathes_before_the_last_reps_is_as_sure(
    pauses_s: tuple[float, ...], lift_s: float
) -> None:
    starts_s = np.cumsum([0.0, *(3.0 + pause_s for pause_s in pauses_s)])
    breathing = [Stroke(at_s, at_s + 3.0, 0.4, lift_s, 0.15) for at_s in starts_s.tolist()]
    assert min(confidences(breathing, LEAST_M)) > DOUBTFUL


# As fitted; each number of the model that is moved by a third moves some of these.
@pytest.mark.parametrize(
    ("sure", "reps", "place", "odd"),
    [
        (0.742, 1, 0, {"dwell_s": 4.0}),
        (0.129, 1, 0, {"lift_s": 0.3, "dwell_s": 0.0}),
        (0.776, 1, 0, {"lift_s": 0.25, "dwell_s": None}),
        (0.931, 1, 0, {"size": 0.245}),
        (0.872, 1, 0, {"size": 0.225}),
        (0.265, 1, 0, {"size": 0.26, "dwell_s": 4.0}),
        (0.988, 5, 0, {"start_s": -6.0, "end_s": -2.0, "dwell_s": 2.0}),
        (0.307, 5, 0, {"end_s": 2.0, "dwell_s": 5.5}),
        (0.851, 2, 0, {"start_s": -10.0, "end_s": -7.0, "dwell_s": 2.5}),
        (0.114, 2, 0, {"start_s": -10.0, "end_s": -7.0, "dwell_s": 2.5, "size": 0.5}),
        (0.967, 5, 4, {"start_s": 20.0, "end_s": 24.0, "dwell_s": 3.5}),
    ],
)
def test_the_numbers_are_those_of_the_fit(sure: float, reps: int, place: int, odd: dict[str, Any]) -> None:
    a_set = strokes(reps)
    a_set[place] = a_set[place]._replace(**odd)
    assert confidences(a_set, LEAST_M)[place] == pytest.approx(sure, abs=0.005)


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


def test_a_lift_that_was_dropped_says_nothing_of_a_rest_at_its_turn() -> None:
    (event,) = session(SetPlan(reps=1, technique=Technique(drop_last=True)), "deadlift").values()
    assert event.rep.eccentric_s is None
    assert stroke_of(event.rep, 0.5, load_profile("deadlift")).dwell_s is None
    (lowered,) = session(SetPlan(reps=1), "deadlift").values()
    assert stroke_of(lowered.rep, 0.5, load_profile("deadlift")).dwell_s == lowered.rep.top_pause_s


def test_how_sure_a_rep_is_does_not_depend_on_how_the_stream_is_cut() -> None:
    plan = SetPlan(reps=4, handled=1, quick_pull=True)
    whole = session(plan, "deadlift", cuts_s=100.0)
    pieces = session(plan, "deadlift", cuts_s=0.02)
    assert [msgspec.structs.astuple(e.rep) for e in whole.values()] == [
        msgspec.structs.astuple(e.rep) for e in pieces.values()
    ]
