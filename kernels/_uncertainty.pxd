cimport cython

from kernels._noise cimport Noise
from kernels._path cimport Anchors
from kernels._phases cimport Phases
from kernels._window cimport Edge, Measures, Span, Window

cdef struct Unsure:             # of a boundary, s
    double chance
    double outward              # by which a phase begins too early and ends too late


@cython.final
cdef class Uncertainty:
    cdef int layout
    cdef Phases phases
    cdef Noise noise
    cdef Anchors anchors
    cdef double sigma_anchor, sigma_zero, sigma_scale, stray
    cdef bint below_reel
    cdef double hardest          # acceleration of the lift

    cdef void weigh(self, Window* window, Span down, Span up, Measures* m) noexcept nogil
    cdef double ticks(self, Window* window, int i, double speed) noexcept nogil
    cdef double of_place(self, Window* window, int i) noexcept nogil
    cdef double bias(self, Window* window, int i, bint of_rate) noexcept nogil
    cdef Unsure boundary(self, Window* window, double at_s, const Edge* edge) noexcept nogil
    cdef double sure_slope(self, int i, const Edge* edge, double slope, double own) noexcept nogil
    cdef double shoulder(self, int i, double level, double noise) noexcept nogil
    cdef double common(self, Window* window, Measures* m, int top, int bottom) noexcept nogil
    cdef void weigh_path(self, Window* window, int at, Measures* m) noexcept nogil
    cdef int repaired(self, Window* window, double start_s, double end_s) noexcept nogil
