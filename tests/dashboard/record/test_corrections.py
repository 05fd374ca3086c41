"""What is put right the next day: seen by every reader, logged, undone, and never lost to a late revision."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from dashboard.history.kept import Filter
from dashboard.history.queries import sets
from dashboard.record.record import Record
from dashboard.record.store import Arrived, Store, open_store
from dashboard.roster.athletes import erase, save
from dashboard.roster.people import Athlete
from edge.broker.mosquitto import Broker
from station.config import Mqtt
from station.messages import CommandMessage, ReplyMessage, RepMessage, encode, new_id
from tests.dashboard.record import written

GYM = ("gym", "rack-1")


class Gym:
    """A history with a session of two sets: three reps of Ana's, and two."""

    def __init__(self, store: Store, make_rep: Callable[..., RepMessage], make_set: Callable[..., Any]):
        self.store, self.make_rep, self.make_set = store, make_rep, make_set
        self._seq = 0
        for number in (1, 2, 3):
            self.rep(1, number)
        self.hear(make_set(1, counted_reps=3, session="day-1", event_id="day-1-s1", athlete="ana"))
        for number in (1, 2):
            self.rep(2, number)
        self.hear(make_set(2, counted_reps=2, session="day-1", event_id="day-1-s2", athlete="ana"))

    def rep(self, set_number: int, number: int, **changes: Any) -> None:
        start_s = 100.0 * set_number + 4.0 * number
        fields: dict[str, Any] = {"start_s": start_s, "end_s": start_s + 3.0, "rom_m": 0.4, "athlete": "ana"}
        fields |= {"mean_concentric_velocity_mps": 0.5 - 0.05 * number, "set_number": set_number}
        fields |= {"session": "day-1", "event_id": f"day-1-s{set_number}-r{number}"}
        self.hear(self.make_rep(number, **(fields | changes)))

    def hear(self, message: Any) -> None:
        self._seq += 1
        changed = type(message)(
            **{name: getattr(message, name) for name in message.__struct_fields__}
            | {"stream": "s", "seq": self._seq}
        )
        self.store.ingest([Arrived(*GYM, changed)])

    def ask(self, name: Any, **given: Any) -> Any:
        command = CommandMessage(
            event_id=new_id(), at_utc="2030-01-02T08:00:00.000Z", name=name, by="coach", **given
        )
        return self.store.correct(*GYM, command)

    @property
    def seen(self) -> dict[str, tuple[Any, ...]]:
        return {
            row["event_id"].removeprefix("day-1-"): (
                *(row["athlete"], row["set_number"], row["number"], bool(row["counted"]), row["state"]),
            )
            for row in written.reps(self.store, *GYM)
        }

    @property
    def counts(self) -> list[tuple[Any, ...]]:
        rows = self.store.db.rows(
            text("SELECT athlete, number, counted_reps, load_kg FROM sets ORDER BY number")
        )
        return [tuple(row.values()) for row in rows]


@pytest.fixture
def gym(tmp_path: Path, make_rep: Any, make_set: Any) -> Any:
    with open_store(tmp_path / "h.db") as store:
        yield Gym(store, make_rep, make_set)


def everything(gym: Gym) -> list[Any]:
    return [gym.store.db.rows(text(f"SELECT * FROM {table} ORDER BY event_id")) for table in ("reps", "sets")]


def test_reps_that_fell_short_of_anas_range_are_judged_by_the_sets_own_when_the_set_is_bens(gym: Gym) -> None:
    short = {"counted": False, "reason": "40 % of the full range", "reason_code": "short-of-athlete"}
    for number, rom_m in ((1, 0.4), (2, 0.42), (3, 0.2)):
        gym.rep(1, number, revision=2, rom_m=rom_m, **short)
    before = everything(gym)
    assert gym.ask("give-set", set_event_id="day-1-s1", athlete="ben").code == "done"
    assert gym.counts[0] == ("ben", 1, 2, None)
    codes = [row["reason_code"] for row in written.reps(gym.store, *GYM) if row["set_number"] == 1]
    assert codes == [None, None, "short-of-set"]
    assert gym.ask("undo").ok and everything(gym) == before
    gym.ask("give-set", set_event_id="day-1-s1", athlete="ana")  # whose it is
    assert [seen[3] for name, seen in gym.seen.items() if name.startswith("s1")] == [False] * 3


