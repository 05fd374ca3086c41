"""The lifter: a planar chain of segments of human proportions, and the habits and faults of a person.

Lengths as shares of stature from Drillis and Contini (1966), masses and centres of mass as shares of body
mass and segment length, all as tabled by D. A. Winter, Biomechanics and Motor Control of Human Movement,
4th ed. (2009), figure 4.1 and table 4.1. Both legs and both arms move as one.
"""

from dataclasses import dataclass

import msgspec
import numpy as np

from station.sim.lifter.motion import Floats

# name: length / stature, mass of both sides / body mass, centre of mass from the proximal end / length
SHANK = (0.246, 0.093, 0.567)  # from the ankle up: 1 - 0.433
THIGH = (0.245, 0.200, 0.567)  # from the knee up
TRUNK = (0.288, 0.497, 0.500)  # hip to shoulder
UPPER_ARM = (0.186, 0.056, 0.436)
FOREARM = (0.146, 0.032, 0.430)
HAND = (0.108, 0.012, 0.506)
HEAD_MASS, HEAD_ABOVE_SHOULDER = (
    0.081,
    0.10,
)  # head and neck, its centre beyond the shoulder on the trunk's line
FOOT_MASS, FOOT_LENGTH, ANKLE_HEIGHT = 0.029, 0.152, 0.039
HEEL_SHARE = 0.25  # of the foot's length lies behind the ankle
GRIP_SHARE = 0.5  # the bar lies in the middle of the hand


class Lifter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who lifts. Habits are what stays the same from rep to rep; the rest is drawn for every rep."""

    stature_m: float = 1.75
    mass_kg: float = 78.0
    speed_mps: float = 0.5  # mean concentric velocity aimed at, where the profile sets no tempo
    eccentric_mps: float = 0.25
    steadiness: float = 0.06  # standard deviation of a phase's duration, as a share
    hip_deg: float = 92.0  # hip flexion at the bottom of a hinge
    knee_deg: float = 18.0  # knee flexion there
    heel_m: float = 0.0  # how far behind mid-foot the weight is kept
    lats_m: float = 0.005  # gap between bar and legs
    range_spread: float = 0.015  # standard deviation of the range, as a share
    fatigue: float = 0.25  # how much slower the last concentric is, as a share
    muscle_s: float = 0.035  # smoothing by muscle, standard deviation
    sticking: float = 0.3  # how deep the sticking region cuts into the speed, 0 to 0.9
    tremor_m: float = 0.0002  # amplitude of the 8-12 Hz tremor
    sway_m: float = 0.0012  # breathing and standing sway at the bar, standard deviation
    left_share: float = 0.5  # of the weight is on the left foot
    stance: float = 0.5  # 0 to 1: where between the usual limits rack, pulley and pole are set up


class Technique(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Faults on request; all zero is clean. `partial_reps` are numbers within the set, from 1."""

    squat_deg: float = 0.0  # more knee flexion at the bottom than the exercise has
    short_deg: float = 0.0  # hip flexion missing at the bottom
    lockout_deg: float = 0.0  # hip extension missing at the top
    drift_deg: float = 0.0  # arms forward of their clean line, growing towards the bottom
    bounce_m: float = 0.0  # rebound at the bottom
    rush: float = 1.0  # eccentric duration as a share of the one aimed at
    hitch_m: float = 0.0  # the load dips this much on its way up
    stall_s: float = 0.0  # and stands still this long
    forefoot_m: float = 0.0  # the weight is this far in front of where it belongs
    shrink: float = 0.0  # share of the range lost from the first rep to the last
    partial_reps: tuple[int, ...] = ()
    partial_share: float = 0.4
    failed_last: bool = False  # the last lift stops half-way and is given up
    drop_last: bool = False  # the last lift is let go at the top (concentric-first)


def random_lifter(rng: np.random.Generator) -> Lifter:
    """A lifter from the street: 1.55 to 1.95 m, stiff or supple, slow or quick."""
    stature = float(rng.uniform(1.55, 1.95))
    return Lifter(
        stature_m=stature,
        mass_kg=float(rng.uniform(19.0, 30.0)) * stature**2,
        speed_mps=float(rng.uniform(0.25, 0.8)),
        eccentric_mps=float(rng.uniform(0.1, 0.45)),
        steadiness=float(rng.uniform(0.03, 0.12)),
        hip_deg=float(rng.uniform(75.0, 108.0)),
        knee_deg=float(rng.uniform(10.0, 28.0)),
        heel_m=float(rng.uniform(-0.01, 0.025)),
        lats_m=float(rng.uniform(0.0, 0.012)),
        range_spread=float(rng.uniform(0.005, 0.03)),
        fatigue=float(rng.uniform(0.0, 0.5)),
        muscle_s=float(rng.uniform(0.028, 0.05)),
        sticking=float(rng.uniform(0.0, 0.6)),
        tremor_m=float(rng.uniform(0.00005, 0.0004)),
        sway_m=float(rng.uniform(0.0005, 0.0025)),
        left_share=float(rng.uniform(0.46, 0.54)),
        stance=float(rng.uniform(0.0, 1.0)),
    )


