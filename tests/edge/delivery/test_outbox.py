"""The outbox: numbers never reused, nothing deleted unacknowledged, whatever happens to the process."""

import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.delivery.ballast import Ballast
from edge.delivery.outbox import Outbox
from station.errors import StoreError
from station.messages import RepMessage, StreamAck, decode, encode
from tests.edge.delivery.held import MakeRep, ack, seqs, tombstones


def test_every_station_counts_from_one_in_a_stream_of_its_own(outbox: Outbox, make_rep: MakeRep) -> None:
    assert outbox.append("rack-1", [make_rep(1), make_rep(2)]) == [1, 2]
    assert outbox.append("rack-2", [make_rep(1)]) == [1]
    assert outbox.append("rack-1", [make_rep(3)]) == [3]
    assert outbox.stream("rack-1") != outbox.stream("rack-2")


def test_the_payload_is_the_message_with_its_envelope_filled_in(
    outbox: Outbox, make_rep: MakeRep, make_set: Callable[..., RepMessage]
) -> None:
    outbox.append("rack-1", [make_rep(7), make_set(1)])
    rep, summary = outbox.unacknowledged("rack-1", 10)
    assert (rep.leaf, summary.leaf) == ("rep", "set")
    message = decode(rep.leaf, rep.payload)
    assert isinstance(message, RepMessage)
    assert (message.stream, message.seq, message.rep.number) == (outbox.stream("rack-1"), 1, 7)


def test_each_start_begins_a_stream_and_what_waits_stays_in_its_own(
    tmp_path: Path, make_rep: MakeRep
) -> None:
    with Outbox(tmp_path / "o.db") as outbox:
        outbox.append("rack-1", [make_rep(1), make_rep(2), make_rep(3)])
        before = outbox.stream("rack-1")
        assert ack(outbox, 2) == 2
    with Outbox(tmp_path / "o.db") as outbox:
        assert outbox.append("rack-1", [make_rep(4)]) == [1]
        waiting = [decode(entry.leaf, entry.payload) for entry in outbox.unacknowledged("rack-1", 10)]
        assert [(one.stream, one.seq) for one in waiting] == [  # type: ignore[union-attr]
            (before, 3),
            (outbox.stream("rack-1"), 1),
        ]
        assert outbox.settled("rack-1") == {before: 2}
        assert ack(outbox, 3, stream=before) == 1
        assert outbox.settled("rack-1") == {before: 3}
        assert ack(outbox, 1) == 1


def test_what_is_missing_at_the_record_stays(outbox: Outbox, make_rep: MakeRep) -> None:
    outbox.append("rack-1", [make_rep() for _ in range(6)])
    assert ack(outbox, 5, (2, 2), (4, 4)) == 3
    assert seqs(outbox) == [2, 4, 6]


@pytest.mark.parametrize(
    "committed, missing", [(4, []), (2**50, []), (2, [(2, 1)])], ids=["next", "far", "backwards"]
)
def test_an_acknowledgement_of_what_was_never_issued_is_refused(
    outbox: Outbox, make_rep: MakeRep, committed: int, missing: list[tuple[int, int]]
) -> None:
    outbox.append("rack-1", [make_rep() for _ in range(3)])
    assert ack(outbox, 3, stream="another") == 0
    said = StreamAck(stream=outbox.stream("rack-1"), committed_seq=committed, missing=missing)
    assert outbox.acknowledge("rack-1", said).refused
    assert seqs(outbox) == [1, 2, 3]


def test_an_acknowledgement_deletes_nothing_that_the_record_never_got_from_this_file(
    tmp_path: Path, make_rep: MakeRep
) -> None:
    path, copy = tmp_path / "o.db", tmp_path / "copy.db"
    with Outbox(path) as outbox:
        outbox.append("rack-1", [make_rep(1), make_rep(2)])
        old = outbox.stream("rack-1")
    shutil.copy(path, copy)
    with Outbox(copy) as outbox:
        outbox.append("rack-1", [make_rep(5), make_rep(6)])
        # What the other copy has issued since is in the record as well: 1 and 2 are these, 3 and 4 are not.
        assert ack(outbox, 4, stream=old) == 2
        assert seqs(outbox) == [1, 2]


