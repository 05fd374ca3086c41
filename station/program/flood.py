"""How long a topic is not listened to after a flood: the one place that decides it; time is an argument.

A broker sends a client all it listens to in one queue, and drops what a slow reader leaves no room for,
whoever's it is. Who is flooded stops listening there for a while, longer each time, and forgives whoever was
quiet for as long.
"""

LEAVE_S = 10.0  # the first time
LONGEST_S = 320.0


class Flood:
    """One topic's floods."""

    def __init__(self) -> None:
        self._until_s = 0.0
        self._length_s = 0.0

    def noticed(self, now_s: float) -> None:
        """More has come than is bearable; what was under way when it was left counts for nothing."""
        if not self.is_left(now_s):
            self._length_s = min(
                LONGEST_S, max(LEAVE_S, 0.0 if self.is_forgiven(now_s) else 2 * self._length_s)
            )
            self._until_s = now_s + self._length_s

    def is_left(self, now_s: float) -> bool:
        """Whether nobody is to listen now."""
        return self._length_s > 0.0 and now_s < self._until_s

    def is_forgiven(self, now_s: float) -> bool:
        """Whether it has been quiet for as long as it was left."""
        return now_s >= self._until_s + self._length_s

    def __str__(self) -> str:
        return f"not listened to for {self._length_s:g} s"
