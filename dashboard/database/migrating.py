"""Brings an older history up to date with Alembic; the steps are in migrations/versions."""

import threading

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, select

from dashboard.database import first_edition
from dashboard.database.tables import VERSION

OLDEST = 1  # what the first step starts from
_alone = threading.Lock()  # Alembic knows one migration at a time in a process


def migrate(connection: Connection, version: int, to: str = "head") -> None:
    """From `version` to the newest, or a named one, in the transaction that is open."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "dashboard.database:migrations")
    with _alone:
        VERSION.create(connection, checkfirst=True)
        connection.execute(VERSION.delete())
        if version > OLDEST:
            connection.execute(VERSION.insert().values(version_num=str(version)))
        command.upgrade(config, to)
        reached = int(connection.execute(select(VERSION.c.version_num)).scalar_one())
        if reached > first_edition.NEWEST:
            first_edition.close_to(reached, connection)
