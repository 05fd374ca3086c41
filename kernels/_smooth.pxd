from libc.math cimport INFINITY, sqrt

from kernels._window cimport GRID_HZ, MASK, RING

cdef enum:
    SLOWING = 4          # grid samples over which a motion is seen to slow down
    ANNOUNCE = 7         # half-width of the announcing filter: 70 ms behind the newest grid sample
    LADDER = 7           # half-widths to choose a smoother from
    MAX_HALF = 32
    LEAST_HALF = 3       # the narrowest that is still a cubic fit

cdef int half_width(int rung) noexcept nogil

cdef struct Smoother:
    int half
    double place[2 * MAX_HALF + 1]
    double rate[2 * MAX_HALF + 1]
    double curve[2 * MAX_HALF + 1]
    double place_square      # sums of the taps' squares: what is left of white noise
    double rate_square

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

cdef inline double time_left(double v, double v_before, double v0) noexcept nogil:
    """Seconds until a motion that slows down, from v_before to v within SLOWING samples, is at v0.

    As smooth reaches end, v ~ tau² (Flash & Hogan 1985). 0 where it is there, INFINITY where it does not slow down.
    """
    cdef double middle = 0.5 * (v + v_before)
    if v <= v0:
        return 0.0
    if not v < v_before:
        return INFINITY
    return SLOWING * (2.0 * middle / (v_before - v) * (1.0 - sqrt(v0 / middle)) - 0.5) / GRID_HZ

cdef void unroll(const double* ring, long long first, long long last, double* out) noexcept nogil
cdef void roll(const double* row, long long first, Py_ssize_t n, double* ring) noexcept nogil
cdef void moments(const double* p, Py_ssize_t n, const Smoother* f, double* place, double* rate) noexcept nogil
cdef void evens(const double* p, Py_ssize_t n, const double* taps, Py_ssize_t half, double* out) noexcept nogil
cdef double middle(double* row, Py_ssize_t count) noexcept nogil
cdef void extremes(const double* p, Py_ssize_t n, double* low, double* high) noexcept nogil
cdef bint known(const double* p, Py_ssize_t n) noexcept nogil
