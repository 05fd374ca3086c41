"""The target that moves with the tempo, faults in words, the light theme: pure parts of the screens."""

from datetime import date
from typing import Any

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from dashboard.floor.coaching import prescribed
from dashboard.floor.faults import faults
from dashboard.floor.pacing import beats, pace
from dashboard.floor.state import FloorState
from dashboard.floor.views import view
from dashboard.tui.widgets.themes import ThemeFilter
from station.exercises import all_profiles
from station.messages import Message, Sensor
from station.records import Live, Phase
from station.topics import Address
from tests.dashboard.arrivals import apply

ASKED = (2.0, 0.5, 1.0, 1.0)


def trace(*parts: tuple[Phase, float, float, float]) -> list[Live]:
    """Phases with their seconds and the places they go from and to, at 10 Hz."""
    found: list[Live] = []
    for phase, seconds, first, last in parts:
        for step in range(round(10 * seconds)):
            place = first + (last - first) * step / (10 * seconds)
            fields: dict[str, Any] = {"velocity_mps": 0.0, "force_n": None, "x_m": None, "phase": phase}
            found.append(Live(session_s=0.1 * len(found), position_m=place, **fields))
    return found


BEFORE: tuple[Phase, float, float, float] = ("top", 2.0, 1.0, 1.0)


def test_the_target_goes_down_waits_comes_up_and_waits_at_the_top() -> None:
    slow = trace(BEFORE, ("eccentric", 6.0, 1.0, 0.5))
    seen = {len(slow[:end]): pace(slow[:end], ASKED, 0.5).target for end in (21, 31, 43, 51, 56, 70)}
    assert list(seen.values()) == pytest.approx([1.0, 0.5, 0.0, 0.5, 1.0, 1.0], abs=0.06)


def test_the_lifters_place_is_their_share_of_the_usual_range() -> None:
    now = pace(trace(BEFORE, ("eccentric", 1.0, 1.0, 0.75)), ASKED, 0.5)
    assert (now.word, now.asked_s) == ("down", 2.0)
    assert now.place == pytest.approx(0.55, abs=0.06)
    assert now.left_s == pytest.approx(1.1)


def test_a_stall_on_the_way_down_begins_no_new_rep() -> None:
    stalled = trace(
        BEFORE, ("eccentric", 1.5, 1.0, 0.8), ("bottom", 0.3, 0.8, 0.8), ("eccentric", 0.5, 0.8, 0.5)
    )
    assert pace(stalled, ASKED, 0.5).target == pytest.approx(0.0, abs=0.06)


def test_a_phase_without_a_target_leaves_nothing_to_follow() -> None:
    up = trace(BEFORE, ("eccentric", 3.0, 1.0, 0.5), ("concentric", 0.5, 0.5, 0.8))
    assert pace(up, (2.0, 0.0, None, None), 0.5).target is None
    assert pace(up, (None, None, None, None), 0.5).left_s is None
    assert pace((), ASKED, None).word == ""


def test_a_lift_from_the_floor_begins_with_the_way_up() -> None:
    lift = trace(("bottom", 1.0, 0.2, 0.2), ("concentric", 0.6, 0.2, 0.5))
    now = pace(lift, ASKED, 0.5, concentric_first=True)
    assert now.target == pytest.approx(0.5, abs=0.06)
    assert now.place == pytest.approx(0.5, abs=0.06)


def test_standing_still_is_no_range() -> None:
    assert pace(trace(("top", 3.0, 1.0, 1.01)), ASKED, None).place is None


def heard(*messages: Message) -> Any:
    floor = FloorState()
    for message in messages:
        leaf = type(message).__name__.removesuffix("Message").lower()
        floor = apply(floor, Address("gym", "rack-1", leaf), message, 0.0)
    return floor.stations["gym", "rack-1"]


@pytest.mark.parametrize(
    "given, said",
    [
        ({"frames": 1000, "frames_lost": 5}, ["5 frames lost, 0.5 %"]),
        ({"frames": 10_000, "frames_lost": 5}, []),
        ({"frames": 1000, "frames_corrupt": 7}, ["7 frames damaged"]),
        ({"clock_drift_ppm": -350.0}, ["clock off by -350 ppm"]),
        ({"clock_drift_ppm": 60.0}, []),
        ({"outbox_depth": 10}, ["nobody writes the history: 10 events wait"]),
        ({"outbox_depth": 9}, []),
        ({"saturated": ["force_n"]}, ["load cell is at the end of its range"]),
        ({"rates_hz": {"position_m": 80.0}}, ["tether: 80 samples a second, 100 configured"]),
        ({"rates_hz": {"position_m": 99.0}}, []),
    ],
)
def test_every_fault_is_said_with_what_to_do(words: Any, given: dict[str, Any], said: list[str]) -> None:
    say = words()
    station = heard(say.state(), say.info(), say.live(1.0), say.health(1.0, **given))
    found = list(faults(view(station, all_profiles(), 0.5), station.newest, date(2026, 1, 1)))
    assert [fault.what for fault in found] == said
    assert all(fault.do for fault in found)


def test_an_old_calibration_is_a_fault_and_a_station_that_is_gone_too(words: Any) -> None:
    say = words()
    sensors = [Sensor(channel="position_m", rate_hz=None, calibrated="2024-06-01")]
    station = heard(say.state("lost"), say.info(sensors=sensors))
    found = list(faults(view(station, all_profiles(), 0.5), station.newest, date(2026, 1, 1)))
    assert [fault.what for fault in found] == ["the node is gone", "tether: calibrated 579 days ago"]


def test_the_light_theme_turns_lightness_round_and_keeps_what_differs_apart() -> None:
    dark = [Segment("a", Style(color="#56b4e9", bgcolor="#10141a")), Segment("b", Style(color="#f0e442"))]
    light = ThemeFilter("light").apply(dark, Color.parse("#10141a"))
    assert light[0].style is not None and light[0].style.bgcolor is not None
    assert min(light[0].style.bgcolor.get_truecolor()) > 200
    assert light[0].style.color != light[1].style.color  # type: ignore[union-attr]
    assert [one.text for one in light] == ["a", "b"]


def test_what_the_coach_asks_for_goes_before_the_exercises_own_targets(words: Any) -> None:
    profile = all_profiles()["romanian-deadlift"]
    info = words().info(tempo_s=(3.0, 1.0, None, 0.0), velocity_loss_cutoff_pct=10.0, path_limit_m=0.03)
    asked = prescribed(profile, info)
    assert (asked.tempo.eccentric_s, asked.tempo.concentric_s) == (3.0, None)
    assert (asked.velocity_loss_cutoff_pct, asked.path_limit_m) == (10.0, 0.03)
    assert prescribed(profile, words().info("back-squat", path_limit_m=0.03)) == profile


@pytest.mark.parametrize(
    "asked, concentric_first, at_s",
    [
        ((2.0, 0.5, 1.0, 1.0), False, [(1.0, False), (2.0, True), (2.5, True), (3.5, True), (4.5, True)]),
        ((3.0, 0.0, None, 1.0), False, [(1.0, False), (2.0, False), (3.0, True)]),
        ((2.0, 0.0, 1.0, 0.0), True, [(1.0, True), (2.0, False), (3.0, True)]),
        ((None, None, None, None), False, []),
    ],
)
def test_the_metronome_beats_seconds_and_turns_with_the_phases(
    asked: Any, concentric_first: bool, at_s: list[tuple[float, bool]]
) -> None:
    assert beats(asked, concentric_first) == at_s
