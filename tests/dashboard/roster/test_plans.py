"""Who lifts, and what they are to do: by badge at the station, by name at the coach's desk."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from textual.widgets import Input

from dashboard.broker.client import Client
from dashboard.database.schema import open_writable
from dashboard.history.recall import Recall
from dashboard.record.record import Record
from dashboard.record.store import Arrived, Store, open_store
from dashboard.roster.athletes import save
from dashboard.roster.badges import Badges
from dashboard.roster.people import Athlete, Plan
from dashboard.roster.plans import assignment, exercise_change, identify, pick, plan_at
from dashboard.tui.app import PlumblineApp
from dashboard.tui.dialogs.ask import AskScreen
from dashboard.tui.dialogs.athlete import AthleteScreen
from station.config import Mqtt
from station.exercises import all_profiles
from station.messages import (
    BadgeMessage,
    CommandMessage,
    ReplyCode,
    ReplyMessage,
    decode,
    encode,
    new_id,
    now_utc,
)
from tests.dashboard.record import written

RDL = Plan(
    exercise="romanian-deadlift",
    load_kg=60.0,
    sets=4,
    reps=8,
    eccentric_s=3.0,
    bottom_pause_s=0.0,
    top_pause_s=1.0,
    velocity_loss_cutoff_pct=15.0,
    path_limit_m=0.04,
    full_range_m=0.42,
    velocity_best_pct=95.0,
    rest_s=150.0,
)
PULL = Plan(exercise="cable-pull-through", load_kg=25.0, reps=12)
ANA = Athlete(id="a-17", name="Ana Okoro", badge="0042", plans=(PULL, RDL))
BEN = Athlete(id="b-04", name="Ben Lund", badge="0043")
PROFILES = all_profiles()
TOPIC = "plumbline/1/gym/rack-1/"


def told(commands: list[CommandMessage]) -> list[tuple[Any, ...]]:
    """Name and what is given, of each."""
    found = []
    for command in commands:
        given = msgspec.structs.asdict(command)
        head = {"name", "by", "event_id", "at_utc", "action"}
        found.append((command.name, {k: v for k, v in given.items() if k not in head and v is not None}))
    return found


ANAS_RDL = [
    ("set-load", {"load_kg": 60.0}),
    (
        "set-target",
        {
            "target_reps": 8,
            "target_sets": 4,
            "tempo_s": (3.0, 0.0, None, 1.0),
            "velocity_loss_cutoff_pct": 15.0,
            "path_limit_m": 0.04,
            "velocity_best_pct": 95.0,
            "rest_s": 150.0,
            "full_range_m": 0.42,
        },
    ),
]


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


def commands_of(edge: Any) -> list[CommandMessage]:
    found = [decode("command", one.payload) for one in edge.heard if one.topic.endswith("/command")]
    return [one for one in found if isinstance(one, CommandMessage)]


def replies_of(edge: Any) -> list[ReplyMessage]:
    found = [decode("reply", one.payload) for one in edge.heard if one.topic.endswith("/reply")]
    return [one for one in found if isinstance(one, ReplyMessage)]


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


@pytest.fixture
def desk(broker: Any, edge: Any, until: Any, tmp_path: Path, looks: Any) -> Iterator[Callable[..., None]]:
    """A coach's app that knows Ana and Ben from the record."""
    where = tmp_path / "h.db"
    with open_writable(where) as db:
        save(db, [ANA, BEN])
    client = Client(Mqtt(host="127.0.0.1", port=broker.port, tls=False))

    def run(drive: Callable[[Any, PlumblineApp], Any], size: tuple[int, int] = (120, 40)) -> None:
        client.start()
        until(lambda: client.connection.up)
        with Recall(where) as recall:
            until(lambda: recall.known.athletes)
            app = PlumblineApp(client, PROFILES, by="cleo", recall=recall)

            async def ready(pilot: Any) -> None:
                await looks.poll(pilot, lambda: "rack-1" in looks.text(app))
                await drive(pilot, app)

            looks.run(app, size, ready)

    yield run
    client.stop()


async def answer(pilot: Any, app: PlumblineApp, looks: Any, edge: Any, key: str, text: str) -> None:
    """Open a form, type into it, send it."""
    await pilot.press(key)
    await looks.poll(pilot, lambda: isinstance(app.screen, AskScreen | AthleteScreen))
    app.screen.query(Input).first().value = text
    await pilot.press("enter")


def test_a_name_at_the_desk_is_sent_as_an_id_with_the_plan_and_one_sentence_comes_back(
    desk: Any, edge: Any, words: Any, looks: Any
) -> None:
    edge.say("rack-1", words().state(), words().info("romanian-deadlift"))

    async def drive(pilot: Any, app: PlumblineApp) -> None:
        await answer(pilot, app, looks, edge, "a", "Ana Okoro")
        await looks.poll(pilot, lambda: len(commands_of(edge)) == 3)
        assert told(commands_of(edge)) == [("set-athlete", {"athlete": "a-17"}), *ANAS_RDL]
        assert {one.by for one in commands_of(edge)} == {"cleo"}
        for command, text in zip(commands_of(edge), ("athlete a-17", "load 60 kg", "target 8"), strict=True):
            head = {"event_id": new_id(), "at_utc": now_utc(), "in_reply_to": command.event_id}
            edge.say("rack-1", ReplyMessage(**head, ok=True, text=text))
        await looks.poll(pilot, lambda: "athlete a-17; load 60 kg; target 8" in looks.text(app))

    desk(drive, (200, 60))


