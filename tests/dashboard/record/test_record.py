"""The record: everything once, acknowledged after the commit, and nothing in its way."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from sqlalchemy import text

from dashboard.broker.client import Client
from dashboard.broker.events import Packet
from dashboard.database.tables import SCHEMA_VERSION
from dashboard.record.allowance import Allowance
from dashboard.record.ledger import STREAMS_KEPT, StreamKey
from dashboard.record.ranges import holes, minus, size, union
from dashboard.record.record import Record
from dashboard.record.store import (
    QUARANTINE_ROWS,
    Arrived,
    Gap,
    Poison,
    SqlStore,
    open_store,
)
from dashboard.record.streams import MOST_RANGES
from edge.broker.mosquitto import Broker
from edge.delivery.outbox import Outbox
from edge.delivery.publisher import Publisher
from station.config import Mqtt
from station.errors import StoreError
from station.messages import (
    AckMessage,
    BadgeMessage,
    CommandMessage,
    ReplyMessage,
    RepMessage,
    SetMessage,
    StateMessage,
    StreamAck,
    Tombstone,
    encode,
)
from station.records import Rep
from tests.faults.spoof import guarded_broker

NOW = "2030-01-01T00:00:00.000Z"
TOPIC = "plumbline/1/gym/rack-1/"
MakeRep = Callable[..., RepMessage]


@pytest.fixture
def store(where: str) -> Iterator[SqlStore]:
    with open_store(where) as store:
        yield store


def take(store: SqlStore, *messages: Any) -> StreamAck:
    """Ingest messages of one stream; what is acknowledged."""
    (ack,) = store.ingest([Arrived("gym", "rack-1", message) for message in messages]).values()
    return ack


def tombstone(first_seq: int, seq: int, stream: str = "s") -> Tombstone:
    lost = seq - first_seq + 1
    return Tombstone(event_id="t", at_utc=NOW, stream=stream, seq=seq, first_seq=first_seq, lost=lost)


numbers = st.sets(st.integers(1, 60))


@given(numbers, numbers)
def test_ranges_are_sets_of_numbers(a: set[int], b: set[int]) -> None:
    def ranges(numbers: set[int]) -> tuple[tuple[int, int], ...]:
        return union((n, n) for n in numbers)

    assert union((*ranges(a), *ranges(b))) == ranges(a | b)
    assert minus(ranges(a), ranges(b)) == ranges(a - b)
    assert holes(ranges(a)) == ranges(set(range(1, max(a, default=0) + 1)) - a)
    assert size(ranges(a)) == len(a)


def test_a_rep_that_comes_twice_is_there_once(store: SqlStore, make_rep: MakeRep) -> None:
    rep = make_rep(stream="s", seq=1)
    assert take(store, rep, rep) == StreamAck(stream="s", committed_seq=1)
    assert take(store, rep) == StreamAck(stream="s", committed_seq=1)
    (row,) = store.reps("gym", "rack-1")
    assert (row["number"], row["mean_concentric_velocity_mps"], row["rom_m"]) == (1, 0.5, None)


def test_the_highest_revision_of_a_rep_stays_whatever_the_order(store: SqlStore, make_rep: MakeRep) -> None:
    pending, confirmed, rejected = (
        make_rep(stream="s", seq=n, revision=n, state=state)
        for n, state in enumerate(("pending", "confirmed", "rejected"), 1)
    )
    take(store, rejected)
    take(store, pending, confirmed)
    assert [row["state"] for row in store.reps("gym", "rack-1")] == ["rejected"]


def test_the_same_event_id_at_another_station_is_another_rep(store: SqlStore, make_rep: MakeRep) -> None:
    rep = make_rep(stream="s", seq=1)
    other = make_rep(stream="s2", seq=1, revision=9)
    store.ingest([Arrived("gym", "rack-1", rep), Arrived("gym", "rack-2", other)])
    assert [row["revision"] for row in store.reps("gym", "rack-1")] == [1]
    assert [row["revision"] for row in store.reps("gym", "rack-2")] == [9]


def test_a_hole_is_named_until_it_is_filled(store: SqlStore, make_rep: MakeRep) -> None:
    take(store, make_rep(stream="s", seq=1), make_rep(stream="s", seq=5))
    ack = take(store, make_rep(stream="s", seq=3))
    assert ack == StreamAck(stream="s", committed_seq=5, missing=[(2, 2), (4, 4)])
    assert store.acks() == {("gym", "rack-1", "s"): ack}
    assert take(store, make_rep(stream="s", seq=2), make_rep(stream="s", seq=4)).missing == []


def test_a_tombstone_shows_as_a_gap_and_what_turns_up_after_all_leaves_it(
    store: SqlStore, make_rep: MakeRep
) -> None:
    take(store, make_rep(stream="s", seq=2))
    lost = [(1, 1), (3, 5)]  # whoever has such an event after all is to send it
    assert take(store, tombstone(1, 5)) == StreamAck(stream="s", committed_seq=5, lost=lost)
    assert [(gap.first_seq, gap.last_seq) for gap in store.gaps()] == [(1, 1), (3, 5)]
    take(store, make_rep(2, stream="s", seq=4, event_id="late"))
    assert [(gap.first_seq, gap.last_seq) for gap in store.gaps()] == [(1, 1), (3, 3), (5, 5)]
    assert store.gaps()[0] == Gap("gym", "rack-1", "s", 1, 1)
    assert len(store.reps("gym", "rack-1")) == 2


@settings(max_examples=20, deadline=None)
@given(order=st.lists(st.integers(1, 12), min_size=12, max_size=40), cuts=st.integers(1, 7))
def test_any_order_and_repetition_gives_each_event_once(
    make_rep: MakeRep, tmp_path_factory: pytest.TempPathFactory, order: list[int], cuts: int
) -> None:
    with open_store(tmp_path_factory.mktemp("store") / "h.db") as store:
        messages = [make_rep(n, stream="s", seq=n) for n in order]
        for start in range(0, len(messages), cuts):
            ack = take(store, *messages[start : start + cuts])
        assert {row["number"] for row in store.reps("gym", "rack-1")} == set(order)
        assert len(store.reps("gym", "rack-1")) == len(set(order))
        missing = {n for first, last in ack.missing for n in range(first, last + 1)}
        assert set(range(1, ack.committed_seq + 1)) - missing == set(order)


def test_sets_and_commands_with_their_answers_are_kept(
    store: SqlStore, make_set: Callable[..., SetMessage]
) -> None:
    command = CommandMessage(event_id="c", at_utc=NOW, name="set-load", by="coach", load_kg=60.0)
    reply = ReplyMessage(event_id="r", at_utc=NOW, in_reply_to="c", ok=True, text="load 60 kg")
    store.ingest([Arrived("gym", "rack-1", message) for message in (command, command, reply)])
    take(store, make_set(3, stream="s", seq=1))
    (kept,) = store.commands("gym", "rack-1")
    assert (kept["by"], kept["ok"], kept["answer"]) == ("coach", 1, "load 60 kg")
    assert [row["number"] for row in store.sets("gym", "rack-1")] == [3]


def test_the_columns_of_a_rep_are_its_field_names(store: SqlStore, make_rep: MakeRep) -> None:
    take(store, make_rep(stream="s", seq=1))
    (row,) = store.reps("gym", "rack-1")
    columns = set(row)
    assert {field.name for field in msgspec.structs.fields(Rep)} <= columns


def test_quarantine_keeps_the_newest(store: SqlStore) -> None:
    store.quarantine([Poison("t", b"x" * 100_000, f"reason {n}") for n in range(QUARANTINE_ROWS + 5)])
    store.quarantine([Poison("t", b"last", "last")])
    kept = store.quarantined()
    assert len(kept) == QUARANTINE_ROWS
    assert kept[-1]["reason"] == "last"
    assert len(kept[0]["payload"]) == 4096


def test_a_history_that_cannot_be_used_is_said_in_a_line(tmp_path: Path) -> None:
    newer, text = tmp_path / "newer.db", tmp_path / "text.db"
    open_store(newer).close()
    with sqlite3.connect(newer) as db:
        db.execute(f"UPDATE plumbline_version SET version_num = '{SCHEMA_VERSION + 1}'")
    db.close()
    text.write_text("this is no database, but it is long enough to look at" * 20)
    for path, words in (
        (newer, f"schema {SCHEMA_VERSION + 1}, this Plumbline knows {SCHEMA_VERSION}"),
        (text, "not a sound SQLite database"),
        (tmp_path / "nowhere" / "h.db", "cannot be written"),
    ):
        with pytest.raises(StoreError, match=words):
            open_store(path)


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
    broker: Broker, wire: Any, store: SqlStore, make_rep: MakeRep, until: Any
) -> None:
    bad = poison(make_rep)
    with Record(mqtt(broker), store) as record:
        until(lambda: record.connected)
        for number, (leaf, payload) in enumerate(bad, 1):
            wire.say(TOPIC + leaf, payload)
            wire.say(TOPIC + "rep", encode(make_rep(number, stream="s", seq=number)))
        until(lambda: acked(wire) == len(bad))
        until(lambda: record.quarantined == len(bad))
    assert len(store.reps("gym", "rack-1")) == len(bad)
    assert len(store.quarantined()) == len(bad)


def test_text_that_a_terminal_would_obey_is_clean_in_the_history(
    broker: Broker, wire: Any, store: SqlStore, make_rep: MakeRep, until: Any
) -> None:
    payload = encode(make_rep(stream="s", seq=1, athlete="ana"))
    payload = payload.replace(b'"ana"', rb'"a\u001b[31mn\ud800a\u202e"')
    with Record(mqtt(broker), store) as record:
        until(lambda: record.connected)
        wire.say(TOPIC + "rep", payload)
        wire.say(TOPIC + "rep", encode(make_rep(2, stream="s", seq=2)))
        until(lambda: len(store.reps("gym", "rack-1")) > 0 and record.committed + record.quarantined == 2)
    for row in store.reps("gym", "rack-1"):
        assert row["athlete"] in (None, "a[31mna")


class RefusesAtFirst:
    """A store whose disk is full for a while."""

    def __init__(self, store: SqlStore) -> None:
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
    broker: Broker, wire: Any, store: SqlStore, make_rep: MakeRep, until: Any
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


class ChokesOn(RefusesAtFirst):
    """A store with a value it cannot take and nobody thought of."""

    def ingest(self, arrived: Sequence[Arrived]) -> dict[StreamKey, StreamAck]:
        if any(isinstance(one.message, RepMessage) and one.message.seq == 2 for one in arrived):
            raise OverflowError("too large")
        return self.store.ingest(arrived)


def test_a_value_nobody_foresaw_is_put_aside_alone(
    broker: Broker, wire: Any, store: SqlStore, make_rep: MakeRep, until: Any
) -> None:
    with Record(mqtt(broker), ChokesOn(store)) as record:
        until(lambda: record.connected)
        for seq in (1, 2, 3):
            wire.say(TOPIC + "rep", encode(make_rep(seq, stream="s", seq=seq)))
        until(lambda: acked(wire) == 3 and record.quarantined == 1)
    assert [row["number"] for row in store.reps("gym", "rack-1")] == [1, 3]


def test_a_record_that_comes_back_tells_the_stations_what_it_has(
    broker: Broker, wire: Any, store: SqlStore, make_rep: MakeRep, until: Any
) -> None:
    take(store, make_rep(stream="s", seq=1), make_rep(stream="s", seq=2))
    with Record(mqtt(broker), store):
        until(lambda: acked(wire) == 2)


def test_another_event_under_a_number_taken_before_is_kept_and_counted(
    store: SqlStore, make_rep: MakeRep
) -> None:
    take(store, make_rep(1, stream="s", seq=1), make_rep(2, stream="s", seq=2))
    take(store, make_rep(2, stream="s", seq=2))
    assert store.reused == 0
    take(store, make_rep(3, stream="s", seq=2))  # an old copy of the outbox was restored
    assert [row["number"] for row in store.reps("gym", "rack-1")] == [1, 2, 3]
    assert store.reused == 1


def test_old_streams_are_forgotten_unless_they_show_a_gap(store: SqlStore, make_rep: MakeRep) -> None:
    take(store, tombstone(1, 2, stream="gap"))
    for n in range(STREAMS_KEPT + 5):
        take(store, make_rep(n + 1, stream=f"s{n}", seq=1))
    assert len(store.acks()) == STREAMS_KEPT + 1
    assert [gap.stream for gap in store.gaps()] == ["gap"]
    assert len(store.reps("gym", "rack-1", 9999)) == STREAMS_KEPT + 5


def test_odd_numbers_without_end_cost_no_more_than_a_bound(store: SqlStore, make_rep: MakeRep) -> None:
    rep = make_rep(stream="s", seq=1)
    odd = [structs.replace(rep, seq=2 * n + 1, event_id=f"e{n}") for n in range(3 * MOST_RANGES)]
    for start in range(0, len(odd), 300):
        ack = take(store, *odd[start : start + 300])
    (row,) = store.db.rows(text("SELECT COUNT(*) AS ranges FROM received"))
    assert row["ranges"] <= MOST_RANGES
    (row,) = store.db.rows(text("SELECT COUNT(*) AS ranges FROM gaps"))
    assert row["ranges"] <= MOST_RANGES
    assert ack.committed_seq >= 2
    # The holes given up are shown as lost, and one that turns up after all is kept.
    assert store.gaps()[0].first_seq == 2
    take(store, structs.replace(rep, seq=4, event_id="late"))
    assert len(store.reps("gym", "rack-1", 9999)) == len(odd) + 1


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
            held = len(store.reps("gym", "rack-1"))
            outbox.append("rack-1", [make_rep(3, event_id="three")])
            publisher.wake()
            committed = record.committed
            until(lambda: publisher.senders["rack-1"].connection.connected)
            assert (len(store.reps("gym", "rack-1")), record.committed) == (held, committed)
        publisher.stop()
        assert outbox.depth() == 3
        outbox.close()
