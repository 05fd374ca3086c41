"""How noisy a rep's smoothed window is: tremor and white noise, and what the smoother leaves of either.

Tremor (and a tether's ringing) lies near 10 Hz; white noise is of the readings. Two mean squares tell them apart, for
it is known what either adds to them: the sixth differences of the smoothed rate over 40 and 50 ms, which see 7 to 16 Hz
and hardly any voluntary motion, and the fourth ones of neighbouring readings, which hardly see tremor. What the
smoother leaves of either in rate and place follows from its taps: tremor of a rate v is v / 2 pi f in the place, less
than half of what white noise of that rate is. Of sensors that are too slow for it all is white, and what the readings
scatter about the smoothed place.
"""

cimport cython
from libc.math cimport NAN, ceil, fabs, sqrt

import numpy as np

from kernels._smooth import design

from kernels._phases cimport Phases
from kernels._smooth cimport LADDER, MAX_HALF, half_width, middle
from kernels._untouched cimport give_back, untouched
from kernels._window cimport GRID_HZ, MASK, RING, TREMOR_HZ, TREMOR_LAG, Closing, Window

cdef double GRID_S = 1.0 / GRID_HZ
cdef enum:
    FINE = 4        # parts of a grid sample that samples may be apart
    TELLING = 3     # where samples lie closer, what a tremor adds can be told from white noise
    QUARTERS = FINE * TELLING           # columns of GAINS a part apart; the others are whole grid samples
    COLUMNS = QUARTERS + SLOWEST - TELLING
    STRIDE = TREMOR_LAG    # nearer neighbours say the same
    NEAR = 2        # strides to either side that are near: a period of tremor
# Of the sum of (2 sin(pi f lag))¹² / 400 over both lags, the mean from 8 to 15 Hz, where physiological tremor (8 to
# 12 Hz: Elble & Koller 1990) and a tether's slap lie.
cdef double TREMOR_GAIN = np.mean(
    [
        np.sum((2.0 * np.sin(np.pi * hz / GRID_HZ * np.array([TREMOR_LAG - 1, TREMOR_LAG]))) ** 12) / 400.0
        for hz in np.arange(8.0, 15.1, 0.25)
    ]
)


cdef Gains GAINS[LADDER][COLUMNS]
cdef double COSINES[2 * MAX_HALF + 1]   # of a tremor
cdef double SINES[2 * MAX_HALF + 1]


cdef int column_of(double apart) noexcept nogil:
    """Where in a row of GAINS samples so many grid samples apart are."""
    if FINE * apart < QUARTERS + 0.5:
        return max(1, <int>(FINE * apart + 0.5)) - 1
    return QUARTERS - TELLING - 1 + max(TELLING + 1, min(<int>(apart + 0.5), <int>SLOWEST))


cdef double apart_in(int column) noexcept nogil:
    """How many grid samples apart samples are in a column of GAINS."""
    return (column + 1.0) / FINE if column < QUARTERS else column + 1.0 - QUARTERS + TELLING


cdef int lag_over(double apart) noexcept nogil:
    """Grid samples that have a reading between each two: within a line between readings nothing bends."""
    return <int>ceil(apart)


def _fill_tremor():
    cdef int i
    angle = 2.0 * np.pi * TREMOR_HZ / GRID_HZ * np.arange(-MAX_HALF, MAX_HALF + 1)
    cdef const double[::1] cosines = np.cos(angle)
    cdef const double[::1] sines = np.sin(angle)
    for i in range(2 * MAX_HALF + 1):
        COSINES[i] = cosines[i]
        SINES[i] = sines[i]


_fill_tremor()


def _fill(int rung, int column):
    cdef Gains* gains = &GAINS[rung][column]
    half = half_width(rung)
    place, rate, _ = design(half)
    left = -place
    left[half] += 1.0
    angle = 2.0 * np.pi / GRID_HZ * np.outer(np.arange(8.0, 12.1, 0.25), np.arange(-half, half + 1))
    shaken = np.mean((np.sin(angle) @ rate) ** 2)
    apart = apart_in(column)
    # what a sample adds to the bins about it: the mean over a bin of the lines to its neighbours
    steps = np.arange(1 - int(apart * FINE), int(apart * FINE)) / FINE
    sample = np.convolve(1.0 - np.abs(steps) / apart, np.full(FINE, 1.0 / FINE))
    lag = max(<int>TREMOR_LAG, <int>apart)
    spreads = []
    for taps in (place, rate, left):
        spread = np.zeros(FINE * (2 * half + 1))
        spread[::FINE] = taps
        spreads.append(np.convolve(spread, sample))
    sixths = 0.0
    for step in (lag, lag - 1 if apart < TELLING else lag):
        sixth = np.zeros(6 * step * FINE + 1)
        sixth[:: step * FINE] = np.array([1.0, -6.0, 15.0, -20.0, 15.0, -6.0, 1.0]) / 20.0
        sixths += np.sum(np.convolve(spreads[1], sixth) ** 2)
    fourth = np.zeros(4 * FINE * lag_over(apart) + 1)
    fourth[:: FINE * lag_over(apart)] = (1.0, -4.0, 6.0, -4.0, 1.0)
    step = np.zeros(FINE + 1)
    step[0], step[FINE] = GRID_HZ, -GRID_HZ
    gains.steep = np.sqrt(np.sum(np.convolve(spreads[1], step) ** 2) / np.sum(spreads[1] ** 2))
    gains.place = np.sum(spreads[0] ** 2) / apart / FINE
    gains.rate = np.sum(spreads[1] ** 2) / apart / FINE
    gains.left = np.sum(spreads[2] ** 2) / apart / FINE
    gains.sixth = sixths / apart / FINE
    gains.fourth = np.sum(np.convolve(sample, fourth) ** 2) / apart / FINE
    gains.shaken_place = np.mean((np.cos(angle) @ place) ** 2) / shaken
    gains.shaken_raw = 1.0 / shaken


