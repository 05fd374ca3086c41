"""What has come from the broker and nobody has looked at yet, bounded for each topic.

A station that floods its own topic fills its own queue, and whoever drains takes a share of each.
"""

import threading
from collections import deque

from dashboard.broker.events import Packet

LIVE_EACH = 8  # of one station between two looks of the screen; then its oldest goes
LIVE_AT_ONCE = 120  # of all stations in one look: 60 at 10 Hz say 60, and what is behind is no longer live
MOST_TOPICS = 4096  # of live values, and of others that wait; a gym has 60
QUEUE = 8192  # of one topic; a station's window is 200
SHARE = 400  # of one topic that is taken at once, two windows
PRESSING = ("/rep", "/set", "/current", "/reply")  # what a person waits for


class Inbox:
    """Packets on their way from the network thread to the screen or the record.

    A screen that has not come round for a while finds each station's newest live value, instead of working
    off what it missed and being late for the next.
    """

    def __init__(self, live_each: int = LIVE_EACH, live_at_once: int = LIVE_AT_ONCE) -> None:
        self._live_each = live_each
        self._live_at_once = live_at_once
        self._live: dict[str, deque[Packet]] = {}  # by topic
        self._other: dict[str, deque[Packet]] = {}  # likewise; none of them is empty
        self._lock = threading.Lock()
        self.dropped_live = 0
        self.dropped = 0
        self.pressing = False  # something came that is not to wait for the next flush

    def put(self, packet: Packet) -> None:
        """Add one packet; where there is no room the oldest of its topic goes and is counted."""
        if packet.topic.endswith("/live"):
            queue = self._live.get(packet.topic)
            if queue is None:
                if len(self._live) >= MOST_TOPICS:
                    self.dropped_live += 1
                    return
                queue = self._live[packet.topic] = deque(maxlen=self._live_each)
            self.dropped_live += len(queue) == self._live_each
            queue.append(packet)
            return
        with self._lock:
            queue = self._other.get(packet.topic)
            if queue is None:
                if len(self._other) >= MOST_TOPICS:
                    self.dropped += 1
                    return
                queue = self._other[packet.topic] = deque(maxlen=QUEUE)
            self.dropped += len(queue) == QUEUE
            queue.append(packet)
        if packet.topic.endswith(PRESSING):
            self.pressing = True

    def drain(self) -> list[Packet]:
        """Take what is there now, of each topic a share, oldest first; the rest is for the next time."""
        self.pressing = False  # first, so that what comes meanwhile raises it again
        taken = self._take_others()
        waiting = [queue for queue in list(self._live.values()) if queue]
        each = max(1, self._live_at_once // max(1, len(waiting)))
        for queue in waiting:
            found = [queue.popleft() for _ in range(len(queue))]
            self.dropped_live += max(0, len(found) - each)
            taken += found[-each:]
        return taken

    def _take_others(self) -> list[Packet]:
        taken: list[Packet] = []
        with self._lock:
            for topic, queue in list(self._other.items()):
                taken += [queue.popleft() for _ in range(min(SHARE, len(queue)))]
                if queue:
                    self.pressing = True
                else:
                    del self._other[topic]
        taken.sort(key=lambda packet: packet.received_s)  # a command comes before its reply
        return taken
