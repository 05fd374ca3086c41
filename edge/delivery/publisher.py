"""The publishing side of a node: sends what the outbox holds until the record has it.

One thread drives the connections of all stations and waits for nothing else; another looks into the outbox,
where a disk may take its time, for what is to be sent and with what was acknowledged. Both may die and be
started again: what must not be lost is in the outbox.
"""

import math
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from edge.delivery.network import Network
from edge.delivery.outbox import Outbox
from edge.delivery.sender import Stamp, StationSender
from station.config import Mqtt

WINDOW = 200  # events in flight per station; paho refuses silently beyond 65 535
TICK_S = 0.25  # what is to be sent wakes it; this is for what is to be sent again


class Publisher:
    """Publishes the messages of all stations and receives their commands.

    `senders` has each station's side by its id; the network is met on the publishing thread.

    Parameters
    ----------
    outbox : where rep and set messages wait
    brokers : the broker of each station, by station id
    sessions : the session id of each station, for its last will
    window : events in flight per station
    clock : seconds, monotonic
    stamp : (station, leaf, payload) to what is sent of an event; see edge.delivery.stamps
    """

    def __init__(
        self,
        outbox: Outbox,
        brokers: dict[str, Mqtt],
        sessions: dict[str, str],
        *,
        window: int = WINDOW,
        clock: Callable[[], float] = time.monotonic,
        stamp: Stamp = lambda _station, _leaf, payload: payload,
    ) -> None:
        self._network = Network()
        self._look = threading.Event()
        self.senders = {
            station: StationSender(
                outbox, mqtt, station, sessions[station], window, clock, self._network, self._look.set, stamp
            )
            for station, mqtt in brokers.items()
        }
        self._stop_by = math.inf  # when what has not been sent is given up
        self._looked_last = threading.Event()  # nothing more comes out of the outbox
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._watched, args=(work,), name=name, daemon=True)
            for work, name in ((self._run, "publish"), (self._look_into_outbox, "outbox"))
        ]
        self.failure: BaseException | None = None
        self._beats_at = dict.fromkeys(("publish", "outbox"), time.monotonic())

    @property
    def beat_at(self) -> float:
        """When the thread that has not come round for longest last did."""
        return min(self._beats_at.values())

    @property
    def alive(self) -> bool:
        """False when a thread of it has ended, by `stop` or by a defect (then see `failure`)."""
        return all(thread.is_alive() for thread in self._threads) and self.failure is None

    def start(self) -> None:
        """Begin to connect; a broker that is not there yet is no error."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = 1.0) -> None:
        """Send pending messages and disconnect within about `timeout_s`; the outbox keeps the rest."""
        self._stop_by = time.monotonic() + timeout_s
        self._stop.set()
        self.wake()
        publish, outbox = self._threads
        if publish.ident is not None:
            outbox.join(timeout_s / 2)
            self._looked_last.set()  # or it may, as a disk that hangs
            self._network.wake()
            publish.join(max(0.0, self._stop_by - time.monotonic()))

    def wake(self) -> None:
        """Have the outbox looked into: there may be something to send, of any station."""
        for sender in self.senders.values():
            sender.wake()

    def together(self) -> AbstractContextManager[None]:
        """What is to be sent meanwhile is sent at its end, together; see Network.together."""
        return self._network.together()

    def _watched(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the node ends with status 1 and says why
            self.failure = error

    def _run(self) -> None:
        tick_at = 0.0
        stopping = False
        while not stopping:
            self._network.wait(tick_at - time.monotonic())
            self._beats_at["publish"] = now = time.monotonic()
            stopping = self._looked_last.is_set()  # read before sending: the last round sends everything
            tick = now >= tick_at
            if tick:
                tick_at = now + TICK_S
            for sender in self.senders.values():
                if tick or sender.woken:
                    sender.woken = False  # before sending: what comes meanwhile wakes it again
                    if tick or not sender.connection.connected:
                        sender.connection.look_after()
                    sender.send()
        self._disconnect()

    def _look_into_outbox(self) -> None:
        tick_at = 0.0
        stopping = False
        while not stopping:
            self._look.wait(max(0.0, tick_at - time.monotonic()))
            self._look.clear()
            self._beats_at["outbox"] = now = time.monotonic()
            stopping = self._stop.is_set()  # read before looking, as above
            tick = now >= tick_at
            if tick:
                tick_at = now + TICK_S
            for sender in self.senders.values():
                if tick or sender.to_look:
                    sender.to_look = False
                    sender.look_into_outbox()

    def _disconnect(self) -> None:
        """Disconnect every station; give up at `_stop_by`."""
        connections = [sender.connection for sender in self.senders.values()]
        for one in connections:
            one.unsubscribe()
        half = (time.monotonic() + self._stop_by) / 2
        self._network_until(lambda: all(one.unsubscribed or not one.connected for one in connections), half)
        for one in connections:
            one.disconnect()
        self._network_until(lambda: all(one.closed for one in connections), self._stop_by)

    def _network_until(self, done: Callable[[], bool], by: float) -> None:
        while not done() and time.monotonic() < by:
            self._network.wait(by - time.monotonic())
