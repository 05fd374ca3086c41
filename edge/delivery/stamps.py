"""Corrects the wall time of events stamped before the machine's clock was set.

A node without a clock of its own boots in 1970 or at its last shutdown, and counts all the same. The
session's clock runs on regardless, so an event's age is known while its session lasts: until the wall clock
is set the age goes with the event, for the record to file it by; then the event is stamped anew, by its age.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from station.messages import RepMessage, SetMessage, decode, encode, now_utc

_NOT_SET = b'"clock_synchronised":false'


class SessionClock(NamedTuple):
    """A station's running session: its id and its clock."""

    session: str
    now_s: Callable[[], float]


def stamped(
    leaf: str, payload: bytes, clock: SessionClock, synchronised: bool | None, now: datetime | None = None
) -> bytes:
    """An event with its time corrected for sending at `now`; unchanged if its clock was set."""
    if _NOT_SET not in payload:
        return payload
    message = decode(leaf, payload)
    if not isinstance(message, RepMessage | SetMessage) or message.session != clock.session:
        return payload
    age_s = max(0.0, clock.now_s() - message.session_s)
    if synchronised is False:
        return encode(msgspec.structs.replace(message, age_s=round(age_s, 3)))
    at_utc = now_utc((now or datetime.now(UTC)) - timedelta(seconds=age_s))
    new = {"at_utc": at_utc, "clock_synchronised": synchronised, "age_s": None}
    return encode(msgspec.structs.replace(message, **new))
