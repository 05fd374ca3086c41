"""The record: everything once, acknowledged after the commit, and nothing in its way."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from dashboard.broker.client import Client
from dashboard.broker.events import Packet
from dashboard.broker.inbox import QUEUE
from dashboard.record.allowance import Allowance
from dashboard.record.ledger import StreamKey
from dashboard.record.record import Record
from dashboard.record.store import (
    Arrived,
    Store,
    open_store,
)
from edge.broker.mosquitto import Broker
from edge.delivery.outbox import Outbox
from edge.delivery.publisher import Publisher
from station.config import Mqtt
from station.errors import StoreError
from station.messages import (
    AckMessage,
    BadgeMessage,
    CommandMessage,
    RepMessage,
    StateMessage,
    StreamAck,
    encode,
)
from tests.dashboard.record import written
from tests.dashboard.record.stream import take, tombstone
from tests.faults.spoof import guarded_broker

NOW = "2030-01-01T00:00:00.000Z"
TOPIC = "plumbline/1/gym/rack-1/"
MakeRep = Callable[..., RepMessage]


def mqtt(broker: Broker) -> Mqtt:
    return Mqtt(host="127.0.0.1", port=broker.port, tls=False)


def acked(wire: Any) -> int:
    acks = [message for message in wire.messages("ack") if isinstance(message, AckMessage)]
    return max((ack.committed_seq for message in acks for ack in message.streams), default=0)


def poison(make_rep: MakeRep) -> list[tuple[str, bytes]]:
    good = encode(make_rep(stream="s", seq=1))
    return [
        ("rep", b""),
        ("rep", b"{"),
        ("rep", b"[" * 5000),
        ("rep", good[:-20]),
        ("rep", good.replace(b'"seq":1', b'"seq":0')),
        ("rep", good.replace(b'"seq":1', b'"seq":18446744073709551615')),
        ("rep", good.replace(b'"revision":1', b'"revision":9223372036854775808')),
        ("rep", good.replace(b'"session_s":4.0', b'"session_s":NaN')),
        ("rep", good.replace(b'"session_s":4.0', b'"session_s":1e999')),
        ("rep", b"\xff\xfe" + good),
        ("rep", good + b" " * 70_000),
        ("rep", encode(tombstone(5, 3))),
        ("set", good),
        ("command", good),
    ]


def test_poison_is_put_aside_and_the_good_ones_behind_it_are_stored(
    broker: Broker, wire: Any, store: Store, make_rep: MakeRep, until: Any
) -> None:
    bad = poison(make_rep)
    with Record(mqtt(broker), store) as record:
        until(lambda: record.connected)
        for number, (leaf, payload) in enumerate(bad, 1):
            wire.say(TOPIC + leaf, payload)
            wire.say(TOPIC + "rep", encode(make_rep(number, stream="s", seq=number)))
        until(lambda: acked(wire) == len(bad))
        until(lambda: len(written.quarantined(store)) == len(bad))
    assert len(written.reps(store, "gym", "rack-1")) == len(bad)


def test_text_that_a_terminal_would_obey_is_clean_in_the_history(
    broker: Broker, wire: Any, store: Store, make_rep: MakeRep, until: Any
) -> None:
    payload = encode(make_rep(stream="s", seq=1, athlete="ana"))
    payload = payload.replace(b'"ana"', rb'"a\u001b[31mn\ud800a\u202e"')
    with Record(mqtt(broker), store) as record:
        until(lambda: record.connected)
        wire.say(TOPIC + "rep", payload)
        wire.say(TOPIC + "rep", encode(make_rep(2, stream="s", seq=2)))
        until(lambda: len(written.reps(store, "gym", "rack-1")) + len(written.quarantined(store)) == 2)
    for row in written.reps(store, "gym", "rack-1"):
        assert row["athlete"] in (None, "a[31mna")


class RefusesAtFirst:
    """A store whose disk is full for a while."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.misdated = 0
        self.full = True
        self.refused = 0
        self.quarantine = store.quarantine
        self.acks = store.acks

    def ingest(self, arrived: Sequence[Arrived]) -> dict[StreamKey, StreamAck]:
        if self.full:
            self.refused += 1
            raise StoreError("no room left")
        return self.store.ingest(arrived)


def test_nothing_is_acknowledged_while_the_database_refuses_and_all_is_when_it_does_not(
    broker: Broker, wire: Any, store: Store, make_rep: MakeRep, until: Any
) -> None:
    refusing = RefusesAtFirst(store)
    said: list[str] = []
    with Record(mqtt(broker), refusing, say=said.append) as record:
        until(lambda: record.connected)
        wire.say(TOPIC + "rep", encode(make_rep(stream="s", seq=1)))
        until(lambda: refusing.refused)
        assert record.problem == "no room left"
        assert acked(wire) == 0
        refusing.full = False
        until(lambda: acked(wire) == 1)
        assert record.problem is None
    assert any("nothing is acknowledged" in line for line in said)


