"""The README's table of a rep's numbers, from the one list of them: station.records.Rep.

python -m tests.fields      writes the table anew
"""

from pathlib import Path
from typing import NamedTuple, get_args

import msgspec

from station.records import Rep

README = Path(__file__).parents[1] / "README.md"
HEAD = "| field | what it is | null when |\n|---|---|---|\n"


class Definition(NamedTuple):
    """What fields mean that are defined together."""

    names: tuple[str, ...]
    what: str
    null: str  # when they have no value


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


def table() -> str:
    """Markdown, a row for the fields that are defined together."""
    rows = [
        f"| {', '.join(f'`{name}`' for name in names)} | {what} | {null} |"
        for names, what, null in definitions(Rep)
    ]
    return HEAD + "\n".join(rows) + "\n"


def with_table(text: str) -> str:
    """A document with its table as it should be."""
    before, after = text.split(HEAD)
    return before + table() + "\n" + after.split("\n\n", 1)[1]


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
