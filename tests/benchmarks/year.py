"""A year of a chain of gyms: each question of the history screen as the product asks it, and a role's cost.

python -m tests.benchmarks.year [--reps N] [--gyms N] [--plans FILE] [--url URL]

The rows are made in the database and go past the ingest; 3 000 reps a day and gym, some 820 bytes each.
--url is an empty database of a server of your own on this machine, which is kept, or one that an earlier run
has filled; without, a server is made and thrown away.
"""

import argparse
import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from sqlalchemy import event, func, select

from dashboard.chain import tables
from dashboard.chain.kinds import KINDS
from dashboard.chain.readers import OF_A_SITE, set_reader
from dashboard.chain.store import ChainStore
from dashboard.database.database import Database
from dashboard.database.schema import open_history
from dashboard.database.types import REAL
from dashboard.history.kept import Filter, KeptSet
from dashboard.history.queries import efforts, practised, sets, training_days, whole_set, with_curves
from dashboard.history.record_snapshot import read_record
from dashboard.history.standings import Rank, since_utc, standings
from station.exercises import Tempo
from tests.servers import POSTGRES, Postgres

REPS = 200_000  # of `make bench`; a year of 91 gyms is 100 million
REPS_A_DAY = 3_000  # in a gym
FIRST_DAY = date(2025, 11, 1)
DAYS = 365
AT_ONCE = 500_000
BYTES_EACH = 950  # on disk, with indexes and the log
ASKED = 25  # times each, of different athletes
LIMIT_MS = 200.0
SEVERAL = 3  # gyms of a coach
MORE = 1.10  # of a question's cost, for being held to gyms
PAIR_MS = 5.0  # each side of a pair, of the processor: short questions several times
_TEMPO = Tempo(eccentric_s=3.0, bottom_pause_s=0.0, concentric_s=1.0, top_pause_s=1.0)
EXERCISES = ("romanian-deadlift", "back-squat", "bench-press", "cable-row", "hip-hinge")

# `n` is a rep: of which gym, the k-th there, so at which time, in which set.
_NUMBERS = """
    SELECT n, n % {gyms} AS gym, n / {gyms} AS k, n / {gyms} / 8 AS nth_set, n / {gyms} % 8 + 1 AS number
    FROM generate_series({first}::bigint, {last}::bigint) n
"""
_COMMON: dict[str, str] = {
    "site": "'gym-' || gym",
    "station": "'rack-' || nth_set % 20",
    "athlete": "'a-' || gym || '-' || (nth_set * 7919) % 300",
    "exercise": f"(ARRAY[{', '.join(repr(one) for one in EXERCISES)}])[1 + (nth_set / 300) % 5]",
    "at_utc": "timestamptz '{day}' + k * interval '{gap_s} seconds'",
    "session": "'s' || gym || '-' || nth_set % 20 || '-' || k / {a_day}",
    "load_kg": "40 + 2.5 * (nth_set % 33)", "revision": "2", "session_s": "4.0 * (k % {a_day})",
    "epoch": "1", "seq": "k + 1",
}  # fmt: skip
_REP = {
    "event_id": "md5(n::text) || '-s' || nth_set % 150 || '-r' || number", "state": "'confirmed'",
    "set_number": "1 + nth_set / 20 % 19", "number": "number", "counted": "true",
    "start_s": "4.0 * number", "end_s": "4.0 * number + 3.0",
    "month": "to_char((timestamptz '{day}' + k * interval '{gap_s} seconds') AT TIME ZONE 'UTC', 'YYYY-MM')",
}  # fmt: skip
_SET = {
    "event_id": "md5(n::text) || '-set'", "number": "1 + nth_set / 20 % 19", "counted_reps": "8",
    "partial_reps": "0", "start_s": "4.0", "end_s": "40.0",
}  # fmt: skip
_COMMAND = {
    "site": "'gym-' || gym", "station": "'rack-' || nth_set % 20", "event_id": "md5('c' || n)",
    "at_utc": _COMMON["at_utc"], "by": "'ana'", "ok": "true", "answered_utc": _COMMON["at_utc"],
    "name": "CASE WHEN nth_set % 200 = 0 THEN 'sign-off' ELSE 'set-load' END",
    "command": "'{{}}'", "epoch": "1", "seq": "k + 1",
}  # fmt: skip


