"""Channel samples in, events out: the one place where arrays of the kernels become records of the station."""

from collections.abc import Sequence
from math import isnan

import numpy as np

from edge.counting.sets import SetTracker
from edge.link.drivers import Samples
from kernels import Discarded, Measured, RepCounter, Tick
from station.config import StationFile
from station.errors import ConfigError
from station.exercises import Profile
from station.records import Live, Phase, Rejected, Rep, RepEvent, RepState, SetEvent

Event = RepEvent | SetEvent | Rejected | Live

LIVE_S = 0.1
TARE_SAMPLES = 64  # at most
# The lightest loop band stretches by 0.1 kN a metre: the tension over the least range of the exercise.
LIGHTEST_BAND_N_PER_M = 100.0

# What the exercise calls too short is still a movement there and back: it is reported, and not counted.
SEEN_SHARE = 0.7

_STATES: dict[str, RepState] = {"lockout": "pending", "held": "confirmed", "complete": "confirmed"}


class StationPipeline:
    """One station's samples to reps, sets, rejections and live values.

    State: the rep counter, the running set, the force's zero. The same samples in the same order give the
    same events however they are cut.

    Parameters
    ----------
    station, profile : what is measured, and which exercise
    live_s : float
        How often a Live is among the events, seconds of the session; 0 for never.
    """

    def __init__(self, station: StationFile, profile: Profile, *, live_s: float = LIVE_S) -> None:
        self._station = station
        self._live_s = live_s
        self._load_kg = 0.0
        self._full_range_m: float | None = None
        self._zero_n = 0.0
        self._zeros_n: list[float] = []  # the zeros before it
        self._forces_n = np.empty(0)
        self._profile = profile
        self._counter = make_counter(station, profile, live_s)
        self._sets = SetTracker(profile)
        self._now_s = 0.0

    @property
    def profile(self) -> Profile:
        return self._profile

    @property
    def counter(self) -> RepCounter:
        """The kernel, for those who plot its trace."""
        return self._counter

    @property
    def set_number(self) -> int:
        """The running set, or the next one to begin."""
        return self._sets.set_number

    @property
    def set_running(self) -> bool:
        """Whether a set has begun and not ended."""
        return self._sets.running

    @property
    def zero_n(self) -> float:
        """What the load cell says with nothing on it, as tared; 0 as calibrated."""
        return self._zero_n

    def feed(self, samples: Sequence[Samples]) -> list[Event]:
        """Take samples of any channels; return the events in the order they became known."""
        return self._translate(self._counter.feed([self._zeroed(part) for part in samples]))

    def _zeroed(self, part: Samples) -> Samples:
        """The samples of one channel; a force is what is beyond the zero."""
        if part.channel != "force_n":
            return part
        self._forces_n = part.value
        return part._replace(value=part.value - self._zero_n) if self._zero_n else part

    def idle(self, session_s: float) -> list[Event]:
        """No samples came up to now: what was going on has broken off, and a set may be over."""
        events = self._translate(self._counter.finish())
        if self._sets.due(session_s, busy=False):
            events += self._sets.end(session_s)
        return events

    def finish(self) -> list[Event]:
        """The stream is over: what is pending is confirmed and the set ends."""
        events = self._translate(self._counter.finish())
        return events + self._sets.end(self._now_s)

    def end_set(self) -> list[Event]:
        """End the set here."""
        return list(self._sets.end(self._now_s))

    def reopen_set(self) -> bool:
        """Go on with the set that was ended last, where it is not too late."""
        return self._sets.reopen(self._now_s)

    def set_profile(self, profile: Profile) -> list[Event]:
        """End the set and count by another exercise from now on; set numbers go on."""
        events = self.finish()
        number = self._sets.set_number
        self._profile = profile
        self._counter = make_counter(self._station, profile, self._live_s)
        self._counter.set_load(self._load_kg)
        self._sets = SetTracker(profile, number)
        self._sets.full_range_m = self._full_range_m
        return events

    def set_load(self, load_kg: float | None) -> None:
        """The free weight entered, for force where no cell measures it."""
        self._load_kg = load_kg or 0.0
        self._counter.set_load(self._load_kg)

    def set_full_range(self, full_range_m: float | None) -> None:
        """The athlete's whole range, to judge partial reps by; None: the set's own median."""
        self._full_range_m = full_range_m
        self._sets.full_range_m = full_range_m

    def tare(self) -> str:
        """Take the load cell's latest readings as zero; say what was done."""
        newest_n = self._forces_n[-TARE_SAMPLES:]
        seen = newest_n[~np.isnan(newest_n)]
        if not seen.size:
            return "no load cell has been read; nothing was changed"
        change_n = float(np.median(seen)) - self._zero_n
        self._zeros_n = [*self._zeros_n[-15:], self._zero_n]
        self._zero_n += change_n
        return f"zero moved by {change_n:+.1f} N"

    def shift_zero(self, change_n: float) -> None:
        """Move the load cell's zero; nothing that a person would undo."""
        self._zero_n += change_n

    def undo_tare(self) -> str:
        """The zero before the last `tare`; say what was done."""
        if not self._zeros_n:
            return "no load cell has been tared; nothing was changed"
        change_n = self._zeros_n[-1] - self._zero_n
        self._zero_n = self._zeros_n.pop()
        return f"zero moved back by {change_n:+.1f} N"

    def _translate(self, results: list[Measured | Discarded | Tick]) -> list[Event]:
        events: list[Event] = []
        for result in results:
            if isinstance(result, Tick):
                self._now_s = result.time_s
                if self._sets.due(result.time_s, result.busy):
                    events += self._sets.end(result.time_s)
                if self._live_s:
                    events.append(self._live(result))
            elif isinstance(result, Measured):
                self._now_s = result.known_s
                events += self._sets.rep(
                    result.candidate, self._rep(result), result.size, _STATES[result.kind], result.known_s
                )
            elif result.candidate >= 0:
                events += self._sets.take_back(result.candidate, result.reason, self._now_s)
            else:
                events.append(Rejected(result.start_s, result.end_s, result.reason))
        return events

    def _rep(self, m: Measured) -> Rep:
        """The kernel's numbers as a record: NaN becomes None, and lengths are None on tension alone."""
        length = not self._counter.on_tension
        return Rep(
            number=1,
            counted=True,
            start_s=m.start_s,
            end_s=m.end_s,
            eccentric_end_s=_seen(m.eccentric_end_s),
            concentric_start_s=m.concentric_start_s,
            concentric_end_s=m.concentric_end_s,
            eccentric_s=_seen(m.eccentric_s),
            bottom_pause_s=_seen(m.bottom_pause_s),
            concentric_s=m.concentric_s,
            top_pause_s=_seen(m.top_pause_s),
            rom_m=_seen(m.size, length),
            mean_concentric_velocity_mps=_seen(m.mean_concentric_velocity, length),
            peak_concentric_velocity_mps=_seen(m.peak_concentric_velocity, length),
            mean_propulsive_velocity_mps=_seen(m.mean_propulsive_velocity, length),
            mean_eccentric_velocity_mps=_seen(m.mean_eccentric_velocity, length),
            peak_eccentric_velocity_mps=_seen(m.peak_eccentric_velocity, length),
            mean_force_n=_seen(m.mean_force),
            peak_force_n=_seen(m.peak_force),
            mean_power_w=_seen(m.mean_power),
            peak_power_w=_seen(m.peak_power),
            work_j=_seen(m.work),
            path_deviation_m=_seen(m.path_deviation),
            path_drift_m=_seen(m.path_drift),
            path_deviation_sigma_m=_seen(m.path_sigma),
            velocity_loss_pct=None,
        )

    def _live(self, tick: Tick) -> Live:
        length = not self._counter.on_tension
        return Live(
            session_s=tick.time_s,
            position_m=_seen(tick.place, length),
            velocity_mps=_seen(tick.velocity, length),
            force_n=_seen(tick.force),
            x_m=_seen(tick.x),
            phase=self._phase(tick),
        )

    def _phase(self, tick: Tick) -> Phase | None:
        if isnan(tick.velocity):
            return None
        v0 = self._counter.moving
        if tick.velocity < -v0:
            return "eccentric"
        if tick.velocity > v0:
            return "concentric"
        if tick.rising == 0:
            return None
        return "top" if tick.rising > 0 else "bottom"


