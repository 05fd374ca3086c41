"""One movement at a time: displacement from where it began, metres, a value each ms."""

from math import sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rng = np.random.Generator

DT_S = 0.001
G = 9.81

_HILL_K = 0.6  # curvature of the force-velocity curve
_STEP_S = 0.002


def timed(distance_m: float, duration_s: float, rise: float = 2.0, fall: float = 2.0) -> Floats:
    """From rest to rest with v ~ tau^rise (1 - tau)^fall; 2 and 2 is the minimum-jerk movement."""
    count = max(4, round(duration_s / DT_S))
    tau = (np.arange(count) + 0.5) / count
    speed = tau**rise * (1.0 - tau) ** fall
    done = np.cumsum(speed)
    return distance_m * done / done[-1]


def steady(distance_m: float, duration_s: float, ramp: float) -> Floats:
    """A constant speed between two ramps of this share of the duration each."""
    count = max(4, round(duration_s / DT_S))
    tau = (np.arange(count) + 0.5) / count
    edge = np.clip(np.minimum(tau, 1.0 - tau) / ramp, 0.0, 1.0)
    done = np.cumsum(edge * edge * (3.0 - 2.0 * edge))
    return distance_m * done / done[-1]


def driven(
    rom_m: float,
    load: float,
    rng: Rng,
    *,
    fastest_mps: float = 3.0,
    stick: float = 0.0,
    stick_at: float = 0.45,
    start_mps2: float = 0.0,
    brake_mps2: float = 4.0,
    tau_s: float = 0.08,
) -> Floats:
    """A lift: force follows a force-velocity curve and a strength curve, with a lag, against gravity.

    load: of what can just be lifted, 0 to 1. stick: by how much of itself the strength falls at `stick_at` of
    the way. start_mps2: the acceleration it begins with, as at a turn; negative from the floor, where force
    builds up first.
    """
    stick = max(0.0, min(stick, 1.0 - 1.05 * load))
    ease_s = rng.uniform(0.08, 0.18)  # muscles do not let go at once
    place = speed = 0.0
    accel = start_mps2
    places = [0.0]
    while len(places) < 4000:
        part = place / rom_m
        strength = (1.0 + 0.15 * part) / load
        strength *= 1.0 - stick * np.exp(-(((part - stick_at) / 0.14) ** 2))
        fast = max(0.0, speed / fastest_mps)
        want = G * (strength * (1.0 - fast) / (1.0 + fast / _HILL_K) - 1.0)
        accel += (want - accel) * _STEP_S / tau_s
        speed += accel * _STEP_S
        if speed < 0.0:
            speed, place = 0.0, max(0.0, place)
        place += speed * _STEP_S
        places.append(place)
        if speed > 0.0 and rom_m - place <= max(speed * speed / (2.0 * brake_mps2), speed * ease_s):
            break
    else:
        return timed(rom_m, 2.5)
    still = 0
    while still < len(places) - 1 and places[still + 1] <= 1e-5:
        still += 1
    way = np.array(places[still:])
    left_m = rom_m - place
    finish = _quintic(left_m, speed, accel, 2.0 * left_m / speed)
    on_grid = np.interp(np.arange(DT_S, (len(way) - 1) * _STEP_S, DT_S), np.arange(len(way)) * _STEP_S, way)
    return np.concatenate((on_grid, place + finish))


def _quintic(distance_m: float, speed_mps: float, accel_mps2: float, duration_s: float) -> Floats:
    """From a speed and an acceleration to rest, smoothly."""
    t = duration_s
    c0, c1, c2 = 0.0, speed_mps, accel_mps2 / 2.0
    known = np.array([distance_m - c0 - c1 * t - c2 * t * t, -c1 - 2.0 * c2 * t, -2.0 * c2])
    powers = np.array([[t**3, t**4, t**5], [3 * t**2, 4 * t**3, 5 * t**4], [6 * t, 12 * t**2, 20 * t**3]])
    c3, c4, c5 = np.linalg.solve(powers, known)
    at = np.arange(DT_S, t + DT_S, DT_S)
    return np.asarray(c0 + at * (c1 + at * (c2 + at * (c3 + at * (c4 + at * c5)))))


def dropped(height_m: float, rng: Rng) -> Floats:
    """Let go: free fall to the floor, and bounces that die away. Ends at -height_m."""
    fall = np.arange(DT_S, sqrt(2.0 * height_m / G), DT_S)
    speed = sqrt(2.0 * height_m * G) * rng.uniform(0.1, 0.5)
    return np.concatenate((-0.5 * G * fall * fall, -height_m + bounces(speed, rng)))


def bounces(speed_mps: float, rng: Rng) -> Floats:
    """Up from the floor with a speed, again and again, each time weaker."""
    pieces = [np.zeros(1)]
    while speed_mps > 0.08:
        at = np.arange(DT_S, 2.0 * speed_mps / G, DT_S)
        pieces.append(speed_mps * at - 0.5 * G * at * at)
        speed_mps *= rng.uniform(0.2, 0.5)
    return np.concatenate(pieces)


def sway(count: int, size_m: float, rng: Rng) -> Floats:
    """Standing is never still: slow waves of about this amplitude that begin and end at 0."""
    at = np.arange(1, count + 1) * DT_S
    waves = np.zeros(count)
    for hz in rng.uniform(0.15, 0.5, 3):
        waves += np.sin(2.0 * np.pi * (hz * at + rng.random())) / 3.0
    ends = np.clip(np.minimum(at, count * DT_S - at) / 0.5, 0.0, 1.0)
    return np.asarray(size_m * waves * ends * ends * (3.0 - 2.0 * ends))


def smoothed(values: Floats, sigma_s: float) -> Floats:
    """By a Gaussian: muscles and plates have no corners."""
    reach = int(4.0 * sigma_s / DT_S)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * DT_S / sigma_s) ** 2)
    padded = np.pad(values, reach, mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")
