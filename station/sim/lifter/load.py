"""What the lifter works against: a bar, a stack behind pulleys, a band, or nothing."""

from dataclasses import dataclass

import numpy as np

from station.sim.lifter.motion import Floats, TrueMotion

G_MPS2 = 9.80665  # standard gravity, CGPM 1901


@dataclass(frozen=True)
class WeightStack:
    """A weight stack: `ratio` is handle travel per stack travel, `sheaves` pulleys of one efficiency each."""

    mass_kg: float = 30.0
    ratio: float = 1.0
    sheaves: int = 3
    efficiency: float = 0.97


@dataclass(frozen=True)
class Band:
    """An elastic band: force over stretch rises steeply, then softens; unloading gives less than loading."""

    stiffness_npm: float = 220.0
    stiffening_npm2: float = 40.0
    hysteresis: float = 0.08  # share of the force lost between stretching and releasing


def bar_force(motion: TrueMotion, mass_kg: float) -> Floats:
    """What a bar asks of the lifter, newtons: m (g + a), as far as the lifter carries it; never a push."""
    share = np.where(motion.held < 1.0, motion.held, 1.0)
    return np.asarray(np.maximum(share * mass_kg * (G_MPS2 + motion.a_mps2), 0.0))


def direction(v: Floats) -> Floats:
    """-1 lowering to +1 lifting; pulleys change over within a few mm/s, not at once."""
    return np.asarray(np.tanh(v / 0.008))


def cable_tension(motion: TrueMotion, stack: WeightStack) -> Floats:
    """Tension at the handle, newtons: (M / r)(g + a / r), friction against the motion, 0 when slack."""
    ratio = stack.ratio
    pull = stack.mass_kg / ratio * (G_MPS2 + motion.a_mps2 / ratio)
    tension = pull * stack.efficiency ** (-stack.sheaves * direction(motion.v_mps))
    hanging = np.clip(motion.s_m / 0.01, 0.0, 1.0)  # the stack takes over its weight within a centimetre
    return np.asarray(np.maximum(tension, 0.0) * hanging)


def band_tension(stretch_m: Floats, band: Band) -> Floats:
    """Tension, newtons, of a band stretched by `stretch_m` (slack below 0)."""
    stretch = np.maximum(stretch_m, 0.0)
    force = band.stiffness_npm * stretch / (1.0 + 1.5 * stretch) ** 0.5 + band.stiffening_npm2 * stretch**2
    # Dahl's friction: whatever the speed, the loss builds up over the first centimetres after a turn.
    memory = []
    state = 0.0
    for step in (np.diff(stretch, prepend=stretch[0]) / 0.02).tolist():
        state += step * (1.0 - state) if step > 0.0 else step * (1.0 + state)
        memory.append(state)
    return np.asarray(force * (1.0 + 0.5 * band.hysteresis * np.array(memory)))
