"""Opening a history: whether it is one, of which version, and bringing an older one up to date."""

from pathlib import Path
from urllib.parse import urlsplit

from platformdirs import user_data_path
from sqlalchemy import Connection, inspect, select

from dashboard.database import first_edition
from dashboard.database.database import LOCK_WAIT_S, Database
from dashboard.database.sqlite import SqliteDatabase
from dashboard.database.tables import METADATA, SCHEMA_VERSION, VERSION
from station.errors import StoreError

MIGRATION_WAIT_S = 60.0  # while another process brings the history up to date


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
    if isinstance(where, str) and "://" in where:  # what is behind it may hold a password
        raise StoreError(f"{where.partition('://')[0][:20]}://…: give the path of a file, or postgresql://…")
    return SqliteDatabase(Path(where), read_only)


def open_history(where: str | Path | None = None) -> Database:
    """A history to read from: path or URL, None for this machine's own. It may be written meanwhile.

    Raises StoreError for one that is not there, is no history or one of another version.
    """
    db = connect(default_history() if where is None else where, read_only=True)
    try:
        check_current(db)
    except BaseException:
        db.close()
        raise
    return db


def check_current(db: Database) -> None:
    """Raise StoreError for a database that is not a history of this version."""
    version = version_of(db)
    if version is None:
        raise StoreError(f"{db.name}: empty; `plumbline record` and the dashboard write a history")
    if version < SCHEMA_VERSION:
        raise StoreError(
            f"{db.name}: history of schema {version}, this Plumbline reads {SCHEMA_VERSION};"
            " start `plumbline record` or the dashboard on it once, or on a copy, which brings it up to date"
        )


def open_writable(where: str | Path | None = None) -> Database:
    """A history to write to, at a path or URL, None for this machine's own; made where there is none yet.

    Raises StoreError for a database that cannot be written, is no history or one of a newer Plumbline.
    """
    if where is None:
        where = default_history()
        try:
            where.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{where.parent}: cannot be made ({error.strerror}); give --db") from error
    db = connect(where)
    try:
        _bring_up_to_date(db)
    except BaseException:
        db.close()
        raise
    return db


def version_of(db: Database) -> int | None:
    """The version of a history's tables, None where there are none yet.

    Raises StoreError for another program's database and for a history of a newer Plumbline.
    """
    with db.connection() as connection:
        tables = inspect(connection).get_table_names()
        if not tables:
            return None
        version = first_edition.version_of(connection, tables)
        # A dump of the first edition restored over a newer history leaves the newer note beside its tables.
        if (version is None or version > first_edition.NEWEST) and VERSION.name in tables:
            version = int(connection.execute(select(VERSION.c.version_num)).scalar_one())
    if version is None:
        raise StoreError(f"{db.name}: has tables, but is not a history; give another database")
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{db.name}: history of schema {version}, this Plumbline knows {SCHEMA_VERSION};"
            " use the newer Plumbline"
        )
    return version


def _bring_up_to_date(db: Database) -> None:
    """Create the tables, or bring an older history up to date, in one transaction; others wait for it."""
    with db.transaction(LOCK_WAIT_S if version_of(db) == SCHEMA_VERSION else MIGRATION_WAIT_S) as connection:
        version = version_of(db)  # by now, perhaps, of whoever was waited for
        if version is None:
            _create(connection)
        elif version < SCHEMA_VERSION:
            from dashboard.database.migrating import migrate  # noqa: PLC0415  Alembic, where it is needed

            migrate(connection, version)


def _create(connection: Connection) -> None:
    METADATA.create_all(connection)
    connection.execute(VERSION.insert().values(version_num=str(SCHEMA_VERSION)))
    first_edition.close_to(SCHEMA_VERSION, connection)
