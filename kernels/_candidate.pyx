"""Which of the swings may be a rep: a high A that was left, the lowest V after it, a return B.

A need not be as high as B. A bar is lifted down from its hooks, a handle pulled to where the set starts, and the
reps are swings inside that first fall. So a return is measured against what the set says of itself: the range of its
reps; the place where the fall was held, if B comes back to just there; or swings alike, where nobody has yet come
back to A. And how far the bar came up to A, or fell to the first V, is no measure of a rep.

Nor is every valley one. What was left by little and came back by much is a dip before the pick-up.
"""

from libc.math cimport fabs

from kernels._swings cimport PROMINENCE, RETURN, ZONE, Swings, Turn
from kernels._window cimport GRID_HZ

cdef double ALIKE = 0.2         # of the range: swings of one set differ by less
HOLD_S = 0.6                    # a stall in the lowering is shorter, a lifter taking his stance is not


cdef class Candidate(Swings):
    """Swings, and the rep that they may be.

    State: where the candidate leaves, turns and returns to, a lift of it that failed, and the last two places where
    falls were held.

    Parameters
    ----------
    min_range, gap_s, relative
        As of Swings.
    """

    def __init__(self, double min_range, double gap_s, bint relative):
        Swings.__init__(self, min_range, gap_s, relative)
        self.hold = <int>(HOLD_S * GRID_HZ)

    cdef bint find(self, Turn now) noexcept nogil:
        """Set a, v, b: the highest place left, the lowest after it, the highest after that."""
        cdef int i, last
        cdef int ia = -1
        cdef double rise, low
        self.limit = self.prominence(now)
        for i in range(self.n):
            if self.turns[i].high and (ia < 0 or self.turns[i].u >= self.turns[ia].u):
                if i + 1 < self.n or self.direction < 0:
                    # a top reached after a real valley is that valley's return, not a new start
                    if ia >= 0 and self.returned(ia, i):
                        break
                    ia = i
        if ia < 0:
            return False
        self.a = self.turns[ia]
        last = self.first_return(ia)
        self.has_b = False
        self.v = self.turns[ia + 1] if self.direction > 0 or last < self.n else now
        for i in range(ia + 1, last):
            if not self.turns[i].high and self.turns[i].u <= self.v.u:
                self.v = self.turns[i]
        # a lift that came back before the lowest place: it failed, unless the next one succeeds at once
        rise = max(self.least(self.a.u), self.limit)
        self.sank = False
        for i in range(ia + 2, last):
            if self.turns[i].high and self.turns[i].u - self.turns[i - 1].u >= rise:
                low = self.turns[i + 1].u if i + 1 < last else now.u
                if self.turns[i].k < self.v.k or low - self.v.u < ALIKE * (self.a.u - self.v.u):
                    rise = self.turns[i].u - self.turns[i - 1].u
                    self.sank = True
                    self.failed_v = self.turns[i - 1]
                    self.failed_b = self.turns[i]
        for i in range(ia + 1, last):
            if self.turns[i].high and self.turns[i].k > self.v.k:
                if not self.has_b or self.turns[i].u > self.b.u:
                    self.b = self.turns[i]
                    self.has_b = True
        if self.direction > 0 and last == self.n and now.k > self.v.k and (not self.has_b or now.u > self.b.u):
            self.b = now
            self.has_b = True
        return True

    cdef int first_return(self, int ia) noexcept nogil:
        """How many turning points to look at: where swings have been waiting for a verdict, no more than the first."""
        cdef double lowest = self.turns[ia].u
        cdef double left, right
        cdef int i
        for i in range(ia + 1, self.n - 1):
            if not self.turns[i].high:
                lowest = min(lowest, self.turns[i].u)
                continue
            left = self.turns[ia].u - lowest
            right = self.turns[i].u - lowest
            if self.range_ref > 0.0:
                left = min(left, self.range_ref)
            if right >= max(self.limit, self.least(self.turns[i].u)) and right >= RETURN * left:
                if self.turns[i].u - self.turns[i + 1].u >= RETURN * right:
                    return i + 1
        return self.n

    cdef bint returned(self, int ia, int ib) noexcept nogil:
        cdef int i
        cdef double lowest = self.turns[ia].u
        cdef double left
        for i in range(ia + 1, ib):
            lowest = min(lowest, self.turns[i].u)
        left = self.turns[ia].u - lowest
        return left >= max(self.limit, self.least(self.turns[ib].u)) and self.even(
            self.turns[ia].k, left, self.turns[ib].u - lowest
        )

    cdef bint even(self, long long a_k, double left, double right) noexcept nogil:
        """Whether a rep may leave as little as `left` to come back by `right`: else it was picked up, or put down.

        Where the stream begins nobody has seen how far it had come.
        """
        return (
            left >= PROMINENCE * right
            or (self.range_count > 1 and left >= RETURN * self.range_ref)
            or a_k == self.first_k
        )

    cdef bint asymmetric(self) noexcept nogil:
        """Whether the candidate leaves by too little for what it comes back by."""
        return self.has_b and not self.even(self.a.k, self.a.u - self.v.u, self.b.u - self.v.u)

    cdef bint on_the_way(self, double u) noexcept nogil:
        """Whether a fall is not over, for all that it has come back by."""
        return self.n > 1 and u - self.turns[self.n - 1].u < ALIKE * (
            self.turns[self.n - 2].u - self.turns[self.n - 1].u
        )

    cdef void note(self, long long k, double u) noexcept nogil:
        """It is held here: one of the last two places where a fall was."""
        if self.hold_count == 0 or self.holds[self.hold_count - 1].u - u >= self.min_range:
            if self.hold_count == 2:
                self.holds[0] = self.holds[1]
                self.hold_count = 1
            self.hold_count += 1
        self.holds[self.hold_count - 1].k = k
        self.holds[self.hold_count - 1].u = u

    cdef double expected(self) noexcept nogil:
        """How far above V a return is to be looked for; A moves to where the fall was held if it is found there."""
        cdef double left = self.a.u - self.v.u
        cdef double right, held
        cdef int i
        if self.range_ref > 0.0:
            return min(left, self.range_ref)
        if not self.has_b:
            return left
        right = self.b.u - self.v.u
        for i in range(self.hold_count - 1, -1, -1):
            held = self.holds[i].u - self.v.u
            if self.a.k < self.holds[i].k < self.v.k and held >= self.least(self.holds[i].u):
                if right >= (1.0 - ZONE) * held and right <= held / (1.0 - ZONE) and right < (1.0 - ZONE) * left:
                    self.a.u = self.holds[i].u
                    self.a.k = self.holds[i].k
                    return held
                break
        return left

    cdef bint alike(self, int most, Turn now) noexcept nogil:
        """Whether `most` swings in a row inside the fall from A are alike; then a, v, b are the first of them."""
        cdef int ia = 0
        cdef int i
        cdef double size, u
        while ia + 1 < self.n and self.turns[ia + 1].k <= self.a.k:
            ia += 1
        if ia + 2 * most > self.n - (self.direction < 0):
            return False
        size = self.turns[ia + 2].u - self.turns[ia + 1].u
        if size < self.least(self.turns[ia + 2].u):
            return False
        for i in range(ia + 3, ia + 1 + 2 * most):
            u = self.turns[i].u if i < self.n else now.u
            if fabs(u - self.turns[i - 2].u) > ALIKE * size:
                return False
        self.v = self.turns[ia + 1]
        self.b = self.turns[ia + 2]
        self.has_b = True
        return True
