"""Bytes gather, as a lift ends only where many ports share a machine; none is lost."""

import math
import threading
from collections.abc import Callable, Sequence
from typing import Any, Self

import msgspec
import numpy as np
import pytest

import edge.node.acquisition
from edge.link.capture import Received
from edge.link.sources import ReplaySource
from edge.node.acquisition import PlayedCapture
from edge.node.reading import LINGER_MAX_S, NEXT_S, PortAcquisition, PortReader
from edge.node.session import Session
from station.config import Port
from station.errors import SourceError
from station.exercises import load_profile
from station.sim.session import simulate_set
from tests.edge.node.bench import Nothing

STATION = simulate_set(load_profile("rdl"), reps=1, rng=np.random.default_rng(5)).station
PIECE_S, PIECE = 0.005, b"\x01\x02\x00"
LASTS_S = 1.0
STEP_S = 0.0005


class Trickles:
    """A few bytes every 5 ms for a second, then it is pulled out; what is not read waits."""

    def __init__(self, clock: "Clock", late_s: float = 0.0, lasts_s: float = LASTS_S) -> None:
        self.clock, self.start_s, self.lasts_s = clock, clock.now_s + late_s, lasts_s
        self.taken = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: Any) -> None: ...

    def fileno(self) -> int:
        return id(self)

    @property
    def due(self) -> int:
        passed_s = min(self.clock.now_s - self.start_s, self.lasts_s)
        return int(max(0.0, passed_s) / PIECE_S + 1e-6) - self.taken

    @property
    def over(self) -> bool:
        return self.clock.now_s - self.start_s >= self.lasts_s

    def read(self, timeout_s: float) -> bytes:
        assert timeout_s == 0.0, "it holds up the other ports"
        due = self.due
        self.taken += due
        if not due and self.over:
            raise SourceError("over")
        return due * PIECE

    def read_arrived(self) -> bytes:
        return self.read(0.0)

    def write(self, data: bytes) -> None: ...


