"""Terminals as people have them: any byte on stdin, any size, any TERM, and one that goes away."""

import fcntl
import os
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.database.schema import open_history
from dashboard.history.queries import reps
from dashboard.tui.terminal import KeyReader
from station.errors import StoreError
from station.messages import RepMessage, encode
from tests.terminals import on_terminal

DASHBOARD = [sys.executable, "-P", "-m", "station.cli", "dashboard", "--host", "127.0.0.1", "--port", "1"]
SHOWN = b"Quit"  # in the footer
TIMEOUT_S = 60.0


STARTED: list["OnTerminal"] = []


class OnTerminal:
    """The dashboard on a terminal of our own."""

    def __init__(self, command: list[str], **env: str) -> None:
        self.child, self.ours = on_terminal(command, {**os.environ, "TERM": "xterm-256color", **env})
        self.seen = b""
        STARTED.append(self)
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

    def read_out(self) -> None:
        """Read what is there: a terminal that takes nothing holds a screen up."""
        while self.ours >= 0 and select.select([self.ours], [], [], 0.0)[0]:
            try:
                self.seen += os.read(self.ours, 65536)
            except OSError:
                return

    def goes_away(self) -> None:
        """A closed window, or a broken ssh."""
        os.close(self.ours)
        self.ours = -1

    def status(self) -> int:
        """The exit status, once it has ended."""
        while (status := self.child.poll()) is None:
            if self.ours >= 0 and select.select([self.ours], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self.ours, 65536)
                except OSError:
                    os.close(self.ours)
                    self.ours = -1
        return status


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    """Nothing outlives a test that fails: without a terminal a record goes on for ever."""
    yield
    while STARTED:
        child = STARTED.pop().child
        child.kill()
        child.wait()


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
    dashboard.child.terminate()
    assert dashboard.status() == 128 + signal.SIGTERM
    assert b"Traceback" not in dashboard.seen


def test_letters_typed_with_the_key_that_opens_a_dialog_stand_in_it(dashboard: OnTerminal) -> None:
    os.write(dashboard.ours, b"/quay\r/\x15yoiq\r")  # on the floor q quits and y, i and o open other screens
    dashboard.until(b"with 'yoiq'")
    os.write(dashboard.ours, b"q")
    assert dashboard.status() == 0


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


def test_a_screen_that_is_no_record_ends_with_its_terminal(tmp_path: Path) -> None:
    one = OnTerminal([*DASHBOARD, "--db", str(tmp_path / "h.db"), "--no-record"])
    one.until(SHOWN)
    one.goes_away()
    assert one.status() == 128 + signal.SIGHUP


@pytest.mark.long
# setsid: the terminal is not its controlling one, so the kernel sends no SIGHUP.
@pytest.mark.parametrize(
    "how", [[], ["/usr/bin/setsid", "--wait"], ["--plain"]], ids=["ssh", "setsid", "plain"]
)
def test_the_record_goes_on_without_its_terminal_until_another_dashboard_takes_over(
    broker: Any, wire: Any, tmp_path: Path, make_rep: Callable[..., RepMessage], until: Any, how: list[str]
) -> None:
    env = {"XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    start, options = (how, []) if how and how[0].startswith("/") else ([], how)
    command = [*DASHBOARD[:-1], str(broker.port), "--db", str(tmp_path / "h.db")]
    ready = b"127.0.0.1" if options else SHOWN

    def stored(seq: int) -> bool:
        """Whether what is said now is in the history in a while."""
        rep = make_rep(1, stream="s", seq=seq, event_id=f"e{seq}")
        wire.say("plumbline/1/gym/rack-1/rep", encode(rep))
        time.sleep(0.1)  # as often as a lifter's values come
        one.read_out()
        try:  # as a reader: a second writer would have to wait its turn
            with open_history(tmp_path / "h.db") as history:
                return any(rep.event_id == f"e{seq}" for rep in reps(history))
        except StoreError:  # its tables are not there yet
            return False

    one = OnTerminal([*start, *command, *options], **env)
    one.until(ready)
    until(lambda: stored(1), 30.0)
    one.goes_away()
    (lock,) = (tmp_path / "plumbline").glob("*.lock")

    def alone(word: bytes) -> bool:
        return lock.exists() and word in lock.read_bytes()

    until(lambda: alone(b"true"), 30.0)
    until(lambda: stored(2), 30.0)

    other = OnTerminal(command, **env)
    other.until(SHOWN)
    if not start:  # otherwise ours is setsid, which waits for it
        assert one.status() == 128 + signal.SIGTERM
    until(lambda: alone(b"false"), 30.0)
    until(lambda: stored(3), 30.0)
    os.write(other.ours, b"q")
    assert other.status() == 0
    assert b"Traceback" not in one.seen + other.seen
    assert not lock.exists()


@pytest.mark.parametrize("term", ["dumb", "vt100", "nonsense", ""])
def test_any_terminal_type_shows_the_floor(tmp_path: Path, term: str) -> None:
    one = OnTerminal([*DASHBOARD, "--db", str(tmp_path / "h.db")], TERM=term)
    one.until(SHOWN)
    one.child.terminate()
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
