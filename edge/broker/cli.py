"""`plumbline broker`: a private broker for trying things out, and the files of a gym's own."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from edge.broker.access import Role, User
from edge.broker.credentials import read_request
from edge.broker.folder import ALWAYS, BrokerFolder, BrokerSetup, broker_group, with_users, without_users
from station.errors import ConfigError
from station.program.certificates import RENEW_DAYS
from station.program.process import stop_on_signals
from station.program.usage import command_parser

EXAMPLES = """\
examples:
  plumbline broker                                       a private one on a free port, which it prints
  plumbline broker --port 1883
  sudo plumbline broker add /etc/mosquitto/plumbline --host gym.local --stations rack-1 rack-2 --coaches ana
  sudo plumbline broker add /etc/mosquitto/plumbline --stations rack-3 --dry-run
  sudo plumbline broker add /etc/mosquitto/plumbline --requests rack-3.request --screens rack-3
  sudo plumbline broker remove /etc/mosquitto/plumbline rack-2
  sudo plumbline broker renew /etc/mosquitto/plumbline
  plumbline broker status /etc/mosquitto/plumbline
"""


def broker(argv: Sequence[str]) -> int:
    """Run a private broker, or look after the files of a gym's own."""
    tasks = {"add": add, "remove": remove, "renew": renew, "status": status}
    if argv[:1] and argv[0] in tasks:
        return tasks[argv[0]](argv[1:])
    from edge.broker.mosquitto import Broker  # noqa: PLC0415

    parser = command_parser(
        "broker",
        "Run a private broker on a loopback port, for trying things out: no passwords, nothing kept. `broker"
        " add|remove|renew|status DIR` look after what a gym's own mosquitto needs: TLS, passwords, ACL.",
        EXAMPLES,
    )
    parser.add_argument("--port", type=int, default=0, help="default 0: a free one")
    args = parser.parse_args(argv)
    if not 0 <= args.port < 65_536:
        raise ConfigError(f"--port is {args.port}; a port is 1 to 65535, or 0 for a free one")
    stop = stop_on_signals()
    with Broker(args.port) as child:
        note = "" if child.kind == "mosquitto" else "; amqtt is for the demo only, a gym needs mosquitto"
        print(f"listening on 127.0.0.1:{child.port} ({child.kind}){note}", flush=True)
        while not stop.wait(0.2):
            if not child.running:
                print(f"{child.kind} has ended; starting it again", file=sys.stderr, flush=True)
                child.start()
    return 0


def add(argv: Sequence[str]) -> int:
    """Add users, names of the broker or both to what is there; made where nothing is."""
    parser = _parser("add", "Add stations, coaches and screens to a gym's broker; what is there is kept.")
    parser.add_argument("--host", help="the broker's name on the network (at first: localhost)")
    parser.add_argument(
        "--address", nargs="+", default=[], metavar="IP", help="addresses it is called by, too"
    )
    parser.add_argument("--site", help="the site in the topics (at first: gym)")
    parser.add_argument("--port", type=int, help="where it listens (at first: 8883)")
    parser.add_argument("--stations", nargs="+", default=[], metavar="ID")
    parser.add_argument("--coaches", nargs="+", default=[], metavar="NAME", help="dashboards that command")
    parser.add_argument(
        "--screens", nargs="+", default=[], metavar="ID", help="a lifter's screen at each of these stations"
    )
    parser.add_argument("--home-assistant", action="store_true", help="let it read, and stations announce")
    parser.add_argument(
        *("--requests",), nargs="+", default=[], type=Path, metavar="FILE",
        help="NAME.request of `plumbline edge install`: a station whose password stays on its machine",
    )  # fmt: skip
    args = parser.parse_args(argv)
    folder = BrokerFolder(args.folder)
    gym = folder.gym() or BrokerSetup(host="localhost", site="gym", port=8883, users=dict(ALWAYS))
    gym = msgspec.structs.replace(
        gym,
        host=args.host or gym.host,
        site=args.site or gym.site,
        port=args.port or gym.port,
        addresses=list(dict.fromkeys([*gym.addresses, *args.address])),
    )
    requests = dict(read_request(path) for path in args.requests)
    for given in (
        {name: User(Role.STATION) for name in [*args.stations, *requests]},
        {name: User(Role.COACH) for name in args.coaches},
        {f"screen-{name}"[:32]: User(Role.SCREEN, name) for name in args.screens},
        {str(Role.HOME_ASSISTANT): User(Role.HOME_ASSISTANT)} if args.home_assistant else {},
    ):
        gym = with_users(gym, given)
    return _change(folder, gym, requests, dry=args.dry_run)


