"""The files of `plumbline broker add`, in a real mosquitto: who may do what, and what a change keeps."""

import shutil
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from dashboard.record.record import Record
from dashboard.record.store import open_store
from edge.delivery.mqtt_client import client_id
from edge.delivery.outbox import Outbox
from edge.delivery.publisher import Publisher
from station.cli import main
from station.config import Mqtt
from station.messages import RepMessage, StateMessage
from station.topics import LEAVES
from tests.dashboard.record import written
from tests.ports import free_port

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(
    not (MOSQUITTO and shutil.which("openssl")), reason="needs mosquitto and openssl"
)
ROOT = "plumbline/1/gym/"
ALL = set(LEAVES)
# By user: the leaves of rack-1 that it may write, and those it may read. Nothing else, and nothing elsewhere.
MAY_WRITE = {
    "rack-1": {"state", "info", "health", "current", "live", "rep", "set", "reply"},
    "rack-2": set(),
    "record": {"ack", "command", "reply"},
    "floor": {"ack", "command", "correction", "badge", "reply"},
    "coach": {"command", "correction", "badge"},
    "screen-rack-1": {"badge", "command"},
    "screen-rack-2": set(),
    "home-assistant": set(),
}
MAY_READ = {
    "rack-1": {"command", "ack", "state", "health"},
    "rack-2": set(),
    "record": ALL,
    "floor": ALL,
    "coach": ALL,
    "screen-rack-1": ALL,
    "screen-rack-2": set(),
    "home-assistant": ALL,
}
DISCOVERY = "homeassistant/sensor/rack-1/plumbline_gym_rack-1_rep/config"


class Peer:
    """One user's connection; waits for what the broker answers."""

    def __init__(self, gym: "SetUp", user: str, client_id: str = "") -> None:
        self.heard: dict[str, bytes] = {}
        self._answers: dict[int, str] = {}
        self._changed = threading.Condition()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5)
        self._client.username_pw_set(user, gym.password(user))
        self._client.tls_set(str(gym.folder / "ca.pem"))
        self._client.on_publish = self._published
        self._client.on_subscribe = self._published
        self._client.on_message = self._message
        self._client.connect("localhost", gym.port)
        self._client.loop_start()

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def may_write(self, topic: str, payload: bytes = b"x", retain: bool = False) -> bool:
        mid = self._client.publish(topic, payload, qos=1, retain=retain).mid
        with self._changed:
            assert self._changed.wait_for(lambda: mid in self._answers, 5.0)
            return self._answers[mid] != "Not authorized"

    def subscribe(self, *topics: str) -> None:
        mid = self._client.subscribe([(topic, 1) for topic in topics])[1]
        with self._changed:
            assert self._changed.wait_for(lambda: mid in self._answers, 5.0)

    def wait_for(self, topic: str, payload: bytes) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.heard.get(topic) == payload, 5.0)

    def _published(self, _c: Any, _d: Any, mid: int, reason: Any, _p: Any) -> None:
        with self._changed:
            self._answers[mid] = str(reason)
            self._changed.notify_all()

    def _message(self, _c: Any, _d: Any, message: paho.MQTTMessage) -> None:
        with self._changed:
            self.heard[message.topic] = message.payload
            self._changed.notify_all()


