cimport cython
from libc.math cimport NAN, sqrt

from kernels._motion cimport RING, Smoother
from kernels._phases cimport Phases
from kernels._window cimport Measures, Window

cdef struct Place:
    double x
    double y
    double sigma_x

cdef inline Place one_tether(double length, double ax, double ay) noexcept nogil:
    """Height over a surveyed anchor, the bar taken to hang over x = 0."""
    cdef Place p
    cdef double square = length * length - ax * ax
    p.x = NAN
    if ax == 0.0:
        p.y = ay + length  # right below the bar: good for a travel that was zeroed anywhere, too
    else:
        p.y = ay + sqrt(square) if square > 0.0 else NAN
    p.sigma_x = NAN
    return p

cdef Place tilted_tether(
    double length, double tilt, double ax, double ay, double sigma_length, double sigma_tilt
) noexcept nogil
cdef Place two_tethers(
    double length, double length_2, double ax, double ay, double bx, double by, double sigma_length
) noexcept nogil
cdef double handle_elevation(double rx, double ry, double stack_share) noexcept nogil


@cython.final
cdef class PathMeter:
    cdef int layout
    cdef Phases phases
    cdef bint concentric_first
    cdef double free_length, efficiency
    cdef double handle_x[RING]
    cdef double handle_y[RING]

    cdef void path(self, Window* window, Measures* m) noexcept nogil
    cdef double smooth_at(self, const double* ring, Window* window, Smoother* f, int i) noexcept nogil
    cdef void line(self, Measures* m, int i0, int i1) noexcept nogil
    cdef void handle(self, Window* window, Measures* m, int i0, int i1) noexcept nogil
