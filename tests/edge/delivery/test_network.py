"""One thread drives the connections of all stations, and none of them holds up another."""

import socket
import ssl
import struct
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from edge.broker.mosquitto import Broker
from edge.delivery.connection import KEEPALIVE_S, MOST_PACKETS, BrokerConnection
from edge.delivery.network import Network
from edge.delivery.outbox import Outbox
from edge.delivery.publisher import TICK_S, WINDOW, Publisher
from edge.delivery.sender import StationSender
from station.config import Mqtt
from station.messages import AckMessage, CommandMessage, LiveMessage, StreamAck, encode
from station.records import Live
from tests.edge.delivery.fake_broker import CONNECT, PUBLISH, SUBSCRIBE, FakeBroker, lets_in
from tests.edge.delivery.held import MakeRep
from tests.edge.delivery.said import NOW, TOPIC, at, state

SOON_S = 0.2  # below what is a tick, and far below every time-out


def live(session_s: float, by: str = "one") -> LiveMessage:
    none = dict.fromkeys(("position_m", "velocity_mps", "force_n", "x_m", "phase"))
    return LiveMessage(
        event_id="l",
        at_utc=NOW,
        session=by,
        live=Live(session_s=session_s, **none),  # type: ignore[arg-type]
    )


def plain(port: int) -> Mqtt:
    return Mqtt(host="127.0.0.1", port=port, tls=False)


def connected(publisher: Publisher, station: str) -> bool:
    return publisher.senders[station].connection.connected


def slowest_s(publisher: Publisher, wire: Any, until: Any, count: int = 20) -> float:
    """How long rack-1's live values take to be heard, at worst."""
    worst = 0.0
    for n in range(count):
        began = time.monotonic()
        publisher.senders["rack-1"].live(live(1000.0 + n))
        until(lambda n=n: wire.messages("live") and wire.messages("live")[-1].live.session_s == 1000.0 + n)
        worst = max(worst, time.monotonic() - began)
    return worst


def beside_one_that_stops_reading(fake: FakeBroker, broker: Broker, outbox: Outbox, until: Any) -> Publisher:
    """A publisher of rack-1 at a real broker and of rack-2 at one that has let it in and reads no more."""
    brokers = {"rack-1": at(broker), "rack-2": plain(fake.port)}
    publisher = Publisher(outbox, brokers, {"rack-1": "one", "rack-2": "two"})
    publisher.start()
    until(lambda: all(connected(publisher, station) for station in brokers))
    fake.reads.clear()
    return publisher


@pytest.mark.parametrize("stations", [1, 8])
def test_there_are_two_threads_however_many_stations(
    broker: Broker, outbox: Outbox, until: Any, stations: int
) -> None:
    before = set(threading.enumerate())
    ids = [f"rack-{n}" for n in range(stations)]
    publisher = Publisher(outbox, dict.fromkeys(ids, at(broker)), dict.fromkeys(ids, "one"))
    publisher.start()
    until(lambda: all(connected(publisher, station) for station in ids))
    until(lambda: len(set(threading.enumerate()) - before) == 2)
    assert {thread.name for thread in set(threading.enumerate()) - before} == {"publish", "outbox"}
    publisher.stop()
    assert set(threading.enumerate()) <= before


