"""From uneven samples to an even grid.

Every channel is brought onto one grid of 100 samples a second, bin k covering [k, k + 1) GRID_S. A bin's value is the
mean over the bin of the straight lines between samples, so 20 Hz with repeats and 4 kHz take the same path, a repeated
time stamp has no weight, and voluntary motion (below about 5 Hz) loses nothing: a 10 ms mean leaves 0.996 of 5 Hz.
"""

cimport cython
from libc.math cimport NAN, fabs, isnan

import numpy as np

from kernels._untouched cimport give_back, untouched
from kernels._window cimport GRID_HZ, MASK, RING, Closing

cdef extern from "_taps.h" nogil:
    Py_ssize_t plumbline_plain(
        const double* t, const double* y, Py_ssize_t n,
        double longest, double tolerance, double quantum, double surprise,
    )

cdef enum:
    ROW = 128           # samples looked at together

cdef double GRID_S = 1.0 / GRID_HZ
cdef long long FAR = 1 << 62
cdef double LATEST_S = FAR / GRID_HZ    # a time beyond is none: its bin could not be numbered
cdef double BRIDGE_S = 0.15   # samples farther apart than the slowest sensors' hold no curve between them
cdef double QUANTA = 1.5        # of the resolution a sample: what moves so fast does not read the same twice
cdef double GOES_ON = 0.3       # of the way it would have made: after a stop it has hardly set out again
cdef double SLIP = 3.0          # tolerances: noise of 4 mm makes a step of 2 in 10 000 readings, of 3 in no 4 million
cdef double STALE_S = 0.25      # a reading repeated for longer is a stop; a second sensor so far behind is missing
cdef double STALE_STEPS = 10.0  # and one repeated more often is a stop, too: 0.1 s at 100 Hz
cdef long long REST = GRID_HZ         # still for a second: a bar that rests, not one that turns, or is held aside


