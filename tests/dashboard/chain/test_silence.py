"""Servers and a database that accept and then say nothing: nobody waits for them for ever."""

import asyncio
import math
import os
import re
import signal
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from typing import Any
from urllib.request import urlopen

import pytest
from nats.aio.client import Client as Nats

from dashboard.chain import connection, ingest
from dashboard.chain.connection import NatsConnection, Servers
from dashboard.chain.folder import ChainFolder
from dashboard.chain.ingest import Ingest
from dashboard.chain.relay import UNANSWERED
from dashboard.chain.servers import Chain, Server
from dashboard.chain.store import ChainStore, CommitResult
from dashboard.record.store import open_store
from station.cli import main
from station.errors import BrokerError, StoreError
from tests.dashboard.chain.conftest import GymHistory, Processes, chain_rows
from tests.dashboard.chain.test_batches import batch_of, row
from tests.dashboard.chain.test_chain import same
from tests.ports import free_port, free_ports
from tests.servers import NATS, NatsServers, Postgres

INFO = b'INFO {"server_id":"x","version":"2.9.10","max_payload":1048576,"tls_required":true,"proto":1}\r\n'
STAGES = ["says nothing", "leaves the handshake", "answers half a handshake", "resets in the handshake",
          "closes in the handshake", "resets after it", "leaves CONNECT", "leaves every ping but one",
          "is another kind"]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ChainFolder:
    """Certificates of a chain."""
    found = ChainFolder(tmp_path_factory.mktemp("silence") / "chain")
    found.change(Chain([Server("127.0.0.1", 4222 + n, 6222 + n) for n in range(3)], ["gym-a"]))
    return found


class StallsAt:
    """A server whose connections get so far each, one after the other; beyond the last it is as it should."""

    def __init__(self, folder: ChainFolder, *stages: str) -> None:
        self.connections: list[asyncio.StreamWriter] = []
        self._stages = stages
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(folder.server(0) / "server.pem", folder.server(0) / "server.key")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(self.connections)
        self.connections.append(writer)
        stage = self._stages[number] if number < len(self._stages) else ""
        try:
            await self._as_far_as(stage, reader, writer)
        except (OSError, ssl.SSLError):
            writer.transport.abort()

    async def _as_far_as(
        self, stage: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        for_ever = asyncio.Event()
        if stage == "says nothing":
            await for_ever.wait()
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n" if stage == "is another kind" else INFO)
        await writer.drain()
        if stage == "leaves the handshake":
            await for_ever.wait()
        if stage in {"answers half a handshake", "resets in the handshake", "closes in the handshake"}:
            await reader.read(16)
            if stage == "answers half a handshake":
                writer.write(b"\x16\x03\x03\x00\x50\x02")  # a ServerHello's head
                await for_ever.wait()
            if stage == "resets in the handshake":
                _reset(writer)
            writer.close()
            return
        await writer.start_tls(self._tls)
        if stage == "resets after it":
            _reset(writer)
        if stage == "leaves CONNECT":
            await for_ever.wait()
        while line := await reader.readline():
            if line.startswith(b"PING"):
                writer.write(b"PONG\r\n")
                await writer.drain()
                if stage == "leaves every ping but one":
                    await for_ever.wait()


def _reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def comes_round(folder: ChainFolder, before: list[str], stage: str) -> None:
    """Work over a link to a server that stalls at `stage`, until it has been reached again."""
    server = StallsAt(folder, *before, stage)
    reached: list[int] = []
    told = []

    async def work(nc: Nats) -> None:
        reached.append(len(server.connections))
        if len(reached) == 1 and before:
            server.connections[-1].transport.abort()
        elif len(server.connections) > len(before) + 1:
            told.append("stop")
        await asyncio.Event().wait()  # whatever waits for a connection ends with it

    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    url = f"tls://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    link = NatsConnection(
        Servers([url], str(folder.folder / "ca.pem"), str(folder.credential("gym-a"))), "test"
    )
    try:
        await asyncio.wait_for(link.serve(work, lambda: bool(told)), 90.0)
    except TimeoutError:
        pytest.fail(f"a server that {stage}: asked {len(server.connections)} times, reached at {reached}")
    assert reached[-1] >= len(before) + 2, stage


