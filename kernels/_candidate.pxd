from libc.math cimport fabs

from kernels._swings cimport Swings, Turn

cdef double ALIKE

cdef enum:
    REJECTS = 256

cdef enum Step:      # what is said
    NOTHING = 0
    LOCKOUT = 1      # a rep is pending
    HELD = 2         # the same rep, held for the time-out
    COMPLETE = 4     # nothing that follows can change this rep
    DISCARDED = 8    # movements that were no reps are in `rejects`
    WITHDRAWN = 16   # the pending rep was none

cdef enum State:     # of the candidate
    OPEN
    PENDING
    CONFIRMED        # by the time-out, and it may still be taken back
    STATES           # how many

cdef enum Event:     # what they are: EVENTS
    REACHED
    STAYED
    STANDS
    ONE_SIDED
    KNOCKED
    BUMPED
    ENDED
    EVENT_COUNT

cdef enum Reason:
    PICK_UP = 0
    SET_DOWN = 1
    UNRACK = 2
    RE_RACK = 3
    TOO_QUICK = 4

cdef struct Reject:
    long long first
    long long last
    int reason


cdef class Candidate(Swings):
    cdef bint concentric_first
    cdef State state
    cdef double floor            # where the bar was picked up; NaN where nobody has seen it
    cdef Reject rejects[REJECTS]
    cdef int reject_count
    cdef readonly double v0      # speed that counts as moving
    cdef double limit            # how deep a swing must be now to be one of its own
    # where it leaves, turns, and returns to
    cdef Turn a, v, b
    cdef bint has_b
    cdef bint sank               # a lift came back to the bottom
    cdef Turn failed_v, failed_b
    cdef Turn holds[2]
    cdef Turn stood, stood_from  # where the pending rep first stood, if after its v, and its a by then
    cdef int hold_count, quiet, hold

    cdef int on(self, Event event) noexcept nogil
    cdef void reject(self, long long first, long long last, int reason) noexcept nogil
    cdef int discard(self, int count, Turn end) noexcept nogil
    cdef int before(self, long long k) noexcept nogil
    cdef void leave_out(self, int count) noexcept nogil
    cdef bint find(self, Turn now) noexcept nogil
    cdef int first_return(self, int ia) noexcept nogil
    cdef bint returned(self, int ia, int ib) noexcept nogil
    cdef bint even(self, long long a_k, double left, double right) noexcept nogil
    cdef bint asymmetric(self) noexcept nogil
    cdef bint on_the_way(self, double u) noexcept nogil
    cdef void note(self, long long k, double u) noexcept nogil
    cdef int held_at(self, double size) noexcept nogil
    cdef void stand(self, long long k, double u) noexcept nogil
    cdef void leave_from_hold(self, bint over) noexcept nogil
    cdef double expected(self) noexcept nogil
    cdef int alike(self, int most, Turn now) noexcept nogil
    cdef void take_swing(self, int ia) noexcept nogil

cdef inline void watch_holds(Candidate swings, long long k, double u, double w) noexcept nogil:
    """Take the speed of one grid sample: where the motion is slow, but for noise now and then, a fall is held."""
    if fabs(w) >= swings.v0:
        swings.quiet = max(swings.quiet - 1, 0)
        return
    swings.quiet = min(swings.quiet + 1, swings.hold)
    if swings.quiet == swings.hold and (swings.direction < 0 or swings.on_the_way(u)):
        swings.note(k, u)
    elif swings.quiet == swings.hold and swings.state != OPEN and swings.stood.k <= swings.v.k:
        swings.stand(k, u)
