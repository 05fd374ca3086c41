"""`plumbline record`: be the record of a gym, or say what a history lacks."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from dashboard.options import add_broker_options, broker_of
from dashboard.record.check import check_history
from dashboard.record.check import in_words as lack_in_words
from dashboard.record.record import Record
from dashboard.record.store import open_store
from dashboard.roster.badges import Badges
from station.exercises import all_profiles
from station.program.process import stop_on_signals
from station.program.usage import command_parser

EXAMPLES = """\
examples:
  plumbline record --db history.db                                       the broker on this machine
  plumbline record --db postgresql://record@db.gym/plumbline             password: ~/.pgpass or PGPASSWORD
  plumbline record --db history.db --check                               what it lacks, by station
  plumbline record --db history.db --host gym.local --ca-file ca.pem --username record --password-file r.pw
"""


def record_command(argv: Sequence[str]) -> int:
    """`plumbline record`: run the record until SIGTERM or Ctrl-C."""
    parser = command_parser(
        "record", "Write every rep and set into the history. One process per broker does this.", EXAMPLES
    )
    parser.add_argument(
        "--db", required=True, metavar="PATH|URL", help="the history: a file or postgresql://user@host/name"
    )
    add_broker_options(parser)
    parser.add_argument("--exercises", type=Path, metavar="DIR", help="the gym's own exercises, for plans")
    parser.add_argument(
        "--check", action="store_true", help="say what the history lacks, and end; 1 where it lacks something"
    )
    parser.add_argument("--json", action="store_true", help="with --check: one JSON list instead of lines")
    args = parser.parse_args(argv)
    if args.check:
        return _check(args.db, args.json)
    mqtt = broker_of(args)
    stop = stop_on_signals()
    profiles = all_profiles(args.exercises)
    with (
        open_store(args.db) as store,
        Record(mqtt, store, args.site, badges=Badges(store.db, profiles)) as record,
    ):
        print(f"recording into {store.db.name} from {mqtt.host}:{mqtt.port}", flush=True)
        said: str | None = None
        while record.alive and not stop.wait(0.2):
            text = record.refused or record.connection_text
            if text != said:
                said = text
                print(f"broker: {text}", flush=True)
        sound = record.failure is None
    return 0 if sound else 1


def _check(where: str, as_json: bool) -> int:
    found = check_history(where)
    if as_json:
        print(msgspec.json.encode(found).decode())
    else:
        print("\n".join(map(lack_in_words, found)) or "nothing is missing that a station has said")
    return 1 if found else 0
