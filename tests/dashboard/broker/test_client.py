"""The client against a real broker, absent, present, killed and back."""

import socketserver
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboard import cli
from dashboard.broker.client import Client
from dashboard.broker.events import Packet, read_all
from dashboard.broker.inbox import LIVE_EACH, MOST_TOPICS, QUEUE, SHARE, Inbox
from station.config import Mqtt
from station.errors import ConfigError
from station.messages import CommandMessage, ReplyMessage, decode, now_utc
from tests.faults.spoof import guarded_broker


@pytest.fixture
def listen() -> Iterator[Callable[..., Client]]:
    """Start clients, and stop them at the end."""
    clients: list[Client] = []

    def start(port: int, **given: Any) -> Client:
        clients.append(Client(Mqtt(host="127.0.0.1", port=port, tls=False), **given))
        clients[-1].start()
        return clients[-1]

    yield start
    for client in clients:
        client.stop()


def heard(client: Client, found: list[Any]) -> list[Any]:
    """Everything received so far, checked."""
    found += [arrival.message for arrival in read_all(client.inbox.drain())[0]]
    return found


def test_what_is_retained_and_what_is_said_arrives(
    edge: Any, broker: Any, words: Any, until: Any, listen: Any
) -> None:
    edge.say("rack-1", words().state())
    client = listen(broker.port)
    found: list[Any] = []
    until(lambda: words().state() in heard(client, found))
    edge.say("rack-1", words().rep(1))
    until(lambda: words().rep(1) in heard(client, found))
    assert client.connection.up


def test_a_broker_absent_at_start_killed_and_back_is_said_and_survived(
    broker: Any, until: Any, listen: Any
) -> None:
    broker.kill()
    client = listen(broker.port)
    until(lambda: "refused" in client.connection.text)
    assert not client.connection.up
    broker.start()
    until(lambda: client.connection.up)
    broker.kill()
    until(lambda: not client.connection.up)
    broker.start()
    until(lambda: client.connection.up)
    assert client.errors == 0


def test_only_the_wanted_site_is_heard(edge: Any, broker: Any, words: Any, until: Any, listen: Any) -> None:
    other = listen(broker.port, site="elsewhere")
    ours = listen(broker.port, site="gym")
    until(lambda: other.connection.up and ours.connection.up)
    edge.say("rack-1", words().state())
    found: list[Any] = []
    until(lambda: heard(ours, found))
    edge.send("plumbline/1/elsewhere/rack-1/rep", b"last")
    strangers: list[Packet] = []
    until(lambda: strangers.extend(other.inbox.drain()) or strangers)
    assert [packet.payload for packet in strangers] == [b"last"]


def test_a_broker_without_mqtt_5_is_spoken_to_in_3_1_1(until: Any, listen: Any) -> None:
    with OldBroker() as old:
        client = listen(old.port)
        until(lambda: client.connection.up, timeout_s=6.0)
        assert old.versions[:2] == [5, 4]


def test_a_command_reaches_the_station_and_its_reply_is_matched(
    edge: Any, broker: Any, until: Any, listen: Any
) -> None:
    client = listen(broker.port)
    until(lambda: client.connection.up)
    command = CommandMessage(event_id="c1", at_utc=now_utc(), name="tare", by="dashboard")
    assert client.send("gym", "rack-1", command)
    until(lambda: edge.heard)
    assert decode("command", edge.heard[0].payload) == command
    reply = ReplyMessage(event_id="r1", at_utc=now_utc(), in_reply_to="c1", ok=True, text="tared")
    asked = client.answered(reply)
    assert asked is not None and asked.request == command
    assert client.answered(reply) is None


def test_a_lifter_s_screen_hears_its_own_station_alone(
    broker: Any, edge: Any, words: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Client] = []
    monkeypatch.setattr(cli, "_look", lambda client, *_: made.append(client) or 0)  # type: ignore[func-returns-value]
    assert cli.screen(["gym/rack-1", "--port", str(broker.port)]) == 0
    (client,) = made
    edge.say("rack-2", words().state(), words().info())
    edge.say("rack-1", words().state())
    client.start()
    heard: list[str] = []

    def hear() -> list[str]:
        heard.extend(packet.topic for packet in client.inbox.drain())
        return heard

    until(lambda: "plumbline/1/gym/rack-1/state" in hear())
    for station in ("rack-2", "rack-1"):
        edge.say(station, words().rep(1), words().live(1.0))
    until(lambda: "plumbline/1/gym/rack-1/live" in hear())
    client.stop()
    assert {topic.split("/")[3] for topic in heard} == {"rack-1"}


def test_a_command_nobody_answers_is_said_once() -> None:
    now_s = [0.0]
    client = Client(Mqtt(host="127.0.0.1", port=1, tls=False), clock=lambda: now_s[0])
    client.connection = type(client.connection)(True, "", 0.0)
    client.send("gym", "rack-1", CommandMessage(event_id="c1", at_utc="2030-01-01T00Z", name="tare", by="x"))
    now_s[0] = 4.9
    assert client.unanswered() == []
    now_s[0] = 5.1
    assert [asked.station for asked in client.unanswered()] == ["rack-1"]
    assert client.unanswered() == []


