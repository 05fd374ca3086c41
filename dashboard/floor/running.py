"""The running set as displayed: the retained message, updated by the messages that came after it.

The node says the set whole in `current`, and each revision of a rep by itself. Either may be missed, and they
overtake each other. So:

    what `current` holds is so, a rep that it does not hold has been taken back,
    unless a rep was heard in a higher revision, or is of a later moment than `current`.

The count is the set's own and each number the rep's own; how many messages were heard does not enter, except
that without any `current` (a node of the first edition) the highest number stands for the reps before it.
"""

from collections.abc import Iterable, Mapping

import msgspec

from dashboard.floor.state import NEVER_S, SessionState
from station.errors import MessageError
from station.messages import CURRENT_REPS, CurrentMessage, CurrentRep, RepMessage, SetMessage
from station.records import ReasonCode

# By a person: such a rep is shown, struck out, so that it can be taken back. One that the counter takes back
# is not shown any more.
STRUCK = frozenset({ReasonCode.MARKED_FALSE, ReasonCode.SET_RESTARTED})


class RunningSet(msgspec.Struct, frozen=True, kw_only=True):
    """The set that runs, or the one done last."""

    event_id: str | None  # None: from a node of the first edition
    number: int
    over: bool
    end_s: float  # of its last movement, session time
    at_utc: str
    exercise: str
    athlete: str | None
    load_kg: float | None
    lifted_kg: float | None  # weighed, and surely not that
    reps: tuple[CurrentRep, ...]  # by number, those that a person has struck among them
    counted: int
    partial: int  # not counted, and not struck

    @property
    def valid_reps(self) -> tuple[CurrentRep, ...]:
        """The reps that nobody has marked false."""
        return tuple(one for one in self.reps if one.state != "rejected")


def running_set(session: SessionState) -> RunningSet | None:
    """The newest set of a session; None before its first rep."""
    said = session.current if session.current is not None and session.current.set_event_id else None
    since_s = session.current.session_s if session.current else NEVER_S
    # The rest of an earlier set that was given to somebody is a new set, and none that has begun since.
    last_s = max((one.rep.start_s for one in said.reps), default=NEVER_S) if said else NEVER_S
    news = [
        one
        for one in session.reps.values()
        if one.session_s > since_s and one.rep.start_s > last_s and one.state != "rejected"
    ]
    number = max([one.set_number for one in news] + ([said.set_number] if said else []), default=0)
    if not number:
        return None
    if said is not None and number == said.set_number:
        return _as_said(said, session)
    return _as_heard(number, session)


def check_current(message: CurrentMessage) -> None:
    """Raises MessageError for what cannot be one set of one session; a rep's id begins with its session's."""
    ids = [one.event_id for one in message.reps]
    if len(ids) > CURRENT_REPS:
        raise MessageError(f"current holds {len(ids)} reps; at most {CURRENT_REPS} are accepted")
    if len(set(ids)) < len(ids):
        raise MessageError("current holds a rep twice")
    stray = [one for one in ids if not one.startswith(f"{message.session}-")]
    if stray:
        raise MessageError(f"current of session {message.session[:40]!r} holds {stray[0][:80]!r} of another")


def set_summaries(session: SessionState) -> list[SetMessage]:
    """The sets that are over, oldest first."""
    return sorted(session.sets.values(), key=lambda one: (one.summary.number, one.event_id))


