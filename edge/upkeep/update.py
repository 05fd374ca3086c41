"""`plumbline update`, and back again: a new release beside the old one, tried before and after it is used."""

import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from edge.upkeep.gym_units import HISTORY
from edge.upkeep.releases import Releases, extras_in_use
from station.errors import ConfigError
from station.program.usage import command_parser

WELL_S = 15.0  # a unit that cannot start has shown it by then: it is started anew every two seconds
POLL_S = 0.5
BACKUPS = 3  # of the history, of the newest updates
EXAMPLES = """\
examples:
  sudo plumbline update                            the newest from the package index
  sudo plumbline update 0.2.0 --from /media/usb    from a folder of wheels, without a network
  sudo plumbline update --back                     the release before
  sudo .venv/bin/plumbline update --into /opt/plumbline      from another installation, once
"""


def update(argv: Sequence[str]) -> int:
    """Install a release, switch to it, restart the units; roll back where one fails."""
    parser = command_parser(
        "update",
        "Install a release beside the one in use, switch to it, restart this machine's units and watch them;"
        " where one is not well, go back.",
        EXAMPLES,
    )
    parser.add_argument("version", nargs="?", help="which release (default: the newest there is)")
    parser.add_argument(
        "--from", type=Path, dest="folder", metavar="DIR", help="a folder of wheels, all that it needs"
    )
    parser.add_argument("--index", metavar="URL", help="a package index of the gym's own")
    parser.add_argument(
        "--into", type=Path, metavar="DIR", help="the folder of releases, where there is none yet"
    )
    parser.add_argument("--back", action="store_true", help="to the release before")
    parser.add_argument("--no-restart", action="store_true", help="switch, and leave the units to you")
    parser.add_argument("--watch", type=float, default=WELL_S, metavar="SECONDS", help=f"default {WELL_S:g}")
    args = parser.parse_args(argv)
    if args.back and (args.version or args.folder or args.index or args.into):
        parser.error("--back takes no release and no place")
    if args.index is not None and urlsplit(args.index).password is not None:
        raise ConfigError(
            "--index holds a password, which every user could read; write it into pip's own pip.conf"
        )
    if args.folder is not None and not args.folder.is_dir():
        raise ConfigError(f"--from {args.folder}: no folder; give one with the wheels")
    releases = Releases(args.into.resolve()) if args.into else Releases.of_this_program()
    with releases.locked():
        if args.back:
            target = releases.previous
            if target is None:
                raise ConfigError(f"{releases.folder}: there is no release before this one")
        else:
            where = ["--no-index", "--find-links", str(args.folder.resolve())] if args.folder else []
            where += ["--index-url", args.index] if args.index else []
            target = releases.build(args.version, where, extras_in_use())
            print(f"{releases.version(target)} is in {target}")
            _back_up(releases, target)
        return _switch(releases, target, restart=not args.no_restart, watch_s=args.watch)


def _switch(releases: Releases, target: Path, *, restart: bool, watch_s: float) -> int:
    """1 where the units were not well, and the release before is in use again."""
    before = releases.current
    units = running_units() if restart else []
    releases.switch(target)
    bad = restart_units(units, watch_s)
    if not bad:
        print(f"in use: {releases.version(target)}" + (f"; well: {', '.join(units)}" if units else ""))
        return 0
    print(f"not well: {', '.join(bad)}")
    if before is None:
        return 1
    releases.switch(before)
    still = restart_units(units, watch_s)
    print(f"back at {releases.version(before)}" + (f"; not well either: {', '.join(still)}" if still else ""))
    print(f"journalctl -u {bad[0]} says why")
    return 1


def running_units() -> list[str]:
    """Names of our active units; none without systemd."""
    said = _systemctl("list-units", "plumbline-*.service", "--state=active", "--plain", "--no-legend")
    return [line.split()[0].removesuffix(".service") for line in said.splitlines() if line.strip()]


def restart_units(
    units: Sequence[str],
    watch_s: float,
    sleep: Callable[[float], None] = time.sleep,
    now_s: Callable[[], float] = time.monotonic,
) -> list[str]:
    """Restart units and watch them; returns those that ended, failed or were restarted."""
    if not units:
        return []
    _systemctl("restart", *units)
    until_s = now_s() + watch_s
    first = _restarts(units)
    while True:
        restarts = _restarts(units)
        bad = [name for name in units if restarts.get(name) is None or restarts[name] != first.get(name)]
        if bad or now_s() >= until_s:
            return bad
        sleep(POLL_S)


def _restarts(units: Sequence[str]) -> dict[str, str]:
    """How often systemd has started each unit that is active anew by itself."""
    said = _systemctl("show", "--property=Id,ActiveState,NRestarts", *units)
    shown = [dict(line.split("=", 1) for line in block.splitlines()) for block in said.split("\n\n")]
    return {
        one["Id"].removesuffix(".service"): one["NRestarts"]
        for one in shown
        if one.get("ActiveState") == "active"
    }


def _back_up(releases: Releases, target: Path) -> None:
    """A newer Plumbline may bring the history up to date, which an older one does not read."""
    if releases.current is None or not Path(HISTORY).exists():
        return
    kept = sorted(releases.folder.glob("before-*"), key=lambda path: path.stat().st_mtime)
    for old in kept[: 1 - BACKUPS]:
        shutil.rmtree(old, ignore_errors=True)
    out = releases.folder / f"before-{target.name}-{time.time():.0f}"
    program = releases.current / "bin" / "plumbline"
    done = subprocess.run(
        [str(program), "backup", "--out", str(out), "--db", HISTORY],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ConfigError(
            f"the history cannot be backed up first: {done.stderr.strip()}; nothing was changed"
        )
    print(f"the history as it was: {out}")


def _systemctl(*words: str) -> str:
    try:
        return subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""
