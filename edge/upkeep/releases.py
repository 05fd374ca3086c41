"""Releases beside each other, each a virtual environment of its own; a link says which one runs.

    DIR/1 DIR/2 …    the environments
    DIR/current      -> the one in use; units and PATH call DIR/current/bin/plumbline
    DIR/previous     -> the one before, to go back to

The one that runs is never changed: a new one is built and tried beside it, and the link changes in one step.
"""

import fcntl
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from station.errors import ConfigError
from station.program.distribution import DISTRIBUTION

EXTRAS = (
    "dashboard",
    "plot",
    "parquet",
    "postgres",
    "web",
)  # what a gym runs with; the rest is for developers
_TRY = "import importlib.util as u; u.find_spec('kernels') and __import__('kernels')"


class Releases:
    """The folder of releases. Raises ConfigError where it cannot be written or is not one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of_this_program(cls) -> "Releases":
        """The releases folder that the running program belongs to."""
        prefix = Path(sys.prefix).resolve()
        if (prefix.parent / "current").is_symlink() and prefix.name.isdigit():
            return cls(prefix.parent)
        if Path(f"/var/lib/dpkg/info/{prefix.name}.list").exists():
            raise ConfigError(
                f"this Plumbline is Debian's package {prefix.name}; `apt-get install` brings the newer one"
            )
        raise ConfigError(
            f"this Plumbline runs from {sys.prefix}, which is no folder of releases;"
            " give --into /opt/plumbline once, and call /opt/plumbline/current/bin/plumbline from then on"
        )

    @property
    def current(self) -> Path | None:
        """The release in use."""
        return self._target("current")

    @property
    def previous(self) -> Path | None:
        """The one before it."""
        return self._target("previous")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder's lock."""
        try:
            self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            number = os.open(self.folder / ".lock", os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise ConfigError(f"{self.folder}: {error.strerror}; use sudo") from error
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise ConfigError(f"{self.folder}: another update is under way; wait for it") from error
        finally:
            os.close(number)

    def build(self, version: str | None, where: Sequence[str], extras: Sequence[str]) -> Path:
        """Install and try a new release; a failed one is removed. `where`: options of pip.

        Raises ConfigError.
        """
        self.prune()
        made = self.folder / str(max(self._numbers(), default=0) + 1)
        wanted = (
            DISTRIBUTION + (f"[{','.join(extras)}]" if extras else "") + (f"=={version}" if version else "")
        )
        try:
            venv.create(made, with_pip=True, symlinks=True)
            pip = [str(made / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
            _run([*pip, "install", *where, wanted], f"{wanted} cannot be installed")
            _run([str(made / "bin" / "python"), "-c", _TRY], "the new release does not run on this machine")
            self.version(made)
        except subprocess.CalledProcessError as error:
            shutil.rmtree(made, ignore_errors=True)
            raise ConfigError(
                f"a virtual environment cannot be made ({error}); is python3-venv installed?"
            ) from error
        except OSError as error:
            shutil.rmtree(made, ignore_errors=True)
            raise ConfigError(f"{error.filename}: {error.strerror}; nothing was changed") from error
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        return made

    def version(self, release: Path) -> str:
        """The version a release reports. Raises ConfigError where it does not run."""
        said = _run([str(release / "bin" / "plumbline"), "--version"], "the new release does not run")
        return said.strip().rpartition(" ")[2]

    def switch(self, release: Path) -> None:
        """Make a release the current one; the current one becomes the previous one."""
        before = self.current
        if before is not None and before != release:
            self._link("previous", before)
        self._link("current", release)

    def prune(self) -> None:
        """Remove every release except the current and the previous one."""
        kept = {self.current, self.previous}
        for number in self._numbers():
            path = self.folder / str(number)
            if path not in kept and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)

    def _numbers(self) -> list[int]:
        return [int(path.name) for path in self.folder.iterdir() if path.name.isdigit()]

    def _target(self, name: str) -> Path | None:
        link = self.folder / name
        return self.folder / link.readlink().name if link.is_symlink() and link.exists() else None

    def _link(self, name: str, to: Path) -> None:
        draft = self.folder / f".{name}"
        draft.unlink(missing_ok=True)
        draft.symlink_to(to.name)
        draft.replace(self.folder / name)


def extras_in_use() -> list[str]:
    """The extras whose requirements are all installed here."""
    needed: dict[str, list[str]] = {name: [] for name in EXTRAS}
    for line in importlib.metadata.requires(DISTRIBUTION) or []:
        name = re.match(r"[A-Za-z0-9._-]+", line)
        extra = re.search(r"extra == [\"'](\w+)[\"']", line)
        if name and extra and extra[1] in needed:
            needed[extra[1]].append(name[0])
    return [extra for extra, names in needed.items() if names and all(map(_installed, names))]


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _run(command: Sequence[str], what: str) -> str:
    # Not ours: what is installed for this program must not be seen by the other one.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd="/")
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"status {done.returncode}"]
        errors = [line for line in lines if line.startswith("ERROR")] or lines[-1:]
        raise ConfigError(f"{what}: {errors[-1].removeprefix('ERROR: ')}; nothing was changed")
    return done.stdout
