from libc.stdint cimport uint32_t

cdef struct Frame:
    uint32_t boot_id
    uint32_t t_us
    uint32_t span_us
    uint32_t samples     # how many

cdef struct Sample:
    uint32_t channel
    uint32_t age_us
    double counts


cdef class Frames:
    cdef Frame *frame
    cdef Sample *sample
    cdef Py_ssize_t n_frames
    cdef Py_ssize_t n_samples
    cdef readonly list hellos
    cdef readonly list statuses

    cdef int hold(self, Py_ssize_t frames, Py_ssize_t samples) except -1
