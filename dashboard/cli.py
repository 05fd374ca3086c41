"""The dashboard's subcommands: dashboard, screen and demo."""

import argparse
import errno
import getpass
import os
import shlex
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

from dashboard.broker.client import Client
from dashboard.broker.source import FloorSource
from dashboard.demo.children import ChildError
from dashboard.ending import Stop, hang_up, signals
from dashboard.floor.state import FloorState
from dashboard.options import DashboardFile, add_broker_options, add_db, broker_of
from dashboard.record.embedded import EmbeddedRecord
from dashboard.record.lock import RecordLock, end_left_behind
from station.config import Mqtt, decode_toml
from station.errors import ConfigError, PlumblineError
from station.exercises import Profile, all_profiles
from station.program.distribution import install_with
from station.program.process import end_with
from station.program.usage import command_parser
from station.text.output import screen_problem
from station.topics import NAME

DASHBOARD_EXAMPLES = """\
examples:
  plumbline dashboard                                   the broker on this machine
  plumbline dashboard --host gym.local --ca-file ca.pem --username coach --password-file coach.pw
  plumbline dashboard --config dashboard.toml           the same from the [mqtt] table of a file
  plumbline dashboard --plain | tee session.log         a line per rep, for logs and screen readers
  plumbline dashboard --web                             in a browser, on http://127.0.0.1:8000/
  plumbline dashboard --web --web-host 0.0.0.0 --web-cert gym.pem --web-key gym.key     for the whole gym
  plumbline dashboard --chain c1.example c2.example c3.example --ca-file ca.pem --credential ana.coach.pem \\
      --sites gym-a gym-b --db postgresql://ana@db.example/chain     several gyms, through a chain
  plumbline dashboard --end-record                      end what a lost terminal has left behind

When the terminal goes away (a closed window, a broken ssh), the history is still written, without a screen;
the next `plumbline dashboard` takes over from it.
"""
DEMO_EXAMPLES = """\
examples:
  plumbline demo                      broker, four simulated stations and the dashboard
  plumbline demo --plain --for 60     a minute of it as lines
"""

SCREEN_EXAMPLES = """\
examples:
  plumbline screen rack-1                    beside the rack, on the broker of this machine
  plumbline screen rack-1 --host gym.local --ca-file ca.pem --username screen-rack-1 --password-file screen.pw
  plumbline screen rack-1 --sound voice      the count and the velocity spoken, by espeak-ng
"""


def dashboard(argv: Sequence[str]) -> int:
    """Show the stations of a gym on this terminal."""
    parser = _parser("dashboard", "Show the stations of a gym on this terminal.", DASHBOARD_EXAMPLES)
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML file with an [mqtt] table")
    add_broker_options(parser)
    parser.add_argument("--exercises", type=Path, metavar="DIR", help="the gym's own exercises")
    parser.add_argument(
        "--no-record", action="store_true", help="leave the history to another `plumbline record`"
    )
    add_db(parser)
    parser.add_argument("--web", action="store_true", help="serve the screens to browsers")
    parser.add_argument("--web-host", default="127.0.0.1", metavar="HOST", help="where (default 127.0.0.1)")
    parser.add_argument("--web-port", type=int, default=8000, metavar="PORT", help="its port (default 8000)")
    parser.add_argument(
        "--web-cert", type=Path, metavar="PEM", help="its certificate; needed beyond this machine"
    )
    parser.add_argument("--web-key", type=Path, metavar="PEM", help="the certificate's key")
    parser.add_argument(
        "--web-token",
        type=Path,
        metavar="FILE",
        help="what browsers are to show (default: a new one, printed)",
    )
    parser.add_argument(
        "--end-record",
        action="store_true",
        help="end the record that a dashboard has left behind with its terminal, and end",
    )
    parser.add_argument(
        "--ends-with", type=int, help=argparse.SUPPRESS
    )  # the server of a browser's dashboard
    chain = parser.add_argument_group("several gyms, through a chain; --ca-file is the chain's then")
    chain.add_argument("--chain", nargs="+", dest="server", metavar="HOST[:PORT]", help="its servers")
    chain.add_argument("--credential", metavar="PEM", help="from `plumbline chain init --coach`")
    chain.add_argument("--sites", nargs="+", metavar="SITE", help="the gyms to look at")
    args = parser.parse_args(argv)
    if args.ends_with is not None:
        end_with(args.ends_with)
    file = DashboardFile() if args.config is None else decode_toml(args.config, DashboardFile)
    mqtt = broker_of(args, file.mqtt if args.config is not None else None)
    if args.end_record:
        status, line = end_left_behind(RecordLock(args.db or file.db, mqtt, args.site))
        (_warn if status else _say)(line)
        return status
    exercises = _exercises(args, file)
    if args.web:
        return _serve_web(argv, args, file, mqtt)
    _check_screen(args)
    database = args.db or file.db
    client = _chain_client(args, database) if args.server else Client(mqtt, args.site)
    profiles = all_profiles(exercises)
    drawn = threading.Event()
    no_record = args.no_record or bool(args.server)
    recording = None if no_record else EmbeddedRecord(mqtt, args.site, database, profiles, after=drawn)
    with signals(recording is not None) as stop, recording or nullcontext():
        trouble = recording.trouble if recording else lambda: None
        status = _look(client, profiles, args, stop, trouble, history=database, drawn=drawn)
        if recording is not None:
            _record_on(recording, stop, crashed=status != 0)
    return stop.status(status)


