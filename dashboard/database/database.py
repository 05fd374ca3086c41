"""A database as the history needs it: transactions, and statements of SQLAlchemy Core in and out of them."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import Connection, Engine, Executable, Table
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError

from station.errors import StoreError

if TYPE_CHECKING:  # each dialect takes a tenth of a start; the one that is spoken is loaded where it is
    from sqlalchemy.dialects import postgresql, sqlite

    Insert = sqlite.Insert | postgresql.Insert

Row = dict[str, Any]
LOCK_WAIT_S = 2.0  # for another process that writes
STREAMED_ROWS = 500  # fetched at a time


class Database(ABC):
    """A history's database. Any thread may call; a call raises StoreError when the database cannot serve it.

    Errors about a value (a constraint, a number too large) come as the driver raises them: trying again would
    not help.
    """

    def __init__(self, name: str, writing: Engine, reading: Engine) -> None:
        """`name` is for people: a path, or a URL without its password. `reading` begins no transaction."""
        self.name = name
        self._writing = writing
        self._reading = reading
        self._lock = threading.RLock()
        self._held: Connection | None = None  # of the transaction that is open
        with self._errors(), self._writing.connect():
            pass  # that it cannot be reached or read is said at once

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def dialect(self) -> str:
        """What it speaks: "sqlite" or "postgresql"."""
        return self._writing.dialect.name

    def close(self) -> None:
        """Release it."""
        self._writing.dispose()

    def rows(self, query: Executable, values: Mapping[str, Any] | None = None) -> list[Row]:
        """The answer to a query, a dict by column name each."""
        with self.connection() as connection:
            found = connection.execute(query, values)
            return list(_dicts(tuple(found.keys()), found.all()))

    def stream(self, query: Executable) -> Iterator[Row]:
        """The same a few rows at a time, for answers of any size, all of one moment."""
        with self._errors(), self._writing.connect() as connection:
            found = connection.execution_options(yield_per=STREAMED_ROWS).execute(query)
            yield from _dicts(tuple(found.keys()), found)

    def run(self, statement: Executable, values: Mapping[str, Any] | Sequence[Row] | None = None) -> int:
        """Change something, within `transaction`; how many rows it changed. A sequence: once with each."""
        assert self._held is not None, "changes belong into a transaction"
        with self._errors():
            # Without it SQLAlchemy asks no driver how many rows an INSERT has changed.
            counted = {"preserve_rowcount": True}
            return self._held.execute(statement, values, execution_options=counted).rowcount

    @abstractmethod
    def insert(self, table: Table) -> "Insert":
        """An INSERT that knows ON CONFLICT."""

    def upsert(self, table: Table, newer: bool = False) -> "Insert":
        """An INSERT that replaces the row with the same key; `newer`: only by a higher revision."""
        insert = self.insert(table)
        return insert.on_conflict_do_update(
            index_elements=list(table.primary_key),
            set_={column.name: insert.excluded[column.name] for column in table.c},
            where=insert.excluded.revision > table.c.revision if newer else None,
        )

    @contextmanager
    def transaction(self, wait_s: float = LOCK_WAIT_S) -> Iterator[Connection]:
        """All or nothing, and nobody else writes meanwhile; committed is on disk.

        `wait_s` is for another process that writes.
        """
        with self._lock, self._errors(), self._writing.begin() as connection:
            self._begin(connection, wait_s)
            self._held = connection
            try:
                yield connection
            finally:
                self._held = None

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection to read from: that of the open transaction, if there is one."""
        with self._lock, self._errors():
            if self._held is not None:
                yield self._held
            else:
                with self._reading.connect() as connection:
                    yield connection

    @abstractmethod
    def scrub(self, tables: Sequence[Table]) -> None:
        """Leave no trace of deleted rows in the files of the database."""

    @abstractmethod
    def _begin(self, connection: Connection, wait_s: float) -> None:
        """Keep others from writing until the end of the transaction."""

    @abstractmethod
    def _meaning(self, error: Exception) -> StoreError:
        """What a driver's error means for the person at the keyboard."""

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except StatementError as error:
            cause = error.orig
            if not isinstance(cause, Exception):
                raise
            if isinstance(error, DBAPIError) and not isinstance(error, IntegrityError | DataError):
                raise self._meaning(cause) from error
            raise cause from None  # about a value; SQLAlchemy would print all the others


def _dicts(names: Sequence[str], found: Iterable[Any]) -> Iterator[Row]:
    return (
        dict(zip(names, row, strict=True)) for row in found
    )  # .mappings() looks each name up, in each row
