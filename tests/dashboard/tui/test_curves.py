"""From the lifter's motion to the screen: each rep's curve on station, history, comparison and report."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dashboard.database.schema import open_history
from dashboard.history.cli import report_command
from dashboard.history.kept import Filter
from dashboard.history.queries import sets, with_curves
from dashboard.tui.app import PlumblineApp
from dashboard.tui.plots.curve import NO_CURVE, CurvePlot
from dashboard.tui.screens.history import HistoryScreen
from dashboard.tui.screens.past import PastSetScreen
from dashboard.tui.screens.station import StationScreen
from dashboard.tui.widgets.history import HistoryLines
from edge.counting.pipeline import StationPipeline
from edge.link.drivers import Samples
from station.cli import main
from station.exercises import load_profile
from station.messages import Message, RepMessage
from station.records import RepEvent
from station.sim import simulate_set, with_seed

RDL = load_profile("romanian-deadlift")


def lifted(seed: int) -> list[RepEvent]:
    """Three reps of a simulated lifter, through the node's own counting."""
    simulated = simulate_set(RDL, reps=3, rng=with_seed(seed))
    pipeline = StationPipeline(simulated.station, RDL, live_s=0.0)
    channels = simulated.recording.items()
    events = pipeline.feed([Samples(name, time_s.copy(), value.copy()) for name, (time_s, value) in channels])
    newest = {one.event_id: one for one in events + pipeline.finish() if isinstance(one, RepEvent)}
    return [one for one in newest.values() if one.state == "confirmed"]


def two_sets_and_an_old_one(words: Any) -> list[Message]:
    """The newest rep of the first edition: without a curve."""
    say = words("day1")
    said: list[Message] = [say.state(), say.info()]
    given = {"at_utc": "2026-01-05T10:00:00.000Z", "athlete": "ana", "load_kg": 60.0}
    seq = 0
    for number, seed in ((2, 11), (3, 12)):
        for event in lifted(seed):
            seq += 1
            message: RepMessage = say.rep(event.rep.number, number, seq=seq, revision=event.revision, **given)
            said.append(msgspec.structs.replace(message, rep=event.rep))
    said.append(say.rep(1, 1, seq=seq + 1, start_s=1.0, end_s=4.0, **given))
    return said


def dots(app: PlumblineApp, widget: type[Any], looks: Any) -> int:
    """How many cells of curves a widget draws."""
    region = app.screen.query_one(widget).region
    lines = looks.text(app).splitlines()[region.y : region.bottom]
    return sum("\u2801" <= sign <= "\u28ff" for line in lines for sign in line[region.x : region.right])


async def on_the_station(pilot: Any, app: PlumblineApp, looks: Any) -> None:
    await pilot.press("enter")
    await looks.poll(pilot, lambda: isinstance(app.screen, StationScreen) and app.screen.set_reps)
    await pilot.press("up")
    await looks.poll(pilot, lambda: dots(app, CurvePlot, looks) > 40)
    shown = looks.text(app)
    assert "rep 3" in shown and "▼ ecc" in shown and "▸ front" in shown
    await pilot.press("down")  # none selected: what moves now
    await looks.poll(pilot, lambda: not app.screen.query_one(CurvePlot).display)
    await pilot.press("escape")


async def in_the_history(pilot: Any, app: PlumblineApp, looks: Any) -> None:
    await pilot.press("y")
    await looks.poll(pilot, lambda: isinstance(app.screen, HistoryScreen))
    past = app.screen.query_one(HistoryLines)
    await looks.poll(pilot, lambda: len(past.sets) == 3)
    by_number = {one.key[3]: place for place, one in enumerate(past.sets)}

    async def choose(number: int) -> None:
        while past.place != by_number[number]:
            await pilot.press("right" if past.place < by_number[number] else "left")

    await choose(2)
    await pilot.press("space")
    await choose(3)
    await pilot.press("m", "m")  # past tempo and deviation, which need no curve
    for word in ("place, m", "velocity, m/s", "path, m"):
        await pilot.press("m")
        await looks.poll(pilot, lambda word=word: word in looks.text(app))
        await looks.poll(pilot, lambda: dots(app, HistoryLines, looks) > 30)
    await choose(1)
    await looks.poll(pilot, lambda: "▶ came without curves" in looks.text(app))
    await pilot.press("space")
    await pilot.press("enter")
    await looks.poll(pilot, lambda: isinstance(app.screen, PastSetScreen) and NO_CURVE in looks.text(app))
    await pilot.press("escape")
    await choose(3)
    await pilot.press("enter")
    await looks.poll(pilot, lambda: "3 reps over each other" in looks.text(app))
    assert dots(app, CurvePlot, looks) > 40
    await pilot.press("up")
    await looks.poll(pilot, lambda: "rep 3" in looks.text(app) and "▼ ecc" in looks.text(app))


def test_the_motion_of_a_rep_goes_from_the_lifter_to_every_screen_and_into_the_files(
    gym: Any, words: Any, looks: Any, edge: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = two_sets_and_an_old_one(words)

    async def drive(pilot: Any, app: PlumblineApp) -> None:
        edge.say("rack-1", *said)
        await on_the_station(pilot, app, looks)
        await in_the_history(pilot, app, looks)

    where = gym(said, drive)
    sent = [one.rep.curve for one in said if isinstance(one, RepMessage)]
    with open_history(str(where)) as db:
        kept = [with_curves(db, one) for one in sets(db, Filter(athlete="ana"))]
        assert {one.rep.curve for a_set in sets(db) for one in a_set.reps} == {None}  # in bulk: not read
    found = {one.event_id: one.rep.curve for a_set in kept for one in a_set.reps}
    assert found == {one.event_id: one.rep.curve for one in said if isinstance(one, RepMessage)}
    files = tmp_path / "reps.jsonl", tmp_path / "reps.csv"
    for file in files:
        assert main(["export", str(file), "--db", str(where)]) == 0
    rows = [json.loads(line) for line in files[0].read_text().splitlines()]
    assert sum(row["curve"] is None for row in rows) == sent.count(None) == 1
    assert {row["curve"]["hz"] for row in rows if row["curve"]} == {50.0}
    assert files[1].read_text().count('""s_mm""') == 6
    page = tmp_path / "day.html"
    assert report_command(["ana/2026-01-05", "--db", str(where), "-o", str(page)]) == 0
    assert "place and velocity of every rep over time" in page.read_text()
    capsys.readouterr()
