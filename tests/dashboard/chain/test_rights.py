"""Who may do what on the chain's servers, asked of the servers; and what `plumbline chain` writes."""

import asyncio
import ssl
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client as Nats
from nats.errors import Error as NatsError

from dashboard.chain.batch import STREAM
from dashboard.chain.folder import ChainFolder
from dashboard.chain.ingest import prepare
from station.cli import main
from station.program.certificates import make_authority, sign
from tests.servers import NatsServers


class Client:
    """A client with one credential, and what it was denied."""

    def __init__(self, ca: Path, credential: Path | None) -> None:
        self.denied: list[str] = []
        self.heard: list[bytes] = []
        self._tls = ssl.create_default_context(cafile=ca)
        if credential is not None:
            self._tls.load_cert_chain(credential)

    async def connect(self, address: str) -> Nats:
        async def trouble(error: Exception) -> None:
            self.denied.append(str(error).lower())

        return await nats.connect(
            f"tls://{address}", tls=self._tls, error_cb=trouble,
            connect_timeout=5, allow_reconnect=False, max_reconnect_attempts=0,
        )  # fmt: skip

    async def hear(self, message: Any) -> None:
        self.heard.append(message.data)


@pytest.fixture
def ready(nats_servers: NatsServers) -> NatsServers:
    """The servers with their stream."""

    async def make() -> None:
        nc = await Client(nats_servers.ca, nats_servers.folder.credential("ingest")).connect(
            nats_servers.addresses[0]
        )
        for _ in range(60):
            try:
                await prepare(nc.jetstream(timeout=5.0))
                break
            except (NatsError, TimeoutError):  # they are electing a leader
                await asyncio.sleep(0.5)
        await nc.close()

    asyncio.run(make())
    return nats_servers


FORBIDDEN = [
    "chain.events.gym-b", "chain.ack.gym-b", "chain.ack.gym-a", "chain.events.gym-b.x",
    "chain.floor.gym-b", "chain.look.gym-a", "chain.look.gym-b",
    f"$JS.API.STREAM.MSG.GET.{STREAM}", f"$JS.API.STREAM.MSG.DELETE.{STREAM}",
    f"$JS.API.STREAM.PURGE.{STREAM}", f"$JS.API.STREAM.DELETE.{STREAM}", "$JS.API.STREAM.NAMES",
    f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.ingest", f"$JS.API.CONSUMER.DELETE.{STREAM}.ingest",
    f"$JS.ACK.{STREAM}.ingest.1.1.1.1.1", "$SYS.REQ.SERVER.PING", "anything",
]  # fmt: skip
UNHEARD = [
    "chain.events.gym-a",
    "chain.events.gym-b",
    "chain.events.*",
    "chain.ack.gym-b",
    "chain.floor.gym-a",
    "chain.floor.gym-b",
    "chain.look.gym-b",
    ">",
    "$JS.>",
    "_INBOX.>",
]


OF_A_COACH = (
    [*FORBIDDEN[:4], "chain.events.gym-a", "chain.floor.gym-a", "chain.floor.gym-b", "chain.look.gym-b",
     *FORBIDDEN[7:]],
    ["chain.events.gym-a", "chain.ack.gym-a", "chain.floor.gym-b", "chain.floor.*", "chain.look.gym-a", ">",
     "$JS.>", "_INBOX.>"],
)  # fmt: skip


@pytest.mark.parametrize(
    ("who", "forbidden", "unheard", "heard", "published"),
    [
        ("gym-a", FORBIDDEN, UNHEARD, ["ack", "look"], ["events", "floor"]),
        ("ana.coach", *OF_A_COACH, ["floor"], ["look"]),
    ],
    ids=["a site", "a coach"],
)
def test_whoever_has_a_credential_may_publish_and_hear_their_own_and_nothing_else(
    ready: NatsServers,
    who: str,
    forbidden: list[str],
    unheard: list[str],
    heard: list[str],
    published: list[str],
) -> None:
    async def try_all(address: str) -> None:
        one = Client(ready.ca, ready.folder.credential(who))
        nc = await one.connect(address)
        for kind, subjects in (("publish", forbidden), ("subscription", unheard)):
            for subject in subjects:
                if kind == "publish":
                    await nc.publish(subject, b"x")
                else:
                    await nc.subscribe(subject, cb=one.hear)
                await nc.flush()
                for _ in range(100):
                    if any(f'{kind} to "{subject.lower()}"' in text for text in one.denied):
                        break
                    await asyncio.sleep(0.02)
                else:
                    raise AssertionError(f"{kind} to {subject}: not denied; {one.denied[-3:]}")
        one.denied.clear()
        for prefix in heard:
            await nc.subscribe(f"chain.{prefix}.gym-a", cb=one.hear)
        for prefix in published:
            await nc.publish(f"chain.{prefix}.gym-a", b"x")
        await nc.flush()
        assert one.denied == [] and one.heard == []
        await nc.close()

    for address in ready.addresses:
        asyncio.run(try_all(address))


