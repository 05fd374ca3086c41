cimport cython

from kernels._candidate cimport Candidate
from kernels._smooth cimport SLOWING
from kernels._swings cimport Turn


@cython.final
cdef class Segmenter(Candidate):
    cdef double sign
    cdef const double* ring      # the places that are stepped through
    cdef long long held, rest, dwell, glitch
    cdef double rates[SLOWING]   # the last, by place in the grid
    cdef bint stops              # a lift is over, or will be at once
    cdef long long above_k   # when it was last above the bottom,
    cdef double deep         # which was there
    cdef double carried  # share of the load that the lifter carries now; NaN where no cell says

    cdef Py_ssize_t run(
        self,
        long long k,
        const double* s,
        const double* v,
        const double* carried,
        Py_ssize_t i,
        Py_ssize_t n,
        int* said,
    ) noexcept nogil
    cdef Py_ssize_t rest_on(
        self, long long k, const double* s, const double* v, Py_ssize_t i, Py_ssize_t n
    ) noexcept nogil
    cdef Py_ssize_t move_on(
        self, long long k, const double* s, const double* v, Py_ssize_t i, Py_ssize_t n
    ) noexcept nogil
    cdef bint due(self, long long k) noexcept nogil
    cdef bint lasts(self, long long k, double v) noexcept nogil
    cdef int step(self, long long k, double s, double v) noexcept nogil
    cdef bint under_way(self, long long k, double w) noexcept nogil
    cdef bint slowed(self, long long k, double s, double s_before) noexcept nogil
    cdef int flush(self, long long k) noexcept nogil
    cdef int reject_glitch(self, long long k, double u) noexcept nogil
    cdef long long rest_timeout(self, bint found) noexcept nogil
    cdef int judge(self, long long k, double u, double w) noexcept nogil
    cdef int complete(self) noexcept nogil
    cdef int trim(self, long long k, double u) noexcept nogil
