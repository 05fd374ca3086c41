"""What the load cells saw of a rep: slack of the cable or band, and how the weight lay on the platform.

The readings of a cell are means: each is taken for the time since the one before it, which is what its
converter averages over. So a phase's mean force is right at 10 readings a second as at 1000.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.link.drivers import Samples

Floats = NDArray[np.float64]

TENSION = ("force_n", "pulley_x_n", "pulley_y_n")
PLATFORM = (
    "platform_front_left_n", "platform_front_right_n", "platform_rear_left_n", "platform_rear_right_n",
)  # fmt: skip
REAR, LEFT = ("platform_rear_left_n", "platform_rear_right_n"), PLATFORM[::2]

KEPT_S = 150.0  # the longest rep that the kernels hold, and what went before it
READS_TOGETHER = 64
SLACK_SHARE = 0.15  # README, "Numbers of a rep": below this share of the rep's mean there is no tension
STOOD_ON_N = 100.0  # README: with less on the platform nobody stands on it
STEEPEST = 0.34  # least share of the pulley's load that is vertical: a cable that leads 50 degrees down
LOOK_BACK_S = 2.0  # the reading before a stretch of time is at most this old
CELL_S = 0.1  # a share of the weight is looked at over so long: noise is out, swaying is not
SEEN = 0.8  # of a rep: what is said of the rest is said of it
# A reading out of line with both its neighbours by more than noise and the fastest change of a load: HX711
# boards give single readings that are nonsense.
SPIKE_N, SPIKE_N_PER_S2 = 40.0, 1e4
# A cable whose handle is braked pulls by less, down to nothing, and by all of it again, in no less than this.
SLACKENS_S = 0.03
GAP_S, GAP_INTERVALS = 0.25, 4.0  # readings farther apart than the longer of these say nothing in between


class Weight(NamedTuple):
    """Weight distribution on the platform during a rep, in per cent. None: not measured."""

    heel_pct: float | None = None
    heel_least_pct: float | None = None
    left_pct: float | None = None


class Tape:
    """The newest readings of one channel in one piece: of KEPT_S at the least, and the newest read whole.

    Small arrays kept alive by the thousand cost more than all that is counted, and so does putting each in
    its place: reads wait until they are asked for, or are many.
    """

    def __init__(self) -> None:
        self._time_s, self._value = np.empty(0), np.empty(0)  # most stations have one cell of seven
        self._count = 0
        self._reads: list[tuple[Floats, Floats]] = []  # not in their place yet
        self.heard = False  # ever

    def put(self, time_s: Floats, value: Floats) -> None:
        """Take new readings."""
        self._reads.append((time_s, value))
        self.heard = self.heard or len(time_s) > 0
        if len(self._reads) >= READS_TOGETHER:
            self._place()

    def kept(self) -> tuple[Floats, Floats]:
        """Times and values of all that is kept; float64, shape (n,). Good until the next `put`."""
        if self._reads:
            self._place()
        return self._time_s[: self._count], self._value[: self._count]

    def _place(self) -> None:
        time_s, value = (np.concatenate(parts) for parts in zip(*self._reads, strict=True))
        self._reads.clear()
        if self._count + len(time_s) > len(self._time_s):
            self._make_room(len(time_s))
        end = self._count + len(time_s)
        self._time_s[self._count : end] = time_s
        self._value[self._count : end] = value
        self._count = end

    def _make_room(self, more: int) -> None:
        old = self._time_s[: self._count]
        first = int(np.searchsorted(old, old[-1] - KEPT_S)) if self._count else 0
        kept = self._count - first
        size = kept + more + max(256, kept // 16)
        time_s, value = np.empty(size), np.empty(size)
        time_s[:kept], value[:kept] = old[first:], self._value[first : self._count]
        self._time_s, self._value = time_s, value
        self._count = kept


class Cells:
    """The newest readings of a station's load cells. Pure; bounded memory.

    What is asked about a stretch of time does not depend on how the readings were cut into reads.
    """

    def __init__(self) -> None:
        self._tapes = {name: Tape() for name in TENSION + PLATFORM}
        self._asked: dict[str, tuple[float, float, Floats, Floats]] = {}  # the newest answer of each channel

    def feed(self, samples: Sequence[Samples]) -> None:
        """Keep new readings."""
        self._asked.clear()
        for name, time_s, value in samples:
            tape = self._tapes.get(name)
            if tape is not None:
                tape.put(time_s, value)

    def heard(self, *channels: str) -> bool:
        """Whether all of these channels have readings."""
        return all(self._tapes[name].heard for name in channels)

    def means(self, channel: str, edges_s: Floats, known_s: float, *, lines: bool = False) -> Floats:
        """The mean reading between each two edges, shape (n - 1,); NaN where it was not read throughout.

        edges_s: float64, shape (n,), rising. known_s: what was read later is left out. `lines`: readings are
        taken for single moments and not for means, as some converters have it, with lines between them.
        """
        return _means(*self._between(channel, float(edges_s[0]), known_s), edges_s, lines=lines)

    def slack_s(self, start_s: float, end_s: float, known_s: float) -> float | None:
        """Time in a rep during which the cable or band had no tension; None where no cell measures it."""
        time_s, tension_n = self._tension(start_s, known_s)
        (mean_n,) = _means(time_s, tension_n, np.array([start_s, min(end_s, _last(time_s, end_s))]))
        if not mean_n > 0.0 or _last(time_s, start_s) - start_s < SEEN * (end_s - start_s):
            return None
        slack = np.where(tension_n < SLACK_SHARE * mean_n, 1.0, 0.0)
        knots = np.clip(time_s, start_s, end_s)
        return float(np.sum(slack[1:] * np.diff(knots)))

    def weight(self, start_s: float, end_s: float, known_s: float) -> Weight:
        """The weight distribution on the platform in a rep."""
        if not self.heard(*PLATFORM):
            return Weight()
        edges_s = np.linspace(start_s, end_s, max(2, round((end_s - start_s) / CELL_S) + 1))
        read = {name: self.means(name, edges_s, known_s) for name in PLATFORM}
        total_n = _sum(read, PLATFORM)
        stood = total_n >= STOOD_ON_N  # NaN is not
        if np.count_nonzero(stood) < SEEN * len(total_n):
            return Weight()
        heel = 100.0 * _sum(read, REAR)[stood] / total_n[stood]
        left = 100.0 * _sum(read, LEFT)[stood] / total_n[stood]
        # What is read less than twice in a cell hides how far the weight swayed meanwhile.
        quick = max(self.interval_s(name, start_s, known_s) for name in PLATFORM) <= 0.5 * CELL_S
        least = float(np.min(heel)) if quick else None
        return Weight(float(np.mean(heel)), least, float(np.mean(left)))

    def interval_s(self, channel: str, start_s: float, known_s: float) -> float:
        """From one reading to the next."""
        time_s, _ = self._between(channel, start_s, known_s)
        return float(time_s[-1] - time_s[0]) / max(1, len(time_s) - 1)

    def _tension(self, start_s: float, known_s: float) -> tuple[Floats, Floats]:
        """Readings of the tension: a cell's in line with the cable, or what the low pulley's axes make of it.

        R = T (cos φ, sin φ + 1), so R² = 2 T Ry (docs/formats.md). A slack cable's noise has no direction.
        """
        if self.heard("force_n"):
            return self._between("force_n", start_s, known_s)
        if not self.heard("pulley_x_n", "pulley_y_n"):
            return np.empty(0), np.empty(0)
        time_s, x_n = self._between("pulley_x_n", start_s, known_s)
        y_s, y_n = self._between("pulley_y_n", start_s, known_s)
        if not len(y_s):
            return y_s, y_n
        y_n = np.interp(time_s, y_s, y_n)
        pull_n = np.sqrt(x_n**2 + y_n**2)
        return time_s, pull_n**2 / np.maximum(2.0 * np.maximum(y_n, STEEPEST * pull_n), 1e-9)

    def _between(self, channel: str, start_s: float, known_s: float) -> tuple[Floats, Floats]:
        """Readings from the last before a time up to another, those that are nonsense put right."""
        asked = self._asked.get(channel)
        if asked is not None and asked[:2] == (start_s, known_s):
            return asked[2:]
        time_s, value = self._tapes[channel].kept()
        part = slice(*np.searchsorted(time_s, [start_s - LOOK_BACK_S, np.nextafter(known_s, np.inf)]))
        time_s, value = time_s[part].copy(), value[part].copy()
        there = ~np.isnan(value)
        if not there.all():
            time_s, value = time_s[there], value[there]
        # one more on either side, so that the first and the last have neighbours to be held against
        first, last = max(0, int(np.searchsorted(time_s, start_s, side="right")) - 2), len(time_s)
        found = (
            time_s[first:last],
            _without_spikes(time_s[first:last], value[first:last], slackens=channel in TENSION),
        )
        self._asked[channel] = start_s, known_s, *found
        return found


def _without_spikes(time_s: Floats, value: Floats, *, slackens: bool) -> Floats:
    """Readings that neither neighbour knows of, replaced by the line between these."""
    if len(value) < 3 or float(np.abs(np.diff(value)).max()) <= SPIKE_N:
        return value
    gap_s = time_s[2:] - time_s[:-2]
    share = (time_s[1:-1] - time_s[:-2]) / gap_s
    line = value[:-2] + share * (value[2:] - value[:-2])
    off = np.abs(value[1:-1] - line)
    far = (off > SPIKE_N + SPIKE_N_PER_S2 * gap_s**2) & (off > 2.0 * np.abs(value[2:] - value[:-2]))
    if slackens:
        far &= (value[1:-1] < -SPIKE_N) | (value[1:-1] > line) | (gap_s < 2.0 * SLACKENS_S)
    found = value.copy()
    found[1:-1][far] = line[far]
    return found


def _means(time_s: Floats, value: Floats, edges_s: Floats, *, lines: bool = False) -> Floats:
    if len(time_s) < 2:
        return np.full(len(edges_s) - 1, np.nan)
    step_s = np.diff(time_s)
    read = 0.5 * (value[1:] + value[:-1]) if lines else value[1:]
    area = np.concatenate(([0.0], np.cumsum(read * step_s)))
    width_s = np.diff(edges_s)
    mean = np.diff(np.interp(edges_s, time_s, area)) / np.where(width_s > 0.0, width_s, np.nan)
    mean[(edges_s[:-1] < time_s[0]) | (edges_s[1:] > time_s[-1])] = np.nan
    lost = step_s > max(GAP_S, GAP_INTERVALS * float(time_s[-1] - time_s[0]) / len(step_s))
    if lost.any():
        lost_s = np.concatenate(([0.0], np.cumsum(np.where(lost, step_s, 0.0))))
        mean[np.diff(np.interp(edges_s, time_s, lost_s)) > 0.0] = np.nan
    return mean


def _sum(read: dict[str, Floats], channels: Sequence[str]) -> Floats:
    return np.asarray(np.sum([read[name] for name in channels], axis=0))


def _last(time_s: Floats, otherwise_s: float) -> float:
    return float(time_s[-1]) if len(time_s) else otherwise_s
