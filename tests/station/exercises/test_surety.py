"""What is rough, what is rounded, and when a velocity loss is surely reached."""

from typing import Any

import numpy as np
import pytest

from station.exercises.surety import fastest_of, is_rough, is_rough_duration, loss_reached, sure_decimals
from station.records import Rep
from station.sets import numbered


def make_rep(velocity: float | None, sigma: float | None = None, **fields: Any) -> Rep:
    nothing: dict[str, Any] = dict.fromkeys(Rep.__struct_fields__)
    given = {
        "number": 1, "counted": True, "start_s": 0.0, "end_s": 1.0,
        "mean_concentric_velocity_mps": velocity, "mean_concentric_velocity_sigma_mps": sigma,
    }  # fmt: skip
    return Rep(**(nothing | given | fields))


@pytest.mark.parametrize(
    ("value", "sigma", "rough"),
    [(0.5, 0.09, False), (0.5, 0.11, True), (0.5, None, False), (None, 0.1, False)],
)
def test_a_number_is_rough_beyond_a_fifth_of_itself(value, sigma, rough):
    assert is_rough(value, sigma) is rough


def test_a_duration_is_rough_beyond_a_quarter_second():
    assert [is_rough_duration(s) for s in (None, 0.2, 0.3)] == [False, False, True]


@pytest.mark.parametrize(("sigma", "decimals"), [(None, 2), (0.004, 2), (0.01, 2), (0.03, 1), (0.3, 0)])
def test_a_number_has_the_decimals_that_are_sure(sigma, decimals):
    assert sure_decimals(sigma, 2) == decimals


def test_a_loss_is_reached_when_it_is_likely_and_not_at_the_first_noisy_rep():
    reps = numbered([make_rep(0.50, 0.02), make_rep(0.395, 0.02), make_rep(0.36, 0.02)])
    fastest = fastest_of(reps)
    assert [round(rep.velocity_loss_pct or 0.0) for rep in reps] == [0, 21, 28]
    assert [loss_reached(rep, fastest, 20.0) for rep in reps] == [False, False, True]
    exact = numbered([make_rep(0.50), make_rep(0.395)])
    assert loss_reached(exact[1], fastest_of(exact), 20.0)


def test_what_is_said_to_be_reached_is_so_in_four_of_five_and_more():
    rng = np.random.default_rng(4)
    sigma, said, right = 0.03, 0, 0
    for true in rng.uniform(0.3, 0.5, 4000):
        first, last = 0.5 + rng.normal(0.0, sigma), true + rng.normal(0.0, sigma)
        reps = numbered([make_rep(float(first), sigma), make_rep(float(last), sigma)])
        if loss_reached(reps[1], fastest_of(reps), 20.0):
            said += 1
            right += true <= 0.4
    assert said > 1000
    assert right / said > 0.8


def test_reps_without_a_velocity_reach_nothing():
    assert fastest_of([make_rep(None)]) is None
    assert not loss_reached(make_rep(None), None, 20.0)
