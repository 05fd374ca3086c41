"""Which dashboard is the record: one at a time, the next when it leaves, and none for ever."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboard.record.embedded import EmbeddedRecord
from dashboard.record.lock import Holder, RecordLock, end_left_behind
from station.cli import main
from station.config import Mqtt

MQTT = Mqtt(host="127.0.0.1", port=1, tls=False)
LEFT = """
import os, signal, sys, time
from pathlib import Path
from dashboard.record.lock import RecordLock
from station.config import Mqtt
lock = RecordLock("h.db", Mqtt(host="127.0.0.1", port=1, tls=False), None, Path(sys.argv[1]))
assert lock.take()
if sys.argv[2] == "alone":
    lock.say_alone()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("ready", flush=True)
time.sleep(60)
"""


def lock(folder: Path, history: str = "h.db") -> RecordLock:
    return RecordLock(history, MQTT, None, folder)


def another(folder: Path, how: str) -> subprocess.Popen[str]:
    """A process that is the record."""
    command = [sys.executable, "-c", LEFT, str(folder), how]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder)
    assert child.stdout is not None and child.stdout.readline() == "ready\n"
    return child


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    yield tmp_path


def test_one_at_a_time_for_each_history_and_broker(here: Path) -> None:
    first, second = lock(here), lock(here)
    assert first.take() and not second.take()
    assert lock(here, "other.db").take()
    assert RecordLock("h.db", Mqtt(host="gym.local"), None, here).take()
    assert second.holder() == Holder(os.getpid(), alone=False)
    first.say_alone()
    assert second.holder() == Holder(os.getpid(), alone=True)
    first.release()
    assert second.take()


def test_one_that_is_killed_holds_nothing_and_one_that_leaves_leaves_no_file(here: Path) -> None:
    child = another(here, "seen")
    assert not lock(here).take()
    child.kill()
    child.wait()
    after = lock(here)
    assert after.take()
    after.release()
    assert [path.name for path in here.iterdir()] == []


def test_where_no_file_can_be_made_it_is_the_record_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert lock(tmp_path / "file" / "folder").take()


def test_what_was_left_behind_is_ended_by_a_command_and_what_is_seen_is_not(here: Path) -> None:
    assert end_left_behind(lock(here)) == (0, "no dashboard of yours has left a record behind here")
    seen = another(here, "seen")
    assert end_left_behind(lock(here)) == (1, f"process {seen.pid} has a screen; leave it there with q")
    seen.kill()
    seen.wait()
    left = another(here, "alone")
    # Whoever reads its end takes it from the table of processes, as an init does.
    threading.Thread(target=left.wait, daemon=True).start()
    assert end_left_behind(lock(here)) == (0, f"ended the record of process {left.pid}")


def test_the_option_says_what_it_found(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(here))
    assert main(["dashboard", "--end-record", "--db", "h.db", "--port", "1"]) == 0
    assert capsys.readouterr().out == "no dashboard of yours has left a record behind here\n"


def test_a_dashboard_waits_for_its_turn_and_is_the_record_when_the_other_has_left(
    here: Path, broker: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.record.embedded.TURN_S", 0.01)
    monkeypatch.setenv("XDG_DATA_HOME", str(here))
    mqtt = Mqtt(host="127.0.0.1", port=broker.port, tls=False)
    with EmbeddedRecord(mqtt, None, here / "h.db", {}) as first:
        until((here / "h.db").exists)
        with EmbeddedRecord(mqtt, None, here / "h.db", {}) as second:
            until(lambda: first._record is not None and first._record.connected)
            assert second._record is None and second.trouble() is None
            first.__exit__()
            until(lambda: second._record is not None and second._record.connected)
