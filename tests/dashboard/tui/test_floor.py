"""The floor's tiles, and the lists that lie over it."""

from typing import Any

import pytest

from dashboard.tui.app import PlumblineApp
from dashboard.tui.dialogs.exercise import ExerciseScreen
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


def test_a_word_finds_stations_by_name_athlete_and_exercise(still: Any, words: Any, looks: Any) -> None:
    app = PlumblineApp(still, all_profiles())
    for number in range(1, 8):
        still.put(f"rack-{number}", words().state(), words().info(athlete=f"a-{number}"), words().live(1.0))
    still.put("cable-1", words().state(), words().info("cable-row", athlete="a-8"), words().live(1.0))

    def shown() -> set[str]:
        return {tile.view.key[1] for tile in app.screen.query(Tile)}

    async def drive(pilot: Any) -> None:
        await looks.poll(pilot, lambda: len(app.screen.query(Tile)) == 8)
        found = {"rack-3": {"rack-3"}, "a-8": {"cable-1"}, "row": {"cable-1"}, "zz": set()}
        for word, names in found.items():
            await pilot.press("slash", "ctrl+u", *word, "enter")
            await looks.poll(pilot, lambda word=word: f"with '{word}'" in looks.text(app))
            await looks.poll(pilot, lambda names=names: shown() == names)
            await looks.poll(pilot, lambda: app.focused is None or app.focused.is_attached)
        await pilot.press("slash", "ctrl+u", "enter")
        await looks.poll(pilot, lambda: len(shown()) == 8)

    looks.run(app, (120, 40), drive)


def test_who_needs_the_coach_stands_first_and_whoever_is_out_of_sight_is_in_the_strip(
    still: Any, words: Any, looks: Any
) -> None:
    app = PlumblineApp(still, all_profiles())
    for number in range(1, 13):
        still.put(f"rack-{number:02}", words().state(), words().info(), words().live(1.0))

    async def drive(pilot: Any) -> None:
        await looks.poll(pilot, lambda: len(app.screen.query(Tile)) == 12)
        first = lambda: next(iter(app.screen.query_one("#tiles").children)).view.key[1]  # noqa: E731
        # By name a tile below the end of the screen stays there, and the strip says what it would.
        await pilot.press("s")
        await looks.poll(pilot, lambda: first() == "rack-01" and "by name" in looks.text(app))
        still.put("rack-12", words().health(2.0, link_up=False, problem="no sensor at ttyX"))
        await looks.poll(pilot, lambda: "✖ rack-12 no sensor" in looks.text(app))
        assert first() == "rack-01"
        await pilot.press("s")
        await looks.poll(pilot, lambda: first() == "rack-12" and "by attention" in looks.text(app))

    looks.run(app, (80, 24), drive)
