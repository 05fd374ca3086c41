"""What a station says about a set: reps, sets, what was not a rep, and the live value.

The field names are the keys on the wire, the columns of the history and the names in every JSON:
one vocabulary, no translation layer. SI units; times are seconds of the session clock (of the
recording in an analysis). A quantity the sensors cannot see is None, never 0.
"""

from enum import StrEnum
from types import NoneType
from typing import Annotated, Any, Literal, get_args

import msgspec

from station.curve import Curve

# Whole numbers that JSON readers and databases agree on.
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
Seq = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]

RepState = Literal["pending", "confirmed", "rejected"]
Phase = Literal["top", "eccentric", "bottom", "concentric"]


class ReasonCode(StrEnum):
    """Why a movement is no rep, or a rep is not counted. Programs read the code, people `reason`."""

    # Of movements that were none.
    PICK_UP = "pick-up"
    SET_DOWN = "set-down"
    SET_DOWN_AND_PICK_UP = "set-down-and-pick-up"
    UNRACK = "unrack"
    RE_RACK = "re-rack"
    TOO_QUICK = "too-quick"
    WITHDRAWN = "withdrawn"  # announced at lockout, and no rep by what came after
    UNMEASURED = "unmeasured"
    # Of reps, by their range.
    SHORT_OF_LEAST = "short-of-least"  # below the profile's min_rom_m
    SHORT_OF_SET = "short-of-set"  # below 60 % of the set's median
    SHORT_OF_ATHLETE = "short-of-athlete"  # below 60 % of the athlete's calibrated range
    # Of reps, by a person.
    MARKED_FALSE = "marked-false"  # no rep at all
    MARKED_PARTIAL = "marked-partial"
    MARKED_FAILED = "marked-failed"
    SET_RESTARTED = "set-restarted"


PARTIAL = frozenset(
    {
        ReasonCode.SHORT_OF_LEAST,
        ReasonCode.SHORT_OF_SET,
        ReasonCode.SHORT_OF_ATHLETE,
        ReasonCode.MARKED_PARTIAL,
    }
)

# What a person's mark means for a rep.
MARKED = {
    "false": ReasonCode.MARKED_FALSE,
    "partial": ReasonCode.MARKED_PARTIAL,
    "failed": ReasonCode.MARKED_FAILED,
}

_SENTENCES: dict[ReasonCode, str] = {
    ReasonCode.PICK_UP: "pick-up",
    ReasonCode.SET_DOWN: "set-down",
    ReasonCode.SET_DOWN_AND_PICK_UP: "set-down and pick-up",
    ReasonCode.UNRACK: "unrack",
    ReasonCode.RE_RACK: "re-rack",
    ReasonCode.TOO_QUICK: "too quick for a lifter",
    ReasonCode.WITHDRAWN: "no rep after all",
    ReasonCode.UNMEASURED: "could not be measured",
    ReasonCode.SHORT_OF_LEAST: "range of {rom_m:.2f} m is below the least, {least_m:g} m",
    ReasonCode.SHORT_OF_SET: "partial: {share_pct:.0f} % of the set's median range",
    ReasonCode.SHORT_OF_ATHLETE: "partial: {share_pct:.0f} % of the athlete's full range",
    ReasonCode.MARKED_FALSE: "false, marked by {by}",
    ReasonCode.MARKED_PARTIAL: "partial, marked by {by}",
    ReasonCode.MARKED_FAILED: "failed, marked by {by}",
    ReasonCode.SET_RESTARTED: "set restarted by {by}",
}


# The same of a handle or a band, which nobody picks up from the floor.
_PULLED: dict[str, dict[ReasonCode, str]] = {
    "cable": {
        ReasonCode.PICK_UP: "handle taken up",
        ReasonCode.SET_DOWN: "handle let back",
        ReasonCode.SET_DOWN_AND_PICK_UP: "handle let back and taken up",
        ReasonCode.TOO_QUICK: "too quick for a lifter: the cable was touched, or the stack dropped",
    },
    "band": {
        ReasonCode.PICK_UP: "band taken up",
        ReasonCode.SET_DOWN: "band let go",
        ReasonCode.SET_DOWN_AND_PICK_UP: "band let go and taken up",
        ReasonCode.TOO_QUICK: "too quick for a lifter: the band was touched, or let go",
    },
}
_WITHOUT_RACK = {ReasonCode.UNRACK: ReasonCode.PICK_UP, ReasonCode.RE_RACK: ReasonCode.SET_DOWN}


def sentence(code: ReasonCode, *, load: str = "mass", **said: float | str) -> str:
    """The sentence for a reason code. `load`: the profile's; `said`: its values, such as `rom_m` or `by`."""
    return _PULLED.get(load, {}).get(code, _SENTENCES[code]).format(**said)


def reason_where(code: ReasonCode, *, racked: bool) -> ReasonCode:
    """The code of a small movement by what it may have been: without a rack nothing is taken from one."""
    return code if racked else _WITHOUT_RACK.get(code, code)


def _is(what: str, null: str = "never") -> msgspec.Meta:
    """What a field is and when it is null, for the JSON Schema and for the README's table."""
    return msgspec.Meta(description=what, extra={"null": null})


