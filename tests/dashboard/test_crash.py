"""A screen that ends by a defect takes neither the record with it nor the exit status."""

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashboard.record.store import open_store
from station.messages import RepMessage, encode
from tests.dashboard.record import written

CRASHES = """
import sys
from dashboard.tui import app, plain
from station import cli
from tests.dashboard.record import written

def crash(*args, **kwargs):
    raise ZeroDivisionError("a defect")

app.PlumblineApp.on_mount = crash
plain.run_plain = crash
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("how", ["screen", "plain"])
def test_the_record_outlives_the_screen_and_the_status_says_that_it_crashed(
    broker: Any, wire: Any, tmp_path: Path, make_rep: Callable[..., RepMessage], until: Any, how: str
) -> None:
    far, near = pty.openpty()
    where = [
        "--port",
        str(broker.port),
        "--db",
        str(tmp_path / "h.db"),
        *(["--plain"] if how == "plain" else []),
    ]
    command = [sys.executable, "-c", CRASHES, "dashboard", *where]
    env = {**os.environ, "TERM": "xterm-256color"}
    child = subprocess.Popen(command, stdin=near, stdout=near, stderr=subprocess.PIPE, env=env, text=True)
    os.close(near)
    os.set_blocking(far, False)
    assert child.stderr is not None
    said = ""
    while "the history is still written here" not in said:
        line = child.stderr.readline()
        assert line, f"it ended: {said}"
        said += line
    rep = encode(make_rep(1, stream="s", seq=1))

    def stored() -> bool:
        wire.say("plumbline/1/gym/rack-1/rep", rep)
        with open_store(tmp_path / "h.db") as store:
            return bool(written.reps(store, "gym", "rack-1"))

    until(stored)
    child.send_signal(signal.SIGTERM)
    assert child.wait(20.0) not in (0, None)
    child.stderr.close()
    os.close(far)
