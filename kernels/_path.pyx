"""Where the bar or the handle is, from what the sensors of a layout can see, with its uncertainty.

Axes: x to the lifter's front, y up, origin on the floor; metres. A place that the sensors do not determine is
NaN: one vertical tether says nothing of x (5 cm forward is 1.6 mm of tether at 0.8 m).
"""

cimport cython
from libc.math cimport NAN, acos, atan2, cos, fabs, isnan, sin, sqrt

import numpy as np

from kernels._noise cimport Noise, farthest_of, unlike
from kernels._phases cimport Phases
from kernels._smooth cimport LEAST_HALF, Smoother, evens, moment, smoother, unroll
from kernels._survey cimport sigma_by_pulley, sigma_by_tilt, sigma_by_two
from kernels._untouched cimport give_back, untouched
from kernels._window cimport MASK, PATH_HALF, PULLEY, PULLEY_HALF, RING, TILT, TWO_TETHERS, Measures, Window

cdef double NEAREST_M = 0.05
cdef double LOWEST_M = 0.125
cdef double MOVING_MPS = 0.05        # fast enough that the pulley's friction has settled
cdef double SURELY = 3.0             # sigma: one rest in hundreds looks like a motion
cdef double EFFICIENCY_SIGMA = 0.005  # how well a sheave's efficiency is known; makers give 0.98 or 0.97
cdef double FAINT_M = 0.05           # one reading of the cell says no more than this: too little tension
# A speed r that errs by sigma has a mean sign of erf(r / sqrt(2) sigma), which rises at 0 as r over so many sigma.
cdef double SIGN_WIDTH = sqrt(0.5 * 3.141592653589793)
# Of the rep's mean: less only holds up the stack when it all but falls, and then the cable runs slack.
cdef double SLACK = 0.15


cdef Anchors survey(
    double ax, double ay, double bx, double by, double sigma_length, double sigma_tilt, double sigma_pulley
) noexcept nogil:
    cdef Anchors on
    on.ax = ax
    on.ay = ay
    on.bx = bx
    on.by = by
    on.base = norm(bx - ax, by - ay)
    on.ex = (bx - ax) / on.base
    on.ey = (by - ay) / on.base
    on.sigma_length = sigma_length
    on.sigma_tilt = sigma_tilt
    on.sigma_pulley = sigma_pulley
    return on


cdef double handle_elevation(double rx, double ry, double stack_share) noexcept nogil:
    """Elevation of the cable's handle side, from the force on the low pulley.

    R = T (cos e, sin e + k), k the tension of the vertical stack side over that of the handle side. Hence
    Ry cos e - Rx sin e = k Rx, |R| cos(e + atan2(Rx, Ry)) = k Rx; k = 1 gives 2 atan2(Ry, Rx) - pi/2.
    """
    cdef double size = sqrt(rx * rx + ry * ry)
    cdef double ratio
    if not size > 0.0:
        return NAN
    ratio = stack_share * rx / size
    if not -1.0 <= ratio <= 1.0:
        return NAN
    return acos(ratio) - atan2(rx, ry)


def handle_path(
    const double[::1] travel_m not None,
    const double[::1] pulley_x_n not None,
    const double[::1] pulley_y_n not None,
    const double[::1] direction not None,
    double free_length_m,
    double pulley_efficiency,
):
    """Place of a cable's handle, from its travel and the force on the low pulley.

    Parameters
    ----------
    travel_m, pulley_x_n, pulley_y_n : float64, shape (n,)
    direction : float64, shape (n,)
        +1 lifting (stack side carries efficiency × T), -1 lowering (T / efficiency), between: a blend.

    Returns
    -------
    float64, shape (2, n): x and y from the pulley, metres.
    """
    out = np.empty((2, travel_m.shape[0]))
    cdef double[:, ::1] view = out
    cdef double e
    cdef Py_ssize_t i
    with nogil:
        for i in range(travel_m.shape[0]):
            e = handle_elevation(pulley_x_n[i], pulley_y_n[i], pulley_efficiency ** direction[i])
            view[0, i] = (free_length_m + travel_m[i]) * cos(e)
            view[1, i] = (free_length_m + travel_m[i]) * sin(e)
    return out