def test_a_day_is_put_right_and_every_reader_sees_it(gym: Gym) -> None:
    assert gym.ask("give-set", set_event_id="day-1-s1", athlete="ben").code == "done"
    assert gym.ask("load-set", set_event_id="day-1-s2", load_kg=80.0).code == "done"
    assert gym.ask("mark-rep", rep_event_id="day-1-s2-r1", mark="false").code == "done"
    assert gym.ask("add-rep", set_event_id="day-1-s2").code == "done"
    assert gym.counts == [("ben", 1, 3, None), ("ana", 2, 2, 80.0)]
    assert gym.seen["s2-r1"] == ("ana", 2, 1, False, "rejected")
    struck = [row["reason_code"] for row in written.reps(gym.store, *GYM) if row["state"] == "rejected"]
    assert struck == ["marked-false"]
    (of_ana,) = sets(gym.store.db, Filter(athlete="ana"))
    assert [rep.rep.counted for rep in of_ana.reps] == [True, True]
    assert {row["load_kg"] for row in written.reps(gym.store, *GYM) if row["set_number"] == 2} == {80.0}
    log = gym.store.db.rows(text('SELECT "by", command, undone_utc FROM corrections ORDER BY at_utc'))
    assert len(log) == 4 and {row["by"] for row in log} == {"coach"}


def test_all_of_it_is_taken_back_step_by_step_and_nothing_is_left(gym: Gym) -> None:
    before = everything(gym)
    asked: list[tuple[str, dict[str, Any]]] = [
        ("give-set", {"rep_event_id": "day-1-s1-r2", "athlete": "ben"}),
        ("mark-rep", {"rep_event_id": "day-1-s1-r1", "mark": "failed"}),
        ("add-rep", {"set_event_id": "day-1-s1"}),
        ("load-set", {"set_event_id": "day-1-s1", "load_kg": 60.0}),
    ]
    steps = [before]
    for name, given in asked:
        assert gym.ask(name, **given).ok
        steps.append(everything(gym))
    for step in reversed(steps[:-1]):
        assert gym.ask("undo").code == "undone"
        assert everything(gym) == step
    assert gym.ask("undo").code == "nothing-to-undo"
    assert gym.store.db.rows(text("SELECT * FROM originals")) == []


def test_the_rest_of_a_set_becomes_a_set_of_its_own(gym: Gym) -> None:
    gym.ask("give-set", rep_event_id="day-1-s1-r2", athlete="ben")
    assert gym.counts == [("ana", 1, 1, None), ("ana", 2, 2, None), ("ben", 3, 2, None)]
    assert gym.seen["s1-r2"] == ("ben", 3, 1, True, "confirmed")
    assert gym.seen["s1-r3"] == ("ben", 3, 2, True, "confirmed")


def test_a_rep_that_was_judged_partial_and_was_none_counts(gym: Gym) -> None:
    gym.rep(1, 3, revision=2, counted=False, reason="partial", reason_code="short-of-set")
    gym.ask("mark-rep", rep_event_id="day-1-s1-r3", mark="counted")
    assert gym.seen["s1-r3"][3] is True
    gym.ask("mark-rep", rep_event_id="day-1-s1-r3", mark=None)
    assert gym.seen["s1-r3"][3] is False


def test_a_late_revision_of_the_station_does_not_undo_a_correction(gym: Gym) -> None:
    gym.ask("give-set", set_event_id="day-1-s1", athlete="ben")
    gym.rep(1, 3, revision=2, rom_m=0.45)
    gym.rep(1, 4)
    assert {one[0] for name, one in gym.seen.items() if name.startswith("s1")} == {"ben"}
    assert [row["rom_m"] for row in written.reps(gym.store, *GYM) if row["event_id"] == "day-1-s1-r3"] == [
        0.45
    ]
    gym.ask("undo")
    assert {one[0] for one in gym.seen.values()} == {"ana"}


def test_a_correction_that_comes_twice_is_made_once(gym: Gym) -> None:
    command = CommandMessage(
        event_id="same", at_utc="2030-01-01T00Z", name="add-rep", by="coach", set_event_id="day-1-s1"
    )
    assert [gym.store.correct(*GYM, command).code for _ in range(2)] == ["done", "done"]
    assert gym.counts[0] == ("ana", 1, 4, None)


def test_one_undo_takes_back_all_corrections_of_an_action(gym: Gym) -> None:
    before = everything(gym)
    for set_event_id in ("day-1-s1", "day-1-s2"):
        gym.ask("give-set", set_event_id=set_event_id, athlete="ben", action="one key")
    undone = gym.ask("undo")
    assert (undone.code, undone.undone) == ("undone", "one key")
    assert everything(gym) == before


