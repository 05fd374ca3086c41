"""One station's stream from channel samples to measured reps: grid, place, announcing filter, grammar, measures."""

cimport cython
from libc.math cimport NAN, isnan, sqrt

import numpy as np

from kernels.results import Discarded, Measured, Tick

from kernels._metrics cimport Meter
from kernels._motion cimport CLOSINGS, EMPTY, Resampler
from kernels._path cimport Anchors, Place, one_tether, survey, tilted_tether, two_tethers
from kernels._reps cimport COMPLETE, DISCARDED, HELD, LOCKOUT, NOTHING, TOO_QUICK, WITHDRAWN, Segmenter
from kernels._smooth cimport MAX_HALF, Moment, Smoother, moment, moments, smoother, unroll
from kernels._window cimport (
    GRID_HZ,
    MASK,
    ONE_TETHER,
    PATH_HALF,
    PULLEY,
    PULLEY_HALF,
    RING,
    TENSION,
    TILT,
    TRAVEL,
    TWO_TETHERS,
    Measures,
    Window,
)

cdef double GRID_S = 1.0 / GRID_HZ

# A named tuple's own constructor is Python; this is the one below it.
cdef object _tuple = tuple.__new__

cdef enum:
    CHANNEL_COUNT = 6
    ANNOUNCE = 7        # half-width of the announcing filter: 70 ms behind the newest grid sample
    STRETCH = 64        # grid samples worked on together where so many have come
    WEIGH = 256         # and after how many the uncertainty of the path is weighed anew
    AHEAD = 3           # the narrowest smoother that is still a cubic fit

CHANNELS = ("position_m", "position_2_m", "tether_angle_rad", "force_n", "pulley_x_n", "pulley_y_n")
LAYOUTS = {
    "travel": TRAVEL,
    "one-tether": ONE_TETHER,
    "tilt": TILT,
    "two-tethers": TWO_TETHERS,
    "pulley": PULLEY,
    "tension": TENSION,
}
REASONS = ("pick-up", "set-down", "unrack", "re-rack", "too quick for a lifter")
KINDS = ("lockout", "held", "complete", "rejected")

# Fastest plausible motion of each channel: rate, curve, and what noise and quantisation may add.
# A bar in free fall from overhead reaches 6 m/s; 50 m/s² is 5 g, beyond any lifter, short of a crash.
# The angle follows at arm's length; cells see impacts, so only lone outliers are spikes there.
LIMITS = (
    (6.0, 50.0, 0.010),
    (6.0, 50.0, 0.010),
    (8.0, 100.0, 0.05),
    (1e6, 2e4, 40.0),
    (1e6, 2e4, 40.0),
    (1e6, 2e4, 40.0),
)
# A band's tension is the motion: 6 m/s and 50 m/s² of one stretched by up to 1.25 m are 5 and 40 times its tension.
TENSION_LIMITS = (5.0, 40.0, 6.0, 50.0)
cdef double LEAST_LOAD_N = 50.0      # less than this on the cell is a drifting zero or a hand
cdef double FORGET = 0.99988         # a grid sample: half of it in a minute, for plates are taken off
cdef double SECOND_LOST_S = 0.25   # a second tether or tilt this far behind is missing, and so is the path