def test_a_flood_into_a_history_that_cannot_be_written_is_bounded_and_said(
    broker: Broker, wire: Any, store: Store, make_rep: MakeRep, until: Any
) -> None:
    refusing = RefusesAtFirst(store)
    said: list[str] = []
    with Record(mqtt(broker), refusing, say=said.append) as record:
        wire.say(TOPIC + "rep", encode(make_rep(stream="s", seq=1)))
        until(lambda: refusing.refused or wire.say(TOPIC + "rep", encode(make_rep(stream="s", seq=2))))
        flood = [((TOPIC + "rep").encode(), b"x")] * (2 * QUEUE)
        record._client.inbox.put_all(flood, 0.0)
        until(lambda: record.flood)
        assert record._client.inbox.dropped >= QUEUE
    assert any("a flood on plumbline/1/gym/rack-1/rep; not listened to" in line for line in said)


class ChokesOn(RefusesAtFirst):
    """A store with a value it cannot take and nobody thought of."""

    def ingest(self, arrived: Sequence[Arrived]) -> dict[StreamKey, StreamAck]:
        if any(isinstance(one.message, RepMessage) and one.message.seq == 2 for one in arrived):
            raise OverflowError("too large")
        return self.store.ingest(arrived)


def test_a_value_nobody_foresaw_is_put_aside_alone(
    broker: Broker, wire: Any, store: Store, make_rep: MakeRep, until: Any
) -> None:
    with Record(mqtt(broker), ChokesOn(store)) as record:
        until(lambda: record.connected)
        for seq in (1, 2, 3):
            wire.say(TOPIC + "rep", encode(make_rep(seq, stream="s", seq=seq)))
        until(lambda: acked(wire) == 3 and len(written.quarantined(store)) == 1)
    assert [row["number"] for row in written.reps(store, "gym", "rack-1")] == [1, 3]


def test_a_record_that_comes_back_tells_the_stations_what_it_has(
    broker: Broker, wire: Any, store: Store, make_rep: MakeRep, until: Any
) -> None:
    take(store, make_rep(stream="s", seq=1), make_rep(stream="s", seq=2))
    with Record(mqtt(broker), store):
        until(lambda: acked(wire) == 2)


@pytest.mark.parametrize("leaf", ["badge", "command", "correction", "rep"])
def test_what_the_broker_has_kept_is_not_obeyed_at_every_start(
    broker: Broker, wire: Any, until: Any, make_rep: MakeRep, leaf: str
) -> None:
    said = {
        "badge": BadgeMessage(event_id="b", at_utc=NOW, badge="7", by="rack-1"),
        "rep": make_rep(stream="s", seq=1),
    }.get(leaf, CommandMessage(event_id="c", at_utc=NOW, name="undo", by="coach"))
    wire.say(TOPIC + leaf, encode(said), retain=True)
    client = Client(mqtt(broker), leaves=("badge", "command", "correction", "rep", "state"))
    client.start()
    until(lambda: client.connection.up)
    wire.say(TOPIC + "state", encode(StateMessage(event_id="s", at_utc=NOW, session="s", state="ready")))
    came: list[Packet] = []
    until(lambda: came.extend(client.inbox.drain()) or came)  # type: ignore[func-returns-value]
    client.stop()
    assert [packet.topic for packet in came] == [TOPIC + "state"]


def test_a_station_gets_as_much_as_a_whole_outbox_and_then_its_rate() -> None:
    allowance = Allowance(at_once=5.0, per_s=2.0)
    assert [allowance.take("gym/a", 0.0) for _ in range(7)] == [True] * 5 + [False] * 2
    assert allowance.take("gym/b", 0.0)
    assert [allowance.take("gym/a", 1.0) for _ in range(3)] == [True, True, False]


def test_a_coach_s_dashboard_whose_acknowledgements_are_refused_says_so_and_writes_nothing(
    tmp_path: Path, make_rep: MakeRep, until: Any
) -> None:
    with guarded_broker(tmp_path / "broker") as port, open_store(tmp_path / "h.db") as store:

        def at(user: str) -> Mqtt:
            folder = tmp_path / "broker"
            password = str(folder / "private" / f"{user}.pw")
            ca_file = str(folder / "ca.pem")
            return Mqtt(host="localhost", port=port, ca_file=ca_file, username=user, password_file=password)

        outbox = Outbox(tmp_path / "outbox.db")
        outbox.append("rack-1", [make_rep(1), make_rep(2, event_id="two")])
        publisher = Publisher(outbox, {"rack-1": at("rack-1")}, {"rack-1": "one"})
        publisher.start()
        said: list[str] = []
        with Record(at("coach"), store, say=said.append) as record:
            until(lambda: record.refused)
            assert "not authorized" in record.refused and "--no-record" in record.refused  # type: ignore[operator]
            held = len(written.reps(store, "gym", "rack-1"))
            outbox.append("rack-1", [make_rep(3, event_id="three")])
            publisher.wake()
            until(lambda: publisher.senders["rack-1"].connection.connected)
            assert len(written.reps(store, "gym", "rack-1")) == held
        publisher.stop()
        assert outbox.depth() == 3
        outbox.close()
