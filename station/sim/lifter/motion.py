"""A set as a lifter does it: pieces of movement, one after the other, and the dense true motion they make.

A piece has a duration, a change of the motion coordinate s, and the shape of its velocity pulse. Pieces are
joined and smoothed by the sluggishness of muscle (a few tens of milliseconds), so the motion is voluntary
motion below about 5 Hz; nothing here knows how a rep will be detected.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 1000.0  # of the dense true motion
DT_S = 1.0 / RATE_HZ

Floats = NDArray[np.float64]


class Shape(NamedTuple):
    """A velocity pulse: u^rise (1 - u)^fall with a sticking region cut out of it; u from 0 to 1 in time.

    2, 2 is minimum jerk; exponents well below 1 give a plateau (a controlled eccentric); rise < fall is
    quick off the chest; `sticking` 0.7 leaves 30 % of the speed at `sticking_at`.
    """

    rise: float = 2.0
    fall: float = 2.0
    sticking: float = 0.0
    sticking_at: float = 0.4
    sticking_width: float = 0.13


MIN_JERK = Shape()


@dataclass(frozen=True)
class Piece:
    """One piece of movement. `rep` is its rep's index in the session, None for what is not a rep."""

    what: str  # eccentric, bottom, concentric, top; otherwise what it is: unrack, walk-out, idle …
    duration_s: float
    delta_m: float = 0.0  # change of s
    shape: Shape = MIN_JERK
    rep: int | None = None
    walk_m: float = 0.0  # the lifter's own horizontal displacement during the piece
    steps: int = 0  # footsteps in it; each bobs the load
    held: float = 1.0  # share of the load the lifter carries at the end of the piece
    sway_m: float = 0.0  # standard deviation of slow swaying during the piece
    impact: bool = False  # moved and stopped by gravity and the floor, not by muscle


@dataclass(frozen=True)
class TrueMotion:
    """The dense, noise-free voluntary motion. Arrays are float64, shape (n,), sampled at RATE_HZ from 0."""

    time_s: Floats
    s_m: Floats  # the motion coordinate; newtons on a band station once its load is applied
    v_mps: Floats
    a_mps2: Floats
    walk_m: Floats  # where the lifter stands; 0 is the place the station is set up for
    held: Floats
    pieces: tuple[Piece, ...]
    edges: tuple[int, ...] = field(default=())  # piece k is samples edges[k] up to edges[k + 1]


def pulse(shape: Shape, count: int) -> Floats:
    """The velocity pulse at `count` midpoints, float64, mean 1."""
    u = (np.arange(count) + 0.5) / count
    value = u**shape.rise * (1.0 - u) ** shape.fall
    if shape.sticking:
        value *= 1.0 - shape.sticking * np.exp(-(((u - shape.sticking_at) / shape.sticking_width) ** 2))
    return np.asarray(value / value.mean())


def smooth(values: Floats, width: int) -> Floats:
    """Three moving averages of odd `width` samples: nearly Gaussian, no delay, ends held. Same shape."""
    half = width // 2
    for _ in range(3 if half else 0):
        padded = np.concatenate((np.full(half + 1, values[0]), values, np.full(half, values[-1])))
        total = np.cumsum(padded)
        values = (total[2 * half + 1 :] - total[: -2 * half - 1]) / (2 * half + 1)
    return values


def slow_noise(rng: np.random.Generator, count: int, low_hz: float, high_hz: float) -> Floats:
    """Random motion between two frequencies, unit standard deviation, float64, shape (count,).

    Twelve sinusoids of random frequency and phase: cheap, and band-limited by construction.
    """
    time_s = np.arange(0.0, count * DT_S + 0.04, 0.02)  # 50 Hz is plenty below 5 Hz
    frequency = np.exp(rng.uniform(np.log(low_hz), np.log(high_hz), 12))
    phase = rng.uniform(0.0, 2.0 * np.pi, 12)
    coarse = np.sin(2.0 * np.pi * np.outer(time_s, frequency) + phase).sum(axis=1) / np.sqrt(6.0)
    return np.asarray(np.interp(np.arange(count) * DT_S, time_s, coarse))


