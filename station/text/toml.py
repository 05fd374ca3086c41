"""TOML as people write it: a file of settings, or one line with what is wrong in which line."""

import re
import tomllib
from pathlib import Path
from typing import Any

from station.errors import ConfigError
from station.text.encoding import read_text

# Not compiled here: they are for what is wrong in a file, and six of them take as long as all of its TOML.
_PLACE = r"(?s)(.*) \(at (?:line (\d+), column \d+|end of document)\)"
_KEY = r"\s*([\w.-]+|\"[^\"]*\")\s*=\s*(.*)"
_CURLY = "[\u2018-\u201f\u00ab\u00bb\u2032\u2033`\u00b4\uff02\uff07]"  # ‘’‚‛“”„‟«»′″`´＂＇
_MINUS = r"[\[,\s]*([\u2010-\u2015\u2212])[\d.]"
_BLANKS = "[\u00a0\u1680\u2000-\u200f\u202f\u205f\u2060\u3000\ufeff]"  # and what has no width
_DECIMAL_COMMA = r"[\[,\s]*([+-]?\d+),(\d+)"


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a file. Raises ConfigError: file, line, key, what was seen and what to write."""
    return parse_toml(read_text(path, "the path of a TOML file"), path)


def parse_toml(text: str, path: Path) -> dict[str, Any]:
    """The tables of a file's text. Raises ConfigError as `read_toml`."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ConfigError(f"{path}: not valid TOML: too deeply nested") from error
    except ValueError as error:  # also a number of 5000 digits
        raise ConfigError(f"{path}: {_reason(str(error), text)}") from error


def _reason(said: str, text: str) -> str:  # noqa: PLR0911 - one habit a line
    """tomllib's sentence with the key, and what people do where it stands."""
    found = re.fullmatch(_PLACE, said)
    if found is None:
        return f"not valid TOML: {said[:200]}"
    lines = text.rstrip("\n").split("\n")
    number = min(int(found[2] or len(lines)), len(lines))
    line = lines[number - 1]
    key = re.match(_KEY, line)
    value = key[2] if key else line
    place = f"line {number}: {key[1]}" if key else f"line {number}"
    if curly := re.search(_CURLY, value.partition("#")[0]):
        return f'{place}: {curly[0]} is no quotation mark of TOML; write straight ones, "…"'
    if re.search(_BLANKS, line):
        return f"line {number}: a blank that is none (no-break, or without width); type it anew"
    if minus := re.match(_MINUS, value):
        return f"{place}: {minus[1]} is no minus sign of TOML; write -"
    if comma := re.match(_DECIMAL_COMMA, value):
        return f"{place}: {comma[1]},{comma[2]} has a decimal comma; write {comma[1]}.{comma[2]}"
    word = value.partition("#")[0].strip()
    if re.fullmatch(r"(?i)true|false|yes|no|on|off|ja|nein", word):
        return f"{place} is {word}; write true or false"
    if key and re.fullmatch(r"[^\W\d][^\"'\[\]{}=]*", word):
        return f'{place}: {word[:40]} has no quotation marks; write "{word[:40]}"'
    if "\\" in value and re.search("Unescaped|escape|hex value", said):
        return f"{place}: a backslash in double quotes; use single ones, '…'"
    seen = f"{place}: {line.strip()[:60]!r} is not valid TOML ({found[1][:120]})"
    return f'{seen}; write key = value, text in "…", numbers as 0.5, notes behind #'
