"""What a reading's noise makes of a place, and an uncertain survey of a range, or of a path by two tethers.

From (x0, low) to (x1, high): a place p errs by e where n1 e = d1 + n1 a1, n the tether's direction, d its zero's error,
a its anchor's; likewise with the second tether, or else a known tilt or a bar that is taken to hang over x = 0. Terms
of both ends cancel as far as the tethers point alike.
"""

from libc.math cimport NAN, fabs, isnan, sqrt

from kernels._path cimport LOWEST_M, NEAREST_M, Anchors, norm


# Standard uncertainties by first-order propagation, of one reading at a place.

cdef inline double sigma_by_tilt(double x, double y, const Anchors* on) noexcept nogil:
    """Of x, m: sigma_x² = sin² sigma_L² + L² cos² sigma_tilt²."""
    cdef double dx = x - on.ax
    cdef double dy = y - on.ay
    return norm(dx / norm(dx, dy) * on.sigma_length, dy * on.sigma_tilt)


cdef inline double sigma_by_two(double x, double y, const Anchors* on) noexcept nogil:
    """Of x, m: along the baseline sigma_u² = (L1² + L2²) sigma_L² / b², across it
    sigma_w² = (L1² (1 - u/b)² + L2² (u/b)²) sigma_L² / w²."""
    cdef double l1 = norm(x - on.ax, y - on.ay)
    cdef double l2 = norm(x - on.bx, y - on.by)
    cdef double u = (x - on.ax) * on.ex + (y - on.ay) * on.ey
    cdef double w = (y - on.ay) * on.ex - (x - on.ax) * on.ey
    cdef double share = u / on.base
    cdef double sigma_u = norm(l1, l2) * on.sigma_length / on.base
    cdef double sigma_w = norm(l1 * (1.0 - share), l2 * share) * on.sigma_length / w
    return norm(sigma_u * on.ex, sigma_w * on.ey)


cdef inline double sigma_by_pulley(double rx, double ry, const Anchors* on) noexcept nogil:
    """Of the handle side's elevation, rad: R = T (cos e, sin e + 1) turns by half of what e does."""
    return 2.0 * on.sigma_pulley / norm(rx, ry)


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
    if on.ax == 0.0:
        # its travel may be zeroed anywhere: how high it hangs is not known, only how low it can
        low = max(low, LOWEST_M)
        high = max(high, low)
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
