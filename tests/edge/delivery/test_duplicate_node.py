"""Two nodes with one station id: the second says so itself, and counts nothing into that id."""

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.broker.mosquitto import Broker
from edge.delivery.duplicate_node import GONE_S, SETTLE_S, SUSPECT_S, DuplicateNode
from edge.delivery.outbox import Outbox
from edge.link.drivers import Samples
from edge.node.acquisition import Acquisition
from edge.node.node import Node
from edge.node.session import Session
from station.config import Mqtt, StationFile, StationTable
from station.exercises import load_profile
from station.messages import HealthMessage, StateMessage, decode


def said(state: Any, session: str = "theirs") -> StateMessage:
    return StateMessage(event_id="e", at_utc="2030-01-01T00Z", session=session, state=state)


def make_health(session: str) -> HealthMessage:
    counts = (
        "frames",
        "frames_lost",
        "frames_corrupt",
        "samples_rejected",
        "bytes_discarded",
        "outbox_depth",
    )
    given: dict[str, Any] = dict.fromkeys(counts, 0)
    return HealthMessage(
        event_id="e",
        at_utc="2030-01-01T00Z",
        session=session,
        session_s=1.0,
        link_up=True,
        clock_drift_ppm=None,
        **given,
    )


def test_a_name_that_nobody_has_is_taken_at_once() -> None:
    duplicate = DuplicateNode("ours")
    assert not duplicate.is_absent(0.0)
    duplicate.subscribed(1.0)
    duplicate.message_arrived(said("lost"), True, 1.0)
    assert not duplicate.is_absent(1.0)
    assert duplicate.is_absent(1.01 + SETTLE_S)


def test_what_the_broker_has_kept_of_a_dead_node_delays_and_does_not_hinder() -> None:
    duplicate = DuplicateNode("ours")
    duplicate.subscribed(0.0)
    duplicate.message_arrived(said("ready"), True, 0.0)
    duplicate.message_arrived(make_health("theirs"), True, 0.0)
    assert not duplicate.is_absent(SUSPECT_S - 0.1)
    assert duplicate.is_absent(SUSPECT_S) and duplicate.session(SUSPECT_S) is None


def test_a_node_that_lives_is_a_rival_until_it_is_silent_or_says_that_it_ends() -> None:
    duplicate = DuplicateNode("ours")
    duplicate.subscribed(0.0)
    duplicate.message_arrived(said("ready"), True, 0.0)
    duplicate.message_arrived(make_health("theirs"), False, 1.0)
    assert duplicate.session(1.0) == "theirs" and not duplicate.is_absent(SUSPECT_S)
    assert duplicate.session(1.0 + GONE_S) is None
    duplicate.message_arrived(make_health("theirs"), False, 2.0)
    duplicate.message_arrived(said("stopping"), False, 2.5)
    duplicate.message_arrived(make_health("theirs"), False, 2.6)  # on its way still
    assert duplicate.session(2.6) is None


def test_our_own_word_from_before_is_no_rivals() -> None:
    duplicate = DuplicateNode("ours")
    duplicate.subscribed(0.0)
    duplicate.message_arrived(said("ready", "ours"), True, 0.0)
    duplicate.message_arrived(make_health("ours"), False, 0.1)
    assert duplicate.is_absent(SETTLE_S)


class Lifting(Acquisition):
    """Somebody lifts at this node, ten samples a second, until it is told to stop."""

    sensors: Any = ()  # type: ignore[assignment]

    def run(self, stop: threading.Event) -> None:
        self.link_up, at_s = True, 0.0
        while not stop.wait(0.02):
            self.beat_at = time.monotonic()
            at_s += 0.1
            height = 1.0 + 0.25 * np.cos(2 * np.pi * at_s / 4.0)
            self.session.step([Samples("position_m", np.array([at_s]), np.array([height]))], self.beat_at)


@pytest.fixture
def start(broker: Broker, tmp_path: Path) -> Any:
    started: list[tuple[Node, threading.Thread]] = []

    def run(name: str, log: list[str]) -> Node:
        station = StationFile(station=StationTable(id="rack-1", kind="barbell"))
        outbox = Outbox(tmp_path / f"{name}.db")
        mqtt = Mqtt(host="127.0.0.1", port=broker.port, tls=False)
        node = Node([Lifting(Session(station, load_profile("rdl")))], outbox, {"rack-1": mqtt}, log.append)
        thread = threading.Thread(target=node.run, daemon=True)
        thread.start()
        started.append((node, thread))
        return node

    yield run
    for node, thread in started:
        node.stop()
        thread.join(10.0)


def test_the_second_node_says_so_and_counts_nothing_until_the_first_has_gone(
    start: Any, wire: Any, until: Any
) -> None:
    first_log: list[str] = []
    second_log: list[str] = []
    first = start("first", first_log)
    until(lambda: first.publisher.senders["rack-1"].connection.connected and wire.messages("health"))
    second = start("second", second_log)
    until(lambda: any("another node" in line for line in second_log), 10.0)
    assert second.sessions[0].standing_down and not second.publisher.senders["rack-1"].connection.connected
    counted = second.outbox.depth()
    heard = len(wire.messages("live"))
    until(lambda: len(wire.messages("live")) > heard + 20)
    newest = {decode("live", payload).session for leaf, payload, _ in wire.heard[-40:] if leaf == "live"}
    assert newest == {first.sessions[0].id}
    assert second.outbox.depth() == counted
    assert not any("lost" in line for line in first_log), "the first was never pushed off"
    first.stop()
    until(lambda: second.publisher.senders["rack-1"].connection.connected, 10.0)
    until(lambda: not second.sessions[0].standing_down)
