"""A morning in a gym, all of it real: eight stations, 24 athletes, two coaches on a terminal and a tablet.

What the two have done by their keys and what the simulated lifters did is compared with the exported record.
"""

import asyncio
import contextlib
import csv
import json
import os
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from station.config import Mqtt, Port
from station.messages import CommandMessage, encode, new_id, now_utc
from station.sim import SetPlan, StationPlan, simulate_station
from station.sim.devices.board import board_bytes
from station.sim.recording import station_toml
from tests.dashboard.tui.test_terminal import OnTerminal
from tests.dashboard.web.test_touch import a_tablet, tap
from tests.faults.hardware import Board

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

PLUMBLINE = [sys.executable, "-P", "-m", "station.cli"]
EXERCISES = {"rack": "romanian-deadlift", "cable": "cable-pull-through"}
STATIONS = [f"{kind}-{number}" for kind in EXERCISES for number in range(1, 5)]
ROUNDS, REPS, REST_S = 3, 3, 20.0  # a set each; the middle of the rest between two of them
NAMES = {f"a-{ord(one) - ord('A'):02}": f"Lifter {one}{one.lower()}" for one in "ABCDEFGHIJKLMNOPQRSTUVWX"}
ATHLETES = list(NAMES)
WAIT_S = 120.0


