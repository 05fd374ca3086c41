"""Where the repetitions are: a grammar of swings.

An exercise that starts with the eccentric is a valley between two tops; one that starts with the concentric is the
same upside down, a valley of u = -s between two bottoms. So one grammar serves both: a high A that was left, the
lowest V after it, a return B.

    eccentric first:   A top      V bottom     B top       pending at B, complete when the next descent is real
    concentric first:  A bottom   V lockout    B bottom    pending at V, complete when the next lift is real

What lies between is no repetition of its own unless it is deep: an inner swing below `PROMINENCE` of the set's
range (of the largest swing before the set has one) belongs to the phase it interrupts. A lone rise or fall
(picking up, setting down, unrack, re-rack) has no valley, and standing still for `REST_S` forgets it.
"""

cimport cython
from libc.math cimport NAN, fabs, isnan

from kernels._candidate cimport (
    ALIKE,
    BUMPED,
    COMPLETE,
    DISCARDED,
    ENDED,
    KNOCKED,
    NOTHING,
    ONE_SIDED,
    OPEN,
    REACHED,
    STANDS,
    STAYED,
    TOO_QUICK,
    Candidate,
    watch_holds,
)
from kernels._smooth cimport ANNOUNCE, SLOWING, time_left
from kernels._swings cimport GLITCH_S, LISTEN, PROMINENCE, RETURN, TENSION_V0, TO_THE_FLOOR, ZONE, Turn, goes_on
from kernels._window cimport GRID_HZ

HELD_S = 3.0                    # held this long at lockout, the rep is confirmed without its successor
REST_S = 5.0                    # no pause on the way is this long: the bar lies or hangs
# Isometric holds at the bottom of a rep are 3 to 8 s, and most of a second goes by in the last centimetres of the way
# down and the first up. Bars racked there wait longer.
DWELL_S = 9.0
# So long before v0 a lift that slows down is over: the announcing filter looks back by ANNOUNCE, less half of SLOWING.
cdef double AHEAD_S = (ANNOUNCE - 0.5 * SLOWING) / GRID_HZ
cdef double LAST_SPEED = 0.25               # of its mean: 1 % of a smooth way is left (Flash & Hogan 1985)
cdef double CARRIED = 0.6                   # of the load: the lifter holds it, however he moves
cdef double SLACK = 2.0     # of the least range: a band that never pulls more hangs about somebody doing something else
cdef int ENOUGH = 3                  # so many swings alike are reps
cdef int LONGER = 2                  # times as long as the set's other reps one may rest where they turn