cdef const Gains* gains_of(int rung, int column) noexcept nogil:
    """A station meets few of them, and all together take a fifth of its start."""
    if GAINS[rung][column].shaken_raw == 0.0:
        with gil:
            _fill(rung, column)
    return &GAINS[rung][column]


cdef double unlike(
    const double* taps, const double* others, int half, int other, bint odd, double white, double tremor
) noexcept nogil:
    """The mean square of what white noise of the grid and a tremor make two smoothers differ by."""
    cdef int wide = max(half, other)
    cdef int i
    cdef double a, b
    cdef double square = 0.0
    cdef double shaken = 0.0
    for i in range(-wide, wide + 1):
        a = taps[i + half] if -half <= i <= half else 0.0
        b = others[i + other] if -other <= i <= other else 0.0
        square += (a - b) * (a - b)
        shaken += (a - b) * (SINES[i + MAX_HALF] if odd else COSINES[i + MAX_HALF])
    return white * square + tremor * shaken * shaken


cdef double farthest_of(double places) noexcept nogil:
    """Mean square of the largest of so many normal deviates, near enough: 1.8 of five, 4.4 of thirty (order
    statistics)."""
    return max(1.0, 0.85 * sqrt(places))


@cython.final
cdef class Noise:
    """The noise of one rep's window, and near each of its samples.

    State: what the last window had, for a pending rep takes it as it is.

    Parameters
    ----------
    phases : Phases
        Holds the smoothed window.
    """

    def __cinit__(self):
        self.squares = <double*>untouched(2 * RING * sizeof(double))
        self.row = self.squares + RING

    def __dealloc__(self):
        give_back(self.squares, 2 * RING * sizeof(double))

    def __init__(self, Phases phases):
        self.phases = phases
        self.apart = 1
        self.lag = TREMOR_LAG

    cdef void forget(self) noexcept nogil:
        """Of another window what holds for the whole of it stays."""
        self.gains = gains_of(self.rung(), self.column)
        self.count = 0
        self.asked = -1

    cdef double dwell(self) noexcept nogil:
        """How many grid samples apart two places err by themselves."""
        cdef double apart = 0.5 * self.phases.half
        if self.tremor * self.gains.shaken_place > self.white * self.gains.place:
            apart = min(apart, 0.5 * TREMOR_LAG)
        return apart

    cdef void listen(self, Window* window) noexcept nogil:
        """How noisy the window is: its sixth differences, and what it scatters about the smoothed place."""
        cdef int i
        cdef int count = 0
        cdef double d, other
        cdef double gain = TREMOR_GAIN
        cdef bint telling
        self.asked = -1
        self.typical_s = self.phases.spacing_s
        self.column = column_of(max(self.typical_s, window.second_s) * GRID_HZ)
        self.apart = apart_in(self.column)
        self.gains = gains_of(self.rung(), self.column)
        self.lag = max(<int>TREMOR_LAG, <int>self.apart)
        telling = self.apart < TELLING
        if not telling:
            gain = self.gains.sixth / self.gains.rate
        self.count = 0
        i = 3 * self.lag
        while i < self.phases.n - 3 * self.lag:
            d = self.sixth(i, self.lag)
            other = self.sixth(i, self.lag - 1) if telling else d
            d = (d * d + other * other) / gain
            self.squares[self.count] = d
            self.row[count] = d
            self.count += 1
            count += d == d
            i += STRIDE
        self.rough = sqrt(middle(self.row, count)) / 0.6745 if count else 0.0
        count = 0
        i = 0
        while i < self.phases.n:
            if telling:
                d = fabs(self.fourth(window, self.phases.first + i, lag_over(self.apart)))
            else:
                d = fabs(window.s[(self.phases.first + i) & MASK] - self.phases.place[i])
            self.row[count] = d
            count += d == d
            i += STRIDE
        d = middle(self.row, count) / 0.6745 if count else 0.0
        self.white = d * d / (self.gains.fourth if telling else self.gains.left)
        self.tremor = max(0.0, self.rough * self.rough - self.white * self.gains.sixth / gain) if telling else 0.0

    cdef inline double fourth(self, Window* window, long long k, int lag) noexcept nogil:
        """The fourth difference of the readings at grid sample k."""
        cdef const double* s = window.s
        cdef double d = s[(k - 2 * lag) & MASK] + s[(k + 2 * lag) & MASK] + 6.0 * s[k & MASK]
        if k + 2 * lag > window.newest:
            return NAN
        return d - 4.0 * (s[(k - lag) & MASK] + s[(k + lag) & MASK])

    cdef inline double sixth(self, int i, int lag) noexcept nogil:
        """The sixth difference of the smoothed rate at sample i of the window, over 20: what of white noise is 0.96."""
        cdef const double* v = self.phases.rate + i
        cdef double d = v[-3 * lag] + v[3 * lag] - 6.0 * (v[-2 * lag] + v[2 * lag])
        return (d + 15.0 * (v[-lag] + v[lag]) - 20.0 * v[0]) / 20.0

    cdef int rung(self) noexcept nogil:
        """Where on the ladder the window's smoother stands."""
        cdef int i
        for i in range(LADDER):
            if half_width(i) >= self.phases.half:
                return i
        return LADDER - 1

    cdef double interval(self, Window* window, int i) noexcept nogil:
        """The longest time between samples that the smoothed values at sample i of the window rest on, s."""
        if i != self.asked:
            self.asked = i
            self.longest_s = self.longest(window, i)
        return self.longest_s

    cdef double longest(self, Window* window, int i) noexcept nogil:
        cdef long long first = max(self.phases.first + i - self.phases.half, 1)
        cdef long long last = min(self.phases.first + i + self.phases.half, window.newest)
        cdef long long k
        cdef double longest = 0.0
        cdef const Closing* closings = window.closings
        cdef double since = closings[(first - 1) & MASK].time_s
        cdef double now
        # it may begin within a line, whose bins one sample has made whole; no line and smoother is longer than 2 s
        while first > 1 and closings[(first - 1) & MASK].time_s == since and last - first < 2 * GRID_HZ:
            first -= 1
        since = closings[(first - 1) & MASK].time_s
        for k in range(first, last + 1):
            now = closings[k & MASK].time_s
            longest = max(longest, now - since)
            since = now
        return longest

    cdef double shaken(self, int i) noexcept nogil:
        """Mean square of the tremor in the smoothed rate near sample i of the window."""
        cdef int at = (i - 3 * self.lag) // STRIDE
        cdef int reach = 3 * self.lag // STRIDE
        cdef int first = at - NEAR - reach
        cdef int j, seen
        cdef double total
        cdef double most = 0.0
        # a tether rings from a jerk on: before it, or after; a difference lies whole in it from half its span on
        while first <= at + reach:
            total = 0.0
            seen = 0
            for j in range(max(0, first), min(self.count, first + NEAR + 1)):
                if self.squares[j] == self.squares[j]:
                    total += self.squares[j]
                    seen += 1
            most = max(most, total / seen if seen else 0.0)
            first += NEAR
        # as few as are near vary by twofold by chance
        return self.tremor + max(0.0, most - 2.0 * self.rough * self.rough)

    cdef double scatter(self, Window* window, int i) noexcept nogil:
        """Mean square of the white noise of the readings near sample i of the window."""
        cdef long long first = max(self.phases.first + i - self.phases.half, 1)
        cdef long long last = min(self.phases.first + i + self.phases.half, window.newest)
        # no smoother is so long that its bins hold 65 536 of them
        cdef const Closing* closings = window.closings
        cdef int count = <unsigned short>(closings[last & MASK].taken - closings[(first - 1) & MASK].taken)
        # between few samples a line is drawn: there are fewer readings to take the mean of
        return self.white * max(1.0, (last - first + 1) / (self.apart * max(1, count)))

    cdef double of_rate(self, Window* window, int i) noexcept nogil:
        """The noise of the smoothed rate at sample i of the window."""
        cdef double white = self.scatter(window, i) * self.gains.rate
        if self.apart >= TELLING:
            return sqrt(max(white, self.rough * self.rough + self.shaken(i)))
        return sqrt(white + self.shaken(i))

    cdef double of_place(self, Window* window, int i) noexcept nogil:
        """The noise of the smoothed place at sample i of the window."""
        if self.apart >= TELLING:
            return self.of_rate(window, i) * sqrt(self.gains.place / self.gains.rate)
        return sqrt(self.scatter(window, i) * self.gains.place + self.shaken(i) * self.gains.shaken_place)
