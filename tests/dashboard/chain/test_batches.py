"""Batches on the wire and in the database, in whatever order, twice, with rows that cannot be."""

import zlib
from collections.abc import Iterator
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.chain.batch import Batch, ReceivedBatch, pack, read
from dashboard.chain.pacing import RESEND_MIN_S, WINDOW, Pacing, Patience
from dashboard.chain.quarantine import WITHHELD, Quarantined
from dashboard.chain.store import ChainStore
from dashboard.chain.tables import table_of
from dashboard.database.tables import REPS
from station.errors import MessageError, StoreError
from tests.dashboard.chain.conftest import chain_rows

EVENTS = "chain.events.gym-a"
NAMES = [str(column.name) for column in REPS.c if column.name != "site"]
ROW: dict[str, Any] = dict.fromkeys(NAMES) | {
    "station": "rack-1", "event_id": "r1", "revision": 1, "at_utc": "2030-01-31T10:00:00.000Z",
    "session": "one", "session_s": 1.0, "exercise": "rdl", "state": "confirmed", "set_number": 1,
    "athlete": "a-17",
}  # fmt: skip


def row(seq: int, **given: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode([seq, *(ROW | given).values()]))


def batch(*rows: msgspec.Raw, **given: Any) -> ReceivedBatch:
    return batch_of("gym-a", *rows, **given)


def batch_of(site: str, *rows: msgspec.Raw, first: int = 1, last: int = 1, **given: Any) -> ReceivedBatch:
    fields: dict[str, Any] = {"stream": "s", "epoch": 1}
    fields |= {"columns": {"reps": NAMES}, "rows": {"reps": list(rows)}}
    return read(f"chain.events.{site}", pack(Batch(**(fields | given), first_seq=first, last_seq=last)))


@pytest.fixture
def store(chain_url: str) -> Iterator[ChainStore]:
    found = ChainStore(chain_url)
    yield found
    found.close()


def test_a_batch_that_comes_twice_is_acknowledged_twice_and_written_once(
    store: ChainStore, chain_url: str
) -> None:
    one = batch(row(1), row(2, event_id="r2", rom_m=0.5), last=2)
    acks = [
        store.write([one, one]).acks["gym-a"][0].committed_seq,
        store.write([one]).acks["gym-a"][0].committed_seq,
    ]
    assert acks == [2, 2]
    assert chain_rows(chain_url, "SELECT event_id, site, rom_m, month FROM reps ORDER BY 1") == [
        ("r1", "gym-a", None, "2030-01"),
        ("r2", "gym-a", 0.5, "2030-01"),
    ]
    assert chain_rows(chain_url, "SELECT events FROM chain_streams") == [(2,)]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1), (0, 2, 1), (1, 0, 2)])
def test_the_newest_state_of_a_rep_wins_in_any_order(
    store: ChainStore, chain_url: str, order: tuple[int, ...]
) -> None:
    gone = [(2, "reps", "rack-1", "r1", "2030-01")]
    states = [
        batch(row(1, rom_m=0.1)),
        batch(first=2, last=2, gone=gone),
        batch(row(1, rom_m=0.3), epoch=2, stream="later"),
    ]
    for place in order:
        store.write([states[place]])
    assert chain_rows(chain_url, "SELECT rom_m FROM reps") == [(0.3,)]
    store.write(
        [batch(first=2, last=2, epoch=2, stream="later", gone=[(2, "reps", "rack-1", "r1", "2030-01")])]
    )
    store.write([batch(row(3, rom_m=0.1), first=3, last=3)])  # an old stream's, late
    assert chain_rows(chain_url, "SELECT rom_m FROM reps") == []


@pytest.mark.parametrize(
    "text",
    ["null", "", " ", 'a"b', "a\\b", "a\\nb", "\\.", "a\nb\t,\r", "é\u2028", "'; --", "\\", '"', "\x7f\x01"],
)
def test_text_arrives_as_it_is(store: ChainStore, chain_url: str, text: str) -> None:
    curve = msgspec.json.encode({"hz": 50, "s_mm": text}).decode()
    store.write([batch(row(1, exercise=text, curve=curve, rom_m=1e-300))])
    assert chain_rows(chain_url, "SELECT exercise, curve, rom_m FROM reps") == [(text, curve, 1e-300)]


def test_what_is_missing_is_said_and_then_filled(store: ChainStore) -> None:
    ack = store.write([batch(row(3), first=3, last=4)]).acks["gym-a"][0]
    assert (ack.committed_seq, ack.missing) == (4, [(1, 2)])
    ack = store.write([batch(first=1, last=2)]).acks["gym-a"][0]
    assert (ack.committed_seq, ack.missing) == (4, [])


