"""A node that was killed comes up with what its stations were set to."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from edge.broker.mosquitto import Broker
from edge.delivery.outbox import Outbox
from edge.link.drivers import Samples
from edge.node.session import Session
from station.config import Mqtt, Port, StationFile, StationTable
from station.exercises import load_profile
from station.messages import CommandMessage, InfoMessage, encode, now_utc
from station.sim.recording import station_toml
from station.sim.session import simulate_set
from tests.edge.node.bench import ListeningSender

STATION = StationFile(station=StationTable(id="rack-1", kind="barbell"), exercise="rdl")
COMMANDS: list[dict[str, Any]] = [
    {"name": "set-exercise", "exercise": "back-squat"},
    {"name": "set-athlete", "athlete": "a-17"},
    {"name": "set-load", "load_kg": 82.5},
    {"name": "set-target", "target_reps": 8, "tempo_s": (3.0, 1.0, None, 0.0), "path_limit_m": 0.04},
    {"name": "set-queue", "queue": ["a-17", "b-2"]},
]

# `plumbline edge` with a card that takes half a second to write what a station is set to.
SLOW_CARD = """
import sys, time
from edge.delivery.outbox import Outbox
from station.cli import main
keep = Outbox.save_state
Outbox.save_state = lambda *given: (time.sleep(0.5), keep(*given))
sys.exit(main())
"""


def coach(*commands: dict[str, Any]) -> ListeningSender:
    """A publisher that brings these commands at the first step."""
    publisher = ListeningSender()
    publisher.waiting = [
        CommandMessage(event_id=f"c{n}", at_utc=now_utc(), by="coach", **command)
        for n, command in enumerate(commands)
    ]
    return publisher


def a_life(outbox: Outbox, *commands: dict[str, Any], file: StationFile = STATION) -> tuple[Any, str | None]:
    """A session from its start to a kill: its info at the end, and what it took over."""
    session, publisher = Session(file, load_profile(file.exercise or "")), coach(*commands)
    resumed = session.resume(outbox)
    session.attach(outbox, publisher)  # type: ignore[arg-type]
    force_n = np.full(200, 12.0) + np.random.default_rng(1).normal(0.0, 1.0, 200)
    session.step([Samples("force_n", np.arange(200) / 80.0, force_n)], 100.0)
    assert session.write(100.0)
    session.tell_info([], None)
    return publisher.retained[-1], resumed


def settings_of(info: InfoMessage) -> InfoMessage:
    return msgspec.structs.replace(info, event_id="", at_utc="", session="", resumed=False)


def test_a_station_is_set_as_before_and_says_so(outbox: Outbox) -> None:
    before, resumed = a_life(outbox, *COMMANDS)
    assert resumed is None and not before.resumed
    after, resumed = a_life(outbox)
    assert settings_of(after) == settings_of(before)
    assert (after.exercise, after.athlete, after.load_kg, after.target_reps) == (
        "back-squat",
        "a-17",
        82.5,
        8,
    )
    assert after.resumed
    assert resumed is not None and "back-squat, athlete a-17, load 82.5 kg, target 8 reps" in resumed


def test_what_was_undone_stays_undone(outbox: Outbox) -> None:
    a_life(outbox, COMMANDS[1], COMMANDS[2], {"name": "undo"})
    after, _ = a_life(outbox)
    assert (after.athlete, after.load_kg) == ("a-17", None)


def test_a_tare_holds_over_a_restart(outbox: Outbox) -> None:
    a_life(outbox, {"name": "tare"})
    session = Session(STATION, load_profile("rdl"))
    session.resume(outbox)
    assert session.pipeline.cell.zero_n == pytest.approx(12.0, abs=0.5)


def test_an_exercise_written_into_the_file_since_then_is_the_newer_word(outbox: Outbox) -> None:
    a_life(outbox, *COMMANDS)
    after, _ = a_life(outbox, file=msgspec.structs.replace(STATION, exercise="deadlift"))
    assert (after.exercise, after.athlete) == ("deadlift", "a-17")


@pytest.mark.parametrize("kept", [b"", b"{", b'{"settings": 3}', b"\xff\xfe", b'{"exercise":"x"}'])
def test_what_cannot_be_read_is_said_and_the_file_holds(outbox: Outbox, kept: bytes) -> None:
    outbox.save_state("rack-1", kept)
    after, resumed = a_life(outbox)
    assert after.exercise == "romanian-deadlift" and not after.resumed
    assert resumed is not None and "as the station file says" in resumed


def test_an_exercise_that_is_no_more_is_said_and_the_file_holds(outbox: Outbox) -> None:
    a_life(outbox, *COMMANDS)
    kept = msgspec.json.decode(outbox.saved_state("rack-1") or b"")
    outbox.save_state("rack-1", msgspec.json.encode({**kept, "exercise": "jumping-jack"}))
    after, resumed = a_life(outbox)
    assert after.exercise == "romanian-deadlift"
    assert resumed is not None and "jumping-jack" in resumed


@pytest.fixture
def node(tmp_path: Path, broker: Broker) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start `plumbline edge` at a port that is not there."""
    path = tmp_path / "sim-1.toml"
    station = msgspec.structs.replace(
        simulate_set(load_profile("rdl"), reps=1, rng=np.random.default_rng(5)).station,
        ports=[Port(url=str(tmp_path / "nothing.tty"))],
        mqtt=Mqtt(host="127.0.0.1", port=broker.port, tls=False),
        exercise="rdl",
    )
    path.write_text(station_toml(station), encoding="utf-8")
    options = ["edge", "--station", str(path), "--outbox", str(tmp_path / "outbox.db")]
    children: list[subprocess.Popen[str]] = []

    def start(program: Sequence[str] = ("-m", "station.cli")) -> "subprocess.Popen[str]":
        command = [sys.executable, *program, *options]
        children.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
        return children[-1]

    yield start
    for child in children:
        child.kill()
        child.wait()
        assert child.stderr is not None
        child.stderr.close()


