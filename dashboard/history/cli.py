"""The record's subcommands: export, report and athletes."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from dashboard.files import whole_file
from dashboard.history.export import COLUMNS, export, rows, text_writer
from dashboard.history.queries import Filter
from dashboard.history.schema import open_history
from station.messages import now_utc

EXPORT_EXAMPLES = """\
examples:
  plumbline export reps.csv                                       every rep of this machine's history
  plumbline export ana.parquet --athlete ana --exercise romanian-deadlift
  plumbline export january.jsonl --from 2030-01-01 --to 2030-01-31
  plumbline export - --what sets --db postgresql://coach@db.gym/plumbline | column -ts,
"""


def export_command(argv: Sequence[str]) -> int:
    """`plumbline export`: the history as CSV, JSON lines or Parquet."""
    parser = argparse.ArgumentParser(
        prog="plumbline export",
        description="Write reps, sets or commands of the history into a file. Columns have the names of the"
        " messages' fields, in SI units; rejected reps are left out.",
        epilog=EXPORT_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", help=".csv, .jsonl or .parquet; - for CSV to the terminal")
    parser.add_argument("--what", choices=tuple(COLUMNS), default="reps", help="default: reps")
    parser.add_argument("--athlete", metavar="ID", help="of one athlete")
    parser.add_argument("--exercise", metavar="NAME", help="of one exercise")
    parser.add_argument("--station", metavar="ID", help="of one station")
    parser.add_argument("--session", metavar="ID", help="of one session of a station")
    parser.add_argument("--rejected", action="store_true", help="rejected reps too")
    _add_days(parser)
    _add_db(parser)
    args = parser.parse_args(argv)
    since_utc, until_utc = bounds_utc(args.first_day, args.last_day)
    wanted = Filter(
        athlete=args.athlete,
        exercise=args.exercise,
        station=args.station,
        session=args.session,
        since_utc=since_utc,
        until_utc=until_utc,
    )
    with open_history(args.db) as db:
        found = rows(db, args.what, wanted, args.rejected)
        if args.file == "-":
            text_writer(".csv")(found, COLUMNS[args.what], sys.stdout)
            return 0
        path = Path(args.file)
        if path.suffix != ".parquet":
            text_writer(path.suffix)  # an unknown format is said before anything is read
        with whole_file(path) as draft:
            count = export(found, args.what, draft, path.suffix)
    print(f"{path}: {count} {args.what}")
    return 0


def bounds_utc(first_day: date | None, last_day: date | None) -> tuple[str | None, str | None]:
    """The first instant of a day and the first after another, by this machine's clock, as RFC 3339 in UTC."""

    def midnight(day: date) -> str:
        return now_utc(datetime(day.year, day.month, day.day).astimezone(UTC))

    since = midnight(first_day) if first_day else None
    return since, midnight(last_day + timedelta(days=1)) if last_day else None


def _add_db(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--db",
        metavar="PATH|URL",
        help="the history: a file or postgresql://… (default: in the platform's data folder)",
    )


def _add_days(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--from", dest="first_day", type=_day, metavar="DAY", help="from this day on, as 2030-01-31"
    )
    parser.add_argument("--to", dest="last_day", type=_day, metavar="DAY", help="up to this day, it included")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2030-01-31") from None
