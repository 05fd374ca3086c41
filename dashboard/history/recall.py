"""What the live screens know from the record: who lifts here, their plans, and how far they were before.

Read again and again in a thread of its own: a record that is locked, slow or gone stops no screen.
"""

import threading
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from dashboard.database.database import Database
from dashboard.database.schema import open_history
from dashboard.floor.coaching import Before, EarlierSet
from dashboard.floor.names import Names, names_of
from dashboard.history.queries import Filter, KeptSet, sets
from dashboard.roster.athletes import Athlete, athletes
from station.errors import StoreError
from station.exercises.coaching import DoneSet
from station.messages import CommandMessage

AGAIN_S = 10.0  # what a coach imports or signs off elsewhere is here soon
SETS_LOOKED_AT = 8  # a mastery rule asks for two or three
REPS_LOOKED_AT = 400
WANTED_KEPT = 8  # stations that are looked at one after the other

Practice = tuple[str, str]  # athlete and exercise


class Known(msgspec.Struct, frozen=True):
    """One reading of the record; `problem` says why there was none."""

    athletes: tuple[Athlete, ...] = ()
    names: Names = MappingProxyType({})
    before: Mapping[Practice, Before] = MappingProxyType({})
    rests_s: Mapping[Practice, float] = MappingProxyType({})  # what plans ask for
    problem: str | None = None


class Recall:
    """Keeps `known` up to date while it is used as a context manager."""

    def __init__(self, where: str | Path | None = None) -> None:
        """`where` is the record's path or URL, None for this machine's own."""
        self.known = Known()
        self._where = where
        self._wanted: dict[Practice, None] = {}  # the newest last
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._leaving = False
        self._thread = threading.Thread(target=self._run, name="recall", daemon=True)

    def __enter__(self) -> "Recall":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._leaving = True
        self._wake.set()
        self._thread.join(3.0)

    def want(self, athlete: str, exercise: str) -> None:
        """An athlete's earlier sets of an exercise are looked at from now on."""
        with self._lock:
            new = (athlete, exercise) not in self._wanted
            self._wanted.pop((athlete, exercise), None)
            self._wanted[athlete, exercise] = None
            if len(self._wanted) > WANTED_KEPT:
                del self._wanted[next(iter(self._wanted))]
        if new:
            self._wake.set()

    def again(self) -> None:
        """Something was done that the record knows of by now, or soon."""
        self._wake.set()

    def _run(self) -> None:
        while not self._leaving:
            with self._lock:
                wanted = tuple(self._wanted)
            try:
                with open_history(self._where) as db:
                    self.known = read_known(db, wanted)
            except StoreError as error:
                self.known = msgspec.structs.replace(self.known, problem=str(error))
            self._wake.wait(AGAIN_S)
            self._wake.clear()


def read_known(db: Database, wanted: tuple[Practice, ...] = ()) -> Known:
    """Everybody, and what the athletes of `wanted` did before. Raises StoreError."""
    signed_off = signed_off_by_coaches(db) if wanted else set()
    before = {
        (athlete, exercise): Before(
            sets=tuple(_earlier(db, athlete, exercise)), signed_off=(athlete, exercise) in signed_off
        )
        for athlete, exercise in wanted
    }
    people = tuple(athletes(db))
    rests_s = {
        (one.id, plan.exercise): plan.rest_s
        for one in people
        for plan in one.plans
        if plan.rest_s is not None
    }
    return Known(athletes=people, names=names_of(people), before=before, rests_s=rests_s)


def signed_off_by_coaches(db: Database) -> set[Practice]:
    """Which athlete has been signed off for which exercise, unless that was taken back."""
    found: dict[tuple[str, str, str], Practice] = {}  # by site, station and the action
    for row in db.rows(
        "SELECT site, station, name, command, action, undone, event_id FROM commands"
        " WHERE ok = 1 AND name IN ('sign-off', 'undo') ORDER BY answered_utc, at_utc"
    ):
        where = (row["site"], row["station"])
        if row["name"] == "undo":
            found.pop((*where, row["undone"] or ""), None)
            continue
        command = msgspec.json.decode(row["command"], type=CommandMessage)
        if command.athlete and command.exercise:
            found[*where, row["action"] or row["event_id"]] = (command.athlete, command.exercise)
    return set(found.values())


def _earlier(db: Database, athlete: str, exercise: str) -> list[EarlierSet]:
    kept = sets(db, Filter(athlete=athlete, exercise=exercise), REPS_LOOKED_AT)[-SETS_LOOKED_AT:]
    over = {
        (row["site"], row["station"], row["session"], row["number"])
        for row in db.rows(
            "SELECT site, station, session, number FROM sets WHERE athlete = ? AND exercise = ?"
            " ORDER BY at_utc DESC LIMIT ?",
            (athlete, exercise, 4 * SETS_LOOKED_AT),
        )
    }
    return [
        EarlierSet(session=one.reps[0].session, number=one.key[3], over=one.key in over, done=_done(one))
        for one in kept
    ]


def _done(kept: KeptSet) -> DoneSet:
    return DoneSet(reps=[one.rep for one in kept.reps], load_kg=kept.load_kg)
