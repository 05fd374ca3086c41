"""Which of the swings may be a rep: a high A that was left, the lowest V after it, a return B.

A need not be as high as B. A bar is lifted down from its hooks, a handle pulled to where the set starts, and the
reps are swings inside that first fall. So a return is measured against what the set says of itself: the range of its
reps; the place where the fall was held, if B comes back to just there; or swings alike, where nobody has yet come
back to A. And how far the bar came up to A, or fell to the first V, is no measure of a rep.

Nor is every valley one: entered by less than 35 % of its return, it is a dip before the pick-up.
"""

from libc.math cimport NAN, fabs

from kernels._swings cimport GLITCH_S, PROMINENCE, RETURN, ZONE, Swings, Turn
from kernels._window cimport GRID_HZ

cdef double ALIKE = 0.2         # of the range: swings of one set differ by less


# What becomes of a candidate: in which state what happens, what is then said, and its state from then on. `judge`
# and `trim` find out what happens; what it means is here alone, and python -m tests.grammar prints it.
STATE_NAMES = {"open": OPEN, "pending": PENDING, "confirmed": CONFIRMED}
SAYS = {
    "": NOTHING,
    "lockout": LOCKOUT,
    "held": HELD,
    "complete": COMPLETE,
    "discarded": DISCARDED,
    "withdrawn": WITHDRAWN,
}
EVENTS = {
    "reached": (REACHED, "it has come to its lockout, within 15 % of what is expected of it, and is about to stop"),
    "stayed": (STAYED, "lifted first: it has rested there for 3 s and was not lowered by 60 %"),
    "stands": (STANDS, "it came back by 60 % and was left again, or three alike did, or it rested too long to go on"),
    "one-sided": (ONE_SIDED, "a valley entered by less than 35 % of its return: picked up, or put down"),
    "knocked": (KNOCKED, "its own turn was out and back within half a second"),
    "bumped": (BUMPED, "something else was out and back within half a second"),
    "ended": (ENDED, "all has rested longer than any pause, or the stream broke off, and it is no rep"),
}
LIFE = (
    ("open", "reached", "lockout", "pending"),
    ("open", "stayed", "", "open"),
    ("open", "stands", "complete", "open"),
    ("open", "one-sided", "", "open"),
    ("open", "knocked", "discarded", "open"),
    ("open", "bumped", "discarded", "open"),
    ("open", "ended", "", "open"),
    ("pending", "reached", "", "pending"),
    ("pending", "stayed", "held", "confirmed"),
    ("pending", "stands", "complete", "open"),
    ("pending", "one-sided", "withdrawn", "open"),
    ("pending", "knocked", "withdrawn", "open"),
    ("pending", "bumped", "discarded", "pending"),
    ("pending", "ended", "withdrawn", "open"),
    ("confirmed", "reached", "", "confirmed"),
    ("confirmed", "stayed", "", "confirmed"),
    ("confirmed", "stands", "complete", "open"),
    ("confirmed", "one-sided", "withdrawn", "open"),
    ("confirmed", "knocked", "withdrawn", "open"),
    ("confirmed", "bumped", "discarded", "confirmed"),
    ("confirmed", "ended", "withdrawn", "open"),
)

cdef struct Answer:
    int said
    State after

cdef Answer ANSWERS[STATES][EVENT_COUNT]


def _fill():
    for state, event, said, after in LIFE:
        ANSWERS[<int> STATE_NAMES[state]][<int> EVENTS[event][0]].said = SAYS[said]
        ANSWERS[<int> STATE_NAMES[state]][<int> EVENTS[event][0]].after = STATE_NAMES[after]


_fill()


