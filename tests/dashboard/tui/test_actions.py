"""What a coach does by keys: the command that goes out, the reply that is shown, what a form refuses."""

from pathlib import Path
from typing import Any

import pytest
from textual.events import Key
from textual.widgets import Input

from dashboard.tui.app import PlumblineApp
from dashboard.tui.dialogs.ask import AskScreen
from dashboard.tui.dialogs.dialog import Dialog
from dashboard.tui.preferences import Preferences, load_preferences, save_preferences
from dashboard.tui.screens.coach import ACTIONS
from dashboard.tui.screens.reps import KEYS
from station.exercises import all_profiles
from station.messages import BadgeMessage, CommandMessage, decode
from tests.dashboard.sizes import TERMINALS
from tests.dashboard.tui.hands import Coach, screen_text


def lightness(app: PlumblineApp) -> float:
    """How light the background of the first tile is, 0 to 1."""
    strip = app.screen._compositor.render_strips()[5]
    colours = [segment.style.bgcolor for segment in strip if segment.style and segment.style.bgcolor]
    return max(sum(colours[0].get_truecolor()) / 765.0, 0.0)


@pytest.mark.parametrize("size", TERMINALS)
def test_every_action_is_one_key_and_goes_out_with_who_did_it(
    coach: Any, edge: Any, words: Any, size: tuple[int, int]
) -> None:
    say = words()
    edge.say("rack-1", say.state(), say.info(athlete="ana", load_kg=60.0, queue=["ana", "ben", "chidi"]))
    newest = say.rep(2).event_id

    async def act(hands: Coach) -> None:
        await hands.pilot.press("enter")
        expected: list[tuple[CommandMessage, dict[str, Any]]] = [
            (await hands.command("t"), {"name": "tare"}),
            (await hands.command("x"), {"name": "end-set"}),
            (await hands.command("r"), {"name": "restart-set"}),
            (await hands.command("up", "f"), {"name": "mark-rep", "mark": "false", "rep_event_id": newest}),
            (await hands.command("space"), {"name": "mark-rep", "mark": "counted", "rep_event_id": newest}),
            (await hands.command("h"), {"mark": "partial"}),
            (await hands.command("d"), {"mark": "failed"}),
            (await hands.command("u"), {"name": "undo"}),
            (await hands.command("m"), {"name": "mute"}),
            (await hands.command("o", "enter"), {"name": "sign-off", "exercise": "romanian-deadlift"}),
            (await hands.command("n"), {"name": "set-athlete", "athlete": "ben"}),
            (await hands.command("a", text="dora"), {"name": "set-athlete", "athlete": "dora"}),
            (await hands.command("g", text="dora, eli"), {"name": "set-queue", "queue": ["dora", "eli"]}),
            (await hands.command("l", text="72,5"), {"name": "set-load", "load_kg": 72.5}),
            (
                await hands.command("p", text="60"),  # the load as it is: the target alone is sent
                {
                    "name": "set-target",
                    "tempo_s": (2.0, 0.0, 1.0, 1.0),
                    "path_limit_m": 0.05,
                },
            ),
            (await hands.command("up", "f"), {"rep_event_id": say.rep(1).event_id}),
            (await hands.command("b"), {"name": "add-rep"}),
            (await hands.command("w", text="dora"), {"name": "give-set", "athlete": "dora"}),
            (await hands.command("L", text="50"), {"name": "load-set", "load_kg": 50.0}),
        ]
        for command, given in expected:
            assert command.by == "cleo"
            assert given.items() <= {name: getattr(command, name) for name in given}.items(), command

    coach(say, size, act)


def test_every_action_has_its_own_key_and_a_place_in_the_palette(coach: Any, edge: Any, words: Any) -> None:
    say = words()
    edge.say("rack-1", say.state(), say.info())
    every = [binding for binding in (*ACTIONS, *KEYS) if not isinstance(binding, tuple)]
    assert len({binding.key for binding in every}) == len(every)

    async def look(hands: Coach) -> None:
        named = {command.title for command in hands.app.get_system_commands(hands.app.screen)}
        assert {binding.description for binding in ACTIONS if not isinstance(binding, tuple)} <= named
        await hands.pilot.press("ctrl+p")
        await hands.poll(lambda: "say who lifts here" in screen_text(hands.app))
        await hands.pilot.press(*"undo")
        await hands.poll(lambda: "take back what was done last" in screen_text(hands.app))
        assert (await hands.command("enter")).name == "undo"

    coach(say, (120, 40), look)


def test_what_calls_for_a_coach_is_acknowledged_by_what_was_seen(coach: Any, edge: Any, words: Any) -> None:
    say = words()
    edge.say("rack-1", say.state(), say.info())

    async def act(hands: Coach) -> None:
        edge.say("rack-1", say.rep(3, velocity_loss_pct=24.0))
        # Live, or on a busy machine it is the silence of the station that calls for a coach.
        await hands.poll(
            lambda: edge.say("rack-1", say.live(10.0)) or "end the set" in screen_text(hands.app)
        )
        command = await hands.command("k")
        assert (command.name, command.attention) == ("acknowledge", "VELOCITY_LOSS s1")
        edge.say("rack-1", say.info(acknowledged=command.attention))
        await hands.poll(lambda: edge.say("rack-1", say.live(11.0)) or "✔ rack-1" in screen_text(hands.app))

    coach(say, (80, 24), act)


