"""Change the calibration of one channel in a station file, and not a character besides."""

import tomllib
from pathlib import Path

import msgspec
import tomlkit

from station.config import Calibration
from station.errors import ConfigError
from station.program.process import replace_file


def with_calibration(text: str, channel: str, entry: Calibration) -> str:
    """A station file's text with another calibration of the channel; comments and all else stay.

    Raises ConfigError where the file writes its calibration in a way that cannot be changed in place.
    """
    entries = msgspec.json.decode(msgspec.json.encode(entry))
    new = {key: value for key, value in entries.items() if value not in (None, [])}
    wanted = tomllib.loads(text)
    wanted.setdefault("calibration", {})[channel] = new
    end = "\r\n" if "\r\n" in text else "\n"
    try:
        changed = _changed(text.replace("\r\n", "\n"), channel, new).replace("\n", end)
        done = tomllib.loads(changed) == wanted
    except (ValueError, TypeError, AttributeError):  # tomlkit's own errors are ValueErrors
        done = False
    if not done:
        said = "; ".join(f"{key} = {value}" for key, value in new.items())
        raise ConfigError(
            f"calibration.{channel} is written in a way that cannot be changed in place; write it as the"
            f" table [calibration.{channel}] with {said}"
        )
    return changed


def _changed(text: str, channel: str, new: dict[str, object]) -> str:
    document = tomlkit.parse(text)
    calibration = document.setdefault("calibration", tomlkit.table(is_super_table=True))
    table = calibration.setdefault(channel, tomlkit.table())
    for key in table.keys() - new.keys():
        del table[key]
    body = table.value.body
    ends = next((n for n in range(len(body), 0, -1) if body[n - 1][0] is not None), 0)
    behind, body[ends:] = body[ends:], []  # what follows the last key is about the next table
    table.update(new)
    body += behind
    changed: str = tomlkit.dumps(document)
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
