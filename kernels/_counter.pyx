"""One station's stream from channel samples to measured reps: grid, place, announcing filter, grammar, measures."""

cimport cython
from libc.math cimport INFINITY, NAN

import numpy as np

from kernels._sensors import CHANNELS
from kernels.results import Discarded, Tick

from kernels._candidate cimport COMPLETE, DISCARDED, HELD, LOCKOUT, NOTHING, OPEN, WITHDRAWN
from kernels._metrics cimport Meter, measured
from kernels._numbers cimport numbers
from kernels._reps cimport Segmenter
from kernels._sensors cimport QUEUE, WEIGH, Sensors
from kernels._smooth cimport ANNOUNCE, LEAST_HALF, Moment, Smoother, moment, moments, roll, smoother, unroll
from kernels._untouched cimport give_back, untouched
from kernels._window cimport GRID_HZ, MASK, PULLEY, RING, STRETCH, TENSION, Measures

cdef double GRID_S = 1.0 / GRID_HZ

# A named tuple's own constructor is Python; this is the one below it.
cdef object _tuple = tuple.__new__

cdef enum:
    CHANNEL_COUNT = 6
    LONGEST_READ = QUEUE // 4   # samples of one channel

cdef tuple NAMES = CHANNELS
# Of what is no rep; the first five are the numbers of kernels._candidate.
REASONS = ("pick-up", "set-down", "unrack", "re-rack", "too-quick", "withdrawn", "unmeasured")
cdef enum:
    TAKEN_BACK = 5   # announced at lockout, and no rep by what came after
    UNMEASURED = 6   # nothing of it could be measured
