"""Coaching: from what was measured of a set to a word for the lifter, and to "ready for the next exercise".

Nothing here guesses. A fault is looked for only where the sensors give its measure, and what no sensor sees
(knees, back, breath) is left to the coach's eyes. Pure functions over records; the limits and their reasons
stand in each exercise's TOML; what was kept of a tempo and a path is for station.exercises.judge to say.

    fault               measured by
    eccentric-rushed    eccentric_s against the target tempo
    top-rushed          top_pause_s against the target tempo: "finish tall" needs time
    no-lockout          the top of each rep against the height at which the set began
    range-shrinking     rom_m against the set's first reps
    partial             not counted, by the reason's code
    path-off            path_deviation_m, beyond its own uncertainty, against the profile's limit
    slack               slack_s, the time without tension within the rep
    on-toes             heel_pct, the share of the load under the rear cells of a platform
"""

from collections.abc import Sequence
from statistics import fmean, median, pstdev

import msgspec

from station.exercises import Fault, Profile
from station.exercises.judge import Outcome, is_partial, is_slack, judge_path, judge_tempo, tempo_kept
from station.records import Rep

OFTEN = 0.25  # share of a set's reps: once is chance, and a cue for every slip is no cue at all
OFTEN_REPS = 2  # "tempo or path off twice" is what makes a coach look


class DoneSet(msgspec.Struct, frozen=True, kw_only=True):
    """A set as the mastery rule sees it."""

    reps: Sequence[Rep]
    load_kg: float | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an exercise is mastered by what was measured; the coach has the last word."""

    ready: bool
    text: str
    missing: list[str] = []  # what the rule still asks for
    not_measured: list[str] = []  # what it could not look at
    basis: list[str] = []  # the sets it looked at, each in a line with what was measured


def faults_of_rep(profile: Profile, reps: Sequence[Rep], index: int) -> list[Fault]:
    """The faults of one rep of a set, in the light of the reps before it."""
    rep, limits = reps[index], profile.limits
    if not rep.counted:
        return ["partial"] if is_partial(rep) else []
    found: list[Fault] = []
    eccentric, _, _, top = judge_tempo(rep, profile.tempo)
    if eccentric is Outcome.SHORT:
        found.append("eccentric-rushed")
    if top is Outcome.SHORT:
        found.append("top-rushed")
    low = below_start_m(profile, reps, index)
    if low is not None and low > limits.lockout_m:
        found.append("no-lockout")
    early = [one.rom_m for one in reps[: min(index, 3)] if one.counted and one.rom_m is not None]
    if rep.rom_m is not None and early and rep.rom_m < (1.0 - limits.range_loss_pct / 100.0) * median(early):
        found.append("range-shrinking")
    if judge_path(rep, profile.path_limit_m) is Outcome.OFF:
        found.append("path-off")
    if is_slack(rep, limits):
        found.append("slack")
    if rep.heel_pct is not None and rep.heel_pct < limits.heel_pct:
        found.append("on-toes")
    return found


def faults_of_set(profile: Profile, reps: Sequence[Rep]) -> list[Fault]:
    """Faults in at least a quarter of the set's reps and at least twice, the most frequent first."""
    every = [fault for index in range(len(reps)) for fault in faults_of_rep(profile, reps, index)]
    often = max(OFTEN_REPS, OFTEN * len(reps))
    times = {fault: every.count(fault) for fault in dict.fromkeys(every)}
    return sorted((fault for fault in times if times[fault] >= often), key=lambda fault: -times[fault])


def cues(profile: Profile, reps: Sequence[Rep]) -> list[str]:
    """Cues for the lifter after a set, the most frequent fault first; none for what was not measured."""
    say = {cue.when: cue.say for cue in profile.cues}
    return [say[fault] for fault in faults_of_set(profile, reps) if fault in say]


def below_start_m(profile: Profile, reps: Sequence[Rep], index: int) -> float | None:
    """How far below the set's starting height a rep ended, metres; None where lengths are not measured.

    Every eccentric takes the load down by v · t and every concentric up by rom_m, so the height of each top
    follows from the reps themselves. An exercise that starts below is compared with its best rep so far.
    """
    if profile.starts_with == "concentric":
        tops = [one.rom_m for one in reps[: index + 1] if one.rom_m is not None]
        top = reps[index].rom_m
        return None if top is None else max(tops) - top
    height = 0.0
    for rep in reps[: index + 1]:
        if rep.rom_m is None or rep.eccentric_s is None or rep.mean_eccentric_velocity_mps is None:
            return None
        height += rep.rom_m - rep.eccentric_s * rep.mean_eccentric_velocity_mps
    return -height


