"""One rep's numbers, by the definitions in the README, from the grid around it."""

cimport cython
from libc.math cimport NAN, fabs, isnan

from kernels.results import Measured

from kernels._noise cimport Noise
from kernels._path cimport PathMeter
from kernels._phases cimport Phases
from kernels._smooth cimport LADDER, LEAST_HALF, MAX_HALF, extremes, half_width, known
from kernels._swings cimport TENSION_V0, TO_THE_FLOOR, ZONE
from kernels._uncertainty cimport Uncertainty
from kernels._window cimport (
    GRID_HZ,
    MARGIN,
    MASK,
    PULLEY,
    RING,
    STRETCH,
    TENSION,
    TRAVEL,
    Measures,
    Span,
    Window,
)

cdef double GRID_S = 1.0 / GRID_HZ
cdef double G_MPS2 = 9.80665        # standard gravity, CGPM 1901
# Let go, a bar gains 2 g d of v² over a way d; one that hands follow gains least of it in the middle third, where it
# is fastest and about to be braked. The floor's blow reaches back by the smoother's half-width, so the last third is
# not asked.
cdef double FALLING = 0.6           # of 2 g d
# A phase of 0.5 s, as fast as lifters get, takes 0.18 s through the middle 70 % of its range; a knock's 0.15 s
# takes half of that. Measured on the place, so that noise in the velocity does not matter.
cdef double MIDDLE_S = 0.12
# Several knocks that run into each other take longer. Where the cell of a cable feels no pull, what is quicker than
# that phase is a touch: from rest to rest the mean pull is the load's weight, the lightest plate pulls with 25 N at
# a 2:1 stack, and a cell's zero drifts by 10 N while it warms up. What is slower counts: the cell may be out of order.
cdef double UNFELT_MIDDLE_S = 0.18
cdef double LEAST_PULL_N = 15.0


