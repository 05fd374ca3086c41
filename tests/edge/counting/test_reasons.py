"""What a movement that is no rep is called, by what the station has: a rack, a handle, a band or a floor."""

import numpy as np
import pytest

from edge.counting.pipeline import StationPipeline
from edge.link.drivers import Samples
from station.config import StationFile, StationTable
from station.exercises import all_profiles, load_profile
from station.records import ReasonCode, Rejected, sentence

HZ = 100.0
REPS = [(1.5, -0.4), (0.3, 0.0), (1.0, 0.4), (0.8, 0.0)] * 3
UP_A_LITTLE, DOWN_A_LITTLE = (0.8, 0.06), (0.8, -0.06)


def rejected(kind, exercise, *legs, newtons_per_m=1.0):
    place, at = [np.full(100, 1.0)], 1.0
    for duration_s, moved_m in legs:
        t = np.linspace(0.0, 1.0, round(duration_s * HZ) + 1)[1:]
        place.append(at + moved_m * t**3 * (10.0 - 15.0 * t + 6.0 * t**2))
        at += moved_m
    s = newtons_per_m * np.concatenate(place)
    channel = "force_n" if kind == "band" else "position_m"
    pipeline = StationPipeline(
        StationFile(station=StationTable(id="s-1", kind=kind)), load_profile(exercise), live_s=0.0
    )
    events = pipeline.feed([Samples(channel, np.arange(s.size) / HZ, s)]) + pipeline.finish()
    return [event for event in events if isinstance(event, Rejected)]


@pytest.mark.parametrize(
    ("kind", "exercise", "codes", "words"),
    [
        ("barbell", "romanian-deadlift", ["unrack", "re-rack"], ["unrack", "re-rack"]),
        ("barbell", "broomstick-hinge", ["pick-up", "set-down"], ["pick-up", "set-down"]),
        ("cable", "cable-pull-through", ["pick-up", "set-down"], ["handle taken up", "handle let back"]),
        ("band", "banded-hinge", ["pick-up", "set-down"], ["band taken up", "band let go"]),
    ],
)
def test_a_little_up_before_a_set_and_down_after_it(kind, exercise, codes, words):
    legs = [UP_A_LITTLE, (2.0, 0.0), *REPS, (1.0, 0.0), DOWN_A_LITTLE, (8.0, 0.0)]
    found = rejected(kind, exercise, *legs, newtons_per_m=300.0 if kind == "band" else 1.0)
    assert [one.reason_code for one in found] == codes
    assert [one.reason for one in found] == words


def test_a_bar_on_the_floor_is_in_no_rack():
    reps = [(1.0, 0.5), (0.5, 0.0), (1.2, -0.5), (1.0, 0.0)] * 2
    found = rejected("barbell", "deadlift", UP_A_LITTLE, (3.0, 0.0), DOWN_A_LITTLE, (7.0, 0.0), *reps)
    assert {one.reason_code for one in found} <= {ReasonCode.PICK_UP, ReasonCode.SET_DOWN}
    assert found


def test_a_knock_is_as_long_as_it_took_and_not_as_long_as_the_bar_had_rested_before():
    (knock,) = rejected("barbell", "romanian-deadlift", (9.0, 0.0), (0.1, 0.05), (0.2, -0.05), (3.0, 0.0))
    assert knock.reason_code is ReasonCode.TOO_QUICK
    assert knock.end_s - knock.start_s < 0.5


@pytest.mark.parametrize("load", sorted({profile.load for profile in all_profiles().values()}))
@pytest.mark.parametrize("code", ReasonCode)
def test_every_code_has_a_sentence_for_every_load(code, load):
    words = sentence(code, load=load, rom_m=0.1, least_m=0.2, share_pct=50.0, by="ana")
    assert words
    assert "{" not in words
    assert load in ("mass", "none") or not {"rack", "floor", "pick-up"} & set(words.split())
