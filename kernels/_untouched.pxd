"""Memory that is taken only as far as it is written to: a station pays for the channels it has and for reps as long as
its own, not for the most of either. What stands in the object itself is cleared, and so taken, when it is made; what
calloc gives is, too, once a larger piece has been freed."""

from posix.mman cimport MAP_ANONYMOUS, MAP_FAILED, MAP_PRIVATE, PROT_READ, PROT_WRITE, mmap, munmap

cdef inline void *untouched(size_t size) except NULL:
    """Room for so many bytes, all 0."""
    cdef void *found = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    if found == MAP_FAILED:
        raise MemoryError
    return found

cdef inline void give_back(void *room, size_t size) noexcept:
    """Of an object that was made in part there may be none."""
    if room != NULL:
        munmap(room, size)