def make_counter(station: StationFile, profile: Profile, live_s: float) -> RepCounter:
    """The kernel for a station and an exercise. Raises ConfigError where the station cannot see it."""
    geometry = station.geometry
    free = geometry.free_length_m
    if station.station.kind == "band":
        layout = "tension"
    elif station.station.kind == "cable":
        layout = "pulley"
    else:
        layout = "two-tethers" if geometry.lpt_2_anchor_m is not None else "tilt"
    if layout == "two-tethers" and geometry.lpt_2_anchor_m == geometry.lpt_anchor_m:
        raise ConfigError(
            f"station {station.station.id}: both tethers are anchored at {geometry.lpt_anchor_m}; "
            "survey geometry.lpt_2_anchor_m"
        )
    return RepCounter(
        layout,
        concentric_first=profile.starts_with == "concentric",
        free_weight=profile.load == "mass" and station.station.kind == "barbell",
        min_range=SEEN_SHARE * profile.min_rom_m * (LIGHTEST_BAND_N_PER_M if layout == "tension" else 1.0),
        v0_mps=profile.v0_mps,
        gap_s=profile.set_gap_s,
        tick_s=live_s or 1.0,
        anchor_m=geometry.lpt_anchor_m,
        anchor_2_m=geometry.lpt_2_anchor_m or (0.0, 0.0),
        travel_ratio=geometry.travel_ratio,
        free_length_m=float("nan") if free is None else free,
        pulley_efficiency=geometry.pulley_efficiency,
        sigma_length_m=station.noise.position_m,
        sigma_tilt_rad=station.noise.tether_angle_rad,
        sigma_pulley_n=station.noise.pulley_n,
    )


def _seen(value: float, observable: bool = True) -> float | None:
    return None if isnan(value) or not observable else value
