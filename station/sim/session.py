"""From a lifter and an exercise to a recording and its truth."""

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from station.config import Geometry, Noise, StationFile, StationTable
from station.exercises import Profile
from station.sim.body import Lifter, Technique, random_lifter
from station.sim.load import Band, Stack, band_tension, bar_force, cable_tension, direction
from station.sim.motion import Floats, Motion, perform
from station.sim.programs import Programme
from station.sim.reach import Reach, reach
from station.sim.sensors import Channel, Sensors, read, sample_times, tremor
from station.sim.truth import describe


@dataclass(frozen=True)
class SimulatedSet:
    """One simulated stretch of training: what the sensors gave, the station file for it, and the truth."""

    station: StationFile
    exercise: str
    recording: dict[str, Channel]
    truth: dict[str, Any]
    motion: Motion
    s_m: Floats  # dense motion coordinate (newtons on a band station), shape of motion.time_s
    place_m: tuple[Floats, Floats] | None  # dense x and y of the bar or handle
    force_n: Floats | None


def default_sensors(profile: Profile) -> Sensors:
    """The sensors a station of this kind usually has."""
    if profile.load == "cable":
        return Sensors(pulley_hz=80.0, force_hz=80.0)
    if profile.load == "band":
        return Sensors(force_hz=80.0, force_noise_n=0.3)
    return Sensors(tilt_hz=100.0, force_hz=80.0 if profile.load == "mass" else None)


def simulate_set(
    profile: Profile,
    *,
    reps: int = 8,
    rng: np.random.Generator,
    lifter: Lifter | None = None,
    technique: Technique | None = None,
    sensors: Sensors | None = None,
    geometry: Geometry | None = None,
    load_kg: float | None = None,
    approach: bool = True,
    leave: bool = True,
    after_s: float = 0.5,
    sets: int = 1,
    rest_s: float = 20.0,
    station_id: str = "sim-1",
) -> SimulatedSet:
    """Simulate `sets` sets of `reps` reps with what happens around them (`approach`: unrack, walk-out …;
    `leave`: re-rack …) and `after_s` of nothing at the end.

    Everything left out is drawn from `rng` (the lifter, the load) or usual for the exercise (sensors,
    geometry). The same `rng` state gives the same bits.
    """
    lifter = lifter or random_lifter(rng)
    technique = technique or Technique()
    sensors = sensors or default_sensors(profile)
    if load_kg is None:
        load_kg = _usual_load(profile, rng)
    way = reach(profile.name, lifter, technique, load_kg)
    programme = Programme(profile, way, lifter, technique, rng)
    for number in range(sets):
        if number and leave:
            programme.go("rest", max(rest_s, profile.set_gap_s + 3.0))
        programme.a_set(reps, approach=approach, leave=leave)
    programme.go("idle" if leave else "top", after_s)
    motion = perform(programme.pieces, programme.start_m, rng, lifter.muscle_s)
    geometry = geometry or _geometry(profile, way, rng, sensors)
    if profile.load == "cable" and geometry.free_length_m is None:
        geometry = msgspec.structs.replace(geometry, free_length_m=way.free_length_m)
    kind = {"cable": "cable", "band": "band"}.get(profile.load, "barbell")
    station = StationFile(
        station=StationTable(id=station_id, kind=kind),  # type: ignore[arg-type]
        geometry=geometry,
        noise=Noise(
            position_m=max(sensors.position_noise_m, sensors.resolution_m / np.sqrt(12.0)),
            tether_angle_rad=sensors.tilt_noise_rad,
            pulley_n=sensors.pulley_noise_n,
        ),
        exercise=profile.name,
    )
    shake = tremor(motion, lifter.tremor_m, rng)
    if kind == "cable":
        sensed = _cable(motion, way, geometry, sensors, load_kg, shake, rng)
    elif kind == "band":
        sensed = _band(motion, sensors, rng)
    else:
        sensed = _barbell(motion, way, profile, geometry, sensors, load_kg, shake, rng)
    recording, s, place, force = sensed
    truth = {
        "schema": "plumbline/truth/1",
        "station": station_id,
        "exercise": profile.name,
        **describe(motion, profile, s, force, place),
    }
    return SimulatedSet(station, profile.name, recording, truth, motion, s, place, force)


_Sensed = tuple[dict[str, Channel], Floats, tuple[Floats, Floats] | None, Floats | None]


def _usual_load(profile: Profile, rng: np.random.Generator) -> float:
    """Kilograms: of the bar with its plates, of the stack; a stick weighs next to nothing."""
    if profile.load == "cable":
        return float(rng.uniform(15.0, 70.0))
    return float(rng.uniform(20.0, 140.0)) if profile.load == "mass" else 0.3