class Clock:
    """Time that passes only where somebody waits."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def wait(self, ports: Sequence[Any], at_most_s: float) -> list[Any]:
        """As edge.node.reading.readable, of ports whose source is a Trickles."""
        end_s = self.now_s + min(at_most_s, LASTS_S)
        while True:
            readable = [port for port in ports if port._source.due or port._source.over]
            if readable or self.now_s >= end_s:
                return readable
            self.now_s = min(end_s, self.now_s + STEP_S)


class Taken:
    """What a port has counted: when, how late for the newest of it, how many bytes."""

    def __init__(self, port: PortAcquisition, source: Trickles) -> None:
        self.takes: list[tuple[float, float, int]] = []
        self.data = b""

        def take(data: bytes, received_s: float, now_s: float) -> None:
            self.data += data
            if data:
                newest_s = source.start_s + len(self.data) // len(PIECE) * PIECE_S
                self.takes.append((now_s, received_s - newest_s, len(data)))

        port.take = take  # type: ignore[method-assign]
        port.session.step = lambda *_: None  # type: ignore[method-assign]


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Taken]]:
    def play(
        ports: int = 1, *, lift_ends: bool = True, apart_s: float = 0.0, of_session: int = 1
    ) -> list[Taken]:
        clock = Clock()
        station = msgspec.structs.replace(STATION, ports=[Port(url="x")] * of_session)
        monkeypatch.setattr(Session, "lift_ends", lift_ends)
        sources = [Trickles(clock, n * apart_s) for n in range(ports)]
        acquisitions = [
            PortAcquisition(Session(station, load_profile("rdl")), Port(url=f"x{n}"), lambda _, s=source: s)
            for n, source in enumerate(sources)
        ]
        found = [Taken(port, source) for port, source in zip(acquisitions, sources, strict=True)]
        reader = PortReader(acquisitions, clock.monotonic, clock.wait)
        for port in acquisitions:
            port.look(clock.now_s)
            assert port._aside is not None
            port._aside.join(10.0)
            port.look(clock.now_s)
            assert port.link_up
        reader.run(_UntilUnplugged(acquisitions))  # type: ignore[arg-type]
        return found

    return play


class _UntilUnplugged:
    def __init__(self, ports: Sequence[PortAcquisition]) -> None:
        self._ports = ports

    def is_set(self) -> bool:
        return all(port.reconnects for port in self._ports)


ALL = int(LASTS_S / PIECE_S) * PIECE


def test_one_port_is_read_as_bytes_come_while_a_lift_ends(played: Any) -> None:
    (found,) = played()
    assert found.data == ALL
    assert len(found.takes) >= 0.95 * LASTS_S / PIECE_S


def test_bytes_gather_at_many_ports_and_all_of_them_are_read(played: Any) -> None:
    for found in played(16):
        assert found.data == ALL
        assert len(found.takes) < LASTS_S / PIECE_S / 4


def test_where_no_lift_ends_one_port_waits_too_and_no_longer_than_a_live_value(played: Any) -> None:
    (found,) = played(lift_ends=False)
    assert found.data == ALL
    assert len(found.takes) < LASTS_S / PIECE_S / 4
    assert np.max(np.diff([at_s for at_s, *_ in found.takes])) <= 0.1


@pytest.mark.parametrize("lift_ends", [True, False])
@pytest.mark.parametrize("ports", [1, 16])
@pytest.mark.parametrize(("of_session", "fresh"), [(1, 4), (2, 7)])
def test_some_bytes_are_read_as_they_come_so_that_the_clock_is_sharp(
    played: Any, ports: int, of_session: int, fresh: int, lift_ends: bool
) -> None:
    """More often where two clocks are to be aligned."""
    for found in played(ports, lift_ends=lift_ends, of_session=of_session):
        assert len([late_s for _, late_s, _ in found.takes if late_s <= STEP_S + 1e-6]) >= fresh


def test_what_has_gathered_at_several_ports_is_counted_together(played: Any) -> None:
    """Each would be counted up to 5 ms after the other as its bytes come."""
    takes = [found.takes for found in played(4, lift_ends=False, apart_s=0.00125, of_session=2)]
    together = [{at_s for at_s, *_ in one} for one in takes]
    assert len(set.intersection(*together)) >= 0.8 * len(takes[0])
    for found in takes:  # and nothing of it has made a stamp later
        assert np.median([late_s for _, late_s, _ in found]) <= STEP_S + 1e-6


def test_a_port_that_falls_silent_does_not_hold_up_the_others(played: Any, monkeypatch: Any) -> None:
    lasts = iter([0.5])
    made = Trickles.__init__
    monkeypatch.setattr(
        Trickles, "__init__", lambda self, clock, late_s=0.0: made(self, clock, late_s, next(lasts, LASTS_S))
    )
    monkeypatch.setattr(Trickles, "over", property(lambda self: self.clock.now_s - self.start_s >= LASTS_S))
    silent, going_on = played(2, lift_ends=False)
    assert len(silent.data) == len(ALL) / 2
    assert going_on.data == ALL
    assert np.max(np.diff([at_s for at_s, *_ in going_on.takes])) <= 0.1 + NEXT_S


def port_of(clock: Clock, source: Trickles) -> PortAcquisition:
    """A port that is open, on that clock."""
    port = PortAcquisition(Session(STATION, load_profile("rdl")), Port(url="x"), lambda _: source)  # type: ignore[arg-type,return-value]
    port.clock = clock.monotonic
    port.session.attach(Nothing(), Nothing())  # type: ignore[arg-type]
    port.look(clock.now_s)
    assert port._aside is not None
    port._aside.join(10.0)
    port.look(clock.now_s)
    return port


@pytest.mark.parametrize("fresh", [True, False])
def test_a_stamp_is_of_after_the_read(fresh: bool) -> None:
    """While a port is read another thread may run, and bytes that come meanwhile must not be early."""

    class Slow(Trickles):
        def read(self, timeout_s: float) -> bytes:
            self.clock.sleep(0.003)
            return super().read(timeout_s)

    clock = Clock()
    port = port_of(clock, Slow(clock))
    clock.sleep(0.02)
    before_s = clock.now_s
    if fresh:
        port.arrived()
    else:
        port.look(before_s)
    assert port._data
    assert port._read_s == before_s + 0.003


def test_after_a_stall_a_port_is_read_before_it_is_called_silent() -> None:
    clock = Clock()
    port = port_of(clock, source := Trickles(clock))
    found = Taken(port, source)
    clock.sleep(0.5)  # it listened, and nobody looked
    port.look(clock.now_s)
    port.count(clock.now_s)
    assert len(found.data) == 0.5 / PIECE_S * len(PIECE)


def test_what_has_come_is_counted_in_the_end() -> None:
    clock = Clock()
    port = port_of(clock, source := Trickles(clock))
    found = Taken(port, source)
    clock.sleep(0.02)
    port.arrived()
    clock.sleep(0.02)
    port.close()
    assert len(found.data) == 0.04 / PIECE_S * len(PIECE)


def test_what_has_gathered_is_counted_though_the_port_is_pulled_out_before_more_comes(
    played: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = [b"\x01", b"\x02", b"\x03"]

    def read(self: Trickles, timeout_s: float) -> bytes:
        if not pieces:
            raise SourceError("gone")
        return pieces.pop(0)

    monkeypatch.setattr(Trickles, "read", read)
    (found,) = played(lift_ends=False)
    assert found.data == b"\x01\x02\x03"


def test_a_capture_is_played_back_as_fast_as_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(edge.node.acquisition, "time", clock)
    received = [Received(n * PIECE_S, PIECE) for n in range(200)]
    source = ReplaySource(received, speed=math.inf, clock=clock.monotonic, sleep=clock.sleep)
    playing = PlayedCapture(Session(STATION, load_profile("rdl")), Port(url="x"), source)
    playing.session.step = lambda *_: None  # type: ignore[method-assign]
    playing.run(threading.Event())
    assert playing.problem == "the capture has been read to its end"
    assert clock.now_s == Clock().now_s


@pytest.mark.parametrize(("ports", "linger_s"), [(1, 0.0), (2, 0.0025), (100, LINGER_MAX_S)])
def test_one_port_waits_for_nobody(ports: int, linger_s: float) -> None:
    session = Session(STATION, load_profile("rdl"))
    acquisitions = [PortAcquisition(session, Port(url=f"x{n}")) for n in range(ports)]
    PortReader(acquisitions)
    assert {acquisition.linger_s for acquisition in acquisitions} == {linger_s}
