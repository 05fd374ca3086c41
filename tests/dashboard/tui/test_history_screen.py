"""The history's screen, from a real record on disk."""

import threading
from pathlib import Path
from typing import Any

import pytest
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Input

from dashboard.history.kept import Filter
from dashboard.history.queries import sets
from dashboard.history.trends import TrendPoint
from dashboard.record.store import Arrived, open_store
from dashboard.tui.app import PlumblineApp
from dashboard.tui.lines import BLUE
from dashboard.tui.screens.history import HistoryScreen
from dashboard.tui.widgets.history import MEASURES, trend_lines
from station.exercises import all_profiles
from tests.dashboard.sizes import SIZES


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
    still: Any, words: Any, looks: Any, clock_in: Any, tmp_path: Path, size: tuple[int, int]
) -> None:
    clock_in("UTC")
    fill(tmp_path / "history.db", words)
    app = PlumblineApp(still, all_profiles(), history=str(tmp_path / "history.db"))

    async def drive(pilot: Pilot[int]) -> None:
        await pilot.press("y")
        await looks.poll(pilot, lambda: "01-04 10:00" in looks.text(app))
        looks.check(f"history-{size[0]}x{size[1]}", looks.text(app))
        await pilot.press("enter")
        await looks.poll(pilot, lambda: "rack-1 set 1" in looks.text(app))
        await pilot.press("up", "up")
        await looks.settle(pilot)
        looks.check(f"history-set-{size[0]}x{size[1]}", looks.text(app))
        await pilot.press("escape")
        await looks.poll(pilot, lambda: isinstance(app.screen, HistoryScreen))
        await pilot.press("space")
        await looks.poll(pilot, lambda: "◆ 01-04 10:00" in looks.text(app).replace("2026-", ""))
        await pilot.press("left", "left")
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
        for word, shown in (
            ("rdl", "01-04 10:00"),
            ("eve", "nothing of 'eve' in the record; / and an empty line"),
        ):
            await pilot.press("slash")
            await looks.poll(pilot, lambda: isinstance(app.focused, Input))
            await pilot.press(*word, "enter")
            await looks.poll(pilot, lambda shown=shown: shown in looks.text(app))

    looks.run(app, size, drive)


def test_the_history_is_told_by_the_clock_on_the_wall_and_says_which(
    still: Any, words: Any, looks: Any, clock_in: Any, tmp_path: Path
) -> None:
    clock_in("NST+03:30")  # POSIX: west of Greenwich, as Newfoundland
    fill(tmp_path / "history.db", words)
    app = PlumblineApp(still, all_profiles(), history=str(tmp_path / "history.db"))

    async def drive(pilot: Pilot[int]) -> None:
        await pilot.press("y")
        await looks.poll(pilot, lambda: "2026-01-04 06:30" in looks.text(app))
        assert "when, NST" in looks.text(app)
        await pilot.press("space", "left")
        await looks.poll(pilot, lambda: "◆ 2026-01-04 06:30 against" in looks.text(app))

    looks.run(app, (120, 40), drive)


def test_a_slow_reading_of_a_line_that_was_left_does_not_come_back_over_the_chosen_one(
    still: Any, words: Any, looks: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "history.db", words)
    app = PlumblineApp(still, all_profiles(), history=str(tmp_path / "history.db"))
    go_on, read = threading.Event(), []

    def slow_for_ben(db: Any, wanted: Filter) -> Any:
        if wanted.athlete == "ben":
            assert go_on.wait(60.0)
        read.append(wanted.athlete)
        return sets(db, wanted)

    monkeypatch.setattr("dashboard.tui.screens.history.sets", slow_for_ben)

    async def drive(pilot: Pilot[int]) -> None:
        await pilot.press("y")
        await looks.poll(pilot, lambda: "▶ana" in looks.text(app) and "01-04" in looks.text(app))
        await pilot.press("down")
        await looks.poll(pilot, lambda: "▶ben" in looks.text(app))
        await pilot.press("up")
        await looks.poll(pilot, lambda: "▶ana" in looks.text(app) and read == ["ana", "ana"])
        go_on.set()
        await looks.poll(pilot, lambda: read == ["ana", "ana", "ben"])
        await app.workers.wait_for_complete()
        await looks.settle(pilot)
        assert "▶ana" in looks.text(app) and "01-04" in looks.text(app)

    looks.run(app, (120, 40), drive)


