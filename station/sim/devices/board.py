"""From what the sensors gave to the bytes of a board: counts per unit, offsets and widths of a real one."""

from collections.abc import Iterator, Mapping

import numpy as np

from station import wire
from station.sim.devices.device import BoardChannel, ChannelSamples, Piece, SimulatedBoard, spoil
from station.sim.devices.sensors import Sensors, Signal
from station.sim.session import SimulatedSet

LOAD_CELL_COUNTS_PER_N = 800.0  # 24 bits over some 10 kN, as an HX711 at gain 128 with a 2 mV/V cell
LOAD_CELL_ZERO = 41_213.0  # no bridge is balanced
TILT_COUNTS_PER_RAD = 16384.0 / (2.0 * np.pi)  # 14-bit magnetic encoder


def announce(recording: Mapping[str, Signal], sensors: Sensors) -> list[BoardChannel]:
    """What the board's hello says of each channel of the recording, in the recording's order."""
    return [_announced(name, sensors) for name in recording]


def _announced(name: str, sensors: Sensors) -> BoardChannel:
    if name.startswith("position"):
        return BoardChannel(wire.Channel(name, sensors.position_hz, 1.0 / sensors.resolution_m), width=3)
    if name == "tether_angle_rad":
        return BoardChannel(wire.Channel(name, sensors.tilt_hz or 100.0, TILT_COUNTS_PER_RAD), width=2)
    rate = (sensors.pulley_hz if name.startswith("pulley") else sensors.force_hz) or 80.0
    span = sensors.cell.saturation_n * LOAD_CELL_COUNTS_PER_N
    limit = 2**23 - 1
    low, high = (int(max(-limit, min(limit, LOAD_CELL_ZERO + end))) for end in (-span, span))
    channel = wire.Channel(name, rate, LOAD_CELL_COUNTS_PER_N, LOAD_CELL_ZERO, low, high)
    return BoardChannel(channel, width=3)


def counts(
    recording: Mapping[str, Signal], channels: list[BoardChannel], offset_s: float = 0.0
) -> list[ChannelSamples]:
    """Whole counts of every channel, in the order of `channels`, `offset_s` later; no value stays NaN."""
    samples = []
    for channel in channels:
        said = channel.announced
        time_s, value = recording[said.name]
        limit = 2.0 ** (8 * channel.width - 1) - 1.0
        raw = np.clip(np.rint(value * said.counts_per_unit + said.zero_counts), -limit, limit)
        samples.append((time_s + offset_s, raw))
    return samples


def board_bytes(simulated: SimulatedSet, rng: np.random.Generator) -> Iterator[Piece]:
    """What the station's board sends over its line, with the resets and the line faults of the plan."""
    plan = simulated.plan
    channels = announce(simulated.recording, simulated.sensors)
    board = SimulatedBoard(
        channels,
        rng=rng,
        name=f"simulated {plan.id}",
        drift_ppm=float(rng.uniform(-60.0, 60.0)),
        start_us=int(rng.integers(2**32)) if plan.start_us is None else plan.start_us,
        resets_at_s=plan.resets_at_s,
    )
    return spoil(board.send(counts(simulated.recording, channels)), plan.line, rng)
