from kernels._path cimport Anchors

cdef double one_tether(
    double x1, double high, double x0, double low, const Anchors* on, double anchor, double zero, double stray
) noexcept nogil
cdef double two_tethers(
    double x1, double high, double x0, double low, const Anchors* on, double anchor, double zero
) noexcept nogil
