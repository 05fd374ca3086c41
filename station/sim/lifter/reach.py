"""Where the load goes from lockout to the bottom of an exercise, worked out by moving the lifter's joints."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np

from station.errors import ConfigError
from station.sim.lifter.body import TRUNK, Lifter, Posture, Technique, arm_length
from station.sim.lifter.motion import Floats, smooth
from station.sim.lifter.postures import (
    Hands,
    balanced,
    bar_at_legs,
    bar_on_back,
    from_floor,
    rope_between_legs,
)

GRID = 81
DEPTH = np.linspace(1.0, 0.0, GRID)  # bottom first


@dataclass(frozen=True)
class Reach:
    """The load's way through one exercise, tabulated over s, bottom first; float64 arrays of shape (n,).

    Barbell: s is the height, x the horizontal place in front of the ankle. Cable: s is the handle's travel,
    the place is relative to the pulley with x towards the lifter. Band: s is the band's stretch.
    """

    s_m: Floats
    x_m: Floats
    y_m: Floats
    rest_m: float  # s where the load rests: floor, rack, stack down, band slack
    free_length_m: float | None  # cable: pulley to handle with the stack at rest
    posture: Posture | None  # standing exercises; same order as s_m
    lockout_m: float  # s at the lockout this technique reaches

    @property
    def top_m(self) -> float:
        return float(self.s_m[-1])

    @property
    def bottom_m(self) -> float:
        return float(self.s_m[0])


@lru_cache(maxsize=256)
def reach(
    exercise: str,
    lifter: Lifter,
    technique: Technique,
    load_kg: float,
    free_length_m: float = 1.0,
    close_m: float = 0.0,
) -> Reach:
    """Tabulate the load's way.

    `free_length_m` is the cable station's; the lifter stands where a little of the stack's travel is left at
    the bottom, less `close_m`. Raises ConfigError for an exercise no body model knows.
    """
    if exercise not in _EXERCISES:
        known = ", ".join(sorted(_EXERCISES))
        raise ConfigError(f"no body model for {exercise!r}; there are {known}")
    asked = _Asked(exercise, lifter, technique, load_kg, free_length_m, close_m)
    s, x, y, rest_m, posture = _EXERCISES[exercise](asked)
    rising = np.maximum.accumulate(s) + 1e-7 * np.arange(len(s))
    if np.abs(rising - s).max() < 0.002:  # within the roundness of a knee
        s = rising
    if not (np.diff(s) > 0).all():
        raise ConfigError(
            f"{exercise}: this technique takes the load down and up again within one lift; use smaller faults"
        )
    hip = 100.0 if exercise in ("bench-press", "cable-row") else _flexions(exercise, lifter)[0]
    lockout = float(np.interp(1.0 - technique.lockout_deg / hip, 1.0 - DEPTH, s))
    of_cable = free_length_m if exercise.startswith("cable-") else None
    return Reach(s, x, y, rest_m, of_cable, posture, lockout)


class _Asked(NamedTuple):
    """What `reach` is asked for."""

    exercise: str
    lifter: Lifter
    technique: Technique
    load_kg: float
    free_length_m: float
    close_m: float


class _Way(NamedTuple):
    """A load's way, as in Reach."""

    s_m: Floats
    x_m: Floats
    y_m: Floats
    rest_m: float = 0.0
    posture: Posture | None = None


def _flexions(exercise: str, lifter: Lifter) -> tuple[float, float]:
    """Hip and knee flexion at the bottom, degrees, before faults."""
    supple = lifter.hip_deg / 92.0
    return {
        "romanian-deadlift": (lifter.hip_deg, lifter.knee_deg),
        "broomstick-hinge": (lifter.hip_deg, lifter.knee_deg),
        "good-morning": (lifter.hip_deg - 9.0, lifter.knee_deg),
        "banded-hinge": (lifter.hip_deg, lifter.knee_deg),
        "cable-pull-through": (lifter.hip_deg, lifter.knee_deg + 8.0),
        "banded-pull-through": (lifter.hip_deg, lifter.knee_deg + 8.0),
        "back-squat": (112.0 * supple**0.5, 108.0 + 20.0 * (supple - 1.0)),
        "deadlift": (125.0, 82.0),
    }[exercise]


def _standing(asked: _Asked, hands: Hands, load_kg: float = 0.0) -> Posture:
    """The posture over DEPTH, with the hips and knees bent as the exercise asks."""
    technique = asked.technique
    hip, knee = _flexions(asked.exercise, asked.lifter)
    hip = hip - technique.short_deg
    # With something on the back one stands a little bent, so that it is above the hips.
    upright = 8.0 if asked.exercise in ("good-morning", "back-squat", "broomstick-hinge") else 0.0
    bend = np.deg2rad(upright + (hip - upright) * DEPTH), np.deg2rad(knee + technique.squat_deg) * DEPTH
    return balanced(asked.lifter, technique, bend, hands, DEPTH, load_kg)


