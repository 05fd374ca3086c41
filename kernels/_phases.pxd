cimport cython

from kernels._window cimport Edge, Span, Window

cdef double CARRIED_S


@cython.final
cdef class Phases:
    cdef bint on_tension
    cdef double* place
    cdef double* rate
    cdef double* curve
    cdef double* scratch
    cdef long long first
    cdef int n
    cdef Py_ssize_t whole    # of n, how many were smoothed at full width
    cdef int half
    cdef int rung            # where on the ladder to look for the next rep's smoother first
    cdef bint settled        # whether a rep has been measured to the end
    cdef double noise
    cdef double spacing_s    # time between samples of the leading channel

    cdef void settle(self, Window* window, long long first, long long last, bint final) noexcept nogil
    cdef void smooth(self, Window* window, long long first, long long last, int half) noexcept nogil
    cdef void accelerate(self, Window* window, int i0, int i1) noexcept nogil
    cdef double noise_estimate(self) noexcept nogil
    cdef double seen_share(self, Py_ssize_t lag) noexcept nogil
    cdef double spacing(self, Window* window) noexcept nogil
    cdef double crossing(self, int i, double level) noexcept nogil
    cdef Span phase(
        self, Window* window, int i0, int i1, double sign, double v0, double start, double end, double size
    ) noexcept nogil
    cdef double boundary(
        self, int zone, int outer, int inner, int step, double sign, double level, double v0, Edge* edge
    ) noexcept nogil
    cdef double carried(
        self, Edge* edge, int i, int inner, int step, double sign, double v0
    ) noexcept nogil
    cdef double ending(self, double v0) noexcept nogil
    cdef double extrapolated_onset(self, Window* window, double sign, double v0, Edge* edge) noexcept nogil
    cdef double widened(self, Window* window, double t, int half) noexcept nogil
    cdef double place_at(self, double t) noexcept nogil
    cdef int index(self, double t) noexcept nogil
    cdef double parabolic_peak(self, int i) noexcept nogil
