"""Change the calibration of one channel in a station file, and not a character besides."""

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from station.config import Calibration
from station.errors import ConfigError
from station.process import replace_file

_TABLE = re.compile(r"\s*\[")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+|\"[^\"]*\")\s*=")


def with_calibration(text: str, channel: str, entry: Calibration) -> str:
    """A station file's text with another calibration of the channel; comments and all else stay.

    Raises ConfigError where the file writes its calibration in a way that cannot be changed line by line.
    """
    keys = {key: value for key, value in msgspec.to_builtins(entry).items() if value not in (None, [])}
    new = {key: f"{key} = {_toml(value)}" for key, value in keys.items()}
    wanted = tomllib.loads(text)
    wanted.setdefault("calibration", {})[channel] = tomllib.loads("\n".join(new.values()))
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.split(end)
    header = re.compile(rf"\s*\[\s*calibration\s*\.\s*\"?{channel}\"?\s*\]\s*(#.*)?")
    start = next((n for n, line in enumerate(lines) if header.fullmatch(line)), None)
    if start is None:
        changed = end.join([text.rstrip(), "", f"[calibration.{channel}]", *new.values(), ""])
    else:
        changed = end.join([*lines[: start + 1], *_replaced(lines[start + 1 :], new)])
    if _load(changed) != wanted:
        said = "; ".join(new.values())
        raise ConfigError(
            f"calibration.{channel} is written in a way that cannot be changed in place; write it as the"
            f" table [calibration.{channel}] with {said}"
        )
    return changed


def write_atomically(path: Path, text: str, encoding: str = "utf-8") -> None:
    """Replace a file's text, keeping its mode; it is the old one or the new one, never half of it.

    encoding: of the file that was there. Raises ConfigError where the folder cannot be written.
    """
    path = path.resolve()  # a link stays a link
    try:
        replace_file(path, text.encode(encoding))
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be written ({error.strerror}); run it as the user who owns it and its folder"
        ) from error


def _replaced(lines: list[str], new: dict[str, str]) -> list[str]:
    """A table's lines, and those of all tables behind it, with the new keys in the places of the old.

    Comments beside a value stay there.
    """
    kept: list[str] = []
    left = dict(new)
    n = ends = 0
    while n < len(lines) and not _TABLE.match(lines[n]):
        found = _KEY.match(lines[n])
        # A list may go over several lines: up to where it can be read.
        sizes = range(1, len(lines) - n + 1) if found else ()
        size = next((k for k in sizes if _load("\n".join(lines[n : n + k]))), 1)
        key = found[1].strip('"') if found else ""
        if key in left:
            kept.append(left.pop(key) + (_comment(lines[n]) if size == 1 else ""))
        elif key not in Calibration.__struct_fields__:
            kept += lines[n : n + size]
        n += size
        ends = len(kept) if found else ends  # what follows the last key is about the next table
    return [*kept[:ends], *left.values(), *kept[ends:], *lines[n:]]


def _comment(line: str) -> str:
    """The comment beside a value, with the blanks before it; empty where there is none."""
    for found in re.finditer(r"\s*#", line):
        if _load(line[: found.start()]):
            return line[found.start() :]
    return ""


def _load(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _toml(value: Any) -> str:
    """A value as TOML: numbers, text without quotes in it, and lists of them."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return f'"{value}"' if isinstance(value, str) else repr(value)
