cimport cython

from kernels._phases cimport Phases
from kernels._window cimport Window

cdef enum:
    SLOWEST = 12    # grid samples between samples: 8 a second

# What is left of white noise of samples some grid samples apart, between which lines are drawn: mean squares of the
# smoothed place and rate, of what the grid scatters about the place, and of the rate's sixth differences.
cdef struct Gains:
    double place
    double rate
    double left
    double steep                # the rate's own slope, rms over its rms, 1/s
    double sixth                # of both lags
    double fourth               # of the grid
    double shaken_place         # of tremor in the smoothed place, over its mean square in the rate
    double shaken_raw           # and in the readings


cdef double unlike(
    const double* taps, const double* others, int half, int other, bint odd, double white, double tremor
) noexcept nogil
cdef double farthest_of(double places) noexcept nogil


@cython.final
cdef class Noise:
    cdef Phases phases
    cdef double rough            # of the window's rate, by its median sixth differences
    cdef double white            # mean square of one reading's white noise
    cdef double tremor           # mean square of tremor in the smoothed rate
    cdef double* squares         # of the sixth differences, one in STRIDE
    cdef double* row
    cdef int count
    cdef const Gains* gains
    cdef double apart            # grid samples between samples
    cdef int column              # of GAINS
    cdef int lag                 # of the sixth differences, grid samples
    cdef double typical_s        # time between samples
    cdef int asked               # near which sample the longest time between samples was asked last,
    cdef double longest_s        # and it
    cdef void listen(self, Window* window) noexcept nogil
    cdef double interval(self, Window* window, int i) noexcept nogil
    cdef double longest(self, Window* window, int i) noexcept nogil
    cdef double sixth(self, int i, int lag) noexcept nogil
    cdef double fourth(self, Window* window, long long k, int lag) noexcept nogil
    cdef double shaken(self, int i) noexcept nogil
    cdef double scatter(self, Window* window, int i) noexcept nogil
    cdef double of_rate(self, Window* window, int i) noexcept nogil
    cdef double of_place(self, Window* window, int i) noexcept nogil
    cdef int rung(self) noexcept nogil
    cdef void forget(self) noexcept nogil
    cdef double dwell(self) noexcept nogil
