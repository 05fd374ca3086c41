"""Prometheus reads a node's health, Home Assistant finds its stations: each only where it is asked for."""

import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from edge.broker.mosquitto import Broker
from edge.delivery.home_assistant import discovery
from edge.delivery.outbox import Outbox
from edge.delivery.publisher import Publisher
from edge.link.drivers import Samples
from edge.node.acquisition import PlayedSamples
from edge.node.metrics import exposition
from edge.node.node import Node
from edge.node.session import Session
from station.config import Mqtt, StationFile, StationTable
from station.errors import ConfigError
from station.exercises import load_profile
from station.program.metrics import MetricsServer


def node_at(mqtt: Mqtt, outbox: Outbox) -> Node:
    """A node whose one sensor says the same for a long time."""
    session = Session(StationFile(station=StationTable(id="rack-1", kind="barbell")), load_profile("rdl"))
    blocks = [[Samples("position_m", np.array([n * 0.05]), np.array([0.8]))] for n in range(1, 2000)]
    return Node([PlayedSamples(session, blocks, 1.0, [])], outbox, {"rack-1": mqtt}, say=lambda line: None)


def get(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        text: str = answer.read().decode()
        return text


def test_metrics_are_the_newest_health(broker: Broker, outbox: Outbox, until: Callable[..., None]) -> None:
    node = node_at(Mqtt(host="127.0.0.1", port=broker.port, tls=False), outbox)
    running = threading.Thread(target=node.run)
    with MetricsServer(0, lambda: exposition(node.healths)) as server:
        assert "station=" not in get(server.port, "/metrics")
        running.start()
        until(lambda: 'plumbline_link_up{station="rack-1"} 1' in get(server.port, "/metrics"))
        text = get(server.port, "/metrics")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(server.port, "/")
        with pytest.raises(ConfigError, match="cannot be listened on"):
            MetricsServer(server.port, str)
    node.stop()
    running.join(5.0)
    assert 'plumbline_frames_lost_total{station="rack-1"} 0' in text
    assert "clock_drift_ppm{" not in text  # not known: left out, not 0
    assert 'plumbline_shifts_total{station="rack-1"} 0' in text
    for line in text.splitlines():
        assert line.startswith("# TYPE plumbline_") or float(line.rsplit(" ", 1)[1]) >= 0


def test_a_sensor_fault_is_a_line_of_its_own(outbox: Outbox, broker: Broker) -> None:
    node = node_at(Mqtt(host="127.0.0.1", port=broker.port, tls=False), outbox)
    health = node._health(node.sessions[0], node.acquisitions)
    faulty = msgspec.structs.replace(health, sensor_faults={"force_n": "stuck"})
    line = 'plumbline_sensor_fault{station="rack-1",channel="force_n",fault="stuck"} 1'
    assert line in exposition({"rack-1": faulty}).splitlines()


def test_home_assistant_is_told_only_where_asked(
    broker: Broker, outbox: Outbox, listen: Any, until: Callable[..., None]
) -> None:
    plain = Mqtt(host="127.0.0.1", port=broker.port, tls=False)
    assert discovery(plain, "rack-1") == {}
    asked = msgspec.structs.replace(plain, home_assistant="homeassistant")
    node = node_at(asked, outbox)
    running = threading.Thread(target=node.run)
    running.start()
    until(lambda: node.publisher.senders["rack-1"].connection.connected)
    hears = listen("homeassistant/#")  # kept: also for a Home Assistant that starts later
    until(lambda: len(hears.heard) == len(discovery(asked, "rack-1")))
    node.stop()
    running.join(5.0)
    configs = [msgspec.json.decode(payload) for _, payload, _ in hears.heard]
    assert len({config["unique_id"] for config in configs}) == len(configs)
    for config in configs:
        assert config["state_topic"].startswith("plumbline/1/gym/rack-1/")
        assert config["availability_topic"] == "plumbline/1/gym/rack-1/state"
    for topic in discovery(asked, "rack-1"):
        assert topic.split("/")[2] == "rack-1"


@pytest.mark.parametrize("later", [None, "ha"])
def test_what_is_no_longer_asked_for_is_taken_back_from_home_assistant(
    broker: Broker, outbox: Outbox, listen: Any, until: Callable[..., None], later: str | None
) -> None:
    plain = Mqtt(host="127.0.0.1", port=broker.port, tls=False)
    held: dict[str, bytes] = {}
    hears = listen("homeassistant/#", "ha/#")
    hears._client.on_message = lambda _c, _d, message: held.update({message.topic: message.payload})
    for prefix in ("homeassistant", later):
        mqtt = msgspec.structs.replace(plain, home_assistant=prefix)
        publisher = Publisher(outbox, {"rack-1": mqtt}, {"rack-1": "one"})
        publisher.start()
        wanted = discovery(mqtt, "rack-1")
        until(lambda wanted=wanted: {at for at, payload in held.items() if payload} == set(wanted))
        until(lambda prefix=prefix: outbox.saved_state("rack-1/home-assistant") == (prefix or "").encode())
        publisher.stop()
