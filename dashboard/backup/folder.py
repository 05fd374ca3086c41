"""A backup: a folder with the history, the settings and a manifest; whole or not there, its owner's alone.

history.db or history.dump    the history: an SQLite file, or an archive of pg_dump
settings.tar                  station files, passwords, the broker's folder
manifest.json                 what it is, how many rows each table has, SHA-256 of each file
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from station.errors import StoreError
from station.program.process import whole_folder
from station.text.encoding import SETTINGS_MB, read_whole

MANIFEST, SQLITE, POSTGRES, SETTINGS = "manifest.json", "history.db", "history.dump", "settings.tar"


class Manifest(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="plumbline/backup/1"):
    """`manifest.json`."""

    at_utc: str
    software: str
    history: str | None  # where it came from; None: none is in it
    rows: dict[str, int] = {}  # of the history's tables
    files: dict[str, str] = {}  # SHA-256, hex, by name


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to be filled; it takes its name when all has gone well. Raises StoreError."""
    if path.exists():
        raise StoreError(f"{path}: exists already; give a backup a folder of its own")
    try:
        with whole_folder(path) as draft:
            yield draft
    except OSError as error:
        raise StoreError(f"{error.filename or path}: {error.strerror}; give another --out") from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Add the sums of what lies in the folder, and write it."""
    sums = {path.name: _sum(path) for path in sorted(folder.iterdir())}
    full = msgspec.structs.replace(manifest, files=sums)
    (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(full)) + b"\n")


def read_manifest(folder: Path) -> Manifest:
    """What a backup holds, every byte of it checked. Raises StoreError for one that is damaged or none."""
    try:
        manifest = msgspec.json.decode(read_whole(folder / MANIFEST, SETTINGS_MB), type=Manifest)
        for name, expected in manifest.files.items():
            if "/" in name or _sum(folder / name) != expected:
                raise StoreError(f"{folder / name}: not as it was written; use another backup")
    except OSError as error:
        raise StoreError(f"{error.filename}: {error.strerror}; give the folder of a backup") from error
    except msgspec.DecodeError as error:
        raise StoreError(
            f"{folder / MANIFEST}: no backup of this Plumbline ({error}); give the folder of one"
        ) from error
    return manifest


def open_plain(path: Path) -> BinaryIO:
    """A file to read, and no link. Raises OSError."""
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError(0, "no file", str(path))
    return os.fdopen(number, "rb")


@contextmanager
def as_owner_of(folder: Path) -> Iterator[None]:
    """Where we are root, be the folder's owner meanwhile: what a link in it leads to is then theirs, too."""
    owner = folder.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        yield
        return
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def _sum(path: Path) -> str:
    found = hashlib.sha256()
    with open_plain(path) as file:
        while piece := file.read(1 << 20):
            found.update(piece)
    return found.hexdigest()
