"""The view of one station, derived from its state; no terminal, no clock of its own."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from dashboard.floor.assessment import Assessed, Assessment, assess
from dashboard.floor.attention import (
    REST_OVERDUE_S,
    STALE_S,
    Attention,
    Freshness,
    attention_of,
    freshness_of,
    is_doubled,
)
from dashboard.floor.coaching import AthleteRecord
from dashboard.floor.headline import HeadlineFigure, headline_figure
from dashboard.floor.names import Names, name_of
from dashboard.floor.plates import plates_words
from dashboard.floor.reps import NO_TEMPO, RepView
from dashboard.floor.running import RunningSet
from dashboard.floor.state import StationKey, StationState
from dashboard.floor.units import Units, load_words
from station.exercises import Headline, Profile, VelocityTarget
from station.exercises.judge import TempoTimes, asked_of
from station.records import Phase

_PATH_CHANNELS = ("position_2_m", "tether_angle_rad", "pulley_x_n")  # any of them shows a path
_LONG_S = 86_400.0


class StationView(Assessed, frozen=True, kw_only=True):
    """One station as a tile, a row or a line shows it."""

    key: StationKey
    name: str  # as it is called here; with its site where there are several
    called: str | None  # the athlete's name, where the screen knows it; else the id
    short_title: str
    target_tempo_s: TempoTimes
    path_limit_m: float | None
    velocity_target: VelocityTarget  # as prescribed
    headline: Headline  # what of a rep stands large
    loaded_by: Literal["mass", "cable", "band", "none"]
    squad: str | None
    note: str | None  # of the athlete, for coaches
    loss_cutoff_pct: float | None  # None: not prescribed
    load: str | None  # as entered, in the coach's unit
    lifted: str | None  # as weighed, where that is surely not the load; likewise
    plates: str  # what to put on the bar for it; empty where it is no bar, or not of plates
    target_reps: int | None
    queue: tuple[str, ...]  # who shares the station, the one lifting first
    waiting: tuple[str, ...]  # the others of them, by name
    muted: bool
    concentric_first: bool
    sees_path: bool  # whether the station's sensors can tell where the bar or the handle goes
    freshness: Freshness
    phase: Phase | None
    set_number: int | None
    set_event_id: str | None
    counted: int  # reps of the running set that count, the pending one included; the set's own count
    partial: int  # reps of it that do not count
    set_over: bool
    sets_planned: int | None
    rest_s: float | None
    rest_asked_s: float | None  # as prescribed
    attention: Attention
    attention_text: str
    acknowledged: str | None

    @property
    def headline_figure(self) -> HeadlineFigure:
        """What stands large of the newest rep."""
        return headline_figure(self.headline, self.valid_reps)

    @property
    def has_path(self) -> bool:
        """Whether a path is something to speak of: a stick has none, and of a band no length is known."""
        return self.loaded_by in ("mass", "cable")

    @property
    def has_loss(self) -> bool:
        """Whether velocity loss is: of an unloaded drill only where somebody prescribed a cut-off."""
        return self.loaded_by in ("mass", "cable") or self.loss_cutoff_pct is not None

    @property
    def has_load(self) -> bool:
        """Whether a load is: an unloaded drill has none, unless one was entered."""
        return self.loaded_by != "none" or self.load is not None

    @property
    def attention_id(self) -> str:
        """The id of what a coach acknowledges: this reason in this set."""
        if self.attention is Attention.FAULT:
            return f"FAULT {self.attention_text}"[:64]
        return f"{self.attention.name} s{self.set_number}"

    @property
    def seen(self) -> bool:
        """Whether a coach has acknowledged it."""
        return self.attention is not Attention.FINE and self.acknowledged == self.attention_id

    @property
    def set_words(self) -> str:
        """The set's number within the plan where there is one, else within the station's session."""
        begun, planned, over = self.sets_begun, self.sets_planned, " over" if self.set_over else ""
        if self.set_number is None:
            return f"{planned} sets" if planned else ""
        if not planned:
            return f"set {self.set_number}{over}"
        if not begun:  # what is seen here was somebody else's
            return f"{planned} sets"
        if begun > planned:
            return f"set {begun}{over}, {planned} planned"
        return f"set {begun}/{planned}{over}"

    @property
    def next_athlete(self) -> str | None:
        """The next athlete of the queue."""
        others = [one for one in self.queue if one != self.athlete]
        return others[0] if others else None

    @property
    def pending(self) -> bool:
        """Whether the last rep may still be withdrawn."""
        return self.last is not None and self.last.pending

    @property
    def valid_reps(self) -> tuple[RepView, ...]:
        """The reps that nobody has marked false."""
        return tuple(rep for rep in self.reps if not rep.marked_false)

    @property
    def doubtful(self) -> int:
        """How many reps await a person's decision."""
        return sum(rep.doubtful for rep in self.valid_reps)

    @property
    def last(self) -> RepView | None:
        """The newest of the valid reps."""
        return next((rep for rep in reversed(self.reps) if not rep.marked_false), None)


