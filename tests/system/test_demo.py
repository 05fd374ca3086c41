"""`plumbline demo` as a person uses it: a gym on this machine that leaves nothing behind."""

import fcntl
import os
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.terminals import on_terminal

COMMAND = [sys.executable, "-P", "-m", "station.cli", "demo"]
STATIONS = {"rack-1", "rack-2", "cable-1", "cable-2"}
REP = re.compile(r"^\d\d:\d\d:\d\d (\S+) .* set 1 rep (\d+) +[0-9.]+\S* m/s  tempo \S+  path ")

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc"),
    pytest.mark.skipif(
        not (shutil.which("mosquitto") or Path("/usr/sbin/mosquitto").exists()), reason="mosquitto is missing"
    ),
]


class Place:
    """A folder for the demo's temporary files, by which its processes are known."""

    def __init__(self, folder: Path) -> None:
        self.env = {**os.environ, "TMPDIR": str(folder)}
        self._folder = folder
        self._mark = f"TMPDIR={folder}".encode()

    def processes(self) -> list[int]:
        """The processes that run with this folder, zombies left out."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and self._mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def forget_ports(self) -> None:
        """Take away the names by which the node knows the simulator's terminals."""
        for link in self._folder.rglob("*"):
            if link.is_symlink():
                link.unlink()

    def is_left_clean(self) -> bool:
        return not self.processes() and not list(self._folder.iterdir())


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Where a demo runs; whatever a failed test left is ended."""
    folder = tmp_path / "t"
    folder.mkdir()
    place = Place(folder)
    yield place
    for pid in place.processes():
        os.kill(pid, signal.SIGKILL)


def start_plain(place: Place, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, "--plain", *options],
        env=place.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_plain_prints_each_rep_of_four_stations_once_and_leaves_nothing(
    place: Place,
) -> None:
    demo = start_plain(place, "--for", "12")
    out, err = demo.communicate(timeout=40)
    assert (demo.returncode, err) == (0, "")
    reps = [match.groups() for line in out.splitlines() if (match := REP.match(line))]
    assert {station for station, _ in reps} == STATIONS, out
    assert len(set(reps)) == len(reps), out
    for station in STATIONS:
        numbers = [int(number) for name, number in reps if name == station]
        assert numbers == list(range(1, len(numbers) + 1)), out
    assert "\033" not in out
    assert place.is_left_clean()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_all_of_it(place: Place, number: signal.Signals) -> None:
    demo = start_plain(place)
    assert demo.stdout is not None
    while " live" not in demo.stdout.readline():
        pass
    assert len(place.processes()) >= 5
    demo.send_signal(number)
    demo.communicate(timeout=15)
    assert demo.returncode == 128 + number
    assert place.is_left_clean()


def test_a_signal_while_it_starts_ends_it_without_complaint(place: Place, until: Any) -> None:
    demo = start_plain(place)
    until(lambda: len(place.processes()) >= 2)
    demo.send_signal(signal.SIGINT)
    _, err = demo.communicate(timeout=15)
    assert (demo.returncode, err) == (128 + signal.SIGINT, "")
    assert place.is_left_clean()


def test_killed_outright_it_leaves_no_process(place: Place, until: Any) -> None:
    demo = start_plain(place)
    assert demo.stdout is not None
    while " live" not in demo.stdout.readline():
        pass
    demo.kill()
    demo.communicate(timeout=15)
    until(lambda: not place.processes())


def test_a_child_that_dies_is_said_and_the_status_is_one(place: Place) -> None:
    demo = start_plain(place, "--for", "8")
    assert demo.stdout is not None
    while " live" not in (line := demo.stdout.readline()):
        assert line, "it ended before a station was live"
    simulator = next(
        pid for pid in place.processes() if b"\0simulate\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )
    # The node tries its ports again every second, and the kernel gives their numbers to the next who asks: by
    # these names it would open, and read, the terminal of another test.
    place.forget_ports()
    os.kill(simulator, signal.SIGKILL)
    out, err = demo.communicate(timeout=30)
    assert "simulate ended with status -9" in out
    assert "simulate ended with status -9" in err
    assert demo.returncode == 1
    assert place.is_left_clean()


def with_screen(place: Place) -> tuple[subprocess.Popen[bytes], int]:
    """The demo with its screen, on a terminal of our own: the process and our end."""
    demo, ours = on_terminal(COMMAND, {**place.env, "TERM": "xterm-256color"})
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    return demo, ours


def read_until(ours: int, wanted: bytes, timeout_s: float = 100.0) -> bytes:
    seen = b""
    deadline_s = time.monotonic() + timeout_s
    while wanted not in seen:
        assert time.monotonic() < deadline_s, seen[-2000:]
        if select.select([ours], [], [], 0.1)[0]:
            try:
                seen += os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
    return seen


def test_the_terminal_is_given_back_as_it_was(place: Place) -> None:
    demo, ours = with_screen(place)
    before = termios.tcgetattr(ours)
    read_until(ours, b"cable-2")
    assert termios.tcgetattr(ours) != before
    demo.terminate()
    seen = read_until(ours, b"never said")
    assert b"\x1b[?1049l" in seen and b"\x1b[?25h" in seen  # alternate screen left, cursor shown
    assert demo.wait(60.0) == 128 + signal.SIGTERM
    assert place.is_left_clean()
    os.close(ours)


def test_closing_the_terminal_ends_all_of_it(place: Place) -> None:
    demo, ours = with_screen(place)
    read_until(ours, b"cable-2")
    os.close(ours)
    assert demo.wait(60.0) == 128 + signal.SIGHUP
    assert place.is_left_clean()
