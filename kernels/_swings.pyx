"""How a motion swings: its turning points, how long it rests, and how large the swings of its set are.

A turning point is confirmed when the motion has come back from it by a distance, never by a change of sign and
never by time. Small swings inside larger ones are taken out again, as a rainflow count does.
"""

from libc.math cimport INFINITY, fabs

from kernels._window cimport GRID_HZ, MASK

cdef double PROMINENCE = 0.35   # a dip at the sticking point reaches a quarter of a short rep's range
cdef double ZONE = 0.15         # README, "Phases": top and bottom are the outer 15 % of the range
cdef double TENSION_V0 = 0.07   # README, "Phases": on tension alone v0 is 7 % of the range per second
cdef double RETURN = 0.6        # README, "What counts": below 60 % of the range it is a partial rep
cdef double TO_THE_FLOOR = 2.0 - RETURN  # of the range: it is as far beyond a rep as a partial one is short of it
cdef double GLITCH_S = 0.5      # out and back in less: something hit it; two phases of 0.4 s take 0.55 s
cdef double STEP = 0.28         # of the least range: turning points are confirmed by this much,
# or by what noise swings within some ten seconds: 5.9 times the median of the differences below, measured on white
# noise at 20 to 1000 samples a second, and a little more.
cdef double NOISY_STEP = 7.0
cdef double DRIFT = 0.03        # of the estimate, a step towards the median: half or twice as much in two seconds
# A loop band is stretched by so much at the most (one of 41 inches to two and a half times its slack length), and the
# least rep is a tenth of a metre: 8 % of its tension, whatever band it is; a standing lifter's sway is a third of that.
cdef double BAND_M = 1.25
cdef double TAUT = 0.1 / BAND_M


