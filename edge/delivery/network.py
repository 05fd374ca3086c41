"""What one thread needs to drive the sockets of many connections, and the attempts that would hold it up."""

import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from paho.mqtt import client as paho

Handler = Callable[[int], None]


class Network:
    """Waits for sockets and for other threads.

    All methods but `wake` and `together` are for the one thread that waits.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._awaited, self._waking = socket.socketpair()
        for end in (self._awaited, self._waking):
            end.setblocking(False)
        self._woken = False  # a byte is under way
        self._wanted = False  # one is to be sent
        self._together = False
        self._unread: list[Handler] = []
        self.watch(self._awaited, selectors.EVENT_READ, self._wakes)

    def wake(self) -> None:
        """End the present or the next `wait` at once, or at the end of `together`; from any thread."""
        self._wanted = True  # before looking: whoever ends `together` looks afterwards
        if not self._together:
            self._wake()

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is woken for meanwhile is woken for once, at its end; for one other thread, and for short.

        A thread that begins to send beside one that counts takes turns with it at every message.
        """
        self._together = True
        try:
            yield
        finally:
            self._together = False
            if self._wanted:
                self._wake()

    def _wake(self) -> None:
        self._wanted = False
        if not self._woken:
            self._woken = True
            self._waking.send(b"\0")

    def watch(self, sock: socket.socket, events: int, handler: Handler) -> None:
        """Have `handler` called with those of `events` that `sock` is ready for."""
        if sock in self._selector.get_map():
            self._selector.modify(sock, events, handler)
        else:
            self._selector.register(sock, events, handler)

    def forget(self, sock: socket.socket) -> None:
        """Watch it no more; before it is closed."""
        if sock in self._selector.get_map():
            self._selector.unregister(sock)

    def read_on(self, handler: Handler) -> None:
        """Call it in the next `wait`: TLS has read more from the socket than was asked for."""
        self._unread.append(handler)

    def wait(self, timeout_s: float) -> None:
        """Call the handlers of what is ready, once; wait for it until `timeout_s` or `wake`."""
        unread, self._unread = self._unread, []
        for key, events in self._selector.select(0.0 if unread else max(0.0, timeout_s)):
            key.data(events)
        for handler in unread:
            handler(selectors.EVENT_READ)

    def _wakes(self, _events: int) -> None:
        self._awaited.recv(64)
        # After reading and before the caller looks at what it was woken for: what is put there from now on
        # writes a byte of its own.
        self._woken = False


class Attempt(threading.Thread):
    """Connects a client. Names, TCP and TLS may each take seconds, which no other station is to wait for.

    Until it is `over` the client is this thread's alone.

    client : to connect
    on_over : called on this thread
    """

    def __init__(self, client: paho.Client, on_over: Callable[[], None]) -> None:
        super().__init__(name="connect", daemon=True)
        self.over = False
        self.error: Exception | None = None  # why there is no connection
        self.abandoned = False  # nobody will take the client over
        self._client = client
        self._on_over = on_over

    def begin(self) -> None:
        """Run, or be over at once where there are no more threads to be had."""
        try:
            self.start()
        except RuntimeError as error:
            self.error, self.over = OSError(str(error)), True

    def run(self) -> None:
        """Connect, and send CONNECT."""
        try:
            code = self._client.reconnect()
            if code:
                raise ConnectionError(paho.error_string(code))
        except Exception as error:  # noqa: BLE001 - for the thread that has begun this
            self.error = error
        if self.abandoned:
            self._client.disconnect()
        self.over = True
        self._on_over()
