cimport cython

from kernels._path cimport Anchors
from kernels._phases cimport Phases
from kernels._window cimport RING, Edge, Measures, Span, Window

# What is left of white noise of samples some grid samples apart, between which lines are drawn: mean squares of the
# smoothed place and rate, of what the grid scatters about the place, and of the rate's sixth differences.
cdef struct Gains:
    double place
    double rate
    double left
    double sixth                # of both lags
    double fourth               # of the grid
    double shaken_place         # of tremor in the smoothed place, over its mean square in the rate
    double shaken_raw           # and in the readings


cdef struct Unsure:             # of a boundary, s
    double chance
    double outward              # by which a phase begins too early and ends too late


@cython.final
cdef class Uncertainty:
    cdef int layout
    cdef Phases phases
    cdef Anchors anchors
    cdef double sigma_anchor, sigma_zero, sigma_scale, stray
    cdef double rough            # of the window's rate, by its median sixth differences
    cdef double white            # mean square of one reading's white noise
    cdef double tremor           # mean square of tremor in the smoothed rate
    cdef double squares[RING]    # of the sixth differences, one in STRIDE
    cdef double row[RING]
    cdef int count
    cdef bint anew               # a pending rep takes the last noise as it is, for it is measured again
    cdef const Gains* gains
    cdef int apart               # grid samples between samples
    cdef int column              # of GAINS
    cdef int lag                 # of the sixth differences, grid samples
    cdef double typical_s        # time between samples
    cdef double hardest          # acceleration of the lift

    cdef void weigh(self, Window* window, Span down, Span up, Measures* m) noexcept nogil
    cdef void listen(self, Window* window) noexcept nogil
    cdef double interval(self, Window* window, int i) noexcept nogil
    cdef double sixth(self, int i, int lag) noexcept nogil
    cdef double fourth(self, Window* window, int i, int lag) noexcept nogil
    cdef double shaken(self, int i) noexcept nogil
    cdef double scatter(self, Window* window, int i) noexcept nogil
    cdef double of_rate(self, Window* window, int i) noexcept nogil
    cdef double noise_of_place(self, Window* window, int i) noexcept nogil
    cdef int rung(self) noexcept nogil
    cdef double ticks(self, Window* window, int i, double speed) noexcept nogil
    cdef double of_place(self, Window* window, int i) noexcept nogil
    cdef double bias(self, Window* window, int i, bint of_rate) noexcept nogil
    cdef double spacing(self, Window* window) noexcept nogil
    cdef Unsure boundary(self, Window* window, double at_s, const Edge* edge) noexcept nogil
    cdef double bent(self, int i, int outward, double slope) noexcept nogil
    cdef double shoulder(self, int i, double level, double noise) noexcept nogil
    cdef double common(self, Window* window, Measures* m, int top, int bottom) noexcept nogil
    cdef int repaired(self, Window* window, double start_s, double end_s) noexcept nogil
