"""All sources keep one contract; ports fail in words."""

import errno
import os
import pty
import socket
import termios
import time
import tracemalloc
import tty
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

import pytest
import serial

from edge.link.capture import Received
from edge.link.sources import ByteSource, CaptureOverError, ReplaySource, SerialSource
from station.config import Port
from station.errors import SourceError

SENT = [b"\0hello\r\n\x03\x04\x11\x13\x1a\xff", bytes(range(256)) * 8]


class Far(NamedTuple):
    """A source and its far end."""

    source: ByteSource
    send: Callable[[bytes], object]
    hang_up: Callable[[], object]


@contextmanager
def pseudo_terminal() -> Iterator[Far]:
    far, near = pty.openpty()
    open_ends = [far]
    tty.setraw(near)
    name = os.ttyname(near)
    source = SerialSource(Port(name))

    def hang_up() -> None:
        os.close(open_ends.pop())

    with source:
        os.close(near)
        yield Far(source, lambda data: os.write(far, data), hang_up)
    for end in open_ends:
        os.close(end)


@contextmanager
def tcp_server() -> Iterator[Far]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        source = SerialSource(Port(f"socket://127.0.0.1:{server.getsockname()[1]}"))
        with source:
            peer, _ = server.accept()
            with peer:
                yield Far(source, peer.sendall, peer.close)


class FakeTime:
    """A clock that goes on only while someone sleeps."""

    def __init__(self) -> None:
        self.now_s = 50.0

    def clock(self) -> float:
        return self.now_s

    def sleep(self, duration_s: float) -> None:
        assert duration_s >= 0.0
        self.now_s += duration_s


@contextmanager
def replay() -> Iterator[Far]:
    """A capture whose records come into being as they are sent."""
    records: list[Received] = []
    fake = FakeTime()

    class Growing:
        def __iter__(self) -> Iterator[Received]:
            return iter(records)

    source = ReplaySource(Growing(), speed=1.0, clock=fake.clock, sleep=fake.sleep)
    records += [Received(3.0 + index, data) for index, data in enumerate(SENT)]
    with source:
        yield Far(source, lambda data: None, lambda: None)


Place = Callable[[], AbstractContextManager[Far]]
every_source = pytest.mark.parametrize("place", [pseudo_terminal, tcp_server, replay])
every_port = pytest.mark.parametrize("place", [pseudo_terminal, tcp_server])


def read_until(source: ByteSource, n: int) -> bytes:
    """n bytes, or what came within five seconds."""
    data = b""
    deadline = time.monotonic() + 5.0
    while len(data) < n and time.monotonic() < deadline:
        data += source.read(0.1)
    return data


@every_source
def test_bytes_arrive_unchanged_and_in_order(place: Place) -> None:
    with place() as far:
        for sent in SENT:
            far.send(sent)
            assert read_until(far.source, len(sent)) == sent


@every_source
def test_the_end_is_a_source_error(place: Place) -> None:
    with place() as far:
        far.send(SENT[0])
        assert read_until(far.source, len(SENT[0])) == SENT[0]
        far.hang_up()
        with pytest.raises(SourceError):
            read_until(far.source, 10_000_000)


@every_source
def test_leaving_twice_or_after_the_end_is_no_error(place: Place) -> None:
    with place() as far:
        far.hang_up()
        far.source.__exit__(None, None, None)
        far.source.__exit__(None, None, None)
        with pytest.raises(SourceError):
            far.source.read(0.0)


@every_port
def test_silence_gives_nothing_after_the_time_out(place: Place) -> None:
    with place() as far:
        start_s = time.monotonic()
        assert far.source.read(0.05) == b""
        assert time.monotonic() - start_s > 0.04


@every_port
def test_a_read_takes_much_at_once(place: Place) -> None:
    with place() as far:
        far.send(SENT[1])
        reads = 0
        got = b""
        while len(got) < len(SENT[1]):
            got += far.source.read(2.0)
            reads += 1
        assert got == SENT[1]
        assert reads < 20


def test_unplugging_is_said_with_the_ports_name() -> None:
    with pseudo_terminal() as far:
        far.hang_up()
        with pytest.raises(SourceError, match=r"port /dev/pts/\d+ is gone .*unplugged"):
            read_until(far.source, 1)


