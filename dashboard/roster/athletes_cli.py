"""`plumbline athletes`."""

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from dashboard.database.database import Database
from dashboard.database.schema import open_history, open_writable
from dashboard.files import whole_file
from dashboard.options import add_db
from dashboard.plaintext import clean
from dashboard.roster.athletes import athletes, erase, everything, find_athlete, save, scrub
from dashboard.roster.athletes_file import read_roster
from station.errors import StoreError
from station.exercises import all_profiles
from station.program.usage import command_parser

ATHLETES_EXAMPLES = """\
examples:
  plumbline athletes import athletes.toml                names, badges and plans into the record
  plumbline athletes list
  plumbline athletes export a-17 a-17.json               everything the record has about a-17
  plumbline athletes erase a-17                          delete all of that, leaving no trace

athletes.toml:                                athletes.csv, a line per exercise:
  [[athletes]]                                  id,name,badge,exercise,load_kg,sets,reps,tempo
  id = "a-17"                                   a-17,Ana Okoro,0042,rdl,60,3,8,2-0-1-1
  name = "Ana Okoro"                            a-17,,,cable-pull-through,25,3,12,
  badge = "0042"
  squad = "juniors"
  [[athletes.plans]]
  exercise = "rdl"
  load_kg = 60
  sets = 3
  reps = 8
  tempo = "2-0-1-1"             # eccentric, bottom, concentric, top; X: as fast as possible
  velocity_loss_cutoff_pct = 20
  path_limit_m = 0.05
  rest_s = 120
Stations and screens get to know the id, never the name.
"""


def athletes_command(argv: Sequence[str]) -> int:
    """`plumbline athletes`: who lifts; import, list, export, erase."""
    parser = command_parser("athletes", "Athletes and their plans in the record.", ATHLETES_EXAMPLES)
    actions = parser.add_subparsers(dest="action", required=True, metavar="import|list|export|erase")
    add = actions.add_parser("import", help="take athletes and plans from a TOML or CSV file")
    add.add_argument("file", type=Path, metavar="FILE")
    add.add_argument("--exercises", type=Path, metavar="DIR", help="the gym's own exercises")
    listed = actions.add_parser("list", help="athletes and their plans")
    give = actions.add_parser("export", help="everything about one athlete, as JSON")
    give.add_argument("id", metavar="ID")
    give.add_argument("file", type=Path, metavar="FILE", help=".json")
    take = actions.add_parser("erase", help="delete everything about one athlete")
    take.add_argument("id", metavar="ID")
    take.add_argument("--yes", action="store_true", help="do not ask")
    for one in (add, listed, give, take):
        add_db(one)
    args = parser.parse_args(argv)
    if args.action == "import":
        roster = read_roster(args.file, all_profiles(args.exercises))
        with open_writable(args.db) as db:
            save(db, roster.athletes)
        for warning in roster.warnings:
            print(f"plumbline athletes: {warning}", file=sys.stderr)
        plans = sum(len(one.plans) for one in roster.athletes)
        print(f"{len(roster.athletes)} athletes with {plans} plans")
    elif args.action == "list":
        with open_history(args.db) as db:
            _list_athletes(db)
    elif args.action == "export":
        with open_history(args.db) as db:
            _export_athlete(db, find_athlete(db, args.id), args.file)
    else:
        with open_writable(args.db) as db:
            try:
                athlete = find_athlete(db, args.id)
            except StoreError:
                scrub(db)  # erasing may have been stopped half-way
                raise
            return _erase_athlete(db, athlete, args.yes)
    return 0


def _list_athletes(db: Database) -> None:
    for one in athletes(db):
        said = [f"{clean(one.id):<12} {clean(one.name)}"]
        said += [f"(badge {clean(one.badge)})"] if one.badge else []
        said += [clean(word) for word in (one.squad, one.note) if word]
        print("  ".join(said))
        for plan in one.plans:
            given = msgspec.structs.asdict(plan).items()
            rest = ", ".join(f"{key} {value:g}" for key, value in given if isinstance(value, int | float))
            print(f"{'':<12} {clean(plan.exercise)}: {rest or 'as it comes'}")


def _export_athlete(db: Database, athlete: str, path: Path) -> None:
    """One JSON object: an array of rows for each table."""
    count = 0
    with whole_file(path, mode=0o600) as draft, draft.open("wb") as file:  # names, and what coaches noted
        file.write(b'{"schema":"plumbline/athlete/1","athlete":' + msgspec.json.encode(athlete))
        last = ""
        for count, (table, row) in enumerate(everything(db, athlete), 1):  # noqa: B007
            file.write(b"," if table == last else (b"]," if last else b",") + f'"{table}":['.encode())
            file.write(b"\n" + msgspec.json.encode(row))
            last = table
        file.write(b"]}\n" if last else b"}\n")
    print(f"{path}: {count} rows about {athlete}")


def _erase_athlete(db: Database, athlete: str, sure: bool) -> int:
    if not sure:
        if not sys.stdin.isatty():
            raise StoreError(
                f"nothing erased; say --yes to erase everything about {athlete} without being asked"
            )
        print(
            f"Everything about {athlete} will be gone from {db.name}. Type {athlete} to go on: ",
            end="",
            flush=True,
        )
        if sys.stdin.readline().strip() != athlete:
            print("nothing erased")
            return 1
    gone = ", ".join(f"{count} {table}" for table, count in erase(db, athlete).items() if count)
    print(f"{athlete}: erased {gone}")
    return 0
