"""What is promised of the figures, and what the README says they are: one table for both.

A figure is in the unit that the README prints it in. A run of few lifters may differ from the README's by
`near`; beyond its limit no figure may be, however many lifters there are.
"""

import re
from collections.abc import Callable, Mapping
from math import sqrt
from typing import NamedTuple

import numpy as np

from tests.accuracy.score import SIGMAS, TIMES, Score

GROUPS = ("clean", "adversarial")  # the columns of the README's table
TENTHS = 10  # reps are sorted by speed into so many parts
ENOUGH = 100  # reps of a scenario, for the share of them within 2 sigma to be one
LEAST_WITHIN_PCT = 90.0


class Figure(NamedTuple):
    """One number of a row, and for each group its limit (at most; at least, where `least`) and how `near`."""

    what: str
    of: Callable[[Score], float]
    limits: tuple[float, float]
    near: tuple[float, float]
    least: bool = False

    def well(self, score: Score, group: str) -> bool:
        """Whether it keeps its limit; what nothing in the run says (NaN) does not."""
        got, limit = self.of(score), self.limits[GROUPS.index(group)]
        return bool(got >= limit if self.least else abs(got) <= limit)


def rms(e: np.ndarray) -> float:
    return float(np.sqrt(np.mean(e**2))) if e.size else np.nan


def _rmse(key: str, scale: float = 1.0) -> Callable[[Score], float]:
    return lambda score: scale * rms(np.array(score.errors.get(key, [])))


def _bias(key: str) -> Callable[[Score], float]:
    return lambda score: float(np.mean(score.errors.get(key, [np.nan])))


def _of_phases(choose: Callable, each: Callable[[np.ndarray], float]) -> Callable[[Score], float]:
    """The least or the largest of the four phases' figures, in milliseconds."""
    return lambda score: 1e3 * choose(each(np.array(score.errors.get(key, [np.nan]))) for key in TIMES)


def _late(e: np.ndarray) -> float:
    return float(np.percentile(abs(e), 95)) if e.size else np.nan


def _within(choose: Callable) -> Callable[[Score], float]:
    """The least or the largest share of a number's errors within 2 of their sigma, in percent."""
    return lambda score: choose(
        100.0 * np.mean(np.abs(score.in_sigma.get(key, [np.nan])) < 2.0) for key in SIGMAS
    )


def _beyond(score: Score) -> float:
    """Numbers beyond 5 of their sigma, in percent."""
    every = np.abs([one for values in score.in_sigma.values() for one in values])
    return 100.0 * float(np.mean(~(every <= 5.0))) if every.size else np.nan


def _path(layout: str) -> Callable[[Score], float]:
    return lambda score: 1e3 * rms(np.array([off for off, _ in score.path.get(layout, [])]))


def _path_within(choose: Callable) -> Callable[[Score], float]:
    return lambda score: choose(
        (100.0 * np.mean([abs(off) < 2.0 * sigma for off, sigma in pairs]) for pairs in score.path.values()),
        default=np.nan,
    )


def _onset(score: Score) -> float:
    """By how many milliseconds the starts of the slowest tenth and the fastest tenth differ."""
    by_speed = np.array(sorted(score.onsets)).reshape(-1, 2)[:, 1] * 1e3
    tenth = len(by_speed) // TENTHS
    return float(abs(by_speed[:tenth].mean() - by_speed[-tenth:].mean())) if tenth else np.nan


def _pending(score: Score) -> float:
    return 1e3 * float(np.percentile(score.lags_s or [np.nan], 95))


def _per_cent(part: str, whole: str) -> Callable[[Score], float]:
    return lambda score: 100.0 * getattr(score, part) / max(getattr(score, whole), 1)


