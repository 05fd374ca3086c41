"""Who lifts: names, badges and plans, which stay in the record; and everything it has about one of them."""

import hashlib
import re
from base64 import b32encode
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from dashboard.database.database import Database, Row
from dashboard.roster.names import name_key, same_badge
from station.errors import StoreError
from station.messages import now_utc

_SCRUBBED = ("reps", "sets", "commands", "quarantine", "plans", "athletes")


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What an athlete is to do of one exercise; None: as the exercise says, or as it comes."""

    exercise: str
    load_kg: float | None = None
    sets: int | None = None
    reps: int | None = None
    eccentric_s: float | None = None
    bottom_pause_s: float | None = None
    concentric_s: float | None = None
    top_pause_s: float | None = None
    velocity_loss_cutoff_pct: float | None = None
    path_limit_m: float | None = None
    full_range_m: float | None = None
    rest_s: float | None = None


class Athlete(msgspec.Struct, frozen=True, kw_only=True):
    """A person. The id is a pseudonym and all that other programs get to see."""

    id: str
    name: str
    badge: str | None = None  # what a reader at the station types
    plans: tuple[Plan, ...] = ()


_PLAN_FIELDS = Plan.__struct_fields__


def athletes(db: Database) -> list[Athlete]:
    """Everybody in the record with their plans, by name."""
    plans: dict[str, list[Plan]] = {}
    for row in db.rows("SELECT * FROM plans ORDER BY athlete, exercise"):
        plans.setdefault(row["athlete"], []).append(Plan(**{name: row[name] for name in _PLAN_FIELDS}))
    return [
        Athlete(**row, plans=tuple(plans.get(row["id"], ())))
        for row in db.rows("SELECT id, name, badge FROM athletes ORDER BY name, id")
    ]


def find_athlete(db: Database, word: str) -> str:
    """The id of whom a word names: an id, a badge or a name. Raises StoreError for nobody or several."""
    known = athletes(db)
    key = name_key(word)
    found = {one.id for one in known if key in (one.id, name_key(one.badge or ""), name_key(one.name))}
    if not found:
        found = {one.id for one in known if one.badge is not None and same_badge(one.badge, word)}
    found |= {word} if _is_in_history(db, word) else set()
    if len(found) == 1:
        return found.pop()
    if found:
        raise StoreError(f"{word!r} is {len(found)} athletes: {', '.join(sorted(found))}; give the id")
    there = [one.id for one in known]
    there += [row["athlete"] for row in db.rows("SELECT DISTINCT athlete FROM reps ORDER BY athlete")]
    listed = ", ".join(dict.fromkeys(one for one in there if one)) or "nobody yet"
    raise StoreError(f"{db.name}: no athlete {word!r}; there is {listed[:300]}")


def save(db: Database, people: Sequence[Athlete]) -> None:
    """Insert or replace athletes and all of their plans, in one transaction; others stay as they are.

    Raises StoreError where a badge is another athlete's.
    """
    with db.transaction():
        ids = {one.id for one in people}
        taken = {row["badge"]: row["id"] for row in db.rows("SELECT id, badge FROM athletes")}
        for one in people:
            owner = taken.get(one.badge) if one.badge is not None else None
            if owner is not None and owner not in ids:
                raise StoreError(f"badge {one.badge!r} of {one.id} is {owner}'s; a badge has one owner")
        for one in people:  # all first: badges may be handed on within the file
            db.run("DELETE FROM plans WHERE athlete = ?", (one.id,))
            db.run("DELETE FROM athletes WHERE id = ?", (one.id,))
        for one in people:
            db.run("INSERT INTO athletes (id, name, badge) VALUES (?, ?, ?)", (one.id, one.name, one.badge))
            db.run("DELETE FROM erased WHERE athlete_hash = ?", (hash_of(one.id),))
            columns = ("athlete", *_PLAN_FIELDS)
            db.run_each(
                f"INSERT INTO plans ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
                [(one.id, *(getattr(plan, name) for name in _PLAN_FIELDS)) for plan in one.plans],
            )


def everything(db: Database, athlete: str) -> Iterator[tuple[str, Row]]:
    """Each row of the record that is about an athlete, with the name of its table."""
    for table, column in (("athletes", "id"), ("plans", "athlete"), ("sets", "athlete"), ("reps", "athlete")):
        order = " ORDER BY at_utc, event_id" if table in ("sets", "reps") else ""
        for row in db.stream(f"SELECT * FROM {table} WHERE {column} = ?{order}", (athlete,)):
            yield table, row
    for row in _commands_about(db, athlete):
        yield "commands", row
    for row in _quarantined_about(db, athlete):
        yield "quarantine", row | {"payload": bytes(row["payload"]).decode("utf-8", "replace")}


def erase(db: Database, athlete: str) -> dict[str, int]:
    """Delete everything about an athlete, leaving no trace in the files; how many rows of each table.

    Rejected and old reps included; commands that name the athlete or mark their reps; and messages put aside
    that hold the id. Raises StoreError where that cannot be done whole.
    """
    gone = dict.fromkeys(_SCRUBBED, 0)
    with db.transaction():
        for row in _commands_about(db, athlete):
            gone["commands"] += db.run(
                "DELETE FROM commands WHERE site = ? AND station = ? AND event_id = ?",
                (row["site"], row["station"], row["event_id"]),
            )
        for row in _quarantined_about(db, athlete):
            gone["quarantine"] += db.run("DELETE FROM quarantine WHERE id = ?", (row["id"],))
        for table, column in (
            *(("reps", "athlete"), ("sets", "athlete")),
            *(("plans", "athlete"), ("athletes", "id")),
        ):
            gone[table] = db.run(f"DELETE FROM {table} WHERE {column} = ?", (athlete,))
        _erase_corrections(db, athlete)
    scrub(db)
    return gone


def hash_of(athlete: str) -> str:
    """By which an erased athlete's id is known again, and cannot be read."""
    return b32encode(hashlib.sha256(f"plumbline erased {athlete}".encode()).digest()).decode()


