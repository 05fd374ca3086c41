"""The one judge of a rep: tempo, path, and whether it was partial. Pure functions over records.

Tile, station screen, cue, mastery, plots and report all ask here, so that they cannot contradict each other.

    tempo    a phase is kept within its target ± the larger of tolerance_pct of it and tolerance_s; otherwise
             it is short or long. A top pause longer than asked is a breath, and kept.
    path     with the deviation's standard uncertainty: off where it is beyond the limit by more than that,
             kept where it is within by more than that, else unsure.
    velocity likewise: slow or fast where it is beyond the target by more than its standard uncertainty.
             A share of the best needs that best.
    partial  by the reason's code.

None is what was not measured, or not asked for. No outcome says more than the sensors do: an unsure one is
neither praised nor held against the lifter.
"""

import math
from collections.abc import Sequence
from enum import StrEnum
from statistics import fmean, stdev

import msgspec

from station.exercises import Limits, Profile, Tempo, VelocityTarget
from station.exercises.surety import student_975
from station.records import PARTIAL, Rep


class Outcome(StrEnum):
    """The judgement of one target."""

    KEPT = "kept"
    SHORT = "short"  # a phase: quicker than asked
    LONG = "long"  # a phase: slower than asked
    SLOW = "slow"  # a velocity: below its target
    FAST = "fast"  # a velocity: above its zone
    OFF = "off"  # a path: beyond its limit
    UNSURE = "unsure"  # a path or a velocity: its limit lies within the uncertainty

    @property
    def off(self) -> bool:
        """Whether the target was missed by more than the uncertainty."""
        return self not in (Outcome.KEPT, Outcome.UNSURE)


Judgement = Outcome | None
TempoJudgement = tuple[Judgement, Judgement, Judgement, Judgement]  # eccentric, bottom, concentric, top
Span = tuple[float, float] | None
TempoTimes = tuple[float | None, float | None, float | None, float | None]  # seconds, in the same order


DOUBTFUL = 0.8  # less sure than this, a rep is shown for a person to settle


def is_doubtful(rep: Rep) -> bool:
    """Whether it is uncertain that a rep counts, or that it does not."""
    return rep.confidence is not None and rep.confidence < DOUBTFUL


def tempo_of(rep: Rep) -> TempoTimes:
    """The four phases of a rep, seconds."""
    return rep.eccentric_s, rep.bottom_pause_s, rep.concentric_s, rep.top_pause_s


def tempo_sigma_of(rep: Rep) -> TempoTimes:
    """The standard uncertainties of the four phases, seconds."""
    return rep.eccentric_sigma_s, rep.bottom_pause_sigma_s, rep.concentric_sigma_s, rep.top_pause_sigma_s


def asked_of(tempo: Tempo) -> TempoTimes:
    """The target durations of the four phases, seconds."""
    return tempo.eccentric_s, tempo.bottom_pause_s, tempo.concentric_s, tempo.top_pause_s


def tolerance_s(asked_s: float, tempo: Tempo) -> float:
    """The tolerance of a phase: a share of its target, with a minimum that a person can time."""
    return max(asked_s * tempo.tolerance_pct / 100.0, tempo.tolerance_s)


def kept_within(tempo: Tempo) -> tuple[Span, Span, Span, Span]:
    """The least and the greatest duration of each phase that keep its target, seconds; None without one."""
    down, bottom, up, top = map(_span, asked_of(tempo), [tempo] * 4)
    return down, bottom, up, top and (top[0], math.inf)


def judge_tempo(rep: Rep, tempo: Tempo) -> TempoJudgement:
    """Each phase against its target."""
    down, bottom, up, top = map(_judge_phase, tempo_of(rep), kept_within(tempo))
    return down, bottom, up, top


def judge_path(rep: Rep, limit_m: float | None) -> Judgement:
    """The deviation, with its uncertainty, against a limit in metres."""
    if rep.path_deviation_m is None or limit_m is None:
        return None
    sigma_m = rep.path_deviation_sigma_m or 0.0
    if rep.path_deviation_m - sigma_m > limit_m:
        return Outcome.OFF
    return Outcome.KEPT if rep.path_deviation_m + sigma_m <= limit_m else Outcome.UNSURE


