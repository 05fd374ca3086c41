"""Corrections of past sets, in the history: logged, answered with a code, undone by whoever wants to.

The rows of `reps` and `sets` hold what is to be seen, so that every reader sees the same without doing
anything for it. What the station itself has said of a corrected event lies in `originals`, where later
revisions go as well; from there and the list of corrections the seen rows are made anew, whatever changes.
"""

from typing import NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Table, and_, delete, select, update

from dashboard.database.database import Database, Row
from dashboard.database.tables import CORRECTIONS, ERASED, ORIGINALS, REPS, SETS
from dashboard.record.corrected import corrected, set_number_of
from dashboard.roster.athletes import hash_of
from station.bounds import beyond_prescription
from station.messages import CommandError, CommandMessage, ReplyCode, ReplyMessage, now_utc

CORRECTING = ("mark-rep", "add-rep", "give-set", "load-set")
MOST_CHARS = 64  # of an id, and of who asks
SESSION_LIMIT = 64  # corrections of one session that hold at once; a day has some dozens of sets


class SessionKey(NamedTuple):
    """One run of a station's node."""

    site: str
    station: str
    session: str


class Corrections:
    """The corrections in the history `db`. Call within the writer's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._sessions: set[SessionKey] | None = None

    @property
    def sessions(self) -> set[SessionKey]:
        """Sessions with corrections: later revisions from their station go to `originals`."""
        if self._sessions is None:
            of = ORIGINALS.c
            rows = self._db.rows(select(of.site, of.station, of.session).distinct())
            self._sessions = {SessionKey(**row) for row in rows}
        return self._sessions

    def obey(self, site: str, station: str, command: CommandMessage) -> ReplyMessage:
        """Apply a correction, once for each event id; returns the reply."""
        undone: str | None = None
        try:
            if command.name == "undo":
                undone, text = self._undo(site, station, command)
                code = ReplyCode.UNDONE
            else:
                code, text = ReplyCode.DONE, self._correct(site, station, command)
        except CommandError as refused:
            code, text = refused.code, str(refused)
        return ReplyMessage.to(command, code, text, undone)

    def again(self, key: SessionKey) -> None:
        """Recompute the rows of a session after new events, a correction or an undo."""
        reps, sets = self._as_said(key)
        corrections = self._of(key)
        seen = corrected(reps, sets, corrections)
        for table, said, rows in zip((REPS, SETS), (reps, sets), seen, strict=True):
            held = {row["event_id"]: row for row in self._held(table, key)}
            originals = {row["event_id"]: row for row in said}
            for row in rows:
                event_id = row["event_id"]
                if held.get(event_id) != row:
                    self._keep_original(table, key, event_id, originals.get(event_id))
                    self._db.run(self._db.upsert(table), row)
            for event_id in set(held) - {row["event_id"] for row in rows}:
                # It was there by a correction that is taken back.
                self._db.run(delete(table).where(_event(table, key, event_id)))
        if not corrections:
            self._db.run(delete(ORIGINALS).where(_session(ORIGINALS, key)))
            self.sessions.discard(key)

    def revised(self, table: Table, key: SessionKey, row: Row) -> bool:
        """Take a station's row for a corrected event; returns whether it is one. `again` must follow."""
        event = _event(ORIGINALS, key, row["event_id"])
        found = self._db.rows(select(ORIGINALS.c.original).where(event))
        if not found:
            return False
        held = msgspec.json.decode(found[0]["original"])
        if held is None or row["revision"] > held["revision"]:
            self._save_original(table, key, row["event_id"], row)
        return True

    def _correct(self, site: str, station: str, command: CommandMessage) -> str:
        if command.name not in CORRECTING:
            raise CommandError(ReplyCode.REFUSED, f"{command.name} is no correction of a past set")
        here = SessionKey(site, station, "")
        if self._db.rows(select(CORRECTIONS.c.event_id).where(_event(CORRECTIONS, here, command.event_id))):
            return _in_words(command)  # QoS 1 has brought it twice
        self._check(command)
        key = self._session_of(site, station, command)
        if len(self._of(key)) >= SESSION_LIMIT:
            raise CommandError(
                ReplyCode.OUT_OF_BOUNDS, f"{SESSION_LIMIT} corrections of a session hold already"
            )
        self._db.run(
            CORRECTIONS.insert(),
            key._asdict()
            | {
                "event_id": command.event_id,
                "at_utc": now_utc(),
                "by": command.by[:MOST_CHARS],
                "action": command.action_id,
                "command": msgspec.json.encode(command).decode(),
            },
        )
        self.sessions.add(key)
        self.again(key)
        return _in_words(command)

    def _undo(self, site: str, station: str, command: CommandMessage) -> tuple[str, str]:
        """Take the newest action at a station back, all the corrections of it."""
        of = CORRECTIONS.c
        here = and_(of.site == site, of.station == station, of.undone_utc.is_(None))
        newest = self._db.rows(
            select(of.action).where(here).order_by(of.at_utc.desc(), of.event_id.desc()).limit(1)
        )
        if not newest:
            raise CommandError(ReplyCode.NOTHING_TO_UNDO, "there is no correction to undo")
        action = newest[0]["action"]
        sessions = self._db.rows(select(of.session).distinct().where(here, of.action == action))
        self._db.run(
            update(CORRECTIONS)
            .where(here, of.action == action)
            .values(undone_utc=now_utc(), undone_by=command.by[:MOST_CHARS])
        )
        for row in sessions:
            self.again(SessionKey(site, station, row["session"]))
        return action, "the correction is taken back"

    def _check(self, command: CommandMessage) -> None:
        """Whether it can be done to any set."""
        if command.name == "mark-rep" and command.rep_event_id is None:
            raise CommandError(ReplyCode.MISSING, "the command needs rep_event_id")
        if command.set_event_id is None and command.rep_event_id is None:
            raise CommandError(ReplyCode.MISSING, "the command needs set_event_id")
        wrong = beyond_prescription("load_kg", command.load_kg)
        if command.name == "load-set" and wrong is not None:
            raise CommandError(ReplyCode.OUT_OF_BOUNDS, wrong)
        athlete = command.athlete
        if command.name == "give-set" and athlete is not None:
            if not 0 < len(athlete) <= MOST_CHARS:
                raise CommandError(
                    ReplyCode.OUT_OF_BOUNDS, f"an athlete's id has 1 to {MOST_CHARS} characters"
                )
            if self._db.rows(select(ERASED).where(ERASED.c.athlete_hash == hash_of(athlete))):
                raise CommandError(ReplyCode.ERASED, "that athlete was erased from the record")

    def _session_of(self, site: str, station: str, command: CommandMessage) -> SessionKey:
        """Whose session the rep or set is. Raises CommandError for what this station's history has not."""
        table, event_id = REPS, command.rep_event_id
        if event_id is None:
            table, event_id = SETS, command.set_event_id or ""
        here = SessionKey(site, station, "")
        found = self._db.rows(select(table.c.session).where(_event(table, here, event_id)))
        if table is REPS:
            if not found:
                raise CommandError(
                    ReplyCode.UNKNOWN_REP, "there is no such rep of this station in the record"
                )
            return SessionKey(site, station, found[0]["session"])
        key = SessionKey(site, station, found[0]["session"] if found else event_id.rpartition("-s")[0])
        if set_number_of(event_id, self._held(REPS, key), self._held(SETS, key)) is None:
            raise CommandError(ReplyCode.UNKNOWN_SET, "there is no such set of this station in the record")
        return key

    def _of(self, key: SessionKey) -> list[CommandMessage]:
        """The corrections of a session that hold, oldest first."""
        of = CORRECTIONS.c
        held = and_(_session(CORRECTIONS, key), of.undone_utc.is_(None))
        rows = self._db.rows(select(of.command).where(held).order_by(of.at_utc, of.event_id))
        return [msgspec.json.decode(row["command"], type=CommandMessage) for row in rows]

    def _held(self, table: Table, key: SessionKey) -> list[Row]:
        return self._db.rows(select(table).where(_session(table, key)))

    def _as_said(self, key: SessionKey) -> tuple[list[Row], list[Row]]:
        """The reps and sets of a session as its node has said them."""
        kept = self._held(ORIGINALS, key)
        found = []
        for table in (REPS, SETS):
            rows = {row["event_id"]: row for row in self._held(table, key)}
            for one in kept:
                if one["kind"] == table.name:
                    rows[one["event_id"]] = msgspec.json.decode(one["original"])
            found.append([row for row in rows.values() if row is not None])
        return found[0], found[1]

    def _keep_original(self, table: Table, key: SessionKey, event_id: str, original: Row | None) -> None:
        """Put aside what the station has said of an event (None: nothing) before a correction covers it."""
        if not self._db.rows(select(ORIGINALS.c.event_id).where(_event(ORIGINALS, key, event_id))):
            self._save_original(table, key, event_id, original)

    def _save_original(self, table: Table, key: SessionKey, event_id: str, original: Row | None) -> None:
        text = msgspec.json.encode(original).decode()
        row = key._asdict() | {"event_id": event_id, "kind": table.name, "original": text}
        self._db.run(self._db.upsert(ORIGINALS), row)


def _session(table: Table, key: SessionKey) -> ColumnElement[bool]:
    return and_(table.c.site == key.site, table.c.station == key.station, table.c.session == key.session)


def _event(table: Table, key: SessionKey, event_id: str) -> ColumnElement[bool]:
    return and_(table.c.site == key.site, table.c.station == key.station, table.c.event_id == event_id)


def _in_words(command: CommandMessage) -> str:
    match command.name:
        case "mark-rep":
            return "as it was measured" if command.mark is None else f"the rep is {command.mark}"
        case "add-rep":
            return "a rep is added"
        case "give-set":
            return f"given to {command.athlete}" if command.athlete else "given to nobody"
    return "no load" if command.load_kg is None else f"the set was lifted with {command.load_kg:g} kg"
