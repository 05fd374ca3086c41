"""The committed ranges of a stream, and their acknowledgement."""

from dashboard.record.ranges import Ranges, has, holes, minus, size, union, with_range
from station.messages import RepMessage, SetMessage, StreamAck, Tombstone

MOST_RANGES = 512  # received ones and lost ones, each
MISSING_RANGES = 64  # named in one acknowledgement; what lies beyond is named in a later one


class Stream:
    """The state of one stream within a transaction."""

    def __init__(self, stream_id: int, stream: str, received: Ranges, gaps: Ranges) -> None:
        self.id = stream_id
        self.stream = stream
        self.received = self.received_before = received
        self.gaps = self.gaps_before = gaps

    def take(self, message: RepMessage | SetMessage | Tombstone) -> bool:
        """Add a message's sequence numbers; False when they were there before."""
        if isinstance(message, Tombstone):
            new = minus(minus(((message.first_seq, message.seq),), self.received), self.gaps)
            self.gaps = union((*self.gaps, *new))
            self._bound()
            return size(new) > 0
        seq = message.seq
        if has(self.gaps, seq):
            self.gaps = minus(self.gaps, ((seq, seq),))
        if has(self.received, seq):
            return False
        self.received = with_range(self.received, seq, seq)
        self._bound()
        return True

    def take_range(self, first: int, last: int) -> None:
        """Add the numbers from first to last."""
        self.received = with_range(self.received, first, last)
        self._bound()

    def _bound(self) -> None:
        """Give the oldest holes up as lost where there are more than a station in order can have.

        It sends a window of some hundred numbers at a time, oldest first. More holes are of many histories
        restored, or of somebody who makes numbers up, and each would cost every later message some time.
        """
        while len(self.received) > MOST_RANGES:
            hole = (self.received[0][1] + 1, self.received[1][0] - 1)
            self.received = (*with_range(self.received[:2], *hole), *self.received[2:])
            self.gaps = with_range(self.gaps, *hole)
        if len(self.gaps) > MOST_RANGES:
            excess = len(self.gaps) - MOST_RANGES
            self.gaps = ((self.gaps[0][0], self.gaps[excess][1]), *self.gaps[excess + 1 :])

    def ack(self) -> StreamAck:
        """The acknowledgement: what is committed, and the first MISSING_RANGES of missing and lost ranges."""
        known = union((*self.received, *self.gaps))
        missing, lost = holes(known), minus(self.gaps, self.received)
        committed = known[-1][1] if known else 0
        for ranges in (missing, lost):
            if len(ranges) > MISSING_RANGES:
                committed = min(committed, ranges[MISSING_RANGES][0] - 1)
        return StreamAck(
            stream=self.stream,
            committed_seq=committed,
            missing=[one for one in missing[:MISSING_RANGES] if one[0] <= committed],
            lost=[one for one in lost[:MISSING_RANGES] if one[0] <= committed],
        )
