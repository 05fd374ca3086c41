"""How sure each number of a rep is: standard uncertainties, propagated to first order (JCGM 100:2008, 5.1.2).

What is uncertain is measured on the rep itself or follows from how it was read; nothing is fitted to a simulator.

noise       of the smoothed rate, near a place: the root mean square of its sixth differences over 50 ms, which see 7 to
            13 Hz and hardly any voluntary motion, over their gain for tremor; at least what the smoother
            leaves of what the readings scatter about the smoothed place, as if that were white.
place       the same times sqrt(sum of place taps² / sum of rate taps²).
smoothing   of a place or a peak: bias goes with h³ at an onset of v ~ tau², with h⁴ in rate where the motion is smooth
            (local cubic fits: Fan & Gijbels 1996, 3.2), so a second smoother of another h tells how large it is.
sampling    between samples D apart a straight line errs by a D² / 12 in the mean, and its slope by j D² / 12; in a gap
            a boundary, which is read at one of its ends, lies anywhere with equal chance: D / sqrt(3)
            (JCGM 100:2008, 4.3.7).
resolution  q / sqrt(12) where the reading stands still, less where noise dithers it: the mean error of a quantiser goes
            with exp(-2 pi² sigma² / q²) (Widrow & Kollar 2008, 4.3).
boundary    read where the rate passes w on the way v = c tau², whose slope there is 2 (sqrt 3 - 1) w / (t3 - t1), and
            carried on by C (t3 - t1): sigma² = (1 + C)² sigma1² + C² sigma3². A smoother of half-width h that is given
            ramps v ~ tau^p, p from 0 to 2, puts the boundary up to 0.4 h (0.2 h / tau1)³ too far out, tau1 being the
            (t3 - t1) / (sqrt 3 - 1) that it leaves; 0.2 h is the least that it can leave.
common      scale, zero and survey err alike in every rep of a set, and so does a height over one tether, which does not
            see how far the bar strays: a term of its own.
"""

cimport cython
from libc.math cimport NAN, exp, fabs, isnan, sqrt

import numpy as np

from kernels._smooth import design

from kernels._phases cimport Phases, middle
from kernels._smooth cimport LADDER, MAX_HALF, Moment, half_width, moment, smoother
from kernels._survey cimport one_tether, two_tethers
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
cdef enum:
    LEAST_LAG = 5   # grid samples between those of a sixth difference
    SLOWEST = 12    # grid samples between samples: 8 a second
    TELLING = 3     # where samples lie closer, what a tremor adds can be told from white noise
    STRIDE = 3      # nearer neighbours say the same
    NEAR = 4        # strides to either side that are near
# (2 sin(pi f lag))⁶ / 20 in the mean square from 8 to 15 Hz, where physiological tremor (8 to 12 Hz: Elble & Koller
# 1990) and a tether's slap lie; a narrow smoother makes 2.1 of white noise.
cdef double SIXTH_GAIN = 2.3
# A peak that is uncertain by more than this of itself rests on readings that are not the motion: spikes that nobody can
# tell from it between the samples of a slow sensor, or a gap.
cdef double BOUNDED = 0.2
cdef double GAP = 3.0           # times the usual time between samples
cdef double ROOT3 = sqrt(3.0)
cdef double PI = 3.141592653589793
# A boundary that was not read, because the stream began or ended there, lies within this.
cdef double UNREAD_S = 0.15


cdef Gains GAINS[LADDER][SLOWEST + 1]


def _fill():
    cdef int rung, spacing, lag
    for rung in range(LADDER):
        half = half_width(rung)
        place, rate, _ = design(half)
        left = -place
        left[half] += 1.0
        for spacing in range(1, SLOWEST + 1):
            line = 1.0 - np.abs(np.arange(1 - spacing, spacing)) / spacing
            lag = max(LEAST_LAG, spacing)
            sixth = np.zeros(6 * lag + 1)
            sixth[::lag] = np.array([1.0, -6.0, 15.0, -20.0, 15.0, -6.0, 1.0]) / 20.0
            rates = np.convolve(rate, line)
            GAINS[rung][spacing].place = np.sum(np.convolve(place, line) ** 2) / spacing
            GAINS[rung][spacing].rate = np.sum(rates**2) / spacing
            GAINS[rung][spacing].left = np.sum(np.convolve(left, line) ** 2) / spacing
            GAINS[rung][spacing].sixth = np.sum(np.convolve(rates, sixth) ** 2) / spacing


