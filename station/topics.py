"""The MQTT topics: which message goes where, with which quality of service, and what the broker retains.

Topic: plumbline/1/<site>/<station>/<leaf>, one leaf per kind of message:

    leaf       kept      QoS  message
    state      retained  1    StateMessage    `lost` is the last will
    info       retained  1    InfoMessage
    health     retained  1    HealthMessage
    current    retained  1    CurrentMessage  the running set as it stands, for whoever joins
    live       no        0    LiveMessage     may be dropped
    rep        no        0    RepMessage, or Tombstone where the outbox had to drop something
    set        no        0    SetMessage
    command    no        1    CommandMessage  to the edge
    correction no        1    CommandMessage  to the record, about a set that the edge no longer holds
    badge      no        1    BadgeMessage    from the station's own screen; the record answers with a reply
    reply      no        1    ReplyMessage    from the edge, or the record
    ack        no        1    AckMessage      from the record (the one process that writes the history)
"""

import re

import msgspec

from station.errors import ConfigError, MessageError

LEAVES = (
    *("state", "info", "health", "current", "live", "rep", "set"),
    *("command", "correction", "badge", "reply", "ack"),
)
RETAINED = frozenset({"state", "info", "health", "current"})
# Every other leaf: 1. For rep and set the record's acknowledgement counts: QoS 1 beneath it saved none and
# sent each rep five times as often when brokers were being killed.
QOS = {"live": 0, "rep": 0, "set": 0}

NAME = re.compile(r"[a-z0-9-]{1,32}")  # of a site, a station, a broker's user
_TOPIC = re.compile(rf"plumbline/1/(?P<site>{NAME.pattern})/(?P<station>{NAME.pattern})/(?P<leaf>[a-z]+)")


def check_name(name: str) -> None:
    """Raise ConfigError for what is no name of a site, a station or a user."""
    if NAME.fullmatch(name) is None:
        raise ConfigError(f"{name!r} is no name; use 1 to 32 of the characters a-z, 0-9 and -")


class Address(msgspec.Struct, frozen=True):
    """Where a message belongs."""

    site: str
    station: str
    leaf: str

    @property
    def topic(self) -> str:
        return f"plumbline/1/{self.site}/{self.station}/{self.leaf}"


def parse_topic(topic: str) -> Address:
    """The address a topic spells. Raises MessageError for any other topic."""
    match = _TOPIC.fullmatch(topic)
    if match is None or match["leaf"] not in LEAVES:
        raise MessageError(f"topic {topic[:120]!r} is not plumbline/1/<site>/<station>/<leaf>")
    return Address(match["site"], match["station"], match["leaf"])
