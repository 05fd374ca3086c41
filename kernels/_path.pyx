"""Where the bar or the handle is, from what the sensors of a layout can see, with its uncertainty.

Axes: x to the lifter's front, y up, origin on the floor; metres. A place that the sensors do not determine is
NaN: one vertical tether says nothing of x (5 cm forward is 1.6 mm of tether at 0.8 m).
"""

from libc.math cimport NAN, acos, atan2, cos, fabs, sin, sqrt

import numpy as np


cdef Place one_tether(double length, double ax, double ay) noexcept nogil:
    """Height over a surveyed anchor, the bar taken to hang over x = 0."""
    cdef Place p
    cdef double square = length * length - ax * ax
    p.x = NAN
    p.y = ay + sqrt(square) if square > 0.0 else NAN
    p.sigma_x = NAN
    return p


cdef Place tilted_tether(
    double length, double tilt, double ax, double ay, double sigma_length, double sigma_tilt
) noexcept nogil:
    """Polar to Cartesian. First-order propagation: sigma_x² = sin² sigma_L² + L² cos² sigma_tilt²."""
    cdef Place p
    cdef double s = sin(tilt)
    cdef double c = cos(tilt)
    p.x = ax + length * s
    p.y = ay + length * c
    p.sigma_x = sqrt(s * s * sigma_length * sigma_length + length * length * c * c * sigma_tilt * sigma_tilt)
    return p


cdef Place two_tethers(
    double length, double length_2, double ax, double ay, double bx, double by, double sigma_length
) noexcept nogil:
    """The upper crossing of two circles. On the baseline's own axes u = (L1² - L2² + b²) / 2b."""
    cdef Place p
    cdef double ex = bx - ax
    cdef double ey = by - ay
    cdef double b = sqrt(ex * ex + ey * ey)
    cdef double u, square, w, sigma_u, sigma_w
    ex /= b
    ey /= b
    u = (length * length - length_2 * length_2 + b * b) / (2.0 * b)
    square = length * length - u * u
    if not square > 0.0:
        p.x = NAN
        p.y = NAN
        p.sigma_x = NAN
        return p
    w = sqrt(square)
    if ex < 0.0:
        w = -w  # the upper crossing lies on the other side of a baseline that runs backwards
    p.x = ax + u * ex - w * ey
    p.y = ay + u * ey + w * ex
    sigma_u = sqrt(length * length + length_2 * length_2) * sigma_length / b
    sigma_w = sqrt(length * length * (1.0 - u / b) ** 2 + (length_2 * u / b) ** 2) * sigma_length / fabs(w)
    p.sigma_x = sqrt((sigma_u * ex) ** 2 + (sigma_w * ey) ** 2)
    return p


cdef double handle_elevation(double rx, double ry, double stack_share) noexcept nogil:
    """Elevation of the cable's handle side, from the force on the low pulley.

    R = T (cos e, sin e + k), k the tension of the vertical stack side over that of the handle side. Hence
    Ry cos e - Rx sin e = k Rx, |R| cos(e + atan2(Rx, Ry)) = k Rx; k = 1 gives 2 atan2(Ry, Rx) - pi/2.
    """
    cdef double size = sqrt(rx * rx + ry * ry)
    cdef double ratio
    if not size > 0.0:
        return NAN
    ratio = stack_share * rx / size
    if not -1.0 <= ratio <= 1.0:
        return NAN
    return acos(ratio) - atan2(rx, ry)


def tether_height(const double[::1] length_m not None, anchor_m):
    """Height of a bar over x = 0 from one tether.

    Parameters
    ----------
    length_m : float64, shape (n,)
    anchor_m : (x, y) where the tether leaves the unit

    Returns
    -------
    float64, shape (n,), metres; NaN where the tether is shorter than the anchor is away.
    """
    out = np.empty(length_m.shape[0])
    cdef double[::1] y = out
    cdef double ax = anchor_m[0]
    cdef double ay = anchor_m[1]
    cdef Py_ssize_t i
    with nogil:
        for i in range(length_m.shape[0]):
            y[i] = one_tether(length_m[i], ax, ay).y
    return out


def tilt_path(
    const double[::1] length_m not None,
    const double[::1] tilt_rad not None,
    anchor_m,
    double sigma_length_m,
    double sigma_tilt_rad,
):
    """Place of the bar from one tether and its tilt from vertical (+ to the front).

    Returns
    -------
    float64, shape (3, n): x, y and the standard uncertainty of x, metres.
    """
    out = np.empty((3, length_m.shape[0]))
    cdef double[:, ::1] view = out
    cdef double ax = anchor_m[0]
    cdef double ay = anchor_m[1]
    cdef Place p
    cdef Py_ssize_t i
    with nogil:
        for i in range(length_m.shape[0]):
            p = tilted_tether(length_m[i], tilt_rad[i], ax, ay, sigma_length_m, sigma_tilt_rad)
            view[0, i] = p.x
            view[1, i] = p.y
            view[2, i] = p.sigma_x
    return out


def two_tether_path(
    const double[::1] length_m not None,
    const double[::1] length_2_m not None,
    anchor_m,
    anchor_2_m,
    double sigma_length_m,
):
    """Place of the bar from two tethers (trilateration); same result as `tilt_path`."""
    out = np.empty((3, length_m.shape[0]))
    cdef double[:, ::1] view = out
    cdef double ax = anchor_m[0]
    cdef double ay = anchor_m[1]
    cdef double bx = anchor_2_m[0]
    cdef double by = anchor_2_m[1]
    cdef Place p
    cdef Py_ssize_t i
    if ax == bx and ay == by:
        raise ValueError(f"two tethers need two places, both anchors are at {tuple(anchor_m)}")
    with nogil:
        for i in range(length_m.shape[0]):
            p = two_tethers(length_m[i], length_2_m[i], ax, ay, bx, by, sigma_length_m)
            view[0, i] = p.x
            view[1, i] = p.y
            view[2, i] = p.sigma_x
    return out


def handle_path(
    const double[::1] travel_m not None,
    const double[::1] pulley_x_n not None,
    const double[::1] pulley_y_n not None,
    const double[::1] direction not None,
    double free_length_m,
    double pulley_efficiency,
):
    """Place of a cable's handle, from its travel and the force on the low pulley.

    Parameters
    ----------
    travel_m, pulley_x_n, pulley_y_n : float64, shape (n,)
    direction : float64, shape (n,)
        +1 lifting (stack side carries efficiency × T), -1 lowering (T / efficiency), between: a blend.

    Returns
    -------
    float64, shape (2, n): x and y from the pulley, metres.
    """
    out = np.empty((2, travel_m.shape[0]))
    cdef double[:, ::1] view = out
    cdef double e
    cdef Py_ssize_t i
    with nogil:
        for i in range(travel_m.shape[0]):
            e = handle_elevation(pulley_x_n[i], pulley_y_n[i], pulley_efficiency ** direction[i])
            view[0, i] = (free_length_m + travel_m[i]) * cos(e)
            view[1, i] = (free_length_m + travel_m[i]) * sin(e)
    return out
