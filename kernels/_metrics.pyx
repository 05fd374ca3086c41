"""One rep's boundaries and numbers, by the definitions in the README, from the grid around it.

The announcing filter is short because a lifter waits for it. Here the whole movement lies in a ring, so the
smoother may look both ways, and it is as narrow as the sensors' noise allows: the narrowest of the ladder whose
velocity is quiet. Unrest is what a fourth difference at 50 ms sees: it has a gain of 0.002 at 1 Hz, 0.1 at 3 Hz and
2.7 at 10 Hz, so voluntary motion hardly enters while slap, tremor, noise and quantisation do.
"""

cimport cython
from libc.math cimport NAN, cos, fabs, fmax, fmin, hypot, isnan, sin, sqrt

from kernels._motion cimport GRID_HZ, LADDER, MASK, RING, Moment, Smoother, even, half_width, moment, smoother
from kernels._path cimport handle_elevation

cdef double GRID_S = 1.0 / GRID_HZ
cdef double ZONE = 0.15             # README, "Phases": boundaries lie in the outer 15 % of the range
cdef double TENSION_V0 = 0.07       # README, "Phases": on tension alone v0 is 7 % of the range per second
cdef double QUIET = 0.002           # m/s; a tenth of v0, so that noise moves a boundary by a few ms
cdef double QUIET_SHARE = 0.01      # of peak velocity: fast motion needs less
cdef double G_MPS2 = 9.80665        # standard gravity, CGPM 1901
# A phase of 0.5 s, as fast as lifters get, takes 0.18 s through the middle 70 % of its range; a knock's 0.15 s
# takes half of that. Measured on the place, so that noise in the velocity does not matter.
cdef double MIDDLE_S = 0.12
cdef double BALLISTIC_MPS = 1.8     # nobody lowers a bar that fast: it was dropped
cdef double BLUR_S = 0.5            # noise does not spread a crossing farther than this
cdef double MOVING_MPS = 0.05        # fast enough that the pulley's friction has settled
cdef double EFFICIENCY_SIGMA = 0.005  # how well a sheave's efficiency is known; makers give 0.98 or 0.97
cdef double FAINT_M = 0.05           # one reading of the cell says no more than this: too little tension
cdef int MIN_REACH = 3               # the narrowest smoother
cdef int UNREST_LAG = 5
cdef int MARGIN = 12
cdef int LEAD = 60                  # a slow start is under way before the grammar sees a top


