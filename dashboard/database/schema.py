"""The tables of the history, and opening one: whether it is ours, and of which version."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from platformdirs import user_data_path

from dashboard.database.database import Database, SqliteDatabase
from station.errors import StoreError
from station.fields import plain_types
from station.records import Rep, SetSummary


def _columns(record: type[msgspec.Struct]) -> dict[str, str]:
    """The columns of a record: its field names, and what SQLite calls their types."""
    names = {bool: "INTEGER", int: "INTEGER", float: "REAL", str: "TEXT"}
    return {name: names[kind] for name, kind in plain_types(record).items()}


_ENVELOPE = {
    "site": "TEXT NOT NULL",
    "station": "TEXT NOT NULL",
    "event_id": "TEXT NOT NULL",
    "revision": "INTEGER NOT NULL",
    "at_utc": "TEXT NOT NULL",
    "session": "TEXT NOT NULL",
    "session_s": "REAL NOT NULL",
    "exercise": "TEXT NOT NULL",
    "athlete": "TEXT",
    "load_kg": "REAL",
    "said_utc": "TEXT",  # by the node, where its clock cannot be right and `at_utc` is the record's
}
REPS = _ENVELOPE | {"state": "TEXT NOT NULL", "set_number": "INTEGER NOT NULL"} | _columns(Rep)
# Of REPS, what version 4 added.
_VERSION_4 = (
    "rom_sigma_m", "mean_concentric_velocity_sigma_mps", "peak_concentric_velocity_sigma_mps",
    "eccentric_sigma_s", "bottom_pause_sigma_s", "concentric_sigma_s", "top_pause_sigma_s",
    "confidence", "repaired_samples", "signal_noise_m",
    "slack_s", "heel_pct", "heel_least_pct", "left_pct", "reason_code",
)  # fmt: skip
_VERSION_5 = ("said_utc",)
_VERSION_6 = ("load_measured_kg", "load_measured_sigma_kg")
_LATER = _VERSION_4 + _VERSION_5 + _VERSION_6
SETS = _ENVELOPE | _columns(SetSummary)


def _table(name: str, columns: Mapping[str, str]) -> str:
    listed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
    return f"CREATE TABLE {name} ({listed}, PRIMARY KEY (site, station, event_id))"


# What each version added to the one before. The types are SQLite's; PostgreSQL has a name for each.
_VERSIONS: tuple[tuple[str, ...], ...] = (
    (
        _table("reps", {name: kind for name, kind in REPS.items() if name not in _LATER}),
        _table("sets", {name: kind for name, kind in SETS.items() if name not in _LATER}),
        "CREATE INDEX reps_by_time ON reps (at_utc)",
        "CREATE INDEX reps_by_session ON reps (session, set_number, number)",
        """CREATE TABLE commands (
            site TEXT NOT NULL, station TEXT NOT NULL, event_id TEXT NOT NULL, at_utc TEXT NOT NULL,
            name TEXT NOT NULL, "by" TEXT NOT NULL, command TEXT NOT NULL,
            answered_utc TEXT, ok INTEGER, answer TEXT,
            PRIMARY KEY (site, station, event_id)
        )""",
        """CREATE TABLE streams (
            id INTEGER PRIMARY KEY AUTOINCREMENT, site TEXT NOT NULL, station TEXT NOT NULL,
            stream TEXT NOT NULL, heard_utc TEXT NOT NULL, UNIQUE (site, station, stream)
        )""",
        """CREATE TABLE received (
            stream_id INTEGER NOT NULL REFERENCES streams (id), first_seq INTEGER NOT NULL,
            last_seq INTEGER NOT NULL, PRIMARY KEY (stream_id, first_seq)
        )""",
        """CREATE TABLE gaps (
            stream_id INTEGER NOT NULL REFERENCES streams (id), first_seq INTEGER NOT NULL,
            last_seq INTEGER NOT NULL, PRIMARY KEY (stream_id, first_seq)
        )""",
        """CREATE TABLE quarantine (
            id INTEGER PRIMARY KEY AUTOINCREMENT, at_utc TEXT NOT NULL, topic TEXT NOT NULL,
            reason TEXT NOT NULL, payload BLOB NOT NULL
        )""",
    ),
    (
        "CREATE INDEX reps_by_athlete ON reps (athlete, exercise, at_utc)",
        "CREATE TABLE athletes (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, badge TEXT UNIQUE)",
        """CREATE TABLE plans (
            athlete TEXT NOT NULL REFERENCES athletes (id) ON DELETE CASCADE, exercise TEXT NOT NULL,
            load_kg REAL, sets INTEGER, reps INTEGER, eccentric_s REAL, bottom_pause_s REAL,
            concentric_s REAL, top_pause_s REAL, velocity_loss_cutoff_pct REAL, path_limit_m REAL,
            rest_s REAL, PRIMARY KEY (athlete, exercise)
        )""",
    ),
    ("ALTER TABLE plans ADD COLUMN full_range_m REAL",),
    tuple(f'ALTER TABLE reps ADD COLUMN "{name}" {REPS[name]}' for name in _VERSION_4),
    (
        *(f"ALTER TABLE {table} ADD COLUMN {name} TEXT" for table in ("reps", "sets") for name in _VERSION_5),
        *(f"ALTER TABLE commands ADD COLUMN {name} TEXT" for name in ("code", "action", "undone")),
        # What replies of the first edition said in words alone, once and for all.
        """UPDATE commands SET undone = (
            SELECT max(signed.event_id) FROM commands AS signed
            WHERE signed.site = commands.site AND signed.station = commands.station
            AND signed.name = 'sign-off' AND commands.answer = 'undone: ' || signed.answer
        ) WHERE name = 'undo'""",
        """CREATE TABLE corrections (
            site TEXT NOT NULL, station TEXT NOT NULL, event_id TEXT NOT NULL, session TEXT NOT NULL,
            at_utc TEXT NOT NULL, "by" TEXT NOT NULL, action TEXT NOT NULL, command TEXT NOT NULL,
            undone_utc TEXT, undone_by TEXT, PRIMARY KEY (site, station, event_id)
        )""",
        """CREATE TABLE originals (
            site TEXT NOT NULL, station TEXT NOT NULL, event_id TEXT NOT NULL, session TEXT NOT NULL,
            kind TEXT NOT NULL, original TEXT NOT NULL, PRIMARY KEY (site, station, event_id)
        )""",
        "CREATE TABLE erased (athlete_hash TEXT NOT NULL PRIMARY KEY, at_utc TEXT NOT NULL)",
        "CREATE INDEX originals_by_session ON originals (site, station, session)",
        "CREATE INDEX corrections_by_session ON corrections (site, station, session)",
    ),
    tuple(f"ALTER TABLE {table} ADD COLUMN {name} REAL" for table in ("reps", "sets") for name in _VERSION_6),
)
SCHEMA_VERSION = len(_VERSIONS)


def default_history() -> Path:
    """Where the dashboard of this machine keeps its history."""
    return Path(user_data_path("plumbline", appauthor=False)) / "history.db"


def is_postgres(where: str | Path) -> bool:
    """Whether it is the URL of a PostgreSQL database, and not a path."""
    return isinstance(where, str) and urlsplit(where).scheme in ("postgresql", "postgres")


def connect(where: str | Path, read_only: bool = False) -> Database:
    """The database at a path or postgresql:// URL, whatever is in it. Raises StoreError."""
    if isinstance(where, str) and is_postgres(where):
        from dashboard.database.postgres import PostgresDatabase  # noqa: PLC0415  an extra

        return PostgresDatabase(where, read_only)
    return SqliteDatabase(Path(where), read_only)


