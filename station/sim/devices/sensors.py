"""What the sensors make of the true motion: SI samples at each sensor's own rate, with its faults."""

from typing import NamedTuple

import msgspec
import numpy as np

from station.sim.lifter.motion import DT_S, RATE_HZ, Floats, TrueMotion, slow_noise


class Signal(NamedTuple):
    """One channel's samples: times in seconds of the device clock, values SI; float64, one shape."""

    time_s: Floats
    value: Floats


class LoadCell(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a strain-gauge cell and its 24-bit converter (HX711, ADS1256) add to the force."""

    creep: float = 0.0002  # share of the load that comes late; data sheets of class C3 allow 0.02 % in 30 min
    creep_s: float = 300.0
    warm_up_n: float = 0.0  # drift of zero from switching on until warm
    warm_up_s: float = 400.0
    temperature_n: float = 0.0  # slow wandering of zero, standard deviation
    saturation_n: float = 20_000.0
    spikes_per_min: float = 0.0  # single readings that are nonsense, known from HX711 boards
    missing: float = 0.0  # share of conversions that are lost


GOOD_CELL = LoadCell()


class Sensors(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which sensors a station has and how good they are. A rate of None: there is no such sensor."""

    position_hz: float = 200.0
    resolution_m: float = 0.0002  # of a quadrature count
    position_noise_m: float = 0.0001
    second_tether: bool = False
    tilt_hz: float | None = None
    tilt_noise_rad: float = 0.0017
    tilt_resolution_rad: float = 2.0 * np.pi / 16384.0  # 14-bit magnetic encoder
    tilt_offset_rad: float = 0.0  # the encoder is mounted askew
    force_hz: float | None = 80.0
    force_noise_n: float = 1.0
    pulley_hz: float | None = None
    pulley_noise_n: float = 1.0
    platform_hz: float | None = None
    platform_noise_n: float = 1.0
    cell: LoadCell = GOOD_CELL  # of every load cell

    jitter: float = (
        0.0  # standard deviation of the sampling instant, as a share of the period; the stamp is true
    )
    stamp_jitter_s: float = 0.0  # error of the stamp itself
    missing: float = 0.0  # share of position samples that are lost
    repeated: float = 0.0  # share of position samples that repeat the one before
    missed_ticks_per_m: float = 0.0  # counts the encoder loses on its way
    zero_shift_m: float = 0.0  # a jump of zero, once, at a random moment
    slap_m: float = 0.0  # ringing of the tether after each jerk, amplitude
    slap_rad: float = 0.0  # the same, as the tilt encoder sees it
    sag_m: float = 0.0  # of one metre of tether; grows with the cube of the length
    bumps_per_min: float = 0.0  # somebody touches the tether or the cable while nobody lifts
    bumps_in_set: bool = False  # … or while somebody does


def random_sensors(load: str, rng: np.random.Generator) -> Sensors:
    """The sensors of some station or other for a profile's `load`, from a phone's rate to a laboratory's."""
    rate = float(rng.choice([25.0, 45.0, 100.0, 200.0, 400.0, 1000.0]))
    resolution = float(np.exp(rng.uniform(np.log(0.00002), np.log(0.003 if rate < 300.0 else 0.0005))))
    barbell = load in ("mass", "none")
    two = barbell and rng.uniform() < 0.35
    cells = [80.0, 320.0] if load == "band" else [None, 10.0, 80.0, 320.0]
    pulley = [None, 80.0, 320.0] if load == "cable" else [None]
    return Sensors(
        position_hz=rate,
        resolution_m=resolution,
        position_noise_m=float(rng.uniform(0.0, 0.0005)),
        second_tether=two,
        tilt_hz=float(rng.choice([50.0, 100.0, 200.0]))
        if barbell and not two and rng.uniform() < 0.6
        else None,
        tilt_noise_rad=float(np.deg2rad(rng.uniform(0.03, 0.3))),
        force_hz=cells[int(rng.integers(len(cells)))],
        force_noise_n=float(rng.uniform(0.1, 0.6 if load == "band" else 4.0)),
        pulley_hz=pulley[int(rng.integers(len(pulley)))],
        pulley_noise_n=float(rng.uniform(0.3, 2.0)),
        jitter=float(rng.choice([0.0, 0.05, 0.2])),
        missing=float(rng.choice([0.0, 0.0, 0.01])),
        repeated=float(rng.choice([0.0, 0.05, 0.3])) if rate < 50.0 else 0.0,
        slap_m=float(rng.choice([0.0, 0.0, 0.0005, 0.0015])) if barbell else 0.0,
    )


class Knock(NamedTuple):
    """A touch of the tether or the cable, in seconds, and how far it pulls it out, metres."""

    start_s: float
    end_s: float
    size_m: float


def sample_times(duration_s: float, rate_hz: float, sensors: Sensors, rng: np.random.Generator) -> Floats:
    """When a sensor is read: its own phase and jitter; strictly increasing, whole microseconds."""
    count = int(duration_s * rate_hz) - 1
    time = (np.arange(count) + rng.uniform(0.0, 1.0)) / rate_hz
    if sensors.jitter:
        limit = 0.45 / rate_hz
        time = time + rng.normal(0.0, sensors.jitter / rate_hz, count).clip(-limit, limit)
    return np.asarray(np.round(np.abs(time), 6))


def sample(time_s: Floats, motion: TrueMotion, true: Floats) -> Floats:
    """A dense truth at `time_s`, between its samples where need be."""
    return np.asarray(np.interp(time_s, motion.time_s, true))


def with_missing(channel: Signal, share_missing: float, rng: np.random.Generator) -> Signal:
    """Without the samples that got lost."""
    if not share_missing:
        return channel
    keep = rng.uniform(size=len(channel.time_s)) >= share_missing
    return Signal(channel.time_s[keep], channel.value[keep])


def tether(
    motion: TrueMotion,
    length_m: Floats,
    times_s: Floats,
    sensors: Sensors,
    extra_m: Floats,
    rng: np.random.Generator,
) -> Signal:
    """A linear position transducer: quadrature counts of the tether's length, in metres.

    length_m and extra_m (ringing and knocks) are dense; times_s as from `sample_times`.
    """
    value = sample(times_s, motion, length_m + sensors.sag_m * length_m**3 + extra_m)
    value += rng.normal(0.0, sensors.position_noise_m, len(value)) if sensors.position_noise_m else 0.0
    count = np.floor(value / sensors.resolution_m + rng.uniform())
    if sensors.missed_ticks_per_m:
        moved = np.diff(value, prepend=value[0])
        lost = rng.poisson(sensors.missed_ticks_per_m * np.abs(moved))
        count -= np.cumsum(np.sign(moved) * lost)
    if sensors.zero_shift_m and len(count):
        count[int(rng.integers(len(count))) :] += round(sensors.zero_shift_m / sensors.resolution_m)
    if sensors.repeated:
        again = rng.uniform(size=len(count)) < sensors.repeated
        again[:1] = False
        count = count[np.maximum.accumulate(np.where(again, 0, np.arange(len(count))))]
    time = times_s
    if sensors.stamp_jitter_s:
        time = np.round(time + rng.normal(0.0, sensors.stamp_jitter_s, len(time)), 6)
        later = time > np.maximum.accumulate(np.concatenate(([-1.0], time[:-1])))
        time, count = time[later], count[later]
    return with_missing(Signal(time, count * sensors.resolution_m), sensors.missing, rng)


def tilt(motion: TrueMotion, angle_rad: Floats, sensors: Sensors, rng: np.random.Generator) -> Signal:
    """The tether's angle from vertical through an encoder on its guide, radians."""
    time = sample_times(float(motion.time_s[-1]), sensors.tilt_hz or 100.0, sensors, rng)
    value = sample(time, motion, angle_rad) + sensors.tilt_offset_rad
    value += rng.normal(0.0, sensors.tilt_noise_rad, len(value))
    return Signal(time, np.round(value / sensors.tilt_resolution_rad) * sensors.tilt_resolution_rad)


def load_cell(
    motion: TrueMotion,
    force_n: Floats,
    rate_hz: float,
    noise_n: float,
    sensors: Sensors,
    rng: np.random.Generator,
) -> Signal:
    """A load cell: the mean over each conversion, stamped at its end, with what cell and converter add."""
    cell = sensors.cell
    time = sample_times(float(motion.time_s[-1]), rate_hz, sensors, rng)
    total = np.concatenate(([0.0], np.cumsum(force_n))) * DT_S
    clock = np.arange(len(total)) / RATE_HZ
    begin = np.maximum(time - 1.0 / rate_hz, 0.0)
    span = np.maximum(time - begin, DT_S)
    value = (np.interp(begin + span, clock, total) - np.interp(begin, clock, total)) / span
    if cell.creep:
        value = value + cell.creep * _late(value, cell.creep_s * rate_hz)
    if cell.warm_up_n:
        value = value + cell.warm_up_n * (1.0 - np.exp(-time / cell.warm_up_s))
    if cell.temperature_n:
        value = value + cell.temperature_n * sample(
            time, motion, slow_noise(rng, len(motion.time_s), 0.001, 0.01)
        )
    value = value + rng.normal(0.0, noise_n, len(value))
    if cell.spikes_per_min:
        spiked = rng.uniform(size=len(value)) < cell.spikes_per_min / 60.0 / rate_hz
        # Spurious -1 counts read as minus the zero offset; others are bits shifted by a missed clock.
        value = np.where(
            spiked, rng.choice([-50.0, 0.5, 2.0, 4.0], len(value)) * np.maximum(value, 40.0), value
        )
    value = np.clip(value, -cell.saturation_n, cell.saturation_n)
    return with_missing(Signal(time, np.round(value, 2)), cell.missing, rng)


def _late(value: Floats, samples: float) -> Floats:
    """First-order lag: what creep adds. In steps of 64 samples, which are short against its minutes."""
    coarse = value[::64]
    share = 1.0 - np.exp(-64.0 / samples)
    state, out = 0.0, []
    for level in coarse.tolist():
        state += share * (level - state)
        out.append(state)
    return np.repeat(np.array(out), 64)[: len(value)]


def tremor(motion: TrueMotion, amplitude_m: float, rng: np.random.Generator) -> Floats:
    """8 to 12 Hz shaking of a loaded hand, metres; measured, but not part of the voluntary motion."""
    time_s = np.arange(0.0, motion.time_s[-1] + 0.02, 0.01)
    frequency = rng.uniform(8.0, 12.0, 4)
    phase = rng.uniform(0.0, 2.0 * np.pi, 4)
    shake = np.sin(2.0 * np.pi * np.outer(time_s, frequency) + phase).sum(axis=1) * np.sqrt(0.5)
    return np.asarray(amplitude_m * motion.held * np.interp(motion.time_s, time_s, shake))


def ringing(motion: TrueMotion, amplitude: float, rng: np.random.Generator) -> Floats:
    """The tether slaps at 8 to 15 Hz after a jerk and is quiet again within a second; dense, m or rad."""
    out = np.zeros(len(motion.time_s))
    if not amplitude:
        return out
    for piece, end in zip(motion.pieces, motion.edges[1:], strict=True):
        if not piece.delta_m:
            continue
        count = min(len(out) - end, 1500)
        t = np.arange(max(count, 0)) * DT_S
        hard = min(1.0, abs(piece.delta_m) / piece.duration_s / 0.5)
        wave = np.sin(2.0 * np.pi * rng.uniform(8.0, 15.0) * t) * np.exp(-t / rng.uniform(0.1, 0.3))
        out[end : end + len(t)] += amplitude * hard * wave
    return out


def knocks(motion: TrueMotion, sensors: Sensors, rng: np.random.Generator) -> list[Knock]:
    """When somebody bumps into the tether or the cable, as the sensors' plan has it."""
    if not sensors.bumps_per_min:
        return []
    seconds = float(motion.time_s[-1])
    found = []
    for _ in range(int(rng.poisson(sensors.bumps_per_min * seconds / 60.0))):
        start = float(rng.uniform(0.0, seconds))
        end = start + float(rng.uniform(0.08, 0.6))
        size = float(np.exp(rng.uniform(np.log(0.005), np.log(0.12))))
        inside = slice(int(start * RATE_HZ), int(end * RATE_HZ) + 1)
        if end < seconds and (sensors.bumps_in_set or float(motion.held[inside].max()) < 0.05):
            found.append(Knock(start, end, size))
    return sorted(found)


def knocked(motion: TrueMotion, found: list[Knock]) -> Floats:
    """What the knocks pull out of the transducer, dense, metres."""
    out = np.zeros(len(motion.time_s))
    for knock in found:
        first, last = int(knock.start_s * RATE_HZ), int(knock.end_s * RATE_HZ)
        out[first:last] += knock.size_m * np.sin(np.linspace(0.0, np.pi, last - first)) ** 2
    return out
