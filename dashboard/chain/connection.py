"""The chain's servers, over TLS and with a certificate of one's own (nats-py, the extra `chain`)."""

import argparse
import asyncio
import logging
import random
import ssl
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from dashboard.plaintext import clean
from station.errors import BrokerError, ConfigError
from station.program.distribution import install_with
from station.program.retry import async_attempts

try:
    from nats.aio.client import Client as Nats
    from nats.errors import Error as NatsError
    from nats.errors import NoServersError
except ImportError as error:
    raise ConfigError(f"a chain of gyms needs nats-py; {install_with('chain')}") from error

PORT = 4222
CONNECT_S = 5
ATTEMPT_S = 10.0  # of connecting to one server, all told
LEAVE_S = 1.0
END_S = 20.0  # for what is under way when told to end
PING_S = 10  # a server that leaves two of them unanswered is taken for lost
STOP_S = 0.25  # until it is seen that we are to end, or that a connection is lost
T = TypeVar("T")


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


class NatsConnection:
    """A connection that is made anew whenever it is lost; `problem` says what stands in the way.

    nats-py could do that itself, but waits in several places for ever: where a server falls silent or resets
    in the middle of a handshake, while it connects again as at first. So each connection is of one server,
    in a time, and is given up with whatever waits for it.

    A server that the others cannot reach takes every connection, and whatever it is told ends there: whoever
    gets no answer has it left (`leave`) for another.
    """

    def __init__(self, servers: Servers, name: str) -> None:
        """Raises ConfigError for credentials that cannot be read."""
        self.problem: str | None = None
        self.refused = 0  # permissions the servers denied
        self.up = False
        self._heard = ""
        self._at = ""  # the server of the newest connection
        self._leaving = False
        self._name = name
        self._servers = servers
        self._tls = tls_of(servers)
        logging.getLogger("asyncio").setLevel(logging.ERROR)  # a handshake cut short is said in our words

    async def connect(self) -> Nats:
        """Connect to whichever server answers; each is asked once. Raises BrokerError where none does."""
        causes: dict[str, str] = {}
        urls = random.sample(self._servers.urls, len(self._servers.urls))
        for url in sorted(urls, key=lambda url: url == self._at):  # the one that was left comes last
            try:
                nc = await connect_to(url, self._tls, self._name, self._trouble)
                self._at = url
                return nc
            except NoServersError:
                causes[url] = self._heard  # why, it has only said aside
            except (NatsError, OSError, ValueError) as error:  # the last: a server of something else
                causes[url] = words(error)
        # In the same words as the time before, where nothing has changed.
        self.problem = "; ".join(dict.fromkeys(causes[url] for url in self._servers.urls))
        raise BrokerError(f"{', '.join(self._servers.urls)}: {self.problem}")

    def leave(self, why: str) -> None:
        """Have the work done with a connection to another server, if there is one that answers."""
        self.problem, self._leaving = why, True

    async def serve(
        self,
        work: Callable[[Nats], Coroutine[Any, Any, None]],
        stop: Callable[[], bool],
        note: Callable[[str | None], None] = lambda _: None,
    ) -> None:
        """Have `work` done with a connection, and with another when that one is lost, until told to end.

        `work` is cancelled with its connection, and is to end by itself when told to. `note` hears what
        stands in the way, again and again.
        """
        async for _ in async_attempts(stop, asyncio.sleep):
            nc = await self._connected(stop, note)
            if nc is None:
                continue
            self.problem, self.up, self._leaving = None, True, False
            working = asyncio.create_task(work(nc))
            while not (stop() or working.done() or self._leaving) and nc.is_connected:
                await asyncio.wait([working], timeout=STOP_S)
            self.up = False
            if stop():
                await asyncio.wait([working], timeout=END_S)
            else:
                self.problem = self.problem or "the connection is lost"
            working.cancel()
            await asyncio.wait([working])
            with suppress(NatsError, OSError, asyncio.CancelledError):  # it was lost in its hands
                working.result()
            await leave(nc)

    async def _connected(self, stop: Callable[[], bool], note: Callable[[str | None], None]) -> Nats | None:
        connecting = asyncio.create_task(self.connect())
        while not stop() and not connecting.done():
            if self.problem:  # until then it may well be let in
                note(self.problem)
            await asyncio.wait([connecting], timeout=STOP_S)
        if connecting.cancel():
            return None
        try:
            return connecting.result()
        except BrokerError:
            note(self.problem)
            return None

    async def _trouble(self, error: Exception) -> None:
        if "permissions violation" in str(error).lower():
            self.refused += 1
        self._heard = words(error)
        if self.up:
            self.problem = self._heard


async def connect_to(
    url: str, tls: ssl.SSLContext, name: str, trouble: Callable[[Exception], Coroutine[Any, Any, None]]
) -> Nats:
    """Connect to one server. Raises NatsError or OSError; `trouble` hears what else goes wrong."""
    nc = Nats()
    try:
        await with_timeout(
            ATTEMPT_S,
            nc.connect(
                url,
                name=name,
                tls=tls,
                connect_timeout=CONNECT_S,
                allow_reconnect=False,
                max_reconnect_attempts=1,  # none: it would go on for ever where nobody listens
                reconnect_time_wait=0,
                ping_interval=PING_S,
                max_outstanding_pings=2,
                pending_size=64 * 2**20,
                error_cb=trouble,
            ),
        )
    except BaseException:
        await leave(nc)
        raise
    return nc


async def leave(nc: Nats) -> None:
    """Close a connection; one that cannot be closed is left as it is."""
    with suppress(NatsError, OSError):
        await with_timeout(LEAVE_S, nc.close())


async def with_timeout(time_s: float, work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine. Raises TimeoutError after `time_s`, not waiting on as wait_for does."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait([task], timeout=time_s)
        if task.done():
            return task.result()
        raise TimeoutError(f"no answer in {time_s:g} s")
    finally:
        task.cancel()


def words(error: BaseException) -> str:
    """What an error means, in a line."""
    said = clean(str(error)) or ("no answer" if isinstance(error, TimeoutError) else type(error).__name__)
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
    """Print a line for the log."""
    print(line, file=sys.stderr, flush=True)


class ProblemLog:
    """Logs what is wrong with somebody's work: once when it changes, and once when it is over."""

    def __init__(self, who: str) -> None:
        self._who = who
        self._said: str | None = None

    def __call__(self, problem: str | None) -> None:
        """Hear what it is now; None: nothing."""
        if problem != self._said:
            say(f"{self._who}: {problem or 'all is well again'}")
        self._said = problem