def _erase_corrections(db: Database, athlete: str) -> None:
    """What corrections say of an athlete, and what they cover; a correction cannot bring the athlete back."""
    for row in db.rows("SELECT site, station, event_id, command FROM corrections"):
        if _names(athlete, row["command"]):
            db.run(
                "DELETE FROM corrections WHERE site = ? AND station = ? AND event_id = ?",
                (row["site"], row["station"], row["event_id"]),
            )
    for row in db.rows("SELECT site, station, event_id, kind, original FROM originals"):
        key = (row["site"], row["station"], row["event_id"])
        seen = f"SELECT 1 AS found FROM {row['kind']} WHERE site = ? AND station = ? AND event_id = ?"
        if _names(athlete, row["original"]) or not db.rows(seen, key):
            db.run("DELETE FROM originals WHERE site = ? AND station = ? AND event_id = ?", key)
    db.run(
        "INSERT INTO erased (athlete_hash, at_utc) VALUES (?, ?) ON CONFLICT (athlete_hash) DO NOTHING",
        (hash_of(athlete), now_utc()),
    )


def scrub(db: Database) -> None:
    """Remove what is left in the files of rows that were deleted. Raises StoreError while others use them."""
    try:
        db.scrub((*_SCRUBBED, "corrections", "originals"))
    except StoreError as error:
        raise StoreError(
            f"{error}\nthe rows are deleted, but traces of them are left in the files: erase once more"
        ) from error


def _commands_about(db: Database, athlete: str) -> list[Row]:
    """Commands that name an athlete, or speak of one of their reps; and the answers."""
    theirs = {
        (row["site"], row["station"], row["event_id"])
        for row in db.rows("SELECT site, station, event_id FROM reps WHERE athlete = ?", (athlete,))
    }
    return [
        row
        for row in db.rows("SELECT * FROM commands ORDER BY at_utc, event_id")
        if _names(athlete, row["command"], row["answer"] or "")
        or (row["site"], row["station"], _rep_of(row["command"])) in theirs
    ]


def _quarantined_about(db: Database, athlete: str) -> list[Row]:
    return [
        row
        for row in db.rows("SELECT * FROM quarantine ORDER BY id")
        if _names(athlete, row["topic"], row["reason"], bytes(row["payload"]).decode("utf-8", "replace"))
    ]


def _rep_of(command: str) -> Any:
    return msgspec.json.decode(command).get("rep_event_id")


def _names(athlete: str, *texts: Any) -> bool:
    whole = re.compile(rf"(?<![\w-]){re.escape(athlete)}(?![\w-])")
    return any(whole.search(text) for text in texts)


def _is_in_history(db: Database, athlete: str) -> bool:
    return bool(db.rows("SELECT 1 AS found FROM reps WHERE athlete = ? LIMIT 1", (athlete,)))
