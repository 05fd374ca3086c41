"""Coaching for a station: the prescription in force, one cue, progress towards mastery."""

import re
from collections.abc import Sequence

import msgspec

from dashboard.floor.running import reps_by_set, running_set
from dashboard.floor.state import SessionState
from station.exercises import Profile, VelocityTarget
from station.exercises.coaching import DoneSet, Verdict, cues, verdict
from station.messages import InfoMessage
from station.records import Rep

MASTERY_SETS = 8  # a mastery rule asks for two or three
_MOST = 1000.0  # seconds, metres
_FIRST_WORDS = re.compile(r": |; |, | and ")


class MasteryProgress(Verdict, frozen=True, kw_only=True):
    """An athlete's progress towards mastery of an exercise; `ready`: awaiting the coach's sign-off."""

    signed_off: bool = False


class EarlierSet(msgspec.Struct, frozen=True, kw_only=True):
    """A set as the record has it, with the session of the station's node it belongs to."""

    session: str
    number: int
    over: bool
    day: str  # 2030-01-31, by the reader's clock
    done: DoneSet


class AthleteRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the history has of an athlete at an exercise: the newest sets, oldest first, and a sign-off."""

    sets: tuple[EarlierSet, ...] = ()
    signed_off: bool = False


NO_RECORD = AthleteRecord()


def prescribed(profile: Profile, info: InfoMessage | None) -> Profile:
    """The exercise with what the coach has asked for instead of its own targets."""
    if info is None or info.exercise != profile.name:
        return profile
    tempo, cutoff_pct, path_m = profile.tempo, info.velocity_loss_cutoff_pct, info.path_limit_m
    velocity = VelocityTarget(
        least_mps=info.velocity_least_mps, most_mps=info.velocity_most_mps, best_pct=info.velocity_best_pct
    )
    if info.tempo_s is not None:
        down, bottom, up, top = info.tempo_s
        tempo = msgspec.structs.replace(
            tempo, eccentric_s=down, bottom_pause_s=bottom, concentric_s=up, top_pause_s=top
        )
    if velocity == VelocityTarget():
        velocity = profile.velocity
    if tempo is profile.tempo and velocity is profile.velocity and cutoff_pct is None and path_m is None:
        return profile
    return msgspec.structs.replace(
        profile,
        tempo=tempo,
        velocity=velocity,
        velocity_loss_cutoff_pct=profile.velocity_loss_cutoff_pct if cutoff_pct is None else cutoff_pct,
        path_limit_m=profile.path_limit_m if path_m is None else path_m,
    )


def cue(profile: Profile, reps: Sequence[Rep]) -> str | None:
    """The one thing to say about a set's reps so far; None when there is nothing to correct."""
    return next(iter(cues(profile, _possible(reps))), None)


def in_few_words(cue: str) -> str:
    """A cue's first words: it begins with what to do and goes on with how."""
    return _FIRST_WORDS.split(cue)[0].rstrip(".")


def mastery_progress(
    profile: Profile, session: SessionState, athlete: str | None, before: AthleteRecord = NO_RECORD
) -> MasteryProgress:
    """Apply the mastery rule to the athlete's sets of this exercise, and the coach's sign-off."""
    here = session.info is not None and (athlete, profile.name) in session.info.signed_off
    found = verdict(profile, _done_sets(profile, session, athlete, before))
    words, signed_off = found.text, here or before.signed_off
    if not found.ready and found.missing:
        words = f"not yet: {found.missing[0]}"
    if found.not_measured and found.ready:
        words += f" (not measured: {', '.join(found.not_measured)})"
    if signed_off:
        words = f"signed off, next {profile.leads_to}" if profile.leads_to else "signed off"
    return MasteryProgress(**msgspec.structs.asdict(found) | {"text": words}, signed_off=signed_off)


def _done_sets(
    profile: Profile, session: SessionState, athlete: str | None, before: AthleteRecord
) -> list[DoneSet]:
    """The sets that are over, oldest first, each rep once and in its newest revision."""
    over = {message.summary.number for message in session.sets.values()}
    here: dict[int, DoneSet] = {}
    for number, reps in reps_by_set(session).items():
        if number in over and (reps[-1].exercise, reps[-1].athlete) == (profile.name, athlete):
            here[number] = DoneSet(reps=[one.rep for one in reps], load_kg=reps[-1].load_kg)
    running = running_set(session)
    if running is not None:
        here.pop(running.number, None)
        if running.over and (running.exercise, running.athlete) == (profile.name, athlete):
            valid_reps = [one.rep for one in running.valid_reps]
            here[running.number] = DoneSet(reps=valid_reps, load_kg=running.load_kg)
    earlier = []
    for one in before.sets[-MASTERY_SETS:]:
        if one.session != session.session:
            earlier.append(one.done)
        elif one.over and not _whole(here.get(one.number)):
            here[one.number] = one.done  # it began before this screen did
    done = [*earlier, *(found for _, found in sorted(here.items()))]
    return [DoneSet(reps=_possible(one.reps), load_kg=one.load_kg) for one in done if one.reps]


def _whole(done: DoneSet | None) -> bool:
    """Whether the reps of a set were heard from the first on."""
    return done is not None and [rep.number for rep in done.reps] == list(range(1, len(done.reps) + 1))


def _possible(reps: Sequence[Rep]) -> list[Rep]:
    """The reps that can be of this world: anybody may publish, and the arithmetic ends at 1e308."""
    return [rep for rep in reps if _is_possible(rep)]


def _is_possible(rep: Rep) -> bool:
    known = (
        *(rep.eccentric_s, rep.bottom_pause_s, rep.concentric_s, rep.top_pause_s, rep.rom_m),
        *(rep.mean_eccentric_velocity_mps, rep.path_deviation_m, rep.path_deviation_sigma_m),
    )
    return (rep.rom_m is None or rep.rom_m > 0.0) and all(x is None or abs(x) < _MOST for x in known)
