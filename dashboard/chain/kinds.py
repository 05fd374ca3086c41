"""Which tables of a history travel to the chain, by which key, and how a row of each is checked. Pure.

A row is a register: the chain holds the state that the gym's newest change left it in. The month of a rep is
part of its key, because the chain's table of reps is divided by it; a rep whose time moves into another month
is deleted in the one and inserted in the other.
"""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

import msgspec
from sqlalchemy import Table

from dashboard.database.tables import COMMANDS, CORRECTIONS, ERASED, REPS, SETS
from dashboard.database.types import REAL, TIME, TRUTH, WHOLE
from station.errors import MessageError
from station.records import Seq

KINDS: Mapping[str, Table] = {table.name: table for table in (REPS, SETS, COMMANDS, CORRECTIONS, ERASED)}
MONTHLY = REPS.name  # the table that is divided by month

# As a history gives them; the database would take "yesterday" for a time, too.
_Time = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$")]
_PYTHON: Mapping[Any, Any] = {WHOLE: int, REAL: float, TRUTH: bool, TIME: _Time}


def key_columns(kind: str) -> tuple[str, str | None]:
    """The columns of a kind's event id and its station; None where it is of the whole gym."""
    return ("athlete_hash", None) if kind == ERASED.name else ("event_id", "station")


def month_of(kind: str, at_utc: str) -> str:
    """The month part of a key, as 2030-01; "" for tables that are not divided."""
    return at_utc[:7] if kind == MONTHLY else ""


@cache
def row_decoder(kind: str, columns: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    """A decoder of one row, an array of the change's sequence number and the columns named.

    Raises MessageError for a column that this Plumbline does not know.
    """
    known = KINDS[kind].c
    unknown = [name for name in columns if name not in known or name == "site"]
    if unknown or len(set(columns)) < len(columns):
        raise MessageError(f"{kind} with columns unknown here: {', '.join(unknown)[:200]}")
    fields: list[tuple[str, Any]] = [("seq", Seq)]
    for name in columns:
        plain: Any = _PYTHON.get(known[name].type, str)
        fields.append((name, plain | None if known[name].nullable else plain))
    return msgspec.json.Decoder(
        msgspec.defstruct(
            f"Row_{kind}", fields, array_like=True, frozen=True, gc=False, forbid_unknown_fields=True
        )
    )
