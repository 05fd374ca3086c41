"""From a plan to a recording and its truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from station.config import Geometry, Noise, StationFile, StationTable
from station.exercises import Profile, load_profile
from station.sim.devices import sensors as sense
from station.sim.devices.readings import Stretch, platform_shares, readings, stands_on_platform
from station.sim.devices.sensors import Sensors, Signal, random_sensors
from station.sim.lifter.body import HEEL_SHARE, Lifter, Technique, mid_foot_m
from station.sim.lifter.load import (
    G_MPS2,
    Band,
    WeightStack,
    band_tension,
    bar_force,
    cable_tension,
    direction,
)
from station.sim.lifter.motion import Floats, TrueMotion, join, perform, smooth
from station.sim.lifter.programs import Programme
from station.sim.lifter.reach import Reach, reach
from station.sim.measures import CellTruth
from station.sim.plan import SetPlan, StationPlan, Way, meet
from station.sim.truth import describe


@dataclass(frozen=True)
class SimulatedSet:
    """One simulated stretch of training: what the sensors gave, the station file for it, and the truth."""

    plan: StationPlan
    station: StationFile
    exercise: str
    sensors: Sensors
    recording: dict[str, Signal]
    truth: dict[str, Any]
    motion: TrueMotion
    dense: Stretch


def default_sensors(profile: Profile) -> Sensors:
    """The sensors a station of this kind usually has."""
    if profile.load == "cable":
        return Sensors(pulley_hz=80.0)
    if profile.load == "band":
        return Sensors(force_noise_n=0.3)
    return Sensors(tilt_hz=100.0, force_hz=80.0 if profile.load == "mass" else None)


def simulate_set(
    profile: Profile,
    *,
    reps: int = 8,
    rng: np.random.Generator,
    lifter: Lifter | None = None,
    technique: Technique | None = None,
    tempo: tuple[float | None, float | None, float | None, float | None] | None = None,
    sensors: Sensors | None = None,
    geometry: Geometry | None = None,
    load_kg: float | None = None,
    approach: Way = "usual",
    leave: Way = "usual",
    sets: int = 1,
    rest_s: float = 20.0,
    after_s: float = 0.5,
    station_id: str = "sim-1",
) -> SimulatedSet:
    """Simulate `sets` sets of `reps` reps with what happens around them.

    Everything left out is drawn from `rng` (the lifter, the load, where the unit stands) or usual for the
    exercise (tempo, sensors). The same state of `rng` gives the same bits.
    """
    plan = StationPlan(
        exercise=profile.name,
        id=station_id,
        lifters={} if lifter is None else {"lifter": msgspec.structs.asdict(lifter)},
        sensors=sensors,
        geometry=geometry,
        after_s=after_s,
        sets=[
            SetPlan(
                reps=reps,
                repeat=sets,
                load_kg=load_kg,
                technique=technique or Technique(),
                tempo=tempo,
                approach=approach,
                leave=leave,
                rest_s=rest_s,
            )
        ],
    )
    return simulate_station(plan, rng, profile)


def simulate_station(
    plan: StationPlan, rng: np.random.Generator, profile: Profile | None = None
) -> SimulatedSet:
    """Carry out a station's whole plan. `profile`: the exercise where it is not one of the shipped ones."""
    profile = profile or load_profile(plan.exercise)
    if plan.any_sensors:
        sensors = random_sensors(profile.load, rng)
    else:
        sensors = plan.sensors or default_sensors(profile)
    geometry = plan.geometry or _geometry(profile, sensors, rng)
    if profile.load == "cable" and geometry.free_length_m is None:
        geometry = msgspec.structs.replace(geometry, free_length_m=_FREE_LENGTH_M.get(profile.name, 1.0))
    motions, stretches = [], []
    for motion, stretch in _sets(plan, profile, geometry, rng):
        motions.append(motion)
        stretches.append(stretch)
    motion, dense = join(motions), _joined(stretches)
    bumps = sense.knocks(motion, sensors, rng)
    recording = readings(motion, dense, profile, plan, geometry, sensors, bumps, rng)
    place = None if dense.x_m is None or dense.y_m is None else (dense.x_m, dense.y_m)
    truth = {
        "schema": "plumbline/truth/1",
        "station": plan.id,
        "exercise": profile.name,
        **describe(
            motion,
            profile,
            dense.s,
            dense.force_n,
            place,
            _felt(dense, profile, sensors),
        ),
    }
    truth["not_reps"] += [{"start_s": b.start_s, "end_s": b.end_s, "what": "bump"} for b in bumps]
    truth["not_reps"].sort(key=lambda item: item["start_s"])
    station = _station_file(plan, profile, geometry, sensors)
    return SimulatedSet(plan, station, profile.name, sensors, recording, truth, motion, dense)


