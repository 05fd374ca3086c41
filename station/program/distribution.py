"""What this program is called where Python packages are installed from, and what of it is installed here."""

import os
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

# The package index has a `plumbline` of somebody else's; import names and the command are ours all the same.
DISTRIBUTION = "plumbline-gym"
GROUP = "plumbline.commands"
SITE = Path(__file__).parents[2]


class Command(NamedTuple):
    """A subcommand, as `module:function`; its module is imported when it is called."""

    module: str
    function: str

    def load(self) -> Any:
        """The function."""
        return getattr(import_module(self.module), self.function)


def commands() -> dict[str, Command]:
    """The installed subcommands by name; nothing of them is imported yet."""
    metadata = _metadata()
    if metadata is None:
        from importlib.metadata import entry_points  # noqa: PLC0415 - imports email, csv and zipfile

        lines = [f"{entry.name} = {entry.value}" for entry in entry_points(group=GROUP)]
    else:
        text = (metadata / "entry_points.txt").read_text(encoding="utf-8")
        lines = text.partition(f"[{GROUP}]\n")[2].partition("\n[")[0].split("\n")
    named = (line.split(" = ") for line in sorted(lines) if line)
    return {name: Command(*value.split(":")) for name, value in named}


def release() -> str:
    """The version that is installed."""
    metadata = _metadata()
    if metadata is None:
        from importlib.metadata import version  # noqa: PLC0415

        return version(DISTRIBUTION)
    return metadata.stem.partition("-")[2]


@cache
def _metadata() -> Path | None:
    """The program's own .dist-info folder beside its packages; None where they are a checkout."""
    ours = f"{DISTRIBUTION.replace('-', '_')}-"
    names = (entry.name for entry in os.scandir(SITE))  # a glob of hundreds takes a while
    found = [name for name in names if name.startswith(ours) and name.endswith(".dist-info")]
    return SITE / found[0] if len(found) == 1 else None


def install_with(extra: str) -> str:
    """The command that installs what an optional feature needs."""
    return f"pip install '{DISTRIBUTION}[{extra}]'"


def dashboard_installed() -> bool:
    """Whether screens, record and history can run here; a node alone needs none of it."""
    from importlib.util import find_spec  # noqa: PLC0415 - of the system that imports, which has imported us

    return all(find_spec(name) for name in ("alembic", "platformdirs", "sqlalchemy", "textual"))
