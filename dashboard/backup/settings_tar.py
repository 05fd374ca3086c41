"""The settings of a machine as a tar archive: files with their modes and owners, and no links."""

import grp
import os
import pwd
import stat
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from dashboard.backup.folder import open_plain
from station.errors import StoreError
from station.program.process import replace_file

FOLDERS = (Path("/etc/plumbline"), Path("/etc/mosquitto/plumbline"))


def pack(folders: Sequence[Path], out: Path, root: Path = Path("/")) -> int:
    """Write the files below these folders; how many. Raises OSError."""
    count = 0
    with tarfile.open(out, "x", format=tarfile.PAX_FORMAT) as archive:
        for folder in folders:
            for path in sorted(_files(folder)):
                with open_plain(path) as file:
                    member = archive.gettarinfo(arcname=str(path.relative_to(root)), fileobj=file)
                    archive.addfile(member, file)
                    count += 1
    return count


def changes(archive: Path, root: Path) -> Iterator[tuple[Path, bool]]:
    """The files that putting an archive back would write: where, and whether one that differs is there.

    Raises StoreError for an archive that would write outside of the settings' folders.
    """
    for path, _, data in _members(archive, root):
        try:
            with open_plain(path) as file:
                held = file.read()
        except FileNotFoundError:
            yield path, False
            continue
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}; a link or no file is there, remove it") from error
        if held != data:
            yield path, True


def unpack(archive: Path, root: Path) -> None:
    """Write what `changes` names. Raises StoreError, OSError."""
    wanted = {path for path, _ in changes(archive, root)}
    for path, member, data in _members(archive, root):
        if path not in wanted:
            continue
        _make_folders(path.parent)
        replace_file(path, data, stat.S_IMODE(member.mode) & 0o755)
        if os.geteuid() == 0:
            with suppress(KeyError):  # a user that this machine does not have yet: root's until it has
                uid, gid = pwd.getpwnam(member.uname).pw_uid, grp.getgrnam(member.gname).gr_gid
                os.chown(path, uid, gid, follow_symlinks=False)


def _files(folder: Path) -> Iterator[Path]:
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        elif entry.is_file(follow_symlinks=False):
            yield Path(entry.path)


def _members(archive: Path, root: Path) -> Iterator[tuple[Path, tarfile.TarInfo, bytes]]:
    allowed = [folder.relative_to("/") for folder in FOLDERS]
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                name = PurePosixPath(member.name)
                inside = any(name.is_relative_to(folder) for folder in allowed)
                file = tar.extractfile(member) if member.isreg() else None
                if not inside or ".." in name.parts or file is None:
                    raise StoreError(
                        f"{archive}: holds {member.name}, which is no setting; use another backup"
                    )
                yield root / name, member, file.read()
    except tarfile.TarError as error:
        raise StoreError(f"{archive}: no archive ({error}); use another backup") from error


def _make_folders(folder: Path) -> None:
    """Each for its owner alone until somebody says otherwise; a link among them is refused."""
    for path in [*reversed(folder.parents), folder]:
        if path.is_symlink():
            raise StoreError(f"{path}: a link, which is not followed here; make it a folder")
        if not path.exists():
            path.mkdir(mode=0o750)
