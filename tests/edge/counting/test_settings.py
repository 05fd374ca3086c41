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


@pytest.mark.parametrize("sets", [0, 101])
def test_a_number_of_sets_that_nobody_means_is_refused(sets: int) -> None:
    with pytest.raises(MessageError, match="give 1 to 100"):
        after(Settings(), "set-target", target_sets=sets)
