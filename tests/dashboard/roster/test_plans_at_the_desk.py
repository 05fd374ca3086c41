"""Who lifts, and what they are to do, said by name at the coach's desk."""

from collections.abc import Callable
from typing import Any

import pytest
from textual.widgets import Input

from dashboard.tui.app import PlumblineApp
from dashboard.tui.dialogs.ask import AskScreen
from dashboard.tui.dialogs.athlete import AthleteScreen
from station.messages import (
    ReplyMessage,
    new_id,
    now_utc,
)
from tests.dashboard.roster.two_people import ANA, ANAS_RDL, BEN, commands_of, told


@pytest.fixture
def desk(desk: Callable[..., None]) -> Callable[..., None]:
    """A coach's app that knows Ana and Ben from the record."""

    def run(drive: Callable[[Any, PlumblineApp], Any], size: tuple[int, int] = (120, 40)) -> None:
        async def of_hands(hands: Any) -> None:
            await drive(hands.pilot, hands.app)

        desk([ANA, BEN], of_hands, size)

    return run


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