@pytest.mark.parametrize(
    "poison",
    [
        row(2, event_id="r2", rom_m="long"),
        row(2, event_id=None),
        row(2, event_id="r2", exercise="a\0b"),
        row(2, event_id="r2", at_utc="yesterday"),
        row(2, event_id="r2", at_utc="2030-01-31T23:00:00-05:00"),  # not of the month it says
        msgspec.Raw(b"[2]"),
        msgspec.Raw(b'{"a": 1}'),
    ],
    ids=range(7),
)
def test_a_row_that_cannot_be_goes_into_quarantine_and_stops_none_beside_it(
    store: ChainStore, chain_url: str, poison: msgspec.Raw
) -> None:
    written = store.write([batch(row(1), poison, row(3, event_id="r3"), last=3)])
    assert written.acks["gym-a"][0].committed_seq == 3 and written.quarantined == 1
    assert chain_rows(chain_url, "SELECT event_id FROM reps ORDER BY 1") == [("r1",), ("r3",)]
    assert len(chain_rows(chain_url, "SELECT reason FROM quarantine")) == 1


def test_an_erasure_leaves_nothing_of_its_gym_put_aside(store: ChainStore, chain_url: str) -> None:
    bad = row(1, rom_m="long", athlete="a-17")
    for site in ("gym-a", "gym-b"):
        whole = Quarantined(f"chain.events.{site}", zlib.compress(b'"a-17"'), "no batch")
        store.write([batch_of(site, bad, last=1)], [whole])
    erased = msgspec.Raw(msgspec.json.encode([2, "hash", "2030-01-31T10:00:00.000Z"]))
    given: dict[str, Any] = {"columns": {"erased": ["athlete_hash", "at_utc"]}, "rows": {"erased": [erased]}}
    assert store.write([batch(first=2, last=2, **given)]).erased == ["gym-a"]
    topics = {topic for (topic,) in chain_rows(chain_url, "SELECT topic FROM quarantine")}
    assert topics == {"gym-b/s", "chain.events.gym-b"}
    # Another worker had taken them off the servers before; or its relay had sent them.
    store.write(
        [batch_of("gym-a", bad, last=1, stream="before")],
        [Quarantined("chain.events.gym-a", b"a-17", "a-17")],
    )
    query = "SELECT payload, reason FROM quarantine WHERE topic ~ 'gym-a'"
    assert chain_rows(chain_url, query) == [(b"", WITHHELD)] * 2
    with psycopg.connect(chain_url) as db:
        db.execute("UPDATE chain_gone SET at_utc = at_utc - interval '31 days'")
    store.forget()
    store.write([], [Quarantined("chain.events.gym-a", b"later", "no batch")])
    assert (b"later", "no batch") in chain_rows(chain_url, query)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"hello",
        zlib.compress(b"[]"),
        pack(Batch(stream="s", epoch=1, first_seq=2, last_seq=1)),
        pack(Batch(stream="s", epoch=1, first_seq=1, last_seq=1, columns={"pg_authid": ["x"]})),
        pack(Batch(stream="s", epoch=1, first_seq=1, last_seq=1, columns={"reps": ['x" text); --']})),
        pack(Batch(stream="s", epoch=1, first_seq=1, last_seq=1, columns={"reps": ["site"]})),
        zlib.compress(b" " * 2**25),
        zlib.compress(b"[" * 100_000),
    ],
    ids=range(9),
)
def test_what_is_no_batch_is_refused(payload: bytes, store: ChainStore, chain_url: str) -> None:
    with pytest.raises(MessageError) as refused:
        read(EVENTS, payload)
    store.write([], [Quarantined(EVENTS, payload, str(refused.value))])
    assert len(chain_rows(chain_url, "SELECT FROM quarantine")) == 1


def test_a_gyms_own_history_is_not_made_a_chains(postgres: Any) -> None:
    from dashboard.database.schema import open_writable  # noqa: PLC0415

    url = postgres.database()
    open_writable(url).close()
    with pytest.raises(StoreError, match="a gym's own history"):
        ChainStore(url).open()