KINDS = ("lockout", "held", "complete", "rejected")


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
    v0_mps, gap_s, tick_s : float
        Speed that counts as moving; pause that ends a set; how often a Tick is among the results.
    anchor_m, anchor_2_m : (x, y)
    travel_ratio, free_length_m, pulley_efficiency : float
    sigma_length_m, sigma_tilt_rad, sigma_pulley_n : float
        Standard uncertainties of one reading, for the path.
    sigma_anchor_m, sigma_zero_m, sigma_scale : float
        Of what errs alike in every rep: each coordinate of a surveyed anchor, the zero of a length, and (relative) its
        scale.
    stray_m : float
        How far a bar may go to the front or the back in a rep, for the height over one tether.
    """

    cdef Sensors sensors
    cdef Segmenter segmenter
    cdef Meter meter
    cdef double v0, load
    cdef double next_s      # session time at which a set was last said to begin
    cdef Smoother* announcer
    cdef double* announced
    cdef double row[STRETCH + 2 * ANNOUNCE]
    cdef double places[STRETCH]
    cdef double rates[STRETCH]
    cdef double carried[STRETCH]
    cdef readonly double place, velocity
    cdef long long done, index, tick
    cdef bint pending
    cdef list events

    def __cinit__(self):
        self.announced = <double*>untouched(RING * sizeof(double))

    def __dealloc__(self):
        give_back(self.announced, RING * sizeof(double))

    def __init__(
        self,
        str layout,
        *,
        bint concentric_first,
        bint free_weight,
        double min_range,
        double v0_mps=0.02, double gap_s=12.0, double tick_s=1.0,
        anchor_m=(0.0, 0.0), anchor_2_m=(0.0, 0.0),
        double travel_ratio=1.0, double free_length_m=NAN, double pulley_efficiency=1.0,
        double sigma_length_m=0.0005, double sigma_tilt_rad=0.0017, double sigma_pulley_n=1.0,
        double sigma_anchor_m=0.0, double sigma_zero_m=0.0, double sigma_scale=0.0, double stray_m=0.0,
    ):
        cdef int i
        self.sensors = Sensors(
            layout, anchor_m, anchor_2_m, travel_ratio, sigma_length_m, sigma_tilt_rad, sigma_pulley_n
        )
        self.segmenter = Segmenter(concentric_first, min_range, 0.0 if self.on_tension else v0_mps, gap_s)
        self.meter = Meter(
            self.sensors.layout, concentric_first, free_weight, free_length_m, pulley_efficiency,
            sigma_anchor_m, sigma_zero_m, sigma_scale, stray_m,
        )
        self.meter.way.anchors = self.sensors.anchors
        self.meter.way.v0 = v0_mps
        self.meter.sure.anchors = self.sensors.anchors
        self.announcer = smoother(ANNOUNCE)
        self.v0 = v0_mps
        self.load = 0.0
        self.next_s = -INFINITY
        for i in range(RING):
            self.announced[i] = NAN
        self.sensors.window.announced = self.announced
        self.segmenter.ring = self.announced
        self.tick = max(1, <long long>(tick_s * GRID_HZ + 0.5))
        self.done = -1
        self.place = NAN
        self.velocity = NAN
        self.events = []

    def push(self, int channel, time_s, value):
        """Take samples of one channel (its place in CHANNELS); return what became known.

        Parameters
        ----------
        time_s, value : float64, shape (n,)
            Session seconds, rising; SI. NaN is no value.

        Returns
        -------
        list of Measured, Discarded and Tick, in the order they became known
        """
        if not 0 <= channel < CHANNEL_COUNT:
            raise ValueError(f"need a channel from 0 to {CHANNEL_COUNT - 1}, got {channel}")
        self.take(channel, time_s, value)
        return self.collect()

    def feed(self, samples):
        """Take the samples of all the channels of a read, in any order; return what became known.

        Parameters
        ----------
        samples : sequence of (channel, time_s, value)
            By the name in CHANNELS, and as `push` takes them; other channels are passed over.
        """
        cdef int channel
        cdef str name
        cdef Py_ssize_t longest = 0
        for part in samples:
            if not isinstance(part, tuple) or len(<tuple> part) != 3:
                raise ValueError(f"need tuples of channel, time_s and value, got {part!r}")
            longest = max(longest, len((<tuple> part)[1]))
        if longest > LONGEST_READ:
            return self.feed_halves(samples)
        for channel in range(CHANNEL_COUNT - 1, -1, -1):  # the leading one last
            name = NAMES[channel]
            for part in samples:
                if (<tuple> part)[0] == name:
                    self.take(channel, (<tuple> part)[1], (<tuple> part)[2])
        return self.collect()

    cdef list feed_halves(self, samples):
        """A read so long that one channel would be too far ahead of another, in two halves of its time."""
        longest = max((part[1] for part in samples), key=len)
        middle_s = longest[len(longest) // 2]
        cuts = [len(t) // 2 if t is longest else np.searchsorted(t, middle_s) for _, t, _ in samples]
        first = [(name, t[:at], y[:at]) for (name, t, y), at in zip(samples, cuts)]
        return self.feed(first) + self.feed([(name, t[at:], y[at:]) for (name, t, y), at in zip(samples, cuts)])

    cdef int take(self, int channel, time_s, value) except -1:
        """Samples of one channel to where they belong, and what is complete with them."""
        cdef Py_ssize_t i = 0
        cdef Py_ssize_t n = 0
        cdef Py_ssize_t n_values = 0
        cdef const double *t = numbers(time_s, &n)
        cdef const double *y = numbers(value, &n_values)
        if n_values != n:
            raise ValueError(f"need as many times as values, got {n} and {n_values}")
        # a read takes less than a millisecond: letting the interpreter go would cost more than it gives
        if channel == self.sensors.leading_id:
            while i < n:
                i = self.sensors.lead(t, y, i, n)
                self.advance()
        elif n > 0 and self.sensors.put(channel, t, y, n):
            self.advance()
        return 0

    cdef say_tick(self):
        cdef int rising = -self.segmenter.direction if self.segmenter.concentric_first else self.segmenter.direction
        cdef double force = NAN
        if self.sensors.window.felt >= 0:
            force = self.sensors.force[self.sensors.window.felt & MASK]
        cdef double x = NAN if self.sensors.layout == PULLEY else self.sensors.x[self.done & MASK]
        said = ((self.done + 1) * GRID_S, self.place, self.velocity, force, x, rising, self.segmenter.n > 0)
        self.events.append(_tuple(Tick, said))

    cdef list collect(self):
        events = self.events
        self.events = []
        return events

    cdef void advance(self) noexcept nogil:
        """Work on the grid samples that are complete, a stretch of them at a time."""
        cdef Py_ssize_t n
        if self.sensors.begin():
            self.done = self.sensors.placed
        while True:
            n = self.sensors.see()
            if n == 0:
                break
            self.work(n)
            if (self.sensors.placed + 1) % WEIGH == 0:
                self.sensors.weigh_path()

    cdef void work(self, Py_ssize_t n) noexcept nogil:
        """The announcing filter and the grammar, `ANNOUNCE` behind each of the n grid samples just placed."""
        cdef long long first = self.sensors.placed - n + 1
        cdef long long due = first + self.tick - first % self.tick
        cdef const double* carried = NULL
        cdef Py_ssize_t i = 0
        cdef Py_ssize_t stop
        cdef int said
        unroll(self.sensors.s, first - 2 * ANNOUNCE, first + n - 1, self.row)
        moments(self.row + ANNOUNCE, n, self.announcer, self.places, self.rates)
        roll(self.places, first - ANNOUNCE, n, self.announced)
        if self.sensors.cell.taken > 0 and self.sensors.layout != TENSION:
            self.sensors.share(n, self.carried)
            carried = self.carried
        while i < n:
            stop = min(n, due - first)
            i = max(i, ANNOUNCE - first)
            while i < stop:
                i = self.segmenter.run(first - ANNOUNCE, self.places, self.rates, carried, i, stop, &said)
                self.know(first, i - 1)
                if said != NOTHING:
                    with gil:
                        self.report(said)
            i = stop
            if first + i == due:
                self.know(first, i - 1)
                due += self.tick
                with gil:
                    self.say_tick()
        self.know(first, n - 1)

    cdef void know(self, long long first, Py_ssize_t i) noexcept nogil:
        """What is known at the i-th grid sample of the stretch that begins at `first`."""
        self.done = first + i
        self.place = self.places[i]
        self.velocity = self.rates[i]
        self.sensors.window.newest = self.done
        self.sensors.window.seen = self.sensors.pulley_seen[i] if self.sensors.layout == PULLEY else self.done
        self.sensors.window.felt = self.sensors.felt[i]

    cdef say_none(self, long long first, long long last, int reason, long long candidate):
        """From grid sample `first` to `last` there was no rep."""
        self.events.append(Discarded(first * GRID_S, last * GRID_S, REASONS[reason], candidate))

    cdef report(self, int said):
        cdef Measures m
        cdef int i
        cdef long long last
        cdef bint good
        cdef double reference = self.v0
        cdef Segmenter seg = self.segmenter
        if self.sensors.layout == TENSION:
            reference = seg.range_ref
        if said & DISCARDED:
            for i in range(seg.reject_count):
                self.say_none(seg.rejects[i].first, seg.rejects[i].last, seg.rejects[i].reason, -1)
            seg.reject_count = 0
        if said & WITHDRAWN and self.pending:
            self.say_none(seg.a.k, self.done, TAKEN_BACK, self.index)
            self.index += 1
            self.pending = False
        if said & (WITHDRAWN | COMPLETE) and seg.a.k * GRID_S < self.next_s:
            seg.forget()  # it had kept the range that it was announced by
        if said & (LOCKOUT | HELD | COMPLETE):
            last = seg.b.k if seg.has_b else -1
            good = self.meter.measure(
                &self.sensors.window, seg.a.k, seg.v.k, last, reference, self.load, said & COMPLETE != 0, &m
            )
            if good and not (said & COMPLETE and m.size < 0.0):
                if said & COMPLETE:
                    seg.end_k = <long long>(m.end_s / GRID_S)
                    if m.start_s >= self.next_s:  # one of the set before says nothing of the range
                        seg.learn(m.size)
                kind = KINDS[2 if said & COMPLETE else 1 if said & HELD else 0]
                self.events.append(measured(kind, self.index, (self.done + 1) * GRID_S, &m))
                self.pending = True
            elif said & COMPLETE:
                last = max(last, seg.v.k)
                self.say_none(seg.a.k, last, UNMEASURED, self.index if self.pending else -1)
            if said & COMPLETE:
                self.index += self.pending
                self.pending = False

    def finish(self):
        """The stream is over or has broken off: return what can still be said. Pushing may go on after it."""
        cdef long long k
        cdef double place
        cdef int said
        cdef Moment m
        if self.done < 0:
            return self.collect()
        self.sensors.leading.settle()
        self.advance()
        place = self.sensors.s[self.done & MASK]
        if self.segmenter.slowed(self.done, place, self.sensors.s[(self.done - LEAST_HALF) & MASK]):
            self.work(self.sensors.hold())
        else:
            for k in range(max(0, self.done - ANNOUNCE + 1), self.done - LEAST_HALF + 1):
                m = moment(self.sensors.s, smoother(<int>(self.done - k)), self.done - k, k)
                self.place = m.place
                self.velocity = m.rate
                self.announced[k & MASK] = m.place
                self.segmenter.run(k, &m.place, &m.rate, NULL, 0, 1, &said)
                if said != NOTHING:
                    self.report(said)
        said = self.segmenter.flush(self.done)
        while said != NOTHING:
            self.report(said)
            said = self.segmenter.flush(self.done)
        return self.collect()

    def begin_set(self):
        """A set begins here, of another lifter perhaps: the range of the one before is forgotten.

        A rep that is going on stays what it is; an announced one is judged by the range it was announced by.
        """
        self.next_s = (self.done + 1) * GRID_S
        self.sensors.heaviest = 0.0
        if self.segmenter.state == OPEN:
            self.segmenter.forget()

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
        return self.sensors.layout == TENSION

    @property
    def moving(self):
        """Speed that counts as moving, in units of the motion coordinate a second."""
        return self.segmenter.v0

    @property
    def spikes(self):
        """Samples dropped as spikes, and shifts of a zero taken out, on the motion's channels."""
        cdef Sensors on = self.sensors
        return on.leading.spikes + on.second.spikes, on.leading.shifts + on.second.shifts

    @property
    def adrift(self):
        """The motion's channel whose zero has moved and whose place is not found again, and by how much; or None."""
        cdef Sensors on = self.sensors
        if on.leading.adrift:
            return NAMES[on.leading_id], on.leading.step
        if on.second.adrift:
            return NAMES[on.second_id], on.second.step
        return None

    @property
    def below_reel(self):
        """Whether the latest rep was lower over its reel than a bar can hang: no length of it is said."""
        return self.meter.sure.below_reel

    @property
    def taken(self):
        """Samples of the motion's leading channel that were used as they came, and that were not."""
        return self.sensors.leading.taken, self.sensors.leading.repaired

    def trace(self, double from_s):
        """The grid from a time on, as far as the ring holds it: float64, shape (4, n): time, place, x, force."""
        cdef long long first = max(<long long>(from_s / GRID_S), self.done - RING + 1, 0)
        cdef long long k
        out = np.full((4, max(0, self.done + 1 - first)), NAN)
        cdef double[:, ::1] view = out
        for k in range(first, self.done + 1):
            view[0, k - first] = (k + 0.5) * GRID_S
            view[1, k - first] = self.sensors.s[k & MASK]
            view[2, k - first] = self.sensors.x[k & MASK]
            view[3, k - first] = self.sensors.force[k & MASK]
        return out
