"""What a screen says about one station, worked out from its state; no terminal, no clock of its own."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec

from dashboard.floor.attention import REST_OVERDUE_S, Attention, Link, attention_of, is_doubled, link_of
from dashboard.floor.coaching import NOTHING_BEFORE, Before, Standing, cue, prescribed, standing
from dashboard.floor.reps import NO_TEMPO, RepView, rep_view
from dashboard.floor.state import NEVER_S, SessionState, StationKey, StationState
from dashboard.floor.times import day_of
from dashboard.floor.units import Units, load_words
from station.exercises import Profile
from station.exercises.judge import TempoTimes, asked_of
from station.messages import InfoMessage, RepMessage, SetMessage
from station.records import Phase

_PATH_CHANNELS = ("position_2_m", "tether_angle_rad", "pulley_x_n")  # any of them shows a path
_LONG_S = 86_400.0
_Event = TypeVar("_Event", RepMessage, SetMessage)


class StationView(msgspec.Struct, frozen=True, kw_only=True):
    """One station as a tile, a row or a line shows it."""

    key: StationKey
    athlete: str | None
    exercise: str | None
    title: str
    target_tempo_s: TempoTimes
    path_limit_m: float | None
    loss_cutoff_pct: float
    load: str | None  # as entered, in the coach's unit
    load_kg: float | None
    target_reps: int | None
    queue: tuple[str, ...]  # who shares the station, the one lifting first
    muted: bool
    concentric_first: bool
    cue: str | None  # the one thing to say
    standing: Standing | None  # with the progression
    sees_path: bool  # whether the station's sensors can tell where the bar or the handle goes
    link: Link
    phase: Phase | None
    set_number: int | None
    set_over: bool
    sets_begun: int  # by this athlete of this exercise, today
    sets_planned: int | None
    rest_s: float | None
    reps: tuple[RepView, ...]  # of the current set, not the rejected ones
    attention: Attention
    attention_text: str
    acknowledged: str | None

    @property
    def attention_id(self) -> str:
        """What a coach acknowledges: this reason in this set."""
        if self.attention is Attention.FAULT:
            return f"FAULT {self.attention_text}"[:64]
        return f"{self.attention.name} s{self.set_number}"

    @property
    def seen(self) -> bool:
        """Whether a coach has said that they know."""
        return self.attention is not Attention.FINE and self.acknowledged == self.attention_id

    @property
    def set_words(self) -> str:
        """Which set it is: of the plan's where there is one, else of the station's session."""
        begun, planned, over = self.sets_begun, self.sets_planned, " over" if self.set_over else ""
        if self.set_number is None:
            return f"{planned} sets" if planned else ""
        if not planned:
            return f"set {self.set_number}{over}"
        if begun > planned:
            return f"set {begun}{over}, {planned} planned"
        return f"set {begun}/{planned}{over}"

    @property
    def next_athlete(self) -> str | None:
        """Who lifts here after this one."""
        others = [one for one in self.queue if one != self.athlete]
        return others[0] if others else None

    @property
    def counted(self) -> int:
        """Reps of the current set that count, the pending one included."""
        return sum(rep.counted for rep in self.reps)

    @property
    def pending(self) -> bool:
        """Whether the last of them may still be withdrawn."""
        return bool(self.reps) and self.reps[-1].pending

    @property
    def partial(self) -> int:
        """Reps of the current set that do not count."""
        return len(self.reps) - self.counted

    @property
    def last(self) -> RepView | None:
        """The newest rep."""
        return self.reps[-1] if self.reps else None


class Judged(msgspec.Struct, frozen=True):
    """What follows from a session's reps, sets and settings alone: the same until one of them changes."""

    info: InfoMessage | None
    exercise: str | None
    title: str
    athlete: str | None
    load_kg: float | None
    asked: Profile | None  # what the reps are judged by
    set_number: int | None
    over: SetMessage | None
    sets_begun: int
    reps: tuple[RepView, ...]
    cue: str | None
    standing: Standing | None


