"""A dispute: a station's count of a stretch of sensor bytes, and a person's judgement of it. Pure.

No athlete and no coach is named in it: what is disputed is a movement, not whose.
"""

from typing import Literal

import msgspec

from station.config import StationFile
from station.exercises import Profile
from station.messages import Mark
from station.records import Rep, RepState

Why = Literal["marked", "added", "doubtful", "reset"]


class CountingState(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that the counting depends on."""

    exercise: str
    load_kg: float | None
    full_range_m: float | None
    zero_n: float
    line: int  # the newest that ended a set by a person's word
    counter: int  # which of the session's
    idle: bool = False  # no samples have come for a while


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change of state; what was received up to and including `received_s` precedes it."""

    received_s: float
    session_s: float
    state: CountingState


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A rep as published last, and a person's judgement of it."""

    event_id: str
    set_event_id: str
    state: RepState
    measured_state: RepState  # by the kernel alone
    rep: Rep  # as judged, its reason in the code alone
    mark: Mark | None = None
    added: bool = False  # by a person: nothing of it was measured


class Dispute(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="plumbline/dispute/1"):
    """`dispute.json`; beside it lies a capture of each port, `port-0.plc` and so on."""

    name: str
    why: list[Why]
    at_utc: str
    software: str
    station: StationFile  # without its broker
    profiles: dict[str, Profile]  # of every exercise in `changes`
    changes: list[Change]  # the first is how it stood at the beginning
    whole: bool  # it begins with the session: a replay equals it to the last bit
    from_s: float  # session time of the reps in question
    to_s: float
    verdicts: list[Verdict]  # of the sets in question
