"""Short forms of `make faults`: what it breaks, on real processes; the whole table is there."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc and preloads a library"),
    pytest.mark.skipif(
        not (shutil.which("mosquitto") or Path("/usr/sbin/mosquitto").exists()), reason="mosquitto is missing"
    ),
    pytest.mark.skipif(shutil.which("cc") is None, reason="the failing disk is compiled: no cc"),
]


# Kills of the node and of the record: tests/system/test_delivery.py.
ROWS = ["reset", "broker", "partitions", "chaos", "image", "full", "io", "power", "unplug", "corrupt"]
ROWS += ["ticks", "clock", "stations", "ports", "attack", "spoof", "soak"]
ROWS += [pytest.param(row, marks=pytest.mark.long) for row in ("restored", "two-records", "web", "week")]


@pytest.mark.parametrize("row", ROWS)
def test_nothing_committed_is_lost_or_doubled(row: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", "--quick", "--only", row],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("ok ")
