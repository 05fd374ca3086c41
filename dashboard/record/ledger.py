"""The sequence numbers of each stream in the history: `received`, and `gaps` for those lost for good."""

from collections.abc import Sequence

from sqlalchemy import Table, bindparam, delete, select

from dashboard.database.database import Database
from dashboard.database.tables import GAPS, HOLES, RECEIVED, STREAMS
from dashboard.record.holes import Hole, StreamKey
from dashboard.record.ranges import Ranges
from dashboard.record.streams import Stream
from station.messages import StreamAck, now_utc

STREAMS_KEPT = 256  # of each station, the newest: each start of a node begins one
STREAMS_WITH_GAPS = 1024  # of each station, those with gaps to show among them
ACKS = 1000  # streams; more are not heard within a year

# Each of these runs for every message or almost; SQLAlchemy takes longer to build one than SQLite to run it.
_RANGES = {
    table: select(table.c.first_seq, table.c.last_seq)
    .where(table.c.stream_id == bindparam("id"))
    .order_by(table.c.first_seq)
    for table in (RECEIVED, GAPS)
}
_LESS = {
    table: delete(table).where(table.c.stream_id == bindparam("id"), table.c.first_seq == bindparam("first"))
    for table in (RECEIVED, GAPS)
}
_MORE = {table: table.insert() for table in (RECEIVED, GAPS)}


class Ledger:
    """The streams in the history `db`. Call within the writer's transaction, but for `acks`."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._met: set[StreamKey] = set()
        insert = db.insert(STREAMS)
        self._hear = insert.on_conflict_do_update(
            index_elements=["site", "station", "stream"], set_={"heard_utc": insert.excluded.heard_utc}
        ).returning(STREAMS.c.id)

    def load(self, key: StreamKey) -> Stream:
        """Load the state of a stream for which something has arrived."""
        site, station, stream = key
        values = {"site": site, "station": station, "stream": stream, "heard_utc": now_utc()}
        (row,) = self._db.rows(self._hear, values)
        if key not in self._met:
            self._forget(site, station)
            self._met.add(key)
        return self._load(row["id"], stream)

    def save(self, stream: Stream) -> None:
        """Write what has changed since `load`."""
        for table, old, new in (
            (RECEIVED, stream.received_before, stream.received),
            (GAPS, stream.gaps_before, stream.gaps),
        ):
            less = [{"id": stream.id, "first": first} for first, _ in set(old) - set(new)]
            more = [
                {"stream_id": stream.id, "first_seq": first, "last_seq": last}
                for first, last in set(new) - set(old)
            ]
            if less:
                self._db.run(_LESS[table], less)
            if more:
                self._db.run(_MORE[table], more)

    def acks(self) -> dict[StreamKey, StreamAck]:
        """The committed ranges of the most recently heard streams."""
        newest = select(STREAMS).order_by(STREAMS.c.heard_utc.desc()).limit(ACKS)
        return {
            (row["site"], row["station"], row["stream"]): self._load(row["id"], row["stream"]).ack()
            for row in self._db.rows(newest)
        }

    def holes(self, key: StreamKey) -> list[Hole]:
        """What was kept of the holes of a stream."""
        of = STREAMS.c
        here = (of.site == key[0], of.station == key[1], of.stream == key[2])
        query = select(HOLES).join_from(HOLES, STREAMS).where(*here).order_by(HOLES.c.first_seq)
        return [
            Hole(row["first_seq"], row["last_seq"], 0.0, row["before_utc"], row["after_utc"])
            for row in self._db.rows(query)
        ]

    def keep_holes(self, key: StreamKey, holes: Sequence[Hole]) -> None:
        """Keep the holes of a stream, in place of what was kept of it."""
        stream = self.load(key)
        self._db.run(delete(HOLES).where(HOLES.c.stream_id == stream.id))
        rows = [
            {
                "stream_id": stream.id,
                "first_seq": one.first_seq,
                "last_seq": one.last_seq,
                "noticed_utc": now_utc(),
                "after_utc": one.after_utc,
                "before_utc": one.before_utc,
            }
            for one in holes
        ]
        if rows:
            self._db.run(HOLES.insert(), rows)

    def _forget(self, site: str, station: str) -> None:
        """Keep a station's STREAMS_KEPT newest streams; of the older, some with gaps to show."""
        of = STREAMS.c
        shows_gap = of.id.in_(select(GAPS.c.stream_id)).label("shows_gap")
        theirs = select(of.id, shows_gap).where(of.site == site, of.station == station)
        streams = self._db.rows(theirs.order_by(of.heard_utc.desc(), of.id.desc()))
        old = [row for row in streams[STREAMS_KEPT:] if not row["shows_gap"]] + streams[STREAMS_WITH_GAPS:]
        ids = [row["id"] for row in old]
        if ids:
            for column in (RECEIVED.c.stream_id, GAPS.c.stream_id, HOLES.c.stream_id, of.id):
                self._db.run(delete(column.table).where(column.in_(ids)))

    def _load(self, stream_id: int, stream: str) -> Stream:
        return Stream(stream_id, stream, self._ranges(RECEIVED, stream_id), self._ranges(GAPS, stream_id))

    def _ranges(self, table: Table, stream_id: int) -> Ranges:
        rows = self._db.rows(_RANGES[table], {"id": stream_id})
        return tuple((row["first_seq"], row["last_seq"]) for row in rows)
