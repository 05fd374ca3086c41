"""`plumbline chain check`: whether each running server is as it should be, and lets no stranger in."""

import asyncio
import ssl
from collections.abc import Sequence

import msgspec
from nats.aio.client import Client as Nats
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from dashboard.chain.batch import CONSUMER, STREAM
from dashboard.chain.connection import CONNECT_S, NatsConnection, Servers, connect_to, leave
from dashboard.chain.servers import REPLICAS
from station.errors import BrokerError


class CheckResult(msgspec.Struct):
    """One check of a server or of the stream; `sound`: nothing is to be done."""

    what: str
    text: str
    sound: bool


async def check_servers(servers: Servers) -> list[CheckResult]:
    """Ask each server by itself, then one of them about the stream."""
    found = []
    stream: list[CheckResult] = []
    for url in servers.urls:
        one = msgspec.structs.replace(servers, urls=[url])
        link = NatsConnection(one, "plumbline check")
        try:
            nc = await link.connect()
        except BrokerError as error:
            found.append(CheckResult(url, link.problem or str(error), False))
            continue
        try:
            it_is = nc.connected_server_version
            version = f"{it_is.major}.{it_is.minor}.{it_is.patch}"
            found.append(CheckResult(url, f"version {version}, TLS, let us in", True))
            if not stream:
                stream = await _stream(nc)
        finally:
            await leave(nc)
        found.append(await _stranger(one))
    return found + (stream or [CheckResult(STREAM, "no server could be asked about it", False)])


async def _stranger(servers: Servers) -> CheckResult:
    """Whether somebody without a certificate is refused."""
    context = ssl.create_default_context(cafile=servers.ca_file)
    url = servers.urls[0]
    try:
        nc = await connect_to(url, context, "plumbline check", _quiet)
        try:
            await nc.flush(CONNECT_S)
        finally:
            await leave(nc)
    except TimeoutError:
        return CheckResult(url, "says nothing to whoever has no certificate, not even no", False)
    except (NatsError, OSError):
        return CheckResult(url, "refuses whoever has no certificate", True)
    return CheckResult(url, "lets in whoever comes; see tls in nats.conf: verify_and_map", False)


async def _quiet(_error: Exception) -> None:
    pass


async def _stream(nc: Nats) -> list[CheckResult]:
    js = nc.jetstream(timeout=CONNECT_S)
    try:
        info = await js.stream_info(STREAM)
        consumer = await js.consumer_info(STREAM, CONSUMER)
    except NotFoundError:
        return [CheckResult(STREAM, "is not there yet; start `plumbline ingest`, which makes it", False)]
    except (NatsError, OSError, TimeoutError) as error:
        why = str(error) or type(error).__name__
        return [CheckResult(STREAM, f"cannot be asked about ({why}); is more than one server down?", False)]
    peers = info.cluster.replicas or [] if info.cluster else []
    behind = [peer.name for peer in peers if not peer.current or peer.offline]
    replicas = info.config.num_replicas
    return [
        CheckResult(STREAM, f"{replicas} replicas of {REPLICAS}", replicas == REPLICAS),
        CheckResult(
            STREAM,
            f"behind or gone: {', '.join(filter(None, behind))}" if behind else "all replicas are up to date",
            not behind and len(peers) == REPLICAS - 1,
        ),
        CheckResult(
            STREAM,
            f"{info.state.messages} batches, {info.state.bytes} bytes; {consumer.num_pending} that nobody has"
            f" taken, {consumer.num_ack_pending} taken and not committed",
            True,
        ),
    ]


def run(servers: Servers) -> Sequence[CheckResult]:
    """Check them."""
    return asyncio.run(check_servers(servers))