@pytest.mark.parametrize("when", ["at first", "after a loss"])
def test_a_server_that_falls_silent_is_left_and_asked_anew(
    folder: ChainFolder, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, time_s in (("CONNECT_S", 1), ("PING_S", 1), ("ATTEMPT_S", 3), ("END_S", 0.1)):
        monkeypatch.setattr(connection, name, time_s)
    before = ["as it should"] if when == "after a loss" else []

    async def all_at_once() -> None:  # each waits for seconds that nobody else needs
        async with asyncio.TaskGroup() as waiting:
            for stage in STAGES:
                waiting.create_task(comes_round(folder, before, stage))

    asyncio.run(all_at_once())


def test_a_server_that_is_left_is_asked_again_after_the_others(folder: ChainFolder) -> None:
    notes: list[str | None] = []
    order: list[int] = []

    async def run() -> None:
        two = [StallsAt(folder), StallsAt(folder)]
        listening = [await asyncio.start_server(one.serve, "127.0.0.1", 0) for one in two]
        urls = [f"tls://127.0.0.1:{one.sockets[0].getsockname()[1]}" for one in listening]
        who = str(folder.credential("gym-a"))
        link = NatsConnection(Servers(urls, str(folder.folder / "ca.pem"), who), "test")

        async def work(nc: Nats) -> None:
            order.append(urls.index(nc.connected_url.geturl()))  # type: ignore[union-attr]
            link.leave("nothing comes of it")
            await asyncio.Event().wait()  # it is cancelled

        await asyncio.wait_for(link.serve(work, lambda: len(order) == 4, notes.append), 60.0)

    asyncio.run(run())
    assert order in ([0, 1, 0, 1], [1, 0, 1, 0]), "each in its turn"
    assert set(notes) == {"nothing comes of it"}


def test_what_stands_in_the_way_is_said_in_the_same_words_each_time(folder: ChainFolder) -> None:
    who = str(folder.credential("gym-a"))
    urls = [f"tls://127.0.0.1:{port}" for port in free_ports(3)]
    link = NatsConnection(Servers(urls, str(folder.folder / "ca.pem"), who), "test")
    said = set()
    for _ in range(8):  # in whatever order the servers are asked
        with pytest.raises(BrokerError):
            asyncio.run(link.connect())
        said.add(link.problem)
    assert len(said) == 1 and said.pop().count("Connect call failed") == 3  # type: ignore[union-attr]


@pytest.mark.parametrize("stage", ["nobody listens", "says nothing", "leaves the handshake"])
def test_check_of_servers_that_do_not_answer_ends_and_names_each(
    folder: ChainFolder, stage: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(connection, "CONNECT_S", 1)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        if stage != "nobody listens":
            listening.listen()
        port = listening.getsockname()[1]
        who = ["--ca-file", str(folder.folder / "ca.pem"), "--credential", str(folder.credential("check"))]
        assert main(["chain", "check", "--server", f"127.0.0.1:{port}", *who]) == 1
    said = capsys.readouterr().out
    assert f"to do  tls://127.0.0.1:{port}: " in said and "no server could be asked" in said


@pytest.fixture
def own_servers() -> Iterator[NatsServers]:
    """Three servers that a test may stop."""
    if NATS is None:
        pytest.skip("nats-server is not installed")
    with NatsServers(["gym-a", "gym-b"]) as servers:
        yield servers
        servers.signal(signal.SIGCONT)


@pytest.mark.long
def test_servers_that_stand_still_hold_up_nobody_who_is_told_to_end(
    own_servers: NatsServers,
    gym_a: GymHistory,
    chain_url: str,
    processes: Processes,
    until: Callable[..., None],
    make_rep: Any,
) -> None:
    given = ["--site", "gym-a", "--db", gym_a.where, *own_servers.options("gym-a")]
    relay = processes.run("relay", *given)
    worker = processes.run("ingest", "--db", chain_url, *own_servers.options("ingest"))
    gym_a.take(*(make_rep(n, stream="s", seq=n) for n in range(1, 51)))
    until(lambda: same(gym_a, chain_url), 90.0)
    own_servers.signal(signal.SIGSTOP)
    gym_a.take(*(make_rep(n, stream="s", seq=n) for n in range(51, 101)))
    trouble = r"^{}: .*(lost|stale|answer|timeout)"  # of pings, then of attempts to connect
    for who in ("relay", "ingest"):
        said = re.compile(trouble.format(who), re.M | re.I)
        until(lambda said=said: said.search(processes.log.read_text()), 90.0)
    own_servers.signal(signal.SIGCONT)
    until(lambda: same(gym_a, chain_url), 120.0)
    own_servers.signal(signal.SIGSTOP)
    for child in (relay, worker):
        child.terminate()
    for child in (relay, worker):
        until(lambda child=child: child.poll() is not None, 60.0)
        assert child.returncode == 0


def figures(port: int) -> str:
    """What a worker says of itself; nothing before it does."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5.0) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


@pytest.mark.long
@pytest.mark.timeout(480)
@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
@pytest.mark.parametrize("who", ["relay", "ingest"])
def test_a_server_that_is_cut_off_from_the_others_is_left(
    own_servers: NatsServers,
    gym_a: GymHistory,
    chain_url: str,
    processes: Processes,
    until: Callable[..., None],
    make_rep: Any,
    who: str,
) -> None:
    """It takes every connection, and nothing that it is told goes on from there."""
    given = {
        "relay": ["relay", "--site", "gym-a", "--db", gym_a.where, *own_servers.options("gym-a")],
        "ingest": ["ingest", "--db", chain_url, *own_servers.options("ingest")],
    }
    running = {name: processes.run(*words) for name, words in given.items()}
    gym_a.take(*(make_rep(n, stream="s", seq=n) for n in range(1, 11)))
    until(lambda: same(gym_a, chain_url), 90.0)
    for child in running.values():
        child.terminate()
        child.wait(60.0)
    for number in range(3):
        own_servers.kill(number)
    own_servers.start(0, apart=True)
    gym_a.take(*(make_rep(n, stream="s", seq=n) for n in range(11, 21)))
    port = free_port()
    processes.run(*given[who], "--metrics", str(port))  # finds this one alone
    until(lambda: f"plumbline_{who}_connected 1" in figures(port), 60.0)
    for number in (1, 2):
        own_servers.start(number)
    (other,) = given.keys() - {who}
    processes.run(*given[other])
    until(lambda: same(gym_a, chain_url), 240.0)
    assert who == "ingest" or f"relay: {UNANSWERED}" in processes.log.read_text()


@pytest.mark.long
def test_a_relay_whose_gyms_database_stands_still_ends_when_told(
    nats_servers: NatsServers, postgres: Postgres, processes: Processes, until: Callable[..., None]
) -> None:
    url = postgres.database()
    open_store(url).close()
    relay = processes.run("relay", "--site", "gym-a", "--db", url, *nats_servers.options("gym-a"))
    until(lambda: "relaying gym-a" in processes.log.read_text(), 60.0)
    theirs = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    pids = [pid for (pid,) in chain_rows(url, theirs)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        relay.terminate()
        until(lambda: relay.poll() is not None, 90.0)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    assert pids and relay.returncode in (0, 1)


class ThereIsOne(NatsConnection):
    """A connection to the servers."""

    def __init__(self) -> None:
        self.problem, self.refused = None, 0


@pytest.mark.parametrize("told_to_end", [False, True], ids=["at work", "told to end"])
def test_a_database_that_stands_still_is_left_and_takes_the_batch_later(
    chain_url: str, told_to_end: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "END_S", 0.1)
    most_s = math.inf if told_to_end else 0.1
    store = ChainStore(chain_url)
    store.open()
    one = Ingest(store, ThereIsOne())
    batch = batch_of("gym-a", row(1, event_id="r1", counted=True, number=1, start_s=0.0, end_s=1.0))

    async def write(most_s: float, told: bool) -> CommitResult:
        return await one._asked(lambda: told, most_s, store.write, [batch])

    [(pid,)] = chain_rows(
        chain_url, "SELECT pid FROM pg_stat_activity WHERE application_name = 'plumbline ingest'"
                   " AND datname = current_database()",
    )  # fmt: skip
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(StoreError):
            asyncio.run(asyncio.wait_for(write(most_s, told_to_end), 60.0))
    finally:
        os.kill(pid, signal.SIGCONT)
    assert asyncio.run(write(math.inf, False)).rows == {"gym-a": 1}
    assert chain_rows(chain_url, "SELECT count(*) FROM reps") == [(1,)]
    store.close()
