"""Detecting sensor faults (silent, stuck, saturated, no value) from the samples alone.

    silent     no sample for half a second, or for four of the channel's own intervals if those are longer
    stuck      a channel that has always dithered repeats one value exactly
    no value   nothing but NaN
    saturated  at the end of the sensor's range

A measuring amplifier dithers: a third of its samples turn back, and hardly two are the same. An encoder at
rest repeats itself for minutes and is well; it is never called stuck.
"""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from edge.link.drivers import Samples
from kernels import Dither
from station.messages import SensorFault

LOOK_S = 0.1
SILENT_S = 0.5
SILENT_INTERVALS = 4.0
NO_VALUE_S = 0.4
STUCK_S = 0.4
STUCK_SAMPLES = 5  # at 10 samples a second this is the longer one
SATURATED_S = 1.0  # the flag stays this long after the last saturated sample
KNOWN_SAMPLES = 50  # before a channel's dither is judged
MEMORY_SAMPLES = 200.0
TURNING = 0.2  # of white noise two samples in three turn back
REPEATING = 0.3


class _Watched(msgspec.Struct, eq=False):
    heard_at: float = 0.0  # host's monotonic time
    dither: Dither = msgspec.field(default_factory=Dither)  # of what is not looked at yet
    newest_s: float = float("nan")  # of its newest sample, session time
    interval_s: float = 0.0
    run: int = 0  # how often the newest value has been repeated
    run_from_s: float = 0.0
    seen: int = 0
    turning: float = 0.0
    repeating: float = 0.0
    value_s: float = float("-inf")  # of the newest sample with a value
    saturated: int = 0
    saturated_at: float = float("-inf")
    stuck: bool = False  # it repeats itself and should not

    def is_stuck(self) -> bool:
        """By what has been looked at."""
        return (
            self.seen >= KNOWN_SAMPLES
            and self.turning > TURNING
            and self.repeating < REPEATING
            and self.run >= STUCK_SAMPLES
            and self.newest_s - self.run_from_s >= STUCK_S
        )


class SensorWatch:
    """Detects sensor faults in the channels of one station. Pure; bounded memory.

    `faults` and `saturated` may be called from another thread than `feed`.
    """

    def __init__(self) -> None:
        self._channels: dict[str, _Watched] = {}

    def feed(self, samples: Sequence[Samples], now_s: float) -> list[Samples]:
        """Check new samples; return them with the values of stuck channels replaced by NaN.

        now_s is the host's monotonic time.
        """
        stuck = False
        for part in samples:
            name, time_s, value = part
            channel = self._channels.get(name)
            if channel is None:
                channel = self._channels.setdefault(name, _Watched())
            channel.heard_at = now_s
            if channel.dither.take(time_s, value) >= LOOK_S:
                self._look(channel)
            stuck = stuck or channel.stuck
        if not stuck:
            return list(samples)
        return [
            part._replace(value=np.full_like(part.value, np.nan))
            if self._channels[part.channel].stuck
            else part
            for part in samples
        ]

    def saturated(self, counts: Mapping[str, int], now_s: float) -> None:
        """Take the total number of saturated samples per channel."""
        for name, count in dict(counts).items():  # a copy: the port's thread may add a channel meanwhile
            channel = self._channels.setdefault(name, _Watched(heard_at=now_s))
            if count > channel.saturated:
                channel.saturated, channel.saturated_at = count, now_s

    def faults(self, now_s: float) -> dict[str, SensorFault]:
        """The current fault of each channel; `now_s`: the time up to which samples have been fed."""
        found: dict[str, SensorFault] = {}
        for name, channel in sorted(dict(self._channels).items()):
            if now_s - channel.heard_at > max(SILENT_S, SILENT_INTERVALS * channel.interval_s):
                found[name] = "silent"
            elif now_s - channel.saturated_at <= SATURATED_S:
                found[name] = "saturated"
            elif channel.stuck:
                found[name] = "stuck"
            elif channel.newest_s - channel.value_s >= NO_VALUE_S:
                found[name] = "no value"
        return found

    @staticmethod
    def _look(channel: _Watched) -> None:
        """Take in what its readings did."""
        seen = channel.dither
        step_s = (seen.newest_s - channel.newest_s) / seen.n
        if step_s > 0.0:
            share = min(1.0, seen.n / MEMORY_SAMPLES) if channel.interval_s else 1.0
            channel.interval_s += share * (min(step_s, SILENT_S) - channel.interval_s)
        if channel.value_s == float("-inf"):
            channel.value_s = seen.first_s
        channel.newest_s = seen.newest_s
        if seen.known:
            channel.value_s = seen.value_s
        if seen.moved:
            count = seen.at + 1 + (0 if channel.is_stuck() else channel.run)
            repeats = count - seen.moved
            share = min(1.0, count / min(MEMORY_SAMPLES, channel.seen + count))
            channel.seen += count
            channel.turning += share * (seen.turns / count - channel.turning)
            channel.repeating += share * (max(0, repeats) / count - channel.repeating)
            channel.run, channel.run_from_s = seen.known - 1 - seen.at, seen.moved_s
        else:
            channel.run += seen.known
        channel.stuck = channel.is_stuck()
        seen.begin()
