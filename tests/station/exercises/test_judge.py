"""What the one judge says of a tempo, a path and a partial rep; and that everybody asks it."""

from typing import Any

import msgspec
import pytest

from station.exercises import Tempo, VelocityTarget, load_profile
from station.exercises.judge import (
    Outcome,
    all_of,
    is_partial,
    judge_path,
    judge_tempo,
    judge_velocity,
    path_off,
    tempo_kept,
)
from station.records import ReasonCode, Rep

KEPT, SHORT, LONG, OFF, UNSURE = Outcome.KEPT, Outcome.SHORT, Outcome.LONG, Outcome.OFF, Outcome.UNSURE
SLOW, FAST = Outcome.SLOW, Outcome.FAST
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


LEAST = VelocityTarget(least_mps=0.5)
ZONE = VelocityTarget(least_mps=0.45, most_mps=0.55)
BEST = VelocityTarget(best_pct=90.0)


@pytest.mark.parametrize(
    ("target", "speed_mps", "sigma_mps", "best_mps", "outcome", "why"),
    [
        (LEAST, 0.52, None, None, KEPT, "quicker than the minimum"),
        (LEAST, 0.48, None, None, SLOW, "slower"),
        (LEAST, 0.48, 0.03, None, UNSURE, "slower by less than one can be sure of"),
        (LEAST, 2.0, None, None, KEPT, "a minimum has no upper end"),
        (ZONE, 0.50, 0.01, None, KEPT, "within"),
        (ZONE, 0.60, 0.01, None, FAST, "too light, or more is asked than was meant"),
        (ZONE, 0.44, 0.005, None, SLOW, "below"),
        (ZONE, 0.55, 0.01, None, UNSURE, "on the edge"),
        (BEST, 0.46, 0.0, 0.50, KEPT, "nine tenths of the best"),
        (BEST, 0.44, 0.0, 0.50, SLOW, "less"),
        (BEST, 0.44, 0.0, None, None, "nobody knows the best at this load"),
        (LEAST, None, None, None, None, "a band's velocity is not seen"),
        (VelocityTarget(), 0.5, None, None, None, "nothing was asked for"),
    ],
)
def test_a_velocity_is_off_where_it_misses_by_more_than_its_uncertainty(
    target: VelocityTarget,
    speed_mps: float | None,
    sigma_mps: float | None,
    best_mps: float | None,
    outcome: Outcome | None,
    why: str,
) -> None:
    seen = rep(mean_concentric_velocity_mps=speed_mps, mean_concentric_velocity_sigma_mps=sigma_mps)
    judged = judge_velocity(seen, target, best_mps)
    assert judged is outcome, why
    assert judged is None or judged.off is (judged in (SLOW, FAST))


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
