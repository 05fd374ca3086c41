"""`make chain`: three gyms, three servers, two workers and a database, while each of them is killed in turn.

python -m tests.faults.chain [--seeds N] [--first N] [--cut S] [--quick] [--power]

Every gym's record commits reps of twenty stations with revisions, sets, sign-offs, corrections and undos.
Meanwhile, in an order by the seed: SIGKILL to each NATS server, a relay, a worker, PostgreSQL; one gym is cut
off; with --power all three servers lose their power, and their stores are set back to what they were before.
In the end the chain is to hold what the gyms' histories hold: every row, once, with the same values.
"""

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from sqlalchemy import select, text

from dashboard.database.database import Database
from dashboard.database.schema import open_history
from dashboard.database.tables import METADATA
from dashboard.record.store import Arrived, Store, open_store
from station.errors import StoreError
from station.messages import CommandMessage, ReplyCode, ReplyMessage, RepMessage, SetMessage
from station.records import Rep, SetSummary
from tests.faults.gym import ROOT, Verdict
from tests.faults.proxy import Proxy
from tests.servers import NATS, POSTGRES, NatsServers, Postgres

STATIONS = 20
TABLES = ("reps", "sets", "commands", "corrections")
SITES = ["gym-a", "gym-b", "gym-c"]
SETTLE_S = 300.0
ROUND_S = 0.6  # from the beginning of one to that of the next, at least
AROUND_S = 60.0  # that gyms are at work before and after the cut, at least
_REP: dict[str, Any] = dict.fromkeys(Rep.__struct_fields__)
_SET: dict[str, Any] = dict.fromkeys(SetSummary.__struct_fields__)
NOW = "2026-11-30T23:59:{:02d}.000Z"


class Recorder(threading.Thread):
    """A gym's record: commits what its stations say, and what coaches put right."""

    def __init__(self, site: str, where: Path, rng: random.Random, rounds: int) -> None:
        super().__init__(daemon=True)
        self.site, self.where, self.committed = site, where, 0
        self.failure: BaseException | None = None
        self._rng, self._rounds = rng, rounds

    def run(self) -> None:
        try:
            with open_store(self.where) as store:
                for number in range(1, self._rounds + 1):
                    next_s = time.monotonic() + ROUND_S
                    self._round(store, number)
                    time.sleep(max(0.0, next_s - time.monotonic()))
        except BaseException as error:  # noqa: BLE001 - shown by whoever joins
            self.failure = error

    def _round(self, store: Store, number: int) -> None:
        """A rep at each station, pending and then confirmed; now and then a set, a sign-off, a correction."""
        reps = [
            Arrived(self.site, f"rack-{station}", self._rep(station, number, revision))
            for station in range(STATIONS)
            for revision in (1, 2)
        ]
        self._commit(lambda: store.ingest(reps), len(reps))
        station = f"rack-{self._rng.randrange(STATIONS)}"
        if number % 5 == 0:
            head = {"event_id": f"{self.site}-{number}-set", "at_utc": NOW.format(number % 60), "stream": "t"}
            summary = SetSummary(**_SET | {"number": number, "counted_reps": 5, "partial_reps": 0,
                                           "start_s": 1.0, "end_s": 9.0})  # fmt: skip
            a_set = SetMessage(**head, seq=number, session="one", session_s=9.0, revision=1, exercise="rdl",
                               athlete="a-1", summary=summary)  # fmt: skip
            sign_off = self._command(f"sign-{number}", "sign-off", athlete="a-1", exercise="rdl")
            done = ReplyMessage.to(sign_off, ReplyCode.DONE, "signed off")
            some = [Arrived(self.site, station, one) for one in (a_set, sign_off, done)]
            self._commit(lambda: store.ingest(some), len(some))
        if number % 3 == 0:
            rep = f"{station}-r{self._rng.randint(1, number)}"
            mark = self._command(f"mark-{number}", "mark-rep", rep_event_id=rep, mark="false")
            self._commit(lambda: store.correct(self.site, station, mark), 1)
        if number % 7 == 0:
            undo = self._command(f"undo-{number}", "undo")
            self._commit(lambda: store.correct(self.site, station, undo), 1)

    def _commit(self, work: Callable[[], object], events: int) -> None:
        while True:
            try:
                work()
                break
            except StoreError:  # the relay strikes something off its list
                time.sleep(0.05)
        self.committed += events

    def _rep(self, station: int, number: int, revision: int) -> RepMessage:
        values = {"number": number, "counted": True, "start_s": 4.0 * number, "end_s": 4.0 * number + 3.0}
        values |= {"rom_m": self._rng.random(), "mean_concentric_velocity_mps": self._rng.random()}
        return RepMessage(
            event_id=f"rack-{station}-r{number}", at_utc=NOW.format(number % 60), stream="s",
            seq=2 * number + revision - 2, session="one", session_s=1.0, revision=revision, exercise="rdl",
            state="confirmed" if revision == 2 else "pending", set_number=1 + number // 5, athlete="a-1",
            rep=Rep(**_REP | values),
        )  # fmt: skip

    def _command(self, event_id: str, name: str, **given: Any) -> CommandMessage:
        said = {"event_id": f"{self.site}-{event_id}", "at_utc": NOW.format(1), "name": name, "by": "ana"}
        return msgspec.convert(said | given, CommandMessage)