def open_history(where: str | Path | None = None) -> Database:
    """A history to read from: path or URL, None for this machine's own. It may be written meanwhile.

    Raises StoreError for one that is not there, is none of ours or of another version.
    """
    db = connect(default_history() if where is None else where, read_only=True)
    try:
        version = db.version()
        if version is None:
            raise StoreError(f"{db.name}: empty; `plumbline record` and the dashboard write a history")
        if version < SCHEMA_VERSION:
            raise StoreError(
                f"{db.name}: history of schema {version}, this Plumbline reads {SCHEMA_VERSION};"
                " start `plumbline record` or the dashboard on it once, which brings it up to date"
            )
        _refuse_newer(db, version)
    except BaseException:
        db.close()
        raise
    return db


def open_writable(where: str | Path | None = None) -> Database:
    """A history to write to, at a path or URL, None for this machine's own; made where there is none yet.

    Raises StoreError for a database that cannot be written, is none of ours or of a newer Plumbline.
    """
    if where is None:
        where = default_history()
        try:
            where.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{where.parent}: cannot be made ({error.strerror}); give --db") from error
    db = connect(where)
    try:
        prepare(db)
    except BaseException:
        db.close()
        raise
    return db


def prepare(db: Database) -> None:
    """Create the tables, or bring an older history up to date, in one transaction. Raises StoreError."""
    with db.transaction():
        version = db.version()
        _refuse_newer(db, version or 0)
        if version == SCHEMA_VERSION:
            return
        for statements in _VERSIONS[version or 0 :]:
            for statement in statements:
                db.create(statement)
        db.set_version(SCHEMA_VERSION)


def _refuse_newer(db: Database, version: int) -> None:
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{db.name}: history of schema {version}, this Plumbline knows {SCHEMA_VERSION};"
            " use the newer Plumbline"
        )
