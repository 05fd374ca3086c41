"""Bytes of a Plumbline sensor board to frames: COBS, CRC-32, exact lengths, losses counted."""

import numpy as np

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.math cimport NAN
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcpy

cdef enum:
    # The layout is drawn in station/wire.py; the tests hold the two together.
    FIRST_EDITION = 1
    NEWEST_EDITION = 2
    TYPE_HELLO = 1
    TYPE_DATA = 2
    TYPE_STATUS = 3              # not in the first edition
    HEADER_BYTES = 12
    BLOCK_BYTES = 12
    CRC_BYTES = 4
    STATUS_BYTES = 11
    STATUS_CHANNEL_BYTES = 4
    MAX_CHANNELS = 16
    MAX_FRAME_BYTES = 1024
    MAX_STUFFED_BYTES = 1024 + 1024 // 254 + 1
    STALE_FRAMES = 64            # a repeat lies this close behind the newest frame,
    STALE_US = 10_000_000        # and this close in the board's time; anything else is a loss

cdef Py_ssize_t HELLO_BYTES[3]           # by edition, without its channels, the last byte says how many
cdef Py_ssize_t HELLO_CHANNEL_BYTES[3]
HELLO_BYTES[:] = [0, 49, 66]
HELLO_CHANNEL_BYTES[:] = [0, 56, 57]

cdef uint32_t CRC_TABLE[8][256]


cdef void _fill_crc_table() noexcept:
    """Tables of the reflected polynomial 0xEDB88320 for eight bytes at a time (Kounavis and Berry 2005)."""
    cdef uint32_t crc, i
    cdef int _bit, k
    for i in range(256):
        crc = i
        for _bit in range(8):
            crc = (crc >> 1) ^ (0xEDB88320U if crc & 1 else 0)
        CRC_TABLE[0][i] = crc
    for k in range(1, 8):
        for i in range(256):
            crc = CRC_TABLE[k - 1][i]
            CRC_TABLE[k][i] = (crc >> 8) ^ CRC_TABLE[0][crc & 0xFF]


_fill_crc_table()


cdef inline uint32_t _u32(const uint8_t *p) noexcept nogil:
    return p[0] | (<uint32_t> p[1] << 8) | (<uint32_t> p[2] << 16) | (<uint32_t> p[3] << 24)


cdef inline uint32_t _u16(const uint8_t *p) noexcept nogil:
    return p[0] | (<uint32_t> p[1] << 8)


cdef uint32_t _crc32(const uint8_t *p, Py_ssize_t n) noexcept nogil:
    cdef uint32_t crc = 0xFFFFFFFFU
    cdef uint32_t low
    cdef uint32_t high
    while n >= 8:
        low = crc ^ _u32(p)
        high = _u32(p + 4)
        crc = (
            CRC_TABLE[7][low & 0xFF] ^ CRC_TABLE[6][(low >> 8) & 0xFF]
            ^ CRC_TABLE[5][(low >> 16) & 0xFF] ^ CRC_TABLE[4][low >> 24]
            ^ CRC_TABLE[3][high & 0xFF] ^ CRC_TABLE[2][(high >> 8) & 0xFF]
            ^ CRC_TABLE[1][(high >> 16) & 0xFF] ^ CRC_TABLE[0][high >> 24]
        )
        p += 8
        n -= 8
    while n > 0:
        crc = (crc >> 8) ^ CRC_TABLE[0][(crc ^ p[0]) & 0xFF]
        p += 1
        n -= 1
    return crc ^ 0xFFFFFFFFU


cdef Py_ssize_t _unstuff(const uint8_t *stuffed, Py_ssize_t n, uint8_t *raw) noexcept nogil:
    """Undo COBS; the length, or -1 where a run points beyond the end. n <= MAX_STUFFED_BYTES."""
    cdef Py_ssize_t i = 0
    cdef Py_ssize_t length = 0
    cdef Py_ssize_t run
    while i < n:
        run = stuffed[i] - 1
        if i + 1 + run > n:
            return -1
        memcpy(raw + length, stuffed + i + 1, run)
        i += run + 1
        length += run
        if run < 254 and i < n:
            raw[length] = 0
            length += 1
    return length


