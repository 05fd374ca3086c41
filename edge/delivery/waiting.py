"""The rows of an outbox: streams, the events that wait in them, and the tombstones of those that had to go.

Each run of a node begins a stream for each station. Every method is one step of a transaction that its caller
has begun.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from edge.delivery.quota import INSERT, StreamRow, force_out, replace_by_tombstone
from station.messages import MAX_PAYLOAD_BYTES, RepMessage, SetMessage, StreamAck, encode, new_id

STREAMS_TOLD = 8  # of each station, the newest

# Without events, beyond the newest of each station.
_FORGET_STREAMS = """
DELETE FROM streams WHERE NOT EXISTS (SELECT 1 FROM events WHERE stream_id = streams.id) AND id NOT IN (
    SELECT id FROM (
        SELECT id, ROW_NUMBER() OVER (PARTITION BY station ORDER BY id DESC) AS place FROM streams
        WHERE issued_seq > 0
    ) WHERE place <= ?
)
"""

Place = tuple[int, int]  # of an event among all that wait at a station; they are sent in this order
START: Place = (0, 0)


class Entry(NamedTuple):
    """A message to send: its place in the queue, its topic's leaf, its payload."""

    place: Place
    leaf: str
    payload: bytes

    @property
    def seq(self) -> int:
        """The sequence number within its stream."""
        return self.place[1]


class Acknowledged(NamedTuple):
    """The outcome of an acknowledgement."""

    deleted: int  # entries that need not be sent any more
    wanted: bool  # among what the record misses is something that waits here
    refused: bool = False  # it says what cannot be


