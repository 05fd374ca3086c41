"""A gym of real processes, and an oracle over what was issued, committed and delivered."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from edge.broker.mosquitto import Broker
from station.config import Mqtt

ROOT = Path(__file__).parents[2]
BASE_MPS = 0.1


class Verdict(NamedTuple):
    """A row of the table."""

    name: str
    numbers: str
    passed: bool


class Tally(NamedTuple):
    """What the oracle found. All but the first three are to be 0."""

    issued: int
    committed: int
    delivered: int
    lost: int  # committed by a station, not in the history
    doubled: int  # in the history twice
    altered: int  # other numbers than were issued
    reused: int  # sequence numbers given out twice
    invented: int  # in the history, never issued

    @property
    def clean(self) -> bool:
        return not any(self[3:])

    def __str__(self) -> str:
        parts = [f"{self.committed} committed, {self.delivered} delivered, {self.lost} lost"]
        parts += [f"{self.doubled} doubled"]
        parts += [
            f"{n} {word}" for n, word in zip(self[5:], ("altered", "reused", "invented"), strict=True) if n
        ]
        return ", ".join(parts)


class Gym:
    """A broker, a record and stations that issue numbered reps; a context manager."""

    def __init__(self) -> None:
        self.station_port: int | None = None  # what stations are told in place of the broker's own: a proxy's
        self.folder = Path(tempfile.mkdtemp(prefix="plumbline-faults-"))
        self.broker = Broker(kind="mosquitto")
        self.history = self.folder / "history.db"
        self.log = self.folder / "log"  # what stations issued and committed, a line each
        self.log.touch()
        self.outbox = self.folder / "edge.outbox"  # of the node that counts at a board
        self._children: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        self.broker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for child in self._children:
            child.kill()
            child.wait()
        self.broker.stop()
        if kind is None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *command: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a Python process of ours; it ends with the gym. Its stderr goes to a file in the folder."""
        with (self.folder / "stderr").open("a") as errors:
            child = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                text=True,
                env={**os.environ, **(env or {})},
            )
        self._children.append(child)
        return child

    def record(self, *options: str) -> subprocess.Popen[str]:
        """Start `plumbline record`."""
        where = ("--host", "127.0.0.1", "--port", str(self.broker.port), "--no-tls")
        return self.run("station.cli", "record", "--db", str(self.history), *where, *options)

    def record_at(self, mqtt: Mqtt) -> subprocess.Popen[str]:
        """Start `plumbline record` as a user of a broker with passwords."""
        who = ("--username", str(mqtt.username), "--password-file", str(mqtt.password_file))
        where = ("--host", mqtt.host, "--port", str(mqtt.port), "--ca-file", str(mqtt.ca_file))
        return self.run("station.cli", "record", "--db", str(self.history), *where, *who)

    def station(
        self, run: str, count: int, per_s: float, name: str = "rack-1", env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start a station that issues `count` reps called `run`-1, `run`-2 … and sends its outbox."""
        port = str(self.station_port or self.broker.port)
        outbox = str(self.folder / f"{name}.outbox")
        return self.run(
            "tests.faults.station", outbox, port, name, run, str(count), str(per_s), str(self.log), env=env
        )

    def errors(self) -> str:
        """What the processes have written to stderr."""
        return (self.folder / "stderr").read_text()

    def stop_issuing(self) -> None:
        """Stations issue no more, and go on sending."""
        self.log.with_name("stop").touch()
        before = -1
        while before != (before := self.log.stat().st_size):
            time.sleep(0.2)

    def delivered(self) -> dict[str, float]:
        """Event id -> velocity, of every rep in the history."""
        if not self.history.exists():
            return {}
        db = sqlite3.connect(self.history, timeout=5.0)
        try:
            rows = db.execute("SELECT event_id, mean_concentric_velocity_mps FROM reps").fetchall()
        except sqlite3.OperationalError:  # the record has not made it yet
            rows = []
        finally:
            db.close()
        return dict(rows)

    def told(self) -> tuple[set[str], dict[str, tuple[str, int]]]:
        """What the stations' log says: issued names, and committed name -> (stream, seq)."""
        issued: set[str] = set()
        committed: dict[str, tuple[str, int]] = {}
        for line in self.log.read_text().splitlines():
            match line.split():
                case ["issue", name]:
                    issued.add(name)
                case ["commit", name, stream, seq]:
                    committed[name] = (stream, int(seq))
        return issued, committed

    def settle_committed(self, expected: int) -> None:
        """Wait until so many reps are committed."""
        deadline_s = time.monotonic() + 20.0
        while len(self.told()[1]) < expected and time.monotonic() < deadline_s:
            time.sleep(0.02)

    def settle(self, expected: int = 0, timeout_s: float = 30.0) -> float:
        """Wait until `expected` reps and all that are committed now are delivered; seconds it took."""
        start_s = time.monotonic()
        committed = self.told()[1]
        while time.monotonic() - start_s < timeout_s:
            if len(committed) < expected:
                committed = self.told()[1]
            elif committed.keys() <= self.delivered().keys():
                break
            time.sleep(0.05)
        return time.monotonic() - start_s

    def tally(self) -> Tally:
        """Compare."""
        issued, committed = self.told()
        found = self.delivered()
        db = sqlite3.connect(self.history)
        rows = db.execute("SELECT count(*) FROM reps").fetchone()[0]
        db.close()
        numbers = list(committed.values())
        return Tally(
            issued=len(issued),
            committed=len(committed),
            delivered=rows,
            lost=len(committed.keys() - found.keys()),
            doubled=rows - len(found),
            altered=sum(velocity != velocity_of(name) for name, velocity in found.items()),
            reused=len(numbers) - len(set(numbers)),
            invented=len(found.keys() - issued),
        )


def velocity_of(name: str) -> float:
    """The velocity of a rep by its name, so that a payload that was swapped is seen."""
    return BASE_MPS + int(name.rsplit("-", 1)[1]) * 1e-4


def cpu_s(pid: int) -> float:
    """Processor time a process has used, seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_bytes(pid: int) -> int:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
