"""Beside the history's list: a squad's standings, the days of training, tempo and path of two sets, files."""

import csv
import sqlite3
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from dashboard.history.recall import Recall
from dashboard.record.store import Arrived, open_store
from dashboard.roster.athletes import save
from dashboard.roster.people import Athlete
from dashboard.tui.app import PlumblineApp
from dashboard.tui.screens.history import HistoryScreen
from dashboard.tui.widgets.history import HistoryLines
from dashboard.tui.widgets.themes import THEMES
from station.exercises import all_profiles
from tests.dashboard.colours import faint, grey, strange
from tests.dashboard.sizes import SIZES

PEOPLE = [
    Athlete(id="a-17", name="Ana Okoro", squad="juniors"),
    Athlete(id="b-04", name="Ben Lund", squad="juniors"),
    Athlete(id="c-09", name="Chidi Obi", squad="seniors"),
]
# athlete, day of January, load, fastest rep, eccentric, path deviation
SETS = [
    ("a-17", 5, 60.0, 0.50, 2.1, 0.023),
    ("a-17", 12, 60.0, 0.55, 1.4, 0.061),
    ("b-04", 12, 60.0, 0.48, 2.0, 0.030),
    ("b-04", 13, 80.0, 0.35, 2.0, 0.030),
    ("c-09", 13, 100.0, 0.40, 2.0, 0.030),
    ("a-17", 13, 60.0, 0.52, 2.0, 0.025),
]


@pytest.fixture
def history(
    still: Any, words: Any, looks: Any, clock_in: Any, tmp_path: Path, until: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., None]]:  # fmt: skip
    """Drive the history's screen over a record of two squads."""
    clock_in("UTC")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    where = tmp_path / "history.db"
    with open_store(where) as store:
        save(store.db, PEOPLE)
        for number, (athlete, day, load_kg, fastest, down_s, path_m) in enumerate(SETS):
            say = words(f"d{number}")
            for n in range(1, 5):
                around = {"athlete": athlete, "load_kg": load_kg, "stream": f"f{number}"}
                around |= {"at_utc": f"2026-01-{day:02d}T10:00:{n:02d}.000Z"}
                given = {"mean_concentric_velocity_mps": fastest - 0.02 * (n - 1), "eccentric_s": down_s}
                rep = say.rep(n, path_deviation_m=path_m, **around, **given)
                store.ingest([Arrived("gym", "rack-1", rep)])

    def run(drive: Callable[[Pilot[int], PlumblineApp], Any], size: tuple[int, int] = (120, 40)) -> None:
        with Recall(where) as recall:
            until(lambda: recall.known.squads)
            app = PlumblineApp(still, all_profiles(), history=str(where), recall=recall)

            async def ready(pilot: Pilot[int]) -> None:
                await pilot.press("y")
                await looks.poll(pilot, lambda: "01-13 10:00" in looks.text(app), 20.0)
                await drive(pilot, app)

            looks.run(app, size, ready)

    yield run


@pytest.mark.parametrize("size", SIZES)
def test_standings_and_days_look_as_reviewed(history: Any, looks: Any, size: tuple[int, int]) -> None:
    name = f"{size[0]}x{size[1]}"

    async def drive(pilot: Pilot[int], app: PlumblineApp) -> None:
        await pilot.press("b")
        await looks.poll(pilot, lambda: "squad juniors" in looks.text(app), 20.0)
        looks.check(f"history-board-{name}", looks.text(app))
        await pilot.press("d")
        await looks.poll(pilot, lambda: "January 2026   3 days, 3 sets" in looks.text(app), 20.0)
        looks.check(f"history-days-{name}", looks.text(app))

    history(drive, size)


PAGES = {  # keys, and what stands there then
    "sets": ("", "when, UTC"),
    "compared": ("space right left left", "against"),
    "tempo": ("m", "tempo, s"),
    "path": ("m", "path off, mm"),
    "days": ("d", "January 2026"),
    "standings": ("b", "squad juniors"),
    "set": ("b enter up", "rack-1 set 1"),
}


