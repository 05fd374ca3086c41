"""From a broker's bytes to checked messages with clean text.

Text from outside may hold escape sequences, markup and marks that turn the writing direction: it is cleaned
here, where it enters, so that nothing behind this line has to care.
"""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from dashboard.floor.running import check_current
from dashboard.plaintext import TEXT_LIMIT, clean
from station.errors import MessageError
from station.messages import AnyMessage, CurrentMessage, decode
from station.topics import Address, parse_topic

# Printable ASCII without a backslash needs no cleaning; all our own messages are like that.
_HARMLESS = re.compile(rb"[ -\[\]-~]{0,4096}")
# A running set is longer, its texts and their number are bounded all the same.
_HARMLESS_SET = re.compile(rb'(?:[ !#-\[\]-~]*"[ !#-\[\]-~]{0,%d}")*[ !#-\[\]-~]*' % TEXT_LIMIT)


class Packet(NamedTuple):
    """An MQTT message as it was received, unchecked; `received_s` by the monotonic clock."""

    topic: str
    payload: bytes
    received_s: float


class Arrival(NamedTuple):
    """A checked message, where it belongs and when it came."""

    address: Address
    message: AnyMessage
    received_s: float


def read(packet: Packet) -> Arrival:
    """Check one packet whole. Raises MessageError for anything that is not the contract's."""
    address = parse_topic(packet.topic)
    message = decode(address.leaf, packet.payload)
    harmless = _HARMLESS
    if isinstance(message, CurrentMessage):
        check_current(message)
        harmless = _HARMLESS_SET
    if harmless.fullmatch(packet.payload) is None:
        # The schema has bounded the depth by now.
        message = msgspec.convert(_cleaned(msgspec.to_builtins(message)), type(message))
    return Arrival(address, message, packet.received_s)


def read_all(packets: Iterable[Packet]) -> tuple[list[Arrival], int]:
    """The messages among the packets, and how many packets were none.

    An empty payload takes a retained message back (MQTT-3.3.1-10): nothing to show, nothing wrong.
    """
    arrivals: list[Arrival] = []
    refused = 0
    for packet in packets:
        if not packet.payload:
            continue
        try:
            arrivals.append(read(packet))
        except MessageError:
            refused += 1
    return arrivals, refused


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return clean(value)
        case list() | tuple():
            return [_cleaned(item) for item in value[:100]]
        case dict():
            return {clean(str(key)): _cleaned(item) for key, item in list(value.items())[:100]}
        case _:
            return value