def remove(argv: Sequence[str]) -> int:
    """Take users away, with their passwords and rights."""
    parser = _parser("remove", "Take users away from a gym's broker, with their passwords and rights.")
    parser.add_argument("names", nargs="+", metavar="NAME")
    args = parser.parse_args(argv)
    folder = BrokerFolder(args.folder)
    left = without_users(_set_up(folder), args.names)
    screens = [name for name, user in left.users.items() if user.station in args.names]
    return _change(folder, without_users(left, screens), {}, dry=args.dry_run)


def renew(argv: Sequence[str]) -> int:
    """Sign a new certificate of the broker under the same authority: no station has to be told."""
    args = _parser("renew", "A new certificate for the broker under the same authority.").parse_args(argv)
    folder = BrokerFolder(args.folder)
    return _change(folder, _set_up(folder), {}, renew=True, dry=args.dry_run)


def status(argv: Sequence[str]) -> int:
    """Who there is, and how long the certificates last; 1 where something is to be done."""
    args = _parser("status", "Who there is, and how long the certificates last.", False).parse_args(argv)
    folder = BrokerFolder(args.folder)
    gym, now = _set_up(folder), datetime.now(UTC)
    print(f"{gym.host}:{gym.port}, site {gym.site}")
    for name, user in sorted(gym.users.items()):
        kept = "" if (folder.private / f"{name}.pw").exists() else "  (its password is on its own machine)"
        print(f"  {name:<32} {user.role}{f' of {user.station}' if user.station else ''}{kept}")
    left, authority = folder.days_left(now), folder.authority_days_left(now)
    print(f"certificate: {_days(left)}; authority: {_days(authority)}")
    todo = []
    if left is None or left < RENEW_DAYS:
        todo.append(f"plumbline broker renew {args.folder}")
    if authority is not None and authority < RENEW_DAYS:
        todo.append("make a new authority: an empty folder, `plumbline broker add`, ca.pem to every machine")
    if (folder.private / "ca.key").exists():
        print("ca.key is on this machine; it may be kept elsewhere until a certificate is to be signed")
    for line in todo:
        print(f"to do: {line}")
    return 1 if todo else 0


def _change(folder: BrokerFolder, gym: BrokerSetup, requests: dict[str, str], **how: bool) -> int:
    try:
        said = folder.change(gym, requests, renew=how.get("renew", False), dry=how["dry"])
    except OSError as error:
        raise ConfigError(
            f"{error.filename or folder.folder}: {error.strerror}; use sudo, or another folder"
        ) from error
    print(*(said or ["nothing to change"]), sep="\n")
    if said and not how["dry"]:
        _say_what_next(folder)
    return 0


def _say_what_next(folder: BrokerFolder) -> None:
    print(f"{folder.folder}/ca.pem is for every machine; {folder.private}/NAME.pw each for its own alone.")
    commands = []
    if broker_group() is None:
        commands.append(f"chgrp -R mosquitto {folder.broker}")
    link = Path("/etc/mosquitto/conf.d/plumbline.conf")
    if not link.is_symlink():
        commands.append(f"ln -s {folder.broker}/plumbline.conf {link}")
        commands.append("systemctl restart mosquitto")
    else:
        commands.append("systemctl reload mosquitto")
    print(f"Then, as root: {' && '.join(commands)}")


def _set_up(folder: BrokerFolder) -> BrokerSetup:
    gym = folder.gym()
    if gym is None:
        raise ConfigError(f"{folder.folder}: nothing is set up here; `plumbline broker add` does")
    return gym


def _days(days: int | None) -> str:
    if days is None:
        return "none yet"
    return f"{days} days left" if days >= 0 else f"expired {-days} days ago"


def _parser(name: str, what: str, changes: bool = True) -> argparse.ArgumentParser:
    parser = command_parser(f"broker {name}", what, EXAMPLES)
    parser.add_argument("folder", type=Path, metavar="DIR", help="for instance /etc/mosquitto/plumbline")
    if changes:
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would change, and change nothing"
        )
    return parser