class Fleet:
    """Relays, workers, servers, a database; each can be killed and is started again."""

    def __init__(
        self, folder: Path, servers: NatsServers, postgres: Postgres, url: str, cut: list[str]
    ) -> None:
        self.folder, self.servers, self.postgres, self.url = folder, servers, postgres, url
        self._cut = cut  # the addresses by which the first gym reaches the servers
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.kills = 0

    def start(self, name: str) -> None:
        """Start a relay (its site), a worker, a server (nats-0) or the database."""
        if name.startswith("nats"):
            self.servers.start(int(name[-1]))
            return
        if name == "postgres":
            self.postgres.start()
            return
        if name in SITES:
            where = ("--db", str(self.folder / f"{name}.db"))
            addresses = self._cut if name == SITES[0] else None
            command = ["relay", "--site", name, *where, *self.servers.options(name, addresses)]
        else:
            command = ["ingest", "--db", self.url, *self.servers.options("ingest")]
        with (self.folder / "log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", "station.cli", *command], cwd=ROOT, stdout=log, stderr=log
            )

    def kill(self, name: str) -> None:
        """SIGKILL."""
        self.kills += 1
        if name.startswith("nats"):
            self.servers.kill(int(name[-1]))
        elif name == "postgres":
            self.postgres.kill()
        else:
            self._running[name].kill()
            self._running[name].wait()

    def end(self) -> None:
        """SIGKILL to all."""
        for child in self._running.values():
            child.kill()
            child.wait()

    def power_cut(self, between: Callable[[], None]) -> None:
        """All servers off at once, and what they wrote since a moment before is not on their disks."""
        stores = [self.servers.folder.server(number) / "store" for number in range(3)]
        self.servers.signal(signal.SIGSTOP)
        for store in stores:
            shutil.copytree(store, store.with_name("synced"))
        self.servers.signal(signal.SIGCONT)
        between()
        for number in range(3):
            self.servers.kill(number)
        for number, store in enumerate(stores):
            shutil.rmtree(store)
            store.with_name("synced").rename(store)
            self.servers.start(number)
        self.kills += 3


def chain(seed: int, rounds: int, cut_s: float, power: bool) -> Verdict:
    """One run."""
    rng = random.Random(seed)
    folder = Path(tempfile.mkdtemp(prefix="plumbline-chain-"))
    assert POSTGRES is not None
    postgres = Postgres(POSTGRES, durable=True)
    try:
        with NatsServers(SITES) as servers, proxies(servers) as cut:
            fleet = Fleet(
                folder, servers, postgres, postgres.database(), [f"127.0.0.1:{p.port}" for p in cut]
            )
            try:
                return _run(fleet, cut, rng, seed, rounds, cut_s, power)
            finally:
                fleet.end()
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _run(
    fleet: Fleet, cut: list[Proxy], rng: random.Random, seed: int, rounds: int, cut_s: float, power: bool
) -> Verdict:
    gyms = [
        Recorder(site, fleet.folder / f"{site}.db", random.Random(rng.random()), rounds) for site in SITES
    ]
    for gym in gyms:
        open_store(gym.where).close()
    for name in (*SITES, "worker-1", "worker-2"):
        fleet.start(name)
    for gym in gyms:
        gym.start()
    victims = ["nats-0", "nats-1", "nats-2", rng.choice(SITES), "worker-1", "postgres", "cut"]
    rng.shuffle(victims)
    for victim in victims:
        pause_s = rng.uniform(0.5, 3.0)
        time.sleep(pause_s)
        if victim == "cut":
            how = rng.choice(["hole", "refuse", "no-answers"])
            for one in cut:
                one.set(how)  # type: ignore[arg-type]
            time.sleep(cut_s)
            for one in cut:
                one.set("pass")
        else:
            fleet.kill(victim)
            time.sleep(pause_s)
            fleet.start(victim)
    if power:
        fleet.power_cut(lambda: time.sleep(rng.uniform(1.0, 4.0)))
    for gym in gyms:
        gym.join()
        if gym.failure is not None:
            raise gym.failure
    return judged(fleet, gyms, seed)


