"""One thread reads all ports: what one of them takes its time for holds up no other."""

import os
import pty
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
import pytest

from edge.link.sources import SerialSource
from edge.node.reading import PortAcquisition, PortReader
from edge.node.session import Session
from station.config import Port
from station.errors import SourceError
from station.exercises import load_profile
from station.sim.session import simulate_set
from tests.edge.node.bench import Nothing

STATION = simulate_set(load_profile("rdl"), reps=1, rng=np.random.default_rng(5)).station


class Terminal:
    """A port's far end."""

    def __init__(self) -> None:
        self.far, self._near = pty.openpty()
        tty.setraw(self._near)
        os.set_blocking(self.far, False)
        self.path = os.ttyname(self._near)

    def close(self) -> None:
        os.close(self.far)
        os.close(self._near)


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    ends = [Terminal(), Terminal()]
    yield ends
    for end in ends:
        end.close()


def port(end: Terminal, source: Callable[[Port], Any] = SerialSource) -> PortAcquisition:
    acquisition = PortAcquisition(Session(STATION, load_profile("rdl")), Port(end.path), source)
    acquisition.session.attach(Nothing(), Nothing())
    return acquisition


@contextmanager
def reading(*ports: PortAcquisition) -> Iterator[threading.Thread]:
    stop = threading.Event()
    thread = threading.Thread(target=PortReader(ports).run, args=(stop,))
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(10.0)
        assert not thread.is_alive()


def bytes_of(acquisition: PortAcquisition) -> int:
    stats = acquisition.stats
    return stats.bytes_discarded + stats.frames + stats.frames_corrupt


@pytest.mark.parametrize("slow", ["open", "close"])
def test_a_port_that_takes_its_time_holds_up_no_other(
    slow: str, terminals: list[Terminal], until: Callable[..., None]
) -> None:
    waits, may_end = threading.Event(), threading.Event()

    class Slow(SerialSource):
        def __enter__(self) -> Self:
            return self._wait("open") or super().__enter__()

        def __exit__(self, *exc: object) -> None:
            self._wait("close")
            super().__exit__()

        def _wait(self, when: str) -> None:
            if when == slow and not may_end.is_set():
                waits.set()
                assert may_end.wait(60.0)

        def read(self, timeout_s: float) -> bytes:
            if slow == "close":
                raise SourceError("gone")
            return super().read(timeout_s)

        def read_arrived(self) -> bytes:
            return self.read(0.0)

    other, stuck = port(terminals[0]), port(terminals[1], Slow)
    with reading(other, stuck):
        until(lambda: other.link_up)
        assert waits.wait(30.0)
        before = bytes_of(other)
        for _ in range(5):
            os.write(terminals[0].far, bytes(range(1, 200)) + b"\0")
            until(lambda now=before: bytes_of(other) > now)
            before = bytes_of(other)
        beat_at = stuck.beat_at
        until(lambda: stuck.beat_at > beat_at)  # its commands are obeyed meanwhile
        assert not stuck.link_up
        may_end.set()


def test_a_device_that_takes_no_bytes_is_gone_and_holds_up_no_other(
    terminals: list[Terminal], until: Callable[..., None]
) -> None:
    """A write to it would wait until its terminal's queue has room."""
    other, full = port(terminals[0]), port(terminals[1])
    full.driver.request = lambda _now_s: bytes(1 << 20)  # type: ignore[method-assign]
    with reading(other, full):
        until(lambda: other.link_up and (full.link_up or full.reconnects))
        os.write(terminals[1].far, b"x\0")
        until(lambda: full.reconnects > 0)
        assert "it took " in (full.problem or "")
        before = bytes_of(other)
        os.write(terminals[0].far, bytes(range(1, 200)) + b"\0")
        until(lambda: bytes_of(other) > before)


def test_a_defect_in_opening_ends_the_reader_and_so_the_node(terminals: list[Terminal]) -> None:
    def broken(_: Port) -> SerialSource:
        raise ZeroDivisionError("ours")

    with pytest.raises(ZeroDivisionError, match="ours"):
        PortReader([port(terminals[0], broken)]).run(threading.Event())


def test_ports_are_closed_in_the_end(terminals: list[Terminal], until: Callable[..., None]) -> None:
    acquisition = port(terminals[0])
    with reading(acquisition):
        until(lambda: acquisition.link_up)
        with pytest.raises(SourceError, match="in use"), SerialSource(Port(terminals[0].path)):
            pass
    with SerialSource(Port(terminals[0].path)):
        pass
