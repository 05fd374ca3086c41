"""The floor as one value: what every station has said, whatever the order it arrived in.

`apply` turns a state and a message into a state. Messages may be repeated, late and out of order, and the
result is the same for every order and duplication of the same arrivals:

    rep, set   by event_id, the highest revision
    live       the newest TRACE_LENGTH by session time
    health     the newest by session time
    state,     the newest by arrival: the broker keeps order within a topic (MQTT-4.6.0), while the stations'
    info       wall clocks jump

All of it within its session, and the current session is the one heard last. A last will does not count as
hearing: one that comes late from an old session changes nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from station.messages import (
    Address,
    AnyMessage,
    HealthMessage,
    InfoMessage,
    LiveMessage,
    RepMessage,
    SetMessage,
    StateMessage,
)
from station.records import Live

TRACE_LENGTH = 256  # live values kept per session: 25 s at 10 Hz, what the station screen draws
REPS_KEPT = (
    96  # reps kept per session: three long sets, what a mastery rule asks for; the history has the rest
)
SETS_KEPT = 32
SESSIONS_KEPT = 8  # restarts of one node that may still have messages under way
NEVER_S = float("-inf")

StationKey = tuple[str, str]  # site, station
RepKey = tuple[int, int, str]  # set number, rep number, event_id: the order in which old reps are forgotten
SetKey = tuple[int, str]  # set number, event_id


class SessionState(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of a station's node has said."""

    session: str
    state: StateMessage | None = None
    state_at_s: float = NEVER_S  # when it arrived, on the screen's own clock, as all `_at_s` here
    info: InfoMessage | None = None
    info_at_s: float = NEVER_S
    health: HealthMessage | None = None
    trace: tuple[Live, ...] = ()  # ascending in session_s
    live_at_s: float = NEVER_S
    reps: Mapping[RepKey, RepMessage] = {}
    sets: Mapping[SetKey, SetMessage] = {}
    heard_s: float = NEVER_S  # newest arrival of anything the node itself said just now
    any_s: float = NEVER_S  # newest arrival of anything, repeats from the outbox and wills included


class StationState(msgspec.Struct, frozen=True, kw_only=True):
    """What one station has said, by session."""

    key: StationKey
    sessions: Mapping[str, SessionState] = {}

    @property
    def current(self) -> SessionState:
        """The session heard last."""
        return max(self.sessions.values(), key=_rank)


class FloorState(msgspec.Struct, frozen=True, kw_only=True):
    """Every station by (site, station)."""

    stations: Mapping[StationKey, StationState] = {}


def apply(floor: FloorState, address: Address, message: AnyMessage, received_s: float) -> FloorState:
    """The floor after one more message; the same object if it says nothing about a station.

    `received_s` is when it arrived, on any clock that only goes forward.
    """
    if not isinstance(
        message, StateMessage | InfoMessage | HealthMessage | LiveMessage | RepMessage | SetMessage
    ):
        return floor
    key = (address.site, address.station)
    station = floor.stations.get(key) or StationState(key=key)
    session = station.sessions.get(message.session) or SessionState(session=message.session)
    changed = _apply(session, message, received_s)
    sessions = {**station.sessions, changed.session: changed}
    if len(sessions) > SESSIONS_KEPT:
        del sessions[min(sessions.values(), key=_rank).session]
    return FloorState(stations={**floor.stations, key: StationState(key=key, sessions=sessions)})


def apply_all(floor: FloorState, arrivals: Iterable[tuple[Address, AnyMessage, float]]) -> FloorState:
    """The floor after several messages, each with its address and the time it arrived."""
    for address, message, received_s in arrivals:
        floor = apply(floor, address, message, received_s)
    return floor


def _apply(session: SessionState, message: AnyMessage, at_s: float) -> SessionState:
    change: dict[str, Any] = {"any_s": max(session.any_s, at_s)}
    match message:
        case StateMessage():
            if _newer((at_s, message), (session.state_at_s, session.state)):
                change |= {"state": message, "state_at_s": at_s}
            if message.state != "lost":
                change["heard_s"] = max(session.heard_s, at_s)
        case InfoMessage():
            if _newer((at_s, message), (session.info_at_s, session.info)):
                change |= {"info": message, "info_at_s": at_s}
            change["heard_s"] = max(session.heard_s, at_s)
        case HealthMessage():
            held = session.health
            if held is None or _newer((message.session_s, message), (held.session_s, held)):
                change["health"] = message
            change["heard_s"] = max(session.heard_s, at_s)
        case LiveMessage():
            change["trace"] = _with_live(session.trace, message.live)
            change["live_at_s"] = max(session.live_at_s, at_s)
            change["heard_s"] = max(session.heard_s, at_s)
        case RepMessage():
            rep_key = (message.set_number, message.rep.number, message.event_id)
            change["reps"] = _with_revision(session.reps, rep_key, message, REPS_KEPT)
        case SetMessage():
            set_key = (message.summary.number, message.event_id)
            change["sets"] = _with_revision(session.sets, set_key, message, SETS_KEPT)
    return msgspec.structs.replace(session, **change)


def _rank(session: SessionState) -> tuple[float, float, str]:
    return session.heard_s, session.any_s, session.session


def _newer(one: tuple[float, msgspec.Struct], other: tuple[float, msgspec.Struct | None]) -> bool:
    """Whether `one` replaces `other`; where the times are equal the bytes decide, so that order cannot."""
    if one[0] != other[0] or other[1] is None:
        return one[0] > other[0]
    return msgspec.json.encode(one[1]) > msgspec.json.encode(other[1])


def _with_revision(held: Mapping[Any, Any], key: Any, message: Any, keep: int) -> Mapping[Any, Any]:
    """`held` with the message under `key` if its revision is the highest; the `keep` highest keys stay.

    Which keys stay depends on the keys alone, never on the order they came in.
    """
    old = held.get(key)
    if old is not None and not _newer((message.revision, message), (old.revision, old)):
        return held
    longer = {**held, key: message}
    if len(longer) > keep:
        del longer[min(longer)]
    return longer


def _with_live(trace: tuple[Live, ...], live: Live) -> tuple[Live, ...]:
    """`trace` with one more value in its place by session time."""
    place = len(trace)
    while place and trace[place - 1].session_s > live.session_s:
        place -= 1
    if place and trace[place - 1].session_s == live.session_s:
        if not _newer((0.0, live), (0.0, trace[place - 1])):
            return trace
        place -= 1
        trace = trace[:place] + trace[place + 1 :]
    return (*trace[:place], live, *trace[place:])[-TRACE_LENGTH:]
