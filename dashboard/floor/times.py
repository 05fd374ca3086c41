"""The record's times: RFC 3339 text in UTC, instants, and the reader's local time.

`zone` None is this machine's.
"""

from datetime import UTC, datetime, tzinfo

from dashboard.plaintext import clean
from station.messages import now_utc

UNREADABLE = datetime(1970, 1, 1, tzinfo=UTC)


def parse_utc(at_utc: str) -> datetime | None:
    """Parse a time; without a zone it is UTC. None for what cannot be parsed or lies out of range."""
    try:
        at = datetime.fromisoformat(at_utc)
        at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    # Some zones cannot say the first and the last year.
    return at if datetime.min.year < at.year < datetime.max.year else None


def format_utc(at: datetime) -> str:
    """Format an instant as RFC 3339 in UTC with milliseconds, as in the history and in messages."""
    return now_utc(at.astimezone(UTC))


def instant(at_utc: str) -> datetime:
    """A time of the record as an instant; an unreadable one sorts before all others."""
    at = parse_utc(at_utc)
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


def zone_name(at: datetime) -> str:
    """The name of the reader's time zone at a time: CET, CEST, UTC, +03."""
    return at.astimezone().tzname() or ""
