"""What this screen asks of the stations and of the record, and what came of it, in words."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from dashboard.broker.client import Client
from dashboard.floor.state import StationKey
from dashboard.history.recall import Known
from dashboard.roster.athletes import Athlete
from dashboard.roster.plans import assignment, exercise_change, is_id, whole_of, whom
from station.exercises import Profile
from station.messages import (
    BadgeMessage,
    CommandMessage,
    CommandName,
    InfoMessage,
    ReplyMessage,
    new_id,
    now_utc,
)


class Said(NamedTuple):
    """What came of it, for a person to read; `station` is whose words they are."""

    station: str
    words: str
    ok: bool


ACTIONS_REMEMBERED = 32  # of each station, and replies seen; an edge remembers its commands likewise


@dataclass(eq=False)
class _Action:
    """What one key or one badge has sent, and what came of it."""

    commands: int  # that were done, as far as is known
    of: str = ""  # somebody else's command, or the badge that brought it about
    in_parts: bool = False  # a badge's commands have been counted, not only the record's answer to it
    answers: list[ReplyMessage] = field(default_factory=list)


class Wishes:
    """Sends wishes, and puts the answers of those that belong together into one sentence."""

    def __init__(
        self,
        client: Client,
        profiles: Mapping[str, Profile],
        by: str,
        known: Callable[[], Known],
        info_of: Callable[[StationKey], InfoMessage | None],
        tell: Callable[[Said], None],
    ) -> None:
        """`by` is who asks; `known` what the record knows; `info_of` a station's settings; `tell` shows."""
        self._client = client
        self._profiles = profiles
        self._by = by
        self._known = known
        self._info_of = info_of
        self._tell = tell
        self._together: dict[str, _Action] = {}  # by wish; those sent at once share one
        self._done: dict[str, deque[_Action]] = {}  # by station, the newest last
        self._replied: deque[str] = deque(maxlen=ACTIONS_REMEMBERED)  # QoS 1 may bring a reply twice

    def send(self, key: StationKey, name: CommandName, **given: Any) -> None:
        """Ask a station's edge; the reply is told when it comes."""
        self._ask(key, self._command(name, **given))

    def undo(self, key: StationKey) -> None:
        """Take the newest action back, all the commands of it."""
        done = self._actions_of(key[1])
        while done and done[-1].commands <= 0:
            done.pop()  # all of it was refused
        count = done.pop().commands if done else 1
        self._ask(key, *(self._command("undo") for _ in range(count)))

    def send_badge(self, key: StationKey, badge: str) -> None:
        """Ask the record whose it is; it sets the station, and the station's info says to whom."""
        self._ask(key, BadgeMessage(event_id=new_id(), at_utc=now_utc(), badge=badge, by=key[1]))

    def give_to(self, key: StationKey, athlete: str | None) -> None:
        """The station is this athlete's now, with their plan where the record has one."""
        found = self._athlete(athlete)
        if found is None:
            self.send(key, "set-athlete", athlete=athlete)
        else:
            self._ask(key, *assignment(found, self._info_of(key), self._profiles, self._by))

    def give_exercise(self, key: StationKey, exercise: str) -> None:
        """The station counts this now, with the athlete's plan for it where the record has one."""
        info = self._info_of(key)
        found = self._athlete(info.athlete if info else None)
        self._ask(key, *exercise_change(found, exercise, self._by))

    def athlete_of(self, word: str) -> str:
        """The id of whoever a badge, a name or an id means. Raises ValueError with words for nobody."""
        known = self._known()
        found = whom(known.athletes, word)
        if found is not None:
            return found.id
        if not is_id(word):
            raise ValueError(known.problem or f"nobody called {word[:20]!r}; an id has a-z, 0-9 and -")
        return word

    def answered(self, station: str, reply: ReplyMessage, others: bool = False) -> bool:
        """Tell what wishes have come to so far; whether there was something to tell.

        A repeat is not told, nor another screen's reply, but with `others` what a station refused them.
        """
        asked = self._client.answered(reply)
        if asked is not None:
            action = self._together.pop(reply.in_reply_to)
            action.answers.append(reply)
            action.commands -= not reply.ok
            refused = [one for one in action.answers if not one.ok]
            # What was refused, alone: the rest was done as asked, and the station shows it.
            words = "; ".join(one.text for one in refused or action.answers)
            self._tell(Said(asked.station, words, not refused))
        elif others and not reply.ok:
            self._tell(Said(station, reply.text, False))
        if asked is None and reply.ok and reply.in_reply_to not in self._replied:
            self._somebody_else(station, reply)
        self._replied.append(reply.in_reply_to)
        return asked is not None or (others and not reply.ok)

    def tell_unanswered(self) -> None:
        """Tell of the wishes whose time is up, each once."""
        for asked in self._client.unanswered():
            self._together.pop(asked.wish.event_id).commands -= 1
            hint = "; the record does not run" if isinstance(asked.wish, BadgeMessage) else ""
            self._tell(Said(asked.station, f"no answer to {asked.name}{hint}", False))

    def _ask(self, key: StationKey, *wishes: CommandMessage | BadgeMessage) -> None:
        """Send them in this order."""
        action = _Action(len(wishes))
        for wish in wishes:
            if not self._client.send(*key, wish):
                self._tell(Said(key[1], "not sent, no broker", False))
                return
            self._together[wish.event_id] = action
        if all(isinstance(wish, CommandMessage) and wish.name != "undo" for wish in wishes):
            self._actions_of(key[1]).append(action)

    def _somebody_else(self, station: str, reply: ReplyMessage) -> None:
        """Another screen's command was done, or one of a badge's: it is what an undo means now."""
        done = self._actions_of(station)
        if not reply.text.startswith("undone"):
            whole, is_part = whole_of(reply.in_reply_to)
            action = next((one for one in done if one.of == whole), None)
            if action is None:
                done.append(_Action(1, of=whole, in_parts=is_part))
            elif is_part:
                action.commands += action.in_parts
                action.in_parts = True
        elif done:
            done[-1].commands -= 1
            if done[-1].commands <= 0:
                done.pop()

    def _actions_of(self, station: str) -> deque[_Action]:
        return self._done.setdefault(station, deque(maxlen=ACTIONS_REMEMBERED))

    def _command(self, name: CommandName, **given: Any) -> CommandMessage:
        return CommandMessage(event_id=new_id(), at_utc=now_utc(), name=name, by=self._by, **given)

    def _athlete(self, athlete: str | None) -> Athlete | None:
        return next((one for one in self._known().athletes if one.id == athlete), None)


def names(infos: Sequence[InfoMessage | None], known: Known) -> list[str]:
    """Whoever lifts or waits anywhere, and whoever the record knows, by id and by name."""
    here = [name for info in infos if info for name in (info.athlete, *info.queue) if name]
    return sorted({*here, *(word for one in known.athletes for word in (one.id, one.name))})
