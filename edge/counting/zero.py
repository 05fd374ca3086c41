"""The load cell's zero: 0 as calibrated, then as a person tared it and as proven rest moved it."""

import numpy as np

from edge.link.drivers import Samples
from station.messages import CommandError, ReplyCode
from station.weighing import median

TARE_SAMPLES = 64  # at most
UNDONE = 16  # tares that can be taken back


class CellZero:
    """Subtracts the zero from force readings.

    State: the zero in use, the one that was tared last, those before it, and the newest readings.
    """

    def __init__(self) -> None:
        self.zero_n = 0.0  # in use
        self.tared_n = 0.0  # as a person has set it; what is kept over the node's end
        self._before_n: list[float] = []
        self._readings_n = np.empty(0)

    @property
    def read(self) -> bool:
        """Whether any reading of a cell has come."""
        return bool(self._readings_n.size)

    def take_off(self, part: Samples) -> Samples:
        """Subtract the zero from the samples of one channel, if it is a force."""
        if part.channel != "force_n":
            return part
        self._readings_n = part.value
        return part._replace(value=part.value - self.zero_n) if self.zero_n else part

    def tare(self) -> str:
        """Tare: take the latest readings as zero; returns a text of what was done.

        Raises CommandError where no load cell has been read.
        """
        newest_n = self._readings_n[-TARE_SAMPLES:]
        seen = newest_n[~np.isnan(newest_n)]
        if not seen.size:
            raise CommandError(ReplyCode.NOT_HERE, "no load cell has been read; nothing was changed")
        change_n = median(seen.tolist()) - self.zero_n
        self._before_n = [*self._before_n[1 - UNDONE :], self.zero_n]
        self.zero_n += change_n
        self.tared_n = self.zero_n
        return f"zero moved by {change_n:+.1f} N"

    def undo_tare(self) -> str:
        """Restore the zero before the last `tare`; returns a text of what was done."""
        if not self._before_n:
            return "no load cell has been tared; nothing was changed"
        change_n = self._before_n[-1] - self.zero_n
        self.zero_n = self.tared_n = self._before_n.pop()
        return f"zero moved back by {change_n:+.1f} N"

    def move(self, change_n: float) -> None:
        """Move the zero by the cell's drift, outside the undo history."""
        self.zero_n += change_n

    def resume(self, tared_n: float) -> None:
        """Restore the tare of the node's earlier run."""
        self.zero_n = self.tared_n = tared_n
