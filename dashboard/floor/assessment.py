"""What follows from a session's reps, sets and settings, and from what the athlete did before."""

from collections.abc import Mapping

import msgspec

from dashboard.floor.coaching import (
    NO_RECORD,
    AthleteRecord,
    MasteryProgress,
    cue,
    mastery_progress,
    prescribed,
)
from dashboard.floor.reps import RepView, rep_view
from dashboard.floor.running import RunningSet, running_set
from dashboard.floor.state import SessionState
from dashboard.floor.times import day_of
from dashboard.floor.usual import Today, today_of, usual_at
from station.exercises import Profile
from station.exercises.judge import velocity_zone
from station.exercises.surety import fastest_of
from station.messages import InfoMessage
from station.weighing import Weighed, of_set


class Assessed(msgspec.Struct, frozen=True, kw_only=True):
    """The part of an assessment that a view shows unchanged."""

    athlete: str | None
    exercise: str | None
    title: str
    load_kg: float | None
    weighed: Weighed | None  # what the running set was lifted with, by the cells
    sets_begun: int  # by this athlete of this exercise, today
    reps: tuple[RepView, ...]  # of the running set by number, those that a person has struck among them
    today: Today | None  # against what is usual at this load
    velocity_zone: tuple[float | None, float | None]  # least and greatest asked for, m/s
    cue: str | None  # the one thing to say
    mastery: MasteryProgress | None  # with the progression


class Assessment(Assessed, frozen=True, kw_only=True):
    """What is derived from a session's reps and settings; recomputed only when one of them changes."""

    info: InfoMessage | None
    asked: Profile | None  # what the reps are judged by
    running: RunningSet | None  # None: whoever lifts here has not begun


def assess(
    session: SessionState, profiles: Mapping[str, Profile], before: Mapping[tuple[str, str], AthleteRecord]
) -> Assessment:
    """Assess the running set against its prescription; mastery also counts the sets in `before`."""
    running, info = running_set(session), session.info
    exercise = info.exercise if info else (running.exercise if running else None)
    # Reps keep the profile they were counted by, also after the coach has chosen the next exercise.
    counted_by = profiles.get(running.exercise if running else exercise or "")
    counted_by = prescribed(counted_by, info) if counted_by else None
    shown = profiles.get(exercise or "")
    shown = prescribed(shown, info) if shown else None
    athlete = (info.athlete if info else None) or (running.athlete if running else None)
    if running and running.over and info and info.athlete and running.athlete not in (None, info.athlete):
        running = None  # whoever lifts next begins with nothing
    valid_reps = [one.rep for one in running.valid_reps] if running else []
    fastest = fastest_of(valid_reps)
    counted_before = before.get(
        ((running.athlete if running else athlete) or "", running.exercise if running else exercise or ""),
        NO_RECORD,
    )
    load_kg = running.load_kg if running else (info.load_kg if info else None)
    at_utc = running.at_utc if running else info.at_utc if info else ""
    usual = usual_at(counted_before, load_kg, day_of(at_utc))
    best_mps = usual.best_mps if usual else None
    return Assessment(
        info=info,
        exercise=exercise,
        title=shown.title if shown else exercise or "no exercise yet",
        athlete=athlete,
        weighed=of_set(valid_reps),
        load_kg=info.load_kg if info else (running.load_kg if running else None),
        asked=counted_by or shown,
        running=running,
        sets_begun=_sets_begun(session, athlete, exercise, running),
        reps=tuple(
            rep_view(one.event_id, one.state, one.rep, counted_by, fastest, best_mps)
            for one in (running.reps if running else ())
        ),
        today=today_of(running, session.session, counted_before, usual),
        velocity_zone=velocity_zone(counted_by.velocity, best_mps) if counted_by else (None, None),
        cue=cue(counted_by, valid_reps) if counted_by else None,
        mastery=mastery_progress(shown, session, athlete, before.get((athlete or "", shown.name), NO_RECORD))
        if shown and shown.mastery
        else None,
    )


def _sets_begun(
    session: SessionState, athlete: str | None, exercise: str | None, running: RunningSet | None
) -> int:
    """Sets of an athlete and an exercise on the reader's day of the newest, the running one included.

    The station knows those before this screen began, a second late; this screen knows the others at once.
    """
    info, mine = session.info, (athlete, exercise)
    done = info.sets_done if info and (info.athlete, info.exercise) == mine else 0
    said = [
        (one.summary.number, (one.athlete, one.exercise), day_of(one.at_utc))
        for one in session.sets.values()
        if one.summary.counted_reps  # else it was restarted
    ]
    if running is not None and running.valid_reps:
        said.append((running.number, (running.athlete, running.exercise), day_of(running.at_utc)))
    days = [day for _, _, day in said] + [day_of(one.at_utc) for one in session.sets.values()]
    heard = {number for number, whose, day in said if whose == mine and day == max(days)}
    goes_on = running is not None and not running.over and (running.athlete, running.exercise) == mine
    return max(len(heard), done + goes_on)