class Heard:
    """The newest info of every station, and the sets that have ended."""

    def __init__(self, port: int) -> None:
        self.info: dict[str, dict[str, Any]] = {}
        self.sets: dict[str, set[str]] = defaultdict(set)
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)
        self._client.subscribe([("plumbline/1/+/+/info", 0), ("plumbline/1/+/+/set", 0)])
        self._client.loop_start()

    def _take(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        *_, station, leaf = message.topic.split("/")
        said = json.loads(message.payload)
        if leaf == "info":
            self.info[station] = said
        else:
            self.sets[station].add(said["event_id"])

    def set_athlete(self, station: str, athlete: str) -> None:
        command = CommandMessage(
            event_id=new_id(), at_utc=now_utc(), name="set-athlete", by="test", athlete=athlete
        )
        self._client.publish(f"plumbline/1/gym/{station}/command", encode(command), qos=1)

    def wait_for_set(self, station: str, athlete: str, load_kg: int) -> None:
        def is_so() -> bool:
            info = self.info.get(station, {})
            return (info.get("athlete"), info.get("load_kg")) == (athlete, load_kg)

        wait_for(is_so, f"{station} is set to {athlete} and {load_kg} kg")

    def wait_for_sets(self, count: int) -> None:
        wait_for(
            lambda: all(len(self.sets[one]) >= count for one in STATIONS), f"set {count} ends everywhere"
        )

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def wait_for(true: Callable[[], object], what: str) -> None:
    end_s = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < end_s, what
        time.sleep(0.02)


class Gym:
    """Eight simulated boards at one node."""

    def __init__(self, folder: Path, port: int) -> None:
        self.boards: dict[str, Board] = {}
        self.pieces: dict[str, Iterator[tuple[float, bytes]]] = {}
        self.truth: dict[str, Any] = {}
        files: list[str] = []
        for seed, name in enumerate(STATIONS):
            sets = [SetPlan(reps=REPS, rest_s=2 * REST_S)] * ROUNDS
            plan = StationPlan(id=name, exercise=EXERCISES[name.partition("-")[0]], sets=sets)
            simulated = simulate_station(plan, np.random.default_rng(seed))
            self.boards[name] = Board(folder / f"{name}.tty")
            self.pieces[name] = iter(board_bytes(simulated, np.random.default_rng(100 + seed)))
            self.truth[name] = simulated.truth["sets"]
            station = msgspec.structs.replace(
                simulated.station,
                ports=[Port(url=str(self.boards[name].path))],
                mqtt=Mqtt(host="127.0.0.1", port=port, tls=False),
                exercise=plan.exercise,
            )
            path = folder / f"{name}.toml"
            path.write_text(station_toml(station), encoding="utf-8")
            files.append(str(path))
        command = [*PLUMBLINE, "edge", "--station", *files, "--outbox", str(folder / "outbox.db")]
        self.node = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def lift(self, round_number: int) -> None:
        """Every station does its next set, and rests."""

        def send(name: str) -> None:
            until_s = self.truth[name][round_number]["reps"][-1]["end_s"] + REST_S
            for at_s, data in self.pieces[name]:
                self.boards[name].send(data)
                if at_s >= until_s:
                    return

        lifters = [threading.Thread(target=send, args=(name,)) for name in STATIONS]
        for one in lifters:
            one.start()
        for one in lifters:
            one.join()


class Terminal(OnTerminal):
    """One that is always read: a screen waits for a terminal that takes nothing."""

    def __init__(self, command: list[str]) -> None:
        super().__init__(command)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # it has gone
            while data := os.read(self.ours, 65536):
                self.seen += data

    def type(self, keys: str, shown: str) -> None:
        """Type, and wait for what comes of it."""
        start = len(self.seen)
        os.write(self.ours, keys.encode())
        wait_for(lambda: shown.encode() in self.seen[start:], f"{shown!r} after {keys!r}")


def on_the_terminal(terminal: Terminal, heard: Heard, station: str, athlete: str, load_kg: int) -> None:
    """Find the station, say who lifts there and what."""
    terminal.type("/", "a word of the station")
    terminal.type(f"{station}\r", f"with '{station}'")
    terminal.type("a", f"who lifts at {station}")
    os.write(terminal.ours, f"{NAMES[athlete]}\r".encode())
    wait_for(lambda: heard.info[station]["athlete"] == athlete, f"{athlete} at {station}")
    terminal.type("l", f"load at {station}")
    os.write(terminal.ours, f"{load_kg}\r".encode())


async def on_the_tablet(browser: Any, station: str, athlete: str, load_kg: int) -> None:
    """The same, by finger and the tablet's own keyboard."""
    steps = (
        ("Find", "a word of the station", station),
        ("Athlete", f"who lifts at {station}", NAMES[athlete]),
    )
    for button, title, words in (*steps, ("Load", f"load at {station}", str(load_kg))):
        browser.received = ""
        await browser.value("document.activeElement.blur()")  # as after a look elsewhere
        await tap(browser, button)
        await browser.until(lambda title=title: title in browser.received)
        await browser.poll("document.activeElement.tagName === 'TEXTAREA'")
        for letter in words:
            await browser.press(letter)
        await tap(browser, "Send")
        if button == "Find":
            await browser.until(lambda: f"with '{station}'" in browser.received)


def test_the_exported_record_is_what_two_coaches_and_24_athletes_have_done(
    broker: Any, served: Callable[..., str], in_a_browser: Any, tmp_path: Path
) -> None:
    database = str(tmp_path / "history.db")
    roster = tmp_path / "athletes.csv"
    roster.write_text(
        "id,name\n" + "".join(f"{key},{name}\n" for key, name in NAMES.items()), encoding="utf-8"
    )
    plumbline("athletes", "import", str(roster), "--db", database)
    url = served()
    gym, heard = Gym(tmp_path, broker.port), Heard(broker.port)
    command = [*PLUMBLINE, "dashboard", "--port", str(broker.port), "--no-record", "--db", database]
    terminal = Terminal(command)
    done: dict[tuple[str, int], tuple[str, int]] = {}  # athlete and load, by station and round

    async def drive(browser: Any) -> None:
        await browser.until(lambda: all(name in browser.received for name in STATIONS))
        # Both know the athletes once they show the name of an id.
        for station in STATIONS:
            heard.set_athlete(station, ATHLETES[-1])
        await browser.until(lambda: NAMES[ATHLETES[-1]] in browser.received)
        await asyncio.to_thread(wait_for, lambda: NAMES[ATHLETES[-1]].encode() in terminal.seen, "a name")
        for number in range(ROUNDS):
            for place, station in enumerate(STATIONS):
                athlete, load_kg = ATHLETES[len(STATIONS) * number + place], 20 + 5 * number + place
                done[station, number] = athlete, load_kg
                if place % 2:
                    await on_the_tablet(browser, station, athlete, load_kg)
                else:
                    await asyncio.to_thread(on_the_terminal, terminal, heard, station, athlete, load_kg)
                await asyncio.to_thread(heard.wait_for_set, station, athlete, load_kg)
            await asyncio.to_thread(gym.lift, number)
            await asyncio.to_thread(heard.wait_for_sets, number + 1)

    try:
        in_a_browser(url, drive, a_tablet((1280, 800)))
    finally:
        heard.close()
        gym.node.terminate()
        gym.node.wait(30.0)
        os.write(terminal.ours, b"q")
    assert terminal.child.wait(30.0) == 0
    found = defaultdict(list)
    plumbline("export", str(tmp_path / "reps.csv"), "--db", database)
    with (tmp_path / "reps.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found[row["station"], row["athlete"], float(row["load_kg"])].append(row)
    assert set(found) == {(station, key, load) for (station, _), (key, load) in done.items()}
    for (station, round_number), (key, load) in done.items():
        rows = sorted(found[station, key, float(load)], key=lambda row: int(row["number"]))
        truth = gym.truth[station][round_number]["reps"]
        assert [(row["number"], row["counted"]) for row in rows] == [
            (str(n), "true") for n in range(1, REPS + 1)
        ]
        for row, true in zip(rows, truth, strict=True):
            off = float(row["mean_concentric_velocity_mps"]) - true["mean_concentric_velocity_mps"]
            assert abs(off) < 5.0 * float(row["mean_concentric_velocity_sigma_mps"])


def plumbline(*words: str) -> None:
    subprocess.run([*PLUMBLINE, *words], check=True, capture_output=True)
