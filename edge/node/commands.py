"""Carries out the commands of coaches, badges and screens at a station.

Each command is carried out, answered with a code, and can be undone together with those of the same action.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from edge.counting.dispute import Why
from edge.counting.settings import (
    MAX_ID_CHARS,
    OF_ONE_EXERCISE,
    back_to_athlete,
    changed,
    check_id,
    check_load,
    of_athlete,
)
from edge.counting.tracked_set import SetEvents
from station.errors import ConfigError
from station.exercises import all_profiles, load_profile
from station.messages import CommandError, CommandMessage, ReplyCode, ReplyMessage
from station.records import RepEvent

if TYPE_CHECKING:
    from edge.node.session import Session

ACTIONS_REMEMBERED = 128

Undo = Callable[[], str]  # returns what was undone


class _Action(NamedTuple):
    """What one key or one badge has brought about."""

    name: str  # its commands share it
    undo: list[Undo]  # of each command, the newest last


class Commands:
    """Executes a session's commands and remembers how to undo them."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._done: list[_Action] = []  # the newest last

    def answer(self, command: CommandMessage) -> ReplyMessage:
        """Execute a command; returns the reply."""
        undone: str | None = None
        try:
            if command.name == "undo":
                undone, text = self._undo()
                code = ReplyCode.UNDONE
            else:
                text, code = self._obey(command), ReplyCode.DONE
        except CommandError as error:
            text, code = str(error), error.code
        except ConfigError as error:  # of an exercise: none of that name, or none for this station
            known = command.exercise in all_profiles(self._session.exercises_dir)
            text, code = str(error), ReplyCode.NOT_HERE if known else ReplyCode.UNKNOWN_EXERCISE
        return ReplyMessage.to(command, code, text, undone)

    def _undo(self) -> tuple[str, str]:
        """Take the newest action back, all the commands of it: which one, and what was done in words."""
        if not self._done:
            raise CommandError(ReplyCode.NOTHING_TO_UNDO, "there is nothing to undo")
        action = self._done.pop()
        return action.name, "; ".join(undo() for undo in reversed(action.undo))

    def _obey(self, command: CommandMessage) -> str:
        """Do it and return what was done. Raises ConfigError or CommandError with the reason why not."""
        text, undo = self._do(command)
        if command.name == "set-usual-range":  # nobody has asked for it, and nobody takes it back
            return text
        name = command.action_id
        if self._done and self._done[-1].name == name:
            self._done[-1].undo.append(undo)
        else:
            self._done = [*self._done[1 - ACTIONS_REMEMBERED :], _Action(name, [undo])]
        return text

    def _do(self, command: CommandMessage) -> tuple[str, Undo]:  # noqa: PLR0911 - a row for each command
        """Do it; what was done in words, and what takes it back and says so."""
        by = command.by[:MAX_ID_CHARS]
        sets, known_s = self._session.pipeline.sets, self._session.pipeline.now_s
        match command.name:
            case "tare":
                cell = self._session.pipeline.cell
                return self._zeroed(cell.tare()), lambda: self._zeroed(cell.undo_tare())
            case "zero":
                self._session.take(self._session.pipeline.zero(self._session.settings.athlete))
                return "the lengths' zero is looked for anew", lambda: "it stays so"
            case "end-set":
                self._session.take(self._session.pipeline.end_set(self._session.settings.athlete))
                return "set ended", partial(self._reopen, sets.section)
            case "restart-set":
                number, count, events, take_back = self._session.pipeline.restart_set(by)
                self._session.take(events)
                text = f"set {number} does not count, {count} reps; counting from one"
                return text, self._taken_back(take_back, f"set {number} counts again")
            case "continue-set":
                number, changed_by, take_back = sets.go_on(self._session.sample_s, known_s)
                self._session.take(changed_by)
                return f"set {number} goes on", self._taken_back(take_back, f"set {number} is over")
            case "mark-rep":
                rep_id = self._session.short_id(command.rep_event_id)
                return self._put_right(sets.mark(rep_id, command.mark, by, known_s), rep_id)
            case "add-rep":
                set_id = self._session.short_id(command.set_event_id)
                return self._put_right(sets.add(set_id, self._session.sample_s, by, known_s))
            case "give-set":
                return self._give(command)
            case "load-set":
                return self._load_set(command)
            case "set-exercise":
                if command.exercise is None:
                    raise CommandError(ReplyCode.MISSING, "the command needs exercise")
                profile = load_profile(command.exercise, self._session.exercises_dir)
                of_one_exercise: dict[str, None] = dict.fromkeys(OF_ONE_EXERCISE)
                asked = msgspec.structs.replace(self._session.settings, **of_one_exercise)
                text = f"counting {profile.title}"
            case _:
                profile = self._session.profile
                asked, text = changed(self._session.settings, command, profile)
        old, old_profile = self._session.settings, self._session.profile
        self._session.set_to(asked, profile)
        line = sets.section

        def undo() -> str:
            if old.athlete != self._session.settings.athlete and self._session.pipeline.reopen_set(line):
                self._session.correct_athlete(back_to_athlete(self._session.settings, old))
            self._session.set_to(old, old_profile)
            return f"undone: {text}"

        return text, undo

    def _put_right(
        self, done: tuple[SetEvents, Callable[[], SetEvents]], rep_id: str | None = None
    ) -> tuple[str, Undo]:
        """Send what a correction has changed; the rep it is about in words, None: the newest of them."""
        events, undo = done
        self._session.take(events)
        self._dispute(events, "added" if rep_id is None else "marked")
        return _in_words(events, rep_id), lambda: self._said_back(undo, rep_id)

    def _dispute(self, events: SetEvents, why: Why) -> None:
        """A person has said something of a rep: what was measured there is kept."""
        about = next((one.set_event_id for one in events if isinstance(one, RepEvent)), None)
        if self._session.flight is not None and about is not None:
            self._session.flight.disputed(about, why)

    def _said_back(self, undo: Callable[[], SetEvents], rep_id: str | None) -> str:
        events = undo()
        self._session.take(events)
        self._dispute(events, "marked")
        return f"undone: {_in_words(events, rep_id)}"

    def _taken_back(self, undo: Callable[[], SetEvents], words: str) -> Undo:
        def back() -> str:
            self._session.take(undo())
            return words

        return back

    def _give(self, command: CommandMessage) -> tuple[str, Undo]:
        """A set, or the rest of it, was another athlete's; so is what follows where it still runs."""
        athlete = command.athlete
        if athlete is not None:
            check_id(athlete)
        sets = self._session.pipeline.sets
        set_id, rep_id = (
            self._session.short_id(command.set_event_id),
            self._session.short_id(command.rep_event_id),
        )
        events, undo = sets.give(set_id, rep_id, athlete, self._session.pipeline.now_s)
        self._session.take(events)
        newest = sets.newest()
        before = self._session.settings
        if sets.running and newest is not None and newest.athlete == athlete:
            self._session.correct_athlete(of_athlete(before, athlete))

        def back() -> str:
            self._session.take(undo())
            if self._session.settings.athlete != before.athlete:
                self._session.correct_athlete(back_to_athlete(self._session.settings, before))
            return "the set is whose it was"

        return f"given to {athlete}" if athlete else "given to nobody", back

    def _load_set(self, command: CommandMessage) -> tuple[str, Undo]:
        """A whole set was lifted with this; so is what follows where it still runs."""
        check_load(command.load_kg)
        sets, set_id = self._session.pipeline.sets, self._session.short_id(command.set_event_id)
        weighs = not self._session.pipeline.weighs and self._session.profile.load == "mass"
        events, undo = sets.load_set(set_id, command.load_kg, self._session.pipeline.now_s, weighs=weighs)
        self._session.take(events)
        newest = sets.newest()
        running = sets.running and newest is not None and set_id in (None, newest.event_id)
        before = self._session.settings
        if running:
            self._session.set_to(
                msgspec.structs.replace(before, load_kg=command.load_kg), self._session.profile
            )

        def back() -> str:
            self._session.take(undo())
            if running:
                self._session.set_to(
                    msgspec.structs.replace(self._session.settings, load_kg=before.load_kg),
                    self._session.profile,
                )
            return "the set's load is what it was"

        words = "no load" if command.load_kg is None else f"{command.load_kg:g} kg"
        return f"the set was lifted with {words}", back

    def _zeroed(self, text: str) -> str:
        """A person has set the load cell's zero."""
        self._session.rest.tared()
        return text

    def _reopen(self, line: int) -> str:
        if not self._session.pipeline.reopen_set(line):
            raise CommandError(ReplyCode.TOO_LATE, "too late: a set that ended stays ended")
        return "the set goes on"


def _in_words(events: SetEvents, rep_id: str | None) -> str:
    """A rep among what has changed, as it is now: its neighbours' numbers and pauses may change with it."""
    reps = [event for event in events if isinstance(event, RepEvent)]
    rep = next((one for one in reps if one.event_id == rep_id), reps[-1] if reps else None)
    if rep is None:
        return "as it was"
    counted = "counted" if rep.rep.counted else f"not counted: {rep.rep.reason}"
    return f"set {rep.set_number} rep {rep.rep.number}: {counted}"