def velocity_zone(target: VelocityTarget, best_mps: float | None = None) -> tuple[float | None, float | None]:
    """The least and the greatest velocity asked for, m/s; `best_mps`: of the last sessions at the load."""
    if target.best_pct is None:
        return target.least_mps, target.most_mps
    return (None if best_mps is None else best_mps * target.best_pct / 100.0), target.most_mps


def judge_velocity(rep: Rep, target: VelocityTarget, best_mps: float | None = None) -> Judgement:
    """The mean concentric velocity, with its uncertainty, against its target."""
    least_mps, most_mps = velocity_zone(target, best_mps)
    speed_mps = rep.mean_concentric_velocity_mps
    if speed_mps is None or (least_mps is None and most_mps is None):
        return None
    sigma_mps = rep.mean_concentric_velocity_sigma_mps or 0.0
    low_mps = -math.inf if least_mps is None else least_mps
    high_mps = math.inf if most_mps is None else most_mps
    if speed_mps + sigma_mps < low_mps:
        return Outcome.SLOW
    if speed_mps - sigma_mps > high_mps:
        return Outcome.FAST
    sure = speed_mps - sigma_mps >= low_mps and speed_mps + sigma_mps <= high_mps
    return Outcome.KEPT if sure else Outcome.UNSURE


class Usual(msgspec.Struct, frozen=True, kw_only=True):
    """An athlete's best velocity at one load, day by day, over the last sessions."""

    days: int
    mean_mps: float
    sd_mps: float | None  # between days; None of one alone
    best_mps: float


def usual_of(bests_mps: Sequence[float]) -> Usual | None:
    """The usual of some days' bests, m/s; None of none."""
    if not bests_mps:
        return None
    return Usual(
        days=len(bests_mps),
        mean_mps=fmean(bests_mps),
        sd_mps=stdev(bests_mps) if len(bests_mps) > 1 else None,
        best_mps=max(bests_mps),
    )


def judge_today(best_mps: float, sigma_mps: float | None, usual: Usual) -> Judgement:
    """A day's best velocity against the usual: slow or fast outside the 95 % interval for one more day.

    The interval is mean ± t s √(1 + 1/n) (ISO 16269-8, one further observation), widened by the rep's own
    uncertainty. None where one day alone is known: nobody can tell how much it varies.
    """
    if usual.sd_mps is None:
        return None
    between_days_mps = usual.sd_mps * math.sqrt(1.0 + 1.0 / usual.days)
    room_mps = math.hypot(student_975(usual.days - 1) * between_days_mps, 2.0 * (sigma_mps or 0.0))
    if abs(best_mps - usual.mean_mps) <= room_mps:
        return Outcome.KEPT
    return Outcome.SLOW if best_mps < usual.mean_mps else Outcome.FAST


def all_of(judged: Sequence[Judgement]) -> Judgement:
    """Combine judgements: off if one is, else unsure if one is; None where nothing was judged."""
    known = [one for one in judged if one is not None]
    off = [one for one in known if one.off]
    unsure = [one for one in known if one is Outcome.UNSURE]
    return next(iter((*off, *unsure, *known)), None)


def tempo_kept(rep: Rep, tempo: Tempo) -> bool | None:
    """Whether every phase with a target kept it; None where none could be judged."""
    whole = all_of(judge_tempo(rep, tempo))
    return None if whole is None else not whole.off


def path_off(reps: Sequence[Rep], profile: Profile) -> bool:
    """Whether the path deviation exceeds its limit by more than the uncertainty."""
    return any(judge_path(rep, profile.path_limit_m) is Outcome.OFF for rep in reps)


def is_partial(rep: Rep) -> bool:
    """Whether it is not counted for its range, by the counter or by a person."""
    return not rep.counted and rep.reason_code in PARTIAL


def is_slack(rep: Rep, limits: Limits) -> bool:
    """Whether the cable was without tension for longer than the stack's rocking takes."""
    return rep.slack_s is not None and rep.slack_s > limits.slack_s


def _span(asked_s: float | None, tempo: Tempo) -> Span:
    if asked_s is None:
        return None
    room_s = tolerance_s(asked_s, tempo)
    return asked_s - room_s, asked_s + room_s


def _judge_phase(took_s: float | None, kept_s: Span) -> Judgement:
    if took_s is None or kept_s is None:
        return None
    if took_s < kept_s[0]:
        return Outcome.SHORT
    return Outcome.LONG if took_s > kept_s[1] else Outcome.KEPT
