"""The node's subcommands: edge, capture, replay, schema and analyze."""

import gc
import os
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from station.config import Mqtt, Port, load_station
from station.errors import ConfigError, SourceError
from station.exercises import load_profile, own_exercises
from station.messages import now_utc
from station.program.process import on_ending_signals, share_memory, stop_on_signals
from station.program.usage import command_parser
from station.text.output import print_data
from station.topics import LEAVES

if TYPE_CHECKING:
    from edge.node.acquisition import PortAcquisition


def analyze(argv: Sequence[str]) -> int:
    """Count and measure the reps of a recording."""
    from edge.tools.analysis import analyze_command  # noqa: PLC0415 - each command imports what it needs

    return analyze_command(argv)


def edge(argv: Sequence[str]) -> int:
    """Run a node: count at one or more stations and publish. Or look after the one of this machine."""
    if argv[:1] and argv[0] in ("install", "remove", "status", "retire"):
        from edge.upkeep import node_command, retire  # noqa: PLC0415

        tasks = {
            "install": node_command.install,
            "remove": node_command.remove,
            "status": node_command.status,
        }
        return (tasks | {"retire": retire.retire})[argv[0]](argv[1:])
    share_memory()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy is imported: a thread for each core
    gc.disable()  # what is made until the node stands, stays: looking through it for garbage finds none
    try:
        return _run_node(argv)
    finally:
        gc.enable()


def _run_node(argv: Sequence[str]) -> int:
    """Set a node up, and count until it is told to stop."""
    from edge.node.lean_imports import lean_imports  # noqa: PLC0415

    lean_imports()
    from edge.delivery.outbox import Outbox  # noqa: PLC0415
    from edge.node.dispute_store import DisputeStore  # noqa: PLC0415
    from edge.node.node import Node  # noqa: PLC0415

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
    parser.add_argument(
        "--disputes",
        type=Path,
        metavar="DIR",
        help="where disputed stretches go (default: beside the outbox)",
    )
    parser.add_argument(
        "--disputes-mib",
        type=int,
        default=256,
        metavar="N",
        help="their quota; 0: none are kept (default 256)",
    )
    args = parser.parse_args(argv)
    if args.quota < 2:
        raise ConfigError(f"--quota is {args.quota}; it must be 2 or more")
    if args.disputes_mib < 0:
        raise ConfigError(f"--disputes-mib is {args.disputes_mib}; it must be 0 or more")
    acquisitions, brokers = _acquisitions(args.station)
    if args.disputes_mib:
        store = DisputeStore(args.disputes or args.outbox.parent / "disputes", args.disputes_mib << 20)
        for session in {a.session.id: a.session for a in acquisitions}.values():
            recorder = session.record_flight(store, len(acquisitions))
            for acquisition in [a for a in acquisitions if a.session is session]:
                acquisition.record_flight(recorder)
    with ExitStack() as stack:
        outbox = stack.enter_context(Outbox(args.outbox, max_events=args.quota))
        for session in {a.session.id: a.session for a in acquisitions}.values():
            resumed = session.resume(outbox)
            if resumed is not None:
                print(f"{session.station.station.id}: {resumed}", file=sys.stderr, flush=True)
        node = Node(acquisitions, outbox, brokers)
        if args.metrics is not None:
            from edge.node.metrics import exposition  # noqa: PLC0415
            from station.program.metrics import MetricsServer  # noqa: PLC0415  an HTTP server few ask for

            stack.enter_context(MetricsServer(args.metrics, lambda: exposition(node.healths)))
        on_ending_signals(lambda _: node.stop())
        gc.freeze()
        gc.enable()
        print(f"counting at {', '.join(brokers)}; {outbox.depth()} events wait in {args.outbox}", flush=True)
        return node.run()


def _acquisitions(paths: Sequence[Path]) -> "tuple[list[PortAcquisition], dict[str, Mqtt]]":
    """A node's ports, and the broker of each station. Raises ConfigError for a file that will not do."""
    from edge.node.acquisition import PortAcquisition  # noqa: PLC0415
    from edge.node.session import Session  # noqa: PLC0415

    acquisitions: list[PortAcquisition] = []
    brokers: dict[str, Mqtt] = {}
    for path in paths:
        station = load_station(path)
        if station.mqtt is None:
            raise ConfigError(f"{path}: no [mqtt] table; name the broker, for example host and site")
        if not station.ports:
            raise ConfigError(f"{path}: no [[ports]] table; name the port, for example url = '/dev/ttyACM0'")
        if station.exercise is None:
            raise ConfigError(f"{path}: no exercise; say what the station starts with, exercise = 'rdl'")
        if station.station.id in brokers:
            raise ConfigError(f"{path}: station id {station.station.id!r} is given twice; give each its own")
        own = own_exercises(path, station)
        session = Session(station, load_profile(station.exercise, own), own)
        acquisitions += [PortAcquisition(session, port) for port in station.ports]
        brokers[station.station.id] = station.mqtt
    return acquisitions, brokers


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
  plumbline capture /dev/ttyUSB1 --station rack-2.toml --out cell.plc     one of its ports
""",
    )
    parser.add_argument("port", nargs="?", metavar="PORT", help="a device, pty or socket://host:port")
    parser.add_argument("--station", type=Path, metavar="STATION.toml", help="use its port; of several, PORT")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--for", type=float, dest="seconds", metavar="SECONDS", help="end after this long")
    args = parser.parse_args(argv)
    if args.port is None and args.station is None:
        parser.error("give PORT or --station")
    name, port = "", Port(url=args.port or "")
    driver: Driver | None = None
    if args.station is not None:
        station = load_station(args.station)
        if not station.ports:
            raise ConfigError(f"{args.station}: no [[ports]] table; give the PORT instead")
        same = [one for one in station.ports if args.port in (None, one.url)]
        if len(same) != 1:
            seen = f"has no port {args.port}" if args.port else f"has {len(same)} ports"
            either = " or ".join(port.url for port in station.ports)
            raise ConfigError(f"{args.station}: {seen}; give as PORT {either}")
        name, port = station.station.id, same[0]
        driver = make_driver(port, station)  # for what the device wants to be asked
    end_s = time.monotonic() + args.seconds if args.seconds is not None else float("inf")
    count = 0
    info = CaptureInfo(station=name, url=port.url, driver=port.driver, baud=port.baud, started_utc=now_utc())
    with SerialSource(port) as source, CaptureWriter(args.out, info) as writer:
        stop = stop_on_signals()
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
    own = own_exercises(args.station, station)
    return replaying.replay(args, station, load_profile(args.exercise, own), own)


def schema(argv: Sequence[str]) -> int:
    """Print the schemas of what travels over MQTT."""
    import json  # noqa: PLC0415

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
    print_data(json.dumps(document, indent=2, ensure_ascii=False))
    return 0
