"""A history's database: SQLite or PostgreSQL, and its tables."""

import inspect
import sys

from station.program.postponed import postpone, postponed

# A tenth of a start: SQLAlchemy has a use for them with engines that we have not.
postpone("hashlib")
with postponed("asyncio", "importlib.metadata"):
    vars(sys.modules["asyncio"]).setdefault("iscoroutine", inspect.iscoroutine)  # asked for at once
    import sqlalchemy.dialects.sqlite  # noqa: F401