cdef class Candidate(Swings):
    """Swings, and the rep that they may be.

    State: where the candidate leaves, turns and returns to, what was said of it, a lift of it that failed, the last two
    places where falls were held, and where it first stood once it was pending; movements that were none, and where the
    bar was picked up.

    Parameters
    ----------
    concentric_first : bool
    min_range, gap_s, relative
        As of Swings.
    """

    def __init__(self, bint concentric_first, double min_range, double gap_s, bint relative):
        Swings.__init__(self, min_range, gap_s, relative)
        self.concentric_first = concentric_first
        self.hold = <int>(GLITCH_S * GRID_HZ)  # a stall in the lowering is shorter, a lifter taking his stance is not
        self.floor = NAN

    cdef int on(self, Event event) noexcept nogil:
        """Something happens to the candidate: its next state, and what is said."""
        cdef Answer answer = ANSWERS[<int> self.state][<int> event]
        self.state = answer.after
        return answer.said

    cdef void reject(self, long long first, long long last, int reason) noexcept nogil:
        """A movement that was no rep."""
        if self.reject_count < REJECTS:
            self.rejects[self.reject_count].first = first
            self.rejects[self.reject_count].last = last
            self.rejects[self.reject_count].reason = reason
            self.reject_count += 1

    cdef int discard(self, int count, Turn end) noexcept nogil:
        """Forget the first turning points; every swing among them up to `end` was no rep. What is then said."""
        cdef int i
        cdef Turn p, q
        cdef bint rising
        for i in range(count):
            p = self.turns[i]
            q = self.turns[i + 1] if i + 1 < count else end
            if fabs(q.u - p.u) < self.step_range:
                continue
            rising = (q.u > p.u) != self.concentric_first
            if i == 0 and q.u - p.u >= self.min_range:
                self.floor = p.u
            if fabs(q.u - p.u) >= self.min_range:
                self.reject(p.k, q.k, PICK_UP if rising else SET_DOWN)
            else:
                self.reject(p.k, q.k, UNRACK if rising else RE_RACK)
        self.leave_out(count)
        return DISCARDED if self.reject_count else NOTHING

    cdef int before(self, long long k) noexcept nogil:
        """How many turning points lie before grid sample k."""
        cdef int count = 0
        while count < self.n and self.turns[count].k < k:
            count += 1
        return count

    cdef void leave_out(self, int count) noexcept nogil:
        """The first turning points are accounted for."""
        cdef int i
        for i in range(count, self.n):
            self.turns[i - count] = self.turns[i]
        self.n -= count

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
        """How far above V a return is to be looked for."""
        cdef double left = self.a.u - self.v.u
        return min(left, self.range_ref) if self.range_ref > 0.0 else left

    cdef int held_at(self, double size) noexcept nogil:
        """At which of the places where the fall from A was held a rep of this size would have left V; -1: at none."""
        cdef double held
        cdef int i
        for i in range(self.hold_count - 1, -1, -1):
            held = self.holds[i].u - self.v.u
            if self.a.k < self.holds[i].k < self.v.k and held >= self.least(self.holds[i].u):
                if (1.0 - ZONE) * held <= size <= held / (1.0 - ZONE) and size < (1.0 - ZONE) * (self.a.u - self.v.u):
                    return i
        return -1

    cdef void stand(self, long long k, double u) noexcept nogil:
        """The pending rep stands, for the first time, at its lockout: here it has come back to, whatever follows."""
        cdef int i = self.held_at(u - self.v.u)
        self.stood = self.holds[i] if i >= 0 else self.a
        self.stood_from = self.stood
        self.stood.k = k
        self.stood.u = u

    cdef void leave_from_hold(self, bint over) noexcept nogil:
        """A moves to where the fall was held, if B comes back to just there.

        Once it is over, B too moves to where it came back to and stood, if it went on from there: the lifter walked out
        before his one rep, and back after it.
        """
        cdef double right = self.b.u - self.v.u
        cdef double stood = self.stood.u - self.v.u
        cdef int i = self.held_at(right) if self.has_b and self.range_ref == 0.0 else -1
        if i >= 0:
            self.a = self.holds[i]
        elif over and self.has_b and self.state != OPEN and self.stood.k > self.v.k and self.stood_from.k > self.a.k:
            if RETURN * right <= stood < (1.0 - ZONE) * right:
                self.a = self.stood_from
                self.b = self.stood

    cdef int alike(self, int most, Turn now) noexcept nogil:
        """Which turning point the first of `most` swings alike leaves, in a row inside the fall from A; -1: none."""
        cdef int ia = 0
        cdef int i
        cdef double size, u
        while ia + 1 < self.n and self.turns[ia + 1].k <= self.a.k:
            ia += 1
        if ia + 2 * most > self.n - (self.direction < 0):
            return -1
        size = self.turns[ia + 2].u - self.turns[ia + 1].u
        if size < self.least(self.turns[ia + 2].u):
            return -1
        for i in range(ia + 3, ia + 1 + 2 * most):
            u = self.turns[i].u if i < self.n else now.u
            if fabs(u - self.turns[i - 2].u) > ALIKE * size:
                return -1
        return ia

    cdef void take_swing(self, int ia) noexcept nogil:
        """The swing that leaves turning point `ia` is the candidate's."""
        self.v = self.turns[ia + 1]
        self.b = self.turns[ia + 2]
        self.has_b = True
