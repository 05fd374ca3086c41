"""Answers badges: finds the athlete, and makes the commands that assign the station."""

from collections import Counter, deque
from collections.abc import Mapping
from datetime import UTC, datetime
from statistics import median
from typing import NamedTuple

import msgspec
from sqlalchemy import select

from dashboard.database.database import Database
from dashboard.database.tables import REPS, SETS
from dashboard.floor.state import StationKey
from dashboard.roster.athletes import athletes
from dashboard.roster.people import Plan
from dashboard.roster.plans import assignment, identify, in_words, part_of, pick, plan_at
from station.exercises import Profile
from station.messages import (
    BadgeMessage,
    CommandMessage,
    InfoMessage,
    ReplyCode,
    ReplyMessage,
    new_id,
    now_utc,
)

REMEMBERED = 256  # badges: QoS 1 may bring one twice, and the second must not end the set that has begun
STATIONS_KEPT = 4096
BY_CHARS = 64
LEAST_REPS, MOST_REPS = 10, 60  # of which a range is said to be usual: two sets, and some days of training


class Answer(NamedTuple):
    """Commands for the station's edge, and the reply for the screen that read the badge."""

    commands: list[CommandMessage]
    reply: ReplyMessage


class Badges:
    """Answers each badge once, by each station's settings."""

    def __init__(self, db: Database, profiles: Mapping[str, Profile]) -> None:
        self._db = db
        self._profiles = profiles
        self._infos: dict[StationKey, InfoMessage] = {}
        self._answered: deque[str] = deque(maxlen=REMEMBERED)

    def heard(self, key: StationKey, info: InfoMessage) -> None:
        """Note a station's settings."""
        self._infos[key] = info
        if len(self._infos) > STATIONS_KEPT:
            del self._infos[next(iter(self._infos))]

    def answer(self, key: StationKey, message: BadgeMessage) -> Answer | None:
        """The answer to a badge; None if answered before. Raises StoreError if the record cannot be read."""
        if message.event_id in self._answered:
            return None
        # A name has no place on a topic.
        athlete = identify(athletes(self._db), message.badge, ("badge", "id"))
        self._answered.append(message.event_id)
        if athlete is None:
            words = f"badge {message.badge[:32]} unknown; ask the coach"
            return Answer([], ReplyMessage.to(message, ReplyCode.UNKNOWN_BADGE, words))
        info = self._infos.get(key)
        by = f"badge at {message.by}"[:BY_CHARS]
        if message.exercise is None:
            done = sets_done(self._db, athlete.id, day_began())
            plan = plan_at(athlete, info, self._profiles, done)
            commands = assignment(athlete, info, self._profiles, by, done)
        elif message.exercise in self._profiles:
            plan = Plan(exercise=message.exercise)
            plan = next((one for one in athlete.plans if one.exercise == plan.exercise), plan)
            commands = pick(athlete, plan.exercise, by)
        else:
            words = f"no exercise {message.exercise[:32]!r} here"
            return Answer([], ReplyMessage.to(message, ReplyCode.UNKNOWN_EXERCISE, words))
        commands = [
            msgspec.structs.replace(
                command, event_id=part_of(message.event_id, number), action=message.event_id
            )
            for number, command in enumerate(commands, 1)
        ]
        words = in_words(athlete, plan, self._profiles)
        return Answer(commands, ReplyMessage.to(message, ReplyCode.DONE, words))

    def usual_range(self, info: InfoMessage) -> CommandMessage | None:
        """Tells a station how far whoever lifts there moves at what it counts; None where nobody knows.

        Raises StoreError if the record cannot be read.
        """
        range_m = usual_range_m(self._db, info.athlete, info.exercise) if info.athlete else None
        if range_m is None:
            return None
        return CommandMessage(
            event_id=new_id(),
            at_utc=now_utc(),
            by="record",
            name="set-usual-range",
            athlete=info.athlete,
            exercise=info.exercise,
            usual_range_m=range_m,
        )


def usual_range_m(db: Database, athlete: str, exercise: str) -> float | None:
    """The median range of an athlete's newest counted reps; None: too few. Raises StoreError."""
    of = REPS.c
    theirs = select(of.rom_m).where(
        of.athlete == athlete, of.exercise == exercise, of.counted.is_(True), of.rom_m.is_not(None)
    )
    found = [row["rom_m"] for row in db.rows(theirs.order_by(of.at_utc.desc()).limit(MOST_REPS))]
    return median(found) if len(found) >= LEAST_REPS else None


def day_began() -> datetime:
    """Midnight by this machine's clock."""
    return datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)


def sets_done(db: Database, athlete: str, since: datetime) -> dict[str, int]:
    """How many sets an athlete has done since a time, by exercise. Raises StoreError."""
    of = SETS.c
    theirs = select(of.exercise).where(
        of.athlete == athlete, of.at_utc >= now_utc(since.astimezone(UTC)), of.counted_reps > 0
    )
    return dict(Counter(str(row["exercise"]) for row in db.rows(theirs)))
