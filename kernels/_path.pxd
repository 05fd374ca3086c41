cdef struct Place:
    double x
    double y
    double sigma_x

cdef Place one_tether(double length, double ax, double ay) noexcept nogil
cdef Place tilted_tether(
    double length, double tilt, double ax, double ay, double sigma_length, double sigma_tilt
) noexcept nogil
cdef Place two_tethers(
    double length, double length_2, double ax, double ay, double bx, double by, double sigma_length
) noexcept nogil
cdef double handle_elevation(double rx, double ry, double stack_share) noexcept nogil
