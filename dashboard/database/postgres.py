"""PostgreSQL as a history's database, for gyms that keep one (psycopg, the extra `postgres`)."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import Connection, Table, create_engine
from sqlalchemy.dialects import postgresql

from dashboard.database.database import LOCK_WAIT_S, Database
from station.errors import StoreError
from station.program.distribution import install_with

try:
    import psycopg
except ImportError as error:
    raise StoreError(f"a history on PostgreSQL needs psycopg; {install_with('postgres')}") from error

CONNECT_TIMEOUT_S = 5
# A server that is gone without a word is found in a minute; the system's own settings take two hours.
NOTICE_LOSS: dict[str, Any] = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
WRITER = 0x504C4849  # "PLHI": the advisory lock of whoever writes


class PostgresDatabase(Database):
    """A database on a PostgreSQL server; a lost connection is made anew."""

    def __init__(self, url: str, read_only: bool = False) -> None:
        options = f"-c lock_timeout={LOCK_WAIT_S:g}s"
        if read_only:
            # Some ten thousand sets are added up without a file.
            options += " -c default_transaction_read_only=on -c work_mem=32MB"
        else:
            options += " -c synchronous_commit=on"  # an acknowledgement follows the commit

        def connect() -> psycopg.Connection[Any]:
            db = connect_to(url, options)
            if read_only:  # SQLAlchemy's look at tables, before a change of schema, wants text
                db.cursor_factory = _Binary
            return db

        # The URL goes to libpq as it is: what it may say there, SQLAlchemy need not know.
        engine = create_engine(
            "postgresql+psycopg://", creator=connect, hide_parameters=True, use_native_hstore=False
        )
        reading = engine.execution_options(isolation_level="AUTOCOMMIT")
        super().__init__(without_password(url), writing=engine, reading=reading)

    def insert(self, table: Table) -> postgresql.Insert:
        """See Database.insert."""
        return postgresql.insert(table)

    def scrub(self, tables: Sequence[Table]) -> None:
        """See Database.scrub. The server's write-ahead log and its backups are the server's."""
        with self.connection() as connection:
            for table in tables:
                connection.exec_driver_sql(f"VACUUM FULL {table.name}")

    def _begin(self, connection: Connection, wait_s: float) -> None:
        if wait_s != LOCK_WAIT_S:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {round(1000 * wait_s)}")
        # Two records that both read a stream's ranges would each overwrite what the other added.
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER})")

    def _meaning(self, error: Exception) -> StoreError:
        return StoreError(f"{self.name}: {meaning(error)}")


class _Binary(psycopg.Cursor[Any]):
    """Has the server send its numbers as they are: as text a rep's sixty take four times as long to read."""

    def __init__(self, connection: "psycopg.Connection[Any]", **options: Any) -> None:
        super().__init__(connection, **options)
        self.format = psycopg.pq.Format.BINARY


def connect_to(url: str, options: str, name: str = "plumbline", **more: Any) -> psycopg.Connection[Any]:
    """A connection as all of ours are; `name` is shown by the server.

    Raises StoreError for a database that has no letters for half of the names.
    """
    # Compiling a question of a history takes longer than answering it.
    options = f"-c client_encoding=UTF8 -c timezone=UTC -c jit=off {options}"
    db = psycopg.connect(
        url,
        connect_timeout=CONNECT_TIMEOUT_S,
        application_name=name,
        options=options,
        **NOTICE_LOSS,
        **more,
    )
    encoding = db.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        db.close()
        raise StoreError(
            f"{without_password(url)}: its encoding is {encoding}, which has no letters for many a name; make"
            " a database with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )
    return db


def without_password(url: str) -> str:
    """A URL as it may be shown."""
    parts = urlsplit(url)
    user = parts.username or ""
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, f"{user}@{host}" if user else host, parts.path, "", ""))


def meaning(error: Exception) -> str:
    """What an error means for the person at the keyboard, in one line."""
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return "in use by another process that writes; end that one"
    if isinstance(error, psycopg.errors.DiskFull):
        return "no room left on the server; free some disk space"
    if isinstance(error, psycopg.errors.InsufficientPrivilege | psycopg.errors.ReadOnlySqlTransaction):
        return "this user has not the right to do that there; ask who runs the server"
    lines = str(error).split("\n") or [""]
    if isinstance(error, psycopg.OperationalError):
        return f"cannot be reached or used ({lines[0][:200]}); check the URL and that the server runs"
    detail = getattr(getattr(error, "diag", None), "message_detail", None)  # which view, which key
    return f"{lines[0][:200]} ({detail[:200]})" if detail else lines[0][:200]