def test_an_event_that_the_record_knows_by_a_tombstone_alone_is_sent(
    outbox: Outbox, make_rep: MakeRep
) -> None:
    outbox.append("rack-1", [make_rep() for _ in range(6)])
    said = StreamAck(stream=outbox.stream("rack-1"), committed_seq=6, missing=[(6, 6)], lost=[(2, 3)])
    assert outbox.acknowledge("rack-1", said) == (3, True, False)
    assert seqs(outbox) == [2, 3, 6]
    gone = StreamAck(stream=outbox.stream("rack-1"), committed_seq=6, missing=[(1, 1)])
    assert outbox.acknowledge("rack-1", gone) == (3, False, False)  # 1 is missed there, and nobody has it


def test_an_outbox_of_the_first_edition_goes_on_with_what_waits_in_it(
    tmp_path: Path, make_rep: MakeRep
) -> None:
    path = tmp_path / "o.db"
    payload = encode(make_rep(7))
    db = sqlite3.connect(path)
    db.executescript(FIRST_EDITION)
    db.execute("INSERT INTO streams VALUES ('rack-1', 'old', 9)")
    db.execute("INSERT INTO events VALUES (4, 'rack-1', 1, 3, 3, 'rep', ?)", (payload,))
    db.execute("INSERT INTO events VALUES (9, 'rack-1', 9, 9, 0, 'rep', ?)", (payload,))
    db.execute("INSERT INTO settings VALUES ('rack-1', x'6b')")
    db.commit()
    db.close()
    with Outbox(path) as outbox:
        assert outbox.saved_state("rack-1") == b"k"
        outbox.append("rack-1", [make_rep(8)])
        assert [(entry.seq, entry.payload == payload) for entry in outbox.unacknowledged("rack-1", 9)] == [
            (3, True),
            (9, True),
            (1, False),
        ]
        assert ack(outbox, 9, stream="old") == 2


def test_ballast_is_real_blocks_given_up_once_and_put_back(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "b", 65536)
    assert (tmp_path / "b").stat().st_blocks * 512 >= 65536
    assert ballast.release() and not ballast.release()
    assert ballast.restore() and ballast.there
    huge = Ballast(tmp_path / "huge", 2**60)
    assert not huge.there and not huge.release()


def test_beyond_the_quota_one_tombstone_stands_for_the_oldest(tmp_path: Path, make_rep: MakeRep) -> None:
    with Outbox(tmp_path / "o.db", max_events=10) as outbox:
        for _ in range(15):
            outbox.append("rack-1", [make_rep(), make_rep()])
        (stone,) = tombstones(outbox)
        assert (stone.first_seq, stone.seq, stone.lost) == (1, 21, 21)
        assert seqs(outbox) == [21, *range(22, 31)]


def test_the_quota_takes_the_oldest_of_all_stations(tmp_path: Path, make_rep: MakeRep) -> None:
    with Outbox(tmp_path / "o.db", max_events=10) as outbox:
        outbox.append("old", [make_rep() for _ in range(6)])
        outbox.append("new", [make_rep() for _ in range(6)])
        assert [stone.lost for stone in tombstones(outbox, "old")] == [3]
        assert tombstones(outbox, "new") == []


def test_a_file_at_its_page_bound_makes_room_instead_of_failing(tmp_path: Path, make_rep: MakeRep) -> None:
    path = tmp_path / "o.db"
    with Outbox(path, max_bytes=128 * 1024) as outbox:
        for _ in range(100):
            outbox.append("rack-1", [make_rep() for _ in range(5)])
        live = len(seqs(outbox)) - 1
        (stone,) = tombstones(outbox)
        assert stone.lost + live == 500
        assert live > 20
        assert path.stat().st_size <= 128 * 1024


def test_what_never_reached_the_outbox_gets_numbers_and_a_tombstone(
    outbox: Outbox, make_rep: MakeRep
) -> None:
    outbox.append("rack-1", [make_rep()])
    assert outbox.append("rack-1", [make_rep()], lost_before=3) == [5]
    assert seqs(outbox) == [1, 4, 5]
    (stone,) = tombstones(outbox)
    assert (stone.first_seq, stone.seq, stone.lost) == (2, 4, 3)


