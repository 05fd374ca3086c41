"""Channel samples in, events out: the one place where arrays of the kernels become records of the station."""

from collections.abc import Sequence
from math import isnan
from typing import Any

import msgspec

from edge.counting.cells import Cells
from edge.counting.curves import curve_of
from edge.counting.load import Scales
from edge.counting.sets import SetBook, Undo
from edge.counting.signal import MOTION_CHANNEL, SignalMeter
from edge.counting.zero import CellZero
from edge.link.drivers import Samples
from kernels import Discarded, Measured, RepCounter, Tick
from station.config import StationFile
from station.errors import ConfigError
from station.exercises import Profile
from station.records import (
    Live,
    Phase,
    ReasonCode,
    Rejected,
    Rep,
    RepEvent,
    RepState,
    SetEvent,
    SignalQuality,
    reason_where,
    sentence,
)

Event = RepEvent | SetEvent | Rejected | Live

LIVE_S = 0.1
# The lightest loop band stretches by 0.1 kN a metre: the tension over the least range of the exercise.
LIGHTEST_BAND_N_PER_M = 100.0

# A bar goes this far to the front or the back where its exercise sets no limit.
USUAL_STRAY_M = 0.08
# A stick along the back leans with the trunk: half a metre of it, bent by 45 degrees.
STICK_STRAY_M = 0.35

# What the exercise calls too short is still a movement there and back: it is reported, and not counted.
SEEN_SHARE = 0.7

LIFTED_S = 0.25  # a lift is over for so long at the most when its end is known: the kernel's lag, and a tick

# How long the counter of the exercise before is listened to for the end of what began under it.
DRAIN_S = 15.0
MOST_RETIRING = 4  # a coach who looks for an exercise changes it a few times

FIELDS = frozenset(Rep.__struct_fields__)
LENGTHS = tuple(name for name in Rep.__struct_fields__ if name.endswith(("_m", "_mps")))

_STATES: dict[str, RepState] = {"lockout": "pending", "held": "confirmed", "complete": "confirmed"}


class _Listening(msgspec.Struct, eq=False):
    """A counter, and which movements it is believed about: those that begin in [from_s, before_s).

    When the exercise changes, the counter before is listened to for the end of what began under it.
    """

    counter: RepCounter
    profile: Profile
    number: int
    from_s: float = float("-inf")
    before_s: float = float("inf")
    until_s: float = float("inf")
    starts_s: dict[int, float] = msgspec.field(default_factory=dict)  # of candidates, beside an older counter


