"""What a station says about a set: reps, sets, what was not a rep, and the live value.

The field names are the keys on the wire, the columns of the history and the names in every JSON:
one vocabulary, no translation layer. SI units; times are seconds of the session clock (of the
recording in an analysis). A quantity the sensors cannot see is None, never 0.
"""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec

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


def sentence(code: ReasonCode, **said: float | str) -> str:
    """What a code says to a person; `said` holds what its sentence names, as `rom_m` or `by`."""
    return _SENTENCES[code].format(**said)


class Rep(msgspec.Struct, frozen=True, kw_only=True):
    """One repetition: an eccentric and a concentric phase of one exercise.

    The boundaries are where the velocity of the voluntary motion crosses v0, interpolated between samples.
    In an exercise that starts with the concentric, `start_s` is the start of the concentric and `end_s` the
    end of the eccentric (the lockout where the lift was dropped or racked and has no eccentric).
    """

    number: Seq  # within its set, from 1; partial reps are numbered too
    counted: bool
    reason: str | None = None  # why it is not counted, for a person
    reason_code: ReasonCode | None = None  # the same for a program

    start_s: float
    end_s: float
    eccentric_end_s: float | None
    concentric_start_s: float | None  # None, as all that was measured: missed, and added by a person
    concentric_end_s: float | None

    eccentric_s: float | None
    bottom_pause_s: float | None
    concentric_s: float | None
    top_pause_s: float | None

    rom_m: float | None  # None on tension alone (band)
    mean_concentric_velocity_mps: float | None
    peak_concentric_velocity_mps: float | None
    mean_propulsive_velocity_mps: float | None  # vertical free weight only
    mean_eccentric_velocity_mps: float | None  # positive
    peak_eccentric_velocity_mps: float | None  # positive

    mean_force_n: float | None  # concentric, as are the four below
    peak_force_n: float | None
    mean_power_w: float | None
    peak_power_w: float | None
    work_j: float | None

    path_deviation_m: float | None
    path_drift_m: float | None  # signed, + away from the lifter; barbell only
    path_deviation_sigma_m: float | None

    velocity_loss_pct: float | None  # to the fastest counted rep of the set so far

    # Standard uncertainties of the numbers above as measured here; None where the number is.
    rom_sigma_m: float | None = None
    mean_concentric_velocity_sigma_mps: float | None = None
    peak_concentric_velocity_sigma_mps: float | None = None
    eccentric_sigma_s: float | None = None
    bottom_pause_sigma_s: float | None = None
    concentric_sigma_s: float | None = None
    top_pause_sigma_s: float | None = None

    confidence: float | None = None  # 0 to 1: how sure it is that a coach would judge it so
    repaired_samples: Count | None = None  # taken for spikes, repeats or shifts, and not used as they came
    signal_noise_m: float | None = None  # standard deviation of the readings about the motion

    slack_s: float | None = None  # cable, band: with a tension below 15 % of the rep's mean
    heel_pct: float | None = None  # of the load under the rear cells: mean,
    heel_least_pct: float | None = None  # and least
    left_pct: float | None = None  # of the load under the left cells, mean


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


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """The station right now; about ten a second, and any of them may be dropped."""

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


class AnalysedSet(msgspec.Struct, frozen=True):
    """The reps of one set of a recording."""

    number: Seq
    reps: list[Rep]


class Analysis(msgspec.Struct, frozen=True, kw_only=True):
    """What `plumbline analyze --json` prints."""

    schema: str = "plumbline/analysis/1"
    station: str
    exercise: str
    sets: list[AnalysedSet]
    rejected: list[Rejected]
    signal: SignalQuality | None = None  # None: nothing has moved
