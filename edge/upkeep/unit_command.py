"""`plumbline unit add|remove|status`: record, dashboard and screen from the machine's start."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from edge.broker.credentials import new_password
from edge.upkeep.applying import active, change_options, do, root_option, say_todo, unit_state
from edge.upkeep.changes import Change, generated, read_own, read_plain
from edge.upkeep.gym_units import HISTORY, BrokerLogin, Unit, dashboard_unit, record_unit, screen_unit
from edge.upkeep.units import SYSTEM, unit_path, user_of, users_path
from station.errors import ConfigError
from station.program.usage import command_parser
from station.topics import check_name

NAMES = ("record", "dashboard", "screen")
EXAMPLES = """\
examples:
  sudo plumbline unit add record --host gym.local --now
  sudo plumbline unit add record --db postgresql://plumbline@db.local/gym --pgpass /etc/plumbline/pgpass
  sudo plumbline unit add dashboard --host gym.local --no-record --web-host 0.0.0.0
  sudo plumbline unit add screen rack-1 --host gym.local --tty tty1
  sudo plumbline unit remove screen
  plumbline unit status
"""


def unit_command(argv: Sequence[str]) -> int:
    """Install, remove or report the units beside the node's."""
    parser = command_parser(
        "unit",
        "Let the record, the dashboard for browsers or a lifter's screen start with the machine.",
        EXAMPLES,
    )
    tasks = parser.add_subparsers(dest="task", required=True, metavar="add|remove|status")
    adding = tasks.add_parser("add", help="install one; the same again changes nothing")
    kinds = adding.add_subparsers(dest="kind", required=True, metavar="|".join(NAMES))
    for name in NAMES:
        _options(kinds.add_parser(name), name)
    removing = tasks.add_parser("remove", help="take one away; its data and credentials stay")
    removing.add_argument("kind", choices=NAMES)
    change_options(removing)
    root_option(removing)
    root_option(tasks.add_parser("status", help="what is installed; 1 where something is to be done"))
    args = parser.parse_args(argv)
    if args.task == "status":
        return _status(args.root)
    return _add(args) if args.task == "add" else _remove(args)


def _options(parser: argparse.ArgumentParser, name: str) -> None:
    if name == "screen":
        parser.add_argument("station", metavar="STATION")
        parser.add_argument("--tty", default="tty1", help="the terminal it takes (default tty1)")
    else:
        parser.add_argument(
            "--db", default=HISTORY, metavar="PATH|URL", help=f"the history (default {HISTORY})"
        )
        parser.add_argument(
            "--pgpass", metavar="FILE", help="the password of a PostgreSQL URL, as libpq reads it"
        )
    if name == "dashboard":
        parser.add_argument("--no-record", action="store_true", help="leave the history to the record's unit")
        parser.add_argument("--web-host", default="127.0.0.1", metavar="HOST", help="default 127.0.0.1")
        parser.add_argument("--web-port", type=int, default=8000, metavar="PORT", help="default 8000")
    parser.add_argument("--host", default="localhost", help="the gym's broker (default: this machine)")
    parser.add_argument("--site", default="gym")
    parser.add_argument("--user", help="of the broker (default: record, floor, coach or screen-STATION)")
    change_options(parser)
    root_option(parser)


