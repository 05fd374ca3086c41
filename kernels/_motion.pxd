cimport cython

from libc.math cimport NAN, fabs

from kernels._window cimport MASK, RING, Closing

cdef long long FAR       # a bin that none comes to
cdef double BRIDGE_S, GOES_ON, SLIP, STALE_S

cdef enum State:
    EMPTY       # no sample yet
    PLAIN
    DOUBTFUL    # t1, y1 may be a spike, a shift, or real
    REPEATED    # y0 came again at t1, and may be old


@cython.final
cdef class Resampler:
    cdef double max_rate, max_curve, tolerance, least, max_gap_s
    cdef double tc, yc, tb, yb, t0, y0, t1, y1, stale_until, shift, quantum
    cdef State state
    cdef long long bin
    cdef bint whole
    cdef double area, edge
    cdef readonly long long newest
    cdef readonly long long taken, bins          # accepted samples, and the bins they filled
    cdef readonly long long stale, spikes, shifts, disordered, gaps
    cdef int repeats, repaired                  # samples of the run in doubt, and all that were not used as they came
    # of the newest shift: whether the place has not been found again since, how large, when, and from where
    cdef readonly bint adrift
    cdef readonly double step
    cdef double shift_before, place_before
    cdef long long shift_k
    # since when, and where, the bins have stood still
    cdef double still_y
    cdef long long still_k
    cdef unsigned char* lost                    # whether a bin was filled while the place was not found again
    cdef double* ring
    cdef Closing* closings
    cdef long long closings_mask                # 0: but the newest is asked for by nobody, and takes no memory

    cdef void take(self, double t, double raw) noexcept nogil
    cdef void drop(self) noexcept nogil
    cdef void displace(self, double step) noexcept nogil
    cdef void put_back(self) noexcept nogil
    cdef void find_place(self) noexcept nogil
    cdef bint decide(self, double t, double y) noexcept nogil
    cdef bint far(self, double t0, double y0, double t, double y) noexcept nogil
    cdef double rate(self) noexcept nogil
    cdef Py_ssize_t glide(
        self, const double* t, const double* y, Py_ssize_t i, Py_ssize_t n, long long enough
    ) noexcept nogil
    cdef bint plain(self, const double* t, const double* y, Py_ssize_t i) noexcept nogil
    cdef Py_ssize_t take_many(
        self, const double* t, const double* y, Py_ssize_t i, Py_ssize_t n, long long enough
    ) noexcept nogil
    cdef void accept(self, double t, double y) noexcept nogil
    cdef void close(self, double area, double t) noexcept nogil
    cdef void restart(self, double t, double y) noexcept nogil
    cdef void settle(self) noexcept nogil
    cdef double bend(self, double dt2) noexcept nogil
    cdef bint strange(self, double t, double y) noexcept nogil
    cdef bint bridged(self, long long k) noexcept nogil

cdef inline double value_at(Resampler channel, long long k) noexcept nogil:
    """The value of bin k; NaN where it is not known or no longer kept."""
    if k > channel.newest or k <= channel.newest - RING or k < 0:
        return NAN
    return channel.ring[k & MASK]

cdef inline bint returns(Resampler channel) noexcept nogil:
    """Whether the sample in doubt is back from what was no place to move from: one spike alone after a gap, or two."""
    return fabs(channel.y1 - channel.yc) <= channel.tolerance or (
        channel.t0 - channel.tb > BRIDGE_S and not channel.far(channel.tb, channel.yb, channel.t1, channel.y1)
    )

cdef inline bint caught_up(Resampler channel, double t, double y) noexcept nogil:
    """Whether equal readings before the sample in doubt were old ones: from there it goes on as it must have come."""
    cdef double since = channel.tc if channel.yc == channel.yb else channel.tb
    return (
        channel.least == 0.0
        and channel.yb == channel.y0
        and channel.t1 - since <= STALE_S
        and not channel.far(since, channel.y0, channel.t1, channel.y1)
        and (y - channel.y1) * (channel.t1 - since) / ((t - channel.t1) * (channel.y1 - channel.y0)) > GOES_ON
    )

cdef inline bint slipped(Resampler channel, double t, double y, double step) noexcept nogil:
    """Whether a step to the sample in doubt lies beyond every motion that goes on after it as fast as before.

    To get ahead by max_curve dt² between two samples, and be as fast as before at the second, takes 4 max_curve. Times
    may be off by most of an interval: a third of three is taken for it, and what it moves meanwhile is no step.
    """
    cdef double dt = max(channel.t1 - channel.t0, (t - channel.tb) / 3.0)
    cdef double fastest = max(fabs(channel.rate()), fabs(y - channel.y1) / (t - channel.t1))
    return (
        channel.least == 0.0
        and y != channel.y1  # the same reading again says nothing
        and not caught_up(channel, t, y)
        and fabs(step) > (channel.max_curve * dt + fastest) * dt + SLIP * channel.tolerance
    )
