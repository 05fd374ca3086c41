"""A screen that was held up has messages waiting for it: a station of which some wait is not stale."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from dashboard.floor.attention import STALE_S
from dashboard.tui.app import PlumblineApp
from dashboard.tui.messages import FloorChanged
from station.exercises import all_profiles

HELD_S = STALE_S + 1.0


def test_a_floor_that_is_drawn_late_is_as_fresh_as_when_it_was_taken(
    still: Any, words: Any, looks: Any
) -> None:
    say = words()
    app = PlumblineApp(still, all_profiles())
    here = ("gym", "rack-1")

    async def drive(pilot: Any) -> None:
        still.put("rack-1", say.state(), say.info(), say.live(1.0))
        await looks.poll(pilot, lambda: app.floor.stations and app.view_of(here).freshness.name == "live")
        still.now_s += HELD_S  # nothing is awaited here: the app does not come round
        still.put("rack-1", say.live(2.0))
        app.on_floor_changed(FloorChanged(app.floor))
        assert app.view_of(here).freshness.name == "live"
        await looks.settle(pilot)
        assert app.view_of(here).freshness.name == "live"
        still.now_s += HELD_S
        await looks.poll(pilot, lambda: app.view_of(here).freshness.name == "stale")

    looks.run(app, (80, 24), drive)


@pytest.fixture
def speaking(edge: Any, words: Any) -> Iterator[None]:
    """rack-1 sends ten live values a second, whoever listens."""
    say, stop = words(), threading.Event()

    def speak() -> None:
        began_s = time.monotonic()
        while not stop.wait(0.1):
            edge.say("rack-1", say.live(time.monotonic() - began_s))

    edge.say("rack-1", say.state(), say.info())
    thread = threading.Thread(target=speak)
    thread.start()
    yield
    stop.set()
    thread.join()


@pytest.mark.usefixtures("speaking")
def test_a_dashboard_that_was_stopped_and_goes_on_calls_no_station_stale(broker: Any, until: Any) -> None:
    command = [sys.executable, "-m", "station.cli", "dashboard", "--plain", "--no-record", "--no-tls"]
    lines: list[str] = []
    with subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(broker.port)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        reader = threading.Thread(target=lines.extend, args=(child.stdout,))
        reader.start()
        until(lambda: any("rack-1     live" in line for line in lines))
        for _ in range(3):
            os.kill(child.pid, signal.SIGSTOP)
            time.sleep(HELD_S)  # held up by something else; this is the case, not a wait
            os.kill(child.pid, signal.SIGCONT)
            time.sleep(0.5)
        child.terminate()
        reader.join(10.0)
    assert [line for line in lines if "stale" in line] == []
