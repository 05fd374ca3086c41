"""`plumbline relay`, `plumbline ingest` and `plumbline chain`."""

import argparse
import asyncio
import os
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from dashboard.chain.servers import Chain, Server, coach
from dashboard.options import DashboardFile, add_db
from dashboard.plaintext import clean
from station.config import decode_toml
from station.errors import ConfigError, StoreError
from station.program.process import stop_on_signals
from station.program.retry import attempts
from station.program.usage import command_parser
from station.topics import NAME

if TYPE_CHECKING:
    from dashboard.chain.floor.forward import Forward
    from dashboard.database.database import Database

T = TypeVar("T")
GRACE_S = 30.0  # for what is under way when told to end
RELAY_EXAMPLES = """\
examples:
  plumbline relay --site gym-a --server c1.example c2.example c3.example \\
      --ca-file ca.pem --credential gym-a.pem
  plumbline relay --site gym-a --db postgresql://record@db.gym/plumbline --metrics 9101 …
  plumbline relay --site gym-a --broker dashboard.toml …         its floor can be looked at from elsewhere
  plumbline relay --site gym-a --db history.db --remove          this gym leaves the chain
"""
INGEST_EXAMPLES = """\
examples:
  plumbline ingest --db postgresql://ingest@db.example/chain --server c1.example c2.example c3.example \\
      --ca-file ca.pem --credential ingest.pem --metrics 9102
"""
CHAIN_EXAMPLES = """\
examples:
  plumbline chain init DIR --server c1.example c2.example c3.example --sites gym-a gym-b
  plumbline chain init DIR --sites gym-c                          one more
  plumbline chain init DIR --coach ana gym-a gym-b                may look at the floors of two
  plumbline chain coach ana --sites gym-a --db postgresql://ingest@db.example/chain
  plumbline chain check --server c1.example c2.example c3.example --ca-file ca.pem --credential check.pem
"""


def relay(argv: Sequence[str]) -> int:
    """Hand this gym's history on to a chain, until SIGTERM or Ctrl-C."""
    parser = command_parser(
        "relay",
        "Hand this gym's history on to a chain of gyms, and go on until the chain has committed it.",
        RELAY_EXAMPLES,
    )
    parser.add_argument("--site", required=True, help="this gym, as its credential says")
    parser.add_argument("--again", action="store_true", help="send all of the history once more")
    parser.add_argument("--remove", action="store_true", help="take the list of what waits away, and end")
    parser.add_argument(
        "--broker", type=Path, metavar="FILE", help="TOML file with the [mqtt] table of the gym's broker"
    )
    add_db(parser)
    _add_servers(parser, argv)
    args = parser.parse_args(argv)
    from dashboard.chain.changes import Changes  # noqa: PLC0415
    from dashboard.database.schema import open_history  # noqa: PLC0415

    if NAME.fullmatch(args.site) is None:
        raise ConfigError(f"--site is {args.site!r}; use 1 to 32 of the characters a-z, 0-9 and -")
    open_history(args.db).close()  # it is to be there: nothing is made
    stop = stop_on_signals()
    if args.remove:
        with _begun(args.db, stop, lambda db: Changes(db, args.site).remove()) as removed:
            if removed is None:
                return 1
            print(f"{removed[0].name}: nothing is listed for a chain any more")
        return 0
    from dashboard.chain.connection import NatsConnection, servers_of  # noqa: PLC0415  an extra
    from dashboard.chain.relay import Relay  # noqa: PLC0415

    servers = servers_of(args)
    link = NatsConnection(servers, f"plumbline relay {args.site}")
    floor = None if args.broker is None else _forward(args.broker, args.site)

    def begin(db: "Database") -> Relay:
        changes = Changes(db, args.site)
        if other := changes.other_site():
            print(
                f"relay: {db.name} holds reps of {clean(other, 32)} and none of {args.site}, which alone"
                " is sent; is --site the gym's own?",
                file=sys.stderr,
            )
        if changes.install():
            print(f"all of {db.name} is listed and will be sent", flush=True)
        elif args.again:
            changes.list_all()
        return Relay(changes, link, args.site, floor=floor)

    with _begun(args.db, stop, begin) as begun:
        if begun is None:
            return 0
        db, one = begun
        print(f"relaying {args.site} from {db.name} to {', '.join(servers.urls)}", flush=True)
        return _run(one.run, stop, lambda: exposition("relay", one.figures), args.metrics)


@contextmanager
def _begun(
    where: str | None, stop: threading.Event, begin: Callable[["Database"], T]
) -> Iterator[tuple["Database", T] | None]:
    """A history and what is begun with it, as soon as its record lets it; None: told to end before."""
    from dashboard.database.schema import open_writable  # noqa: PLC0415

    said = ""
    for _ in attempts(stop):
        with ExitStack() as held:
            try:
                db = held.enter_context(open_writable(where))
                begun = begin(db)
            except StoreError as error:
                if str(error) != said:
                    print(f"relay: {error}; tried again until it can be used", file=sys.stderr, flush=True)
                said = str(error)
                continue
            yield db, begun
            return
    yield None