def judged(fleet: Fleet, gyms: list[Recorder], seed: int) -> Verdict:
    """Compare the gyms' histories with the chain, once nothing waits any more."""
    deadline_s, began_s = time.monotonic() + SETTLE_S, time.monotonic()
    while time.monotonic() < deadline_s and sum(map(waiting, gyms)):
        time.sleep(0.5)
    took_s = time.monotonic() - began_s
    lost = doubled = altered = invented = rows = 0
    with open_history(fleet.url) as kept:
        for gym in gyms:
            with open_history(str(gym.where)) as own:
                for table in TABLES:
                    there, here = of_site(kept, table, gym.site), of_site(own, table, gym.site)
                    known = dict(there)
                    rows += len(here)
                    lost += sum(key not in known for key, _ in here)
                    altered += sum(key in known and known[key] != row for key, row in here)
                    doubled += len(there) - len(known)
                    invented += len(known.keys() - dict(here).keys())
    with psycopg.connect(fleet.url) as db:
        quarantined = db.execute("SELECT count(*) FROM quarantine").fetchone()
    committed = sum(gym.committed for gym in gyms)
    left = sum(map(waiting, gyms))
    numbers = (
        f"seed {seed}: {committed} events committed in {len(gyms)} gyms, {rows} rows; {fleet.kills} kills;"
        f" {lost} lost, {doubled} doubled, {altered} altered, {invented} invented, {left} waiting,"
        f" {quarantined[0] if quarantined else 0} quarantined; settled {took_s:.0f} s after the last"
    )
    sound = not (lost or doubled or altered or invented or left or (quarantined and quarantined[0]))
    return Verdict("a chain of gyms", numbers, sound)


def waiting(gym: Recorder) -> int:
    """How many changes of a gym the chain has not acknowledged."""
    with open_history(str(gym.where)) as db:
        return int(db.rows(text("SELECT count(*) AS n FROM relay_changes"))[0]["n"])


def of_site(db: Database, name: str, site: str) -> list[tuple[tuple[str, str], dict[str, Any]]]:
    """The rows of a table and a site by station and event id."""
    table = METADATA.tables[name]
    found = db.rows(select(table).where(table.c.site == site))
    return [((row["station"], row["event_id"]), row) for row in found]


@contextmanager
def proxies(servers: NatsServers) -> Iterator[list[Proxy]]:
    """A wire to each server."""
    wires = [Proxy(one.port) for one in servers.servers]
    for one in wires:
        one.__enter__()
    try:
        yield wires
    finally:
        for one in wires:
            one.__exit__(None, None, None)


def main() -> int:
    """Run the seeds asked for; 1 when one did not pass."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.chain", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=1, help="seed to begin with")
    parser.add_argument("--quick", action="store_true", help="about a minute, the cut 5 s long")
    parser.add_argument("--cut", type=float, metavar="S", help="how long (default 120, or 5), gyms at work")
    parser.add_argument("--power", action="store_true", help="with a power cut of all three servers")
    args = parser.parse_args()
    missing = [name for name, there in (("nats-server", NATS), ("postgresql", POSTGRES)) if not there]
    if missing:
        print(f"skipped: {', '.join(missing)} not installed")
        return 0
    failed = 0
    cut_s = args.cut if args.cut is not None else 5.0 if args.quick else 120.0
    rounds = 40 if args.quick and args.cut is None else round((cut_s + AROUND_S) / ROUND_S)
    for seed in range(args.first, args.first + args.seeds):
        began_s = time.monotonic()
        try:
            verdict = chain(seed, rounds, cut_s, args.power)
        except Exception as error:  # noqa: BLE001  the other seeds are to be run
            traceback.print_exc()
            verdict = Verdict("a chain of gyms", f"seed {seed}: {type(error).__name__}: {error}", False)
        failed += not verdict.passed
        took_s = time.monotonic() - began_s
        print(f"{'ok  ' if verdict.passed else 'FAIL'} {verdict.numbers}; {took_s:.0f} s", flush=True)
    power = ", all three servers without power once each" if args.power else ""
    print(f"{args.seeds - failed} of {args.seeds} seeds sound, one gym cut off for {cut_s:.0f} s{power}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
