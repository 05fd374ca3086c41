"""The publisher: sends until acknowledged, keeps retained state right, and survives the broker."""

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.broker.mosquitto import Broker
from edge.delivery.outbox import Outbox
from edge.delivery.publisher import Publisher
from edge.delivery.sender import PROBE
from station.config import Mqtt, check_mqtt, read_password
from station.errors import ConfigError, StoreError
from station.messages import (
    AckMessage,
    LiveMessage,
    RepMessage,
    StreamAck,
    encode,
)
from station.records import Live
from tests.edge.delivery.said import NOW, TOPIC, acknowledge, at, state

MakeRep = Callable[..., RepMessage]


def test_an_event_is_sent_again_until_it_is_acknowledged(
    wire: Any, publisher: Publisher, outbox: Outbox, make_rep: MakeRep, until: Any
) -> None:
    outbox.append("rack-1", [make_rep(1), make_rep(2)])
    publisher.wake()
    until(lambda: len(wire.messages("rep")) >= 4)
    acknowledge(wire, outbox, 2, (1, 1))
    until(lambda: outbox.depth() == 1)
    before = len(wire.messages("rep"))
    until(lambda: len(wire.messages("rep")) > before)
    assert wire.messages("rep")[-1].seq == 1
    acknowledge(wire, outbox, 2)
    until(lambda: outbox.depth() == 0)
    assert {message.seq for message in wire.messages("rep")} == {1, 2}


def test_at_most_a_window_is_sent_and_then_a_probe(
    broker: Broker, wire: Any, outbox: Outbox, make_rep: MakeRep, until: Any
) -> None:
    outbox.append("rack-1", [make_rep(n) for n in range(1, 101)])
    publisher = Publisher(outbox, {"rack-1": at(broker)}, {"rack-1": "one"}, window=50)
    publisher.start()
    until(lambda: len(wire.messages("rep")) > 50)
    sent = [message.seq for message in wire.messages("rep")]
    assert sent[:50] == list(range(1, 51))
    assert max(sent[50:]) <= PROBE
    acknowledge(wire, outbox, PROBE)
    until(lambda: max(message.seq for message in wire.messages("rep")) == PROBE + 50)
    publisher.stop()


def test_acknowledging_beyond_what_was_issued_deletes_nothing_and_is_counted(
    wire: Any, publisher: Publisher, outbox: Outbox, make_rep: MakeRep, until: Any
) -> None:
    outbox.append("rack-1", [make_rep(1)])
    until(lambda: publisher.senders["rack-1"].connection.connected)
    # A record that starts names the streams of earlier runs too: that is no refusal.
    wire.say(
        TOPIC + "ack",
        encode(AckMessage(event_id="a", at_utc=NOW, streams=[StreamAck(stream="x", committed_seq=1)])),
    )
    wire.say(TOPIC + "ack", b"nonsense")
    acknowledge(wire, outbox, 10**9)
    until(lambda: publisher.senders["rack-1"].messages_refused >= 2)
    assert publisher.senders["rack-1"].messages_refused == 2
    assert outbox.depth() == 1
    assert publisher.alive


def test_what_is_retained_is_there_again_after_the_broker_lost_everything(
    broker: Broker, publisher: Publisher, until: Any, listen: Any
) -> None:
    publisher.senders["rack-1"].retain(state("starting"))
    until(lambda: publisher.senders["rack-1"].connection.connected)
    broker.kill()
    publisher.senders["rack-1"].retain(state("ready"))  # said while nobody could hear it
    broker.start()
    until(lambda: publisher.senders["rack-1"].connection.reconnects == 1)
    hears = listen(TOPIC + "state")
    until(lambda: hears.messages("state"))
    until(lambda: hears.messages("state")[-1].state == "ready")


def test_a_killed_node_leaves_lost_and_a_clean_stop_does_not(
    broker: Broker, wire: Any, outbox: Outbox, until: Any
) -> None:
    publisher = Publisher(outbox, {"rack-1": at(broker)}, {"rack-1": "one"})
    publisher.senders["rack-1"].retain(state("ready"))
    publisher.start()
    until(lambda: wire.messages("state"))
    publisher.senders["rack-1"].retain(state("stopping"))
    publisher.stop()
    until(lambda: wire.messages("state")[-1].state == "stopping")
    root, other = str(Path(__file__).parents[3]), str(outbox.path.with_name("other.db"))
    child = subprocess.Popen([sys.executable, "-c", READY, root, other, str(broker.port)])
    until(lambda: wire.messages("state")[-1].session == "two")
    child.kill()
    child.wait()
    until(lambda: wire.messages("state")[-1].state == "lost")
    assert wire.messages("state")[-1].session == "two"


