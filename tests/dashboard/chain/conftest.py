"""Three real servers, a database of the chain, gyms with histories, relays and workers as processes."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from nats.js.errors import NotFoundError
from sqlalchemy import select

from dashboard.chain.batch import STREAM
from dashboard.chain.connection import NatsConnection, Servers, url_of
from dashboard.database.tables import METADATA
from dashboard.record.store import Arrived, Store, open_store
from tests.servers import NATS, NatsServers

SITES = ["gym-a", "gym-b"]
COACHES = {"ana": ["gym-a"], "bo": SITES}
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def nats_servers() -> Iterator[NatsServers]:
    """The three servers of a chain of two gyms."""
    if NATS is None:
        pytest.skip("nats-server is not installed")
    with NatsServers(SITES, COACHES) as servers:
        yield servers


class Processes:
    """Commands that run beside the test, and end with it."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "processes.log"
        self._running: list[subprocess.Popen[bytes]] = []

    def run(self, *command: str) -> subprocess.Popen[bytes]:
        """Start `plumbline COMMAND`."""
        with self.log.open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-P", "-m", "station.cli", *command], cwd=ROOT, stdout=log, stderr=log
            )
        self._running.append(child)
        return child

    def end(self) -> None:
        """SIGKILL to all."""
        for child in self._running:
            child.kill()
            child.wait()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Commands beside the test."""
    found = Processes(tmp_path)
    yield found
    found.end()
    if os.environ.get("PLUMBLINE_LOGS"):
        print(found.log.read_text())


class GymHistory:
    """A gym's history, and hands to write into it."""

    def __init__(self, site: str, where: str) -> None:
        self.site = site
        self.where = where
        self.store: Store = open_store(where)

    def take(self, *messages: Any, station: str = "rack-1") -> None:
        """Record messages of a station."""
        self.store.ingest([Arrived(self.site, station, message) for message in messages])

    def rows(self, table: str) -> dict[str, dict[str, Any]]:
        """What the history holds, by event id."""
        return rows_of(self.store.db, table, self.site)


def rows_of(db: Any, table: str, site: str) -> dict[str, dict[str, Any]]:
    """The rows of a table and a site, by event id, as a reader of the history gets them."""
    found = METADATA.tables[table]
    return {row["event_id"]: row for row in db.rows(select(found).where(found.c.site == site))}


@pytest.fixture
def gym_a(where: str) -> Iterator[GymHistory]:
    """The history of gym-a, once in SQLite, once in PostgreSQL."""
    gym = GymHistory("gym-a", where)
    yield gym
    gym.store.close()


@pytest.fixture
def chain_url(postgres: Any) -> str:
    """An empty database for the chain."""
    url: str = postgres.database()
    return url


@pytest.fixture
def emptied(nats_servers: NatsServers, chain_url: str) -> Iterator[None]:
    """Nothing of another test on the servers."""
    yield

    async def empty() -> None:
        who = str(nats_servers.folder.credential("ingest"))
        servers = Servers([url_of(one) for one in nats_servers.addresses], str(nats_servers.ca), who)
        nc = await NatsConnection(servers, "emptied").connect()
        with suppress(NotFoundError):
            await nc.jetstream(timeout=10.0).purge_stream(STREAM)
        await nc.close()

    asyncio.run(empty())


def chain_rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """An answer of the chain's database; nothing while its tables are not there."""
    with psycopg.connect(url) as db:
        try:
            return db.execute(query.encode()).fetchall()
        except psycopg.errors.UndefinedTable:
            return []