def test_the_list_of_athletes_and_exercises_holds_what_the_reps_hold(
    store: ChainStore, chain_url: str
) -> None:
    from dashboard.database.schema import open_history  # noqa: PLC0415
    from dashboard.history.queries import practised  # noqa: PLC0415

    def lines() -> list[tuple[str | None, str, str]]:
        with open_history(chain_url) as db:
            return [(one.athlete, one.exercise, one.last_utc) for one in practised(db)]

    january, february = ("2030-01-31T10:00:00.000Z", "2030-02-01T10:00:00.000Z")
    some = [
        row(1),
        row(2, event_id="r2", athlete=None),
        row(3, event_id="r3", athlete="a-18", at_utc=february),
        row(4, event_id="r4", athlete="a-19", state="rejected"),
    ]
    store.write([batch(*some, last=4)])
    assert lines() == [("a-18", "rdl", february), ("a-17", "rdl", january), (None, "rdl", january)]
    store.write([batch(row(5, event_id="r5", athlete="a-17", at_utc=february), first=5, last=5)])
    assert lines()[0] == ("a-17", "rdl", february)
    gone = [(6, "reps", "rack-1", "r3", "2030-02"), (7, "reps", "rack-1", "r2", "2030-01")]
    store.write([batch(first=6, last=7, columns={}, rows={}, gone=gone)])
    assert lines() == [("a-17", "rdl", february)]
    assert chain_rows(chain_url, "SELECT athlete FROM chain_practised") == [("a-17",)]
    late = row(3, event_id="r3", athlete="a-18", at_utc=february)  # of another worker, who was slow
    store.write([batch(late, first=3, last=3, stream="before")])
    assert lines() == [("a-17", "rdl", february)]
    # A coach gives the reps of one athlete to another: the line goes by the hour.
    given = [row(8, athlete="a-20"), row(9, event_id="r5", athlete="a-20", at_utc=february)]
    store.write([batch(*given, first=8, last=9)])
    store.forget()
    assert [one[0] for one in lines()] == ["a-20"]


def test_a_chain_is_read_as_a_history(store: ChainStore, chain_url: str) -> None:
    from dashboard.database.schema import open_history  # noqa: PLC0415
    from dashboard.history.queries import practised  # noqa: PLC0415

    store.write([batch(row(1, counted=True, number=1, start_s=0.0, end_s=1.0))])
    with open_history(chain_url) as db:
        assert [one.athlete for one in practised(db)] == ["a-17"]
    assert set(table_of("reps").c.keys()) > set(REPS.c.keys())


@given(
    st.lists(st.tuples(st.sampled_from(["send", "ack", "lose", "wait"]), st.floats(0.1, 40.0)), max_size=80)
)
def test_whatever_is_lost_all_is_sent_and_no_more_than_a_window_at_once(
    steps: list[tuple[str, float]],
) -> None:
    pacing, now_s, last, heard = Pacing(0), 0.0, 30, set[int]()
    for what, wait_s in [*steps, *[("wait", 60.0), ("send", 0.1), ("ack", 0.1)] * 60]:
        now_s += wait_s if what == "wait" else 0.0
        while what in ("send", "lose") and pacing.may_send(now_s) and pacing.sent_id < last:
            assert pacing.sent_id - pacing.settled_id < WINDOW
            pacing.sent(pacing.sent_id + 1, now_s)
            if what == "send":
                heard.add(pacing.sent_id)
        if what == "ack" and heard:
            settled = next(n for n in range(last + 1) if n + 1 not in heard)
            pacing.acknowledged(max(heard), settled, settled - pacing.settled_id, now_s)
    assert pacing.settled_id == last


def test_a_lost_batch_is_sent_again_when_the_next_is_answered() -> None:
    pacing = Pacing(0)
    for last in (10, 20, 30):
        assert pacing.may_send(0.0)
        pacing.sent(last, 0.0)
    pacing.acknowledged(30, 10, 20, 0.1)  # 11 to 20 are missing
    assert pacing.may_send(RESEND_MIN_S + 0.2) and pacing.sent_id == 10


def test_patience_is_for_answers_that_are_due_and_doubles_from_server_to_server() -> None:
    patience = Patience()
    assert not patience.is_over(1e6) and not patience.silent(1e6), "nothing was asked"
    patience.connected(100.0)
    patience.asked(200.0)
    patience.asked(229.0)  # the first counts
    assert not patience.silent(229.9) and not patience.is_over(229.9)
    assert patience.silent(230.0) and patience.is_over(230.0)
    patience.connected(231.0)
    assert patience.silent(232.0) and not patience.is_over(290.9) and patience.is_over(291.0)
    patience.connected(291.0)
    patience.answered()
    assert not patience.silent(1e6) and not patience.is_over(1e6)
    patience.asked(300.0)
    assert patience.is_over(330.0), "an answer came from here: it is given no more time than at first"
    for _ in range(10):
        patience.connected(400.0)
        assert patience.is_over(1e6)
    patience.connected(2e6)
    assert not patience.is_over(2e6 + 599.0) and patience.is_over(2e6 + 600.0)
