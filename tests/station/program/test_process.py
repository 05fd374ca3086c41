"""Signals that come at the worst moment, and files that are there whole or not at all."""

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from station.program.process import replace_file, whole_file

# The main thread holds the event's own lock most of the time, and is asked to end 300 times meanwhile.
STORM = """
import os, signal, threading
from station.program.process import stop_on_signals
stop = stop_on_signals()
signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
signal.setitimer(signal.ITIMER_REAL, 0.0003, 0.0003)
heard = 0
while heard < 300:
    if stop.wait(0):
        stop.clear()
        heard += 1
signal.setitimer(signal.ITIMER_REAL, 0)
print(heard)
"""


def test_a_signal_ends_us_whatever_the_main_thread_holds_just_then():
    done = subprocess.run(
        [sys.executable, "-c", STORM], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "300"


def test_a_file_is_replaced_whole_and_keeps_its_mode(tmp_path: Path):
    path = tmp_path / "settings.toml"
    path.write_bytes(b"old")
    path.chmod(0o640)
    replace_file(path, b"new")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o640)
    replace_file(path, b"secret", mode=0o600)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["settings.toml"]


def test_a_new_file_has_what_the_umask_leaves(tmp_path: Path):
    before = os.umask(0o027)
    try:
        replace_file(tmp_path / "new", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640


def test_a_write_that_fails_leaves_the_old_file_and_no_draft(tmp_path: Path):
    path = tmp_path / "settings.toml"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="full"), whole_file(path) as draft:
        draft.write_bytes(b"half")
        raise OSError("full")
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["settings.toml"]


def test_a_link_is_replaced_and_what_it_leads_to_is_left_alone(tmp_path: Path):
    precious, link = tmp_path / "precious", tmp_path / "link"
    precious.write_bytes(b"mine")
    link.symlink_to(precious)
    replace_file(link, b"new")
    assert (precious.read_bytes(), link.is_symlink()) == (b"mine", False)


def test_a_device_or_a_pipe_is_not_replaced(tmp_path: Path):
    pipe, link = tmp_path / "pipe", tmp_path / "stdout"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        with pytest.raises(OSError, match="a device or a pipe, not a file"):
            replace_file(path, b"new")
    assert pipe.is_fifo() and link.is_symlink() and len(list(tmp_path.iterdir())) == 2


def test_a_database_is_not_written_over(tmp_path: Path):
    path = tmp_path / "history.csv"  # whatever it is called
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE reps (n)")
    before = path.read_bytes()
    with pytest.raises(OSError, match="a database, which is not written over"), whole_file(path) as draft:
        draft.write_text("export")
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
