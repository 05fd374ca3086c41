"""What a row of the history becomes on its way to people: names, honest digits, cells that nothing runs."""

import csv
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, TextIO

from dashboard.database.database import Row

EXCEL_BOM = "\ufeff"  # without it Excel reads UTF-8 as the machine's old code page
NAME = "athlete_name"
_SIGMA = re.compile(r"(.+)_sigma_([a-z]+)")
_DIGITS = 2  # of a standard uncertainty (JCGM 100:2008, 7.2.6)
_FORMULA = ("=", "+", "-", "@")


def named(found: Iterable[Row], names: Mapping[str, str]) -> Iterator[Row]:
    """Each row with the athlete's name beside the id; empty for one without."""
    for row in found:
        yield row | {NAME: names.get(row["athlete"] or "")}


def columns_with_name(columns: Iterable[str]) -> tuple[str, ...]:
    """The columns, the name behind the id."""
    return tuple(one for column in columns for one in ((column, NAME) if column == "athlete" else (column,)))


def rounded(found: Iterable[Row]) -> Iterator[Row]:
    """Each number that has a standard uncertainty, and that, to the second digit of the uncertainty."""
    for row in found:
        yield row | _rounded(row)


def _rounded(row: Row) -> Row:
    changed: Row = {}
    for name, sigma in row.items():
        pair = _SIGMA.fullmatch(name)
        if pair is None or not isinstance(sigma, float) or not 0.0 < sigma < math.inf:
            continue
        places = _DIGITS - 1 - math.floor(math.log10(sigma))
        for column, value in ((name, sigma), (f"{pair[1]}_{pair[2]}", row.get(f"{pair[1]}_{pair[2]}"))):
            if isinstance(value, float) and math.isfinite(value):
                with suppress(OverflowError):  # of the greatest numbers there are
                    changed[column] = round(value, places)
    return changed


def write_excel(found: Iterable[Row], columns: Iterable[str], file: TextIO) -> int:
    """CSV as Excel opens it by a double click where decimals have a comma; returns how many rows."""
    columns = tuple(columns)
    file.write(EXCEL_BOM)
    writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
    writer.writerow(columns)
    count = 0
    for count, row in enumerate(found, 1):  # noqa: B007 - the last one is the count
        writer.writerow([_with_comma(cell(row[name])) for name in columns])
    return count


def _with_comma(value: Any) -> Any:
    return repr(value).replace(".", ",") if isinstance(value, float) else value


def cell(value: Any) -> Any:
    """A value as it stands in CSV: truths as words, and an apostrophe before what would be a formula."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return value
    text = value.replace("\r\n", "\n").replace("\r", "\n")  # csv quotes no bare CR: a row would begin there
    return f"'{text}" if is_formula(text) else text


def is_formula(text: str) -> bool:
    """Whether a spreadsheet may run a text: by its first sign that can be seen, whatever its width."""
    if text[:1] in ("\t", "\r", "\n"):
        return True
    for char in text:
        if char.isspace() or unicodedata.category(char) in ("Cc", "Cf", "Zs"):
            continue
        return unicodedata.normalize("NFKC", char)[:1] in _FORMULA or char in "−﹢﹦﹣﹫"
    return False
