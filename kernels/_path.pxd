cimport cython
from libc.math cimport NAN, cos, fabs, sin, sqrt

from kernels._noise cimport Noise
from kernels._phases cimport Phases
from kernels._smooth cimport Smoother
from kernels._window cimport Measures, Window

# A sleeve is 25 mm thick about its middle and the tether's clip as long again: no bar hangs nearer above its reel. What
# reads so has a zero that is off, and by how much nobody knows. Its place goes on straight from there, so that the
# motion is counted: no fold at the reel, and no end of the stream.
cdef double NEAREST_M
# Discs of 450 mm hold a bar 0.225 m over the floor, and a reel's outlet is up to 0.1 m over it.
cdef double LOWEST_M

cdef struct Place:
    double x
    double y

cdef struct Anchors:
    # where the tethers leave their units, and what one reading is uncertain by
    double ax
    double ay
    double bx
    double by
    double base           # from the first to the second, and its direction
    double ex
    double ey
    double sigma_length
    double sigma_tilt
    double sigma_pulley

cdef Anchors survey(
    double ax, double ay, double bx, double by, double sigma_length, double sigma_tilt, double sigma_pulley
) noexcept nogil

cdef inline double norm(double x, double y) noexcept nogil:
    """sqrt(x² + y²): the same bits everywhere, which no libm's hypot promises."""
    return sqrt(x * x + y * y)

cdef inline double one_tether(double length, double ax, double ay) noexcept nogil:
    """Height over a surveyed anchor, the bar taken to hang over x = 0."""
    cdef double square = length * length - ax * ax
    cdef double nearest
    if ax == 0.0:
        return ay + length  # right below the bar: good for a travel that was zeroed anywhere, too
    if length > 0.0 and square > NEAREST_M * NEAREST_M:
        return ay + sqrt(square)
    nearest = norm(ax, NEAREST_M)
    return ay + NEAREST_M + nearest / NEAREST_M * (length - nearest)

cdef inline void heights(const double* length, Py_ssize_t n, double ax, double ay, double* out) noexcept nogil:
    """Of a row."""
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = one_tether(length[i], ax, ay)

cdef inline Place tilted_tether(double length, double tilt, const Anchors* on) noexcept nogil:
    """Polar to Cartesian."""
    cdef Place p
    p.x = on.ax + length * sin(tilt)
    p.y = on.ay + length * cos(tilt)
    return p

cdef inline Place two_tethers(double length, double length_2, const Anchors* on) noexcept nogil:
    """The upper crossing of two circles. On the baseline's own axes u = (L1² - L2² + b²) / 2b, w² = L1² - u²."""
    cdef Place p
    cdef double u = (length * length - length_2 * length_2) / (2.0 * on.base) + 0.5 * on.base
    cdef double square = length * fabs(length) - u * u
    cdef double w = sqrt(square) if square > NEAREST_M * NEAREST_M else 0.5 * (square / NEAREST_M + NEAREST_M)
    if on.ex < 0.0:
        w = -w  # the upper crossing lies on the other side of a baseline that runs backwards
    p.x = on.ax + u * on.ex - w * on.ey if square > 0.0 else NAN
    p.y = on.ay + u * on.ey + w * on.ex
    return p

cdef double handle_elevation(double rx, double ry, double stack_share) noexcept nogil


@cython.final
cdef class PathMeter:
    cdef int layout
    cdef Phases phases
    cdef Noise noise
    cdef Anchors anchors
    cdef double free_length, efficiency
    cdef double v0               # of a phase, per second
    cdef int farthest            # sample of the window where the bar was farthest from its line
    cdef double* row
    cdef double* row_y
    cdef double* smooth_x
    cdef double* smooth_y
    cdef double* ways            # which way the pulley's friction goes
    cdef double* unsure          # and how unsure that is
    cdef double* handle_x
    cdef double* handle_y

    cdef void path(self, Window* window, Measures* m) noexcept nogil
    cdef void smooth(
        self, const double* ring, Window* window, const Smoother* f, int i0, int i1, double* out
    ) noexcept nogil
    cdef void smooth_row(
        self, const double* row, Window* window, const Smoother* f, int i0, int i1, double* out
    ) noexcept nogil
    cdef double smooth_pull(self, Window* window, int i0, int i1) noexcept nogil
    cdef double rounded(self, Window* window, int start, int far, double scatter) noexcept nogil
    cdef double sigma(self, Window* window, int i) noexcept nogil
    cdef void line(self, Window* window, Measures* m, int i0, int i1) noexcept nogil
    cdef double along(self, int i, int low, double x, double y) noexcept nogil
    cdef double lever(self, int i) noexcept nogil
    cdef double turned(self, Window* window, int i, int i0) noexcept nogil
    cdef void handle(self, Window* window, Measures* m, int i0, int i1) noexcept nogil
