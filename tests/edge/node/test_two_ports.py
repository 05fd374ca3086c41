"""One station on two ports: an encoder sets the clock, what a scale says is put on it."""

import heapq
import os
import pty
import select
import threading
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.counting.pipeline import StationPipeline
from edge.delivery.outbox import Outbox
from edge.link.alignment import Alignment
from edge.link.drivers import Samples, make_driver
from edge.node.node import Node
from edge.node.reading import PortAcquisition, PortReader
from edge.node.session import Session
from station.config import Calibration, Mqtt, Port, StationFile, StationTable
from station.errors import SourceError
from station.exercises import load_profile
from station.program.retry import Retry
from station.records import RepEvent
from station.sim.devices.device import Piece
from station.sim.devices.sensors import Sensors
from station.sim.session import simulate_set
from station.timing.clock import DeviceClock
from tests.edge.link import foreign
from tests.edge.node.bench import Nothing

Floats = NDArray[np.float64]
PROFILE = load_profile("rdl")
SET = simulate_set(
    PROFILE,
    reps=3,
    rng=np.random.default_rng(5),
    sensors=Sensors(position_hz=1000.0, force_hz=80.0, position_noise_m=0.0),
    load_kg=60.0,
    approach="none",
)
START_M = float(SET.recording["position_m"].value[0])


def station(first: str = "a", second: str = "b") -> StationFile:
    ports = [
        Port(first, driver="chronojump-encoder"),
        Port(second, driver="csv", columns=["time_ms", "force_n"]),
    ]
    encoder_starts_at_0 = {"position_m": Calibration(zero_counts=-1000.0 * START_M)}
    return msgspec.structs.replace(SET.station, ports=ports, calibration=encoder_starts_at_0)


def encoder() -> Iterator[Piece]:
    time_s, value = SET.recording["position_m"]
    every_ms = np.arange(time_s[0], time_s[-1], 0.001)
    for at_s, data in foreign.chronojump_encoder(np.interp(every_ms, time_s, value) - START_M):
        yield at_s + float(time_s[0]), data


def scale(ahead_ppm: float = 0.0) -> Iterator[Piece]:
    """A scale whose clock began a while ago and runs fast."""
    time_s, value = SET.recording["force_n"]
    for at_s, (_, data) in zip(
        time_s.tolist(),
        foreign.csv_lines(time_s * (1 + ahead_ppm * 1e-6), value, start_ms=777_000),
        strict=True,
    ):
        yield at_s, data


def late(pieces: Iterator[Piece], rng: np.random.Generator) -> Iterator[Piece]:
    read_s = 0.0
    for at_s, data in pieces:
        read_s = max(read_s, at_s + float(rng.exponential(0.003)))
        yield read_s, data


def reps_of(events: list[Any]) -> dict[str, RepEvent]:
    return {event.event_id: event for event in events if isinstance(event, RepEvent)}


def test_what_the_scale_says_lies_where_it_was_measured() -> None:
    rng = np.random.default_rng(1)
    drivers = [make_driver(port, station()) for port in station().ports]
    alignment = Alignment(drivers[1].clock, drivers[0].clock)
    pipeline = StationPipeline(station(), PROFILE)
    events: list[Any] = []
    forces: list[Samples] = []
    streams = [[(*piece, n) for piece in late(p, rng)] for n, p in enumerate((encoder(), scale(200.0)))]
    for read_s, data, number in heapq.merge(*streams):
        samples = drivers[number].feed(data, 50.0 + read_s)
        if number:
            samples = alignment.onto(samples)
            forces += samples
        events += pipeline.feed(samples)
    events += pipeline.finish()
    begin_s = float(SET.recording["position_m"].time_s[0])
    true_s, _ = SET.recording["force_n"]
    found_s = np.concatenate([part.time_s for part in forces]) + begin_s
    assert alignment.rejected <= 5
    error_s = found_s - true_s[-len(found_s) :]
    assert np.abs(error_s).max() < 0.006
    assert (np.diff(found_s) > 0).all()
    found, truth = reps_of(events), SET.truth["sets"][0]["reps"]
    assert len(found) == len(truth) == 3
    for event, true in zip(found.values(), truth, strict=True):
        assert event.rep.mean_force_n == pytest.approx(true["mean_force_n"], rel=0.02)


@pytest.mark.parametrize("out_s", [2.2, 3.1, 4.3, 5.6, 6.4, 7.2, 8.5])
def test_an_encoder_unplugged_and_back_makes_no_phantom_rep(out_s: float) -> None:
    """It has no absolute position: what moved meanwhile is gone, and the bar seems to have stood still."""
    driver = make_driver(station().ports[0], station())
    pipeline = StationPipeline(station(), PROFILE)
    events: list[Any] = []
    for at_s, data in encoder():
        if out_s < at_s <= out_s + 1.5:
            driver.opened()
            continue
        events += pipeline.feed(driver.feed(data, 50.0 + at_s))
    events += pipeline.finish()
    counted = [e for e in reps_of(events).values() if e.state == "confirmed" and e.rep.counted]
    assert 2 <= len(counted) <= 3


def tick(clock: DeviceClock, t_us: int, received_s: float) -> None:
    clock.feed([0], [t_us], [0], received_s)


def samples_at(*times_s: float) -> list[Samples]:
    return [Samples("force_n", np.array(times_s), np.zeros(len(times_s)))]


