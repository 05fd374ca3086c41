"""A gym's history in the chain: every row as it is, corrections and erasures, and the way back."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from dashboard.chain.cli import exposition
from dashboard.chain.ingest import IngestFigures
from dashboard.chain.relay import RelayFigures
from dashboard.database.schema import open_history
from dashboard.record.store import open_store
from dashboard.roster.athletes import erase
from station.messages import CommandMessage, ReplyCode, ReplyMessage
from tests.dashboard.chain.conftest import ROOT, GymHistory, Processes, chain_rows, rows_of
from tests.servers import NatsServers

NOW = "2030-01-01T00:00:00.000Z"
TABLES = ("reps", "sets", "commands", "corrections")


def same(gym: GymHistory, url: str) -> bool:
    """Whether the chain holds what the gym's history holds."""
    if not chain_rows(url, "SELECT 1 FROM pg_tables WHERE tablename = 'chain_streams'"):
        return False
    with open_history(url) as db:
        return all(rows_of(db, table, gym.site) == gym.rows(table) for table in TABLES)


@pytest.fixture
def running(
    gym_a: GymHistory, nats_servers: NatsServers, chain_url: str, processes: Processes, emptied: None
) -> GymHistory:
    """A gym whose relay and a worker of the ingest run."""
    processes.run("relay", "--site", "gym-a", "--db", gym_a.where, *nats_servers.options("gym-a"))
    processes.run("ingest", "--db", chain_url, *nats_servers.options("ingest"))
    return gym_a


def test_reps_sets_sign_offs_and_corrections_arrive_as_they_are_and_leave_the_list(
    running: GymHistory, chain_url: str, make_rep: Any, make_set: Any, until: Callable[..., None]
) -> None:
    gym = running
    reps = [make_rep(n, stream="s", seq=n, rom_m=0.4 + n / 7, athlete="a-17") for n in range(1, 301)]
    gym.take(*reps)
    gym.take(make_set(1, stream="s", seq=301, athlete="a-17"))
    sign_off = CommandMessage(
        event_id="c1", at_utc=NOW, name="sign-off", by="ana", athlete="a-17", exercise="romanian-deadlift"
    )
    gym.take(sign_off, ReplyMessage.to(sign_off, ReplyCode.DONE, "signed off"))
    until(lambda: same(gym, chain_url), 60.0)
    gym.take(
        make_rep(
            1, stream="s", seq=302, revision=2, rom_m=0.9, athlete="a-17", at_utc="2030-02-01T00:00:00.000Z"
        )
    )
    mark = CommandMessage(
        event_id="k1", at_utc=NOW, name="mark-rep", by="ana", rep_event_id="session-s1-r2", mark="false"
    )
    assert gym.store.correct("gym-a", "rack-1", mark).ok
    until(lambda: same(gym, chain_url), 30.0)
    assert chain_rows(chain_url, "SELECT state FROM reps WHERE event_id = 'session-s1-r2'") == [("rejected",)]
    undo = CommandMessage(event_id="k2", at_utc=NOW, name="undo", by="ana")
    assert gym.store.correct("gym-a", "rack-1", undo).ok
    until(lambda: same(gym, chain_url), 30.0)
    assert len(gym.rows("reps")) == 300
    until(lambda: not listed(gym), 10.0)


def test_an_erased_athlete_is_nowhere_in_the_chain(
    running: GymHistory, chain_url: str, make_rep: Any, until: Callable[..., None]
) -> None:
    gym = running
    gym.take(*(make_rep(n, stream="s", seq=n, athlete=f"a-{n % 2}") for n in range(1, 21)))
    until(lambda: same(gym, chain_url), 60.0)
    try:
        erase(gym.store.db, "a-1")
    except Exception as error:  # noqa: BLE001  VACUUM beside the relay's own look at the file
        assert "traces" in str(error)
    until(lambda: same(gym, chain_url), 30.0)
    assert chain_rows(chain_url, "SELECT count(*), min(athlete), max(athlete) FROM reps") == [
        (10, "a-0", "a-0")
    ]
    assert chain_rows(chain_url, "SELECT site FROM erased") == [("gym-a",)]


def listed(gym: GymHistory) -> list[Any]:
    """What still waits for the chain."""
    return gym.store.db.rows(text("SELECT * FROM relay_changes"))


def test_a_relay_that_starts_while_the_history_is_written_to_waits_for_it(
    gym_a: GymHistory,
    nats_servers: NatsServers,
    chain_url: str,
    processes: Processes,
    emptied: None,
    make_rep: Any,
    until: Callable[..., None],
) -> None:
    gym_a.take(make_rep(1, stream="s", seq=1))
    with gym_a.store.db.transaction():
        gym_a.store.db.run(text("UPDATE reps SET number = 2"))
        relay = processes.run("relay", "--site", "gym-a", "--db", gym_a.where, *nats_servers.options("gym-a"))
        until(lambda: "in use by another process" in processes.log.read_text(), 30.0)
    assert relay.poll() is None
    processes.run("ingest", "--db", chain_url, *nats_servers.options("ingest"))
    until(lambda: same(gym_a, chain_url), 60.0)


@pytest.mark.parametrize("command", ["relay", "ingest"])
@pytest.mark.parametrize("way", ["no server", "another chain's authority"])
def test_whoever_reaches_no_server_says_why_and_ends_when_told(
    nats_servers: NatsServers,
    chain_url: str,
    processes: Processes,
    until: Callable[..., None],
    tmp_path: Path,
    command: str,
    way: str,
) -> None:
    where = str(tmp_path / "h.db")
    open_store(where).close()
    given = {"relay": ["--site", "gym-a", "--db", where], "ingest": ["--db", chain_url]}[command]
    options = nats_servers.options({"relay": "gym-a"}.get(command, command))
    if way == "no server":
        options[1:4] = ["127.0.0.1:1"]
    else:
        options[options.index("--ca-file") + 1] = str(nats_servers.folder.private / "routes-ca.pem")
    child = processes.run(command, *given, *options)
    said = "connect call failed" if way == "no server" else "certificate"
    until(lambda: re.search(rf"^{command}: .*{said}", processes.log.read_text().lower(), re.M), 30.0)
    child.terminate()
    until(lambda: child.poll() is not None, 10.0)
    assert child.returncode == 0


def test_a_relay_of_a_site_that_the_history_has_nothing_of_asks_whether_it_is_right(
    gym_a: GymHistory,
    nats_servers: NatsServers,
    processes: Processes,
    make_rep: Any,
    until: Callable[..., None],
) -> None:
    options = nats_servers.options("gym-b")
    gym_a.take(make_rep(1, stream="s", seq=1))
    processes.run("relay", "--site", "gym-b", "--db", gym_a.where, *options)
    until(lambda: "holds reps of gym-a and none of gym-b" in processes.log.read_text(), 30.0)


def test_the_dashboard_file_for_grafana_asks_for_what_is_said() -> None:
    said = {
        line.partition("{")[0].partition(" ")[0]
        for worker, figures in (("relay", RelayFigures()), ("ingest", IngestFigures(rows={"gym-a": 1})))
        for line in exposition(worker, figures).splitlines()
    }
    asked = set(re.findall(r"plumbline_\w+", (ROOT / "docs/chain-grafana.json").read_text()))
    named = set(re.findall(r"`(plumbline_\w+)`", (ROOT / "docs/chain.md").read_text()))
    assert asked and named and asked | named <= said
