"""The node's subcommands but for `edge` itself (edge.command): capture, replay, schema and analyze."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from station.config import Port, load_station
from station.errors import ConfigError, SourceError
from station.exercises import load_profile, own_exercises
from station.messages import now_utc
from station.program.process import stop_on_signals
from station.program.usage import command_parser
from station.text.output import print_data
from station.topics import LEAVES


def analyze(argv: Sequence[str]) -> int:
    """Count and measure the reps of a recording."""
    from edge.tools.analysis import analyze_command  # noqa: PLC0415 - each command imports what it needs

    return analyze_command(argv)


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
