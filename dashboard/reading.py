"""Reading from the broker faster than paho does, and leaving out live values that newer ones have overtaken.

paho asks the socket for one byte, a length and a body, with a select() before each packet. Each of these
lets go of the interpreter, and a screen at work takes 5 ms to give it back: on a busy machine packets pile up
in the kernel's buffers, tens of seconds of them, and everything shown is old. Here one long read takes
whatever is there, and of what has piled up only the newest live values of each station get any further.
"""

import paho.mqtt.client as paho

READ_BYTES = 262_144
LIVE_EACH = (
    4  # live values of one station out of one read; more have piled up, and the older are no longer live
)
_LIVE = b"/live"
_PUBLISH_QOS_0 = 0x30  # MQTT 3.1.1 and 5, 2.2.1 and 3.3.1: neither repeated nor retained
_MOST_LENGTH_BYTES = 4


class Reader(paho.Client):
    """paho's client, reading ahead."""

    _ahead = b""
    _place = 0
    _tail = b""  # the beginning of a packet
    dropped_live = 0

    @property
    def has_read_ahead(self) -> bool:
        """Whether `loop_read` finds bytes without asking the socket."""
        return self._place < len(self._ahead)

    def _sock_recv(self, bufsize: int) -> bytes:
        """What paho calls for its next bytes; b"" is the end, BlockingIOError is "not yet"."""
        if not self.has_read_ahead:
            data = super()._sock_recv(READ_BYTES)
            if not data:
                return data
            self._ahead, self._tail, dropped = thinned(self._tail + data)
            self._place = 0
            self.dropped_live += dropped
            if not self._ahead:
                raise BlockingIOError
        start, self._place = self._place, self._place + bufsize
        return self._ahead[start : self._place]


def thinned(data: bytes) -> tuple[bytes, bytes, int]:
    """The whole packets of `data` less overtaken live values, the begun packet after them, how many went."""
    packets: list[tuple[int, int, bytes]] = []  # start, end, topic of a live value
    held: dict[bytes, int] = {}
    start = 0
    while (found := _body_of_packet(data, start)) is not None:
        body, end = found
        topic = _live_topic(data, start, body, end)
        if topic:
            held[topic] = held.get(topic, 0) + 1
        packets.append((start, end, topic))
        start = end
    if all(count <= LIVE_EACH for count in held.values()):
        return data[:start], data[start:], 0
    kept = []
    for first, end, topic in packets:
        if topic:
            held[topic] -= 1
            if held[topic] >= LIVE_EACH:
                continue
        kept.append(data[first:end])
    return b"".join(kept), data[start:], len(packets) - len(kept)


def _body_of_packet(data: bytes, start: int) -> tuple[int, int] | None:
    """Where the packet at `start` has its body, and where it ends; None where it has not come whole."""
    length = 0
    for place in range(start + 1, min(start + 1 + _MOST_LENGTH_BYTES, len(data))):
        length |= (data[place] & 0x7F) << (7 * (place - start - 1))
        if data[place] < 0x80:
            body = place + 1
            return (body, body + length) if body + length <= len(data) else None
    # A length that never ends is none: paho gets it to see for itself.
    return (len(data), len(data)) if len(data) > start + _MOST_LENGTH_BYTES else None


def _live_topic(data: bytes, start: int, body: int, end: int) -> bytes:
    """The topic of a live value; b"" for every other packet."""
    if data[start] != _PUBLISH_QOS_0:
        return b""
    size = int.from_bytes(data[body : body + 2])
    topic = data[body + 2 : body + 2 + size]
    return topic if topic.endswith(_LIVE) and body + 2 + size <= end else b""
