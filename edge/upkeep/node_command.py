"""`plumbline edge install|remove|status|retire`: the node that starts with its machine, under systemd.

Each adds to, or takes from, what is there: other stations of the node, options added to its command line,
settings and passwords stay. What would change is shown; the commands that make it count are printed, or run
with --now.
"""

import argparse
import pwd
import re
import shlex
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from edge.upkeep.applying import active, change_options, do, root_option, say_todo, unit_state
from edge.upkeep.changes import Change, generated, read_own
from edge.upkeep.station_files import settings_path, station_files
from edge.upkeep.units import (
    EDGE,
    SETTINGS,
    SYSTEM,
    UDEV,
    NodeCommand,
    node_rules,
    node_unit,
    read_node_unit,
    unit_path,
    user_of,
    users_path,
)  # fmt: skip
from station.config import load_station, read_password
from station.errors import ConfigError
from station.program.usage import command_parser
from station.topics import check_name

USER = "plumbline"
WANTED = SYSTEM / "multi-user.target.wants" / f"{EDGE}.service"  # `systemctl enable` makes it
EXAMPLES = """\
examples:
  sudo plumbline edge install rack-1 --host gym.local
  sudo plumbline edge install cable-1 --host gym.local --now     one more; rack-1 stays
  plumbline edge install rack-1 --host gym.local --root /tmp/staged    to look at it first
  sudo plumbline edge remove cable-1
  sudo plumbline edge retire cable-1                             nothing of it is left on the broker
  plumbline edge status
"""


def install(argv: Sequence[str]) -> int:
    """Add stations to this machine's node."""
    parser = _parser("install", "Let this machine's node serve these stations too, from the machine's start.")
    parser.add_argument("stations", nargs="+", metavar="STATION", help="ids: [a-z0-9-], 1 to 32 characters")
    parser.add_argument("--host", default="localhost", help="the gym's broker (default: this machine)")
    parser.add_argument("--site", default="gym")
    change_options(parser)
    args = parser.parse_args(argv)
    for name in (args.site, *args.stations):
        check_name(name)
    if not re.fullmatch(r"[A-Za-z0-9.:-]{1,253}", args.host):
        raise ConfigError(f"--host is {args.host!r}; give the broker's name or address")
    root: Path = args.root
    node = _node(root)
    files = [f"/{settings_path(name)}" for name in args.stations]
    node = node._replace(stations=tuple(dict.fromkeys([*node.stations, *files])))
    made = [change for name in args.stations for change in station_files(root, name, args.host, args.site)]
    changes = [*made, *generated(_wanted(root, node))]
    new = [change.path for change in made]
    notes = [
        f"{path}: check kind, geometry and port" for path in new if path.suffix == ".toml"
    ] + [
        f"{path} holds no secret: give it to `plumbline broker add --requests` on {args.host},"
        f" and bring its ca.pem to /{SETTINGS}"
        for path in new
        if path.suffix == ".request"
    ]  # fmt: skip
    own = [settings_path(name) for name in args.stations]
    words = [path.with_suffix(".pw") for path in own]
    words = [path for path in words if root / path in new or (root / path).is_file()]
    steps = [
        ["systemd-sysusers"],
        ["chown", "-h", f"root:{USER}", f"/{SETTINGS}", *(f"/{path}" for path in own)],
        *([["chown", "-h", f"{USER}:", *(f"/{path}" for path in words)]] if words else []),
        ["udevadm", "control", "--reload"],
        ["udevadm", "trigger", "--action=add", "--subsystem-match=tty", "--subsystem-match=usb-serial"],
        ["systemctl", "daemon-reload"],
        ["systemctl", "enable", EDGE],
        ["systemctl", "restart", EDGE],
    ]
    unread = any(_owner(root / path) != USER for path in words)
    return do(args, changes, steps, notes, pending=args.now and (unread or not active(EDGE)))


