"""A private broker on this machine: for the demo, for `plumbline replay` and for tests.

mosquitto where it is installed; otherwise amqtt from pip, which speaks no MQTT 5, has no keepalive and loses
what is unacknowledged: good enough to look at, never for a gym. Anybody may connect, which is accepted for
two reasons only: it listens on the loopback address, and nothing in it outlives it (no persistence; what
must not be lost is in the outbox). A gym's own broker has TLS, a password per station and an ACL.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from station.errors import BrokerError
from station.program.distribution import install_with
from station.program.process import end_with_parent

READY_TIMEOUT_S = 30.0  # amqtt on a busy Pi; one that ends is not waited for
STOP_TIMEOUT_S = 1.5

# Debian's user `mosquitto` cannot be used: a change of user clears the parent-death signal (prctl(2)).
_MOSQUITTO = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
set_tcp_nodelay true
max_queued_messages 10000
log_dest stderr
log_type error
log_type warning
user {user}
"""
# set_tcp_nodelay: 99 % within 0.7 ms, instead of 31 to 43 ms without.

_AMQTT = """\
listeners:
  default:
    type: tcp
    bind: 127.0.0.1:{port}
plugins:
  amqtt.plugins.authentication.AnonymousAuthPlugin:
    allow_anonymous: true
"""
_RUN_AMQTT = (
    "import sys; sys.argv = ['amqtt', '-c', sys.argv[1]]; import amqtt.scripts.broker_script as b; b.main()"
)


class Broker:
    """A broker as a child process. A context manager; `kill` and `start` again are for tests of its absence.

    The child ends with this process, however that ends (on Linux; more exactly, with the thread that called
    `start`, so call it on one that stays).

    Parameters
    ----------
    port : to listen on, 0 for a free one; a later `start` uses the same again
    kind : "mosquitto", "amqtt", or None for the first of these that is installed
    """

    def __init__(self, port: int = 0, kind: str | None = None) -> None:
        """Raises BrokerError when there is no broker to run."""
        self.port = port
        self.mosquitto = _mosquitto() if kind in (None, "mosquitto") else None
        if self.mosquitto is None and (kind == "mosquitto" or find_spec("amqtt") is None):
            raise BrokerError(
                "no MQTT broker here: mosquitto is neither on PATH nor in /usr/sbin, and amqtt is not"
                f" installed; apt-get install mosquitto, or {install_with('demo')}"
            )
        self.kind = "mosquitto" if self.mosquitto else "amqtt"
        self._any_port = port == 0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether the child lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the child and wait until it takes connections. Raises BrokerError with its last words."""
        if self.running:
            return
        tries = 3 if self._any_port and self._process is None else 1  # another may take the free port first
        for attempt in range(tries):
            if self._any_port and self._process is None:
                self.port = _free_port()
            try:
                self._start()
                return
            except BrokerError:
                self.stop()
                if attempt == tries - 1:
                    raise

    def stop(self) -> None:
        """End the child; calling it twice does no harm."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None

    def kill(self) -> None:
        """End the child as a power cut would; `start` brings it back on the same port."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _start(self) -> None:
        _check_free(self.port)  # or another broker's answer would be taken for this one's
        # The folder (mode 0700) is needed until the child has read it; so even kill -9 leaves no files.
        with tempfile.TemporaryDirectory(prefix="plumbline-broker-") as folder:
            config, log = Path(folder) / "broker.conf", Path(folder) / "broker.log"
            template = _MOSQUITTO if self.mosquitto else _AMQTT
            config.write_text(template.format(port=self.port, user=_user()), encoding="utf-8")
            command = (
                [str(self.mosquitto), "-c", str(config)]
                if self.mosquitto
                else [sys.executable, "-c", _RUN_AMQTT, str(config)]
            )
            with log.open("wb") as out:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    preexec_fn=end_with_parent(),  # noqa: PLW1509 - calls prctl and nothing else
                )
            if self._answers(self._process):
                return
            said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise BrokerError(
            f"{self.kind} does not listen on 127.0.0.1:{self.port}: {said[-1] if said else 'it said nothing'}"
        )

    def _answers(self, process: subprocess.Popen[bytes]) -> bool:
        deadline_s = time.monotonic() + READY_TIMEOUT_S
        while process.poll() is None and time.monotonic() < deadline_s:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1.0).close()
                return True
            except OSError:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.02)  # its end is no reason to wait on
        return False


def _mosquitto() -> Path | None:
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    return Path(found) if found else None


def _user() -> str:
    import pwd  # noqa: PLC0415 - not on every platform

    return pwd.getpwuid(os.getuid()).pw_name


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise BrokerError(
                f"port {port} cannot be listened on ({error.strerror}); give another, or 0 for a free one"
            ) from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
