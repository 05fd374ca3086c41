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


def cells(text: str) -> int:
    """The room that cleaned text takes on a screen: two cells for a wide letter, none for a mark."""
    if text.isascii():
        return len(text)
    return sum(_room(char) for char in text)


def cut(text: str, room: int) -> str:
    """`text` in at most so many cells; what is cut ends in …

    >>> [cut("Ana Okoro", 9), cut("Ana Okoro", 6), cut("東京", 3)]
    ['Ana Okoro', 'Ana O…', '東…']
    """
    if cells(text) <= room:
        return text
    left, kept = room - 1, []
    for char in text:
        left -= _room(char)
        if left < 0:
            break
        kept.append(char)
    return "".join(kept).rstrip() + "…" if room > 0 else ""


def column(text: str, room: int) -> str:
    """`text` in exactly so many cells."""
    text = cut(text, room)
    return text + " " * (room - cells(text))


def _room(char: str) -> int:
    if unicodedata.category(char)[0] in "MC":
        return 0
    return 1 + (unicodedata.east_asian_width(char) in "WF")
