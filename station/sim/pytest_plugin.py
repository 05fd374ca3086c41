"""Fixtures for integration tests of whatever listens to Plumbline: a broker, simulated stations, an edge.

pip installs them with Plumbline (entry point pytest11). A test of a program that subscribes to reps:

    def test_my_screen_shows_every_rep(simulated_station, running_edge):
        station = simulated_station("romanian-deadlift", reps=5)
        running_edge(station)
        screen = MyScreen(*station.broker, topic=f"{station.topic}/rep")
        screen.wait_for(len(station.truth["sets"][0]["reps"]))

Everything runs in child processes through the `plumbline` command, on a loopback port and in pytest's
temporary folder, and is gone when the test is over.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

LEAD_S = 1.0  # of silence: what has come is thrown away by whoever opens a serial port
STOP_TIMEOUT_S = 5.0
_RUN = "import sys; from station.cli import main; sys.exit(main())"


class SimulatedStation(NamedTuple):
    """A station whose board begins to talk when its pseudo-terminal is opened."""

    file: Path  # station file: port, geometry, broker
    port: Path
    truth: dict[str, Any]  # as in `plumbline simulate --truth`
    topic: str  # above /rep, /set, /live …
    broker: tuple[str, int]  # host and port


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start_plumbline() -> Iterator[Start]:
    """Start a `plumbline` command and wait for the line that says it is ready; stopped after the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, until: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", _RUN, *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        started.append(process)
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if until in line:
                process.ready_line = line  # type: ignore[attr-defined]
                return process
        pytest.fail(f"plumbline {' '.join(arguments)} ended with {process.wait()}:\n{said}")

    yield start
    for process in reversed(started):
        process.terminate()
    for process in reversed(started):
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture
def private_broker(start_plumbline: Start) -> tuple[str, int]:
    """Host and port of an MQTT broker of this test's own."""
    process = start_plumbline("broker", until="listening on ")
    host, _, port = process.ready_line.split()[2].rpartition(":")  # type: ignore[attr-defined]
    return host, int(port)


@pytest.fixture
def simulated_station(
    start_plumbline: Start, private_broker: tuple[str, int], tmp_path: Path
) -> Callable[..., SimulatedStation]:
    """A function that starts a simulated station: `simulated_station("rdl", reps=5, seed=1, speed=1.0)`."""
    count = 0

    def start(exercise: str, *, reps: int = 5, seed: int = 1, speed: float = 1.0) -> SimulatedStation:
        nonlocal count
        count += 1
        station = f"sim-{count}"
        scenario, file, truth, port = (
            tmp_path / f"{station}.{end}" for end in ("scenario.toml", "toml", "json", "tty")
        )
        scenario.write_text(
            f'about = "for a test"\n[[stations]]\nid = "{station}"\nexercise = "{exercise}"\n'
            f"sets = [{{ reps = 0, rest_s = {LEAD_S * speed} }}, {{ reps = {reps}, rest_s = 0.0 }}]\n",
            encoding="utf-8",
        )
        host, broker_port = private_broker
        files = ["--station-out", str(file), "--truth", str(truth), "--pty", str(port), "--patient"]
        asked = ["--scenario", str(scenario), "--seed", str(seed), "--speed", str(speed)]
        start_plumbline("simulate", *asked, *files, "--mqtt", f"{host}:{broker_port}", until="ready")
        return SimulatedStation(
            file=file,
            port=port,
            truth=json.loads(truth.read_text(encoding="utf-8")),
            topic=f"plumbline/1/gym/{station}",
            broker=private_broker,
        )

    return start


@pytest.fixture
def running_edge(start_plumbline: Start, tmp_path: Path) -> Callable[..., None]:
    """A function that starts one edge process for the given stations."""

    def start(*stations: SimulatedStation) -> None:
        files = [str(station.file) for station in stations]
        start_plumbline(
            "edge", "--station", *files, "--outbox", str(tmp_path / "outbox.db"), until="counting at"
        )

    return start
