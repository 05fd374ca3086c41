"""Bytes gather, as a lift ends only where many ports share a machine; none is lost, some are read at once."""

import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import pytest

import edge.node.acquisition
from edge.delivery.outbox import Outbox
from edge.link.capture import Received
from edge.link.sources import ReplaySource
from edge.node.acquisition import LINGER_MAX_S, PortAcquisition
from edge.node.node import Node
from edge.node.session import Session
from station.config import Mqtt, Port
from station.errors import SourceError
from station.exercises import load_profile
from station.sim.session import simulate_set

STATION = simulate_set(load_profile("rdl"), reps=1, rng=np.random.default_rng(5)).station
PIECE_S, PIECE = 0.005, b"\x01\x02\x00"
LASTS_S = 1.0


class Clock:
    """Time that passes only where somebody waits; also the event that a node would be stopped by."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def is_set(self) -> bool:
        return False


class Trickles:
    """A few bytes every 5 ms for a second; what is not read waits."""

    def __init__(self, clock: Clock) -> None:
        self.reads: list[tuple[float, int]] = []  # how late for the newest of them, and how many bytes
        self._clock, self._start_s, self._taken = clock, clock.now_s, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: Any) -> None: ...

    def read(self, timeout_s: float) -> bytes:
        if self._taken * PIECE_S >= LASTS_S:
            raise SourceError("over")
        next_s = self._start_s + (self._taken + 1) * PIECE_S
        self._clock.now_s = max(self._clock.now_s, next_s)
        due = int((self._clock.now_s - self._start_s) / PIECE_S + 1e-6) - self._taken
        self._taken += due
        newest_s = self._start_s + self._taken * PIECE_S
        self.reads.append((self._clock.now_s - newest_s, due * len(PIECE)))
        return due * PIECE

    def write(self, data: bytes) -> None: ...


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[float, int]]]:
    def play(linger_s: float, *, lift_ends: bool = True) -> list[tuple[float, int]]:
        clock = Clock()
        monkeypatch.setattr(edge.node.acquisition, "time", clock)
        source = Trickles(clock)
        acquisition = PortAcquisition(
            Session(STATION, load_profile("rdl")), Port(url="x"), lambda _: source, once=True
        )
        acquisition.linger_s = linger_s
        acquisition.session.step = lambda *_: None  # type: ignore[method-assign]
        monkeypatch.setattr(Session, "lift_ends", lift_ends)
        acquisition.run(clock)  # type: ignore[arg-type]
        return source.reads

    return play


def test_bytes_gather_and_all_of_them_are_read(played: Any) -> None:
    at_once, gathered = played(0.0), played(0.0375)
    assert len(at_once) == LASTS_S / PIECE_S
    assert len(gathered) < len(at_once) / 4
    assert sum(count for _, count in gathered) >= LASTS_S / PIECE_S * len(PIECE)


def test_where_no_lift_ends_one_port_waits_too_and_no_longer_than_a_live_value(played: Any) -> None:
    gathered = played(0.0, lift_ends=False)
    assert len(gathered) < LASTS_S / PIECE_S / 4
    assert max(count for _, count in gathered) <= 0.1 / PIECE_S * len(PIECE)


@pytest.mark.parametrize("lift_ends", [True, False])
def test_some_reads_wait_for_nothing_so_that_the_clock_is_sharp(played: Any, lift_ends: bool) -> None:
    reads = played(0.0375, lift_ends=lift_ends)
    assert len([late_s for late_s, count in reads if late_s < 1e-6 and count == len(PIECE)]) >= 7


def test_what_has_gathered_is_counted_though_the_port_is_pulled_out_before_more_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    monkeypatch.setattr(edge.node.acquisition, "time", clock)
    monkeypatch.setattr(Session, "lift_ends", False)
    pieces = [b"\x01", b"\x02", b"\x03"]

    class PulledOut(Trickles):
        def read(self, timeout_s: float) -> bytes:
            if not pieces:
                raise SourceError("gone")
            return pieces.pop(0)

    acquisition = PortAcquisition(
        Session(STATION, load_profile("rdl")), Port(url="x"), lambda _: PulledOut(clock), once=True
    )
    read: list[bytes] = []
    monkeypatch.setattr(acquisition, "take", lambda data, *_: read.append(data))
    acquisition.run(clock)  # type: ignore[arg-type]
    assert b"".join(read) == b"\x01\x02\x03"


def test_a_capture_is_played_back_as_fast_as_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(edge.node.acquisition, "time", clock)
    received = [Received(n * PIECE_S, PIECE) for n in range(200)]
    source = ReplaySource(received, speed=math.inf, clock=clock.monotonic, sleep=clock.sleep)
    acquisition = PortAcquisition(
        Session(STATION, load_profile("rdl")), Port(url="x"), lambda _: source, once=True
    )
    acquisition.session.step = lambda *_: None  # type: ignore[method-assign]
    acquisition.run(clock)  # type: ignore[arg-type]
    assert clock.now_s == Clock().now_s


@pytest.mark.parametrize(("ports", "linger_s"), [(1, 0.0), (2, 0.0025), (100, LINGER_MAX_S)])
def test_one_port_waits_for_nobody(outbox: Outbox, ports: int, linger_s: float) -> None:
    session = Session(STATION, load_profile("rdl"))
    acquisitions = [PortAcquisition(session, Port(url=f"x{n}")) for n in range(ports)]
    mqtt = Mqtt(host="127.0.0.1", port=1, tls=False)
    Node(acquisitions, outbox, {STATION.station.id: mqtt}, say=lambda line: None)
    assert {acquisition.linger_s for acquisition in acquisitions} == {linger_s}
