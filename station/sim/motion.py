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
    drift_m: float = 0.0  # bar forward of its clean path at the end of the piece
    sway_m: float = 0.0  # amplitude of slow fidgeting during the piece
    impact: bool = False  # stopped by the floor or the stack, not by muscle


@dataclass(frozen=True)
class Motion:
    """The dense, noise-free voluntary motion. Arrays are float64, shape (n,), sampled at RATE_HZ from 0."""

    time_s: Floats
    s_m: Floats  # the motion coordinate; newtons on a band station once its load is applied
    v_mps: Floats
    a_mps2: Floats
    walk_m: Floats
    drift_m: Floats
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


def perform(pieces: Sequence[Piece], start_m: float, rng: np.random.Generator, muscle_s: float) -> Motion:
    """Carry out the pieces from s = `start_m`.

    `muscle_s` is the standard deviation of the smoothing by muscle, seconds. Breathing and standing sway of
    a few millimetres are part of the true motion; tremor is not (see sensors).
    """
    counts = [max(1, round(piece.duration_s * RATE_HZ)) for piece in pieces]
    edges = np.concatenate(([0], np.cumsum(counts)))
    total = int(edges[-1])
    velocity = np.zeros(total)
    walk = np.zeros(total)
    sway_size = np.zeros(total)
    bob = np.zeros(total)
    held = np.empty(total)
    drift = np.empty(total)
    held_now, drift_now = pieces[0].held, pieces[0].drift_m
    for piece, first, count in zip(pieces, edges, counts, strict=False):
        part = slice(int(first), int(first) + count)
        if piece.delta_m:
            velocity[part] = piece.delta_m / piece.duration_s * pulse(piece.shape, count)
        u = (np.arange(count) + 1.0) / count
        ease = u * u * (3.0 - 2.0 * u)
        if piece.walk_m:
            walk[part] = piece.walk_m / count
        if piece.steps:
            bob[part] = 0.012 * np.sin(np.pi * u * piece.steps) ** 2 * (1.0 - u**8)
        held[part] = held_now + (piece.held - held_now) * ease
        drift[part] = drift_now + (piece.drift_m - drift_now) * ease
        held_now, drift_now = piece.held, piece.drift_m
        sway_size[part] = piece.sway_m
    width = 2 * int(muscle_s * RATE_HZ) + 1  # three averages of width w have a deviation of w / 2 samples
    velocity = smooth(velocity, width)
    s_m = start_m + np.concatenate(([0.0], np.cumsum(0.5 * (velocity[1:] + velocity[:-1])))) * DT_S
    standing = smooth(np.minimum(held, 1.0), 301)
    s_m = s_m + 0.0012 * standing * slow_noise(rng, total, 0.15, 0.6) + smooth(bob, 61)
    if sway_size.any():
        s_m = s_m + smooth(sway_size, 401) * slow_noise(rng, total, 0.1, 0.5)
    v = np.gradient(s_m, DT_S)
    return Motion(
        time_s=np.arange(total, dtype=np.float64) / RATE_HZ,
        s_m=s_m,
        v_mps=v,
        a_mps2=np.gradient(v, DT_S),
        walk_m=smooth(np.cumsum(walk), 301),
        drift_m=smooth(drift, 101),
        held=smooth(held, 61),
        pieces=tuple(pieces),
        edges=tuple(int(edge) for edge in edges),
    )
