"""How far an athlete is, known at the start: earlier sets and the coach's word come from the record."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboard.database.schema import open_history
from dashboard.history.recall import Recall
from dashboard.history.record_snapshot import read_record
from dashboard.record.store import Arrived, Store, open_store
from dashboard.roster.athletes import save
from dashboard.roster.people import Athlete
from dashboard.tui.app import PlumblineApp
from station.exercises import all_profiles
from station.messages import CommandMessage, ReplyMessage

PROFILES = all_profiles()
ANA_RDL = ("a-17", "romanian-deadlift")


@pytest.fixture
def store(where: str) -> Iterator[Store]:
    with open_store(where) as store:
        yield store


def done(say: Any, number: int, at: str = "2026-01-01T00:00:00.000Z", over: bool = True) -> list[Arrived]:
    """A set of eight good reps by Ana, with 60 kg."""
    given = {"athlete": "a-17", "load_kg": 60.0, "at_utc": at, "stream": say.session}
    reps = [say.rep(n, number, seq=20 * number + n, **given) for n in range(1, 9)]
    messages = [*reps, *([say.set(number, seq=20 * number + 9, **given)] if over else [])]
    return [Arrived("gym", "rack-1", message) for message in messages]


def commanded(
    event_id: str, name: Any, answer: str, at: str, undone: str | None = None, **given: Any
) -> list[Arrived]:
    request = CommandMessage(event_id=event_id, at_utc=at, name=name, by="cleo", **given)
    reply = ReplyMessage(
        event_id=f"r{event_id}",
        at_utc=at,
        in_reply_to=event_id,
        ok=True,
        text=answer,
        action=event_id,
        undone=undone,
    )
    return [Arrived("gym", "rack-1", request), Arrived("gym", "rack-1", reply)]


def standing_of(app: PlumblineApp) -> str:
    view = app.view_of(("gym", "rack-1"))
    return view.mastery.text if view.mastery else ""


def test_sets_from_before_the_screen_began_count_for_the_standing(
    store: Store, where: str, words: Any, still: Any, looks: Any, until: Any
) -> None:
    store.ingest(done(words("yesterday"), 1))
    store.ingest(done(words("a1"), 1, "2026-01-02T00:00:00.000Z"))
    store.ingest(done(words("a1"), 2, "2026-01-02T01:00:00.000Z", over=False))  # still running
    say = words("a1")
    still.put("rack-1", say.state(), say.info(athlete="a-17", load_kg=60.0), say.live(1.0))
    with Recall(where) as recall:
        app = PlumblineApp(still, PROFILES, recall=recall)

        async def drive(pilot: Any) -> None:
            await looks.poll(pilot, lambda: "rack-1" in looks.text(app))
            await pilot.press("enter")
            await looks.poll(pilot, lambda: "3 sets, so far 2" in looks.text(app))
            still.put("rack-1", *(one.message for one in done(say, 2)))
            await looks.poll(pilot, lambda: "mastered" in standing_of(app))
            await looks.poll(pilot, lambda: "coach signs off" in looks.text(app))

        looks.run(app, (120, 40), drive)


def test_what_a_coach_signed_off_is_known_until_it_is_taken_back(
    store: Store, where: str, words: Any, still: Any, looks: Any
) -> None:
    answer = "romanian-deadlift signed off for a-17"
    given = {"athlete": "a-17", "exercise": "romanian-deadlift"}
    store.ingest(commanded("c1", "sign-off", answer, "2026-01-01T00:00:00.000Z", **given))
    with open_history(where) as db:
        assert read_record(db, (ANA_RDL,)).before[ANA_RDL].signed_off
        assert not read_record(db, (("b-04", "romanian-deadlift"),)).before.popitem()[1].signed_off
    store.ingest(commanded("c2", "undo", "undone: load 60 kg", "2026-01-01T00:01:00.000Z", "c0"))
    with open_history(where) as db:
        assert read_record(db, (ANA_RDL,)).before[ANA_RDL].signed_off
    store.ingest(commanded("c3", "undo", f"undone: {answer}", "2026-01-01T00:02:00.000Z", "c1"))
    with open_history(where) as db:
        assert not read_record(db, (ANA_RDL,)).before[ANA_RDL].signed_off


def test_a_record_that_is_not_there_says_why_and_is_read_when_it_comes(tmp_path: Path, until: Any) -> None:
    path = tmp_path / "h.db"
    with Recall(path) as recall:
        until(lambda: str(path) in str(recall.known.problem))
        with open_store(path) as store:
            save(store.db, [Athlete(id="a-17", name="Ana Okoro")])
        recall.again()
        until(lambda: recall.known.athletes and recall.known.problem is None)


def test_until_the_record_is_read_nobody_is_said_to_be_unknown(still: Any, tmp_path: Path) -> None:
    app = PlumblineApp(still, PROFILES, recall=Recall(tmp_path / "h.db"))
    with pytest.raises(ValueError, match="still being read; again in a moment"):
        app.sender.athlete_of("Ana Okoro")


def test_a_locked_record_keeps_what_was_read_and_stops_nothing(tmp_path: Path, until: Any) -> None:
    path = tmp_path / "h.db"
    with open_store(path) as store:
        save(store.db, [Athlete(id="a-17", name="Ana Okoro")])
    with Recall(path) as recall:
        until(lambda: recall.known.athletes)
        db = sqlite3.connect(path)
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("BEGIN EXCLUSIVE")
        recall.again()
        until(lambda: recall.known.problem, timeout_s=15.0)
        assert [one.id for one in recall.known.athletes] == ["a-17"]
        db.close()