class StationPipeline:
    """Turns one station's samples into reps, sets, rejections and live values.

    State: the rep counter, the running set, the load cell's zero (`cell`). The same samples in the same order
    give the same events however they are cut.

    Parameters
    ----------
    station, profile : what is measured, and which exercise
    live_s : float
        How often a Live is among the events, seconds of the session; 0 for never.
    """

    def __init__(self, station: StationFile, profile: Profile, *, live_s: float = LIVE_S) -> None:
        self._station = station
        self._live_s = live_s
        self.cell = CellZero()
        self._cells = Cells()
        kind = station.station.kind
        self._signal = SignalMeter(MOTION_CHANNEL[kind], metres=kind != "band")
        self._earlier = (0, 0, 0, 0)  # of the counters before: samples taken, repaired, spikes, shifts
        self._scales = Scales(station, self._cells)
        self._profile = profile
        self._now_counting = _Listening(make_counter(station, profile, live_s), profile, 1)
        self._retiring: list[_Listening] = []  # oldest first
        self.sets = SetBook(profile)
        self._now_s = 0.0  # of the counter
        self._newest_s = 0.0  # of the samples
        self._fastest = 0.0  # of the lift under way
        self._slowing_s = float("-inf")  # when one was seen to go up, slower than before, last

    @property
    def profile(self) -> Profile:
        return self._profile

    @property
    def counter(self) -> RepCounter:
        """The counting kernel, for plotting its trace."""
        return self._now_counting.counter

    @property
    def counters(self) -> int:
        """The number of counting kernels so far: a new one for each exercise and each new zero."""
        return self._now_counting.number

    @property
    def weighs(self) -> bool:
        """Whether force is measured by a cell; otherwise it is computed from the entered load."""
        return self.cell.read

    def feed(self, samples: Sequence[Samples]) -> list[Event]:
        """Take samples of any channels; return the events in the order they became known."""
        zeroed = [self.cell.take_off(part) for part in samples]
        for _, time_s, _ in samples:
            if len(time_s):
                self._newest_s = max(self._newest_s, time_s.item(-1))
        self._cells.feed(zeroed)
        self._signal.feed(zeroed)
        events = self._feed_retiring(zeroed) if self._retiring else []
        return events + self._translate(self._now_counting.counter.feed(zeroed))

    @property
    def signal(self) -> SignalQuality | None:
        """The quality of the motion's signal so far; None: too few samples."""
        taken, repaired, spikes, _ = self._tally()
        below_reel = self._now_counting.counter.below_reel
        return self._signal.quality(taken, repaired, spikes, below_reel=below_reel)

    @property
    def shifts(self) -> int:
        """The number of zero shifts of the motion that were found and removed."""
        return self._tally()[3]

    @property
    def adrift(self) -> tuple[str, float] | None:
        """The channel whose zero has shifted, and by how much, until the bar has rested since; or None."""
        return self._now_counting.counter.adrift

    def _tally(self) -> tuple[int, int, int, int]:
        counter = self._now_counting.counter
        now = (*counter.taken, *counter.spikes)
        return tuple(a + b for a, b in zip(self._earlier, now, strict=True))  # type: ignore[return-value]

    def idle(self, session_s: float) -> list[Event]:
        """No samples came up to now: a movement in progress is broken off, and a set may end."""
        events = self._retire_all() + self._translate(self._now_counting.counter.finish())
        if self.sets.due(session_s, busy=False):
            events += self.sets.end(session_s)
        return events

    def finish(self) -> list[Event]:
        """End of the stream: pending reps are confirmed and the set ends."""
        events = self._retire_all() + self._translate(self._now_counting.counter.finish())
        return events + self.sets.end(self._now_s)

    def end_set(self, athlete: str | None) -> list[Event]:
        """End the set; what begins from now on belongs to another set, of this athlete."""
        events = self.sets.begin_section(self._newest_s, self._now_s, athlete=athlete)
        self._now_counting.counter.begin_set()
        return list(events)

    def restart_set(self, by: str) -> tuple[int, int, list[Event], Undo]:
        """Void the running set; see SetBook.restart."""
        number, count, events, undo = self.sets.restart(self._newest_s, by, self._now_s)
        self._now_counting.counter.begin_set()
        return number, count, list(events), undo

    def reopen_set(self, line: int) -> bool:
        """Continue the set that a section (`SetBook.section`) ended, where it is not too late."""
        return self.sets.undo_section(line, self._now_s)

    def set_profile(self, profile: Profile, athlete: str | None) -> list[Event]:
        """End the set and count another exercise from now on; set numbers continue.

        What is under way goes on to be counted by the exercise it began under.
        """
        counter = make_counter(self._station, profile, self._live_s)
        counter.set_load(self.sets.load_kg or 0.0)
        self._earlier = self._tally()
        line_s, old = self._newest_s, self._now_counting
        events: list[Event] = [
            *self.sets.begin_section(line_s, self._now_s, profile=profile, athlete=athlete)
        ]
        old.before_s, old.until_s = line_s, line_s + DRAIN_S
        self._retiring.append(old)
        if len(self._retiring) > MOST_RETIRING:
            events += self._retire(self._retiring[0])
        self._profile = profile
        self._now_counting = _Listening(counter, profile, old.number + 1, from_s=line_s)
        return events

    def zero(self, athlete: str | None) -> list[Event]:
        """Restart counting at the tethers' current lengths, after a unit was moved."""
        return self.set_profile(self._profile, athlete)

    def set_load(self, load_kg: float | None) -> None:
        """Set the free weight lifted from now on, for force where no cell measures it."""
        self.sets.set_load(load_kg, self._newest_s)
        self._now_counting.counter.set_load(load_kg or 0.0)

    def set_full_range(self, full_range_m: float | None) -> None:
        """Set the athlete's full range, to judge partial reps by; None: the set's own median."""
        self.sets.set_full_range(full_range_m)

    @property
    def slowing(self) -> bool:
        """Whether a lift slows down, or did a moment ago: the next samples may make a rep of it."""
        return self._newest_s - self._slowing_s < LIFTED_S

    @property
    def now_s(self) -> float:
        """Session time up to which has been counted."""
        return self._now_s

    def _feed_retiring(self, samples: Sequence[Samples]) -> list[Event]:
        """What the counters before still say of what began under them."""
        events: list[Event] = []
        for old in list(self._retiring):
            results = old.counter.feed(samples)
            events += self._say(results, old)
            busy = next((one.busy for one in reversed(results) if isinstance(one, Tick)), True)
            if not busy or self._newest_s > old.until_s:
                events += self._retire(old)
        return events

    def _retire_all(self) -> list[Event]:
        return [event for old in list(self._retiring) for event in self._retire(old)]

    def _retire(self, old: _Listening) -> list[Event]:
        self._retiring.remove(old)
        return self._say(old.counter.finish(), old)

    def _translate(self, results: list[Measured | Discarded | Tick]) -> list[Event]:
        events: list[Event] = []
        for result in results:
            if isinstance(result, Tick):
                self._now_s = result.time_s
                if not result.velocity > self._now_counting.counter.moving:  # NaN is not
                    self._fastest = 0.0
                elif result.velocity < self._fastest:
                    self._slowing_s = result.time_s
                else:
                    self._fastest = result.velocity
                if self.sets.due(result.time_s, result.busy):
                    events += self.sets.end(result.time_s)
                if self._live_s:
                    events.append(self._live(result))
            else:
                events += self._say([result], self._now_counting)
        return events

    def _say(self, results: Sequence[Measured | Discarded | Tick], listening: _Listening) -> list[Event]:
        """What a counter says of the movements it is believed about."""
        events: list[Event] = []
        for result in results:
            if isinstance(result, Tick) or not listening.from_s <= result.start_s < listening.before_s:
                continue
            if isinstance(result, Measured):
                events += self._measured(result, listening)
                continue
            code = reason_where(ReasonCode(result.reason), racked=listening.profile.racked)
            if result.candidate >= 0:
                key = (listening.number, result.candidate)
                events += self.sets.withdraw(key, code, self._now_s)
            else:
                events.append(
                    Rejected(result.start_s, result.end_s, sentence(code, load=listening.profile.load), code)
                )
        return events

    def _measured(self, result: Measured, listening: _Listening) -> list[Event]:
        """A candidate, new or again; the newer counters, which saw the rest of it, are not to say it too.

        They know less of the noise, and may have said it first.
        """
        events: list[Event] = []
        for newer in [*self._retiring, self._now_counting]:
            if newer.number > listening.number:
                newer.from_s = max(newer.from_s, result.end_s)
                for candidate in [one for one, s in newer.starts_s.items() if s < newer.from_s]:
                    del newer.starts_s[candidate]
                    key = (newer.number, candidate)
                    events += self.sets.withdraw(key, ReasonCode.WITHDRAWN, self._now_s)
        if any(older.number < listening.number for older in self._retiring):
            listening.starts_s[result.candidate] = result.start_s
        self._now_s = max(self._now_s, result.known_s)
        key, state = (listening.number, result.candidate), _STATES[result.kind]
        ends = (result.start_sigma_s, result.end_sigma_s)
        rep = self._rep(result, listening.profile)
        if state == "confirmed":
            when = (result.start_s, result.end_s, result.known_s)
            curve = curve_of(listening.counter, *when, self._cells, self._station)
            rep = msgspec.structs.replace(rep, curve=curve)
        return events + self.sets.rep(key, rep, result.size, state, self._now_s, ends_sigma_s=ends)

    def _rep(self, measured: Measured, profile: Profile) -> Rep:
        """What was measured as a record, by name: NaN is None, and so is a length on tension alone."""
        numbers = measured.numbers | {"rom_m": measured.size, "rom_sigma_m": measured.size_sigma}
        if isnan(measured.size_sigma):
            numbers["rom_m"] = measured.size_sigma
        if self._now_counting.counter.on_tension:
            numbers |= dict.fromkeys(LENGTHS, float("nan"))
        seen: dict[str, Any] = {name: _seen(number) for name, number in numbers.items() if name in FIELDS}
        when = (measured.start_s, measured.end_s, measured.known_s)
        seen |= self._cells.weight(*when)._asdict()
        seen["signal_noise_m"] = self._signal.noise_m(measured.concentric_start_s, measured.concentric_end_s)
        if self._station.station.kind != "barbell":
            seen["slack_s"] = self._cells.slack_s(*when)
        rep = Rep(number=1, counted=True, velocity_loss_pct=None, **seen)
        weighed = self._scales.weigh(rep, profile, self.sets.start_s(rep.start_s), measured.known_s)
        if weighed is None:
            return rep
        return msgspec.structs.replace(
            rep, load_measured_kg=weighed.kg, load_measured_sigma_kg=weighed.sigma_kg
        )

    def _live(self, tick: Tick) -> Live:
        length = not self._now_counting.counter.on_tension
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
        v0 = self._now_counting.counter.moving
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
        sigma_anchor_m=station.noise.anchor_m,
        sigma_zero_m=station.noise.zero_m,
        sigma_scale=station.noise.scale,
        stray_m=profile.path_limit_m or (STICK_STRAY_M if profile.load == "none" else USUAL_STRAY_M),
    )


def _seen(value: float, observable: bool = True) -> float | None:
    return None if isnan(value) or not observable else value