def test_a_killed_node_comes_up_as_it_was_set(node: Any, wire: Any, until: Any) -> None:
    first = node()
    until(lambda: wire.messages("info"))
    for n, given in enumerate(COMMANDS):
        command = CommandMessage(event_id=f"c{n}", at_utc=now_utc(), by="coach", **given)
        wire.say("plumbline/1/gym/sim-1/command", encode(command))
    until(lambda: len(wire.messages("reply")) >= len(COMMANDS))
    until(lambda: list(wire.messages("info")[-1].queue) == ["a-17", "b-2"])
    before = wire.messages("info")[-1]
    first.kill()
    first.wait()
    second = node()
    until(lambda: wire.messages("info")[-1].session != before.session)
    after = wire.messages("info")[-1]
    assert settings_of(after) == settings_of(before)
    assert after.resumed
    second.terminate()
    assert "set as before: back-squat, athlete a-17, load 82.5 kg" in second.communicate()[1]


def test_what_a_coach_saw_confirmed_holds_though_the_node_is_killed_at_that_moment(
    node: Any, wire: Any, until: Any
) -> None:
    load_kg = 0.0
    for number in range(3):
        started = node(("-c", SLOW_CARD))
        until(lambda n=number: len({info.session for info in wire.messages("info")}) == n + 1)
        assert (wire.messages("info")[-1].load_kg or 0.0) == load_kg
        load_kg = 60.0 + number
        command = CommandMessage(
            event_id=f"c{number}", at_utc=now_utc(), by="coach", name="set-load", load_kg=load_kg
        )
        wire.say("plumbline/1/gym/sim-1/command", encode(command))
        until(lambda n=number: len(wire.messages("reply")) == n + 1)
        started.kill()
        started.wait()