@cython.final
cdef class Resampler:
    """One channel: uneven samples in, grid out. Spikes, steps, gaps and repeats are its normal food.

    State: the last two accepted samples, one that is in doubt or repeats the last, the bin being filled, and the grid
    ring. Cutting the stream differently changes nothing.

    A sample is in doubt when it leaves the line of the two before it by more than half of `max_curve` dt² plus
    `tolerance`, is farther than `max_rate` dt plus `tolerance`, or is elsewhere after a gap. The next one decides: back
    on the old line, it was a spike and is dropped; going on from there as before although nothing moves that fast, it
    was a shift of the sensor's zero and is taken out of what follows; otherwise it was real.

    A reading that equals the one before although the motion had covered one and a half steps of the resolution is old:
    many encoders are read faster than they measure. It is dropped when the motion goes on as before.

    Parameters
    ----------
    max_rate, max_curve, tolerance : float
        Fastest plausible first and second derivative, and what noise and quantisation may add, channel units.
    least : float
        Above 0, the first two are relative to the reading, or to `least` where that is more, as a band's tension is.
    max_gap_s : float
        Samples farther apart are not joined, the bins between are NaN. Half a rep fits into it: no line hides one.
    """

    def __cinit__(self):
        self.closings = <Closing*>untouched(RING * (sizeof(Closing) + sizeof(double) + 1))
        self.ring = <double*>(self.closings + RING)  # NaN from the first sample on
        self.lost = <unsigned char*>(self.ring + RING)

    def __dealloc__(self):
        give_back(self.closings, RING * (sizeof(Closing) + sizeof(double) + 1))

    def __init__(self, double max_rate, double max_curve, double tolerance, double least=0.0, double max_gap_s=1.0):
        if not (max_rate > 0.0 and max_curve > 0.0 and tolerance > 0.0 and max_gap_s > 0.0):
            raise ValueError(f"need limits above 0, got {max_rate}, {max_curve}, {tolerance} and {max_gap_s}")
        self.max_rate = max_rate
        self.max_curve = max_curve
        self.tolerance = tolerance
        self.least = least
        self.max_gap_s = max_gap_s
        self.newest = -1
        self.quantum = tolerance
        self.still_k = -1
        self.closings_mask = MASK

    cdef double bend(self, double dt2) noexcept nogil:
        """How far a sample may lie off a line of its neighbours; dt2 is the product of the times to them."""
        cdef double scale = max(fabs(self.y0), self.least) if self.least > 0.0 else 1.0
        return 0.5 * self.max_curve * scale * dt2 + self.tolerance

    cdef bint strange(self, double t, double y) noexcept nogil:
        cdef double dt = t - self.t0
        cdef double jump = y - self.y0
        if fabs(jump) <= self.tolerance:
            return False
        return (
            # after a gap nearly every place is one that the motion may have reached
            dt > BRIDGE_S
            or fabs(jump - self.rate() * dt) > self.bend(dt * dt)
            or self.far(self.t0, self.y0, t, y)
        )

    cdef void take(self, double t, double raw) noexcept nogil:
        cdef double y
        cdef bint doubt = False
        if isnan(raw) or not fabs(t) < LATEST_S:
            return
        if self.adrift:
            self.find_place()
        y = raw - self.shift
        if self.state == EMPTY:
            self.restart(t, y)
            return
        if t <= (self.t1 if self.state == DOUBTFUL else self.t0):
            self.disordered += 1
            return
        if self.state == REPEATED:
            if y == self.y0 and t <= self.stale_until:
                self.t1 = t
                self.repeats += 1
                return
            # It moved on as it had moved before: the repeats were old readings sent again, not a stop.
            if (y - self.y0) / ((t - self.t0) * self.rate()) > GOES_ON:
                self.stale += 1
                self.repaired += self.repeats
            else:
                self.accept(self.t1, self.y0)
        elif self.state == DOUBTFUL:
            if not self.decide(t, y):
                return
            doubt = self.state == DOUBTFUL
            y = raw - self.shift
        if t - self.t0 > self.max_gap_s:
            self.gaps += 1
            self.restart(t, y)
        elif y == self.y0 and fabs(self.y0 - self.yb) * (t - self.t0) > QUANTA * self.quantum * (self.t0 - self.tb):
            self.t1 = t
            self.repeats = 1
            self.stale_until = self.t0 + min(STALE_S, STALE_STEPS * max(t - self.t0, self.t0 - self.tb))
            self.state = REPEATED
        elif (doubt and fabs(y - self.y0) > self.tolerance) or self.strange(t, y):
            self.t1 = t
            self.y1 = y
            self.state = DOUBTFUL
        else:
            if 0.0 < fabs(y - self.y0) < self.quantum:
                self.quantum = fabs(y - self.y0)
            self.accept(t, y)

    cdef bint decide(self, double t, double y) noexcept nogil:
        """What the sample in doubt was, now that the next has come; False: the next is a spike, and the doubt stays.

        After a spike the state stays DOUBTFUL, for what follows one is often another.
        """
        cdef bint jumped = self.far(self.t0, self.y0, self.t1, self.y1) and not caught_up(self, t, y)
        cdef bint back = not self.far(self.t0, self.y0, t, y)
        cdef double off = fabs(self.y1 - self.y0 - (y - self.y0) * (self.t1 - self.t0) / (t - self.t0))
        cdef double step = self.y1 - self.y0 - self.rate() * (self.t1 - self.t0)
        cdef double ahead = y - self.y0 - self.rate() * (t - self.t0)
        cdef double before = self.shift
        if (jumped and fabs(y - self.yc) <= self.tolerance) or (
            back and off > self.bend((self.t1 - self.t0) * (t - self.t1))
            and (fabs(self.y1 - y) > 2.0 * fabs(y - self.y0) or fabs(ahead) < 0.5 * off)
        ):
            self.drop()  # where it was before, or on its way from there
        elif (jumped or slipped(self, t, y, step)) and fabs(ahead - step) <= self.bend((t - self.t1) * (t - self.t1)):
            if self.least == 0.0 and self.t0 - self.tb > self.max_gap_s:
                self.drop()  # the one before was the first of all
                self.restart(self.t1, self.y1)
            else:
                if self.least == 0.0 and not returns(self):  # a band can be let go
                    self.displace(step)
                self.accept(self.t1, self.y1 + before - self.shift)
        elif jumped:
            self.drop()  # nothing moves there, and the sample now does not stay there
        elif not back and self.far(self.t1, self.y1, t, y):
            self.drop()
            return False
        else:
            self.accept(self.t1, self.y1)
        return True

    cdef void displace(self, double step) noexcept nogil:
        """The zero has moved by a step: take it out of what follows. What jumps back, or there, had not moved."""
        if self.adrift and (
            fabs(self.shift + step - self.shift_before) <= SLIP * self.tolerance
            or fabs(self.y1 + self.shift - self.shift_before - self.place_before) <= SLIP * self.tolerance
        ):
            self.put_back()
            return
        self.shift_before = self.shift
        self.place_before = self.y0
        self.shift_k = self.bin
        self.step = step
        self.shift += step
        self.shifts += 1
        self.repaired += 1
        self.adrift = True

    cdef void find_place(self) noexcept nogil:
        """After a shift, where the bins stand still: the place is as good as before, or the step was none.

        What jumps and glides back to the very reading it left, and rests there, was held aside. Then the way back was
        no motion: the bins begin anew.
        """
        cdef long long still = self.newest - max(self.still_k, self.shift_k)
        if (
            still >= BRIDGE_S * GRID_HZ
            and self.newest - self.shift_k <= BRIDGE_S * GRID_HZ + REST
            and fabs(self.still_y + self.step - self.place_before) <= self.tolerance
        ):
            self.put_back()
            self.restart(self.t0, self.y0 + self.step)
        elif still >= REST:
            self.adrift = False

    cdef void put_back(self) noexcept nogil:
        self.shift = self.shift_before
        self.shifts -= 1
        self.spikes += 1
        self.adrift = False

    cdef void drop(self) noexcept nogil:
        self.spikes += 1
        self.repaired += 1

    cdef bint far(self, double t0, double y0, double t, double y) noexcept nogil:
        """Whether nothing moves from one sample to the other."""
        cdef double scale = max(fabs(y0), fabs(y), self.least) if self.least > 0.0 else 1.0
        return fabs(y - y0) > self.max_rate * scale * (t - t0) + self.tolerance

    cdef Py_ssize_t glide(
        self, const double* t, const double* y, Py_ssize_t i, Py_ssize_t n, long long enough
    ) noexcept nogil:
        """Take samples from the i-th on while `take` would only accept them; return where that ended.

        Nearly all samples are like that: a row of them is looked at as a whole, and then filled into the bins. The last
        two accepted must lie before the i-th.
        """
        cdef double full_s = (enough + 1) * GRID_S
        cdef double area = self.area
        cdef double edge = self.edge
        cdef double ta = self.t0
        cdef double ya = self.y0
        cdef Py_ssize_t since = i
        cdef double now, there, slope, ye
        cdef Py_ssize_t m, end
        while True:
            m = min(n - i, ROW)
            while m > 8 and t[i + m // 2] >= full_s:
                m //= 2
            end = i + plumbline_plain(
                t + i, y + i, m, self.max_gap_s, self.tolerance, self.quantum, QUANTA * self.quantum
            )
            m += i
            while i < end:
                now = t[i]
                there = y[i]
                if now >= edge:
                    if self.newest >= enough:
                        break
                    slope = (there - ya) / (now - ta)
                    self.taken += i - since
                    since = i
                    while now >= edge:
                        ye = y[i - 1] + slope * (edge - t[i - 1])
                        self.close(area + 0.5 * (ya + ye) * (edge - ta), now)
                        area = 0.0
                        ta = edge
                        ya = ye
                        edge = (self.bin + 1) * GRID_S
                area += 0.5 * (ya + there) * (now - ta)
                ta = now
                ya = there
                i += 1
            if i < m or i == n:
                break
        if i > since:
            self.tc, self.yc = t[i - 3], y[i - 3]
        self.tb, self.yb = t[i - 2], y[i - 2]
        self.t0, self.y0 = t[i - 1], y[i - 1]
        self.area = area
        self.edge = edge
        self.taken += i - since
        return i

    cdef bint plain(self, const double* t, const double* y, Py_ssize_t i) noexcept nogil:
        """Whether nothing is in doubt, and the last two accepted samples lie before the i-th as they came."""
        return (
            self.state == PLAIN and not self.adrift and self.shift == 0.0 and i >= 2
            and self.t0 == t[i - 1] and self.y0 == y[i - 1]
            and self.tb == t[i - 2] and self.yb == y[i - 2]
        )

    cdef Py_ssize_t take_many(
        self, const double* t, const double* y, Py_ssize_t i, Py_ssize_t n, long long enough
    ) noexcept nogil:
        """Take samples from the i-th on until bin `enough` is whole; return how many of n are taken.

        It stops early where a gap is about to skip bins, for whoever reads them to catch up: what is left out then
        does not depend on how many are taken at once.
        """
        cdef long long newest = self.newest
        while i < n and self.newest < enough:
            if self.plain(t, y, i):
                i = self.glide(t, y, i, n, enough)
                if i == n or self.newest >= enough:
                    break
            if self.newest > newest and t[i] - self.t0 > self.max_gap_s:
                break
            self.take(t[i], y[i])
            i += 1
            if self.bins == 0:
                break  # the first sample says where the grid begins
        return i

    cdef void settle(self) noexcept nogil:
        """The stream is over: nothing will come that decides what is in doubt."""
        if self.state == REPEATED:
            self.accept(self.t1, self.y0)
        elif self.state == DOUBTFUL and not self.strange(self.t1, self.y1):
            self.accept(self.t1, self.y1)
        if self.state != EMPTY:
            self.state = PLAIN

    cdef void restart(self, double t, double y) noexcept nogil:
        """Begin anew at a sample: the bins since the last one stay NaN, the first bin is not whole."""
        cdef long long k = <long long>(t / GRID_S)
        cdef long long i
        for i in range(k - RING + 1 if self.state == EMPTY else max(self.newest + 1, k - RING + 1), k + 1):
            if i < k:
                self.ring[i & MASK] = NAN
            self.closings[i & self.closings_mask].time_s = t
            self.closings[i & self.closings_mask].taken = <unsigned short>self.taken
        self.newest = k - 1
        self.bin = k
        self.edge = (k + 1) * GRID_S
        self.whole = False
        self.area = 0.0
        self.t0 = t
        self.y0 = y
        self.tb = t - 2.0 * self.max_gap_s  # farther than any sample before it: there was none
        self.yb = y
        self.yc = NAN
        self.state = PLAIN

    cdef double rate(self) noexcept nogil:
        return (self.y0 - self.yb) / (self.t0 - self.tb)

    cdef void accept(self, double t, double y) noexcept nogil:
        """Add a sample to the bins: the area under the line to it from the sample before."""
        cdef double ta = self.t0
        cdef double ya = self.y0
        cdef double ye
        self.tc, self.yc = self.tb, self.yb
        self.tb, self.yb = ta, ya
        while t >= self.edge:
            ye = self.yb + (y - self.yb) / (t - self.tb) * (self.edge - self.tb)
            self.close(self.area + 0.5 * (ya + ye) * (self.edge - ta), t)
            self.area = 0.0
            ta = self.edge
            ya = ye
            self.edge = (self.bin + 1) * GRID_S
        self.area += 0.5 * (ya + y) * (t - ta)
        self.taken += 1
        self.t0 = t
        self.y0 = y
        self.state = PLAIN

    cdef inline void close(self, double area, double t) noexcept nogil:
        """The bin is whole, by a sample of time t."""
        cdef double mean = area * GRID_HZ if self.whole else NAN
        self.ring[self.bin & MASK] = mean
        self.closings[self.bin & self.closings_mask] = Closing(
            t, self.quantum, <unsigned short>self.repaired, <unsigned short>self.taken
        )
        self.lost[self.bin & MASK] = self.adrift
        if not fabs(mean - self.still_y) <= self.tolerance:
            self.still_y = mean
            self.still_k = self.bin
        self.newest = self.bin
        self.bin += 1
        self.bins += 1
        self.whole = True

    cdef bint bridged(self, long long k) noexcept nogil:
        """Whether bin k, one of the latest, is part of a line over a gap."""
        return self.closings[k & self.closings_mask].time_s - (k + 1) * GRID_S > BRIDGE_S

    def push(self, const double[::1] time_s not None, const double[::1] value not None):
        """Take samples. time_s, value: float64, shape (n,); NaN is no value."""
        cdef Py_ssize_t i
        if time_s.shape[0] != value.shape[0]:
            raise ValueError(f"need as many times as values, got {time_s.shape[0]} and {value.shape[0]}")
        with nogil:
            for i in range(time_s.shape[0]):
                self.take(time_s[i], value[i])

    def grid(self, long long first, long long last):
        """Bins [first, last) as float64; NaN where not known."""
        return np.array([value_at(self, k) for k in range(first, last)], float)
