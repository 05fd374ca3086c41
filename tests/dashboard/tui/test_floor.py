"""The floor's tiles, and the lists that lie over it."""

from typing import Any

import pytest

from dashboard.tui.app import PlumblineApp
from dashboard.tui.screens.exercise import ExerciseScreen
from dashboard.tui.widgets.tile import Tile
from station.exercises import all_profiles


@pytest.mark.parametrize(("size", "columns"), [((80, 24), 2), ((120, 40), 2), ((200, 60), 2)])
def test_four_stations_heard_at_once_share_all_of_the_floor(
    still: Any, words: Any, looks: Any, size: tuple[int, int], columns: int
) -> None:
    app = PlumblineApp(still, all_profiles())
    say = words()

    async def drive(pilot: Any) -> None:
        await looks.poll(pilot, lambda: "waiting for the first station" in looks.text(app))
        for number in range(1, 5):
            still.put(f"rack-{number}", say.state(), say.info(), say.live(1.0))
        await looks.poll(pilot, lambda: len(app.screen.query(Tile)) == 4)
        await looks.settle(pilot)
        tiles = [tile.region for tile in app.screen.query(Tile)]
        assert len({tile.x for tile in tiles}) == columns
        assert sum(tile.area for tile in tiles) > 0.8 * size[0] * size[1]

    looks.run(app, size, drive)


def test_tiles_take_the_room_that_is_given_back_to_them(still: Any, words: Any, looks: Any) -> None:
    """As when they come all at once, and what said that there were none still takes half of the screen."""
    app = PlumblineApp(still, all_profiles())
    say = words()

    async def drive(pilot: Any) -> None:
        await looks.poll(pilot, lambda: app.screen.query("#keys"))
        app.screen.query_one("#keys").styles.height = 22
        for number in range(1, 5):
            still.put(f"rack-{number}", say.state(), say.info(), say.live(1.0))
        await looks.poll(pilot, lambda: len({tile.region.x for tile in app.screen.query(Tile)}) == 3)
        app.screen.query_one("#keys").styles.height = "auto"
        await looks.poll(pilot, lambda: len({tile.region.x for tile in app.screen.query(Tile)}) == 2)

    looks.run(app, (120, 40), drive)


def test_the_list_of_exercises_begins_at_the_one_that_is_counted(still: Any, words: Any, looks: Any) -> None:
    app = PlumblineApp(still, all_profiles())
    still.put("rack-1", words().state(), words().info("cable-row"), words().live(1.0))

    async def drive(pilot: Any) -> None:
        await looks.poll(pilot, lambda: app.floor.stations and isinstance(app.focused, Tile))
        chosen: list[str | None] = []
        app.push_screen(ExerciseScreen(app.profiles, "rack-1", "cable-row"), chosen.append)
        await pilot.pause()
        await pilot.press("down", "enter")
        await looks.poll(pilot, lambda: chosen)
        assert chosen == ["deadlift"]

    looks.run(app, (80, 24), drive)


def test_a_question_mark_opens_what_can_be_done_here(still: Any, words: Any, looks: Any) -> None:
    app = PlumblineApp(still, all_profiles())
    still.put("rack-1", words().state(), words().info(), words().live(1.0))

    async def drive(pilot: Any) -> None:
        await looks.poll(pilot, lambda: app.floor.stations and isinstance(app.focused, Tile))
        await pilot.press("question_mark")
        await looks.poll(pilot, lambda: "say who lifts here" in looks.text(app))
        await pilot.press("escape")
        await looks.poll(pilot, lambda: "say who lifts here" not in looks.text(app))

    looks.run(app, (80, 24), drive)
