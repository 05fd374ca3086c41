"""What an athlete's velocity at a load usually is, out of the record, and how today's compares."""

import msgspec

from dashboard.floor.coaching import AthleteRecord
from dashboard.floor.running import RunningSet
from dashboard.floor.times import day_of
from station.exercises.judge import Judgement, Outcome, Usual, judge_today, usual_of
from station.exercises.surety import fastest_of

DAYS = 5  # sessions back: what somebody can do changes over weeks
_SAME_KG = 0.25  # loads are entered in halves of a kilogram, and pounds are converted
_WORDS: dict[Judgement, str] = {
    Outcome.SLOW: "slower than usual",
    Outcome.FAST: "faster than usual",
    Outcome.KEPT: "as usual",
}


class Today(msgspec.Struct, frozen=True, kw_only=True):
    """Today's best velocity at a load against the athlete's own usual."""

    best_mps: float
    usual: Usual
    judged: Judgement

    def words(self, load: str | None) -> str:
        """In a line for a coach; `load` in their unit. What can be missed most easily stands last."""
        usual = self.usual
        best = f"{self.best_mps:.2f} m/s{f' at {load}' if load else ''}"
        if usual.sd_mps is None:
            return f"{best}, {usual.mean_mps:.2f} the last time"
        return (
            f"{best}, {_WORDS[self.judged]}: {usual.mean_mps:.2f} ± {usual.sd_mps:.2f} on {usual.days} days"
        )


def usual_at(before: AthleteRecord, load_kg: float | None, day: str) -> Usual | None:
    """The athlete's best velocities at a load on the days before `day`, the newest DAYS of them."""
    bests: dict[str, float] = {}
    for one in before.sets:
        fastest = fastest_of(one.done.reps)
        if one.day < day and _same(one.done.load_kg, load_kg) and fastest is not None:
            bests[one.day] = max(bests.get(one.day, 0.0), fastest.mean_concentric_velocity_mps or 0.0)
    return usual_of([bests[each] for each in sorted(bests)[-DAYS:]])


def today_of(
    running: RunningSet | None, session: str, before: AthleteRecord, usual: Usual | None
) -> Today | None:
    """Today's best so far, the running set and the day's earlier ones, against the usual."""
    if running is None or usual is None:
        return None
    day = day_of(running.at_utc)
    reps = [one.rep for one in running.valid_reps]
    for one in before.sets:
        itself = (one.session, one.number) == (session, running.number)
        if one.day == day and not itself and _same(one.done.load_kg, running.load_kg):
            reps += one.done.reps
    best = fastest_of(reps)
    if best is None or best.mean_concentric_velocity_mps is None:
        return None
    speed_mps = best.mean_concentric_velocity_mps
    judged = judge_today(speed_mps, best.mean_concentric_velocity_sigma_mps, usual)
    return Today(best_mps=speed_mps, usual=usual, judged=judged)


def _same(one_kg: float | None, other_kg: float | None) -> bool:
    if one_kg is None or other_kg is None:
        return one_kg is other_kg
    return abs(one_kg - other_kg) < _SAME_KG
