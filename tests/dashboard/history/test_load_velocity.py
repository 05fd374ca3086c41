"""The load-velocity profile: right where the data allow an estimate, and silent where they do not."""

import math
from collections.abc import Callable
from datetime import UTC

import numpy as np
import pytest

from dashboard.history.kept import KeptRep, KeptSet
from dashboard.history.load_velocity import VELOCITY_AT_1RM_MPS, load_velocity
from station.messages import RepMessage

MakeSet = Callable[..., KeptSet]


@pytest.fixture
def lifted(make_rep: Callable[..., RepMessage]) -> MakeSet:
    """A set of two reps, the second the fastest."""

    def make(
        load_kg: float | None, velocity_mps: float | None, day: int = 1, exercise: str = "deadlift"
    ) -> KeptSet:
        slower = None if velocity_mps is None else 0.9 * velocity_mps
        return KeptSet(
            reps=tuple(
                KeptRep(
                    site="gym",
                    station="rack-1",
                    event_id=f"{load_kg}-{day}-{n}",
                    revision=1,
                    state="confirmed",
                    at_utc=f"2030-01-{day:02d}T10:00:00.000Z",
                    session="s",
                    exercise=exercise,
                    athlete="a-17",
                    load_kg=load_kg,
                    set_number=1,
                    rep=make_rep(n, mean_concentric_velocity_mps=velocity).rep,
                )
                for n, velocity in ((1, slower), (2, velocity_mps))
            )
        )

    return make


def test_points_on_a_line_give_the_load_where_it_meets_the_velocity_of_a_maximum(lifted: MakeSet) -> None:
    fit = load_velocity([lifted(kg, 1.14 - 0.005 * kg) for kg in (60.0, 100.0, 140.0)], UTC)
    assert fit.one_rep_maximum is not None
    assert fit.one_rep_maximum.load_kg == pytest.approx(200.0)
    half = 1.96 * VELOCITY_AT_1RM_MPS["deadlift"][1] / 0.005  # nothing but the spread between people
    assert fit.one_rep_maximum.high_kg == pytest.approx(200.0 + half)
    assert "estimate" in fit.one_rep_maximum.text
    assert "1.00, 3 loads" in fit.one_rep_maximum.text and fit.reason is None


def test_the_interval_holds_the_truth_as_often_as_it_says(lifted: MakeSet) -> None:
    random = np.random.default_rng(1)
    held, given = 0, 0
    for _ in range(300):
        at_1rm = random.normal(*VELOCITY_AT_1RM_MPS["deadlift"])
        truth_kg = 180.0
        slope = -0.0055
        done = [
            lifted(kg, at_1rm + slope * (kg - truth_kg) + random.normal(0.0, 0.02), day)
            for kg in (70.0, 100.0, 130.0)
            for day in (1, 2)
        ]
        found = load_velocity(done, UTC).one_rep_maximum
        if found is not None:
            given += 1
            held += found.low_kg <= truth_kg <= found.high_kg
    assert given > 250
    assert 0.93 <= held / given <= 1.0


def test_there_is_no_estimate_without_its_conditions(lifted: MakeSet) -> None:
    for done, words in (
        ([], "needs 3 different loads, there are 0"),
        (
            [lifted(60.0, 0.9), lifted(100.0, 0.6), lifted(100.0, 0.6, 2)],
            "needs 3 different loads, there are 2",
        ),
        ([lifted(kg, 0.5 + kg / 1000) for kg in (60.0, 80.0, 100.0)], "does not fall with load"),
        ([lifted(60.0, 0.9), lifted(80.0, 0.4), lifted(100.0, 0.7)], "R² is 0.16, 0.8 is needed"),
        (
            [lifted(kg, 0.5 - kg / 1000, 1, "cable-row") for kg in (60.0, 80.0, 100.0)],
            "maximal cable-row is not known",
        ),
        ([lifted(kg, 0.5 - kg / 250) for kg in (60.0, 80.0, 100.0)], "which has been lifted"),
    ):
        fit = load_velocity(done, UTC)
        assert fit.one_rep_maximum is None
        assert words in str(fit.reason)


def test_sets_without_a_load_or_a_velocity_add_nothing(lifted: MakeSet) -> None:
    fit = load_velocity([lifted(None, 0.5), lifted(60.0, None), lifted(0.0, 0.9), lifted(60.0, 0.8)], UTC)
    assert [(p.load_kg, p.mean_concentric_velocity_mps) for p in fit.points] == [(60.0, 0.8)]


def test_the_fastest_rep_of_a_day_stands_for_its_load(lifted: MakeSet) -> None:
    fit = load_velocity([lifted(60.0, 0.7), lifted(60.0, 0.8), lifted(60.0, 0.75, 2)], UTC)
    assert [(p.day, p.mean_concentric_velocity_mps) for p in fit.points] == [
        ("2030-01-01", 0.8),
        ("2030-01-02", 0.75),
    ]


def test_what_has_been_lifted_is_never_outside_the_interval(lifted: MakeSet) -> None:
    fit = load_velocity([lifted(kg, 0.16 + 0.004 * (150.0 - kg)) for kg in (90.0, 120.0, 150.0)], UTC)
    assert fit.one_rep_maximum is not None
    assert fit.one_rep_maximum.low_kg == 150.0
    assert math.isfinite(fit.one_rep_maximum.high_kg)
