"""The table of docs/developing.md that says what becomes of a rep that may be one, from the kernel's own.

python -m tests.grammar     writes the table anew
"""

from pathlib import Path

from kernels._candidate import EVENTS, LIFE, STATE_NAMES

PAGE = Path(__file__).parents[1] / "docs" / "developing.md"
HEAD = f"| what happens | is | {' | '.join(STATE_NAMES)} |\n|---|---|{'---|' * len(STATE_NAMES)}\n"


def table() -> str:
    """Markdown, a row for each event: what is said in each state, and the state from then on."""
    answers = {(state, event): (said, after) for state, event, said, after in LIFE}
    lines = []
    for event, (_, what) in EVENTS.items():
        cells = [_cell(state, *answers[state, event]) for state in STATE_NAMES]
        lines.append(f"| {event} | {what} | {' | '.join(cells)} |")
    return HEAD + "\n".join(lines) + "\n"


def _cell(state: str, said: str, after: str) -> str:
    return " → ".join(([f"*{said}*"] if said else []) + ([after] if after != state else [])) or "·"


def with_table(text: str) -> str:
    """The page with its table as it should be."""
    before, after = text.split(HEAD)
    return before + table() + "\n" + after.split("\n\n", 1)[1]


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
