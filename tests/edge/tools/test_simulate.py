"""`plumbline simulate` into a capture and onto a TCP port, heard by the driver the hardware has."""

import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.broker.mosquitto import Broker
from edge.link.capture import Capture
from edge.link.drivers import make_driver
from edge.tools.simulate import TcpPorts, simulate
from station.config import Port, load_station
from station.errors import RecordingError, SourceError

DEADLINE_S = 20.0


def test_a_capture_is_decoded_to_the_recording_of_the_same_seed(tmp_path: Path) -> None:
    capture, station, recording = (tmp_path / name for name in ("set.plc", "set.toml", "set.csv"))
    asked = ["--exercise", "back-squat", "--reps", "2", "--seed", "4"]
    simulate([*asked, "--out", str(recording), "--station-out", str(station), "--capture", str(capture)])
    driver = make_driver(Port("/dev/null"), load_station(station))
    got: dict[str, list[np.ndarray]] = {}
    for received_s, data in Capture(capture):
        for samples in driver.feed(data, received_s):
            got.setdefault(samples.channel, []).append(samples.value)
    assert driver.stats.frames_lost == 0
    written = np.genfromtxt(recording, delimiter=",", names=True)
    for channel, parts in got.items():
        values = written[channel][~np.isnan(written[channel])]
        np.testing.assert_allclose(np.concatenate(parts), values, atol=0.006)


def test_the_same_seed_writes_the_same_capture_and_an_old_one_is_kept(tmp_path: Path) -> None:
    first, second = tmp_path / "a.plc", tmp_path / "b.plc"
    for path in (first, second):
        simulate(["--exercise", "rdl", "--reps", "1", "--capture", str(path)])
    assert first.read_bytes() == second.read_bytes()
    with pytest.raises(RecordingError, match="exists already"):
        simulate(["--exercise", "rdl", "--reps", "1", "--capture", str(first)])


def test_a_bad_line_is_survived_and_its_losses_are_counted(tmp_path: Path) -> None:
    capture, station = tmp_path / "bad.plc", tmp_path / "bad.toml"
    simulate(["--scenario", "bad-line", "--station-out", str(station), "--capture", str(capture)])
    driver = make_driver(Port("/dev/null"), load_station(station))
    last_s = -1.0
    for received_s, data in Capture(capture):
        for samples in driver.feed(data, received_s):
            if samples.channel == "position_m":
                assert samples.time_s[0] > last_s
                last_s = float(samples.time_s[-1])
    assert driver.stats.frames_lost > 10
    assert driver.stats.frames_corrupt > 0
    assert driver.stats.resets == 1
    assert last_s > 100.0


def test_a_board_is_heard_over_tcp(tmp_path: Path) -> None:
    code = "import sys; from edge.tools.simulate import simulate; sys.exit(simulate(sys.argv[1:]))"
    asked = ["--exercise", "cable-row", "--reps", "2", "--tcp", "0", "--speed", "20"]
    process = subprocess.Popen([sys.executable, "-c", code, *asked], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = next(line for line in process.stdout if line.startswith("socket://"))
        port = int(url.rsplit(":", 1)[1])
        data = b""
        end = time.monotonic() + DEADLINE_S
        with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as heard:
            while len(data) < 5000:
                assert time.monotonic() < end
                part = heard.recv(4096)
                assert part, f"closed after {len(data)} bytes"
                data += part
        assert data.count(b"\0") > 20
        assert process.wait(DEADLINE_S) == 0
    finally:
        process.kill()
        process.wait()


def test_the_station_file_it_writes_is_the_one_a_node_needs(
    tmp_path: Path, broker: Broker, wire: Any, until: Any
) -> None:
    station = tmp_path / "rack.toml"
    plumbline = [sys.executable, "-m", "station.cli"]
    simulates = ["simulate", "--exercise", "rdl", "--reps", "60", "--tcp", "0", "--speed", "10"]
    where = ["--station-out", str(station), "--mqtt", f"127.0.0.1:{broker.port}"]
    started = [subprocess.Popen([*plumbline, *simulates, *where], stdout=subprocess.PIPE, text=True)]
    try:
        assert started[0].stdout is not None
        while started[0].stdout.readline() != "ready\n":
            assert started[0].poll() is None
        node = ["edge", "--station", str(station), "--outbox", str(tmp_path / "outbox.db")]
        started.append(subprocess.Popen([*plumbline, *node], stdout=subprocess.DEVNULL))
        until(lambda: any(rep.state == "confirmed" for rep in wire.messages("rep")), 30.0)
    finally:
        for process in reversed(started):
            process.kill()
            process.communicate()


def test_a_port_that_is_taken_is_a_short_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SourceError, match=f"port {port}"):
            TcpPorts(port, 1)


def test_nobody_has_to_listen_and_a_listener_may_leave() -> None:
    ports = TcpPorts(0, 1)
    try:
        port = ports._listening[0].getsockname()[1]
        for _ in range(3):
            ports.write(0, b"x" * 1000)
        with socket.create_connection(("127.0.0.1", port)):
            for _ in range(500):  # more than the connection holds
                ports.write(0, b"x" * 100_000)
        for _ in range(3):
            ports.write(0, b"x" * 1000)
    finally:
        ports.close()
