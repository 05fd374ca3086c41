"""One rep against its prescription, and its numbers in a screen's words."""

import math

import msgspec

from station.exercises import Profile, VelocityTarget
from station.exercises.judge import (
    Judgement,
    TempoJudgement,
    TempoTimes,
    all_of,
    is_doubtful,
    is_slack,
    judge_path,
    judge_tempo,
    judge_velocity,
    tempo_of,
    tempo_sigma_of,
)
from station.exercises.surety import is_rough, is_rough_duration, loss_reached, sure_decimals
from station.motion import Motion, motion_of
from station.records import ReasonCode, Rep, RepState

_LONG_MM = 9999.0

# Read in passing, from three metres: five words at most.
WHY_NOT = {
    ReasonCode.SHORT_OF_LEAST: "too short to count",
    ReasonCode.SHORT_OF_SET: "shorter than the others",
    ReasonCode.SHORT_OF_ATHLETE: "shorter than your full range",
    ReasonCode.SET_DOWN_AND_PICK_UP: "bar was set down",
    ReasonCode.TOO_QUICK: "too quick for a rep",
    ReasonCode.WITHDRAWN: "no rep after all",
    ReasonCode.UNMEASURED: "sensor did not see it",
    ReasonCode.MARKED_FALSE: "coach: no rep",
    ReasonCode.MARKED_PARTIAL: "coach: partial",
    ReasonCode.MARKED_FAILED: "coach: failed",
    ReasonCode.SET_RESTARTED: "the set begins anew",
}

NO_TEMPO: TempoTimes = (None, None, None, None)
ROUGH = "≈"  # before a number that says little more than its size


class RepView(msgspec.Struct, frozen=True, kw_only=True):
    """One rep against its prescription. None in a judgement: not measured or not prescribed."""

    event_id: str
    state: RepState
    measured: Rep
    counted: bool
    slack: bool  # the cable was without tension in it, longer than it may be
    doubtful: bool  # nobody can be sure that it counts, or that it does not
    velocity: Judgement
    tempo: TempoJudgement
    path: Judgement
    motion: Motion | None  # None: it came without a curve
    loss_reached: bool

    @property
    def pending(self) -> bool:
        """Whether the rep may still be withdrawn."""
        return self.state == "pending"

    @property
    def marked_false(self) -> bool:
        """Whether a person has marked the rep false."""
        return self.state == "rejected"

    @property
    def not_counted_reason(self) -> str:
        """Why the rep is not counted, worded for the lifter; empty where it is."""
        if self.counted or self.measured.reason_code is None:
            return ""
        return WHY_NOT.get(self.measured.reason_code, "not counted")

    @property
    def velocity_rough(self) -> bool:
        """Whether the velocity is uncertain enough to be shown as approximate."""
        of = self.measured
        return is_rough(of.mean_concentric_velocity_mps, of.mean_concentric_velocity_sigma_mps)

    @property
    def velocity_words(self) -> str:
        """Velocity in m/s, at most two decimals, as its uncertainty allows; empty where not measured."""
        of = self.measured
        if of.mean_concentric_velocity_mps is None:
            return ""
        decimals = max(1, sure_decimals(of.mean_concentric_velocity_sigma_mps, 2))
        return fixed(of.mean_concentric_velocity_mps, decimals)

    @property
    def tempo_words(self) -> tuple[str, str, str, str]:
        """The four phases in seconds, to a tenth where the uncertainty allows; approximate ones marked."""
        one, two, three, four = (
            "–"
            if took_s is None
            else f"{ROUGH if is_rough_duration(sigma_s) else ''}{fixed(took_s, sure_decimals(sigma_s, 1))}"
            for took_s, sigma_s in zip(tempo_of(self.measured), tempo_sigma_of(self.measured), strict=True)
        )
        return one, two, three, four

    @property
    def off(self) -> bool:
        """Whether tempo, path or velocity is outside its target by more than its uncertainty."""
        whole = all_of((*self.tempo, self.path, self.velocity))
        return whole is not None and whole.off


def rep_view(
    event_id: str,
    state: RepState,
    rep: Rep,
    profile: Profile | None,
    fastest: Rep | None = None,
    best_mps: float | None = None,
) -> RepView:
    """A rep judged by the profile that counted it.

    `fastest` of the set is what velocity loss is relative to; `best_mps` what the athlete has reached at the
    load in the last sessions.
    """
    return RepView(
        event_id=event_id,
        state=state,
        measured=rep,
        counted=rep.counted and state != "rejected",
        slack=profile is not None and is_slack(rep, profile.limits),
        doubtful=state != "rejected" and is_doubtful(rep),
        velocity=judge_velocity(rep, profile.velocity, best_mps) if profile else None,
        tempo=judge_tempo(rep, profile.tempo) if profile else (None, None, None, None),
        path=judge_path(rep, profile.path_limit_m if profile else None),
        motion=motion_of(rep),
        loss_reached=profile is not None and loss_reached(rep, fastest, profile.velocity_loss_cutoff_pct),
    )


def asked_tempo(tempo_s: TempoTimes) -> list[str]:
    """A prescription phase by phase, x for as fast as possible; empty where there is none."""
    if all(seconds is None for seconds in tempo_s):
        return []
    return ["x" if seconds is None else f"{seconds:g}" for seconds in tempo_s]


def velocity_words(zone: tuple[float | None, float | None], target: VelocityTarget) -> str:
    """A velocity target in words, m/s: "≥ 0.50", "0.45-0.55"; "95 % best" while that best is not known."""
    least, most = ("" if one is None else f"{one:.2f}" for one in zone)
    if least and most:
        return f"{least}-{most}"
    if least:
        return f"≥ {least}"
    if target.best_pct is not None:
        return f"{target.best_pct:g} % of best"
    return f"≤ {most}" if most else ""


def fixed(value: float, decimals: int) -> str:
    """A number with a fixed count of decimals, never -0.0."""
    return f"{round(value, decimals) + 0.0:.{decimals}f}"[:9]


def with_sigma(value: float | None, sigma: float | None, decimals: int) -> str:
    """A number for a detail view: ± its standard uncertainty, rounded up, where that is known."""
    if value is None:
        return "–"
    if sigma is None:
        return fixed(value, decimals)
    unit = 10.0**-decimals
    up = min(math.ceil(round(sigma / unit, 6)), 9 * 10**decimals) * unit
    return f"{fixed(value, decimals)}±{up:.{decimals}f}".replace("±0.", "±.")


def path_mm(deviation_m: float, sigma_m: float | None) -> str:
    """A deviation and its standard uncertainty in millimetres; the uncertainty is rounded up."""
    if sigma_m is None:
        return f"{1000 * deviation_m:.0f}"[:9]
    return f"{1000 * deviation_m:.0f}"[:9] + f" ± {math.ceil(max(0.0, min(1000 * sigma_m, _LONG_MM)))}"
