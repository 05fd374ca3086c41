"""What travels over MQTT: the messages, and the one place where a payload is checked. Topics: station.topics.

A payload is one JSON object with `schema`, `event_id` and `at_utc`. `rep`, `set` and tombstones carry an
envelope, `stream` and `seq`: seq counts 1, 2, 3 … within a stream and is never reused. A stream belongs to
one station of one outbox and gets its random id when it is created.
"""

import os
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Literal, Union

import msgspec

from station.bounds import check_numbers, is_time
from station.errors import MessageError
from station.records import Count, Live, Rep, RepState, Seq, SetSummary, SignalQuality

MAX_PAYLOAD_BYTES = 65_536  # a rep is below 4 kB; anything near this is not ours


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema"):
    """The fields of every payload."""

    event_id: str
    at_utc: str  # RFC 3339


# Seconds of the eccentric, the bottom, the concentric, the top; None is "as it comes".
TempoTarget = tuple[float | None, float | None, float | None, float | None]


class StateMessage(Message, frozen=True, kw_only=True, tag="plumbline/state/1"):
    """Whether the station is there. The session id tells a late last will from a newer birth."""

    session: str
    state: Literal["starting", "ready", "stopping", "lost"]


class Sensor(msgspec.Struct, frozen=True, kw_only=True):
    """One channel as configured and as measured."""

    channel: str
    rate_hz: float | None
    counts_per_unit: float | None = None
    calibrated: str | None = None  # when, as the station file says


class PrescribedMessage(Message, frozen=True, kw_only=True):
    """Who lifts what, and what is asked of them; None in a command that does not ask for it: as it was."""

    athlete: str | None = None  # pseudonymous id
    load_kg: float | None = None
    target_reps: Count | None = None
    target_sets: Count | None = None  # of this exercise in a day, as the athlete's plan has it
    tempo_s: TempoTarget | None = None  # this and the two below: None is as the exercise has it
    velocity_loss_cutoff_pct: float | None = None
    path_limit_m: float | None = None
    velocity_least_mps: float | None = None  # target mean concentric velocity: a minimum,
    velocity_most_mps: float | None = None  # with this a zone,
    velocity_best_pct: float | None = None  # or a share of the best of the last sessions at the load
    rest_s: float | None = None  # asked for between two sets
    full_range_m: float | None = None  # what the athlete's whole range is; None: the set's own median
    usual_range_m: float | None = None  # what it was before, as the record has it; judges nothing


PRESCRIBED = tuple(sorted({*PrescribedMessage.__struct_fields__} - {*Message.__struct_fields__}))


class InfoMessage(PrescribedMessage, frozen=True, kw_only=True, tag="plumbline/info/1"):
    """What the station is and what it is set to."""

    session: str
    software: str
    kind: str
    sensors: list[Sensor]
    geometry: dict[str, float | list[float] | None]
    exercise: str
    sets_done: Count = 0  # of `target_sets`, today in this session
    queue: list[str] = []  # who shares the station, the one lifting first
    acknowledged: str | None = None  # what a coach has seen
    muted: bool = False
    signed_off: list[tuple[str, str]] = []  # athlete and exercise, in this session
    board: str | None = None
    resumed: bool = False  # set as it was before the node ended and began anew
    clock_synchronised: bool | None = None  # the node's own clock; None: nobody can say


SensorFault = Literal["silent", "stuck", "no value", "saturated"]


class HealthMessage(Message, frozen=True, kw_only=True, tag="plumbline/health/1"):
    """Counters since the session's start, and how fresh the data is."""

    session: str
    session_s: float
    link_up: bool
    frames: Count
    frames_lost: Count
    frames_corrupt: Count
    samples_rejected: Count
    bytes_discarded: Count
    clock_drift_ppm: float | None
    outbox_depth: Count
    settled: dict[str, Count] = {}  # of the newest streams: up to which number a record has them
    saturated: list[str] = []
    last_sample_age_s: float | None = None
    rates_hz: dict[str, float] = {}  # measured, by channel
    reconnects: Count = 0  # how often a port that was there went
    sensor_faults: dict[str, SensorFault] = {}  # by channel; what such a channel says is not used
    movements_rejected: Count = 0  # seen, and none of the exercise's
    messages_refused: Count = 0  # commands, acknowledgements: malformed, too many, of what was not issued
    overruns: Count = 0  # events that memory had no room for while the disk was slow; tombstones
    rezeros: Count = 0  # how often the load cell's zero was moved at rest, without anybody asking
    zero_moved_n: float = 0.0  # by that, since the cell was tared
    board_resets: Count = 0  # of the sensor board, for whatever reason
    watchdog_restarts: Count = 0  # of the board by its own watchdog, since it was switched on
    board_dropped: Count = 0  # frames the board could not send: the line was too slow, or nobody took them
    missed: dict[str, Count] = {}  # by channel, told by the board: edges, readings that were late
    problem: str | None = None  # what stands in the way right now, for a person to read
    shifts: Count = 0  # steps of the motion's zero that were found and taken out
    signal: SignalQuality | None = None  # of the motion's channel in this session; None: nothing has moved


