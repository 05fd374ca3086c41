"""The README's table of a rep's numbers, from the one list of them: station.records.Rep.

python -m tests.fields      writes the table anew
"""

from pathlib import Path

from station.fields import definitions
from station.records import Rep

README = Path(__file__).parents[1] / "README.md"
HEAD = "| field | what it is | null when |\n|---|---|---|\n"


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