cdef class Swings:
    """Turning points of one stream since they were last accounted for, and the set's range.

    State: up to 64 turning points, the running extreme, how long the motion has kept still and how noisy it is, and
    the ranges and pauses of the set so far. O(1) per sample, nothing allocated.

    Parameters
    ----------
    min_range : float
        Least range of a repetition (m, or N on tension alone).
    gap_s : float
        A pause longer than this ends the set, and with it the memory of its range.
    relative : bool
        On tension alone: the least range is relative to the tension, too.
    """

    def __init__(self, double min_range, double gap_s, bint relative):
        if not (min_range > 0.0 and gap_s > 0.0):
            raise ValueError(f"need min_range and gap_s above 0, got {min_range} and {gap_s}")
        self.min_range = min_range
        self.least_step = STEP * min_range
        self.least_noise = 0.25 * self.least_step / NOISY_STEP
        self.step_range = self.least_step
        self.noise = self.least_noise
        self.relative = relative
        self.slack = -INFINITY
        self.gap = <long long>(gap_s * GRID_HZ)
        self.fresh = True
        self.end_k = -1
        self.still_k = -1
        self.first_k = -1

    cdef void begin(self, long long k, double u) noexcept nogil:
        """No direction yet: both extremes are here."""
        self.n = 0
        self.direction = 0
        self.fresh = False
        self.top.k = k
        self.top.u = u
        self.low = self.top

    cdef void forget(self) noexcept nogil:
        """The set is over: the next has a range of its own."""
        if self.range_count:
            self.former = self.range_ref
        self.rested = 0
        self.range_count = 0
        self.range_ref = 0.0

    cdef void move(self, long long k, double u) noexcept nogil:
        """Take one grid sample: how long it has rested, and whether an extreme has become a turning point."""
        cdef long long rested = k - self.still_k
        if self.first_k < 0:
            self.first_k = k
        if self.still_k < 0 or fabs(u - self.still_u) > self.step_range:
            self.set_out(k, u)
        if self.range_count and k - self.end_k > self.gap and k - self.still_k > self.gap:
            self.forget()
        if self.fresh:
            self.begin(k, u)
        if u > self.top.u and self.direction >= 0:
            self.top.u = u
            self.top.k = k
        if u < self.low.u and self.direction <= 0:
            self.low.u = u
            self.low.k = k
        if self.direction >= 0 and self.top.u - u >= self.step_range:
            self.turn(self.top, True, k, rested)
            self.direction = -1
            self.low.u = u
            self.low.k = k
        elif self.direction <= 0 and u - self.low.u >= self.step_range:
            self.turn(self.low, False, k, rested)
            self.direction = 1
            self.top.u = u
            self.top.k = k

    cdef void set_out(self, long long k, double u) noexcept nogil:
        """It has come a step away from where it rested."""
        self.still_k = k
        self.still_u = u

    cdef void follow_noise(self, const double* ring, long long k) noexcept nogil:
        """Follow the noise of a ring's samples up to k: the median size of their fourth difference, of which a rep of
        0.7 s a phase without a pause leaves 0.2 % of its range; and what a turning point is confirmed by."""
        cdef double d = fabs(
            ring[(k - 2 * LISTEN) & MASK]
            - (ring[(k - LISTEN) & MASK] + ring[(k - 3 * LISTEN) & MASK]) * (2.0 / 3.0)
            + (ring[k & MASK] + ring[(k - 4 * LISTEN) & MASK]) / 6.0
        )
        if d > self.noise:
            self.noise *= 1.0 + DRIFT
        elif d == d:
            self.noise = max(self.least_noise, self.noise * (1.0 - DRIFT))
        self.step_range = max(self.least_step, NOISY_STEP * self.noise)

    cdef void turn(self, Turn t, bint high, long long k, long long rested) noexcept nogil:
        cdef int i
        t.high = high
        t.left_k = k
        t.rested = rested
        if self.n == TURNS:
            for i in range(TURNS - 2):
                self.turns[i] = self.turns[i + 2]
            self.n -= 2
        self.turns[self.n] = t
        self.n += 1
        self.fresh_turn = True

    cdef void merge(self, Turn now) noexcept nogil:
        """Take out inner swings that are small beside their neighbours (the stack of a rainflow count)."""
        cdef double x, y, z, limit
        if self.n < 3:
            return
        limit = self.prominence(now)
        while self.n >= 3:
            x = fabs(self.turns[self.n - 2].u - self.turns[self.n - 1].u)
            y = fabs(self.turns[self.n - 3].u - self.turns[self.n - 2].u)
            z = fabs(self.turns[self.n - 1].u - now.u)
            if not (x < limit and x <= y and x <= z):
                break
            self.n -= 2

    cdef double prominence(self, Turn now) noexcept nogil:
        """How deep a swing must be to be one of its own."""
        cdef double largest = 0.0
        cdef double first = 0.0     # fall
        cdef double deepest = 0.0   # of all falls
        cdef double swing
        cdef int i
        if self.range_count < 2:  # a bend before the set may look like a rep, and is no measure of what comes
            for i in range(self.n):
                swing = fabs(self.turns[i].u - (self.turns[i + 1].u if i + 1 < self.n else now.u))
                if not self.turns[i].high and deepest < RETURN * swing:
                    largest = first = deepest = 0.0  # picked up: how far is no measure, nor is what was before it
                    continue
                if self.turns[i].high:
                    deepest = max(deepest, swing)
                if first == 0.0:
                    first = swing
                else:
                    largest = max(largest, swing)
            # nor is how far it fell at first, beyond what a rise after it could be the return of
            largest = max(largest, min(first, largest / RETURN))
        largest = max(largest, self.range_ref)
        return max(self.step_range, PROMINENCE * largest)

    cdef double least(self, double top) noexcept nogil:
        """Least range of a rep that leaves `top`: more than noise, and than a zone of the set before."""
        cdef double least = max(self.min_range, 2.0 * self.step_range, ZONE * self.former)
        if not self.relative:
            return least
        return max(least, TAUT * top) if top > self.slack else INFINITY

    cdef void learn(self, double size) noexcept nogil:
        """Remember the range of a rep that stands: the median of the set's latest is the reference.

        A partial one says nothing; where two in a row show that the ones before them were partial, these go.
        """
        cdef double ordered[MEDIAN_OF]
        cdef double x
        cdef int i, j
        if self.range_count and size < RETURN * self.range_ref:
            return
        if self.range_count and RETURN * min(size, self.ranges[0]) > self.range_ref:
            self.range_count = 1  # the ones before these two were partial
        for i in range(min(self.range_count, MEDIAN_OF - 1), 0, -1):
            self.ranges[i] = self.ranges[i - 1]
        self.ranges[0] = size
        self.range_count = min(self.range_count + 1, MEDIAN_OF)
        for i in range(self.range_count):
            x = self.ranges[i]
            j = i
            while j > 0 and ordered[j - 1] > x:
                ordered[j] = ordered[j - 1]
                j -= 1
            ordered[j] = x
        self.range_ref = ordered[self.range_count // 2]
