"""The node's subcommands: edge, capture, replay, broker, schema and analyze."""

import argparse
import json
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from station.config import Port, StationFile, load_station
from station.errors import ConfigError, SourceError
from station.exercises import Profile, load_profile
from station.messages import LEAVES, now_utc
from station.usage import command_parser


def analyze(argv: Sequence[str]) -> int:
    """Count and measure the reps of a recording."""
    from edge.tools.analysis import analyze_command  # noqa: PLC0415 - each command imports what it needs

    return analyze_command(argv)


def edge(argv: Sequence[str]) -> int:
    """Run a node: count at one or more stations and publish. Or install one."""
    from edge.node import install  # noqa: PLC0415

    if argv[:1] == ["install"]:
        return install.install(argv[1:])
    if argv[:1] == ["uninstall"]:
        return install.uninstall(argv[1:])
    from edge.delivery.outbox import Outbox  # noqa: PLC0415
    from edge.node.acquisition import PortAcquisition  # noqa: PLC0415
    from edge.node.metrics import MetricsServer  # noqa: PLC0415
    from edge.node.node import Node  # noqa: PLC0415
    from edge.node.session import Session  # noqa: PLC0415

    parser = command_parser(
        "edge",
        "Count at one or more stations, and publish what was counted until the record has it.",
        """\
examples:
  plumbline edge --station /etc/plumbline/rack-1.toml --outbox /var/lib/plumbline/outbox.db
  plumbline edge --station rack-1.toml rack-2.toml cable-1.toml --outbox outbox.db
  plumbline edge install --help       run it from the machine's start, under systemd
""",
    )
    parser.add_argument("--station", type=Path, nargs="+", required=True, metavar="STATION.toml")
    parser.add_argument("--outbox", type=Path, required=True, metavar="FILE", help="events not yet recorded")
    parser.add_argument(
        "--quota",
        type=int,
        default=100_000,
        metavar="N",
        help="events kept at most; beyond it the oldest go (default 100000)",
    )
    parser.add_argument(
        "--metrics", type=int, metavar="PORT", help="health for Prometheus at 127.0.0.1:PORT/metrics"
    )
    args = parser.parse_args(argv)
    if args.quota < 2:
        raise ConfigError(f"--quota is {args.quota}; it must be 2 or more")
    acquisitions, brokers = [], {}
    for path in args.station:
        station = load_station(path)
        if station.mqtt is None:
            raise ConfigError(f"{path}: no [mqtt] table; name the broker, for example host and site")
        if not station.ports:
            raise ConfigError(f"{path}: no [[ports]] table; name the port, for example url = '/dev/ttyACM0'")
        if station.exercise is None:
            raise ConfigError(f"{path}: no exercise; say what the station starts with, exercise = 'rdl'")
        if station.station.id in brokers:
            raise ConfigError(f"{path}: station id {station.station.id!r} is given twice; ids differ")
        own = _own_exercises(path, station)
        session = Session(station, load_profile(station.exercise, own), own)
        acquisitions += [PortAcquisition(session, port) for port in station.ports]
        brokers[station.station.id] = station.mqtt
    with ExitStack() as stack:
        outbox = stack.enter_context(Outbox(args.outbox, max_events=args.quota))
        for session in {a.session.id: a.session for a in acquisitions}.values():
            resumed = session.resume(outbox)
            if resumed is not None:
                print(f"{session.station.station.id}: {resumed}", file=sys.stderr, flush=True)
        node = Node(acquisitions, outbox, brokers)
        if args.metrics is not None:
            stack.enter_context(MetricsServer(args.metrics, lambda: node.healths))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: node.stop())
        print(f"counting at {', '.join(brokers)}; {outbox.depth()} events wait in {args.outbox}", flush=True)
        return node.run()


def capture(argv: Sequence[str]) -> int:
    """Record the raw bytes of a port with their receive times."""
    from edge.link.capture import CaptureInfo, CaptureWriter  # noqa: PLC0415
    from edge.link.drivers import Driver, make_driver  # noqa: PLC0415
    from edge.link.sources import SerialSource  # noqa: PLC0415

    parser = command_parser(
        "capture",
        "Record the raw bytes of a port with their receive times, until Ctrl-C; `plumbline replay` plays it.",
        """\
examples:
  plumbline capture /dev/ttyACM0 --out set.plc
  plumbline capture --station rack-1.toml --out set.plc --for 60
""",
    )
    parser.add_argument("port", nargs="?", metavar="PORT", help="a device, pty or socket://host:port")
    parser.add_argument("--station", type=Path, metavar="STATION.toml", help="use its (first) port")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--for", type=float, dest="seconds", metavar="SECONDS", help="end after this long")
    args = parser.parse_args(argv)
    if (args.port is None) == (args.station is None):
        parser.error("give either PORT or --station")
    name, port = "", Port(url=args.port or "")
    driver: Driver | None = None
    if args.station is not None:
        station = load_station(args.station)
        if not station.ports:
            raise ConfigError(f"{args.station}: no [[ports]] table; give the PORT instead")
        name, port = station.station.id, station.ports[0]
        driver = make_driver(port, station)  # for what the device wants to be asked
    end_s = time.monotonic() + args.seconds if args.seconds is not None else float("inf")
    count = 0
    info = CaptureInfo(station=name, url=port.url, driver=port.driver, baud=port.baud, started_utc=now_utc())
    with SerialSource(port) as source, CaptureWriter(args.out, info) as writer:
        stop = _stop_on_signals()
        print(f"capturing {port.url} into {args.out}; Ctrl-C ends it", file=sys.stderr)
        while not stop.is_set() and time.monotonic() < end_s:
            try:
                data = source.read(0.1)
                received_s = time.monotonic()
                if driver is not None:
                    driver.feed(data, received_s)
                    source.write(driver.request(received_s))
            except SourceError as error:
                raise SourceError(f"{error}; {count} bytes are in {args.out}") from error
            writer.write(received_s, data)
            count += len(data)
    print(f"{count} bytes in {args.out}")
    return 0


