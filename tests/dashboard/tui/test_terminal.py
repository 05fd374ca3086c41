"""Terminals as people have them: any byte on stdin, any size, any TERM, and one that goes away."""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.tui.terminal import KeyReader

DASHBOARD = [sys.executable, "-P", "-m", "station.cli", "dashboard", "--host", "127.0.0.1", "--port", "1"]
SHOWN = b"Quit"  # in the footer
TIMEOUT_S = 60.0


class OnTerminal:
    """The dashboard on a terminal of our own."""

    def __init__(self, command: list[str], **env: str) -> None:
        self.pid, self.ours = pty.fork()
        if self.pid == 0:
            os.execve(command[0], command, {**os.environ, "TERM": "xterm-256color", **env})
        self.seen = b""
        self.resize(24, 80)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, wanted: bytes) -> None:
        """Read until something is shown that was not before."""
        start, deadline_s = len(self.seen), time.monotonic() + TIMEOUT_S
        while wanted not in self.seen[start:]:
            assert time.monotonic() < deadline_s, self.seen[-2000:]
            if select.select([self.ours], [], [], 0.1)[0]:
                try:
                    data = os.read(self.ours, 65536)
                except OSError:
                    data = b""
                assert data, self.seen[-2000:]
                self.seen += data

    def status(self) -> int:
        """The exit status, once it has ended."""
        while True:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            if self.ours >= 0 and select.select([self.ours], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self.ours, 65536)
                except OSError:
                    os.close(self.ours)
                    self.ours = -1


@pytest.fixture
def dashboard(tmp_path: Path) -> Iterator[OnTerminal]:
    one = OnTerminal([*DASHBOARD, "--db", str(tmp_path / "h.db")])
    one.until(SHOWN)
    yield one
    if one.ours >= 0:
        os.close(one.ours)


def test_bytes_that_are_no_keys_are_passed_over_and_the_next_key_counts(dashboard: OnTerminal) -> None:
    for bad in (
        b"\xf6",  # Latin-1
        b"\x1b[M \xa5\x25",  # a mouse report of 1989, beyond column 95
        b"\xe4\xb8",  # a letter that is cut short
        b"\xed\xa0\x80\xc0\x80\xff\xfe",
        b"\x1b[99999999999R",  # no key has this number
        b"\x1b]11;rgb:zz\x07\x1bP>|\xff\x1b\\",
    ):
        os.write(dashboard.ours, bad)
    os.write(dashboard.ours, b"i")
    dashboard.until(b"Health")
    os.kill(dashboard.pid, signal.SIGTERM)
    assert dashboard.status() == 128 + signal.SIGTERM
    assert b"Traceback" not in dashboard.seen


def test_one_by_one_and_back(dashboard: OnTerminal) -> None:
    for rows, columns in ((1, 1), (2, 300), (300, 2), (0, 0), (1, 80), (3, 3), (60, 200)):
        dashboard.resize(rows, columns)
        os.write(dashboard.ours, b"i" if rows % 2 else b"\x1b")
    dashboard.resize(24, 80)
    os.write(dashboard.ours, b"\x1b\x1b")
    dashboard.until(SHOWN)
    os.write(dashboard.ours, b"\x03")
    assert dashboard.status() == 0
    assert b"Traceback" not in dashboard.seen


def test_a_terminal_that_goes_away_ends_it_in_order(dashboard: OnTerminal) -> None:
    os.close(dashboard.ours)
    dashboard.ours = -1
    assert dashboard.status() == 128 + signal.SIGHUP


def test_a_terminal_that_goes_away_without_a_signal_ends_it_too(tmp_path: Path) -> None:
    # setsid: the terminal is not its controlling one, so the kernel sends no SIGHUP.
    one = OnTerminal(["/usr/bin/setsid", "--wait", *DASHBOARD, "--db", str(tmp_path / "h.db")])
    one.until(SHOWN)
    os.close(one.ours)
    one.ours = -1
    assert one.status() in (0, 1, -signal.SIGHUP, 128 + signal.SIGHUP)


@pytest.mark.parametrize("term", ["dumb", "vt100", "nonsense", ""])
def test_any_terminal_type_shows_the_floor(tmp_path: Path, term: str) -> None:
    one = OnTerminal([*DASHBOARD, "--db", str(tmp_path / "h.db")], TERM=term)
    one.until(SHOWN)
    os.kill(one.pid, signal.SIGTERM)
    assert one.status() == 128 + signal.SIGTERM
    assert b"Traceback" not in one.seen
    if one.ours >= 0:
        os.close(one.ours)


def test_a_terminal_without_utf8_is_told_what_to_set(tmp_path: Path) -> None:
    one = OnTerminal([*DASHBOARD, "--db", str(tmp_path / "h.db")], PYTHONIOENCODING="iso8859-2")
    assert one.status() == 1
    line = b"plumbline dashboard: the screen needs UTF-8 and PYTHONIOENCODING says iso8859-2; unset it"
    assert line in one.seen and b"--plain" in one.seen and b"Traceback" not in one.seen
    if one.ours >= 0:
        os.close(one.ours)


@settings(max_examples=400, deadline=None)
@given(
    pieces=st.lists(
        st.binary(max_size=20)
        | st.text(alphabet="0123456789;:<>?[]uMmRI~$y\x1b\\PO_^abc", max_size=14).map(
            lambda s: b"\x1b" + s.encode()
        )
        | st.just(b"x"),
        max_size=12,
    )
)
def test_no_bytes_raise_and_keys_after_them_are_read(pieces: list[bytes]) -> None:
    reader = KeyReader()
    for piece in pieces:
        reader.feed(piece)
    fresh = KeyReader()
    fresh.feed(b"\x1b[99999999999R")
    assert [getattr(event, "key", "") for event in fresh.feed(b"q")] == ["q"]
