"""What the sensors make of the true motion: SI samples at each sensor's own rate."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from station.sim.motion import Floats, Motion, slow_noise


class Channel(NamedTuple):
    """One channel's samples: times in seconds of the device clock, values SI; float64, one shape."""

    time_s: Floats
    value: Floats


@dataclass(frozen=True)
class Sensors:
    """Which sensors a station has and how good they are. A rate of None: there is no such sensor."""

    position_hz: float = 200.0
    resolution_m: float = 0.0002
    position_noise_m: float = 0.0001
    second_tether: bool = False
    tilt_hz: float | None = None
    tilt_noise_rad: float = 0.0017
    tilt_resolution_rad: float = 2.0 * np.pi / 16384.0
    force_hz: float | None = 80.0
    force_noise_n: float = 1.0
    pulley_hz: float | None = None
    pulley_noise_n: float = 1.0
    jitter: float = 0.0  # standard deviation of a sample's time, as a share of the period
    missing: float = 0.0  # share of samples that are lost


def sample_times(duration_s: float, rate_hz: float, sensors: Sensors, rng: np.random.Generator) -> Floats:
    """When a sensor is read: its own phase, jitter and losses; strictly increasing, whole microseconds."""
    count = int(duration_s * rate_hz) - 1
    time = (np.arange(count) + rng.uniform(0.0, 1.0)) / rate_hz
    if sensors.jitter:
        time = np.sort(
            time + rng.normal(0.0, sensors.jitter / rate_hz, count).clip(-0.45 / rate_hz, 0.45 / rate_hz)
        )
    time = np.round(np.abs(time), 6)
    keep = np.concatenate(([True], np.diff(time) > 0))
    if sensors.missing:
        keep &= rng.uniform(size=count) >= sensors.missing
    return np.asarray(time[keep])


def read(
    time_s: Floats, motion: Motion, true: Floats, noise: float, step: float, rng: np.random.Generator
) -> Channel:
    """Sample a dense truth at `time_s`, add white noise, round to `step` (0: not at all)."""
    value = np.interp(time_s, motion.time_s, true) + rng.normal(0.0, 1.0, len(time_s)) * noise
    return Channel(time_s, np.round(value / step) * step if step else value)


def tremor(motion: Motion, amplitude_m: float, rng: np.random.Generator) -> Floats:
    """8 to 12 Hz shaking of a loaded hand, metres; part of what is measured, not of the voluntary motion."""
    return np.asarray(amplitude_m * motion.held * slow_noise(rng, len(motion.time_s), 8.0, 12.0))
