"""The types of the history's columns: what PostgreSQL and SQLite call each, and what Python gets of it.

In Python a time is text as on the wire (`2030-01-31T17:05:00.000Z`), in PostgreSQL an instant that date_trunc
and Grafana understand, in SQLite the same text, which sorts as the times do.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeEngine

from dashboard.floor.times import format_utc, parse_utc


class Truth(sa.Boolean):
    """True or false; SQLite keeps 1 and 0."""


@compiles(Truth, "sqlite")
def _truth_in_sqlite(_type: Truth, _compiler: Any, **_options: Any) -> str:
    return "INTEGER"


class Instant(sa.TypeDecorator[str]):
    """A time as RFC 3339 in UTC with milliseconds. Raises ValueError for text that is no time."""

    impl = sa.Text
    cache_ok = True

    @property
    def python_type(self) -> type[str]:
        """See TypeEngine."""
        return str

    def load_dialect_impl(self, dialect: sa.Dialect) -> TypeEngine[Any]:
        """See TypeDecorator."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(sa.TIMESTAMP(timezone=True))
        return dialect.type_descriptor(sa.Text())

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> Any:
        """See TypeDecorator."""
        if value is None:
            return None
        at = parse_utc(value)
        if at is None:
            raise ValueError(f"{value[:40]!r} is no time; expected RFC 3339")
        return at if dialect.name == "postgresql" else format_utc(at)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> str | None:
        """See TypeDecorator."""
        return format_utc(value) if isinstance(value, datetime) else value


# SQLite's STRICT tables know these names alone: INTEGER, REAL, TEXT, BLOB.
TEXT = sa.Text()
WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # numbers on the wire go up to 2**53
REAL: sa.Double[float] = sa.Double().with_variant(sa.REAL(), "sqlite")
TRUTH = Truth()
TIME = Instant()
BYTES = sa.LargeBinary()
