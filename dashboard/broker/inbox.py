"""What has come from the broker and nobody has looked at yet, bounded for each topic.

A station that floods its own topic fills its own queue, and whoever drains takes a share of each.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, KeysView
from itertools import groupby
from operator import itemgetter

from dashboard.broker.events import Packet

LIVE_EACH = 8  # of one station between two looks of the screen; then its oldest goes
LIVE_AT_ONCE = 120  # of all stations in one look: 60 at 10 Hz say 60, and what is behind is no longer live
MOST_TOPICS = 4096  # of live values, and of others that wait; a gym has 60
QUEUE = 1000  # of one topic; a station has 200 events under way
MOST_PER_S = 1000  # of one topic that is not taken out as fast; a station says ten live values
SHARE = 100  # of one topic that is taken at once: of a flood, as much as is written in 50 ms
URGENT = ("/rep", "/set", "/current", "/reply")  # what a person waits for


class Inbox:
    """Packets on their way from the network thread to the screen or the record.

    `put`, `put_all` and `flooded` are the network thread's, the others the reader's.

    A screen that has not come round for a while finds each station's newest live value, instead of working
    off what it missed and being late for the next.
    """

    def __init__(self, live_each: int = LIVE_EACH, live_at_once: int = LIVE_AT_ONCE) -> None:
        self._live_each = live_each
        self._live_at_once = live_at_once
        self._live: dict[str, deque[Packet]] = {}  # by topic
        self._other: dict[str, deque[Packet]] = {}  # likewise; none of them is empty
        self._lock = threading.Lock()
        self.dropped = 0  # but for live values: the newest is what counts
        self.urgent = False  # something came that is not to wait for the next flush,
        self.on_urgent: Callable[[], object] = lambda: None  # of which the network thread tells here
        self._came: dict[str, int] = {}  # of each topic, since `_came_since_s`
        self._came_since_s = 0.0
        self._flooded: set[str] = set()

    def put(self, packet: Packet) -> None:
        """Add one packet; where there is no room the oldest of its topic goes and is counted."""
        self._put(packet.topic, [packet])

    def put_all(self, found: Iterable[tuple[bytes, bytes]], received_s: float) -> None:
        """Add topics and payloads that came together; those of a flood at once."""
        for topic, some in groupby(found, itemgetter(0)):
            name = topic.decode(errors="replace")
            self._put(name, [Packet(name, payload, received_s) for _, payload in some])

    @property
    def came(self) -> KeysView[str]:
        """Topics of the last second or two."""
        return self._came.keys()

    def call_flooded(self, topic: str) -> None:
        """Say that a topic brings more than its station may."""
        self._flooded.add(topic)

    def flooded(self) -> set[str]:
        """Topics that have brought far more than is taken out, since the last call."""
        found, self._flooded = self._flooded, set()
        return found

    def _count(self, topic: str, packets: list[Packet], queue: deque[Packet]) -> None:
        if packets[0].received_s - self._came_since_s >= 1.0:
            self._came.clear()
            self._came_since_s = packets[0].received_s
        came = self._came[topic] = self._came.get(topic, 0) + len(packets)
        if came > MOST_PER_S and len(queue) == queue.maxlen:
            self._flooded.add(topic)

    def _put(self, topic: str, packets: list[Packet]) -> None:
        live = topic.endswith("/live")
        queues, most = (self._live, self._live_each) if live else (self._other, QUEUE)
        lost = len(packets)
        with self._lock:
            queue = queues.get(topic)
            if queue is None and len(queues) < MOST_TOPICS:
                queue = queues[topic] = deque(maxlen=most)
            if queue is not None:
                lost = max(0, len(queue) + len(packets) - most)
                queue.extend(packets)
                self._count(topic, packets, queue)
        if not live:
            self.dropped += lost
        if queue is not None and topic.endswith(URGENT) and not self.urgent:
            self.urgent = True
            self.on_urgent()

    def drain(self) -> list[Packet]:
        """Take what is there now, of each topic a share, oldest first; the rest is for the next time."""
        self.urgent = False  # first, so that what comes meanwhile raises it again
        taken = self._take_others()
        waiting = [queue for queue in list(self._live.values()) if queue]
        each = max(1, self._live_at_once // max(1, len(waiting)))
        for queue in waiting:
            taken += [queue.popleft() for _ in range(len(queue))][-each:]
        return taken

    def _take_others(self) -> list[Packet]:
        taken: list[Packet] = []
        with self._lock:
            for topic, queue in list(self._other.items()):
                taken += [queue.popleft() for _ in range(min(SHARE, len(queue)))]
                if queue:
                    self.urgent = True
                else:
                    del self._other[topic]
        taken.sort(key=lambda packet: packet.received_s)  # a command comes before its reply
        return taken
