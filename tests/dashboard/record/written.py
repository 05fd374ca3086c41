"""What a record has written into its history, as tests look at it."""

from typing import Any, NamedTuple

from sqlalchemy import Table, select

from dashboard.database.database import Row
from dashboard.database.tables import COMMANDS, GAPS, QUARANTINE, REPS, SETS, STREAMS
from dashboard.record.store import Store


class Gap(NamedTuple):
    """Events that a station's outbox dropped: first_seq up to and including last_seq."""

    site: str
    station: str
    stream: str
    first_seq: int
    last_seq: int


def reps(store: Store, site: str, station: str, limit: int = 100) -> list[Row]:
    """The newest reps of a station, oldest first; keys are the columns."""
    return _newest(store, REPS, site, station, limit, REPS.c.set_number.desc(), REPS.c.number.desc())


def sets(store: Store, site: str, station: str, limit: int = 100) -> list[Row]:
    """The newest sets of a station, oldest first."""
    return _newest(store, SETS, site, station, limit, SETS.c.number.desc())


def commands(store: Store, site: str, station: str, limit: int = 100) -> list[Row]:
    """The newest commands to a station and their answers, oldest first."""
    return _newest(store, COMMANDS, site, station, limit)


def gaps(store: Store) -> list[Gap]:
    """What is lost for good: the numbers that tombstones stand for and that never came."""
    query = (
        select(STREAMS.c.site, STREAMS.c.station, STREAMS.c.stream, GAPS.c.first_seq, GAPS.c.last_seq)
        .join_from(GAPS, STREAMS)
        .order_by(GAPS.c.stream_id, GAPS.c.first_seq)
    )
    return [Gap(**row) for row in store.db.rows(query)]


def quarantined(store: Store) -> list[Row]:
    """The messages put aside, oldest first."""
    return store.db.rows(select(QUARANTINE).order_by(QUARANTINE.c.id))


def _newest(store: Store, table: Table, site: str, station: str, limit: int, *within: Any) -> list[Row]:
    of = table.c
    order = (of.at_utc.desc(), *within, of.event_id.desc())
    query = select(table).where(of.site == site, of.station == station).order_by(*order).limit(limit)
    return store.db.rows(query)[::-1]
