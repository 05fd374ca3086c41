"""From uneven samples to an even grid, and from the grid to place, velocity and acceleration.

Every channel is brought onto one grid of 100 samples a second, bin k covering [k, k + 1) GRID_S. A bin's value
is the mean over the bin of the straight lines between samples, so 20 Hz with repeats and 4 kHz take the same
path, a repeated time stamp has no weight, and voluntary motion (below about 5 Hz) loses nothing: a 10 ms mean
leaves 0.996 of 5 Hz.

The smoothers are local cubic fits with tricube weights (Cleveland 1979), evaluated at the centre: exact for
constant jerk, no overshoot worth the name at an abrupt start, and narrow or wide by one number.
"""

cimport cython
from libc.math cimport NAN, fabs, isnan

import numpy as np

cdef double GRID_S = 1.0 / GRID_HZ
cdef double STALE_S = 0.1   # a reading repeated for longer is a stop
cdef int HALF_WIDTHS[LADDER]
HALF_WIDTHS[:] = [6, 8, 11, 14, 18, 24, 32]
cdef Smoother SMOOTHERS[MAX_HALF + 1]


def design(int half):
    """The taps of one smoother.

    Parameters
    ----------
    half : int
        Half-width in grid samples, 3 to 32; the window is 2 half + 1 samples.

    Returns
    -------
    float64, shape (3, 2 half + 1)
        Taps for place, first and second derivative (per second, per second squared).
    """
    if not 3 <= half <= MAX_HALF:
        raise ValueError(f"need 3 <= half <= {MAX_HALF}, got {half}")
    u = np.arange(-half, half + 1)
    w = (1.0 - np.abs(u / (half + 1.0)) ** 3) ** 3
    powers = np.vander(u * GRID_S, 4, increasing=True)
    taps = np.linalg.solve(powers.T @ (w[:, None] * powers), (w[:, None] * powers).T)[:3]
    taps[2] *= 2.0
    return taps


def _fill():
    cdef int half, i
    for half in range(3, MAX_HALF + 1):
        taps = design(half)
        SMOOTHERS[half].half = half
        for i in range(2 * half + 1):
            SMOOTHERS[half].place[i] = taps[0, i]
            SMOOTHERS[half].rate[i] = taps[1, i]
            SMOOTHERS[half].curve[i] = taps[2, i]


_fill()


cdef Smoother* smoother(int half) noexcept nogil:
    return &SMOOTHERS[half]


cdef int half_width(int rung) noexcept nogil:
    return HALF_WIDTHS[rung]


cdef double even(const double* ring, const double* taps, int half, long long k) noexcept nogil:
    """Apply even taps (place or curve) around grid sample k of a ring."""
    cdef const double* middle = taps + half
    cdef double total = middle[0] * ring[k & MASK]
    cdef int j
    for j in range(1, half + 1):
        total += middle[j] * (ring[(k + j) & MASK] + ring[(k - j) & MASK])
    return total


