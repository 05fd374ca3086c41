"""One rep's phases: smooth the grid around it as little as its noise allows, and find where it crosses v0.

The announcing filter is short because a lifter waits for it. Here the whole movement lies in a ring, so the
smoother may look both ways, and it is as narrow as the sensors' noise allows: the narrowest of the ladder whose
velocity is quiet. Noise is what a fourth difference at 50 ms sees: it has a gain of 0.002 at 1 Hz, 0.1 at 3 Hz and
2.7 at 10 Hz, so voluntary motion hardly enters while slap, tremor, noise and quantisation do.
"""

cimport cython
from libc.math cimport INFINITY, NAN, fabs, isnan, sqrt
from libc.string cimport memmove

from kernels._smooth cimport (
    LADDER,
    LEAST_HALF,
    MAX_HALF,
    SLOWING,
    Smoother,
    evens,
    extremes,
    half_width,
    middle,
    moment,
    moments,
    smoother,
    time_left,
    unroll,
)
from kernels._swings cimport TENSION_V0, ZONE
from kernels._untouched cimport give_back, untouched
from kernels._window cimport GRID_HZ, MARGIN, MASK, RING, TREMOR_LAG, Closing, Edge, Span, Window

cdef double GRID_S = 1.0 / GRID_HZ
cdef double QUIET = 0.002           # m/s; a tenth of v0, so that noise moves a boundary by a few ms
cdef double QUIET_SHARE = 0.01      # of peak velocity: fast motion needs less
# A boundary is read where a creep does not reach, and carried on to v0 as smooth reaches set out (v ~ tau², Flash &
# Hogan 1985), but not far: README, "Phases".
cdef double READ_AT = 0.08          # of the phase's peak speed
cdef double CARRIED_S = 0.15
# A smoother puts out a corner by three times so much of its half-width, whichever that is; the quickest smooth onset, a
# phase of 0.45 s along v ~ tau² (Flash & Hogan), by half of it at 0.06 s and by as much at 0.1 s.
cdef double SMOOTH_OUT = 0.12
# Of the noise of the rate, what two smoothers a third apart differ by: of white noise 0.44 to 0.56 by their taps, and
# all of a tremor, which a fourth difference over half its period sees twice (16 / 6 / 1.39).
cdef double UNLIKE = 0.5


