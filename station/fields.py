"""What the fields of a record are, for the tables and files that are made of its one list."""

from types import NoneType
from typing import Any, get_args

import msgspec

PLAIN = (bool, int, float, str)


def plain_types(record: type[msgspec.Struct]) -> dict[str, type]:
    """The type behind each field of a record: bool, int, float or str; a record within it is JSON, so str."""
    return {field.name: _plain_type(field.type) for field in msgspec.structs.fields(record)}


def _plain_type(annotation: Any) -> type:
    if isinstance(annotation, type):
        if issubclass(annotation, msgspec.Struct):
            return str
        return next(kind for kind in PLAIN if issubclass(annotation, kind))
    return _plain_type(next(inner for inner in get_args(annotation) if inner is not NoneType))
