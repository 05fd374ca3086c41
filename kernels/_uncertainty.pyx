"""How sure each number of a rep is: standard uncertainties, propagated to first order (JCGM 100:2008, 5.1.2).

What is uncertain is measured on the rep itself or follows from how it was read; nothing is fitted to a simulator.

noise       of rate and place: kernels._noise.
smoothing   of a place or a peak: bias goes with h⁴ where the motion is smooth (local cubic fits: Fan & Gijbels 1996,
            3.2), and in place with h at a corner, so a second smoother of another h tells how large it is. A turn is
            between: with h² it is told within two and a half either way.
sampling    between samples D apart a straight line errs by a D² / 12 in the mean, and its slope by j D² / 12; in a gap
            a boundary, which is read at one of its ends, lies anywhere with equal chance: D / sqrt(3)
            (JCGM 100:2008, 4.3.7).
resolution  q / sqrt(12) where the reading stands still, less where noise dithers it: the mean error of a quantiser goes
            with exp(-2 pi² sigma² / q²) (Widrow & Kollar 2008, 4.3).
boundary    read where the rate passes w on the way v = c tau², whose slope there is 2 (sqrt 3 - 1) w / (t3 - t1), and
            carried on by C (t3 - t1): sigma² = (1 + C)² sigma1² + C² sigma3². The slope is as unsure, relative, as
            noise n makes t3 - t1: each of the two is off by n over its slope, sqrt(1 + 1/3) / 2 (sqrt 3 - 1) n / w. How
            far out a smoother of half-width h puts it is told by a second one of share h: at a corner it goes with h,
            by the difference over share - 1. A smooth onset, whose third derivative or so jumps, goes with h³, by that
            over 1 + share + share² (a local cubic's rate, where nothing jumps, with h⁴: Fan & Gijbels 1996, 3.2).
common      scale, zero and survey err alike in every rep of a set, in its ranges and in its path by two tethers, and so
            does a height over one tether, which does not see how far the bar strays: a term of its own.
"""

cimport cython
from libc.math cimport NAN, exp, fabs, isnan, sqrt

from kernels._motion cimport BRIDGE_S
from kernels._noise cimport Noise, farthest_of, unlike
from kernels._phases cimport CARRIED_S, Phases
from kernels._smooth cimport LEAST_HALF, MAX_HALF, Moment, moment, smoother
from kernels._survey cimport by_one_tether, by_two_tethers
from kernels._window cimport (
    GRID_HZ,
    MASK,
    PULLEY,
    RING,
    TENSION,
    TRAVEL,
    TWO_TETHERS,
    Edge,
    Measures,
    Span,
    Window,
)

cdef double GRID_S = 1.0 / GRID_HZ
# A peak that is uncertain by more than this of itself rests on readings that are not the motion: spikes that nobody can
# tell from it between the samples of a slow sensor, or a gap. A mean has the lift's ends, which a gap may hide: it is
# rough from a fifth on, and beyond a third not bounded.
cdef double BOUNDED = 0.2
cdef double MEAN_BOUNDED = 1.0 / 3.0
cdef double ROOT3 = sqrt(3.0)
cdef double APART_NOISE = sqrt(1.0 + 1.0 / 3.0) / (2.0 * (sqrt(3.0) - 1.0))
cdef double PI = 3.141592653589793


cdef double between(Unsure first, Unsure last) noexcept nogil:
    """Of the time between two boundaries: what puts both farther out, or both farther in, adds up."""
    cdef double outward = first.outward + last.outward
    return sqrt(first.chance * first.chance + last.chance * last.chance + outward * outward)


cdef double whole(Unsure one) noexcept nogil:
    return sqrt(one.chance * one.chance + one.outward * one.outward)


