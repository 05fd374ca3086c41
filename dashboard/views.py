"""What a screen says about one station, worked out from its state; no terminal, no clock of its own."""

import math
from collections.abc import Mapping
from enum import IntEnum
from typing import Literal

import msgspec

from dashboard.state import NEVER_S, SessionState, StationKey, StationState
from station.exercises import Profile, Tempo
from station.messages import RepMessage, SetMessage
from station.records import Phase, Rep

STALE_S = 2.0  # live values come ten a second; twenty missing in a row is not jitter
TEMPO_FLOOR_S = (
    0.25  # a phase this close to its target is kept: a share of a zero target would be no room at all
)
REST_OVERDUE_S = 180.0  # between sets, unless a plan says otherwise
REST_FORGOTTEN_S = 900.0  # after this the lifter has left
_PATH_CHANNELS = ("position_2_m", "tether_angle_rad", "pulley_x_n")  # any of them shows a path
_LONG_S = 86_400.0
_LONG_MM = 9999.0
_UNSAFE = ("slack", "drop")  # words in a rep's reason that call the coach now

TempoTimes = tuple[float | None, float | None, float | None, float | None]  # seconds, contract's order
LinkName = Literal["waiting", "starting", "live", "stale", "sensor", "stopped", "lost", "offline"]


class Attention(IntEnum):
    """Why to look at a station; the lower the sooner."""

    FAULT = 0
    UNSAFE = 1
    VELOCITY_LOSS = 2
    TECHNIQUE = 3
    REST = 4
    FINE = 5


class Link(msgspec.Struct, frozen=True):
    """How fresh what is shown is, in a word or two."""

    name: LinkName
    text: str

    @property
    def up(self) -> bool:
        """Whether what is shown is what happens now."""
        return self.name in ("live", "starting")


class RepView(msgspec.Struct, frozen=True, kw_only=True):
    """One rep against its prescription. True in a mark: kept; None: not measured or not prescribed."""

    number: int
    pending: bool
    counted: bool
    reason: str | None
    mean_velocity_mps: float | None
    tempo_s: TempoTimes
    tempo_kept: tuple[bool | None, bool | None, bool | None, bool | None]
    rom_m: float | None
    path_m: float | None
    path_sigma_m: float | None
    path_kept: bool | None
    velocity_loss_pct: float | None
    loss_reached: bool

    @property
    def off(self) -> bool:
        """Tempo or path outside what was asked for."""
        return self.path_kept is False or False in self.tempo_kept


class StationView(msgspec.Struct, frozen=True, kw_only=True):
    """One station as a tile, a row or a line shows it."""

    key: StationKey
    athlete: str | None
    exercise: str | None
    title: str
    target_tempo_s: TempoTimes
    path_limit_m: float | None
    loss_cutoff_pct: float
    load_kg: float | None
    target_reps: int | None
    sees_path: bool  # whether the station's sensors can tell where the bar or the handle goes
    link: Link
    phase: Phase | None
    set_number: int | None
    set_over: bool
    rest_s: float | None
    reps: tuple[RepView, ...]  # of the current set, not the rejected ones
    attention: Attention
    attention_text: str

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


def view(
    station: StationState, profiles: Mapping[str, Profile], now_s: float, broker_up: bool = True
) -> StationView:
    """What to show of a station at `now_s`, on the clock its messages were stamped with."""
    session = station.current
    messages = current_reps(session)
    set_number = messages[-1].set_number if messages else None
    over = _set_over(session, set_number)
    info = session.info
    exercise = info.exercise if info else (messages[-1].exercise if messages else None)
    # Reps keep the profile they were counted by, also after the coach has chosen the next exercise.
    profile = profiles.get(messages[-1].exercise if messages else exercise or "")
    shown = profiles.get(exercise or "")
    reps = tuple(_rep_view(message, profile) for message in messages)
    link = _link(session, now_s, broker_up)
    rest_s = _rest_s(session, over) if link.name == "live" else None
    attention, text = _attention(session, link, reps, over, rest_s)
    return StationView(
        key=station.key,
        athlete=(info.athlete if info else None) or (messages[-1].athlete if messages else None),
        exercise=exercise,
        title=shown.title if shown else exercise or "no exercise yet",
        target_tempo_s=_target(profile or shown),
        path_limit_m=profile.path_limit_m if profile else None,
        loss_cutoff_pct=profile.velocity_loss_cutoff_pct if profile else 20.0,
        load_kg=info.load_kg if info else (messages[-1].load_kg if messages else None),
        target_reps=info.target_reps if info else None,
        sees_path=info is not None and any(sensor.channel in _PATH_CHANNELS for sensor in info.sensors),
        link=link,
        phase=session.trace[-1].phase if session.trace and link.up else None,
        set_number=set_number,
        set_over=over is not None,
        rest_s=rest_s,
        reps=reps,
        attention=attention,
        attention_text=text,
    )


def attention_order(one: StationView) -> tuple[int, StationKey]:
    """Sort key: who needs the coach first, then by name."""
    return int(one.attention), one.key


def current_reps(session: SessionState) -> list[RepMessage]:
    """The newest set's reps by number, each in its highest revision, rejected ones left out."""
    newest: dict[str, RepMessage] = {}
    for message in session.reps.values():
        held = newest.get(message.event_id)
        if held is None or message.revision > held.revision:
            newest[message.event_id] = message
    valid = [message for message in newest.values() if message.state != "rejected"]
    last_set = max((message.set_number for message in valid), default=0)
    return sorted((m for m in valid if m.set_number == last_set), key=lambda m: (m.rep.number, m.event_id))


