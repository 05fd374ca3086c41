cimport cython

cdef enum:
    GRID_HZ = 100        # the grid every channel is brought onto
    RING = 8192          # grid samples kept: 81.92 s, longer than any rep
    MASK = RING - 1
    QUEUE = 16384        # raw samples an auxiliary channel may be ahead of the leading one
    LADDER = 7           # half-widths to choose a smoother from
    MAX_HALF = 32

cdef int half_width(int rung) noexcept nogil

cdef struct Smoother:
    int half
    double place[2 * MAX_HALF + 1]
    double rate[2 * MAX_HALF + 1]
    double curve[2 * MAX_HALF + 1]

cdef Smoother* smoother(int half) noexcept nogil

cdef struct Moment:
    double place
    double rate

cdef inline Moment moment(const double* ring, Smoother* f, long long k) noexcept nogil:
    """Place and rate at grid sample k of a ring; NaN anywhere in the window gives NaN.

    The taps of place are even and those of rate are odd, so both are summed in pairs, near ones first, in two
    chains that do not wait for each other.
    """
    cdef long long at = k & MASK
    cdef const double* p = ring + at
    cdef const double* place = f.place + f.half
    cdef const double* rate = f.rate + f.half
    cdef double left, right
    cdef double place_0 = place[0] * p[0]
    cdef double place_1 = 0.0
    cdef double rate_0 = 0.0
    cdef double rate_1 = 0.0
    cdef Moment m
    cdef Py_ssize_t j = 1
    cdef Py_ssize_t half = f.half
    if at >= half and at + half < RING:
        while j + 1 <= half:
            place_0 += place[j] * (p[j] + p[-j])
            rate_0 += rate[j] * (p[j] - p[-j])
            place_1 += place[j + 1] * (p[j + 1] + p[-j - 1])
            rate_1 += rate[j + 1] * (p[j + 1] - p[-j - 1])
            j += 2
        if j <= half:
            place_0 += place[j] * (p[j] + p[-j])
            rate_0 += rate[j] * (p[j] - p[-j])
    else:
        while j <= half:
            right = ring[(k + j) & MASK]
            left = ring[(k - j) & MASK]
            if j & 1:
                place_0 += place[j] * (right + left)
                rate_0 += rate[j] * (right - left)
            else:
                place_1 += place[j] * (right + left)
                rate_1 += rate[j] * (right - left)
            j += 1
    m.place = place_0 + place_1
    m.rate = rate_0 + rate_1
    return m

cdef double even(const double* ring, const double* taps, int half, long long k) noexcept nogil


@cython.final
cdef class Resampler:
    cdef double max_rate, max_curve, tolerance, max_gap_s
    cdef double tb, yb, t0, y0, t1, y1, shift, repeat_t, quantum
    cdef bint has0, has1
    cdef long long bin
    cdef bint whole
    cdef double area, edge
    cdef readonly long long newest
    cdef readonly long long taken, bins          # accepted samples, and the bins they filled
    cdef readonly long long stale, spikes, shifts, disordered, gaps
    cdef public bint shifted
    cdef double ring[RING]
    cdef double queue_t[QUEUE]
    cdef double queue_y[QUEUE]
    cdef long long queue_head, queue_tail

    cdef void take(self, double t, double y) noexcept nogil
    cdef double rate(self) noexcept nogil
    cdef Py_ssize_t take_until_bin(
        self, const double* t, const double* y, Py_ssize_t i, Py_ssize_t n, long long done
    ) noexcept nogil
    cdef void accept(self, double t, double y) noexcept nogil
    cdef void restart(self, double t, double y) noexcept nogil
    cdef void settle(self) noexcept nogil
    cdef bint strange(self, double t, double y) noexcept nogil
    cdef void put(self, double t, double y) noexcept nogil
    cdef void catch_up(self, double until_s) noexcept nogil
    cdef double at(self, long long k) noexcept nogil
