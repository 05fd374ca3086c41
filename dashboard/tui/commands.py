"""What this screen asks of the stations and of the record, and what came of it, in words."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from dashboard.broker.source import FloorSource, PendingCommand
from dashboard.floor.state import SessionState, StationKey
from dashboard.history.kept import RecordSnapshot
from dashboard.history.recall import Recall, RosterChange
from dashboard.roster.people import Athlete, Plan
from dashboard.roster.plans import assignment, exercise_change, is_id, matching, plan_at, plan_of_target
from station.exercises import Profile
from station.messages import (
    BadgeMessage,
    CommandMessage,
    CommandName,
    InfoMessage,
    ReplyCode,
    ReplyMessage,
    new_id,
    now_utc,
)

# What a station no longer holds the record does: it is asked next.
_ASK_THE_RECORD = frozenset({ReplyCode.UNKNOWN_REP, ReplyCode.UNKNOWN_SET})


class Result(NamedTuple):
    """The outcome of a command as text; `station` names who answered."""

    station: str
    words: str
    ok: bool


@dataclass(eq=False)
class _Action:
    """What one key has sent, and what has come of it so far."""

    key: StationKey
    past: bool = False  # about a set that the record may hold and the station not
    answers: list[ReplyMessage] = field(default_factory=list)


class CommandSender:
    """Sends commands, and joins the replies of one action into one sentence.

    Commands of one key share an `action`: the station takes all of them back by one `undo`, whoever has
    done what since.
    """

    def __init__(
        self,
        client: FloorSource,
        profiles: Mapping[str, Profile],
        by: str,
        known: Callable[[], RecordSnapshot],
        info_of: Callable[[StationKey], InfoMessage | None],
        tell: Callable[[Result], None],
        recall: Recall | None = None,
    ) -> None:
        """`by` is who asks; `known` what the record knows; `info_of` a station's settings; `tell` shows.

        `recall` changes the roster; None: there is no record here.
        """
        self._recall = recall
        self._changed: deque[tuple[Callable[[str | None], None], str | None]] = deque()  # by its thread
        self._client = client
        self._profiles = profiles
        self._by = by
        self._known = known
        self._info_of = info_of
        self._tell = tell
        self._together: dict[str, _Action] = {}  # by event_id; those sent at once share one
        self._corrected: dict[StationKey, list[str]] = {}  # actions that the record has done for this screen

    def send(self, key: StationKey, name: CommandName, **given: Any) -> None:
        """Send a command to a station's edge; its reply is shown when it arrives."""
        self._ask(_Action(key), self._command(name, **given))

    def correct(self, key: StationKey, session: str, name: CommandName, **given: Any) -> None:
        """Correct a rep or a set: at the station while its session runs, else at the record."""
        info = self._info_of(key)
        here = info is not None and info.session == session
        leaf = "command" if here else "correction"
        self._ask(_Action(key, past=True), self._command(name, **given), leaf=leaf)

    def undo(self, key: StationKey) -> None:
        """Undo the newest action at a station with all its commands."""
        self.send(key, "undo")

    def undo_correction(self, key: StationKey) -> None:
        """Undo this screen's last correction, at the record or at the station."""
        done = self._corrected.get(key)
        if not done:
            self.undo(key)
            return
        self._ask(_Action(key), self._command("undo", action=done.pop()), leaf="correction")

    def send_badge(self, key: StationKey, badge: str, exercise: str | None = None) -> None:
        """Ask the record to assign a badge's owner to a station; its info then names the athlete.

        `exercise`: what they have picked; None: what their plan says.
        """
        head = {"event_id": new_id(), "at_utc": now_utc()}
        self._ask(_Action(key), BadgeMessage(**head, badge=badge, by=key[1], exercise=exercise))

    def assign_athlete(self, key: StationKey, athlete: str | None) -> None:
        """Assign an athlete to a station, with their plan where the record has one."""
        found = self._athlete(athlete)
        if found is None:
            self.send(key, "set-athlete", athlete=athlete)
        else:
            self._ask(_Action(key), *assignment(found, self._info_of(key), self._profiles, self._by))

    def prescribe(
        self, key: StationKey, load_kg: float | None, for_good: bool = False, **target: Any
    ) -> None:
        """Set a station's load and target, as one action; the load only where it is another.

        `for_good`: the athlete's plan in the record says so from now on, too.
        """
        info = self._info_of(key)
        if for_good and info is not None and info.athlete is not None:
            self._keep_plan(key, info.athlete, info.exercise, load_kg, target)
        now_kg = info.load_kg if info is not None else None
        load = [] if load_kg == now_kg else [self._command("set-load", load_kg=load_kg)]
        self._ask(_Action(key), *load, self._command("set-target", **target))

    def assign_exercise(self, key: StationKey, exercise: str) -> None:
        """Assign an exercise to a station, with the athlete's plan for it where the record has one."""
        info = self._info_of(key)
        found = self._athlete(info.athlete if info else None)
        self._ask(_Action(key), *exercise_change(found, exercise, self._by))

    def keep_person(self, key: StationKey, one: Athlete, assign: bool = False) -> None:
        """Keep an athlete's name, badge, squad and note in the record; then `assign` a station to them."""
        from dashboard.roster.athletes import save_person  # noqa: PLC0415  the database

        def then() -> None:
            if assign:
                self.send(key, "set-athlete", athlete=one.id)

        self._change(key, lambda db: save_person(db, one), f"{one.name} is in the record", then)

    def _keep_plan(
        self, key: StationKey, athlete: str, exercise: str, load_kg: float | None, target: dict[str, Any]
    ) -> None:
        from dashboard.roster.athletes import save_plan  # noqa: PLC0415  the database

        found = self._athlete(athlete)
        old = next((one for one in found.plans if one.exercise == exercise), None) if found else None
        profile = self._profiles.get(exercise)
        plan = plan_of_target(exercise, load_kg, target, profile, old)
        name = self._known().names.get(athlete, athlete)
        kept = f"plan of {name}: {profile.title if profile else exercise}, kept"
        self._change(key, lambda db: save_plan(db, athlete, plan), kept)

    def athlete_of(self, word: str) -> str:
        """The id of the athlete that a badge, an id or the beginning of a name identifies.

        Raises ValueError with words for nobody, and for a word that several are meant by.
        """
        known = self._known()
        found = matching(known.athletes, word)
        if len(found) == 1:
            return found[0].id
        if found:
            called = ", ".join(known.names[one.id] for one in found[:4])
            raise ValueError(f"{len(found)} are called so: {called}{', …' if len(found) > 4 else ''}")
        if not is_id(word):
            raise ValueError(known.problem or f"nobody called {word[:20]!r}; an id has a-z, 0-9 and -")
        return word

    def plan_of(self, athlete: Athlete, key: StationKey) -> Plan | None:
        """An athlete's plan for a station."""
        return plan_at(athlete, self._info_of(key), self._profiles)

    def answered(self, station: str, reply: ReplyMessage, others: bool = False) -> bool:
        """Take a reply and show the state of its action; returns whether there was something to show.

        A repeat is not told, nor another screen's reply, but with `others` what a station refused them.
        """
        asked = self._client.answered(reply)
        if asked is None:
            if others and not reply.ok:
                self._tell(Result(station, reply.text, False))
            return others and not reply.ok
        action = self._together.pop(reply.in_reply_to)
        if action.past and asked.leaf == "command" and reply.code in _ASK_THE_RECORD:
            assert isinstance(asked.request, CommandMessage)
            again = msgspec.structs.replace(asked.request, event_id=new_id(), at_utc=now_utc())
            self._ask(action, again, leaf="correction")
            return False
        if reply.ok and action.past and asked.leaf == "correction":
            assert isinstance(asked.request, CommandMessage)
            self._corrected.setdefault(action.key, []).append(asked.request.action_id)
        action.answers.append(reply)
        refused = [one for one in action.answers if not one.ok]
        # What was refused, alone: the rest was done as asked, and the station shows it.
        words = "; ".join(one.text for one in refused or action.answers)
        self._tell(Result(asked.station, words, not refused))
        return True

    def tell_unanswered(self) -> None:
        """Report the commands that timed out, each once, and what has come of changes of the roster."""
        while self._changed:
            told, wrong = self._changed.popleft()
            told(wrong)
        for asked in self._client.unanswered():
            self._together.pop(asked.request.event_id)
            self._tell(Result(asked.station, f"no answer to {asked.name}{_whose(asked)}", False))

    def _ask(self, action: _Action, *requests: CommandMessage | BadgeMessage, leaf: str = "command") -> None:
        """Send them in this order, as one action."""
        shared = new_id()
        for request in requests:
            if isinstance(request, CommandMessage) and request.action is None and request.name != "undo":
                request = msgspec.structs.replace(request, action=shared)  # noqa: PLW2901
            if not self._client.send(*action.key, request, leaf=leaf):
                self._tell(Result(action.key[1], f"not sent, {self._client.unsent}", False))
                return
            self._together[request.event_id] = action

    def _change(
        self, key: StationKey, change: RosterChange, done: str, then: Callable[[], None] = lambda: None
    ) -> None:
        """Change the roster; what came of it is told with the next flush."""

        def told(wrong: str | None) -> None:
            self._tell(Result(key[1], wrong or done, wrong is None))
            if wrong is None:
                then()

        if self._recall is None:
            told("no record here: nothing is kept")
        else:
            self._recall.change(change, lambda wrong: self._changed.append((told, wrong)))

    def _command(self, name: CommandName, **given: Any) -> CommandMessage:
        return CommandMessage(event_id=new_id(), at_utc=now_utc(), name=name, by=self._by, **given)

    def _athlete(self, athlete: str | None) -> Athlete | None:
        return next((one for one in self._known().athletes if one.id == athlete), None)


def _whose(asked: PendingCommand) -> str:
    """Why there may be no answer: it is not the station that owes it."""
    return "; the record does not run" if asked.leaf != "command" else ""


def likely_first(
    people: Iterable[Athlete], session: SessionState, profiles: Mapping[str, Profile]
) -> list[Athlete]:
    """Athletes by how likely it is that they lift next: the queue, who has lifted, who has a plan for it."""
    waiting = session.info.queue if session.info else []
    lifted = {one.athlete for one in session.sets.values()}

    def order(one: Athlete) -> tuple[object, ...]:
        place = waiting.index(one.id) if one.id in waiting else len(waiting)
        planned = plan_at(one, session.info, profiles) is not None
        return place, one.id not in lifted, not planned, one.name.casefold(), one.id

    return sorted(people, key=order)


def names(infos: Sequence[InfoMessage | None], known: RecordSnapshot) -> list[str]:
    """Ids and names of all athletes at stations, in queues and in the record."""
    here = [name for info in infos if info for name in (info.athlete, *info.queue) if name]
    return sorted({*here, *(word for one in known.athletes for word in (one.id, one.name))})
