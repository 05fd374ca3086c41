"""Corrections of past sets, in the history: logged, answered with a code, undone by whoever wants to.

The rows of `reps` and `sets` hold what is to be seen, so that every reader sees the same without doing
anything for it. What the station itself has said of a corrected event lies in `originals`, where later
revisions go as well; from there and the list of corrections the seen rows are made anew, whatever changes.
"""

from typing import Any, NamedTuple

import msgspec

from dashboard.database.database import Database, Row
from dashboard.database.schema import REPS, SETS
from dashboard.record.corrected import corrected, set_number_of
from dashboard.roster.athletes import hash_of
from station.messages import CommandMessage, ReplyCode, ReplyMessage, new_id, now_utc

CORRECTING = ("mark-rep", "add-rep", "give-set", "load-set")
MOST_CHARS = 64  # of an id, and of who asks
SESSION_LIMIT = 64  # corrections of one session that hold at once; a day has some dozens of sets
_TABLES = {"reps": REPS, "sets": SETS}


class SessionKey(NamedTuple):
    """One run of a station's node."""

    site: str
    station: str
    session: str


class _Refused(Exception):  # noqa: N818 - an answer, not an error
    def __init__(self, code: ReplyCode, text: str) -> None:
        super().__init__(text)
        self.code = code


