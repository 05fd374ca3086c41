"""What the fields of a record are, for whatever is made of its one list: tables, files, documents."""

from types import NoneType
from typing import Any, NamedTuple, get_args

import msgspec

PLAIN = (bool, int, float, str)


class Definition(NamedTuple):
    """What fields mean that are defined together."""

    names: tuple[str, ...]
    what: str
    null: str  # when they have no value


def plain_types(record: type[msgspec.Struct]) -> dict[str, type]:
    """The type behind each field of a record: bool, int, float or str."""
    return {field.name: _plain_type(field.type) for field in msgspec.structs.fields(record)}


def definitions(record: type[msgspec.Struct]) -> list[Definition]:
    """What the fields of a record are, as it says itself, in order; neighbours of one definition together.

    Raises ValueError for a field that has no definition.
    """
    found: list[Definition] = []
    for field in msgspec.structs.fields(record):
        metas = [one for one in get_args(field.type) if isinstance(one, msgspec.Meta) and one.extra]
        if not metas:
            raise ValueError(f"{record.__name__}.{field.name} has no definition")
        what, null = metas[-1].description or "", (metas[-1].extra or {})["null"]
        if found and found[-1][1:] == (what, null):
            found[-1] = found[-1]._replace(names=(*found[-1].names, field.name))
        else:
            found.append(Definition((field.name,), what, null))
    return found


def _plain_type(annotation: Any) -> type:
    if isinstance(annotation, type):
        return next(kind for kind in PLAIN if issubclass(annotation, kind))
    return _plain_type(next(inner for inner in get_args(annotation) if inner is not NoneType))