class Views:
    """Makes views of many stations ten times a second; what has not changed is not assessed again."""

    def __init__(self, profiles: Mapping[str, Profile], brings_live: bool = True) -> None:
        """`brings_live`: whether live values come from every station, without being asked for."""
        self.brings_live = brings_live
        self.several_sites = False  # then a station's name is not enough
        self.before: Mapping[tuple[str, str], AthleteRecord] = {}  # by athlete and exercise, from the record
        self.names: Names = {}
        self.squads: Mapping[str, str] = {}  # by athlete's id
        self.notes: Mapping[str, str] = {}  # likewise
        self.headlines: Mapping[str, Headline] = {}  # by exercise, as a coach has chosen
        self._profiles = profiles
        # The state never changes what it holds, so the same objects mean the same content.
        self._assessed: dict[StationKey, tuple[tuple[object, ...], Assessment]] = {}
        self._made: dict[StationKey, tuple[tuple[object, ...], tuple[object, ...], StationView]] = {}

    def view(
        self, station: StationState, now_s: float, broker_up: bool = True, units: Units = "kg"
    ) -> StationView:
        """The view of a station at `now_s`, on the clock that stamped its messages."""
        session = station.newest
        given = (session.reps, session.sets, session.current, session.info, self.before)
        held = self._assessed.get(station.key)
        if held is None or any(one is not other for one, other in zip(given, held[0], strict=True)):
            held = self._assessed[station.key] = given, assess(session, self._profiles, self.before)
        found = held[1]
        at = (_instant(station, found.running, now_s, broker_up, self.brings_live), units, self.several_sites)
        by = (found, session.health, self.names, self.squads, self.notes, self.headlines)
        made = self._made.get(station.key)
        if (
            made is None
            or made[0] != at
            or any(one is not other for one, other in zip(by, made[1], strict=True))
        ):
            made = self._made[station.key] = at, by, _made(station, found, at[0], units, self)
        return made[2]


def view(
    station: StationState,
    profiles: Mapping[str, Profile],
    now_s: float,
    broker_up: bool = True,
    units: Units = "kg",
    brings_live: bool = True,
) -> StationView:
    """The view of one station, once; use `Views` for many."""
    return Views(profiles, brings_live).view(station, now_s, broker_up, units)


class _Instant(NamedTuple):
    """What of a station's view changes without a word of a rep, a set or a setting."""

    freshness: Freshness
    phase: Phase | None
    rest_s: float | None  # whole seconds: what is shown, and a view that stays the same costs nothing


