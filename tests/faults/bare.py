"""MQTT 3.1.1 by hand: enough to say and to hear QoS 0, many times faster than a client library.

A load test must not measure its own load: two processes with 100 paho clients each took a core and a half for
4000 small messages a second.
"""

import selectors
import socket
import struct
import threading
from collections.abc import Callable

KEEPALIVE_S = 600


def connect(port: int, client_id: str) -> socket.socket:
    """A connection the broker has accepted. Raises ConnectionError where it does not."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=10.0)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(
        _packet(0x10, _text("MQTT") + b"\x04\x02" + struct.pack(">H", KEEPALIVE_S) + _text(client_id))
    )
    answer = sock.recv(4)
    if answer != b"\x20\x02\x00\x00":
        raise ConnectionError(f"the broker answered {answer!r}")
    return sock


def publish(topic: str, payload: bytes) -> bytes:
    """The packet of one message with QoS 0."""
    return _packet(0x30, _text(topic) + payload)


class Hearing:
    """Hear a topic filter, on a thread, until `close`."""

    def __init__(self, port: int, topics: str, heard: Callable[[bytes], None]) -> None:
        """`heard` takes a payload; on the thread."""
        self._sock = connect(port, f"hears-{id(self)}")
        self._sock.sendall(_packet(0x82, b"\x00\x01" + _text(topics) + b"\x00"))
        self._heard = heard
        self._over = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hear no more."""
        self._over = True
        self._thread.join(5.0)
        self._sock.close()

    def _run(self) -> None:
        selector, data = selectors.DefaultSelector(), b""
        selector.register(self._sock, selectors.EVENT_READ)
        while not self._over:
            if not selector.select(0.1):
                continue
            more = self._sock.recv(1 << 18)
            if not more:
                return
            data += more
            at = 0
            while (end := _end(data, at)) is not None:
                kind, start, stop = end
                if kind == 0x30:
                    (length,) = struct.unpack_from(">H", data, start)
                    self._heard(data[start + 2 + length : stop])
                at = stop
            data = data[at:]
        selector.close()


def _end(data: bytes, at: int) -> tuple[int, int, int] | None:
    """Type, first and last byte of the packet at `at`; None while it is not whole."""
    length, shift, start = 0, 0, at + 1
    while start < len(data):
        length |= (data[start] & 0x7F) << shift
        shift += 7
        start += 1
        if data[start - 1] < 0x80:
            return (data[at] & 0xF0, start, start + length) if start + length <= len(data) else None
    return None


def _packet(kind: int, body: bytes) -> bytes:
    length, head = len(body), bytes([kind])
    while True:
        length, digit = divmod(length, 128)
        head += bytes([digit | (0x80 if length else 0)])
        if not length:
            return head + body


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">H", len(raw)) + raw
