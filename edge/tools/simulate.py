"""`plumbline simulate`: a set, or a whole session, without hardware, to every outlet there is."""

import argparse
import contextlib
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from edge.link.capture import CaptureInfo, CaptureWriter
from edge.tools.plot import draw_analysis
from station.config import Mqtt, Port
from station.errors import RecordingError, SourceError
from station.exercises import load_profile
from station.program.usage import command_parser
from station.records import Analysis
from station.sim.demo import run_demo
from station.sim.devices.board import board_bytes
from station.sim.devices.device import Piece
from station.sim.plan import Scenario, SetPlan, StationPlan, list_scenarios, load_scenario
from station.sim.play import Outlet, Terminals, play
from station.sim.recording import station_toml, write_recording, write_truth
from station.sim.session import SimulatedSet, simulate_station, with_seed

EXAMPLES = """\
examples:
  plumbline simulate --exercise rdl --reps 8 --out rec.csv.gz --truth truth.json --station-out rack.toml
  plumbline simulate --list
  plumbline simulate --scenario drop-last --out rec.csv --truth truth.json --plot motion.png
  plumbline simulate --scenario my-gym.toml --pty /tmp/board --speed 10
  plumbline simulate --scenario bad-line --capture bad-line.plc
  plumbline simulate --demo /tmp/gym --mqtt 127.0.0.1:1883
"""

STARTED_UTC = "2000-01-01T00:00:00Z"  # fixed: the same seed writes the same file
PLOT_EVERY = 10  # dense samples: a picture is drawn of 100 a second, as of a recording


def simulate(argv: Sequence[str]) -> int:
    """Simulate to a recording with its truth, a picture, a capture, pseudo-terminals or TCP ports."""
    args = _parser().parse_args(argv)
    if args.list:
        for name in list_scenarios():
            print(f"{name:24} {load_scenario(name).about}")
        return 0
    if args.demo is not None:
        return run_demo(args.demo, args.mqtt, args.seed if args.seed is not None else 1)
    scenario = _scenario(args)
    seed = args.seed if args.seed is not None else scenario.seed
    rng = with_seed(seed)
    done = [simulate_station(station, rng) for station in scenario.stations]
    several = len(done) > 1
    outlet: Outlet | None = None
    if args.pty is not None:
        links = [_named(args.pty, simulated, several=several) for simulated in done]
        outlet = Terminals(links, patient=args.patient)
    elif args.tcp is not None:
        outlet = TcpPorts(args.tcp, len(done))
    try:
        _write_all(done, args, [None] * len(done) if outlet is None else outlet.urls)
        # Seeds of their own: the same seed sends the same bytes whatever else is asked.
        boards = [
            board_bytes(simulated, np.random.default_rng([seed, index]))
            for index, simulated in enumerate(done)
        ]
        if args.capture is not None:
            for simulated, board in zip(done, boards, strict=True):
                write_capture(_named(args.capture, simulated, several=several), simulated, board)
        return 0 if outlet is None else play(boards, outlet, args.speed)
    finally:
        if outlet is not None:
            outlet.close()


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("simulate", "Simulate lifters at instrumented stations.", EXAMPLES)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--exercise", metavar="NAME", help="one set of an exercise, e.g. rdl")
    what.add_argument("--scenario", metavar="NAME|FILE", help="a shipped scenario, or a .toml of your own")
    what.add_argument("--list", action="store_true", help="the shipped scenarios, a line each")
    what.add_argument(
        "--demo", type=Path, metavar="DIR", help="four stations on pseudo-terminals until stopped"
    )
    parser.add_argument(
        "--reps", type=_at_least_one, default=8, metavar="N", help="with --exercise (default 8)"
    )
    parser.add_argument("--seed", type=int, metavar="S", help="the same seed gives the same bits (default 1)")
    several = "; with several stations the id is put before the suffix"
    parser.add_argument("--out", type=Path, metavar="REC.csv", help=f"recording; .gz compresses{several}")
    parser.add_argument("--truth", type=Path, metavar="TRUTH.json", help="what really happened")
    parser.add_argument("--station-out", type=Path, metavar="STATION.toml", help="the station file that fits")
    parser.add_argument("--plot", type=Path, metavar="OUT.png", help="draw motion, velocity, path and truth")
    live = parser.add_mutually_exclusive_group()
    live.add_argument("--pty", type=Path, metavar="LINK", help="send a board's bytes to a pseudo-terminal")
    live.add_argument("--capture", type=Path, metavar="OUT", help="a capture of a board's bytes")
    live.add_argument("--tcp", type=_port, metavar="PORT", help="serve a board's bytes on this port")
    parser.add_argument("--speed", type=_positive, default=1.0, metavar="X", help="of --pty and --tcp")
    parser.add_argument(
        "--patient",
        action="store_true",
        help="with --pty: begin when it is opened, and wait for who reads late",
    )
    parser.add_argument("--mqtt", type=_broker, metavar="HOST:PORT", help="broker named in station files")
    return parser


def _scenario(args: argparse.Namespace) -> Scenario:
    if args.scenario is not None:
        return load_scenario(args.scenario)
    profile = load_profile(args.exercise)
    station = StationPlan(exercise=profile.name, sets=[SetPlan(reps=args.reps)])
    return Scenario(about="one set", stations=[station])