def _instant(
    station: StationState, running: RunningSet | None, now_s: float, broker_up: bool, brings_live: bool
) -> _Instant:
    session = station.newest
    freshness = freshness_of(session, now_s, broker_up, brings_live)
    if freshness.up and is_doubled(station, now_s):
        freshness = Freshness("doubled", "two nodes")
    # Whoever looked at a station through a chain has seen it move; what it did then is no phase of now.
    moving = session.trace[-1] if session.trace and now_s - session.live_at_s <= STALE_S else None
    station_s = moving.session_s if moving is not None else None
    if station_s is None and not brings_live and session.health is not None:
        station_s = session.health.session_s
    rest_s = None
    if running is not None and running.over and station_s is not None and freshness.name == "live":
        # Since the last movement, by the station's clock.
        rest_s = float(int(min(max(0.0, station_s - running.end_s), _LONG_S)))
    return _Instant(freshness, moving.phase if moving is not None and freshness.up else None, rest_s)


def _made(
    station: StationState, found: Assessment, instant: _Instant, units: Units, known: Views
) -> StationView:
    session, names = station.newest, known.names
    info, asked, running = found.info, found.asked, found.running
    freshness, phase, rest_s = instant
    over = running is not None and running.over
    lifted = load_words(_rounded(running.lifted_kg), units) if running else None
    valid_reps = [rep for rep in found.reps if not rep.marked_false]
    queue = tuple(info.queue) if info else ()
    attention, text = attention_of(
        session,
        freshness,
        valid_reps,
        over,
        rest_s,
        info.rest_s if info and info.rest_s is not None else REST_OVERDUE_S,
        lifted,
    )
    return StationView(
        **{field: getattr(found, field) for field in Assessed.__struct_fields__},
        key=station.key,
        name="/".join(station.key) if known.several_sites else station.key[1],
        called=name_of(found.athlete, names),
        short_title=asked.short_title if asked and asked.name == found.exercise else found.title,
        target_tempo_s=asked_of(asked.tempo) if asked else NO_TEMPO,
        path_limit_m=asked.path_limit_m if asked else None,
        velocity_target=asked.velocity if asked else VelocityTarget(),
        headline=known.headlines.get(found.exercise or "") or (asked.headline if asked else "mean-velocity"),
        loaded_by=asked.load if asked else "mass",
        squad=known.squads.get(found.athlete or ""),
        note=known.notes.get(found.athlete or ""),
        loss_cutoff_pct=asked.velocity_loss_cutoff_pct if asked else None,
        load=load_words(found.load_kg, units),
        lifted=lifted,
        plates=plates_words(found.load_kg) if asked and asked.load == "mass" and units == "kg" else "",
        target_reps=info.target_reps if info else None,
        queue=queue,
        waiting=tuple(names.get(one) or one for one in queue if one != found.athlete),
        muted=info is not None and info.muted,
        concentric_first=asked is not None and asked.starts_with == "concentric",
        sees_path=info is not None and any(sensor.channel in _PATH_CHANNELS for sensor in info.sensors),
        freshness=freshness,
        phase=phase,
        set_number=running.number if running else None,
        set_event_id=running.event_id if running else None,
        counted=running.counted if running else 0,
        partial=running.partial if running else 0,
        set_over=over,
        sets_planned=info.target_sets if info else None,
        rest_s=rest_s,
        rest_asked_s=info.rest_s if info else None,
        attention=attention,
        attention_text=text,
        acknowledged=info.acknowledged if info else None,
    )


def matches_word(one: StationView, word: str) -> bool:
    """Whether a search word occurs in the names of a station, its athletes, their squad or its exercise."""
    who = (one.athlete or "", one.called or "", one.squad or "", *one.waiting)
    words = (one.key[1], *who, one.title, one.exercise or "")
    return any(word in called.casefold() for called in words)


def _rounded(load_kg: float | None) -> float | None:
    """To what plates come in, halves of a kilogram."""
    return None if load_kg is None else round(2.0 * load_kg, 0) / 2.0


def attention_order(one: StationView) -> tuple[int, StationKey]:
    """Sort key: who needs the coach first, then by name."""
    return int(Attention.FINE if one.seen else one.attention), one.key