def test_without_a_broker_a_command_is_not_promised() -> None:
    client = Client(Mqtt(host="127.0.0.1", port=1, tls=False))
    assert not client.send("gym", "rack-1", CommandMessage(event_id="c", at_utc="", name="tare", by="x"))


def test_a_flood_of_live_values_drops_each_station_s_oldest_and_no_rep() -> None:
    inbox = Inbox()
    inbox.put(Packet("plumbline/1/gym/rack-1/rep", b"rep", 0.0))
    inbox.put(Packet("plumbline/1/gym/rack-2/live", b"quiet", 0.0))
    for n in range(LIVE_EACH + 100):
        inbox.put(Packet("plumbline/1/gym/rack-1/live", str(n).encode(), 0.0))
    taken = [packet.payload for packet in inbox.drain()]
    assert taken == [b"rep", b"quiet", *(str(n).encode() for n in range(100, LIVE_EACH + 100))]
    assert (inbox.dropped, inbox.drain()) == (0, [])


def test_topics_without_end_take_no_memory_without_end() -> None:
    inbox = Inbox()
    for n in range(MOST_TOPICS + 10):
        inbox.put(Packet(f"plumbline/1/gym/{n}/live", b"", 0.0))
    assert len(inbox.drain()) == MOST_TOPICS


def test_a_rep_presses_until_it_is_taken_and_a_live_value_never_does() -> None:
    inbox = Inbox()
    inbox.put(Packet("plumbline/1/gym/rack-1/live", b"", 0.0))
    assert not inbox.urgent
    inbox.put(Packet("plumbline/1/gym/rack-1/rep", b"", 0.0))
    assert inbox.urgent and len(inbox.drain()) == 2 and not inbox.urgent


def test_a_flood_of_anything_else_is_bounded_and_counted() -> None:
    inbox = Inbox()
    for _ in range(QUEUE + 7):
        inbox.put(Packet("plumbline/1/gym/rack-1/rep", b"", 0.0))
    assert inbox.dropped == 7
    assert sum(len(inbox.drain()) for _ in range(QUEUE)) == QUEUE


def test_who_floods_one_topic_gets_a_share_and_holds_up_nobody() -> None:
    inbox = Inbox()
    for n in range(5 * SHARE):
        inbox.put(Packet("plumbline/1/gym/rack-1/rep", b"flood", float(n)))
    inbox.put(Packet("plumbline/1/gym/rack-2/rep", b"good", 5.0 * SHARE))
    assert [packet.payload for packet in inbox.drain()] == [b"flood"] * SHARE + [b"good"]
    assert len(inbox.drain()) == SHARE


def test_what_came_together_is_put_aside_as_one_by_one() -> None:
    found = [(b"g/r/live", str(n).encode()) for n in range(LIVE_EACH + 3)] + [(b"g/r/rep", b"a")]
    found += [(b"g/\xff/rep", b"b"), (b"g/r/rep", b"c")] + [(b"g/q/rep", b"")] * (QUEUE + 5)
    together, singly = Inbox(), Inbox()
    together.put_all(found, 1.0)
    for topic, payload in found:
        singly.put(Packet(topic.decode(errors="replace"), payload, 1.0))
    assert together.dropped == singly.dropped == 5
    assert sorted(together.drain()) == sorted(singly.drain())


def test_a_broker_that_speaks_tls_where_we_do_not_is_not_waited_for_in_silence(
    tmp_path: Path, until: Any
) -> None:
    with guarded_broker(tmp_path) as port:
        client = Client(Mqtt(host="127.0.0.1", port=port, tls=False))
        client.start()
        until(lambda: "one with TLS?" in client.connection.text)
        client.stop()


def test_a_broker_elsewhere_without_tls_and_a_readable_password_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="without TLS"):
        Client(Mqtt(host="gym.local", port=1883, tls=False))
    password = tmp_path / "pw"
    password.write_text("secret")
    password.chmod(stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP)
    with pytest.raises(ConfigError, match="chmod 600"):
        Client(Mqtt(host="gym.local", username="coach", password_file=str(password)))


class OldBroker:
    """Speaks just enough MQTT 3.1.1 to refuse version 5 and accept version 4 (MQTT-3.1.2-2)."""

    def __init__(self) -> None:

        self.versions: list[int] = []
        outer = self

        class Talk(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                connect = self.request.recv(1024)
                outer.versions.append(connect[8])  # fixed header 2, length 2, "MQTT" 4
                self.request.sendall(bytes([0x20, 2, 0, 0 if connect[8] == 4 else 1]))
                while connect[8] == 4 and (packet := self.request.recv(1024)):
                    if packet[0] == 0x82:  # SUBSCRIBE; its length takes two bytes
                        self.request.sendall(bytes([0x90, 3, *packet[3:5], 0]))

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Talk)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> "OldBroker":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