def _forward(file: Path, site: str) -> "Forward":
    from dashboard.broker.client import Client  # noqa: PLC0415
    from dashboard.chain.floor.forward import Forward  # noqa: PLC0415
    from dashboard.chain.floor.looks import LEAVES  # noqa: PLC0415

    mqtt = decode_toml(file, DashboardFile).mqtt
    Client(mqtt, site)  # what is wrong with its password is said now
    return Forward(site, lambda: Client(mqtt, site, leaves=LEAVES))


def ingest(argv: Sequence[str]) -> int:
    """Be a worker of the ingest, until SIGTERM or Ctrl-C."""
    parser = command_parser(
        "ingest",
        "Write what the relays of a chain's gyms send into its database. Any number of these may run.",
        INGEST_EXAMPLES,
    )
    parser.add_argument("--db", required=True, metavar="URL", help="postgresql://…, the chain's own database")
    _add_servers(parser, argv)
    args = parser.parse_args(argv)
    from dashboard.chain.connection import NatsConnection, servers_of  # noqa: PLC0415  an extra
    from dashboard.chain.ingest import Ingest  # noqa: PLC0415
    from dashboard.chain.store import ChainStore  # noqa: PLC0415
    from dashboard.database.schema import is_postgres  # noqa: PLC0415

    if not is_postgres(args.db):
        raise ConfigError(f"--db is {args.db!r}; a chain's database is a postgresql:// URL")
    servers, store = servers_of(args), ChainStore(args.db)
    one = Ingest(store, NatsConnection(servers, "plumbline ingest"))
    print(f"ingesting from {', '.join(servers.urls)} into {store.name}", flush=True)
    try:
        return _run(one.run, stop_on_signals(), lambda: exposition("ingest", one.figures), args.metrics)
    finally:
        store.close()


def chain(argv: Sequence[str]) -> int:
    """Set the servers of a chain up, or look after them."""
    tasks = {"init": _init, "check": _check, "coach": _coach}
    if argv[:1] and argv[0] in tasks:
        return tasks[argv[0]](argv[1:])
    parser = command_parser("chain", "Set up the servers of a chain of gyms, and check them.", CHAIN_EXAMPLES)
    parser.add_argument("task", choices=tuple(tasks))
    parser.parse_args(argv)
    return 2


def _init(argv: Sequence[str]) -> int:
    parser = command_parser(
        "chain init",
        "Write what the three servers of a chain need: configuration, certificates, a credential for each"
        " site. What is there is kept; certificates that end within two months are made anew.",
        CHAIN_EXAMPLES,
    )
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument(
        "--server", nargs=3, metavar="HOST[:PORT[:ROUTE]]", help="three; ports 4222 for clients, 6222 between"
    )
    parser.add_argument("--sites", nargs="+", default=[], metavar="SITE", help="to add")
    parser.add_argument("--without", nargs="+", default=[], metavar="SITE", help="to take away")
    parser.add_argument(
        "--coach",
        nargs="+",
        action="append",
        default=[],
        metavar=("NAME", "SITE"),
        help="who may look at the floors of these; of none: no more",
    )
    parser.add_argument("--store-gib", type=int, metavar="N", help="disk of each server (at first: 20)")
    args = parser.parse_args(argv)
    from dashboard.chain.folder import ChainFolder  # noqa: PLC0415

    folder = ChainFolder(args.folder)
    old = folder.chain()
    if old is None and args.server is None:
        raise ConfigError(f"{args.folder}: nothing is set up here; give --server HOST HOST HOST")
    servers = [_server(word) for word in args.server] if args.server else old.servers if old else []
    sites = [one for one in [*(old.sites if old else ()), *args.sites] if one not in args.without]
    coaches = {name: [one for one in of if one in sites] for name, of in (old.coaches if old else {}).items()}
    coaches |= {name: list(dict.fromkeys(of)) for name, *of in args.coach}
    gone = [*args.without, *(coach(name) for name, of in coaches.items() if not of)]
    coaches = {name: of for name, of in coaches.items() if of}
    gib = args.store_gib if args.store_gib is not None else old.store_gib if old else 20
    try:
        said = folder.change(Chain(servers, list(dict.fromkeys(sites)), gib, coaches))
        for name in gone:
            folder.credential(name).unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{error.filename or args.folder}: {error.strerror}; use sudo, or another folder"
        ) from error
    print(*(said or ["nothing to change"]), sep="\n")
    print(f"Each server-N of {folder.folder} is for that server, at the same path; there:")
    print(f"  nats-server -c {folder.server(0)}/nats.conf      (with --signal reload after a change)")
    print("credentials/SITE.pem and ca.pem are for that gym's relay, ingest.pem for the ingest,")
    print("NAME.coach.pem for a coach's `plumbline dashboard --chain`.")
    return 0