READY = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from edge.delivery.outbox import Outbox
from edge.delivery.publisher import Publisher
from station.config import Mqtt
from station.messages import StateMessage
broker = Mqtt(host="127.0.0.1", port=int(sys.argv[3]), tls=False)
publisher = Publisher(Outbox(Path(sys.argv[2])), {"rack-1": broker}, {"rack-1": "two"})
ready = StateMessage(event_id="e", at_utc="2030-01-01T00Z", session="two", state="ready")
publisher.senders["rack-1"].retain(ready)
publisher.start()
time.sleep(60)
"""


def test_a_live_value_is_dropped_while_nobody_can_hear_it(
    broker: Broker, publisher: Publisher, until: Any, listen: Any
) -> None:
    def live(session_s: float) -> LiveMessage:
        none = dict.fromkeys(("position_m", "velocity_mps", "force_n", "x_m", "phase"))
        return LiveMessage(
            event_id="l",
            at_utc=NOW,
            session="one",
            live=Live(session_s=session_s, **none),  # type: ignore[arg-type]
        )

    until(lambda: publisher.senders["rack-1"].connection.connected)
    broker.kill()
    until(lambda: not publisher.senders["rack-1"].connection.connected)
    publisher.senders["rack-1"].live(live(1.0))
    broker.start()
    hears = listen(TOPIC + "live")
    until(lambda: publisher.senders["rack-1"].connection.connected)

    def heard() -> list[float]:
        publisher.senders["rack-1"].live(live(2.0))
        return [message.live.session_s for message in hears.messages("live")]

    until(heard)
    assert set(heard()) == {2.0}


def test_a_defect_in_a_callback_shows_and_does_not_pass_in_silence(
    wire: Any, publisher: Publisher, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    until(lambda: publisher.senders["rack-1"].connection.connected)

    def broken(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("edge.delivery.sender.decode", broken)
    wire.say(TOPIC + "ack", b"{}")
    until(lambda: not publisher.alive)
    assert isinstance(publisher.failure, RuntimeError)


def test_stopping_does_not_wait_for_a_broker_that_hangs(
    broker: Broker, outbox: Outbox, make_rep: MakeRep, until: Any
) -> None:
    publisher = Publisher(outbox, {"rack-1": at(broker)}, {"rack-1": "one"})
    publisher.start()
    until(lambda: publisher.senders["rack-1"].connection.connected)
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        publisher.senders["rack-1"].retain(state("stopping"))
        stopping = threading.Thread(target=publisher.stop, args=(1.0,))
        stopping.start()
        stopping.join(2.0)
        assert not stopping.is_alive()
    finally:
        os.kill(broker.pid, signal.SIGCONT)


class AcceptsAndSaysNothing:
    """A port that takes the connection and never answers, as a black hole does."""

    def __enter__(self) -> int:
        self._socket = socket.create_server(("127.0.0.1", 0))
        port: int = self._socket.getsockname()[1]
        return port

    def __exit__(self, *exc: object) -> None:
        self._socket.close()


def test_stopping_does_not_wait_for_a_black_hole(outbox: Outbox) -> None:
    with AcceptsAndSaysNothing() as port:
        publisher = Publisher(
            outbox, {"rack-1": Mqtt(host="127.0.0.1", port=port, tls=False)}, {"rack-1": "one"}
        )
        publisher.start()
        stopping = threading.Thread(target=publisher.stop, args=(1.0,))
        stopping.start()
        stopping.join(2.0)
        assert not stopping.is_alive()


def test_a_broker_without_mqtt_5_gets_3_1_1(outbox: Outbox, make_rep: MakeRep, until: Any) -> None:
    pytest.importorskip("amqtt")
    with Broker(kind="amqtt") as broker:
        publisher = Publisher(outbox, {"rack-1": at(broker)}, {"rack-1": "one"})
        publisher.start()
        until(lambda: publisher.senders["rack-1"].connection.connected)
        assert publisher.senders["rack-1"].connection.trouble is None
        publisher.stop()


def test_without_tls_only_this_machine_is_accepted() -> None:
    for host in ("localhost", "127.0.0.1", "::1", "127.8.0.1"):
        check_mqtt(Mqtt(host=host, tls=False))
    for host in ("gym.local", "192.168.1.10", "localhost.example.com"):
        with pytest.raises(ConfigError, match="only a broker on this machine"):
            check_mqtt(Mqtt(host=host, tls=False))


def test_a_password_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("secret\n")
    mqtt = Mqtt(host="gym.local", username="rack-1", password_file=str(path))
    path.chmod(0o640)
    with pytest.raises(ConfigError, match=r"mode 0640.*chmod 600"):
        read_password(mqtt)
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    assert read_password(mqtt) == "secret"
    with pytest.raises(ConfigError, match="cannot be read"):
        read_password(Mqtt(host="gym.local", username="rack-1", password_file=str(tmp_path / "none")))


def test_an_outbox_that_cannot_be_written_stops_only_the_deleting(
    wire: Any, publisher: Publisher, outbox: Outbox, make_rep: MakeRep, until: Any, monkeypatch: Any
) -> None:
    outbox.append("rack-1", [make_rep(1)])
    until(lambda: wire.messages("rep"))
    works = outbox.acknowledge

    def full(*_: Any) -> int:
        raise StoreError("o.db: no room left")

    monkeypatch.setattr(outbox, "acknowledge", full)
    acknowledge(wire, outbox, 1)
    until(lambda: publisher.senders["rack-1"].store_problem == "o.db: no room left")
    assert publisher.alive and outbox.depth() == 1
    monkeypatch.setattr(outbox, "acknowledge", works)
    until(lambda: outbox.depth() == 0)
    until(lambda: publisher.senders["rack-1"].store_problem is None)


def test_a_hole_is_sent_again_also_while_later_events_are_being_answered(
    wire: Any, publisher: Publisher, outbox: Outbox, make_rep: MakeRep, until: Any
) -> None:
    outbox.append("rack-1", [make_rep(1)])

    def goes_on() -> int:
        (seq,) = outbox.append("rack-1", [make_rep(2)])
        publisher.wake()
        until(lambda: any(message.seq == seq for message in wire.messages("rep")))
        acknowledge(wire, outbox, seq, (1, 1))
        return sum(message.seq == 1 for message in wire.messages("rep"))

    until(lambda: goes_on() >= 2, 5.0)