_found = _per_cent("found", "reps")
F1 = Figure("F1", lambda score: score.f1, (1.0, 0.9995), (0.0, 0.0005), least=True)
# Rows of the README's table, with the figures in the order of a cell's numbers.
ROWS: Mapping[str, tuple[Figure, ...]] = {
    "sets counted exactly": (
        Figure("exact sets, %", _per_cent("exact_sets", "sets"), (99.8, 99.8), (0.2, 0.2), least=True),
    ),
    "reps missed, reps too many": (
        Figure("missed, %", lambda s: 100.0 - _found(s), (0.0, 0.05), (0.0, 0.05)),
        Figure("too many, an hour", lambda s: s.ghosts / max(s.hours, 1e-9), (0.0, 0.1), (0.0, 0.05)),
    ),
    "mean concentric velocity: bias, RMSE": (
        Figure("MCV bias, m/s", _bias("mean_concentric_velocity_mps"), (0.002, 0.002), (0.001, 0.0015)),
        Figure("MCV RMSE, m/s", _rmse("mean_concentric_velocity_mps"), (0.004, 0.008), (0.001, 0.002)),
    ),
    "peak concentric velocity: RMSE": (
        Figure("PCV RMSE, m/s", _rmse("peak_concentric_velocity_mps"), (0.006, 0.012), (0.001, 0.004)),
    ),
    "range of motion: RMSE": (Figure("ROM RMSE, mm", _rmse("rom_m", 1e3), (0.5, 4.0), (0.1, 2.5)),),
    "the four phases: bias at most; 95 % within": (
        Figure("phases, bias at most, ms", _of_phases(max, lambda e: abs(e.mean())), (5.0, 8.0), (2.0, 2.0)),
        Figure("phases, 95 % from, ms", _of_phases(min, _late), (50.0, 80.0), (6.0, 8.0)),
        Figure("phases, 95 % to, ms", _of_phases(max, _late), (50.0, 80.0), (6.0, 8.0)),
    ),
    "numbers within 2 of their sigma; beyond 5": (
        Figure("within 2 sigma, % from", _within(min), (95.0, 95.0), (1.5, 1.5), least=True),
        Figure("within 2 sigma, % to", _within(max), (95.0, 95.0), (1.5, 1.5), least=True),
        Figure("beyond 5 sigma, %", _beyond, (0.1, 0.1), (0.05, 0.05)),
    ),
    "path RMSE: two tethers, tilt, pulley cell": (
        Figure("path by two tethers, mm", _path("two tethers"), (1.0, 2.0), (0.2, 0.8)),
        Figure("path by tilt, mm", _path("tilt"), (1.5, 1.5), (0.2, 0.2)),
        Figure("path by pulley cell, mm", _path("pulley cell"), (6.0, 6.0), (1.0, 1.0)),
    ),
    "true path within 2 sigma": (
        Figure("path within 2 sigma, % from", _path_within(min), (90.0, 90.0), (4.0, 6.0), least=True),
        Figure("path within 2 sigma, % to", _path_within(max), (90.0, 90.0), (4.0, 6.0), least=True),
    ),
    "pending after lockout, 95 %; falsely announced": (
        Figure("pending, 95 %, ms", _pending, (60.0, 60.0), (3.0, 3.0)),
        Figure("falsely announced, %", _per_cent("taken_back", "announced"), (1.0, 1.0), (0.1, 0.2)),
    ),
    "onset bias, slowest against fastest tenth of reps": (
        Figure("onset bias differs, ms", _onset, (5.0, 5.0), (3.0, 3.0)),
    ),
}  # fmt: skip
FIGURES = (F1, *(figure for row in ROWS.values() for figure in row))


def beside_limits(scores: Mapping[str, Score]) -> tuple[list[str], list[str]]:
    """Every figure beside its limit, a line each; and what is beyond, in sentences."""
    lines = [f"{'':<28}{'clean':>12}{'limit':>10}{'adversarial':>15}{'limit':>10}"]
    beyond = []
    for figure in FIGURES:
        line = f"{figure.what:<28}"
        for group, width, limit in zip(GROUPS, (12, 15), figure.limits, strict=True):
            got = figure.of(scores[group])
            line += f"{got:>{width}.4f}{'>=' if figure.least else '<=':>4}{limit:>6g}"
            if not figure.well(scores[group], group):
                beyond.append(f"{figure.what}, {group}: {got:.4f}, limit {limit:g}")
        lines.append(line)
    return lines, beyond


def beyond_by_scenario(by_name: Mapping[str, Score]) -> list[str]:
    """Numbers too seldom within 2 of their sigma in a scenario, by more than its reps leave open."""
    beyond = []
    for name, score in by_name.items():
        for key, off in score.in_sigma.items():
            within = np.abs(off) < 2.0
            share = np.mean(within) if len(within) >= ENOUGH else 1.0
            sigma = sqrt(share * (1.0 - share) / max(1, len(within)))
            if 100.0 * (share + 2.0 * sigma) < LEAST_WITHIN_PCT:
                beyond.append(
                    f"{name}: {key} within 2 sigma in {100.0 * share:.1f} %, limit {LEAST_WITHIN_PCT:g}"
                )
    return beyond


def numbers(cell: str) -> list[float]:
    """The numbers of a cell of the README: `3 of 400` is a share in percent, `1 in 20 h` so many an hour."""
    shares = re.sub(r"(\d+) of (\d+)", lambda found: f"{100.0 * int(found[1]) / int(found[2]):.6f}", cell)
    hourly = re.sub(r"(\d+) in (\d+) h", lambda found: f"{int(found[1]) / int(found[2]):.6f}", shares)
    return [float(word) for word in re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?", hourly)]


def printed(readme: str) -> dict[str, list[list[float]]]:
    """The README's table: of each row the numbers of its two cells."""
    _, _, table = readme.partition("| | clean | adversarial |\n|---|---|---|\n")
    rows = [re.split(r" *\| *", line.strip("| ")) for line in table.partition("\n\n")[0].splitlines()]
    return {label: [numbers(cell) for cell in cells] for label, *cells in rows}


def differing(readme: str, scores: Mapping[str, Score]) -> list[str]:
    """Rows of the README's table that this run does not bear out, in sentences."""
    table, found = printed(readme), []
    if set(table) != set(ROWS):
        return [f"README.md: rows of the table differ: {', '.join(sorted(set(table) ^ set(ROWS)))}"]
    for label, figures in ROWS.items():
        for k, (group, said) in enumerate(zip(GROUPS, table[label], strict=True)):
            if len(said) != len(figures):
                found.append(f"README.md: {label}, {group}: {len(said)} numbers, expected {len(figures)}")
                continue
            for figure, number in zip(figures, said, strict=True):
                got = figure.of(scores[group])
                if not abs(got - number) <= figure.near[k]:
                    found.append(
                        f"README.md: {label}, {group}: says {number:g}, this run {got:.4g} ({figure.what}),"
                        f" may differ by {figure.near[k]:g}"
                    )
    return found
