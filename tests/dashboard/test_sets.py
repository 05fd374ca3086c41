"""Which of an athlete's sets it is, whose reps are shown, and when the rest after it is overdue."""

from collections.abc import Callable
from typing import Any

from dashboard.app import PlumblineApp
from dashboard.attention import Attention
from dashboard.state import FloorState, apply
from dashboard.views import Views
from dashboard.widgets.tile import tile_lines
from station.exercises import all_profiles

PROFILES = all_profiles()


def test_whoever_lifts_next_does_not_see_the_reps_of_whoever_lifted_before(
    still: Any, words: Any, looks: Any
) -> None:
    say = words()
    app = PlumblineApp(still, PROFILES, clock=lambda: still.now_s)
    here = ("gym", "rack-1")

    async def drive(pilot: Any) -> None:
        mine = [say.rep(1, athlete="a-17"), say.rep(2, athlete="a-17")]
        still.put("rack-1", say.state(), say.info(athlete="a-17"), *mine, say.live(20.0))
        await looks.poll(pilot, lambda: app.floor.stations and app.view_of(here).counted == 2)
        still.put("rack-1", say.set(1, athlete="a-17"))
        await looks.poll(pilot, lambda: app.view_of(here).set_over)
        assert app.view_of(here).counted == 2
        still.now_s += 1.0
        still.put("rack-1", say.info(athlete="b-04"))
        await looks.poll(pilot, lambda: app.view_of(here).athlete == "b-04")
        assert app.view_of(here).counted == 0 and app.view_of(here).rest_s is None
        still.put("rack-1", say.rep(1, 2, athlete="b-04"))
        await looks.poll(pilot, lambda: app.view_of(here).counted == 1)

    looks.run(app, (80, 24), drive)


def test_the_rest_a_plan_asks_for_is_what_is_overdue(words: Any, at: Callable[..., Any]) -> None:
    say = words()
    floor = FloorState()
    over = say.set(1, athlete="a-17", end_s=40.0)
    for message in (say.state(), say.info(athlete="a-17"), say.rep(1, athlete="a-17"), over, say.live(140.0)):
        floor = apply(floor, at("rack-1", message), message, 1.0)
    views = Views(PROFILES)
    station = floor.stations["gym", "rack-1"]
    assert views.see(station, 1.0).attention is Attention.FINE
    views.rests_s = {("a-17", "romanian-deadlift"): 90.0}
    seen = views.see(station, 1.0)
    assert (seen.attention, seen.attention_text) == (Attention.REST, "rest 1:40")


def test_which_of_the_planned_sets_it_is_counts_the_athlete_s_own(words: Any, at: Callable[..., Any]) -> None:
    say = words()
    floor = FloorState()
    views = Views(PROFILES)
    mine = {"athlete": "a-17"}
    said = [
        say.state(),
        say.info(athlete="a-17"),
        say.set(1, at_utc="2025-12-31T10:00:00.000Z", **mine),  # yesterday's
        say.set(2, **mine),
        say.set(3, athlete="b-04"),
        say.rep(1, set_number=4, start_s=90.0, **mine),
    ]
    for message in said:
        floor = apply(floor, at("rack-1", message), message, 1.0)
    station = floor.stations["gym", "rack-1"]
    assert views.see(station, 1.0).set_words == "set 4"
    views.sets = {("a-17", "romanian-deadlift"): 4}
    assert views.see(station, 1.0).set_words == "set 2/4"
    lines = tile_lines(views.see(station, 1.0), 38, 10)
    assert any("set 2/4" in "".join(part.text for part in line) for line in lines)
