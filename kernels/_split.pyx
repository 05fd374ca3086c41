"""Samples of a board's frames, one channel at a time, on the session's clock."""

import numpy as np

from libc.math cimport NAN
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

cdef enum:
    MAX_CHANNELS = 16


def split_channels(
    frames, const int64_t[::1] session_us not None, int start, int stop, uint32_t boot_id, limits, newest_us
):
    """Take the samples of frames[start:stop] apart by channel.

    A sample of another boot than the hello's, of a channel the hello does not name, or not after the one before it
    is left out and counted; one at the end of its channel's range becomes NaN, for how far beyond is not known.

    Parameters
    ----------
    frames : Frames
        As FrameDecoder gives them; f frames, n samples.
    session_us : int64, shape (f,)
        Session time of each frame.
    boot_id : int
        Of the hello that holds for these frames.
    limits : float64, shape (c, 2)
        Least and most counts of the c channels of the hello.
    newest_us : int64, shape (c,)
        Session time of each channel's newest sample; brought up to date here.

    Returns
    -------
    list of (channel, time_s, counts, beyond)
        For each channel with samples: its number, float64 arrays of shape (m,), and how many became NaN.
    int
        How many samples were left out.
    """
    cdef const uint32_t[::1] boots = frames.boot_id
    cdef const int32_t[::1] samples = frames.samples
    cdef const uint8_t[::1] channel = frames.channel
    cdef const uint32_t[::1] age_us = frames.age_us
    cdef const double[::1] counts = frames.counts
    cdef const double[:, ::1] ends = limits
    cdef int64_t[::1] newest = newest_us
    cdef int channels = ends.shape[0]
    cdef Py_ssize_t many[MAX_CHANNELS]
    cdef double *times[MAX_CHANNELS]
    cdef double *values[MAX_CHANNELS]
    cdef Py_ssize_t beyond[MAX_CHANNELS]
    cdef Py_ssize_t first = 0
    cdef Py_ssize_t i, last
    cdef Py_ssize_t left_out = 0
    cdef int64_t at_us
    cdef double[::1] view
    cdef int f, c
    if channels > MAX_CHANNELS or newest.shape[0] != channels:
        raise ValueError(
            f"need up to {MAX_CHANNELS} channels and the newest time of each, got {channels} and {newest.shape[0]}"
        )
    for f in range(start):
        first += samples[f]
    last = first
    for c in range(MAX_CHANNELS):
        many[c] = 0
        beyond[c] = 0
    for f in range(start, stop):
        for i in range(last, last + samples[f]):
            if boots[f] == boot_id and channel[i] < channels:
                many[channel[i]] += 1
        last += samples[f]
    rows = []
    for c in range(channels):
        row = (np.empty(many[c]), np.empty(many[c])) if many[c] else None
        rows.append(row)
        if many[c]:
            view = row[0]
            times[c] = &view[0]
            view = row[1]
            values[c] = &view[0]
        many[c] = 0
    last = first
    for f in range(start, stop):
        for i in range(last, last + samples[f]):
            c = channel[i]
            at_us = session_us[f] - age_us[i]
            if boots[f] != boot_id or c >= channels or at_us <= newest[c]:
                left_out += 1
                continue
            newest[c] = at_us
            times[c][many[c]] = at_us / 1e6
            if ends[c, 0] < counts[i] < ends[c, 1]:
                values[c][many[c]] = counts[i]
            else:
                values[c][many[c]] = NAN
                beyond[c] += counts[i] == counts[i]
            many[c] += 1
        last += samples[f]
    parts = []
    for c in range(channels):
        if many[c]:
            time_s, value = rows[c]
            parts.append((c, time_s[:many[c]], value[:many[c]], beyond[c]))
    return parts, left_out