cdef void unseen(Measures* m) noexcept nogil:
    """The lengths of the lift cannot be bounded: no number says them. `size` stays, for the rep counts by it."""
    m.size_sigma = NAN
    m.mean_concentric_velocity_mps = NAN
    m.mean_concentric_velocity_sigma_mps = NAN
    m.peak_concentric_velocity_mps = NAN
    m.peak_concentric_velocity_sigma_mps = NAN
    m.mean_propulsive_velocity_mps = NAN
    m.mean_power_w = NAN
    m.peak_power_w = NAN
    m.work_j = NAN
    m.path_deviation_m = NAN
    m.path_drift_m = NAN
    m.path_deviation_sigma_m = NAN


@cython.final
cdef class Uncertainty:
    """Standard uncertainties of one rep's numbers, from the window that they were measured in.

    Parameters
    ----------
    layout : int
        Which sensors the station has (kernels.LAYOUTS).
    phases : Phases
        Holds the smoothed window.
    noise : Noise
        Of it, heard.
    sigma_anchor, sigma_zero : float
        Of each coordinate of a surveyed anchor, and of a length's zero, m.
    sigma_scale : float
        Of the length's scale (drum, travel ratio), relative.
    stray : float
        How far a bar may go to the front or the back in a rep, m.

    Its `anchors` are set by whoever places the grid by them. `below_reel`: whether the latest rep was lower than a bar
    can hang, so that a zero is off.
    """

    def __init__(
        self,
        int layout,
        Phases phases,
        Noise noise,
        double sigma_anchor,
        double sigma_zero,
        double sigma_scale,
        double stray,
    ):
        self.layout = layout
        self.phases = phases
        self.noise = noise
        self.sigma_anchor = sigma_anchor
        self.sigma_zero = sigma_zero
        self.sigma_scale = sigma_scale
        self.stray = stray

    cdef void weigh(self, Window* window, Span down, Span up, Measures* m) noexcept nogil:
        """Fill in the uncertainties of measured numbers; NaN where the number is."""
        cdef int i0 = self.phases.index(m.concentric_start_s)
        cdef int i1 = self.phases.index(m.concentric_end_s)
        cdef int lowest = i0
        cdef int fastest = i0
        cdef int i, count, first, last
        cdef const double* place = self.phases.place
        cdef const double* rate = self.phases.rate
        cdef double seconds = m.concentric_end_s - m.concentric_start_s
        cdef bint lowered = m.eccentric_s == m.eccentric_s
        cdef double mcv = m.mean_concentric_velocity_mps
        cdef double pcv = m.peak_concentric_velocity_mps
        cdef double top, start, bottom, common, late, early, bend, limit
        cdef Unsure down_start, down_end, up_start, up_end
        # of the smoothest way there: 5.77 D / T², its peak speed being 1.875 D / T (Flash & Hogan 1985)
        self.hardest = 5.77 / (1.875 * 1.875) * pcv * pcv / m.size
        down_start = self.boundary(window, down.start_s, &down.start)
        down_end = self.boundary(window, down.end_s, &down.end)
        up_start = self.boundary(window, up.start_s, &up.start)
        up_end = self.boundary(window, up.end_s, &up.end)
        m.eccentric_sigma_s = between(down_start, down_end) if lowered else NAN
        m.concentric_sigma_s = between(up_start, up_end)
        m.bottom_pause_sigma_s = NAN
        m.top_pause_sigma_s = NAN
        m.start_sigma_s = whole(up_start)
        m.end_sigma_s = whole(up_end)
        if m.start_s < m.concentric_start_s:
            m.bottom_pause_sigma_s = between(down_end, up_start)
            m.start_sigma_s = whole(down_start)
        elif lowered:
            m.top_pause_sigma_s = between(up_end, down_start)
            m.end_sigma_s = whole(down_end)
        m.repaired_samples = self.repaired(window, m.start_s, m.end_s)

        first = self.phases.index(m.start_s)
        last = self.phases.index(m.end_s)
        limit = m.bottom
        for i in range(first, last + 1):
            if limit <= place[i] < place[lowest]:
                lowest = i
        for i in range(i0, i1 + 1):
            if rate[i] > rate[fastest]:
                fastest = i
        common = self.common(window, m, i1, lowest)
        top = self.of_place(window, i1)
        start = self.of_place(window, i0)
        bottom = self.of_place(window, lowest)
        # The lowest of n places as low; nearer ones say the same: within a quarter of a tremor's period, or half of the
        # smoother's half-width.
        count = 0
        limit += 2.0 * bottom
        for i in range(first, last + 1):
            count += place[i] < limit
        bottom *= sqrt(farthest_of(count / self.noise.dwell()))
        late = self.phases.rate[i1] * whole(up_end)
        # where the rep ends or begins on the way, its lowest place hangs on when
        early = self.phases.rate[lowest] * max(whole(up_start), whole(down_end) if lowered else 0.0)
        bottom = bottom * bottom + early * early
        m.size_sigma = sqrt(top * top + bottom + late * late + common * common * m.size * m.size)
        up_end.chance *= mcv - self.phases.rate[i1]
        up_end.outward *= mcv - self.phases.rate[i1]
        up_start.chance *= mcv - self.phases.rate[i0]
        up_start.outward *= mcv - self.phases.rate[i0]
        late = between(up_start, up_end)
        start = (late * late + start * start + top * top) / (seconds * seconds)
        m.mean_concentric_velocity_sigma_mps = sqrt(start + common * common * mcv * mcv)
        i = max(self.noise.lag, min(fastest, self.phases.n - 1 - self.noise.lag))
        bend = self.phases.rate[i - self.noise.lag] + self.phases.rate[i + self.noise.lag]
        bend = fabs(bend - 2.0 * self.phases.rate[i])
        bend *= self.noise.interval(window, fastest) * GRID_HZ / self.noise.lag
        bend *= self.noise.interval(window, fastest) * GRID_HZ / self.noise.lag / 12.0
        top = self.ticks(window, fastest, pcv)
        start = self.bias(window, fastest, True)
        top = top * top + start * start + bend * bend
        m.peak_concentric_velocity_sigma_mps = sqrt(top + common * common * pcv * pcv)
        if self.layout == TENSION:
            return
        self.below_reel = isnan(common)
        if self.below_reel:
            unseen(m)
            m.mean_eccentric_velocity_mps = NAN
            m.peak_eccentric_velocity_mps = NAN
        elif m.peak_concentric_velocity_sigma_mps > BOUNDED * pcv:
            unseen(m)
        elif m.mean_concentric_velocity_sigma_mps > MEAN_BOUNDED * mcv:
            m.mean_concentric_velocity_mps = NAN
            m.mean_concentric_velocity_sigma_mps = NAN
            m.mean_propulsive_velocity_mps = NAN

    cdef double of_place(self, Window* window, int i) noexcept nogil:
        """Of the smoothed place at sample i of the window: noise, smoothing and resolution."""
        cdef double rate = self.noise.of_rate(window, i)
        cdef double noise = self.noise.of_place(window, i)
        cdef double bias = self.bias(window, i, False)
        cdef double q = window.ratio * window.closings[min(self.phases.first + i, window.newest) & MASK].quantum
        cdef double stuck = q / sqrt(12.0) * exp(-2.0 * PI * PI * rate * rate / (self.noise.gains.rate * q * q))
        cdef double between = self.noise.interval(window, i)
        # in a gap the way may have gone out and come back
        if between > BRIDGE_S:
            between *= 0.125 * self.hardest * between
        else:
            between = 0.0
        return sqrt(noise * noise + bias * bias + stuck * stuck + between * between)

    cdef double ticks(self, Window* window, int i, double speed) noexcept nogil:
        """Of the smoothed rate at sample i of the window, for the resolution: steps q / speed apart, each off by up to
        half of q, as if they were samples."""
        cdef double q = window.ratio * window.closings[min(self.phases.first + i, window.newest) & MASK].quantum
        cdef double rate = self.noise.of_rate(window, i)
        cdef double square = smoother(self.phases.half).rate_square * q * q / 12.0
        square *= min(max(1.0, q / speed * GRID_HZ), 2.0 * self.phases.half)
        square *= exp(-4.0 * PI * PI * rate * rate / (self.noise.gains.rate * q * q))
        return sqrt(max(rate * rate, square))

    cdef double bias(self, Window* window, int i, bint of_rate) noexcept nogil:
        """What smoothing takes off the rate or the place at sample i of the window, by a second smoother."""
        cdef long long k = self.phases.first + i
        cdef int half = <int>min(self.phases.half, window.newest - k)
        cdef int other = half + max(1, half // 3)
        cdef double share, off, white, tremor
        cdef Moment here, there
        if half <= LEAST_HALF:
            return 0.0
        if other > MAX_HALF or other > window.newest - k:
            other = half - max(1, half // 3)
        here = moment(window.s, smoother(half), half, k)
        there = moment(window.s, smoother(other), other, k)
        share = <double>other / half
        share *= share
        white = self.noise.scatter(window, i) * self.noise.gains.place / smoother(self.phases.half).place_square
        tremor = self.noise.tremor * self.noise.gains.shaken_raw  # of the window: a turn looks like more
        if of_rate:
            share *= share
            off = there.rate - here.rate
            white = unlike(smoother(half).rate, smoother(other).rate, half, other, True, white, tremor)
        else:
            off = there.place - here.place
            white = unlike(smoother(half).place, smoother(other).place, half, other, False, white, tremor)
        off = off * off - white
        return sqrt(off) / fabs(share - 1.0) if off > 0.0 else 0.0

    cdef Unsure boundary(self, Window* window, double at_s, const Edge* edge) noexcept nogil:
        """Of the time of a boundary."""
        cdef Unsure found
        cdef int i
        cdef double slope, early, line, wider, inner, own
        cdef double apart = fabs(edge.through_s - edge.read_s)
        cdef double onward = 0.0
        cdef double late = 0.0
        found.chance = CARRIED_S  # not read, because the stream began or ended there: it is as near as any is carried
        found.outward = 0.0
        if isnan(at_s) or isnan(edge.read_s):
            return found
        i = self.phases.index(edge.read_s)
        line = self.noise.interval(window, i)
        if isnan(apart):
            slope = fabs(self.phases.rate[min(i + 2, self.phases.n - 1)] - self.phases.rate[max(i - 2, 0)])
            slope /= 4.0 * GRID_S
            line /= sqrt(12.0)
        else:
            apart = max(apart, GRID_S)
            slope = 2.0 * (ROOT3 - 1.0) * edge.level / apart
            onward = fabs(at_s - edge.read_s) / apart
            late = onward * self.ticks(window, self.phases.index(edge.through_s), 3.0 * edge.level) / (ROOT3 * slope)
            # a line between slow samples widens what is smoothed
            wider = line / (self.phases.half * GRID_S) if line > 2.0 * GRID_S else 0.0
            found.outward = edge.left_s * (1.0 + wider)
            if line > BRIDGE_S:
                line = (line + fabs(at_s - edge.read_s)) / ROOT3  # it was read at an end of the gap
            else:
                # a line of D spreads a motion by D² / 6; a cell's conversions are means over D, D² / 12 more
                line *= line * (1.5 if self.layout == TENSION else 1.0) * (ROOT3 - 1.0) / (12.0 * apart)
                found.outward += (1.0 + onward) * min(self.noise.interval(window, i) / sqrt(12.0), line)
                line = 0.0
        early = self.ticks(window, i, edge.level)
        own = early * self.noise.gains.steep / slope
        if not isnan(edge.through_s):
            own = APART_NOISE * early / edge.level
        slope = self.sure_slope(i, edge, slope, own)
        early = (1.0 + onward) * max(early / slope, self.shoulder(i, edge.level, early))
        early = early * early + late * late + line * line + edge.blur_s * edge.blur_s / 12.0
        # no corner: a ring that begins there, say
        inner = edge.smooth * min(0.0, edge.blunt_s)
        early += inner * inner
        found.chance = sqrt(early)
        return found

    cdef double sure_slope(self, int i, const Edge* edge, double slope, double own) noexcept nogil:
        """The slope of the rate at sample i, where it passes its level; `own`: how unsure it is for noise, relative.

        As much of its square as is noise's own is what it is on the whole way to the phase's peak.
        """
        cdef const double* rate = self.phases.rate
        cdef int n = self.phases.n
        cdef double sign = 1.0 if rate[i] > 0.0 else -1.0
        cdef double level = edge.level
        cdef double most = sign * rate[i]
        cdef double whole, speed
        cdef int peak = i
        cdef int step, j
        for step in range(-1, 2, 2):
            j = i
            while 0 <= j < n:
                speed = sign * rate[j]
                if not speed > -level:
                    break
                if speed > most:
                    most, peak = speed, j
                j += step
        whole = (most - level) / (max(1, abs(peak - i)) * GRID_S)
        if not 0.0 < whole < slope:
            return slope
        own = min(1.0, own * own)
        return 1.0 / sqrt((1.0 - own) / (slope * slope) + own / (whole * whole))

    cdef double shoulder(self, int i, double level, double noise) noexcept nogil:
        """Half the time near sample i for which the speed lies within its noise of a level, s."""
        cdef int first = i
        cdef int last = i
        noise = min(noise, 0.5 * level)  # a rest is none
        while first > 0 and fabs(fabs(self.phases.rate[first]) - level) < noise:
            first -= 1
        while last < self.phases.n - 1 and fabs(fabs(self.phases.rate[last]) - level) < noise:
            last += 1
        return 0.5 * max(0, last - first - 2) * GRID_S

    cdef double common(self, Window* window, Measures* m, int top, int bottom) noexcept nogil:
        """Of every length of the set, relative: scale, and what survey, zero and stray turn the range by."""
        cdef double turned = 0.0
        cdef double high = window.x[(self.phases.first + top) & MASK]
        cdef double low = window.x[(self.phases.first + bottom) & MASK]
        if self.layout == TWO_TETHERS and high == high and low == low:
            turned = by_two_tethers(
                high, m.top, low, m.bottom, &self.anchors, self.sigma_anchor, self.sigma_zero, 0.0, False
            )
        elif self.layout != TRAVEL and self.layout != PULLEY and self.layout != TENSION:
            turned = by_one_tether(
                high, m.top, low, m.bottom, &self.anchors, self.sigma_anchor, self.sigma_zero, self.stray
            )
        turned /= m.size
        return sqrt(self.sigma_scale * self.sigma_scale + turned * turned)

    cdef void weigh_path(self, Window* window, int at, Measures* m) noexcept nogil:
        """Add what survey, zeros and scales make of a path by two tethers, farthest at sample `at` of the window."""
        cdef long long start = (self.phases.first + self.phases.index(m.start_s)) & MASK
        cdef long long far = (self.phases.first + at) & MASK
        cdef double common
        if self.layout == TWO_TETHERS and m.path_deviation_sigma_m == m.path_deviation_sigma_m:
            common = by_two_tethers(
                window.x[far],
                window.s[far],
                window.x[start],
                window.s[start],
                &self.anchors,
                self.sigma_anchor,
                self.sigma_zero,
                self.sigma_scale,
                True,
            )
            m.path_deviation_sigma_m = sqrt(m.path_deviation_sigma_m * m.path_deviation_sigma_m + common * common)

    cdef int repaired(self, Window* window, double start_s, double end_s) noexcept nogil:
        """How many of the leading channel's samples between two times were not used as they came."""
        cdef long long last = min(<long long>(end_s * GRID_HZ), window.newest)
        cdef long long first = max(<long long>(start_s * GRID_HZ) - 1, last - RING + 1, 0)
        return <unsigned short>(window.closings[last & MASK].repaired - window.closings[first & MASK].repaired)
