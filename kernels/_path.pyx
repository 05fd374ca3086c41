"""Where the bar or the handle is, from what the sensors of a layout can see, with its uncertainty.

Axes: x to the lifter's front, y up, origin on the floor; metres. A place that the sensors do not determine is
NaN: one vertical tether says nothing of x (5 cm forward is 1.6 mm of tether at 0.8 m).
"""

cimport cython
from libc.math cimport NAN, acos, atan2, cos, fabs, isnan, sin, sqrt

import numpy as np

from kernels._noise cimport unlike
from kernels._phases cimport Phases
from kernels._smooth cimport LEAST_HALF, Smoother, evens, moment, smoother, unroll
from kernels._untouched cimport give_back, untouched
from kernels._window cimport MASK, PATH_HALF, PULLEY, PULLEY_HALF, RING, TILT, TWO_TETHERS, Measures, Window

cdef double NEAREST_M = 0.05
cdef double MOVING_MPS = 0.05        # fast enough that the pulley's friction has settled
cdef double EFFICIENCY_SIGMA = 0.005  # how well a sheave's efficiency is known; makers give 0.98 or 0.97
cdef double FAINT_M = 0.05           # one reading of the cell says no more than this: too little tension
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


# Standard uncertainties by first-order propagation, of one reading at a place.

cdef double sigma_by_tilt(double x, double y, const Anchors* on) noexcept nogil:
    """Of x, m: sigma_x² = sin² sigma_L² + L² cos² sigma_tilt²."""
    cdef double dx = x - on.ax
    cdef double dy = y - on.ay
    return norm(dx / norm(dx, dy) * on.sigma_length, dy * on.sigma_tilt)


cdef double sigma_by_two(double x, double y, const Anchors* on) noexcept nogil:
    """Of x, m: along the baseline sigma_u² = (L1² + L2²) sigma_L² / b², across it
    sigma_w² = (L1² (1 - u/b)² + L2² (u/b)²) sigma_L² / w²."""
    cdef double l1 = norm(x - on.ax, y - on.ay)
    cdef double l2 = norm(x - on.bx, y - on.by)
    cdef double u = (x - on.ax) * on.ex + (y - on.ay) * on.ey
    cdef double w = (y - on.ay) * on.ex - (x - on.ax) * on.ey
    cdef double share = u / on.base
    cdef double sigma_u = norm(l1, l2) * on.sigma_length / on.base
    cdef double sigma_w = norm(l1 * (1.0 - share), l2 * share) * on.sigma_length / w
    return norm(sigma_u * on.ex, sigma_w * on.ey)


cdef double sigma_by_pulley(double rx, double ry, const Anchors* on) noexcept nogil:
    """Of the handle side's elevation, rad: R = T (cos e, sin e + 1) turns by half of what e does."""
    return 2.0 * on.sigma_pulley / norm(rx, ry)


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
    free_length_m, pulley_efficiency : float
        Of a cable; NaN where there is none.

    Its `anchors` are set by whoever places the grid by them, and by its owner `v0`: slower, friction holds either way.
    """

    def __cinit__(self):
        self.row = <double*>untouched(7 * RING * sizeof(double))
        self.row_y = self.row + RING
        self.smooth_x = self.row_y + RING
        self.smooth_y = self.smooth_x + RING
        self.ways = self.smooth_y + RING
        self.handle_x = self.ways + RING
        self.handle_y = self.handle_x + RING

    def __dealloc__(self):
        give_back(self.row, 7 * RING * sizeof(double))

    def __init__(self, int layout, Phases phases, double free_length_m, double pulley_efficiency):
        self.layout = layout
        self.phases = phases
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
        And which way friction goes, -1 down to 1 up, by the pull: about a turn both ways are in what is smoothed.
        """
        cdef Smoother* f = smoother(PULLEY_HALF)
        cdef long long first = self.phases.first + i0
        cdef Py_ssize_t n = i1 - i0 + 1 + 2 * f.half
        cdef Py_ssize_t i, known, at
        cdef double size
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
            size = max(-1.0, min(self.phases.rate[at] / self.v0, 1.0))
            self.row[i] = size * norm(self.row[i], self.row_y[i])
        self.smooth_row(self.row, window, f, i0, i1, self.ways)
        for i in range(n - 2 * f.half):
            self.ways[i] = max(-1.0, min(self.ways[i] / norm(self.smooth_x[i], self.smooth_y[i]), 1.0))
        return mean

    cdef void handle(self, Window* window, Measures* m, int i0, int i1) noexcept nogil:
        """Cable: the handle's greatest distance from the straight line between its top and bottom points.

        At a standstill the friction's direction is not known, and with it 0.7 degrees of the angle, so only
        samples that move are used, and the line is drawn between the outermost of them.
        """
        cdef int i
        cdef long long at
        cdef double noise
        cdef double read
        cdef double e = 0.0
        cdef double reach = 0.0
        cdef double load = self.smooth_pull(window, i0, i1)
        for i in range(i0, i1 + 1):
            self.handle_x[i] = NAN
            if self.phases.first + i > window.seen - LEAST_HALF:
                continue  # pending: the cell has not come this far yet
            if fabs(self.phases.rate[i]) > MOVING_MPS:
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
        self.line(m, i0, i1)
        if isnan(m.path_deviation_m):
            return
        # the point, picked as the farthest (see path), and both ends of the line by half of it each
        noise = window.path_gain * sqrt(2.5) * (self.free_length + 0.5 * (m.top + m.bottom))
        noise *= self.sigma(window, (i0 + i1) // 2)
        # an efficiency off by its tolerance turns the handle side by de = dk cos e / (1 + sin e), and the other way
        # when the motion turns; e here is the last one seen
        m.path_deviation_sigma_m = norm(noise, EFFICIENCY_SIGMA * reach * cos(e) / (1.0 + sin(e)))

    cdef void line(self, Measures* m, int i0, int i1) noexcept nogil:
        """The largest distance of the handle's moving samples from the line between their ends."""
        cdef int i
        cdef int high = -1
        cdef int low = -1
        cdef double x1, y1, x2, y2, length
        for i in range(i0, i1 + 1):
            if isnan(self.handle_x[i]):
                continue
            if high < 0 or self.phases.place[i] > self.phases.place[high]:
                high = i
            if low < 0 or self.phases.place[i] < self.phases.place[low]:
                low = i
        if high < 0 or high == low:
            return
        x1 = self.handle_x[high]
        y1 = self.handle_y[high]
        x2 = self.handle_x[low]
        y2 = self.handle_y[low]
        length = norm(x2 - x1, y2 - y1)
        m.path_deviation_m = 0.0
        for i in range(i0, i1 + 1):
            if not isnan(self.handle_x[i]):
                m.path_deviation_m = max(
                    m.path_deviation_m,
                    fabs((x2 - x1) * (self.handle_y[i] - y1) - (y2 - y1) * (self.handle_x[i] - x1)) / length,
                )
