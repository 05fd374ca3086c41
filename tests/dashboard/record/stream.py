"""Messages of one stream, handed to a store."""

from typing import Any

from dashboard.record.store import Arrived, Store
from station.messages import StreamAck, Tombstone

NOW = "2030-01-01T00:00:00.000Z"


def take(store: Store, *messages: Any) -> StreamAck:
    """Ingest messages of one stream; what is acknowledged."""
    (ack,) = store.ingest([Arrived("gym", "rack-1", message) for message in messages]).values()
    return ack


def tombstone(first_seq: int, seq: int, stream: str = "s") -> Tombstone:
    lost = seq - first_seq + 1
    return Tombstone(event_id="t", at_utc=NOW, stream=stream, seq=seq, first_seq=first_seq, lost=lost)
