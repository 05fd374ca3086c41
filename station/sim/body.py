"""The lifter: size, habits, technique, and where the hands go from lockout to the bottom of an exercise."""

from dataclasses import dataclass

import numpy as np

from station.errors import ConfigError
from station.sim.motion import Floats


@dataclass(frozen=True)
class Lifter:
    """Who lifts. Habits are what stays the same from rep to rep; the rest is drawn for every rep."""

    stature_m: float = 1.75
    mass_kg: float = 78.0
    speed_mps: float = 0.5  # mean concentric velocity aimed at, where the profile sets no tempo
    eccentric_mps: float = 0.25
    steadiness: float = 0.06  # standard deviation of a phase's duration, as a share
    range_share: float = 1.0  # of the full range of the exercise
    range_spread: float = 0.015  # standard deviation of the range, as a share
    fatigue: float = 0.25  # how much slower the last concentric is, as a share
    muscle_s: float = 0.035  # smoothing by muscle, standard deviation
    sticking: float = 0.3  # how deep the sticking region cuts into the speed, 0 to 0.9
    tremor_m: float = 0.0002  # amplitude of the 8-12 Hz tremor


@dataclass(frozen=True)
class Technique:
    """Faults on request; all zero is clean. `reps` are numbers within the set, from 1."""

    squat_deg: float = 0.0  # more knee flexion at the bottom than a hinge has
    short_deg: float = 0.0  # hip flexion missing at the bottom
    lockout_deg: float = 0.0  # hip extension missing at the top
    drift_deg: float = 0.0  # arms forward of the plumb line on the way up
    bounce_m: float = 0.0  # rebound at the bottom
    rush: float = 1.0  # eccentric duration as a share of the one aimed at
    hitch_m: float = 0.0  # the bar dips this much on its way up
    stall_s: float = 0.0  # and stands still this long
    partial_reps: tuple[int, ...] = ()
    partial_share: float = 0.4
    failed_last: bool = False  # the last lift stops half-way and is given up


def random_lifter(rng: np.random.Generator) -> Lifter:
    """A lifter from the street: 1.55 to 1.95 m, anything from slow to quick."""
    stature = float(rng.uniform(1.55, 1.95))
    return Lifter(
        stature_m=stature,
        mass_kg=float(rng.uniform(19.0, 30.0)) * stature**2,
        speed_mps=float(rng.uniform(0.25, 0.8)),
        eccentric_mps=float(rng.uniform(0.1, 0.45)),
        steadiness=float(rng.uniform(0.03, 0.12)),
        range_share=float(rng.uniform(0.85, 1.0)),
        range_spread=float(rng.uniform(0.005, 0.03)),
        fatigue=float(rng.uniform(0.0, 0.5)),
        muscle_s=float(rng.uniform(0.028, 0.05)),
        sticking=float(rng.uniform(0.0, 0.6)),
        tremor_m=float(rng.uniform(0.00005, 0.0004)),
    )


@dataclass(frozen=True)
class Reach:
    """The hand's way through one exercise, tabulated over s; float64 arrays of one shape.

    Barbell: s is the height, x the horizontal place over the floor. Cable: s is the handle's travel, the
    place is relative to the pulley with x towards the lifter. Band: s is the hips' travel from where the
    band hangs slack.
    """

    s_m: Floats
    x_m: Floats
    y_m: Floats
    rest_m: float  # where the load rests: floor, rack, stack down, band slack

    @property
    def top_m(self) -> float:
        return float(self.s_m[-1])

    @property
    def bottom_m(self) -> float:
        return float(self.s_m[0])


# Range as a share of stature, hand height at lockout as a share of stature, how far the hand's path bows
# backwards at mid-range (metres).
_RANGES = {
    "romanian-deadlift": (0.23, 0.44, 0.02),
    "broomstick-hinge": (0.22, 0.60, 0.10),
    "deadlift": (0.30, 0.44, 0.03),
    "good-morning": (0.20, 0.82, 0.06),
    "back-squat": (0.32, 0.82, 0.03),
    "bench-press": (0.22, 0.60, 0.06),
    "cable-pull-through": (0.25, 0.0, 0.0),
    "cable-row": (0.30, 0.0, 0.0),
    "banded-hinge": (0.17, 0.0, 0.0),
    "banded-pull-through": (0.25, 0.0, 0.0),
}


def reach(exercise: str, lifter: Lifter, technique: Technique, rng: np.random.Generator) -> Reach:
    """Tabulate the hand's way. Raises ConfigError for an exercise no body model knows."""
    if exercise not in _RANGES:
        raise ConfigError(f"no body model for {exercise!r}; there are {', '.join(sorted(_RANGES))}")
    share, height, bow = _RANGES[exercise]
    rom = share * lifter.stature_m * lifter.range_share * (1.0 - technique.short_deg / 90.0)
    depth = np.linspace(1.0, 0.0, 65)
    if exercise.startswith(("cable", "banded")):
        slack = float(rng.uniform(0.08, 0.25))
        s = slack + rom * (1.0 - depth)
        free = free_length(exercise, lifter)
        elevation = np.deg2rad(rng.uniform(14.0, 22.0) + rng.uniform(-2.0, 6.0) * depth**1.5)
        return Reach(s, (free + s) * np.cos(elevation), (free + s) * np.sin(elevation), 0.0)
    top = height * lifter.stature_m
    s = top - rom * depth
    x = 0.12 + bow * np.sin(np.pi * depth) ** 1.3 + 0.01 * depth
    x = x + np.deg2rad(technique.drift_deg) * 0.55 * np.sin(np.pi * depth)
    return Reach(s, x, np.asarray(s), 0.0 if exercise == "deadlift" else top - float(rng.uniform(0.03, 0.09)))


def free_length(exercise: str, lifter: Lifter) -> float:
    """Pulley to handle with the stack at rest, metres."""
    return round(0.75 * lifter.stature_m, 2)
