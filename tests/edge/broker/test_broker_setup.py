"""The broker files that `plumbline broker --setup` writes, in a real mosquitto: who may do what."""

import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from dashboard.record.record import Record
from dashboard.record.store import SqliteStore
from edge.broker.setup import acl
from edge.delivery.outbox import Outbox
from edge.delivery.publisher import Publisher
from station.cli import main
from station.config import Mqtt
from station.messages import AckMessage, RepMessage, StateMessage, StreamAck, encode

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(
    not (MOSQUITTO and shutil.which("openssl")), reason="needs mosquitto and openssl"
)
ROOT = "plumbline/1/gym/"


class SetUp:
    """A broker from the files, and clients of its users."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port

    def mqtt(self, user: str) -> Mqtt:
        return Mqtt(
            host="localhost",
            port=self.port,
            ca_file=str(self.folder / "ca.pem"),
            username=user,
            password_file=str(self.folder / f"{user}.pw"),
        )

    def say(self, user: str, topic: str, payload: bytes) -> str:
        """Publish as a user; what the broker answered."""
        answered: list[Any] = []
        done = threading.Event()
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        client.username_pw_set(user, (self.folder / f"{user}.pw").read_text().strip())
        client.tls_set(str(self.folder / "ca.pem"))
        client.on_publish = lambda _c, _d, _m, reason, _p: (answered.append(str(reason)), done.set())
        client.on_connect = lambda *_: client.publish(topic, payload, qos=1)
        client.connect("localhost", self.port)
        client.loop_start()
        assert done.wait(5.0)
        client.disconnect()
        client.loop_stop()
        return str(answered[0])


@pytest.fixture(scope="module")
def gym(tmp_path_factory: pytest.TempPathFactory, serving: Any) -> Iterator[SetUp]:
    folder = tmp_path_factory.mktemp("gym")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = ["broker", "--setup", str(folder), "--port", str(port), "--stations", "rack-1", "rack-2"]
    command.append("--home-assistant")
    assert main(command) == 0
    config = folder / "plumbline.conf"
    config.write_text(config.read_text() + "user root\n")
    with serving(MOSQUITTO, config, port):
        yield SetUp(folder, port)


def test_reps_get_through_and_a_spoofed_station_or_acknowledgement_does_not(
    gym: SetUp, outbox: Outbox, make_rep: Callable[..., RepMessage], until: Any, tmp_path: Path
) -> None:
    publisher = Publisher(outbox, {"rack-1": gym.mqtt("rack-1")}, {"rack-1": "one"})
    publisher.retain("rack-1", StateMessage(event_id="e", at_utc="x", session="one", state="ready"))
    publisher.start()
    outbox.append("rack-1", [make_rep(1), make_rep(2)])
    until(lambda: publisher.connected("rack-1"))
    stream = StreamAck(stream=outbox.stream("rack-1"), committed_seq=2)
    ack = encode(AckMessage(event_id="a", at_utc="x", streams=[stream]))
    spoofed = encode(make_rep(9, stream="spoofed", seq=1, event_id="spoofed"))
    for user, topic, payload in (
        ("rack-2", "rack-1/ack", ack),
        ("rack-1", "rack-1/ack", ack),
        ("coach", "rack-1/ack", ack),
        ("rack-2", "rack-1/rep", spoofed),
        ("coach", "rack-1/rep", spoofed),
        ("rack-2", "rack-1/command", b"{}"),
        ("rack-1", "rack-1/badge", b"{}"),
        ("record", "rack-1/rep", spoofed),
        ("record", "rack-1/live", b"{}"),
    ):
        assert gym.say(user, ROOT + topic, payload) == "Not authorized", (user, topic)
    assert outbox.depth() == 2
    with SqliteStore(tmp_path / "h.db") as store, Record(gym.mqtt("record"), store):
        until(lambda: outbox.depth() == 0)
        assert [row["number"] for row in store.reps("gym", "rack-1")] == [1, 2]
    found = "homeassistant/sensor/rack-1/plumbline_gym_rack-1_rep/config"
    assert gym.say("rack-2", found, b"{}") == "Not authorized"
    assert gym.say("rack-1", found, b"{}") != "Not authorized"
    assert gym.say("coach", ROOT + "rack-1/command", b"{}") != "Not authorized"
    assert gym.say("floor", ROOT + "rack-1/ack", b"{}") != "Not authorized"
    assert publisher.trouble("rack-1") is None
    publisher.stop()


def test_a_station_that_says_another_name_is_told_by_its_own_log(
    gym: SetUp, outbox: Outbox, until: Any
) -> None:
    publisher = Publisher(outbox, {"rack-1": gym.mqtt("rack-2")}, {"rack-1": "one"})
    publisher.retain("rack-1", StateMessage(event_id="e", at_utc="x", session="one", state="ready"))
    publisher.start()
    until(lambda: "does not let station rack-1 publish" in (publisher.trouble("rack-1") or ""))
    publisher.stop()


def test_a_second_run_adds_users_and_changes_no_password(gym: SetUp, tmp_path: Path) -> None:
    folder = tmp_path / "again"
    shutil.copytree(gym.folder, folder)
    before = (folder / "rack-1.pw").read_text(), (folder / "ca.pem").read_text()
    assert main(["broker", "--setup", str(folder), "--stations", "rack-1", "rack-2", "rack-3"]) == 0
    assert ((folder / "rack-1.pw").read_text(), (folder / "ca.pem").read_text()) == before
    assert (folder / "rack-3.pw").stat().st_mode & 0o777 == 0o600
    users = [line.split(":")[0] for line in (folder / "passwords").read_text().splitlines()]
    assert sorted(users) == ["coach", "floor", "rack-1", "rack-2", "rack-3", "record"]


@pytest.mark.parametrize("station", ["record", "Rack", "a/b", "+"])
def test_a_station_that_would_get_anothers_rights_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], station: str
) -> None:
    assert main(["broker", "--setup", str(tmp_path / "x"), "--stations", station]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not (tmp_path / "x").exists()


def test_the_rights_in_docs_are_the_ones_that_are_written() -> None:
    text = (Path(__file__).parents[3] / "docs" / "broker.md").read_text()
    for line in acl("gym", ["coach"]).splitlines():
        if "floor" not in line:
            assert line in text
