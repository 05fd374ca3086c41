"""When a relay sends what, and again what is not acknowledged; when it asks another server. Pure.

The same as a station does with its events: a bounded window is sent once; where no acknowledgement comes, one
batch is sent again as a probe, at growing intervals, and the rest follows as soon as it is answered.
"""

import math
from collections import deque

WINDOW = 16  # batches in flight
RESEND_MIN_S = 2.0  # an election among the servers takes about as long
RESEND_MAX_S = 30.0
PATIENCE_S = 30.0  # elections and a worker's death are over, and four probes without an answer
PATIENCE_MAX_S = 600.0  # while no ingest runs, which no other server mends


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


class Patience:
    """Whether another server is to be asked, because what was asked of this one has no answer."""

    def __init__(self) -> None:
        self._asked_s: float | None = None  # since when an answer is due
        self._here_s = 0.0  # since when this server is asked
        self._patience_s = PATIENCE_S

    def connected(self, now_s: float) -> None:
        """To another server, or to the same again; what was asked before is still to be answered."""
        self._here_s = now_s

    def asked(self, now_s: float) -> None:
        """Something was sent that is to be answered."""
        self._asked_s = now_s if self._asked_s is None else self._asked_s

    def answered(self) -> None:
        """An answer has come."""
        self._asked_s, self._patience_s = None, PATIENCE_S

    def silent(self, now_s: float) -> bool:
        """Whether an answer has been due for long, from whichever server."""
        return self._asked_s is not None and now_s - self._asked_s >= PATIENCE_S

    def is_over(self, now_s: float) -> bool:
        """Whether this server has had its time; the next one has twice that."""
        if self._asked_s is None or now_s - max(self._asked_s, self._here_s) < self._patience_s:
            return False
        self._patience_s = min(PATIENCE_MAX_S, 2.0 * self._patience_s)
        return True
