"""Hours of training for the benchmarks: a simulated session, noise and all, laid end to end."""

import numpy as np
from numpy.typing import NDArray

from station.config import StationFile
from station.exercises import load_profile
from station.sim import Sensors, simulate_set, with_seed
from station.sim.devices.sensors import Signal

EXERCISE = "romanian-deadlift"
SETS, REPS = 8, 8  # some seven minutes: 64 reps, and the rest between the sets


def session(sensors: Sensors) -> tuple[StationFile, dict[str, Signal]]:
    """Eight sets of eight Romanian deadlifts, 20 s of rest between them, as these sensors see them."""
    simulated = simulate_set(
        load_profile(EXERCISE), reps=REPS, sets=SETS, rest_s=20.0, rng=with_seed(7), sensors=sensors
    )
    return simulated.station, simulated.recording


def repeated(
    channel: Signal, period_s: float, until_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A channel over and over, `period_s` apart, up to `until_s`: time_s and value, float64."""
    times = int(np.ceil(until_s / period_s))
    offsets_s = np.repeat(period_s * np.arange(times), len(channel.time_s))
    time_s = np.tile(channel.time_s, times) + offsets_s
    n = int(np.searchsorted(time_s, until_s))
    return time_s[:n], np.tile(channel.value, times)[:n]


def training(
    sensors: Sensors, samples: int
) -> tuple[StationFile, dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]]:
    """The session again and again until `position_m` has so many samples; the bar ends where it began."""
    station, recording = session(sensors)
    step_s = 1.0 / sensors.position_hz
    period_s = float(recording["position_m"].time_s[-1]) + step_s
    until_s = (samples + 0.5) * step_s
    return station, {name: repeated(channel, period_s, until_s) for name, channel in recording.items()}
