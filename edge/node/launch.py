"""From a command line to a running node."""

import gc
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from edge.delivery.outbox import Outbox
from edge.node.dispute_store import DisputeStore
from edge.node.node import Node
from edge.node.reading import PortAcquisition
from edge.node.session import Session
from station.config import Mqtt, load_station
from station.errors import ConfigError
from station.exercises import load_profile, own_exercises
from station.program.process import on_ending_signals
from station.program.usage import command_parser


def launch(argv: Sequence[str]) -> int:
    """Set a node up, and count until it is told to stop."""
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


def _acquisitions(paths: Sequence[Path]) -> tuple[list[PortAcquisition], dict[str, Mqtt]]:
    """A node's ports, and the broker of each station. Raises ConfigError for a file that will not do."""
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