@cython.final
cdef class Segmenter(Candidate):
    """Repetitions of one stream, one grid sample at a time.

    State: its swings since the last complete rep and the candidate among them; what was said of it; how long what
    rests, and where it was picked up. O(1) per sample, nothing allocated.

    Parameters
    ----------
    concentric_first : bool
    min_range : float
        Least range of a repetition (m, or N on tension alone).
    v0 : float
        Speed that counts as moving, per second; 0 for 7 % of the range per second, as on tension alone.
    gap_s : float
        A pause longer than this ends the set, and with it the memory of its range.
    """

    def __init__(self, bint concentric_first, double min_range, double v0, double gap_s):
        if not v0 >= 0.0:
            raise ValueError(f"need v0 of at least 0, got {v0}")
        Candidate.__init__(self, concentric_first, min_range, gap_s, v0 == 0.0)
        if self.relative and not concentric_first:
            self.slack = SLACK * min_range
        self.sign = -1.0 if concentric_first else 1.0
        self.v0 = TENSION_V0 * min_range if self.relative else v0
        self.held = <long long>(HELD_S * GRID_HZ)
        self.glitch = <long long>(GLITCH_S * GRID_HZ)
        self.rest = <long long>(REST_S * GRID_HZ)
        self.dwell = <long long>(DWELL_S * GRID_HZ)
        self.carried = NAN

    cdef Py_ssize_t run(
        self,
        long long k,
        const double* s,
        const double* v,
        const double* carried,
        Py_ssize_t i,
        Py_ssize_t n,
        int* said,
    ) noexcept nogil:
        """Take grid samples k + i to k + n - 1 up to the first that says something; return what comes after it."""
        cdef Py_ssize_t stop
        said[0] = NOTHING
        while i < n and said[0] == NOTHING:
            stop = min(n, i + LISTEN - (k + i - self.first_k) % LISTEN)
            if self.due(k + i):
                self.follow_noise(self.ring, k + i)
            i = self.move_on(k, s, v, i, stop) if self.n else self.rest_on(k, s, v, i, stop)
            if i < stop:
                if carried != NULL:
                    self.carried = carried[i]
                said[0] = self.step(k + i, s[i], v[i])
                i += 1
        return i

    cdef Py_ssize_t rest_on(
        self, long long k, const double* s, const double* v, Py_ssize_t i, Py_ssize_t n
    ) noexcept nogil:
        """Take samples from the i-th on while `step` would find that the bar still rests; return where that ended."""
        cdef double u
        cdef bint slow
        if self.direction or self.fresh or self.fresh_turn:
            return i
        while i < n:
            u = self.sign * s[i]
            if not fabs(u - self.still_u) <= self.step_range or isnan(v[i]):
                break
            if u - self.low.u >= self.step_range or self.top.u - u >= self.step_range:
                break
            if self.range_count and k + i - self.still_k > self.gap:
                break
            slow = fabs(v[i]) < self.v0
            self.quiet = min(self.quiet + 1, self.hold) if slow else max(self.quiet - 1, 0)
            if slow and k + i - self.still_k > self.rest:
                self.begin(k + i, u)
            elif u > self.top.u:
                self.top.u = u
                self.top.k = k + i
            elif u < self.low.u:
                self.low.u = u
                self.low.k = k + i
            self.rates[(k + i) % SLOWING] = v[i]
            self.above_k = k + i
            i += 1
        return i

    cdef Py_ssize_t move_on(
        self, long long k, const double* s, const double* v, Py_ssize_t i, Py_ssize_t n
    ) noexcept nogil:
        """Take samples from the i-th on while `step` would find only that the motion goes on; where that ended."""
        cdef bint lifting = (self.direction < 0) == self.concentric_first
        cdef double sign = self.sign * self.direction
        cdef Turn* farthest = &self.top if self.direction > 0 else &self.low
        cdef double reached = self.direction * farthest.u
        cdef double here, u
        cdef bint still, over, judged
        cdef bint due = self.due(k + i)
        if not self.direction or self.fresh or self.fresh_turn:
            return i
        if self.n > 1 and k + i - self.turns[self.n - 2].left_k < self.glitch:
            return i
        while i < n:
            u = self.sign * s[i]
            here = sign * s[i]
            if isnan(v[i]) or not reached - here < self.step_range:
                break
            still = fabs(u - self.still_u) <= self.step_range
            over = lifting and not (v[i] > self.v0 and self.lasts(k + i, v[i]))
            judged = (
                over
                or self.n > 2
                or self.relative
                or not (lifting or (v[i] <= -self.v0 and self.direction < 0))
                or (still and k + i - self.still_k > self.glitch)
            )
            if judged and (due or (over and self.state == OPEN and v[i] > -self.v0)):
                break
            due = False
            if still and self.range_count and k + i - self.still_k > self.gap:
                break
            if not still:
                self.set_out(k + i, u)
            if here > reached:
                reached = here
                farthest.k = k + i
            watch_holds(self, k + i, u, v[i])
            if not judged and self.direction < 0 and here >= reached:
                self.above_k = k + i
            self.rates[(k + i) % SLOWING] = v[i]
            i += 1
        farthest.u = self.direction * reached
        return i

    cdef inline bint due(self, long long k) noexcept nogil:
        """Whether it is time to look at the noise, and at what the swings are: each LISTEN samples of the stream."""
        return (k - self.first_k) % LISTEN == 0

    cdef inline bint lasts(self, long long k, double v) noexcept nogil:
        """Whether a lift that has the rate v at sample k is not about to be over."""
        cdef double v_before = self.rates[k % SLOWING]
        # from 4 v0 on with a third less than this of slowing down, 0.06 s are left: a root less to take
        return (v > 4.0 * self.v0 and 5.0 * v > 3.0 * v_before) or time_left(v, v_before, self.v0) > AHEAD_S

    cdef int step(self, long long k, double s, double v) noexcept nogil:
        """Take one grid sample of place and velocity; say what became known."""
        cdef double u = self.sign * s
        cdef double w = self.sign * v
        cdef int said = NOTHING
        if isnan(u) or isnan(w):
            return self.flush(k)
        self.stops = not self.lasts(k, v)
        self.rates[k % SLOWING] = v
        if not goes_on(self, k, u):
            self.move(k, u)
        if self.fresh_turn:
            self.quiet = 0
        watch_holds(self, k, u, w)
        if self.n > 1 and k - self.turns[self.n - 2].left_k < self.glitch:
            said = self.reject_glitch(k, u)
        if self.n and not self.fresh_turn and self.under_way(k, w):
            if self.direction < 0 and u <= self.low.u:
                self.above_k = k
            return said
        if self.n and not self.fresh_turn and not self.due(k) and (
            self.state != OPEN or not self.stops or v <= -self.v0 or (self.direction < 0) != self.concentric_first
        ):
            return said  # only a lockout cannot wait, and it is slow and at the end of the lift
        return said | self.judge(k, u, w)

    cdef bint under_way(self, long long k, double w) noexcept nogil:
        """Whether this is a first way out or back that still moves on: nothing can be said of it yet."""
        if self.n > 2 or k - self.still_k > self.glitch or self.relative:
            return False
        if (self.direction < 0) == self.concentric_first:
            return not self.stops
        return self.direction < 0 and w <= -self.v0

    cdef int reject_glitch(self, long long k, double u) noexcept nogil:
        """Forget an excursion that went out and came back too quickly to be a lifter's."""
        cdef Turn root = self.turns[self.n - 2]
        cdef int said
        if fabs(u - root.u) >= self.step_range:
            return NOTHING
        self.n -= 2
        said = self.on(KNOCKED if self.v.k >= root.k else BUMPED)
        if said & DISCARDED:
            self.reject(root.left_k, k, TOO_QUICK)  # not from where it rested before
        root.k = k
        if root.high:
            self.top = root
            self.direction = 1
        else:
            self.low = root
            self.direction = -1
        if self.n == 0:
            self.begin(k, u)
        return said

    cdef int judge(self, long long k, double u, double w) noexcept nogil:
        cdef Turn now = self.low if self.direction < 0 else self.top
        cdef double left, right, wanted, least
        cdef bint still, found
        cdef int ia
        cdef int said = NOTHING
        if self.n == 0:
            self.above_k = k
            if k - self.still_k > self.rest and fabs(w) < self.v0:
                self.begin(k, u)
            return said
        self.fresh_turn = False
        self.merge(now)
        found = self.find(now)
        still = k - self.still_k > self.held
        if found:
            self.leave_from_hold(still)
            wanted = self.expected()
            left = self.a.u - self.v.u
            right = self.b.u - self.v.u if self.has_b else 0.0
            least = self.least(max(self.a.u, self.b.u) if self.has_b else self.a.u)
            if self.relative:
                self.v0 = TENSION_V0 * (self.range_ref if self.range_ref > 0.0 else max(left, self.min_range))
            if self.asymmetric():
                said |= self.on(ONE_SIDED)
            elif left >= least and (left >= self.limit or self.state != OPEN):
                if self.concentric_first:
                    if self.stops and left >= RETURN * self.range_ref:
                        said |= self.on(REACHED)
                    if said == NOTHING and still and right < RETURN * left:
                        said |= self.on(STAYED)
                elif self.has_b:
                    # held for long below the lockout it may be one, or a stall: it is said, and stays open
                    if right >= least and self.stops and (
                        right >= (1.0 - ZONE) * wanted or (still and right >= RETURN * wanted)
                    ):
                        said |= self.on(REACHED)
                if self.has_b and right >= RETURN * wanted and right >= least:
                    if self.b.u - u >= self.limit or (still and right >= (1.0 - ZONE) * wanted):
                        ia = self.alike(2, now)
                        if ia >= 0 and (still or self.b.u - self.turns[ia + 2].u <= ALIKE * left):
                            self.take_swing(ia)  # the first of two that came back by less; other swings are pulses
                        return said | self.complete()
                elif self.has_b and (self.direction < 0 or w < self.v0):  # what still rises may rise by more
                    ia = self.alike(ENOUGH, now)
                    if ia >= 0:
                        self.take_swing(ia)
                        return said | self.complete()
            if self.concentric_first or u - self.v.u > ALIKE * left or self.deep - self.v.u > ALIKE * left:
                self.above_k = k
                self.deep = self.v.u
        else:
            self.above_k = k
        if fabs(w) < self.v0:
            still = k - self.still_k > min(self.rest, self.gap)
            if still and found and self.state == OPEN:
                self.find(now)  # from where it was left, not from a hold
            # near the bottom for as long as a set is over, it lies there, whoever touches it now and then
            if (still and k - self.still_k > self.rest_timeout(found)) or k - self.above_k > self.gap:
                said |= self.trim(k, u)
        return said

    cdef long long rest_timeout(self, bint found) noexcept nogil:
        """How long the motion may rest: as a pause between reps where one is going on, else as no pause is."""
        cdef double left = self.a.u - self.v.u
        if self.state != OPEN:
            return self.gap
        # At the bottom of a rep or on the way up, unless a lift has failed; or, where no cell feels the lifter hold it,
        # the bar is deeper than the reps, or where it was picked up.
        if self.concentric_first or not found or self.sank or left < self.least(self.a.u):
            return self.rest
        if self.carried >= CARRIED:
            return self.gap
        if self.range_count > 1 and left > TO_THE_FLOOR * self.range_ref:
            return self.rest
        if not fabs(self.v.u - self.floor) < ALIKE * left:
            return self.dwell
        if not fabs(left - self.range_ref) < ALIKE * left:
            return self.rest
        return max(self.rest, min(LONGER * self.rested, self.dwell))  # where its reps turn a set has a habit

    cdef int complete(self) noexcept nogil:
        """The candidate stands as it is; what follows starts from its return."""
        cdef int said = self.on(STANDS)
        said |= self.discard(self.before(self.a.k), self.a)
        self.leave_out(self.before(self.b.k if self.has_b else self.v.k))
        self.rested = max(self.rested, self.v.rested)
        return said

    cdef int trim(self, long long k, double u) noexcept nogil:
        """The motion has rested: keep the first rep that is one; if there is none, forget it all."""
        cdef Turn now = self.low if self.direction < 0 else self.top
        cdef int said
        cdef int ia = -1
        cdef double left, right, wanted
        if self.find(now) and not self.asymmetric():
            self.leave_from_hold(True)
            wanted = self.expected()
            left = self.a.u - self.v.u
            right = self.b.u - self.v.u if self.has_b else 0.0
            if self.sank and self.state == OPEN and not self.concentric_first and right < RETURN * wanted:
                self.v = self.failed_v
                self.b = self.failed_b
                self.has_b = True
                right = self.b.u - self.v.u
                self.floor = self.v.u  # where it is now put down
            elif right < RETURN * wanted:
                ia = self.alike(2, now)
                if ia >= 0:
                    self.take_swing(ia)
                    return self.complete()
            if self.state != OPEN and (self.has_b or self.concentric_first) or (
                left >= self.limit
                and right >= max(self.least(self.a.u), (RETURN if self.concentric_first else PROMINENCE) * left)
            ):
                self.has_b = self.has_b and not (self.concentric_first and right < RETURN * wanted)
                return self.complete()
        said = self.discard(self.n, now) | self.on(ENDED)
        self.begin(k, u)
        return said

    cdef bint slowed(self, long long k, double s, double s_before) noexcept nogil:
        """Whether the motion has all but ended at grid sample k, three after `s_before`."""
        cdef double mean
        if self.n == 0:
            return False
        mean = fabs(self.sign * s - self.turns[self.n - 1].u) / (k - self.turns[self.n - 1].k)
        return fabs(s - s_before) < LAST_SPEED * mean * 3.0

    cdef int flush(self, long long k) noexcept nogil:
        """The stream breaks off here: what is complete stands, a rep a call; after the last the rest is forgotten."""
        cdef int said = NOTHING
        cdef int i
        if self.n:
            said = self.trim(k, 0.0)
            if said & COMPLETE:
                return said
        self.fresh = True
        self.floor = NAN
        self.still_k = -1
        self.first_k = -1
        for i in range(SLOWING):
            self.rates[i] = NAN
        return said