def replay(argv: Sequence[str]) -> int:
    """Send a recording or a capture through node, broker and dashboard as if it were live."""
    from edge.tools import replay as replaying  # noqa: PLC0415

    parser = command_parser(
        "replay",
        "Send a recording or a capture through node, broker and dashboard as if it were live. Without --host"
        " it brings a broker and a dashboard of its own and prints a line for each rep and set.",
        """\
examples:
  plumbline replay rec.csv --station rack.toml --exercise rdl
  plumbline replay set.plc --station rack.toml --exercise rdl --speed 4 --host localhost --port 1883
""",
    )
    parser.add_argument("recording", type=Path, metavar="RECORDING|CAPTURE")
    parser.add_argument("--station", type=Path, required=True, metavar="STATION.toml")
    parser.add_argument("--exercise", required=True, metavar="NAME")
    parser.add_argument("--speed", type=float, default=1.0, metavar="N", help="times as fast (default 1)")
    parser.add_argument("--host", help="send to this broker; TLS unless it is this machine")
    parser.add_argument("--port", type=int, help="its port (default 8883 with TLS, 1883 without)")
    parser.add_argument("--outbox", type=Path, metavar="FILE", help="default: a temporary one")
    args = parser.parse_args(argv)
    station = load_station(args.station)
    own = _own_exercises(args.station, station)
    profile: Profile = load_profile(args.exercise, own)
    return replaying.replay(args, station, profile, own)


def broker(argv: Sequence[str]) -> int:
    """Run a private broker on this machine."""
    from edge.broker.mosquitto import Broker  # noqa: PLC0415

    parser = command_parser(
        "broker",
        "Run a private broker on a loopback port, for trying things out: no passwords, nothing kept. With"
        " --setup, write what a gym's own mosquitto needs (TLS, passwords, ACL) and run nothing.",
        """\
examples:
  plumbline broker                  on a free port, which it prints
  plumbline broker --port 1883
  plumbline broker --setup /etc/mosquitto/plumbline --host gym.local --stations rack-1 rack-2 --screens coach
""",
    )
    parser.add_argument("--port", type=int, default=0, help="default 0: a free one; with --setup 8883")
    parser.add_argument("--setup", type=Path, metavar="DIR", help="write the files into this folder")
    parser.add_argument("--host", default="localhost", help="with --setup: the broker's name on the network")
    parser.add_argument("--site", default="gym", help="with --setup: the site in the topics (default gym)")
    parser.add_argument("--stations", nargs="+", default=[], metavar="ID", help="with --setup: station ids")
    parser.add_argument("--screens", nargs="+", default=["coach"], metavar="NAME", help="default coach")
    parser.add_argument("--home-assistant", action="store_true", help="with --setup: let it read and be told")
    args = parser.parse_args(argv)
    if args.setup is not None:
        return _set_up_broker(args)
    if not 0 <= args.port < 65_536:
        raise ConfigError(f"--port is {args.port}; a port is 1 to 65535, or 0 for a free one")
    stop = _stop_on_signals()
    with Broker(args.port) as child:
        note = "" if child.kind == "mosquitto" else "; amqtt is for the demo only, a gym needs mosquitto"
        print(f"listening on 127.0.0.1:{child.port} ({child.kind}){note}", flush=True)
        while not stop.wait(0.2):
            if not child.running:
                print(f"{child.kind} has ended; starting it again", file=sys.stderr, flush=True)
                child.start()
    return 0


def schema(argv: Sequence[str]) -> int:
    """Print the schemas of what travels over MQTT."""
    from station.schema import asyncapi, json_schemas  # noqa: PLC0415

    parser = command_parser(
        "schema",
        "Print what travels over MQTT, for other programs: the AsyncAPI document, or a topic's JSON Schema.",
        """\
examples:
  plumbline schema > asyncapi.json
  plumbline schema rep
""",
    )
    parser.add_argument("leaf", nargs="?", choices=LEAVES, help="the last level of the topic")
    args = parser.parse_args(argv)
    document = asyncapi() if args.leaf is None else json_schemas()[args.leaf]
    print(json.dumps(document, indent=2, ensure_ascii=False))
    return 0


def _set_up_broker(args: argparse.Namespace) -> int:
    from edge.broker.setup import set_up  # noqa: PLC0415

    names = {"host": args.host, "site": args.site, "stations": args.stations, "screens": args.screens}
    try:
        users = set_up(args.setup, **names, port=args.port or 8883, home_assistant=args.home_assistant)
    except OSError as error:
        raise ConfigError(
            f"{args.setup}: cannot be written ({error.strerror}); use sudo, or another folder"
        ) from error
    secrets = ", ".join(f"{user}.pw" for user in users)
    print(f"{args.setup}: ca.pem for every machine; {secrets} each for its own.")
    print(f"Then: chown -R mosquitto {args.setup}; ln -s {args.setup}/plumbline.conf /etc/mosquitto/conf.d/")
    return 0


def _own_exercises(path: Path, station: StationFile) -> Path | None:
    """The gym's own exercises; a relative folder is beside the station file."""
    return path.parent / station.exercises_dir if station.exercises_dir else None


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    return stop
