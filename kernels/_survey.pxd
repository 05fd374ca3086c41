"""What an uncertain survey makes of a range, or of a path by two tethers, from (x0, low) to (x1, high).

A place p errs by e where n1 e = d1 + n1 a1, n the tether's direction, d its zero's error, a its anchor's; likewise with
the second tether, or else a known tilt or a bar that is taken to hang over x = 0. Terms of both ends cancel as far as
the tethers point alike.
"""

from libc.math cimport NAN, fabs, isnan, sqrt

from kernels._path cimport NEAREST_M, Anchors


cdef inline double by_one_tether(
    double x1, double high, double x0, double low, const Anchors* on, double anchor, double zero, double stray
) noexcept nogil:
    """By one tether, with its tilt or (x NaN) without; `stray`: how far the bar may then be from x = 0, either way."""
    cdef double square
    high -= on.ay
    low -= on.ay
    if not (isnan(x1) or isnan(x0)):
        # y = L cos tilt
        x1 -= on.ax
        x0 -= on.ax
        return fabs(high / sqrt(high * high + x1 * x1) - low / sqrt(low * low + x0 * x0)) * zero
    if not low > stray:
        return stray if low > NEAREST_M else NAN
    # y = sqrt(L² - ax²); a bar at x, as likely anywhere in stray, is taken for one (x² - 2 ax x) / 2 y higher
    square = on.ax * on.ax
    anchor *= on.ax * (1.0 / high - 1.0 / low)
    zero *= sqrt(1.0 + square / (high * high)) - sqrt(1.0 + square / (low * low))
    stray *= stray
    stray *= (stray / 5.0 + 4.0 * square / 3.0) / (4.0 * low * low)
    return sqrt(anchor * anchor + zero * zero + stray)


cdef inline double by_two_tethers(
    double x1,
    double high,
    double x0,
    double low,
    const Anchors* on,
    double anchor,
    double zero,
    double scale,
    bint across,
) noexcept nogil:
    """By two: e_y = (n1x c2 - n2x c1) / det, c = d + n · a + scale L; `across`: of how far x1 is from x0, likewise."""
    cdef double by[8]
    cdef double x, y, l1, l2, n1x, n1y, n2x, n2y, one, other
    cdef double total = 0.0
    cdef int i, end
    for i in range(8):
        by[i] = 0.0
    for end in range(2):
        x = (x0 if end else x1) - on.ax
        y = (low if end else high) - on.ay
        l1 = sqrt(x * x + y * y)
        n1x = x / l1
        n1y = y / l1
        x -= on.bx - on.ax
        y -= on.by - on.ay
        l2 = sqrt(x * x + y * y)
        n2x = x / l2
        n2y = y / l2
        one = (-1.0 if end else 1.0) / (n1x * n2y - n2x * n1y)
        other = one * (-n1y if across else n1x)
        one *= n2y if across else -n2x
        by[0] += one * n1x * anchor
        by[1] += one * n1y * anchor
        by[2] += other * n2x * anchor
        by[3] += other * n2y * anchor
        by[4] += one * zero
        by[5] += other * zero
        by[6] += one * l1 * scale
        by[7] += other * l2 * scale
    for i in range(8):
        total += by[i] * by[i]
    return sqrt(total)
