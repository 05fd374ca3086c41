"""What is asked in front of the floor, at every size; and what a finger finds in each."""

from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from dashboard.history.kept import RecordSnapshot
from dashboard.roster.people import Athlete, Plan
from dashboard.tui.app import PlumblineApp
from dashboard.tui.dialogs.athlete import AthleteScreen
from dashboard.tui.dialogs.dialog import Dialog
from dashboard.tui.preferences import Preferences, save_preferences
from dashboard.tui.touch import touch_keys
from dashboard.tui.widgets.themes import THEMES, Theme
from station.exercises import all_profiles
from tests.dashboard.colours import LEAST_CONTRAST, contrast
from tests.dashboard.sizes import SIZES

RDL = Plan(exercise="romanian-deadlift", load_kg=60.0, sets=3, reps=8)
PEOPLE = (
    Athlete(id="a-17", name="Ana Okoro", badge="0042", squad="juniors", note="left knee", plans=(RDL,)),
    Athlete(id="b-04", name="Ben Lund", badge="0043"),
)


class Remembered:
    """Stands where the record's reader stands; it never changes."""

    known = RecordSnapshot(athletes=PEOPLE, names={one.id: one.name for one in PEOPLE})

    def want(self, athlete: str, exercise: str) -> None:
        """There is nothing more."""

    def again(self) -> None:
        """There is nothing new."""


DIALOGS = {
    "prescription": "p", "sign-off": "o", "athlete": "a", "new-athlete": "a ctrl+n", "exercise": "e",
    "group": "g", "load": "l", "find": "slash", "whose": "w", "load-of-set": "L", "another-key": "f1 enter",
}  # fmt: skip


@pytest.mark.parametrize("size", SIZES)
def test_dialogs_look_as_reviewed_and_a_finger_can_send_and_leave_them(
    still: Any, words: Any, looks: Any, size: tuple[int, int]
) -> None:
    say = words()
    hers = {"athlete": "a-17", "load_kg": 60.0, "target_reps": 8, "target_sets": 3, "rest_s": 120.0}
    hers |= {"velocity_least_mps": 0.45, "velocity_most_mps": 0.6}
    done = [say.rep(n, athlete="a-17", load_kg=60.0) for n in range(1, 9)]
    still.put("rack-1", say.state(), say.info(**hers), *done, say.set(1, athlete="a-17"), say.live(99.0))
    app = PlumblineApp(still, all_profiles(), recall=Remembered())  # type: ignore[arg-type]

    async def drive(pilot: Any) -> None:
        await looks.settle(pilot)
        for name, keys in DIALOGS.items():
            if name == "whose":  # asked on the station's own screen
                await pilot.press("enter")
            for key in keys.split():
                await pilot.press(key)
                await looks.poll(pilot, lambda: isinstance(app.screen, Dialog))
            await looks.settle(pilot)
            looks.check(f"{name}-{size[0]}x{size[1]}", looks.text(app))
            buttons = dict(touch_keys(app.screen))
            assert buttons.items() >= {"Send": "\r", "Back": "\x1b[27u"}.items()
            assert ("New" in buttons and "Change" in buttons) is isinstance(app.screen, AthleteScreen)
            while isinstance(app.screen, Dialog):
                await pilot.press("escape")
        await pilot.press("f1")
        await looks.poll(pilot, lambda: isinstance(app.screen, Dialog))
        assert dict(touch_keys(app.screen))["Original key"] == "\x7f"

    looks.run(app, size, drive)


LONG = (
    Athlete(id="a-1", name="Wolfeschlegelsteinhausen Anna", badge="0001", squad="many of us", note="n" * 99),
    Athlete(id="a-2", name="Wolfeschlegelsteinhausen Be", badge="0002", plans=(RDL,)),
    Athlete(id="a-3", name="東京の長い名前の人です", badge="0003"),
    Athlete(id="a-4", name="😀 Zoe\u0308", badge="0004"),
)


@pytest.mark.parametrize("theme", list(THEMES))
def test_names_of_any_length_and_script_are_told_apart_and_read_with_the_badges_below_each_other(
    still: Any, looks: Any, monkeypatch: pytest.MonkeyPatch, words: Any, tmp_path: Path, theme: Theme
) -> None:
    known = RecordSnapshot(athletes=LONG, names={one.id: one.name for one in LONG})
    monkeypatch.setattr(Remembered, "known", known)
    say = words()
    still.put("rack-1", say.state(), say.info(), say.live(99.0))
    save_preferences(preferences := tmp_path / "preferences.toml", Preferences(theme=theme))
    app = PlumblineApp(still, all_profiles(), recall=Remembered(), preferences=preferences)  # type: ignore[arg-type]

    async def drive(pilot: Any) -> None:
        await looks.settle(pilot)
        await pilot.press("a")
        await looks.poll(pilot, lambda: isinstance(app.screen, AthleteScreen))
        await looks.settle(pilot)
        shown = [line for line in looks.text(app).splitlines() if "000" in line]
        assert len(shown) == len(LONG)
        places = {cell_len(line[: line.index("000")]) for line in shown}
        assert len(places) == 1
        whole = looks.text(app)
        assert all(text in whole for text in ("hausen An…", "hausen Be ", "many of…", "nnnn…"))
        place = app.screen.query_one("#people").region
        notes = [part for strip in app.screen._compositor.render_strips()[place.y : place.bottom]
                 for part in strip if "nnn" in part.text]  # fmt: skip
        assert notes and all(contrast(one.style.color, one.style.bgcolor) >= LEAST_CONTRAST for one in notes)

    looks.run(app, (80, 24), drive)
