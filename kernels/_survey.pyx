"""What an uncertain survey makes of a range: standard uncertainties of the height from (x0, low) to (x1, high), metres.

A place p errs by e where n1 · e = d1 + n1 · a1, n the tether's direction, d its zero's error, a its anchor's; likewise
with the second tether, or else a known tilt or a bar that is taken to hang over x = 0. Terms of both ends of the range
cancel as far as the tethers point alike.
"""

from libc.math cimport NAN, fabs, isnan, sqrt


cdef double one_tether(
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
        return stray if low > 0.0 else NAN
    # y = sqrt(L² - ax²); a bar at x, as likely anywhere in stray, is taken for one (x² - 2 ax x) / 2 y higher
    square = on.ax * on.ax
    anchor *= on.ax * (1.0 / high - 1.0 / low)
    zero *= sqrt(1.0 + square / (high * high)) - sqrt(1.0 + square / (low * low))
    stray *= stray
    stray *= (stray / 5.0 + 4.0 * square / 3.0) / (4.0 * low * low)
    return sqrt(anchor * anchor + zero * zero + stray)


cdef double two_tethers(
    double x1, double high, double x0, double low, const Anchors* on, double anchor, double zero
) noexcept nogil:
    """By two: e_y = (n1x c2 - n2x c1) / det, c = d + n · a."""
    cdef double by[6]
    cdef double x, y, length, n1x, n1y, n2x, n2y, det, sign
    cdef double total = 0.0
    cdef int i, end
    for i in range(6):
        by[i] = 0.0
    for end in range(2):
        sign = -1.0 if end else 1.0
        x = (x0 if end else x1) - on.ax
        y = (low if end else high) - on.ay
        length = sqrt(x * x + y * y)
        n1x = x / length
        n1y = y / length
        x -= on.bx - on.ax
        y -= on.by - on.ay
        length = sqrt(x * x + y * y)
        n2x = x / length
        n2y = y / length
        det = n1x * n2y - n2x * n1y
        by[0] -= sign * n2x * n1x / det * anchor
        by[1] -= sign * n2x * n1y / det * anchor
        by[2] += sign * n1x * n2x / det * anchor
        by[3] += sign * n1x * n2y / det * anchor
        by[4] -= sign * n2x / det * zero
        by[5] += sign * n1x / det * zero
    for i in range(6):
        total += by[i] * by[i]
    return sqrt(total)
