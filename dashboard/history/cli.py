"""`plumbline export` and `plumbline report`."""

import argparse
import sys
from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path

import msgspec

from dashboard.database.database import Database
from dashboard.database.schema import open_history
from dashboard.files import file_name, whole_file
from dashboard.history.export import COLUMNS, rows, text_writer, write_parquet
from dashboard.history.kept import Filter, KeptSet, group_sessions
from dashboard.history.queries import MOST_REPS, sets, with_curves
from dashboard.history.spreadsheet import columns_with_name, named, rounded, write_excel
from dashboard.options import add_db
from dashboard.plaintext import clean
from dashboard.roster.athletes import athletes, find_athlete
from station.errors import StoreError
from station.exercises import all_profiles
from station.messages import now_utc
from station.program.usage import command_parser
from station.text.output import data_output

EXPORT_EXAMPLES = """\
examples:
  plumbline export reps.csv                                       every rep of this machine's history
  plumbline export ana.parquet --athlete a-17 --exercise romanian-deadlift
  plumbline export ana.csv --athlete a-17 --dialect excel --names
  plumbline export january.jsonl --from 2030-01-01 --to 2030-01-31
  plumbline export - --what sets --db postgresql://coach@db.gym/plumbline | column -ts,
"""
REPORT_EXAMPLES = """\
examples:
  plumbline report a-17                                  how this athlete develops, into a-17.html
  plumbline report a-17/2030-01-31                       one session, rep by rep
  plumbline report "Ana Okoro" --from 2030-01-01 -o ana.html --png plots/
  plumbline report list                                  the newest sessions to choose from
"""


FARTHEST_H = 16  # from UTC; the clocks of Kiribati are 14 hours ahead


