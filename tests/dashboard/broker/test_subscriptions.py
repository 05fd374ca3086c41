"""A flood on one topic: everybody else is heard, and the flooded is listened to again."""

import subprocess
import sys
from typing import Any

from dashboard.broker.client import Client
from dashboard.broker.inbox import LIVE_EACH, MOST_PER_S, QUEUE, Inbox, Packet
from dashboard.broker.subscriptions import MOST_STATIONS, Subscriptions
from station.config import Mqtt
from station.program.flood import LEAVE_S, LONGEST_S

TOPIC = "plumbline/1/gym/{}/{}"


def filters(leaf: str, *stations: str) -> set[str]:
    return {TOPIC.format(station, leaf) for station in stations}


def test_without_a_flood_everybody_is_listened_to() -> None:
    found = Subscriptions(("rep", "info"))
    found.heard(filters("info", "rack-1"))
    assert found.wanted(0.0) == {"plumbline/1/+/+/rep", "plumbline/1/+/+/info"}
    assert Subscriptions(("rep",), "gym", "rack-1").wanted(0.0) == filters("rep", "rack-1")


def test_who_floods_is_left_and_the_others_are_heard_by_name() -> None:
    found = Subscriptions(("rep", "info"), "gym")
    found.heard(filters("info", "rack-1", "rack-2"))
    found.leave(TOPIC.format("rack-2", "rep"), 0.0)
    assert found.wanted(1.0) == {"plumbline/1/gym/+/info", *filters("rep", "rack-1")}
    found.heard(filters("info", "rack-3"))  # one that comes meanwhile
    assert found.wanted(1.0) == {"plumbline/1/gym/+/info", *filters("rep", "rack-1", "rack-3")}
    assert found.wanted(LEAVE_S) == {"plumbline/1/gym/+/info", "plumbline/1/gym/+/rep"}


def test_a_flood_that_goes_on_is_left_for_longer_each_time_and_one_that_ended_is_forgiven() -> None:
    found, topic, now_s, lengths = Subscriptions(("rep",)), TOPIC.format("rack-2", "rep"), 0.0, []
    for _ in range(8):
        found.leave(topic, now_s)
        found.leave(topic, now_s + 1.0)  # what was under way
        begun_s = now_s
        while found.left(now_s):
            now_s += 1.0
        lengths.append(now_s - begun_s)
    assert lengths[:3] == [LEAVE_S, 2 * LEAVE_S, 4 * LEAVE_S] and lengths[-2:] == [LONGEST_S, LONGEST_S]
    now_s += LONGEST_S + 1.0
    assert found.left(now_s) == []
    found.leave(topic, now_s)
    assert found.left(now_s + LEAVE_S - 1.0) == [topic] and found.left(now_s + LEAVE_S) == []


def test_topics_that_are_no_station_s_and_stations_without_end_are_not_kept() -> None:
    found = Subscriptions(("rep",))
    found.heard({"plumbline/1/GYM/rack-1/rep", "x", *filters("health", *map(str, range(MOST_STATIONS + 9)))})
    found.leave(TOPIC.format("0", "rep"), 0.0)
    assert MOST_STATIONS - 1 <= len(found.wanted(0.0)) <= MOST_STATIONS
    assert all(topic.startswith("plumbline/1/gym/") for topic in found.wanted(0.0))


def test_a_flood_is_what_comes_faster_than_it_is_taken_out() -> None:
    inbox, rep, live = Inbox(), TOPIC.format("rack-1", "rep"), TOPIC.format("rack-2", "live")
    for n in range(5 * MOST_PER_S):  # an outbox that is emptied: quick, and taken out as quickly
        inbox.put(Packet(rep, b"", n / 5000))
        if n % 50 == 0:
            inbox.drain()
    for n in range(60 * 10):  # a screen that does not look for a minute
        inbox.put(Packet(live, b"", 10.0 + n / 10))
    assert inbox.flooded() == set()
    for _ in range(MOST_PER_S + LIVE_EACH):
        inbox.put(Packet(live, b"", 100.0))
    assert inbox.flooded() == {live} and inbox.flooded() == set()
    for _ in range(QUEUE + 1):
        inbox.put(Packet(rep, b"", 102.0))
    assert inbox.flooded() == {rep}


FLOOD = """
import itertools, sys
import paho.mqtt.client as paho
client = paho.Client(paho.CallbackAPIVersion.VERSION2)
client.connect("127.0.0.1", int(sys.argv[1]))
for _ in itertools.count():
    client.publish("plumbline/1/gym/rack-2/rep", 300 * "x")
    client.loop(0)
"""


def test_under_a_flood_the_others_are_heard_and_it_is_said(
    broker: Any, edge: Any, words: Any, until: Any
) -> None:
    now_s = [0.0]
    client = Client(Mqtt(host="127.0.0.1", port=broker.port, tls=False), clock=lambda: now_s[0])
    client.start()
    flood: subprocess.Popen[bytes] | None = None
    try:
        until(lambda: client.connection.up)
        edge.say("rack-1", words().info())
        until(client.inbox.drain)
        flood = subprocess.Popen([sys.executable, "-c", FLOOD, str(broker.port)])
        until(lambda: client.flooded == ["plumbline/1/gym/rack-2/rep"], timeout_s=20.0)
        edge.say("rack-1", words().rep(1))
        heard: set[str] = set()
        until(
            lambda: (
                heard.update(one.topic for one in client.inbox.drain())
                or "plumbline/1/gym/rack-1/rep" in heard
            )
        )
        flood.kill()
        flood.wait()
        now_s[0] = LEAVE_S
        until(lambda: not client.flooded)
        until(lambda: not client.inbox.drain())
        until(lambda: edge.say("rack-2", words().rep(1)) or client.inbox.drain())
    finally:
        if flood is not None:
            flood.kill()
            flood.wait()
        client.stop()
