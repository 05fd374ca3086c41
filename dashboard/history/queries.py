"""Plain records out of the history: reps, sets and sessions, by athlete, exercise and time.

Everything takes an open Database (`open_history`) and returns records; a rejected rep is not among them.
What is worked out from sets (trends, comparisons, the load-velocity profile) needs no database.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta, tzinfo
from typing import Any

import msgspec

from dashboard.database.database import Database, Row
from dashboard.floor.running import STRUCK
from dashboard.floor.times import day_of, instant
from station.bounds import believed
from station.messages import now_utc
from station.records import Rep, SetSummary
from station.weighing import of_set

LONGEST_SET = timedelta(hours=6)  # from its first rep to its last
MOST_REPS = 20_000  # read at once: a year of one athlete

REQUIRED = ("revision", "set_number", "number", "start_s", "end_s")
_REP_FIELDS = tuple(field.name for field in msgspec.structs.fields(Rep))


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
        counted = self.counted
        velocities = [v for rep in counted if (v := rep.mean_concentric_velocity_mps) is not None]
        ranges = sorted(rep.rom_m for rep in counted if rep.rom_m is not None)
        middle = len(ranges) // 2
        weighed = of_set(one.rep for one in self.reps)
        return SetSummary(
            number=self.reps[0].set_number,
            counted_reps=len(counted),
            partial_reps=len(self.reps) - len(counted),
            start_s=min(one.rep.start_s for one in self.reps),
            end_s=max(one.rep.end_s for one in self.reps),
            fastest_mean_concentric_velocity_mps=max(velocities, default=None),
            last_mean_concentric_velocity_mps=velocities[-1] if velocities else None,
            velocity_loss_pct=(
                100.0 * (1.0 - velocities[-1] / max(velocities))
                if velocities and max(velocities) > 0
                else None
            ),
            median_rom_m=(ranges[middle] + ranges[~middle]) / 2 if ranges else None,
            largest_path_deviation_m=max(
                (rep.path_deviation_m for rep in counted if rep.path_deviation_m is not None), default=None
            ),
            load_measured_kg=weighed.kg if weighed else None,
            load_measured_sigma_kg=weighed.sigma_kg if weighed else None,
        )


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
    """That an athlete has done an exercise: a line of the list to choose from."""

    athlete: str | None
    exercise: str
    counted_reps: int
    first_utc: str
    last_utc: str


def practised(db: Database) -> list[Practised]:
    """Which athlete has done which exercise, the latest first."""
    rows = db.rows(
        "SELECT athlete, exercise, SUM(counted) AS counted_reps, MIN(at_utc) AS first_utc,"
        " MAX(at_utc) AS last_utc FROM reps WHERE state <> 'rejected' GROUP BY athlete, exercise"
        " ORDER BY last_utc DESC, athlete, exercise"
    )
    return [Practised(**row | {"counted_reps": int(row["counted_reps"])}) for row in rows]


def reps(db: Database, wanted: Filter = EVERYTHING, limit: int = MOST_REPS) -> list[KeptRep]:
    """The newest reps of a filter, oldest first; those of a set together and by number."""
    where, values = condition(wanted)
    rows = db.rows(
        f"SELECT * FROM reps WHERE {where} ORDER BY at_utc DESC, set_number DESC, number DESC LIMIT ?",
        [*values, limit],
    )
    return [kept_rep(row) for row in reversed(rows)]


def sets(db: Database, wanted: Filter = EVERYTHING, limit: int = MOST_REPS) -> list[KeptSet]:
    """The sets of a filter, oldest first, out of its newest `limit` reps.

    A set belongs whole to where its first rep lies: one that goes on past midnight is of the day before.
    Where the limit cuts, the oldest set may lack its first reps and is left out.
    """
    kept = reps(db, _wider(wanted), limit)
    grouped = group_sets(kept)
    if len(kept) == limit and len(grouped) > 1:
        grouped = grouped[1:]
    since, until = wanted.since_utc or "", wanted.until_utc or "~"
    return [one for one in grouped if since <= one.at_utc < until]


def _wider(wanted: Filter) -> Filter:
    """The filter with room for sets that began before its time, or go on beyond it."""
    since, until = wanted.since_utc, wanted.until_utc
    return msgspec.structs.replace(
        wanted,
        since_utc=now_utc(instant(since) - LONGEST_SET) if since else None,
        until_utc=now_utc(instant(until) + LONGEST_SET) if until else None,
    )


def sessions(
    db: Database, wanted: Filter = EVERYTHING, limit: int = MOST_REPS, zone: tzinfo | None = None
) -> list[TrainingSession]:
    """The sessions of a filter, the newest first. `zone` says when a day ends; None: as this machine does."""
    return group_sessions(sets(db, wanted, limit), zone)


class WholeSet(msgspec.Struct, frozen=True, kw_only=True):
    """A set to be put right: those of its reps that a person has struck are there as well."""

    event_id: str | None  # None: its summary has not come
    reps: tuple[KeptRep, ...]  # by start


def whole_set(db: Database, key: tuple[str, str, str, int]) -> WholeSet:
    """A set by site, station, session and number."""
    where = "site = ? AND station = ? AND session = ?"
    rows = db.rows(f"SELECT * FROM reps WHERE {where} AND set_number = ? ORDER BY start_s, event_id", key)
    kept = [one for one in map(kept_rep, rows) if one.state != "rejected" or one.rep.reason_code in STRUCK]
    ids = db.rows(f"SELECT event_id FROM sets WHERE {where} AND number = ?", key)
    return WholeSet(event_id=ids[0]["event_id"] if ids else None, reps=tuple(kept))


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


def kept_rep(row: Row) -> KeptRep:
    """A row of the table `reps` as a record, with nothing in it that cannot be drawn."""
    row = believed(row, REQUIRED)
    fields: dict[str, Any] = {name: row[name] for name in _REP_FIELDS}
    fields["counted"] = bool(fields["counted"])
    around = {name: row[name] for name in KeptRep.__struct_fields__ if name != "rep"}
    return KeptRep(**around, rep=Rep(**fields))


def condition(wanted: Filter, rejected: bool = False) -> tuple[str, list[Any]]:
    """A filter as what stands after WHERE, and its values."""
    parts = [] if rejected else ["state <> 'rejected'"]
    values: list[Any] = []
    for field in wanted.__struct_fields__:
        value = getattr(wanted, field)
        if value is None:
            continue
        comparison = {"since_utc": "at_utc >= ?", "until_utc": "at_utc < ?"}.get(field, f"{field} = ?")
        parts.append(comparison)
        values.append(value)
    return " AND ".join(parts) or "1 = 1", values
