"""One rep's phases: smooth the grid around it as little as its noise allows, and find where it crosses v0.

The announcing filter is short because a lifter waits for it. Here the whole movement lies in a ring, so the
smoother may look both ways, and it is as narrow as the sensors' noise allows: the narrowest of the ladder whose
velocity is quiet. Unrest is what a fourth difference at 50 ms sees: it has a gain of 0.002 at 1 Hz, 0.1 at 3 Hz and
2.7 at 10 Hz, so voluntary motion hardly enters while slap, tremor, noise and quantisation do.
"""

cimport cython
from libc.math cimport INFINITY, NAN, fabs, isnan
from libc.string cimport memmove

from kernels._smooth cimport LADDER, Smoother, evens, half_width, moments, smoother, unroll
from kernels._window cimport GRID_HZ, MARGIN, MASK, Span, Window

cdef double GRID_S = 1.0 / GRID_HZ
cdef double ZONE = 0.15             # README, "Phases": boundaries lie in the outer 15 % of the range
cdef double TENSION_V0 = 0.07       # README, "Phases": on tension alone v0 is 7 % of the range per second
cdef double QUIET = 0.002           # m/s; a tenth of v0, so that noise moves a boundary by a few ms
cdef double QUIET_SHARE = 0.01      # of peak velocity: fast motion needs less
# A phase of 0.5 s, as fast as lifters get, takes 0.18 s through the middle 70 % of its range; a knock's 0.15 s
# takes half of that. Measured on the place, so that noise in the velocity does not matter.
cdef double MIDDLE_S = 0.12
cdef double SUDDEN = 8.0            # times v0 within a half-width of the smoother; a lift of 0.5 m in 1 s is not
# Up to this share of the range a motion is as it set out, and from there on no longer. On simulated reaches of 0.4 to
# 1.5 s (v as u^a (1 - u)^b, a and b 1 to 3): beyond it the crossing comes as much too late as it had been too early.
cdef double STILL = 0.1
cdef double NOT_YET = 0.3
cdef double BLUR_S = 0.5            # noise does not spread a crossing farther than this
cdef int UNREST_LAG = 5
cdef int LEAST_REACH = 3            # the narrowest smoother
cdef int LEAST_CURVE = 8            # half-width; a second derivative is four times as noisy over half the width


