"""What a coach puts right of reps and sets by keys."""

from typing import Any

import pytest
from textual.widgets import Input

from dashboard.tui.dialogs.ask import AskScreen
from station.messages import CommandMessage, ReplyCode, ReplyMessage, decode, new_id, now_utc
from tests.dashboard.tui.hands import Coach, screen_text


@pytest.fixture
def say(edge: Any, words: Any) -> Any:
    """The words of a station that is there."""
    say = words()
    edge.say("rack-1", say.state(), say.info())
    return say


def test_a_mark_means_the_rep_that_was_selected_and_not_the_one_that_has_come_since(
    coach: Any, edge: Any, say: Any
) -> None:
    async def act(hands: Coach) -> None:
        await hands.pilot.press("enter", "f")
        await hands.poll(lambda: "select a rep first" in screen_text(hands.app))
        assert edge.heard == []
        await hands.pilot.press("up")
        edge.say("rack-1", say.rep(3))
        await hands.poll(lambda: hands.app.view_of(("gym", "rack-1")).counted == 3)
        assert (await hands.command("f")).rep_event_id == say.rep(2).event_id

    coach(say, (80, 24), act)


def test_a_rep_marked_false_stays_struck_out_and_is_taken_back_by_a_key(
    coach: Any, edge: Any, say: Any
) -> None:
    async def act(hands: Coach) -> None:
        await hands.pilot.press("enter")
        gone = {
            "state": "rejected",
            "counted": False,
            "reason_code": "marked-false",
            "reason": "cleo",
        }
        edge.say("rack-1", say.current(say.rep(1), say.rep(2, revision=2, **gone), session_s=20.0))
        await hands.poll(lambda: "✗  2" in screen_text(hands.app))
        assert hands.app.view_of(("gym", "rack-1")).counted == 1
        command = await hands.command("up", "space")
        assert (command.mark, command.rep_event_id) == ("counted", say.rep(2).event_id)

    coach(say, (80, 24), act)


def test_a_rep_that_nobody_can_be_sure_of_has_a_glyph_and_one_key_settles_it(
    coach: Any, edge: Any, say: Any
) -> None:
    async def act(hands: Coach) -> None:
        await hands.pilot.press("enter")
        edge.say("rack-1", say.rep(3, confidence=0.6))
        await hands.poll(lambda: "?  3" in screen_text(hands.app))
        command = await hands.command("up", "space")
        assert (command.mark, command.rep_event_id) == ("counted", say.rep(3).event_id)
        edge.say("rack-1", say.rep(3, revision=2, confidence=1.0))  # a person has said so
        await hands.pilot.press("down")
        await hands.poll(lambda: "●  3" in screen_text(hands.app))

    coach(say, (80, 24), act)


@pytest.mark.parametrize(("key", "mark"), [("space", "counted"), ("f", "false")])
def test_one_key_settles_the_one_rep_of_a_set_that_is_doubtful(
    coach: Any, edge: Any, say: Any, key: str, mark: str
) -> None:
    async def act(hands: Coach) -> None:
        await hands.pilot.press("enter")
        edge.say("rack-1", say.rep(1, revision=2, confidence=0.3), say.rep(3, confidence=0.99))
        await hands.poll(lambda: "?  1" in screen_text(hands.app))
        command = await hands.command(key)
        assert (command.mark, command.rep_event_id) == (mark, say.rep(1).event_id)
        edge.say("rack-1", say.rep(2, revision=2, confidence=0.4))
        await hands.poll(lambda: "?  2" in screen_text(hands.app))
        heard = len(edge.heard)
        await hands.pilot.press(key)  # which of the two?
        await hands.poll(lambda: "select a rep first" in screen_text(hands.app))
        assert len(edge.heard) == heard

    coach(say, (80, 24), act)


@pytest.mark.parametrize(("which", "name"), [("s", "load-set"), ("n", "set-load")])
def test_a_load_typed_in_mid_set_asks_whether_it_is_of_this_set_or_from_now_on(
    coach: Any, edge: Any, say: Any, which: str, name: str
) -> None:
    async def act(hands: Coach) -> None:
        edge.say("rack-1", say.current(say.rep(1), say.rep(2), session_s=20.0))
        await hands.poll(lambda: hands.app.view_of(("gym", "rack-1")).set_event_id)
        await hands.pilot.press("l")
        await hands.poll(lambda: isinstance(hands.app.screen, AskScreen))
        load, of = hands.app.screen.query(Input)
        load.value, of.value = "80", "x"
        await hands.pilot.press("enter")
        await hands.poll(lambda: "s for this set" in screen_text(hands.app))
        of.value = which
        await hands.pilot.press("enter")
        await hands.poll(lambda: edge.heard)
        command = decode("command", edge.heard[-1].payload)
        assert isinstance(command, CommandMessage)
        assert (command.name, command.load_kg) == (name, 80.0)
        assert command.set_event_id == ("a1-s1" if which == "s" else None)

    coach(say, (80, 24), act)


def test_the_rest_of_a_set_is_given_from_the_selected_rep_on(coach: Any, edge: Any, say: Any) -> None:
    async def act(hands: Coach) -> None:
        await hands.pilot.press("enter", "up")
        command = await hands.command("w", text="ben")
        assert (command.name, command.athlete) == ("give-set", "ben")
        assert command.rep_event_id == say.rep(2).event_id

    coach(say, (80, 24), act)


def test_what_the_station_no_longer_holds_is_put_right_by_the_record(coach: Any, edge: Any, say: Any) -> None:
    edge._client.subscribe("plumbline/1/gym/+/correction", qos=1)

    async def act(hands: Coach) -> None:
        await hands.pilot.press("enter", "up", "h")
        await hands.poll(lambda: len(edge.heard) == 1)
        asked = decode("command", edge.heard[0].payload)
        assert isinstance(asked, CommandMessage)
        head = {"event_id": new_id(), "at_utc": now_utc(), "in_reply_to": asked.event_id}
        edge.say("rack-1", ReplyMessage(**head, ok=False, text="too long ago", code=ReplyCode.UNKNOWN_REP))
        await hands.poll(lambda: len(edge.heard) == 2)
        assert edge.heard[1].topic.endswith("/correction")
        again = decode("correction", edge.heard[1].payload)
        assert isinstance(again, CommandMessage)
        assert (again.action, again.mark, again.rep_event_id) == (asked.action, "partial", asked.rep_event_id)
        assert again.event_id != asked.event_id
        head |= {"event_id": new_id(), "in_reply_to": again.event_id}
        edge.say("rack-1", ReplyMessage(**head, ok=True, text="put right in the record", code=ReplyCode.DONE))
        await hands.poll(lambda: "put right in the record" in screen_text(hands.app))
        assert "too long ago" not in screen_text(hands.app)

    coach(say, (80, 24), act)
