"""Replaying: a recording or a capture gives the events it gave before, whatever the speed."""

import math
import os
import pty
import signal
import subprocess
import sys
import threading
import time
import tty
from pathlib import Path

import numpy as np
import pytest

from edge.delivery.outbox import Outbox
from edge.link.capture import Capture, CaptureInfo, CaptureWriter
from edge.link.recording import read_recording
from edge.tools.analysis import analyse
from edge.tools.replay import acquisition
from station.cli import main
from station.config import load_station
from station.exercises import load_profile
from station.messages import RepMessage, decode
from station.records import Rep
from station.sim.devices.board import board_bytes
from station.sim.recording import station_toml, write_recording
from station.sim.session import simulate_set
from tests.edge.node.bench import ListeningSender

PROFILE = load_profile("rdl")
SET = simulate_set(PROFILE, reps=3, rng=np.random.default_rng(5))


def replayed(path: Path, folder: Path, speed: float = math.inf) -> list[Rep]:
    """The reps as they stood at the end."""
    playing = acquisition(path, SET.station, PROFILE, None, speed)
    with Outbox(folder / f"{time.monotonic_ns()}.db") as outbox:
        playing.session.attach(outbox, ListeningSender())  # type: ignore[arg-type]
        playing.run(threading.Event())
        playing.session.finish()
        assert playing.session.write(time.monotonic())
        sent = [decode(entry.leaf, entry.payload) for entry in outbox.unacknowledged("sim-1", 1000)]
    newest = {m.event_id: m for m in sent if isinstance(m, RepMessage)}
    return [message.rep for message in newest.values() if message.state != "rejected"]


def write_capture(path: Path) -> Path:
    info = CaptureInfo(station="sim-1", url="pty", driver="plumbline", baud=115_200, started_utc="")
    with CaptureWriter(path, info) as writer:
        for at_s, data in board_bytes(SET, np.random.default_rng(6)):
            writer.write(at_s, data)
    return path


def test_a_capture_of_another_driver_than_the_station_files_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    station = tmp_path / "rack.toml"
    ports = '[[ports]]\nurl = "/dev/ttyUSB0"\ndriver = "chronojump-encoder"\n'
    station.write_text(station_toml(SET.station) + ports)
    path = write_capture(tmp_path / "rec.plc")
    assert main(["replay", str(path), "--station", str(station), "--exercise", "rdl"]) == 1
    assert (
        "'plumbline'" in (said := capsys.readouterr().err)
        and "chronojump-encoder" in said
        and "--station" in said
    )


def test_a_capture_that_two_ports_may_have_given_is_refused_and_the_ports_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    station = tmp_path / "rack.toml"
    first = '[[ports]]\nurl = "/dev/ttyUSB0"\ndriver = "csv"\ncolumns = ["position_m"]\n'
    second = first.replace("USB0", "USB1").replace("position_m", "force_n")
    station.write_text(station_toml(SET.station) + first + second)
    path, args = tmp_path / "rec.plc", ["--station", str(station), "--exercise", "rdl"]
    info = CaptureInfo(station="sim-1", url="/dev/ttyUSB7", driver="csv", baud=115_200, started_utc="")
    with CaptureWriter(path, info) as writer:
        writer.write(1.0, b"0.1\n")
    assert main(["replay", str(path), *args]) == 1
    said = capsys.readouterr().err
    assert all(name in said for name in ("/dev/ttyUSB7", "/dev/ttyUSB0 and /dev/ttyUSB1"))
    assert len(said.splitlines()) == 1
    station.write_text(station_toml(SET.station) + first + second.replace("USB1", "USB7"))
    assert Capture(path).port(load_station(station)).columns == ["force_n"]
    station.write_text(station_toml(SET.station) + first)
    assert Capture(path).port(load_station(station)).url == "/dev/ttyUSB0"


def test_a_recording_replayed_gives_the_reps_that_analyze_gives(tmp_path: Path) -> None:
    path = tmp_path / "rec.csv"
    write_recording(path, SET.recording)
    (known,) = analyse(read_recording(path), SET.station, PROFILE).sets
    assert len(known.reps) == 3
    assert replayed(path, tmp_path) == known.reps


def test_a_capture_replays_to_the_same_reps_at_every_speed(tmp_path: Path) -> None:
    path = write_capture(tmp_path / "set.plc")
    at_once = replayed(path, tmp_path)
    assert len(at_once) == 3
    assert replayed(path, tmp_path, speed=40.0) == at_once


@pytest.mark.parametrize(
    "change, words",
    [
        (["--speed", "0"], "--speed is 0"),
        (["--exercise", "rdll"], "did you mean rdl"),
        (["--host", "gym.example", "--port", "70000"], "a port is 1 to 65535"),
    ],
)
def test_what_cannot_be_replayed_is_said_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: list[str], words: str
) -> None:
    path, station = write_capture(tmp_path / "set.plc"), tmp_path / "sim-1.toml"
    station.write_text(station_toml(SET.station))
    args = ["replay", str(path), "--station", str(station), "--exercise", "rdl", *change]
    assert main(args) == 1
    said = capsys.readouterr().err
    assert words in said and len(said.strip().splitlines()) <= 2


def test_what_a_port_sends_is_captured_until_ctrl_c(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    out = tmp_path / "set.plc"
    command = [sys.executable, "-m", "station.cli", "capture", os.ttyname(slave), "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert "Ctrl-C ends it" in process.stderr.readline()
    os.write(master, b"abc\0def")
    deadline_s = time.monotonic() + 5.0
    while out.stat().st_size < 200 and not list(Capture(out)) and time.monotonic() < deadline_s:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=5.0)
    assert process.returncode == 0, errors
    assert said == f"7 bytes in {out}\n"
    assert b"".join(received.data for received in Capture(out)) == b"abc\0def"
    for descriptor in (master, slave):
        os.close(descriptor)


def test_a_port_that_is_not_there_is_said_and_leaves_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, two = tmp_path / "set.plc", tmp_path / "two.toml"
    ports = "".join(f'[[ports]]\nurl = "/dev/ttyNO{n}"\n' for n in (1, 2))
    two.write_text(station_toml(SET.station) + ports)
    for args, words in (
        (["/dev/ttyNOWHERE"], "does not exist"),
        (["--station", str(tmp_path / "none.toml")], "cannot be read"),
        (["--station", str(two)], "has 2 ports; give as PORT /dev/ttyNO1 or /dev/ttyNO2"),
        (["/dev/ttyNO3", "--station", str(two)], "has no port /dev/ttyNO3; give as PORT /dev/ttyNO1 or"),
        (["/dev/ttyNO2", "--station", str(two)], "/dev/ttyNO2 does not exist"),
    ):
        assert main(["capture", *args, "--out", str(out)]) == 1
        assert words in capsys.readouterr().err
    assert not out.exists()