class LiveMessage(Message, frozen=True, kw_only=True, tag="plumbline/live/1"):
    """The newest value."""

    session: str
    live: Live


class MeasuredMessage(Message, frozen=True, kw_only=True):
    """What a station measured, in its envelope; `event_id` is the same in every revision."""

    stream: str
    seq: Seq
    session: str
    session_s: float  # when this revision became known
    revision: Seq
    exercise: str
    athlete: str | None = None  # pseudonymous id
    load_kg: float | None = None  # as entered
    clock_synchronised: bool | None = None  # the node's clock, when `at_utc` was stamped
    age_s: float | None = None  # how long ago it was, when this was sent, by the session's clock


class RepMessage(MeasuredMessage, frozen=True, kw_only=True, tag="plumbline/rep/1"):
    """One revision of a rep."""

    state: RepState
    set_number: Seq
    set_event_id: str | None = None  # the set it belongs to; None from a node of the first edition
    rep: Rep


class SetMessage(MeasuredMessage, frozen=True, kw_only=True, tag="plumbline/set/1"):
    """A set's summary."""

    summary: SetSummary


class CurrentRep(msgspec.Struct, frozen=True, kw_only=True):
    """A rep of the running set in its newest revision."""

    event_id: str
    revision: Seq
    state: RepState
    rep: Rep


class CurrentMessage(Message, frozen=True, kw_only=True, tag="plumbline/current/1"):
    """The running set as it stands; the one done last until the next begins.

    Retained, so that a screen which joins or comes back shows what all others show. A rep that a person has
    marked false stays in `reps`, rejected.
    """

    session: str
    session_s: float  # when it was so
    set_event_id: str | None  # None: no set yet
    set_number: Seq
    over: bool  # the set has ended
    exercise: str
    athlete: str | None = None
    load_kg: float | None = None
    target_reps: Count | None = None
    counted_reps: Count = 0
    partial_reps: Count = 0
    lifted_kg: float | None = None  # weighed, and surely not `load_kg`; of a stack the plate nearest to it
    reps: list[CurrentRep] = []  # by start, the newest CURRENT_REPS of them
    reps_left_out: Count = 0  # older ones


CURRENT_REPS = 32  # of some 1.7 kB each: within MAX_PAYLOAD_BYTES
CURRENT_CURVES = 4  # of the newest of them, of at most 2 kB each; the others' come with `rep` alone


class Tombstone(Message, frozen=True, kw_only=True, tag="plumbline/tombstone/1"):
    """Stands for events the outbox's quota forced out: first_seq up to and with `seq`."""

    stream: str
    seq: Seq
    first_seq: Seq
    lost: Seq


CommandName = Literal[
    "set-exercise",
    "set-athlete",
    "set-load",  # from now on
    "set-target",
    "set-usual-range",  # of the record itself, when it hears who lifts what
    "set-queue",
    "tare",  # the load cell's zero
    "zero",  # the lengths' zero, after a tether or its unit was moved
    "end-set",
    "restart-set",
    "continue-set",  # the one that its gap or end-set has ended
    "mark-rep",
    "add-rep",  # one that the station missed
    "give-set",  # to another athlete, whole or from one of its reps on
    "load-set",  # what a whole set was lifted with
    "acknowledge",
    "mute",
    "sign-off",
    "undo",
]

Mark = Literal["counted", "false", "partial", "failed"]


class CommandMessage(PrescribedMessage, frozen=True, kw_only=True, tag="plumbline/command/1"):
    """A screen asks; the edge answers with the `event_id` in `in_reply_to`, on `correction` the record."""

    name: CommandName
    by: str  # who asks: the screen's name or the coach's id
    action: str | None = None  # commands of one key or badge share it: `undo` takes all of them back
    exercise: str | None = None
    queue: list[str] | None = None
    attention: str | None = None  # what is acknowledged
    muted: bool | None = None  # None: the other way round
    rep_event_id: str | None = None  # the rep meant; of give-set: the first that goes to the other athlete
    set_event_id: str | None = None  # the set meant; None: the one running, or done last
    mark: Mark | None = None  # None: as it was measured

    @property
    def action_id(self) -> str:
        """The action it belongs to; a command that names none is an action by itself."""
        return self.action or self.event_id


class BadgeMessage(Message, frozen=True, kw_only=True, tag="plumbline/badge/1"):
    """A badge at a station. The record knows whose it is and sets the station to them and their plan."""

    badge: str
    by: str  # the screen it was read at
    exercise: str | None = None  # picked there; None: the plan's next