def _geometry(profile: Profile, way: Reach, rng: np.random.Generator, sensors: Sensors) -> Geometry:
    if profile.load == "cable":
        return Geometry(
            travel_ratio=float(rng.choice([1.0, 2.0])),
            pulley_efficiency=0.97,
            free_length_m=way.free_length_m,
        )
    anchor = (round(float(rng.uniform(-0.05, 0.25)), 3), 0.0)
    second = (round(anchor[0] - 0.6, 3), 0.0) if sensors.second_tether else None
    return Geometry(lpt_anchor_m=anchor, lpt_2_anchor_m=second)


def _barbell(
    motion: Motion,
    way: Reach,
    profile: Profile,
    geometry: Geometry,
    sensors: Sensors,
    load_kg: float,
    shake: Floats,
    rng: np.random.Generator,
) -> _Sensed:
    x = np.interp(motion.s_m, way.s_m, way.x_m) + motion.walk_m + motion.drift_m
    y = motion.s_m
    end = float(motion.time_s[-1])
    recording = {}
    time = sample_times(end, sensors.position_hz, sensors, rng)
    for name, anchor in (("position_m", geometry.lpt_anchor_m), ("position_2_m", geometry.lpt_2_anchor_m)):
        if anchor is not None and (name == "position_m" or sensors.second_tether):
            length = np.hypot(x - anchor[0], y + shake - anchor[1])
            recording[name] = read(time, motion, length, sensors.position_noise_m, sensors.resolution_m, rng)
    if sensors.tilt_hz:
        angle = np.arctan2(x - geometry.lpt_anchor_m[0], y - geometry.lpt_anchor_m[1])
        time = sample_times(end, sensors.tilt_hz, sensors, rng)
        recording["tether_angle_rad"] = read(
            time, motion, angle, sensors.tilt_noise_rad, sensors.tilt_resolution_rad, rng
        )
    force = None
    if profile.load == "mass":
        force = bar_force(motion, load_kg)
        if sensors.force_hz:
            time = sample_times(end, sensors.force_hz, sensors, rng)
            recording["force_n"] = read(time, motion, force, sensors.force_noise_n, 0.1, rng)
    return recording, y, (x, y), force


def _cable(
    motion: Motion,
    way: Reach,
    geometry: Geometry,
    sensors: Sensors,
    load_kg: float,
    shake: Floats,
    rng: np.random.Generator,
) -> _Sensed:
    stack = Stack(mass_kg=load_kg, ratio=geometry.travel_ratio, efficiency=geometry.pulley_efficiency)
    tension = cable_tension(motion, stack)
    s = np.maximum(motion.s_m, 0.0)  # the stack is down: the cable goes slack, the handle moves on
    elevation = np.interp(s, way.s_m, np.arctan2(way.y_m, way.x_m))
    length = (way.free_length_m or 0.0) + motion.s_m
    place = (length * np.cos(elevation), length * np.sin(elevation))
    end = float(motion.time_s[-1])
    recording = {}
    time = sample_times(end, sensors.position_hz, sensors, rng)
    travel = np.maximum(motion.s_m + shake, 0.0) / geometry.travel_ratio
    recording["position_m"] = read(time, motion, travel, sensors.position_noise_m, sensors.resolution_m, rng)
    if sensors.force_hz:
        time = sample_times(end, sensors.force_hz, sensors, rng)
        recording["force_n"] = read(time, motion, tension, sensors.force_noise_n, 0.1, rng)
    if sensors.pulley_hz:
        stack_side = tension * geometry.pulley_efficiency ** direction(motion.v_mps)
        time = sample_times(end, sensors.pulley_hz, sensors, rng)
        sides = {
            "pulley_x_n": tension * np.cos(elevation),
            "pulley_y_n": tension * np.sin(elevation) + stack_side,
        }
        for name, value in sides.items():
            recording[name] = read(time, motion, value, sensors.pulley_noise_n, 0.1, rng)
    return recording, s, place, tension


def _band(motion: Motion, sensors: Sensors, rng: np.random.Generator) -> _Sensed:
    tension = band_tension(motion.s_m, Band(stiffness_npm=float(rng.uniform(150.0, 400.0))))
    time = sample_times(float(motion.time_s[-1]), sensors.force_hz or 80.0, sensors, rng)
    return {"force_n": read(time, motion, tension, sensors.force_noise_n, 0.05, rng)}, tension, None, tension


def with_seed(seed: int) -> np.random.Generator:
    """The generator every face of the simulator starts from."""
    return np.random.Generator(np.random.PCG64(seed))
