"""Where bytes come from: a serial port, a TCP serial server, a pseudo-terminal, or a capture."""

import errno
import os
import select
import termios
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, Self

import serial

from edge.link.capture import Received
from station.config import Port
from station.errors import SourceError

# What pyserial lets through when a device is pulled out (termios.error is no OSError; TypeError comes from a
# file descriptor that has become None). SerialException is an OSError.
UNPLUGGED = (OSError, termios.error, TypeError)
READ_BYTES = 4096  # what a terminal holds


class ByteSource(Protocol):
    """A source of bytes. It reports what arrives and repairs nothing."""

    def __enter__(self) -> Self:
        """Open it. Raises SourceError."""

    def __exit__(self, *exc: object) -> None:
        """Close it, whatever state it is in."""

    def read(self, timeout_s: float) -> bytes:
        """What has arrived, at once if there is any; b"" on time-out. Raises SourceError when it is over."""

    def write(self, data: bytes) -> None:
        """Send a few bytes, or none, to the device. Raises SourceError when it is gone."""


class CaptureOverError(SourceError):
    """A capture has been read to its end."""


class SerialSource:
    """A serial port, pseudo-terminal, or socket://host:port; ours alone while it is open."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._serial: serial.Serial | None = None
        self._readable = select.poll()
        self._room = memoryview(bytearray(READ_BYTES))

    def __enter__(self) -> Self:
        url = self._port.url
        try:
            if url.startswith("socket://"):
                self._serial = serial.serial_for_url(url, timeout=0.0)
            else:
                self._serial = serial.serial_for_url(
                    url, baudrate=self._port.baud, timeout=0.0, exclusive=True
                )
        except (*UNPLUGGED, ValueError) as error:
            raise SourceError(_why_not_open(self._port, error)) from error
        self._readable = select.poll()
        self._readable.register(self._serial, select.POLLIN)
        return self

    def fileno(self) -> int:
        """The file descriptor of the open port, to wait on. Raises SourceError where it is closed."""
        return self._open().fileno()

    def __exit__(self, *exc: object) -> None:
        port, self._serial = self._serial, None
        if port is not None:
            try:
                port.close()
            except UNPLUGGED:
                return  # it is gone already, and there is nothing left to close

    def read(self, timeout_s: float) -> bytes:
        """See ByteSource.read."""
        try:
            self.fileno()
            # Not pyserial's own read: it takes five system calls, and asks for a number of bytes.
            if not self._readable.poll(1e3 * timeout_s):
                return b""
        except UNPLUGGED as error:
            raise self._gone(error) from error
        return self.read_arrived()

    def read_arrived(self) -> bytes:
        """Read what somebody has waited for on `fileno`. Raises SourceError when it is gone."""
        port = self._open()
        try:
            # Not os.read: it takes READ_BYTES from the heap for each read and gives back what it did not
            # need, which leaves a hole behind every read.
            data = bytes(self._room[: os.readv(port.fileno(), [self._room])])
        except BlockingIOError:
            return b""
        except UNPLUGGED as error:
            raise self._gone(error) from error
        if not data:
            raise self._gone(OSError("it was readable and gave nothing"))
        return data

    def write(self, data: bytes) -> None:
        """See ByteSource.write. What does not take a dozen bytes at once is gone too: nobody waits for it."""
        port = self._open()
        try:
            taken = os.write(port.fileno(), data) if data else 0
        except BlockingIOError:
            taken = 0
        except UNPLUGGED as error:
            raise self._gone(error) from error
        if taken < len(data):
            raise self._gone(OSError(f"it took {taken} of {len(data)} bytes"))

    def _open(self) -> serial.Serial:
        if self._serial is None:
            raise SourceError(f"port {self._port.url} is not open; enter the source first")
        return self._serial

    def _gone(self, error: Exception) -> SourceError:
        return SourceError(
            f"port {self._port.url} is gone ({_reason(error)}); was it unplugged? check cable and power"
        )


class ReplaySource:
    """A capture, played as if it were live.

    Reads return exactly the bytes the captured reads returned. `received_s` is the receive time of the newest
    of them on the clock of the capture.
    """

    def __init__(
        self,
        capture: Iterable[Received],
        *,
        speed: float,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        """speed: 1 as it was, 10 ten times as fast, math.inf without waiting. clock and sleep in seconds.

        Raises SourceError for a speed that is not above 0.
        """
        if not speed > 0.0:
            raise SourceError(f"speed is {speed}; it must be above 0, 1 is as fast as it was")
        self._capture = capture
        self._speed = speed
        self._clock = clock
        self._sleep = sleep
        self._records: Iterator[Received] = iter(())
        self._next: Received | None = None
        self._started_s = 0.0
        self._first_s = 0.0
        self.received_s = 0.0

    def __enter__(self) -> Self:
        self._records = iter(self._capture)
        self._next = next(self._records, None)
        self._started_s = self._clock()
        self._first_s = self.received_s = self._next.received_s if self._next else 0.0
        return self

    def __exit__(self, *exc: object) -> None:
        self._records, self._next = iter(()), None

    def read(self, timeout_s: float) -> bytes:
        """See ByteSource.read; raises CaptureOverError at the end."""
        received = self._next
        if received is None:
            raise CaptureOverError("the capture has been read to its end")
        due_s = self._started_s + (received.received_s - self._first_s) / self._speed
        wait_s = due_s - self._clock()
        if wait_s > timeout_s:
            self._sleep(timeout_s)
            return b""
        if wait_s > 0.0:
            self._sleep(wait_s)
        self._next = next(self._records, None)
        self.received_s = received.received_s
        return received.data

    def write(self, data: bytes) -> None:
        """A capture takes no commands."""


def _why_not_open(port: Port, error: Exception) -> str:
    """What was seen and what to do, for a port that does not open."""
    number = getattr(error, "errno", None) or (error.args[0] if error.args else None)
    if number == errno.ENOENT:
        here = ports_here()
        there_are = f"ports here: {here}" if here else "no serial port is plugged in; check the cable"
        return f"port {port.url} does not exist; {there_are}"
    if number in (errno.EACCES, errno.EPERM):
        return (
            f"port {port.url} is not allowed for this user; add it to the group that owns the port "
            "(`sudo usermod -aG dialout $USER`) and log in again"
        )
    if number in (errno.EBUSY, errno.EWOULDBLOCK):
        return f"port {port.url} is in use by another program; close it (`fuser {port.url}` names it)"
    if port.url.startswith("socket://"):
        return f"{port.url} cannot be reached ({_reason(error)}); is a serial server listening there?"
    return f"port {port.url} cannot be opened at {port.baud} baud ({_reason(error)}); is it a serial port?"


def ports_here() -> str:
    """The serial ports that there are, eight at most; empty: none."""
    from serial.tools.list_ports import comports  # noqa: PLC0415  walks sysfs: only when it is needed

    return ", ".join(info.device for info in comports()[:8])


def _reason(error: Exception) -> str:
    """The shortest text of an error."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