def _write_all(done: list[SimulatedSet], args: argparse.Namespace, urls: Sequence[str | None]) -> None:
    """Every file that was asked for, and a line for each station."""
    for simulated, url in zip(done, urls, strict=True):
        try:
            _write(simulated, args, url, several=len(done) > 1)
        except OSError as error:
            raise RecordingError(
                f"{error.filename}: cannot be written ({error.strerror}); give another path"
            ) from error
    for simulated in done:
        reps = [len(one["reps"]) for one in simulated.truth["sets"]]
        print(
            f"{simulated.plan.id}: {simulated.exercise}, {len(reps)} sets, {sum(reps)} reps, "
            f"{simulated.motion.time_s[-1]:.0f} s"
        )


def _write(simulated: SimulatedSet, args: argparse.Namespace, url: str | None, *, several: bool) -> None:
    writers: list[tuple[Path | None, Callable[[Path], None]]] = [
        (args.out, lambda path: write_recording(path, simulated.recording)),
        (args.truth, lambda path: write_truth(path, simulated.truth)),
        (args.station_out, lambda path: _write_station(path, simulated, url, args.mqtt)),
        (args.plot, lambda path: _plot(path, simulated)),
    ]
    for path, write in writers:
        if path is not None:
            write(_named(path, simulated, several=several))


def _write_station(path: Path, simulated: SimulatedSet, url: str | None, mqtt: Mqtt | None) -> None:
    """The station file that fits, with the port the bytes come from and the broker where they are named."""
    ports = [Port(url=url)] if url is not None else []
    fits = msgspec.structs.replace(simulated.station, ports=ports, mqtt=mqtt)
    path.write_text(station_toml(fits), encoding="utf-8")


def _plot(path: Path, simulated: SimulatedSet) -> None:
    """The truth, drawn as the analysis of a recording is."""
    dense, time_s = simulated.dense, simulated.motion.time_s
    nothing = np.full(len(time_s), np.nan)
    x_m = dense.x_m if simulated.station.station.kind == "barbell" else None
    rows = (time_s, dense.s, *(nothing if row is None else row for row in (x_m, dense.force_n)))
    truth = simulated.truth
    rejected = [one | {"reason": one["what"]} for one in truth["not_reps"]]
    analysis = msgspec.convert(truth | {"schema": "", "rejected": rejected}, Analysis)
    profile = load_profile(simulated.exercise)
    draw_analysis(path, analysis, np.array(rows)[:, ::PLOT_EVERY], profile)


def _named(path: Path, simulated: SimulatedSet, *, several: bool) -> Path:
    if not several:
        return path
    stem, dot, suffix = path.name.partition(".")
    return path.with_name(f"{stem}-{simulated.plan.id}{dot}{suffix}")


def _at_least_one(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of reps; a set has 1 or more")
    return int(text)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not 0.0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a speed; 1 is real time, 10 ten times as fast")
    return value


def _port(text: str) -> int:
    if not text.isdigit() or not 0 <= int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; 0 takes any free one")
    return int(text)


def _broker(text: str) -> Mqtt:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT, e.g. 127.0.0.1:1883")
    return Mqtt(host=host, port=int(port), tls=False)


def write_capture(path: Path, simulated: SimulatedSet, pieces: Iterator[Piece]) -> None:
    """Write a simulated board's bytes as a capture, each piece received as it left the board.

    Raises RecordingError when the file exists or cannot be written.
    """
    info = CaptureInfo(
        station=simulated.plan.id, url="simulated", driver="plumbline", baud=115_200, started_utc=STARTED_UTC
    )
    with CaptureWriter(path, info) as capture:
        for sent_s, data in pieces:
            capture.write(sent_s, data)


class TcpPorts:
    """One listening port of this machine per board; whoever connects hears the board from then on."""

    def __init__(self, first_port: int, count: int) -> None:
        """Listen on `count` ports from `first_port` on (0: any free ones) and print them.

        Raises SourceError when a port is taken.
        """
        self.urls: list[str] = []
        self._listening: list[socket.socket] = []
        self._heard: list[socket.socket | None] = [None] * count
        for index in range(count):
            port = first_port + index if first_port else 0
            try:
                listening = socket.create_server(("127.0.0.1", port))
            except OSError as error:
                self.close()
                raise SourceError(
                    f"port {port}: cannot be listened on ({error.strerror}); try another"
                ) from error
            listening.setblocking(False)
            self._listening.append(listening)
            self.urls.append(f"socket://127.0.0.1:{listening.getsockname()[1]}")
            print(self.urls[-1], flush=True)

    def is_open(self) -> bool:
        """Always: nobody has to connect."""
        return True

    def write(self, index: int, data: bytes) -> bytes:
        """Send to the connected clients; what a connection cannot take is lost, visible in seq."""
        with contextlib.suppress(BlockingIOError):
            newest, _ = self._listening[index].accept()
            newest.setblocking(False)
            self._let_go(index)
            self._heard[index] = newest
        hears = self._heard[index]
        if hears is None:
            return b""
        try:
            hears.send(data)
        except BlockingIOError:
            pass
        except OSError:  # it has gone; the next one may come
            self._let_go(index)
        return b""

    def close(self) -> None:
        """Close every connection and every port."""
        for index in range(len(self._heard)):
            self._let_go(index)
        for listening in self._listening:
            listening.close()
        self._listening = []

    def _let_go(self, index: int) -> None:
        hears = self._heard[index]
        if hears is not None:
            hears.close()
        self._heard[index] = None