def _felt(dense: Stretch, profile: Profile, sensors: Sensors) -> CellTruth:
    """What the station has cells for."""
    pulls = profile.load in ("cable", "band") and (sensors.force_hz or sensors.pulley_hz)
    stands_on = stands_on_platform(profile, sensors)
    weighs = profile.load in ("mass", "cable") and (
        sensors.force_hz or (stands_on and profile.load == "mass")
    )
    return CellTruth(
        tension_n=dense.force_n if pulls else None,
        platform=platform_shares(dense) if stands_on else None,
        load_kg=dense.load_kg if weighs else None,
    )


_FREE_LENGTH_M = {"cable-pull-through": 0.95, "cable-row": 0.70}


def _geometry(profile: Profile, sensors: Sensors, rng: np.random.Generator) -> Geometry:
    if profile.load == "cable":
        return Geometry(travel_ratio=float(rng.choice([1.0, 2.0])), pulley_efficiency=0.97)
    if profile.load == "band":
        return Geometry()
    anchor = (round(float(rng.uniform(-0.15, 0.15)), 3), 0.0)
    second = (round(anchor[0] - 0.6, 3), 0.0) if sensors.second_tether else None
    return Geometry(lpt_anchor_m=anchor, lpt_2_anchor_m=second)


def _station_file(plan: StationPlan, profile: Profile, geometry: Geometry, sensors: Sensors) -> StationFile:
    kind = {"cable": "cable", "band": "band"}.get(profile.load, "barbell")
    noise = float(np.hypot(sensors.position_noise_m, sensors.resolution_m / np.sqrt(12.0)))
    return StationFile(
        station=StationTable(id=plan.id, kind=kind),  # type: ignore[arg-type]
        geometry=geometry,
        noise=Noise(
            position_m=round(noise, 7),
            tether_angle_rad=sensors.tilt_noise_rad,
            pulley_n=sensors.pulley_noise_n,
            # its anchors, zeros and ratios are what the file says, or are wrong on purpose
            anchor_m=0.0,
            zero_m=0.0,
            scale=0.0,
        ),
        exercise=profile.name,
    )


def _sets(
    plan: StationPlan, profile: Profile, geometry: Geometry, rng: np.random.Generator
) -> list[tuple[TrueMotion, Stretch]]:
    """Every set in turn, each from where the load was left."""
    met: dict[str, Lifter] = {}
    band = Band(stiffness_npm=float(rng.uniform(150.0, 400.0)))
    loads: dict[str, float] = {}
    done: list[tuple[TrueMotion, Stretch]] = []
    left: tuple[float, float] | None = None
    reps = 0
    every = [one for one in plan.sets for _ in range(one.repeat)]
    for number, one in enumerate(every):
        if one.who not in met:
            met[one.who] = meet(one.who, plan, rng)
            loads[one.who] = _usual_load(profile, rng)
        if one.load_kg is not None:
            loads[one.who] = one.load_kg
        lifter, load_kg = met[one.who], loads[one.who]
        way = reach(
            profile.name, lifter, one.technique, load_kg, geometry.free_length_m or 1.0, plan.setup.close_m
        )
        programme = Programme(profile, one, way, lifter, rng, reps)
        before_s = max(one.rest_s, 0.0) if number or not one.reps else 0.0
        pieces = programme.write(before_s, left)
        if number + 1 == len(every):
            programme.go("idle" if one.leave != "none" else "top", max(plan.after_s, 0.01))
        motion = perform(pieces, programme.start_m, programme.start_x_m, rng, lifter.muscle_s, lifter.sway_m)
        left, reps = (programme.s_m, programme.x_m), programme.reps
        done.append((motion, _stretch(motion, way, profile, plan, geometry, lifter, load_kg, band, rng)))
    return done