def _as_said(said: CurrentMessage, session: SessionState) -> RunningSet:
    """The set of `current`, brought up to what was heard since."""
    reps: dict[str, CurrentRep] = {}
    for one in said.reps:
        heard = session.reps.get(one.event_id)
        if heard is None or heard.revision <= one.revision:
            reps[one.event_id] = _with_curve(one, heard)
        elif heard.set_number == said.set_number:  # else it was given to another set
            reps[one.event_id] = _bare(heard)
    later = False
    for message in session.reps.values():
        if message.session_s > said.session_s and message.set_number == said.set_number:
            later = True
            reps.setdefault(message.event_id, _bare(message))
    shown = _in_order(reps.values(), {one.event_id for one in said.reps})
    before = 0
    if said.reps_left_out:
        before = said.counted_reps - sum(_counts(one) for one in said.reps)
        before = max(0, min(before, said.reps_left_out))
    over = _summary(session, said.set_number)
    later |= over is not None and over.session_s > said.session_s
    return RunningSet(
        event_id=said.set_event_id,
        number=said.set_number,
        over=_ended_after(over, shown) if later else said.over,
        end_s=_end_s(shown, over),
        at_utc=said.at_utc,
        exercise=said.exercise,
        athlete=said.athlete,
        load_kg=said.load_kg,
        lifted_kg=said.lifted_kg,
        reps=shown,
        counted=before + sum(map(_counts, shown)),
        partial=sum(map(_is_partial, shown)) + (said.reps_left_out - before),
    )


def _with_curve(said: CurrentRep, heard: RepMessage | None) -> CurrentRep:
    """`current` has room for the curves of its newest reps alone."""
    if heard is None or heard.rep.curve is None or said.rep.curve is not None:
        return said
    return msgspec.structs.replace(said, rep=msgspec.structs.replace(said.rep, curve=heard.rep.curve))


def _as_heard(number: int, session: SessionState) -> RunningSet:
    """A set of which there is no `current` yet, or never will be."""
    messages = {key: one for key, one in session.reps.items() if one.set_number == number}
    shown = _in_order(map(_bare, messages.values()), set())
    newest = messages[max(shown, key=lambda one: one.rep.number).event_id]
    partial = sum(map(_is_partial, shown))
    over = _summary(session, number)
    highest = max((one.rep.number for one in shown if one.state != "rejected"), default=0)
    return RunningSet(
        event_id=newest.set_event_id,
        number=number,
        over=_ended_after(over, shown),
        end_s=_end_s(shown, over),
        at_utc=newest.at_utc,
        exercise=newest.exercise,
        athlete=newest.athlete,
        load_kg=newest.load_kg,
        lifted_kg=None,
        reps=shown,
        counted=max(0, highest - partial),
        partial=partial,
    )


def _in_order(reps: Iterable[CurrentRep], said: Iterable[str]) -> tuple[CurrentRep, ...]:
    """By number; what the counter took back is left out."""
    kept = [one for one in reps if one.state != "rejected" or _is_struck(one, said)]
    return tuple(sorted(kept, key=lambda one: (one.rep.start_s, one.rep.number, one.event_id)))


def _is_struck(one: CurrentRep, said: Iterable[str]) -> bool:
    return one.rep.reason_code in STRUCK or (one.rep.reason_code is None and one.event_id in said)


def _bare(message: RepMessage) -> CurrentRep:
    return CurrentRep(
        event_id=message.event_id, revision=message.revision, state=message.state, rep=message.rep
    )


def _counts(one: CurrentRep) -> bool:
    return one.rep.counted and one.state != "rejected"


def _is_partial(one: CurrentRep) -> bool:
    return not one.rep.counted and one.state != "rejected"


def _summary(session: SessionState, number: int) -> SetMessage | None:
    over = [one for one in set_summaries(session) if one.summary.number == number]
    return over[-1] if over else None


def _ended_after(over: SetMessage | None, reps: Iterable[CurrentRep]) -> bool:
    """Whether the summary is of these reps, rather than of the set before it was reopened and went on."""
    return over is not None and over.summary.end_s >= max((one.rep.start_s for one in reps), default=NEVER_S)


def _end_s(reps: tuple[CurrentRep, ...], over: SetMessage | None) -> float:
    return max([one.rep.end_s for one in reps] + ([over.summary.end_s] if over else []), default=NEVER_S)


def reps_by_set(session: SessionState) -> Mapping[int, list[RepMessage]]:
    """The reps of a session that stand, set by set, by number."""
    found: dict[int, list[RepMessage]] = {}
    for one in sorted(session.reps.values(), key=lambda one: (one.rep.number, one.event_id)):
        if one.state != "rejected":
            found.setdefault(one.set_number, []).append(one)
    return found