# JetStream would send a receipt to whatever subject the sender names, with the servers' own rights.
def test_a_site_has_the_servers_do_nothing_in_its_name(ready: NatsServers) -> None:
    async def attempt() -> int:
        watcher = await Client(ready.ca, ready.folder.credential("ingest")).connect(ready.addresses[0])
        js = watcher.jetstream(timeout=5.0)
        await js.purge_stream(STREAM)
        nc = await Client(ready.ca, ready.folder.credential("gym-a")).connect(ready.addresses[0])
        for reply in (f"$JS.API.STREAM.PURGE.{STREAM}", f"$JS.API.STREAM.DELETE.{STREAM}", "chain.ack.gym-b"):
            await nc.publish("chain.events.gym-a", b"x", reply=reply)
            await nc.flush()
        other = Client(ready.ca, ready.folder.credential("gym-b"))
        theirs = await other.connect(ready.addresses[1])
        await theirs.subscribe("chain.ack.gym-b", cb=other.hear)
        await theirs.flush()
        await nc.publish("chain.events.gym-a", b"x", reply="chain.ack.gym-b")
        await nc.flush()
        for _ in range(50):
            messages = (await js.stream_info(STREAM)).state.messages
            if messages == 4:
                break
            await asyncio.sleep(0.1)
        assert other.heard == []
        for one in (nc, theirs, watcher):
            await one.close()
        return messages

    assert asyncio.run(attempt()) == 4  # nothing was purged


@pytest.mark.parametrize(
    "who", ["anonymous", "self-signed", "another chain's", "expired", "a server's route"]
)
def test_whoever_has_no_place_is_refused_by_each_server(
    nats_servers: NatsServers, who: str, tmp_path: Path
) -> None:
    folder, credential = nats_servers.folder, tmp_path / "credential.pem"
    ca, key = folder.folder / "ca.pem", folder.private / "ca.key"
    if who == "self-signed":
        credential.write_text("".join(make_authority()))
    elif who == "another chain's":
        other = ChainFolder(tmp_path / "other")
        assert main(["chain", "init", str(other.folder), "--server", "a", "b", "c", "--sites", "gym-a"]) == 0
        credential = other.credential("gym-a")
    elif who == "expired":
        credential.write_text("".join(sign(["gym-a.site"], ca, key, days=-1, usage="clientAuth")))
    elif who == "a server's route":
        folder = nats_servers.folder.server(0)
        credential.write_text((folder / "route.pem").read_text() + (folder / "route.key").read_text())

    async def attempt(address: str) -> None:
        nc = await Client(ca, None if who == "anonymous" else credential).connect(address)
        await nc.flush()

    for address in nats_servers.addresses:
        with pytest.raises((NatsError, OSError, ssl.SSLError)):
            asyncio.run(attempt(address))


def test_a_site_cannot_join_as_a_server(nats_servers: NatsServers) -> None:
    context = ssl.create_default_context(cafile=nats_servers.folder.server(0) / "routes-ca.pem")
    context.load_cert_chain(nats_servers.folder.credential("gym-a"))

    async def attempt() -> bytes:
        server = nats_servers.servers[0]
        reader, writer = await asyncio.open_connection("127.0.0.1", server.route_port)
        await reader.readline()  # INFO, before TLS
        await writer.start_tls(context, server_hostname="127.0.0.1")
        return await reader.read()

    with pytest.raises((OSError, ssl.SSLError)):
        assert asyncio.run(asyncio.wait_for(attempt(), 10.0)) == b""
        raise OSError  # closed without a word


def test_the_set_up_is_kept_and_secrets_are_the_owners_alone(tmp_path: Path, capsys: Any) -> None:
    folder = tmp_path / "chain"
    asked = ["chain", "init", str(folder)]
    assert (
        main([*asked, "--server", "c1.example", "c2.example:4333", "c3.example:4222:6333", "--sites", "a"])
        == 0
    )
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert main([*asked, "--sites", "b"]) == 0
    changed = {path.name for path, data in before.items() if path.read_bytes() != data}
    assert changed == {"nats.conf", "chain.json"}
    for path in (*folder.glob("**/*.key"), *folder.glob("credentials/*"), *folder.glob("*/nats.conf")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    capsys.readouterr()
    assert main(asked) == 0
    assert "nothing to change" in capsys.readouterr().out
    assert main([*asked, "--coach", "ana", "a", "b", "--coach", "bo", "a"]) == 0
    assert stat.S_IMODE((folder / "credentials/ana.coach.pem").stat().st_mode) == 0o600
    assert (folder / "credentials/bo.coach.pem").exists()
    assert main([*asked, "--without", "a"]) == 0
    assert not (folder / "credentials/bo.coach.pem").exists()  # there is nothing left to look at
    assert "chain.floor.b" in (folder / "server-1/nats.conf").read_text()
    assert main([*asked, "--coach", "ana"]) == 0
    assert not (folder / "credentials/ana.coach.pem").exists()
    assert not (folder / "credentials/a.pem").exists()
    assert "a.site" not in (folder / "server-1/nats.conf").read_text()


@pytest.mark.parametrize(
    "words",
    [
        ["--sites", "A"], ["--sites", "ingest"], ["--sites", "a.b"], ["--server", "a", "a", "a"],
        ["--server", "a:x", "b", "c"], ["--server", "a b", "b", "c"], ["--store-gib", "0"],
        ["--coach", "Ana", "gym-a"], ["--coach", "ana", "gym-x"],
    ],
)  # fmt: skip
def test_what_no_chain_can_be_is_refused_in_one_line(tmp_path: Path, words: list[str], capsys: Any) -> None:
    asked = ["chain", "init", str(tmp_path / "chain")]
    given = [] if "--server" in words else ["--server", "a", "b", "c"]
    assert main([*asked, *given, *words]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "chain").exists()


def test_check_says_what_it_has_found(ready: NatsServers, capsys: Any, until: Callable[..., None]) -> None:
    until(lambda: main(["chain", "check", *ready.options("check")]) == 0, 30.0)
    said = capsys.readouterr().out
    assert "3 replicas of 3" in said and said.count("refuses whoever has no certificate") >= 3
