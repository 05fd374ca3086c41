"""What of a stream is committed, and how the record says so."""

from dashboard.record.ranges import Ranges, holes, minus, size, union
from station.messages import RepMessage, SetMessage, StreamAck, Tombstone

MISSING_RANGES = 64  # named in one acknowledgement; what lies beyond is named in a later one


class Stream:
    """What is known of one stream, while a transaction lasts."""

    def __init__(self, stream_id: int, stream: str, received: Ranges, gaps: Ranges) -> None:
        self.id = stream_id
        self.stream = stream
        self.received = self.received_before = received
        self.gaps = self.gaps_before = gaps

    def take(self, message: RepMessage | SetMessage | Tombstone) -> bool:
        """Note a message's numbers; False when it has been taken before."""
        first = message.first_seq if isinstance(message, Tombstone) else message.seq
        numbers: Ranges = ((first, message.seq),)
        if isinstance(message, Tombstone):
            new = minus(minus(numbers, self.received), self.gaps)
            self.gaps = union((*self.gaps, *new))
            return size(new) > 0
        if not minus(numbers, self.received):
            return False
        self.received = union((*self.received, *numbers))
        self.gaps = minus(self.gaps, numbers)
        return True

    def ack(self) -> StreamAck:
        """What is committed, and the first MISSING_RANGES of what is missing or lost below that."""
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