@cython.final
cdef class Phases:
    """The window around one rep, smoothed.

    State: the smoothed window, and where on the ladder the stream's noise has led.

    Parameters
    ----------
    on_tension : bool
        The motion coordinate is a tension; quiet is then judged by its range.
    """

    def __init__(self, bint on_tension):
        self.on_tension = on_tension

    cdef void smooth(self, Window* window, long long first, long long last, int half) noexcept nogil:
        """Fill place and rate for grid samples [first, last]; narrower where the stream has just begun or ended.

        A rep is measured at its lockout and again when it is complete: what was smoothed then is kept.
        """
        cdef Smoother* f = smoother(half)
        cdef Py_ssize_t n = <Py_ssize_t>(last - first + 1)
        cdef Py_ssize_t whole = max(0, min(n, window.newest - half - first + 1))
        cdef Py_ssize_t skipped = <Py_ssize_t>(first - self.first)
        cdef Py_ssize_t kept = 0
        cdef Py_ssize_t unknown = 0
        cdef Py_ssize_t i
        if half == self.half and 0 <= skipped < self.whole:
            kept = min(self.whole - skipped, whole)
            if skipped:
                memmove(self.place, self.place + skipped, kept * sizeof(double))
                memmove(self.rate, self.rate + skipped, kept * sizeof(double))
        self.first = first
        self.n = <int>n
        self.half = half
        self.whole = whole
        unroll(window.s, first + kept - half, last + half, self.scratch)
        moments(self.scratch + half, whole - kept, f, self.place + kept, self.rate + kept)
        for i in range(whole, n):
            f = smoother(<int>(window.newest - first - i))
            moments(self.scratch + half + i - kept, 1, f, self.place + i, self.rate + i)
        if kept == 0 and isnan(self.place[0]):
            while unknown < n + half and isnan(self.scratch[unknown]):
                unknown += 1
            for i in range(max(0, unknown + LEAST_REACH - half), min(unknown, whole)):
                f = smoother(<int>(i + half - unknown))
                moments(self.scratch + half + i, 1, f, self.place + i, self.rate + i)

    cdef void accelerate(self, Window* window, int i0, int i1) noexcept nogil:
        """Fill `curve`, the acceleration, for samples [i0, i1] of the window; NaN where the stream has just ended."""
        cdef int half = self.half if self.half > LEAST_CURVE else LEAST_CURVE
        cdef Py_ssize_t whole = max(0, min(i1 - i0 + 1, window.newest - half - self.first - i0 + 1))
        cdef int i
        unroll(window.s, self.first + i0 - half, self.first + i0 + whole - 1 + half, self.scratch)
        evens(self.scratch + half, whole, smoother(half).curve, half, self.curve + i0)
        for i in range(i0 + <int>whole, i1 + 1):
            self.curve[i] = NAN

    cdef void settle(self, Window* window, long long first, long long last, bint final) noexcept nogil:
        """Smooth the window as little as its noise allows.

        Noise belongs to the sensors, so the search goes on from where the last rep's ended, a rung narrower when
        that was quiet enough; a pending rep takes the last one's as it is, for it is measured again.
        """
        cdef int i
        cdef int j = self.rung
        cdef double peak, low, high, limit
        while True:
            self.smooth(window, first, last, half_width(j))
            if self.settled and not final:
                return
            peak = 0.0
            high = -INFINITY
            low = INFINITY
            for i in range(self.n):
                if fabs(self.rate[i]) > peak:
                    peak = fabs(self.rate[i])
                if self.place[i] > high:
                    high = self.place[i]
                if self.place[i] < low:
                    low = self.place[i]
            limit = QUIET_SHARE * peak + (0.25 * TENSION_V0 * (high - low) if self.on_tension else QUIET)
            self.noise = self.unrest()
            if self.noise <= limit or j == LADDER - 1:
                break
            j += 1
        if final:
            self.settled = True
            self.rung = j - 1 if j > 0 and j == self.rung and self.noise < 0.5 * limit else j

    cdef double unrest(self) noexcept nogil:
        """Typical size of what is not voluntary in `rate`: the median fourth difference over its noise gain."""
        cdef Py_ssize_t i, count, lo, hi, left, right, middle
        cdef double pivot, x
        cdef Py_ssize_t lag = UNREST_LAG
        count = 0
        for i in range(2 * lag, self.n - 2 * lag, 5):  # nearer neighbours say the same: the narrowest smoother spans 13
            x = fabs(
                self.rate[i]
                - (self.rate[i - lag] + self.rate[i + lag]) * (2.0 / 3.0)
                + (self.rate[i - 2 * lag] + self.rate[i + 2 * lag]) / 6.0
            )
            self.scratch[count] = x
            count += x == x  # NaN, before the grid begins, has no place in an order
        if count == 0:
            return 0.0
        middle = count // 2
        lo = 0
        hi = count - 1
        while lo < hi:  # Hoare's selection
            pivot = self.scratch[middle]
            left = lo
            right = hi
            while left <= right:
                while self.scratch[left] < pivot:
                    left += 1
                while self.scratch[right] > pivot:
                    right -= 1
                if left <= right:
                    x = self.scratch[left]
                    self.scratch[left] = self.scratch[right]
                    self.scratch[right] = x
                    left += 1
                    right -= 1
            if right < middle:
                lo = left
            if left > middle:
                hi = right
        return self.scratch[middle] / 0.6745 / 1.39

    cdef double crossing(self, int i, double level) noexcept nogil:
        """Time at which `rate` passes `level` between samples i and i + 1, by a straight line."""
        cdef double here = self.rate[i]
        cdef double there = self.rate[min(i + 1, self.n - 1)]
        cdef double share = (here - level) / (here - there) if here != there else 0.0
        return (self.first + i + 0.5 + min(max(share, 0.0), 1.0)) * GRID_S

    cdef Span phase(
        self, int i0, int i1, double sign, double v0, double start, double end, double size
    ) noexcept nogil:
        """One phase: from the last time the speed passes v0 in the zone it leaves to the first time it falls below
        v0 in the zone it reaches. NaN where that has not happened."""
        cdef Span span
        cdef int i, out, into
        cdef double below
        cdef double first = NAN
        cdef double last
        out = i0
        into = i1
        for i in range(i1, max(i0, i1 - 2 * MARGIN) - 1, -1):
            if sign * self.place[i] > sign * self.place[into] or isnan(self.place[into]):
                into = i  # the turn: a dropped bar is back at the start a few samples later
        for i in range(into, i0 - 1, -1):
            if sign * (self.place[i] - start) <= ZONE * size:
                out = i
                break
        span.start_s = NAN
        below = v0 - min(2.0 * self.noise, 0.75 * v0)
        if sign * self.rate[min(out + 1, i1)] >= v0:
            # the last crossing, and where noise crosses more than once the middle between the first and it
            for i in range(out, i0 - 1, -1):
                if sign * self.rate[i] < v0:
                    if isnan(span.start_s):
                        span.start_s = self.crossing(i, sign * v0)
                        first = span.start_s
                    elif sign * self.rate[i + 1] >= v0:
                        first = self.crossing(i, sign * v0)
                    if sign * self.rate[i] < below or span.start_s - first > BLUR_S:
                        break
            if isnan(span.start_s):
                out = i0  # under way when the stream began
            span.start_s = self.sharpen(0.5 * (span.start_s + first), 1, sign, v0, size)
        else:
            for i in range(out + 1, i1):
                if sign * self.rate[i] < v0 and sign * self.rate[i + 1] >= v0:
                    span.start_s = self.crossing(i, sign * v0)
                    out = i
                    break
        span.whole = not isnan(span.start_s)
        if not span.whole:
            span.start_s = (self.first + out + 0.5) * GRID_S
        span.end_s = NAN
        into = i1 + 1
        for i in range(out + 1, i1 + 1):
            if sign * (end - self.place[i]) <= ZONE * size:
                into = i
                break
        if into <= i1 and sign * self.rate[into] < v0:
            span.end_s = (self.first + into + 0.5) * GRID_S
            return span
        last = NAN
        for i in range(into, i1):
            if sign * self.rate[i + 1] < v0:
                if isnan(span.end_s):
                    span.end_s = self.crossing(i, sign * v0)
                    last = span.end_s
                elif sign * self.rate[i] >= v0:
                    last = self.crossing(i, sign * v0)
                if sign * self.rate[i + 1] < below or last - span.end_s > BLUR_S:
                    break
        span.end_s = self.sharpen(0.5 * (span.end_s + last), -1, sign, v0, size)
        return span

    cdef double sharpen(self, double at_s, int step, double sign, double v0, double size) noexcept nogil:
        """The time at which the speed passes v0 where it does so suddenly, forwards (step 1) or backwards (-1) in time.

        The smoother spreads a sudden start over its half-width. What lies a half-width on is not spread, and tells how
        the motion set out: as d = c tau^(q+1), v = (q + 1) c tau^q, a = q v / tau for some q (1 with a jerk, 2 as
        voluntary reaches do), so that v² / (a d) = 1 + 1/q and tau = (q + 1) d / v.
        """
        cdef int i = self.index(at_s)
        cdef int p = i + step * (self.half + 1)
        cdef int j
        cdef Smoother* f
        cdef double v, a, d, q, tau, rest, found, onset, since, spread, share
        if p < 2 or p > self.n - 3:
            return at_s
        v = sign * self.rate[p]
        if not v >= SUDDEN * v0:
            return at_s
        rest = step * sign * self.place[i]
        for j in range(1, 2 * self.half + 1):
            if 0 <= i - step * j < self.n:
                rest = min(rest, step * sign * self.place[i - step * j])
        d = step * sign * self.place[p] - rest
        a = step * sign * (self.rate[p + 2] - self.rate[p - 2]) / (4.0 * GRID_S)
        q = v * v / (a * d) - 1.0
        if not (a > 0.0 and d > 0.0 and q > 0.0):
            return at_s
        q = min(max(1.0 / q, 0.5), 3.0)
        tau = (q + 1.0) * d / v
        found = (self.first + p + 0.5) * GRID_S - step * tau * (1.0 - (v0 / v) ** (1.0 / q))
        if fabs(found - at_s) > 0.5 * self.half * GRID_S:
            return at_s
        # what a start as sudden as that would read, spread, where the crossing was read
        onset = (self.first + p + 0.5) * GRID_S - step * tau
        f = smoother(self.half)
        spread = 0.0
        for j in range(0, 2 * self.half + 1, 2):  # every other tap: the sum of both halves differs by a few per cent
            since = step * (at_s - onset) + (j - self.half) * GRID_S
            if since > 0.0:
                spread += 2.0 * f.rate[j] * d * (since / tau) ** (q + 1.0)
        # far from its ends the motion goes on otherwise than it set out
        share = min(max((NOT_YET - d / size) / (NOT_YET - STILL), 0.0), 1.0)
        return at_s + share * min(max(spread / v0, 0.0), 1.0) * (found - at_s)

    cdef double place_at(self, double t) noexcept nogil:
        cdef double at = t / GRID_S - 0.5 - self.first
        cdef int i
        cdef double share
        if not at > 0.0:
            return self.place[0]
        i = <int>at
        if i + 1 >= self.n:
            return self.place[self.n - 1]
        share = at - i
        return self.place[i] + share * (self.place[i + 1] - self.place[i])

    cdef int index(self, double t) noexcept nogil:
        """The sample nearest a time, inside the window."""
        cdef double at = t / GRID_S - self.first
        if not at > 0.0:
            return 0
        return min(<int>at, self.n - 1)

    cdef double summit(self, int i) noexcept nogil:
        """Extreme of the parabola through three samples of `rate`."""
        cdef double a = self.rate[i - 1]
        cdef double b = self.rate[i]
        cdef double c = self.rate[i + 1]
        cdef double bend = a - 2.0 * b + c
        if bend == 0.0 or isnan(bend):
            return b
        return b - 0.125 * (c - a) * (c - a) / bend

    cdef bint knocked(self, Window* window, long long a, long long v, long long b, bint may_drop) noexcept nogil:
        """Whether the way from a to v, or on to b, is too quick for a lifter."""
        if self.hasty(window.announced, v, a, -1):
            return True
        return not may_drop and b > v and self.hasty(window.announced, v, b, 1)

    cdef bint hasty(self, const double* ring, long long turn, long long end, int step) noexcept nogil:
        """Whether the middle of the range between a turn and an end took less than MIDDLE_S."""
        cdef double low = ring[turn & MASK]
        cdef double size = ring[end & MASK] - low
        cdef double share
        cdef long long inner = -1
        cdef long long k = turn
        while k != end:
            k += step
            share = (ring[k & MASK] - low) / size
            if inner < 0 and share > ZONE:
                inner = k
            if share >= 1.0 - ZONE:
                return (k - inner) * step * GRID_S < MIDDLE_S
        return False
