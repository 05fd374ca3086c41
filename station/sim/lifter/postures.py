"""How a lifter stands through an exercise: joint angles, balance, and where the hands are.

Standing exercises have two joint angles that the exercise prescribes (hip and knee flexion over the depth)
and one that balance decides: the lean of the shank, found so that the centre of mass of body and load stays
over the foot. The hands follow from the exercise: bar against the legs, on the back, rope between the legs.
"""

from collections.abc import Callable

import numpy as np

from station.sim.lifter.body import (
    ANKLE_HEIGHT,
    TRUNK,
    Lifter,
    Posture,
    Technique,
    arm_length,
    elbow_between,
    mass_centre,
    mid_foot_m,
    stand,
)
from station.sim.lifter.motion import Floats, smooth

PLATE_RADIUS_M = 0.225  # a 450 mm disc, IWF technical rules: the bar's height on the floor

Hands = Callable[[Lifter, list[Floats], Floats, Technique], tuple[Floats, float]]


def balanced(
    lifter: Lifter,
    technique: Technique,
    flexion: tuple[Floats, Floats],
    hands: Hands,
    depth: Floats,
    load_kg: float,
) -> Posture:
    """The posture with hip and knee flexion (radians) that keeps the centre of mass over the foot."""
    target = mid_foot_m(lifter) - lifter.heel_m + technique.forefoot_m

    def posture(lean: Floats) -> Posture:
        chain = stand(lifter, flexion[0], flexion[1], lean)
        hand, side = hands(lifter, chain, depth, technique)
        elbow = elbow_between(chain[3], hand, lifter, side)
        return Posture(*_points(chain), elbow, hand, mass_centre(lifter, chain, elbow, hand, load_kg))

    # Leaning the shank forward moves every mass forward: one root, found by the Illinois method.
    old, lean = np.full(len(depth), -0.6), np.full(len(depth), 0.9)
    old_off, off = (posture(at).mass_centre[:, 0] - target for at in (old, lean))
    for _ in range(9):
        new = lean - off * (lean - old) / np.where(off == old_off, 1.0, off - old_off)
        new_off = posture(new).mass_centre[:, 0] - target
        across = new_off * off <= 0.0
        old, old_off = np.where(across, lean, old), np.where(across, off, 0.5 * old_off)
        lean, off = new, new_off
    return posture(lean)


def _points(chain: list[Floats]) -> tuple[Floats, Floats, Floats, Floats]:
    ankle, knee, hip, shoulder = chain
    return ankle, knee, hip, shoulder


def _straight_arm(shoulder: Floats, x: Floats, length: float) -> Floats:
    """The hand of a straight arm hanging from the shoulder to a given x."""
    across = np.clip(x - shoulder[:, 0], -0.99 * length, 0.99 * length)
    return np.column_stack((shoulder[:, 0] + across, shoulder[:, 1] - np.sqrt(length**2 - across**2)))


def leg_front(chain: list[Floats], y: Floats) -> Floats:
    """x of the front of the leg at height y: bone line plus the flesh in front of it."""
    ankle, knee, hip, _ = chain
    up_thigh = np.clip((y - knee[:, 1]) / (hip[:, 1] - knee[:, 1]), 0.0, 1.2)
    up_shank = np.clip((y - ankle[:, 1]) / (knee[:, 1] - ankle[:, 1]), 0.0, 1.0)
    thigh = knee[:, 0] + up_thigh * (hip[:, 0] - knee[:, 0]) + 0.055 + 0.03 * up_thigh
    shank = ankle[:, 0] + up_shank * (knee[:, 0] - ankle[:, 0]) + 0.045 + 0.01 * up_shank
    return np.where(y >= knee[:, 1], thigh, shank)


def bar_at_legs(
    lifter: Lifter, chain: list[Floats], depth: Floats, technique: Technique, home_m: float | None = None
) -> tuple[Floats, float]:
    """Straight arms, the lats hold the bar against the legs; `drift_deg` lets it swing forward.

    `home_m` is x of the bar at the lockout, None while that is being found.
    """
    length, shoulder = arm_length(lifter), chain[3]
    hand = _straight_arm(shoulder, shoulder[:, 0], length)
    height = hand[:, 1]
    for _ in range(8):  # where the leg's front is depends on the height, and the height on it
        height = 0.5 * (height + hand[:, 1])
        front = np.maximum(leg_front(chain, height) + 0.014 + lifter.lats_m, 0.06)  # 28 mm bar
        if home_m is not None:  # over the same spot of the foot: it follows the thighs back only in part
            front = np.maximum(front, front + 0.6 * (home_m - front))
        hand = _straight_arm(shoulder, front, length)
    away = np.deg2rad(technique.drift_deg) * depth
    return _straight_arm(shoulder, hand[:, 0] + length * np.sin(away), length), 1.0


def bar_on_back(
    lifter: Lifter, chain: list[Floats], depth: Floats, technique: Technique
) -> tuple[Floats, float]:
    """The bar or stick on the upper back, a hand's breadth behind the shoulder joint and below its top."""
    hip, shoulder = chain[2], chain[3]
    trunk = (shoulder - hip) / (TRUNK[0] * lifter.stature_m)
    behind = np.column_stack((-trunk[:, 1], trunk[:, 0]))
    return shoulder + 0.04 * trunk + 0.07 * behind, -1.0


def rope_between_legs(
    lifter: Lifter, chain: list[Floats], depth: Floats, technique: Technique
) -> tuple[Floats, float]:
    """Straight arms; the rope runs between the thighs, from in front of the hips to behind the knees."""
    _, knee, hip, shoulder = chain
    x = hip[:, 0] + 0.11 * (1.0 - depth) + (0.10 * (knee[:, 0] - hip[:, 0]) - 0.02) * depth
    return _straight_arm(shoulder, x, arm_length(lifter)), 1.0


def from_floor(lifter: Lifter, technique: Technique, depth: Floats, load_kg: float) -> Posture:
    """Deadlift: the shins touch the bar over mid-foot; the trunk leans until straight arms reach it."""
    bar_x = mid_foot_m(lifter) + 0.02
    ankle_y = ANKLE_HEIGHT * lifter.stature_m
    shin = float(np.arctan2(bar_x - 0.055, PLATE_RADIUS_M - ankle_y))
    knee = np.deg2rad(82.0 + technique.squat_deg)
    one = np.ones(1)
    low, high = np.deg2rad(70.0), np.deg2rad(160.0)
    for _ in range(30):
        hip = 0.5 * (low + high)
        shoulder = stand(lifter, hip * one, knee * one, shin * one)[3][0]
        if np.hypot(shoulder[0] - bar_x, shoulder[1] - PLATE_RADIUS_M) > arm_length(lifter):
            low = hip
        else:
            high = hip
    # Knees open first, hips later: the trunk keeps its lean until the bar has passed the knees.
    chain = stand(lifter, hip * depth**0.95, knee * depth**1.35, shin * depth**1.35)
    front = np.maximum(leg_front(chain, PLATE_RADIUS_M + (1.0 - depth) * 0.5) + 0.014 + lifter.lats_m, bar_x)
    front = bar_x + (smooth(front, 9) - bar_x) * (1.0 - depth**4)
    away = arm_length(lifter) * np.sin(np.deg2rad(technique.drift_deg) * np.sin(np.pi * depth))
    hand = _straight_arm(chain[3], front + away, arm_length(lifter))
    elbow = elbow_between(chain[3], hand, lifter, 1.0)
    return Posture(*_points(chain), elbow, hand, mass_centre(lifter, chain, elbow, hand, load_kg))