def _newest(db: Database, athlete: str, exercise: str) -> KeptSet:
    return sets(db, Filter(athlete=athlete, exercise=exercise), 40)[-1]


def _board(db: Database, exercise: str) -> list[Rank]:
    return standings(efforts(db, exercise, _weeks(), _TEMPO), "tempo")


class Question(NamedTuple):
    """What the history screen asks when a key is pressed."""

    name: str
    ask: Callable[[Database, str, str], Any]  # of an athlete and an exercise


QUESTIONS = [
    Question("who has done what", lambda db, _a, _e: practised(db)),
    Question("the sets of a line", lambda db, a, e: sets(db, Filter(athlete=a, exercise=e))),
    Question("one set whole", lambda db, a, e: whole_set(db, _newest(db, a, e).key)),
    Question("a set's curves", lambda db, a, e: with_curves(db, _newest(db, a, e))),
    Question("the days of an athlete", lambda db, a, _e: training_days(db, a)),
    Question("the report of an athlete", lambda db, a, _e: sets(db, Filter(athlete=a))),
    Question("the board of an exercise", lambda db, _a, e: _board(db, e)),
    Question("a station's screen, before", lambda db, a, e: read_record(db, ((a, e),))),
]  # fmt: skip


def run(
    reps: int = REPS, gyms: int | None = None, plans: Path | None = None, url: str | None = None
) -> Iterator[str]:
    """The lines of the table."""
    if POSTGRES is None:
        yield "year: skipped, postgresql is not installed"
        return
    server = Postgres(POSTGRES, durable=False) if url is None else None
    try:
        yield from _measured(url or (server.database() if server else ""), reps, gyms, plans)
    finally:
        if server is not None:
            server.stop()


def _measured(url: str, reps: int, gyms: int | None, plans: Path | None) -> Iterator[str]:
    fits = int(0.9 * shutil.disk_usage("/tmp").free / BYTES_EACH)
    if reps > fits:
        yield f"year: {reps:,} reps asked for, the disk holds {fits:,}"
        reps = fits
    gyms = gyms or max(SEVERAL + 1, round(reps / (REPS_A_DAY * DAYS)))
    began_s = time.perf_counter()
    with psycopg.connect(url) as db:
        filled = db.execute("SELECT to_regclass('chain_practised') IS NOT NULL").fetchone()
    if filled != (True,):
        yield from fill(url, reps, gyms)
    with psycopg.connect(url) as db:
        size = db.execute("SELECT pg_database_size(current_database())").fetchone()
    assert size is not None
    took_s = time.perf_counter() - began_s
    yield f"year: {reps:,} reps of {gyms} gyms, {size[0] / 1e9:.1f} GB, filled in {took_s:.0f} s"
    set_reader(url, "year_coach", ["gym-1"])
    coach = url.replace("plumbline@", "year_coach@")
    a_day = reps / gyms / DAYS
    shown: list[str] = []
    last: dict[str, list[tuple[str, Any]]] = {}
    with open_history(coach) as db:
        lines = practised(db)
        for question in QUESTIONS:
            asked = [lines[(31 * n) % len(lines)] for n in range(ASKED)]
            statements: list[tuple[str, Any]] = []
            last[question.name] = statements
            took = [_timed(db, question, one.athlete or "", one.exercise, statements) for one in asked]
            wall, cpu = (sorted(part)[int(0.95 * ASKED)] for part in zip(*took, strict=True))
            yield (
                f"       {question.name:<27} p95 {wall:6.1f} ms, of the processor {cpu:6.1f}"
                f"{'' if wall < LIMIT_MS else '   OVER'}"
            )
            shown += [f"== {question.name}", *_plans(db, statements)]
    yield f"       as a coach of one gym, {a_day:,.0f} reps a day there, {ASKED} times each"
    yield from _cost_of_rights(url, coach, last)
    if plans is not None:
        plans.write_text("\n".join(shown) + "\n", encoding="utf-8")
        yield f"       plans in {plans}"


