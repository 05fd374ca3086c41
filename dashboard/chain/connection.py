"""The chain's servers, over TLS and with a certificate of one's own (nats-py, the extra `chain`)."""

import argparse
import asyncio
import logging
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from dashboard.plaintext import clean
from station.errors import BrokerError, ConfigError
from station.program.distribution import install_with
from station.program.retry import RETRY_S

try:
    import nats
    from nats.aio.client import Client as Nats
    from nats.errors import Error as NatsError
except ImportError as error:
    raise ConfigError(f"a chain of gyms needs nats-py; {install_with('chain')}") from error

PORT = 4222
CONNECT_S = 5
STOP_S = 0.25  # until it is seen that we are to end
ANEW_S = 20.0  # of trying three servers; a reset in the middle of a handshake has nats-py wait for ever


class Servers(msgspec.Struct, frozen=True):
    """Where the servers are, and who we are to them."""

    urls: list[str]
    ca_file: str
    credential: str  # certificate and key, PEM


def servers_of(args: argparse.Namespace) -> Servers:
    """The servers of a command line. Raises ConfigError."""
    return Servers([url_of(one) for one in args.server], args.ca_file, args.credential)


def url_of(word: str) -> str:
    """The URL of HOST or HOST:PORT. Raises ConfigError."""
    try:
        parts = urlsplit(word if "://" in word else f"tls://{word}")
        if parts.scheme != "tls" or not parts.hostname or parts.username or parts.path.strip("/"):
            raise ValueError
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        return f"tls://{host}:{parts.port or PORT}"
    except ValueError:
        raise ConfigError(f"--server is {word!r}; give HOST or HOST:PORT, as chain-1.example:4222") from None


class Link:
    """A connection that comes back by itself; `problem` says what stands in the way."""

    def __init__(self, servers: Servers, name: str) -> None:
        """Raises ConfigError for credentials that cannot be read."""
        self.problem: str | None = None
        self.refused = 0  # permissions the servers denied
        self._name = name
        self._servers = servers
        self._tls = tls_of(servers)
        logging.getLogger("asyncio").setLevel(logging.ERROR)  # a handshake cut short is said in our words

    async def connect(self, forever: bool = True) -> Nats:
        """Connect to whichever server answers. Raises BrokerError where none does."""
        try:
            nc = await nats.connect(
                servers=list(self._servers.urls),
                name=self._name,
                tls=self._tls,
                connect_timeout=CONNECT_S,
                reconnect_time_wait=0.5,
                max_reconnect_attempts=-1 if forever else 0,
                allow_reconnect=forever,
                ping_interval=10,
                max_outstanding_pings=2,
                pending_size=64 * 2**20,
                error_cb=self._trouble,
                disconnected_cb=self._lost,
                reconnected_cb=self._back,
            )
        except (NatsError, OSError, ssl.SSLError) as error:
            self.problem = words(error)
            raise BrokerError(f"{', '.join(self._servers.urls)}: {self.problem}") from error
        self.problem = None
        return nc

    async def connected(
        self, stop: Callable[[], bool], note: Callable[[str | None], None] = lambda _: None
    ) -> Nats | None:
        """A connection as soon as a server lets us in; None when told to end before.

        `note` hears what stands in the way: nats-py goes on trying, and neither raises nor returns.
        """
        async for _ in attempts(stop):
            connecting, anew_at = asyncio.create_task(self.connect()), time.monotonic() + ANEW_S
            try:
                while not stop() and not connecting.done() and time.monotonic() < anew_at:
                    note(self.problem)
                    await asyncio.wait([connecting], timeout=STOP_S)
            finally:
                connecting.cancel()
            await asyncio.wait([connecting], timeout=STOP_S)
            if connecting.done():
                with suppress(asyncio.CancelledError, BrokerError):
                    return connecting.result()
            note(self.problem)
        return None

    async def _trouble(self, error: Exception) -> None:
        if "permissions violation" in str(error).lower():
            self.refused += 1
        self.problem = words(error)

    async def _lost(self) -> None:
        self.problem = "the connection is lost"

    async def _back(self) -> None:
        self.problem = None


async def attempts(stop: Callable[[], bool]) -> AsyncIterator[None]:
    """For a coroutine what station.program.retry.attempts is for a thread."""
    while not stop():
        yield
        await asyncio.sleep(RETRY_S)


def words(error: BaseException) -> str:
    """What an error means, in a line."""
    said = clean(str(error)) or type(error).__name__
    if "certificate required" in said or "tls: " in said or isinstance(error, ConnectionResetError):
        return f"refused ({said[:120]}); is the credential of this chain, and not expired?"
    if "permissions violation" in said.lower():
        return f"refused ({said[:120]}); is the credential the one of this site or role?"
    return said[:200]


def tls_of(servers: Servers) -> ssl.SSLContext:
    """Who is believed, and who we are. Raises ConfigError."""
    try:
        context = ssl.create_default_context(cafile=servers.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if Path(servers.credential).stat().st_mode & 0o077:
            raise ConfigError(
                f"{servers.credential}: others may read the key; chmod 600 {servers.credential}"
            )
        context.load_cert_chain(servers.credential)
    except OSError as error:  # ssl.SSLError is one
        path = servers.ca_file if "context" not in locals() else servers.credential
        raise ConfigError(f"{path}: not usable as a certificate ({error})") from error
    return context


def say(line: str) -> None:
    """A line for the log."""
    print(line, file=sys.stderr, flush=True)


class Trouble:
    """What stands in somebody's way: said when it is another, and when it is over."""

    def __init__(self, who: str) -> None:
        self._who = who
        self._said: str | None = None

    def __call__(self, problem: str | None) -> None:
        """Hear what it is now; None: nothing."""
        if problem != self._said:
            say(f"{self._who}: {problem or 'all is well again'}")
        self._said = problem
