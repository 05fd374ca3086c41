"""The newest raw bytes of a port in memory, as records of a capture: ten minutes, and no more than fits.

Kept in blocks of some seconds, packed as soon as the next begins: a board's bytes to less than half, for a
fiftieth of what a node does with them. Each knows where the device's clock stood before its first byte, so
that what begins with a block is placed on the session's clock to the microsecond.
"""

import mmap
import threading
import zlib
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from edge.link.capture import record
from station.timing.clock import ClockMark, DeviceClock

KEEP_S = 600.0
BLOCK_S = 5.0
BLOCK_BYTES = 1 << 17  # of a line that is faster than any of ours

Stretch = list[tuple[float, ClockMark | None, bytes]]  # start, clock and records of each block


class _Packed(NamedTuple):
    """A block of some seconds of a port's bytes."""

    start_s: float  # host's monotonic clock, of its first read
    clock: ClockMark | None
    place: slice  # in the store


class RawRing:
    """A ring buffer of one port's bytes. One thread writes; another may read a stretch.

    Parameters
    ----------
    max_bytes : int
        Of memory. The oldest go beyond it, however young they are.
    keep_s : float
    """

    def __init__(self, max_bytes: int, keep_s: float = KEEP_S) -> None:
        self._max_bytes = max_bytes
        self._keep_s = keep_s
        # Pages of its own, used in turn: old blocks between what others hold for moments leave the heap
        # full of holes. What is never written takes no memory.
        self._store = mmap.mmap(-1, max_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._packed: deque[_Packed] = deque()
        self._start_s = 0.0  # of the newest block, which is not packed yet
        self._clock: ClockMark | None = None
        self._records: list[bytes] = []
        self._bytes = 0  # of all
        self._newest_bytes = 0
        self._lock = threading.Lock()

    def take(self, received_s: float, data: bytes, clock: DeviceClock) -> None:
        """Append the bytes of one read; `clock`: the device's, as it stood before it."""
        if not data:
            return
        written = record(received_s, data)
        with self._lock:
            if self._records and (received_s - self._start_s >= BLOCK_S or self._newest_bytes >= BLOCK_BYTES):
                self._pack()
            if not self._records:
                self._start_s, self._clock = received_s, clock.mark
            self._records.append(written)
            self._newest_bytes += len(written)
            self._bytes += len(written)
            while self._packed and (self._bytes > self._max_bytes or self._too_old(received_s)):
                self._forget()

    def stretch(self, from_session_s: float) -> Stretch:
        """From the block a session time lies in, or the oldest there is.

        A block whose clock had not begun lies before any time.
        """
        return self._from_last(lambda _, clock: clock is None or clock.session_us / 1e6 <= from_session_s)

    def since(self, start_s: float) -> Stretch:
        """The same from a time of the host's clock on."""
        return self._from_last(lambda began_s, _: began_s <= start_s)

    @property
    def size_bytes(self) -> int:
        """What it takes of memory."""
        return self._bytes

    def _from_last(self, fits: Callable[[float, ClockMark | None], bool]) -> Stretch:
        """The last block that fits, and those after it; all of them where none does."""
        with self._lock:
            heads = [*((one.start_s, one.clock) for one in self._packed), (self._start_s, self._clock)]
            first = max((place for place, head in enumerate(heads) if fits(*head)), default=0)
            found: Stretch = [
                (one.start_s, one.clock, zlib.decompress(self._store[one.place]))
                for one in islice(self._packed, first, None)
            ]
            if self._records:
                found.append((self._start_s, self._clock, b"".join(self._records)))
            return found

    def _pack(self) -> None:
        """Put the newest block into the store, behind the one before; at the start where no room is left."""
        packed = zlib.compress(b"".join(self._records), 1)
        first = self._packed[-1].place.stop if self._packed else 0
        if first + len(packed) > self._max_bytes:
            while self._packed and self._packed[0].place.start >= first:
                self._forget()
            first = 0
        place = slice(first, first + len(packed))
        while self._packed and place.start <= self._packed[0].place.start < place.stop:
            self._forget()
        self._bytes -= self._newest_bytes
        if place.stop <= self._max_bytes:  # a block of noise, larger than all that may be kept, is not
            self._store[place] = packed
            self._packed.append(_Packed(self._start_s, self._clock, place))
            self._bytes += len(packed)
        self._records, self._newest_bytes = [], 0

    def _too_old(self, now_s: float) -> bool:
        """Whether the oldest block ended too long ago."""
        ended_s = self._packed[1].start_s if len(self._packed) > 1 else self._start_s
        return ended_s < now_s - self._keep_s

    def _forget(self) -> None:
        """Let go of the oldest block, and of its pages but for those that another block lies in, too."""
        oldest = self._packed.popleft().place
        self._bytes -= oldest.stop - oldest.start
        newest = self._packed[-1].place if self._packed else slice(0, 0)
        free = newest.stop if newest.start < oldest.start else 0  # from here to the oldest's end
        first = -(-max(free, oldest.start - mmap.PAGESIZE) // mmap.PAGESIZE) * mmap.PAGESIZE
        stop = oldest.stop // mmap.PAGESIZE * mmap.PAGESIZE
        if first < stop:
            self._store.madvise(mmap.MADV_DONTNEED, first, stop - first)
