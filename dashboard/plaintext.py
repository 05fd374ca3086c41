"""Text from outside made harmless: only what can be seen, and no more of it than a screen has room for."""

import unicodedata

JOINERS = "\u200c\u200d"  # Persian and Indic spelling needs them within a word
TEXT_LIMIT = 200  # characters; an event id is below 60, and no screen shows more of any text


def clean(text: str, limit: int = TEXT_LIMIT) -> str:
    """`text` without control, format, surrogate, private and unassigned characters and line separators.

    What Unicode calls C* includes ESC, the C1 controls and every bidirectional mark; combining marks
    beyond two in a row go as well: they pile up into the neighbouring lines.
    """
    kept: list[str] = []
    marks = 0
    for char in text[: 4 * limit]:
        category = unicodedata.category(char)
        if char in JOINERS and kept and joins(kept[-1]):
            kept.append(char)  # Persian and Indic spelling; never two in a row, nor behind Latin letters
            continue
        if category[0] == "C" or category in ("Zl", "Zp"):
            continue
        marks = marks + 1 if category[0] == "M" else 0
        if marks <= 2:
            kept.append(char)
        if len(kept) == limit:
            break
    return "".join(kept)


def joins(char: str) -> bool:
    """Whether a joiner behind this character can be spelling: a letter or mark of a script that joins."""
    return (
        ord(char) >= 0x0600
        and unicodedata.category(char)[0] in "LM"
        and not unicodedata.name(char, "").startswith(
            ("LATIN", "GREEK", "CYRILLIC", "CJK", "HANGUL", "HIRAGANA", "KATAKANA")
        )
    )
