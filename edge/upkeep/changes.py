"""File changes of an upkeep command: planned, shown, then carried out.

A file of ours begins with a mark. One without it is somebody else's and is never touched; a link is never
followed: in a folder that another user may write to, root would write wherever it points.
"""

import difflib
import os
import stat
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from station.errors import ConfigError
from station.program.process import replace_file

OURS = "# Written by `plumbline "
_GENERATED = 0o644


class Change(NamedTuple):
    """A file's current and planned text; None: absent."""

    path: Path
    old: str | None
    new: str | None
    mode: int = _GENERATED
    secret: bool = False  # its text is not shown

    def lines(self) -> Iterator[str]:
        """The change as lines to show."""
        sign = "+" if self.old is None else "-" if self.new is None else "~"
        yield f"{sign} {self.path}"
        if sign == "~" and not self.secret:
            both = (self.old or "").splitlines(), (self.new or "").splitlines()
            for line in difflib.unified_diff(*both, n=0, lineterm=""):
                if not line.startswith(("+++", "---", "@@")):
                    yield f"    {line}"


def generated(wanted: Mapping[Path, str | None]) -> list[Change]:
    """The changes that give our generated files these texts (None: remove).

    Raises ConfigError for one that is somebody else's.
    """
    found = []
    for path, text in wanted.items():
        old = read_own(path)
        if old != text:
            found.append(Change(path, old, text))
    return found


def read_own(path: Path) -> str | None:
    """Read a generated file; None where there is none.

    Raises ConfigError for somebody else's, and for a link.
    """
    text = read_plain(path)
    if text is not None and not text.startswith(OURS):
        raise ConfigError(f"{path}: not written by Plumbline; move it away, or put your lines into a drop-in")
    return text


def read_plain(path: Path) -> str | None:
    """Read a regular file; None where there is none. Raises ConfigError for links and other types."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(f"{path}: {_link(path) if path.is_symlink() else error.strerror}") from error
    with os.fdopen(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise ConfigError(f"{path}: no file; remove it")
        try:
            return file.read().decode()
        except UnicodeDecodeError as error:
            raise ConfigError(f"{path}: no text ({error})") from error


def _link(path: Path) -> str:
    """What kind of link a file of ours is, and what to do: one to /dev/null is how systemd and udev mask."""
    if os.path.realpath(path) != os.devnull:
        return "a link, which is not followed here; remove it"
    remedy = f"`systemctl unmask {path.name}`" if path.suffix == ".service" else "remove it"
    return f"masked, a link to {os.devnull}; {remedy}, then again"


def claim(folder: Path) -> None:
    """Create a folder, or take over its ownership, before writing into it.

    Raises ConfigError for a link and where we may not.
    """
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    try:
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise ConfigError(f"{folder}: a link or no folder; make it a folder of root's own") from error
    try:
        if os.fstat(number).st_uid not in (os.geteuid(), 0):
            os.fchown(number, os.geteuid(), -1)
        if stat.S_IMODE(os.fstat(number).st_mode) & 0o022:
            os.fchmod(number, 0o750)
    finally:
        os.close(number)


def carry_out(changes: Sequence[Change]) -> None:
    """Carry out the changes. Raises ConfigError where the disk refuses."""
    try:
        for change in changes:
            if change.new is None:
                change.path.unlink(missing_ok=True)
            else:
                change.path.parent.mkdir(parents=True, exist_ok=True)
                replace_file(change.path, change.new.encode(), change.mode)
    except OSError as error:
        raise ConfigError(
            f"{error.filename}: {error.strerror}; use sudo, or --root DIR to look first"
        ) from error


def run_steps(steps: Sequence[Sequence[str]]) -> None:
    """Run commands one after the other. Raises ConfigError for the first that fails."""
    for step in steps:
        try:
            done = subprocess.run(step, check=False)
        except OSError as error:
            raise ConfigError(f"{step[0]}: {error.strerror}; the steps before it are done") from error
        if done.returncode:
            raise ConfigError(f"`{' '.join(step)}` ended with status {done.returncode}; see its own words")