@cython.final
cdef class Phases:
    """The window around one rep, smoothed.

    State: the smoothed window, and where on the ladder the stream's noise has led.

    Parameters
    ----------
    on_tension : bool
        The motion coordinate is a tension; quiet is then judged by its range.
    """

    def __cinit__(self):
        self.place = <double*>untouched(4 * RING * sizeof(double))
        self.rate = self.place + RING
        self.curve = self.rate + RING
        self.scratch = self.curve + RING

    def __dealloc__(self):
        give_back(self.place, 4 * RING * sizeof(double))

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
            for i in range(max(0, unknown + LEAST_HALF - half), min(unknown, whole)):
                f = smoother(<int>(i + half - unknown))
                moments(self.scratch + half + i, 1, f, self.place + i, self.rate + i)

    cdef void accelerate(self, Window* window, int i0, int i1) noexcept nogil:
        """Fill `curve`, the acceleration, for samples [i0, i1] of the window; NaN where the stream has just ended."""
        cdef int half = max(self.half, half_width(1))  # a second derivative is four times as noisy over half the width
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
        cdef int j = self.rung
        cdef double slowest, fastest, low, high, limit
        while True:
            self.smooth(window, first, last, half_width(j))
            if self.settled and not final:
                return
            extremes(self.rate, self.n, &slowest, &fastest)
            extremes(self.place, self.n, &low, &high)
            if j == self.rung:
                self.spacing_s = self.spacing(window)
            limit = max(0.0, max(fastest, -slowest))
            # a cell's noise is all seen: half of where a boundary is read, so that quick reps are not smoothed away
            limit *= 0.5 * READ_AT if self.on_tension else QUIET_SHARE
            limit = limit + (0.25 * TENSION_V0 * (high - low) if self.on_tension else QUIET)
            self.noise = self.noise_estimate()
            if self.noise <= limit or j == LADDER - 1:
                break
            j += 1
        if final:
            self.settled = True
            self.rung = j - 1 if j > 0 and j == self.rung and self.noise < 0.5 * limit else j

    cdef double spacing(self, Window* window) noexcept nogil:
        """The mean time between samples of the leading channel in the window, s."""
        cdef const Closing* closings = window.closings
        cdef long long last = min(self.first + self.n - 1, window.newest)
        cdef long long k
        cdef int count = 0
        for k in range(self.first + 1, last + 1):
            count += <unsigned short>(closings[k & MASK].taken - closings[(k - 1) & MASK].taken)
        return (closings[last & MASK].time_s - closings[self.first & MASK].time_s) / count if count else GRID_S

    cdef double noise_estimate(self) noexcept nogil:
        """Typical size of what is not voluntary in `rate`: the median fourth difference over its noise gain."""
        cdef Py_ssize_t i
        cdef Py_ssize_t count = 0
        cdef double x
        cdef Py_ssize_t lag = max(<Py_ssize_t>TREMOR_LAG, <Py_ssize_t>(self.spacing_s * GRID_HZ + 0.5))
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
        return middle(self.scratch, count) / 0.6745 / (self.seen_share(lag) if self.on_tension else 1.39)

    cdef double seen_share(self, Py_ssize_t lag) noexcept nogil:
        """What share of the white noise that the smoother leaves in `rate` a fourth difference over a lag shows."""
        cdef Smoother* f = smoother(self.half)
        cdef Py_ssize_t i, j
        cdef double d
        cdef double total = 0.0
        for i in range(-self.half - 2 * lag, self.half + 2 * lag + 1):
            d = 0.0
            for j in range(-2, 3):
                if -self.half <= i + j * lag <= self.half:
                    d += (1.0 if j == 0 else -2.0 / 3.0 if j * j == 1 else 1.0 / 6.0) * f.rate[self.half + i + j * lag]
            total += d * d
        return sqrt(total / f.rate_square)

    cdef double crossing(self, int i, double level) noexcept nogil:
        """Time at which `rate` passes `level` between samples i and i + 1, by a straight line."""
        cdef double here = self.rate[i]
        cdef double there = self.rate[min(i + 1, self.n - 1)]
        cdef double share = (here - level) / (here - there) if here != there else 0.0
        return (self.first + i + 0.5 + min(max(share, 0.0), 1.0)) * GRID_S

    cdef Span phase(
        self, Window* window, int i0, int i1, double sign, double v0, double start, double end, double size
    ) noexcept nogil:
        """One phase of the window's samples [i0, i1]: its start in the zone it leaves, its end in the zone it reaches.

        `start` and `end` are the places it leads from and to, `size` their distance. NaN where it did not begin or
        end in the window.
        """
        cdef Span span
        cdef int i
        cdef int out = i0
        cdef int into = i1
        cdef double low, high, peak, level
        for i in range(i1, max(i0, i1 - 2 * MARGIN) - 1, -1):
            if sign * self.place[i] > sign * self.place[into] or isnan(self.place[into]):
                into = i  # the turn: a dropped bar is back at the start a few samples later
        for i in range(into, i0 - 1, -1):
            if sign * (self.place[i] - start) <= ZONE * size:
                out = i
                break
        extremes(self.rate + out, into + 1 - out, &low, &high)
        peak = max(0.0, high if sign > 0.0 else -low)
        level = max(v0, READ_AT * peak)
        span.start_s = self.boundary(min(out + 1, i1), i0, i1, -1, sign, level, v0, &span.start)
        span.whole = not isnan(span.start_s)
        if span.whole:
            span.start_s += self.extrapolated_onset(window, sign, v0, &span.start)
        else:
            out = i0  # under way when the stream began
            span.start_s = (self.first + out + 0.5) * GRID_S
        span.end_s = NAN
        span.end = span.start
        span.end.read_s = NAN
        span.end.inward_s = 0.0
        span.end.blunt_s = 0.0
        span.end.smooth = 0.0
        span.end.left_s = 0.0
        for i in range(out + 1, i1 + 1):
            if sign * (end - self.place[i]) <= ZONE * size:
                span.end_s = self.boundary(i, i1, out, 1, sign, level, v0, &span.end)
                if not isnan(span.end_s):
                    span.end_s += self.extrapolated_onset(window, sign, v0, &span.end)
                break
        return span

    cdef double boundary(
        self, int zone, int outer, int inner, int step, double sign, double level, double v0, Edge* edge
    ) noexcept nogil:
        """The boundary nearest sample `zone`, where the motion leaves (step -1) or enters (step 1) its outer zone.

        It is read where the speed passes `level`: on the way from `zone` to `outer`; where the motion is slow at
        `zone` already, farther out, or at last on the way to `inner`. NaN where it is passed nowhere.
        """
        cdef double below = level - min(2.0 * self.noise, 0.75 * level)
        cdef double known_s = (self.first + outer + 0.5) * GRID_S
        cdef double first = NAN
        cdef double last = NAN
        cdef double at_s
        cdef int i = zone
        cdef int at = zone
        edge.read_s = NAN
        edge.through_s = NAN
        edge.blur_s = 0.0
        edge.level = level
        edge.inward_s = 0.0
        edge.blunt_s = 0.0
        edge.smooth = 0.0
        edge.left_s = 0.0
        while i != outer and not sign * self.rate[i] >= level:
            i += step
        while i != outer:
            if sign * self.rate[i + step] < level:
                if isnan(first):
                    first = self.crossing(min(i, i + step), sign * level)
                    last = first
                    at = i
                elif sign * self.rate[i] >= level:
                    last = self.crossing(min(i, i + step), sign * level)
                # where noise crosses more than once, the middle between the first and the last
                if sign * self.rate[i + step] < below:
                    break
            i += step
        if isnan(first):
            i = zone
            while i != inner and not sign * self.rate[i] >= level:
                i -= step
            if i == inner or i == zone:
                return NAN
            first = self.crossing(min(i, i + step), sign * level)
            last = first
            at = i
        edge.read_s = 0.5 * (first + last)
        edge.blur_s = fabs(last - first)
        at_s = self.carried(edge, at, inner, step, sign, v0)
        return min(at_s, known_s) if step > 0 else max(at_s, known_s)

    cdef double extrapolated_onset(self, Window* window, double sign, double v0, Edge* edge) noexcept nogil:
        """By how much a boundary is moved towards its phase, for how the smoother blunts a corner there, s.

        A corner comes out too far in proportion to the smoother's width, so a second one of another width tells how
        far, to first order: each of the two rates that the boundary was read from, along the slope of v ~ tau² there.
        What noise, by four sigma, or a smooth onset may do is no corner, and stays; nor are corners of lines between
        slow samples. A smooth onset comes out too far with h³ or so: between a corner's h and h⁴ where nothing jumps.
        """
        cdef double apart = edge.read_s - edge.through_s  # negative: a start
        cdef double slope, onward, far, share, noise, onset, corner
        cdef int other = self.half + max(1, self.half // 3)
        cdef long long last = self.first + self.index(max(edge.read_s, edge.through_s)) + 1
        if isnan(apart) or apart == 0.0:
            return 0.0
        if other > MAX_HALF or other > window.newest - last:
            other = self.half - max(1, self.half // 3)
        if self.half < 4 or self.half > window.newest - last:
            return 0.0
        share = <double>other / self.half
        slope = 2.0 * (sqrt(3.0) - 1.0) * edge.level / fabs(apart)
        onward = min((1.0 - sqrt(v0 / edge.level)) / (sqrt(3.0) - 1.0), CARRIED_S / fabs(apart))
        far = (1.0 + onward) * sign * self.widened(window, edge.read_s, other)
        far = (far - onward * sign * self.widened(window, edge.through_s, other) / sqrt(3.0)) / slope
        far /= share - 1.0
        noise = sqrt((1.0 + onward) * (1.0 + onward) + onward * onward / 3.0) * UNLIKE * self.noise
        noise /= slope * fabs(share - 1.0)
        if isnan(far):
            return 0.0
        edge.blunt_s = sqrt(max(0.0, far * far - noise * noise))
        edge.smooth = 1.0 / (1.0 + share + share * share)
        if not far > 0.0:
            edge.blunt_s = -edge.blunt_s
            return 0.0
        edge.left_s = edge.blunt_s
        if self.spacing_s > 2.5 * GRID_S:
            return 0.0
        onset = SMOOTH_OUT * self.half * GRID_S
        edge.inward_s = sqrt(max(0.0, far * far - 16.0 * noise * noise - onset * onset))
        corner = sqrt(max(0.0, edge.blunt_s * edge.blunt_s - onset * onset))
        edge.left_s = max(edge.smooth * edge.blunt_s, corner - edge.inward_s / (1.0 + share))
        if apart > 0.0:
            edge.inward_s = -edge.inward_s
        return edge.inward_s

    cdef double widened(self, Window* window, double t, int half) noexcept nogil:
        """By how much the rate at a time is more after a smoother of another half-width."""
        cdef double at = t / GRID_S - 0.5 - self.first
        cdef int i = max(0, min(<int>at, self.n - 2))
        cdef double share = min(max(at - i, 0.0), 1.0)
        cdef double here = moment(window.s, smoother(half), half, self.first + i).rate - self.rate[i]
        cdef double there = moment(window.s, smoother(half), half, self.first + i + 1).rate - self.rate[i + 1]
        return here + share * (there - here)

    cdef double carried(
        self, Edge* edge, int i, int inner, int step, double sign, double v0
    ) noexcept nogil:
        """From the crossing of its level on to v0, along the v ~ tau² that passes that and three times as much."""
        cdef double level = edge.level
        while i != inner and not sign * self.rate[i] >= 3.0 * level:
            i -= step
        if i == inner:
            return edge.read_s
        edge.through_s = self.crossing(min(i, i + step), 3.0 * sign * level)
        return edge.read_s + step * min(
            fabs(edge.read_s - edge.through_s) * (1.0 - sqrt(v0 / level)) / (sqrt(3.0) - 1.0), CARRIED_S
        )

    cdef double ending(self, double v0) noexcept nogil:
        """When the lift that the window ends in will be at v0; NaN where it does not slow down to it at once."""
        cdef int i = self.n - 1
        cdef double left_s
        while i > SLOWING and isnan(self.rate[i]):
            i -= 1
        left_s = time_left(self.rate[i], self.rate[i - SLOWING], v0) if i > SLOWING else INFINITY
        return (self.first + i + 0.5) * GRID_S + left_s if left_s < CARRIED_S else NAN

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

    cdef double parabolic_peak(self, int i) noexcept nogil:
        """Extreme of the parabola through three samples of `rate`."""
        cdef double a = self.rate[i - 1]
        cdef double b = self.rate[i]
        cdef double c = self.rate[i + 1]
        cdef double bend = a - 2.0 * b + c
        if bend == 0.0 or isnan(bend):
            return b
        return b - 0.125 * (c - a) * (c - a) / bend
