"""Servers of other people's that tests start on loopback ports of their own: PostgreSQL, NATS."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from dashboard.chain.folder import ChainFolder
from dashboard.chain.servers import Chain, Server
from tests.ports import free_port, free_ports

_INITDB = shutil.which("initdb") or max(Path("/usr/lib/postgresql").glob("*/bin/initdb"), default=None)
POSTGRES = Path(_INITDB).resolve().parent if _INITDB else None
NATS = shutil.which("nats-server") or next(iter(Path("/usr/sbin").glob("nats-server")), None)


def until(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Wait until something is true; fail when it takes longer."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, "it did not become true in time"
        time.sleep(0.01)


class Postgres:
    """A PostgreSQL server of our own on a loopback port, as a user it agrees to run as."""

    def __init__(self, programs: Path, durable: bool = False) -> None:
        """durable: what is committed is on disk, as a gym has it; without, tests are quicker."""
        self._folder = Path(tempfile.mkdtemp(prefix="plumbline-postgres-"))
        self._drop: list[str] = []
        if os.geteuid() == 0:  # PostgreSQL refuses root
            user = pwd.getpwnam("postgres")
            os.chown(self._folder, user.pw_uid, user.pw_gid)
            self._drop = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        self._port = free_port()
        self._databases = 0
        data = self._folder / "data"
        made = [programs / "initdb", "-D", data, "-U", "plumbline", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run([*self._drop, *made], check=True, capture_output=True, cwd=self._folder)
        self._command = [
            *(*self._drop, programs / "postgres", "-D", data, "-p", str(self._port), "-k", self._folder),
            *("-c", "listen_addresses=127.0.0.1", "-c", f"fsync={'on' if durable else 'off'}"),
        ]
        self.start()

    def start(self, *options: str) -> None:
        """Start it, again after `kill`; `options` as on its command line."""
        self._process = subprocess.Popen(
            [*self._command, *options], stderr=subprocess.DEVNULL, cwd=self._folder, start_new_session=True
        )
        until(self._accepts, 30.0)

    def kill(self) -> None:
        """SIGKILL, to the server and whatever works for it."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(10.0)

    @property
    def url(self) -> str:
        """The server's own database."""
        return f"postgresql://plumbline@127.0.0.1:{self._port}/postgres"

    def database(self) -> str:
        """The URL of a new, empty database."""
        self._databases += 1
        name = f"history{self._databases}"
        with psycopg.connect(self.url, autocommit=True) as db:
            db.execute(f"CREATE DATABASE {name}".encode())
        return self.url.replace("/postgres", f"/{name}")

    def stop(self) -> None:
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(10.0)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _accepts(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


class NatsServers:
    """The three servers of a chain as `plumbline chain init` sets them up; a context manager."""

    def __init__(self, sites: list[str], coaches: dict[str, list[str]] | None = None) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="plumbline-nats-"))
        ports = free_ports(6)
        self.servers = [Server("127.0.0.1", ports[n], ports[3 + n]) for n in range(3)]
        self.folder = ChainFolder(self.root / "chain")
        self.folder.change(Chain(self.servers, sites, 4, coaches or {}))
        self.ca = self.folder.folder / "ca.pem"
        self._processes: list[subprocess.Popen[bytes] | None] = [None] * 3

    def __enter__(self) -> Self:
        for number in range(3):
            self.start(number)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for number in range(3):
            self.kill(number)
        shutil.rmtree(self.root, ignore_errors=True)

    @property
    def addresses(self) -> list[str]:
        """As `--server` takes them."""
        return [f"{one.host}:{one.port}" for one in self.servers]

    def options(self, name: str, addresses: list[str] | None = None) -> list[str]:
        """What whoever has the credential `name` gives a command."""
        who = ["--ca-file", str(self.ca), "--credential", str(self.folder.credential(name))]
        return ["--server", *(addresses or self.addresses), *who]

    def start(self, number: int, *, apart: bool = False) -> None:
        """Start a server, again after `kill`; when this returns, it listens.

        apart: the network between it and the other servers is cut; clients reach it.
        """
        folder = self.folder.server(number)
        config = folder / "nats.conf"
        if apart:
            said = config.read_text()
            for one in self.servers:
                said = said.replace(f":{one.route_port}", f":{free_port()}")
            config = folder / "apart.conf"
            config.write_text(said)
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen([str(NATS), "-c", str(config)], stdout=log, stderr=log)
        self._processes[number] = process

        def listens() -> bool:
            assert process.poll() is None, (folder / "log").read_text()[-2000:]
            with socket.socket() as one:
                return one.connect_ex(("127.0.0.1", self.servers[number].port)) == 0

        until(listens, 30.0)

    def signal(self, number: int) -> None:
        """A signal to each server that runs."""
        for process in self._processes:
            if process is not None:
                process.send_signal(number)

    def kill(self, number: int) -> None:
        """SIGKILL."""
        process = self._processes[number]
        if process is not None:
            process.kill()
            process.wait(10.0)
        self._processes[number] = None