def test_a_plan_that_was_four_commands_is_one_action_and_taken_back_by_one_key(
    desk: Any, edge: Any, words: Any, looks: Any
) -> None:
    edge.say("rack-1", words().state(), words().info("good-morning"))

    async def drive(pilot: Any, app: PlumblineApp) -> None:
        await answer(pilot, app, looks, edge, "a", "Ana Okoro")
        await looks.poll(pilot, lambda: len(commands_of(edge)) == 4)
        (action,) = {one.action for one in commands_of(edge)}
        assert action is not None
        await pilot.press("t")
        await looks.poll(pilot, lambda: len(commands_of(edge)) == 5)
        assert commands_of(edge)[-1].action not in (None, action)
        await pilot.press("u")
        await looks.poll(pilot, lambda: len(commands_of(edge)) == 6)
        assert [one.name for one in commands_of(edge)].count("undo") == 1

    desk(drive, (200, 60))


def test_what_is_refused_of_a_plan_is_what_is_said(desk: Any, edge: Any, words: Any, looks: Any) -> None:
    edge.say("rack-1", words().state(), words().info("romanian-deadlift"))

    async def drive(pilot: Any, app: PlumblineApp) -> None:
        await answer(pilot, app, looks, edge, "a", "0042")
        await looks.poll(pilot, lambda: len(commands_of(edge)) == 3)
        for command in commands_of(edge):
            head = {"event_id": new_id(), "at_utc": now_utc(), "in_reply_to": command.event_id}
            ok = command.name != "set-load"
            edge.say("rack-1", ReplyMessage(**head, ok=ok, text="done" if ok else "too heavy"))
        await looks.poll(pilot, lambda: not app.client._asked)  # the last of them was done
        await looks.poll(pilot, lambda: "rack-1: too heavy" in looks.text(app))

    desk(drive)


def test_a_name_nobody_has_is_refused_in_the_form_and_never_sent(
    desk: Any, edge: Any, words: Any, looks: Any
) -> None:
    edge.say("rack-1", words().state(), words().info(), words().info(queue=["a-17", "b-04"], athlete="a-17"))

    async def drive(pilot: Any, app: PlumblineApp) -> None:
        await answer(pilot, app, looks, edge, "a", "Zoe Quist")
        await looks.poll(pilot, lambda: "nobody called 'Zoe Quist'" in looks.text(app))
        await pilot.press("escape")
        await answer(pilot, app, looks, edge, "g", "Ben Lund, 0042")
        await looks.poll(pilot, lambda: commands_of(edge))
        assert told(commands_of(edge)) == [("set-queue", {"queue": ["b-04", "a-17"]})]

    desk(drive)


def test_the_beginning_of_a_name_takes_the_only_one(desk: Any, edge: Any, words: Any, looks: Any) -> None:
    edge.say("rack-1", words().state(), words().info(), words().live(1.0))

    async def drive(pilot: Any, app: PlumblineApp) -> None:
        await pilot.press("a", *"oko", "enter")  # as a badge reader types: at once
        await looks.poll(pilot, lambda: commands_of(edge))
        assert commands_of(edge)[0].athlete == "a-17"

    desk(drive)


def test_one_of_the_list_is_chosen_with_two_keys_and_nobody_with_one(
    desk: Any, edge: Any, words: Any, looks: Any
) -> None:
    edge.say("rack-1", words().state(), words().info(queue=["b-04", "a-17"]), words().live(1.0))

    async def drive(pilot: Any, app: PlumblineApp) -> None:
        await looks.poll(pilot, lambda: app.view_of(("gym", "rack-1")).waiting == ("Ben Lund", "Ana Okoro"))
        await pilot.press("a")
        await looks.poll(pilot, lambda: "Ana Okoro" in looks.text(app))
        assert "romanian-deadlift 60 kg 4×8" in looks.text(app)
        await pilot.press("down", "enter")
        await looks.poll(pilot, lambda: len(commands_of(edge)) == 1)
        await pilot.press("a", "enter")
        await looks.poll(pilot, lambda: len(commands_of(edge)) == 2)
        assert [(one.name, one.athlete) for one in commands_of(edge)] == [
            ("set-athlete", "b-04"),
            ("set-athlete", None),
        ]

    desk(drive)


def test_screens_say_the_name_and_the_wire_the_id(desk: Any, edge: Any, words: Any, looks: Any) -> None:
    edge.say("rack-1", words().state(), words().info(athlete="a-17", queue=["a-17", "b-04"]))
    edge.say("rack-1", words().live(1.0), words().rep(1, athlete="a-17"))

    async def drive(pilot: Any, app: PlumblineApp) -> None:
        await looks.poll(pilot, lambda: "Ana Okoro" in looks.text(app))
        assert "a-17" not in looks.text(app)
        await pilot.press("enter")
        await looks.poll(pilot, lambda: "next Ben Lund" in looks.text(app))

    desk(drive)


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
