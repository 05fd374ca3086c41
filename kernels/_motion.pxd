cimport cython

cdef enum:
    GRID_HZ = 100        # the grid every channel is brought onto
    RING = 8192          # grid samples kept: 81.92 s, longer than any rep
    MASK = RING - 1
    QUEUE = 16384        # raw samples an auxiliary channel may be ahead of the leading one
    CLOSINGS = 256       # bins whose closing times are kept: more than can wait to be worked on
    LADDER = 7           # half-widths to choose a smoother from
    MAX_HALF = 32

cdef long long FAR

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

# The taps of place and curve are even and those of rate are odd, so all are summed in pairs, near ones first. A NaN
# anywhere in the window gives NaN.

cdef inline Moment moment(const double* ring, const Smoother* f, Py_ssize_t half, long long k) noexcept nogil:
    """Place and rate at grid sample k of a ring. `half` is f.half, for the compiler to unroll where it is fixed."""
    cdef long long at = k & MASK
    cdef const double* p = ring + at
    cdef const double* place = f.place + half
    cdef const double* rate = f.rate + half
    cdef double window[2 * MAX_HALF + 1]
    cdef Moment m
    cdef Py_ssize_t j
    if at < half or at + half >= RING:
        for j in range(-half, half + 1):
            window[half + j] = ring[(k + j) & MASK]
        p = window + half
    m.place = place[0] * p[0]
    m.rate = 0.0
    for j in range(1, half + 1):
        m.place += place[j] * (p[j] + p[-j])
        m.rate += rate[j] * (p[j] - p[-j])
    return m

cdef void unroll(const double* ring, long long first, long long last, double* out) noexcept nogil
cdef void moments(const double* p, Py_ssize_t n, const Smoother* f, double* place, double* rate) noexcept nogil
cdef void evens(const double* p, Py_ssize_t n, const double* taps, Py_ssize_t half, double* out) noexcept nogil

cdef enum State:
    EMPTY       # no sample yet
    PLAIN
    DOUBTFUL    # t1, y1 may be a spike, a shift, or real
    REPEATED    # y0 came again at t1, and may be old


@cython.final
cdef class Resampler:
    cdef double max_rate, max_curve, tolerance, least, max_gap_s
    cdef double tb, yb, t0, y0, t1, y1, stale_until, shift, quantum
    cdef State state
    cdef long long bin
    cdef bint whole
    cdef double area, edge
    cdef readonly long long newest
    cdef readonly long long taken, bins          # accepted samples, and the bins they filled
    cdef readonly long long stale, spikes, shifts, disordered, gaps
    cdef readonly long long shifted             # from which bin on a shift was taken out; FAR where there was none
    cdef double ring[RING]
    cdef double closed[CLOSINGS]                # time of the sample that made the bin whole
    cdef double queue_t[QUEUE]
    cdef double queue_y[QUEUE]
    cdef long long queue_head, queue_tail

    cdef void take(self, double t, double raw) noexcept nogil
    cdef bint decide(self, double t, double y) noexcept nogil
    cdef bint far(self, double t0, double y0, double t, double y) noexcept nogil
    cdef double rate(self) noexcept nogil
    cdef Py_ssize_t glide(
        self, const double* t, const double* y, Py_ssize_t i, Py_ssize_t n, long long enough
    ) noexcept nogil
    cdef Py_ssize_t take_many(
        self, const double* t, const double* y, Py_ssize_t i, Py_ssize_t n, long long enough
    ) noexcept nogil
    cdef void accept(self, double t, double y) noexcept nogil
    cdef void close(self, double area, double t) noexcept nogil
    cdef void restart(self, double t, double y) noexcept nogil
    cdef void settle(self) noexcept nogil
    cdef double bend(self, double dt2) noexcept nogil
    cdef bint strange(self, double t, double y) noexcept nogil
    cdef void put(self, const double* t, const double* y, Py_ssize_t n) noexcept nogil
    cdef void catch_up(self, double until_s) noexcept nogil
    cdef bint bridged(self, long long k) noexcept nogil
    cdef double at(self, long long k) noexcept nogil
