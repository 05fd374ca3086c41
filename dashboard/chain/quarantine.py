"""What cannot be used is put aside in the chain's database, with the reason; an erasure takes it along.

Whose it is cannot always be read: something of it is not as it should be, all that an erasure names is an
athlete's hash, and of a long message the beginning alone is kept. So an erasure empties the gym's whole
part, and while something from before may be on its way no payload is kept of that gym. The gym has lost
nothing by it: what is put aside here is in its history.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import psycopg

from dashboard.database.tables import QUARANTINE

PAYLOAD_BYTES = 4096
MOST_ROWS = 100_000
_EMPTIED = "quarantine"  # as a kind of chain_gone, which keeps it long enough
WITHHELD = "not kept: an athlete of that gym was erased in these weeks"


class Quarantined(NamedTuple):
    """A message or a row that cannot be used, and why."""

    subject: str  # chain.events.SITE of a message, SITE/STREAM or SITE/KIND of a row
    payload: bytes
    reason: str

    @property
    def site(self) -> str:
        """Whose it is."""
        return self.subject.partition("/")[0].rpartition(".")[2]


def put_aside(db: psycopg.Connection, poison: Sequence[Quarantined]) -> None:
    """Write these into the quarantine; the caller has locked their sites."""
    if not poison:
        return
    query = "SELECT site FROM chain_gone WHERE kind = %s AND site = ANY(%s)"
    emptied = {site for (site,) in db.execute(query, (_EMPTIED, [one.site for one in poison]))}
    with db.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {QUARANTINE.name} (at_utc, topic, reason, payload)"
            " VALUES (now(), %s, %s, %s)".encode(),
            [
                (one.subject[:256], WITHHELD, b"")
                if one.site in emptied
                else (one.subject[:256], one.reason[:512].replace("\0", ""), one.payload[:PAYLOAD_BYTES])
                for one in poison
            ],
        )
    db.execute(
        f"DELETE FROM {QUARANTINE.name} WHERE id <="
        f" (SELECT max(id) FROM {QUARANTINE.name}) - {MOST_ROWS}".encode()
    )


def empty(db: psycopg.Connection, sites: Iterable[str]) -> None:
    """Delete the quarantine of sites where an athlete was erased; the caller has locked these sites."""
    wanted = (sorted(sites),)
    of_the_site = "substring(split_part(topic, '/', 1) FROM '[^.]*$')"
    db.execute(f"DELETE FROM {QUARANTINE.name} WHERE {of_the_site} = ANY(%s)".encode(), wanted)
    db.execute(
        "INSERT INTO chain_gone (kind, site, station, event_id, month, epoch, seq)"
        f" SELECT '{_EMPTIED}', unnest(%s::text[]), '', '', '', 0, 0"
        " ON CONFLICT (kind, site, station, event_id, month) DO UPDATE SET at_utc = now()".encode(),
        wanted,
    )
