"""Child processes: what they say, and that they end."""

import os
import threading
import time
from pathlib import Path

import pytest

from dashboard.demo.children import Child, ChildError, end_all


def test_a_child_that_does_not_come_up_is_reported_in_its_own_words(tmp_path: Path) -> None:
    outbox = str(tmp_path / "outbox.db")
    child = Child("edge", ["edge", "--station", "missing.toml", "--outbox", outbox], tmp_path / "edge.log")
    with pytest.raises(ChildError, match=r"edge ended with status 1: .*missing\.toml"):
        child.wait_for("^ready$", 10.0, threading.Event())
    end_all([child])


def test_a_child_that_says_nothing_is_given_up_and_ended(tmp_path: Path) -> None:
    child = Child("broker", ["broker", "--port", "0"], tmp_path / "broker.log")
    with pytest.raises(ChildError, match=r"was not ready after 0\.3 s"):
        child.wait_for("^never$", 0.3, threading.Event())
    end_all([child])
    with pytest.raises(ProcessLookupError):
        os.killpg(child.pid, 0)


def test_a_child_asked_to_stop_waiting_stops_at_once(tmp_path: Path) -> None:
    child = Child("broker", ["broker", "--port", "0"], tmp_path / "broker.log")
    stop = threading.Event()
    stop.set()
    began_s = time.monotonic()
    with pytest.raises(ChildError):
        child.wait_for("^never$", 60.0, stop)
    assert time.monotonic() - began_s < 30.0
    end_all([child], grace_s=0.0)


def test_the_last_lines_of_a_child_are_harmless(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    child = Child("broker", ["no-such-command"], log)
    with pytest.raises(ChildError):
        child.wait_for("^never$", 10.0, threading.Event())
    log.write_bytes(b"first\n\x1b[2Jred\xff\x07\n")
    assert child.lines() == ["first", "[2Jred\ufffd"]
    end_all([child])
