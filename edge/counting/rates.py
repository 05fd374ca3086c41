"""The measured sample rate of each channel of a station."""

from collections import Counter, deque
from collections.abc import Sequence

from edge.link.drivers import Samples

MARKS = 11  # of the health's period, a second
SHORTEST_S = 1.0  # a rate over less would jump


class Rates:
    """Counts samples and computes rates between calls. Pure; bounded memory."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._marks: deque[tuple[float, dict[str, int]]] = deque(maxlen=MARKS)

    def feed(self, samples: Sequence[Samples]) -> None:
        """Count new samples."""
        for part in samples:
            self._counts[part.channel] += len(part.time_s)

    def measured_hz(self, session_s: float) -> dict[str, float]:
        """Sample rate of each channel over the last calls; empty at first.

        `session_s` is the newest sample's.
        """
        self._marks.append((session_s, dict(self._counts)))
        start_s, before = self._marks[0]
        span_s = session_s - start_s
        if span_s < SHORTEST_S:
            return {}
        return {name: (count - before.get(name, 0)) / span_s for name, count in self._counts.items()}
