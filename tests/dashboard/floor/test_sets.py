"""Which of an athlete's sets it is, whose reps are shown, and when the rest after it is overdue."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from rich.segment import Segment

from dashboard.floor.attention import Attention
from dashboard.floor.pacing import Pace
from dashboard.floor.state import FloorState
from dashboard.floor.times import minute_of
from dashboard.floor.views import StationView, Views, view
from dashboard.tui.app import PlumblineApp
from dashboard.tui.lifter.view import lifter_lines
from dashboard.tui.widgets.tile import Tile, tile_lines
from station.exercises import all_profiles
from station.messages import Sensor
from tests.dashboard.arrivals import apply

PROFILES = all_profiles()


def test_whoever_lifts_next_does_not_see_the_reps_of_whoever_lifted_before(
    still: Any, words: Any, looks: Any
) -> None:
    say = words()
    app = PlumblineApp(still, PROFILES)
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
    assert views.view(station, 1.0).attention is Attention.FINE
    asked = say.info(athlete="a-17", rest_s=90.0)
    seen = views.view(apply(floor, at("rack-1", asked), asked, 2.0).stations["gym", "rack-1"], 1.0)
    assert (seen.attention, seen.attention_text) == (Attention.REST, "rest 1:40")


def test_which_of_the_planned_sets_it_is_counts_the_athlete_s_own(
    words: Any, at: Callable[..., Any], clock_in: Any
) -> None:
    clock_in("UTC")
    say = words()
    mine = {"athlete": "a-17"}
    said = [
        say.state(),
        say.info(**mine),
        say.set(1, at_utc="2025-12-31T10:00:00.000Z", **mine),  # yesterday's
        say.set(2, **mine),
        say.set(3, athlete="b-04"),
        say.rep(1, set_number=4, start_s=90.0, **mine),
        say.live(93.0),
    ]
    plain = seen_after(said, at)
    assert (plain.set_words, on_tile(plain), on_lifters_screen(plain)) == ("set 4", True, False)
    planned = seen_after([*said, say.info(target_sets=4, **mine)], at)
    assert (planned.set_words, on_tile(planned), on_lifters_screen(planned)) == ("set 2/4", True, True)


def test_the_day_of_a_set_ends_at_midnight_by_the_clock_on_the_wall(
    words: Any, at: Callable[..., Any], clock_in: Any
) -> None:
    say = words()
    mine = {"athlete": "a-17"}
    said: list[Any] = [say.state(), say.info(target_sets=4, **mine)]
    said.append(say.set(1, at_utc="2026-01-01T23:50:00.000Z", **mine))
    said.append(say.rep(1, set_number=2, start_s=90.0, at_utc="2026-01-02T00:10:00.000Z", **mine))
    for zone, expected in (("UTC", "set 1/4"), ("EST+05", "set 2/4")):
        clock_in(zone)
        assert seen_after(said, at).set_words == expected


@pytest.mark.parametrize("zone", ["UTC", "EST+05", "IST-05:30"])
@pytest.mark.parametrize("at_utc", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "yesterday", ""])
def test_a_time_that_is_none_stops_no_screen(
    words: Any, at: Callable[..., Any], clock_in: Any, zone: str, at_utc: str
) -> None:
    clock_in(zone)
    say = words()
    assert seen_after([say.state(), say.info(target_sets=4), say.rep(1, at_utc=at_utc)], at).reps
    assert minute_of(at_utc) == at_utc[:16].replace("T", " ")


def test_a_screen_that_began_late_has_the_sets_before_from_the_station(
    words: Any, at: Callable[..., Any]
) -> None:
    say = words()
    mine = {"athlete": "a-17"}
    info = say.info(target_sets=4, sets_done=2, **mine)
    late: list[Any] = [say.state(), info, say.rep(1, set_number=7, start_s=90.0, **mine)]
    assert seen_after(late, at).set_words == "set 3/4"
    over = [*late, say.set(7, start_s=90.0, end_s=95.0, **mine)]
    over.append(say.info(target_sets=4, sets_done=3, **mine))
    assert seen_after(over, at).set_words == "set 3/4 over"


def test_a_set_that_was_restarted_is_none_of_the_planned(words: Any, at: Callable[..., Any]) -> None:
    say = words()
    mine = {"athlete": "a-17"}
    said: list[Any] = [say.state(), say.info(target_sets=4, **mine), say.set(1, counted_reps=0, **mine)]
    said.append(say.rep(1, set_number=2, start_s=90.0, **mine))
    assert seen_after(said, at).set_words == "set 1/4"


def test_a_set_more_than_planned_is_said_and_is_no_fraction(words: Any, at: Callable[..., Any]) -> None:
    say = words()
    mine = {"athlete": "a-17"}
    said: list[Any] = [say.state(), say.info(target_sets=1, **mine), say.set(1, **mine)]
    said += [say.rep(1, set_number=2, start_s=90.0, **mine), say.live(93.0)]
    more = seen_after(said, at)
    assert (more.set_words, on_tile(more), on_lifters_screen(more)) == ("set 2, 1 planned", True, True)
    over = seen_after([*said, say.set(2, start_s=90.0, end_s=95.0, **mine)], at)
    assert (over.set_words, on_tile(over), on_lifters_screen(over)) == ("set 2 over, 1 planned", True, True)


def seen_after(said: list[Any], at: Callable[..., Any]) -> StationView:
    floor = FloorState()
    for arrived_s, message in enumerate(said):
        floor = apply(floor, at("rack-1", message), message, arrived_s / 1000)
    return view(floor.stations["gym", "rack-1"], PROFILES, 1.0)


def on_tile(view: StationView) -> bool:
    return any(view.set_words in text(line) for line in tile_lines(view, 38, 10))


def on_lifters_screen(view: StationView) -> bool:
    return view.set_words in text(lifter_lines(view, Pace(), False, "", None, 80, 24)[0])


def text(line: Sequence[Segment]) -> str:
    return "".join(part.text for part in line)


def test_the_path_is_the_sets_and_not_the_way_out_of_the_rack(words: Any, still: Any, looks: Any) -> None:
    say = words()
    app = PlumblineApp(still, PROFILES)

    async def drive(pilot: Any) -> None:
        still.put(
            "rack-1", say.state(), say.info(sensors=[Sensor(channel="tether_angle_rad", rate_hz=100.0)])
        )
        for tenth in range(80):
            at_s = tenth / 10
            walked_m = 0.5 if at_s < 4.0 else 0.01 * (tenth % 3)  # the first rep begins at 4 s
            still.put("rack-1", say.live(at_s, 0.5 + 0.02 * (tenth % 20), x_m=walked_m, phase="eccentric"))
        await looks.poll(pilot, lambda: isinstance(app.focused, Tile))
        await pilot.press("enter")
        await looks.poll(pilot, lambda: "◂ 50 cm ▸" in looks.text(app))
        still.put("rack-1", say.rep(1))
        await looks.poll(pilot, lambda: "◂ 20 cm ▸" in looks.text(app))
        still.put("rack-1", say.live(9.0, 0.5, x_m=-0.6, phase=None))  # and on its way back
        await looks.settle(pilot)
        assert "◂ 20 cm ▸" in looks.text(app)

    looks.run(app, (120, 40), drive)
