"""The load-velocity profile, and from it an estimate of the one-repetition maximum where the data allow one.

The heavier the load, the slower the fastest rep; within a person the relation is close to a straight line.
Where that line meets the velocity of a maximal lift lies the estimate. It is given only with three loads or
more, R² of 0.8 or more and a falling line, and never without its interval.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from statistics import fmean, linear_regression

import msgspec

from dashboard.floor.times import day_of
from dashboard.history.kept import KeptSet
from station.exercises.surety import student_975

LEAST_LOADS = 3
LEAST_R_SQUARED = 0.8

# Mean concentric velocity of a one-repetition maximum and its standard deviation between people, m/s.
# Deadlift: 0.14 ± 0.05 with a coefficient of variation of 15.7 % from day to day (hence the interval).
# Bench press: González-Badillo and Sánchez-Medina 2010, 0.16 ± 0.04. Squat: Sánchez-Medina et al. 2017,
# 0.32 ± 0.03. Nothing is published for the Romanian deadlift; the deadlift's is taken, and that is said.
VELOCITY_AT_1RM_MPS: Mapping[str, tuple[float, float]] = {
    "deadlift": (0.14, 0.05),
    "romanian-deadlift": (0.14, 0.05),
    "bench-press": (0.16, 0.04),
    "back-squat": (0.32, 0.03),
}
BORROWED = {"romanian-deadlift": "the deadlift"}

_Z = 1.960


class LoadVelocityPoint(msgspec.Struct, frozen=True):
    """The fastest counted rep at one load on one day."""

    load_kg: float
    mean_concentric_velocity_mps: float
    day: str


class OneRepMaximum(msgspec.Struct, frozen=True, kw_only=True):
    """An estimate, never a measurement."""

    load_kg: float
    low_kg: float  # the 95 % interval
    high_kg: float
    at_velocity_mps: float
    text: str  # the whole of it in a sentence, with the word "estimate"


class LoadVelocity(msgspec.Struct, frozen=True, kw_only=True):
    """The points, the line through them where there is one, and the estimate or why there is none."""

    points: tuple[LoadVelocityPoint, ...]
    intercept_mps: float | None = None  # velocity = intercept + slope * load
    slope_mps_per_kg: float | None = None
    one_rep_maximum: OneRepMaximum | None = None
    reason: str | None = None  # why there is no estimate

    @property
    def text(self) -> str:
        """The estimate as a sentence, or why there is none."""
        if self.one_rep_maximum is not None:
            return self.one_rep_maximum.text
        return f"no estimate of the one-repetition maximum: {self.reason}"


def load_velocity(done: Sequence[KeptSet], zone: tzinfo | None = None) -> LoadVelocity:
    """The profile of one athlete's sets of one exercise; the sets should be of a few weeks at most.

    A set without a load or without a velocity adds nothing.
    """
    fastest: dict[tuple[str, float], float] = {}
    for one in done:
        velocity = one.summary.fastest_mean_concentric_velocity_mps
        if one.load_kg is not None and one.load_kg > 0.0 and velocity is not None:
            key = (day_of(one.at_utc, zone), one.load_kg)
            fastest[key] = max(velocity, fastest.get(key, 0.0))
    points = tuple(
        LoadVelocityPoint(load_kg, velocity, day)
        for (day, load_kg), velocity in sorted(fastest.items(), key=lambda item: (item[0][1], item[0][0]))
    )
    exercises = {one.exercise for one in done}
    return _fit(points, exercises.pop() if len(exercises) == 1 else "")


def _fit(points: tuple[LoadVelocityPoint, ...], exercise: str) -> LoadVelocity:
    loads = [point.load_kg for point in points]
    velocities = [point.mean_concentric_velocity_mps for point in points]
    different = len(set(loads))
    needs = f"needs {LEAST_LOADS} different loads, there are {different}"
    if different < 2:
        return LoadVelocity(points=points, reason=needs)
    mean_kg, mean_mps = fmean(loads), fmean(velocities)
    slope, intercept = linear_regression(loads, velocities)
    spread = sum((load - mean_kg) ** 2 for load in loads)
    residual = sum((v - intercept - slope * load) ** 2 for load, v in zip(loads, velocities, strict=True))
    total = sum((velocity - mean_mps) ** 2 for velocity in velocities)
    r_squared = 1.0 - residual / total if total > 0.0 else 0.0
    reason = None
    if different < LEAST_LOADS:
        reason = needs
    elif slope >= 0.0:
        reason = "velocity does not fall with load; were all sets lifted as fast as possible?"
    elif r_squared < LEAST_R_SQUARED:
        reason = f"the points lie too far from a line: R² is {r_squared:.2f}, {LEAST_R_SQUARED} is needed"
    elif exercise not in VELOCITY_AT_1RM_MPS:
        reason = f"the velocity of a maximal {exercise or 'lift of several exercises'} is not known"
    line = LoadVelocity(
        points=points,
        intercept_mps=intercept,
        slope_mps_per_kg=slope,
        reason=reason,
    )
    if reason is not None:
        return line
    n = len(points)
    at_mps, at_sd_mps = VELOCITY_AT_1RM_MPS[exercise]
    load_kg = (at_mps - intercept) / slope
    # Inverse prediction of the line (Draper and Smith, Applied Regression Analysis, 3.2), and the spread of
    # the maximal velocity between people and days.
    scatter_kg = math.sqrt(residual / (n - 2) * (1.0 + 1.0 / n + (load_kg - mean_kg) ** 2 / spread)) / -slope
    half_kg = math.hypot(student_975(n - 2) * scatter_kg, _Z * at_sd_mps / -slope)
    heaviest_kg = max(loads)
    if load_kg < heaviest_kg:
        below = f"the line ends below {heaviest_kg:g} kg, which has been lifted"
        return msgspec.structs.replace(line, reason=below)
    low_kg = max(load_kg - half_kg, heaviest_kg)  # what has been lifted, can be
    borrowed = f"; the velocity at the maximum is {BORROWED[exercise]}'s" if exercise in BORROWED else ""
    return msgspec.structs.replace(
        line,
        one_rep_maximum=OneRepMaximum(
            load_kg=load_kg,
            low_kg=low_kg,
            high_kg=load_kg + half_kg,
            at_velocity_mps=at_mps,
            text=(
                f"estimate of the one-repetition maximum: {load_kg:.0f} kg,"
                f" 95 % interval {low_kg:.0f} to {load_kg + half_kg:.0f} kg (at {at_mps:g} m/s, R²"
                f" {r_squared:.2f}, {different} loads{borrowed})"
            ),
        ),
    )
