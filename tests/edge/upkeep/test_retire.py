"""A station that is no more: what the broker kept of it is cleared, and never under a node that lives."""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.broker.mosquitto import Broker
from edge.delivery.home_assistant import discovery
from station.cli import main
from station.config import Mqtt
from station.messages import HealthMessage, StateMessage, encode
from station.topics import RETAINED
from tests.ports import free_port

Listen = Callable[..., Any]
ROOT = "plumbline/1/gym/cable-1"
STATE = StateMessage(event_id="a", at_utc="2026-01-01T00:00:00Z", session="one", state="lost")
HEALTH = HealthMessage(
    event_id="b",
    at_utc="2026-01-01T00:00:00Z",
    session="one",
    session_s=1.0,
    link_up=True,
    frames=0,
    frames_lost=0,
    frames_corrupt=0,
    samples_rejected=0,
    bytes_discarded=0,
    clock_drift_ppm=None,
    outbox_depth=0,
)


def settings(folder: Path, port: int) -> Path:
    path = folder / "cable-1.toml"
    path.write_text(
        '[station]\nid = "cable-1"\nkind = "cable"\n[mqtt]\nhost = "127.0.0.1"\ntls = false\n'
        f'port = {port}\nhome_assistant = "homeassistant"\n'
    )
    return path


def kept(listen: Listen, *topics: str) -> set[str]:
    """The leaves of which the broker has something."""
    ears = listen(*topics)
    ears.say("plumbline/1/gym/other/mark", b"x")  # what was kept has come before the answer to this
    return {leaf for leaf, payload, retained in ears.heard if retained and payload}


def test_nothing_of_a_retired_station_is_left_on_the_broker_and_others_stay(
    tmp_path: Path, broker: Broker, listen: Listen, capsys: pytest.CaptureFixture[str]
) -> None:
    say = listen("nothing")
    announced = discovery(Mqtt(home_assistant="homeassistant"), "cable-1")
    for topic in [*(f"{ROOT}/{leaf}" for leaf in RETAINED), *announced, "plumbline/1/gym/rack-1/state"]:
        say.say(topic, encode(HEALTH if topic.endswith("health") else STATE), retain=True)
    path = settings(tmp_path, broker.port)
    assert kept(listen, f"{ROOT}/#") == RETAINED
    for _ in range(2):
        assert main(["edge", "retire", str(path)]) == 0
        assert "cleared current, health, info, state, home-assistant" in capsys.readouterr().out
        assert kept(listen, f"{ROOT}/#", "homeassistant/#") == set()
    assert kept(listen, "plumbline/1/gym/rack-1/#") == {"state"}


def test_a_station_whose_node_lives_is_not_retired(
    tmp_path: Path, broker: Broker, listen: Listen, capsys: pytest.CaptureFixture[str]
) -> None:
    node = listen("nothing")
    node.say(f"{ROOT}/state", encode(msgspec.structs.replace(STATE, state="ready")), retain=True)
    stop = threading.Event()

    def live() -> None:
        while not stop.wait(0.1):
            node.say(f"{ROOT}/health", encode(HEALTH), retain=True)

    thread = threading.Thread(target=live)
    thread.start()
    try:
        assert main(["edge", "retire", str(settings(tmp_path, broker.port))]) == 1
    finally:
        stop.set()
        thread.join()
    error = capsys.readouterr().err
    assert "speaks as cable-1" in error and len(error.splitlines()) == 1
    assert "state" in kept(listen, f"{ROOT}/#")


def test_a_broker_that_is_not_there_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["edge", "retire", str(settings(tmp_path, 9))]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_an_acl_that_denies_it_is_said(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    serving: Callable[..., Any],
) -> None:
    mosquitto = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if mosquitto is None:
        pytest.skip("mosquitto is not installed")
    port = free_port()
    (tmp_path / "acl").write_text(f"topic read {ROOT}/#\n")
    config = tmp_path / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nacl_file {tmp_path / 'acl'}\nuser root\n"
    )
    with serving(mosquitto, config, port):
        assert main(["edge", "retire", str(settings(tmp_path, port))]) == 1
    assert "does not let us clear" in capsys.readouterr().err