def _chain_client(args: argparse.Namespace, database: str | None) -> FloorSource:
    """The floors of several gyms. Raises ConfigError."""
    for option, given in (("--ca-file", args.ca_file), ("--credential", args.credential),
                          ("--sites", args.sites), ("--db", database)):  # fmt: skip
        if not given:
            raise ConfigError(f"--chain needs {option}; see plumbline dashboard --help")
    from dashboard.chain.connection import servers_of  # noqa: PLC0415  an extra
    from dashboard.chain.floor.client import ChainClient  # noqa: PLC0415

    wrong = [site for site in args.sites if not NAME.fullmatch(site)]
    if wrong:
        raise ConfigError(f"--sites {wrong[0]!r}: a site is 1 to 32 of the characters a-z, 0-9 and -")
    return ChainClient(servers_of(args), list(dict.fromkeys(args.sites)))


def _record_on(recording: EmbeddedRecord, stop: Stop, crashed: bool) -> None:
    """Be the record without a screen that has crashed, or whose terminal is gone, until told to end."""
    if stop.process.is_set() or not (crashed or stop.lost):
        return
    if not stop.lost:
        _warn("the screen ended by a defect; the history is still written here, Ctrl-C ends that too")
    recording.go_on_alone()
    stop.process.wait()


def _serve_web(argv: Sequence[str], args: argparse.Namespace, file: DashboardFile, mqtt: Mqtt) -> int:
    """Serve to browsers until a signal; each gets a dashboard of its own, and this process is the record."""
    try:
        from dashboard.web.server import serve, tls_of  # noqa: PLC0415  an extra
    except ImportError:
        raise ConfigError(f"--web needs textual-serve; {install_with('web')}") from None
    tls = tls_of(args.web_host, args.web_cert, args.web_key)
    command = [sys.executable, "-P", "-m", "station.cli", "dashboard", *_without_web(argv), "--no-record"]
    command += ["--ends-with", str(os.getpid())]  # killed, the server could not end them
    profiles = all_profiles(_exercises(args, file))
    recording = (
        None
        if args.no_record or args.server
        else EmbeddedRecord(mqtt, args.site, args.db or file.db, profiles, _warn)
    )
    with signals(recording is not None) as stop, recording or nullcontext():
        # `exec`: the shell between would outlive what it started.
        where = (args.web_host, args.web_port, tls)
        serve(f"exec {shlex.join(command)}", *where, stop.screen, _say, args.web_token)
        if recording is not None:
            _record_on(recording, stop, crashed=False)
        return stop.status(0)


def _without_web(argv: Sequence[str]) -> list[str]:
    """The command line of a browser's own dashboard."""
    kept: list[str] = []
    words = iter(argv)
    for word in words:
        if word.startswith("--web-") and "=" not in word:
            next(words, None)  # every option of the server has a value
        elif not word.startswith("--web"):
            kept.append(word)
    return kept


def _say(line: str) -> None:
    print(line, flush=True)


def _warn(line: str) -> None:
    print(f"plumbline dashboard: {line}", file=sys.stderr, flush=True)


def screen(argv: Sequence[str]) -> int:
    """Show one station to the lifter on it."""
    parser = _parser("screen", "One station's own screen, for the lifter on it.", SCREEN_EXAMPLES)
    parser.add_argument("station", metavar="STATION", help="its id, or site/id")
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML file with an [mqtt] table")
    add_broker_options(parser)
    parser.add_argument("--exercises", type=Path, metavar="DIR", help="the gym's own exercises")
    parser.add_argument(
        "--sound",
        choices=("off", "tones", "voice"),
        help="what is heard (default: as chosen last, by F2 on the screen; off at first)",
    )
    parser.add_argument(
        "--voice",
        metavar="COMMAND",
        help="what speaks: a command that writes {wav} from {text}, or from its input (default: espeak-ng)",
    )
    args = parser.parse_args(argv)
    file = DashboardFile() if args.config is None else decode_toml(args.config, DashboardFile)
    mqtt = broker_of(args, file.mqtt if args.config is not None else None)
    site, _, station = args.station.rpartition("/")
    if not NAME.fullmatch(station) or (site and not NAME.fullmatch(site)):
        raise ConfigError(f"{args.station!r} is no station; give its id (a-z, 0-9 and -), or site/id")
    _check_screen(args)
    client = Client(mqtt, site or args.site, station=station)
    with signals() as stop:
        return stop.status(_look(client, all_profiles(_exercises(args, file)), args, stop))


