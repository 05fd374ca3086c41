"""Athletes: names, badges and plans, which stay in the record; export and erasure of one's data."""

import hashlib
import re
from base64 import b32encode
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Delete, Table, delete, select

from dashboard.database.database import Database, Row
from dashboard.database.tables import (
    ATHLETES,
    COMMANDS,
    CORRECTIONS,
    ERASED,
    ORIGINALS,
    PLANS,
    QUARANTINE,
    REPS,
    SETS,
)
from dashboard.roster.names import name_key, same_badge
from dashboard.roster.people import Athlete, Plan
from station.bounds import within_limits
from station.errors import StoreError
from station.messages import now_utc

# Where an athlete is named by a column, in the order that rows refer to each other.
_THEIRS = (REPS.c.athlete, SETS.c.athlete, PLANS.c.athlete, ATHLETES.c.id)
_ERASED_FROM = (REPS, SETS, COMMANDS, QUARANTINE, PLANS, ATHLETES)
_PLAN_FIELDS = Plan.__struct_fields__


def athletes(db: Database) -> list[Athlete]:
    """All athletes of the record with their plans, by name."""
    plans: dict[str, list[Plan]] = {}
    for row in db.rows(select(PLANS).order_by(PLANS.c.athlete, PLANS.c.exercise)):
        plans.setdefault(row["athlete"], []).append(_plan(row))
    return [
        Athlete(**row, plans=tuple(plans.get(row["id"], ())))
        for row in db.rows(select(ATHLETES).order_by(ATHLETES.c.name, ATHLETES.c.id))
    ]


def _plan(row: Row) -> Plan:
    """A row of the table `plans`; a number that no station would take is none."""
    row = within_limits(row)
    return Plan(**{name: row[name] for name in _PLAN_FIELDS})


def find_athlete(db: Database, word: str) -> str:
    """The id of the athlete with this id, badge or name. Raises StoreError for none or several."""
    known = athletes(db)
    key = name_key(word)
    found = {one.id for one in known if key in (one.id, name_key(one.badge or ""), name_key(one.name))}
    if not found:
        found = {one.id for one in known if one.badge is not None and same_badge(one.badge, word)}
    found |= {word} if db.rows(select(REPS.c.event_id).where(REPS.c.athlete == word).limit(1)) else set()
    if len(found) == 1:
        return found.pop()
    if found:
        raise StoreError(f"{word!r} is {len(found)} athletes: {', '.join(sorted(found))}; give the id")
    there = [one.id for one in known]
    lifted = select(REPS.c.athlete).distinct().order_by(REPS.c.athlete)
    there += [row["athlete"] for row in db.rows(lifted)]
    listed = ", ".join(dict.fromkeys(one for one in there if one)) or "nobody yet"
    raise StoreError(f"{db.name}: no athlete {word!r}; there is {listed[:300]}")


def save(db: Database, people: Sequence[Athlete]) -> None:
    """Insert or replace athletes and all of their plans, in one transaction; others stay as they are.

    Raises StoreError where a badge is another athlete's.
    """
    with db.transaction():
        ids = {one.id for one in people}
        taken = {row["badge"]: row["id"] for row in db.rows(select(ATHLETES))}
        for one in people:
            owner = taken.get(one.badge) if one.badge is not None else None
            if owner is not None and owner not in ids:
                raise StoreError(f"badge {one.badge!r} of {one.id} is {owner}'s; a badge has one owner")
        for one in people:  # all first: badges may be handed on within the file
            db.run(delete(PLANS).where(PLANS.c.athlete == one.id))
            db.run(delete(ATHLETES).where(ATHLETES.c.id == one.id))
        for one in people:
            db.run(ATHLETES.insert(), {of.name: getattr(one, of.name) for of in ATHLETES.columns})
            db.run(delete(ERASED).where(ERASED.c.athlete_hash == hash_of(one.id)))
            if one.plans:
                plans = [{"athlete": one.id} | msgspec.structs.asdict(plan) for plan in one.plans]
                db.run(PLANS.insert(), plans)


def save_person(db: Database, one: Athlete) -> None:
    """Insert an athlete, or change name, badge, squad and note of one; plans stay as they are.

    Raises StoreError where the badge is another athlete's.
    """
    with db.transaction():
        others = select(ATHLETES.c.id).where(ATHLETES.c.badge == one.badge, ATHLETES.c.id != one.id)
        if one.badge is not None and (found := db.rows(others)):
            raise StoreError(f"badge {one.badge} is {found[0]['id']}'s; a badge has one owner")
        db.run(db.upsert(ATHLETES), {of.name: getattr(one, of.name) for of in ATHLETES.columns})
        db.run(delete(ERASED).where(ERASED.c.athlete_hash == hash_of(one.id)))


