"""Names and badges as people type, paste and save them: one spelling to keep, and one to compare by."""

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from dashboard.plaintext import JOINERS, joins

_DIRECTION = "\u200e\u200f\u061c"  # spelling beside a sign in a name written from right to left
# Signs that keyboards have for each other: the Turkish i without its dot, Arabic letters in Persian, and
# apostrophes and hyphens as word processors set them.
_ALIKE = {
    **dict.fromkeys(map(ord, "\u0131"), "i"),
    **dict.fromkeys(map(ord, "\u064a\u0649"), "\u06cc"),
    **dict.fromkeys(map(ord, "\u0643"), "\u06a9"),
    **dict.fromkeys(map(ord, "\u2018\u2019\u02bc\u00b4`"), "'"),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2013"), "-"),
}
_E_NUMBER = re.compile(r"([1-9])(?:[.,](\d{1,14}))?[eE]\+?(\d{1,2})")


def normalize_name(text: str) -> str:
    """Normalise a name for storage: NFC, single blanks, no invisible characters except joiners.

    Joiners stay between letters of scripts that join, direction marks in names from right to left; what
    overrides direction, has no width or is a control goes.
    """
    text = unicodedata.normalize("NFC", text)
    from_right = any(unicodedata.bidirectional(char) in ("R", "AL") for char in text)
    kept = []
    for at, char in enumerate(text):
        if char in JOINERS:
            if not (0 < at < len(text) - 1 and joins(text[at - 1])):
                continue
        elif char in _DIRECTION:
            if not from_right:
                continue
        elif unicodedata.category(char) == "Cf":
            continue
        kept.append(" " if char.isspace() else char)
    return " ".join("".join(kept).split()).strip(JOINERS + _DIRECTION + " ")


def name_key(text: str) -> str:
    """A comparison key for names: ignores case, composition, width, zero-width characters and like signs."""
    folded = unicodedata.normalize("NFKC", normalize_name(text).translate(_ALIKE)).casefold()
    key = "".join(
        char for char in unicodedata.normalize("NFKC", folded) if unicodedata.category(char) != "Cf"
    )
    return key.replace("i\u0307", "i")  # the Turkish capital with a dot


def is_shown(text: str) -> bool:
    """Whether all of a name can be printed; joiners and direction marks count as spelling."""
    return all(char.isprintable() or char in JOINERS + _DIRECTION for char in text)


def normalize_badge(text: str) -> str:
    """Normalise a badge for storage: without a spreadsheet's `'`, `="…"` or trailing `.0`."""
    badge = re.sub(r'^="(.*)"$', r"\1", normalize_name(text))
    if re.fullmatch(r"'[\w+=@-].*", badge):
        badge = badge[1:]
    return re.sub(r"^(\d+)[.,]0$", r"\1", badge)


def name_warning(name: str) -> str | None:
    """What an encoding mistaken on the way has done to a name; None where nothing shows."""
    if "\ufffd" in name:
        return "a letter was lost when it was saved; type it anew"
    try:
        meant = name.encode("cp1252").decode()
    except UnicodeError:
        return None
    return f"UTF-8 read as Windows-1252; rather {meant!r}" if meant != name else None


def badge_warnings(badges: Iterable[str]) -> dict[str, str]:
    """Warnings by badge about damage that a spreadsheet seems to have done in a file."""
    badges = list(badges)
    lengths = [len(badge) for badge in badges if badge.isdecimal()]
    longest = max(lengths, default=0)
    said = {}
    for badge in badges:
        if _E_NUMBER.fullmatch(badge):
            said[badge] = (
                "a spreadsheet has rounded it; make the column text and type the digits of the card anew"
                " (until then a card whose first digits agree is taken for it)"
            )
        elif badge.isdecimal() and len(badge) < longest and lengths.count(longest) * 2 >= len(lengths):
            said[badge] = (
                f"{len(badge)} digits where others have {longest}: a spreadsheet drops leading zeros;"
                f" make the column text (until then {badge.rjust(longest, '0')} is taken for it)"
            )
    return said


def same_badge(kept: str, read: str) -> bool:
    """Whether a badge matches one damaged by a spreadsheet: zeros dropped, digits rounded."""
    kept, read = name_key(kept), name_key(read)
    if kept.isdecimal() and read.isdecimal():
        return kept.lstrip("0") == read.lstrip("0") != ""
    rounded = _E_NUMBER.fullmatch(kept)
    if rounded is None:
        return False
    try:
        number = Decimal(read)
    except InvalidOperation:
        return False
    digits = rounded[1] + (rounded[2] or "")
    exponent = int(rounded[3])
    if not number.is_finite() or number <= 0 or number.adjusted() > 40:
        return False
    step = Decimal(1).scaleb(exponent - len(digits) + 1)
    return abs(number - Decimal(digits) * step) <= step / 2
