"""What a gym has quarrelled about: kept by a node, listed, shown, exported, and scored as a case."""

import os
import pty
import shutil
import signal
import subprocess
import sys
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from edge.broker.mosquitto import Broker
from edge.node.dispute_store import DISPUTE
from edge.tools.dispute_replay import read_dispute
from station.cli import main
from station.config import Mqtt, Port
from station.errors import BrokerError
from station.exercises import load_profile
from station.messages import CommandMessage, encode, new_id
from station.sim.devices.board import board_bytes
from station.sim.recording import station_toml
from station.sim.session import simulate_set
from tests.accuracy.disputes import score_dispute
from tests.conftest import Wire

SET = simulate_set(load_profile("rdl"), reps=4, rng=np.random.default_rng(5))
BYTES = b"".join(data for _, data in board_bytes(SET, np.random.default_rng(6)))
TOPIC = "plumbline/1/gym/sim-1/"


@pytest.fixture(scope="module")
def line() -> Iterator[tuple[int, str]]:
    """A pseudo-terminal: its far end, and the path of the near one."""
    far, near = pty.openpty()
    tty.setraw(near)
    yield far, os.ttyname(near)
    os.close(far)
    os.close(near)


@pytest.fixture(scope="module")
def wired() -> Iterator[tuple[int, Wire]]:
    """mosquitto's port, and a client that hears everything on it."""
    try:
        broker = Broker(kind="mosquitto")
    except BrokerError:
        pytest.skip("mosquitto is not installed")
    with broker:
        wire = Wire(broker.port, "plumbline/1/#")
        yield broker.port, wire
        wire.close()


@pytest.fixture(scope="module")
def quarrel(
    line: tuple[int, str], wired: tuple[int, Wire], until: Callable[..., None],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:  # fmt: skip
    """What a node that ran as a process of its own has kept: a rep marked false over MQTT, and one added."""
    (far, port), (broker, wire), folder = line, wired, tmp_path_factory.mktemp("node")
    mqtt = Mqtt(host="127.0.0.1", port=broker, tls=False)
    station = msgspec.structs.replace(SET.station, ports=[Port(url=port)], mqtt=mqtt, exercise="rdl")
    path = folder / "sim-1.toml"
    path.write_text(station_toml(station), encoding="utf-8")
    command = [sys.executable, "-m", "station.cli", "edge", "--station", str(path)]
    node = subprocess.Popen([*command, "--outbox", str(folder / "outbox.db")], stdout=subprocess.DEVNULL)

    def say(name: Any, **given: Any) -> None:
        asked = CommandMessage(
            event_id=new_id(), at_utc="2026-01-01T00:00:00Z", name=name, by="coach-anna", **given
        )
        wire.say(f"{TOPIC}command", encode(asked))
        until(lambda: any(reply.in_reply_to == asked.event_id for reply in wire.messages("reply")))

    try:
        until(lambda: any(health.link_up for health in wire.messages("health")))
        say("set-athlete", athlete="athlete-bob")
        for start in range(0, len(BYTES), 1000):
            os.write(far, BYTES[start : start + 1000])
        until(lambda: len({m.event_id for m in wire.messages("rep")}) == 4)
        reps = {m.rep.number: m.event_id for m in wire.messages("rep")}
        say("mark-rep", rep_event_id=reps[2], mark="false")
        say("add-rep")
        node.send_signal(signal.SIGTERM)
        assert node.wait(10.0) == 0
    finally:
        node.kill()
        node.wait()
    return folder / "disputes"


@pytest.fixture
def kept(quarrel: Path, tmp_path: Path) -> Path:
    """That, to be changed."""
    return Path(shutil.copytree(quarrel, tmp_path / "disputes"))


def test_a_quarrel_over_mqtt_is_listed_shown_exported_and_scored(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--dir", str(kept)]
    assert main(["disputes", "list", *where]) == 0
    listed = capsys.readouterr().out
    assert "romanian-deadlift, 4 reps measured; false, added" in listed
    name = listed.split()[0]
    assert main(["disputes", "show", name, *where]) == 0
    shown = capsys.readouterr().out
    assert "said: false" in shown and "added by a person" in shown and "replayed: the same" in shown
    assert any("\u2801" <= sign <= "\u28ff" for sign in shown)  # the curve
    assert main(["disputes", "export", "--all", "--out", str(tmp_path / "out"), *where]) == 0
    out = tmp_path / "out" / name
    assert {path.name for path in out.iterdir()} == {DISPUTE, "port-0.plc"}
    written = b"".join(path.read_bytes() for path in out.iterdir())
    assert b"anna" not in written and b"bob" not in written
    case = score_dispute(out)
    # Four by a person's word: three of those measured and one added. The one marked false is found again, and
    # stands for the added one, which has no time of its own.
    assert (case.judged, case.same, case.reps, case.trouble) == (True, True, 4, "")
    done = subprocess.run(
        [sys.executable, "-m", "tests.accuracy", "--disputes", str(tmp_path / "out")],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert done.returncode == 0 and "of 1 judged sets exact" in done.stdout, done.stdout + done.stderr


def test_a_false_rep_is_a_ghost_and_a_missed_one_a_miss(kept: Path) -> None:
    (folder,) = kept.iterdir()
    dispute = read_dispute(folder)
    without = [one for one in dispute.verdicts if not one.added]
    rewritten = msgspec.structs.replace(dispute, verdicts=without)
    (folder / DISPUTE).write_bytes(msgspec.json.encode(rewritten))
    case = score_dispute(folder)
    assert (case.reps, case.found, case.ghosts) == (3, 3, 1)
    nobody = [msgspec.structs.replace(one, mark=None, state="confirmed") for one in without]
    late = msgspec.structs.replace(without[-1].rep, concentric_end_s=999.0)
    rewritten = msgspec.structs.replace(
        dispute, verdicts=[*nobody[:-1], msgspec.structs.replace(nobody[-1], rep=late)]
    )
    (folder / DISPUTE).write_bytes(msgspec.json.encode(rewritten))
    assert score_dispute(folder).found == 2  # one of three is marked not counted in its rep


def test_links_in_the_nodes_folder_are_not_followed(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder,) = kept.iterdir()
    secret = tmp_path / "secret"
    secret.write_text("root's")
    (folder / "port-0.plc").unlink()
    (folder / "port-0.plc").symlink_to(secret)
    assert main(["disputes", "export", "--all", "--out", str(tmp_path / "out"), "--dir", str(kept)]) == 1
    assert b"root's" not in b"".join(
        path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()
    )
    assert main(["disputes", "show", "--all", "--dir", str(kept)]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 2


@pytest.mark.parametrize("words", [["show", "nothing"], ["list", "--dir", "/nowhere/disputes"]])
def test_what_is_not_there_is_said_in_a_line(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["disputes", "--dir", str(tmp_path), *words]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_what_is_no_dispute_is_passed_over_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / DISPUTE).write_text("{}")
    assert main(["disputes", "list", "--dir", str(tmp_path)]) == 0
    assert "no dispute of this Plumbline" in capsys.readouterr().err
