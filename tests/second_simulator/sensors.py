"""What a station writes down of a scene: tethers, tilt, load cells, a platform, with their errors.

What errs alike all session (anchors, zeros, scale) is drawn as wide as the station file's [noise] says.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.second_simulator.barbell import Scene
from tests.second_simulator.pulled import tension
from tests.second_simulator.strokes import DT_S, Floats, G, Rng, smoothed


@dataclass(frozen=True)
class Level:
    """How good the sensors are."""

    name: str
    rates_hz: tuple[int, ...]
    noise_m: tuple[float, float]
    steps_m: tuple[float, ...]
    jitter: float  # most, of a period
    stamp_s: float  # most: the device's clock against the sample
    gaps_a_minute: float
    gap_s: tuple[float, float]
    spikes_a_minute: float
    repeats: float  # most, share of the samples
    bumps_a_minute: float
    shifts_a_minute: float = 0.0


LEVELS = {
    level.name: level
    for level in (
        Level(
            "clean", (100, 125, 200, 250, 500, 1000), (0.0, 0.0003), (0.00005, 0.0002, 0.0005), 0.03, 0.0,
            0.0, (0.0, 0.0), 0.0, 0.0, 0.0,
        ),
        Level(
            "ordinary", (50, 60, 80, 100, 200, 250, 500), (0.0001, 0.0006), (0.0001, 0.0005, 0.001), 0.1,
            0.0003, 0.7, (0.02, 0.1), 0.7, 0.0, 0.3,
        ),
        Level(
            "harsh", (25, 40, 50, 80, 200), (0.002, 0.004), (0.001, 0.002), 0.4, 0.002,
            5.0, (0.03, 0.6), 40.0, 0.33, 4.0, 0.1,
        ),
        Level(
            "rough", (25, 30, 40, 50, 100, 250, 1000), (0.0004, 0.002), (0.0005, 0.001, 0.002), 0.3, 0.001,
            2.0, (0.03, 0.5), 4.0, 0.2, 1.5, 0.15,
        ),
    )
}  # fmt: skip


@dataclass
class Seen:
    """A recording, the station that wrote it, and the noise-free motion on a grid of 1 ms."""

    time_s: Floats
    columns: dict[str, Floats]
    station: dict[str, Any]
    zero_s: float  # the recording's clock where the grid begins
    place_m: Floats  # s; a band: N
    aside_m: Floats | None  # where the station sees the path
    handle_m: Floats | None = None  # (2, n), likewise at a low pulley
    heel: Floats | None = None
    weighs: bool = False
    rate_hz: float = 0.0
    slips_s: list[float] = field(default_factory=list)  # when a tether's zero slipped
    last_s: float = 0.0  # when it was switched off, by the recording's clock
    notes: list[str] = field(default_factory=list)


def observe(scene: Scene, level: Level, rng: Rng) -> Seen:
    """Record a scene."""
    place = scene.track.places()
    if scene.station != "barbell":
        place = np.maximum(0.0, place)
    aside = scene.track.asides()
    carried, standing = scene.track.loads()
    rate = float(rng.choice(level.rates_hz))
    recorder = _Recorder(len(place), level, rng, rate)
    station: dict[str, Any] = {"station": {"id": "rack-1", "kind": scene.station}}
    seen = Seen(np.empty(0), {}, station, 0.0, place, None, rate_hz=rate)
    with np.errstate(all="ignore"):
        accel = np.gradient(smoothed(np.gradient(place, DT_S), 0.01), DT_S)
    moved = place + _tremor(len(place), carried, rng) + recorder.bumps()
    if scene.station == "barbell":
        _barbell(scene, seen, recorder, moved, aside, carried, accel)
    elif scene.station == "cable":
        _cable(scene, seen, recorder, moved, aside, carried, accel)
    else:
        seen.place_m = tension(scene, place)
        pull = tension(scene, moved)
        hz = min(rate, 80.0) if level.name == "clean" else float(rng.choice([10.0, 80.0]))
        drift = rng.normal(0.0, 0.02) * np.arange(len(pull)) * DT_S
        recorder.take("force_n", pull + drift, hz, rng.uniform(0.2, 1.0), 0.1, rng.normal(0.0, 5.0))
        seen.rate_hz = hz
    if scene.exercise not in {"bench-press", "cable-row"} and rng.random() < 0.3:
        _platform(scene, seen, recorder, place, carried, standing, accel)
    seen.zero_s = float(rng.choice([0.0, rng.uniform(-20.0, 5000.0)]))
    first_s, last_s = _switched_on(scene, rng)
    seen.time_s, seen.columns = recorder.table(seen.zero_s, first_s, last_s)
    if first_s > 0.0 or last_s < recorder.span_s:
        seen.notes.append("cut")
    seen.last_s = seen.zero_s + last_s
    seen.slips_s = [seen.zero_s + at for at in recorder.slips_s]
    return seen


def _switched_on(scene: Scene, rng: Rng) -> tuple[float, float]:
    """From when to when it is recorded: at times from just before a first rep, to just after a last."""
    first_s, last_s = 0.0, float(scene.track.count) * DT_S
    reps = scene.track.reps
    if reps and rng.random() < 0.06 and not scene.up_first:
        first_s = max(0.0, reps[0].top * DT_S - rng.uniform(0.25, 0.4))
    if reps and rng.random() < 0.06:
        lockout = reps[-1].turn if scene.up_first else reps[-1].end
        last_s = lockout * DT_S + rng.uniform(0.15, 0.6)
    return first_s, last_s


def _tremor(count: int, carried: Floats, rng: Rng) -> Floats:
    """Hands shake at 8 to 12 Hz by some tenths of a millimetre: no voluntary motion."""
    at = np.arange(count) * DT_S
    size = rng.uniform(0.0, 0.0003)
    phase = 2.0 * np.pi * (rng.uniform(8.0, 12.0) * at + 0.3 * np.sin(0.7 * at))
    return np.asarray(size * np.sin(phase) * carried)


def _wander(count: int, size: float, rng: Rng) -> Floats:
    """A slow random walk about 0."""
    knots = np.arange(0, count + 1600, 800)
    return smoothed(np.interp(np.arange(count), knots, rng.normal(0.0, size, len(knots))), 0.05)


class _Recorder:
    """Samples signals of the 1 ms grid, each channel on its own clock, and makes one table of them."""

    def __init__(self, count: int, level: Level, rng: Rng, rate_hz: float) -> None:
        self.level, self.rng, self.count = level, rng, count
        self.span_s = (count - 1) * DT_S
        self.minutes = self.span_s / 60.0
        self.rate_hz = rate_hz
        self.noise_m = rng.uniform(*level.noise_m)
        self.step_m = float(rng.choice(level.steps_m))
        self.jitter = rng.uniform(0.0, level.jitter)
        self.stamp_s = rng.uniform(0.0, level.stamp_s)
        self.slips_s: list[float] = []
        self.parts: dict[str, tuple[Floats, Floats]] = {}
        self.main = self.clock(rate_hz)
        self.gaps = self._gaps()

    def clock(self, rate_hz: float) -> tuple[Floats, Floats]:
        """When samples were taken, and when they say that they were."""
        step = 1.0 / rate_hz
        true = np.arange(self.rng.uniform(0.0, step), self.span_s, step)
        true = true + np.clip(self.rng.normal(0.0, self.jitter * step, len(true)), -0.45 * step, 0.45 * step)
        said = true + np.clip(self.rng.normal(0.0, self.stamp_s, len(true)), -0.4 * step, 0.4 * step)
        said = np.maximum.accumulate(said)
        keep = np.concatenate(([True], np.diff(said) > 2e-6)) & (true >= 0.0) & (true <= self.span_s)
        return true[keep], said[keep]

    def _gaps(self) -> list[tuple[float, float]]:
        number = self.rng.poisson(self.level.gaps_a_minute * self.minutes)
        starts = self.rng.uniform(0.0, self.span_s, number)
        return [(float(at), float(at + self.rng.uniform(*self.level.gap_s))) for at in starts]

    def bumps(self) -> Floats:
        """Knocks against the tether ring at 7 to 14 Hz and die away."""
        out = np.zeros(self.count)
        for _ in range(self.rng.poisson(self.level.bumps_a_minute * self.minutes)):
            at = int(self.rng.integers(0, self.count))
            t = np.arange(self.count - at) * DT_S
            t = t[: min(len(t), 1500)]
            ring = np.sin(2.0 * np.pi * self.rng.uniform(7.0, 14.0) * t) * np.exp(
                -t / self.rng.uniform(0.08, 0.3)
            )
            out[at : at + len(t)] += self.rng.uniform(0.001, 0.006) * ring
        return out

    def motion(
        self, name: str, value: Floats, *, noise: float | None = None, step: float | None = None
    ) -> None:
        """The channel of a motion sensor, with all that befalls it."""
        rng, (true, said) = self.rng, self.main
        read = np.interp(true, np.arange(self.count) * DT_S, value)
        read = read + rng.normal(0.0, self.noise_m if noise is None else noise, len(read))
        step = self.step_m if step is None else step
        read = np.round(read / step) * step
        share = rng.uniform(0.0, self.level.repeats)
        for i in np.flatnonzero(rng.random(len(read)) < share):
            if i:
                read[i] = read[i - 1]
        if name.startswith("position"):
            for i in rng.integers(0, len(read), rng.poisson(self.level.spikes_a_minute * self.minutes)):
                read[i] += rng.choice([-1.0, 1.0]) * rng.uniform(0.03, 0.6)
            for i in rng.integers(0, len(read), rng.poisson(self.level.shifts_a_minute * self.minutes)):
                read[i:] += rng.choice([-1.0, 1.0]) * rng.uniform(0.04, 0.12)  # its zero slips
                self.slips_s.append(float(true[i]))
        keep = np.ones(len(said), dtype=bool)
        for first, last in self.gaps:
            keep &= (true < first) | (true > last)
        self.parts[name] = (said[keep], read[keep])

    def take(
        self,
        name: str,
        value: Floats,
        rate_hz: float,
        noise: float,
        step: float,
        zero: float,
        clock: tuple[Floats, Floats] | None = None,
    ) -> None:
        """The channel of a load cell."""
        true, said = clock or self.clock(rate_hz)
        read = np.interp(true, np.arange(self.count) * DT_S, value) + zero
        read = np.round((read + self.rng.normal(0.0, noise, len(read))) / step) * step
        self.parts[name] = (said, read)

    def table(self, zero_s: float, first_s: float, last_s: float) -> tuple[Floats, dict[str, Floats]]:
        for name, (said, read) in self.parts.items():
            keep = (said >= first_s) & (said <= last_s)
            self.parts[name] = (said[keep], read[keep])
        stamps = {name: np.round(said + zero_s, 6) for name, (said, _) in self.parts.items()}
        time_s = np.unique(np.concatenate(list(stamps.values())))
        columns = {}
        for name, (_, read) in self.parts.items():
            into = np.full(len(time_s), np.nan)
            into[np.searchsorted(time_s, stamps[name])] = read
            columns[name] = into
        return time_s, columns


def _cell_zero(rng: Rng) -> float:
    """Of a cell that was tared today, N."""
    return float(np.clip(rng.normal(0.0, 1.0), -2.5, 2.5))


def _barbell(
    scene: Scene,
    seen: Seen,
    recorder: _Recorder,
    place: Floats,
    aside: Floats,
    carried: Floats,
    accel: Floats,
) -> None:
    rng = recorder.rng
    anchor = np.array([rng.uniform(-0.05, 0.08), rng.choice([0.0, rng.uniform(0.0, 0.1)])])
    second = np.array([float(rng.choice([-1.0, 1.0])) * rng.uniform(0.4, 0.8), 0.0])
    geometry: dict[str, Any] = {"lpt_anchor_m": anchor.tolist()}
    tethers = str(rng.choice(["one", "tilt", "two"], p=[0.45, 0.3, 0.25]))
    where = anchor + rng.normal(0.0, 0.005, 2)
    scale = 1.0 + rng.normal(0.0, 0.002)
    length = np.hypot(aside - where[0], place - where[1])
    recorder.motion("position_m", length * scale + rng.normal(0.0, 0.003))
    if tethers == "tilt":
        angle = np.arctan2(aside - where[0], place - where[1])
        recorder.motion("tether_angle_rad", angle, noise=0.0017 * rng.uniform(0.3, 1.0), step=0.0002)
    elif tethers == "two":
        geometry["lpt_2_anchor_m"] = second.tolist()
        where = second + rng.normal(0.0, 0.005, 2)
        length = np.hypot(aside - where[0], place - where[1])
        recorder.motion("position_2_m", length * (1.0 + rng.normal(0.0, 0.002)) + rng.normal(0.0, 0.003))
    if tethers != "one":
        seen.aside_m = aside
    if scene.load_kg > 5.0 and rng.random() < 0.3:
        force = scene.load_kg * np.maximum(0.0, G + accel) * carried
        gain = 1.0 + rng.normal(0.0, 0.004)
        hz = float(rng.choice([10.0, 80.0]))
        recorder.take("force_n", force * gain, hz, rng.uniform(0.3, 2.0), 0.1, _cell_zero(rng))
        seen.weighs = True
    seen.station["geometry"] = geometry
    seen.notes.append(f"{tethers} tether" + "s" * (tethers == "two"))


def _cable(
    scene: Scene,
    seen: Seen,
    recorder: _Recorder,
    place: Floats,
    aside: Floats,
    carried: Floats,
    accel: Floats,
) -> None:
    rng, ratio = recorder.rng, scene.travel_ratio
    eta = rng.uniform(0.96, 0.985)
    geometry: dict[str, Any] = {"travel_ratio": ratio, "pulley_efficiency": round(eta, 3)}
    recorder.motion("position_m", place / ratio * (1.0 + rng.normal(0.0, 0.002)) + rng.normal(0.0, 0.001))
    way = np.tanh(smoothed(np.gradient(seen.place_m, DT_S), 0.02) / 0.01)
    sheaves = int(rng.integers(2, 5))
    pull = scene.load_kg / ratio * np.maximum(0.0, G + accel / ratio) * carried * eta ** (-sheaves * way)
    cell = str(rng.choice(["none", "cable", "pulley"], p=[0.25, 0.4, 0.35]))
    gain = 1.0 + rng.normal(0.0, 0.004)
    hz = float(rng.choice([20.0, 80.0]))
    if cell == "cable":
        recorder.take("force_n", pull * gain, hz, rng.uniform(0.3, 1.5), 0.1, _cell_zero(rng))
    elif cell == "pulley":
        free = rng.uniform(0.6, 1.4)
        geometry["free_length_m"] = round(free, 3)
        depth = (scene.lockout_m - seen.place_m) / scene.rom_m
        slope = rng.uniform(0.25, 0.6) - rng.uniform(-0.1, 0.15) * depth + aside / (free + seen.place_m)
        stack_side = pull * eta**way
        noise = rng.uniform(0.2, 1.0)
        rx, ry = pull * np.cos(slope), pull * np.sin(slope) + stack_side
        clock = recorder.clock(hz)  # one converter reads both
        recorder.take("pulley_x_n", rx * gain, hz, noise, 0.1, rng.normal(0.0, 0.3), clock)
        recorder.take("pulley_y_n", ry * gain, hz, noise, 0.1, rng.normal(0.0, 0.3), clock)
        arm = free + seen.place_m
        seen.handle_m = np.array([arm * np.cos(slope), arm * np.sin(slope)])
    seen.weighs = cell == "cable"
    seen.station["geometry"] = geometry
    seen.station["stack"] = {"plates_kg": list(scene.stack_kg)}
    seen.notes.append(f"cell: {cell}, {ratio:g}:1, {sheaves} sheaves")


def _platform(
    scene: Scene,
    seen: Seen,
    recorder: _Recorder,
    place: Floats,
    carried: Floats,
    standing: Floats,
    accel: Floats,
) -> None:
    rng = recorder.rng
    depth = np.clip((scene.lockout_m - place) / scene.rom_m, 0.0, 1.2)
    lean = rng.uniform(0.45, 0.7) + rng.uniform(-0.1, 0.15) * smoothed(depth, 0.1)
    heel = np.clip(lean + _wander(len(place), 0.02, rng), 0.1, 0.95)
    left = np.clip(0.5 + rng.normal(0.0, 0.02) + _wander(len(place), 0.01, rng), 0.2, 0.8)
    hung = scene.load_kg if scene.station == "barbell" else 0.0
    calm = smoothed(accel, 0.03)
    total = standing * (
        scene.body_kg * (G + 0.4 * calm * carried) + hung * np.maximum(0.0, G + calm) * carried
    )
    hz, noise = float(rng.choice([10.0, 40.0, 80.0])), rng.uniform(0.5, 2.0)
    for row, share in (("front", 1.0 - heel), ("rear", heel)):
        for side, part in (("left", left), ("right", 1.0 - left)):
            recorder.take(f"platform_{row}_{side}_n", total * share * part, hz, noise, 0.1, _cell_zero(rng))
    seen.heel = heel
    seen.notes.append("platform")
