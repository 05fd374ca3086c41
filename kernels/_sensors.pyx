"""All the channels of one station on one grid: where the bar is, how far from its line, and the force.

The leading channel (the position, or the force on tension alone) says when a grid sample is complete. What the
others say of it is what they had measured up to its end, so that nothing depends on how the stream was cut.
"""

cimport cython
from libc.math cimport INFINITY, NAN, isnan, sqrt
from libc.string cimport memcpy

from kernels._motion cimport EMPTY, FAR, STALE_S, Resampler, value_at
from kernels._path cimport Place, heights, one_tether, survey, tilted_tether, two_tethers
from kernels._smooth cimport MAX_HALF, Smoother, smoother
from kernels._swings cimport BAND_M
from kernels._untouched cimport give_back, untouched
from kernels._window cimport (
    GRID_HZ,
    MASK,
    ONE_TETHER,
    PATH_HALF,
    PULLEY,
    PULLEY_HALF,
    RING,
    STRETCH,
    TENSION,
    TILT,
    TRAVEL,
    TWO_TETHERS,
)

cdef double GRID_S = 1.0 / GRID_HZ

CHANNELS = ("position_m", "position_2_m", "tether_angle_rad", "force_n", "pulley_x_n", "pulley_y_n")
LAYOUTS = {
    "travel": TRAVEL,
    "one-tether": ONE_TETHER,
    "tilt": TILT,
    "two-tethers": TWO_TETHERS,
    "pulley": PULLEY,
    "tension": TENSION,
}

# Fastest plausible motion of each channel: rate, curve, and what noise and quantisation may add.
# A bar in free fall from overhead reaches 6 m/s; 30 m/s² is 3 g, beyond the pull of a snatch (2 g), short of a crash.
# The angle follows at arm's length. A cell is hit by whatever load is let fall, so only lone outliers are spikes there,
# and none that a load makes between two readings: it weighs nothing, and all of itself again, within 0.05 s.
cdef double LEAST_LOAD_N = 50.0    # less than this on the cell is a drifting zero or a hand
CELL_LIMITS = (INFINITY, 2.0 / (0.05 * 0.05), 40.0, LEAST_LOAD_N)
LIMITS = (
    (6.0, 30.0, 0.010),
    (6.0, 30.0, 0.010),
    (8.0, 100.0, 0.05),
    CELL_LIMITS,
    CELL_LIMITS,
    CELL_LIMITS,
)
# A band's tension is the motion: as quick as a bar, of one stretched so far.
TENSION_LIMITS = (LIMITS[0][0] / BAND_M, LIMITS[0][1] / BAND_M, 6.0, LEAST_LOAD_N)
cdef double NOWHERE[RING]          # NaN: the path of a station that sees none


@cython.final
cdef class Queue:
    """Samples of a channel that the leading one has not come to yet: what is known when never depends on the cuts."""

    def __cinit__(self):
        self.t = <double*>untouched(2 * QUEUE * sizeof(double))
        self.y = self.t + QUEUE

    def __dealloc__(self):
        give_back(self.t, 2 * QUEUE * sizeof(double))

    def __init__(self, Resampler channel):
        self.channel = channel

    cdef void put(self, const double* t, const double* y, Py_ssize_t n) noexcept nogil:
        """Hold samples until the leading channel has come this far."""
        cdef Py_ssize_t at, room
        if self.head == self.tail:
            self.head = self.tail = QUEUE  # to its beginning: it takes as much memory as it has held at once
        while n > 0:
            if self.tail - self.head == QUEUE:
                self.channel.take(self.t[self.head % QUEUE], self.y[self.head % QUEUE])
                self.head += 1
            at = self.tail % QUEUE
            room = min(n, QUEUE - at, QUEUE - (self.tail - self.head))
            memcpy(self.t + at, t, room * sizeof(double))
            memcpy(self.y + at, y, room * sizeof(double))
            self.tail += room
            t += room
            y += room
            n -= room

    cdef void release(self, double until_s) noexcept nogil:
        """Let the channel take what was held, up to and with a time."""
        cdef Py_ssize_t i, n, at
        while self.head < self.tail and self.t[self.head % QUEUE] <= until_s:
            at = self.head % QUEUE
            n = min(QUEUE - at, self.tail - self.head)
            i = 0
            while i < n and self.t[at + i] <= until_s:
                i += 1
            self.head += i
            n = at + i
            while at < n:
                at = self.channel.take_many(self.t, self.y, at, n, FAR)


