"""The history's screen, from a real record on disk."""

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from dashboard.app import PlumblineApp
from dashboard.history.store import Arrived, open_store
from dashboard.screens.history import HistoryScreen
from station.exercises import all_profiles

SIZES = [(80, 24), (120, 40), (200, 60)]


def fill(file: Path, words: Any) -> None:
    """Four sets of ana's on four days, heavier each time, and one of ben's."""
    with open_store(file) as store:
        arrived = []
        for day, (load_kg, fastest) in enumerate([(40.0, 0.62), (60.0, 0.55), (80.0, 0.44), (90.0, 0.39)], 1):
            say = words(f"d{day}")
            for n in range(1, 6):
                given = {"athlete": "ana", "load_kg": load_kg, "at_utc": f"2026-01-0{day}T10:00:{n:02d}.000Z"}
                speed = fastest - 0.02 * (n - 1)
                given |= {"stream": f"f{day}", "session": say.session}
                arrived.append(
                    Arrived("gym", "rack-1", say.rep(n, mean_concentric_velocity_mps=speed, **given))
                )
        ben = words("b")
        at = "2026-01-02T11:00:00.000Z"
        arrived.append(
            Arrived("gym", "rack-2", ben.rep(1, athlete="ben", exercise="deadlift", at_utc=at, stream="b0"))
        )
        store.ingest(arrived)


@pytest.mark.parametrize("size", SIZES)
def test_the_history_looks_as_reviewed(
    still: Any, words: Any, looks: Any, tmp_path: Path, size: tuple[int, int]
) -> None:
    fill(tmp_path / "history.db", words)
    app = PlumblineApp(still, all_profiles(), clock=lambda: still.now_s, history=str(tmp_path / "history.db"))

    async def drive(pilot: Pilot[int]) -> None:
        await pilot.press("y")
        await looks.poll(pilot, lambda: "01-04 10:00" in looks.text(app))
        looks.check(f"history-{size[0]}x{size[1]}", looks.text(app))
        await pilot.press("space", "left", "left")
        await looks.poll(pilot, lambda: "against" in looks.text(app))
        looks.check(f"history-compared-{size[0]}x{size[1]}", looks.text(app))
        await pilot.press("space", "m", "down")
        await looks.poll(
            pilot, lambda: "range of motion" in looks.text(app) and "01-02 11:00" in looks.text(app)
        )
        await pilot.press("slash")
        await looks.poll(pilot, lambda: isinstance(app.focused, Input))
        await pilot.press(*"ana", "enter")
        await looks.poll(pilot, lambda: "ben" not in looks.text(app) and "01-04" in looks.text(app))

    looks.run(app, size, drive)


def test_a_record_that_cannot_be_read_is_said_and_the_live_screens_go_on(
    still: Any, words: Any, looks: Any, tmp_path: Path
) -> None:
    folder = tmp_path / ("a-folder-whose-name-is-longer-than-the-screen-" * 2)
    folder.mkdir()
    file = folder / "history.db"
    file.write_bytes(b"no database at all" * 100)
    say = words()
    still.put("rack-1", say.state(), say.info(), say.live(1.0))
    app = PlumblineApp(still, all_profiles(), clock=lambda: still.now_s, history=str(file))

    async def drive(pilot: Pilot[int]) -> None:
        await looks.poll(pilot, lambda: "rack-1" in looks.text(app))
        await pilot.press("y")
        await looks.poll(pilot, lambda: "not a sound SQLite database" in " ".join(looks.text(app).split()))
        await pilot.press("down", "left", "space", "m", "escape")
        await looks.poll(
            pilot, lambda: not isinstance(app.screen, HistoryScreen) and "rack-1" in looks.text(app)
        )

    looks.run(app, (80, 24), drive)
