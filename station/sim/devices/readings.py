"""Which sensor of a station sees what of the dense truth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from station.config import Geometry
from station.exercises import Profile
from station.sim.devices import sensors as sense
from station.sim.devices.sensors import Sensors, Signal
from station.sim.lifter.motion import Floats, TrueMotion
from station.sim.plan import StationPlan

PLATFORM_HALF_LENGTH_M, PLATFORM_HALF_WIDTH_M = 0.30, 0.28  # between the cells under the corners
STANCE_HALF_WIDTH_M = 0.16


@dataclass(frozen=True)
class Stretch:
    """Dense truth besides the motion; float64, shape of motion.time_s. What a station has not is None."""

    s: Floats  # the motion coordinate, metres; newtons on a band station
    x_m: Floats | None  # of bar (in front of its place at the lockout) or handle (from the pulley)
    y_m: Floats | None
    force_n: Floats | None  # what a perfect load cell reads
    stack_side_n: Floats | None  # cable tension behind the low pulley
    shake_m: Floats  # tremor
    pressure_m: Floats  # centre of pressure in front of mid-foot
    weight_n: Floats  # on the platform
    left_share: Floats
    load_kg: Floats  # of the bar with its plates, or of the stack


def readings(
    motion: TrueMotion,
    dense: Stretch,
    profile: Profile,
    plan: StationPlan,
    geometry: Geometry,
    sensors: Sensors,
    bumps: Sequence[sense.Knock],
    rng: np.random.Generator,
) -> dict[str, Signal]:
    """What every sensor of the station gives, by channel. `bumps`: somebody else's touches, see sensors."""
    recording: dict[str, Signal] = {}
    end = float(motion.time_s[-1])
    extra = sense.ringing(motion, sensors.slap_m, rng) + sense.knocked(motion, list(bumps))
    if profile.load != "band":
        times = sense.sample_times(end, sensors.position_hz, sensors, rng)
        for name, length in lengths(dense, profile, plan, geometry, sensors).items():
            recording[name] = sense.tether(motion, length, times, sensors, extra, rng)
    if profile.load in ("mass", "none") and sensors.tilt_hz and dense.x_m is not None:
        recording["tether_angle_rad"] = sense.tilt(
            motion,
            tether_angle_rad(dense, plan, geometry) + sense.ringing(motion, sensors.slap_rad, rng),
            sensors,
            rng,
        )
    cells: dict[str, tuple[Floats, float, float]] = {}
    if dense.force_n is not None and sensors.force_hz:
        cells["force_n"] = (dense.force_n, sensors.force_hz, sensors.force_noise_n)
    if dense.stack_side_n is not None and dense.force_n is not None and sensors.pulley_hz:
        cells |= _pulley(dense, sensors)
    if stands_on_platform(profile, sensors):
        cells |= _platform(dense, sensors)
    for name, (force, rate, noise) in cells.items():
        recording[name] = sense.load_cell(motion, force, rate, noise, sensors, rng)
    return recording


def lengths(
    dense: Stretch, profile: Profile, plan: StationPlan, geometry: Geometry, sensors: Sensors
) -> dict[str, Floats]:
    """What the position transducers are pulled out to, dense, metres."""
    if profile.load == "cable":
        ratio = plan.setup.travel_ratio or geometry.travel_ratio
        return {
            "position_m": np.maximum(dense.s + np.where(dense.s > 0.002, dense.shake_m, 0.0), 0.0) / ratio
        }
    assert dense.x_m is not None
    anchors = {"position_m": geometry.lpt_anchor_m}
    if sensors.second_tether and geometry.lpt_2_anchor_m is not None:
        anchors["position_2_m"] = geometry.lpt_2_anchor_m
    moved = plan.setup.anchor_moved_m
    return {
        name: np.hypot(dense.x_m - x - moved[0], dense.s + dense.shake_m - y - moved[1])
        for name, (x, y) in anchors.items()
    }


def tether_angle_rad(dense: Stretch, plan: StationPlan, geometry: Geometry) -> Floats:
    """The first tether's tilt from vertical, dense."""
    assert dense.x_m is not None
    anchor = np.array(geometry.lpt_anchor_m) + plan.setup.anchor_moved_m
    return np.asarray(np.arctan2(dense.x_m - anchor[0], dense.s + dense.shake_m - anchor[1]))


def _pulley(dense: Stretch, sensors: Sensors) -> dict[str, tuple[Floats, float, float]]:
    """The two-axis cell of the low pulley: handle side along the cable, stack side straight up."""
    assert dense.force_n is not None
    assert dense.stack_side_n is not None
    assert dense.x_m is not None
    assert dense.y_m is not None
    elevation = np.arctan2(dense.y_m, dense.x_m)
    rate, noise = sensors.pulley_hz or 80.0, sensors.pulley_noise_n
    return {
        "pulley_x_n": (dense.force_n * np.cos(elevation), rate, noise),
        "pulley_y_n": (dense.force_n * np.sin(elevation) + dense.stack_side_n, rate, noise),
    }


def stands_on_platform(profile: Profile, sensors: Sensors) -> bool:
    """Whether the lifter's weight is on a platform with cells."""
    return sensors.platform_hz is not None and profile.name not in ("bench-press", "cable-row")


def platform_shares(dense: Stretch) -> tuple[Floats, Floats]:
    """What share of the weight the rear cells and the left ones carry, by lever; dense."""
    front = np.clip(0.5 + 0.5 * dense.pressure_m / PLATFORM_HALF_LENGTH_M, 0.0, 1.0)
    return 1.0 - front, 0.5 + (dense.left_share - 0.5) * STANCE_HALF_WIDTH_M / PLATFORM_HALF_WIDTH_M


def _platform(dense: Stretch, sensors: Sensors) -> dict[str, tuple[Floats, float, float]]:
    """Four cells under the corners: by lever, from the centre of pressure and the share of each foot."""
    rear, left = platform_shares(dense)
    rate, noise = sensors.platform_hz or 80.0, sensors.platform_noise_n
    return {
        "platform_front_left_n": (dense.weight_n * (1.0 - rear) * left, rate, noise),
        "platform_front_right_n": (dense.weight_n * (1.0 - rear) * (1.0 - left), rate, noise),
        "platform_rear_left_n": (dense.weight_n * rear * left, rate, noise),
        "platform_rear_right_n": (dense.weight_n * rear * (1.0 - left), rate, noise),
    }