@cython.final
cdef class Sensors:
    """The channels of one station, brought onto one grid and into place.

    State: a resampler per channel, the rings they are brought into, and how far each of them is known.

    Parameters
    ----------
    layout : str
        One of LAYOUTS.
    anchor_m, anchor_2_m : (x, y)
    travel_ratio : float
    sigma_length_m, sigma_tilt_rad, sigma_pulley_n : float
        Standard uncertainties of one reading, for the path.
    """

    def __cinit__(self):
        self.block = <double*>untouched(4 * RING * sizeof(double))
        self.s = self.block
        self.force = self.block + RING
        self.x = self.y = NOWHERE

    def __dealloc__(self):
        give_back(self.block, 4 * RING * sizeof(double))

    def __init__(
        self,
        str layout,
        anchor_m,
        anchor_2_m,
        double travel_ratio,
        double sigma_length_m,
        double sigma_tilt_rad,
        double sigma_pulley_n,
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
        self.of_second = Queue(self.second)
        self.of_cell = Queue(self.cell)
        self.of_pulley_x = Queue(self.pulley_x)
        self.of_pulley_y = Queue(self.pulley_y)
        self.leading = self.cell if self.layout == TENSION else self.position
        for channel in (self.cell, self.pulley_x, self.pulley_y):
            (<Resampler>channel).closings_mask = MASK if channel is self.leading else 0
        self.leading_id = 3 if self.layout == TENSION else 0
        self.ratio = travel_ratio
        self.two_sensors = self.layout == TILT or self.layout == TWO_TETHERS
        self.anchors = survey(
            anchor_m[0], anchor_m[1], anchor_2_m[0], anchor_2_m[1], sigma_length_m, sigma_tilt_rad, sigma_pulley_n
        )
        if self.layout == PULLEY:
            self.x = self.block + 2 * RING
            self.y = self.block + 3 * RING
        for i in range(RING):
            self.s[i] = NAN
            self.force[i] = NAN
            self.x[i] = NAN
            self.y[i] = NAN
        self.window.s = self.s
        self.window.x = self.x
        self.window.y = self.y
        self.window.force = self.force
        self.window.closings = self.leading.closings
        self.window.ratio = travel_ratio if self.layout == TRAVEL or self.layout == PULLEY else 1.0
        self.window.felt = -1
        self.first_s = NAN
        self.placed = -1
        self.heard = -1
        self.force_done = -1
        self.pulley_done = -1
        self.weigh_path()

    cdef Py_ssize_t lead(self, const double* t, const double* y, Py_ssize_t i, Py_ssize_t n) noexcept nogil:
        """Take samples of the leading channel from the i-th on, up to a stretch of the grid; how many are taken."""
        if isnan(self.first_s):
            self.first_s = t[0]
        return self.leading.take_many(t, y, i, n, self.leading.newest + STRETCH)

    cdef bint put(self, int channel, const double* t, const double* y, Py_ssize_t n) noexcept nogil:
        """Hold samples of another channel; whether a grid sample may have waited for them."""
        if channel == self.second_id and self.two_sensors:
            self.of_second.put(t, y, n)
            return True
        if channel == 3:
            self.of_cell.put(t, y, n)
        elif channel == 4:
            self.of_pulley_x.put(t, y, n)
        elif channel == 5:
            self.of_pulley_y.put(t, y, n)
        return False

    cdef bint begin(self) noexcept nogil:
        """Whether the grid begins here: at the first sample, or after a time longer than the rings hold."""
        if self.leading.state == EMPTY or (self.started and self.leading.newest - self.placed <= RING // 2):
            return False
        self.started = True
        self.placed = self.leading.newest - 1
        self.force_done = self.placed
        self.pulley_done = self.placed
        return True

    cdef Py_ssize_t see(self) noexcept nogil:
        """Place and force of the next grid samples that are complete, a stretch at the most; how many it saw.

        Each is seen from what was measured up to its end.
        """
        cdef Py_ssize_t n = min(STRETCH, self.leading.newest - self.placed, WEIGH - (self.placed + 1) % WEIGH)
        cdef Py_ssize_t i, at
        cdef long long k
        cdef Place p
        cdef double other, ax, ay
        if not self.started or n <= 0:
            return 0  # a stream that broke off was held on beyond its last sample
        if self.alone():
            ax = self.anchors.ax
            ay = self.anchors.ay
            at = (self.placed + 1) & MASK
            i = min(n, RING - at)
            heights(self.leading.ring + at, i, ax, ay, self.s + at)
            heights(self.leading.ring, n - i, ax, ay, self.s)
            if self.of_cell.tail > 0:
                for i in range(n):
                    self.feel(self.placed + 1 + i)
                    self.felt[i] = self.force_done
            else:
                for i in range(n):
                    self.felt[i] = self.force_done
            self.placed += n
            self.heard = self.placed
            return n
        for i in range(n):
            k = self.placed + 1
            at = k & MASK
            if self.two_sensors:
                if not self.listen(k):
                    return i  # the second sensor's sample is on its way
                other = value_at(self.second, k)
                self.x[at] = NAN
                if isnan(other):
                    self.s[at] = one_tether(self.leading.ring[at], self.anchors.ax, self.anchors.ay)
                else:
                    if self.layout == TILT:
                        p = tilted_tether(self.leading.ring[at], other, &self.anchors)
                    else:
                        p = two_tethers(self.leading.ring[at], other, &self.anchors)
                    self.s[at] = p.y
                    # a shifted zero has lost the place for a while; a line over a gap is not the way the bar went
                    if not self.position.lost[at] and not self.second.lost[at]:
                        if not self.position.bridged(k) and not self.second.bridged(k):
                            if self.x == NOWHERE:
                                self.begin_path()
                            self.x[at] = p.x
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

    cdef void begin_path(self) noexcept nogil:
        """The other sensor is there: a ring for the path, which takes memory from here on."""
        cdef Py_ssize_t i
        self.x = self.block + 2 * RING
        for i in range(RING):
            self.x[i] = NAN
        self.window.x = self.x

    cdef void share(self, Py_ssize_t n, double* carried) noexcept nogil:
        """What share of the heaviest load of the set is carried at each of the n grid samples of the latest stretch."""
        cdef Py_ssize_t i
        cdef double force
        for i in range(n):
            force = self.force[self.felt[i] & MASK]
            if force > self.heaviest:
                self.heaviest = force
            carried[i] = force / self.heaviest if self.heaviest > LEAST_LOAD_N else NAN

    cdef bint alone(self) noexcept nogil:
        """Whether there is one tether, or the other sensor has not been heard since the stream began."""
        if not self.two_sensors:
            return self.layout == ONE_TETHER
        return (
            self.second.state == EMPTY
            and self.of_second.head == self.of_second.tail
            and self.leading.closings[(self.placed + 1) & MASK].time_s - self.first_s > STALE_S
        )

    cdef bint listen(self, long long k) noexcept nogil:
        """Take the second sensor's samples up to grid sample k; whether it has come so far, or is lost."""
        cdef double now_s
        if self.heard < k:
            self.heard = k
        while True:
            now_s = self.leading.closings[self.heard & MASK].time_s
            self.of_second.release(now_s)
            if self.second.newest >= k:
                return True
            if now_s - (self.first_s if self.second.state == EMPTY else self.second.t0) > STALE_S:
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
        if self.of_cell.tail > 0:  # else the ring is as it was made, NaN
            self.force[k & MASK] = NAN
            self.of_cell.release((k + 1) * GRID_S)
            while self.force_done < min(k, self.cell.newest):
                self.force_done += 1
                self.force[self.force_done & MASK] = value_at(self.cell, self.force_done)

    cdef void feel_pulley(self, long long k) noexcept nogil:
        self.x[k & MASK] = NAN
        self.y[k & MASK] = NAN
        self.of_pulley_x.release((k + 1) * GRID_S)
        self.of_pulley_y.release((k + 1) * GRID_S)
        while self.pulley_done < min(k, min(self.pulley_x.newest, self.pulley_y.newest)):
            self.pulley_done += 1
            self.x[self.pulley_done & MASK] = value_at(self.pulley_x, self.pulley_done)
            self.y[self.pulley_done & MASK] = value_at(self.pulley_y, self.pulley_done)

    cdef Py_ssize_t hold(self) noexcept nogil:
        """Go on as if everything stayed where it is, as far as the smoothers look ahead; for how many samples."""
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
        return MAX_HALF

    cdef void weigh_path(self) noexcept nogil:
        """What the path's smoother leaves of white noise: sqrt(sum of taps²), times grid rate over sensor rate."""
        cdef long long taken = self.pulley_x.taken if self.layout == PULLEY else self.second.taken
        cdef long long bins = self.pulley_x.bins if self.layout == PULLEY else self.second.bins
        cdef double quantum = self.pulley_x.quantum if self.layout == PULLEY else self.second.quantum
        cdef Smoother* f = smoother(PULLEY_HALF if self.layout == PULLEY else PATH_HALF)
        cdef double total = 0.0
        cdef int i
        for i in range(2 * f.half + 1):
            total += f.place[i] * f.place[i]
        self.window.place_gain = sqrt(total)
        self.window.second_s = GRID_S * bins / taken if self.two_sensors and taken else 0.0
        # uniform over one step of the resolution: sqrt(12) (GUM 4.3.7)
        self.window.stuck = quantum / sqrt(12.0) / (
            self.anchors.sigma_tilt if self.layout == TILT else self.anchors.sigma_length
        )
        self.window.stuck = min(1.0, self.window.stuck)
        self.window.path_gain = sqrt(total * bins / taken) if taken else 1.0
