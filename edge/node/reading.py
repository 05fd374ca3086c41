"""Reading the ports of a node: one thread for all of them.

With a thread for each port, sixteen handed the interpreter to one another thousands of times a second, which
cost more than counting. So nothing here waits for one port: they are polled together, and what can take long,
opening a port and closing it, has a thread of its own meanwhile.

What counting costs hardly depends on how much a read brings, and is half of it where one station's follows
another's, before the processor has done something else. So bytes gather for a while, at all ports until the
same moment, and are counted together; except as a lift ends, which somebody waits for: then they gather only
where many ports share the machine. The clock needs bytes that nothing has delayed: in so often what has
gathered is taken together with what comes next, or, while a lift ends, the next is read as it comes.
"""

import math
import select
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

from edge.link.sources import SerialSource
from edge.node.acquisition import READ_TIMEOUT_S, ByteAcquisition
from edge.node.session import Session
from station.config import Port
from station.errors import SourceError
from station.program.retry import Retry

GATHER_S = 0.09  # less than from one live value to the next
NEXT_S = 0.025  # frames come 20 ms apart, or nearer
LINGER_S = 0.0025  # as a lift ends, for each other port
LINGER_MAX_S = 0.04
# From one read of fresh bytes to the next: as what has gathered is read, where the clocks of two ports are
# aligned. Behind a converter's timer of 16 ms that leaves 2 ms in the first seconds and 0.2 after a minute,
# half as often twice as much; a lone clock only says when the session was.
PROMPT_S, PROMPT_ALONE_S = 0.08, 0.2
CLOSE_S = 0.5  # a serial server takes 0.3
GATHER_BYTES = 1024  # a terminal holds 4096: a port as busy as this is not kept waiting


_ALONE = nullcontext()


class PortAcquisition(ByteAcquisition):
    """A port that may come and go. A PortReader looks after it; times come in, seconds of its clock.

    Parameters
    ----------
    session : where the samples go
    port : of the station file
    open_source : makes a new source each time the port is opened

    clock : of whoever looks after it
    linger_s : how long bytes may gather as a lift ends
    number : the file descriptor, while it is open
    next_s : when to `look` at the latest
    listens : for the next bytes: `arrived` is to come with them; else they gather until `next_s`
    to_count : `count` is to come next
    gathered : no lift ends, and what is to be counted may wait for the other ports
    """

    def __init__(
        self, session: Session, port: Port, open_source: Callable[[Port], SerialSource] = SerialSource
    ) -> None:
        super().__init__(session, port)
        self.clock: Callable[[], float] = time.monotonic
        self.linger_s = 0.0
        self.number = -1
        self.next_s = -math.inf
        self.listens = False
        self.to_count = False
        self.gathered = False
        self._open_source = open_source
        self._source: SerialSource | None = None
        self._retry = Retry()
        self._aside: threading.Thread | None = None  # opens or closes the source
        self._opened: SerialSource | Exception | None = None  # what came of opening it
        self._gone: SourceError | None = None
        self._fresh = False  # the newest of what was read has waited for nothing
        self._data = b""  # read and not counted yet
        self._read_s = 0.0
        self._prompt_s = -math.inf  # from when on fresh ones are wanted
        self._prompt_every_s = PROMPT_S if len(session.station.ports) > 1 else PROMPT_ALONE_S

    def look(self, now_s: float) -> None:
        """Do what is due: plug in again, read what has gathered, or note that nothing more comes."""
        if self._source is None:
            self._plug_in(now_s)
        elif self.listens:
            self._receive(self._source.read, 0.0)  # on a busy machine bytes may wait all the same
            self._to_count()
        else:
            self._receive(self._source.read, 0.0)
            self.gathered = self.gathered and bool(self._data)
            enough = bool(self._data) and not (self.gathered and now_s >= self._prompt_s)
            if enough or self._gone is not None:
                self._to_count()
            else:
                self._listen(now_s + (NEXT_S if self._data else READ_TIMEOUT_S))

    def arrived(self) -> None:
        """Read what has just come."""
        assert self._source is not None, "it has no number to wait for"
        self._receive(self._source.read_arrived)
        self._fresh = True
        self._to_count()

    def count(self, now_s: float) -> None:
        """Count what was read, or the news that nothing came."""
        data, fresh = self._data, self._fresh
        self._data, self._fresh, self.to_count = b"", False, False
        self.beat_at = now_s
        self.take(data, self._read_s if data else now_s, now_s)
        try:
            request = self.driver.request(now_s)
            if request and self._source is not None and self._gone is None:
                self._source.write(request)
        except SourceError as error:
            self._gone = error
        if self._gone is not None:
            self._unplug(self._gone, now_s)
            return
        if fresh:
            self._prompt_s = now_s + self._prompt_every_s
        may_gather = 0 < len(data) < GATHER_BYTES
        self.gathered = may_gather and not self.session.lift_ends
        if self.gathered or (may_gather and self.linger_s and now_s < self._prompt_s):
            # The next moment of all ports that is not this one.
            period_s = self.linger_s + self.gathered * GATHER_S
            self.next_s = math.floor(now_s / period_s + 1.1) * period_s
        else:
            self._listen(now_s + READ_TIMEOUT_S)

    def close(self) -> None:
        """Count what has come, and close the port on a thread of its own; see `closed`."""
        source, self._source = self._source, None
        if source is not None:
            if self._gone is None:
                self._receive(source.read, 0.0)
            if self._data:
                self.take(self._data, self._read_s, self.clock())
            self._do_aside(source.__exit__)
        elif self._opened is not None and not isinstance(self._opened, Exception):
            self._do_aside(self._opened.__exit__)

    def closed(self, within_s: float) -> None:
        """Wait until it is, or for so long."""
        if self._aside is not None:
            self._aside.join(max(0.0, within_s))

    def _to_count(self) -> None:
        self.to_count, self.listens, self.next_s = True, False, math.inf

    def _listen(self, until_s: float) -> None:
        self.listens, self.next_s = True, until_s

    def _receive(self, read: Callable[..., bytes], *within_s: float) -> None:
        try:
            data = read(*within_s)
        except SourceError as error:  # what came before is counted first
            self._gone = error
            return
        if data:
            self._data += data
            self._read_s = self.clock()  # after the read: to the device's clock bytes are late, never early

    def _plug_in(self, now_s: float) -> None:
        self.beat_at = now_s
        self.next_s = now_s + READ_TIMEOUT_S
        if self._aside is None or not self._aside.is_alive():
            opened, self._opened = self._opened, None
            if isinstance(opened, SourceError):
                self.problem = str(opened)
                self._retry.failed(now_s)
            elif isinstance(opened, Exception):
                raise opened
            elif opened is not None:
                self._source, self.number = opened, opened.fileno()
                self.link_up, self.problem = True, None
                self._prompt_s = -math.inf
                self._listen(now_s + READ_TIMEOUT_S)
                self.driver.opened()
                return
            elif self._retry.due(now_s):
                self._do_aside(self._open)
        self.session.step([], now_s)  # the set's time-outs and the coach's commands go on

    def _unplug(self, error: SourceError, now_s: float) -> None:
        source, self._source, self._gone, self.gathered = self._source, None, None, False
        self.link_up, self.problem = False, str(error)
        self.reconnects += 1
        self._retry.failed(now_s)
        self.next_s = now_s + READ_TIMEOUT_S
        if source is not None:
            self._do_aside(source.__exit__)

    def _open(self) -> None:
        try:
            source = self._open_source(self.port)
            source.__enter__()
            self._opened = source
        except Exception as error:  # noqa: BLE001 - _plug_in says it, or raises what is no SourceError
            self._opened = error

    def _do_aside(self, work: Callable[[], object]) -> None:
        # A serial server that does not answer takes 5 s to open, a device that takes no bytes 30 s to close.
        aside = threading.Thread(target=work, name=f"port {self.port.url}", daemon=True)
        try:
            aside.start()
        except RuntimeError:  # there are no more threads to be had
            work()
        else:
            self._aside = aside