@pytest.mark.parametrize(
    ("name", "given", "code"),
    [
        ("mark-rep", {"rep_event_id": "day-9-s1-r1", "mark": "false"}, "unknown-rep"),
        ("give-set", {"set_event_id": "day-1-s9", "athlete": "ben"}, "unknown-set"),
        ("load-set", {"set_event_id": "day-1-s1", "load_kg": -1.0}, "out-of-bounds"),
        ("give-set", {"set_event_id": "day-1-s1", "athlete": "x" * 65}, "out-of-bounds"),
        ("add-rep", {}, "missing"),
        ("tare", {}, "refused"),
    ],
)
def test_what_cannot_be_corrected_is_refused_with_a_code_and_nothing_changes(
    gym: Gym, name: str, given: dict[str, Any], code: str
) -> None:
    before = everything(gym)
    assert gym.ask(name, **given).code == code
    assert everything(gym) == before
    assert gym.store.db.rows(text("SELECT * FROM corrections")) == []


def test_another_stations_rep_is_not_corrected_from_here(gym: Gym) -> None:
    command = CommandMessage(
        event_id="c",
        at_utc="2030-01-01T00Z",
        name="mark-rep",
        by="coach",
        rep_event_id="day-1-s1-r1",
        mark="false",
    )
    assert gym.store.correct("gym", "rack-2", command).code == "unknown-rep"


def test_an_erased_athlete_is_gone_from_corrections_too_and_gets_no_more_sets(gym: Gym) -> None:
    save(gym.store.db, [Athlete(id="ben", name="Ben")])
    gym.ask("give-set", set_event_id="day-1-s1", athlete="ben")
    erase(gym.store.db, "ben")
    assert {one[0] for one in gym.seen.values()} == {"ana"}
    for table in ("corrections", "originals", "reps", "sets", "athletes"):
        assert "ben" not in str(gym.store.db.rows(text(f"SELECT * FROM {table}")))
    assert gym.ask("give-set", set_event_id="day-1-s2", athlete="ben").code == "erased"
    save(gym.store.db, [Athlete(id="ben", name="Ben, with consent")])
    assert gym.ask("give-set", set_event_id="day-1-s2", athlete="ben").code == "done"


class Slow:
    """A store whose corrections wait for a go-ahead, and that notes in which order things are done."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.begun, self.go = threading.Event(), threading.Event()
        self.done: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def correct(self, site: str, station: str, command: CommandMessage) -> ReplyMessage:
        self.begun.set()
        self.go.wait(10.0)
        self.done.append(command.event_id)
        return self._store.correct(site, station, command)

    def ingest(self, arrived: Any) -> Any:
        self.done += [one.message.event_id for one in arrived if isinstance(one.message, RepMessage)]
        return self._store.ingest(arrived)


@pytest.fixture
def slow(broker: Broker, until: Any, tmp_path: Path) -> Iterator[tuple[Slow, Record]]:
    """A record on such a store."""
    with open_store(tmp_path / "h.db") as store:
        slow = Slow(store)
        with Record(Mqtt(host="127.0.0.1", port=broker.port, tls=False), slow) as record:  # type: ignore[arg-type]
            until(lambda: record.connected)
            yield slow, record


def say_corrections(wire: Any, slow: Slow, until: Any, count: int) -> None:
    """Ask for so many, the first of which is begun before the others come."""
    for n in range(count):
        command = CommandMessage(event_id=f"c{n}", at_utc="2030-01-02T08:00:00.000Z", name="undo", by="coach")
        wire.say("plumbline/1/gym/rack-1/correction", encode(command))
        until(slow.begun.is_set)


def test_a_flood_of_corrections_holds_up_no_rep(
    slow: tuple[Slow, Record], wire: Any, until: Any, make_rep: Callable[..., RepMessage]
) -> None:
    store, record = slow
    say_corrections(wire, store, until, 20)
    wire.say("plumbline/1/gym/rack-1/rep", encode(make_rep(stream="s", seq=1, event_id="good")))
    until(lambda: sum(map(len, record._client.inbox._other.values())) == 20)
    store.go.set()
    until(lambda: len(store.done) == 21)
    assert store.done == ["c0", "good", *(f"c{n}" for n in range(1, 20))]


def test_beyond_what_people_can_ask_corrections_are_refused_with_a_code(
    slow: tuple[Slow, Record], wire: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.record.record.MOST_ASKED", 3)
    store, record = slow
    say_corrections(wire, store, until, 9)
    until(lambda: sum(map(len, record._client.inbox._other.values())) == 8)
    store.go.set()
    until(lambda: len(wire.messages("reply")) == 9)
    replies = {one.in_reply_to: one for one in wire.messages("reply")}
    refused = {name for name, one in replies.items() if one.code == "refused"}
    assert refused == {f"c{n}" for n in range(4, 9)}
    assert all("ask again" in replies[name].text for name in refused)
    assert store.done == ["c0", "c1", "c2", "c3"]
