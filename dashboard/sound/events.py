"""The moments that a lifter hears, found by comparing a station's view with the one before. Pure."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Literal

import msgspec

from dashboard.floor.coaching import in_few_words
from dashboard.floor.reps import RepView
from dashboard.floor.views import StationView
from station.exercises.judge import Outcome, all_of
from station.records import MARKED, ReasonCode

SoundMode = Literal["off", "tones", "voice"]
MODES: tuple[SoundMode, ...] = ("off", "tones", "voice")

_BY_A_PERSON = frozenset({*MARKED.values(), ReasonCode.SET_RESTARTED})


class Moment(StrEnum):
    """What may be heard, the most telling first."""

    CUT_OFF = "cut-off"  # the velocity loss that was prescribed is reached
    DONE = "done"  # the last rep of the target
    NOT_COUNTED = "not-counted"
    QUESTION = "question"  # the screen asks something: whether a doubtful rep counts, for one
    MISSED = "missed"  # a rep that counts, its target missed by more than its uncertainty
    HIT = "hit"
    COUNTED = "counted"  # a rep with nothing to hold it against
    REST_OVER = "rest-over"
    TURN = "turn"  # the tempo: the next phase begins
    TICK = "tick"  # the tempo: another second


class Heard(msgspec.Struct, frozen=True):
    """One moment, and what is said at it."""

    moment: Moment
    say: tuple[str, ...] = ()  # the spoken words, one clip each


class MomentDetector:
    """Detects the moments of one station, each once; nothing that was there before its first view."""

    def __init__(self) -> None:
        self._before: StationView | None = None
        self._told: set[tuple[object, Moment]] = set()  # by rep or by set
        self._cue: tuple[int | None, str | None] = (None, None)  # said last, and in which set

    def hear(self, view: StationView) -> list[Heard]:
        """What has happened since the view before, the most telling first."""
        before, self._before = self._before, view
        if before is None or before.key != view.key:
            self._told |= {(rep.event_id, Moment.QUESTION) for rep in view.reps}
            self._of_set(view)
            return []
        found = [*self._of_reps(before, view), *self._of_set(view)]
        return sorted(found, key=lambda one: list(Moment).index(one.moment))

    def _of_reps(self, before: StationView, view: StationView) -> list[Heard]:
        """A new rep; one that counts no more; one that nobody can be sure of."""
        if view.set_over:
            return []
        same_set = (before.set_number, before.athlete) == (view.set_number, view.athlete)
        known = {rep.event_id: rep for rep in before.valid_reps} if same_set else {}
        last = view.last
        found: list[Heard] = []
        if last is not None and last.event_id not in known:
            found.append(self._new(view, last))
        elif lost := _lost(known, view.reps):
            found.append(Heard(Moment.NOT_COUNTED, (lost,)))
        for rep in view.valid_reps:
            if rep.doubtful and self._once(rep.event_id, Moment.QUESTION):
                found.append(Heard(Moment.QUESTION, ("count",)))
        return found

    def _new(self, view: StationView, rep: RepView) -> Heard:
        if not rep.counted:
            return Heard(Moment.NOT_COUNTED, (rep.not_counted_reason,) if rep.not_counted_reason else ())
        moment = target_of(rep)
        cue = in_few_words(view.cue) if view.cue else None
        if cue is not None and moment is not Moment.HIT and self._cue != (view.set_number, cue):
            self._cue = view.set_number, cue
            return Heard(moment, (str(view.counted), cue))
        speed = () if rep.velocity_rough else tuple(spoken_velocity(rep.velocity_words))
        return Heard(moment, (str(view.counted), *speed))

    def _of_set(self, view: StationView) -> list[Heard]:
        """A reason to end the set, the end of the rest."""
        found: list[Heard] = []
        last, rest_s, asked_s = view.last, view.rest_s, view.rest_asked_s
        over = rest_s is not None and asked_s is not None and rest_s >= asked_s
        if over and self._once(view.set_number, Moment.REST_OVER):
            found.append(Heard(Moment.REST_OVER, ("rest over",)))
        if not view.set_over and last is not None:
            if last.loss_reached and self._once(view.set_number, Moment.CUT_OFF):
                found.append(Heard(Moment.CUT_OFF, ("end the set",)))
            enough = view.target_reps is not None and view.counted >= view.target_reps
            if enough and self._once(view.set_number, Moment.DONE):
                found.append(Heard(Moment.DONE, ("done",)))
        return found

    def _once(self, what: object, moment: Moment) -> bool:
        new = (what, moment) not in self._told
        self._told.add((what, moment))
        return new


def target_of(rep: RepView) -> Moment:
    """Whether a rep that counts has hit what was prescribed, as far as it is known yet."""
    judged = all_of((*rep.tempo, rep.path, rep.velocity))
    if judged is None or judged is Outcome.UNSURE:
        return Moment.COUNTED
    return Moment.MISSED if judged.off else Moment.HIT


def spoken_velocity(words: str) -> list[str]:
    """A velocity clip by clip: 0.52 is "point", "5", "2"; 1.05 is "1", "point", "0", "5"."""
    whole, _, decimals = words.partition(".")
    if not (whole.isdecimal() and decimals.isdecimal()):
        return []
    return [*([] if whole == "0" else [whole]), "point", *decimals]


def _lost(known: dict[str, RepView], reps: Sequence[RepView]) -> str | None:
    """Why a rep that counted does not any more; None where all still do, or a person has said so."""
    now = {rep.event_id: rep for rep in reps}
    for event_id, rep in known.items():
        changed = now.get(event_id)
        if not rep.counted or (changed is not None and changed.counted):
            continue
        if changed is None:
            return "no rep after all"
        if changed.measured.reason_code not in _BY_A_PERSON and changed.not_counted_reason:
            return changed.not_counted_reason
    return None