def judge(
    session: SessionState, profiles: Mapping[str, Profile], before: Mapping[tuple[str, str], Before]
) -> Judged:
    """Judge the current set against its prescription, and the athlete by what was `before` as well."""
    messages = current_reps(session)
    info = session.info
    newest = messages[-1] if messages else None
    exercise = info.exercise if info else (newest.exercise if newest else None)
    # Reps keep the profile they were counted by, also after the coach has chosen the next exercise.
    counted_by = profiles.get(newest.exercise if newest else exercise or "")
    counted_by = prescribed(counted_by, info) if counted_by else None
    shown = profiles.get(exercise or "")
    shown = prescribed(shown, info) if shown else None
    athlete = (info.athlete if info else None) or (newest.athlete if newest else None)
    set_number = newest.set_number if newest else None
    over = _set_over(session, set_number)
    if over and info and newest and info.athlete and newest.athlete and info.athlete != newest.athlete:
        messages, set_number, over = [], None, None  # whoever lifts next begins with nothing
    return Judged(
        info=info,
        exercise=exercise,
        title=shown.title if shown else exercise or "no exercise yet",
        athlete=athlete,
        load_kg=info.load_kg if info else (newest.load_kg if newest else None),
        asked=counted_by or shown,
        set_number=set_number,
        over=over,
        sets_begun=_sets_begun(session, athlete, exercise, messages, over),
        reps=tuple(rep_view(one.event_id, one.state, one.rep, counted_by) for one in messages),
        cue=cue(counted_by, messages) if counted_by else None,
        standing=standing(shown, session, athlete, before.get((athlete or "", shown.name), NOTHING_BEFORE))
        if shown and shown.mastery
        else None,
    )


class Views:
    """Views of many stations, ten times a second: what has not changed is not judged again."""

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        self.before: Mapping[tuple[str, str], Before] = {}  # by athlete and exercise, from the record
        self.rests_s: Mapping[tuple[str, str], float] = {}  # what plans ask for, likewise
        self._profiles = profiles
        # The state never changes what it holds, so the same objects mean the same content.
        self._judged: dict[StationKey, tuple[tuple[object, ...], Judged]] = {}

    def see(
        self, station: StationState, now_s: float, broker_up: bool = True, units: Units = "kg"
    ) -> StationView:
        """What to show of a station at `now_s`, on the clock its messages were stamped with."""
        session = station.current
        given = (session.reps, session.sets, session.info, self.before)
        held = self._judged.get(station.key)
        if held is None or any(one is not other for one, other in zip(given, held[0], strict=True)):
            held = self._judged[station.key] = given, judge(session, self._profiles, self.before)
        judged = held[1]
        practice = (judged.athlete or "", judged.exercise or "")
        rest_s = self.rests_s.get(practice, REST_OVERDUE_S)
        return _seen(station, judged, now_s, broker_up, units, rest_s)


def view(
    station: StationState,
    profiles: Mapping[str, Profile],
    now_s: float,
    broker_up: bool = True,
    units: Units = "kg",
) -> StationView:
    """What to show of one station, once; `Views` for many."""
    return Views(profiles).see(station, now_s, broker_up, units)