# What a Sample is to numpy.
SAMPLE = np.dtype([("channel", np.uint32), ("age_us", np.uint32), ("counts", np.float64)])


cdef class Frames:
    """The frames that one read has completed, oldest first. Lists, for mostly there is one, or none.

    boot_id, t_us, span_us : list of int, one a frame
        span_us is the age of its oldest sample (0 without samples).
    samples : list of structured arrays, one a frame; made when asked for
        channel : uint32
        age_us : uint32, at its frame's t_us
        counts : float64, whole numbers; NaN = no value
    hellos : list of (index of the frame, its bytes for station.wire.parse_hello)
    statuses : list of (index of the frame, its bytes for station.wire.parse_status)
    """

    def __cinit__(self):
        self.hellos = []
        self.statuses = []

    def __dealloc__(self):
        PyMem_Free(self.frame)
        PyMem_Free(self.sample)

    cdef int hold(self, Py_ssize_t frames, Py_ssize_t samples) except -1:
        """Make room for so many."""
        self.frame = <Frame *> PyMem_Malloc(frames * sizeof(Frame))
        self.sample = <Sample *> PyMem_Malloc(samples * sizeof(Sample))
        if self.frame == NULL or self.sample == NULL:
            raise MemoryError
        return 0

    def __len__(self):
        return self.n_frames

    @property
    def boot_id(self):
        return [self.frame[i].boot_id for i in range(self.n_frames)]

    @property
    def t_us(self):
        return [self.frame[i].t_us for i in range(self.n_frames)]

    @property
    def span_us(self):
        return [self.frame[i].span_us for i in range(self.n_frames)]

    @property
    def samples(self):
        cdef const char *p = <const char *> self.sample
        cdef Py_ssize_t i, size
        found = []
        for i in range(self.n_frames):
            size = self.frame[i].samples * sizeof(Sample)
            found.append(np.frombuffer(PyBytes_FromStringAndSize(p, size), dtype=SAMPLE))
            p += size
        return found


