"""Each confirmed rep carries its curve, and the curve is the motion that the simulator made."""

from functools import cache
from typing import Any

import numpy as np
import pytest

from edge.counting.pipeline import StationPipeline
from edge.link.drivers import Samples
from station.exercises import load_profile
from station.records import RepEvent
from station.sim import simulate_set, with_seed

EXERCISES = ("romanian-deadlift", "deadlift", "cable-pull-through", "banded-hinge", "broomstick-hinge")


@cache
def measured(exercise: str) -> tuple[Any, list[RepEvent]]:
    profile = load_profile(exercise)
    simulated = simulate_set(profile, reps=3, rng=with_seed(11))
    pipeline = StationPipeline(simulated.station, profile)
    channels = simulated.recording.items()
    samples = [Samples(name, time_s.copy(), value.copy()) for name, (time_s, value) in channels]
    events = [one for one in pipeline.feed(samples) + pipeline.finish() if isinstance(one, RepEvent)]
    return simulated, events


@pytest.mark.parametrize("exercise", EXERCISES)
def test_a_confirmed_rep_carries_its_whole_motion_and_a_pending_one_none(exercise: str):
    _, events = measured(exercise)
    assert {one.rep.curve for one in events if one.state == "pending"} == {None}
    for event in (one for one in events if one.state == "confirmed"):
        rep, curve = event.rep, event.rep.curve
        assert curve is not None and curve.hz == 50.0
        assert curve.time_s[0] <= rep.start_s and curve.time_s[-1] >= rep.end_s - 0.03
        assert curve.time_s[0] > rep.start_s - 0.12 and curve.time_s[-1] < rep.end_s + 0.12
        assert np.isfinite(curve.place).all()


@pytest.mark.parametrize("exercise", ["romanian-deadlift", "deadlift", "cable-pull-through"])
def test_what_is_drawn_agrees_with_what_is_said(exercise: str):
    _, events = measured(exercise)
    for rep in {one.event_id: one.rep for one in events if one.state == "confirmed"}.values():
        curve = rep.curve
        assert curve is not None and rep.rom_m is not None and rep.concentric_end_s is not None
        time_s, velocity = np.array(curve.time_s), np.array(curve.velocity)
        lift = (time_s >= rep.concentric_start_s) & (time_s <= rep.concentric_end_s)
        assert np.ptp(curve.place) == pytest.approx(rep.rom_m, abs=0.02)
        assert velocity[lift].max() == pytest.approx(rep.peak_concentric_velocity_mps, abs=0.03)
        assert velocity[lift].mean() == pytest.approx(rep.mean_concentric_velocity_mps, abs=0.03)


def test_the_path_of_a_bar_is_in_its_curve():
    _, events = measured("romanian-deadlift")
    for rep in [one.rep for one in events if one.state == "confirmed"]:
        assert rep.curve is not None and rep.curve.x_m is not None and rep.path_deviation_m is not None
        aside = np.abs(np.array(rep.curve.x_m) - rep.curve.x_m[5]).max()
        assert aside == pytest.approx(rep.path_deviation_m, abs=0.01)


def test_a_handles_path_is_told_where_it_moves_and_a_band_has_tension_alone():
    _, events = measured("cable-pull-through")
    for rep in [one.rep for one in events if one.state == "confirmed"]:
        assert rep.curve is not None and rep.curve.x_m is not None
        moving = np.abs(rep.curve.velocity) > 0.1
        assert np.isfinite(np.array(rep.curve.x_m)[moving]).mean() > 0.95
        assert 0.2 < np.nanmedian(rep.curve.x_m) < 3.0
    _, events = measured("banded-hinge")
    for rep in [one.rep for one in events if one.state == "confirmed"]:
        assert rep.rom_m is None and rep.curve is not None and rep.curve.x_m is None
        assert 20.0 < 100.0 * np.ptp(rep.curve.place) < 1000.0  # N
