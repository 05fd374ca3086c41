"""One rep, eccentric first and of one channel: its phases and its noise, slowly, by the definitions.

The grid of places comes from the counter (test_motion has its reference); all after it is worked out here.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from kernels._smooth import design

GRID_S, V0 = 0.01, 0.02
ANNOUNCE = 7  # grid samples to either side, of the places that the turns are found on
MARGIN, LAG = 12, 5  # LAG: half a period of a tremor of 10 Hz
ZONE, READ_AT, CARRIED_S, SMOOTH_OUT = 0.15, 0.08, 0.15, 0.12
ROOT3 = np.sqrt(3.0)


def upper_median(values):
    """The upper one of two; 0 of none."""
    return float(np.sort(values)[len(values) // 2]) if len(values) else 0.0


class Edge(NamedTuple):
    """A boundary: when, and what it was read from."""

    at_s: float
    read_s: float
    through_s: float
    blur_s: float
    level: float
    blunt_s: float
    inward_s: float
    left_s: float  # how far out it may still be
    smooth: float  # the share of blunt_s that goes with the third power of the half-width


class SlowRep:
    """Place and rate about one rep that leaves grid sample a, turns at v and is back at b.

    One that is lifted first is the same of -place_m; of a band all metres are newtons. Of each bin of the
    grid: when the reading that closed it was taken, and how many had been before it.
    """

    def __init__(self, place_m, closed_s, taken, quantum_m, turns, half, v0=V0):
        a, v, b = turns
        self.v0 = v0
        self.raw, self.closed_s, self.taken = place_m, closed_s, taken
        self.quantum_m, self.half = quantum_m, half
        self.first, last = a - 32, b + MARGIN
        self.n = last - self.first + 1
        taps = design(half)
        rows = np.lib.stride_tricks.sliding_window_view(place_m, 2 * half + 1)[
            self.first - half : last - half + 1
        ]
        self.place, self.rate = rows @ taps[0], rows @ taps[1]
        self.spacing_s = (closed_s[last] - closed_s[self.first]) / (taken[last] - taken[self.first])
        self.noise = self._noise_of_rate()
        iv, ib = v - self.first, b - self.first
        i1 = min(ib + MARGIN, self.n - 1)
        turn = self.place[32 : ib + 1].min()
        top = min(self.place[: iv + 1].max(), self.place[iv : i1 + 1].max())
        self.down = self._phase(0, min(iv + MARGIN, i1), -1.0, top, turn, top - turn)
        self.up = self._phase(max(iv - MARGIN, 0), i1, 1.0, turn, top, top - turn)

    def _noise_of_rate(self):
        """The median fourth difference of the rate, over what it has of tremor."""
        lag = max(LAG, int(self.spacing_s / GRID_S + 0.5))
        at = np.arange(2 * lag, self.n - 2 * lag, 5)
        v = self.rate
        fourth = v[at] - (v[at - lag] + v[at + lag]) * (2 / 3) + (v[at - 2 * lag] + v[at + 2 * lag]) / 6
        return upper_median(np.abs(fourth)) / 0.6745 / 1.39

    def index(self, time_s):
        return int(min(max(time_s / GRID_S - self.first, 0.0), self.n - 1))

    def place_at(self, time_s):
        return np.interp(time_s, (self.first + np.arange(self.n) + 0.5) * GRID_S, self.place)

    def crossing(self, i, level):
        """When the rate passes a level between samples i and i + 1."""
        here, there = self.rate[i], self.rate[min(i + 1, self.n - 1)]
        share = (here - level) / (here - there) if here != there else 0.0
        return (self.first + i + 0.5 + min(max(share, 0.0), 1.0)) * GRID_S

    def _phase(self, i0, i1, sign, start, end, size):
        """Both boundaries of a phase that leads from one place to another."""
        near = np.arange(i1, max(i0, i1 - 2 * MARGIN) - 1, -1)
        into = int(near[np.argmax(sign * self.place[near])])
        gone = sign * (self.place - start) <= ZONE * size
        out = max((i for i in range(i0, into + 1) if gone[i]), default=i0)
        level = max(self.v0, READ_AT * max(0.0, (sign * self.rate[out : into + 1]).max()))
        there = sign * (end - self.place) <= ZONE * size
        back = next(i for i in range(out + 1, i1 + 1) if there[i])
        return (
            self._boundary(min(out + 1, i1), i0, i1, -1, sign, level),
            self._boundary(back, i1, out, 1, sign, level),
        )

    def _boundary(self, zone, outer, inner, step, sign, level):
        """Where the speed passes its level outward of a zone, or else inward; carried on to v0."""
        speed = sign * self.rate
        below = level - min(2.0 * self.noise, 0.75 * level)
        fast = next((i for i in range(zone, outer, step) if speed[i] >= level), outer)
        passes, at = [], zone
        for i in range(fast, outer, step):
            if speed[i + step] < level and (not passes or speed[i] >= level):
                at = at if passes else i
                passes.append(self.crossing(min(i, i + step), sign * level))
            if speed[i + step] < below:
                break
        if not passes:
            at = next(i for i in range(zone, inner, -step) if speed[i] >= level)
            passes = [self.crossing(min(at, at + step), sign * level)]
        read_s = 0.5 * (passes[0] + passes[-1])
        three = next((i for i in range(at, inner, -step) if speed[i] >= 3.0 * level), None)
        through_s, at_s = np.nan, read_s
        if three is not None:
            through_s = self.crossing(min(three, three + step), 3.0 * sign * level)
            on = abs(read_s - through_s) * (1.0 - np.sqrt(self.v0 / level)) / (ROOT3 - 1.0)
            at_s = read_s + step * min(on, CARRIED_S)
        known_s = (self.first + outer + 0.5) * GRID_S
        at_s = min(at_s, known_s) if step > 0 else max(at_s, known_s)
        blur_s = abs(passes[-1] - passes[0])
        if three is None:
            return Edge(at_s, read_s, through_s, blur_s, level, 0.0, 0.0, 0.0, 0.0)
        far_s = self._blunt(sign, level, read_s, through_s)
        noise_s = self._noise_of_blunt(level, abs(read_s - through_s))
        blunt_s = np.copysign(np.sqrt(max(0.0, far_s**2 - noise_s**2)), far_s)
        # a corner goes with the half-width, one less sharp with its square, a smooth onset with its cube
        first, second, third = ((self._other() / self.half) ** n - 1.0 for n in (1, 2, 3))
        smooth = first / third
        inward_s, left_s = 0.0, max(0.0, blunt_s)
        if blunt_s > 0.0 and self.spacing_s <= 2.5 * GRID_S:
            onset_s = SMOOTH_OUT * self.half * GRID_S
            inward_s = np.sqrt(max(0.0, far_s**2 - (4.0 * noise_s) ** 2 - onset_s**2))
            corner_s = np.sqrt(max(0.0, blunt_s**2 - onset_s**2))
            left_s = max(smooth * blunt_s, corner_s - first / second * inward_s)
        at_s -= step * inward_s
        return Edge(at_s, read_s, through_s, blur_s, level, blunt_s, -step * inward_s, left_s, smooth)

    def _other(self):
        """The half-width of another smoother."""
        third = max(1, self.half // 3)
        return self.half + third if self.half + third <= 32 else self.half - third

    def _onward(self, level, apart_s):
        return min((1.0 - np.sqrt(self.v0 / level)) / (ROOT3 - 1.0), CARRIED_S / apart_s)

    def _blunt(self, sign, level, read_s, through_s):
        """How far out the smoother puts a boundary, if in proportion to its width."""
        other = self._other()
        near = self.first + np.arange(self.n)
        wide = np.array([design(other)[1] @ self.raw[k - other : k + other + 1] for k in near])
        more = [
            sign * np.interp(at_s, (near + 0.5) * GRID_S, wide - self.rate) for at_s in (read_s, through_s)
        ]
        apart_s = abs(read_s - through_s)
        on = self._onward(level, apart_s)
        slope = 2.0 * (ROOT3 - 1.0) * level / apart_s
        return ((1.0 + on) * more[0] - on * more[1] / ROOT3) / slope / (other / self.half - 1.0)

    def _noise_of_blunt(self, level, apart_s):
        on = self._onward(level, apart_s)
        slope = 2.0 * (ROOT3 - 1.0) * level / apart_s
        # two smoothers see half of either noise otherwise
        return (
            0.5 * np.hypot(1.0 + on, on / ROOT3) * self.noise / slope / abs(self._other() / self.half - 1.0)
        )


def slow_reps(time_s, read_m, place_m, reps):
    """All reps but the first and the last of a counter that read this, and made this grid of it."""
    ends_s = GRID_S * np.arange(1, len(place_m) + 1)
    at = np.minimum(np.searchsorted(time_s, ends_s), len(time_s) - 1)
    steps = np.where(np.diff(read_m) != 0.0, np.abs(np.diff(read_m)), np.inf)
    quantum = (
        np.minimum.accumulate(np.minimum(steps, 0.01), dtype=np.float64).astype(np.float32).astype(float)
    )
    announced = np.full(len(place_m), np.nan)
    announced[ANNOUNCE:-ANNOUNCE] = np.convolve(place_m, design(ANNOUNCE)[0], mode="valid")
    middles = [int(0.5 * (rep.eccentric_end_s + rep.concentric_start_s) / GRID_S) for rep in reps]
    tops = [first + int(np.nanargmax(announced[first:last])) for first, last in pairwise(middles)]
    for rep, a, b in zip(reps[1:-1], tops, tops[1:], strict=False):
        v = a + int(np.argmin(announced[a:b]))
        yield SlowRep(place_m, time_s[at], at, quantum[at - 1], (a, v, b), round(rep.smoothing_s / GRID_S))


PARTS = 4  # of a grid sample, that what readings leave of noise is worked out in


class Left(NamedTuple):
    """Mean squares that white noise of readings leaves, and what is left of a tremor."""

    place: float
    rate: float
    about: float  # of the grid about the smoothed place
    sixth: float  # differences of the rate, both lags
    fourth: float  # differences of the grid
    steep: float  # the rate's own slope over it, 1/s
    shaken_place: float
    shaken_raw: float


def left_of_noise(half, apart):
    """One reading of every `apart` bins errs by 1: what becomes of it, wherever in a bin it lies."""
    place, rate, _ = design(half)
    lag = max(LAG, int(apart))
    reach = half + 4 * lag + int(apart) + 2
    bins = np.arange(-reach, reach + 1)
    sums = np.zeros(6)
    for offset in range(PARTS):
        hat = [
            np.mean(
                [max(0.0, 1.0 - abs((PARTS * k + offset + part) / PARTS) / apart) for part in range(PARTS)]
            )
            for k in bins
        ]
        smoothed = np.convolve(hat, place, mode="full")
        speeds = np.convolve(hat, rate[::-1], mode="full")
        about = np.concatenate((np.zeros(half), hat, np.zeros(half))) - smoothed
        sixths = [
            np.convolve(speeds, np.insert(np.zeros(6 * (step - 1)), np.arange(7) * (step - 1), SIXTH))
            for step in (lag, lag - 1 if apart < 3 else lag)
        ]
        step = int(apart + 0.75)
        fourths = np.convolve(hat, np.insert(np.zeros(4 * (step - 1)), np.arange(5) * (step - 1), FOURTH))
        slopes = np.diff(speeds, prepend=0.0, append=0.0) / GRID_S
        for at, row in enumerate((smoothed, speeds, about, np.concatenate(sixths), fourths, slopes)):
            sums[at] += np.sum(np.square(row))
    steep = np.sqrt(sums[5] / sums[1])
    sums /= apart * PARTS
    angle = 2.0 * np.pi * GRID_S * np.outer(np.arange(8.0, 12.1, 0.25), np.arange(-half, half + 1))
    shaken = np.mean((np.sin(angle) @ rate) ** 2)
    return Left(*sums[:5], steep, np.mean((np.cos(angle) @ place) ** 2) / shaken, 1.0 / shaken)


SIXTH = np.array([1.0, -6.0, 15.0, -20.0, 15.0, -6.0, 1.0]) / 20.0
FOURTH = np.array([1.0, -4.0, 6.0, -4.0, 1.0])


class SlowNoise:
    """The noise of a rep's window: tremor from white noise, and how much of either is near a sample."""

    def __init__(self, rep):
        self.rep = rep
        spacing = rep.spacing_s / GRID_S
        self.apart = (
            max(1, int(4 * spacing + 0.5)) / 4
            if 4 * spacing < 12.5
            else float(min(max(int(spacing + 0.5), 4), 12))
        )
        self.left = left_of_noise(rep.half, self.apart)
        self.lag = max(LAG, int(self.apart))
        telling = self.apart < 3
        gain = self.left.sixth / self.left.rate
        if telling:
            hz = np.arange(8.0, 15.1, 0.25)
            gain = np.mean(
                [
                    sum((2.0 * np.sin(np.pi * f * GRID_S * k)) ** 12 / 400.0 for k in (LAG - 1, LAG))
                    for f in hz
                ]
            )
        at = np.arange(3 * self.lag, rep.n - 3 * self.lag, LAG)
        both = [self._sixth(at, self.lag), self._sixth(at, self.lag - 1 if telling else self.lag)]
        self.squares = (both[0] ** 2 + both[1] ** 2) / gain
        self.rough = np.sqrt(upper_median(self.squares)) / 0.6745
        at = np.arange(0, rep.n, LAG)
        s, k = rep.raw, rep.first + at
        if telling:
            step = int(self.apart + 0.75)
            d = np.abs(s[k - 2 * step] + s[k + 2 * step] + 6.0 * s[k] - 4.0 * (s[k - step] + s[k + step]))
        else:
            d = np.abs(s[k] - rep.place[at])
        self.white = (upper_median(d) / 0.6745) ** 2 / (self.left.fourth if telling else self.left.about)
        self.tremor = max(0.0, self.rough**2 - self.white * self.left.sixth / gain) if telling else 0.0

    def _sixth(self, at, lag):
        return sum(SIXTH[j + 3] * self.rep.rate[at + j * lag] for j in range(-3, 4))

    def interval_s(self, i):
        """The longest time between readings that what is smoothed at sample i rests on."""
        closed_s = self.rep.closed_s
        k = self.rep.first + i
        read_s = np.unique(closed_s)
        since = np.searchsorted(read_s, closed_s[k - self.rep.half - 1]) - 1
        return np.diff(read_s[since : np.searchsorted(read_s, closed_s[k + self.rep.half]) + 1]).max()

    def shaken(self, i):
        """Mean square of the tremor in the rate: of the window, or of what rings near sample i."""
        at, reach = (i - 3 * self.lag) // LAG, 3 * self.lag // LAG
        near = [self.squares[max(0, j) : max(0, j + 3)] for j in range(at - 2 - reach, at + reach + 1, 2)]
        most = max(np.mean(part) if len(part) else 0.0 for part in near)
        return self.tremor + max(0.0, most - 2.0 * self.rough**2)

    def scatter(self, i):
        """Mean square of a reading's white noise, more of it where readings are few."""
        k = self.rep.first + i
        count = self.rep.taken[k + self.rep.half] - self.rep.taken[k - self.rep.half - 1]
        return self.white * max(1.0, (2 * self.rep.half + 1) / (self.apart * max(1, count)))

    def of_rate(self, i):
        white = self.scatter(i) * self.left.rate
        if self.apart >= 3:
            return np.sqrt(max(white, self.rough**2 + self.shaken(i)))
        return np.sqrt(white + self.shaken(i))

    def of_place(self, i):
        if self.apart >= 3:
            return self.of_rate(i) * np.sqrt(self.left.place / self.left.rate)
        return np.sqrt(self.scatter(i) * self.left.place + self.shaken(i) * self.left.shaken_place)

    def dwell(self):
        """How many samples apart two places err by themselves."""
        apart = 0.5 * self.rep.half
        if self.tremor * self.left.shaken_place > self.white * self.left.place:
            apart = min(apart, 0.5 * LAG)
        return apart
