"""A velocity target, what is usual for an athlete, what stands large, and what does not apply."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from dashboard.floor.attention import Attention
from dashboard.floor.coaching import AthleteRecord, EarlierSet
from dashboard.floor.headline import TITLES, HeadlineFigure, headline_figure
from dashboard.floor.reps import velocity_words
from dashboard.floor.state import FloorState
from dashboard.floor.views import StationView, Views, matches_word
from dashboard.tui.widgets.coaching import coaching_lines
from dashboard.tui.widgets.reps import rep_lines
from dashboard.tui.widgets.tile import tile_lines
from station.exercises import Headline, VelocityTarget, all_profiles
from station.exercises.coaching import DoneSet
from station.exercises.judge import Outcome
from tests.dashboard.arrivals import apply

PROFILES = all_profiles()
MINE = {"athlete": "a-17", "load_kg": 60.0}


@pytest.fixture
def seen(words: Any, at: Callable[..., Any]) -> Callable[..., StationView]:
    """A station with reps of these velocities, after these sets of earlier days: (day, load, best)."""

    def look(
        speeds: list[float],
        earlier: Sequence[tuple[str, float, float]] = (),
        exercise: str = "romanian-deadlift",
        headline: Headline | None = None,
        **info: Any,
    ) -> StationView:
        say = words()
        said = [say.state(), say.info(exercise, **({"velocity_loss_cutoff_pct": None} | MINE | info))]
        for n, speed in enumerate(speeds, 1):
            loss = 100.0 * (1.0 - speed / max(speeds))
            given = {"exercise": exercise, "mean_concentric_velocity_mps": speed, "velocity_loss_pct": loss}
            said.append(say.rep(n, **MINE, **given))
        floor = FloorState()
        for message in (*said, say.live(20.0)):
            floor = apply(floor, at("rack-1", message), message, 1.0)
        views = Views(PROFILES)
        sets = tuple(
            EarlierSet(
                session=f"old-{number}",
                number=1,
                over=True,
                day=day,
                done=DoneSet(reps=[say.bare_rep(1, mean_concentric_velocity_mps=best)], load_kg=load_kg),
            )
            for number, (day, load_kg, best) in enumerate(earlier)
        )
        views.before = {("a-17", exercise): AthleteRecord(sets=sets)}
        views.headlines = {exercise: headline} if headline else {}
        return views.view(floor.stations["gym", "rack-1"], 1.0)

    return look


def text(lines: Any) -> str:
    return "\n".join("".join(segment.text for segment in line) for line in lines)


USUAL = [("2025-12-20", 60.0, 0.50), ("2025-12-22", 60.0, 0.52), ("2025-12-24", 60.0, 0.51)]


def test_two_reps_below_the_velocity_that_is_asked_for_call_the_coach(seen: Any) -> None:
    shown = seen([0.55, 0.44, 0.43], velocity_least_mps=0.5)
    assert [rep.velocity for rep in shown.reps] == [Outcome.KEPT, Outcome.SLOW, Outcome.SLOW]
    assert (shown.attention, shown.attention_text) == (Attention.TECHNIQUE, "too slow twice")
    assert "≥ 0.50 ▾" in text(tile_lines(shown, 38, 10))
    table = text(rep_lines(shown, 80, 10))
    assert "asked ≥ 0.50" in table and "0.43▾" in table


def test_a_zone_is_left_on_both_sides(seen: Any) -> None:
    shown = seen([0.60, 0.50, 0.40], velocity_least_mps=0.45, velocity_most_mps=0.55)
    assert [rep.velocity for rep in shown.reps] == [Outcome.FAST, Outcome.KEPT, Outcome.SLOW]
    assert "0.45-0.55 ▾" in text(tile_lines(shown, 38, 10))


def test_the_best_of_the_last_sessions_is_the_athletes_own_at_this_load(seen: Any) -> None:
    other_load = ("2025-12-26", 80.0, 0.90)
    shown = seen([0.50, 0.45], [*USUAL, other_load], velocity_best_pct=95.0)
    assert shown.velocity_zone[0] == pytest.approx(0.95 * 0.52)
    assert [rep.velocity for rep in shown.reps] == [Outcome.KEPT, Outcome.SLOW]
    unknown = seen([0.50], [other_load], velocity_best_pct=95.0)
    assert unknown.reps[0].velocity is None
    assert "95 % of best" in text(tile_lines(unknown, 60, 19))


@pytest.mark.parametrize(
    ("speeds", "earlier", "line"),
    [
        ([0.51], USUAL, "0.51 m/s at 60 kg, as usual: 0.51 ± 0.01 on 3 days"),
        ([0.41, 0.40], USUAL, "▾ 0.41 m/s at 60 kg, slower than usual: 0.51 ± 0.01 on 3 days"),
        ([0.62], USUAL, "▴ 0.62 m/s at 60 kg, faster than usual"),
        ([0.40], USUAL[:1], "0.40 m/s at 60 kg, 0.50 the last time"),
        (
            [0.60],
            [*USUAL, ("2026-01-01", 60.0, 0.7)],
            "0.70 m/s at 60 kg, faster than usual",
        ),  # the day's own
    ],
)
def test_today_is_held_against_the_athletes_own_usual_at_this_load(
    seen: Any, clock_in: Any, speeds: list[float], earlier: Any, line: str
) -> None:
    clock_in("UTC")
    assert line in text(coaching_lines(seen(speeds, earlier), [], PROFILES, "kg"))


def test_without_a_record_of_this_load_nothing_is_usual(seen: Any) -> None:
    shown = seen([0.5], [("2025-12-20", 80.0, 0.4)])
    assert shown.today is None
    assert "today" not in text(coaching_lines(shown, [], PROFILES, "kg"))


def test_a_note_stands_before_the_coach_and_a_squad_is_found(seen: Any) -> None:
    shown = msgspec.structs.replace(seen([0.5]), note="left knee", squad="Juniors")
    assert "left knee" in text(coaching_lines(shown, [], PROFILES, "kg"))
    assert matches_word(shown, "junior") and not matches_word(shown, "senior")


@pytest.mark.parametrize("exercise", sorted(PROFILES))
def test_no_set_is_called_to_its_end_where_nobody_prescribed_a_cut_off(seen: Any, exercise: str) -> None:
    shown = seen([0.6, 0.5, 0.3, 0.2], exercise=exercise)
    assert not any(rep.loss_reached for rep in shown.reps)
    assert shown.attention is not Attention.VELOCITY_LOSS and "end the set" not in shown.attention_text


def test_what_does_not_apply_to_an_unloaded_drill_is_not_shown(seen: Any) -> None:
    drill = text(tile_lines(seen([0.5], exercise="broomstick-hinge", load_kg=None), 38, 10))
    assert not any(word in drill for word in ("path", "loss", "load"))
    assert "100%" in drill or "tempo kept" in drill
    lift = text(tile_lines(seen([0.5]), 38, 10))
    assert all(word in lift for word in ("path", "loss", "load"))


def test_every_number_of_a_rep_can_stand_large(seen: Any) -> None:
    reps = seen([0.5, 0.52]).reps
    powers = {"peak_concentric_velocity_mps": 0.81, "mean_power_w": 412.4, "peak_power_w": 700.0}
    measured = msgspec.structs.replace(reps[-1].measured, **powers)
    rep = msgspec.structs.replace(reps[-1], measured=measured)
    found = {metric: headline_figure(metric, [reps[0], rep])[:2] for metric in TITLES}
    assert found == {
        "mean-velocity": ("0.52", "m/s mean"),
        "peak-velocity": ("0.81", "m/s peak"),
        "mean-power": ("412", "W mean"),
        "peak-power": ("700", "W peak"),
        "tempo": ("100%", "tempo kept"),
        "range": ("47", "cm range"),
        "path": ("23", "mm path"),
    }
    assert headline_figure("mean-power", [reps[0]]) == HeadlineFigure("", "W mean")
    assert headline_figure("range", []) == HeadlineFigure("", "cm range")


def test_what_stands_large_is_a_choice_by_exercise(seen: Any) -> None:
    assert "mm path" in text(tile_lines(seen([0.5], headline="path"), 38, 10))
    assert seen([0.5], exercise="banded-hinge").headline == "tempo"


@pytest.mark.parametrize(
    ("zone", "target", "words"),
    [
        ((0.5, None), VelocityTarget(least_mps=0.5), "≥ 0.50"),
        ((0.45, 0.55), VelocityTarget(least_mps=0.45, most_mps=0.55), "0.45-0.55"),
        ((None, 0.55), VelocityTarget(most_mps=0.55), "≤ 0.55"),
        ((None, None), VelocityTarget(best_pct=95.0), "95 % of best"),
        ((None, None), VelocityTarget(), ""),
    ],
)
def test_a_velocity_target_reads_as_it_is_meant(zone: Any, target: VelocityTarget, words: str) -> None:
    assert velocity_words(zone, target) == words
