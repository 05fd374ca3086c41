"""Commands on their way to a station: which of them come, how fast, and what is refused."""

import socket
import threading
from typing import Any

from edge.broker.mosquitto import Broker
from edge.delivery.command_inbox import MANY, MAX_COMMANDS
from edge.delivery.outbox import Outbox
from edge.delivery.publisher import Publisher
from station.config import Mqtt
from station.messages import (
    CommandMessage,
    encode,
)
from station.program.flood import LEAVE_S
from tests.edge.delivery.held import MakeRep
from tests.edge.delivery.said import NOW, TOPIC, acknowledge, at


def test_commands_arrive_checked_and_kept_ones_are_not_obeyed(
    broker: Broker, wire: Any, outbox: Outbox, until: Any
) -> None:
    command = CommandMessage(event_id="c1", at_utc=NOW, name="tare", by="coach")
    wire.say(TOPIC + "command", encode(command), retain=True)
    publisher = Publisher(outbox, {"rack-1": at(broker)}, {"rack-1": "one"})
    publisher.start()
    until(lambda: publisher.senders["rack-1"].connection.connected)
    wire.say(TOPIC + "command", b'{"schema":"plumbline/command/1","name":"format-disk"}')
    wire.say(TOPIC + "command", encode(CommandMessage(event_id="c2", at_utc=NOW, name="end-set", by="coach")))
    got: list[CommandMessage] = []
    until(lambda: got.extend(publisher.senders["rack-1"].inbox.take()) or got)
    assert [one.event_id for one in got] == ["c2"]
    publisher.stop()


class DeniesSubscriptions:
    """A broker that says yes to CONNECT and no (0x87) to every topic."""

    def __enter__(self) -> int:
        self._socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()
        port: int = self._socket.getsockname()[1]
        return port

    def __exit__(self, *exc: object) -> None:
        self._socket.close()

    def _serve(self) -> None:
        for _ in range(2):  # a node asks under another name first
            peer, _ = self._socket.accept()
            with peer:
                peer.recv(4096)
                peer.sendall(bytes([0x20, 3, 0, 0, 0]))
                packet = peer.recv(4096)
                assert packet[0] == 0x82
                peer.sendall(bytes([0x90, 5, *packet[2:4], 0, 0x87, 0x87]))
                while peer.recv(4096):
                    pass


def test_a_broker_that_denies_the_subscription_is_said(outbox: Outbox, until: Any) -> None:
    with DeniesSubscriptions() as port:
        mqtt = Mqtt(host="127.0.0.1", port=port, tls=False)
        publisher = Publisher(outbox, {"rack-1": mqtt}, {"rack-1": "one"})
        publisher.start()
        words = "does not let station rack-1 read command and ack"
        until(lambda: words in (publisher.senders["rack-1"].connection.trouble or ""))
        publisher.stop()


def test_commands_come_no_faster_than_a_person_gives_them(
    broker: Broker, wire: Any, outbox: Outbox, until: Any
) -> None:
    now = [0.0]
    publisher = Publisher(outbox, {"rack-1": at(broker)}, {"rack-1": "one"}, clock=lambda: now[0])
    publisher.start()
    until(lambda: publisher.senders["rack-1"].connection.connected)
    got: list[CommandMessage] = []
    for n in range(100):
        command = CommandMessage(event_id=f"c{n}", at_utc=NOW, name="tare", by="script")
        wire.say(TOPIC + "command", encode(command))
        got += publisher.senders["rack-1"].inbox.take()
    until(
        lambda: (
            got.extend(publisher.senders["rack-1"].inbox.take())
            or len(got) + publisher.senders["rack-1"].messages_refused == 100
        )
    )
    assert len(got) == 64
    now[0] = 1.0
    for n in range(20):
        command = CommandMessage(event_id=f"d{n}", at_utc=NOW, name="tare", by="script")
        wire.say(TOPIC + "command", encode(command))
    until(lambda: publisher.senders["rack-1"].messages_refused == 46)
    assert len(publisher.senders["rack-1"].inbox.take()) == 10
    publisher.stop()


def test_a_flood_of_commands_is_not_listened_to_and_keeps_no_acknowledgement_away(
    broker: Broker, wire: Any, outbox: Outbox, make_rep: MakeRep, until: Any
) -> None:
    now = [0.0]
    publisher = Publisher(outbox, {"rack-1": at(broker)}, {"rack-1": "one"}, clock=lambda: now[0])
    publisher.start()
    sender = publisher.senders["rack-1"]
    until(lambda: sender.connection.connected)
    command = encode(CommandMessage(event_id="c", at_utc=NOW, name="tare", by="script"))

    def deaf() -> bool:
        """Whether a command does not come, and what is said after it does."""
        before = sender.messages_refused
        wire.say(TOPIC + "command", command)
        outbox.append("rack-1", [make_rep(1)])
        publisher.wake()
        until(lambda: outbox.depth("rack-1") == 1)
        acknowledge(wire, outbox, outbox.settled("rack-1").get(outbox.stream("rack-1"), 0) + 1)
        until(lambda: outbox.depth("rack-1") == 0)
        return sender.messages_refused == before

    for _ in range(MAX_COMMANDS + MANY):
        wire.say(TOPIC + "command", command)
    until(lambda: "flood of commands" in (sender.inbox.problem or ""))
    until(deaf)
    now[0] = LEAVE_S + 1.0
    publisher.wake()
    until(lambda: sender.inbox.problem is None)
    publisher.senders["rack-1"].inbox.take()
    until(lambda: wire.say(TOPIC + "command", command) or publisher.senders["rack-1"].inbox.take())
    assert sender.connection.connects == 1
    publisher.stop()


def test_a_command_longer_than_any_screen_sends_is_refused(
    wire: Any, publisher: Publisher, until: Any
) -> None:
    until(lambda: publisher.senders["rack-1"].connection.connected)
    for word in ("x" * 5000, "romanian-deadlift"):
        command = CommandMessage(event_id="c", at_utc=NOW, name="set-exercise", by="coach", exercise=word)
        wire.say(TOPIC + "command", encode(command))
    got: list[CommandMessage] = []
    until(lambda: got.extend(publisher.senders["rack-1"].inbox.take()) or got)
    assert [command.exercise for command in got] == ["romanian-deadlift"]
    assert publisher.senders["rack-1"].messages_refused == 1