@cython.final
cdef class PathMeter:
    """The path of one rep, from the window that its phases were found in.

    Parameters
    ----------
    layout : int
        Which sensors the station has (kernels.LAYOUTS).
    phases : Phases
        Holds the smoothed window.
    noise : Noise
        Of it, heard.
    free_length_m, pulley_efficiency : float
        Of a cable; NaN where there is none.

    Its `anchors` are set by whoever places the grid by them, and by its owner `v0`: slower, friction holds either way.
    """

    def __cinit__(self):
        self.row = <double*>untouched(8 * RING * sizeof(double))
        self.row_y = self.row + RING
        self.smooth_x = self.row_y + RING
        self.smooth_y = self.smooth_x + RING
        self.ways = self.smooth_y + RING
        self.unsure = self.ways + RING
        self.handle_x = self.unsure + RING
        self.handle_y = self.handle_x + RING

    def __dealloc__(self):
        give_back(self.row, 8 * RING * sizeof(double))

    def __init__(self, int layout, Phases phases, Noise noise, double free_length_m, double pulley_efficiency):
        self.layout = layout
        self.phases = phases
        self.noise = noise
        self.free_length = free_length_m
        self.efficiency = pulley_efficiency

    cdef void path(self, Window* window, Measures* m) noexcept nogil:
        """Path deviation, drift and uncertainty between the rep's start and its end."""
        cdef int i0 = self.phases.index(m.start_s)
        cdef int i1 = self.phases.index(m.end_s)
        cdef int i, at
        cdef double x0, drift
        cdef double scatter = 0.0
        m.path_deviation_m = NAN
        m.path_drift_m = NAN
        m.path_deviation_sigma_m = NAN
        if self.layout == PULLEY:
            self.handle(window, m, i0, i1)
            return
        if self.layout != TILT and self.layout != TWO_TETHERS:
            return
        if isnan(window.x[(self.phases.first + i0) & MASK]):
            return  # not seen, as with one tether alone
        self.smooth(window.x, window, smoother(PATH_HALF), i0, i1, self.smooth_x)
        x0 = self.smooth_x[0]
        drift = 0.0
        at = i0
        for i in range(i1 - i0 + 1):
            scatter += (window.x[(self.phases.first + i0 + i) & MASK] - self.smooth_x[i]) ** 2
            if fabs(self.smooth_x[i] - x0) > fabs(drift):
                drift = self.smooth_x[i] - x0
                at = i0 + i
        if isnan(scatter):
            return  # the path was not seen whole
        self.farthest = at
        m.path_deviation_m = fabs(drift)
        m.path_drift_m = drift
        # What the readings scatter about the smoothed way, after smoothing: tremor and slap beside the sensor.
        scatter = window.place_gain * sqrt(scatter / (i1 - i0 + 1))
        # The farthest of a dozen independent places nearly as far is picked: the largest of twelve normal deviates
        # is 1.6 on average, 0.6 about it (order statistics), 3 in the mean square.
        m.path_deviation_sigma_m = norm(
            max(scatter, norm(window.path_gain, window.stuck) * self.sigma(window, i0)),
            sqrt(3.0) * max(scatter, window.path_gain * self.sigma(window, at)),
        )
        m.path_deviation_sigma_m = norm(
            m.path_deviation_sigma_m, self.rounded(window, i0, at, scatter / window.place_gain)
        )

    cdef double rounded(self, Window* window, int start, int far, double scatter) noexcept nogil:
        """What smoothing takes off the way from sample `start` to `far` of the window, m.

        By a second smoother, as of any place (_uncertainty): it goes with h² at a turn. `scatter` is what the readings
        scatter about the smoothed way, m.
        """
        cdef long long k = self.phases.first + start
        cdef long long at = self.phases.first + far
        cdef int half = <int>min(<long long>PATH_HALF, window.seen - max(k, at))
        cdef int other = half + half // 3
        cdef double share, off
        if half <= LEAST_HALF:
            return 0.0
        if other > window.seen - max(k, at):
            other = half - half // 3
        share = <double>other / half
        off = moment(window.x, smoother(other), other, at).place - moment(window.x, smoother(half), half, at).place
        off -= moment(window.x, smoother(other), other, k).place - moment(window.x, smoother(half), half, k).place
        off = off * off - unlike(
            smoother(half).place, smoother(other).place, half, other, False, 2.0 * scatter * scatter, 0.0
        )
        return sqrt(off) / fabs(share * share - 1.0) if off > 0.0 else 0.0

    cdef double sigma(self, Window* window, int i) noexcept nogil:
        """Uncertainty of one reading at grid sample i of the rep: of x in metres, of a cable's elevation in rad."""
        cdef long long at = (self.phases.first + i) & MASK
        if self.layout == TILT:
            return sigma_by_tilt(window.x[at], window.s[at], &self.anchors)
        if self.layout == TWO_TETHERS:
            return sigma_by_two(window.x[at], window.s[at], &self.anchors)
        return sigma_by_pulley(window.x[at], window.y[at], &self.anchors)

    cdef void smooth(
        self, const double* ring, Window* window, const Smoother* f, int i0, int i1, double* out
    ) noexcept nogil:
        """Smooth grid samples [i0, i1] of the rep into a row."""
        cdef long long first = self.phases.first + i0
        unroll(ring, first - f.half, first + i1 - i0 + f.half, self.row)
        self.smooth_row(self.row, window, f, i0, i1, out)

    cdef void smooth_row(
        self, const double* row, Window* window, const Smoother* f, int i0, int i1, double* out
    ) noexcept nogil:
        """Smooth a row that holds f.half more samples on either side; narrower where no more is known."""
        cdef long long first = self.phases.first + i0
        cdef Py_ssize_t n = i1 - i0 + 1
        cdef Py_ssize_t whole = max(0, min(n, window.seen - f.half - first + 1))
        cdef Py_ssize_t i
        cdef int reach
        evens(row + f.half, whole, f.place, f.half, out)
        for i in range(whole, n):
            reach = <int>(window.seen - first - i)
            if reach < LEAST_HALF:
                out[i] = row[f.half + i]
            else:
                evens(row + f.half + i, 1, smoother(reach).place, reach, out + i)

    cdef double smooth_pull(self, Window* window, int i0, int i1) noexcept nogil:
        """Smooth how the cable pulls at the pulley, a pull above the mean no more than the mean; that mean, N.

        A stack that is caught pulls many times the mean: unbounded, it would outweigh a fifth of a second about it.
        And which way friction goes, -1 down to 1 up, by the pull: about a turn both ways are in what is smoothed. How
        unsure that is: a sign scatters by sqrt(1 - mean²), and noise lasts about as long as the smoother is wide.
        """
        cdef Smoother* f = smoother(PULLEY_HALF)
        cdef long long first = self.phases.first + i0
        cdef Py_ssize_t n = i1 - i0 + 1 + 2 * f.half
        cdef Py_ssize_t i, known, at
        cdef double size, way, noise
        cdef double mean = 0.0
        unroll(window.x, first - f.half, first + n - 1 - f.half, self.row)
        unroll(window.y, first - f.half, first + n - 1 - f.half, self.row_y)
        known = max(0, min(n - 2 * f.half, <Py_ssize_t>(window.seen - first + 1)))
        for i in range(f.half, f.half + known):
            mean += norm(self.row[i], self.row_y[i])
        mean /= known if known else 1
        for i in range(n):
            size = max(1.0, norm(self.row[i], self.row_y[i]) / mean)
            self.row[i] /= size
            self.row_y[i] /= size
        self.smooth_row(self.row, window, f, i0, i1, self.smooth_x)
        self.smooth_row(self.row_y, window, f, i0, i1, self.smooth_y)
        for i in range(n):
            at = min(max(i0 + i - f.half, 0), self.phases.n - 1)
            size = norm(self.row[i], self.row_y[i])
            noise = self.noise.of_rate(window, <int>at)
            way = self.phases.rate[at] / norm(self.v0, SIGN_WIDTH * noise)
            way = max(-1.0, min(way, 1.0))
            self.row[i] = size * way
            self.row_y[i] = size * min(noise / self.v0, sqrt(1.0 - way * way))
        self.smooth_row(self.row, window, f, i0, i1, self.ways)
        self.smooth_row(self.row_y, window, f, i0, i1, self.unsure)
        for i in range(n - 2 * f.half):
            size = norm(self.smooth_x[i], self.smooth_y[i])
            self.ways[i] = max(-1.0, min(self.ways[i] / size, 1.0))
            self.unsure[i] = max(0.0, min(self.unsure[i] / size, 1.0))
        return mean

    cdef void handle(self, Window* window, Measures* m, int i0, int i1) noexcept nogil:
        """Cable: the handle's greatest distance from the straight line between its top and bottom points.

        At a standstill the friction's direction is not known, and with it 0.7 degrees of the angle, so only
        samples that surely move are used, and the line is drawn between the outermost of them.
        """
        cdef int i
        cdef long long at
        cdef double read
        cdef double e = 0.0
        cdef double reach = 0.0
        cdef double load = self.smooth_pull(window, i0, i1)
        for i in range(i0, i1 + 1):
            self.handle_x[i] = NAN
            if self.phases.first + i > window.seen - LEAST_HALF:
                continue  # pending: the cell has not come this far yet
            if fabs(self.phases.rate[i]) > max(MOVING_MPS, self.v0 + SURELY * self.noise.of_rate(window, i)):
                if not self.free_length * self.sigma(window, i) < FAINT_M:
                    return  # too little tension, or not seen
                at = (self.phases.first + i) & MASK
                if not norm(window.x[at], window.y[at]) > SLACK * load:
                    return
                if not norm(self.smooth_x[i - i0], self.smooth_y[i - i0]) > SLACK * load:
                    return
                e = handle_elevation(
                    self.smooth_x[i - i0],
                    self.smooth_y[i - i0],
                    1.0 + self.ways[i - i0] * (self.efficiency - 1.0)
                    if self.ways[i - i0] > 0.0
                    else 1.0 - self.ways[i - i0] * (1.0 / self.efficiency - 1.0),
                )
                if isnan(e):
                    return
                reach = self.free_length + self.phases.place[i]
                read = handle_elevation(
                    window.x[at],
                    window.y[at],
                    self.efficiency if self.phases.rate[i] > 0.0 else 1.0 / self.efficiency,
                )
                if not reach * (fabs(read - e) - 4.0 * self.sigma(window, i)) < FAINT_M:
                    return  # what one axis alone reads is no pull
                self.handle_x[i] = reach * cos(e)
                self.handle_y[i] = reach * sin(e)
        self.line(window, m, i0, i1)

    cdef void line(self, Window* window, Measures* m, int i0, int i1) noexcept nogil:
        """The largest distance of the handle's moving samples from the line between their ends."""
        cdef int i, at
        cdef int near = 0
        cdef int high = -1
        cdef int low = -1
        cdef double along_x, along_y, length, share, turn, one, other
        cdef double friction = 0.0
        cdef double picked = 0.0
        cdef double typical = 0.0
        for i in range(i0, i1 + 1):
            if isnan(self.handle_x[i]):
                continue
            if high < 0 or self.phases.place[i] > self.phases.place[high]:
                high = i
            if low < 0 or self.phases.place[i] < self.phases.place[low]:
                low = i
        if high < 0 or high == low:
            return
        along_x = self.handle_x[high] - self.handle_x[low]
        along_y = self.handle_y[high] - self.handle_y[low]
        length = norm(along_x, along_y)
        m.path_deviation_m = 0.0
        at = low
        for i in range(i0, i1 + 1):
            self.row[i] = self.along(i, low, -along_y, along_x) / length  # aside
            if isnan(self.row[i]):
                continue
            self.row_y[i] = self.turned(window, i, i0)
            typical += self.row_y[i] * self.row_y[i]
            near += 1
            if fabs(self.row[i]) > m.path_deviation_m:
                m.path_deviation_m = fabs(self.row[i])
                at = i
        # the farthest of several that are as far is picked, each as unsure as it is
        typical = sqrt(typical / near)
        near = 0
        for i in range(i0, i1 + 1):
            if fabs(self.row[i]) >= m.path_deviation_m - 2.0 * typical:
                share = self.along(i, low, along_x, along_y) / (length * length)
                turn = self.ways[i - i0] - share * self.ways[high - i0] - (1.0 - share) * self.ways[low - i0]
                turn *= EFFICIENCY_SIGMA * self.lever(i)
                friction += turn * turn
                picked += self.row_y[i] * self.row_y[i]
                near += 1
        picked *= farthest_of(near / (0.5 * PULLEY_HALF))
        # where the line is, by both its ends
        share = self.along(at, low, along_x, along_y) / (length * length)
        one = share * self.row_y[high]
        other = (1.0 - share) * self.row_y[low]
        m.path_deviation_sigma_m = sqrt((picked + friction) / near + one * one + other * other)

    cdef double along(self, int i, int low, double x, double y) noexcept nogil:
        """How far the handle at sample i is from where it was at sample `low` along (x, y), times its length."""
        return x * (self.handle_x[i] - self.handle_x[low]) + y * (self.handle_y[i] - self.handle_y[low])

    cdef double lever(self, int i) noexcept nogil:
        """By how much the handle at sample i is turned aside, m, where the stack side's share k is off by 1.

        The handle side turns by de = dk cos e / (1 + sin e).
        """
        cdef double reach = norm(self.handle_x[i], self.handle_y[i])
        return reach * self.handle_x[i] / (reach + self.handle_y[i])

    cdef double turned(self, Window* window, int i, int i0) noexcept nogil:
        """How unsure the handle at sample i is across its cable, m: the cell's noise, and which way friction goes."""
        cdef double noise = window.path_gain * self.sigma(window, i) * norm(self.handle_x[i], self.handle_y[i])
        return norm(noise, (1.0 - self.efficiency) * self.unsure[i - i0] * self.lever(i))
