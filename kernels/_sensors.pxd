cimport cython

from kernels._motion cimport Resampler
from kernels._path cimport Anchors
from kernels._window cimport STRETCH, Window

cdef double LEAST_LOAD_N

cdef enum:
    QUEUE = 16384       # raw samples a channel may be ahead of the leading one
    WEIGH = 256         # after how many grid samples the uncertainty of the path is weighed anew


@cython.final
cdef class Queue:
    cdef Resampler channel
    cdef double* t
    cdef double* y
    cdef long long head, tail

    cdef void put(self, const double* t, const double* y, Py_ssize_t n) noexcept nogil
    cdef void release(self, double until_s) noexcept nogil


@cython.final
cdef class Sensors:
    cdef Resampler position, second, cell, pulley_x, pulley_y, leading
    cdef Queue of_second, of_cell, of_pulley_x, of_pulley_y
    cdef double heaviest         # load of the set
    cdef int layout, second_id, leading_id
    cdef bint two_sensors, started
    cdef Anchors anchors
    cdef double ratio, first_s
    cdef double* block
    cdef double* s
    cdef double* x
    cdef double* y
    cdef double* force
    cdef Window window
    # how far: placed on the grid, heard of the second sensor, felt by the cells
    cdef long long placed, heard, force_done, pulley_done
    # and how far the cells were felt at each grid sample of the latest stretch
    cdef long long felt[STRETCH]
    cdef long long pulley_seen[STRETCH]

    cdef Py_ssize_t lead(self, const double* t, const double* y, Py_ssize_t i, Py_ssize_t n) noexcept nogil
    cdef bint put(self, int channel, const double* t, const double* y, Py_ssize_t n) noexcept nogil
    cdef bint begin(self) noexcept nogil
    cdef Py_ssize_t see(self) noexcept nogil
    cdef void begin_path(self) noexcept nogil
    cdef void share(self, Py_ssize_t n, double* carried) noexcept nogil
    cdef bint alone(self) noexcept nogil
    cdef bint listen(self, long long k) noexcept nogil
    cdef void feel(self, long long k) noexcept nogil
    cdef void feel_pulley(self, long long k) noexcept nogil
    cdef Py_ssize_t hold(self) noexcept nogil
    cdef void weigh_path(self) noexcept nogil
