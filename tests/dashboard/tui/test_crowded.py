"""A station's screen with all it can have to say, at every size; and every screen in every theme."""

from typing import Any

import pytest

from dashboard.floor.coaching import AthleteRecord, EarlierSet
from dashboard.history.kept import RecordSnapshot
from dashboard.tui.app import PlumblineApp
from dashboard.tui.widgets.themes import THEMES
from station.exercises import all_profiles
from station.exercises.coaching import DoneSet
from tests.dashboard.colours import faint
from tests.dashboard.sizes import SIZES
from tests.dashboard.tui.test_app import RACK_1, fill
from tests.dashboard.tui.test_dialogs import PEOPLE, Remembered

KEYS = {"floor": "", "station": "home enter", "rep": "end enter up", "health": "i", "help": "f1",
        "prescription": "p", "athlete": "a", "exercise": "e", "sign-off": "o"}  # fmt: skip


def full(say: Any) -> tuple[list[Any], Remembered]:
    """Fifteen reps of an athlete with a note, at a load lifted before, on a platform of load cells."""
    cells = {"heel_pct": 62.0, "heel_least_pct": 51.0, "left_pct": 48.0, "path_deviation_m": 0.08}
    reps = [say.rep(n, athlete="a-17", load_kg=60.0, **cells) for n in range(1, 16)]
    info = say.info(**(RACK_1 | {"athlete": "a-17", "queue": ["a-17", "b-04"]}))
    old = [
        EarlierSet(
            session=day,
            number=1,
            over=True,
            day=day,
            done=DoneSet(reps=[say.bare_rep(1, mean_concentric_velocity_mps=0.5 + 0.02 * n)], load_kg=60.0),
        )
        for n, day in enumerate(("2025-12-01", "2025-12-03", "2025-12-05"))
    ]
    recall = Remembered()
    recall.known = RecordSnapshot(
        athletes=PEOPLE,
        names={one.id: one.name for one in PEOPLE},
        notes={one.id: one.note for one in PEOPLE if one.note},
        before={("a-17", "romanian-deadlift"): AthleteRecord(sets=tuple(old))},
    )
    return [say.state(), info, *reps, say.live(90.0)], recall


@pytest.mark.parametrize("size", SIZES)
def test_a_station_with_much_to_say_keeps_its_newest_rep_and_its_keys(
    still: Any, words: Any, looks: Any, size: tuple[int, int]
) -> None:
    said, recall = full(words())
    still.put("rack-1", *said)
    gone = words("d4")
    still.put("rack-2", gone.state(), gone.info("deadlift"), gone.live(1.0), gone.health(2.0, link_up=False))
    app = PlumblineApp(still, all_profiles(), recall=recall)  # type: ignore[arg-type]

    async def drive(pilot: Any) -> None:
        await looks.settle(pilot)
        await pilot.press("s", "home", "enter")
        await looks.settle(pilot)
        shown = looks.text(app)
        looks.check(f"station-full-{size[0]}x{size[1]}", shown)
        rows = shown.splitlines()
        assert rows[-1].endswith("? help") and len(rows) == size[1]
        assert any(row.startswith("● 15") for row in rows)
        for label in ("cue", "standing", "today", "note", "cells"):
            assert any(row.startswith(f" {label}") for row in rows), label

    looks.run(app, size, drive)


@pytest.mark.parametrize("screens", [list(KEYS)[n : n + 3] for n in (0, 3, 6)], ids=",".join)
@pytest.mark.parametrize("size", [SIZES[0], SIZES[-1]])
def test_every_theme_says_the_same_and_is_read(
    still: Any, words: Any, looks: Any, screens: list[str], size: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    looked: dict[str, list[str]] = {}
    for themes in (list(THEMES), ["NO_COLOR"]):
        if themes == ["NO_COLOR"]:
            monkeypatch.setenv("NO_COLOR", "1")
        fill(still, words)
        app = PlumblineApp(still, all_profiles(), recall=Remembered())  # type: ignore[arg-type]

        async def drive(pilot: Any, app: PlumblineApp = app, themes: list[str] = themes) -> None:
            await looks.settle(pilot)
            floor = app.screen
            for screen in screens:
                await pilot.press(*KEYS[screen].split())
                await looks.settle(pilot)
                async for name in looks.in_each(pilot, themes):
                    looked.setdefault(screen, []).append(looks.text(app))
                    assert not faint(app), f"{screen}, {name}: {faint(app)[:9]}"
                while app.screen is not floor:
                    await pilot.press("escape")
                    await looks.settle(pilot)

        looks.run(app, size, drive)
    for screen, texts in looked.items():
        assert len(texts) == 5 and len(set(texts)) == 1, screen
    assert len({texts[0] for texts in looked.values()}) == len(screens)
