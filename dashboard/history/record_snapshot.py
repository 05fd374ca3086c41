"""What of the record the live screens know: who lifts, their plans, and how far they were before."""

import msgspec
from sqlalchemy import select

from dashboard.database.database import Database
from dashboard.database.tables import COMMANDS, SETS
from dashboard.floor.coaching import AthleteRecord, EarlierSet
from dashboard.floor.times import day_of
from dashboard.history.kept import Filter, KeptSet, Practice, RecordSnapshot
from dashboard.history.queries import sets
from dashboard.roster.athletes import athletes
from dashboard.roster.people import names_of
from station.exercises.coaching import DoneSet
from station.messages import CommandMessage

SETS_LOOKED_AT = 40  # some weeks of one exercise: what is usual at a load
REPS_LOOKED_AT = 400


def read_record(db: Database, wanted: tuple[Practice, ...] = ()) -> RecordSnapshot:
    """Everybody, and what the athletes of `wanted` did before. Raises StoreError."""
    signed_off = signed_off_by_coaches(db) if wanted else set()
    before = {
        (athlete, exercise): AthleteRecord(
            sets=tuple(_earlier(db, athlete, exercise)), signed_off=(athlete, exercise) in signed_off
        )
        for athlete, exercise in wanted
    }
    people = tuple(athletes(db))
    squads = {one.id: one.squad for one in people if one.squad is not None}
    notes = {one.id: one.note for one in people if one.note is not None}
    names = names_of(people)
    return RecordSnapshot(athletes=people, names=names, squads=squads, notes=notes, before=before)


def signed_off_by_coaches(db: Database) -> set[Practice]:
    """Which athlete has been signed off for which exercise, unless that was taken back."""
    found: dict[tuple[str, str, str], Practice] = {}  # by site, station and the action
    of = COMMANDS.c
    about = select(of.site, of.station, of.name, of.command, of.action, of.undone, of.event_id)
    done = about.where(of.ok, of.name.in_(("sign-off", "undo"))).order_by(of.answered_utc, of.at_utc)
    for row in db.rows(done):
        where = (row["site"], row["station"])
        if row["name"] == "undo":
            found.pop((*where, row["undone"] or ""), None)
            continue
        try:
            command = msgspec.json.decode(row["command"], type=CommandMessage)
        except msgspec.DecodeError:
            continue  # written by somebody else
        if command.athlete and command.exercise:
            found[*where, row["action"] or row["event_id"]] = (command.athlete, command.exercise)
    return set(found.values())


def _earlier(db: Database, athlete: str, exercise: str) -> list[EarlierSet]:
    kept = sets(db, Filter(athlete=athlete, exercise=exercise), REPS_LOOKED_AT)[-SETS_LOOKED_AT:]
    of = SETS.c
    newest = select(of.site, of.station, of.session, of.number).order_by(of.at_utc.desc())
    theirs = newest.where(of.athlete == athlete, of.exercise == exercise).limit(4 * SETS_LOOKED_AT)
    over = {tuple(row.values()) for row in db.rows(theirs)}
    return [
        EarlierSet(
            session=one.reps[0].session,
            number=one.key[3],
            over=one.key in over,
            day=day_of(one.at_utc),
            done=_done(one),
        )
        for one in kept
    ]


def _done(kept: KeptSet) -> DoneSet:
    return DoneSet(reps=[one.rep for one in kept.reps], load_kg=kept.load_kg)
