from libc.math cimport fabs

from kernels._swings cimport Swings, Turn

cdef double ALIKE


cdef class Candidate(Swings):
    cdef readonly double v0      # speed that counts as moving
    cdef double limit            # how deep a swing must be now to be one of its own
    # where it leaves, turns, and returns to
    cdef Turn a, v, b
    cdef bint has_b
    cdef bint sank               # a lift came back to the bottom
    cdef Turn failed_v, failed_b
    cdef Turn holds[2]
    cdef int hold_count, quiet, hold

    cdef bint find(self, Turn now) noexcept nogil
    cdef int first_return(self, int ia) noexcept nogil
    cdef bint returned(self, int ia, int ib) noexcept nogil
    cdef bint even(self, long long a_k, double left, double right) noexcept nogil
    cdef bint asymmetric(self) noexcept nogil
    cdef bint on_the_way(self, double u) noexcept nogil
    cdef void note(self, long long k, double u) noexcept nogil
    cdef double expected(self) noexcept nogil
    cdef bint alike(self, int most, Turn now) noexcept nogil

cdef inline void watch_holds(Candidate swings, long long k, double u, double w) noexcept nogil:
    """Take the speed of one grid sample: where the motion is slow, but for noise now and then, a fall is held."""
    if fabs(w) >= swings.v0:
        swings.quiet = max(swings.quiet - 1, 0)
        return
    swings.quiet = min(swings.quiet + 1, swings.hold)
    if swings.quiet == swings.hold and (swings.direction < 0 or swings.on_the_way(u)):
        swings.note(k, u)
