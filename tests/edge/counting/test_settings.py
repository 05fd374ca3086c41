"""What a command makes of a station's settings."""

from typing import Any

import pytest

from edge.counting.settings import Settings, changed
from station.errors import MessageError
from station.exercises import load_profile
from station.messages import CommandMessage

RDL = load_profile("rdl")


def after(old: Settings, name: Any, **given: Any) -> tuple[Settings, str]:
    return changed(
        old, CommandMessage(event_id="c", at_utc="2030-01-01T00Z", name=name, by="cleo", **given), RDL
    )


def test_how_many_sets_are_planned_is_of_one_athlete() -> None:
    planned, words = after(Settings(athlete="ana"), "set-target", target_reps=8, target_sets=4)
    assert words == "target 8 reps, 4 sets"
    fewer, _ = after(planned, "set-target", target_reps=6)  # a coach who says nothing of sets
    assert (fewer.target_reps, fewer.target_sets) == (6, 4)
    assert after(fewer, "set-athlete", athlete="ana")[0].target_sets == 4
    assert after(fewer, "set-athlete", athlete="ben")[0].target_sets is None


def test_a_velocity_and_a_rest_are_prescribed_and_said() -> None:
    asked, words = after(
        Settings(), "set-target", velocity_least_mps=0.45, velocity_most_mps=0.6, rest_s=90.0
    )
    assert (asked.velocity_least_mps, asked.velocity_most_mps, asked.rest_s) == (0.45, 0.6, 90.0)
    assert words == "no target, 0.45 m/s or more, 0.6 m/s at most, rest 90 s"
    assert "95 % of the best velocity" in after(asked, "set-target", velocity_best_pct=95.0)[1]
    assert after(asked, "set-target")[0].rest_s is None


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"velocity_least_mps": 5.0}, "give 0.05 to 3"),
        ({"velocity_least_mps": 0.6, "velocity_most_mps": 0.5}, "give the lower one first"),
        ({"velocity_best_pct": 5.0}, "give 50 to 150"),
        ({"rest_s": 1e6}, "give 0 to 3600"),
    ],
)
def test_a_velocity_or_a_rest_that_nobody_means_is_refused(given: dict[str, float], wrong: str) -> None:
    with pytest.raises(MessageError, match=wrong):
        after(Settings(), "set-target", **given)


@pytest.mark.parametrize("sets", [0, 101])
def test_a_number_of_sets_that_nobody_means_is_refused(sets: int) -> None:
    with pytest.raises(MessageError, match="give 1 to 100"):
        after(Settings(), "set-target", target_sets=sets)