@dataclass(frozen=True)
class Posture:
    """The chain at n depths: float64, shape (n, 2), metres, x forward of the ankle and y over the floor."""

    ankle: Floats
    knee: Floats
    hip: Floats
    shoulder: Floats
    elbow: Floats
    hand: Floats  # where the bar or handle lies in it
    mass_centre: Floats  # of body and load


def turned(start: Floats, length: float, angle: Floats) -> Floats:
    """The point `length` from `start`, `angle` radians forward of straight up."""
    return np.asarray(start + length * np.column_stack((np.sin(angle), np.cos(angle))))


def stand(lifter: Lifter, hip_flexion: Floats, knee_flexion: Floats, shank_lean: Floats) -> list[Floats]:
    """Ankle, knee, hip and shoulder, each float64 (n, 2), for joint angles in radians, float64 (n,)."""
    height = lifter.stature_m
    ankle = np.column_stack((np.zeros_like(hip_flexion), np.full_like(hip_flexion, ANKLE_HEIGHT * height)))
    knee = turned(ankle, SHANK[0] * height, shank_lean)
    thigh_lean = shank_lean - knee_flexion
    hip = turned(knee, THIGH[0] * height, thigh_lean)
    shoulder = turned(hip, TRUNK[0] * height, thigh_lean + hip_flexion)
    return [ankle, knee, hip, shoulder]


def elbow_between(shoulder: Floats, hand: Floats, lifter: Lifter, side: float) -> Floats:
    """The elbow of an arm from shoulder to hand; `side` +1 bends it backwards and up, -1 forwards."""
    upper = UPPER_ARM[0] * lifter.stature_m
    lower = arm_length(lifter) - upper
    reach = hand - shoulder
    distance = np.hypot(reach[:, 0], reach[:, 1])
    along = (distance**2 + upper**2 - lower**2) / (2.0 * distance)
    aside = np.sqrt(np.maximum(upper**2 - along**2, 0.0))
    unit = reach / distance[:, None]
    return np.asarray(
        shoulder + unit * along[:, None] + side * np.column_stack((unit[:, 1], -unit[:, 0])) * aside[:, None]
    )


def arm_length(lifter: Lifter) -> float:
    """Shoulder to the middle of the hand, metres."""
    return (UPPER_ARM[0] + FOREARM[0] + GRIP_SHARE * HAND[0]) * lifter.stature_m


def mass_centre(lifter: Lifter, chain: list[Floats], elbow: Floats, hand: Floats, load_kg: float) -> Floats:
    """Centre of mass of body and load, float64 (n, 2), metres. The load hangs in the hand."""
    ankle, knee, hip, shoulder = chain
    height = lifter.stature_m
    trunk = (shoulder - hip) / (TRUNK[0] * height)
    foot = ankle + np.array([(0.5 - HEEL_SHARE) * FOOT_LENGTH * height, -0.5 * ANKLE_HEIGHT * height])
    parts = [
        (FOOT_MASS, foot),
        (SHANK[1], ankle + SHANK[2] * (knee - ankle)),
        (THIGH[1], knee + THIGH[2] * (hip - knee)),
        (TRUNK[1], hip + TRUNK[2] * (shoulder - hip)),
        (HEAD_MASS, shoulder + HEAD_ABOVE_SHOULDER * height * trunk),
        (UPPER_ARM[1], shoulder + UPPER_ARM[2] * (elbow - shoulder)),
        (FOREARM[1] + HAND[1], elbow + 0.55 * (hand - elbow)),
        (load_kg / lifter.mass_kg, hand),
    ]
    total = sum(share for share, _ in parts)
    return np.asarray(sum(share * place for share, place in parts) / total)


def mid_foot_m(lifter: Lifter) -> float:
    """Middle of the foot, metres in front of the ankle."""
    return (0.5 - HEEL_SHARE) * FOOT_LENGTH * lifter.stature_m
