"""Finds events missing from a history by its ranges: `plumbline record --check`, `plumbline doctor --db`."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from dashboard.database.schema import open_history
from dashboard.record.holes import Hole, StreamKey, span
from dashboard.record.ranges import size, union
from dashboard.record.store import open_store
from station.messages import StreamAck


class MissingEvents(msgspec.Struct, frozen=True, kw_only=True):
    """Events of one station that are missing from the history."""

    site: str
    station: str
    missing: int  # never came: another history has them, or they are still on their way
    lost: int  # the station's outbox had to drop them, or lost them with its disk
    streams: int  # runs of the station's node that this is of
    after_utc: str | None = None  # of what is missing: between which events, where a record has noticed it
    before_utc: str | None = None


def missing_events(
    acks: Mapping[StreamKey, StreamAck], holes: Callable[[StreamKey], list[Hole]]
) -> list[MissingEvents]:
    """The missing and the lost events of every station, from the acknowledged ranges of its streams.

    holes : what a record has kept of those of a stream; some lie behind what is acknowledged
    """
    found: dict[tuple[str, str], list[tuple[StreamAck, list[Hole]]]] = {}
    for key, ack in acks.items():
        of_it = [one for one in holes(key) if _is_missing(one, ack)]
        if ack.missing or ack.lost or of_it:
            found.setdefault(key[:2], []).append((ack, of_it))
    return [_of_station(site, station, some) for (site, station), some in sorted(found.items())]


def _is_missing(hole: Hole, ack: StreamAck) -> bool:
    """Whether any of it still has not come."""
    return hole.last_seq > ack.committed_seq or any(
        first <= hole.last_seq and hole.first_seq <= last for first, last in ack.missing
    )


def _of_station(site: str, station: str, some: Sequence[tuple[StreamAck, list[Hole]]]) -> MissingEvents:
    missing, holes = 0, [hole for _, of_it in some for hole in of_it]
    for ack, of_it in some:
        behind = [(max(one.first_seq, ack.committed_seq + 1), one.last_seq) for one in of_it]
        missing += size(union((*ack.missing, *(one for one in behind if one[0] <= one[1]))))
    return MissingEvents(
        site=site,
        station=station,
        missing=missing,
        lost=sum(size(tuple(ack.lost)) for ack, _ in some),
        streams=len(some),
        after_utc=min((one.after_utc for one in holes if one.after_utc), default=None),
        before_utc=max((one.before_utc for one in holes if one.before_utc), default=None),
    )


def check_history(where: str) -> list[MissingEvents]:
    """Check the history at a path or URL. Raises StoreError where there is no Plumbline history."""
    open_history(where).close()  # it is to be there: nothing is made
    with open_store(where) as store:
        return missing_events(store.acks(), store.holes)


def in_words(found: MissingEvents) -> str:
    """What a person reads of it."""
    around = span([Hole(0, 0, 0.0, found.before_utc, found.after_utc)])
    parts = [f"{found.missing} events missing{around}"] if found.missing else []
    parts += [f"{found.lost} lost at the station"] if found.lost else []
    return f"{found.site}/{found.station}: {', '.join(parts)}, of {found.streams} runs of its node"