_COUNTED = _is(
    "whether it counts, and why not: in words, and as one of a closed list for programs",
    "both reasons: it counts",
)
_BOUNDARY = _is("boundaries; the second is the lockout", "added by a person")
_DURATION = _is(
    "durations. Tempo is always written in this order, 3-1-1-0", "that phase is missing, as above"
)
_ECCENTRIC_VELOCITY = _is("as positive numbers", "band; no eccentric")
_FORCE = _is(
    "of the concentric, from the load cell; without one from the load entered and the acceleration",
    "neither a load cell nor (free weight) a load; less than four fifths of the concentric seen;"
    " power and work also on a band",
)
_SIGMA = _is("standard uncertainty of that number as measured here", "that number is")
_BALANCE = _is(
    "share of the weight under the platform's rear cells, mean and least (of a tenth of a second), and under"
    " the left ones",
    "no platform, or less than 100 N on it; least: cells read below 20 Hz",
)

_LOAD = _is(
    "what was lifted, weighed over the rep by the cell in the cable or at the bar, else by the platform less"
    " the lifter",
    "band; no cell; the stack was down; on a platform: the lifter was not seen without the load; less sure"
    " than 2 %",
)


class Rep(msgspec.Struct, frozen=True, kw_only=True):
    """One repetition: an eccentric and a concentric phase of one exercise.

    The one list of what is known of a rep: columns, messages, exports and the README's table are made from
    it, and the kernels' results go by these names.

    The boundaries are where the velocity of the voluntary motion crosses v0, interpolated between samples.
    In an exercise that starts with the concentric, `start_s` is the start of the concentric and `end_s` the
    end of the eccentric (the lockout where the lift was dropped or racked and has no eccentric).
    """

    number: Annotated[Seq, _is("within its set, from 1; partial reps have numbers too")]
    counted: Annotated[bool, _COUNTED]
    reason: Annotated[str | None, _COUNTED] = None
    reason_code: Annotated[ReasonCode | None, _COUNTED] = None

    start_s: Annotated[float, _is("start of the eccentric, or of the concentric where that comes first")]
    end_s: Annotated[float, _is("the lockout; concentric first: the end of the eccentric")]
    eccentric_end_s: Annotated[float | None, _is("boundary", "lift dropped or racked")]
    concentric_start_s: Annotated[float | None, _BOUNDARY]
    concentric_end_s: Annotated[float | None, _BOUNDARY]

    eccentric_s: Annotated[float | None, _DURATION]
    bottom_pause_s: Annotated[float | None, _DURATION]
    concentric_s: Annotated[float | None, _DURATION]
    top_pause_s: Annotated[float | None, _DURATION]

    rom_m: Annotated[
        float | None,
        _is(
            "range of motion: coordinate at the end of the concentric minus the lowest of the rep (concentric"
            " first: let down by up to 1.4 times the lift; farther, it was put down)",
            "band",
        ),
    ]
    mean_concentric_velocity_mps: Annotated[
        float | None, _is("MCV, the headline: distance of the concentric over its duration", "band")
    ]
    peak_concentric_velocity_mps: Annotated[
        float | None, _is("PCV: largest velocity of the concentric", "band")
    ]
    mean_propulsive_velocity_mps: Annotated[
        float | None,
        _is(
            "MPV: mean velocity until, after its peak, the bar first decelerates at g; else of the whole"
            " concentric",
            "anything but a free weight on a barbell station",
        ),
    ]
    mean_eccentric_velocity_mps: Annotated[float | None, _ECCENTRIC_VELOCITY]
    peak_eccentric_velocity_mps: Annotated[float | None, _ECCENTRIC_VELOCITY]

    mean_force_n: Annotated[float | None, _FORCE]
    peak_force_n: Annotated[float | None, _FORCE]
    mean_power_w: Annotated[float | None, _FORCE]
    peak_power_w: Annotated[float | None, _FORCE]
    work_j: Annotated[float | None, _FORCE]

    path_deviation_m: Annotated[
        float | None,
        _is(
            "barbell: largest horizontal distance of the bar from where the rep started. Cable: largest"
            " distance of the handle from the straight line between the rep's top and bottom",
            "the sensors do not see the path (below)",
        ),
    ]
    path_drift_m: Annotated[
        float | None, _is("that distance with its sign, + away from the lifter", "cable; no path")
    ]
    path_deviation_sigma_m: Annotated[
        float | None,
        _is("its standard uncertainty, from the sensors' noise and the geometry", "no path"),
    ]

    velocity_loss_pct: Annotated[
        float | None,
        _is("how far MCV lies below the fastest counted rep of the set so far", "band; rep not counted"),
    ]

    rom_sigma_m: Annotated[float | None, _SIGMA] = None
    mean_concentric_velocity_sigma_mps: Annotated[float | None, _SIGMA] = None
    peak_concentric_velocity_sigma_mps: Annotated[float | None, _SIGMA] = None
    eccentric_sigma_s: Annotated[float | None, _SIGMA] = None
    bottom_pause_sigma_s: Annotated[float | None, _SIGMA] = None
    concentric_sigma_s: Annotated[float | None, _SIGMA] = None
    top_pause_sigma_s: Annotated[float | None, _SIGMA] = None

    confidence: Annotated[
        float | None,
        _is(
            "0 to 1: how sure it is that a coach would judge the movement so; 1 where one has. Below 0.8 the"
            " rep is shown as doubtful, with `?` and in yellow, until a key settles it",
            "added by a person",
        ),
    ] = None
    repaired_samples: Annotated[
        Count | None,
        _is("samples of the rep taken for spikes, repeats or shifts, and not used as they came"),
    ] = None
    signal_noise_m: Annotated[
        float | None, _is("standard deviation of the readings about the motion", "band")
    ] = None

    slack_s: Annotated[
        float | None,
        _is(
            "time with a tension below 15 % of the rep's mean",
            "barbell; no cell in the cable or band, nor under the low pulley",
        ),
    ] = None
    heel_pct: Annotated[float | None, _BALANCE] = None
    heel_least_pct: Annotated[float | None, _BALANCE] = None
    left_pct: Annotated[float | None, _BALANCE] = None

    load_measured_kg: Annotated[float | None, _LOAD] = None
    load_measured_sigma_kg: Annotated[float | None, _SIGMA] = None

    curve: Annotated[
        Curve | None,
        _is(
            "place and path over the rep, 50 a second: `hz`, `start_s`, and `s_mm` and `x_mm`, base64 of"
            " little-endian int16, in millimetres (tension: 0.1 N), -32768 for no value",
            "pending; added by a person; from a node that did not send it",
        ),
    ] = None