def export_command(argv: Sequence[str]) -> int:
    """`plumbline export`: the history as CSV, JSON lines or Parquet."""
    parser = command_parser(
        "export",
        "Write reps, sets, commands or corrections of the history into a file. Columns have the names of the"
        " messages' fields, in SI units; rejected reps are left out.",
        EXPORT_EXAMPLES,
    )
    parser.add_argument("file", metavar="FILE", help=".csv, .jsonl or .parquet; - for CSV to the terminal")
    parser.add_argument("--what", choices=tuple(COLUMNS), default="reps", help="default: reps")
    parser.add_argument("--athlete", metavar="ID", help="of one athlete")
    parser.add_argument("--exercise", metavar="NAME", help="of one exercise")
    parser.add_argument("--site", metavar="ID", help="of one site")
    parser.add_argument("--station", metavar="ID", help="of one station")
    parser.add_argument("--session", metavar="ID", help="of one session of a station")
    parser.add_argument(
        "--dialect",
        choices=("csv", "excel"),
        default="csv",
        help="excel: for spreadsheets of countries with decimal commas; rounded, too",
    )
    parser.add_argument("--names", action="store_true", help="the athletes' names beside their ids")
    parser.add_argument(
        "--rounded", action="store_true", help="numbers to the digits that their sigma warrants"
    )
    parser.add_argument("--rejected", action="store_true", help="rejected reps too")
    _add_days(parser)
    add_db(parser)
    args = parser.parse_args(argv)
    path = Path(args.file)
    suffix = ".csv" if args.file == "-" else path.suffix.lower()
    _check_format(suffix, args)
    since_utc, until_utc = bounds_utc(args.first_day, args.last_day)
    with open_history(args.db) as db:
        wanted = Filter(
            athlete=find_athlete(db, args.athlete) if args.athlete else None,
            exercise=args.exercise,
            site=args.site,
            station=args.station,
            session=args.session,
            since_utc=since_utc,
            until_utc=until_utc,
        )
        found, columns = rows(db, args.what, wanted, args.rejected), COLUMNS[args.what]
        if args.rounded or args.dialect == "excel":
            found = rounded(found)
        if args.names:
            found = named(found, {one.id: one.name for one in athletes(db)})
            columns = columns_with_name(columns)
        if suffix == ".parquet":
            with whole_file(path) as draft:
                count = write_parquet(found, args.what, draft)
        else:
            write = write_excel if args.dialect == "excel" else text_writer(suffix)
            if args.file == "-":
                data_output()
                write(found, columns, sys.stdout)
                return 0
            with whole_file(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
                count = write(found, columns, file)
    print(f"{path}: {count} {args.what}")
    return 0


def _check_format(suffix: str, args: argparse.Namespace) -> None:
    """Say before anything is read that a format is unknown, or cannot have what was asked for."""
    if suffix != ".parquet":
        text_writer(suffix)
    if args.dialect == "excel" and suffix != ".csv":
        raise StoreError(f"--dialect excel writes .csv, not {suffix}; name the file after what it is")
    if args.names and suffix == ".parquet":
        raise StoreError("names go into .csv and .jsonl, not into Parquet; leave --names out")
    if args.names and args.what in ("commands", "corrections"):
        raise StoreError(f"{args.what} belong to a station, not to an athlete; leave --names out")


def report_command(argv: Sequence[str]) -> int:
    """`plumbline report`: one HTML page about an athlete or a session."""
    parser = command_parser(
        "report",
        "Write one HTML page about an athlete or a session; it needs nothing else, and prints.",
        REPORT_EXAMPLES,
    )
    parser.add_argument(
        "who",
        metavar="ATHLETE|SESSION",
        help="an athlete (id, badge or name), athlete/day, a station's session id, or `list`",
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: WHO.html, here")
    parser.add_argument("--png", type=Path, metavar="DIR", help="each plot as a PNG file, too")
    parser.add_argument("--exercise", metavar="NAME", help="one exercise only")
    parser.add_argument("--exercises", type=Path, metavar="DIR", help="the gym's own exercises")
    _add_days(parser)
    add_db(parser)
    args = parser.parse_args(argv)
    profiles = all_profiles(args.exercises)
    since_utc, until_utc = bounds_utc(args.first_day, args.last_day)
    with open_history(args.db) as db:
        names = {one.id: one.name for one in athletes(db)}
        wanted = Filter(exercise=args.exercise, since_utc=since_utc, until_utc=until_utc)
        if args.who == "list":
            return _list_sessions(sets(db, wanted, limit=MOST_REPS // 4), names)
        done, is_session = _chosen(db, args.who, wanted)
        if is_session:
            done = [with_curves(db, one) for one in done]
    from dashboard.history.report import athlete_report, session_report  # noqa: PLC0415  matplotlib

    make = session_report if is_session else athlete_report
    athlete = done[0].athlete
    report = make(names.get(athlete or "", athlete or "Athlete not named"), done, profiles)
    path = args.output or Path(file_name(args.who, ".html"))
    with whole_file(path) as draft:
        draft.write_text(report.html, encoding="utf-8")
    print(path)
    if args.png is not None:
        try:
            args.png.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"{args.png}: cannot be made a folder ({error.strerror}); give another"
            ) from error
        for name, plot in report.plots.items():
            with whole_file(args.png / f"{name}.png") as draft:
                plot.png(draft)
            print(args.png / f"{name}.png")
    return 0


def _chosen(db: Database, who: str, wanted: Filter) -> tuple[list[KeptSet], bool]:
    """The sets that a word of the command line means, and whether they are one session."""
    found = sets(db, msgspec.structs.replace(wanted, session=who))
    if found:
        return found, True
    word, slash, day_text = who.rpartition("/")
    try:
        day = parse_day(day_text) if slash else None
    except ValueError:
        day = None  # a slash of the athlete's own
    athlete = None if day and word == "-" else find_athlete(db, word if day else who)
    if day is not None:
        since_utc, until_utc = bounds_utc(day, day)
        wanted = msgspec.structs.replace(wanted, since_utc=since_utc, until_utc=until_utc)
    found = sets(db, msgspec.structs.replace(wanted, athlete=athlete))
    found = [one for one in found if one.athlete == athlete]  # None filters nothing
    if not found:
        raise StoreError(
            f"{db.name}: no set of {who!r} in that time; `plumbline report list` shows the sessions"
        )
    return found, day is not None


def _list_sessions(done: Sequence[KeptSet], names: dict[str, str]) -> int:
    for session in group_sessions(done)[:50]:
        name = names.get(session.athlete or "", "")
        print(
            f"{clean(session.id):<24} {len(session.sets):>3} sets {session.counted_reps:>4} reps"
            f"  {clean(', '.join(session.exercises))}  {clean(name)}".rstrip()
        )
    return 0


def bounds_utc(
    first_day: date | None, last_day: date | None, zone: tzinfo | None = None
) -> tuple[str | None, str | None]:
    """The first instant of a day and the first after another, by the reader's clock, as RFC 3339 in UTC.

    Raises StoreError where the second lies before the first.
    """
    if first_day and last_day and last_day < first_day:
        raise StoreError(f"--from {first_day} lies after --to {last_day}; give the earlier day as --from")
    since = _begin_utc(first_day, zone) if first_day else None
    return since, _begin_utc(last_day + timedelta(days=1), zone) if last_day else None


def _begin_utc(day: date, zone: tzinfo | None) -> str:
    """When a day begins; one that begins at one o'clock has no midnight that could be converted."""
    earliest = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=FARTHEST_H)

    def is_there(second: int) -> bool:
        return (earliest + timedelta(seconds=second)).astimezone(zone).date() >= day

    seconds = bisect_left(range(2 * FARTHEST_H * 3600), True, key=is_there)
    return now_utc(earliest + timedelta(seconds=seconds))


def _add_days(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--from", dest="first_day", type=_day, metavar="DAY", help="from this day on, as 2030-01-31"
    )
    parser.add_argument("--to", dest="last_day", type=_day, metavar="DAY", help="up to this day, it included")


def parse_day(text: str) -> date:
    """A day that every clock on earth can say. Raises ValueError."""
    day = date.fromisoformat(text)
    if not date(1970, 1, 2) <= day <= date(9998, 12, 30):
        raise ValueError(text)
    return day


def _day(text: str) -> date:
    try:
        return parse_day(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2030-01-31") from None