def test_a_broker_that_hangs_while_one_connects_holds_up_no_other_station(
    broker: Broker, wire: Any, outbox: Outbox, until: Any
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hangs:
        tls = Mqtt(host="localhost", port=hangs.getsockname()[1])
        publisher = Publisher(
            outbox, {"rack-1": at(broker), "rack-2": tls}, {"rack-1": "one", "rack-2": "two"}
        )
        publisher.start()
        until(lambda: connected(publisher, "rack-1"))
        until(lambda: any(thread.name == "connect" for thread in threading.enumerate()))
        assert slowest_s(publisher, wire, until) < SOON_S
        until(lambda: any(thread.name == "connect" for thread in threading.enumerate()))
        began = time.monotonic()
        publisher.stop(1.0)
        assert time.monotonic() - began < 1.0 + SOON_S
        assert not publisher.alive and publisher.failure is None


def test_a_broker_that_stops_reading_holds_up_no_other_station_and_gets_the_newest_live_value(
    broker: Broker, wire: Any, outbox: Outbox, make_rep: MakeRep, until: Any
) -> None:
    with FakeBroker(lets_in) as fake:
        publisher = beside_one_that_stops_reading(fake, broker, outbox, until)
        held_up = publisher.senders["rack-2"]

        def fills() -> bool:
            held_up.live(live(1.0, by="x" * 100_000))
            return held_up.connection.congested

        until(fills)
        outbox.append("rack-2", [make_rep(n) for n in range(1, WINDOW)])
        held_up.wake()
        for n in range(100):
            held_up.live(live(float(n)))
        assert slowest_s(publisher, wire, until) < SOON_S
        # At most two large live values: what comes next is not given to paho.
        assert len(held_up.connection._client._out_packet) <= 2
        assert held_up.connection.connects == 1
        fake.reads.set()
        until(lambda: not held_up.connection.congested)
        until(lambda: sum(b"/rep" in packet for _, packet in fake.heard) >= WINDOW - 1)
        newest = [packet for kind, packet in fake.heard if kind == PUBLISH and b"/live" in packet][-1]
        assert b'"session_s":99.0' in newest
        publisher.stop()


@pytest.mark.long
def test_a_broker_that_reads_no_more_is_left_by_the_keepalive(outbox: Outbox, until: Any) -> None:
    with FakeBroker(lets_in) as fake:
        publisher = Publisher(outbox, {"rack-1": plain(fake.port)}, {"rack-1": "one"})
        publisher.start()
        until(lambda: connected(publisher, "rack-1"))
        fake.reads.clear()
        until(lambda: not connected(publisher, "rack-1"), 3 * KEEPALIVE_S)
        fake.reads.set()
        until(lambda: publisher.senders["rack-1"].connection.reconnects == 1)
        publisher.stop()


def test_a_disk_that_hangs_holds_up_neither_commands_nor_live_values(
    wire: Any, publisher: Publisher, outbox: Outbox, make_rep: MakeRep, until: Any
) -> None:
    """A card may take seconds for a commit, and the outbox is one for all stations."""
    sender = publisher.senders["rack-1"]
    until(lambda: sender.connection.connected)
    outbox.append("rack-1", [make_rep(1)])
    with outbox._lock:  # as a commit holds it
        publisher.wake()
        until(lambda: publisher._beats_at["outbox"] < time.monotonic() - 2 * TICK_S)  # it waits
        slowest_s(publisher, wire, until, count=5)
        wire.say(TOPIC + "command", encode(CommandMessage(event_id="c", at_utc=NOW, name="tare", by="coach")))
        until(lambda: [one.event_id for one in sender.inbox.take()] == ["c"])
        assert sender.connection.reconnects == 0
    until(lambda: wire.messages("rep"))


def test_a_live_value_asks_the_outbox_nothing_while_events_wait(
    wire: Any,
    publisher: Publisher,
    outbox: Outbox,
    make_rep: MakeRep,
    until: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ten come a second from each station, and two questions to the database cost as much as sending them."""
    asked = Counter[str]()
    waiting = Outbox.unacknowledged

    def noted(self: Outbox, station: str, limit: int, after: Any) -> Any:
        asked[station] += 1
        return waiting(self, station, limit, after)

    monkeypatch.setattr(Outbox, "unacknowledged", noted)
    outbox.append("rack-1", [make_rep(1)])
    publisher.wake()
    until(lambda: wire.messages("rep"))
    before, began = asked["rack-1"], time.monotonic()
    slowest_s(publisher, wire, until, count=50)
    assert asked["rack-1"] - before <= (time.monotonic() - began) / TICK_S + 1
    outbox.append("rack-1", [make_rep(2)])
    publisher.senders["rack-1"].wake()
    began = time.monotonic()
    until(lambda: wire.messages("rep")[-1].seq == 2)
    assert time.monotonic() - began < SOON_S


def test_who_is_woken_is_sent_at_once_and_who_idles_is_not_asked(
    outbox: Outbox, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: Counter[int] = Counter()
    monkeypatch.setattr(BrokerConnection, "look_after", lambda _: None)
    monkeypatch.setattr(StationSender, "send", lambda self: asked.update([id(self)]))
    ids = [f"rack-{n}" for n in range(101)]
    publisher = Publisher(outbox, dict.fromkeys(ids, plain(1)), dict.fromkeys(ids, "one"))
    woken, idle = publisher.senders["rack-0"], publisher.senders["rack-1"]
    publisher.start()
    until(lambda: asked[id(idle)] >= 1)
    before, began, waits_s = asked[id(idle)], time.monotonic(), []
    for _ in range(100):
        so_far, at_s = asked[id(woken)], time.monotonic()
        woken.live(live(1.0))
        while asked[id(woken)] == so_far:
            assert time.monotonic() < at_s + 5.0
            time.sleep(0.0005)
        waits_s.append(time.monotonic() - at_s)
    assert sorted(waits_s)[50] < 0.01
    assert asked[id(idle)] - before <= (time.monotonic() - began) / TICK_S + 1
    publisher.stop()


def test_a_wake_from_many_threads_is_never_lost() -> None:
    network, over, asked, seen = Network(), threading.Event(), [0] * 4, [0] * 4

    def asks(n: int) -> None:
        while not over.is_set():
            asked[n] += 1
            network.wake()
            waits_until = time.monotonic() + 5.0
            while seen[n] != asked[n] and time.monotonic() < waits_until:
                pass
            if seen[n] != asked[n]:
                return

    threads = [threading.Thread(target=asks, args=(n,), daemon=True) for n in range(4)]
    for thread in threads:
        thread.start()
    ends, longest_s = time.monotonic() + 1.0, 0.0
    while (began := time.monotonic()) < ends:
        network.wait(4.0)
        longest_s = max(longest_s, time.monotonic() - began)
        seen[:] = asked
    over.set()
    seen[:] = asked
    for thread in threads:
        thread.join(6.0)
    assert min(asked) > 10 and longest_s < 3.0


def test_what_is_no_mqtt_ends_the_connection_and_not_the_node(outbox: Outbox, until: Any) -> None:
    def answer(peer: socket.socket, kind: int, packet: bytes) -> None:
        lets_in(peer, kind, packet)
        if kind == SUBSCRIBE:
            peer.sendall(bytes([0x30, 1, 0]))  # PUBLISH without a topic

    with FakeBroker(answer) as fake:
        publisher = Publisher(outbox, {"rack-1": plain(fake.port)}, {"rack-1": "one"})
        publisher.start()
        until(lambda: sum(kind == CONNECT for kind, _ in fake.heard) >= 2)
        assert publisher.alive
        publisher.stop()


def test_what_paho_cannot_handle_ends_the_connection_and_not_the_node(
    publisher: Publisher, until: Any, wire: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = publisher.senders["rack-1"].connection
    until(lambda: connection.connected)

    def fails() -> None:
        raise struct.error("paho 2.1 does so for a packet that is cut short")

    monkeypatch.setattr(connection._client, "_packet_handle", fails)
    wire.say(TOPIC + "command", b"{}")
    until(lambda: connection.reconnects == 1)
    assert publisher.alive and connection.trouble is None
    assert not any(message.state == "lost" for message in wire.messages("state")), "it says DISCONNECT"


def test_a_broker_that_refuses_every_version_is_asked_for_5_and_3_1_1_in_turn(
    outbox: Outbox, until: Any
) -> None:
    def answer(peer: socket.socket, kind: int, packet: bytes) -> None:
        if kind == CONNECT:
            peer.sendall(bytes([0x20, 3, 0, 0x84, 0]) if packet[6] == 5 else bytes([0x20, 2, 0, 1]))

    with FakeBroker(answer) as fake:
        publisher = Publisher(outbox, {"rack-1": plain(fake.port)}, {"rack-1": "one"})
        publisher.start()
        until(lambda: len(fake.heard) >= 4)
        assert [packet[6] for kind, packet in fake.heard if kind == CONNECT][:4] == [5, 4, 5, 4]
        assert publisher.alive
        publisher.stop()


@pytest.fixture
def tls(tmp_path: Path) -> tuple[ssl.SSLContext, str]:
    """A server's side for localhost, and the file of its authority."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    try:
        subprocess.run([*made.split(), *names], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs openssl")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, str(certificate)


def test_what_tls_has_read_ahead_is_read_without_another_byte_coming(
    outbox: Outbox, make_rep: MakeRep, until: Any, tls: tuple[ssl.SSLContext, str]
) -> None:
    context, ca_file = tls
    outbox.append("rack-1", [make_rep(1)])
    count = 2 * MOST_PACKETS

    def publish(payload: bytes) -> bytes:
        topic = (TOPIC + "ack").encode()
        packet = len(topic).to_bytes(2, "big") + topic + b"\0" + payload
        return bytes([0x30, len(packet) & 0x7F | 0x80, len(packet) >> 7]) + packet

    ack = StreamAck(stream=outbox.stream("rack-1"), committed_seq=1)
    last = publish(encode(AckMessage(event_id="a" * 100, at_utc=NOW, streams=[ack])))

    def answer(peer: socket.socket, kind: int, packet: bytes) -> None:
        lets_in(peer, kind, packet)
        if kind == PUBLISH and b"/rep" in packet:
            sent = bytes([0xD0, 0]) * count + last  # PINGRESP, many times
            assert len(sent) < 16_384, "one record of TLS"
            peer.sendall(sent)

    with FakeBroker(answer, context) as fake:
        mqtt = Mqtt(host="localhost", port=fake.port, ca_file=ca_file)
        publisher = Publisher(outbox, {"rack-1": mqtt}, {"rack-1": "one"})
        publisher.start()
        until(lambda: outbox.depth() == 0)
        assert sum(b"/rep" in packet for kind, packet in fake.heard if kind == PUBLISH) == 1
        publisher.stop()


def test_stopping_says_so_to_all_brokers_at_once_also_while_one_does_not_read(
    broker: Broker, wire: Any, outbox: Outbox, until: Any
) -> None:
    with FakeBroker(lets_in) as fake:
        publisher = beside_one_that_stops_reading(fake, broker, outbox, until)
        publisher.senders["rack-1"].retain(state("stopping"))
        began = time.monotonic()
        publisher.stop(1.0)
        assert time.monotonic() - began < 1.0 + SOON_S
        until(lambda: wire.messages("state") and wire.messages("state")[-1].state == "stopping")
        assert not any(message.state == "lost" for message in wire.messages("state"))
