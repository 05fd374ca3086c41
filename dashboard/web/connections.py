"""Limits of the web page's connections: their number, and how long one may stay idle.

Every open connection is a file descriptor, and the record in the same process needs one for the broker. So
they are counted from when they are accepted, and TLS, which takes 300 kB for each, begins with the first
byte. Where there are too many, one that has asked for nothing makes room for the newcomer: the oldest of the
address with the most of them. Where all are in use, the newcomer waits.
"""

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

MOST = 96  # sixteen browsers with six connections each, as browsers open them
FIRST_REQUEST_S = 10.0  # until a connection has to have asked for something
HANDSHAKE_S = 5.0  # of TLS
BACKLOG = 128  # the kernel's queue of those nobody has accepted yet
FULL_S = 0.1  # where the machine has no descriptor left


class Connection:
    """An accepted connection, from before its first byte."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.asked = False
        self.transport: asyncio.BaseTransport | None = None  # None: in the TLS handshake
        self.task: asyncio.Task[None] | None = None  # which opens it

    @property
    def over(self) -> bool:
        """Whether it has been closed."""
        opening = self.task is not None and not self.task.done()
        return not opening and (self.transport is None or self.transport.is_closing())

    def close(self) -> None:
        """End it, whatever is under way."""
        if self.task is not None:
            self.task.cancel()
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()


class Connections:
    """Accepts connections for a server.

    Parameters
    ----------
    make : makes the protocol of one connection (aiohttp's server)
    tls : how to encrypt, None for not at all
    """

    def __init__(
        self,
        make: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None,
        most: int = MOST,
        wait_s: float = FIRST_REQUEST_S,
    ) -> None:
        self.refused = 0
        self._make = make
        self._tls = tls
        self._most = most
        self._wait_s = wait_s
        self._open: list[Connection] = []  # oldest first
        self._by_protocol: dict[Any, Connection] = {}

    def asked(self, protocol: Any) -> None:
        """Note a request on a connection."""
        if protocol in self._by_protocol:
            self._by_protocol[protocol].asked = True

    async def accept(self, listener: socket.socket) -> None:
        """Take who comes, until cancelled. The listener does not block."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    sock, address = await loop.sock_accept(listener)
                except OSError:  # no descriptor left, or gone before it was accepted
                    await asyncio.sleep(FULL_S)
                    continue
                self._take(sock, str(address[0]))
        finally:
            for one in self._open:
                one.close()

    def _take(self, sock: socket.socket, address: str) -> None:
        self._open = [one for one in self._open if not one.over]
        self._by_protocol = {of: one for of, one in self._by_protocol.items() if not one.over}
        if len(self._open) >= self._most and not self._make_room():
            self.refused += 1
            sock.close()  # a browser tries again
            return
        one = Connection(address)
        self._open.append(one)
        one.task = asyncio.get_running_loop().create_task(self._begin(one, sock))

    async def _begin(self, one: Connection, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        handshake_s = HANDSHAKE_S if self._tls is not None else None
        loop.call_later(self._wait_s, self._look_at, one)
        try:
            await _says_something(sock)
            with suppress(OSError):  # an SSLError is one: no TLS, or none of ours
                one.transport, protocol = await loop.connect_accepted_socket(
                    self._make, sock, ssl=self._tls, ssl_handshake_timeout=handshake_s
                )
                self._by_protocol[protocol] = one
        finally:
            if one.transport is None:
                sock.close()

    @staticmethod
    def _look_at(one: Connection) -> None:
        if not one.asked:
            one.close()

    def _make_room(self) -> bool:
        waiting = [one for one in self._open if not one.asked]
        if not waiting:
            return False
        ((crowded, _),) = Counter(one.address for one in waiting).most_common(1)
        oldest = next(one for one in waiting if one.address == crowded)
        oldest.close()
        self._open.remove(oldest)
        return True


async def _says_something(sock: socket.socket) -> None:
    """Wait for its first byte, or its end."""
    loop = asyncio.get_running_loop()
    came = asyncio.Event()
    loop.add_reader(sock, came.set)
    try:
        await came.wait()
    finally:
        loop.remove_reader(sock)
