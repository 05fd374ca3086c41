"""Which broker, and which history: the options that the dashboard's subcommands share."""

import argparse

import msgspec

from station.config import Mqtt, is_loopback


class DashboardFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A dashboard's TOML file: the broker, as in a station file."""

    mqtt: Mqtt = Mqtt()
    exercises_dir: str | None = None
    db: str | None = None


def add_broker_options(parser: argparse.ArgumentParser) -> None:
    """--host, --port, --site, --tls, --ca-file, --username, --password-file; `broker_of` reads them."""
    parser.add_argument("--host", help="the broker (default localhost)")
    parser.add_argument("--port", type=int, help="its port (default 8883 with TLS, 1883 without)")
    parser.add_argument("--site", help="one site only (default: every site on the broker)")
    parser.add_argument(
        "--tls",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="encrypt (default: unless it is this machine and no --ca-file is given)",
    )
    parser.add_argument("--ca-file", metavar="PEM", help="authority that signed the broker's certificate")
    parser.add_argument("--username", help="who we are to the broker")
    parser.add_argument(
        "--password-file", metavar="FILE", help="file with the password, readable by you alone"
    )


def broker_of(args: argparse.Namespace, file: Mqtt | None = None) -> Mqtt:
    """The broker of a file's [mqtt] table, overridden by what the command line says."""
    host = args.host if args.host is not None else file.host if file else "localhost"
    tls = args.tls
    if tls is None:
        tls = bool(args.ca_file) or (file.tls if file else not is_loopback(host))
    known = file or Mqtt()
    return Mqtt(
        host=host,
        port=args.port or (file.port if file else 8883 if tls else 1883),
        site=args.site or known.site,
        tls=tls,
        ca_file=args.ca_file or known.ca_file,
        username=args.username or known.username,
        password_file=args.password_file or known.password_file,
    )


def add_db(parser: argparse.ArgumentParser) -> None:
    """--db, to give to `open_history` or `open_writable`."""
    parser.add_argument(
        "--db",
        metavar="PATH|URL",
        help="the history: a file or postgresql://… (default: in the platform's data folder)",
    )
