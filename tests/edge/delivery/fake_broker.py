"""A broker that lets everybody in and then behaves as no broker should."""

import socket
import ssl
import threading
from collections.abc import Callable
from typing import Self

Answer = Callable[[socket.socket, int, bytes], None]
CONNECT, PUBLISH, SUBSCRIBE, UNSUBSCRIBE = 1, 3, 8, 10  # kinds of packet
CONNACK_5 = bytes([0x20, 3, 0, 0, 0])


def lets_in(peer: socket.socket, kind: int, packet: bytes) -> None:
    """Answers what must be answered under MQTT 5."""
    if kind == CONNECT:
        peer.sendall(CONNACK_5)
    elif kind == SUBSCRIBE:
        peer.sendall(bytes([0x90, 5, *packet[:2], 0, 0, 0]))
    elif kind == UNSUBSCRIBE:
        peer.sendall(bytes([0xB0, 5, *packet[:2], 0, 0, 0]))


class FakeBroker:
    """Gives each packet that arrives to `answer` (peer, kind, packet without its fixed header).

    tls : to speak TLS with
    """

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.reads = threading.Event()
        self.reads.set()
        self.heard: list[tuple[int, bytes]] = []
        self._answer = answer
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._peers: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.reads.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self._peers:
            peer.close()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self._peers.append(peer)
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        try:
            if self._tls is not None:
                peer = self._tls.wrap_socket(peer, server_side=True)
            with peer, peer.makefile("rb") as stream:
                while first := stream.read(1):
                    length, shift, byte = 0, 0, 0x80
                    while byte & 0x80:
                        byte = stream.read(1)[0]
                        length |= (byte & 0x7F) << shift
                        shift += 7
                    packet = stream.read(length)
                    self.heard.append((first[0] >> 4, packet))
                    self._answer(peer, first[0] >> 4, packet)
                    self.reads.wait()
        except (OSError, ValueError, IndexError):
            return  # it is over