class Waiting:
    """The rows of an outbox.

    Parameters
    ----------
    db : the outbox's database
    bound : rows kept at most over all stations; beyond it the oldest make room
    current : the streams that this run of the node appends to, by station; those begun are added
    """

    def __init__(self, db: sqlite3.Connection, bound: int, current: dict[str, StreamRow]) -> None:
        self.db = db
        self.bound = bound
        self.current = current
        self.rows = int(db.execute("SELECT count(*) FROM events").fetchone()[0])

    def newest_row(self) -> int:
        """The id of the row that came last and is still there."""
        return int(self.db.execute("SELECT COALESCE(MAX(id), 0) FROM events").fetchone()[0])

    def forget_streams(self) -> None:
        """Drop streams of earlier runs from which nothing waits, beyond the newest STREAMS_TOLD."""
        self.db.execute(_FORGET_STREAMS, (STREAMS_TOLD,))

    def unacknowledged(self, station: str, limit: int, after: Place) -> list[Entry]:
        """See Outbox.unacknowledged."""
        found: list[Entry] = []
        streams = self.db.execute(
            "SELECT id FROM streams WHERE station = ? AND id >= ? ORDER BY id", (station, after[0])
        ).fetchall()
        for (stream_id,) in streams:
            rows = self.db.execute(
                "SELECT seq, leaf, payload FROM events WHERE stream_id = ? AND seq > ? ORDER BY seq LIMIT ?",
                (stream_id, after[1] if stream_id == after[0] else 0, limit - len(found)),
            )
            found += [Entry((stream_id, seq), leaf, payload) for seq, leaf, payload in rows]
        return found

    def depth(self, station: str, up_to: Place) -> int:
        """How many entries wait at a station, up to and with a place."""
        row = self.db.execute(
            "SELECT count(*) FROM events JOIN streams ON streams.id = stream_id"
            " WHERE station = ? AND (stream_id, seq) <= (?, ?)",
            (station, *up_to),
        ).fetchone()
        return int(row[0])

    def settled(self, station: str) -> dict[str, int]:
        """See Outbox.settled."""
        rows = self.db.execute(
            "SELECT stream, COALESCE("
            "(SELECT MIN(first_seq) - 1 FROM events WHERE stream_id = streams.id), issued_seq)"
            " FROM streams WHERE station = ? ORDER BY id DESC LIMIT ?",
            (station, STREAMS_TOLD),
        )
        return {stream: seq for stream, seq in rows if seq}

    def make_room(self) -> None:
        """Replace the oldest eighth of the events by tombstones."""
        self.force_out(count=max(1, self.rows // 8))

    def force_out(self, after_row: int = 0, count: int = -1) -> int:
        """Replace by tombstones the oldest events that came after a row (-1: all); how many they are."""
        replaced, growth = force_out(self.db, after_row, count)
        self.rows += growth
        return replaced

    def stream(self, station: str) -> StreamRow:
        """The station's stream of this run."""
        stream = self.current.get(station)
        if stream is None:
            name = new_id()
            made = self.db.execute(
                "INSERT INTO streams (station, stream, issued_seq) VALUES (?, ?, 0)", (station, name)
            )
            stream = self.current[station] = StreamRow(int(made.lastrowid or 0), name)
        return stream

    def append(self, station: str, messages: Sequence[RepMessage | SetMessage], lost: int) -> list[int]:
        """See Outbox.append."""
        stream = self.stream(station)
        issued: int = self.db.execute("SELECT issued_seq FROM streams WHERE id = ?", (stream.id,)).fetchone()[
            0
        ]
        if lost:
            self.rows += replace_by_tombstone(self.db, stream, issued + 1, issued + lost, lost)
            issued += lost
        rows = []
        for seq, message in enumerate(messages, issued + 1):
            payload = encode(msgspec.structs.replace(message, stream=stream.stream, seq=seq))
            if len(payload) > MAX_PAYLOAD_BYTES:
                raise ValueError(f"message of {len(payload)} bytes; at most {MAX_PAYLOAD_BYTES} can be sent")
            leaf = "rep" if isinstance(message, RepMessage) else "set"
            rows.append((stream.id, seq, seq, 0, leaf, payload))
        self.db.executemany(INSERT, rows)
        self.db.execute("UPDATE streams SET issued_seq = ? WHERE id = ?", (issued + len(rows), stream.id))
        self.rows += len(rows)
        while self.rows > self.bound and self.force_out(count=self.rows - self.bound):
            pass  # a tombstone takes a row too: once more, until there is room
        return list(range(issued + 1, issued + 1 + len(rows)))

    def acknowledge(self, station: str, ack: StreamAck) -> Acknowledged:
        """See Outbox.acknowledge."""
        found = self.db.execute(
            "SELECT id, issued_seq FROM streams WHERE station = ? AND stream = ?", (station, ack.stream)
        ).fetchone()
        if found is None:
            return Acknowledged(0, False)
        # An older stream may have gone on in another copy of this file; this run's own is here alone.
        own = self.current.get(station) == StreamRow(found[0], ack.stream)
        backwards = any(first > last for first, last in (*ack.missing, *ack.lost))
        if backwards or (own and ack.committed_seq > found[1]):
            return Acknowledged(0, False, refused=True)
        deleted = 0
        for kind, kept in (("lost > 0", ack.missing), ("lost = 0", (*ack.missing, *ack.lost))):
            for first, last in _without(ack.committed_seq, kept):
                # A tombstone goes when the whole of its range is known.
                deleted += self.db.execute(
                    f"DELETE FROM events WHERE stream_id = ? AND {kind} AND first_seq >= ? AND seq <= ?",
                    (found[0], first, last),
                ).rowcount
        self.rows -= deleted
        waits = "SELECT 1 FROM events WHERE stream_id = ? AND seq BETWEEN ? AND ? LIMIT 1"
        return Acknowledged(
            deleted,
            any(
                self.db.execute(waits, (found[0], first, last)).fetchone()
                for first, last in (*ack.missing, *ack.lost)
            ),
        )


def _without(last: int, missing: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The ranges that remain of 1 … last (inclusive) when the missing ones are taken out."""
    first = 1
    for a, b in sorted(missing):
        if first < a:
            yield first, min(a - 1, last)
        first = max(first, b + 1)
    if first <= last:
        yield first, last
