"""Who lifts, and what they are to do: by badge at the station, by name at the coach's desk."""

from collections.abc import Iterator
from typing import Any

import pytest

from dashboard.broker.client import Client
from dashboard.record.record import Record
from dashboard.record.store import Arrived, Store, open_store
from dashboard.roster.athletes import save
from dashboard.roster.badges import Badges
from dashboard.roster.people import Athlete, Plan
from dashboard.roster.plans import assignment, exercise_change, identify, pick, plan_at
from dashboard.tui.app import PlumblineApp
from station.config import Mqtt
from station.messages import (
    BadgeMessage,
    CommandMessage,
    ReplyCode,
    ReplyMessage,
    encode,
    new_id,
    now_utc,
)
from tests.dashboard.record import written
from tests.dashboard.roster.two_people import (
    ANA,
    ANAS_RDL,
    BEN,
    PROFILES,
    RDL,
    TOPIC,
    commands_of,
    replies_of,
    told,
)


def test_an_athlete_gets_the_plan_for_what_the_station_counts(words: Any) -> None:
    info = words().info("romanian-deadlift")
    assert told(assignment(ANA, info, PROFILES, "cleo")) == [("set-athlete", {"athlete": "a-17"}), *ANAS_RDL]


def test_a_station_that_counts_something_unplanned_gets_what_its_kind_is_for(words: Any) -> None:
    given = told(assignment(ANA, words().info("good-morning"), PROFILES, "cleo"))
    assert given[1:] == [("set-exercise", {"exercise": "romanian-deadlift"}), *ANAS_RDL]
    given = told(assignment(ANA, words().info("cable-row", kind="cable"), PROFILES, "cleo"))
    assert given[1] == ("set-exercise", {"exercise": "cable-pull-through"})


def test_nothing_of_whoever_lifted_before_stays_where_no_plan_fits(words: Any) -> None:
    info = words().info("banded-hinge", kind="band", load_kg=80.0, target_reps=5)
    given = told(assignment(ANA, info, PROFILES, "cleo"))
    assert given == [("set-athlete", {"athlete": "a-17"}), ("set-load", {}), ("set-target", {})]


def test_without_plans_the_station_stays_as_it_is(words: Any) -> None:
    assert told(assignment(BEN, words().info(), PROFILES, "cleo")) == [("set-athlete", {"athlete": "b-04"})]
    assert told(exercise_change(BEN, "deadlift", "cleo")) == [("set-exercise", {"exercise": "deadlift"})]


def test_another_exercise_brings_its_own_plan() -> None:
    given = told(exercise_change(ANA, "cable-pull-through", "cleo"))
    assert given == [
        ("set-exercise", {"exercise": "cable-pull-through"}),
        ("set-load", {"load_kg": 25.0}),
        ("set-target", {"target_reps": 12}),
    ]
    assert told(exercise_change(ANA, "deadlift", "cleo"))[1:] == [("set-load", {}), ("set-target", {})]


def test_a_badge_an_id_and_a_name_mean_their_owner_and_a_name_of_two_nobody() -> None:
    other = Athlete(id="b-05", name="Ben Lund")
    people = [ANA, BEN, other]
    assert [identify(people, word) for word in ("0042", "A-17", " ana okoro ", "42")] == [ANA] * 4
    assert [identify(people, word) for word in ("420", "Ben Lund", "", "b")] == [None] * 4


@pytest.fixture
def store(where: str) -> Iterator[Store]:
    with open_store(where) as store:
        save(store.db, [ANA, BEN])
        yield store


@pytest.fixture
def record(broker: Any, store: Store, until: Any) -> Iterator[Record]:
    """A record that knows Ana and Ben, on the running broker."""
    mqtt = Mqtt(host="127.0.0.1", port=broker.port, tls=False)
    with Record(mqtt, store, badges=Badges(store.db, PROFILES)) as record:
        until(lambda: record.connected)
        yield record


def badge(word: str, event_id: str = "") -> bytes:
    message = BadgeMessage(event_id=event_id or new_id(), at_utc=now_utc(), badge=word, by="rack-1")
    return encode(message)


def test_the_record_makes_a_badge_the_athlete_s_plan_and_keeps_who_and_when(
    record: Record, store: Store, edge: Any, words: Any, until: Any
) -> None:
    edge._client.subscribe("plumbline/1/gym/+/reply", qos=1)
    edge.say("rack-1", words().state(), words().info("romanian-deadlift"))
    edge.send(TOPIC + "badge", badge("0042", "first"))
    edge.send(TOPIC + "badge", badge("0042", "first"))  # QoS 1 may bring it twice
    edge.send(TOPIC + "badge", badge("9999"))
    edge.send(TOPIC + "badge", badge("Ana Okoro"))
    until(lambda: len(replies_of(edge)) == 3)
    assert told(commands_of(edge)) == [("set-athlete", {"athlete": "a-17"}), *ANAS_RDL]
    assert [one.event_id for one in commands_of(edge)] == ["first.1", "first.2", "first.3"]
    assert {one.action for one in commands_of(edge)} == {"first"}  # one undo takes all of it back
    known, *unknown = replies_of(edge)
    assert (known.in_reply_to, known.ok) == ("first", True)
    assert known.text == "a-17: Romanian deadlift, 60 kg, 8 reps"
    assert not any(one.ok for one in unknown)
    assert unknown[0].text == "badge 9999 unknown; ask the coach"
    assert unknown[0].code is ReplyCode.UNKNOWN_BADGE
    assert not any(b"Okoro" in one.payload for one in edge.heard if one.topic.endswith("/command"))
    for command in commands_of(edge):
        reply = ReplyMessage(
            event_id=new_id(), at_utc=now_utc(), in_reply_to=command.event_id, ok=True, text="done"
        )
        edge.say("rack-1", reply)
    until(lambda: [row["answer"] for row in written.commands(store, "gym", "rack-1")] == ["done"] * 3)
    assert {row["by"] for row in written.commands(store, "gym", "rack-1")} == {"badge at rack-1"}