def readable(ports: Sequence[PortAcquisition], at_most_s: float) -> list[PortAcquisition]:
    """Those of the ports at which bytes have come, or that are gone; waits for the first."""
    waiting = select.poll()
    by_number = {port.number: port for port in ports}
    for number in by_number:
        waiting.register(number, select.POLLIN)
    return [by_number[number] for number, _ in waiting.poll(1e3 * at_most_s)]


class PortReader:
    """Reads ports, and has what it reads counted, on one thread.

    Parameters
    ----------
    ports : of any number of sessions
    clock : seconds, monotonic
    wait : as `readable`
    together : the context in which several ports are counted; see Publisher.together
    """

    def __init__(
        self,
        ports: Sequence[PortAcquisition],
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[Sequence[PortAcquisition], float], list[PortAcquisition]] = readable,
        together: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._ports = ports
        self._clock = clock
        self._wait = wait
        self._together = together
        for port in ports:
            port.clock = clock
            port.linger_s = min(LINGER_MAX_S, LINGER_S * (len(ports) - 1))

    def run(self, stop: threading.Event) -> None:
        """Read until `stop` is set, then close the ports."""
        try:
            while not stop.is_set():
                self._round()
        finally:
            for port in self._ports:
                port.close()
            end_s = time.monotonic() + CLOSE_S
            for port in self._ports:
                port.closed(end_s - time.monotonic())

    def _round(self) -> None:
        now_s = self._clock()
        for port in self._ports:
            if now_s >= port.next_s:
                port.look(now_s)
        listening = [port for port in self._ports if port.listens]
        to_count = self._to_count(listening)
        wait_s = 0.0 if to_count else max(0.0, min([port.next_s for port in self._ports]) - now_s)
        arrived = self._wait(listening, wait_s)
        if arrived:
            # All are read before any is counted: a stamp is worth what has not delayed it.
            for port in arrived:
                port.arrived()
            to_count = self._to_count([port for port in listening if port.listens])
        with self._together() if len(to_count) > 1 else _ALONE:  # making one costs as much as a read
            for port in to_count:
                port.count(self._clock())

    def _to_count(self, listening: Sequence[PortAcquisition]) -> list[PortAcquisition]:
        """What has gathered waits until more has come, or nothing in time, at each port that listens."""
        awaited = any(port.gathered for port in listening)
        return [port for port in self._ports if port.to_count and not (awaited and port.gathered)]
