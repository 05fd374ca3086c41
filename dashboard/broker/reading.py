"""Reading from the broker faster than paho does, and what needs no answer past paho.

paho asks the socket for one byte, a length and a body, with a select() before each packet. Each of these
lets go of the interpreter, and a screen at work takes 5 ms to give it back: on a busy machine packets pile up
in the kernel's buffers, tens of seconds of them, and everything shown is old. Here one long read takes
whatever is there. Of what a gym sends nineteen packets in twenty are live values, and reps come with QoS 0 as
well: there is nothing to acknowledge and nobody to match the topic against, so they are taken out on the way.
A station that floods them is read away as fast as the broker sends, and holds up nobody.

`_sock_recv` is paho's own, and no name that it promises. What that is worth, measured: at 3600 live values
a second and a main thread that is always busy, the newest that a screen has is 0.01 s old after 8 s; with
paho's own reading it is 5.7 s old, and falls farther behind.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTProtocolVersion

READ_BYTES = 262_144
_PUBLISH_QOS_0 = 0x30  # MQTT 3.1.1 and 5, 2.2.1 and 3.3.1: neither repeated nor retained
_MOST_LENGTH_BYTES = 4


class Reader(paho.Client):
    """paho's client, reading ahead; `on_quick` is given topic and payload of what came with QoS 0."""

    on_quick: Callable[[bytes, bytes], None]

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._ahead = b""
        self._place = 0
        self._tail = b""  # the beginning of a packet

    @property
    def has_read_ahead(self) -> bool:
        """Whether `loop_read` finds bytes without asking the socket."""
        return self._place < len(self._ahead)

    def _sock_recv(self, bufsize: int) -> bytes:
        """What paho calls for its next bytes; b"" is the end, BlockingIOError is "not yet"."""
        if not self.has_read_ahead:
            data = self._read_all()
            if not data:
                return data
            found = sort_out(self._tail + data, self.protocol == MQTTProtocolVersion.MQTTv5)
            self._ahead, self._tail, self._place = found.others, found.tail, 0
            for topic, payload in found.quick:
                self.on_quick(topic, payload)
            if not self._ahead:
                raise BlockingIOError
        start, self._place = self._place, self._place + bufsize
        return self._ahead[start : self._place]

    def _read_all(self) -> bytes:
        """All there is, up to READ_BYTES: TLS hands over 16 kB at a time, and each time may cost 5 ms."""
        data = super()._sock_recv(READ_BYTES)
        while data and len(data) < READ_BYTES:
            try:
                more = super()._sock_recv(READ_BYTES)
            except BlockingIOError:
                break
            if not more:  # the end; said again at the next read
                break
            data += more
        return data


class Sorted(NamedTuple):
    """What a read has brought."""

    quick: list[tuple[bytes, bytes]]  # topic and payload of messages that need no answer
    others: bytes  # whole packets for paho
    tail: bytes  # a packet that has only begun


def sort_out(data: bytes, five: bool) -> Sorted:
    """What of `data` needs no answer, its other packets, and the begun packet after them; `five`: MQTT 5."""
    quick: list[tuple[bytes, bytes]] = []
    others: list[bytes] = []
    place = 0  # up to which `others` holds what is paho's
    end = 0
    for start, body, end in _packets(data):
        found = _quick(data, start, body, end, five)
        if found is not None:
            others.append(data[place:start])
            quick.append(found)
            place = end
    return Sorted(quick, b"".join([*others, data[place:end]]), data[end:])


def _packets(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Where each whole packet starts, has its body, and ends."""
    start = 0
    while (found := _varying(data, start + 1)) is not None:
        length, body = found
        if body + length > len(data):
            return
        yield start, body, body + length
        start = body + length


def _varying(data: bytes, place: int) -> tuple[int, int] | None:
    """MQTT's variable byte integer at `place`, and where it ends; None where it has not come whole."""
    value = 0
    for index in range(place, min(place + _MOST_LENGTH_BYTES, len(data))):
        value |= (data[index] & 0x7F) << (7 * (index - place))
        if data[index] < 0x80:
            return value, index + 1
    # One that never ends is none: paho gets all of it, to see for itself.
    return (len(data) - place, place) if len(data) >= place + _MOST_LENGTH_BYTES else None


def _quick(data: bytes, start: int, body: int, end: int, five: bool) -> tuple[bytes, bytes] | None:
    """Topic and payload of a message with QoS 0, neither repeated nor kept; None for every other packet."""
    if data[start] != _PUBLISH_QOS_0:
        return None
    topic_end = body + 2 + int.from_bytes(data[body : body + 2])
    if topic_end > end or topic_end == body + 2:
        return None
    payload = topic_end
    if five:  # properties come first: 3.3.2.3
        found = _varying(data[:end], topic_end)
        if found is None or sum(found) > end:
            return None
        payload = sum(found)
    return data[body + 2 : topic_end], data[payload:end]
