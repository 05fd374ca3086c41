"""The floor as one value: the state of every station, independent of the order of arrival.

`apply` turns a state and a message into a state. Messages may be repeated, late and out of order, and the
result is the same for every order and duplication of the same arrivals:

    rep, set   by event_id, the highest revision
    live       the newest TRACE_LENGTH by session time
    health,    the newest by session time; where two are of the same moment, by arrival
    current
    state,     the newest by arrival: the broker keeps order within a topic (MQTT-4.6.0), while the stations'
    info       wall clocks jump

All of it within its session, and the current session is the one heard last. A last will does not count as
hearing, nor does what the broker has kept: one that comes late from an old session changes nothing.

What a person sees of the running set is put together from this in dashboard.floor.running.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from station.messages import (
    AnyMessage,
    CurrentMessage,
    HealthMessage,
    InfoMessage,
    LiveMessage,
    RepMessage,
    SetMessage,
    StateMessage,
)
from station.records import Live
from station.topics import Address

TRACE_LENGTH = 256  # live values kept per session: 25 s at 10 Hz, what the station screen draws
REPS_KEPT = (
    96  # reps kept per session: three long sets, what a mastery rule asks for; the history has the rest
)
SETS_KEPT = 32
SESSIONS_KEPT = 8  # restarts of one node that may still have messages under way
OVER_S = (
    900.0  # a session of which nothing has come for so long when the next begins is no longer of interest
)
NEVER_S = float("-inf")

_Event = TypeVar("_Event", RepMessage, SetMessage)
_OfStation = (
    StateMessage | InfoMessage | HealthMessage | CurrentMessage | LiveMessage | RepMessage | SetMessage
)

StationKey = tuple[str, str]  # site, station


class SessionState(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one session, a run of a station's node."""

    session: str
    state: StateMessage | None = None
    state_at_s: float = NEVER_S  # when it arrived, on the screen's own clock, as all `_at_s` here
    info: InfoMessage | None = None
    info_at_s: float = NEVER_S
    health: HealthMessage | None = None
    trace: tuple[Live, ...] = ()  # ascending in session_s
    live_at_s: float = NEVER_S
    current: CurrentMessage | None = None
    current_at_s: float = NEVER_S
    reps: Mapping[str, RepMessage] = {}  # by event_id
    sets: Mapping[str, SetMessage] = {}  # by event_id
    heard_s: float = NEVER_S  # newest arrival of anything the node itself said just now
    any_s: float = NEVER_S  # newest arrival of anything, repeats from the outbox and wills included


class StationState(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one station, by session."""

    key: StationKey
    sessions: Mapping[str, SessionState] = {}

    @property
    def newest(self) -> SessionState:
        """The session heard last."""
        return max(self.sessions.values(), key=_rank)


class FloorState(msgspec.Struct, frozen=True, kw_only=True):
    """Every station by (site, station)."""

    stations: Mapping[StationKey, StationState] = {}


def apply_all(floor: FloorState, arrivals: Iterable[tuple[Address, AnyMessage, float]]) -> FloorState:
    """The floor after several messages, each with its address and the time it arrived."""
    stations: dict[StationKey, StationState] = {}  # that have changed
    for address, message, received_s in arrivals:
        if isinstance(message, _OfStation):
            key = (address.site, address.station)
            before = stations.get(key) or floor.stations.get(key) or StationState(key=key)
            stations[key] = _after(before, message, received_s)
    return FloorState(stations={**floor.stations, **stations}) if stations else floor


def _after(station: StationState, message: _OfStation, received_s: float) -> StationState:
    sessions = dict(station.sessions)
    session = sessions.get(message.session)
    if session is None:  # nodes are switched off at night, and a floor may be shown for a year
        sessions = {name: one for name, one in sessions.items() if received_s - one.any_s < OVER_S}
        session = SessionState(session=message.session)
    changed = _apply(session, message, received_s)
    sessions[changed.session] = changed
    if len(sessions) > SESSIONS_KEPT:
        del sessions[min(sessions.values(), key=_rank).session]
    return StationState(key=station.key, sessions=sessions)


def _apply(session: SessionState, message: _OfStation, at_s: float) -> SessionState:
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
        case CurrentMessage():
            said = session.current
            before = (said.session_s, session.current_at_s) if said else (NEVER_S, NEVER_S)
            if _newer(((message.session_s, at_s), message), (before, said)):
                change |= {"current": message, "current_at_s": at_s}
        case LiveMessage():
            change["trace"] = _with_live(session.trace, message.live)
            change["live_at_s"] = max(session.live_at_s, at_s)
            change["heard_s"] = max(session.heard_s, at_s)
        case RepMessage():
            change["reps"] = _with_revision(session.reps, message, REPS_KEPT, _rep_began)
        case SetMessage():
            change["sets"] = _with_revision(session.sets, message, SETS_KEPT, _set_began)
    return msgspec.structs.replace(session, **change)


def _rank(session: SessionState) -> tuple[float, float, str]:
    return session.heard_s, session.any_s, session.session


def _newer(one: tuple[Any, msgspec.Struct], other: tuple[Any, msgspec.Struct | None]) -> bool:
    """Whether `one` replaces `other`; where the times are equal the bytes decide, so that order cannot."""
    if one[0] != other[0] or other[1] is None:
        return bool(one[0] > other[0])
    return msgspec.json.encode(one[1]) > msgspec.json.encode(other[1])


def _with_revision(
    held: Mapping[str, _Event], message: _Event, keep: int, began: Callable[[_Event], tuple[float, str]]
) -> Mapping[str, _Event]:
    """`held` with the message if its revision is the highest of its event; the `keep` begun last stay.

    An event's number and set may change with a revision. When it began is found better, by milliseconds, and
    reps are seconds apart: which ones stay does not depend on the order they came in.
    """
    old = held.get(message.event_id)
    if old is not None and not _newer((message.revision, message), (old.revision, old)):
        return held
    longer = {**held, message.event_id: message}
    if len(longer) > keep:
        del longer[min(longer.values(), key=began).event_id]
    return longer


def _rep_began(message: RepMessage) -> tuple[float, str]:
    return message.rep.start_s, message.event_id


def _set_began(message: SetMessage) -> tuple[float, str]:
    return message.summary.start_s, message.event_id


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