@pytest.mark.parametrize("size", [SIZES[0], SIZES[-1]])
def test_every_page_of_the_history_says_the_same_in_every_theme_and_is_read(
    history: Any, looks: Any, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: dict[str, list[str]] = {}
    for themes in (list(THEMES), ["NO_COLOR"]):
        if themes == ["NO_COLOR"]:
            monkeypatch.setenv("NO_COLOR", "1")

        async def drive(pilot: Pilot[int], app: PlumblineApp, themes: list[str] = themes) -> None:
            for page, (keys, words) in PAGES.items():
                await pilot.press(*keys.split())
                await looks.poll(pilot, lambda words=words: words in looks.text(app), 20.0)
                await looks.settle(pilot)
                async for name in looks.in_each(pilot, themes):
                    looked.setdefault(page, []).append(looks.text(app))
                    assert not faint(app), f"{page}, {name}: {faint(app)[:9]}"
                    assert name != "dark" or not strange(app), f"{page}: {strange(app)}"
                    assert name != "NO_COLOR" or grey(app), page

        history(drive, size)
    for page, texts in looked.items():
        assert len(texts) == 5 and len(set(texts)) == 1, page


@pytest.mark.parametrize(
    "said", ["soon", "", "9999-12-01T10:00:00.000Z", "0001-01-01T10:00:00.000Z", "2026-13-01"]
)
def test_every_page_of_a_record_with_an_impossible_time_is_shown(
    history: Any, looks: Any, tmp_path: Path, said: str
) -> None:
    async def drive(pilot: Pilot[int], app: PlumblineApp) -> None:
        with sqlite3.connect(tmp_path / "history.db") as db:
            db.execute("UPDATE reps SET at_utc = ?", (said,))
        db.close()
        for page, words in (("d", "Mo   Tu"), ("b", "heaviest set"), ("b", "when, UTC")):
            await pilot.press(page)
            await looks.poll(pilot, lambda words=words: words in looks.text(app), 20.0)
            past = app.screen.query_one(HistoryLines)
            past.month = date(9999, 12, 1) if said > "9" else date(1, 1, 1)
            await pilot.press("left", "right", "right", "down", "up")
            await app.workers.wait_for_complete()
        assert app.is_running

    history(drive)


def test_standings_are_of_the_squad_and_velocities_of_one_load(history: Any, looks: Any) -> None:
    async def drive(pilot: Pilot[int], app: PlumblineApp) -> None:
        async def shows(words: str) -> list[str]:
            await looks.poll(pilot, lambda: words in looks.text(app), 20.0)
            return [line[31:] for line in looks.text(app).splitlines() if line[31:33].strip().isdigit()]

        await pilot.press("b")
        heaviest = await shows("heaviest set, kg")
        assert [line.split()[1] for line in heaviest] == ["Ben", "Ana"]  # and no senior
        await pilot.press("m")
        fastest = await shows("fastest rep at one load, m/s at 60 kg")
        assert [(line.split()[1], line.split()[3]) for line in fastest] == [("Ana", "0.55"), ("Ben", "0.48")]
        await pilot.press("m", "m")
        assert [line.split()[3] for line in await shows("reps that count")] == ["12", "8"]
        await pilot.press("b")
        await shows("when, UTC")

    history(drive)


def test_months_are_gone_through_with_the_arrows(history: Any, looks: Any) -> None:
    async def drive(pilot: Pilot[int], app: PlumblineApp) -> None:
        await pilot.press("d")
        await looks.poll(pilot, lambda: "January 2026   3 days" in looks.text(app), 20.0)
        await pilot.press("left")
        await looks.poll(pilot, lambda: "December 2025   0 days, 0 sets" in looks.text(app), 20.0)

    history(drive)


def test_two_sets_are_compared_in_tempo_and_path_as_well(history: Any, looks: Any) -> None:
    async def drive(pilot: Pilot[int], app: PlumblineApp) -> None:
        await pilot.press("space", "left")
        await looks.poll(pilot, lambda: "m/s" in looks.text(app), 20.0)
        await pilot.press("m")
        await looks.poll(pilot, lambda: "1 ◆   2.0-0.0-0.9-1.1" in looks.text(app), 20.0)
        assert "▶   1.4-0.0-0.9-1.1" in looks.text(app)
        await pilot.press("m")
        await looks.poll(pilot, lambda: "path off, mm" in looks.text(app), 20.0)
        assert "◆    25 " in looks.text(app) and "▶    61 " in looks.text(app)

    history(drive)


def test_a_squad_is_found_by_its_name(history: Any, looks: Any) -> None:
    async def drive(pilot: Pilot[int], app: PlumblineApp) -> None:
        await pilot.press("slash")
        await looks.poll(pilot, lambda: not isinstance(app.screen, HistoryScreen))
        await pilot.press(*"seniors", "enter")
        await looks.poll(pilot, lambda: "Ana O." not in looks.text(app) and "Chidi" in looks.text(app), 20.0)

    history(drive)


def test_reps_and_a_page_to_print_are_handed_out(history: Any, looks: Any, tmp_path: Path) -> None:
    async def drive(pilot: Pilot[int], app: PlumblineApp) -> None:
        await pilot.press("x")
        file = tmp_path / "Downloads" / "a-17-romanian-deadlift.csv"
        await looks.poll(pilot, lambda: file.exists() and file.read_text().count("\n") == 13, 20.0)
        table = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
        assert {row["athlete"] for row in table} == {"a-17"}
        await looks.poll(pilot, lambda: "a-17-romanian-deadlift.csv: in" in looks.text(app))
        pytest.importorskip("matplotlib")
        await pilot.press("p")
        page = tmp_path / "Downloads" / "a-17.html"
        await looks.poll(pilot, lambda: page.exists() and "</html>" in page.read_text(), 60.0)
        assert "Ana Okoro" in page.read_text(encoding="utf-8")

    history(drive)


def test_a_file_stays_in_its_folder_whatever_a_station_calls_its_athlete(
    history: Any, looks: Any, tmp_path: Path
) -> None:
    async def drive(pilot: Pilot[int], app: PlumblineApp) -> None:
        with sqlite3.connect(tmp_path / "history.db") as db:
            db.execute(
                "UPDATE reps SET athlete = '../.config/' || athlete, exercise = '/tmp/x/../' || exercise"
            )
        db.close()
        await pilot.press("r", "x")
        await looks.poll(pilot, lambda: "csv: in" in looks.text(app) or "No such" in looks.text(app), 20.0)
        folder = tmp_path / "Downloads"
        await looks.poll(pilot, lambda: [one.parent for one in tmp_path.rglob("*.csv")] == [folder], 20.0)

    history(drive)
