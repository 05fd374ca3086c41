"""Rate limits per station, so that one cannot take the record's capacity from the others; pure.

A station in order says a few events a minute, and at most a whole outbox at once after a long outage. What
comes beyond is not taken and not acknowledged: a station in order sends it again later, and one that makes
events up fills no disk in an afternoon.
"""

from collections import OrderedDict

EVENTS_AT_ONCE = 100_000.0  # the quota of a node's outbox
EVENTS_PER_S = 50.0
REQUESTS_AT_ONCE = 32.0  # commands, badges, answers, healths: of one topic; each may be a commit
REQUESTS_PER_S = 10.0  # as many as a node obeys
MOST_STATIONS = 4096


class Allowance:
    """A token bucket per station or topic: capacity `at_once`, refilled with `per_s`."""

    def __init__(self, at_once: float, per_s: float) -> None:
        self._at_once = at_once
        self._per_s = per_s
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, and when that was

    def take(self, topic: str, now_s: float) -> bool:
        """Take a token at `now_s`; False where the bucket is empty."""
        tokens, at_s = self._buckets.get(topic, (self._at_once, now_s))
        tokens = min(self._at_once, tokens + (now_s - at_s) * self._per_s)
        allowed = tokens >= 1.0
        self._buckets[topic] = (tokens - allowed, now_s)
        self._buckets.move_to_end(topic)
        if len(self._buckets) > MOST_STATIONS:
            self._buckets.popitem(last=False)
        return allowed
