"""Maps the samples of one port onto the clock of another, so that two ports form one stream."""

import numpy as np

from edge.link.drivers import Samples
from station.timing.clock import DeviceClock

JUMP_S = 0.25  # a difference beyond this is a device that began anew, not a fit that got better
SLEW = 0.1


class Alignment:
    """Maps times of the clock `own` to the clock `session` by way of the host's clock.

    Both clocks lie on the host's by their minimum-delay fits. While these become better known the times
    change pace by 10 % at most; they jump only where a device began anew. Samples that come while one of the
    clocks has not begun, or that would come before one that has been given, are counted in `rejected`.

    State: the offset in use, the newest time it was used for, the newest time given of each channel.
    """

    def __init__(self, own: DeviceClock, session: DeviceClock) -> None:
        self.rejected = 0
        self._own = own
        self._session = session
        self._newest_s: float | None = None
        self._offset_s = 0.0
        self._given_s: dict[str, float] = {}

    def onto(self, samples: list[Samples]) -> list[Samples]:
        """Map the samples of one read to the session's clock."""
        if not samples:
            return samples
        newest_s = max(float(part.time_s[-1]) for part in samples)
        host_s = self._own.host_s(newest_s)
        at_s = None if host_s is None else self._session.session_at(host_s)
        if at_s is None:
            self.rejected += sum(len(part.time_s) for part in samples)
            return []
        before_s, old_s = self._newest_s, self._offset_s
        change_s = at_s - newest_s - old_s
        if before_s is None or newest_s <= before_s or abs(change_s) > JUMP_S:
            before_s, old_s, change_s = newest_s - 1.0, at_s - newest_s, 0.0
        span_s = newest_s - before_s
        change_s = min(max(change_s, -SLEW * span_s), SLEW * span_s)
        self._newest_s, self._offset_s = newest_s, old_s + change_s
        given = []
        for name, time_s, value in samples:
            moved_s = time_s + old_s + change_s * np.clip((time_s - before_s) / span_s, 0.0, 1.0)
            later = moved_s > self._given_s.get(name, -np.inf)
            if not later.all():
                self.rejected += int((~later).sum())
                moved_s, value = moved_s[later], value[later]  # noqa: PLW2901
            if len(moved_s):
                self._given_s[name] = float(moved_s[-1])
                given.append(Samples(name, moved_s, value))
        return given
