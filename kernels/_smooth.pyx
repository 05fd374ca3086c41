"""From the even grid to place, velocity and acceleration.

The smoothers are local cubic fits with tricube weights (Cleveland 1979), evaluated at the centre: exact for
constant jerk, no overshoot worth the name at an abrupt start, and narrow or wide by one number.
"""

from libc.math cimport fabs
from libc.string cimport memcpy

import numpy as np

from kernels._window cimport GRID_HZ, MASK, RING

cdef extern from "_taps.h" nogil:
    void plumbline_evens(const double* p, Py_ssize_t n, const double* taps, Py_ssize_t half, double* out)
    void plumbline_moments(
        const double* p,
        Py_ssize_t n,
        const double* evens,
        const double* odds,
        Py_ssize_t half,
        double* place,
        double* rate,
    )
    void plumbline_extremes(const double* p, Py_ssize_t n, double* low, double* high)
    int plumbline_known(const double* p, Py_ssize_t n)

cdef int HALF_WIDTHS[LADDER]
HALF_WIDTHS[:] = [6, 8, 11, 14, 18, 24, 32]
cdef Smoother SMOOTHERS[MAX_HALF + 1]


cdef void _fit(int half, Smoother* f) noexcept nogil:
    """Taps of the cubic that fits 2 half + 1 samples best in least squares, each weighed by its tricube.

    The weights are even in u, so the normal equations fall into two pairs: one of the even powers of u, one of
    the odd ones.
    """
    cdef double[4] sums = [0.0, 0.0, 0.0, 0.0]   # of the weights times u to the power of 0, 2, 4, 6
    cdef double even, odd, u, w
    cdef int i
    f.half = half
    f.place_square = f.rate_square = 0.0
    for i in range(2 * half + 1):
        u = i - half
        w = (1.0 - (fabs(u) / (half + 1.0)) ** 3) ** 3
        sums[0] += w
        sums[1] += w * u**2
        sums[2] += w * u**4
        sums[3] += w * u**6
    even = sums[0] * sums[2] - sums[1] ** 2
    odd = sums[1] * sums[3] - sums[2] ** 2
    for i in range(2 * half + 1):
        u = i - half
        w = (1.0 - (fabs(u) / (half + 1.0)) ** 3) ** 3
        f.place[i] = w * (sums[2] - sums[1] * u**2) / even
        f.rate[i] = w * u * (sums[3] - sums[2] * u**2) / odd * GRID_HZ
        f.curve[i] = 2.0 * w * (sums[0] * u**2 - sums[1]) / even * GRID_HZ**2
        f.place_square += f.place[i] ** 2
        f.rate_square += f.rate[i] ** 2


for _half in range(LEAST_HALF, MAX_HALF + 1):
    _fit(_half, &SMOOTHERS[_half])


def design(int half):
    """The taps of one smoother.

    Parameters
    ----------
    half : int
        Half-width in grid samples, 3 to 32; the window is 2 half + 1 samples.

    Returns
    -------
    float64, shape (3, 2 half + 1)
        Taps for place, first and second derivative (per second, per second squared).
    """
    if not LEAST_HALF <= half <= MAX_HALF:
        raise ValueError(f"need {<int>LEAST_HALF} <= half <= {MAX_HALF}, got {half}")
    cdef Smoother* f = &SMOOTHERS[half]
    taps = np.empty((3, 2 * half + 1))
    cdef double[:, ::1] row = taps
    cdef int i
    for i in range(2 * half + 1):
        row[0, i], row[1, i], row[2, i] = f.place[i], f.rate[i], f.curve[i]
    return taps


cdef Smoother* smoother(int half) noexcept nogil:
    return &SMOOTHERS[half]


cdef int half_width(int rung) noexcept nogil:
    return HALF_WIDTHS[rung]


cdef void unroll(const double* ring, long long first, long long last, double* out) noexcept nogil:
    """Copy grid samples [first, last] of a ring into a row; fewer than RING."""
    cdef Py_ssize_t n = <Py_ssize_t>(last - first + 1)
    cdef Py_ssize_t at = <Py_ssize_t>(first & MASK)
    cdef Py_ssize_t before = min(n, RING - at)
    memcpy(out, ring + at, before * sizeof(double))
    memcpy(out + before, ring, (n - before) * sizeof(double))


cdef void roll(const double* row, long long first, Py_ssize_t n, double* ring) noexcept nogil:
    """Copy a row to grid samples [first, first + n) of a ring."""
    cdef Py_ssize_t at = <Py_ssize_t>(first & MASK)
    cdef Py_ssize_t before = min(n, RING - at)
    memcpy(ring + at, row, before * sizeof(double))
    memcpy(ring, row + before, (n - before) * sizeof(double))


cdef void moments(const double* p, Py_ssize_t n, const Smoother* f, double* place, double* rate) noexcept nogil:
    """Place and rate of n samples in a row; p points at the first, with f.half more on either side."""
    plumbline_moments(p, n, f.place + f.half, f.rate + f.half, f.half, place, rate)


cdef void evens(const double* p, Py_ssize_t n, const double* taps, Py_ssize_t half, double* out) noexcept nogil:
    """Apply even taps to n samples in a row; p points at the first, with `half` more on either side."""
    plumbline_evens(p, n, taps + half, half, out)


cdef void extremes(const double* p, Py_ssize_t n, double* low, double* high) noexcept nogil:
    """The least and the largest of n samples in a row, NaN passed over."""
    plumbline_extremes(p, n, low, high)


cdef bint known(const double* p, Py_ssize_t n) noexcept nogil:
    """Whether none of n samples in a row is NaN."""
    return plumbline_known(p, n)


cdef Py_ssize_t part_row(double* row, Py_ssize_t first, Py_ssize_t last, double pivot, bint equal) noexcept nogil:
    """Put what is less than the pivot (or `equal`) first in [first, last); where the others begin.

    Without a branch that depends on the numbers: half of its predictions would be wrong, and each costs ten swaps.
    """
    cdef Py_ssize_t i
    cdef Py_ssize_t at = first
    cdef double x
    for i in range(first, last):
        x = row[i]
        row[i] = row[at]
        row[at] = x
        at += x <= pivot if equal else x < pivot
    return at


cdef double middle(double* row, Py_ssize_t count) noexcept nogil:
    """The median of a row, the upper one of two; the row is put into another order."""
    cdef Py_ssize_t mid = count // 2
    cdef Py_ssize_t first = 0
    cdef Py_ssize_t last = count
    cdef Py_ssize_t at
    cdef double low, pivot, high
    while last - first > 1:
        # of three
        low = row[first]
        pivot = row[(first + last) // 2]
        high = row[last - 1]
        pivot = max(min(low, high), min(max(low, high), pivot))
        at = part_row(row, first, last, pivot, False)
        if mid < at:
            last = at
        elif at > first:
            first = at
        else:  # the least of them, perhaps many times
            first = part_row(row, first, last, pivot, True)
            if mid < first:
                return pivot
    return row[mid]