def _add(args: argparse.Namespace) -> int:
    made = _unit_of(args)
    root: Path = args.root
    by = f"unit add {args.kind}"
    changes = generated(
        {
            root / unit_path(made.name): made.text,
            root / users_path(made.user): user_of(made.user, "unit add", made.user, "Plumbline"),
        }
    )
    token = made.credentials.get("web.token")
    if token is not None and read_plain(root / token.lstrip("/")) is None:
        changes.append(Change(root / token.lstrip("/"), None, new_password() + "\n", 0o600, secret=True))
    missing = [path for path in made.credentials.values() if path != token and not _there(root, path)]
    notes = [
        f"{path} is not here yet: bring it from the broker's machine, root's own, chmod 600"
        for path in missing
    ]
    if token is not None:
        notes.append(f"browsers log in with https://HOST:{args.web_port}/?token=… as in {token}")
    steps = [
        ["systemd-sysusers"],
        ["systemctl", "daemon-reload"],
        *([["systemctl", "disable", "--now", f"getty@{args.tty}"]] if args.kind == "screen" else []),
        ["systemctl", "enable", made.name],
        ["systemctl", "restart", made.name],
    ]
    if missing and args.now:
        raise ConfigError(f"{by}: {missing[0]} is not here yet; bring it from the broker's machine first")
    return do(args, changes, steps, notes, pending=args.now and not active(made.name))


def _unit_of(args: argparse.Namespace) -> Unit:
    check_name(args.site)
    if not re.fullmatch(r"[A-Za-z0-9.:-]{1,253}", args.host):
        raise ConfigError(f"--host is {args.host!r}; give the broker's name or address")
    if args.kind == "screen":
        check_name(args.station)
        if not re.fullmatch(r"tty[A-Za-z0-9]{1,16}", args.tty):
            raise ConfigError(f"--tty is {args.tty!r}; give one such as tty1")
        user = args.user or f"screen-{args.station}"[:32]
        return screen_unit(BrokerLogin(args.host, args.site, user), args.station, args.tty)
    for option, path in (("--db", args.db), ("--pgpass", args.pgpass)):
        if path and not (path.isprintable() and (path.startswith("/") or "://" in path)):
            raise ConfigError(f"{option} is {path!r}; give its whole path from / on, of printable characters")
    usual = "record" if args.kind == "record" else "coach" if args.no_record else "floor"
    broker = BrokerLogin(args.host, args.site, args.user or usual)
    check_name(broker.user)
    if args.kind == "record":
        return record_unit(broker, args.db, args.pgpass)
    if not 0 < args.web_port < 65_536:
        raise ConfigError(f"--web-port is {args.web_port}; a port is 1 to 65535")
    if not re.fullmatch(r"[A-Za-z0-9.:-]{1,253}", args.web_host):
        raise ConfigError(f"--web-host is {args.web_host!r}; give a name or an address of this machine")
    web = {"host": args.web_host, "port": args.web_port, "record": not args.no_record}
    return dashboard_unit(broker, args.db, args.pgpass, **web)


def _remove(args: argparse.Namespace) -> int:
    root: Path = args.root
    name = f"plumbline-{args.kind}"
    changes = generated({root / unit_path(name): None})
    wanted = root / SYSTEM / "multi-user.target.wants" / f"{name}.service"
    if changes and wanted.is_symlink():
        changes.append(Change(wanted, "", None))
    steps = [["systemctl", "stop", name], ["systemctl", "daemon-reload"]]
    if args.kind == "screen":
        steps.append(["systemctl", "enable", "--now", "getty@tty1"])
    return do(args, changes, steps, ["kept /etc/plumbline and /var/lib"])


def _status(root: Path) -> int:
    todo = []
    for kind in NAMES:
        name = f"plumbline-{kind}"
        try:
            text = read_own(root / unit_path(name))
        except ConfigError as error:
            print(f"  {kind:<10} not Plumbline's to start")
            todo.append(str(error))
            continue
        if text is None:
            print(f"  {kind:<10} not installed")
            continue
        missing = [
            path for path in re.findall(r"^LoadCredential=[^:]+:(.*)$", text, re.M) if not _there(root, path)
        ]
        todo += [f"bring {path}" for path in missing]
        state = unit_state(root, name)
        todo += [f"systemctl enable --now {name}"] if state not in (None, "active") else []
        print(f"  {kind:<10} {root / unit_path(name)}{f'  {state}' if state else ''}")
    return say_todo(todo)


def _there(root: Path, path: str) -> bool:
    return (root / path.lstrip("/")).is_file()