@cython.final
cdef class Resampler:
    """One channel: uneven samples in, grid out. Spikes, steps, gaps and repeats are its normal food.

    State: the last accepted sample, one sample in doubt, the bin being filled, and the grid ring. Cutting the
    stream differently changes nothing.

    A sample is in doubt when it leaves the line of the two before it by more than half of `max_curve` dt² plus
    `tolerance`, or is farther than `max_rate` dt plus `tolerance`. The next sample decides: back on the old
    line, it was a spike and is dropped; staying there although nothing moves that fast, it was a shift of the
    sensor's zero and is taken out of what follows; otherwise it was real.

    A reading that equals the one before although the motion had covered two steps of the sensor's resolution is
    old: many encoders are read faster than they measure. It is dropped when the motion goes on as before.

    Parameters
    ----------
    max_rate, max_curve, tolerance : float
        Fastest plausible first and second derivative, and what noise and quantisation may add, channel units.
    max_gap_s : float
        Samples farther apart than this are not joined; the bins between are NaN.
    """

    def __init__(self, double max_rate, double max_curve, double tolerance, double max_gap_s=0.5):
        cdef int i
        if not (max_rate > 0.0 and max_curve > 0.0 and tolerance > 0.0 and max_gap_s > 0.0):
            raise ValueError(
                f"need limits above 0, got {max_rate}, {max_curve}, {tolerance} and {max_gap_s}"
            )
        self.max_rate = max_rate
        self.max_curve = max_curve
        self.tolerance = tolerance
        self.max_gap_s = max_gap_s
        self.newest = -1
        self.quantum = tolerance
        for i in range(RING):
            self.ring[i] = NAN

    cdef bint strange(self, double t, double y) noexcept nogil:
        cdef double dt = t - self.t0
        cdef double jump = y - self.y0
        if fabs(jump) <= self.tolerance:
            return False
        return (
            fabs(jump - self.rate() * dt) > 0.5 * self.max_curve * dt * dt + self.tolerance
            or fabs(jump) > self.max_rate * dt + self.tolerance
        )

    cdef void take(self, double t, double y) noexcept nogil:
        cdef double before, dt
        if isnan(y) or isnan(t):
            return
        y -= self.shift
        if not self.has0:
            self.restart(t, y)
            return
        if t <= (self.t1 if self.has1 else self.t0):
            self.disordered += 1
            return
        if self.repeat_t > 0.0:
            if y == self.y0 and t - self.t0 <= STALE_S:
                self.repeat_t = t
                return
            # It moved on as it had moved before: the repeats were old readings sent again, not a stop.
            before = (y - self.y0) / ((t - self.t0) * self.rate())
            if 0.3 < before < 3.0:
                self.stale += 1
            else:
                self.accept(self.repeat_t, self.y0)
            self.repeat_t = 0.0
        if self.has1:
            self.has1 = False
            dt = t - self.t0
            before = self.y0 + (y - self.y0) * (self.t1 - self.t0) / dt
            if (
                fabs(y - self.y0) <= self.max_rate * dt + self.tolerance
                and fabs(self.y1 - before)
                > 0.5 * self.max_curve * (self.t1 - self.t0) * (t - self.t1) + self.tolerance
                and fabs(self.y1 - y) > 2.0 * fabs(y - self.y0)
            ):
                self.spikes += 1  # it came back: take the sample now as the next after t0
            elif (
                fabs(self.y1 - self.y0) > self.max_rate * (self.t1 - self.t0) + self.tolerance
                and fabs(y - self.y1) <= self.max_rate * (t - self.t1) + self.tolerance
            ):
                before = self.y1 - self.y0 - self.rate() * (self.t1 - self.t0)
                self.shift += before
                self.shifts += 1
                self.shifted = True
                self.accept(self.t1, self.y1 - before)
                y -= before
            elif fabs(self.y1 - self.y0) > self.max_rate * (self.t1 - self.t0) + self.tolerance:
                self.spikes += 1  # nothing moves there, and the sample now does not stay there
            else:
                self.accept(self.t1, self.y1)
        if t - self.t0 > self.max_gap_s:
            self.gaps += 1
            self.restart(t, y)
        elif y == self.y0 and fabs(self.rate()) * (t - self.t0) > 2.0 * self.quantum:
            self.repeat_t = t
        elif self.strange(t, y):
            self.t1 = t
            self.y1 = y
            self.has1 = True
        else:
            if 0.0 < fabs(y - self.y0) < self.quantum:
                self.quantum = fabs(y - self.y0)
            self.accept(t, y)

    cdef Py_ssize_t take_until_bin(
        self, const double* t, const double* y, Py_ssize_t i, Py_ssize_t n, long long done
    ) noexcept nogil:
        """Take samples from the i-th on until a bin after `done` is whole; return how many of n are taken."""
        while i < n:
            self.take(t[i], y[i])
            i += 1
            if self.newest > done:
                break
        return i

    cdef void settle(self) noexcept nogil:
        """The stream is over: nothing will come that decides what is in doubt."""
        if self.repeat_t > 0.0:
            self.accept(self.repeat_t, self.y0)
            self.repeat_t = 0.0
        if self.has1 and not self.strange(self.t1, self.y1):
            self.accept(self.t1, self.y1)
        self.has1 = False

    cdef void restart(self, double t, double y) noexcept nogil:
        """Begin anew at a sample: the bins since the last one stay NaN, the first bin is not whole."""
        cdef long long k = <long long>(t / GRID_S)
        cdef long long i
        if self.has0:
            for i in range(self.newest + 1, min(k, self.newest + 1 + RING)):
                self.ring[i & MASK] = NAN
        self.newest = k - 1
        self.bin = k
        self.edge = (k + 1) * GRID_S
        self.whole = False
        self.area = 0.0
        self.t0 = t
        self.y0 = y
        self.tb = t - 1.0
        self.yb = y
        self.has0 = True
        self.has1 = False
        self.repeat_t = 0.0

    cdef double rate(self) noexcept nogil:
        """The slope to the last accepted sample from the one before."""
        return (self.y0 - self.yb) / (self.t0 - self.tb)

    cdef void accept(self, double t, double y) noexcept nogil:
        cdef double ta = self.t0
        cdef double ya = self.y0
        cdef double slope, ye
        self.tb = ta
        self.yb = ya
        if t >= self.edge:
            slope = (y - ya) / (t - ta)
            while t >= self.edge:
                ye = ya + slope * (self.edge - ta)
                self.area += 0.5 * (ya + ye) * (self.edge - ta)
                self.ring[self.bin & MASK] = self.area * GRID_HZ if self.whole else NAN
                self.newest = self.bin
                self.bin += 1
                self.bins += 1
                ta = self.edge
                ya = ye
                self.edge = (self.bin + 1) * GRID_S
                self.area = 0.0
                self.whole = True
        self.area += 0.5 * (ya + y) * (t - ta)
        self.taken += 1
        self.t0 = t
        self.y0 = y

    cdef void put(self, double t, double y) noexcept nogil:
        """Hold a sample until the leading channel has come this far."""
        if self.queue_tail - self.queue_head >= QUEUE:
            self.take(self.queue_t[self.queue_head % QUEUE], self.queue_y[self.queue_head % QUEUE])
            self.queue_head += 1
        self.queue_t[self.queue_tail % QUEUE] = t
        self.queue_y[self.queue_tail % QUEUE] = y
        self.queue_tail += 1

    cdef void catch_up(self, double until_s) noexcept nogil:
        """Take what was held, up to and with a time: what is known at a moment never depends on the cuts."""
        while self.queue_head < self.queue_tail and self.queue_t[self.queue_head % QUEUE] <= until_s:
            self.take(self.queue_t[self.queue_head % QUEUE], self.queue_y[self.queue_head % QUEUE])
            self.queue_head += 1

    cdef double at(self, long long k) noexcept nogil:
        """The value of bin k; NaN where it is not known or no longer kept."""
        if k > self.newest or k <= self.newest - RING or k < 0:
            return NAN
        return self.ring[k & MASK]

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
        out = np.empty(max(0, last - first))
        cdef double[::1] view = out
        cdef long long k
        for k in range(first, first + view.shape[0]):
            view[k - first] = self.at(k)
        return out
