"""What an outbox holds, and what is said of it, as the tests ask."""

from collections.abc import Callable

from edge.delivery.outbox import Outbox
from station.messages import RepMessage, StreamAck, Tombstone, decode

MakeRep = Callable[..., RepMessage]


def seqs(outbox: Outbox, station: str = "rack-1") -> list[int]:
    return [entry.seq for entry in outbox.unacknowledged(station, 1000)]


def tombstones(outbox: Outbox, station: str = "rack-1") -> list[Tombstone]:
    found = [decode(entry.leaf, entry.payload) for entry in outbox.unacknowledged(station, 10_000)]
    return [message for message in found if isinstance(message, Tombstone)]


def ack(
    outbox: Outbox,
    seq: int,
    *missing: tuple[int, int],
    station: str = "rack-1",
    stream: str | None = None,
    lost: tuple[tuple[int, int], ...] = (),
) -> int:
    stream = stream or outbox.stream(station)
    said = StreamAck(stream=stream, committed_seq=seq, missing=list(missing), lost=list(lost))
    return outbox.acknowledge(station, said).deleted