_fill()


cdef double part(const double* taps, const double* others, int half, int other) noexcept nogil:
    """What of white noise two smoothers differ by: sum of (taps - others)² over sum of taps²."""
    cdef int wide = max(half, other)
    cdef int i
    cdef double a, b
    cdef double square = 0.0
    cdef double total = 0.0
    for i in range(-wide, wide + 1):
        a = taps[i + half] if -half <= i <= half else 0.0
        b = others[i + other] if -other <= i <= other else 0.0
        square += a * a
        total += (a - b) * (a - b)
    return total / square


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
    sigma_anchor, sigma_zero : float
        Of each coordinate of a surveyed anchor, and of a length's zero, m.
    sigma_scale : float
        Of the length's scale (drum, travel ratio), relative.
    stray : float
        How far a bar may go to the front or the back in a rep, m.

    Its `anchors` are set by whoever places the grid by them.
    """

    def __init__(
        self,
        int layout,
        Phases phases,
        double sigma_anchor,
        double sigma_zero,
        double sigma_scale,
        double stray,
    ):
        self.layout = layout
        self.phases = phases
        self.sigma_anchor = sigma_anchor
        self.sigma_zero = sigma_zero
        self.sigma_scale = sigma_scale
        self.stray = stray
        self.apart = 1
        self.lag = LEAST_LAG
        self.anew = True

    cdef void weigh(self, Window* window, Span down, Span up, Measures* m) noexcept nogil:
        """Fill in the uncertainties of measured numbers; NaN where the number is."""
        cdef int i0 = self.phases.index(m.concentric_start_s)
        cdef int i1 = self.phases.index(m.concentric_end_s)
        cdef int lowest = i0
        cdef int fastest = i0
        cdef int i, count
        cdef double seconds = m.concentric_end_s - m.concentric_start_s
        cdef bint lowered = m.eccentric_s == m.eccentric_s
        cdef double mcv = m.mean_concentric_velocity_mps
        cdef double pcv = m.peak_concentric_velocity_mps
        cdef double down_start, down_end, up_start, up_end, top, start, bottom, common, late, early, bend
        if self.anew:
            self.listen(window)
        else:
            self.gains = &GAINS[self.rung()][self.apart]
            self.count = 0
        # of the smoothest way there: 5.77 D / T², its peak speed being 1.875 D / T (Flash & Hogan 1985)
        self.hardest = 5.77 / (1.875 * 1.875) * pcv * pcv / m.size
        down_start = self.boundary(window, down.start_s, &down.start)
        down_end = self.boundary(window, down.end_s, &down.end)
        up_start = self.boundary(window, up.start_s, &up.start)
        up_end = self.boundary(window, up.end_s, &up.end)
        m.eccentric_sigma_s = sqrt(down_start * down_start + down_end * down_end) if lowered else NAN
        m.concentric_sigma_s = sqrt(up_start * up_start + up_end * up_end)
        m.bottom_pause_sigma_s = NAN
        m.top_pause_sigma_s = NAN
        m.start_sigma_s = up_start
        m.end_sigma_s = up_end
        if m.start_s < m.concentric_start_s:
            m.bottom_pause_sigma_s = sqrt(down_end * down_end + up_start * up_start)
            m.start_sigma_s = down_start
        elif lowered:
            m.top_pause_sigma_s = sqrt(up_end * up_end + down_start * down_start)
            m.end_sigma_s = down_end
        m.repaired_samples = self.repaired(window, m.start_s, m.end_s)

        for i in range(self.phases.index(m.start_s), self.phases.index(m.end_s) + 1):
            if m.bottom <= self.phases.place[i] < self.phases.place[lowest]:
                lowest = i
        for i in range(i0, i1 + 1):
            if self.phases.rate[i] > self.phases.rate[fastest]:
                fastest = i
        common = self.common(window, m, i1, lowest)
        top = self.of_place(window, i1)
        start = self.of_place(window, i0)
        bottom = self.of_place(window, lowest)
        # The lowest of n places as low: the mean square of the least of n normal deviates is near 0.85 sqrt(n), from
        # 1.8 of five to 4.4 of thirty (order statistics); nearer places say the same.
        count = 0
        for i in range(self.phases.index(m.start_s), self.phases.index(m.end_s) + 1):
            count += self.phases.place[i] < m.bottom + 2.0 * bottom
        bottom *= sqrt(max(1.0, 0.85 * sqrt(2.0 * count / self.phases.half)))
        late = self.phases.rate[i1] * up_end
        m.size_sigma = sqrt(top * top + bottom * bottom + late * late + common * common * m.size * m.size)
        late = (mcv - self.phases.rate[i1]) * up_end
        early = (mcv - self.phases.rate[i0]) * up_start
        start = (late * late + early * early + start * start + top * top) / (seconds * seconds)
        m.mean_concentric_velocity_sigma_mps = sqrt(start + common * common * mcv * mcv)
        i = max(self.lag, min(fastest, self.phases.n - 1 - self.lag))
        bend = fabs(self.phases.rate[i - self.lag] - 2.0 * self.phases.rate[i] + self.phases.rate[i + self.lag])
        bend *= self.interval(window, fastest) * GRID_HZ / self.lag
        bend *= self.interval(window, fastest) * GRID_HZ / self.lag / 12.0
        top = self.of_rate(window, fastest)
        start = self.bias(window, fastest, True)
        top = top * top + start * start + bend * bend
        m.peak_concentric_velocity_sigma_mps = sqrt(top + common * common * pcv * pcv)
        if self.layout != TENSION and m.peak_concentric_velocity_sigma_mps > BOUNDED * pcv:
            unseen(m)

    cdef void listen(self, Window* window) noexcept nogil:
        """How noisy the window is: its sixth differences, and what it scatters about the smoothed place."""
        cdef const double* v = self.phases.rate
        cdef int i, lag
        cdef int count = 0
        cdef double d
        cdef double gain = SIXTH_GAIN
        self.typical_s = self.spacing(window)
        self.apart = max(1, min(<int>(self.typical_s * GRID_HZ + 0.5), <int>SLOWEST))
        lag = max(<int>LEAST_LAG, self.apart)
        self.gains = &GAINS[self.rung()][self.apart]
        if self.apart >= TELLING:
            gain = sqrt(self.gains.sixth / self.gains.rate)
        self.lag = lag
        self.count = 0
        i = 3 * lag
        while i < self.phases.n - 3 * lag:
            d = v[i - 3 * lag] + v[i + 3 * lag] - 6.0 * (v[i - 2 * lag] + v[i + 2 * lag])
            d = (d + 15.0 * (v[i - lag] + v[i + lag]) - 20.0 * v[i]) / (20.0 * gain)
            self.squares[self.count] = d * d
            self.row[count] = d * d
            self.count += 1
            count += d == d
            i += STRIDE
        self.rough = sqrt(middle(self.row, count)) / 0.6745 if count else 0.0
        count = 0
        i = 0
        while i < self.phases.n:
            d = fabs(window.s[(self.phases.first + i) & MASK] - self.phases.place[i])
            self.row[count] = d
            count += d == d
            i += STRIDE
        self.white = middle(self.row, count) / 0.6745 / sqrt(self.gains.left) if count else 0.0

    cdef int rung(self) noexcept nogil:
        """Where on the ladder the window's smoother stands."""
        cdef int i
        for i in range(LADDER):
            if half_width(i) >= self.phases.half:
                return i
        return LADDER - 1

    cdef double spacing(self, Window* window) noexcept nogil:
        """The mean time between samples of the leading channel in the window; a bin of the grid at least, s."""
        cdef long long last = min(self.phases.first + self.phases.n - 1, window.newest)
        cdef long long k
        cdef double since = window.closings[self.phases.first & MASK].time_s
        cdef double now = since
        cdef int count = 0
        for k in range(self.phases.first + 1, last + 1):
            if window.closings[k & MASK].time_s != now:
                now = window.closings[k & MASK].time_s
                count += 1
        return (now - since) / count if count else GRID_S

    cdef double interval(self, Window* window, int i) noexcept nogil:
        """The longest time between samples that the smoothed values at sample i of the window rest on, s."""
        cdef long long first = max(self.phases.first + i - self.phases.half, 1)
        cdef long long last = min(self.phases.first + i + self.phases.half, window.newest)
        cdef long long k
        cdef double longest = 0.0
        cdef double since = window.closings[(first - 1) & MASK].time_s
        for k in range(first, last + 1):
            if window.closings[k & MASK].time_s != since:
                longest = max(longest, window.closings[k & MASK].time_s - since)
                since = window.closings[k & MASK].time_s
        return longest

    cdef double of_rate(self, Window* window, int i) noexcept nogil:
        """The noise of the smoothed rate at sample i of the window."""
        cdef int at = (i - 3 * self.lag) // STRIDE
        cdef int j
        cdef int seen = 0
        cdef double total = 0.0
        cdef double scatter
        for j in range(max(0, at - NEAR), min(self.count, at + NEAR + 1)):
            if self.squares[j] == self.squares[j]:
                total += self.squares[j]
                seen += 1
        # as many as are near vary by twofold by chance
        total = max(self.rough * self.rough, 0.5 * total / seen if seen else 0.0)
        # between few samples a line is drawn: there are fewer readings to take the mean of
        scatter = self.white * self.white * self.gains.rate
        scatter *= min(max(1.0, self.interval(window, i) / (self.apart * GRID_S)), 2.0 * self.phases.half / self.apart)
        return sqrt(max(total, scatter))

    cdef double of_place(self, Window* window, int i) noexcept nogil:
        """Of the smoothed place at sample i of the window: noise, smoothing and resolution."""
        cdef double rate = self.of_rate(window, i)
        cdef double noise = rate * sqrt(self.gains.place / self.gains.rate)
        cdef double bias = self.bias(window, i, False)
        cdef double q = window.ratio * window.closings[min(self.phases.first + i, window.newest) & MASK].quantum
        cdef double stuck = q / sqrt(12.0) * exp(-2.0 * PI * PI * rate * rate / (self.gains.rate * q * q))
        cdef double between = self.interval(window, i)
        # in a gap the way may have gone out and come back
        if between > GAP * self.typical_s and between > LEAST_LAG * GRID_S:
            between *= 0.125 * self.hardest * between
        else:
            between = 0.0
        return sqrt(noise * noise + bias * bias + stuck * stuck + between * between)

    cdef double ticks(self, Window* window, int i, double speed) noexcept nogil:
        """Of the smoothed rate at sample i of the window, for the resolution: steps q / speed apart, each off by up to
        half of q, as if they were samples."""
        cdef double q = window.ratio * window.closings[min(self.phases.first + i, window.newest) & MASK].quantum
        cdef double rate = self.of_rate(window, i)
        cdef double square = smoother(self.phases.half).rate_square * q * q / 12.0
        square *= min(max(1.0, q / speed * GRID_HZ), 2.0 * self.phases.half)
        square *= exp(-4.0 * PI * PI * rate * rate / (self.gains.rate * q * q))
        return sqrt(max(rate * rate, square))

    cdef double bias(self, Window* window, int i, bint of_rate) noexcept nogil:
        """What smoothing takes off the rate or the place at sample i of the window, by a second smoother."""
        cdef long long k = self.phases.first + i
        cdef int half = <int>min(self.phases.half, window.newest - k)
        cdef int other = half + max(1, half // 3)
        cdef double share, apart, noise
        cdef Moment here, there
        if half < 4:
            return 0.0
        if other > MAX_HALF or other > window.newest - k:
            other = half - max(1, half // 3)
        here = moment(window.s, smoother(half), half, k)
        there = moment(window.s, smoother(other), other, k)
        share = <double>other / half
        noise = self.of_rate(window, i)
        if of_rate:
            share *= share * share * share
            apart = there.rate - here.rate
            noise *= noise * part(smoother(half).rate, smoother(other).rate, half, other)
        else:
            share *= share * share
            apart = there.place - here.place
            noise *= noise * part(smoother(half).place, smoother(other).place, half, other)
            noise *= smoother(half).place_square / smoother(half).rate_square
        apart = apart * apart - noise
        return sqrt(apart) / fabs(share - 1.0) if apart > 0.0 else 0.0

    cdef double boundary(self, Window* window, double at_s, const Edge* edge) noexcept nogil:
        """Of the time of a boundary, s."""
        cdef int i
        cdef double slope, early, line, wide_s
        cdef double apart = fabs(edge.through_s - edge.read_s)
        cdef double onward = 0.0
        cdef double late = 0.0
        cdef double blunt = 0.0
        if isnan(at_s) or isnan(edge.read_s):
            return UNREAD_S
        i = self.phases.index(edge.read_s)
        line = self.interval(window, i)
        if isnan(apart):
            slope = fabs(self.phases.rate[min(i + 2, self.phases.n - 1)] - self.phases.rate[max(i - 2, 0)])
            slope /= 4.0 * GRID_S
            line /= sqrt(12.0)
        else:
            apart = max(apart, GRID_S)
            slope = 2.0 * (ROOT3 - 1.0) * edge.level / apart
            onward = fabs(at_s - edge.read_s) / apart
            late = onward * self.ticks(window, self.phases.index(edge.through_s), 3.0 * edge.level) / (ROOT3 * slope)
            wide_s = self.phases.half * GRID_S + (line if line > 2.0 * GRID_S else 0.0)
            blunt = min(1.0, 0.2 * wide_s * (ROOT3 - 1.0) / apart)
            blunt *= 0.4 * wide_s * blunt * blunt  # both ends of a phase the same way, and so not as if by chance
            blunt -= fabs(edge.inward_s)  # taken out
            if line > GAP * self.typical_s and line > LEAST_LAG * GRID_S:
                line = (line + fabs(at_s - edge.read_s)) / ROOT3  # it was read at an end of the gap
            else:
                line = (1.0 + onward) * min(line / sqrt(12.0), line * line * (ROOT3 - 1.0) / (12.0 * apart))
        early = (1.0 + onward) * self.ticks(window, i, edge.level) / slope
        early = early * early + late * late + line * line + blunt * blunt
        return sqrt(early + edge.blur_s * edge.blur_s / 12.0)

    cdef double common(self, Window* window, Measures* m, int top, int bottom) noexcept nogil:
        """Of every length of the set, relative: scale, and what survey, zero and stray turn the range by."""
        cdef double turned = 0.0
        cdef double high = window.x[(self.phases.first + top) & MASK]
        cdef double low = window.x[(self.phases.first + bottom) & MASK]
        if self.layout == TWO_TETHERS and high == high and low == low:
            turned = two_tethers(high, m.top, low, m.bottom, &self.anchors, self.sigma_anchor, self.sigma_zero)
        elif self.layout != TRAVEL and self.layout != PULLEY and self.layout != TENSION:
            turned = one_tether(
                high, m.top, low, m.bottom, &self.anchors, self.sigma_anchor, self.sigma_zero, self.stray
            )
        turned /= m.size
        return sqrt(self.sigma_scale * self.sigma_scale + turned * turned)

    cdef int repaired(self, Window* window, double start_s, double end_s) noexcept nogil:
        """How many of the leading channel's samples between two times were not used as they came."""
        cdef long long last = min(<long long>(end_s * GRID_HZ), window.newest)
        cdef long long first = max(<long long>(start_s * GRID_HZ) - 1, last - RING + 1, 0)
        return window.closings[last & MASK].repaired - window.closings[first & MASK].repaired
