"""What a history lacks is said, with station and time: a restored copy, a second record."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashboard.record.check import check_history
from dashboard.record.check import in_words as lack_in_words
from dashboard.record.holes import Hole, Holes, in_words
from dashboard.record.record import Record
from dashboard.record.store import Arrived, open_store
from edge.broker.mosquitto import Broker
from station.config import Mqtt
from station.messages import RepMessage, StreamAck, encode

KEY = ("gym", "rack-1", "s")
MakeRep = Callable[..., RepMessage]


def missing(*ranges: tuple[int, int]) -> dict[tuple[str, str, str], StreamAck]:
    return {KEY: StreamAck(stream="s", committed_seq=99, missing=list(ranges))}


def test_a_hole_that_closes_in_time_is_never_said(make_rep: MakeRep) -> None:
    holes = Holes(stays_s=30.0)
    holes.update(missing((3, 5)), [(KEY, make_rep(stream="s", seq=6))], now_s=100.0)
    assert holes.staying(129.0) == {}
    holes.update(missing(), (), now_s=129.5)
    assert holes.staying(200.0) == {}


def test_what_is_left_of_a_hole_is_as_old_as_the_hole(make_rep: MakeRep) -> None:
    holes = Holes(stays_s=30.0)
    after = make_rep(stream="s", seq=9, at_utc="2026-11-19T18:30:00.000Z")
    holes.update(missing((3, 8)), [(KEY, after)], now_s=100.0)
    holes.update(missing((3, 4), (7, 8)), [(KEY, make_rep(stream="s", seq=5))], now_s=129.0)
    found = holes.staying(130.0)[KEY]
    assert [(one.first_seq, one.last_seq) for one in found] == [(3, 4), (7, 8)]
    words = in_words("rack-1", [one._replace(after_utc="2026-11-19T18:00:00.000Z") for one in found])
    assert words == (
        "rack-1: 4 events after 2026-11-19T18:00:00Z before 2026-11-19T18:30:00Z are not in this history"
    )


def test_a_record_on_a_restored_history_says_what_it_lacks_until_it_comes(
    broker: Broker, wire: Any, where: str, make_rep: MakeRep, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.record.record.Holes", lambda: Holes(stays_s=0.1))
    at = "2026-11-19T18:0{}:00.000Z".format
    topic = "plumbline/1/gym/rack-1/rep"
    said: list[str] = []
    with open_store(where) as store:
        store.ingest([Arrived("gym", "rack-1", make_rep(n, stream="s", seq=n, at_utc=at(n))) for n in (1, 2)])
        mqtt = Mqtt(host="127.0.0.1", port=broker.port, tls=False)
        with Record(mqtt, store, say=said.append) as record:
            until(lambda: record.connected)
            wire.say(topic, encode(make_rep(6, stream="s", seq=6, at_utc=at(6))))
            until(lambda: record.missing)
            assert record.missing == (
                "rack-1: 3 events after 2026-11-19T18:02:00Z before 2026-11-19T18:06:00Z"
                " are not in this history"
            )
            until(lambda: any("restored from a copy" in line for line in said))
            (lack,) = check_history(where)
            assert lack_in_words(lack) == (
                "gym/rack-1: 3 events missing after 2026-11-19T18:02:00Z before 2026-11-19T18:06:00Z,"
                " of 1 runs of its node"
            )
        with Record(mqtt, store, say=said.append) as record:  # which has not heard what came before and after
            until(lambda: record.missing)
            assert "after 2026-11-19T18:02:00Z before 2026-11-19T18:06:00Z" in str(record.missing)
            for n in (3, 4, 5):
                wire.say(topic, encode(make_rep(n, stream="s", seq=n, at_utc=at(n))))
            until(lambda: record.missing is None)
        assert check_history(where) == [] and store.holes(("gym", "rack-1", "s")) == []


def test_a_history_and_its_side_files_are_their_owners_alone(tmp_path: Path, make_rep: MakeRep) -> None:
    with open_store(tmp_path / "h.db") as store:
        store.ingest([Arrived("gym", "rack-1", make_rep(stream="s", seq=1))])
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"h.db": 0o600, "h.db-wal": 0o600, "h.db-shm": 0o600}


def test_what_another_record_has_confirmed_at_the_end_of_a_stream_is_a_hole(make_rep: MakeRep) -> None:
    holes = Holes(stays_s=30.0)
    holes.settled("gym", "rack-1", {"s": 99}, now_s=10.0)
    assert holes.staying(1000.0) == {}  # a new history knows nothing of the station, and lacks nothing
    holes.update({KEY: StreamAck(stream="s", committed_seq=90)}, (), now_s=20.0)
    holes.settled("gym", "rack-1", {"s": 99, "next": 4}, now_s=21.0)
    holes.settled("gym", "rack-1", {"s": 99, "next": 4}, now_s=40.0)
    found = holes.staying(51.0)
    assert [(key[2], one.first_seq, one.last_seq) for key, ends in found.items() for one in ends] == [
        ("s", 91, 99),
        ("next", 1, 4),
    ]
    holes.update({KEY: StreamAck(stream="s", committed_seq=99)}, (), now_s=52.0)
    assert [key[2] for key in holes.staying(60.0)] == ["next"]


def test_what_another_record_has_confirmed_is_told_without_one_running(
    tmp_path: Path, make_rep: MakeRep
) -> None:
    with open_store(tmp_path / "h.db") as store:
        store.ingest([Arrived("gym", "rack-1", make_rep(n, stream="s", seq=n)) for n in (1, 2, 3)])
        store.keep_holes({KEY: [Hole(3, 9, 0.0, None)]}, ())
    (lack,) = check_history(str(tmp_path / "h.db"))
    assert (lack.station, lack.missing) == ("rack-1", 6)
