"""A figure beyond its limit is said, and so is a row of the README that a run does not bear out."""

from pathlib import Path

import numpy as np
import pytest

from tests.accuracy.limits import (
    GROUPS,
    ROWS,
    beside_limits,
    beyond_by_scenario,
    differing,
    numbers,
    printed,
)
from tests.accuracy.score import LENGTHS, SIGMAS, TIMES, Score

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def good(reps: int = 1000) -> Score:
    """A run in which every rep is found, and every number errs by a little."""
    error = np.linspace(-1.0, 1.0, reps)
    return Score(
        sets=reps // 5,
        exact_sets=reps // 5,
        reps=reps,
        found=reps,
        announced=reps,
        hours=3.0,
        errors={
            **{key: list(0.003 * error) for key in LENGTHS},
            **{key: list(0.03 * error) for key in TIMES},
            "rom_m": list(0.0002 * error),
        },
        in_sigma={key: list(2.05 * error) for key in SIGMAS},
        path={layout: [(4e-4 * e, 2e-4) for e in error] for layout in ("two tethers", "tilt", "pulley cell")},
        onsets=[(0.3 + 0.1 * e, 0.001) for e in error],
        lags_s=[0.05] * reps,
    )


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda score: setattr(score, "found", 998), "F1, adversarial: 0.9990, limit 0.9995"),
        (lambda score: setattr(score, "exact_sets", 199), "exact sets, %, adversarial: 99.5000, limit 99.8"),
        (lambda score: setattr(score, "ghosts", 1), "too many, an hour, adversarial"),
        (lambda score: setattr(score, "taken_back", 11), "falsely announced, %, adversarial"),
        (
            lambda score: setattr(score, "lags_s", [0.061]),
            "pending, 95 %, ms, adversarial: 61.0000, limit 60",
        ),
        (lambda score: score.errors.update(rom_m=[0.005]), "ROM RMSE, mm, adversarial: 5.0000, limit 4"),
        (
            lambda score: score.errors.update(mean_concentric_velocity_mps=[-0.0021] * 9),
            "MCV bias, m/s, adversarial: -0.0021, limit 0.002",
        ),
        (lambda score: score.in_sigma["rom_m"].extend([6.0] * 10), "beyond 5 sigma, %, adversarial: 0.1427"),
        (lambda score: score.errors.pop("peak_concentric_velocity_mps"), "PCV RMSE, m/s, adversarial: nan"),
    ],
)
def test_a_figure_beyond_its_limit_is_said(spoil, says):
    spoilt = good()
    spoil(spoilt)
    lines, beyond = beside_limits({"clean": good(), "adversarial": spoilt})
    assert [one for one in beyond if says in one], beyond
    assert len(lines) > len(beyond)
    assert beside_limits({"clean": good(), "adversarial": good()})[1] == []


def test_a_scenario_whose_sigmas_are_too_small_is_named():
    spoilt = good()
    spoilt.in_sigma["rom_m"] = [*np.linspace(0.0, 2.3, 1000)]
    few, by_chance = Score(in_sigma={"rom_m": [3.0]}), Score(in_sigma={"rom_m": [0.0] * 97 + [3.0] * 11})
    assert beyond_by_scenario(
        {"bounce": good(), "slow-cell": spoilt, "few": few, "89.8 % of 108": by_chance}
    ) == ["slow-cell: rom_m within 2 sigma in 86.9 %, limit 90"]


def test_a_cell_is_read_as_shares_and_rates():
    assert numbers("97 to 99 %; 11 of 5500") == [97.0, 99.0, 0.2]
    assert numbers("0 of 8680, 3 in 20 h") == [0.0, 0.15]
    assert numbers("-0.001, 0.003 m/s") == [-0.001, 0.003]


def test_what_the_readme_says_is_within_the_limits():
    table = printed(README)
    assert set(table) == set(ROWS)
    for label, figures in ROWS.items():
        for k, said in enumerate(table[label]):
            assert len(said) == len(figures), (label, GROUPS[k])
            for figure, number in zip(figures, said, strict=True):
                limit = figure.limits[k]
                assert number >= limit if figure.least else abs(number) <= limit, (figure.what, GROUPS[k])


def test_a_row_that_a_run_does_not_bear_out_is_named():
    scores = {"clean": good(), "adversarial": good()}
    before = set(differing(README, scores))
    scores["clean"].lags_s = [0.08] * 100
    (now,) = set(differing(README, scores)) - before
    assert now == (
        "README.md: pending after lockout, 95 %; falsely announced, clean: says 51, this run 80"
        " (pending, 95 %, ms), may differ by 3"
    )
    (missing,) = differing(README.replace("| range of motion: RMSE |", "| range: RMSE |"), scores)
    assert "rows of the table differ: range of motion: RMSE, range: RMSE" in missing
