"""`plumbline backup` and `plumbline restore`."""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

from dashboard.backup import postgres_copy, settings_tar, sqlite_copy
from dashboard.backup.folder import (
    POSTGRES,
    SETTINGS,
    SQLITE,
    Manifest,
    new_folder,
    read_manifest,
    write_manifest,
)  # fmt: skip
from dashboard.database.schema import default_history, is_postgres
from station.errors import StoreError
from station.messages import now_utc
from station.program.distribution import release
from station.program.usage import command_parser

RECORDS = Path("/var/lib/plumbline-record/history.db")  # of the record's unit
BACKUP_EXAMPLES = """\
examples:
  sudo plumbline backup --out /mnt/usb/2030-01-31
  plumbline backup --out copy --db history.db --no-settings
  plumbline backup --out copy --db postgresql://plumbline@db.local/gym
"""
RESTORE_EXAMPLES = """\
examples:
  plumbline restore /mnt/usb/2030-01-31 --check              is it sound? nothing is changed
  sudo plumbline restore /mnt/usb/2030-01-31                 onto a new machine
  sudo plumbline restore /mnt/usb/2030-01-31 --only history --over
"""


def backup_command(argv: Sequence[str]) -> int:
    """Copy history and settings into a folder, while everything runs."""
    parser = command_parser(
        "backup",
        "Copy the history and the settings into a folder, while everything runs. It holds names, passwords"
        " and keys: keep it as you keep those. Outboxes are not in it: an old one restored would do harm.",
        BACKUP_EXAMPLES,
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="made; must not be there yet")
    _add_places(parser)
    parser.add_argument("--no-history", action="store_true")
    parser.add_argument("--no-settings", action="store_true")
    args = parser.parse_args(argv)
    where = None if args.no_history else _place(args.db) if args.db else _own_history()
    folders = [] if args.no_settings else [args.root / one.relative_to("/") for one in settings_tar.FOLDERS]
    folders = [folder for folder in folders if folder.is_dir()]
    if where is None and not folders:
        raise StoreError("neither a history nor settings are there to be backed up; give --db or --root")
    rows: dict[str, int] = {}
    with new_folder(args.out) as folder:
        if isinstance(where, str):
            rows = postgres_copy.dump(where, folder / POSTGRES)
        elif where is not None:
            rows = sqlite_copy.copy_out(where, folder / SQLITE)
        count = settings_tar.pack(folders, folder / SETTINGS, args.root) if folders else 0
        shown = None if where is None else "postgresql" if isinstance(where, str) else str(where)
        write_manifest(folder, Manifest(at_utc=now_utc(), software=release(), history=shown, rows=rows))
    print(f"{args.out}: {_rows(rows)}, {count} settings")
    return 0


def restore_command(argv: Sequence[str]) -> int:
    """Put a backup back; what is there is never lost."""
    parser = command_parser(
        "restore",
        "Put a backup back. Every byte of it is checked first. What is there and differs is shown and"
        " refused, unless --over: then a history in SQLite is kept beside the new one.",
        RESTORE_EXAMPLES,
    )
    parser.add_argument("backup", type=Path, metavar="DIR")
    _add_places(parser)
    parser.add_argument("--only", choices=("history", "settings"), help="the one, and not the other")
    parser.add_argument("--over", action="store_true", help="replace what is there")
    parser.add_argument("--check", action="store_true", help="see that it is sound, and change nothing")
    args = parser.parse_args(argv)
    folder: Path = args.backup
    manifest = read_manifest(folder)
    print(f"{folder}: of {manifest.at_utc}, by Plumbline {manifest.software}, {_rows(manifest.rows)}; sound")
    if args.check:
        return 0
    archive = folder / SETTINGS
    settings = SETTINGS in manifest.files and args.only != "history"
    if settings and not args.over:
        differ = [str(path) for path, there in settings_tar.changes(archive, args.root) if there]
        if differ:
            raise StoreError(
                f"{', '.join(differ[:4])}: there, and not the same; give --over, or --only history"
            )
    if args.only != "settings" and manifest.history is not None:
        rows = _put_back(folder, args.db, over=args.over)
        if rows != manifest.rows:
            raise StoreError(
                f"the history has {_rows(rows)} now, and not {_rows(manifest.rows)};"
                " restore it once more, and report this if it stays so"
            )
        print(f"history: {_rows(rows)}")
    if settings:
        written = [path for path, _ in settings_tar.changes(archive, args.root)]
        try:
            settings_tar.unpack(archive, args.root)
        except OSError as error:
            raise StoreError(f"{error.filename}: {error.strerror}; use sudo, or --root") from error
        print(*written, f"{len(written)} settings written", sep="\n")
    return 0


def _put_back(folder: Path, db: str | None, *, over: bool) -> dict[str, int]:
    where = _place(db) if db else RECORDS
    if isinstance(where, str) != (folder / POSTGRES).exists():
        raise StoreError(
            "the backup is of the other kind of database than --db;"
            " restore it into its own kind, then `plumbline history move`"
        )
    if isinstance(where, str):
        return postgres_copy.put_back(folder / POSTGRES, where, over=over)
    _make_records_folder(where)
    return sqlite_copy.copy_in(folder / SQLITE, where, over=over)


def _make_records_folder(history: Path) -> None:
    """The record's own folder, as its unit would make it, on a machine where it has not run yet."""
    if history != RECORDS or history.parent.is_dir():
        return
    try:
        history.parent.mkdir(mode=0o700)
        shutil.chown(history.parent, "plumbline-record", "plumbline-record")
    except LookupError as error:
        raise StoreError(
            "there is no user plumbline-record yet; `plumbline unit add record` first"
        ) from error
    except OSError as error:
        raise StoreError(f"{error.filename}: {error.strerror}; use sudo") from error


def _place(db: str) -> str | Path:
    return db if is_postgres(db) else Path(db)


def _own_history() -> Path | None:
    """What this machine has; None where it has none."""
    return next((path for path in (RECORDS, default_history()) if path.is_file()), None)


def _rows(rows: dict[str, int]) -> str:
    """The tables that people know of."""
    if not rows:
        return "no history"
    return ", ".join(f"{rows[name]} {name}" for name in ("reps", "sets", "athletes") if name in rows)


def _add_places(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--db",
        metavar="PATH|URL",
        help=f"the history: a file or postgresql://… (default {RECORDS}, or your own)",
    )
    parser.add_argument(
        "--root", type=Path, default=Path("/"), metavar="DIR", help="settings below this folder"
    )
