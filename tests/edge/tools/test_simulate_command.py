"""`plumbline simulate`: its files, its terminals, and what it says when it cannot."""

import csv
import gzip
import json
import os
import signal
import subprocess
import sys
import time
import tty
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from edge.tools.simulate import simulate
from station.config import CHANNELS, load_station
from station.errors import ConfigError, RecordingError
from station.exercises import all_profiles
from station.sim import list_scenarios, load_scenario, simulate_station, with_seed
from station.sim.devices.board import board_bytes
from station.sim.plan import SetPlan, StationPlan

DEADLINE_S = 20.0


@pytest.mark.parametrize("exercise", sorted(all_profiles()))
def test_a_simulated_set_is_written_as_the_contract_has_it(exercise: str, tmp_path: Path) -> None:
    out, truth, station = tmp_path / "rec.csv.gz", tmp_path / "truth.json", tmp_path / "station.toml"
    arguments = ["--exercise", exercise, "--reps", "2", "--out", str(out), "--truth", str(truth)]
    assert simulate([*arguments, "--station-out", str(station)]) == 0
    with gzip.open(out, "rt", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0][0] == "time_s"
    assert set(rows[0][1:]) <= set(CHANNELS)
    times = [float(row[0]) for row in rows[1:]]
    assert all(later > earlier for earlier, later in pairwise(times))
    written = json.loads(truth.read_text(encoding="utf-8"))
    assert written["schema"] == "plumbline/truth/1"
    assert written["exercise"] == exercise
    assert [len(one["reps"]) for one in written["sets"]] == [2]
    assert load_station(station).exercise == exercise


def test_an_empty_cell_means_no_sample_at_that_time(tmp_path: Path) -> None:
    out = tmp_path / "rec.csv"
    assert simulate(["--exercise", "rdl", "--reps", "1", "--out", str(out)]) == 0
    simulated = simulate_station(
        load_scenario("clean-rdl").stations[0], with_seed(1)
    )  # another set: only the channels are compared
    with out.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert set(rows[0]) == {"time_s", *simulated.recording}
    assert all(any(row[name] for name in simulated.recording) for row in rows)
    assert any(not row["force_n"] for row in rows)


def test_the_list_has_a_line_for_every_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(list_scenarios())
    assert all(len(line.split()) > 4 for line in lines)


def test_several_stations_are_written_side_by_side(tmp_path: Path) -> None:
    truth = tmp_path / "truth.json"
    assert simulate(["--scenario", "touch-and-go", "--truth", str(truth)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["truth-bench-1.json", "truth-rack-1.json"]


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    out = tmp_path / "set.png"
    assert simulate(["--exercise", "cable-row", "--reps", "2", "--plot", str(out)]) == 0
    assert out.read_bytes().startswith(b"\x89PNG")


def test_a_picture_without_matplotlib_is_a_short_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(RecordingError, match=r"pip install 'plumbline-gym\[plot\]'"):
        simulate(["--exercise", "cable-row", "--reps", "1", "--plot", str(tmp_path / "set.png")])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--exercise", "romanian-deadlif"], "did you mean romanian-deadlift"),
        (["--scenario", "drop-lst"], "did you mean drop-last"),
        (["--scenario", "/nowhere/my.toml"], "cannot be read"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(arguments: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        simulate(arguments)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            'about = "x"\n[[stations]]\nexercise = "rdl"\nsensor = {}\n',
            r"unknown key stations\[0\].sensor; did you mean sensors",
        ),
        (
            'about = "x"\n[[stations]]\nexercise = "rdl"\n[stations.lifters.a]\nheight = 2\n',
            "lifters.a.height",
        ),
        ('about = "x"\n[[stations]]\nexercise = "rdl"\nsets = [{ reps = "8" }]\n', "stations"),
    ],
)
def test_a_wrong_key_in_a_scenario_is_named(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=words):
        simulate(["--scenario", str(path)])


def test_a_file_that_cannot_be_written_is_a_short_error(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="cannot be written"):
        simulate(["--exercise", "rdl", "--reps", "1", "--out", str(tmp_path / "no" / "rec.csv")])


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "import sys; from station.cli import main; sys.exit(main())"]
    return subprocess.Popen([*command, "simulate", *arguments], stdout=subprocess.PIPE, text=True)


def wait_for_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line == "ready\n":
            return
    pytest.fail("the simulator ended before it was ready")


def read_some(port: Path, count: int) -> bytes:
    """At least `count` bytes from a terminal, or fail at the deadline."""
    end = time.monotonic() + DEADLINE_S
    data = b""
    descriptor = os.open(port, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        while len(data) < count:
            assert time.monotonic() < end, f"only {len(data)} bytes from {port}"
            try:
                data += os.read(descriptor, 4096)
            except BlockingIOError:
                time.sleep(0.01)
    finally:
        os.close(descriptor)
    return data


def test_the_demo_opens_four_ports_that_talk_and_goes_away_when_told(tmp_path: Path) -> None:
    process = start("--demo", str(tmp_path), "--mqtt", "127.0.0.1:1883")
    try:
        wait_for_ready(process)
        files = sorted(tmp_path.glob("*.toml"))
        assert len(files) == 4
        for path in files:
            station = load_station(path)
            assert station.mqtt is not None
            assert (station.mqtt.port, station.mqtt.tls) == (1883, False)
            port = Path(station.ports[0].url)
            assert port.is_symlink()
            assert b"simulated" in read_some(port, 600)
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_S) == 0
        assert not list(tmp_path.glob("*.tty"))
    finally:
        process.kill()
        process.wait()


def test_the_demo_ends_when_the_process_that_started_it_is_gone(tmp_path: Path) -> None:
    script = f"""
import subprocess, sys
code = "import sys; from station.cli import main; sys.exit(main())"
command = [sys.executable, "-c", code, "simulate", "--demo", {str(tmp_path)!r}]
child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
print(child.pid, child.stdout.readline())
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    child = ran.stdout.split()[0]
    end = time.monotonic() + DEADLINE_S
    while list(tmp_path.glob("*.tty")):
        assert time.monotonic() < end, f"process {child} is still there"
        time.sleep(0.02)


def test_a_scenario_plays_to_a_terminal_and_ends_with_it(tmp_path: Path) -> None:
    link = tmp_path / "board"
    process = start("--exercise", "cable-row", "--reps", "2", "--pty", str(link), "--speed", "30")
    try:
        wait_for_ready(process)
        read_some(link, 5000)
        assert process.wait(DEADLINE_S) == 0
        assert not link.exists()
    finally:
        process.kill()
        process.wait()


def test_a_patient_terminal_loses_nothing_whoever_opens_it_late_and_reads_slowly(tmp_path: Path) -> None:
    link = tmp_path / "board"
    asked = ["--exercise", "cable-row", "--reps", "2", "--pty", str(link), "--patient", "--speed", "1000"]
    process = start(*asked)
    try:
        wait_for_ready(process)
        simulated = simulate_station(StationPlan(exercise="cable-row", sets=[SetPlan(reps=2)]), with_seed(1))
        sent = b"".join(data for _, data in board_bytes(simulated, np.random.default_rng([1, 0])))
        board = os.open(link, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(board)
        came = b""
        while len(came) < len(sent):
            came += os.read(board, 100)
        os.close(board)
        assert came == sent
        assert process.wait(DEADLINE_S) == 0
    finally:
        process.kill()
        process.wait()