@cython.final
cdef class RepCounter:
    """Count and measure the reps of one stream. Cutting the stream differently changes nothing.

    The position channel leads (force on tension alone): a grid sample is worked on when it is complete there.
    Push the other channels of a stretch of time before the leading one. Memory is constant.

    Parameters
    ----------
    layout : str
        One of LAYOUTS.
    concentric_first, free_weight : bool
    min_range : float
        Least range of a rep, m (N on tension alone).
    v0_mps, gap_s : float
        Speed that counts as moving; pause that ends a set.
    tick_s : float
        How often a Tick is among the results.
    anchor_m, anchor_2_m : (x, y)
    travel_ratio, free_length_m, pulley_efficiency : float
    sigma_length_m, sigma_tilt_rad, sigma_pulley_n : float
        Standard uncertainties of one reading, for the path.
    """

    cdef Resampler position, second, cell, pulley_x, pulley_y, leading
    cdef Segmenter segmenter
    cdef Meter meter
    cdef int layout, second_id
    cdef bint two_sensors
    cdef Anchors anchors
    cdef double ratio, v0, load, heaviest
    cdef Smoother* announcer
    cdef double s[RING]
    cdef double x[RING]
    cdef double y[RING]
    cdef double force[RING]
    cdef double announced[RING]
    cdef Window window
    # how far: placed on the grid, worked on, heard of the second sensor, felt by the cells
    cdef long long placed, done, heard, force_done, pulley_done
    cdef long long felt[STRETCH]
    cdef long long pulley_seen[STRETCH]
    cdef double row[STRETCH + 2 * ANNOUNCE]
    cdef double places[STRETCH]
    cdef double rates[STRETCH]
    cdef readonly double place, velocity
    cdef long long index, tick, next_tick
    cdef double first_s
    cdef bint pending, started
    cdef list events

    def __init__(
        self,
        str layout,
        *,
        bint concentric_first,
        bint free_weight,
        double min_range,
        double v0_mps=0.02,
        double gap_s=12.0,
        double tick_s=1.0,
        anchor_m=(0.0, 0.0),
        anchor_2_m=(0.0, 0.0),
        double travel_ratio=1.0,
        double free_length_m=NAN,
        double pulley_efficiency=1.0,
        double sigma_length_m=0.0005,
        double sigma_tilt_rad=0.0017,
        double sigma_pulley_n=1.0,
    ):
        cdef int i
        if layout not in LAYOUTS:
            raise ValueError(f"need a layout of {', '.join(LAYOUTS)}, got {layout!r}")
        self.layout = LAYOUTS[layout]
        if self.layout == TWO_TETHERS and tuple(anchor_m) == tuple(anchor_2_m):
            raise ValueError(f"two tethers need two places, both anchors are at {tuple(anchor_m)}")
        if not travel_ratio > 0.0:
            raise ValueError(f"need travel_ratio above 0, got {travel_ratio}")
        self.position = Resampler(*LIMITS[0])
        self.second_id = 2 if self.layout == TILT else 1
        self.second = Resampler(*LIMITS[self.second_id])
        self.cell = Resampler(*(TENSION_LIMITS if self.layout == TENSION else LIMITS[3]))
        self.pulley_x = Resampler(*LIMITS[4])
        self.pulley_y = Resampler(*LIMITS[5])
        self.leading = self.cell if self.layout == TENSION else self.position
        self.segmenter = Segmenter(
            concentric_first, min_range, 0.0 if self.layout == TENSION else v0_mps, gap_s
        )
        self.meter = Meter(self.layout, concentric_first, free_weight, free_length_m, pulley_efficiency)
        self.ratio = travel_ratio
        self.two_sensors = self.layout == TILT or self.layout == TWO_TETHERS
        self.anchors = survey(
            anchor_m[0], anchor_m[1], anchor_2_m[0], anchor_2_m[1], sigma_length_m, sigma_tilt_rad, sigma_pulley_n
        )
        self.meter.way.anchors = self.anchors
        self.announcer = smoother(ANNOUNCE)
        self.v0 = v0_mps
        self.load = 0.0
        for i in range(RING):
            self.s[i] = NAN
            self.x[i] = NAN
            self.y[i] = NAN
            self.force[i] = NAN
            self.announced[i] = NAN
        self.window.s = self.s
        self.window.announced = self.announced
        self.window.x = self.x
        self.window.y = self.y
        self.window.force = self.force
        self.tick = max(1, <long long>(tick_s * GRID_HZ + 0.5))
        self.first_s = NAN
        self.placed = -1
        self.done = -1
        self.heard = -1
        self.force_done = -1
        self.pulley_done = -1
        self.place = NAN
        self.velocity = NAN
        self.window.place_gain = 1.0
        self.window.path_gain = 1.0
        self.window.felt = -1
        self.weigh_path()
        self.events = []

    def push(self, int channel, const double[::1] time_s not None, const double[::1] value not None):
        """Take samples of one channel (its place in CHANNELS); return what became known.

        Parameters
        ----------
        time_s, value : float64, shape (n,)
            Session seconds, rising; SI. NaN is no value.

        Returns
        -------
        list of Measured, Discarded and Tick, in the order they became known
        """
        cdef Py_ssize_t i = 0
        cdef Py_ssize_t n = time_s.shape[0]
        cdef Resampler held = None
        if value.shape[0] != n:
            raise ValueError(f"need as many times as values, got {n} and {value.shape[0]}")
        if not 0 <= channel < CHANNEL_COUNT:
            raise ValueError(f"need a channel from 0 to {CHANNEL_COUNT - 1}, got {channel}")
        if n == 0:
            return []
        if channel == (3 if self.layout == TENSION else 0):
            if isnan(self.first_s):
                self.first_s = time_s[0]
            with nogil:
                while i < n:
                    i = self.leading.take_many(&time_s[0], &value[0], i, n, self.leading.newest + STRETCH)
                    self.advance()
        else:
            if channel == self.second_id and self.two_sensors:
                held = self.second
            elif channel == 3:
                held = self.cell
            elif channel == 4:
                held = self.pulley_x
            elif channel == 5:
                held = self.pulley_y
            if held is not None:
                held.put(&time_s[0], &value[0], n)
                if held is self.second:
                    self.advance()
        return self.collect()

    cdef say_tick(self):
        cdef int rising = -self.segmenter.direction if self.segmenter.concentric_first else self.segmenter.direction
        cdef double force = NAN
        if self.window.felt >= 0:
            force = self.force[self.window.felt & MASK]
        cdef double x = NAN if self.layout == PULLEY else self.x[self.done & MASK]
        said = ((self.done + 1) * GRID_S, self.place, self.velocity, force, x, rising, self.segmenter.n > 0)
        self.events.append(_tuple(Tick, said))

    cdef list collect(self):
        events = self.events
        self.events = []
        return events

    cdef void advance(self) noexcept nogil:
        """Work on the grid samples that are complete, a stretch of them at a time."""
        cdef Py_ssize_t n
        if not self.started or self.leading.newest - self.placed > RING // 2:
            self.started = self.leading.state != EMPTY
            self.placed = self.leading.newest - 1
            self.done = self.placed
            self.force_done = self.placed
            self.pulley_done = self.placed
        while self.placed < self.leading.newest:
            n = self.see(min(STRETCH, self.leading.newest - self.placed, WEIGH - (self.placed + 1) % WEIGH))
            if n == 0:
                break  # the second sensor's sample is on its way
            self.work(n)
            if (self.placed + 1) % WEIGH == 0:
                with gil:
                    self.weigh_path()

    cdef Py_ssize_t see(self, Py_ssize_t n) noexcept nogil:
        """Place and force of the next n grid samples, each from what was measured up to its end; how many it saw."""
        cdef Py_ssize_t i, at
        cdef long long k
        cdef Place p
        cdef double other
        for i in range(n):
            k = self.placed + 1
            at = k & MASK
            if self.two_sensors:
                if not self.listen(k):
                    return i
                other = self.second.at(k)
                self.x[at] = NAN
                if isnan(other):
                    self.s[at] = one_tether(self.leading.ring[at], self.anchors.ax, self.anchors.ay)
                else:
                    if self.layout == TILT:
                        p = tilted_tether(self.leading.ring[at], other, &self.anchors)
                    else:
                        p = two_tethers(self.leading.ring[at], other, &self.anchors)
                    self.s[at] = p.y
                    # a shifted zero has lost the place, and a line over a gap is not the way the bar went
                    if k < self.position.shifted and k < self.second.shifted:
                        if not self.position.bridged(k) and not self.second.bridged(k):
                            self.x[at] = p.x
            elif self.layout == ONE_TETHER:
                self.s[at] = one_tether(self.leading.ring[at], self.anchors.ax, self.anchors.ay)
            elif self.layout == TENSION:
                self.s[at] = self.leading.ring[at]
            else:
                self.s[at] = self.ratio * self.leading.ring[at]
                if self.layout == PULLEY:
                    self.feel_pulley(k)
            self.pulley_seen[i] = self.pulley_done
            self.feel(k)
            self.felt[i] = self.force_done
            self.placed = k
        return n

    cdef bint listen(self, long long k) noexcept nogil:
        """Take the second sensor's samples up to grid sample k; whether it has come so far, or is lost."""
        cdef double now_s
        if self.heard < k:
            self.heard = k
        while True:
            now_s = self.leading.closed[self.heard & (CLOSINGS - 1)]
            self.second.catch_up(now_s)
            if self.second.newest >= k:
                return True
            if now_s - (self.first_s if self.second.state == EMPTY else self.second.t0) > SECOND_LOST_S:
                return True
            if self.heard == self.leading.newest:
                return False
            self.heard += 1

    cdef void feel(self, long long k) noexcept nogil:
        """The force, as far as it is known when grid sample k is complete."""
        if self.layout == TENSION:
            self.force[k & MASK] = self.s[k & MASK]
            self.force_done = k
            return
        self.force[k & MASK] = NAN
        if self.cell.queue_tail > 0:
            self.cell.catch_up((k + 1) * GRID_S)
            while self.force_done < min(k, self.cell.newest):
                self.force_done += 1
                self.force[self.force_done & MASK] = self.cell.at(self.force_done)

    cdef void feel_pulley(self, long long k) noexcept nogil:
        self.x[k & MASK] = NAN
        self.y[k & MASK] = NAN
        self.pulley_x.catch_up((k + 1) * GRID_S)
        self.pulley_y.catch_up((k + 1) * GRID_S)
        while self.pulley_done < min(k, min(self.pulley_x.newest, self.pulley_y.newest)):
            self.pulley_done += 1
            self.x[self.pulley_done & MASK] = self.pulley_x.at(self.pulley_done)
            self.y[self.pulley_done & MASK] = self.pulley_y.at(self.pulley_done)

    cdef void work(self, Py_ssize_t n) noexcept nogil:
        """The announcing filter and the grammar, `ANNOUNCE` behind each of the n grid samples just placed."""
        cdef long long first = self.placed - n + 1
        cdef Py_ssize_t i
        unroll(self.s, first - 2 * ANNOUNCE, first + n - 1, self.row)
        moments(self.row + ANNOUNCE, n, self.announcer, self.places, self.rates)
        for i in range(n):
            self.done = first + i
            self.window.newest = self.done
            self.window.seen = self.pulley_seen[i] if self.layout == PULLEY else self.done
            self.window.felt = self.felt[i]
            if self.cell.taken and self.layout != TENSION:
                self.weigh(self.force[self.felt[i] & MASK])
            if self.done >= ANNOUNCE:
                self.announce(self.done - ANNOUNCE, self.places[i], self.rates[i])
            if self.done + 1 >= self.next_tick:
                if (self.done + 1) % self.tick == 0:
                    with gil:
                        self.say_tick()
                self.next_tick = self.done + 1 + self.tick - (self.done + 1) % self.tick

    cdef void hold(self) noexcept nogil:
        """Go on as if everything stayed where it is, as far as the smoothers look ahead."""
        cdef Py_ssize_t i
        cdef long long last = self.placed
        for i in range(MAX_HALF):
            self.placed += 1
            self.s[self.placed & MASK] = self.s[last & MASK]
            self.x[self.placed & MASK] = NAN
            self.y[self.placed & MASK] = NAN
            self.force[self.placed & MASK] = NAN
            self.pulley_seen[i] = self.pulley_done
            self.felt[i] = self.force_done
        self.work(MAX_HALF)

    cdef void weigh(self, double force) noexcept nogil:
        """What share of the heaviest load of the last minute is carried now."""
        self.heaviest *= FORGET
        if force > self.heaviest:
            self.heaviest = force
        self.segmenter.carried = force / self.heaviest if self.heaviest > LEAST_LOAD_N else NAN

    cdef void announce(self, long long k, double place, double rate) noexcept nogil:
        """What the short filter says of grid sample k; the grammar, and what it found."""
        cdef int said
        self.place = place
        self.velocity = rate
        self.announced[k & MASK] = place
        said = self.segmenter.step(k, place, rate)
        if said != NOTHING:
            with gil:
                self.report(said)

    cdef report(self, int said):
        cdef Measures m
        cdef int i
        cdef bint good
        cdef double reference = self.v0
        cdef Segmenter seg = self.segmenter
        if self.layout == TENSION:
            reference = seg.range_ref
        if said & DISCARDED:
            for i in range(seg.reject_count):
                self.events.append(
                    Discarded(
                        seg.rejects[i].first * GRID_S,
                        seg.rejects[i].last * GRID_S,
                        REASONS[seg.rejects[i].reason],
                        -1,
                    )
                )
            seg.reject_count = 0
        if said & WITHDRAWN and self.pending:
            self.events.append(
                Discarded(seg.a.k * GRID_S, self.done * GRID_S, REASONS[TOO_QUICK], self.index)
            )
            self.index += 1
            self.pending = False
        if said & (LOCKOUT | HELD | COMPLETE):
            good = self.meter.measure(
                &self.window,
                seg.a.k,
                seg.v.k,
                seg.b.k if seg.has_b else -1,
                reference,
                self.load,
                said & COMPLETE != 0,
                &m,
            )
            if good and not (said & COMPLETE and m.size < 0.0):
                if said & COMPLETE:
                    self.learn(&m)
                self.events.append(self.measured(KINDS[2 if said & COMPLETE else 1 if said & HELD else 0], &m))
                self.pending = True
            elif said & COMPLETE:
                self.events.append(
                    Discarded(
                        seg.a.k * GRID_S,
                        (seg.b.k if seg.has_b else seg.v.k) * GRID_S,
                        REASONS[TOO_QUICK],
                        self.index if self.pending else -1,
                    )
                )
            if said & COMPLETE:
                if self.pending:
                    self.index += 1
                self.pending = False

    cdef weigh_path(self):
        """What the path's smoother leaves of white noise: sqrt(sum of taps²), times grid rate over sensor rate."""
        cdef Resampler sensor = self.pulley_x if self.layout == PULLEY else self.second
        cdef Smoother* f = smoother(PULLEY_HALF if self.layout == PULLEY else PATH_HALF)
        cdef double total = 0.0
        cdef int i
        for i in range(2 * f.half + 1):
            total += f.place[i] * f.place[i]
        self.window.place_gain = sqrt(total)
        # uniform over one step of the resolution: sqrt(12) (GUM 4.3.7)
        self.window.stuck = sensor.quantum / sqrt(12.0) / (
            self.anchors.sigma_tilt if self.layout == TILT else self.anchors.sigma_length
        )
        self.window.stuck = min(1.0, self.window.stuck)
        self.window.path_gain = sqrt(total * sensor.bins / sensor.taken) if sensor.taken else 1.0

    cdef void learn(self, Measures* m):
        cdef Segmenter seg = self.segmenter
        if seg.range_count and m.size < 0.6 * seg.range_ref:
            seg.end_k = <long long>(m.end_s / GRID_S)
            return  # a partial rep says nothing of the range
        if seg.range_count and 0.6 * min(m.size, seg.ranges[0]) > seg.range_ref:
            seg.range_count = 0  # the ones before these two were partial
            seg.learn(seg.ranges[0], seg.end_k)
        seg.learn(m.size, <long long>(m.end_s / GRID_S))

    cdef object measured(self, str kind, Measures* m):
        said = (
            kind,
            self.index,
            (self.done + 1) * GRID_S,
            m.start_s,
            m.end_s,
            m.eccentric_end_s,
            m.concentric_start_s,
            m.concentric_end_s,
            m.eccentric_s,
            m.bottom_pause_s,
            m.concentric_end_s - m.concentric_start_s,
            m.top_pause_s,
            m.size,
            m.mcv,
            m.pcv,
            m.mpv,
            m.mev,
            m.pev,
            m.mean_force,
            m.peak_force,
            m.mean_power,
            m.peak_power,
            m.work,
            m.deviation,
            m.drift,
            m.sigma,
            m.bottom,
            m.top,
            m.smoothing_s,
        )
        return _tuple(Measured, said)

    def finish(self):
        """The stream is over or has broken off: return what can still be said. Pushing may go on after it."""
        cdef long long k
        cdef Moment m
        if self.done < 0:
            return self.collect()
        self.leading.settle()
        self.advance()
        if self.segmenter.slowed(self.done, self.s[self.done & MASK], self.s[(self.done - AHEAD) & MASK]):
            self.hold()
        else:
            for k in range(max(0, self.done - ANNOUNCE + 1), self.done - AHEAD + 1):
                m = moment(self.s, smoother(<int>(self.done - k)), self.done - k, k)
                self.announce(k, m.place, m.rate)
        said = self.segmenter.flush(self.done)
        while said != NOTHING:
            self.report(said)
            said = self.segmenter.flush(self.done)
        return self.collect()

    def set_load(self, double load_kg):
        """The free weight on the bar, for force and power where no load cell sees them; 0 is unknown."""
        if not load_kg >= 0.0:
            raise ValueError(f"need load_kg of at least 0, got {load_kg}")
        self.load = load_kg

    @property
    def now_s(self):
        """Session time up to which the stream is worked on; NaN before the first grid sample."""
        return (self.done + 1) * GRID_S if self.done >= 0 else NAN

    @property
    def on_tension(self):
        """Whether the motion coordinate is a tension, so that lengths and velocities are not seen."""
        return self.layout == TENSION

    @property
    def moving(self):
        """Speed that counts as moving, in units of the motion coordinate a second."""
        return self.segmenter.v0

    @property
    def spikes(self):
        """Samples dropped as spikes, and shifts of a zero taken out, on the motion's channels."""
        return self.leading.spikes + self.second.spikes, self.leading.shifts + self.second.shifts

    def trace(self, double from_s):
        """The grid from a time on, as far as the ring holds it: float64, shape (4, n): time, place, x, force."""
        cdef long long first = max(<long long>(from_s / GRID_S), self.done - RING + 1, 0)
        cdef long long k
        out = np.full((4, max(0, self.done + 1 - first)), NAN)
        cdef double[:, ::1] view = out
        for k in range(first, self.done + 1):
            view[0, k - first] = (k + 0.5) * GRID_S
            view[1, k - first] = self.s[k & MASK]
            view[2, k - first] = self.x[k & MASK]
            view[3, k - first] = self.force[k & MASK]
        return out
