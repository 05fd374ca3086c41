"""A day is put right the next one: by keys, from the history, over a real broker, by the real record."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import text
from textual.widgets import Input

from dashboard.database.schema import open_history
from dashboard.history.kept import Filter
from dashboard.history.queries import sets
from dashboard.tui.app import PlumblineApp
from dashboard.tui.dialogs.ask import AskScreen
from dashboard.tui.screens.past import PastSetScreen
from dashboard.tui.widgets.history import HistoryLines
from station.exercises import all_profiles
from station.messages import Message

PROFILES = all_profiles()
RACK = ("gym", "rack-1")


def a_day(words: Any) -> list[Message]:
    """Three sets entered as Ana's: Ben's, one without its load, and one with a partial that was none."""
    say = words("day1")
    at = {"at_utc": "2026-01-05T10:00:00.000Z"}
    said: list[Message] = [words("day2").state(), words("day2").info()]
    seq = 0
    for number in (1, 2, 3):
        for n in (1, 2, 3):
            seq += 1
            given: dict[str, Any] = {"load_kg": None if number == 2 else 60.0, "athlete": "ana"}
            if (number, n) == (3, 2):
                given |= {"counted": False, "reason_code": "short-of-set", "reason": "partial: 55 %"}
            start_s = 100.0 * number + 4.0 * n
            said.append(say.rep(n, number, seq=seq, start_s=start_s, end_s=start_s + 3.0, **given, **at))
        seq += 1
        over = {"start_s": 100.0 * number, "end_s": 100.0 * number + 15.0, "athlete": "ana"}
        said.append(say.set(number, seq=seq, counted_reps=3, **over, **at))
    return said


class Hands:
    """A coach's, on the history screen."""

    def __init__(self, pilot: Any, app: PlumblineApp, looks: Any) -> None:
        self.pilot, self.app, self._looks = pilot, app, looks

    async def sees(self, words: str) -> None:
        await self._looks.poll(self.pilot, lambda: words in self._looks.text(self.app))

    async def counts(self, reps: int) -> None:
        screen: Any = self.app.screen
        await self._looks.poll(self.pilot, lambda: sum(rep.counted for rep in screen.set_reps) == reps)

    async def open_set(self, number: int) -> None:
        """From the history: the set of this number."""

        def steps() -> int | None:
            past = self.app.screen.query_one(HistoryLines)
            found = [i for i, one in enumerate(past.sets) if one.key[3] == number]
            return found[0] - past.place if found else None

        await self._looks.poll(self.pilot, lambda: steps() is not None)
        while steps():
            await self.pilot.press("right" if (steps() or 0) > 0 else "left")
        await self.pilot.press("enter")
        await self._looks.poll(self.pilot, lambda: isinstance(self.app.screen, PastSetScreen))
        await self.sees(f"rack-1 set {number}")

    async def fill(self, key: str, *values: str) -> None:
        """Open a form, fill it in, send it."""
        await self.pilot.press(key)
        await self._looks.poll(self.pilot, lambda: isinstance(self.app.screen, AskScreen))
        for field, value in zip(self.app.screen.query(Input), values, strict=False):
            field.value = value
        await self.pilot.press("enter")


def test_a_day_is_put_right_the_next_from_the_history_and_report_export_and_log_say_so(
    gym: Any, words: Any, looks: Any, tmp_path: Path
) -> None:
    async def drive(pilot: Any, app: PlumblineApp) -> None:
        hands = Hands(pilot, app, looks)
        await pilot.press("y")
        await hands.open_set(1)  # the wrong athlete
        await hands.fill("w", "ben", "")
        await hands.sees("rack-1: given to ben")
        await hands.sees("rack-1 set 1, ben")
        await pilot.press("escape")
        await hands.open_set(2)  # the load forgotten, and a rep missed
        await hands.fill("L", "72,5")
        await hands.sees("rack-1 set 2, ana, Romanian deadlift, 72.5 kg")
        await pilot.press("b")
        await hands.counts(4)
        await pilot.press("b")  # one too many
        await hands.counts(5)
        await pilot.press("u")
        await hands.counts(4)
        await pilot.press("escape")
        await hands.open_set(3)  # a rep judged partial that was none
        await hands.counts(2)
        await pilot.press("up", "up", "space")
        await hands.counts(3)

    where = gym(a_day(words), drive)
    with open_history(str(where)) as db:
        (of_ben,) = sets(db, Filter(athlete="ben"))
        of_ana = sets(db, Filter(athlete="ana"))
        assert [(one.key[3], len(one.counted), one.load_kg) for one in (of_ben, *of_ana)] == [
            *((1, 3, 60.0), (2, 4, 72.5), (3, 3, 60.0)),
        ]
        log = db.rows(text('SELECT "by", command, undone_utc FROM corrections ORDER BY at_utc'))
    names = [json.loads(row["command"])["name"] for row in log]
    assert names == ["give-set", "load-set", "add-rep", "add-rep", "mark-rep"]
    assert {row["by"] for row in log} == {"cleo"}
    assert [row["undone_utc"] is None for row in log] == [True, True, True, False, True]
    out = tmp_path / "ana.csv"
    plumbline(where, "export", str(out), "--athlete", "ana")
    rows = out.read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + 7 and not any("ben" in row for row in rows)
    page = tmp_path / "ana.html"
    plumbline(where, "report", "ana", "-o", str(page))
    assert "7 reps" in page.read_text(encoding="utf-8")


def plumbline(where: Path, name: str, *given: str) -> None:
    """Run a subcommand on a history."""
    command = [sys.executable, "-m", "station.cli", name, *given, "--db", str(where)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_correction_of_what_does_not_exist_is_refused_and_nothing_is_changed(
    gym: Any, words: Any, looks: Any
) -> None:
    async def drive(pilot: Any, app: PlumblineApp) -> None:
        app.sender.correct(RACK, "day0", "mark-rep", mark="false", rep_event_id="day0-s1-r1")
        await looks.poll(pilot, lambda: "no such rep of this station" in looks.text(app))
        app.sender.correct(RACK, "day0", "load-set", load_kg=1.0, set_event_id="day0-s1")
        await looks.poll(pilot, lambda: "no such set of this station" in looks.text(app))
        await pilot.press("u")

    where = gym(a_day(words), drive)
    with open_history(str(where)) as db:
        assert db.rows(text("SELECT * FROM corrections")) == []
