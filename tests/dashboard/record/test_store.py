"""The history as the record writes it: each event once, whatever the order, and what is missing is named."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from sqlalchemy import text

from dashboard.database.schema import open_history, version_of
from dashboard.database.tables import SCHEMA_VERSION
from dashboard.record.ledger import STREAMS_KEPT
from dashboard.record.ranges import holes, minus, size, union
from dashboard.record.store import (
    QUARANTINE_ROWS,
    Arrived,
    PoisonMessage,
    Store,
    open_store,
)
from dashboard.record.streams import MOST_RANGES
from station.errors import StoreError
from station.messages import (
    CommandMessage,
    ReplyMessage,
    RepMessage,
    SetMessage,
    StreamAck,
)
from station.records import Rep
from tests.dashboard.record import written
from tests.dashboard.record.stream import NOW, take, tombstone

TOPIC = "plumbline/1/gym/rack-1/"
MakeRep = Callable[..., RepMessage]


@given(st.sets(st.integers(1, 60)), st.sets(st.integers(1, 60)))
def test_ranges_are_sets_of_numbers(a: set[int], b: set[int]) -> None:
    def ranges(numbers: set[int]) -> tuple[tuple[int, int], ...]:
        return union((n, n) for n in numbers)

    assert union((*ranges(a), *ranges(b))) == ranges(a | b)
    assert minus(ranges(a), ranges(b)) == ranges(a - b)
    assert holes(ranges(a)) == ranges(set(range(1, max(a, default=0) + 1)) - a)
    assert size(ranges(a)) == len(a)


def test_a_rep_that_comes_twice_is_there_once(store: Store, make_rep: MakeRep) -> None:
    rep = make_rep(stream="s", seq=1)
    assert take(store, rep, rep) == StreamAck(stream="s", committed_seq=1)
    assert take(store, rep) == StreamAck(stream="s", committed_seq=1)
    (row,) = written.reps(store, "gym", "rack-1")
    assert (row["number"], row["mean_concentric_velocity_mps"], row["rom_m"]) == (1, 0.5, None)


def test_the_highest_revision_of_a_rep_stays_whatever_the_order(store: Store, make_rep: MakeRep) -> None:
    pending, confirmed, rejected = (
        make_rep(stream="s", seq=n, revision=n, state=state)
        for n, state in enumerate(("pending", "confirmed", "rejected"), 1)
    )
    take(store, rejected)
    take(store, pending, confirmed)
    assert [row["state"] for row in written.reps(store, "gym", "rack-1")] == ["rejected"]


def test_the_same_event_id_at_another_station_is_another_rep(store: Store, make_rep: MakeRep) -> None:
    rep = make_rep(stream="s", seq=1)
    other = make_rep(stream="s2", seq=1, revision=9)
    store.ingest([Arrived("gym", "rack-1", rep), Arrived("gym", "rack-2", other)])
    assert [row["revision"] for row in written.reps(store, "gym", "rack-1")] == [1]
    assert [row["revision"] for row in written.reps(store, "gym", "rack-2")] == [9]


def test_a_hole_is_named_until_it_is_filled(store: Store, make_rep: MakeRep) -> None:
    take(store, make_rep(stream="s", seq=1), make_rep(stream="s", seq=5))
    ack = take(store, make_rep(stream="s", seq=3))
    assert ack == StreamAck(stream="s", committed_seq=5, missing=[(2, 2), (4, 4)])
    assert store.acks() == {("gym", "rack-1", "s"): ack}
    assert take(store, make_rep(stream="s", seq=2), make_rep(stream="s", seq=4)).missing == []


def test_a_tombstone_shows_as_a_gap_and_what_turns_up_after_all_leaves_it(
    store: Store, make_rep: MakeRep
) -> None:
    take(store, make_rep(stream="s", seq=2))
    lost = [(1, 1), (3, 5)]  # whoever has such an event after all is to send it
    assert take(store, tombstone(1, 5)) == StreamAck(stream="s", committed_seq=5, lost=lost)
    assert [(gap.first_seq, gap.last_seq) for gap in written.gaps(store)] == [(1, 1), (3, 5)]
    take(store, make_rep(2, stream="s", seq=4, event_id="late"))
    assert [(gap.first_seq, gap.last_seq) for gap in written.gaps(store)] == [(1, 1), (3, 3), (5, 5)]
    assert written.gaps(store)[0] == written.Gap("gym", "rack-1", "s", 1, 1)
    assert len(written.reps(store, "gym", "rack-1")) == 2


@settings(max_examples=20, deadline=None)
@given(order=st.lists(st.integers(1, 12), min_size=12, max_size=40), cuts=st.integers(1, 7))
def test_any_order_and_repetition_gives_each_event_once(
    make_rep: MakeRep, tmp_path_factory: pytest.TempPathFactory, order: list[int], cuts: int
) -> None:
    with open_store(tmp_path_factory.mktemp("store") / "h.db") as store:
        messages = [make_rep(n, stream="s", seq=n) for n in order]
        for start in range(0, len(messages), cuts):
            ack = take(store, *messages[start : start + cuts])
        assert {row["number"] for row in written.reps(store, "gym", "rack-1")} == set(order)
        assert len(written.reps(store, "gym", "rack-1")) == len(set(order))
        missing = {n for first, last in ack.missing for n in range(first, last + 1)}
        assert set(range(1, ack.committed_seq + 1)) - missing == set(order)


def test_sets_and_commands_with_their_answers_are_kept(
    store: Store, make_set: Callable[..., SetMessage]
) -> None:
    command = CommandMessage(event_id="c", at_utc=NOW, name="set-load", by="coach", load_kg=60.0)
    reply = ReplyMessage(event_id="r", at_utc=NOW, in_reply_to="c", ok=True, text="load 60 kg")
    store.ingest([Arrived("gym", "rack-1", message) for message in (command, command, reply)])
    take(store, make_set(3, stream="s", seq=1))
    (kept,) = written.commands(store, "gym", "rack-1")
    assert (kept["by"], kept["ok"], kept["answer"]) == ("coach", 1, "load 60 kg")
    assert [row["number"] for row in written.sets(store, "gym", "rack-1")] == [3]


def test_the_columns_of_a_rep_are_its_field_names(store: Store, make_rep: MakeRep) -> None:
    take(store, make_rep(stream="s", seq=1))
    (row,) = written.reps(store, "gym", "rack-1")
    columns = set(row)
    assert {field.name for field in msgspec.structs.fields(Rep)} <= columns


def test_quarantine_keeps_the_newest(store: Store) -> None:
    store.quarantine([PoisonMessage("t", b"x" * 100_000, f"reason {n}") for n in range(QUARANTINE_ROWS + 5)])
    store.quarantine([PoisonMessage("t", b"last", "last")])
    kept = written.quarantined(store)
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


def test_another_event_under_a_number_taken_before_is_kept(store: Store, make_rep: MakeRep) -> None:
    take(store, make_rep(1, stream="s", seq=1), make_rep(2, stream="s", seq=2))
    take(store, make_rep(2, stream="s", seq=2))
    take(store, make_rep(3, stream="s", seq=2))  # an old copy of the outbox was restored
    assert [row["number"] for row in written.reps(store, "gym", "rack-1")] == [1, 2, 3]


def test_old_streams_are_forgotten_unless_they_show_a_gap(store: Store, make_rep: MakeRep) -> None:
    take(store, tombstone(1, 2, stream="gap"))
    for n in range(STREAMS_KEPT + 5):
        take(store, make_rep(n + 1, stream=f"s{n}", seq=1))
    assert len(store.acks()) == STREAMS_KEPT + 1
    assert [gap.stream for gap in written.gaps(store)] == ["gap"]
    assert len(written.reps(store, "gym", "rack-1", 9999)) == STREAMS_KEPT + 5


def test_odd_numbers_without_end_cost_no_more_than_a_bound(store: Store, make_rep: MakeRep) -> None:
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
    assert written.gaps(store)[0].first_seq == 2
    take(store, structs.replace(rep, seq=4, event_id="late"))
    assert len(written.reps(store, "gym", "rack-1", 9999)) == len(odd) + 1


LOOK = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
print(*db.execute("SELECT count(*) FROM reps").fetchone())
db.close()
"""


def test_who_looks_in_between_takes_no_file_from_under_the_record(tmp_path: Path, make_rep: Any) -> None:
    """As a screen, a second store and another program do: the last of them to close empties SQLite's log."""
    path = tmp_path / "history.db"

    def elsewhere() -> int:
        done = subprocess.run([sys.executable, "-c", LOOK, path], capture_output=True, text=True, check=True)
        return int(done.stdout)

    with open_store(path):
        pass
    with open_history(path) as screen, open_store(path) as store:
        assert version_of(screen) is not None
        with open_store(path):
            pass
        store.ingest([Arrived("gym", "rack-1", make_rep(1, seq=1))])
        assert elsewhere() == 1
        with open_store(path):
            pass
        elsewhere()
        store.ingest([Arrived("gym", "rack-1", make_rep(2, seq=2))])
        assert elsewhere() == 2
