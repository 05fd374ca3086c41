"""`plumbline doctor`: everything a station needs, looked at once, with what to do about each."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from edge.doctor.broker_checks import check_broker
from edge.doctor.findings import Finding, as_json, as_line, failed, worst
from edge.doctor.history_checks import check_history
from edge.doctor.host_checks import (
    HERE,
    check_clock,
    check_disk,
    check_machine,
    check_outbox,
    check_versions,
)  # fmt: skip
from edge.doctor.port_checks import check_port
from edge.link.sources import ports_here
from station.config import StationFile, load_station
from station.errors import ConfigError
from station.exercises import load_profile, own_exercises
from station.program.usage import command_parser
from station.text.output import print_data


def doctor(argv: Sequence[str]) -> int:
    """Check stations and this machine; 1 when something fails."""
    parser = command_parser(
        "doctor",
        "Check what stations need: ports, permissions, rates, noise, saturation, missed frames, clocks,\n"
        "calibration, broker, TLS, credentials, disk, outbox, versions. Each line is ok, warn or fail,\n"
        "with what to do. Exit status 1 when something fails. Nothing is changed; leave sensors at rest.",
        """\
examples:
  plumbline doctor                                          this machine and its serial ports
  plumbline doctor --station rack-1.toml cable-1.toml --outbox /var/lib/plumbline/outbox.db
  plumbline doctor --db history.db                          what the record's history lacks
  plumbline doctor --station rack-1.toml --for 25           long enough for the drift of the clocks
  plumbline doctor --station rack-1.toml --json | jq '.findings[] | select(.status != "ok")'
""",
    )
    parser.add_argument("--station", type=Path, nargs="+", default=[], metavar="STATION.toml")
    parser.add_argument("--outbox", type=Path, metavar="FILE", help="the node's; looked at, not touched")
    parser.add_argument("--db", metavar="PATH|URL", help="the record's history: what it lacks")
    parser.add_argument(
        "--for",
        type=float,
        default=3.0,
        dest="seconds",
        metavar="SECONDS",
        help="listen to each port this long (default 3)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    args = parser.parse_args(argv)
    if not 0.5 <= args.seconds <= 3600.0:
        raise ConfigError(f"--for is {args.seconds:g}; give 0.5 to 3600 seconds")
    findings = []
    for finding in _examine(args.station, args.outbox, args.db, args.seconds):
        findings.append(finding)
        if not args.json:
            print(as_line(finding, sys.stdout), flush=True)
    if args.json:
        print_data(as_json(findings))
    return 1 if worst(findings) == "fail" else 0


def _examine(
    paths: Sequence[Path], outbox: Path | None, history: str | None, seconds: float
) -> Iterator[Finding]:
    """Each finding as soon as it is known."""
    yield from check_versions()
    yield from check_clock()
    node_runs = False
    data = outbox.parent if outbox is not None else Path.cwd()
    yield from check_disk(data)
    yield from check_machine(data, _urls(paths))
    if history is not None:
        yield from check_history(history)
    if outbox is not None:
        found, node_runs = check_outbox(outbox)
        yield from found
    if not paths:
        yield _ports_here()
    for path in paths:
        try:
            station = load_station(path)
        except ConfigError as error:
            yield failed(path.stem, "station file", error, "mend the file")
            continue
        yield from _station(path, station, seconds, node_runs)


def _urls(paths: Sequence[Path]) -> list[str]:
    """The ports of the station files that can be read; the others are said where they are looked at."""
    found = []
    for path in paths:
        with suppress(ConfigError):
            found += [port.url for port in load_station(path).ports]
    return found


def _station(path: Path, station: StationFile, seconds: float, node_runs: bool) -> Iterator[Finding]:
    place = station.station.id
    yield Finding(place, "station file", "ok", f"{path}, {station.station.kind}")
    if station.exercise is None:
        todo = "say what it starts with, for example exercise = 'rdl'"
        yield Finding(place, "exercise", "fail", "none; a node does not start without", todo)
    else:
        try:
            profile = load_profile(station.exercise, own_exercises(path, station))
            yield Finding(place, "exercise", "ok", profile.title)
        except ConfigError as error:
            yield failed(place, "exercise", error)
    if not station.ports:
        yield Finding(
            place, "ports", "fail", "none", "name the port in [[ports]], url = '/dev/serial/by-id/…'"
        )
    for port in station.ports:
        found = check_port(port, station, seconds, node_runs=node_runs)
        node_runs = node_runs or any("in use" in finding.seen for finding in found)
        yield from found
    if station.mqtt is None:
        yield Finding(
            place, "broker", "fail", "no [mqtt] table", "name the broker, for example host and site"
        )
    else:
        yield from check_broker(station.mqtt, place, node_runs=node_runs)


def _ports_here() -> Finding:
    here = ports_here()
    if here:
        return Finding(HERE, "serial ports", "ok", here, "give --station to have one measured")
    return Finding(HERE, "serial ports", "warn", "none is plugged in", "check cable and power")
