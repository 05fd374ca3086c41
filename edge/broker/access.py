"""Access rights on a gym's broker: roles, and the ACL file that enforces them. Pure.

    role             reads                          writes
    station          command, ack, state, health of its own all it measures and says, of its own
    record           the whole site                 ack, and what answers a badge: command, reply
    floor            the whole site                 as record and coach together
    coach            the whole site                 command, correction, badge
    screen           one station                    badge and command of that station
    home-assistant   the whole site                 its own discovery topics

Every right is written out for every user. mosquitto's `pattern` lines would be shorter, and hold for *all*
users: a coach called rack-1 would be that station. What the file does not name is denied.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum

import msgspec

STATION_WRITES = ("state", "info", "health", "current", "live", "rep", "set", "reply")
# Its own state and health as well: a node learns from them that another one speaks for its station.
STATION_READS = ("command", "ack", "state", "health")
SCREEN_WRITES = ("badge", "command")  # the keypad beside it ends sets and settles reps
SITE_WRITES = {
    "record": ("ack", "command", "reply"),  # a badge it knows becomes commands, and gets a reply
    "floor": ("ack", "command", "correction", "badge", "reply"),
    "coach": ("command", "correction", "badge"),
    "home-assistant": (),
}
DISCOVERY = "homeassistant"


class Role(StrEnum):
    """The role of a broker user."""

    STATION = "station"
    RECORD = "record"
    FLOOR = "floor"
    COACH = "coach"
    SCREEN = "screen"
    HOME_ASSISTANT = "home-assistant"


class User(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A broker user: its role, and its station where it is a lifter's screen."""

    role: Role
    station: str | None = None


def acl(site: str, users: Mapping[str, User]) -> str:
    """The text of the ACL file: a section per user."""
    discovery = any(user.role is Role.HOME_ASSISTANT for user in users.values())
    sections = [
        "\n".join([f"user {name}", *_rights(f"plumbline/1/{site}", name, user, discovery)])
        for name, user in sorted(users.items())
    ]
    return "\n\n".join(sections) + "\n"


def _rights(root: str, name: str, user: User, discovery: bool) -> Iterator[str]:
    match user.role:
        case Role.STATION:
            for leaf in dict.fromkeys((*STATION_WRITES, *STATION_READS)):
                reads, writes = leaf in STATION_READS, leaf in STATION_WRITES
                right = "readwrite" if reads and writes else "read" if reads else "write"
                yield f"topic {right} {root}/{name}/{leaf}"
            if discovery:
                yield f"topic write {DISCOVERY}/+/{name}/+/config"
        case Role.SCREEN:
            yield f"topic read {root}/{user.station}/#"
            yield from (f"topic write {root}/{user.station}/{leaf}" for leaf in SCREEN_WRITES)
        case _:
            yield f"topic read {root}/#"
            yield from (f"topic write {root}/+/{leaf}" for leaf in SITE_WRITES[user.role])
            if user.role is Role.HOME_ASSISTANT:
                yield f"topic readwrite {DISCOVERY}/#"
