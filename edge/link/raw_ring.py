"""The newest raw bytes of a port in memory, as records of a capture: ten minutes, and no more than fits.

Kept in blocks of some seconds, packed as soon as the next begins: a board's bytes to less than half, for a
fiftieth of what a node does with them. Each knows where the device's clock stood before its first byte, so
that what begins with a block is placed on the session's clock to the microsecond.
"""

import threading
import zlib
from collections import deque

import msgspec

from edge.link.capture import record
from station.timing.clock import ClockMark, DeviceClock

KEEP_S = 600.0
BLOCK_S = 5.0
BLOCK_BYTES = 1 << 17  # of a line that is faster than any of ours


class Block(msgspec.Struct, eq=False):
    """A block of some seconds of a port's bytes."""

    start_s: float  # host's monotonic clock, of its first read
    clock: ClockMark | None
    data: bytearray = msgspec.field(default_factory=bytearray)  # capture records, until they are packed
    packed: bytes = b""

    def pack(self) -> int:
        """Keep the records packed; how many bytes that saves."""
        size = len(self.data)
        self.packed = zlib.compress(self.data, 1)
        self.data = bytearray()
        return size - len(self.packed)

    @property
    def records(self) -> bytes:
        """As they came."""
        return zlib.decompress(self.packed) if self.packed else bytes(self.data)


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
        self._blocks: deque[Block] = deque()
        self._bytes = 0
        self._lock = threading.Lock()

    def take(self, received_s: float, data: bytes, clock: DeviceClock) -> None:
        """Append the bytes of one read; `clock`: the device's, as it stood before it."""
        if not data:
            return
        written = record(received_s, data)
        with self._lock:
            newest = self._blocks[-1] if self._blocks else None
            if newest is None or received_s - newest.start_s >= BLOCK_S or len(newest.data) >= BLOCK_BYTES:
                if newest is not None:
                    self._bytes -= newest.pack()
                newest = Block(received_s, clock.mark)
                self._blocks.append(newest)
            newest.data += written
            self._bytes += len(written)
            self._forget(received_s)

    def stretch(self, from_session_s: float) -> list[tuple[float, ClockMark | None, bytes]]:
        """From the block a session time lies in, or the oldest there is: start, clock and records of each.

        A block whose clock had not begun lies before any time.
        """
        with self._lock:
            blocks = list(self._blocks)
            first = 0
            for place, block in enumerate(blocks):
                if block.clock is None or block.clock.session_us / 1e6 <= from_session_s:
                    first = place
            return [(block.start_s, block.clock, block.records) for block in blocks[first:]]

    def since(self, start_s: float) -> list[tuple[float, ClockMark | None, bytes]]:
        """The same from a time of the host's clock on."""
        with self._lock:
            blocks = list(self._blocks)
            first = max((n for n, block in enumerate(blocks) if block.start_s <= start_s), default=0)
            return [(block.start_s, block.clock, block.records) for block in blocks[first:]]

    @property
    def size_bytes(self) -> int:
        """What it takes of memory."""
        return self._bytes

    def _forget(self, now_s: float) -> None:
        """Let go of what is too old or too much; the newest block stays."""
        while len(self._blocks) > 1 and (
            self._blocks[1].start_s < now_s - self._keep_s or self._bytes > self._max_bytes
        ):
            self._bytes -= len(self._blocks.popleft().packed)
