"""The dashboard's subcommands: dashboard, demo and record."""

import argparse
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import msgspec

from dashboard.client import Client
from dashboard.state import FloorState
from station.config import Mqtt, decode_toml, is_loopback
from station.errors import ConfigError
from station.exercises import Profile, all_profiles

DASHBOARD_EXAMPLES = """\
examples:
  plumbline dashboard                                   the broker on this machine
  plumbline dashboard --host gym.local --ca-file ca.pem --username coach --password-file coach.pw
  plumbline dashboard --config dashboard.toml           the same from the [mqtt] table of a file
  plumbline dashboard --plain | tee session.log         a line per rep, for logs and screen readers
"""
DEMO_EXAMPLES = """\
examples:
  plumbline demo                      broker, four simulated stations and the dashboard
  plumbline demo --plain --for 60     a minute of it as lines
"""


class DashboardFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A dashboard's TOML file: the broker, as in a station file."""

    mqtt: Mqtt = Mqtt()
    exercises_dir: str | None = None
    db: str | None = None


def dashboard(argv: Sequence[str]) -> int:
    """Show the stations of a gym on this terminal."""
    parser = _parser("dashboard", "Show the stations of a gym on this terminal.", DASHBOARD_EXAMPLES)
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML file with an [mqtt] table")
    parser.add_argument("--host", help="the broker (default localhost)")
    parser.add_argument("--port", type=int, help="its port (default 8883 with TLS, 1883 without)")
    parser.add_argument("--site", help="one site only (default: every site on the broker)")
    parser.add_argument(
        "--tls",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="encrypt (default: unless it is this machine)",
    )
    parser.add_argument(
        "--ca-file", metavar="PEM", help="certificate of the authority that signed the broker's"
    )
    parser.add_argument("--username", help="who we are to the broker")
    parser.add_argument(
        "--password-file", metavar="FILE", help="file with the password, readable by you alone"
    )
    parser.add_argument("--exercises", type=Path, metavar="DIR", help="the gym's own exercises")
    parser.add_argument(
        "--no-record", action="store_true", help="leave the history to another `plumbline record`"
    )
    parser.add_argument("--db", metavar="PATH", help="the history (default: in the platform's data folder)")
    args = parser.parse_args(argv)
    file = DashboardFile() if args.config is None else decode_toml(args.config, DashboardFile)
    mqtt = _mqtt(args, file, given=args.config is not None)
    exercises = args.exercises or (Path(file.exercises_dir) if file.exercises_dir else None)
    if exercises is not None and not exercises.is_dir():
        raise ConfigError(f"{exercises}: no such folder; give the one with the gym's own exercises (*.toml)")
    recording = nullcontext() if args.no_record else _record(mqtt, args.site, args.db or file.db)
    with recording:
        return _look(Client(mqtt, args.site), all_profiles(exercises), plain=args.plain, seconds=args.seconds)


def demo(argv: Sequence[str]) -> int:
    """Show a simulated gym on this terminal."""
    from dashboard.demo import Gym, coach, signals_set  # noqa: PLC0415  ctypes and friends only where needed

    parser = _parser("demo", "A broker, four simulated stations and the dashboard.", DEMO_EXAMPLES)
    parser.add_argument(
        "--seed", type=int, default=1, metavar="S", help="the same seed gives the same lifters"
    )
    parser.add_argument("--no-record", action="store_true", help="keep no history")
    args = parser.parse_args(argv)
    stop = threading.Event()
    with signals_set(stop) as came, Gym(args.seed, stop) as gym:
        client = Client(gym.mqtt)
        recording = nullcontext() if args.no_record else _record(gym.mqtt, None, str(gym.database))
        with recording:
            status = _look(
                client,
                all_profiles(),
                plain=args.plain,
                seconds=args.seconds,
                stop=stop,
                trouble=lambda: gym.trouble,
                on_floor=coach(client),
                note=f" · demo, {gym.broker_kind} broker",
            )
        trouble = gym.trouble
    if trouble is not None and not came:
        print(f"plumbline demo: {trouble}", file=sys.stderr)
        return 1
    return 128 + came[0] if came else status


def record(argv: Sequence[str]) -> int:
    """Write every rep and set into the history."""
    from dashboard.history.record import record_command  # noqa: PLC0415  its database only where needed

    return record_command(argv)


def _parser(name: str, what: str, examples: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"plumbline {name}",
        description=what,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--plain", action="store_true", help="lines instead of a screen; chosen by itself in a pipe"
    )
    parser.add_argument("--for", type=float, dest="seconds", metavar="SECONDS", help="end after this long")
    return parser


def _mqtt(args: argparse.Namespace, file: DashboardFile, given: bool) -> Mqtt:
    """The broker from the file, overridden by what the command line says."""
    host = args.host or (file.mqtt.host if given else "localhost")
    tls = args.tls
    if tls is None:
        tls = file.mqtt.tls if given else not is_loopback(host)
    port = args.port or (file.mqtt.port if given else 8883 if tls else 1883)
    return Mqtt(
        host=host,
        port=port,
        site=args.site or file.mqtt.site,
        tls=tls,
        ca_file=args.ca_file or file.mqtt.ca_file,
        username=args.username or file.mqtt.username,
        password_file=args.password_file or file.mqtt.password_file,
    )


def _record(mqtt: Mqtt, site: str | None, database: str | None) -> AbstractContextManager[object]:
    """The record, running inside this process for a single gym."""
    raise NotImplementedError


def _look(
    client: Client,
    profiles: dict[str, Profile],
    *,
    plain: bool,
    seconds: float | None,
    stop: threading.Event | None = None,
    trouble: Callable[[], str | None] = lambda: None,
    on_floor: Callable[[FloorState], None] = lambda _: None,
    note: str = "",
) -> int:
    """The screen, or lines where that was asked for or there is no terminal."""
    client.start()
    try:
        if plain or not (sys.stdin.isatty() and sys.stdout.isatty()):
            from dashboard.plain import run_plain  # noqa: PLC0415

            run_plain(
                client,
                profiles,
                sys.stdout,
                stop=stop or threading.Event(),
                seconds=seconds,
                trouble=trouble,
                on_floor=on_floor,
            )
            return 0
        from dashboard.app import PlumblineApp  # noqa: PLC0415  a third of a second that plain mode saves

        app = PlumblineApp(client, profiles, trouble=trouble, on_floor=on_floor, note=note, seconds=seconds)
        app.run()
        return app.return_code or 0
    finally:
        client.stop()
