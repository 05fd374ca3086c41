"""The help page by task, and other keys in the place of those there are."""

from pathlib import Path
from typing import Any

import pytest

from dashboard.tui.app import PlumblineApp
from dashboard.tui.dialogs.help import HelpScreen, KeyScreen
from dashboard.tui.keymap import TASKS, by_id
from dashboard.tui.preferences import load_preferences
from dashboard.tui.screens.coach import ACTIONS
from dashboard.tui.screens.history import HistoryScreen
from dashboard.tui.screens.reps import KEYS
from station.exercises import all_profiles
from tests.dashboard.sizes import SIZES


def app_of(still: Any, words: Any, **given: Any) -> PlumblineApp:
    say = words()
    still.put("rack-1", say.state(), say.info(athlete="ana"), say.live(1.0))
    return PlumblineApp(still, all_profiles(), **given)


@pytest.mark.parametrize("size", SIZES)
def test_the_help_looks_as_reviewed(still: Any, words: Any, looks: Any, size: tuple[int, int]) -> None:
    app = app_of(still, words)

    async def drive(pilot: Any) -> None:
        await looks.settle(pilot)
        await pilot.press("question_mark")
        await looks.poll(pilot, lambda: isinstance(app.screen, HelpScreen))
        await looks.poll(pilot, lambda: "Begin a set" in looks.text(app))
        looks.check(f"help-{size[0]}x{size[1]}", looks.text(app))

    looks.run(app, size, drive)


def test_every_key_of_the_coach_has_its_place_in_the_help() -> None:
    told = {task for tasks in TASKS.values() for task in tasks}
    bindings = {
        **by_id(ACTIONS),
        **by_id(KEYS),
        **by_id(HistoryScreen.BINDINGS),
        **by_id(PlumblineApp.BINDINGS),
    }
    moves = {"back", "rep", "reps"}
    assert set(bindings) - moves <= told
    assert all(len(tasks) == len(set(tasks)) for tasks in TASKS.values())


def test_another_key_does_it_from_now_on_and_is_remembered(
    still: Any, words: Any, looks: Any, tmp_path: Path
) -> None:
    file = tmp_path / "dashboard.json"
    app = app_of(still, words, preferences=file)
    sent: list[Any] = []
    still.send = lambda site, station, request, tracked=True, leaf="": sent.append(request) or True

    async def drive(pilot: Any) -> None:
        await looks.settle(pilot)
        await pilot.press("f1", *["down"] * 7, "enter")  # the eighth task that can be chosen: restart
        await looks.poll(pilot, lambda: isinstance(app.screen, KeyScreen))
        await pilot.press("t")
        await looks.poll(pilot, lambda: "t is the key of Tare" in looks.text(app))
        await pilot.press("enter")
        await looks.poll(pilot, lambda: isinstance(app.screen, KeyScreen))
        await pilot.press("R")
        await looks.poll(pilot, lambda: isinstance(app.screen, HelpScreen))
        await pilot.press("escape")
        await looks.poll(pilot, lambda: "R Restart" in looks.text(app))
        await pilot.press("r")
        await pilot.press("R")
        await looks.poll(pilot, lambda: sent)
        assert [one.name for one in sent] == ["restart-set"]
        assert load_preferences(file).keys == {"restart": "R"}
        await pilot.press("f1", *["down"] * 7, "backspace", "escape")
        await looks.poll(pilot, lambda: "r Restart" in looks.text(app))

    looks.run(app, (120, 40), drive)
    assert load_preferences(file).keys == {}
