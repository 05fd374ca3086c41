"""Enforcing an outbox's quota: the oldest events are replaced by tombstones.

Every function is one step of a transaction that its caller has begun, and returns by how many rows the table
has grown, which is negative where rows went.
"""

import sqlite3
from typing import NamedTuple

from station.messages import Tombstone, encode, new_id, now_utc

INSERT = "INSERT INTO events (stream_id, first_seq, seq, lost, leaf, payload) VALUES (?, ?, ?, ?, ?, ?)"


class StreamRow(NamedTuple):
    """A stream's row id and name."""

    id: int
    stream: str


def replace_by_tombstone(
    db: sqlite3.Connection, stream: StreamRow, first_seq: int, seq: int, lost: int
) -> int:
    """Insert a tombstone, and merge adjacent ones."""
    left = _neighbour(db, stream, "seq < ? ORDER BY seq DESC", first_seq)
    right = _neighbour(db, stream, "seq > ? ORDER BY seq", seq)
    old = db.execute(
        "DELETE FROM events WHERE stream_id = ? AND lost > 0 AND seq BETWEEN ? AND ?"
        " RETURNING first_seq, seq, lost",
        (stream.id, left or first_seq, right or seq),
    ).fetchall()
    first_seq = min([first_seq, *(row[0] for row in old)])
    seq = max([seq, *(row[1] for row in old)])
    lost += sum(row[2] for row in old)
    tombstone = Tombstone(
        event_id=new_id(), at_utc=now_utc(), stream=stream.stream, first_seq=first_seq, seq=seq, lost=lost
    )
    db.execute(INSERT, (stream.id, first_seq, seq, lost, "rep", encode(tombstone)))
    return 1 - len(old)


def force_out(db: sqlite3.Connection, after_row: int = 0, count: int = -1) -> tuple[int, int]:
    """Replace by tombstones the oldest `count` events (-1: all) that came after a row, whichever station's.

    Returns how many they were, and the growth.
    """
    found = db.execute(
        "SELECT e.id, s.id, s.stream, e.seq FROM events e JOIN streams s ON s.id = e.stream_id"
        " WHERE lost = 0 AND e.id > ? ORDER BY e.id LIMIT ?",
        (after_row, count),
    ).fetchall()
    db.executemany("DELETE FROM events WHERE id = ?", [(row[0],) for row in found])
    grown = -len(found)
    by_stream: dict[StreamRow, list[int]] = {}
    for _, stream_id, stream, seq in found:
        by_stream.setdefault(StreamRow(stream_id, stream), []).append(seq)
    for row, seqs in by_stream.items():
        grown += replace_by_tombstone(db, row, min(seqs), max(seqs), len(seqs))
    return len(found), grown


def _neighbour(db: sqlite3.Connection, stream: StreamRow, where: str, seq: int) -> int | None:
    """The number of the row next to `seq` if that is a tombstone."""
    row = db.execute(
        f"SELECT seq, lost FROM events WHERE stream_id = ? AND {where} LIMIT 1", (stream.id, seq)
    ).fetchone()
    return None if row is None or not row[1] else int(row[0])