class ReplyCode(StrEnum):
    """What came of a command or a badge. Programs read the code, people the text."""

    DONE = "done"
    UNDONE = "undone"  # of an `undo`; `undone` names the action it took back
    NOTHING_TO_UNDO = "nothing-to-undo"
    TOO_LATE = "too-late"  # to be taken back
    MISSING = "missing"  # the command lacks what it needs
    OUT_OF_BOUNDS = "out-of-bounds"
    ALREADY = "already"  # as it is
    NO_ATHLETE = "no-athlete"  # nobody lifts here
    NO_SET = "no-set"  # none is running
    UNKNOWN_EXERCISE = "unknown-exercise"
    UNKNOWN_REP = "unknown-rep"  # not of this station, or longer ago than its session holds
    UNKNOWN_SET = "unknown-set"
    UNKNOWN_BADGE = "unknown-badge"
    ERASED = "erased"  # the athlete was, at their own request
    NOT_HERE = "not-here"  # this station has no such sensor
    REFUSED = "refused"  # for another reason, which the text gives


class CommandError(MessageError):
    """A command that cannot be done, and why: the code for programs, the text for people."""

    def __init__(self, code: ReplyCode, text: str) -> None:
        super().__init__(text)
        self.code = code


class ReplyMessage(Message, frozen=True, kw_only=True, tag="plumbline/reply/1"):
    """The edge's answer to one command, or the record's to a badge or a correction."""

    in_reply_to: str
    ok: bool
    text: str
    code: ReplyCode | None = None  # None from a node of the first edition
    action: str | None = None  # of the command
    undone: str | None = None  # the action that an `undo` has taken back

    @classmethod
    def to(
        cls, asked: CommandMessage | BadgeMessage, code: ReplyCode, text: str, undone: str | None = None
    ) -> "ReplyMessage":
        """The answer to a command or a badge."""
        return cls(
            event_id=new_id(),
            at_utc=now_utc(),
            in_reply_to=asked.event_id,
            ok=code in (ReplyCode.DONE, ReplyCode.UNDONE),
            text=text,
            code=code,
            action=asked.action_id if isinstance(asked, CommandMessage) else None,
            undone=undone,
        )


class StreamAck(msgspec.Struct, frozen=True, kw_only=True):
    """Everything in `stream` up to and with `committed_seq` is in the history, except the ranges named.

    Ranges are first and last sequence number, inclusive.
    """

    stream: str
    committed_seq: Count
    missing: list[tuple[Seq, Seq]] = []  # never came
    lost: list[tuple[Seq, Seq]] = []  # only a tombstone came; whoever still has such an event sends it


class AckMessage(Message, frozen=True, kw_only=True, tag="plumbline/ack/1"):
    """What the record has committed of one station's streams."""

    streams: list[StreamAck]


_OfStation = StateMessage | InfoMessage | HealthMessage | CurrentMessage | LiveMessage
_OfRecord = CommandMessage | BadgeMessage | ReplyMessage | AckMessage
AnyMessage = _OfStation | RepMessage | SetMessage | Tombstone | _OfRecord

BY_LEAF: dict[str, tuple[type[Message], ...]] = {
    "state": (StateMessage,),
    "info": (InfoMessage,),
    "health": (HealthMessage,),
    "current": (CurrentMessage,),
    "live": (LiveMessage,),
    "rep": (RepMessage, Tombstone),
    "set": (SetMessage,),
    "command": (CommandMessage,),
    "correction": (CommandMessage,),
    "badge": (BadgeMessage,),
    "reply": (ReplyMessage,),
    "ack": (AckMessage,),
}


@cache
def _decoder(leaf: str) -> msgspec.json.Decoder[AnyMessage]:
    """Made when it is heard first. Of one kind alone msgspec would ask for no schema: hence a second."""
    return msgspec.json.Decoder(Union[(*BY_LEAF[leaf], Tombstone)])


_encoder = msgspec.json.Encoder()


def encode(message: Message) -> bytes:
    """One JSON object. NaN and infinity become null (msgspec does so); they never leave as JSON."""
    return _encoder.encode(message)


def decode(leaf: str, payload: bytes) -> AnyMessage:
    """Check a payload whole: size, JSON, schema, types, bounds, and that it belongs on this leaf.

    Raises MessageError with a reason short enough for a log line.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise MessageError(f"payload of {len(payload)} bytes; at most {MAX_PAYLOAD_BYTES} are accepted")
    if leaf not in BY_LEAF:
        raise MessageError(f"nothing belongs on {leaf[:40]!r}; messages travel on {', '.join(BY_LEAF)}")
    try:
        message = _decoder(leaf).decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MessageError(f"payload is no message of {leaf!r}: {str(error)[:200]}") from error
    if not isinstance(message, BY_LEAF[leaf]):
        raise MessageError(f"a {type(message).__name__} does not belong on {leaf}")
    if isinstance(message, Tombstone) and message.first_seq > message.seq:
        raise MessageError(f"a tombstone from {message.first_seq} to {message.seq} runs backwards")
    if not is_time(message.at_utc):
        raise MessageError(f"at_utc is {message.at_utc[:40]!r}; give a time with its zone, 1970 to 2099")
    if not isinstance(message, CommandMessage):  # whoever obeys it answers what is out of bounds
        check_numbers(message)
    return message


def now_utc(at: datetime | None = None) -> str:
    """RFC 3339 with milliseconds."""
    return (at or datetime.now(UTC)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_id() -> str:
    """A random id for an event, a session or a stream."""
    return os.urandom(16).hex()
