"""The record's times, which are UTC, on the reader's clock. `zone` None is this machine's."""

from datetime import UTC, datetime, tzinfo

from dashboard.plaintext import clean

UNREADABLE = datetime(1970, 1, 1, tzinfo=UTC)


def instant(at_utc: str) -> datetime:
    """A time of the record; one that a station wrote otherwise lies before all others."""
    try:
        at = datetime.fromisoformat(at_utc)
    except ValueError:
        return UNREADABLE
    if not UNREADABLE.year < at.year < datetime.max.year:
        return UNREADABLE  # of no gym, and some zones cannot say it
    return at if at.tzinfo else at.replace(tzinfo=UTC)


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
