"""Shared behaviour of the upkeep commands: show changes, apply them, run or print the steps."""

import argparse
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from edge.upkeep.changes import Change, carry_out, claim, run_steps
from edge.upkeep.units import SETTINGS
from station.errors import ConfigError


def root_option(parser: argparse.ArgumentParser) -> None:
    """Add the option --root."""
    parser.add_argument("--root", type=Path, default=Path("/"), metavar="DIR", help="write below this folder")


def change_options(parser: argparse.ArgumentParser) -> None:
    """Add the options --dry-run and --now."""
    parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
    parser.add_argument("--now", action="store_true", help="run the commands that make it count, too")


def do(
    args: argparse.Namespace,
    changes: Sequence[Change],
    steps: Sequence[Sequence[str]],
    notes: Sequence[str],
    pending: bool = False,
) -> int:
    """Show the changes and, unless it is a dry run, apply them; run or print the steps. Raises ConfigError.

    pending : what was written earlier does not count yet; with --now the steps are run though nothing changes
    """
    here = args.root == Path("/")
    if not changes:
        print("nothing to change")
        if not (pending and here and args.now and not args.dry_run):
            return 0
    for change in changes:
        print(*change.lines(), sep="\n")
    if args.dry_run:
        return 0
    try:
        claim(args.root / SETTINGS)
    except OSError as error:
        raise ConfigError(
            f"{error.filename}: {error.strerror}; use sudo, or --root DIR to look first"
        ) from error
    carry_out(changes)
    for note in notes:
        print(note)
    if args.now and here:
        run_steps(steps)
    else:
        print(f"Then, as root: {' && '.join(map(shlex.join, steps))}")
    return 0


def active(unit: str) -> bool:
    """Whether a unit is active; False without systemd."""
    return unit_state(Path("/"), unit) == "active"


def unit_state(root: Path, unit: str) -> str | None:
    """What systemd says of a unit; None where it does not run this root."""
    if root != Path("/") or not shutil.which("systemctl"):
        return None
    said = subprocess.run(["systemctl", "is-active", unit], capture_output=True, text=True, check=False)
    return said.stdout.strip() or said.stderr.strip()


def say_todo(todo: Sequence[str]) -> int:
    """Print what is to be done; returns the exit status, 1 where there is something."""
    for line in todo:
        print(f"to do: {line}")
    return 1 if todo else 0