def _barbell(asked: _Asked) -> _Way:
    exercise, lifter, technique, load_kg, *_ = asked
    hands: Hands = bar_on_back
    if exercise == "romanian-deadlift":
        upright = balanced(lifter, technique, (np.zeros(1),) * 2, bar_at_legs, np.zeros(1), load_kg)
        hands = partial(bar_at_legs, home_m=float(upright.hand[0, 0]))
    if exercise == "deadlift":
        posture = from_floor(lifter, technique, DEPTH, load_kg)
    else:
        posture = _standing(asked, hands, load_kg)
    x = smooth(posture.hand[:, 0], 7)  # the knee cap is round
    s = posture.hand[:, 1]
    if exercise == "deadlift":
        rest = float(s[0])
    elif exercise == "broomstick-hinge":
        rest = float(s[-1]) - 0.05 - 0.1 * lifter.stance
    else:
        rest = float(s[-1]) - 0.03 - 0.06 * lifter.stance
    return _Way(s, x, s, rest, posture)


def _from_pulley(hand: Floats, pulley_y: float, bottom_m: float, facing: float) -> Floats:
    """The hand seen from a pulley `bottom_m` away at the bottom; facing +1 has it behind the lifter."""
    x = facing * hand[:, 0]
    back = np.sqrt(bottom_m**2 - (hand[0, 1] - pulley_y) ** 2)
    return np.column_stack((x - x[0] + back, hand[:, 1] - pulley_y))


def _pulled(away: Floats, slack_m: float, posture: Posture | None) -> _Way:
    """What is pulled away from a pulley or a pole, by how much beyond its length without tension."""
    return _Way(np.hypot(away[:, 0], away[:, 1]) - slack_m, away[:, 0], away[:, 1], posture=posture)


def _pull_through(asked: _Asked) -> _Way:
    posture, stance = _standing(asked, rope_between_legs), asked.lifter.stance
    slack = 0.06 + 0.12 * stance - asked.close_m
    away = _from_pulley(posture.hand, 0.12 + 0.12 * stance, asked.free_length_m + slack, 1.0)
    return _pulled(away, asked.free_length_m, posture)


def _banded_pull_through(asked: _Asked) -> _Way:
    posture = _standing(asked, rope_between_legs)
    return _pulled(_from_pulley(posture.hand, 0.15, 1.0, 1.0), 0.72 + 0.1 * asked.lifter.stance, posture)


def _banded_hinge(asked: _Asked) -> _Way:
    posture = _standing(asked, bar_on_back)
    away = posture.hip - np.array([-1.0, posture.hip[-1, 1] - 0.02])  # from a pole
    rest_length = float(np.hypot(*away[0])) * (0.70 + 0.12 * asked.lifter.stance)
    return _pulled(away, rest_length, posture)


def _bench(asked: _Asked) -> _Way:
    """Lying: from over the shoulders down and towards the feet to the chest; elbows move sideways."""
    lifter, technique = asked.lifter, asked.technique
    arm = arm_length(lifter)
    shoulder_y = 0.45 + 0.08  # bench of 45 cm (IPF technical rules: 42 to 45 cm) and half a chest
    top = float(np.sqrt(arm**2 - 0.20**2))  # hands 20 cm outside the shoulders
    chest = 0.13 * lifter.stature_m * (1.0 + 0.01 * technique.short_deg)
    y = shoulder_y + chest + (top - chest) * (1.0 - DEPTH)
    x = -0.01 + (0.05 + 0.03 * lifter.stance) * DEPTH**0.8 * (1.3 - 0.3 * DEPTH)
    x = x + arm * np.sin(np.deg2rad(technique.drift_deg)) * DEPTH
    return _Way(y, x, y, float(y[-1]) - 0.04 - 0.04 * lifter.stance)


def _row(asked: _Asked) -> _Way:
    """Seated: trunk from leaning forward to a little back, hands from stretched arms to the belly."""
    lifter = asked.lifter
    hip = np.tile([0.0, 0.50], (GRID, 1))
    lean = np.deg2rad(-8.0 + (14.0 + 10.0 * lifter.stance) * DEPTH)
    shoulder = hip + TRUNK[0] * lifter.stature_m * np.column_stack((np.sin(lean), np.cos(lean)))
    belly = hip[-1] + 0.40 * (shoulder[-1] - hip[-1]) + np.array([0.20, 0.0])
    ahead = np.array([1.55, 0.62]) - shoulder[0]
    stretched = shoulder[0] + 0.97 * arm_length(lifter) * ahead / np.hypot(*ahead)
    hand = belly + (stretched - belly) * DEPTH[:, None]
    hand[:, 1] += 0.02 * np.sin(np.pi * DEPTH)
    away = _from_pulley(hand, 0.62, asked.free_length_m + 0.05 + 0.15 * lifter.stance - asked.close_m, -1.0)
    return _pulled(away, asked.free_length_m, None)


_EXERCISES: dict[str, Callable[[_Asked], _Way]] = {
    **dict.fromkeys(("romanian-deadlift", "broomstick-hinge", "good-morning"), _barbell),
    **dict.fromkeys(("back-squat", "deadlift"), _barbell),
    "bench-press": _bench,
    "banded-hinge": _banded_hinge,
    "banded-pull-through": _banded_pull_through,
    "cable-pull-through": _pull_through,
    "cable-row": _row,
}