def _usual_load(profile: Profile, rng: np.random.Generator) -> float:
    """Kilograms: of the bar with its plates, of the stack; a stick weighs next to nothing."""
    if profile.load == "cable":
        return float(rng.uniform(15.0, 70.0))
    return float(rng.uniform(20.0, 140.0)) if profile.load == "mass" else 0.3


def _stretch(
    motion: TrueMotion,
    way: Reach,
    profile: Profile,
    plan: StationPlan,
    geometry: Geometry,
    lifter: Lifter,
    load_kg: float,
    band: Band,
    rng: np.random.Generator,
) -> Stretch:
    """The load's place and forces, and the pressure under the feet, for one set."""
    s: Floats = motion.s_m
    x = y = force = stack_side = None
    if profile.load == "cable":
        setup = plan.setup
        ratio = setup.travel_ratio or geometry.travel_ratio
        efficiency = setup.pulley_efficiency or geometry.pulley_efficiency
        force = cable_tension(motion, WeightStack(load_kg, ratio, setup.sheaves, efficiency))
        stack_side = force * efficiency ** direction(motion.v_mps)
        elevation = np.interp(s, way.s_m, np.arctan2(way.y_m, way.x_m))
        length = (way.free_length_m or 0.0) + s
        x, y = length * np.cos(elevation), length * np.sin(elevation)
        s = np.maximum(s, 0.0)  # the stack is down: the cable goes slack, the handle may move on
    elif profile.load == "band":
        s = force = band_tension(s, band)
    else:
        # The mark on the floor, x = 0, is where the bar hangs at the lockout.
        x, y = np.interp(s, way.s_m, way.x_m) - way.x_m[-1] + motion.walk_m, s
        force = bar_force(motion, load_kg) if profile.load == "mass" else None
    pressure, weight = _under_the_feet(motion, way, lifter, load_kg if profile.load == "mass" else 0.0)
    shake = sense.tremor(motion, lifter.tremor_m, rng)
    share = np.full(len(s), lifter.left_share)
    return Stretch(s, x, y, force, stack_side, shake, pressure, weight, share, np.full(len(s), load_kg))


def _under_the_feet(motion: TrueMotion, way: Reach, lifter: Lifter, load_kg: float) -> tuple[Floats, Floats]:
    """Centre of pressure in front of mid-foot, metres, and the weight on the floor, newtons."""
    if way.posture is None:
        still = np.zeros(len(motion.time_s))
        return still, still + lifter.mass_kg * G_MPS2
    centre = way.posture.mass_centre
    # Smoothed, because the table's kinks would be blows in the second derivative.
    x = smooth(np.interp(motion.s_m, way.s_m, centre[:, 0]), 61)
    height = smooth(np.interp(motion.s_m, way.s_m, centre[:, 1]), 61)
    push_x = np.gradient(np.gradient(x, motion.time_s), motion.time_s)
    push_y = np.gradient(np.gradient(height, motion.time_s), motion.time_s)
    place = x - height * push_x / (G_MPS2 + push_y) - mid_foot_m(lifter)
    limit = (1.0 - HEEL_SHARE) * 0.152 * lifter.stature_m
    weight = (lifter.mass_kg + load_kg * motion.held) * (G_MPS2 + push_y)
    return np.clip(place, -limit, limit), np.asarray(weight)


def _joined(parts: Sequence[Stretch]) -> Stretch:
    """One after the other."""

    def whole(name: str) -> Floats | None:
        every = [getattr(part, name) for part in parts]
        return None if every[0] is None else np.concatenate(every)

    return Stretch(**{name: whole(name) for name in Stretch.__dataclass_fields__})  # type: ignore[arg-type]


def with_seed(seed: int) -> np.random.Generator:
    """The generator every face of the simulator starts from."""
    return np.random.Generator(np.random.PCG64(seed))