@cython.final
cdef class Meter:
    """Measure candidates.

    Parameters
    ----------
    layout : int
        Which sensors the station has (kernels.LAYOUTS).
    concentric_first, free_weight : bool
    free_length_m, pulley_efficiency : float
        Of a cable; NaN where there is none.
    sigma_anchor, sigma_zero, sigma_scale, stray : float
        Of what is common to a set, as of Uncertainty.
    """

    def __init__(
        self,
        int layout,
        bint concentric_first,
        bint free_weight,
        double free_length_m,
        double pulley_efficiency,
        double sigma_anchor,
        double sigma_zero,
        double sigma_scale,
        double stray,
    ):
        self.layout = layout
        self.concentric_first = concentric_first
        self.free_weight = free_weight
        self.phases = Phases(layout == TENSION)
        self.noise = Noise(self.phases)
        self.way = PathMeter(layout, self.phases, self.noise, free_length_m, pulley_efficiency)
        self.sure = Uncertainty(layout, self.phases, self.noise, sigma_anchor, sigma_zero, sigma_scale, stray)

    cdef bint measure(
        self,
        Window* window,
        long long a,
        long long v,
        long long b,
        double v0,
        double load,
        bint final,
        Measures* m,
    ) noexcept nogil:
        """Measure one candidate that leaves at a, turns at v and returns at b (b < 0: it does not return).

        `final`: nothing that follows changes it.

        Returns False where the grid does not hold it or a phase is too short to be a lifter's.
        """
        cdef long long first = a - MAX_HALF  # a slow start is under way before the grammar sees a top
        cdef long long seen = window.newest - (half_width(0) if final else LEAST_HALF)
        cdef long long last = min((b if b >= 0 else v) + MARGIN, seen)
        cdef long long oldest = window.newest - RING + STRETCH + 2 * half_width(LADDER - 1)
        cdef int i, i0, i1, ia, iv, ib
        cdef double before, turn, after, low, high
        cdef Span away, back
        cdef double sign = -1.0 if self.concentric_first else 1.0
        cdef bint anew
        if first < oldest:
            first = oldest
        if first < 0:
            first = 0
        a = max(a, first)
        v = min(v, last)
        if a >= v:
            return False
        if self.knocked(window, a, v, min(b, last)):
            return False
        anew = final or not self.phases.settled
        self.phases.settle(window, first, last, final)
        if anew:
            self.noise.listen(window)
        else:
            self.noise.forget()  # a pending rep takes the last noise as it is, for it is measured again
        m.smoothing_s = self.phases.half * GRID_S
        ia = <int>(a - first)
        iv = <int>(v - first)
        ib = <int>(min(b, last) - first) if b >= 0 else self.phases.n - 1
        if not known(self.phases.rate, self.phases.n):
            for i in range(self.phases.n):
                if isnan(self.phases.rate[i]):
                    # the grid's own beginning or a break: the rep is measured from where the signal is whole
                    if i <= iv:
                        ia = max(ia, i + 1)
                    else:
                        ib = min(ib, i - 1)
        if ia >= iv or iv > ib:
            return False
        i0 = 0
        while i0 < ia and isnan(self.phases.rate[i0]):
            i0 += 1
        i1 = min(ib + MARGIN, self.phases.n - 1)
        while i1 > ib and isnan(self.phases.rate[i1]):
            i1 -= 1
        # extremes of the part left, of the turn, and of the part returned to
        extremes(self.phases.place + i0, iv + 1 - i0, &low, &high)
        before = high if sign > 0.0 else -low
        extremes(self.phases.place + ia, ib + 1 - ia, &low, &high)
        turn = low if sign > 0.0 else -high
        extremes(self.phases.place + iv, i1 + 1 - iv, &low, &high)
        after = max(turn, high if sign > 0.0 else -low)
        if b >= 0:
            # Walking out before the first rep and letting go after the last go farther than the reps do. A rep leaves
            # and returns to the nearer of the two ends; where it did not rest there, the farther one is found anyway.
            before = min(before, after)
            after = before
        if self.layout == TENSION:
            v0 = TENSION_V0 * (v0 if v0 > 0.0 else before - turn)
        away = self.phases.phase(window, i0, min(iv + MARGIN, i1), -sign, v0, sign * before, sign * turn, before - turn)
        back.start_s = NAN
        back.end_s = NAN
        if b >= 0:
            i0 = max(iv - MARGIN, i0)
            back = self.phases.phase(window, i0, i1, sign, v0, sign * turn, sign * after, after - turn)
        # a lift is announced as it ends, before all of it is seen
        if not final and self.concentric_first and isnan(away.end_s):
            away.end_s = self.phases.ending(v0)
        if not final and not self.concentric_first and isnan(back.end_s):
            back.end_s = self.phases.ending(v0)
        if isnan(away.end_s):
            away.end_s = (window.newest - self.phases.half if b < 0 else v + 0.5) * GRID_S
        if self.concentric_first:
            return self.lift_first(window, away, back, load, m)
        return self.lower_first(window, away, back, load, m)

    cdef bint knocked(self, Window* window, long long a, long long v, long long b) noexcept nogil:
        """Whether the way from a to v, or on to b, is too quick for a lifter; a lift may be let fall."""
        cdef bint cable = self.layout == PULLEY or self.layout == TRAVEL
        if self.hasty(window, v, a, -1, cable and self.concentric_first):
            return True
        return not self.concentric_first and b > v and self.hasty(window, v, b, 1, cable)

    cdef bint hasty(self, Window* window, long long turn, long long end, int step, bint cable) noexcept nogil:
        """Whether the middle of the range between a turn and an end took less than MIDDLE_S; `cable`: it is a lift
        whose pull a cell may feel."""
        cdef const double* ring = window.announced
        cdef double low = ring[turn & MASK]
        cdef double size = ring[end & MASK] - low
        cdef double share, seconds
        cdef long long inner = -1
        cdef long long k = turn
        while k != end:
            k += step
            share = (ring[k & MASK] - low) / size
            if inner < 0 and share > ZONE:
                inner = k
            if share >= 1.0 - ZONE:
                seconds = (k - inner) * step * GRID_S
                if cable and seconds < UNFELT_MIDDLE_S and self.unfelt(window, min(inner, k), max(inner, k)):
                    return True
                return seconds < MIDDLE_S
        return False

    cdef bint unfelt(self, Window* window, long long first, long long last) noexcept nogil:
        """Whether a cell's mean pull between two grid samples is none; False where it was not read."""
        cdef double total = 0.0
        cdef long long k
        for k in range(first, last + 1):
            total += window.force[k & MASK] if k <= window.felt else NAN
        return total < LEAST_PULL_N * (last + 1 - first)

    cdef bint lower_first(self, Window* window, Span down, Span up, double load, Measures* m) noexcept nogil:
        if isnan(up.start_s):
            return False
        if isnan(up.end_s):
            up.end_s = (self.phases.first + self.phases.n - 0.5) * GRID_S
        if not up.end_s > up.start_s:
            return False
        if not (down.start_s < down.end_s < up.end_s and down.start_s < up.start_s):
            # where all is noise, phases may not follow each other: then nobody saw it lowered
            down.start_s = min(down.start_s, up.start_s)
            down.end_s = up.start_s
            down.whole = False
        m.start_s = down.start_s
        m.eccentric_end_s = down.end_s
        # the stream may have begun, or come back, in the middle of it
        m.eccentric_s = down.end_s - down.start_s if down.whole else NAN
        m.concentric_start_s = up.start_s
        m.concentric_end_s = up.end_s
        m.end_s = up.end_s
        m.bottom_pause_s = max(0.0, up.start_s - down.end_s)
        m.top_pause_s = NAN
        self.lift(window, down, up, load, m)
        return True

    cdef bint lift_first(self, Window* window, Span up, Span down, double load, Measures* m) noexcept nogil:
        # where all is noise, phases may not follow each other; NaN where it was not seen
        cdef bint dropped = not (up.start_s < down.start_s < down.end_s and up.end_s < down.end_s)
        dropped = dropped or (self.free_weight and self.falls(down))
        if not up.end_s > up.start_s:
            return False
        m.start_s = up.start_s
        m.concentric_start_s = up.start_s
        m.concentric_end_s = up.end_s
        m.bottom_pause_s = NAN
        if dropped:
            down.start_s = NAN
            down.end_s = NAN
        m.eccentric_end_s = down.end_s
        m.end_s = up.end_s if dropped else down.end_s
        m.eccentric_s = down.end_s - down.start_s
        m.top_pause_s = down.start_s - up.end_s
        if m.top_pause_s < 0.0:
            m.top_pause_s = 0.0  # not max(): NaN stays
        self.lift(window, down, up, load, m)
        return True

    cdef bint falls(self, Span down) noexcept nogil:
        """Whether what goes down is in free fall: its v² grows with the way as gravity has it."""
        cdef int i
        cdef int i0 = self.phases.index(down.start_s)
        cdef int i1 = self.phases.index(down.end_s)
        cdef double top = self.phases.place[i0]
        cdef double way = top - self.phases.place[i1]
        cdef double energy = NAN
        cdef double since = 0.0
        cdef double gone
        for i in range(i0, i1 + 1):
            gone = top - self.phases.place[i]
            if isnan(energy) and 3.0 * gone >= way:
                energy = self.phases.rate[i] * self.phases.rate[i]
                since = gone
            if 3.0 * gone >= 2.0 * way:
                energy = self.phases.rate[i] * self.phases.rate[i] - energy
                return energy > FALLING * 2.0 * G_MPS2 * (gone - since)
        return False

    cdef void lift(self, Window* window, Span down, Span up, double load, Measures* m) noexcept nogil:
        """Everything that is measured inside the two phases."""
        cdef int i, i0, i1, at
        cdef double t_end, reached, a, a_before, lowest, read
        # where a boundary was moved inward, the place is the one that the motion rests at
        cdef double start = self.phases.place_at(up.start_s - up.start.inward_s)
        i0 = self.phases.index(up.start_s)
        i1 = self.phases.index(up.end_s)
        # the lowest place: at the turn of an eccentric-first rep it may be before the concentric starts
        m.bottom = start
        read = window.s[(self.phases.first + i0) & MASK]
        for i in range(self.phases.index(down.end_s) if not self.concentric_first else i0, i1 + 1):
            m.bottom = min(m.bottom, self.phases.place[i])
            read = min(read, window.s[(self.phases.first + i) & MASK])
        # a smoother goes too low where the load is stopped dead: nowhere was it lower than the lowest reading
        m.bottom = max(m.bottom, read)
        start = max(start, read)
        m.top = self.phases.place_at(up.end_s - up.end.inward_s)
        if self.concentric_first and not isnan(m.eccentric_s):
            lowest = m.bottom
            for i in range(i1, self.phases.index(down.end_s) + 1):
                lowest = min(lowest, self.phases.place[i])
            if m.top - lowest <= TO_THE_FLOOR * (m.top - m.bottom):
                m.bottom = lowest
        m.size = m.top - m.bottom
        m.concentric_s = up.end_s - up.start_s
        m.mean_concentric_velocity_mps = (m.top - start) / m.concentric_s
        m.peak_concentric_velocity_mps = self.phases.rate[i0]
        at = i0
        for i in range(i0, i1 + 1):
            if self.phases.rate[i] > m.peak_concentric_velocity_mps:
                m.peak_concentric_velocity_mps = self.phases.rate[i]
                at = i
        if i0 < at < self.phases.n - 1:
            m.peak_concentric_velocity_mps = self.phases.parabolic_peak(at)
        m.mean_propulsive_velocity_mps = NAN
        if self.free_weight:
            self.phases.accelerate(window, i0, i1)
            t_end = up.end_s
            reached = m.top
            a_before = 0.0
            for i in range(at, i1 + 1):
                a = self.phases.curve[i]
                if a <= -G_MPS2:
                    t_end = (self.phases.first + i + 0.5) * GRID_S
                    if i > at and a_before > a:
                        t_end -= GRID_S * (-G_MPS2 - a) / (a_before - a)
                    reached = self.phases.place_at(t_end)
                    break
                a_before = a
            m.mean_propulsive_velocity_mps = (reached - start) / (t_end - up.start_s)
        m.mean_eccentric_velocity_mps = NAN
        m.peak_eccentric_velocity_mps = NAN
        if not isnan(m.eccentric_s):
            m.mean_eccentric_velocity_mps = self.phases.place_at(down.start_s - down.start.inward_s)
            m.mean_eccentric_velocity_mps -= self.phases.place_at(down.end_s - down.end.inward_s)
            m.mean_eccentric_velocity_mps /= down.end_s - down.start_s
            m.peak_eccentric_velocity_mps = 0.0
            at = self.phases.index(down.start_s)
            for i in range(at, self.phases.index(down.end_s) + 1):
                if -self.phases.rate[i] > m.peak_eccentric_velocity_mps:
                    m.peak_eccentric_velocity_mps = -self.phases.rate[i]
                    at = i
            if 0 < at < self.phases.n - 1:
                m.peak_eccentric_velocity_mps = fabs(self.phases.parabolic_peak(at))
        self.force(window, load, i0, i1, up, m)
        self.way.path(window, m)
        self.sure.weigh(window, down, up, m)
        self.sure.weigh_path(window, self.way.farthest, m)

    cdef void force(
        self, Window* window, double load, int i0, int i1, Span up, Measures* m
    ) noexcept nogil:
        """Concentric force, power and work: from the load cell, or from an entered free weight."""
        cdef int i
        cdef int seen = 0
        cdef double f, total, power, work
        m.mean_force_n = NAN
        m.peak_force_n = NAN
        m.mean_power_w = NAN
        m.peak_power_w = NAN
        m.work_j = NAN
        total = 0.0
        work = 0.0
        for i in range(i0, i1 + 1):
            f = window.force[(self.phases.first + i) & MASK] if self.phases.first + i <= window.felt else NAN
            if isnan(f) and load > 0.0 and self.free_weight:
                f = load * (G_MPS2 + self.phases.curve[i])
            if isnan(f):
                continue
            power = f * self.phases.rate[i]
            if seen == 0 or f > m.peak_force_n:
                m.peak_force_n = f
            if seen == 0 or power > m.peak_power_w:
                m.peak_power_w = power
            total += f
            work += power
            seen += 1
        if seen * 5 < (i1 - i0 + 1) * 4:  # less than four fifths of the concentric was seen
            m.peak_force_n = NAN
            m.peak_power_w = NAN
            return
        m.mean_force_n = total / seen
        m.mean_power_w = work / seen
        m.work_j = m.mean_power_w * m.concentric_s
        if self.layout == TENSION:
            m.mean_power_w = NAN
            m.peak_power_w = NAN
            m.work_j = NAN


cdef object measured(str kind, long long index, double known_s, Measures* m):
    """What the measures say, by their own names, as the tuple of `results`."""
    cdef dict numbers = m[0]
    return Measured(kind, index, known_s, numbers)
