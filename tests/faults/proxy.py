"""A wire between station and broker that can be cut in every way a network has."""

import selectors
import socket
import threading
from types import TracebackType
from typing import Literal, Self

How = Literal["pass", "refuse", "hole", "no-answers", "cut"]
CHUNK_BYTES = 65_536


class Proxy:
    """Forwards a port of its own to the broker's. `set` changes how, at once and for every connection.

    pass        as it comes
    refuse      connections are closed, new ones refused
    hole        nothing is forwarded either way, nothing closed; when it ends, what was sent arrives
    no-answers  from the broker nothing arrives; when it ends, the connection is closed: answers are lost
    cut         the next packet is forwarded by half, and the connection closed
    """

    def __init__(self, to_port: int) -> None:
        self._to = to_port
        self.how: How = "pass"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: dict[socket.socket, tuple[socket.socket, bool]] = {}  # other end, and whether to broker
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._lock = threading.Lock()
        self._over = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._over = True
        self._thread.join(2.0)
        self._listener.close()

    def set(self, how: How) -> None:
        """From now on like this."""
        with self._lock:
            if how == "refuse" or self.how == "no-answers":
                self._close_all()
            self.how = how

    def _run(self) -> None:
        while not self._over:
            for key, _ in self._selector.select(0.02):
                with self._lock:
                    if key.fileobj is self._listener:
                        self._accept()
                    elif key.fileobj in self._pairs:
                        self._forward(key.fileobj)  # type: ignore[arg-type]
            with self._lock:
                held = {"hole": (True, False), "no-answers": (False,)}.get(self.how, ())
                for sock, (_, to_broker) in list(self._pairs.items()):
                    wanted = to_broker not in held
                    if wanted != (sock in self._selector.get_map()):
                        if wanted:
                            self._selector.register(sock, selectors.EVENT_READ)
                        else:
                            self._selector.unregister(sock)

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        if self.how == "refuse":
            near.close()
            return
        try:
            far = socket.create_connection(("127.0.0.1", self._to), timeout=1.0)
        except OSError:
            near.close()
            return
        for sock, other, to_broker in ((near, far, True), (far, near, False)):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pairs[sock] = (other, to_broker)
            self._selector.register(sock, selectors.EVENT_READ)

    def _forward(self, sock: socket.socket) -> None:
        other, to_broker = self._pairs[sock]
        try:
            data = sock.recv(CHUNK_BYTES)
            if self.how == "cut" and to_broker and len(data) > 1:
                other.sendall(data[: len(data) // 2])
                data = b""
                self.how = "pass"
            if data:
                other.sendall(data)
        except OSError:
            data = b""
        if not data:
            self._close(sock)

    def _close_all(self) -> None:
        for sock in list(self._pairs):
            self._close(sock)

    def _close(self, sock: socket.socket) -> None:
        for one in (sock, self._pairs.get(sock, (sock, False))[0]):
            self._pairs.pop(one, None)
            if one.fileno() >= 0 and one in self._selector.get_map():
                self._selector.unregister(one)
            one.close()
