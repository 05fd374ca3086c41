"""`plumbline calibrate` at a simulated board on a pseudo-terminal."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from station.cli import main
from station.config import load_station

G = 9.80665
FILE = """\
# Rack 1
exercise = "rdl"
[station]
id = "rack-1"
kind = "barbell"
[[ports]]          # the bench
url = "{url}"
"""


class Walk:
    """The command as a child, with its prompts read and its answers given."""

    def __init__(self, *argv: str) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", "station.cli", "calibrate", *argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.said = ""

    def prompt(self, words: str) -> None:
        """Wait until it asks."""
        assert self._child.stdout is not None
        seen = len(self.said)
        while words not in self.said[seen:]:
            data = os.read(self._child.stdout.fileno(), 4096)
            assert data, f"ended after {self.said!r}: {self._child.communicate()[1].decode()}"
            self.said += data.decode()

    def answer(self, line: str = "") -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(line.encode() + b"\n")
        self._child.stdin.flush()

    def end(self) -> tuple[int, str]:
        out, errors = self._child.communicate(timeout=15.0)
        self.said += out.decode()
        return self._child.returncode, errors.decode()

    def kill(self) -> None:
        if self._child.poll() is None:
            self._child.kill()
            self._child.communicate()


@pytest.fixture
def walk() -> Iterator[Callable[..., Walk]]:
    walks: list[Walk] = []

    def start(*argv: str) -> Walk:
        walks.append(Walk(*argv))
        return walks[-1]

    yield start
    for walk in walks:
        walk.kill()


@pytest.fixture
def path(tmp_path: Path, live_board: Any) -> Path:
    file = tmp_path / "rack-1.toml"
    file.write_text(FILE.format(url=live_board.path))
    return file


def test_three_loads_asked_one_by_one_become_a_calibration(path: Path, live_board: Any, walk: Any) -> None:
    going = walk("--station", str(path), "--channel", "force_n", "--for", "0.4")
    going.prompt("take everything off it, and let it rest, then press Enter")
    going.answer()
    for load in (20, 40):
        going.prompt("how many kg next")
        live_board.force_n = load * G
        going.answer(str(load))
        going.prompt(f"put {load} kg on it")
        going.answer()
    going.prompt("or Enter alone when that was all?")
    going.answer()
    status, errors = going.end()
    assert (status, errors) == (0, "")
    text = path.read_text()
    assert text.startswith(FILE.format(url=live_board.path))
    entry = load_station(path).calibration["force_n"]
    assert entry.counts_per_unit == pytest.approx(800.0, rel=2e-3)
    assert entry.zero_counts == pytest.approx(41_213.0, abs=250.0)
    assert [reference / G for reference, _ in entry.points] == pytest.approx([0, 20, 40])
    assert entry.residual is not None and entry.residual < 1.0
    assert entry.date is not None and len(entry.date) == 10
    table = going.said[going.said.index("residual") :]
    assert "40 kg" in table and "|" in table and "*" in table and "counts per kg" in table


def test_a_tether_is_pulled_exactly_a_metre(path: Path, live_board: Any, walk: Any) -> None:
    going = walk("--station", str(path), "--channel", "position_m", "--points", "0,1", "--for", "0.4")
    live_board.position_m = 0.02
    going.prompt("let the tether go in all the way")
    going.answer()
    going.prompt("pull exactly 1.000 m and hold it there")
    live_board.position_m = 1.03  # the wheel turns 1 % too far
    going.answer()
    status, errors = going.end()
    assert (status, errors) == (0, "")
    assert "two points always lie on a line" in going.said
    entry = load_station(path).calibration["position_m"]
    assert (entry.zero_counts, entry.counts_per_unit) == (100.0, 5050.0)


def test_a_refusal_says_why_and_leaves_the_file_alone(path: Path, live_board: Any, walk: Any) -> None:
    before = path.read_bytes()
    going = walk("--station", str(path), "--channel", "force_n", "--points", "0,20,40", "--for", "0.3")
    going.prompt("press Enter")
    going.answer()
    going.prompt("put 20 kg on it")
    live_board.force_n = 1e6
    going.answer()
    status, errors = going.end()
    assert status == 1
    assert errors.startswith("plumbline calibrate: saturated: ") and len(errors.splitlines()) == 1
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "argv, says",
    [
        (["--channel", "force"], "--channel is 'force'; channels are position_m"),
        (["--channel", "force_n", "--points", "20,40"], "the tare first: 0,20,40"),
        (["--channel", "force_n", "--points", "0,x"], "the tare first: 0,20,40"),
        (["--channel", "force_n", "--for", "0"], "a reading takes 0.2 to 600 seconds"),
        (["--channel", "force_n", "--points", "0,20"], "the input ended before the last point"),
        (
            ["--channel", "pulley_x_n", "--points", "0,20"],
            "gives pulley_x_n: .*bench.tty gives position_m, force_n",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    path: Path,
    argv: list[str],
    says: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge.tools.calibrate.FIRST_READING_S", 1.5)
    before = path.read_bytes()
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        assert main(["calibrate", "--station", str(path), *argv]) == 1
    errors = capsys.readouterr().err
    assert len(errors.splitlines()) == 1
    assert re.search(says, errors)
    assert path.read_bytes() == before
