"""The node, on a real pseudo-terminal and a real broker."""

import gc
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from edge.broker.mosquitto import Broker
from edge.delivery.outbox import Outbox
from edge.link.sources import SerialSource
from edge.node.acquisition import Acquisition
from edge.node.machine import MachineWatch
from edge.node.node import Node
from edge.node.reading import PortAcquisition
from edge.node.session import Session
from station.cli import main
from station.config import Mqtt, Port
from station.exercises import load_profile
from station.messages import CommandMessage, HealthMessage, InfoMessage, RepMessage, encode, now_utc
from station.sim.devices.board import board_bytes
from station.sim.recording import station_toml
from station.sim.session import simulate_set

TOPIC = "plumbline/1/gym/sim-1/"
SET = simulate_set(load_profile("rdl"), reps=3, rng=np.random.default_rng(5))
PIECES = list(board_bytes(SET, np.random.default_rng(6)))
BYTES = b"".join(data for _, data in PIECES)
REPS = SET.truth["sets"][0]["reps"]


class BoardOnPty:
    """A board behind a path that stays while the device comes and goes, as under /dev/serial/by-id."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._master = -1

    def plug_in(self) -> None:
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(slave))
        self._slave = slave

    def unplug(self) -> None:
        for descriptor in (self._slave, self._master):
            os.close(descriptor)
        self.path.unlink()
        self._master = -1

    def send(self, data: bytes) -> None:
        """Write in pieces as a line does; waits while nobody reads."""
        for start in range(0, len(data), 1000):
            os.write(self._master, data[start : start + 1000])


@pytest.fixture
def board(tmp_path: Path) -> Iterator[BoardOnPty]:
    board = BoardOnPty(tmp_path / "board.tty")
    board.plug_in()
    yield board
    if board._master >= 0:
        board.unplug()


class Running:
    """A node in a thread of the test."""

    def __init__(self, acquisitions: list[Acquisition], outbox: Outbox, broker: Broker) -> None:
        mqtt = Mqtt(host="127.0.0.1", port=broker.port, tls=False)
        self.said: list[str] = []
        self.node = Node(acquisitions, outbox, {"sim-1": mqtt}, say=self.said.append)
        self.status: int | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self.status = self.node.run()

    def stop(self) -> float:
        """Stop; how long it took, seconds."""
        start_s = time.monotonic()
        self.node.stop()
        self._thread.join(5.0)
        assert not self._thread.is_alive()
        return time.monotonic() - start_s


@pytest.fixture
def run(tmp_path: Path, broker: Broker) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []
    with Outbox(tmp_path / "outbox.db") as outbox:

        def start(*acquisitions: Acquisition) -> Running:
            started.append(Running(list(acquisitions), outbox, broker))
            return started[-1]

        yield start
        for running in started:
            running.stop()


def port_of(board: BoardOnPty) -> PortAcquisition:
    session = Session(SET.station, load_profile("rdl"))
    return PortAcquisition(session, Port(url=str(board.path)))


def last(wire: Any, leaf: str) -> Any:
    found = wire.messages(leaf)
    return found[-1] if found else None


def _drained(receiver: socket.socket) -> bool:
    """Whether nothing came for a while; takes what had come."""
    time.sleep(1.2)
    try:
        return receiver.recv(100) is None
    except BlockingIOError:
        return True


def test_bytes_on_a_port_come_back_over_mqtt_as_reps_and_a_set(
    board: BoardOnPty, run: Any, wire: Any, until: Any
) -> None:
    running = run(port_of(board))
    until(lambda: wire.messages("health") and last(wire, "health").link_up)
    board.send(BYTES)
    until(lambda: len({m.event_id for m in wire.messages("rep")}) == 3)
    until(lambda: isinstance(last(wire, "info"), InfoMessage) and last(wire, "info").sensors)
    until(lambda: last(wire, "health").frames > 100)
    assert last(wire, "state").state == "ready"
    # All bytes came at once: of the live values the newest alone are worth sending.
    assert {m.live.phase for m in wire.messages("live")} & {"eccentric", "concentric"}
    assert running.stop() < 2.0
    assert running.status == 0
    until(lambda: last(wire, "state").state == "stopping")
    assert last(wire, "set").summary.counted_reps == 3
    until(lambda: last(wire, "health").movements_rejected == 2)  # pick-up and set-down; it may come last
    health: HealthMessage = last(wire, "health")
    assert (health.frames_lost, health.frames_corrupt, health.overruns) == (0, 0, 0)


@pytest.mark.parametrize(
    "out_s, in_s, counted",
    [
        (REPS[0]["end_s"] + 0.6, REPS[0]["end_s"] + 0.7, {3}),  # while the lifter stands
        (REPS[1]["start_s"] + 0.5, REPS[1]["start_s"] + 1.5, {2, 3}),  # within a rep, a second is gone
    ],
    ids=["between reps", "within a rep"],
)
def test_a_port_that_is_unplugged_and_back_goes_on_without_a_phantom_rep(
    board: BoardOnPty, run: Any, wire: Any, until: Any, out_s: float, in_s: float, counted: set[int]
) -> None:
    running = run(port_of(board))
    until(lambda: wire.messages("health") and last(wire, "health").link_up)
    board.send(b"".join(data for at_s, data in PIECES if at_s < out_s))
    until(lambda: len({m.event_id for m in wire.messages("rep")}) == 1)
    board.unplug()
    until(lambda: not last(wire, "health").link_up)
    assert str(board.path) in last(wire, "health").problem
    board.plug_in()
    until(lambda: last(wire, "health").link_up)
    frames = last(wire, "health").frames
    board.send(b"".join(data for at_s, data in PIECES if at_s >= in_s))
    until(lambda: last(wire, "health").frames > frames + 500 and wire.messages("rep")[-1].rep.number >= 2)
    assert running.stop() < 2.0
    until(lambda: last(wire, "set"))
    assert last(wire, "set").summary.counted_reps in counted
    assert last(wire, "health").reconnects >= 1
    assert any("was it unplugged" in line for line in running.said)


def test_a_coachs_command_is_answered_and_shows_in_info(
    board: BoardOnPty, run: Any, wire: Any, until: Any
) -> None:
    run(port_of(board))
    until(lambda: wire.messages("state"))
    command = CommandMessage(
        event_id="c", at_utc=now_utc(), name="set-exercise", by="coach", exercise="good-morning"
    )
    wire.say(TOPIC + "command", encode(command))
    until(lambda: wire.messages("reply"))
    assert (last(wire, "reply").in_reply_to, last(wire, "reply").ok) == ("c", True)
    until(lambda: last(wire, "info").exercise == "good-morning")


class Dies(Acquisition):
    """A thread with a defect."""

    def run(self, stop: threading.Event) -> None:
        raise ZeroDivisionError("a defect")


def test_a_thread_that_dies_ends_the_node_with_status_1(run: Any, wire: Any, until: Any) -> None:
    running = run(Dies(Session(SET.station, load_profile("rdl"))))
    until(lambda: running.status is not None)
    assert running.status == 1
    assert any("ZeroDivisionError: a defect" in line for line in running.said)


def test_a_broker_that_is_gone_stops_no_counting(
    board: BoardOnPty, run: Any, broker: Broker, until: Any, listen: Any
) -> None:
    running = run(port_of(board))
    until(lambda: running.node.publisher.senders["sim-1"].connection.connected)
    broker.kill()
    board.send(BYTES)
    until(lambda: running.node.outbox.depth("sim-1") >= 5)
    broker.start()
    wire = listen("plumbline/1/#")
    until(lambda: len({m.event_id for m in wire.messages("rep") if isinstance(m, RepMessage)}) == 3)


def test_the_command_ends_cleanly_within_2_s_of_sigterm(
    board: BoardOnPty, broker: Broker, wire: Any, until: Any, tmp_path: Path
) -> None:
    mqtt = Mqtt(host="127.0.0.1", port=broker.port, tls=False)
    station = msgspec.structs.replace(
        SET.station, ports=[Port(url=str(board.path))], mqtt=mqtt, exercise="rdl"
    )
    path = tmp_path / "sim-1.toml"
    path.write_text(station_toml(station), encoding="utf-8")
    outbox = tmp_path / "outbox.db"
    command = [sys.executable, "-m", "station.cli", "edge", "--station", str(path), "--outbox", str(outbox)]
    node = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: wire.messages("health") and last(wire, "health").link_up)
        board.send(BYTES)
        until(lambda: len({m.event_id for m in wire.messages("rep")}) == 3)
        node.send_signal(signal.SIGTERM)
        out, errors = node.communicate(timeout=30.0)
    finally:
        node.kill()
    assert node.returncode == 0, errors
    assert "Traceback" not in errors
    assert out.startswith("counting at sim-1; 0 events wait in")
    until(lambda: last(wire, "state").state == "stopping")
    with Outbox(outbox) as kept:
        leaves = [entry.leaf for entry in kept.unacknowledged("sim-1", 100)]
    assert "set" in leaves and leaves.count("rep") >= 3


def test_a_sensor_that_falls_silent_is_in_health(board: BoardOnPty, run: Any, wire: Any, until: Any) -> None:
    run(port_of(board))
    until(lambda: wire.messages("health") and last(wire, "health").link_up)
    board.send(b"".join(data for at_s, data in PIECES if at_s < 3.0))
    until(lambda: last(wire, "health").sensor_faults.get("position_m") == "silent")
    assert "position_m: silent" in last(wire, "health").problem


class ReadsLate(SerialSource):
    """A port on a machine that has other things to do: its bytes wait."""

    def read(self, timeout_s: float) -> bytes:
        time.sleep(0.8)
        return super().read(timeout_s)


def test_a_port_that_is_read_late_is_not_silent(live_board: Any, run: Any, wire: Any, until: Any) -> None:
    port = Port(url=str(live_board.path))
    run(PortAcquisition(Session(SET.station, load_profile("rdl")), port, ReadsLate))
    until(lambda: len([one for one in wire.messages("health") if one.frames]) > 3)
    assert [one.sensor_faults for one in wire.messages("health") if one.sensor_faults] == []


def test_a_disk_that_takes_its_time_holds_up_no_port(
    board: BoardOnPty, run: Any, wire: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    acquisition = port_of(board)
    running = run(acquisition)
    works, going_on, may_end = running.node.outbox.append, threading.Event(), threading.Event()

    def stuck(*args: Any, **given: Any) -> list[int]:
        going_on.set()
        assert may_end.wait(60.0)
        return works(*args, **given)

    monkeypatch.setattr(running.node.outbox, "append", stuck)
    until(lambda: acquisition.link_up)
    board.send(b"".join(data for at_s, data in PIECES if at_s < REPS[0]["end_s"] + 0.5))
    assert going_on.wait(30.0)
    for _ in range(6):  # while the first rep is being written
        beat_at = acquisition.beat_at
        until(lambda at=beat_at: acquisition.beat_at > at)
    assert running.node.outbox.depth() == 0
    may_end.set()
    board.send(b"".join(data for at_s, data in PIECES if at_s >= REPS[0]["end_s"] + 0.5))
    until(lambda: len({m.event_id for m in wire.messages("rep")}) == 3)
    assert acquisition.session.backlog.overruns == 0


def test_systemd_hears_ready_the_watchdog_and_the_end(
    board: BoardOnPty, run: Any, until: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(5.0)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        running = run(port_of(board))
        assert systemd.recv(100) == b"READY=1"
        assert systemd.recv(100).startswith(b"WATCHDOG=1\nSTATUS=1 stations")
        # A thread that does not come round: no more signs of life.
        monkeypatch.setattr(running.node, "_hanging", lambda now_s: True)
        systemd.setblocking(False)
        until(lambda: _drained(systemd))
        with pytest.raises(BlockingIOError):
            systemd.recv(100)
        monkeypatch.undo()
        systemd.settimeout(5.0)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        running.stop()
        while systemd.recv(100) != b"STOPPING=1":
            pass  # a last sign of life may come before it


def test_a_power_supply_that_is_too_weak_is_in_health(
    board: BoardOnPty, run: Any, wire: Any, until: Any, tmp_path: Path
) -> None:
    running = run(port_of(board))
    said = tmp_path / "pi/sys/devices/platform/soc/soc:firmware/get_throttled"
    said.parent.mkdir(parents=True)
    said.write_text("50005\n")
    running.node._machine = MachineWatch(tmp_path, [], tmp_path / "pi")
    until(lambda: last(wire, "health") and "undervoltage" in str(last(wire, "health").problem))


def test_a_port_unplugged_again_and_again_costs_no_descriptors(
    board: BoardOnPty, run: Any, wire: Any, until: Any
) -> None:
    acquisition = port_of(board)
    run(acquisition)
    until(lambda: wire.messages("health") and acquisition.link_up)
    gc.collect()  # what tests before this one left open is not to be closed while we count
    counts = []
    for _ in range(4):
        board.unplug()
        until(lambda: not acquisition.link_up)
        board.plug_in()
        until(lambda: acquisition.link_up)
        counts.append(len(list(Path("/proc/self/fd").iterdir())))
    assert counts[-1] <= counts[0], counts
    assert acquisition.reconnects >= 4


@pytest.mark.parametrize(
    "text, words",
    [
        ('[station]\nid = "a"\nkind = "barbell"\n', "no [mqtt] table"),
        (
            '[station]\nid = "a"\nkind = "barbell"\n[mqtt]\nhost = "gym"\n[[ports]]\nurl = "x"\n',
            "no exercise",
        ),
        (
            'exercise = "rdl"\n[station]\nid = "a"\nkind = "barbell"\n'
            '[mqtt]\ntls = false\nhost = "gym"\n[[ports]]\nurl = "x"\n',
            "only a broker on this machine",
        ),
    ],
)
def test_a_station_file_a_node_cannot_run_is_said_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    path = tmp_path / "a.toml"
    path.write_text(text)
    assert main(["edge", "--station", str(path), "--outbox", str(tmp_path / "o.db")]) == 1
    captured = capsys.readouterr().err
    assert words in captured and len(captured.strip().splitlines()) <= 2
