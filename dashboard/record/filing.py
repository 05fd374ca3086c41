"""The time under which an event is filed: the node's, unless its clock is wrong.

A node without a clock of its own boots in 1970, or when it was shut down last, and says so where it can. Its
events carry their age by the session's clock; they are filed by when they came, less that.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from dashboard.floor.times import format_utc, parse_utc
from station.messages import RepMessage, SetMessage

APART = timedelta(minutes=5)  # two clocks that are both set agree within seconds
EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)  # before the first edition: no clock that is set says so


class Filed(NamedTuple):
    """The time an event is filed under; `said_utc` is the node's time where it differs."""

    at_utc: str
    said_utc: str | None = None


def filed(message: RepMessage | SetMessage, received_utc: str) -> Filed:
    """The time of an event: the node's, or the time of receipt less its age."""
    said = parse_utc(message.at_utc)
    if said is not None and said >= EARLIEST and message.clock_synchronised is not False:
        return Filed(format_utc(said))
    age = timedelta(seconds=max(0.0, message.age_s or 0.0))
    return Filed(format_utc(datetime.fromisoformat(received_utc) - age), message.at_utc[:64])


def is_misdated(found: Filed, received_utc: str) -> bool:
    """Whether a clock is wrong, the node's or ours; one that nobody sets may be right all the same."""
    at = datetime.fromisoformat(found.at_utc)
    if found.said_utc is not None:
        said = parse_utc(found.said_utc)
        return said is None or abs(said - at) > APART
    return at > datetime.fromisoformat(received_utc) + APART


def dated(at_utc: str, received_utc: str) -> str:
    """The time of a command or reply, or its time of receipt where it has no valid one."""
    at = parse_utc(at_utc)
    return received_utc if at is None else format_utc(at)