def tempo_adherence_pct(profile: Profile, reps: Sequence[Rep]) -> float | None:
    """Share of the counted reps that kept the tempo, per cent; None without a target or a counted rep."""
    judged = [kept for rep in reps if rep.counted and (kept := tempo_kept(rep, profile.tempo)) is not None]
    return 100.0 * sum(judged) / len(judged) if judged else None


def range_cv_pct(reps: Sequence[Rep]) -> float | None:
    """Coefficient of variation of the counted reps' range, per cent; None for fewer than two."""
    ranges = [rep.rom_m for rep in reps if rep.counted and rep.rom_m is not None]
    return 100.0 * pstdev(ranges) / fmean(ranges) if len(ranges) > 1 else None


def verdict(profile: Profile, sets: Sequence[DoneSet]) -> Verdict:
    """Judge the newest sets, oldest first, by the profile's mastery rule."""
    rule = profile.mastery
    if rule is None:
        return Verdict(ready=False, text=f"{profile.title} has no mastery rule: the coach decides")
    missing: list[str] = []
    unseen: set[str] = set()
    if len(sets) < rule.sets:
        missing.append(f"{rule.sets} sets, so far {len(sets)}")
    looked_at = list(enumerate(sets[-rule.sets :], start=max(len(sets) - rule.sets, 0) + 1))
    basis = [f"set {number}: {_measured(profile, done)}" for number, done in looked_at]
    for number, done in looked_at:
        missing += [f"set {number}: {what}" for what in _missing_in(profile, done, unseen)]
    if missing:
        return Verdict(
            ready=False,
            text="not yet: " + "; ".join(missing),
            missing=missing,
            not_measured=sorted(unseen),
            basis=basis,
        )
    goal = f"ready for {profile.leads_to}" if profile.leads_to else "mastered"
    text = f"{goal}: coach signs off"
    return Verdict(ready=True, text=text, not_measured=sorted(unseen), basis=basis)


def _measured(profile: Profile, done: DoneSet) -> str:
    """One set's figures, as the rule looks at them."""
    said = [f"{sum(rep.counted for rep in done.reps)} reps"]
    if done.load_kg is not None:
        said.append(f"{done.load_kg:g} kg")
    adherence, spread = tempo_adherence_pct(profile, done.reps), range_cv_pct(done.reps)
    if adherence is not None:
        said.append(f"tempo kept in {adherence:.0f} %")
    if spread is not None:
        said.append(f"range varies by {spread:.0f} %")
    off = sum(judge_path(rep, profile.path_limit_m) is Outcome.OFF for rep in done.reps if rep.counted)
    if any(judge_path(rep, profile.path_limit_m) is not None for rep in done.reps):
        said.append(f"path off in {off}" if off else "path kept")
    return ", ".join(said)


def _missing_in(profile: Profile, done: DoneSet, unseen: set[str]) -> list[str]:
    """What one set lacks; what could not be looked at goes into `unseen`."""
    rule = profile.mastery
    assert rule is not None
    reps = done.reps
    missing = []
    counted = sum(rep.counted for rep in reps)
    if counted < rule.reps_per_set:
        missing.append(f"{counted} of {rule.reps_per_set} reps")
    adherence, spread = tempo_adherence_pct(profile, reps), range_cv_pct(reps)
    if adherence is None:
        unseen.add("tempo")
    elif adherence < rule.tempo_adherence_pct:
        missing.append(
            f"tempo kept in {adherence:.0f} % of the reps, {rule.tempo_adherence_pct:.0f} asked for"
        )
    if spread is None:
        unseen.add("range")
    elif spread > rule.range_cv_pct:
        missing.append(f"range varies by {spread:.0f} %, {rule.range_cv_pct:.0f} allowed")
    if profile.path_limit_m is not None and all(rep.path_deviation_m is None for rep in reps):
        unseen.add("path")
    if profile.load in ("cable", "band") and all(rep.slack_s is None for rep in reps):
        unseen.add("slack")
    if any(cue.when == "on-toes" for cue in profile.cues) and all(rep.heel_pct is None for rep in reps):
        unseen.add("weight on the heels")
    missing += [
        fault for fault in faults_of_set(profile, reps) if fault not in ("partial", "range-shrinking")
    ]
    if rule.min_load_kg is not None:
        if done.load_kg is None:
            unseen.add("load")
        elif done.load_kg < rule.min_load_kg:
            missing.append(f"{done.load_kg:g} kg, the stage is {rule.min_load_kg:g} kg or more")
    return missing