def _seen(
    station: StationState,
    judged: Judged,
    now_s: float,
    broker_up: bool,
    units: Units,
    rest_asked_s: float,
) -> StationView:
    session = station.current
    info, asked = judged.info, judged.asked
    link = link_of(session, now_s, broker_up)
    if link.up and is_doubled(station, now_s):
        link = Link("doubled", "two nodes")
    rest_s = _rest_s(session, judged.over) if link.name == "live" else None
    over = judged.over is not None
    attention, text = attention_of(session, link, judged.reps, over, rest_s, rest_asked_s)
    return StationView(
        key=station.key,
        athlete=judged.athlete,
        exercise=judged.exercise,
        title=judged.title,
        target_tempo_s=asked_of(asked.tempo) if asked else NO_TEMPO,
        path_limit_m=asked.path_limit_m if asked else None,
        loss_cutoff_pct=asked.velocity_loss_cutoff_pct if asked else 20.0,
        load=load_words(judged.load_kg, units),
        load_kg=judged.load_kg,
        target_reps=info.target_reps if info else None,
        queue=tuple(info.queue) if info else (),
        muted=info is not None and info.muted,
        concentric_first=asked is not None and asked.starts_with == "concentric",
        cue=judged.cue,
        standing=judged.standing,
        sees_path=info is not None and any(sensor.channel in _PATH_CHANNELS for sensor in info.sensors),
        link=link,
        phase=session.trace[-1].phase if session.trace and link.up else None,
        set_number=judged.set_number,
        set_over=over,
        sets_begun=judged.sets_begun,
        sets_planned=info.target_sets if info else None,
        rest_s=rest_s,
        reps=judged.reps,
        attention=attention,
        attention_text=text,
        acknowledged=info.acknowledged if info else None,
    )


def attention_order(one: StationView) -> tuple[int, StationKey]:
    """Sort key: who needs the coach first, then by name."""
    return int(Attention.FINE if one.seen else one.attention), one.key


def current_reps(session: SessionState) -> list[RepMessage]:
    """The newest set's reps by number, each in its highest revision, rejected ones left out."""
    valid = [message for message in _revised(session.reps.values()) if message.state != "rejected"]
    last_set = max((message.set_number for message in valid), default=0)
    return sorted((m for m in valid if m.set_number == last_set), key=lambda m: (m.rep.number, m.event_id))


def set_summaries(session: SessionState) -> list[SetMessage]:
    """The sets that are over, oldest first, each in its highest revision."""
    return sorted(_revised(session.sets.values()), key=lambda m: (m.summary.number, m.event_id))


def _revised(messages: Iterable[_Event]) -> Iterable[_Event]:
    """Of each event its highest revision."""
    newest: dict[str, _Event] = {}
    for message in messages:
        held = newest.get(message.event_id)
        if held is None or message.revision > held.revision:
            newest[message.event_id] = message
    return newest.values()


def _set_over(session: SessionState, number: int | None) -> SetMessage | None:
    """The running set's summary, unless the set was reopened and has gone on since."""
    over = [message for message in set_summaries(session) if message.summary.number == number]
    reps = [message.rep.start_s for message in current_reps(session)]
    return over[-1] if over and over[-1].summary.end_s >= max(reps, default=NEVER_S) else None


def _sets_begun(
    session: SessionState,
    athlete: str | None,
    exercise: str | None,
    running: list[RepMessage],
    over: SetMessage | None,
) -> int:
    """Sets of an athlete and an exercise on the reader's day of the newest, the running one included.

    The station knows those before this screen began, a second late; this screen knows the others at once.
    """
    info = session.info
    mine = (athlete, exercise)
    done = info.sets_done if info and (info.athlete, info.exercise) == mine else 0
    goes_on = over is None and any((one.athlete, one.exercise) == mine for one in running)
    said: list[SetMessage | RepMessage] = [*session.sets.values(), *running]
    today = max((day_of(message.at_utc) for message in said), default="")
    heard = {
        message.summary.number if isinstance(message, SetMessage) else message.set_number
        for message in said
        if not (isinstance(message, SetMessage) and message.summary.counted_reps == 0)  # restarted
        and (message.athlete, message.exercise, day_of(message.at_utc)) == (*mine, today)
    }
    return max(len(heard), done + goes_on)


def _rest_s(session: SessionState, over: SetMessage | None) -> float | None:
    """Seconds since the set's last movement, by the station's clock."""
    if over is None or not session.trace:
        return None
    return min(max(0.0, session.trace[-1].session_s - over.summary.end_s), _LONG_S)
