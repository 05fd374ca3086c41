"""What the one judge says of a tempo, a path and a partial rep; and that everybody asks it."""

from typing import Any

import msgspec
import pytest

from station.exercises import Tempo, load_profile
from station.exercises.judge import (
    Outcome,
    all_of,
    is_partial,
    judge_path,
    judge_tempo,
    path_off,
    tempo_kept,
)
from station.records import ReasonCode, Rep

KEPT, SHORT, LONG, OFF, UNSURE = Outcome.KEPT, Outcome.SHORT, Outcome.LONG, Outcome.OFF, Outcome.UNSURE
ASKED = Tempo(eccentric_s=2.0, bottom_pause_s=0.0, concentric_s=1.0, top_pause_s=1.0)


def rep(**given: Any) -> Rep:
    fields: dict[str, Any] = dict.fromkeys(Rep.__struct_fields__)
    fields |= {"number": 1, "counted": True, "start_s": 0.0, "end_s": 3.0, "concentric_start_s": 2.0}
    fields |= {"concentric_end_s": 3.0, "eccentric_s": 2.0, "bottom_pause_s": 0.0, "concentric_s": 1.0}
    return Rep(**fields | {"top_pause_s": 1.0} | given)


@pytest.mark.parametrize(
    ("took", "outcome", "why"),
    [
        ({}, (KEPT, KEPT, KEPT, KEPT), "as asked"),
        ({"eccentric_s": 1.6}, (KEPT, KEPT, KEPT, KEPT), "a fifth of two seconds"),
        ({"eccentric_s": 1.59}, (SHORT, KEPT, KEPT, KEPT), "more than a fifth"),
        ({"eccentric_s": 2.41}, (LONG, KEPT, KEPT, KEPT), "and on the other side"),
        ({"concentric_s": 1.25}, (KEPT, KEPT, KEPT, KEPT), "a fifth of one second is less than one can time"),
        ({"concentric_s": 1.26}, (KEPT, KEPT, LONG, KEPT), "a quarter of a second can be timed"),
        ({"bottom_pause_s": 0.25}, (KEPT, KEPT, KEPT, KEPT), "a share of nothing would be no room"),
        ({"bottom_pause_s": 0.26}, (KEPT, LONG, KEPT, KEPT), "a pause where none was asked for"),
        ({"top_pause_s": 0.74}, (KEPT, KEPT, KEPT, SHORT), "finish tall"),
        ({"top_pause_s": 2.5}, (KEPT, KEPT, KEPT, KEPT), "a longer top is a breath"),
        ({"top_pause_s": 60.0}, (KEPT, KEPT, KEPT, KEPT), "however long"),
        ({"top_pause_s": None}, (KEPT, KEPT, KEPT, None), "the last of a set has none"),
        ({"eccentric_s": None}, (None, KEPT, KEPT, KEPT), "dropped"),
    ],
)
def test_a_phase_is_judged_by_the_larger_of_its_two_tolerances(
    took: dict[str, Any], outcome: tuple[Any, ...], why: str
) -> None:
    assert judge_tempo(rep(**took), ASKED) == outcome, why
    assert tempo_kept(rep(**took), ASKED) is not any(one in (SHORT, LONG) for one in outcome)


def test_a_gym_that_allows_more_seconds_is_obeyed_by_the_judge() -> None:
    lenient = msgspec.structs.replace(ASKED, tolerance_s=0.6)
    assert judge_tempo(rep(concentric_s=1.55, top_pause_s=0.45), lenient) == (KEPT, KEPT, KEPT, KEPT)


def test_what_nobody_asked_for_is_not_judged() -> None:
    assert judge_tempo(rep(), Tempo()) == (None, None, None, None)
    assert tempo_kept(rep(), Tempo()) is None
    assert judge_path(rep(path_deviation_m=0.3), None) is None


@pytest.mark.parametrize(
    ("deviation_mm", "sigma_mm", "outcome"),
    [
        (60, 15, UNSURE),  # of 50: it may have been 45
        (120, 55, OFF),  # it was 65 at least
        (60, 5, OFF),
        (60, None, OFF),  # no uncertainty said: as it stands
        (50, 0, KEPT),
        (40, 9, KEPT),
        (40, 11, UNSURE),
        (10, 60, UNSURE),  # a sensor that knows nothing praises nobody
        (None, None, None),
    ],
)
def test_a_path_is_off_only_where_the_sensors_are_sure_of_it(
    deviation_mm: float | None, sigma_mm: float | None, outcome: Outcome | None
) -> None:
    seen = rep(
        path_deviation_m=None if deviation_mm is None else deviation_mm / 1000,
        path_deviation_sigma_m=None if sigma_mm is None else sigma_mm / 1000,
    )
    assert judge_path(seen, 0.05) is outcome
    profile = load_profile("romanian-deadlift")
    assert profile.path_limit_m == 0.05
    assert path_off([rep(), seen], profile) is (outcome is OFF)


def test_several_are_as_good_as_the_worst_of_them() -> None:
    assert all_of((None, None)) is None
    assert all_of((None, KEPT)) is KEPT
    assert all_of((KEPT, UNSURE)) is UNSURE
    assert all_of((UNSURE, KEPT, SHORT)) is SHORT


@pytest.mark.parametrize("code", list(ReasonCode))
def test_a_rep_is_partial_by_its_code_whatever_its_sentence(code: ReasonCode) -> None:
    partial = code in {
        *(ReasonCode.SHORT_OF_LEAST, ReasonCode.SHORT_OF_SET, ReasonCode.SHORT_OF_ATHLETE),
        ReasonCode.MARKED_PARTIAL,
    }
    assert is_partial(rep(counted=False, reason_code=code, reason="raindrop said so")) is partial
    assert not is_partial(rep(counted=False, reason_code=None, reason="partial: 40 %"))
    assert not is_partial(rep(counted=True, reason_code=code))