class Corrections:
    """What people have put right, in the history `db`. Call within the writer's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._sessions: set[SessionKey] | None = None

    @property
    def sessions(self) -> set[SessionKey]:
        """Sessions of which something was corrected: their later revisions go to `originals`."""
        if self._sessions is None:
            rows = self._db.rows("SELECT DISTINCT site, station, session FROM originals")
            self._sessions = {SessionKey(row["site"], row["station"], row["session"]) for row in rows}
        return self._sessions

    def obey(self, site: str, station: str, command: CommandMessage) -> ReplyMessage:
        """Do it, once for each event id, and say what came of it."""
        undone: str | None = None
        try:
            if command.name == "undo":
                undone, text = self._undo(site, station, command)
                code = ReplyCode.UNDONE
            else:
                code, text = ReplyCode.DONE, self._correct(site, station, command)
        except _Refused as refused:
            code, text = refused.code, str(refused)
        return ReplyMessage(
            event_id=new_id(),
            at_utc=now_utc(),
            in_reply_to=command.event_id,
            ok=code in (ReplyCode.DONE, ReplyCode.UNDONE),
            text=text,
            code=code,
            action=command.action or command.event_id,
            undone=undone,
        )

    def again(self, key: SessionKey) -> None:
        """Make the rows of a session anew: something of it has come, or a correction was made or undone."""
        reps, sets = self._as_said(key)
        corrections = self._of(key)
        seen = dict(zip(_TABLES, corrected(reps, sets, corrections), strict=True))
        said = {"reps": reps, "sets": sets}
        for table, rows in seen.items():
            held = {row["event_id"]: row for row in self._held(table, key)}
            originals = {row["event_id"]: row for row in said[table]}
            for row in rows:
                event_id = row["event_id"]
                if held.get(event_id) != row:
                    self._keep_original(table, key, event_id, originals.get(event_id))
                    self._write(table, row)
            for event_id in set(held) - {row["event_id"] for row in rows}:
                self._delete(table, key, event_id)  # it was there by a correction that is taken back
        if not corrections:
            self._db.run("DELETE FROM originals WHERE site = ? AND station = ? AND session = ?", key)
            self.sessions.discard(key)

    def revised(self, table: str, key: SessionKey, row: Row) -> bool:
        """Take a station's own row of a corrected event; whether it is one. `again` must follow."""
        found = self._db.rows(
            "SELECT original FROM originals WHERE site = ? AND station = ? AND event_id = ?",
            (*key[:2], row["event_id"]),
        )
        if not found:
            return False
        held = msgspec.json.decode(found[0]["original"])
        if held is None or row["revision"] > held["revision"]:
            self._save_original(table, key, row["event_id"], row)
        return True

    def _correct(self, site: str, station: str, command: CommandMessage) -> str:
        if command.name not in CORRECTING:
            raise _Refused(ReplyCode.REFUSED, f"{command.name} is no correction of a past set")
        known = self._db.rows(
            "SELECT 1 AS found FROM corrections WHERE site = ? AND station = ? AND event_id = ?",
            (site, station, command.event_id),
        )
        if known:
            return _in_words(command)  # QoS 1 has brought it twice
        self._check(command)
        key = self._session_of(site, station, command)
        if len(self._of(key)) >= SESSION_LIMIT:
            raise _Refused(ReplyCode.OUT_OF_BOUNDS, f"{SESSION_LIMIT} corrections of a session hold already")
        self._db.run(
            'INSERT INTO corrections (site, station, event_id, session, at_utc, "by", action, command)'
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(site, station, command.event_id, key.session, now_utc(), command.by[:MOST_CHARS]),
                *(command.action or command.event_id, msgspec.json.encode(command).decode()),
            ),
        )
        self.sessions.add(key)
        self.again(key)
        return _in_words(command)

    def _undo(self, site: str, station: str, command: CommandMessage) -> tuple[str, str]:
        """Take the newest action at a station back, all the corrections of it."""
        newest = self._db.rows(
            "SELECT action FROM corrections WHERE site = ? AND station = ? AND undone_utc IS NULL"
            " ORDER BY at_utc DESC, event_id DESC LIMIT 1",
            (site, station),
        )
        if not newest:
            raise _Refused(ReplyCode.NOTHING_TO_UNDO, "there is no correction to undo")
        action = newest[0]["action"]
        where = "site = ? AND station = ? AND action = ? AND undone_utc IS NULL"
        sessions = self._db.rows(
            f"SELECT DISTINCT session FROM corrections WHERE {where}", (site, station, action)
        )
        self._db.run(
            f"UPDATE corrections SET undone_utc = ?, undone_by = ? WHERE {where}",
            (now_utc(), command.by[:MOST_CHARS], site, station, action),
        )
        for row in sessions:
            self.again(SessionKey(site, station, row["session"]))
        return action, "the correction is taken back"

    def _check(self, command: CommandMessage) -> None:
        """Whether it can be done to any set."""
        if command.name == "mark-rep" and command.rep_event_id is None:
            raise _Refused(ReplyCode.MISSING, "the command needs rep_event_id")
        if command.set_event_id is None and command.rep_event_id is None:
            raise _Refused(ReplyCode.MISSING, "the command needs set_event_id")
        if (
            command.name == "load-set"
            and command.load_kg is not None
            and not 0.0 <= command.load_kg <= 1000.0
        ):
            raise _Refused(ReplyCode.OUT_OF_BOUNDS, f"a load of {command.load_kg:g} kg; give 0 to 1000")
        athlete = command.athlete
        if command.name == "give-set" and athlete is not None:
            if not 0 < len(athlete) <= MOST_CHARS:
                raise _Refused(ReplyCode.OUT_OF_BOUNDS, f"an athlete's id has 1 to {MOST_CHARS} characters")
            if self._db.rows("SELECT 1 AS found FROM erased WHERE athlete_hash = ?", (hash_of(athlete),)):
                raise _Refused(ReplyCode.ERASED, "that athlete was erased from the record")

    def _session_of(self, site: str, station: str, command: CommandMessage) -> SessionKey:
        """Whose session the rep or set is. Raises _Refused for what is not in the history of this station."""
        if command.rep_event_id is not None:
            found = self._db.rows(
                "SELECT session FROM reps WHERE site = ? AND station = ? AND event_id = ?",
                (site, station, command.rep_event_id),
            )
            if not found:
                raise _Refused(ReplyCode.UNKNOWN_REP, "there is no such rep of this station in the record")
            return SessionKey(site, station, found[0]["session"])
        event_id = command.set_event_id or ""
        found = self._db.rows(
            "SELECT session FROM sets WHERE site = ? AND station = ? AND event_id = ?",
            (site, station, event_id),
        )
        session = found[0]["session"] if found else event_id.rpartition("-s")[0]
        key = SessionKey(site, station, session)
        if set_number_of(event_id, self._held("reps", key), self._held("sets", key)) is None:
            raise _Refused(ReplyCode.UNKNOWN_SET, "there is no such set of this station in the record")
        return key

    def _of(self, key: SessionKey) -> list[CommandMessage]:
        """The corrections of a session that hold, oldest first."""
        rows = self._db.rows(
            "SELECT command FROM corrections WHERE site = ? AND station = ? AND session = ?"
            " AND undone_utc IS NULL ORDER BY at_utc, event_id",
            key,
        )
        return [msgspec.json.decode(row["command"], type=CommandMessage) for row in rows]

    def _held(self, table: str, key: SessionKey) -> list[Row]:
        return self._db.rows(
            f"SELECT * FROM {table} WHERE site = ? AND station = ? AND session = ?", tuple(key)
        )

    def _as_said(self, key: SessionKey) -> tuple[list[Row], list[Row]]:
        """The reps and sets of a session as its node has said them."""
        kept = self._db.rows(
            "SELECT event_id, kind, original FROM originals WHERE site = ? AND station = ? AND session = ?",
            key,
        )
        found = []
        for table in _TABLES:
            rows = {row["event_id"]: row for row in self._held(table, key)}
            for one in kept:
                if one["kind"] == table:
                    rows[one["event_id"]] = msgspec.json.decode(one["original"])
            found.append([row for row in rows.values() if row is not None])
        return found[0], found[1]

    def _keep_original(self, table: str, key: SessionKey, event_id: str, original: Row | None) -> None:
        """Put aside what the station has said of an event (None: nothing) before a correction covers it."""
        held = self._db.rows(
            "SELECT 1 AS found FROM originals WHERE site = ? AND station = ? AND event_id = ?",
            (*key[:2], event_id),
        )
        if not held:
            self._save_original(table, key, event_id, original)

    def _save_original(self, table: str, key: SessionKey, event_id: str, original: Row | None) -> None:
        self._db.run(
            "INSERT INTO originals (site, station, event_id, session, kind, original)"
            " VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (site, station, event_id) DO UPDATE SET original = excluded.original",
            (*key[:2], event_id, key.session, table, msgspec.json.encode(original).decode()),
        )

    def _write(self, table: str, row: Row) -> None:
        columns = list(_TABLES[table])
        names = ", ".join(f'"{name}"' for name in columns)
        updates = ", ".join(f'"{name}" = excluded."{name}"' for name in columns)
        self._db.run(
            f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})"
            f" ON CONFLICT (site, station, event_id) DO UPDATE SET {updates}",
            [_plain(row[name]) for name in columns],
        )

    def _delete(self, table: str, key: SessionKey, event_id: str) -> None:
        self._db.run(
            f"DELETE FROM {table} WHERE site = ? AND station = ? AND event_id = ?", (*key[:2], event_id)
        )


def _in_words(command: CommandMessage) -> str:
    match command.name:
        case "mark-rep":
            return "as it was measured" if command.mark is None else f"the rep is {command.mark}"
        case "add-rep":
            return "a rep is added"
        case "give-set":
            return f"given to {command.athlete}" if command.athlete else "given to nobody"
    return "no load" if command.load_kg is None else f"the set was lifted with {command.load_kg:g} kg"


def _plain(value: Any) -> Any:
    """SQLite has no truth values."""
    return int(value) if isinstance(value, bool) else value
