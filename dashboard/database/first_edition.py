"""How the first edition, whose schemas were 1 to 6, noted which one a history has."""

from collections.abc import Sequence

from sqlalchemy import Connection

APPLICATION_ID = 0x504C4849  # "PLHI", in the header of the SQLite file
NEWEST = 6
_NOTED = "plumbline_history"  # a table on PostgreSQL


def version_of(connection: Connection, tables: Sequence[str]) -> int | None:
    """The version of a history of the first edition; None for what is not a history."""
    if connection.dialect.name == "sqlite":
        if connection.exec_driver_sql("PRAGMA application_id").scalar_one() != APPLICATION_ID:
            return None
        return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    if _NOTED not in tables:
        return None
    return int(connection.exec_driver_sql(f"SELECT schema_version FROM {_NOTED}").scalar_one())


def close_to(version: int, connection: Connection) -> None:
    """Note a version the first edition does not know, so that it refuses the history, in its own words."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.exec_driver_sql(f"PRAGMA user_version = {version}")
    else:
        connection.exec_driver_sql(f"CREATE TABLE IF NOT EXISTS {_NOTED} (schema_version BIGINT NOT NULL)")
        connection.exec_driver_sql(f"DELETE FROM {_NOTED}")
        connection.exec_driver_sql(f"INSERT INTO {_NOTED} VALUES ({version})")
