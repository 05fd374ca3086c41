"""What the tests of several packages share: a real broker, and messages as a station would make them."""

import gc
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
import pytest
from hypothesis import settings
from paho.mqtt.enums import CallbackAPIVersion

from edge.broker.mosquitto import Broker
from edge.delivery.outbox import Outbox
from edge.delivery.publisher import Publisher
from station.config import Mqtt
from station.errors import BrokerError
from station.messages import AnyMessage, RepMessage, SetMessage, decode
from station.records import Rep, SetSummary

# How long an example takes says more of the machine's other work than of ours.
settings.register_profile("plumbline", deadline=None)
settings.load_profile("plumbline")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """No garbage is looked for meanwhile: a worker collects thousands of tests, and keeps them all."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
        # A sixth of a worker's time is looking for garbage that is not there (at every 700 new objects).
        gc.set_threshold(50_000, 10, 10)


@pytest.fixture
def broker() -> Iterator[Broker]:
    """mosquitto on a free loopback port."""
    try:
        child = Broker(kind="mosquitto")
    except BrokerError:
        pytest.skip("mosquitto is not installed")
    with child:
        yield child


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox(tmp_path / "outbox.db") as outbox:
        yield outbox


@pytest.fixture
def publisher(broker: Broker, outbox: Outbox) -> Iterator[Publisher]:
    """Publishes the outbox for the station rack-1, in session "one"."""
    mqtt = Mqtt(host="127.0.0.1", port=broker.port, tls=False)
    publisher = Publisher(outbox, {"rack-1": mqtt}, {"rack-1": "one"})
    publisher.start()
    yield publisher
    publisher.stop()


class Wire:
    """A plain client of a broker: hears `topics` and says anything."""

    def __init__(self, port: int, *topics: str) -> None:
        self.heard: list[tuple[str, bytes, bool]] = []  # leaf, payload, retained
        subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.on_message = lambda _c, _d, message: self.heard.append(
            (message.topic.rsplit("/", 1)[1], bytes(message.payload), message.retain)
        )
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.on_connect = lambda client, *_: client.subscribe([(topic, 1) for topic in topics])
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert subscribed.wait(5.0)

    def say(self, topic: str, payload: bytes, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(5.0)

    def messages(self, leaf: str) -> list[AnyMessage]:
        return [decode(name, payload) for name, payload, _ in list(self.heard) if name == leaf]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def listen(broker: Broker) -> Iterator[Callable[..., Wire]]:
    """Make a client that hears the topics given."""
    wires: list[Wire] = []

    def make(*topics: str) -> Wire:
        wires.append(Wire(broker.port, *topics))
        return wires[-1]

    yield make
    for wire in wires:
        wire.close()


@pytest.fixture
def wire(listen: Callable[..., Wire]) -> Wire:
    """A client that hears everything on the broker."""
    return listen("plumbline/1/#")


@pytest.fixture(scope="session")
def until() -> Callable[..., None]:
    """Wait until something is true; fail after 10 s, or so many times that as PLUMBLINE_PATIENCE says."""
    patience = float(os.environ.get("PLUMBLINE_PATIENCE", "1"))

    def wait(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
        deadline_s = time.monotonic() + timeout_s * patience
        while not condition():
            assert time.monotonic() < deadline_s, "it did not become true in time"
            time.sleep(0.01)

    return wait


@pytest.fixture(scope="session")
def make_rep() -> Callable[..., RepMessage]:
    return _make_rep


@pytest.fixture(scope="session")
def make_set() -> Callable[..., SetMessage]:
    return _make_set


def _make_rep(number: int = 1, **changes: Any) -> RepMessage:
    """A confirmed rep; `changes` are of the message or of the rep."""
    fields: dict[str, Any] = {field.name: None for field in msgspec.structs.fields(Rep)}
    fields |= {"number": number, "counted": True, "start_s": 1.0, "end_s": 4.0}
    fields |= {"concentric_start_s": 3.0, "concentric_end_s": 4.0, "concentric_s": 1.0}
    fields |= {"mean_concentric_velocity_mps": 0.5}
    message: dict[str, Any] = {
        "event_id": f"session-s1-r{number}",
        "at_utc": "2030-01-01T00:00:00.000Z",
        "stream": "",
        "seq": 1,
        "session": "session",
        "session_s": 4.0,
        "revision": 1,
        "state": "confirmed",
        "exercise": "romanian-deadlift",
        "set_number": 1,
    }
    for name, value in changes.items():
        (fields if name in fields else message)[name] = value
    return RepMessage(rep=Rep(**fields), **message)


def _make_set(number: int = 1, **changes: Any) -> SetMessage:
    fields: dict[str, Any] = {field.name: None for field in msgspec.structs.fields(SetSummary)}
    fields |= {"number": number, "counted_reps": 5, "partial_reps": 0, "start_s": 1.0, "end_s": 20.0}
    message: dict[str, Any] = {
        "event_id": f"session-s{number}",
        "at_utc": "2030-01-01T00:00:00.000Z",
        "stream": "",
        "seq": 1,
        "session": "session",
        "session_s": 21.0,
        "revision": 1,
        "exercise": "romanian-deadlift",
    }
    for name, value in changes.items():
        (fields if name in fields else message)[name] = value
    return SetMessage(summary=SetSummary(**fields), **message)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """A PostgreSQL server."""
    from tests.servers import POSTGRES, Postgres  # noqa: PLC0415  a node has no database drivers

    if POSTGRES is None:
        pytest.skip("postgresql is not installed")
    server = Postgres(POSTGRES)
    yield server
    server.stop()