def test_the_record_tells_a_station_once_how_far_whoever_lifts_there_moves(
    record: Record, store: Store, edge: Any, words: Any, until: Any
) -> None:
    ranges_m = [0.2, 0.2, 0.2, *[0.5] * 7]  # half reps among them
    reps = [words().rep(n, athlete="a-17", rom_m=m, counted=True) for n, m in enumerate(ranges_m, 1)]
    store.ingest([Arrived("gym", "rack-1", one) for one in reps])
    edge.say("rack-2", words().info("romanian-deadlift", athlete="b-04"))  # of whom nothing is known
    edge.say("rack-1", words().info("back-squat", athlete="a-17"))  # nor of her at this
    edge.say("rack-1", words().info("romanian-deadlift", athlete="a-17"))
    until(lambda: commands_of(edge))
    edge.say("rack-1", words().info("romanian-deadlift", athlete="a-17", usual_range_m=0.5))
    edge.send(TOPIC + "badge", badge("0042"))
    until(lambda: len(commands_of(edge)) > 1)
    usual, *others = commands_of(edge)
    assert (usual.name, usual.usual_range_m, usual.by) == ("set-usual-range", 0.5, "record")
    assert (usual.athlete, usual.exercise) == ("a-17", "romanian-deadlift")
    assert "set-usual-range" not in {one.name for one in others}


def test_a_badge_typed_at_the_station_says_who_lifts_in_large_letters(
    record: Record, broker: Any, edge: Any, words: Any, until: Any, looks: Any
) -> None:
    edge.say("rack-1", words().state(), words().info("romanian-deadlift"), words().live(1.0))
    client = Client(Mqtt(host="127.0.0.1", port=broker.port, tls=False))
    client.start()
    until(lambda: client.connection.up)
    app = PlumblineApp(client, PROFILES, lifter_at="rack-1", by="rack-1")

    async def drive(pilot: Any) -> None:
        await looks.poll(pilot, lambda: app.floor.stations)
        edge.say("rack-1", words().live(2.0))
        await looks.poll(pilot, lambda: "Romanian deadlift" in looks.text(app))
        await pilot.press(*"00421", "backspace")
        await looks.poll(pilot, lambda: "badge 0042" in looks.text(app))
        await pilot.press("enter")
        await looks.poll(pilot, lambda: app.screen._told is not None)
        assert app.screen._told == ("a-17: Romanian deadlift, 60 kg, 8 reps", True)
        assert [one.athlete for one in commands_of(edge) if one.name == "set-athlete"] == ["a-17"]
        edge.say("rack-1", words().info("romanian-deadlift", athlete="a-17", load_kg=60.0, target_reps=8))
        await looks.poll(pilot, lambda: "a-17" in looks.text(app).splitlines()[0])
        await pilot.press(*"9", "enter")
        await looks.poll(pilot, lambda: "badge 9 unknown" in (app.screen._told or ("",))[0])

    looks.run(app, (120, 40), drive)
    client.stop()


def test_the_next_plan_whose_sets_are_not_done_today_comes_first(words: Any) -> None:
    squat = Plan(exercise="back-squat", sets=2)
    ana = Athlete(id="a-17", name="Ana", plans=(RDL, squat))
    info = words().info("romanian-deadlift")
    assert plan_at(ana, info, PROFILES, {"romanian-deadlift": 3}) is RDL
    assert plan_at(ana, info, PROFILES, {"romanian-deadlift": 4}) is squat
    assert plan_at(ana, info, PROFILES, {"romanian-deadlift": 4, "back-squat": 2}) is RDL  # more of it


def test_a_picked_exercise_comes_with_its_own_plan_or_bare(words: Any) -> None:
    assert told(pick(ANA, "romanian-deadlift", "x"))[:2] == [
        ("set-athlete", {"athlete": "a-17"}), ("set-exercise", {"exercise": "romanian-deadlift"}),
    ]  # fmt: skip
    assert told(pick(ANA, "romanian-deadlift", "x"))[2:] == ANAS_RDL
    assert told(pick(BEN, "deadlift", "x"))[1:] == [("set-exercise", {"exercise": "deadlift"})]


def test_the_record_knows_which_sets_are_done_today_and_what_was_picked(store: Store, words: Any) -> None:
    squat = Plan(exercise="back-squat", sets=2, reps=5)
    save(store.db, [Athlete(id="d-01", name="Dora", badge="77", plans=(RDL, squat))])
    badges = Badges(store.db, PROFILES)
    badges.heard(("gym", "rack-1"), words().info("romanian-deadlift"))
    done = [words().set(n, athlete="d-01", seq=n, at_utc=now_utc()) for n in range(1, 5)]

    def asked(**given: Any) -> list[CommandMessage]:
        message = BadgeMessage(event_id=new_id(), at_utc=now_utc(), badge="77", by="rack-1", **given)
        answer = badges.answer(("gym", "rack-1"), message)
        assert answer is not None
        return answer.commands

    assert "set-exercise" not in {one.name for one in asked()}
    store.ingest([Arrived("gym", "rack-1", one) for one in done])
    assert [one.exercise for one in asked() if one.name == "set-exercise"] == ["back-squat"]
    assert [one.exercise for one in asked(exercise="deadlift") if one.name == "set-exercise"] == ["deadlift"]
    assert asked(exercise="juggling") == []
