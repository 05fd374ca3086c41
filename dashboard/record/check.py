"""What a history lacks, told by its own ranges: `plumbline record --check`, and `plumbline doctor --db`."""

from collections.abc import Mapping

import msgspec

from dashboard.database.schema import open_history
from dashboard.record.ledger import StreamKey
from dashboard.record.ranges import size
from dashboard.record.store import open_store
from station.messages import StreamAck


class Lack(msgspec.Struct, frozen=True, kw_only=True):
    """Events of one station that are not in the history."""

    site: str
    station: str
    missing: int  # never came: another history has them, or they are still on their way
    lost: int  # the station's outbox had to drop them, or lost them with its disk
    streams: int  # runs of the station's node that this is of


def lacks(acks: Mapping[StreamKey, StreamAck]) -> list[Lack]:
    """What is missing and what is lost of every station, by what is acknowledged of its streams."""
    found: dict[tuple[str, str], list[StreamAck]] = {}
    for (site, station, _), ack in acks.items():
        if ack.missing or ack.lost:
            found.setdefault((site, station), []).append(ack)
    return [
        Lack(
            site=site,
            station=station,
            missing=sum(size(tuple(ack.missing)) for ack in some),
            lost=sum(size(tuple(ack.lost)) for ack in some),
            streams=len(some),
        )
        for (site, station), some in sorted(found.items())
    ]


def check_history(where: str) -> list[Lack]:
    """What the history at a path or URL lacks. Raises StoreError for none of ours, or none at all."""
    open_history(where).close()  # it is to be there: nothing is made
    with open_store(where) as store:
        return lacks(store.acks())


def in_words(lack: Lack) -> str:
    """What a person reads of it."""
    parts = [f"{lack.missing} events missing"] if lack.missing else []
    parts += [f"{lack.lost} lost at the station"] if lack.lost else []
    return f"{lack.site}/{lack.station}: {', '.join(parts)}, of {lack.streams} runs of its node"