def test_a_form_says_what_is_wrong_and_sends_nothing(coach: Any, edge: Any, words: Any) -> None:
    say = words()
    edge.say("rack-1", say.state(), say.info())

    async def act(hands: Coach) -> None:
        for key, field, text, wrong in (
            ("l", 0, "heavy", "is no number"),
            ("p", 1, "0", "sets: 1 to 100"),
            ("p", 2, "1.5", "reps: 1 to 1000"),
            ("p", 3, "2-0-1", "four phases"),
            ("p", 3, "61-0-1-0", "tempo: 61 s; give 0 to 60"),
            ("g", 0, "a,b,c,d,e", "four at most"),
        ):
            await hands.pilot.press(key)
            await hands.poll(lambda: isinstance(hands.app.screen, AskScreen))
            hands.app.screen.query(Input)[field].value = text
            await hands.pilot.press("enter")
            await hands.poll(lambda wrong=wrong: wrong in screen_text(hands.app))
            await hands.pilot.press("escape")
        assert edge.heard == []

    coach(say, (80, 24), act)


def test_pounds_and_colours_are_chosen_by_a_key_and_remembered(
    coach: Any, edge: Any, words: Any, tmp_path: Path
) -> None:
    say = words()
    edge.say("rack-1", say.state(), say.info(load_kg=100.0))
    file = tmp_path / "folder" / "dashboard.json"

    async def choose(hands: Coach) -> None:
        await hands.poll(lambda: "100 kg" in screen_text(hands.app) and lightness(hands.app) < 0.2)
        await hands.pilot.press("v", "c")
        await hands.poll(lambda: "220.5 lb" in screen_text(hands.app))
        await hands.poll(lambda: lightness(hands.app) > 0.8)
        command = await hands.command("l", text="225")
        assert command.load_kg == pytest.approx(102.058, abs=0.001)

    coach(say, (80, 24), choose, preferences=file)
    assert load_preferences(file) == Preferences(units="lb", theme="light")

    async def later(hands: Coach) -> None:
        await hands.poll(lambda: "220.5 lb" in screen_text(hands.app))

    coach(say, (80, 24), later, preferences=file)


def test_a_file_of_preferences_that_is_not_ours_is_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "dashboard.json"
    for text in ("", "{", '{"units": "stone"}', "[]"):
        file.write_text(text)
        assert load_preferences(file) == Preferences()
    save_preferences(file, Preferences(units="lb"))
    assert load_preferences(file).units == "lb"


def test_a_reader_that_types_a_badge_and_enter_in_one_go_is_read_in_that_order(
    still: Any, words: Any, looks: Any
) -> None:
    sent: list[BadgeMessage] = []
    still.send = lambda site, station, request, tracked=True, leaf="": sent.append(request) or True
    still.put("rack-1", words().state(), words().info(), words().live(1.0))
    app = PlumblineApp(still, all_profiles(), lifter_at="rack-1", by="rack-1")

    async def drive(pilot: Any) -> None:
        await looks.poll(pilot, lambda: "Romanian deadlift" in looks.text(app))
        for key in (*"0042", "enter", *"0043", "enter"):
            app.post_message(Key(key, key if len(key) == 1 else "\r"))  # all there before the first is taken
        await looks.poll(pilot, lambda: len(sent) == 2)
        assert [one.badge for one in sent] == ["0042", "0043"]
        assert "badge 0" not in looks.text(app)

    looks.run(app, (80, 24), drive)


def test_one_form_prescribes_load_sets_and_reps_as_one_action(coach: Any, edge: Any, words: Any) -> None:
    say = words()
    edge.say("rack-1", say.state(), say.info(athlete="ana", load_kg=60.0, target_reps=8, target_sets=3))

    async def act(hands: Coach) -> None:
        await hands.pilot.press("p")
        await hands.poll(lambda: isinstance(hands.app.screen, AskScreen))
        lines = list(hands.app.screen.query(Input))
        await hands.poll(lambda: lines[0].has_focus)
        assert [line.value for line in lines[:3]] == ["60", "3", "8"]  # as it is
        for line, text in zip(lines, ("72,5", "4", "6"), strict=False):
            line.value = text
        await hands.pilot.press("enter")
        await hands.poll(lambda: len(edge.heard) == 2)
        load, target = (decode("command", heard.payload) for heard in edge.heard)
        assert isinstance(load, CommandMessage) and isinstance(target, CommandMessage)
        assert (load.name, load.load_kg) == ("set-load", 72.5)
        assert (target.name, target.target_sets, target.target_reps) == ("set-target", 4, 6)
        assert load.action == target.action  # one `u` takes both back

    coach(say, (80, 24), act)


@pytest.mark.parametrize("key", ["p", "a", "e"])
def test_a_click_beside_a_dialog_closes_it_and_sends_nothing(
    coach: Any, edge: Any, words: Any, key: str
) -> None:
    say = words()
    edge.say("rack-1", say.state(), say.info())

    async def act(hands: Coach) -> None:
        await hands.pilot.press(key)
        await hands.poll(
            lambda: (
                isinstance(hands.app.screen, Dialog) and hands.app.screen.query("#ask, #athlete, #exercises")
            )
        )
        box = hands.app.screen.query("#ask, #athlete, #exercises").first()
        await hands.poll(lambda: box.region.area)
        await hands.pilot.click(offset=(box.region.x + 2, box.region.y))
        assert isinstance(hands.app.screen, Dialog)  # on it: it stays
        await hands.pilot.click(offset=(0, 0))
        await hands.poll(lambda: not isinstance(hands.app.screen, Dialog))
        assert edge.heard == []

    coach(say, (80, 24), act)
