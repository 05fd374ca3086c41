"""When a relay sends what: a window of batches, and again what is not acknowledged. Pure.

The same as a station does with its events: a bounded window is sent once; where no acknowledgement comes, one
batch is sent again as a probe, at growing intervals, and the rest follows as soon as it is answered.
"""

import math
from collections import deque

WINDOW = 16  # batches in flight
RESEND_MIN_S = 2.0  # an election among the servers takes about as long
RESEND_MAX_S = 30.0


class Pacing:
    """Where in the list of changes a relay stands."""

    def __init__(self, base_id: int) -> None:
        """`base_id`: the change before the first of the stream."""
        self.settled_id = base_id  # everything up to it is acknowledged
        self.sent_id = base_id  # the last change that has been sent
        self.resends = 0  # how often it began anew
        self._flight = WINDOW
        self._in_flight: deque[int] = deque()  # the last change of each batch
        self._resend_after_s = RESEND_MIN_S
        self._resend_at = math.inf

    def may_send(self, now_s: float) -> bool:
        """Whether a batch may leave; what was not acknowledged in time is sent again from the oldest on."""
        if now_s >= self._resend_at:
            self.start_over(now_s)
            self._resend_after_s = min(RESEND_MAX_S, 2 * self._resend_after_s)
            self._flight = 1
            self.resends += 1
        return len(self._in_flight) < self._flight

    def sent(self, last_id: int, now_s: float) -> None:
        """A batch has left that ends with this change."""
        if not self._in_flight:
            self._resend_at = now_s + self._resend_after_s
        self._in_flight.append(last_id)
        self.sent_id = last_id

    def acknowledged(self, up_to_id: int, settled_id: int, struck: int, now_s: float) -> None:
        """Of everything up to a change it is known whether it came; without a hole it came up to another."""
        misses = settled_id < up_to_id
        self.settled_id = max(self.settled_id, settled_id)
        while self._in_flight and self._in_flight[0] <= up_to_id:
            self._in_flight.popleft()
        if struck:
            self._resend_after_s = RESEND_MIN_S
            self._flight = WINDOW
        if misses or self._in_flight:
            self._resend_at = min(self._resend_at, now_s + RESEND_MIN_S) if misses else now_s + RESEND_MIN_S
        else:
            self._resend_at = math.inf

    def start_over(self, now_s: float) -> None:
        """Send from the oldest change on, as after a new connection."""
        self.sent_id = self.settled_id
        self._in_flight.clear()
        self._flight = WINDOW
        self._resend_at = now_s + self._resend_after_s
