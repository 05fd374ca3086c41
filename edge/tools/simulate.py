"""`plumbline simulate`, with the two outlets that belong to the edge: captures and TCP."""

import contextlib
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

from edge.link.capture import CaptureInfo, CaptureWriter
from station.errors import SourceError
from station.sim.cli import simulate as simulate_station
from station.sim.devices.device import Piece
from station.sim.session import SimulatedSet

STARTED_UTC = "2000-01-01T00:00:00Z"  # fixed: the same seed writes the same file


def simulate(argv: Sequence[str]) -> int:
    """Simulate to every outlet there is."""
    return simulate_station(argv, write_capture=write_capture, serve_tcp=TcpPorts)


def write_capture(path: Path, simulated: SimulatedSet, pieces: Iterator[Piece]) -> None:
    """Write a simulated board's bytes as a capture, each piece received as it left the board.

    Raises RecordingError when the file exists or cannot be written.
    """
    info = CaptureInfo(
        station=simulated.plan.id, url="simulated", driver="plumbline", baud=115_200, started_utc=STARTED_UTC
    )
    with CaptureWriter(path, info) as capture:
        for sent_s, data in pieces:
            capture.write(sent_s, data)


class TcpPorts:
    """One listening port of this machine per board; whoever connects hears the board from then on."""

    def __init__(self, first_port: int, count: int) -> None:
        """Listen on `count` ports from `first_port` on (0: any free ones) and print them.

        Raises SourceError when a port is taken.
        """
        self.urls: list[str] = []
        self._listening: list[socket.socket] = []
        self._heard: list[socket.socket | None] = [None] * count
        for index in range(count):
            port = first_port + index if first_port else 0
            try:
                listening = socket.create_server(("127.0.0.1", port))
            except OSError as error:
                self.close()
                raise SourceError(
                    f"port {port}: cannot be listened on ({error.strerror}); try another"
                ) from error
            listening.setblocking(False)
            self._listening.append(listening)
            self.urls.append(f"socket://127.0.0.1:{listening.getsockname()[1]}")
            print(self.urls[-1], flush=True)

    def is_open(self) -> bool:
        """Always: nobody has to connect."""
        return True

    def write(self, index: int, data: bytes) -> bytes:
        """Send to the connected clients; what a connection cannot take is lost, visible in seq."""
        with contextlib.suppress(BlockingIOError):
            newest, _ = self._listening[index].accept()
            newest.setblocking(False)
            self._let_go(index)
            self._heard[index] = newest
        hears = self._heard[index]
        if hears is None:
            return b""
        try:
            hears.send(data)
        except BlockingIOError:
            pass
        except OSError:  # it has gone; the next one may come
            self._let_go(index)
        return b""

    def close(self) -> None:
        """Close every connection and every port."""
        for index in range(len(self._heard)):
            self._let_go(index)
        for listening in self._listening:
            listening.close()
        self._listening = []

    def _let_go(self, index: int) -> None:
        hears = self._heard[index]
        if hears is not None:
            hears.close()
        self._heard[index] = None
