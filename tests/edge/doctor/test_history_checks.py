"""`plumbline doctor --db`: what a history lacks, asked of the record as a command."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dashboard.record.store import Arrived, open_store
from edge.doctor.history_checks import check_history
from station.cli import main
from station.messages import RepMessage, Tombstone


def test_holes_and_what_was_lost_are_told_by_station(
    tmp_path: Path, make_rep: Callable[..., RepMessage], capsys: pytest.CaptureFixture[str]
) -> None:
    where = tmp_path / "h.db"
    stone = Tombstone(event_id="t", at_utc="2030-01-01T00Z", stream="old", first_seq=1, seq=3, lost=3)
    with open_store(where) as store:
        for number in (1, 2, 6):
            rep = make_rep(number, stream="s", seq=number, event_id=f"e{number}")
            store.ingest([Arrived("gym", "rack-1", rep)])
        store.ingest([Arrived("gym", "rack-1", stone)])
        store.ingest([Arrived("gym", "rack-2", make_rep(stream="fine", seq=1))])
    assert main(["record", "--db", str(where), "--check"]) == 1
    assert capsys.readouterr().out == (
        "gym/rack-1: 3 events missing, 3 lost at the station, of 2 runs of its node\n"
    )
    missing, lost = check_history(str(where))
    assert (missing.place, missing.status, missing.seen) == (
        "rack-1",
        "fail",
        "3 events missing, of 2 runs of the node",
    )
    assert (lost.status, lost.seen) == ("warn", "3 events were lost at the station")


def test_a_history_that_is_not_there_is_said_and_none_is_made(tmp_path: Path) -> None:
    (found,) = check_history(str(tmp_path / "none.db"))
    assert found.status == "fail" and "no such history" in found.seen
    assert list(tmp_path.iterdir()) == []
