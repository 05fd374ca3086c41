"""How many may be connected to the web page at once, and for how long without asking for anything.

Every open connection is a file descriptor, and the record in the same process needs one for the broker. A
connection that has asked for nothing makes room for a newcomer; where all are in use, the newcomer waits.
"""

import asyncio
from collections.abc import Callable
from typing import Any

MOST = 96  # sixteen browsers with six connections each, as browsers open them
FIRST_REQUEST_S = 10.0  # until a connection has to have asked for something
HANDSHAKE_S = 5.0  # of TLS


class ConnectionLimits:
    """A protocol factory in front of another: bounded, and rid of who only waits.

    Parameters
    ----------
    make : makes the protocol of one connection (aiohttp's server)
    """

    def __init__(self, make: Callable[[], Any], most: int = MOST, wait_s: float = FIRST_REQUEST_S) -> None:
        self.refused = 0
        self._make = make
        self._most = most
        self._wait_s = wait_s
        self._open: dict[Any, bool] = {}  # by protocol, oldest first: whether it has asked for something

    def __call__(self) -> asyncio.Protocol:
        """The protocol for a new connection."""
        self._forget_closed()
        if len(self._open) >= self._most and not self._make_room():
            self.refused += 1
            return _Refused()
        protocol = self._make()
        self._open[protocol] = False
        asyncio.get_running_loop().call_later(self._wait_s, self._look_at, protocol)
        return protocol  # type: ignore[no-any-return]

    def asked(self, protocol: Any) -> None:
        """A request has come on this connection."""
        if protocol in self._open:
            self._open[protocol] = True

    def _look_at(self, protocol: Any) -> None:
        if self._open.get(protocol) is False:
            self._close(protocol)

    def _make_room(self) -> bool:
        waiting = next((one for one, asked in self._open.items() if not asked), None)
        if waiting is None:
            return False
        self._close(waiting)
        return True

    def _close(self, protocol: Any) -> None:
        del self._open[protocol]
        if protocol.transport is not None:  # None: in the TLS handshake, which has a limit of its own
            protocol.transport.abort()

    def _forget_closed(self) -> None:
        self._open = {
            protocol: asked
            for protocol, asked in self._open.items()
            if protocol.transport is None or not protocol.transport.is_closing()
        }


class _Refused(asyncio.Protocol):
    """A connection there was no room for."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Close it at once: a browser tries again."""
        transport.close()