def _soften(velocity: Floats, pieces: Sequence[Piece], edges: list[int], muscle_s: float) -> None:
    """Smooth the velocity in place: by muscle, or by a few milliseconds of rubber where the floor stops it.

    Runs of either kind are smoothed by themselves; they meet in a hold, so no displacement is lost.
    """
    first = 0
    for index, piece in enumerate(pieces):
        if index + 1 < len(pieces) and pieces[index + 1].impact == piece.impact:
            continue
        part = slice(edges[first], edges[index + 1])
        width = 2 * int((0.006 if piece.impact else muscle_s) * RATE_HZ) + 1  # deviation: half the width
        velocity[part] = smooth(velocity[part], width)
        first = index + 1


def perform(
    pieces: Sequence[Piece],
    start_m: float,
    start_x_m: float,
    rng: np.random.Generator,
    muscle_s: float,
    sway_m: float,
) -> TrueMotion:
    """Carry out the pieces from s = `start_m`, the lifter standing at `start_x_m`.

    `muscle_s` is the standard deviation of the smoothing by muscle, seconds; `sway_m` that of breathing and
    standing sway, which are part of the true motion. Tremor is not (see sensors).
    """
    counts = [max(1, round(piece.duration_s * RATE_HZ)) for piece in pieces]
    edges = np.concatenate(([0], np.cumsum(counts)))
    total = int(edges[-1])
    velocity = np.zeros(total)
    walk = np.zeros(total)
    sway_size = np.zeros(total)
    bob = np.zeros(total)
    held = np.empty(total)
    held_now = pieces[0].held
    for piece, first, count in zip(pieces, edges, counts, strict=False):
        part = slice(int(first), int(first) + count)
        if piece.delta_m:
            velocity[part] = piece.delta_m / (count * DT_S) * pulse(piece.shape, count)
        u = (np.arange(count) + 1.0) / count
        ease = u * u * (3.0 - 2.0 * u)
        if piece.walk_m:
            walk[part] = piece.walk_m / count
        if piece.steps:
            bob[part] = 0.012 * np.sin(np.pi * u * piece.steps) ** 2 * (1.0 - u**8)
        held[part] = held_now + (piece.held - held_now) * ease
        held_now = piece.held
        sway_size[part] = piece.sway_m
    _soften(velocity, pieces, edges.tolist(), muscle_s)
    s_m = start_m + np.concatenate(([0.0], np.cumsum(0.5 * (velocity[1:] + velocity[:-1])))) * DT_S
    standing = smooth(np.minimum(held, 1.0), 301)
    s_m = s_m + sway_m * standing * slow_noise(rng, total, 0.15, 0.6) + smooth(bob, 61)
    if sway_size.any():
        s_m = s_m + smooth(sway_size, 401) * slow_noise(rng, total, 0.1, 0.5)
    v = np.gradient(s_m, DT_S)
    return TrueMotion(
        time_s=np.arange(total, dtype=np.float64) / RATE_HZ,
        s_m=s_m,
        v_mps=v,
        a_mps2=np.gradient(v, DT_S),
        walk_m=smooth(start_x_m + np.cumsum(walk), 301),
        held=smooth(held, 61),
        pieces=tuple(pieces),
        edges=tuple(int(edge) for edge in edges),
    )


def join(motions: Sequence[TrueMotion]) -> TrueMotion:
    """Motions one after the other as one."""
    if len(motions) == 1:
        return motions[0]
    lengths = [len(motion.time_s) for motion in motions]
    starts = np.concatenate(([0], np.cumsum(lengths))).tolist()
    edges = [0]
    for motion, start in zip(motions, starts, strict=False):
        edges += [start + edge for edge in motion.edges[1:]]
    return TrueMotion(
        time_s=np.arange(sum(lengths), dtype=np.float64) / RATE_HZ,
        s_m=np.concatenate([motion.s_m for motion in motions]),
        v_mps=np.concatenate([motion.v_mps for motion in motions]),
        a_mps2=np.concatenate([motion.a_mps2 for motion in motions]),
        walk_m=np.concatenate([motion.walk_m for motion in motions]),
        held=np.concatenate([motion.held for motion in motions]),
        pieces=tuple(piece for motion in motions for piece in motion.pieces),
        edges=tuple(edges),
    )