def remove(argv: Sequence[str]) -> int:
    """Remove stations from the node; settings, passwords and the outbox stay."""
    parser = _parser("remove", "Take stations from this machine's node; their settings and data stay.")
    parser.add_argument("stations", nargs="*", metavar="STATION")
    parser.add_argument("--all", action="store_true", help="every one, and the node from the machine's start")
    change_options(parser)
    args = parser.parse_args(argv)
    if bool(args.stations) == args.all:
        parser.error("name the stations, or give --all")
    root: Path = args.root
    node = _node(root)
    served = {Path(file).stem: file for file in node.stations}
    for name in args.stations:
        if name not in served:
            there = ", ".join(served) or "none"
            raise ConfigError(f"{name} is no station of this node; there are: {there}")
    left = tuple(file for name, file in served.items() if not args.all and name not in args.stations)
    changes = generated(_wanted(root, node._replace(stations=left)))
    if not left and (root / WANTED).is_symlink():
        changes.append(Change(root / WANTED, "", None))
    gone = [name for name in served if served[name] not in left]
    waiting = _waiting(root, node)
    undelivered = [_undelivered(name, waiting[name]) for name in gone if name in waiting]
    notes = [f"kept /{SETTINGS} and /var/lib/{USER}", *undelivered] + [
        f"for good: `plumbline edge retire {name}`, then `plumbline broker remove DIR {name}`"
        for name in gone
    ]
    steps = (
        [["systemctl", "daemon-reload"], ["systemctl", "restart", EDGE]]
        if left
        else [["systemctl", "stop", EDGE], ["systemctl", "daemon-reload"], ["udevadm", "control", "--reload"]]
    )
    return do(args, changes, steps, notes)


def status(argv: Sequence[str]) -> int:
    """Report the node's stations and pending tasks; status 1 where there are any."""
    args = _parser("status", "What this machine's node serves; 1 where something is to be done.").parse_args(
        argv
    )
    root: Path = args.root
    node = _node(root)
    if not node.stations:
        print("no node is installed; `plumbline edge install` does")
        return 1
    todo = [f"plumbline edge install {_names(node)}" for _ in generated(_wanted(root, node))[:1]]
    for file in node.stations:
        trouble = _trouble(root, file)
        print(f"  {Path(file).stem:<32} {file}{f'  {trouble}' if trouble else ''}")
        todo += [trouble] if trouble else []
    served = {Path(file).stem for file in node.stations}
    todo += [_undelivered(name, n) for name, n in _waiting(root, node).items() if name not in served]
    if " ".join(node.options) != " ".join(NodeCommand().options):
        print(f"  options: {shlex.join(node.options)}")
    if (state := unit_state(root, EDGE)) is not None:
        print(f"  {EDGE}: {state}")
        todo += [f"systemctl enable --now {EDGE}"] if state != "active" else []
    return say_todo(todo)


def _node(root: Path) -> NodeCommand:
    text = read_own(root / unit_path(EDGE))
    return NodeCommand() if text is None else read_node_unit(text)


def _waiting(root: Path, node: NodeCommand) -> dict[str, int]:
    """How many events of each station wait in the outbox; none where a node holds it, or there is none."""
    words = dict(zip(node.options, node.options[1:], strict=False))
    path = root / words.get("--outbox", "").lstrip("/")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0.2)) as db:
            found = db.execute(
                "SELECT station, count(*) FROM events JOIN streams ON streams.id = stream_id"
                " WHERE lost = 0 GROUP BY station"
            )
            return {str(name): int(count) for name, count in found}
    except sqlite3.Error:
        return {}


def _undelivered(name: str, count: int) -> str:
    return (
        f"{count} events of {name} wait in the outbox for the record;"
        f" `plumbline edge install {name}` lets the node deliver them"
    )


def _names(node: NodeCommand) -> str:
    return " ".join(Path(file).stem for file in node.stations)


def _wanted(root: Path, node: NodeCommand) -> dict[Path, str | None]:
    """The files of ours that a node's stations make; all away with the last."""
    there = bool(node.stations)
    return {
        root / unit_path(EDGE): node_unit(node) if there else None,
        root / UDEV: node_rules() if there else None,
        root / users_path("plumbline"): user_of("plumbline", "edge install", USER, "Plumbline edge node")
        if there
        else None,
    }


def _trouble(root: Path, file: str) -> str | None:
    """What keeps a station from being served; None: nothing."""
    try:
        mqtt = load_station(root / file.lstrip("/")).mqtt
        if mqtt is None or mqtt.password_file is None:
            return None
        path = root / mqtt.password_file.lstrip("/")
        read_password(msgspec.structs.replace(mqtt, password_file=str(path)))
    except ConfigError as error:
        return str(error)
    return None if root != Path("/") or _owner(path) == USER else f"chown {USER}: {path}"


def _owner(path: Path) -> str | None:
    """The user whose a file is; None where it is not there, or nobody's."""
    try:
        return pwd.getpwuid(path.lstat().st_uid).pw_name
    except (FileNotFoundError, KeyError):
        return None


def _parser(name: str, what: str) -> argparse.ArgumentParser:
    parser = command_parser(f"edge {name}", what, EXAMPLES)
    root_option(parser)
    return parser
