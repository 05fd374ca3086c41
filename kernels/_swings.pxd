from libc.math cimport fabs

cdef enum:
    TURNS = 64
    MEDIAN_OF = 9
    LISTEN = 8           # grid samples from one look at the noise, and at the swings, to the next

cdef double BAND_M, GLITCH_S, PROMINENCE, RETURN, TENSION_V0, TO_THE_FLOOR, ZONE

cdef struct Turn:
    long long k
    double u
    bint high
    long long left_k     # when the motion had come a step away from it
    long long rested     # how long it had been no farther


cdef class Swings:
    cdef bint relative
    cdef double step_range, min_range
    cdef double noise        # median fourth difference
    cdef double least_step, least_noise    # of a motion without noise
    cdef double slack        # a band that pulls by no more than this is left by no rep
    cdef long long gap
    cdef Turn turns[TURNS + 1]
    cdef int n
    cdef bint fresh, fresh_turn
    cdef int direction
    cdef Turn top, low
    cdef double still_u
    cdef long long still_k, end_k, first_k
    cdef double ranges[MEDIAN_OF]
    cdef int range_count
    cdef readonly double range_ref
    cdef double former       # range_ref of the set before
    cdef long long rested    # the longest, where one of the set's reps turned

    cdef void begin(self, long long k, double u) noexcept nogil
    cdef void forget(self) noexcept nogil
    cdef void move(self, long long k, double u) noexcept nogil
    cdef void set_out(self, long long k, double u) noexcept nogil
    cdef void follow_noise(self, const double* ring, long long k) noexcept nogil
    cdef void turn(self, Turn t, bint high, long long k, long long rested) noexcept nogil
    cdef void merge(self, Turn now) noexcept nogil
    cdef double least(self, double top) noexcept nogil
    cdef double prominence(self, Turn now) noexcept nogil
    cdef void learn(self, double size) noexcept nogil

cdef inline bint goes_on(Swings swings, long long k, double u) noexcept nogil:
    """`move` where nothing happens but that the motion goes on, as it nearly always does; False: that is not all."""
    if (
        swings.still_k < 0
        or fabs(u - swings.still_u) > swings.step_range
        or swings.fresh
        or (swings.range_count and k - swings.still_k > swings.gap)
    ):
        return False
    if swings.direction > 0:
        if u > swings.top.u:
            swings.top.u = u
            swings.top.k = k
            return True
        return swings.top.u - u < swings.step_range
    if swings.direction < 0:
        if u < swings.low.u:
            swings.low.u = u
            swings.low.k = k
            return True
        return u - swings.low.u < swings.step_range
    return False