BOUNDARIES = tuple(name for name in Rep.__struct_fields__ if name.endswith(("start_s", "end_s")))
FORCES = tuple(name for name, kind in Rep.__annotations__.items() if _FORCE in kind.__metadata__)


class Rejected(msgspec.Struct, frozen=True):
    """A movement that was not a rep, and why."""

    start_s: float
    end_s: float
    reason: str
    reason_code: ReasonCode | None = None


class SetSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A set: a run of reps no more than the profile's `set_gap_s` apart."""

    number: Seq
    counted_reps: Count
    partial_reps: Count
    start_s: float
    end_s: float
    fastest_mean_concentric_velocity_mps: float | None
    last_mean_concentric_velocity_mps: float | None
    velocity_loss_pct: float | None
    median_rom_m: float | None
    largest_path_deviation_m: float | None
    load_measured_kg: float | None = None  # by all its reps
    load_measured_sigma_kg: float | None = None


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """The station's live value, about ten a second; any may be dropped."""

    session_s: float
    position_m: float | None  # the motion coordinate s, larger = nearer lockout
    velocity_mps: float | None
    force_n: float | None
    x_m: float | None  # horizontal place of bar or handle where the sensors see it
    phase: Phase | None


class RepEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A rep at one moment of its life. A later revision of the same `event_id` replaces the earlier ones."""

    event_id: str
    revision: Seq  # from 1
    state: RepState
    exercise: str
    set_number: Seq
    set_event_id: str
    athlete: str | None = None  # who was signed in when it began, or was given it since
    load_kg: float | None = None  # likewise
    known_s: float  # session time at which this revision became known
    rep: Rep


class SetEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A set's summary when it has ended; a later revision replaces it."""

    event_id: str
    revision: Seq
    exercise: str
    athlete: str | None = None
    load_kg: float | None = None  # None also where its reps were lifted with different loads
    known_s: float
    summary: SetSummary


class SignalQuality(msgspec.Struct, frozen=True, kw_only=True):
    """How good the signal of the motion is: of a recording, or of a session so far."""

    fit: bool  # good enough for velocities and boundaries
    rate_hz: float | None  # of the motion's channel
    noise_m: float | None  # standard deviation of the readings about the motion; None on tension alone
    repaired_pct: float  # of the samples: spikes, repeats and shifts
    missing_pct: float  # of the time
    reason: str | None = None  # why it is unfit, with the figure, for a person


class AnalysedSet(msgspec.Struct, frozen=True):
    """The reps of one set of a recording."""

    number: Seq
    reps: list[Rep]
    load_measured_kg: float | None = None  # by all its reps
    load_measured_sigma_kg: float | None = None
    load_plate_kg: float | None = None  # the stack's plate nearest to it


class Analysis(msgspec.Struct, frozen=True, kw_only=True):
    """What `plumbline analyze --json` prints."""

    schema: str = "plumbline/analysis/1"
    station: str
    exercise: str
    sets: list[AnalysedSet]
    rejected: list[Rejected]
    signal: SignalQuality | None = None  # None: nothing has moved


def plain_types(record: type[msgspec.Struct]) -> dict[str, type]:
    """The type behind each field of a record: bool, int, float or str; a record within it is JSON, so str."""
    return {field.name: _plain_type(field.type) for field in msgspec.structs.fields(record)}


def _plain_type(annotation: Any) -> type:
    if isinstance(annotation, type):
        return next((kind for kind in (bool, int, float) if issubclass(annotation, kind)), str)
    return _plain_type(next(inner for inner in get_args(annotation) if inner is not NoneType))
