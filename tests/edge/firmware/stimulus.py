"""What a board's pins and sensors show while the simulated lifter lifts: edges, conversions, angles.

The same stimuli go to the firmware wherever it runs: as a Linux program, and as machine code in an emulator.
A file is a sequence of records of 12 bytes, little endian, ordered by time:

    0   u32  t_us     true time since the board was switched on
    4   u8   kind     1 edge: the lines of an encoder are now B << 1 | A
                      2 reading: a converter has converted this number of counts, and is ready
                      3 angle: a tilt encoder answers this from now on; -1: it does not answer
                      4 home switch: 1 closed, 0 open
                      5 reset of the board: 0 switched off and on, 1 its watchdog, 2 its reset pin;
                      ATmega328P: 3 off and on before memory forgets, 4 its watchdog, with interrupts off
                      6 a converter's data line: 1 held low by a short or a dead supply, 0 let go
                      7 a NAU7802's plug: 0 pulled out, 1 put in
                      8 a NAU7802 does not acknowledge so many transfers
    5   u8   channel  index into the board's channels
    6   u16  0
    8   i32  value
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from station.exercises import load_profile
from station.sim.devices.board import LOAD_CELL_COUNTS_PER_N, LOAD_CELL_ZERO
from station.sim.devices.readings import lengths, tether_angle_rad
from station.sim.lifter.motion import Floats
from station.sim.session import SimulatedSet

RECORD = np.dtype([("t_us", "<u4"), ("kind", "u1"), ("channel", "u1"), ("unused", "<u2"), ("value", "<i4")])
TILT_STEPS = 4096  # in a turn of an AS5600
_GRAY = np.array([0, 1, 3, 2])  # outwards A comes first; B << 1 | A


class Kind(IntEnum):
    """What a record is."""

    EDGE = 1
    READING = 2
    ANGLE = 3
    HOME = 4
    RESET = 5
    SHORT = 6
    PLUG = 7
    DEAF = 8


class Encoder(NamedTuple):
    """An encoder on a reel: `counts_per_m` edges a metre; what it stands at when the board starts is 0."""

    counts_per_m: float
    top_m: float | None = None  # the unit is so far above a resting stack, its tether on the top plate


class Tilt(NamedTuple):
    """A tilt encoder whose raw angle is `centre` where the tether hangs plumb."""

    centre: int = 2048


Sensor = Encoder | Tilt | None  # None: a converter


def stimuli(
    simulated: SimulatedSet, sensors: Mapping[str, Sensor], start_s: float = 0.1
) -> tuple[NDArray[np.void], dict[str, float]]:
    """Records of the channels of a simulated set, in the order of `sensors`, whose channels count from 0.

    start_s: how long the board runs before the set begins. Returns the records, and of each encoder's channel
    the counts of its zero, for the board starts at 0 wherever the tether is: value = (counts - zero) / unit;
    of one above a stack that is counted the other way.
    """
    parts: list[NDArray[np.void]] = []
    zeros: dict[str, float] = {}
    profile = load_profile(simulated.exercise)
    geometry = simulated.station.geometry
    reels = lengths(simulated.dense, profile, simulated.plan, geometry, simulated.sensors)
    time_s = simulated.motion.time_s + start_s
    for index, (name, sensor) in enumerate(sensors.items()):
        if isinstance(sensor, Encoder):
            length = reels[name] if sensor.top_m is None else sensor.top_m - reels[name]
            counts = length * sensor.counts_per_m
            parts.append(edges(index, time_s, counts - np.floor(counts[0])))
            zeros[name] = -float(np.floor(counts[0]))
            if sensor.top_m is not None:
                zeros[name] = float(np.floor(counts[0])) - sensor.top_m * sensor.counts_per_m
        elif isinstance(sensor, Tilt):
            angle = tether_angle_rad(simulated.dense, simulated.plan, geometry)
            raw = (np.rint(angle * TILT_STEPS / (2.0 * np.pi)).astype(np.int64) + sensor.centre) % TILT_STEPS
            turned = np.flatnonzero(np.diff(raw, prepend=-1))
            parts.append(records(Kind.ANGLE, index, time_s[turned] * (turned > 0), raw[turned]))
        else:
            of_s, value = simulated.recording[name]
            whole = np.rint(value * LOAD_CELL_COUNTS_PER_N + LOAD_CELL_ZERO)
            parts.append(records(Kind.READING, index, of_s + start_s, whole))
    return merged(parts), zeros


def edges(channel: int, time_s: Floats, counts: Floats) -> NDArray[np.void]:
    """The lines of an encoder at `counts` at `time_s`, straight between; each whole count is an edge.

    time_s, counts: float64, shape (n,). The first record is where the lines stand at the beginning.
    """
    cells = np.floor(counts).astype(np.int64)
    steps = np.diff(cells)
    moved = np.flatnonzero(steps)
    each = np.abs(steps[moved])
    interval = np.repeat(moved, each)
    nth = np.arange(len(interval)) - np.repeat(np.cumsum(each) - each, each)
    up = np.repeat(steps[moved] > 0, each)
    boundary = np.where(up, cells[interval] + 1 + nth, cells[interval] - nth)
    share = (boundary - counts[interval]) / (counts[interval + 1] - counts[interval])
    at_s = time_s[interval] + share * (time_s[interval + 1] - time_s[interval])
    after = np.where(up, boundary, boundary - 1)
    return records(
        Kind.EDGE, channel, np.concatenate(([0.0], at_s)), _GRAY[np.concatenate((cells[:1], after)) % 4]
    )


def records(kind: Kind, channel: int, time_s: Floats, value: Floats | NDArray[np.int64]) -> NDArray[np.void]:
    """Records of one kind and channel; time_s and value of one shape (n,)."""
    made = np.zeros(len(time_s), dtype=RECORD)
    made["t_us"] = np.rint(np.asarray(time_s) * 1e6)
    made["kind"], made["channel"], made["value"] = kind, channel, value
    return made


def merged(parts: Sequence[NDArray[np.void]]) -> NDArray[np.void]:
    """All of them in the order of time."""
    every = np.concatenate(parts)
    return every[np.argsort(every["t_us"], kind="stable")]