def save_plan(db: Database, athlete: str, plan: Plan) -> None:
    """Insert or replace one plan of an athlete. Raises StoreError for an athlete the record does not have."""
    with db.transaction():
        if not db.rows(select(ATHLETES.c.id).where(ATHLETES.c.id == athlete)):
            raise StoreError(f"{athlete} is not in the record: no plan can be kept; enter them first")
        db.run(delete(PLANS).where(PLANS.c.athlete == athlete, PLANS.c.exercise == plan.exercise))
        db.run(PLANS.insert(), {"athlete": athlete} | msgspec.structs.asdict(plan))


def everything(db: Database, athlete: str) -> Iterator[tuple[str, Row]]:
    """Every row of the record about an athlete, with the name of its table."""
    for column in reversed(_THEIRS):
        table = column.table
        order = [table.c[name] for name in ("at_utc", "event_id") if name in table.c]
        for row in db.stream(select(table).where(column == athlete).order_by(*order)):
            yield table.name, row
    for row in _commands_about(db, athlete):
        yield "commands", row
    for row in _quarantined_about(db, athlete):
        yield "quarantine", row | {"payload": bytes(row["payload"]).decode("utf-8", "replace")}


def erase(db: Database, athlete: str) -> dict[str, int]:
    """Delete all data about an athlete, also from the files' free pages; returns the rows per table.

    Rejected and old reps included; commands that name the athlete or mark their reps; and messages put aside
    that hold the id. Raises StoreError where that cannot be done whole.
    """
    gone = {table.name: 0 for table in _ERASED_FROM}
    with db.transaction():
        for row in _commands_about(db, athlete):
            gone["commands"] += db.run(_delete(COMMANDS, row))
        for row in _quarantined_about(db, athlete):
            gone["quarantine"] += db.run(_delete(QUARANTINE, row))
        for column in _THEIRS:
            gone[column.table.name] = db.run(delete(column.table).where(column == athlete))
        _erase_corrections(db, athlete)
    scrub(db)
    return gone


def hash_of(athlete: str) -> str:
    """A hash by which an erased athlete's id is recognised without being stored."""
    return b32encode(hashlib.sha256(f"plumbline erased {athlete}".encode()).digest()).decode()


def _erase_corrections(db: Database, athlete: str) -> None:
    """What corrections say of an athlete, and what they cover; a correction cannot bring the athlete back."""
    for row in db.rows(select(CORRECTIONS)):
        if _names(athlete, row["command"]):
            db.run(_delete(CORRECTIONS, row))
    for row in db.rows(select(ORIGINALS)):
        table = REPS if row["kind"] == REPS.name else SETS
        seen = select(table).where(*(column == row[column.name] for column in table.primary_key))
        if _names(athlete, row["original"]) or not db.rows(seen):
            db.run(_delete(ORIGINALS, row))
    erased = {"athlete_hash": hash_of(athlete), "at_utc": now_utc()}
    db.run(db.insert(ERASED).on_conflict_do_nothing(), erased)


def scrub(db: Database) -> None:
    """Overwrite deleted rows in the files. Raises StoreError while others use them."""
    try:
        db.scrub((*_ERASED_FROM, CORRECTIONS, ORIGINALS))
    except StoreError as error:
        raise StoreError(
            f"{error}\nthe rows are deleted, but traces of them are left in the files: erase once more"
        ) from error


def _delete(table: Table, row: Row) -> Delete:
    """The deletion of a row."""
    return delete(table).where(*(column == row[column.name] for column in table.primary_key))


def _commands_about(db: Database, athlete: str) -> list[Row]:
    """Commands that name an athlete, or speak of one of their reps; and the answers."""
    of = REPS.c
    reps = db.rows(select(of.site, of.station, of.event_id).where(of.athlete == athlete))
    theirs = {tuple(row.values()) for row in reps}
    return [
        row
        for row in db.rows(select(COMMANDS).order_by(COMMANDS.c.at_utc, COMMANDS.c.event_id))
        if _names(athlete, row["command"], row["answer"] or "")
        or (row["site"], row["station"], _rep_of(row["command"])) in theirs
    ]


def _quarantined_about(db: Database, athlete: str) -> list[Row]:
    return [
        row
        for row in db.rows(select(QUARANTINE).order_by(QUARANTINE.c.id))
        if _names(athlete, row["topic"], row["reason"], bytes(row["payload"]).decode("utf-8", "replace"))
    ]


def _rep_of(command: str) -> Any:
    try:
        return msgspec.json.decode(command).get("rep_event_id")
    except (msgspec.DecodeError, AttributeError):
        return None  # what somebody else has written there names no rep


def _names(athlete: str, *texts: Any) -> bool:
    whole = re.compile(rf"(?<![\w-]){re.escape(athlete)}(?![\w-])")
    return any(whole.search(text) for text in texts)