def test_a_record_that_cannot_be_read_is_said_and_the_live_screens_go_on(
    still: Any, words: Any, looks: Any, tmp_path: Path
) -> None:
    folder = tmp_path / ("a-folder-whose-name-is-longer-than-the-screen-" * 2)
    folder.mkdir()
    file = folder / "history.db"
    file.write_bytes(b"no database at all" * 100)
    say = words()
    still.put("rack-1", say.state(), say.info(), say.live(1.0))
    app = PlumblineApp(still, all_profiles(), history=str(file))

    async def drive(pilot: Pilot[int]) -> None:
        await looks.poll(pilot, lambda: "rack-1" in looks.text(app))
        await pilot.press("y")
        await looks.poll(pilot, lambda: "not a sound SQLite database" in " ".join(looks.text(app).split()))
        await pilot.press("down", "left", "space", "m", "escape")
        await looks.poll(
            pilot, lambda: not isinstance(app.screen, HistoryScreen) and "rack-1" in looks.text(app)
        )

    looks.run(app, (80, 24), drive)


def test_a_millimetre_from_set_to_set_does_not_look_like_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn(*values: float) -> list[str]:
        points = [
            TrendPoint(at_utc="2026", load_kg=None, value=value, sigma=None, key=("", "", "", n))
            for n, value in enumerate(values)
        ]
        monkeypatch.setattr("dashboard.tui.widgets.history.trend", lambda *_: points)
        lines = trend_lines((), MEASURES[0], {}, 60, 13)
        return ["".join(segment.text for segment in line) for line in lines[1:]]

    def rows_of_the_curve(lines: list[str]) -> int:
        return sum(any(char > "\u2800" for char in line) for line in lines)

    steady, changed = drawn(0.331, 0.332, 0.331), drawn(0.3, 0.4, 0.3)
    assert rows_of_the_curve(steady) <= 2 and rows_of_the_curve(changed) == len(changed)
    assert [float(lines[row][:8]) for lines in (steady, changed) for row in (0, -1)] == [0.35, 0.31, 0.4, 0.3]


def test_no_line_of_the_trend_joins_sets_of_different_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn(*loads: float) -> list[Any]:
        points = [
            TrendPoint(at_utc="2026", load_kg=load, value=1.0 - load / 200, sigma=None, key=("", "", "", n))
            for n, load in enumerate(loads)
        ]
        monkeypatch.setattr("dashboard.tui.widgets.history.trend", lambda *_: points)
        lines = trend_lines((), MEASURES[0], {}, 60, 13, (60.0, "60 kg"))
        assert "in blue at 60 kg" in "".join(segment.text for segment in lines[0])
        return [one for line in lines[1:] for one in line if "\u2801" <= one.text <= "\u28ff"]

    rising = drawn(60.0, 80.0, 100.0)
    assert len(rising) <= 6  # a dot each
    back = drawn(60.0, 100.0, 60.0)
    joined = [one for one in back if one.style is not None and one.style.color.name == BLUE]
    assert len(joined) > 40 and len(back) - len(joined) <= 2


def test_keys_typed_while_the_record_is_read_for_the_first_time_wait_for_it_and_escape_does_not(
    still: Any, words: Any, looks: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "history.db", words)
    app = PlumblineApp(still, all_profiles(), history=str(tmp_path / "history.db"))
    may_read, read = threading.Event(), HistoryScreen._read

    def slowly(self: HistoryScreen, chosen: Any) -> None:
        may_read.wait(10.0)
        read(self, chosen)

    monkeypatch.setattr(HistoryScreen, "_read", slowly)

    async def drive(pilot: Any) -> None:
        await pilot.press("y", "escape")
        await looks.poll(pilot, lambda: not isinstance(app.screen, HistoryScreen))
        for key in ("y", "space", "left"):
            app.post_message(Key(key, None))
        await looks.poll(pilot, lambda: isinstance(app.screen, HistoryScreen))
        may_read.set()
        await looks.poll(pilot, lambda: "against" in looks.text(app))

    try:
        looks.run(app, (120, 40), drive)
    finally:
        may_read.set()
