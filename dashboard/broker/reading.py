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

from collections.abc import Callable
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTProtocolVersion

READ_BYTES = 262_144
_PUBLISH_QOS_0 = 0x30  # MQTT 3.1.1 and 5, 2.2.1 and 3.3.1: neither repeated nor retained
_MOST_LENGTH_BYTES = 4


class ReadAheadClient(paho.Client):
    """paho's client, reading ahead; `on_qos0` is given topics and payloads of what came with QoS 0."""

    on_qos0: Callable[[list[tuple[bytes, bytes]]], None]

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
            found = split_qos0(self._tail + data, self.protocol == MQTTProtocolVersion.MQTTv5)
            self._ahead, self._tail, self._place = found.others, found.tail, 0
            if found.qos0:
                self.on_qos0(found.qos0)
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


class SplitPackets(NamedTuple):
    """The bytes of one read, split by who handles them."""

    qos0: list[tuple[bytes, bytes]]  # topic and payload of messages that need no answer
    others: bytes  # whole packets for paho
    tail: bytes  # a packet that has only begun


def split_qos0(data: bytes, five: bool) -> SplitPackets:
    """Take the messages of QoS 0 out of `data`, whole packets and perhaps a begun one; `five`: MQTT 5.

    One loop without calls for the packets of a flood: what each costs here bounds how many a second are heard
    out, and where the broker has to wait for us, it drops other stations' packets too.
    """
    qos0: list[tuple[bytes, bytes]] = []
    others: list[bytes] = []
    place = 0  # up to which `others` holds what is paho's
    start, size = 0, len(data)
    while start + 1 < size:
        length, body = data[start + 1], start + 2
        if length >= 0x80:
            found = _varying(data, start + 1, size)
            if found is None:
                break
            length, body = found
        end = body + length
        if end > size:
            break
        # Neither repeated nor kept, and its topic within the packet; otherwise paho sees it and says so.
        if data[start] == _PUBLISH_QOS_0 and length >= 2:
            payload = topic_end = body + 2 + (data[body] << 8 | data[body + 1])
            if five and topic_end < end:  # properties come first: 3.3.2.3
                payload = topic_end + 1 + data[topic_end]
                if data[topic_end] >= 0x80:
                    found = _varying(data, topic_end, end)
                    payload = end + 1 if found is None else sum(found)
            elif five:
                payload = end + 1
            if topic_end > body + 2 and topic_end <= end and payload <= end:
                if place < start:
                    others.append(data[place:start])
                qos0.append((data[body + 2 : topic_end], data[payload:end]))
                place = end
        start = end
    return SplitPackets(qos0, b"".join([*others, data[place:start]]), data[start:])


def _varying(data: bytes, place: int, until: int) -> tuple[int, int] | None:
    """MQTT's variable byte integer at `place`, and where it ends; None where it has not come whole."""
    value = 0
    for index in range(place, min(place + _MOST_LENGTH_BYTES, until)):
        value |= (data[index] & 0x7F) << (7 * (index - place))
        if data[index] < 0x80:
            return value, index + 1
    # One that never ends is none: paho gets all of it, to see for itself.
    return (until - place, place) if until >= place + _MOST_LENGTH_BYTES else None