@cython.final
cdef class Meter:
    """Measure candidates. State: scratch space only; the same window gives the same numbers.

    Parameters
    ----------
    layout : int
        Which sensors the station has (kernels.LAYOUTS).
    concentric_first, free_weight : bool
    free_length_m, pulley_efficiency : float
        Of a cable; NaN where there is none.
    """

    def __init__(
        self, int layout, bint concentric_first, bint free_weight, double free_length_m, double pulley_efficiency
    ):
        self.layout = layout
        self.concentric_first = concentric_first
        self.free_weight = free_weight
        self.free_length = free_length_m
        self.efficiency = pulley_efficiency

    cdef void smooth(self, Window* window, long long first, long long last, int half) noexcept nogil:
        """Fill place and rate for grid samples [first, last]; narrower where the stream has just ended."""
        cdef long long k
        cdef int reach
        cdef Smoother* f
        cdef Moment m
        self.first = first
        self.n = <int>(last - first + 1)
        self.half = half
        for k in range(first, last + 1):
            reach = half if window.newest - k >= half else <int>(window.newest - k)
            f = smoother(reach)
            m = moment(window.s, f, k)
            self.place[k - first] = m.place
            self.rate[k - first] = m.rate

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
            high = self.place[0]
            low = self.place[0]
            for i in range(self.n):
                if fabs(self.rate[i]) > peak:
                    peak = fabs(self.rate[i])
                if self.place[i] > high:
                    high = self.place[i]
                if self.place[i] < low:
                    low = self.place[i]
            limit = QUIET_SHARE * peak + (0.25 * TENSION_V0 * (high - low) if self.layout == TENSION else QUIET)
            self.noise = self.unrest()
            if self.noise <= limit or j == LADDER - 1:
                break
            j += 1
        if final:
            self.settled = True
            self.rung = j - 1 if j > 0 and j == self.rung and self.noise < 0.5 * limit else j

    cdef double unrest(self) noexcept nogil:
        """Typical size of what is not voluntary in `rate`: the median fourth difference over its noise gain."""
        cdef int i, count, lo, hi, left, right, middle
        cdef double pivot, x
        cdef int lag = UNREST_LAG
        count = 0
        for i in range(2 * lag, self.n - 2 * lag, 3):  # neighbours say the same
            x = fabs(
                self.rate[i]
                - (self.rate[i - lag] + self.rate[i + lag]) * (2.0 / 3.0)
                + (self.rate[i - 2 * lag] + self.rate[i + 2 * lag]) / 6.0
            )
            self.scratch[count] = x
            count += 1
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
        return (self.first + i + 0.5 + fmin(fmax(share, 0.0), 1.0)) * GRID_S

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
        for i in range(i1, i0 - 1, -1):
            if sign * (self.place[i] - start) <= ZONE * size:
                out = i
                break
        span.start_s = NAN
        below = v0 - fmin(2.0 * self.noise, 0.75 * v0)
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
            span.start_s = 0.5 * (span.start_s + first)
        else:
            for i in range(out + 1, i1):
                if sign * self.rate[i] < v0 and sign * self.rate[i + 1] >= v0:
                    span.start_s = self.crossing(i, sign * v0)
                    out = i
                    break
        if isnan(span.start_s):
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
        span.end_s = 0.5 * (span.end_s + last)
        return span

    cdef double place_at(self, double t) noexcept nogil:
        cdef double at = t / GRID_S - 0.5 - self.first
        cdef int i = <int>at
        cdef double share
        if i < 0:
            return self.place[0]
        if i + 1 >= self.n:
            return self.place[self.n - 1]
        share = at - i
        return self.place[i] + share * (self.place[i + 1] - self.place[i])

    cdef bint measure(
        self,
        Window* window,
        long long a,
        long long v,
        long long b,
        double v0,
        double load,
        bint final,
        Measures* m,
    ) noexcept nogil:
        """Measure one candidate that leaves at a, turns at v and returns at b (b < 0: it does not return).

        `final`: nothing that follows changes it.

        Returns False where the grid does not hold it or a phase is too short to be a lifter's.
        """
        cdef long long first = a - LEAD
        cdef long long last = min((b if b >= 0 else v) + MARGIN, window.newest - half_width(0))
        cdef long long oldest = window.newest - RING + 2 * half_width(LADDER - 1)
        cdef int i, i0, i1, ia, iv, ib
        cdef double before, turn, after
        cdef Span away, back
        cdef double sign = -1.0 if self.concentric_first else 1.0
        if first < oldest:
            first = oldest
        if first < 0:
            first = 0
        a = max(a, first)
        if a >= v or last - first < 4 or v > last:
            return False
        if self.knocked(window, a, v, min(b, last)):
            return False
        self.settle(window, first, last, final)
        m.smoothing_s = self.half * GRID_S
        ia = <int>(a - first)
        iv = <int>(v - first)
        ib = <int>(min(b, last) - first) if b >= 0 else self.n - 1
        for i in range(self.n):
            if isnan(self.rate[i]):
                # the grid's own beginning or a break: the rep is measured from where the signal is whole
                if i <= iv:
                    ia = max(ia, i + 1)
                else:
                    ib = min(ib, i - 1)
        if ia >= iv or iv > ib:
            return False
        i0 = max(ia - LEAD, 0)
        while i0 < ia and isnan(self.rate[i0]):
            i0 += 1
        i1 = min(ib + MARGIN, self.n - 1)
        while i1 > ib and isnan(self.rate[i1]):
            i1 -= 1
        # extremes of the part left, of the turn, and of the part returned to
        before = sign * self.place[i0]
        for i in range(i0, iv + 1):
            before = fmax(before, sign * self.place[i])
        turn = sign * self.place[iv]
        for i in range(ia, ib + 1):
            if sign * self.place[i] < turn:
                turn = sign * self.place[i]
        after = turn
        for i in range(iv, i1 + 1):
            after = fmax(after, sign * self.place[i])
        if b >= 0:
            # Walking out before the first rep and letting go after the last go farther than the reps do. A rep leaves
            # and returns to the nearer of the two ends; where it did not rest there, the farther one is found anyway.
            before = fmin(before, after)
            after = before
        if self.layout == TENSION:
            v0 = TENSION_V0 * (v0 if v0 > 0.0 else before - turn)
        away = self.phase(i0, min(iv + MARGIN, i1), -sign, v0, sign * before, sign * turn, before - turn)
        back.start_s = NAN
        back.end_s = NAN
        if b >= 0:
            back = self.phase(max(iv - MARGIN, i0), i1, sign, v0, sign * turn, sign * after, after - turn)
        if isnan(away.end_s):
            away.end_s = (window.newest - self.half if b < 0 else v + 0.5) * GRID_S
        if self.concentric_first:
            return self.lift_first(window, away, back, load, m)
        return self.lower_first(window, away, back, load, m)

    cdef bint knocked(self, Window* window, long long a, long long v, long long b) noexcept nogil:
        """Whether the way from a to v, or on to b, is too quick for a lifter."""
        if self.hasty(window.announced, v, a, -1):
            return True
        return not self.concentric_first and b > v and self.hasty(window.announced, v, b, 1)  # a bar may be dropped

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

    cdef bint lower_first(self, Window* window, Span down, Span up, double load, Measures* m) noexcept nogil:
        if isnan(up.end_s):
            up.end_s = (self.first + self.n - 0.5) * GRID_S
        if up.start_s < down.end_s:
            up.start_s = down.end_s
        m.start_s = down.start_s
        m.eccentric_end_s = down.end_s
        m.eccentric_s = down.end_s - down.start_s
        m.concentric_start_s = up.start_s
        m.concentric_end_s = up.end_s
        m.end_s = up.end_s
        m.bottom_pause_s = up.start_s - down.end_s
        m.top_pause_s = NAN
        self.lift(window, down, up, load, m)
        return True

    cdef bint lift_first(self, Window* window, Span up, Span down, double load, Measures* m) noexcept nogil:
        cdef int i
        cdef bint dropped = isnan(down.start_s) or isnan(down.end_s)
        if not dropped and self.free_weight:
            for i in range(self.index(down.start_s), self.index(down.end_s) + 1):
                if -self.rate[i] > BALLISTIC_MPS:
                    dropped = True
                    break
        m.start_s = up.start_s
        m.concentric_start_s = up.start_s
        m.concentric_end_s = up.end_s
        m.bottom_pause_s = NAN
        if dropped:
            down.start_s = NAN
            down.end_s = NAN
        elif down.start_s < up.end_s:
            down.start_s = up.end_s
        m.eccentric_end_s = down.end_s
        m.end_s = up.end_s if dropped else down.end_s
        m.eccentric_s = down.end_s - down.start_s
        m.top_pause_s = down.start_s - up.end_s
        self.lift(window, down, up, load, m)
        return True

    cdef int index(self, double t) noexcept nogil:
        """The sample nearest a time, inside the window."""
        cdef double at = t / GRID_S - self.first
        if at < 0.0:
            return 0
        return min(<int>at, self.n - 1)

    cdef void lift(self, Window* window, Span down, Span up, double load, Measures* m) noexcept nogil:
        """Everything that is measured inside the two phases."""
        cdef int i, i0, i1, at
        cdef double t_end, a, a_before
        cdef Smoother* f
        i0 = self.index(up.start_s)
        i1 = self.index(up.end_s)
        # the lowest place: at the turn of an eccentric-first rep it may be before the concentric starts
        m.bottom = self.place_at(up.start_s)
        for i in range(self.index(down.end_s) if not self.concentric_first else i0, i1 + 1):
            m.bottom = fmin(m.bottom, self.place[i])
        m.top = self.place_at(up.end_s)
        m.size = m.top - m.bottom
        m.mcv = (m.top - self.place_at(up.start_s)) / (up.end_s - up.start_s)
        m.pcv = self.rate[i0]
        at = i0
        for i in range(i0, i1 + 1):
            if self.rate[i] > m.pcv:
                m.pcv = self.rate[i]
                at = i
        if i0 < at < self.n - 1:
            m.pcv = self.summit(at)
        m.mpv = NAN
        if self.free_weight:
            t_end = up.end_s
            f = smoother(max(self.half, 8))
            a_before = 0.0
            for i in range(at, i1 + 1):
                if window.newest - (self.first + i) < f.half:
                    break
                a = even(window.s, f.curve, f.half, self.first + i)
                if a <= -G_MPS2:
                    t_end = (self.first + i + 0.5) * GRID_S
                    if i > at and a_before > a:
                        t_end -= GRID_S * (-G_MPS2 - a) / (a_before - a)
                    break
                a_before = a
            m.mpv = (self.place_at(t_end) - self.place_at(up.start_s)) / (t_end - up.start_s)
        m.mev = NAN
        m.pev = NAN
        if not isnan(down.end_s):
            m.mev = (self.place_at(down.start_s) - self.place_at(down.end_s)) / (down.end_s - down.start_s)
            m.pev = 0.0
            at = self.index(down.start_s)
            for i in range(at, self.index(down.end_s) + 1):
                if -self.rate[i] > m.pev:
                    m.pev = -self.rate[i]
                    at = i
            if 0 < at < self.n - 1:
                m.pev = fabs(self.summit(at))
        self.force(window, load, i0, i1, up, m)
        self.path(window, m)

    cdef double summit(self, int i) noexcept nogil:
        """Extreme of the parabola through three samples of `rate`."""
        cdef double a = self.rate[i - 1]
        cdef double b = self.rate[i]
        cdef double c = self.rate[i + 1]
        cdef double bend = a - 2.0 * b + c
        if bend == 0.0 or isnan(bend):
            return b
        return b - 0.125 * (c - a) * (c - a) / bend

    cdef void force(
        self, Window* window, double load, int i0, int i1, Span up, Measures* m
    ) noexcept nogil:
        """Concentric force, power and work: from the load cell, or from an entered free weight."""
        cdef int i
        cdef int seen = 0
        cdef double f, total, power, work
        cdef Smoother* curve = smoother(max(self.half, 8))
        m.mean_force = NAN
        m.peak_force = NAN
        m.mean_power = NAN
        m.peak_power = NAN
        m.work = NAN
        total = 0.0
        work = 0.0
        for i in range(i0, i1 + 1):
            f = window.force[(self.first + i) & MASK]
            if isnan(f) and load > 0.0 and self.free_weight:
                if window.newest - (self.first + i) < curve.half:
                    continue
                f = load * (G_MPS2 + even(window.s, curve.curve, curve.half, self.first + i))
            if isnan(f):
                continue
            power = f * self.rate[i]
            if seen == 0 or f > m.peak_force:
                m.peak_force = f
            if seen == 0 or power > m.peak_power:
                m.peak_power = power
            total += f
            work += power
            seen += 1
        if seen * 5 < (i1 - i0 + 1) * 4:  # less than four fifths of the concentric was seen
            m.peak_force = NAN
            m.peak_power = NAN
            return
        m.mean_force = total / seen
        m.mean_power = work / seen
        m.work = m.mean_power * (up.end_s - up.start_s)
        if self.layout == TENSION:
            m.mean_power = NAN
            m.peak_power = NAN
            m.work = NAN

    cdef void path(self, Window* window, Measures* m) noexcept nogil:
        """Path deviation, drift and uncertainty between the rep's start and its end."""
        cdef Smoother* f = smoother(PATH_HALF)
        cdef int i0 = self.index(m.start_s)
        cdef int i1 = self.index(m.end_s)
        cdef int i, at
        cdef double x0, x, drift
        cdef double scatter = 0.0
        m.deviation = NAN
        m.drift = NAN
        m.sigma = NAN
        if self.layout == PULLEY:
            self.handle(window, m, i0, i1)
            return
        if self.layout != TILT and self.layout != TWO_TETHERS:
            return
        x0 = self.smooth_at(window.x, window, f, i0)
        if isnan(x0):
            return
        drift = 0.0
        at = i0
        for i in range(i0, i1 + 1):
            x = self.smooth_at(window.x, window, f, i)
            if isnan(x):
                return  # the path was not seen whole
            scatter += (window.x[(self.first + i) & MASK] - x) ** 2
            if fabs(x - x0) > fabs(drift):
                drift = x - x0
                at = i
        m.deviation = fabs(drift)
        m.drift = drift
        # What the readings scatter about the smoothed way, after smoothing: tremor and slap beside the sensor.
        scatter = window.place_gain * sqrt(scatter / (i1 - i0 + 1))
        # The farthest of a dozen independent places nearly as far is picked: the largest of twelve normal deviates
        # is 1.6 on average, 0.6 about it (order statistics), 3 in the mean square.
        m.sigma = hypot(
            fmax(scatter, hypot(window.path_gain, window.stuck) * window.sigma[(self.first + i0) & MASK]),
            sqrt(3.0) * fmax(scatter, window.path_gain * window.sigma[(self.first + at) & MASK]),
        )

    cdef double smooth_at(self, const double* ring, Window* window, Smoother* f, int i) noexcept nogil:
        cdef long long k = self.first + i
        cdef int reach = f.half if window.seen - k >= f.half else <int>(window.seen - k)
        if reach < MIN_REACH:
            return ring[k & MASK]
        return even(ring, smoother(reach).place, reach, k)

    cdef void handle(self, Window* window, Measures* m, int i0, int i1) noexcept nogil:
        """Cable: the handle's greatest distance from the straight line between its top and bottom points.

        At a standstill the friction's direction is not known, and with it 0.7 degrees of the angle, so only
        samples that move are used, and the line is drawn between the outermost of them.
        """
        cdef Smoother* f = smoother(PULLEY_HALF)
        cdef int i
        cdef double rx, ry, noise
        cdef double e = 0.0
        cdef double reach = 0.0
        for i in range(i0, i1 + 1):
            self.handle_x[i] = NAN
            if self.first + i > window.seen - MIN_REACH:
                continue  # pending: the cell has not come this far yet
            if fabs(self.rate[i]) > MOVING_MPS:
                rx = self.smooth_at(window.x, window, f, i)
                ry = self.smooth_at(window.y, window, f, i)
                if not self.free_length * window.sigma[(self.first + i) & MASK] < FAINT_M:
                    return  # slack, or not seen
                e = handle_elevation(rx, ry, self.efficiency if self.rate[i] > 0.0 else 1.0 / self.efficiency)
                if isnan(e):
                    return
                reach = self.free_length + self.place[i]
                self.handle_x[i] = reach * cos(e)
                self.handle_y[i] = reach * sin(e)
        self.line(m, i0, i1)
        if isnan(m.deviation):
            return
        # the point, picked as the farthest (see path), and both ends of the line by half of it each
        noise = window.path_gain * sqrt(2.5) * (self.free_length + 0.5 * (m.top + m.bottom)) * window.sigma[
            (self.first + (i0 + i1) // 2) & MASK
        ]
        # an efficiency off by its tolerance turns the handle side by de = dk cos e / (1 + sin e), and the other way
        # when the motion turns; e here is the last one seen
        m.sigma = hypot(noise, EFFICIENCY_SIGMA * reach * cos(e) / (1.0 + sin(e)))

    cdef void line(self, Measures* m, int i0, int i1) noexcept nogil:
        """The largest distance of the handle's moving samples from the line between their ends."""
        cdef int i
        cdef int high = -1
        cdef int low = -1
        cdef double x1, y1, x2, y2, length
        for i in range(i0, i1 + 1):
            if isnan(self.handle_x[i]):
                continue
            if high < 0 or self.place[i] > self.place[high]:
                high = i
            if low < 0 or self.place[i] < self.place[low]:
                low = i
        if high < 0 or high == low:
            return
        x1 = self.handle_x[high]
        y1 = self.handle_y[high]
        x2 = self.handle_x[low]
        y2 = self.handle_y[low]
        length = hypot(x2 - x1, y2 - y1)
        m.deviation = 0.0
        for i in range(i0, i1 + 1):
            if not isnan(self.handle_x[i]):
                m.deviation = fmax(
                    m.deviation,
                    fabs((x2 - x1) * (self.handle_y[i] - y1) - (y2 - y1) * (self.handle_x[i] - x1)) / length,
                )