def test_samples_before_the_first_port_has_spoken_are_counted_and_dropped() -> None:
    own, session = DeviceClock(), DeviceClock()
    alignment = Alignment(own, session)
    tick(own, 0, 10.0)
    assert alignment.onto(samples_at(0.0)) == []
    tick(session, 5_000, 12.0)
    tick(own, 2_000_000, 12.0)
    (part,) = alignment.onto(samples_at(1.9, 2.0))
    assert part.time_s.tolist() == pytest.approx([-0.1, 0.0])
    assert alignment.rejected == 1


def test_a_better_fit_changes_the_pace_and_a_reset_jumps() -> None:
    own, session = DeviceClock(), DeviceClock()
    alignment = Alignment(own, session)
    tick(session, 0, 10.0)
    tick(own, 0, 10.1)  # a late first read
    alignment.onto(samples_at(0.0))
    tick(session, 100_000, 10.1)
    tick(own, 100_000, 10.1)
    (part,) = alignment.onto(samples_at(0.05, 0.1))
    assert part.time_s.tolist() == pytest.approx([0.145, 0.19])
    tick(own, 50, 12.0)  # it has begun anew: its clock went on by the host's
    tick(session, 2_000_000, 12.0)
    (part,) = alignment.onto(samples_at(2.0))
    assert part.time_s[0] == pytest.approx(2.0, abs=0.12)
    assert alignment.onto(samples_at(1.0)) == []
    assert alignment.rejected == 1


class Terminal:
    def __init__(self) -> None:
        self.far, near = pty.openpty()
        tty.setraw(near)
        self.path = os.ttyname(near)


def test_a_rep_of_a_node_with_two_ports_carries_the_scales_force(
    tmp_path: Path, broker: Any, wire: Any, until: Callable[..., None]
) -> None:
    ends = [Terminal(), Terminal()]
    file = station(*(end.path for end in ends))
    session = Session(file, PROFILE)
    acquisitions = [PortAcquisition(session, port) for port in file.ports]
    with Outbox(tmp_path / "outbox.db") as outbox:
        brokers = {file.station.id: Mqtt(host="127.0.0.1", port=broker.port, tls=False)}
        node = Node(acquisitions, outbox, brokers, say=lambda line: None)
        running = threading.Thread(target=node.run)
        running.start()
        until(lambda: all(acquisition.link_up for acquisition in acquisitions))
        # The scale has been on for a while: its clock began long before the session's.
        before = foreign.csv_lines(np.arange(-0.5, 0.0, 0.0125), np.zeros(40), start_ms=776_500)
        streams = [[(*piece, 0) for piece in encoder()], [(*p, 1) for s in (before, scale()) for p in s]]
        true = SET.truth["sets"][0]["reps"][0]
        start_s = time.monotonic() + 0.7
        for at_s, data, number in heapq.merge(*streams):
            if at_s > true["end_s"] + 0.5:
                break
            # No faster than life: to the host's clock these would be clocks that run away.
            time.sleep(max(0.0, start_s + at_s - time.monotonic()))
            os.write(ends[number].far, data)
        until(lambda: wire.messages("rep"))
        until(lambda: {s.channel for s in wire.messages("info")[-1].sensors} == {"position_m", "force_n"})
        node.stop()
        running.join(5.0)
    assert not running.is_alive()
    (rep,) = {message.event_id: message.rep for message in wire.messages("rep")}.values()
    assert rep.mean_force_n == pytest.approx(true["mean_force_n"], rel=0.05)
    assert wire.messages("health")[-1].reconnects == 0
    for end in ends:
        os.close(end.far)


def test_a_node_starts_a_sensor_that_waits_to_be_told(until: Callable[..., None]) -> None:
    end = Terminal()
    file = msgspec.structs.replace(
        station(),
        station=StationTable("band-1", "band"),
        ports=[Port(end.path, driver="chronojump-force")],
        calibration={},
    )
    acquisition = PortAcquisition(Session(file, load_profile("banded-hinge")), file.ports[0])
    acquisition.session.attach(Nothing(), Nothing())
    stop = threading.Event()
    running = threading.Thread(target=PortReader([acquisition]).run, args=(stop,))
    running.start()
    try:
        assert select.select([end.far], [], [], 5.0)[0], "it was never told"
        assert os.read(end.far, 100) == b"start_capture:\n"
        os.write(end.far, b"Starting capture...\r\n12000;101.50\r\n24500;102.25\r\n")
        until(lambda: acquisition.stats.samples == 2)
    finally:
        stop.set()
        running.join(5.0)
        os.close(end.far)
    assert not running.is_alive()


class GoneAtOnce:
    """A port that opens, and is pulled out."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None: ...

    def fileno(self) -> int:
        return 0

    def read(self, timeout_s: float) -> bytes:
        return self.read_arrived()

    def read_arrived(self) -> bytes:
        raise SourceError("gone")


def test_a_port_that_stays_away_for_long_was_unplugged_once() -> None:
    stop = threading.Event()
    tries = iter([True, False, False, False, True, False])

    def plug(_: Port) -> Any:
        there = next(tries, None)
        if there is None:
            stop.set()
        if not there:
            raise SourceError("does not exist")
        return GoneAtOnce()

    acquisition = PortAcquisition(Session(station(), PROFILE), station().ports[0], plug)
    acquisition._retry = Retry(0.0)
    acquisition.session.attach(Nothing(), Nothing())
    PortReader([acquisition]).run(stop)
    assert acquisition.reconnects == 2