def demo(argv: Sequence[str]) -> int:
    """Show a simulated gym on this terminal."""
    parser = _parser("demo", "A broker, four simulated stations and the dashboard.", DEMO_EXAMPLES)
    parser.add_argument(
        "--seed", type=int, default=1, metavar="S", help="the same seed gives the same lifters"
    )
    args = parser.parse_args(argv)
    _check_screen(args)
    with signals() as stop:
        try:
            trouble = _demo(args, stop)
        except ChildError:
            if stop.number is None:
                raise
            return stop.status(1)  # asked to end before it had begun
    if trouble is not None:
        print(f"plumbline demo: {trouble}", file=sys.stderr)
    return stop.status(0 if trouble is None else 1)


def _demo(args: argparse.Namespace, stop: Stop) -> str | None:
    """Show the simulated gym until it is left; what of it had ended by then."""
    from dashboard.demo.gym import DemoGym, coach  # noqa: PLC0415  the simulator only where needed

    with DemoGym(args.seed, stop.screen) as gym:
        stop.last_resort = gym.close
        client = Client(gym.mqtt)
        profiles = all_profiles()
        drawn = threading.Event()
        with EmbeddedRecord(gym.mqtt, None, gym.database, profiles, after=drawn) as recording:
            crashed = _look(
                client,
                profiles,
                args,
                stop,
                trouble=lambda: gym.trouble or recording.trouble(),
                on_floor=coach(client),
                note=f" · demo, {gym.broker_kind} broker",
                history=str(gym.database),
                drawn=drawn,
            )
        return gym.trouble or ("the screen ended by a defect" if crashed else None)


def _exercises(args: argparse.Namespace, file: DashboardFile) -> Path | None:
    """The folder with the gym's own exercises, if one is named."""
    return args.exercises or (Path(file.exercises_dir) if file.exercises_dir else None)


def _parser(name: str, what: str, examples: str) -> argparse.ArgumentParser:
    parser = command_parser(name, what, examples)
    parser.add_argument(
        "--plain", action="store_true", help="lines instead of a screen; chosen by itself in a pipe"
    )
    parser.add_argument(
        "--as", dest="by", metavar="NAME", help="who gives the commands (default: the user of this computer)"
    )
    parser.add_argument("--for", type=float, dest="seconds", metavar="SECONDS", help="end after this long")
    return parser


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user, as in some containers
        return "dashboard"


def _has_screen() -> bool:
    """Whether there is a terminal; for a browser textual-serve names what stands for one."""
    return "TEXTUAL_DRIVER" in os.environ or (sys.stdin.isatty() and sys.stdout.isatty())


def _check_screen(args: argparse.Namespace) -> None:
    """Raise ConfigError for a terminal that would show the screen as garbage."""
    problem = None if args.plain or not _has_screen() else screen_problem()
    if problem is not None and "TEXTUAL_DRIVER" not in os.environ:
        raise ConfigError(problem)


def _look(
    client: FloorSource,
    profiles: Mapping[str, Profile],
    args: argparse.Namespace,
    stop: Stop,
    trouble: Callable[[], str | None] = lambda: None,
    on_floor: Callable[[FloorState], None] = lambda _: None,
    note: str = "",
    history: str | None = None,
    drawn: threading.Event | None = None,
) -> int:
    """The screen, or lines where that was asked for or there is no terminal, until it is left.

    1 when it ended by a defect, which it has shown; else 0. `drawn` is set as soon as it is no matter that
    the machine has something else to do.
    """
    client.start()
    try:
        if args.plain or not _has_screen():
            from dashboard.tui.plain import run_plain  # noqa: PLC0415

            if drawn is not None:
                drawn.set()
            run_plain(
                client,
                profiles,
                sys.stdout,
                stop=stop.screen,
                seconds=args.seconds,
                trouble=trouble,
                on_floor=on_floor,
            )
        else:
            from dashboard.history.recall import Recall  # noqa: PLC0415
            from dashboard.tui.app import PlumblineApp  # noqa: PLC0415  a third of a second plain mode saves
            from dashboard.tui.preferences import load_preferences, preferences_path  # noqa: PLC0415

            lifter_at, sounds = getattr(args, "station", None), None
            if lifter_at:
                from dashboard.sound.sounds import Sounds  # noqa: PLC0415

                mode = args.sound or load_preferences(preferences_path()).sound
                sounds = Sounds(profiles, mode, args.voice)
            # Names and plans have no place on a screen that stands in the hall.
            with nullcontext() if lifter_at else Recall(history, after=drawn) as recall:
                app = PlumblineApp(
                    client,
                    profiles,
                    stop=stop.screen,
                    seconds=args.seconds,
                    trouble=trouble,
                    on_floor=on_floor,
                    note=note,
                    by=args.by or _user(),
                    lifter_at=lifter_at,
                    preferences=preferences_path(),
                    history=history,
                    recall=recall,
                    drawn=drawn,
                    sounds=sounds,
                )
                app.run()
                return app.return_code or 0
        return 0
    except (PlumblineError, OSError) as error:
        if isinstance(error, OSError) and error.errno == errno.EIO:
            hang_up()  # a terminal that is gone
            return 0
        raise  # of what is around it: shown by the command line
    except Exception:  # noqa: BLE001 - a record beside the screen outlives it
        traceback.print_exc()
        return 1
    finally:
        client.stop()