class SetUp:
    """A broker from the files."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port

    def password(self, user: str) -> str:
        return (self.folder / "private" / f"{user}.pw").read_text().strip()

    def mqtt(self, user: str) -> Mqtt:
        return Mqtt(
            host="localhost",
            port=self.port,
            ca_file=str(self.folder / "ca.pem"),
            username=user,
            password_file=str(self.folder / "private" / f"{user}.pw"),
        )


@pytest.fixture(scope="module")
def gym(tmp_path_factory: pytest.TempPathFactory, serving: Any) -> Iterator[SetUp]:
    folder = tmp_path_factory.mktemp("gym") / "plumbline"
    port = free_port()
    command = ["broker", "add", str(folder), "--port", str(port), "--stations", "rack-1", "rack-2"]
    command += ["--coaches", "coach", "--screens", "rack-1", "rack-2", "--home-assistant"]
    assert main(command) == 0
    own = folder.parent / "mosquitto.conf"
    config = (folder / "broker" / "plumbline.conf").read_text()
    own.write_text(config + "user root\nallow_zero_length_clientid true\n")
    with serving(MOSQUITTO, own, port):
        yield SetUp(folder, port)


@pytest.mark.parametrize("user", sorted(MAY_WRITE))
def test_every_user_writes_what_its_role_is_for_and_nothing_else(gym: SetUp, user: str) -> None:
    with Peer(gym, user) as peer:
        written = {leaf for leaf in LEAVES if peer.may_write(f"{ROOT}rack-1/{leaf}")}
        assert written == MAY_WRITE[user]
        assert peer.may_write(DISCOVERY) == (user in ("rack-1", "home-assistant"))
        for elsewhere in ("plumbline/1/other/rack-1/rep", f"{ROOT}rack-9/rep", "$SYS/broker", "x"):
            assert not peer.may_write(elsewhere), elsewhere


@pytest.mark.parametrize("user", sorted(MAY_READ))
def test_every_user_reads_what_its_role_is_for_and_nothing_else(gym: SetUp, user: str) -> None:
    with Peer(gym, user) as peer, Peer(gym, "rack-1") as station, Peer(gym, "floor") as floor:
        # What it may read comes last: everything before it has come by then. A wildcard opens nothing.
        own = {"rack-2": "rack-2/command", "screen-rack-2": "rack-2/badge"}.get(user, "rack-1/command")
        peer.subscribe(*(f"{ROOT}rack-1/{leaf}" for leaf in LEAVES), f"{ROOT}rack-1/#", ROOT + own)
        for leaf in MAY_WRITE["rack-1"]:
            assert station.may_write(f"{ROOT}rack-1/{leaf}")
        for leaf in ("ack", "correction", "badge", "command"):
            assert floor.may_write(f"{ROOT}rack-1/{leaf}")
        assert floor.may_write(ROOT + own, b"last")
        peer.wait_for(ROOT + own, b"last")
        heard = {topic.rsplit("/", 1)[1] for topic in peer.heard if "/rack-1/" in topic}
        assert heard == MAY_READ[user]


def test_nobody_and_a_wrong_password_are_refused(gym: SetUp) -> None:
    for user, word in ((None, None), ("coach", "wrong"), ("rack-1", gym.password("rack-2"))):
        answered = threading.Event()
        codes: list[Any] = []
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        if user is not None:
            client.username_pw_set(user, word)
        client.tls_set(str(gym.folder / "ca.pem"))
        client.on_connect = lambda _c, _d, _f, code, _p, codes=codes, done=answered: (
            codes.append(code),
            done.set(),
        )
        client.connect("localhost", gym.port)
        client.loop_start()
        assert answered.wait(5.0)
        client.loop_stop()
        assert codes[0].is_failure, user


def test_reps_get_through_and_a_record_of_the_role_acknowledges_them(
    gym: SetUp, outbox: Outbox, make_rep: Callable[..., RepMessage], until: Any, tmp_path: Path
) -> None:
    publisher = Publisher(outbox, {"rack-1": gym.mqtt("rack-1")}, {"rack-1": "one"})
    publisher.senders["rack-1"].retain(
        StateMessage(event_id="e", at_utc="2030-01-01T00Z", session="one", state="ready")
    )
    publisher.start()
    outbox.append("rack-1", [make_rep(1), make_rep(2)])
    until(lambda: publisher.senders["rack-1"].connection.connected)
    with open_store(tmp_path / "h.db") as store, Record(gym.mqtt("record"), store):
        until(lambda: outbox.depth() == 0)
        assert [row["number"] for row in written.reps(store, "gym", "rack-1")] == [1, 2]
    assert publisher.senders["rack-1"].connection.trouble is None
    publisher.stop()


@pytest.mark.parametrize("ours", ["plumbline-gym-rack-1", "rack-1"])
def test_nobody_who_lacks_a_nodes_password_can_take_its_client_id(
    gym: SetUp, outbox: Outbox, until: Any, ours: str
) -> None:
    """A broker throws out whoever had the id that a newcomer gives (MQTT 5, 3.1.4-3)."""
    publisher = Publisher(outbox, {"rack-1": gym.mqtt("rack-1")}, {"rack-1": "one"})
    publisher.start()
    connection = publisher.senders["rack-1"].connection
    until(lambda: connection.connected)
    with Peer(gym, "coach", client_id=ours) as coach:
        assert coach.may_write(f"{ROOT}rack-1/command"), "the coach is connected"
        with Peer(gym, "record") as record:
            assert record.may_write(f"{ROOT}rack-1/ack")
        assert connection.connected and connection.connects == 1
    publisher.stop()


def test_the_client_id_of_a_node_is_the_same_at_each_start_and_another_by_password(tmp_path: Path) -> None:
    assert client_id("gym", "rack-1", "a word") == client_id("gym", "rack-1", "a word")
    assert client_id("gym", "rack-1", "a word") != client_id("gym", "rack-1", "another")
    assert client_id("gym", "rack-1", "a word") != client_id("gym", "rack-2", "a word")
    assert client_id("gym", "rack-1", None) == "plumbline-gym-rack-1"


def test_a_station_that_says_another_name_is_told_by_its_own_log(
    gym: SetUp, outbox: Outbox, until: Any
) -> None:
    publisher = Publisher(outbox, {"rack-1": gym.mqtt("rack-2")}, {"rack-1": "one"})
    publisher.senders["rack-1"].retain(
        StateMessage(event_id="e", at_utc="2030-01-01T00Z", session="one", state="ready")
    )
    publisher.start()
    until(
        lambda: (
            "does not let station rack-1 publish" in (publisher.senders["rack-1"].connection.trouble or "")
        )
    )
    publisher.stop()


def test_a_certificate_is_renewed_under_the_same_authority_without_a_stop(
    tmp_path: Path, serving: Any, until: Any
) -> None:
    port = free_port()
    folder = tmp_path / "gym"
    assert main(["broker", "add", str(folder), "--port", str(port), "--stations", "rack-1"]) == 0
    own = tmp_path / "mosquitto.conf"
    own.write_text((folder / "broker" / "plumbline.conf").read_text() + "user root\n")
    gym = SetUp(folder, port)
    authority = (folder / "ca.pem").read_bytes()
    with serving(MOSQUITTO, own, port) as process, Peer(gym, "rack-1") as station:
        before = _served(port, folder)
        assert main(["broker", "renew", str(folder)]) == 0
        process.send_signal(signal.SIGHUP)  # what `systemctl reload mosquitto` does
        until(lambda: _served(port, folder) != before)
        assert station.may_write(f"{ROOT}rack-1/rep"), "the connection from before goes on"
    assert (folder / "ca.pem").read_bytes() == authority


def _served(port: int, folder: Path) -> bytes:
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # as by itself from Python 3.13 on
    with (
        socket.create_connection(("127.0.0.1", port), 5.0) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as sock,
    ):
        served = sock.getpeercert(binary_form=True)
        assert served is not None
        return served
