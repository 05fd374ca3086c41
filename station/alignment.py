"""The times of one device on the clock of another: what two ports of one station need to be one stream."""

import numpy as np
from numpy.typing import NDArray

from station.clock import DeviceClock

JUMP_S = 0.25  # a difference beyond this is a device that began anew, not a fit that got better
SLEW = 0.1


class Alignment:
    """Put times of the clock `own` on the clock `session`, by way of the host's clock.

    Both clocks lie on the host's by their minimum-delay fits. While these become better known the times
    change pace by 10 % at most; they jump only where a device began anew.

    State: the offset in use, and the newest time it was used for.
    """

    def __init__(self, own: DeviceClock, session: DeviceClock) -> None:
        self._own = own
        self._session = session
        self._newest_s: float | None = None
        self._offset_s = 0.0

    def onto(self, parts: list[NDArray[np.float64]]) -> list[NDArray[np.float64]] | None:
        """Session times of what one read gave; float64, shapes as given, each rising on its own.

        None while one of the clocks has not begun.
        """
        newest_s = max((float(part[-1]) for part in parts if len(part)), default=None)
        if newest_s is None:
            return parts
        host_s = self._own.host_s(newest_s)
        at_s = None if host_s is None else self._session.session_at(host_s)
        if at_s is None:
            return None
        wanted_s = at_s - newest_s
        before_s = self._newest_s
        if before_s is None or abs(wanted_s - self._offset_s) > JUMP_S or newest_s <= before_s:
            self._offset_s, self._newest_s = wanted_s, newest_s
            return [part + wanted_s for part in parts]
        span_s = newest_s - before_s
        change_s = min(max(wanted_s - self._offset_s, -SLEW * span_s), SLEW * span_s)
        moved = [
            part + self._offset_s + change_s * np.clip((part - before_s) / span_s, 0.0, 1.0) for part in parts
        ]
        self._offset_s += change_s
        self._newest_s = newest_s
        return moved