def set_summaries(session: SessionState) -> list[SetMessage]:
    """The sets that are over, oldest first, each in its highest revision."""
    newest: dict[str, SetMessage] = {}
    for message in session.sets.values():
        held = newest.get(message.event_id)
        if held is None or message.revision > held.revision:
            newest[message.event_id] = message
    return sorted(newest.values(), key=lambda m: (m.summary.number, m.event_id))


def path_mm(deviation_m: float, sigma_m: float | None) -> str:
    """A deviation and its standard uncertainty in millimetres; the uncertainty is rounded up."""
    if sigma_m is None:
        return f"{1000 * deviation_m:.0f}"[:9]
    return f"{1000 * deviation_m:.0f}"[:9] + f" ± {math.ceil(max(0.0, min(1000 * sigma_m, _LONG_MM)))}"


def rep_tempo(rep: Rep) -> TempoTimes:
    """The four phases of a rep in the contract's order."""
    return rep.eccentric_s, rep.bottom_pause_s, rep.concentric_s, rep.top_pause_s


def _target(profile: Profile | None) -> TempoTimes:
    tempo = profile.tempo if profile else Tempo()
    return tempo.eccentric_s, tempo.bottom_pause_s, tempo.concentric_s, tempo.top_pause_s


def _rep_view(message: RepMessage, profile: Profile | None) -> RepView:
    rep = message.rep
    share = (profile.tempo.tolerance_pct if profile else 20.0) / 100.0
    limit_m = profile.path_limit_m if profile else None
    loss_pct = rep.velocity_loss_pct
    first, second, third, fourth = (
        None if did is None or asked is None else abs(did - asked) <= max(share * asked, TEMPO_FLOOR_S)
        for did, asked in zip(rep_tempo(rep), _target(profile), strict=True)
    )
    deviation_m = rep.path_deviation_m
    return RepView(
        number=rep.number,
        pending=message.state == "pending",
        counted=rep.counted,
        reason=rep.reason,
        mean_velocity_mps=rep.mean_concentric_velocity_mps,
        tempo_s=rep_tempo(rep),
        tempo_kept=(first, second, third, fourth),
        rom_m=rep.rom_m,
        path_m=deviation_m,
        path_sigma_m=rep.path_deviation_sigma_m,
        path_kept=_path_kept(deviation_m, rep.path_deviation_sigma_m, limit_m),
        velocity_loss_pct=loss_pct,
        loss_reached=bool(profile and loss_pct is not None and loss_pct >= profile.velocity_loss_cutoff_pct),
    )


def _path_kept(deviation_m: float | None, sigma_m: float | None, limit_m: float | None) -> bool | None:
    if deviation_m is None or limit_m is None or (sigma_m is not None and sigma_m > limit_m):
        return None  # not measured, nothing asked, or too uncertain to say
    return deviation_m <= limit_m


def _set_over(session: SessionState, number: int | None) -> SetMessage | None:
    over = [message for message in set_summaries(session) if message.summary.number == number]
    return over[-1] if over else None


def _rest_s(session: SessionState, over: SetMessage | None) -> float | None:
    """Seconds since the set's last movement, by the station's clock."""
    if over is None or not session.trace:
        return None
    return min(max(0.0, session.trace[-1].session_s - over.summary.end_s), _LONG_S)


def _link(session: SessionState, now_s: float, broker_up: bool) -> Link:
    state = session.state.state if session.state else None
    live_s = session.live_at_s
    age_s = now_s - (live_s if live_s > NEVER_S else session.any_s)
    if state == "lost" and live_s <= session.state_at_s:  # live values newer than the will outrank it
        found = Link("lost", "lost")
    elif state == "stopping" and live_s <= session.state_at_s + STALE_S:
        found = Link("stopped", "stopped")
    elif not broker_up:
        found = Link("offline", f"stale {_age(age_s)}" if live_s > NEVER_S else "no broker")
    elif session.health is not None and not session.health.link_up:
        found = Link("sensor", session.health.problem or "no sensor")
    elif live_s == NEVER_S:
        found = Link("starting", "starting") if age_s <= 10.0 else Link("waiting", "no data yet")
    elif age_s > STALE_S:
        found = Link("stale", f"stale {_age(age_s)}")
    else:
        found = Link("live", "live")
    return found


def _age(age_s: float) -> str:
    minutes, seconds = divmod(int(age_s), 60)
    return f"{minutes}:{seconds:02d}" if minutes else f"{seconds} s"


def _attention(
    session: SessionState,
    link: Link,
    reps: tuple[RepView, ...],
    over: SetMessage | None,
    rest_s: float | None,
) -> tuple[Attention, str]:
    """The most urgent reason to look, and it in words."""
    saturated = session.health.saturated if session.health else []
    last = reps[-1] if reps else None
    counted = [rep for rep in reps if rep.counted]
    found = (Attention.FINE, "")
    if not link.up:
        found = (Attention.FAULT, link.text)
    elif session.health is not None and session.health.problem:
        found = (Attention.FAULT, session.health.problem)
    elif saturated:
        found = (Attention.FAULT, f"{saturated[0]} saturated")
    elif last and last.reason and any(word in last.reason for word in _UNSAFE):
        found = (Attention.UNSAFE, last.reason)
    elif counted and counted[-1].loss_reached and over is None:
        found = (Attention.VELOCITY_LOSS, "end the set")
    elif over is None and len(counted) >= 2 and counted[-1].off and counted[-2].off:
        off_path = counted[-1].path_kept is False
        found = (Attention.TECHNIQUE, "path off twice" if off_path else "tempo off twice")
    elif rest_s is not None and REST_OVERDUE_S < rest_s < REST_FORGOTTEN_S:
        found = (Attention.REST, f"rest {_age(rest_s)}")
    return found