@pytest.mark.parametrize(
    "error",
    [
        serial.SerialException("device reports readiness to read but returned no data"),
        OSError(errno.EIO, "Input/output error"),
        termios.error(5, "Input/output error"),
        TypeError("'NoneType' object cannot be interpreted as an integer"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_way_a_port_dies_is_a_source_error(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> bytes:
        raise error

    with pseudo_terminal() as far:
        monkeypatch.setattr(serial.Serial, "fileno", die)
        monkeypatch.setattr(serial.Serial, "close", die)
        with pytest.raises(SourceError, match="is gone"):
            far.source.read(0.1)
        far.source.__exit__(None, None, None)
        monkeypatch.undo()


def test_a_programs_own_mistake_is_not_taken_for_an_unplugged_port(monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> bytes:
        raise ZeroDivisionError

    with pseudo_terminal() as far:
        monkeypatch.setattr(serial.Serial, "fileno", die)
        with pytest.raises(ZeroDivisionError):
            far.source.read(0.1)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("/dev/ttyNone9", "port /dev/ttyNone9 does not exist; "),
        ("/etc/hostname", "cannot be opened at 115200 baud .*is it a serial port"),
        ("odd://thing", "cannot be opened .*protocol 'odd' not known"),
        ("socket://127.0.0.1:1", r"socket://127\.0\.0\.1:1 cannot be reached .*refused"),
    ],
)
def test_a_port_that_does_not_open_says_what_was_seen_and_what_to_do(url: str, says: str) -> None:
    with pytest.raises(SourceError, match=says) as raised, SerialSource(Port(url)):
        pass
    assert "\n" not in str(raised.value)


def test_a_port_that_is_not_allowed_names_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> serial.Serial:
        raise serial.SerialException(errno.EACCES, "could not open port: Permission denied")

    monkeypatch.setattr(serial, "serial_for_url", refuse)
    with pytest.raises(SourceError, match=r"not allowed.*dialout"), SerialSource(Port("/dev/ttyACM0")):
        pass


def test_a_port_in_use_is_said_to_be() -> None:
    with pseudo_terminal() as far:
        assert isinstance(far.source, SerialSource)
        with (
            pytest.raises(SourceError, match="in use by another program"),
            SerialSource(far.source._port),
        ):
            pass


def test_a_port_can_be_opened_again_after_it_was_closed() -> None:
    far, near = pty.openpty()
    port = Port(os.ttyname(near))
    for _ in range(2):
        with SerialSource(port) as source:
            os.write(far, b"again")
            assert read_until(source, 5) == b"again"
    os.close(far)
    os.close(near)


RECORDS = [Received(100.0, b"a"), Received(100.5, b"b"), Received(102.0, b"c")]


@pytest.mark.parametrize("speed", [1.0, 4.0])
def test_a_replay_keeps_the_captures_time(speed: float) -> None:
    fake = FakeTime()
    arrived = []
    with (
        ReplaySource(RECORDS, speed=speed, clock=fake.clock, sleep=fake.sleep) as source,
        pytest.raises(CaptureOverError),
    ):
        while True:
            if data := source.read(0.1):
                arrived.append((fake.now_s - 50.0, source.received_s, data))
    assert [(at, data) for _, at, data in arrived] == [(r.received_s, r.data) for r in RECORDS]
    assert [at for at, _, _ in arrived] == pytest.approx([0.0, 0.5 / speed, 2.0 / speed])


def test_a_replay_that_need_not_wait_does_not() -> None:
    fake = FakeTime()
    with ReplaySource(RECORDS, speed=float("inf"), clock=fake.clock, sleep=fake.sleep) as source:
        assert [source.read(1.0) for _ in RECORDS] == [b"a", b"b", b"c"]
    assert fake.now_s == 50.0


def test_an_empty_capture_is_over_at_once() -> None:
    with (
        ReplaySource([], speed=1.0, clock=FakeTime().clock, sleep=FakeTime().sleep) as source,
        pytest.raises(CaptureOverError),
    ):
        source.read(1.0)


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_a_speed_that_goes_nowhere_is_refused(speed: float) -> None:
    with pytest.raises(SourceError, match="must be above 0"):
        ReplaySource([], speed=speed, clock=FakeTime().clock, sleep=FakeTime().sleep)


def test_a_read_takes_no_more_memory_than_what_has_come_even_for_a_moment() -> None:
    """Sixteen threads that read into 4 kB each left a thousand holes of the rest in a node's heap."""
    with pseudo_terminal() as far:
        far.send(SENT[0])
        tracemalloc.start()
        try:
            data = far.source.read(5.0)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert data == SENT[0] and peak < 2000
