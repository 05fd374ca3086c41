"""How fresh what a station says is, and why a coach should look at it."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Literal

import msgspec

from dashboard.floor.reps import RepView
from dashboard.floor.state import NEVER_S, SessionState, StationState
from station.exercises.judge import Outcome, all_of

DOUBLED_S = 4.0  # nodes that push each other off a broker speak for a second or two in turn
STALE_S = 2.0  # live values come ten a second; twenty missing in a row is not jitter
FAR_STALE_S = 8.0  # without them: a health message comes every other second through a chain
REST_OVERDUE_S = 180.0  # between sets, unless a plan says otherwise
REST_FORGOTTEN_S = 720.0  # overdue by more the lifter has left

UNWRITTEN = 10  # events that wait at a station: three reps or so, while one is confirmed within a second

Recency = Literal["waiting", "starting", "live", "doubled", "stale", "sensor", "stopped", "lost", "offline"]


class Attention(IntEnum):
    """Reasons to look at a station, most urgent first."""

    FAULT = 0
    UNSAFE = 1
    VELOCITY_LOSS = 2
    LOAD = 3
    TECHNIQUE = 4
    REST = 5
    CLOCK = 6
    FINE = 7


_CHANNELS = {
    "position_m": "tether",
    "position_2_m": "second tether",
    "tether_angle_rad": "tilt of the tether",
    "force_n": "load cell",
    "pulley_x_n": "pulley's cell",
    "pulley_y_n": "pulley's cell",
}


def channel_words(channel: str) -> str:
    """What a channel measures with, for somebody who stands before it."""
    if channel.startswith("platform_"):
        return f"platform, {channel.removeprefix('platform_').removesuffix('_n').replace('_', ' ')}"
    return _CHANNELS.get(channel, channel)


class Freshness(msgspec.Struct, frozen=True):
    """How recent the shown data is, as a short text."""

    name: Recency
    text: str

    @property
    def up(self) -> bool:
        """Whether the shown data is live."""
        return self.name in ("live", "starting")


def freshness_of(session: SessionState, now_s: float, broker_up: bool, brings_live: bool = True) -> Freshness:
    """How recent a session's data is at `now_s`, on the clock that stamped its messages.

    Where live values do not come by themselves, whatever else a node says of itself shows that it runs.
    """
    state = session.state.state if session.state else None
    live_s = session.live_at_s if brings_live else max(session.live_at_s, session.heard_s)
    age_s = now_s - (live_s if live_s > NEVER_S else session.any_s)
    if state == "lost" and live_s <= session.state_at_s:  # live values newer than the will outrank it
        found = Freshness("lost", "lost")
    elif state == "stopping" and live_s <= session.state_at_s + STALE_S:
        found = Freshness("stopped", "stopped")
    elif not broker_up:
        found = Freshness("offline", f"stale {age(age_s)}" if live_s > NEVER_S else "no broker")
    elif session.health is not None and not session.health.link_up:
        found = Freshness("sensor", session.health.problem or "no sensor")
    elif live_s == NEVER_S:
        found = Freshness("starting", "starting") if age_s <= 10.0 else Freshness("waiting", "no data yet")
    elif age_s > (STALE_S if brings_live else FAR_STALE_S):
        found = Freshness("stale", f"stale {age(age_s)}")
    else:
        found = Freshness("live", "live")
    return found


def is_doubled(station: StationState, now_s: float) -> bool:
    """Whether two nodes publish as this station; a restarted node is silent before its successor speaks."""
    speaking = [
        one
        for one in station.sessions.values()
        if now_s - one.live_at_s <= DOUBLED_S
        and one.trace[-1].session_s - one.trace[0].session_s >= DOUBLED_S
    ]
    return len(speaking) > 1


def age(age_s: float) -> str:
    """A duration in seconds as short text."""
    minutes, seconds = divmod(int(age_s), 60)
    return f"{minutes}:{seconds:02d}" if minutes else f"{seconds} s"


def attention_of(
    session: SessionState,
    freshness: Freshness,
    reps: Sequence[RepView],
    over: bool,
    rest_s: float | None,
    rest_asked_s: float = REST_OVERDUE_S,
    lifted: str | None = None,
) -> tuple[Attention, str]:
    """The most urgent reason to look, and its text.

    `over`: the set has ended; `lifted`: with what, where it is not what was entered.
    """
    saturated = session.health.saturated if session.health else []
    last = reps[-1] if reps else None
    counted = [rep for rep in reps if rep.counted]
    found = (Attention.FINE, "")
    if not freshness.up:
        found = (Attention.FAULT, freshness.text)
    elif session.health is not None and session.health.problem:
        found = (Attention.FAULT, session.health.problem)
    elif session.health is not None and session.health.outbox_depth >= UNWRITTEN:
        found = (Attention.FAULT, "nobody writes the history")
    elif saturated:
        found = (Attention.FAULT, f"{channel_words(saturated[0])} overloaded: take load off")
    elif last and last.slack and not over:
        found = (Attention.UNSAFE, "cable slack")
    elif counted and counted[-1].loss_reached and not over:
        found = (Attention.VELOCITY_LOSS, "end the set")
    elif lifted is not None:
        found = (Attention.LOAD, f"weighs {lifted}")
    elif not over and len(counted) >= 2 and counted[-1].off and counted[-2].off:
        found = (Attention.TECHNIQUE, f"{_what_is_off(counted[-2:])} twice")
    elif rest_s is not None and rest_asked_s <= rest_s < rest_asked_s + REST_FORGOTTEN_S:
        found = (Attention.REST, f"rest {age(rest_s)}")
    elif session.info is not None and session.info.clock_synchronised is False:
        found = (Attention.CLOCK, "clock")
    return found


def _what_is_off(reps: Sequence[RepView]) -> str:
    """What all of some reps have missed, in words."""
    if all(rep.path is Outcome.OFF for rep in reps):
        return "path off"
    for outcome in (Outcome.SLOW, Outcome.FAST):
        if all(rep.velocity is outcome for rep in reps):
            return f"too {outcome}"
    tempo = (all_of(rep.tempo) for rep in reps)
    return "tempo off" if all(one is not None and one.off for one in tempo) else "off target"