def fill(url: str, reps: int, gyms: int) -> Iterator[str]:
    """Make the chain's tables and fill them, without indexes first; a month's reps lie together."""
    store = ChainStore(url)
    store.open()
    store.close()
    given = {
        "gyms": gyms, "day": f"{FIRST_DAY}T00:00Z", "a_day": max(1, reps // gyms // DAYS),
        "gap_s": DAYS * 86_400 / (reps / gyms),
    }  # fmt: skip
    with psycopg.connect(url, autocommit=True) as db:
        # As docs/chain.md has it for a database on solid-state disks; an athlete's reps lie far apart.
        name = db.info.dbname
        for setting in ("random_page_cost = 1.1", "effective_io_concurrency = 100"):
            db.execute(f"ALTER DATABASE {name} SET {setting}".encode())
        db.execute("SET synchronous_commit = off; SET maintenance_work_mem = '1GB'; SET timezone = 'UTC'")
        months = {f"{FIRST_DAY + timedelta(days=n):%Y-%m}" for n in range(DAYS + 1)}
        tables.month_parts(db, months, FIRST_DAY + timedelta(days=DAYS))
        query = "SELECT indexdef, indexname FROM pg_indexes WHERE tablename = 'reps'"
        held = db.execute(f"{query} AND indexname NOT LIKE '%pkey'".encode()).fetchall()
        for _, name in held:
            db.execute(f"DROP INDEX {name}".encode())
        db.execute("ALTER TABLE reps DROP CONSTRAINT reps_pkey")
        began_s = time.perf_counter()
        for first in range(0, reps, AT_ONCE):
            part = given | {"first": first, "last": min(first + AT_ONCE, reps) - 1}
            _insert(db, "reps", _COMMON | _REP, part, "")
            _insert(db, "sets", _COMMON | _SET, part, "WHERE number = 8")
            _insert(db, "commands", _COMMAND, part, "WHERE number = 8 AND nth_set % 2 = 0")
            done = min(first + AT_ONCE, reps)
            if done == reps or done % (20 * AT_ONCE) == 0:
                yield f"year: {done:,} reps after {time.perf_counter() - began_s:.0f} s"
        db.execute(f"ALTER TABLE reps ADD PRIMARY KEY ({', '.join(tables.key_of('reps'))})".encode())
        for definition, _ in held:
            # As PostgreSQL tells it the definition is of the parent alone.
            db.execute(definition.replace(" ON ONLY ", " ON ").encode())
        db.execute(tables.listing("reps").encode())
        db.execute("VACUUM (ANALYZE)")


def _insert(
    db: psycopg.Connection, kind: str, made: dict[str, str], given: dict[str, Any], where: str
) -> None:
    there = tables.table_of(kind).c.keys()
    values = {name: "random()" for name in there if _measures(kind, name)}
    values |= {name: value for name, value in made.items() if name in there}
    names = ", ".join(f'"{name}"' for name in values)
    query = f"INSERT INTO {kind} ({names}) SELECT {', '.join(values.values())} FROM ({_NUMBERS}) one {where}"
    db.execute(query.format(**given).encode())


def _measures(kind: str, name: str) -> bool:
    column = KINDS[kind].c.get(name)
    return column is not None and column.type is REAL and not name.endswith("sigma")


def _timed(
    db: Database, question: Question, athlete: str, exercise: str, statements: list[tuple[str, Any]]
) -> tuple[float, float]:
    """How long it took until its records were there, and the processor's time of both sides of it, ms."""

    def asked(_c: Any, _cursor: Any, statement: str, parameters: Any, _x: Any, _many: bool) -> None:
        statements.append((statement, parameters))

    server = db.rows(select(func.pg_backend_pid().label("pid")))[0]["pid"]
    engine = db._reading.engine
    event.listen(engine, "before_cursor_execute", asked)
    statements.clear()
    try:
        theirs_ms, own_s, start_s = _cpu_ms(server), time.thread_time(), time.perf_counter()
        question.ask(db, athlete, exercise)
        wall_s, own_s = time.perf_counter() - start_s, time.thread_time() - own_s
        return 1e3 * wall_s, 1e3 * own_s + _cpu_ms(server) - theirs_ms
    finally:
        event.remove(engine, "before_cursor_execute", asked)


def _cpu_ms(pid: int) -> float:
    """What a process of this machine has had of the processor; it does not count what others were given."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e6


def _plans(db: Database, statements: list[tuple[str, Any]]) -> Iterator[str]:
    """The plan of each statement, as it was carried out for the last that asked."""
    with db.connection() as connection:
        for statement, parameters in statements:
            explain = f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) {statement}"
            yield " ".join(statement.split())[:200]
            yield from (f"    {line}" for (line,) in connection.exec_driver_sql(explain, parameters))


def _cost_of_rights(url: str, coach: str, asked: Mapping[str, list[tuple[str, Any]]]) -> Iterator[str]:
    """The same statements by a role that the database holds to its gyms, and by one that has them written in.

    The other reads views of the rows of these gyms; PostgreSQL makes a condition out of each.
    """
    for sites in (["gym-1"], [f"gym-{number}" for number in range(SEVERAL)]):
        set_reader(url, "year_coach", sites)
        named = ", ".join(f"'{site}'" for site in sites)
        with open_history(coach) as held, open_history(url) as free, psycopg.connect(url) as db:
            db.execute("DROP SCHEMA IF EXISTS year_free CASCADE; CREATE SCHEMA year_free")
            for table in OF_A_SITE:
                written = f"SELECT * FROM public.{table} WHERE site IN ({named})"
                db.execute(f"CREATE VIEW year_free.{table} AS {written}".encode())
            db.commit()
            with free.connection() as connection:
                connection.exec_driver_sql("SET search_path = year_free, public")
            for name, statements in asked.items():
                # Their pages; and after five times psycopg names a statement to the server.
                took_ms = [_execution_ms(one, statements, 6) for one in (held, free)]
                times = max(1, round(PAIR_MS / min(took_ms)))
                pairs = [
                    (_execution_ms(held, statements, times), _execution_ms(free, statements, times))
                    for _ in range(ASKED)
                ]
                with_role, without = (statistics.median(side) for side in zip(*pairs, strict=True))
                more = statistics.median(one / other for one, other in pairs)
                yield (
                    f"       held to {len(sites)}: {name:<27} {with_role:7.2f} ms of the processor for"
                    f" {without:7.2f}, {100 * (more - 1):+.0f} % (the middle of {ASKED} pairs)"
                    f"{'   OVER' if more > MORE else ''}"
                )


def _execution_ms(db: Database, statements: list[tuple[str, Any]], times: int) -> float:
    """The server's processor time for them, each time."""
    with db.connection() as connection:
        server = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        began_ms = _cpu_ms(server)
        for _ in range(times):
            for statement, parameters in statements:
                connection.exec_driver_sql(statement, parameters).all()
        return (_cpu_ms(server) - began_ms) / times


def _weeks() -> str:
    last = datetime.combine(FIRST_DAY + timedelta(days=DAYS), datetime.min.time(), UTC)
    return since_utc(f"{last:%Y-%m-%dT%H:%M:%S.000Z}")


def main() -> None:
    """As the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.year", description=__doc__)
    parser.add_argument("--reps", type=int, default=REPS)
    parser.add_argument("--gyms", type=int, help="default: 3 000 reps a day in each, two at least")
    parser.add_argument("--plans", type=Path, metavar="FILE", help="where the plans go")
    parser.add_argument("--url", help="an empty database of a server that is there")
    args = parser.parse_args()
    with suppress(KeyboardInterrupt):
        for line in run(args.reps, args.gyms, args.plans, args.url):
            print(line, flush=True)


if __name__ == "__main__":
    main()
