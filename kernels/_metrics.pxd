cimport cython

from kernels._noise cimport Noise
from kernels._path cimport PathMeter
from kernels._phases cimport Phases
from kernels._uncertainty cimport Uncertainty
from kernels._window cimport Measures, Span, Window


@cython.final
cdef class Meter:
    cdef int layout
    cdef bint concentric_first
    cdef bint free_weight
    cdef Phases phases
    cdef Noise noise
    cdef PathMeter way
    cdef Uncertainty sure

    cdef bint measure(
        self,
        Window* window,
        long long a,
        long long v,
        long long b,
        double v0,
        double load,
        bint final,
        Measures* m,
    ) noexcept nogil
    cdef bint knocked(self, Window* window, long long a, long long v, long long b) noexcept nogil
    cdef bint hasty(self, Window* window, long long turn, long long end, int step, bint cable) noexcept nogil
    cdef bint unfelt(self, Window* window, long long first, long long last) noexcept nogil
    cdef bint lower_first(self, Window* window, Span down, Span up, double load, Measures* m) noexcept nogil
    cdef bint lift_first(self, Window* window, Span up, Span down, double load, Measures* m) noexcept nogil
    cdef bint falls(self, Span down) noexcept nogil
    cdef void lift(self, Window* window, Span down, Span up, double load, Measures* m) noexcept nogil
    cdef void force(self, Window* window, double load, int i0, int i1, Span up, Measures* m) noexcept nogil


cdef object measured(str kind, long long index, double known_s, Measures* m)
