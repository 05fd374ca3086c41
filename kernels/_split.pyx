"""A board's samples, each channel by itself: on the session's clock and in SI."""

import numpy as np

from libc.math cimport INFINITY, NAN
from libc.stdint cimport int64_t, uint32_t

from kernels._frames cimport Frame, Frames, Sample
from kernels._numbers cimport numbers

cdef enum:
    MAX_CHANNELS = 16

cdef object _empty = np.empty

cdef struct Channel:
    int64_t newest_us            # session time of its newest sample
    double min_counts
    double max_counts
    double zero_counts
    double counts_per_unit
    # During a split only: how many samples it has, how many of them beyond its range, the least, and where they go.
    Py_ssize_t n
    Py_ssize_t beyond
    double least
    double *time_s
    double *value


cdef class ChannelSplit:
    """Take samples apart by the channels of one hello.

    A sample of another boot than the hello's, of a channel the hello does not name, or not after the one before it
    is left out and counted; one at the end of its channel's range becomes NaN, for how far beyond is not known.

    State: session time of each channel's newest sample.

    Parameters
    ----------
    boot_id : int
        Of the hello.
    limits : float64, shape (c, 2)
        Least and most counts of the c channels of the hello.
    scales : float64, shape (c, 2)
        Counts at zero and counts per unit of each: value = (counts - zero) / counts per unit.
    newest_us : list of int, c of them
        Session time of each channel's newest sample so far.
    """

    cdef Channel channels[MAX_CHANNELS]
    cdef int n_channels
    cdef uint32_t boot_id

    def __init__(self, uint32_t boot_id, const double[:, :] limits, const double[:, :] scales, newest_us):
        cdef int c
        if not len(limits) == len(scales) == len(newest_us) <= MAX_CHANNELS:
            raise ValueError(
                f"need limits, scales and newest times of up to {MAX_CHANNELS} channels, "
                f"got {len(limits)}, {len(scales)} and {len(newest_us)}"
            )
        self.boot_id = boot_id
        self.n_channels = len(newest_us)
        for c in range(self.n_channels):
            self.channels[c].newest_us = newest_us[c]
            self.channels[c].min_counts = limits[c, 0]
            self.channels[c].max_counts = limits[c, 1]
            self.channels[c].zero_counts = scales[c, 0]
            self.channels[c].counts_per_unit = scales[c, 1]

    @property
    def newest_us(self):
        return [self.channels[c].newest_us for c in range(self.n_channels)]

    def split(self, Frames frames not None, list session_us not None, int start, int stop):
        """Take frames[start:stop] apart, whose session times are session_us[start:stop].

        Returns
        -------
        list of (channel, time_s, value, beyond, least)
            For each channel with samples: its number, float64 arrays of shape (m,), how many became NaN, and the least
            of the others (inf where there is none).
        int
            How many samples were left out.
        """
        cdef Channel *channel
        cdef const Sample *sample = frames.sample
        cdef const Sample *first
        cdef Py_ssize_t left_out = 0
        cdef int64_t frame_us
        cdef Py_ssize_t i
        cdef int f, c
        if not 0 <= start <= stop <= frames.n_frames <= len(session_us):
            raise ValueError(f"need frames from 0 to {frames.n_frames} and their times, got {start} to {stop}")
        for f in range(start):
            sample += frames.frame[f].samples
        for c in range(self.n_channels):
            self.channels[c].n = 0
        first = sample
        for f in range(start, stop):
            if frames.frame[f].boot_id == self.boot_id:
                for i in range(frames.frame[f].samples):
                    if sample[i].channel < <uint32_t> self.n_channels:
                        self.channels[sample[i].channel].n += 1
            sample += frames.frame[f].samples
        rows = []
        for c in range(self.n_channels):
            channel = &self.channels[c]
            time_s, value = _empty(channel.n), _empty(channel.n)
            channel.time_s = numbers(time_s, &channel.n)
            channel.value = numbers(value, &channel.n)
            channel.n = 0
            channel.beyond = 0
            channel.least = INFINITY
            rows.append((time_s, value))
        sample = first
        for f in range(start, stop):
            frame_us = session_us[f]
            if frames.frame[f].boot_id == self.boot_id:
                left_out += self._frame(&frames.frame[f], sample, frame_us)
            else:
                left_out += frames.frame[f].samples
            sample += frames.frame[f].samples
        parts = []
        for c in range(self.n_channels):
            channel = &self.channels[c]
            if channel.n:
                time_s, value = rows[c]
                if channel.n < len(time_s):
                    time_s, value = time_s[:channel.n], value[:channel.n]
                parts.append((c, time_s, value, channel.beyond, channel.least))
        return parts, left_out

    cdef Py_ssize_t _frame(self, const Frame *frame, const Sample *sample, int64_t frame_us) noexcept nogil:
        """Give each sample of a frame to its channel; how many are left out."""
        cdef Channel *channel
        cdef Py_ssize_t left_out = 0
        cdef int64_t at_us
        cdef double counts
        cdef uint32_t i
        for i in range(frame.samples):
            channel = &self.channels[sample[i].channel]
            at_us = frame_us - sample[i].age_us
            if sample[i].channel >= <uint32_t> self.n_channels or at_us <= channel.newest_us:
                left_out += 1
                continue
            counts = sample[i].counts
            channel.newest_us = at_us
            channel.time_s[channel.n] = at_us / 1e6
            if channel.min_counts < counts < channel.max_counts:
                channel.value[channel.n] = (counts - channel.zero_counts) / channel.counts_per_unit
                channel.least = min(channel.least, channel.value[channel.n])
            else:
                channel.value[channel.n] = NAN
                channel.beyond += counts == counts
            channel.n += 1
        return left_out


cdef class Dither:
    """How the readings of one channel move from one to the next: what was seen since it was asked last.

    Counts and times are since `begin`, for the last reading does not end with it; NaN is no value and no step.

    n, known, moved, turns : readings, those with a value, steps that are not 0, steps against the one before
    at : which of those with a value was the last to move, from 0
    first_s, newest_s : times of the first and the newest reading
    value_s, moved_s : of the last with a value, and of the last that moved
    """

    cdef readonly Py_ssize_t n, known, moved, turns, at
    cdef readonly double first_s, newest_s, value_s, moved_s
    cdef double last, last_sign

    def __cinit__(self):
        self.last = NAN  # the first value has moved
        self.last_sign = 0.0

    def take(self, time_s, value):
        """Take readings, float64 of shape (n,), oldest first; how long it is since the first of them, in seconds."""
        cdef Py_ssize_t i, n, n_values
        cdef double step, sign
        cdef const double *t = numbers(time_s, &n)
        cdef const double *y = numbers(value, &n_values)
        if n != n_values:
            raise ValueError(f"need as many times as values, got {n} and {n_values}")
        if n == 0:
            return self.newest_s - self.first_s if self.n else 0.0
        if self.n == 0:
            self.first_s = t[0]
        for i in range(n):
            if y[i] != y[i]:
                continue
            step = y[i] - self.last
            if step != 0.0:
                sign = 1.0 if step > 0.0 else -1.0 if step < 0.0 else <double> NAN
                self.turns += sign != self.last_sign
                self.last_sign = sign
                self.moved += 1
                self.at = self.known
                self.moved_s = t[i]
            self.last = y[i]
            self.value_s = t[i]
            self.known += 1
        self.n += n
        self.newest_s = t[n - 1]
        return self.newest_s - self.first_s

    def begin(self):
        """Count anew from the next reading on."""
        self.n = self.known = self.moved = self.turns = 0
