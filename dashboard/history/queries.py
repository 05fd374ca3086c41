"""Plain records out of the history: reps, sets and sessions, by athlete, exercise and time.

Everything takes an open Database (`open_history`) and returns records; a rejected rep is not among them.
What is worked out from sets (trends, comparisons, the load-velocity profile) needs no database.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    ColumnElement,
    MetaData,
    Table,
    UniqueConstraint,
    and_,
    case,
    false,
    func,
    or_,
    select,
    true,
)

from dashboard.database.database import Database, Row
from dashboard.database.tables import REPS, SETS
from dashboard.database.types import TEXT, TIME
from dashboard.floor.running import STRUCK
from dashboard.floor.times import UNREADABLE, day_of, format_utc, instant
from dashboard.history.kept import (
    EVERYTHING,
    Effort,
    Filter,
    KeptRep,
    KeptSet,
    Practised,
    WholeSet,
    group_sets,
)
from station.bounds import limits, within_limits
from station.curve import Curve
from station.exercises import Tempo
from station.exercises.judge import kept_within
from station.records import Rep

LONGEST_SET = timedelta(hours=6)  # from its first rep to its last
MOST_REPS = 20_000  # read at once: a year of one athlete
MOST_LINES = 5_000  # of athletes and exercises; a gym of 300 has some 1 500

REQUIRED = ("revision", "set_number", "number", "start_s", "end_s")
TEMPO = ("eccentric_s", "bottom_pause_s", "concentric_s", "top_pause_s")
_REP_FIELDS = Rep.__struct_fields__
_AROUND = tuple(name for name in KeptRep.__struct_fields__ if name != "rep")


# A chain of gyms has too many reps to look through; its ingest keeps this list, by site.
PRACTISED = Table(
    "chain_practised",
    MetaData(),
    Column("site", TEXT, nullable=False),
    Column("athlete", TEXT),
    *(Column(name, kind, nullable=False) for name, kind in (("exercise", TEXT), ("last_utc", TIME))),
    UniqueConstraint("site", "athlete", "exercise", postgresql_nulls_not_distinct=True),
)


def practised(db: Database, limit: int = MOST_LINES) -> list[Practised]:
    """Which athlete has done which exercise, the latest first."""
    of = (PRACTISED if is_chain(db) else REPS).c
    last = func.max(of.last_utc if "last_utc" in of else of.at_utc).label("last_utc")
    lines = select(of.athlete, of.exercise, last).group_by(of.athlete, of.exercise)
    if "state" in of:
        lines = lines.where(of.state != "rejected")
    rows = db.rows(lines.order_by(last.desc(), of.athlete, of.exercise).limit(limit))
    return [Practised(**row) for row in rows]


def is_chain(db: Database) -> bool:
    """Whether a history is that of a chain of gyms."""
    if db.dialect != "postgresql":
        return False
    return bool(db.rows(select(func.to_regclass(PRACTISED.name).is_not(None).label("it_is")))[0]["it_is"])


def reps(db: Database, wanted: Filter = EVERYTHING, limit: int = MOST_REPS) -> list[KeptRep]:
    """The newest reps of a filter, oldest first; those of a set together and by number.

    Without their curves, which are most of their bytes: see `with_curves`.
    """
    of = REPS.c
    newest = (of.at_utc.desc(), of.set_number.desc(), of.number.desc())
    rows = db.rows(
        select(*(column for column in of if column is not of.curve))
        .where(condition(REPS, wanted))
        .order_by(*newest)
        .limit(limit)
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


def efforts(db: Database, exercise: str, since_utc: str, tempo: Tempo | None = None) -> list[Effort]:
    """The sets of an exercise since a time as a squad is compared by them, oldest first.

    The database adds them up: weeks of a gym are 20 000 reps, and making records of them takes longer.
    """
    of, keys = REPS.c, (REPS.c.site, REPS.c.station, REPS.c.session, REPS.c.set_number)
    phases = [
        (_bounded(of[name]), span)
        for name, span in zip(TEMPO, kept_within(tempo), strict=True) if span
    ] if tempo else []  # fmt: skip
    judged = and_(of.counted, or_(false(), *(took.is_not(None) for took, _ in phases)))
    kept = and_(judged, *(or_(took.is_(None), took.between(*span)) for took, span in phases))
    whose = (of.athlete, _bounded(of.load_kg).label("load_kg"))  # nearly always one of each in a set
    added = (
        *(func.min(of.at_utc).label("at_utc"), func.min(of.number).label("first")),
        *(func.max(of.number).label("last"), _how_many(of.counted).label("counted")),
        func.max(_bounded(of.mean_concentric_velocity_mps)).filter(of.counted).label("fastest_mps"),
        *(_how_many(judged).label("judged"), _how_many(kept).label("kept")),
    )
    wanted = condition(REPS, _wider(Filter(exercise=exercise, since_utc=since_utc)))
    by_set: dict[tuple[Any, ...], list[Row]] = {}
    for row in db.rows(select(*keys, *whose, *added).where(wanted).group_by(*keys, *whose)):
        by_set.setdefault(tuple(row[key.name] for key in keys), []).append(row)
    found = sorted(map(_effort, by_set.values()), key=lambda one: one.at_utc)
    return [one for one in found if one.at_utc >= since_utc]


def _effort(parts: list[Row]) -> Effort:
    """A set out of its parts; the athlete is its first rep's, the load its last one's, as in a KeptSet."""
    speeds = [row["fastest_mps"] for row in parts if row["fastest_mps"] is not None]
    return Effort(
        athlete=min(parts, key=lambda row: row["first"])["athlete"],
        load_kg=max(parts, key=lambda row: row["last"])["load_kg"],
        at_utc=min(row["at_utc"] for row in parts),
        fastest_mps=max(speeds, default=None),
        **{name: sum(row[name] for row in parts) for name in ("counted", "judged", "kept")},
    )


def _how_many(holds: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count().filter(holds)


def _bounded(column: Column[Any]) -> ColumnElement[Any]:
    """A number, and NULL where it is none that can be drawn."""
    return case((column.between(*limits(column.name)), column))


def training_days(db: Database, athlete: str | None) -> dict[str, int]:
    """How many sets an athlete has done on which day; a set belongs to the day it began."""
    of = REPS.c
    whose = of.athlete == athlete if athlete is not None else of.athlete.is_(None)
    began = (
        select(func.min(of.at_utc).label("at_utc"))
        .where(of.state != "rejected", whose)
        .group_by(of.site, of.station, of.session, of.set_number)
    )
    times = (row["at_utc"] for row in db.rows(began))
    days = Counter(day_of(at_utc) for at_utc in times if instant(at_utc) != UNREADABLE)
    return dict(sorted(days.items()))


def with_curves(db: Database, a_set: KeptSet) -> KeptSet:
    """A set with the curves of those of its reps that have one."""
    of, first = REPS.c, a_set.reps[0]
    session = and_(of.site == first.site, of.station == first.station, of.session == first.session)
    rows = db.rows(select(of.event_id, of.curve).where(session, of.set_number == first.set_number))
    curves = {row["event_id"]: _curve(row["curve"]) for row in rows}
    return KeptSet(
        reps=tuple(
            msgspec.structs.replace(one, rep=msgspec.structs.replace(one.rep, curve=curves.get(one.event_id)))
            for one in a_set.reps
        )
    )


def _wider(wanted: Filter) -> Filter:
    """The filter with room for sets that began before its time, or go on beyond it."""
    since, until = wanted.since_utc, wanted.until_utc
    return msgspec.structs.replace(
        wanted,
        since_utc=format_utc(instant(since) - LONGEST_SET) if since else None,
        until_utc=format_utc(instant(until) + LONGEST_SET) if until else None,
    )


def whole_set(db: Database, key: tuple[str, str, str, int]) -> WholeSet:
    """A set by site, station, session and number."""

    def of(table: Table, number: str) -> ColumnElement[bool]:
        columns = (table.c.site, table.c.station, table.c.session, table.c[number])
        return and_(*(column == value for column, value in zip(columns, key, strict=True)))

    rows = db.rows(select(REPS).where(of(REPS, "set_number")).order_by(REPS.c.start_s, REPS.c.event_id))
    kept = [one for one in map(kept_rep, rows) if one.state != "rejected" or one.rep.reason_code in STRUCK]
    ids = db.rows(select(SETS.c.event_id).where(of(SETS, "number")))
    return WholeSet(event_id=ids[0]["event_id"] if ids else None, reps=tuple(kept))


def kept_rep(row: Row) -> KeptRep:
    """A row of the table `reps` as a record, with nothing in it that cannot be drawn."""
    row = within_limits(row, REQUIRED)
    measured: dict[str, Any] = {name: row.get(name) for name in _REP_FIELDS if name != "curve"}
    rep = Rep(**measured, curve=_curve(row.get("curve")))
    return KeptRep(**{name: row[name] for name in _AROUND}, rep=rep)


def _curve(kept: str | None) -> Curve | None:
    """What the column holds; None also for what somebody else has written there."""
    try:
        return None if kept is None else msgspec.json.decode(kept, type=Curve)
    except msgspec.DecodeError:
        return None


def condition(table: Table, wanted: Filter, rejected: bool = False) -> ColumnElement[bool]:
    """What of a table a filter lets through."""
    return and_(true(), *_parts(table, wanted, rejected))


def _parts(table: Table, wanted: Filter, rejected: bool) -> Iterator[ColumnElement[bool]]:
    if table is REPS and not rejected:
        yield table.c.state != "rejected"
    for name, value in msgspec.structs.asdict(wanted).items():
        if value is None:
            continue
        match name:
            case "since_utc":
                yield table.c.at_utc >= value
            case "until_utc":
                yield table.c.at_utc < value
            case _:
                yield table.c[name] == value
