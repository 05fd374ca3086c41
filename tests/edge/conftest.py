"""A board that goes on sending in real time, on a pseudo-terminal."""

import os
import pty
import shutil
import socket
import subprocess
import threading
import time
import tty
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.link.drivers import Samples
from station import wire
from station.sim.devices.device import BoardChannel, LineFaults, SimulatedBoard, spoil

POSITION = wire.Channel("position_m", 200.0, 5000.0)
FORCE = wire.Channel("force_n", 80.0, 800.0, 41_213.0, -(2**23) + 1, 2**23 - 1)
PIECE_S = 0.05
FIRMWARE = Path(__file__).parents[2] / "edge" / "firmware"


class LiveBoard:
    """Set what it measures at any time; it shows from the next piece on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.force_n = 0.0
        self.position_m = 0.0
        self.force_noise_n = 0.5
        self.faults = LineFaults()
        self.rates_hz = (200.0, 80.0)
        self.says: Callable[[], list[tuple[float, bytes]]] | None = None  # instead of a board's frames
        self._far, self._near = pty.openpty()
        tty.setraw(self._near)
        os.set_blocking(self._far, False)
        path.symlink_to(os.ttyname(self._near))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        rng = np.random.default_rng(1)
        board = SimulatedBoard([BoardChannel(POSITION), BoardChannel(FORCE)], rng=rng, name="bench board")
        start_s, number = time.monotonic(), 0
        while not self._stop.wait(max(0.0, start_s + (number + 1) * PIECE_S - time.monotonic())):
            samples = []
            for index, rate_hz in enumerate(self.rates_hz):
                # Whole samples per piece, so that no piece reaches into the next.
                count = round(PIECE_S * rate_hz)
                time_s = number * PIECE_S + np.arange(count) / max(rate_hz, 1.0)
                if index == 0:
                    counts = np.full(len(time_s), round(self.position_m * POSITION.counts_per_unit))
                else:
                    force = self.force_n + rng.normal(0.0, self.force_noise_n, len(time_s))
                    limit = 2**23 - 1
                    counts = np.clip(np.rint(force * 800.0 + 41_213.0), -limit, limit)
                samples.append((time_s, counts.astype(float)))
            number += 1
            pieces = spoil(board.send(samples), self.faults, rng) if self.says is None else self.says()
            for _, data in pieces:
                try:
                    os.write(self._far, data)
                except BlockingIOError:
                    continue  # nobody reads

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        for end in (self._far, self._near):
            os.close(end)


@pytest.fixture
def live_board(tmp_path: Path) -> Iterator[LiveBoard]:
    board = LiveBoard(tmp_path / "bench.tty")
    yield board
    board.close()


@pytest.fixture(scope="session")
def joined() -> Callable[[Iterable[Samples]], dict[str, Samples]]:
    """Samples as a driver gives them, piece by piece, to one of each channel."""

    def join(given: Iterable[Samples]) -> dict[str, Samples]:
        by_channel: dict[str, list[Samples]] = {}
        for samples in given:
            by_channel.setdefault(samples.channel, []).append(samples)
        return {
            name: Samples(
                name, np.concatenate([s.time_s for s in parts]), np.concatenate([s.value for s in parts])
            )
            for name, parts in by_channel.items()
        }

    return join


@pytest.fixture(scope="session")
def serving(until: Callable[..., None]) -> Callable[[str, Path, int], AbstractContextManager[Any]]:
    """Run mosquitto by a configuration file meanwhile."""

    @contextmanager
    def run(mosquitto: str, config: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
        child = subprocess.Popen([mosquitto, "-c", str(config)], stderr=subprocess.DEVNULL)

        def answers() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        try:
            until(answers)
            yield child
        finally:
            child.terminate()
            child.wait()

    return run


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make a target of the firmware in a folder of its own; skip where its compiler is missing."""
    folder = tmp_path_factory.mktemp("firmware")

    def make(target: str, out: Path | None = None) -> Path:
        compiler = {"host": "cc", "rp2040": "arm-none-eabi-gcc", "avr": "avr-gcc"}[target]
        if shutil.which(compiler) is None or shutil.which("make") is None:
            pytest.skip(f"{compiler} or make is not installed")
        subprocess.run(["make", "--silent", "-C", str(FIRMWARE), f"OUT={out or folder}", target], check=True)
        return out or folder

    return make


@pytest.fixture(scope="session")
def host_board(build: Callable[..., Path]) -> Path:
    """The firmware as a program of this machine."""
    return build("host") / "plumbline-board"