cdef class FrameDecoder:
    """Turn a board's byte stream into arrays. Bad input is counted, never raised.

    State: the bytes since the last zero byte (at most one frame), and boot_id, seq and t_us of the newest
    frame. Promises: cutting the stream differently changes nothing; memory is bounded whatever arrives.

    Counters, all since the start:

    frames            good frames, repeats not counted
    frames_lost       frames missing by their sequence number (modulo 65536), those after a reset included;
                      how many a board had sent before a reset nobody can know
    frames_corrupt    pieces between zero bytes that were no frame; what stands before the first zero byte
                      is not counted, for the listener may have joined mid-frame
    frames_repeated   good frames seen before, dropped
    frames_unsupported  good frames of an unknown version or type
    unsupported_version  the newest unknown version; 0: none
    resets            changes of boot_id
    bytes_discarded   every byte that belongs to none of the above good frames, closing zeros included;
                      lone zero bytes are not counted, a board may send them to start afresh
    """

    cdef uint8_t tail[MAX_STUFFED_BYTES]
    cdef uint8_t raw[MAX_STUFFED_BYTES]
    cdef Py_ssize_t tail_bytes
    cdef bint overlong
    cdef bint synchronised
    cdef bint started
    cdef uint32_t boot_id
    cdef uint32_t seq
    cdef uint32_t t_us
    cdef Frames out              # where the frames being read go; during feed only

    cdef readonly int64_t frames
    cdef readonly int64_t frames_lost
    cdef readonly int64_t frames_corrupt
    cdef readonly int64_t frames_repeated
    cdef readonly int64_t frames_unsupported
    cdef readonly int unsupported_version
    cdef readonly int64_t resets
    cdef readonly int64_t bytes_discarded

    def feed(self, const uint8_t[::1] data not None):
        """Take any number of bytes; return the Frames they complete."""
        cdef Py_ssize_t n = data.shape[0]
        cdef Py_ssize_t most = n + self.tail_bytes
        cdef Frames frames = Frames.__new__(Frames)
        frames.hold(most // (HEADER_BYTES + CRC_BYTES) + 1, most // 2 + 1)
        if n > 0:
            self.out = frames
            with nogil:
                self._feed(&data[0], n)
            self.out = None
        return frames

    def restart(self):
        """The port was opened again: what was half read will never be whole, and the next may be half a frame too."""
        self.bytes_discarded += self.tail_bytes
        self.frames_corrupt += self.synchronised and self.tail_bytes > 0
        self.tail_bytes = 0
        self.overlong = False
        self.synchronised = False

    cdef void _feed(self, const uint8_t *p, Py_ssize_t n) noexcept nogil:
        cdef const uint8_t *zero
        cdef Py_ssize_t length
        while n > 0:
            zero = <const uint8_t *> memchr(p, 0, n)
            length = zero - p if zero != NULL else n
            if self.overlong:
                self.bytes_discarded += length
            elif self.tail_bytes + length > MAX_STUFFED_BYTES:
                self.bytes_discarded += self.tail_bytes + length
                self.overlong = True
                self.tail_bytes = 0
            elif zero == NULL or self.tail_bytes > 0:
                memcpy(self.tail + self.tail_bytes, p, length)
                self.tail_bytes += length
            if zero == NULL:
                return
            if self.overlong:
                self.overlong = False
                self._discard(0)
            elif self.tail_bytes > 0:
                if not self._frame(self.tail, self.tail_bytes):
                    self._discard(self.tail_bytes)
                self.tail_bytes = 0
            elif length > 0 and not self._frame(p, length):
                self._discard(length)
            self.synchronised = True
            p += length + 1
            n -= length + 1

    cdef void _discard(self, Py_ssize_t length) noexcept nogil:
        self.bytes_discarded += length + 1
        self.frames_corrupt += self.synchronised

    cdef bint _frame(self, const uint8_t *stuffed, Py_ssize_t n) noexcept nogil:
        """Read one frame; False if it is none."""
        cdef const uint8_t *raw = self.raw
        cdef Frame *frame = self.out.frame + self.out.n_frames
        cdef Py_ssize_t length = _unstuff(stuffed, n, self.raw)
        cdef Py_ssize_t body_end = length - CRC_BYTES
        if length < HEADER_BYTES + CRC_BYTES or length > MAX_FRAME_BYTES:
            return False
        if _crc32(raw, body_end) != _u32(raw + body_end):
            return False
        if not FIRST_EDITION <= raw[0] <= NEWEST_EDITION:
            self.frames_unsupported += 1
            self.unsupported_version = raw[0]
            return True
        frame.span_us = 0
        frame.samples = 0
        if raw[1] == TYPE_DATA:
            if not self._blocks(raw + HEADER_BYTES, raw + body_end, frame):
                return False
        elif raw[1] == TYPE_HELLO:
            if not _has_channels(raw, length, HELLO_BYTES[raw[0]], HELLO_CHANNEL_BYTES[raw[0]]):
                return False
        elif _is_status(raw) and not _has_channels(raw, length, STATUS_BYTES, STATUS_CHANNEL_BYTES):
            return False
        if self._repeated(_u32(raw + 4), _u16(raw + 2), _u32(raw + 8)):
            return True
        if raw[1] == TYPE_HELLO:
            with gil:
                self.out.hellos.append((self.out.n_frames, PyBytes_FromStringAndSize(<const char *> raw, length)))
        elif _is_status(raw):
            with gil:
                self.out.statuses.append((self.out.n_frames, PyBytes_FromStringAndSize(<const char *> raw, length)))
        elif raw[1] != TYPE_DATA:
            self.frames_unsupported += 1
        self.frames += 1
        frame.boot_id = self.boot_id
        frame.t_us = self.t_us
        self.out.n_frames += 1
        self.out.n_samples += frame.samples
        return True

    cdef bint _repeated(self, uint32_t boot_id, uint32_t seq, uint32_t t_us) noexcept nogil:
        """Follow boot_id, seq and t_us; True for a frame seen before."""
        if self.started and boot_id == self.boot_id:
            if ((self.seq - seq) & 0xFFFF) < STALE_FRAMES and <uint32_t> (self.t_us - t_us) < STALE_US:
                self.frames_repeated += 1
                return True
            self.frames_lost += (seq - self.seq - 1) & 0xFFFF
        elif self.started:
            self.resets += 1
            self.frames_lost += seq  # a board counts from 0 when it starts
        self.started = True
        self.boot_id = boot_id
        self.seq = seq
        self.t_us = t_us
        return False

    cdef bint _blocks(self, const uint8_t *p, const uint8_t *end, Frame *frame) noexcept nogil:
        """Write the samples of a data frame's body; False unless the blocks fill it exactly."""
        cdef Sample *sample = self.out.sample + self.out.n_samples
        cdef uint32_t width
        cdef uint32_t count
        cdef uint32_t age_us
        cdef uint32_t period_us
        if p == end:
            return False
        while p != end:
            if end - p < BLOCK_BYTES:
                return False
            width = p[1]
            count = _u16(p + 2)
            age_us = _u32(p + 4)
            period_us = _u32(p + 8)
            if p[0] >= MAX_CHANNELS or width < 2 or width > 4 or count == 0 or age_us >= 0x80000000U:
                return False
            if end - p - BLOCK_BYTES < <Py_ssize_t> (count * width):
                return False
            if <uint64_t> (count - 1) * period_us > age_us:
                return False
            _samples(p, width, count, age_us, period_us, sample)
            sample += count
            frame.samples += count
            frame.span_us = max(frame.span_us, age_us)
            p += BLOCK_BYTES + count * width
        return True


cdef inline bint _is_status(const uint8_t *raw) noexcept nogil:
    return raw[1] == TYPE_STATUS and raw[0] > FIRST_EDITION


cdef bint _has_channels(const uint8_t *raw, Py_ssize_t length, Py_ssize_t head, Py_ssize_t each) noexcept nogil:
    """Whether a frame is exactly as long as its channels make it; the last byte of the head is their number."""
    cdef Py_ssize_t channels
    if length < HEADER_BYTES + head + CRC_BYTES:
        return False
    channels = raw[HEADER_BYTES + head - 1]
    return 1 <= channels <= MAX_CHANNELS and length == HEADER_BYTES + head + channels * each + CRC_BYTES


cdef void _samples(
    const uint8_t *block, uint32_t width, uint32_t count, uint32_t age_us, uint32_t period_us, Sample *out
) noexcept nogil:
    """The samples of a block; little-endian two's complement to float64, the most negative number is NaN."""
    cdef const uint8_t *p = block + BLOCK_BYTES
    cdef uint32_t channel = block[0]
    cdef uint32_t k
    cdef int32_t number
    cdef int32_t lowest = -1 << (8 * width - 1)
    for k in range(count):
        # Into the top bytes and arithmetically down again: that extends the sign.
        if width == 2:
            number = <int32_t> (_u16(p) << 16) >> 16
        elif width == 3:
            number = <int32_t> ((_u16(p) | <uint32_t> p[2] << 16) << 8) >> 8
        else:
            number = <int32_t> _u32(p)
        # Not a conditional expression: its type would be that of NAN, float, which cannot hold 25 bits.
        if number == lowest:
            out[k].counts = NAN
        else:
            out[k].counts = number
        out[k].age_us = age_us - k * period_us
        out[k].channel = channel
        p += width