def _coach(argv: Sequence[str]) -> int:
    parser = command_parser(
        "chain coach",
        "Let a role of the chain's database read these gyms and no others: with its password, `export`,"
        " `report` and Grafana see them alone.",
        CHAIN_EXAMPLES,
    )
    parser.add_argument("role", metavar="ROLE", help="made where it is not there")
    parser.add_argument("--sites", nargs="*", required=True, metavar="SITE", help="none: it may not read")
    parser.add_argument("--db", required=True, metavar="URL", help="the chain's database, as its owner")
    args = parser.parse_args(argv)
    from dashboard.chain.readers import set_reader  # noqa: PLC0415  an extra

    reader = set_reader(args.db, args.role, args.sites)
    if reader.new and args.sites:
        print(f"{args.role} is new: give it a password with \\password in psql, or a line in pg_hba.conf")
    print(f"{args.role} reads {', '.join(args.sites) or 'nothing any more'}")
    if reader.silent:
        print(f"nothing has come from {', '.join(reader.silent)} yet; is that how its relay calls it?")
    return 0


def _check(argv: Sequence[str]) -> int:
    parser = command_parser("chain check", "Check the running servers; 1 where something is to be done.", "")
    parser.add_argument("--dir", type=Path, metavar="DIR", help="of `chain init`: its certificates as well")
    _add_servers(parser, argv)
    args = parser.parse_args(argv)
    from dashboard.chain.connection import servers_of  # noqa: PLC0415  an extra, and says so

    servers = servers_of(args)
    from dashboard.chain.check import run  # noqa: PLC0415
    from dashboard.chain.folder import ChainFolder  # noqa: PLC0415
    from station.program.certificates import RENEW_DAYS  # noqa: PLC0415

    sound = True
    for one in run(servers):
        sound = sound and one.sound
        print(f"{'ok   ' if one.sound else 'to do'}  {one.what}: {one.text}")
    if args.dir is not None:
        for name, days in ChainFolder(args.dir).days_left(datetime.now(UTC)):
            if days < RENEW_DAYS:
                sound = False
                print(f"to do  {name}: {days} days left; plumbline chain init {args.dir}")
    return 0 if sound else 1


def exposition(worker: str, figures: msgspec.Struct) -> str:
    """Figures in Prometheus' text format 0.0.4; what grows is a counter."""
    gauges = ("waiting", "connected", "pending", "unacknowledged", "lag_s")
    lines = []
    for name, value in msgspec.structs.asdict(figures).items():
        kind, suffix = ("gauge", "") if name in gauges else ("counter", "_total")
        metric = f"plumbline_{worker}_{name}{suffix}"
        lines.append(f"# TYPE {metric} {kind}")
        if isinstance(value, dict):
            lines += [f'{metric}{{site="{site}"}} {count:g}' for site, count in sorted(value.items())]
        else:
            lines.append(f"{metric} {value:.10g}")
    return "\n".join(lines) + "\n"


def _run(
    work: Callable[[Callable[[], bool]], Coroutine[Any, Any, None]],
    stop: threading.Event,
    text: Callable[[], str],
    port: int | None,
) -> int:
    from station.program.metrics import MetricsServer  # noqa: PLC0415

    ended = threading.Event()
    threading.Thread(target=_end_in_time, args=(stop, ended), name="end in time", daemon=True).start()
    try:
        with MetricsServer(port, text) if port is not None else nullcontext():
            asyncio.run(work(stop.is_set))
    finally:
        ended.set()
    return 0


def _end_in_time(stop: threading.Event, ended: threading.Event) -> None:
    """Whoever waits for a gym's database that stands still hears nothing; what is not done is begun again."""
    stop.wait()
    if not ended.wait(GRACE_S):
        print(f"ended, though something has not answered for {GRACE_S:g} s", file=sys.stderr, flush=True)
        os._exit(1)


def _server(word: str) -> Server:
    host, _, ports = word.partition(":")
    port, _, route = ports.partition(":")
    try:
        return Server(host, int(port or 4222), int(route or 6222))
    except ValueError:
        raise ConfigError(f"--server {word!r}; give HOST, HOST:PORT or HOST:PORT:ROUTE") from None


def _add_servers(parser: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    """The options of whoever connects; asked for without loading the clients."""
    required = "--remove" not in argv
    parser.add_argument("--server", nargs="+", required=required, metavar="HOST[:PORT]", help="port: 4222")
    parser.add_argument("--ca-file", required=required, metavar="PEM", help="authority of the chain")
    parser.add_argument(
        "--credential", required=required, metavar="PEM", help="certificate and key, yours alone to read"
    )
    parser.add_argument(
        "--metrics", type=int, metavar="PORT", help="for Prometheus at 127.0.0.1:PORT/metrics"
    )