def test_a_text_file_given_by_mistake_is_refused_and_stays_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "rack-1.toml"
    path.write_text('[station]\nid = "rack-1"\nkind = "barbell"\n')
    with pytest.raises(StoreError, match="a text file, not an outbox; give another file"):
        Outbox(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["rack-1.toml"]


@pytest.mark.parametrize(
    "damage", [b"\0" * 8192, b"\xa7no database at all", None], ids=["nul", "start", "middle"]
)
def test_a_damaged_file_is_set_aside_and_a_new_stream_begins(
    tmp_path: Path, make_rep: MakeRep, damage: bytes | None
) -> None:
    path = tmp_path / "o.db"
    with Outbox(path) as outbox:
        stream = outbox.stream("rack-1")
        outbox.append("rack-1", [make_rep() for _ in range(40)])
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * 4096 + whole[8192:] if damage is None else damage)
    if damage is not None and damage.count(0) == len(damage):
        path.write_bytes(b"SQLite format 3\0" + damage)
    said: list[str] = []
    with Outbox(path, say=said.append) as outbox:
        assert outbox.stream("rack-1") != stream
        assert outbox.append("rack-1", [make_rep()]) == [1]
    (line,) = said
    (aside,) = tmp_path.glob("o.db.damaged-*")
    assert "damaged" in line and aside.name in line


def test_a_second_node_on_the_same_outbox_is_told_so(outbox: Outbox) -> None:
    with pytest.raises(StoreError, match="in use by another process"):
        Outbox(outbox.path)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        Outbox(tmp_path / "nowhere" / "o.db")


def test_an_outbox_of_a_newer_plumbline_and_a_foreign_database_are_left_alone(tmp_path: Path) -> None:
    newer, foreign = tmp_path / "newer.db", tmp_path / "foreign.db"
    Outbox(newer).close()
    for path, statement in ((newer, "PRAGMA user_version = 3"), (foreign, "CREATE TABLE t (x)")):
        db = sqlite3.connect(path)
        db.execute(statement)
        db.commit()
        db.close()
    with pytest.raises(StoreError, match="schema 3, this Plumbline knows 2"):
        Outbox(newer)
    with pytest.raises(StoreError, match="not an outbox"):
        Outbox(foreign)


FIRST_EDITION = """
CREATE TABLE streams (
    station TEXT PRIMARY KEY, stream TEXT NOT NULL UNIQUE, issued_seq INTEGER NOT NULL
) STRICT;
CREATE TABLE events (
    id INTEGER PRIMARY KEY, station TEXT NOT NULL REFERENCES streams (station),
    first_seq INTEGER NOT NULL, seq INTEGER NOT NULL, lost INTEGER NOT NULL, leaf TEXT NOT NULL,
    payload BLOB NOT NULL, UNIQUE (station, seq)
) STRICT;
CREATE TABLE settings (station TEXT PRIMARY KEY, payload BLOB NOT NULL) STRICT;
PRAGMA application_id = 0x504C4F42;
PRAGMA user_version = 1;
"""

WRITER = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
import msgspec
from edge.delivery.outbox import Outbox
from station.messages import RepMessage
rep = msgspec.json.decode(sys.argv[3], type=RepMessage)
with Outbox(Path(sys.argv[1])) as outbox:
    while True:
        print(outbox.append("rack-1", [rep, rep, rep])[-1], flush=True)
"""


def test_what_was_committed_survives_kill_9_and_no_number_comes_twice(
    tmp_path: Path, make_rep: MakeRep
) -> None:
    path = tmp_path / "o.db"
    before = 0
    for _ in range(3):
        root = str(Path(__file__).parents[3])
        rep = encode(make_rep()).decode()
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), root, rep], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        said = max(int(writer.stdout.readline()) for _ in range(7))
        writer.send_signal(signal.SIGKILL)
        said = max([said, *(int(line) for line in writer.stdout.read().split("\n")[:-1])])
        writer.wait()
        writer.stdout.close()
        with Outbox(path) as outbox:
            kept = seqs(outbox)[before:]
            assert kept == list(range(1, len(kept) + 1))
            assert said <= len(kept) <= said + 3  # at most the batch whose commit it could not report
            assert len(kept) % 3 == 0
            before += len(kept)
