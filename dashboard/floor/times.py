"""The record's times: text as RFC 3339 in UTC, instants, and what the reader's clock says.

`zone` None is this machine's.
"""

from datetime import UTC, datetime, tzinfo

from dashboard.plaintext import clean
from station.messages import now_utc

UNREADABLE = datetime(1970, 1, 1, tzinfo=UTC)


def parsed(at_utc: str) -> datetime | None:
    """The instant a text means, in UTC; one without a zone is UTC. None for what is no time of any gym."""
    try:
        at = datetime.fromisoformat(at_utc)
        at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    # Some zones cannot say the first and the last year.
    return at if datetime.min.year < at.year < datetime.max.year else None


def written(at: datetime) -> str:
    """An instant as the history and the messages write it: RFC 3339 in UTC with milliseconds."""
    return now_utc(at.astimezone(UTC))


def instant(at_utc: str) -> datetime:
    """A time of the record; one that a station wrote otherwise lies before all others."""
    at = parsed(at_utc)
    return at if at is not None and at.year > UNREADABLE.year else UNREADABLE


def day_of(at_utc: str, zone: tzinfo | None = None) -> str:
    """The day of a time, as 2030-01-31."""
    return minute_of(at_utc, zone)[:10]


def minute_of(at_utc: str, zone: tzinfo | None = None) -> str:
    """A time as 2030-01-31 18:05; as it came where it is none."""
    at = instant(at_utc)
    if at == UNREADABLE:
        return clean(at_utc, 16).replace("T", " ")
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def zone_name(at: datetime, zone: tzinfo | None = None) -> str:
    """What the reader's clock is called at a time: CET, CEST, UTC, +03."""
    return at.astimezone(zone).tzname() or ""
