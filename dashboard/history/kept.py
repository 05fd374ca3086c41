"""Reps, sets and sessions as the history has them: plain records, and what is worked out from them alone."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from types import MappingProxyType

import msgspec

from dashboard.floor.coaching import AthleteRecord
from dashboard.floor.names import Names
from dashboard.floor.times import day_of
from dashboard.roster.people import Athlete
from station.bounds import measured
from station.records import Rep, SetSummary
from station.sets import summarise


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which reps; None: any. Times are RFC 3339 in UTC, `[since, until)`."""

    athlete: str | None = None
    exercise: str | None = None
    since_utc: str | None = None
    until_utc: str | None = None
    site: str | None = None
    station: str | None = None
    session: str | None = None  # of the station, from one start of its node to the next


EVERYTHING = Filter()


class KeptRep(msgspec.Struct, frozen=True, kw_only=True):
    """A rep as the history has it: its newest revision and what stood around it."""

    site: str
    station: str
    event_id: str
    revision: int
    state: str  # pending | confirmed
    at_utc: str
    session: str
    exercise: str
    athlete: str | None
    load_kg: float | None
    set_number: int
    rep: Rep


class KeptSet(msgspec.Struct, frozen=True, kw_only=True):
    """The reps of one set, by number."""

    reps: tuple[KeptRep, ...]  # at least one

    @property
    def key(self) -> tuple[str, str, str, int]:
        """Site, station, session and number: no other set has these."""
        first = self.reps[0]
        return first.site, first.station, first.session, first.set_number

    @property
    def at_utc(self) -> str:
        """When its first rep was known."""
        return min(one.at_utc for one in self.reps)

    @property
    def athlete(self) -> str | None:
        """Who lifted, a pseudonymous id."""
        return self.reps[0].athlete

    @property
    def exercise(self) -> str:
        """The exercise's name."""
        return self.reps[0].exercise

    @property
    def load_kg(self) -> float | None:
        """As entered; the last rep's, because a load entered late is the one that was meant."""
        return self.reps[-1].load_kg

    @property
    def counted(self) -> tuple[Rep, ...]:
        """The reps that count."""
        return tuple(one.rep for one in self.reps if one.rep.counted)

    @property
    def summary(self) -> SetSummary:
        """The set's figures from its reps as they stand now, after every mark of a coach."""
        reps = [one.rep for one in self.reps]
        summary: SetSummary = measured(summarise(self.reps[0].set_number, reps))
        return summary


class Effort(msgspec.Struct, frozen=True, kw_only=True):
    """What of a set a squad is compared by."""

    athlete: str | None
    at_utc: str
    load_kg: float | None
    counted: int
    fastest_mps: float | None  # of the reps that count: their largest mean concentric velocity
    judged: int  # of them, reps of which a phase has a target
    kept: int  # of those, reps that kept it


class TrainingSession(msgspec.Struct, frozen=True, kw_only=True):
    """What one athlete did on one day, at whatever stations."""

    athlete: str | None
    day: str  # 2030-01-31, by the reader's clock
    sets: tuple[KeptSet, ...]  # oldest first

    @property
    def id(self) -> str:
        """What `plumbline report` takes: athlete/day."""
        return f"{self.athlete or '-'}/{self.day}"

    @property
    def exercises(self) -> tuple[str, ...]:
        """Their names, in the order they were done."""
        return tuple(dict.fromkeys(one.exercise for one in self.sets))

    @property
    def counted_reps(self) -> int:
        """Over all sets."""
        return sum(len(one.counted) for one in self.sets)


class Practised(msgspec.Struct, frozen=True, kw_only=True):
    """An exercise that an athlete has done: a line of the list to choose from."""

    athlete: str | None
    exercise: str
    last_utc: str


Practice = tuple[str, str]  # athlete and exercise


class RecordSnapshot(msgspec.Struct, frozen=True):
    """What live screens know of the record; `problem`: why nothing could be read."""

    athletes: tuple[Athlete, ...] = ()
    names: Names = MappingProxyType({})
    squads: Mapping[str, str] = MappingProxyType({})  # by athlete's id
    notes: Mapping[str, str] = MappingProxyType({})  # for coaches, likewise
    before: Mapping[Practice, AthleteRecord] = MappingProxyType({})
    problem: str | None = None


class WholeSet(msgspec.Struct, frozen=True, kw_only=True):
    """A set to be put right: those of its reps that a person has struck are there as well."""

    event_id: str | None  # None: its summary has not come
    reps: tuple[KeptRep, ...]  # by start


def group_sets(kept: Iterable[KeptRep]) -> list[KeptSet]:
    """Reps in any order as sets, oldest first."""
    by_key: dict[tuple[str, str, str, int], list[KeptRep]] = {}
    for one in kept:
        by_key.setdefault((one.site, one.station, one.session, one.set_number), []).append(one)
    found = [
        KeptSet(reps=tuple(sorted(some, key=lambda one: (one.rep.number, one.event_id))))
        for some in by_key.values()
    ]
    return sorted(found, key=lambda one: (one.at_utc, one.key))


def group_sessions(done: Sequence[KeptSet], zone: tzinfo | None = None) -> list[TrainingSession]:
    """Sets, oldest first, as sessions, the newest first."""
    by_day: dict[tuple[str, str | None], list[KeptSet]] = {}
    for one in done:
        by_day.setdefault((day_of(one.at_utc, zone), one.athlete), []).append(one)
    found = [
        TrainingSession(athlete=athlete, day=day, sets=tuple(some)) for (day, athlete), some in by_day.items()
    ]
    return sorted(found, key=lambda one: (one.day, one.sets[-1].at_utc), reverse=True)
