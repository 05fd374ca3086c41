"""Phases, noise and standard uncertainties of a rep against those worked out slowly, number by number."""

import numpy as np
import pytest

from kernels._smooth import design
from tests.kernels.slow_rep import GRID_S, ROOT3, SlowNoise, slow_reps


class SlowSigmas:
    """Uncertainties of one rep whose lengths err by a scale in common."""

    def __init__(self, rep, scale):
        self.rep, self.noise = rep, SlowNoise(rep)
        down, up = rep.down, rep.up
        i0, i1 = rep.index(up[0].at_s), rep.index(up[1].at_s)
        start, end = (rep.place_at(up[0].at_s - up[0].inward_s), rep.place_at(up[1].at_s - up[1].inward_s))
        turn = slice(rep.index(down[1].at_s), i1 + 1)
        read = rep.raw[rep.first :][turn.start : turn.stop]
        least = min(rep.raw[rep.first + i0], read.min())
        bottom = max(min(start, rep.place[turn].min()), least)
        start = max(start, least)
        fastest = i0 + int(np.argmax(rep.rate[i0 : i1 + 1]))
        peak = rep.rate[fastest]
        if 0 < fastest < rep.n - 1 and fastest > i0:
            a, _, c = rep.rate[fastest - 1 : fastest + 2]
            peak -= 0.125 * (c - a) ** 2 / (a - 2.0 * peak + c)
        seconds = up[1].at_s - up[0].at_s
        mean = (end - start) / seconds
        self.numbers = {
            "start_s": down[0].at_s,
            "eccentric_end_s": down[1].at_s,
            "concentric_start_s": up[0].at_s,
            "concentric_end_s": up[1].at_s,
            "bottom": bottom,
            "size": end - bottom,
            "mean_concentric_velocity_mps": mean,
            "peak_concentric_velocity_mps": peak,
        }
        self.hardest = 5.77 / 1.875**2 * peak**2 / (end - bottom)
        times = [self.boundary(edge) for edge in (*down, *up)]
        self.numbers |= {
            "start_sigma_s": np.hypot(*times[0]),
            "eccentric_sigma_s": between(times[0], times[1]),
            "bottom_pause_sigma_s": between(times[1], times[2]),
            "concentric_sigma_s": between(times[2], times[3]),
            "end_sigma_s": np.hypot(*times[3]),
        }
        first, last = rep.index(down[0].at_s), i1
        there = np.where(rep.place >= bottom, rep.place, np.inf)[first : last + 1]
        lowest = first + int(np.argmin(there)) if there.min() < rep.place[i0] else i0
        low = self.of_place(lowest)
        as_low = np.count_nonzero(rep.place[first : last + 1] < bottom + 2.0 * low)
        low *= np.sqrt(max(1.0, 0.85 * np.sqrt(as_low / self.noise.dwell())))
        early = rep.rate[lowest] * max(np.hypot(*times[2]), np.hypot(*times[1]))
        late = rep.rate[i1] * np.hypot(*times[3])
        size = [self.of_place(i1), low, early, late, scale * (end - bottom)]
        turned = [np.multiply(one, mean - rep.rate[i]) for one, i in zip(times[2:], (i0, i1), strict=True)]
        lift = [
            between(*turned) / seconds,
            self.of_place(i0) / seconds,
            self.of_place(i1) / seconds,
            scale * mean,
        ]
        lag = self.noise.lag
        i = max(lag, min(fastest, rep.n - 1 - lag))
        apart = self.noise.interval_s(fastest) / GRID_S / lag
        bend = (rep.rate[i - lag] - 2.0 * rep.rate[i] + rep.rate[i + lag]) * apart**2 / 12.0
        top = [self.ticks(fastest, peak), self.bias(fastest, "rate"), bend, scale * peak]
        self.numbers |= {
            "size_sigma": np.linalg.norm(size),
            "mean_concentric_velocity_sigma_mps": np.linalg.norm(lift),
            "peak_concentric_velocity_sigma_mps": np.linalg.norm(top),
        }

    def quantum_m(self, i):
        return self.rep.quantum_m[self.rep.first + i]

    def of_place(self, i):
        """Noise, smoothing, resolution, and what a gap hides."""
        q, gap_s = self.quantum_m(i), self.noise.interval_s(i)
        share = self.noise.of_rate(i) ** 2 / (self.noise.left.rate * q**2)
        stuck = q / np.sqrt(12.0) * np.exp(-2.0 * np.pi**2 * share)
        out = 0.125 * self.hardest * gap_s**2 if gap_s > 0.15 else 0.0
        return np.linalg.norm([self.noise.of_place(i), self.bias(i, "place"), stuck, out])

    def ticks(self, i, speed):
        """Of the rate, at least its resolution's: steps are as far apart as this speed makes them."""
        q, noise = self.quantum_m(i), self.noise.of_rate(i)
        square = np.sum(design(self.rep.half)[1] ** 2) * q**2 / 12.0
        square *= min(max(1.0, q / speed / GRID_S), 2.0 * self.rep.half)
        return np.sqrt(
            max(noise**2, square * np.exp(-4.0 * np.pi**2 * noise**2 / (self.noise.left.rate * q**2)))
        )

    def bias(self, i, what):
        """What a smoother of another width makes of it, less what noise and tremor make them differ by."""
        rep, row, power = self.rep, ("place", "rate").index(what), (2, 4)[what == "rate"]
        half, other = rep.half, rep.half + max(1, rep.half // 3)
        if other > 32:
            other = half - max(1, half // 3)
        wide = max(half, other)
        taps = [np.pad(design(one)[row], wide - one) for one in (half, other)]
        k = rep.first + i
        off = (taps[1] - taps[0]) @ rep.raw[k - wide : k + wide + 1]
        white = self.noise.scatter(i) * self.noise.left.place / np.sum(design(half)[0] ** 2)
        angle = 2.0 * np.pi * 10.0 * GRID_S * np.arange(-wide, wide + 1)
        shaken = (taps[1] - taps[0]) @ (np.sin(angle) if what == "rate" else np.cos(angle))
        tremor = self.noise.tremor * self.noise.left.shaken_raw
        square = off**2 - white * np.sum((taps[1] - taps[0]) ** 2) - tremor * shaken**2
        return np.sqrt(max(0.0, square)) / abs((other / half) ** power - 1.0)

    def boundary(self, edge):
        """Of a boundary's time: by chance, and outward."""
        rep = self.rep
        i, line = rep.index(edge.read_s), self.noise.interval_s(rep.index(edge.read_s))
        gap_s, outward, late, onward = line, 0.0, 0.0, 0.0
        if np.isnan(edge.through_s):
            slope = abs(rep.rate[min(i + 2, rep.n - 1)] - rep.rate[max(i - 2, 0)]) / (4.0 * GRID_S)
            line /= np.sqrt(12.0)
        else:
            apart = max(abs(edge.through_s - edge.read_s), GRID_S)
            slope = 2.0 * (ROOT3 - 1.0) * edge.level / apart
            onward = abs(edge.at_s - edge.read_s) / apart
            late = onward * self.ticks(rep.index(edge.through_s), 3.0 * edge.level) / (ROOT3 * slope)
            wider = line / (rep.half * GRID_S) if line > 2.0 * GRID_S else 0.0
            outward = edge.left_s * (1.0 + wider)
            if gap_s > 0.15:
                line = (gap_s + abs(edge.at_s - edge.read_s)) / ROOT3
            else:
                spread = gap_s**2 * (ROOT3 - 1.0) / (12.0 * apart)
                outward += (1.0 + onward) * min(gap_s / np.sqrt(12.0), spread)
                line = 0.0
        noise = self.ticks(i, edge.level)
        own = noise * self.noise.left.steep / slope
        if not np.isnan(edge.through_s):  # both crossings are off by the noise over the slope there
            apart = abs(edge.through_s - edge.read_s)
            first_slope = 2.0 * (ROOT3 - 1.0) * edge.level / apart
            own = np.hypot(noise / first_slope, noise / (ROOT3 * first_slope)) / apart
        slope = self.sure_slope(i, edge.level, slope, own)
        early = (1.0 + onward) * max(noise / slope, self.shoulder(i, edge.level, noise))
        ring = edge.smooth * min(0.0, edge.blunt_s)
        return np.linalg.norm([early, late, line, edge.blur_s / np.sqrt(12.0), ring]), outward

    def sure_slope(self, i, level, slope, own):
        """As much of the slope as is noise's own is taken from the whole way to the phase's peak."""
        rate = np.sign(self.rep.rate[i]) * self.rep.rate
        way = [range(i, -1, -1), range(i, self.rep.n)]
        peak = i
        for steps in way:
            for j in steps:
                if not rate[j] > -level:
                    break
                peak = j if rate[j] > rate[peak] else peak
        whole = (rate[peak] - level) / (max(1, abs(peak - i)) * GRID_S)
        if not 0.0 < whole < slope:
            return slope
        own = min(1.0, own**2)
        return 1.0 / np.sqrt((1.0 - own) / slope**2 + own / whole**2)

    def shoulder(self, i, level, noise):
        """Half the time that the speed lies within its noise of a level."""
        near = np.abs(np.abs(self.rep.rate) - level) < min(noise, 0.5 * level)
        first = next((j for j in range(i, 0, -1) if not near[j]), 0)
        last = next((j for j in range(i, self.rep.n - 1) if not near[j]), self.rep.n - 1)
        return 0.5 * max(0, last - first - 2) * GRID_S


def between(one, other):
    """Of a time between two boundaries: chances add in squares, what puts both outward adds up."""
    return np.linalg.norm([one[0], other[0], one[1] + other[1]])


def said_and_slow(counter, time_s, read_m, scale):
    rc = counter(sigma_scale=scale, free_weight=False)
    reps = [one for one in rc.push(0, time_s, read_m) if getattr(one, "kind", "") == "complete"]
    slow = [SlowSigmas(rep, scale).numbers for rep in slow_reps(time_s, read_m, rc.trace(0.0)[1], reps)]
    assert len(slow) == len(reps) - 2 > 0
    return [{name: getattr(rep, name) for name in slow[0]} for rep in reps[1:-1]], slow


def streams(count):
    """Of sensors of all kinds, the same ones each time.

    Where steps are just told from noise the last bits decide; and what hypothesis draws depends on which
    modules are in memory, for it tries the numbers that they name.
    """
    rng = np.random.default_rng(15)

    def one_of(*values):
        return values[rng.integers(len(values))]

    for seed in range(count):
        yield {
            "rate_hz": one_of(25.0, 35.0, 40.0, 50.0, 70.0, 100.0, 200.0, 1000.0),
            "jitter": one_of(0.0, 0.5),
            "noise_m": one_of(1e-5, 1e-4, 5e-4, 1.5e-3),
            "tremor_m": one_of(0.0, 0.0, 3e-4),
            "rom_m": rng.uniform(0.25, 0.7),
            "down_s": rng.uniform(0.8, 2.5),
            "rest_s": rng.uniform(0.1, 1.2),
            "up_s": rng.uniform(0.6, 2.0),
            "creep_m": one_of(0.0, 0.0, 0.03),
            "step_m": one_of(0.0, 0.0, 1e-3),
            "gap_s": one_of(0.0, 0.0, 0.12, 0.3),
            "scale": one_of(0.0, 0.004),
            "seed": seed,
        }


def read(motion, drawn):
    """What a sensor reads of six reps: at uneven times, with noise and tremor."""
    rom_m, creep_m = drawn["rom_m"], drawn["creep_m"]
    one = [(drawn["down_s"], -rom_m), (drawn["rest_s"], 0.0), (0.8 * bool(creep_m), creep_m)]
    one = [leg for leg in (*one, (drawn["up_s"], rom_m - creep_m), (0.9, 0.0)) if leg[0]]
    true_s, s = motion((2.0, 0.0), *one * 6, (1.0, 0.0), rate_hz=1000.0)
    rng = np.random.default_rng(drawn["seed"])
    time_s = (np.arange(int(true_s[-1] * drawn["rate_hz"])) + 0.5) / drawn["rate_hz"]
    time_s += rng.uniform(-0.4, 0.4, len(time_s)) * drawn["jitter"] / drawn["rate_hz"]
    read_m = np.interp(time_s, true_s, s) + rng.normal(0.0, drawn["noise_m"], len(time_s))
    for hz in rng.uniform(8.0, 12.0, 4):
        read_m += drawn["tremor_m"] * np.sin(2.0 * np.pi * (hz * time_s + rng.uniform()))
    if drawn["step_m"]:  # no reading repeats the one before: it might be an old one
        count = np.round(read_m / drawn["step_m"])
        for i in range(1, len(count)):
            count[i] += count[i] == count[i - 1]
        read_m = count * drawn["step_m"]
    gap_s = true_s[-1] * rng.uniform(0.4, 0.6)
    there = (time_s < gap_s) | (time_s > gap_s + drawn["gap_s"])
    return time_s[there], read_m[there]


STEADY = {"jitter": 0.0, "noise_m": 1e-5, "tremor_m": 0.0, "creep_m": 0.0, "step_m": 0.0, "gap_s": 0.0}
STEADY |= {"rate_hz": 200.0, "rom_m": 0.5, "down_s": 1.0, "rest_s": 0.6, "up_s": 1.4, "scale": 0.0, "seed": 1}
ROUGH = STEADY | {"rate_hz": 40.0, "jitter": 0.5, "noise_m": 5e-4, "rom_m": 0.47}
ALL_TREMOR = STEADY | {"tremor_m": 1e-3}
NEAR_A_LEVEL = ROUGH | {"creep_m": 0.03, "step_m": 0.003, "seed": 38}  # for some time, within its noise
NOISE_S_SLOPE = ROUGH | {"rate_hz": 25.0, "tremor_m": 1e-3, "gap_s": 0.3, "seed": 61}


@pytest.mark.parametrize("drawn", [ALL_TREMOR, NEAR_A_LEVEL, NOISE_S_SLOPE, *streams(15)])
def test_every_number_and_its_sigma_are_what_their_definitions_make_them(motion, counter, drawn):
    said, slow = said_and_slow(counter, *read(motion, drawn), drawn["scale"])
    for one, other in zip(said, slow, strict=True):
        for name, number in one.items():
            if not np.isnan(number):  # what cannot be bounded is not said
                assert number == pytest.approx(other[name], rel=1e-9, abs=1e-9), name


def test_what_is_taken_out_of_a_boundary_at_a_jerk_is_in_its_sigma(counter):
    """Moved at a steady speed that is reached, and left, within 20 ms."""
    legs = [(0.0, 2.0), *[(-0.45, 0.6), (0.0, 0.5), (0.9, 0.3), (0.0, 0.9)] * 6, (0.0, 1.0)]
    edges_s = np.cumsum([0.0, *(seconds for _, seconds in legs)])
    fine_s = np.arange(0.0, edges_s[-1], 0.001)
    speed = np.repeat([mps for mps, _ in legs], 2)
    at_s = np.column_stack((edges_s[:-1] + 0.01, edges_s[1:] - 0.01)).ravel()
    place_m = 1.0 + np.cumsum(np.interp(fine_s, at_s, speed)) * 0.001
    read_m = place_m[::5] + np.random.default_rng(1).normal(0.0, 1e-5, len(place_m[::5]))
    said, slow = said_and_slow(counter, fine_s[::5].copy(), read_m, 0.0)
    for one, other in zip(said, slow, strict=True):
        assert one == pytest.approx(other, rel=1e-9, abs=1e-9)
