from functools import cache
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.counting.pipeline import StationPipeline, make_counter
from edge.link.drivers import Samples, make_driver
from kernels import Measured
from station.config import Geometry, Port, StationFile, StationTable
from station.exercises import all_profiles, load_profile
from station.messages import CommandError
from station.records import Live, Rejected, Rep, RepEvent, SetEvent
from station.sim import SetPlan, StationPlan, simulate_set, simulate_station, with_seed
from station.sim.devices.board import board_bytes
from station.sim.session import default_sensors


@cache
def capture(exercise="romanian-deadlift"):
    """What a simulated board sent during two short sets: (received_s, bytes) pieces, and the station."""
    plan = StationPlan(exercise=exercise, sets=[SetPlan(reps=2), SetPlan(reps=2)])
    simulated = simulate_station(plan, with_seed(5))
    return simulated, [(sent_s + 0.002, data) for sent_s, data in board_bytes(simulated, with_seed(6))]


def events_of(pieces, simulated):
    driver = make_driver(Port(url="capture"), simulated.station)
    pipeline = StationPipeline(simulated.station, load_profile(simulated.exercise))
    events = []
    for received_s, data in pieces:
        events += pipeline.feed(driver.feed(data, received_s))
    return events + pipeline.finish()


def cut(pieces, places):
    """The same bytes, each still with the time it was received at, cut at other places."""
    whole = b"".join(data for _, data in pieces)
    ends = np.cumsum([len(data) for _, data in pieces])
    for a, b in pairwise(sorted({0, len(whole), *places, *ends.tolist()})):
        yield pieces[int(np.searchsorted(ends, a, side="right"))][0], whole[a:b]


@cache
def whole_events(exercise="romanian-deadlift"):
    simulated, pieces = capture(exercise)
    return events_of(pieces, simulated)


@pytest.mark.parametrize("exercise", ["romanian-deadlift", "deadlift", "cable-row", "banded-hinge"])
def test_a_rep_is_announced_only_where_a_lift_is_said_to_end(exercise):
    simulated, pieces = capture(exercise)
    driver = make_driver(Port(url="capture"), simulated.station)
    pipeline = StationPipeline(simulated.station, load_profile(simulated.exercise))
    slowing, announced = [], []
    for received_s, data in pieces:
        slowing.append(pipeline.slowing)
        events = pipeline.feed(driver.feed(data, received_s))
        new = [e for e in events if isinstance(e, RepEvent) and (e.state, e.revision) == ("pending", 1)]
        announced += [slowing[-1]] * len(new)
    assert announced == [True] * 4
    assert 0.02 < np.mean(slowing) < 0.3


@settings(max_examples=4, deadline=None)
@given(share=st.lists(st.floats(0.0, 1.0), max_size=40))
def test_a_capture_cut_anywhere_gives_the_same_events(share):
    simulated, pieces = capture()
    total = sum(len(data) for _, data in pieces)
    assert events_of(cut(pieces, {int(x * total) for x in share}), simulated) == whole_events()


def test_a_capture_fed_byte_by_byte_gives_the_same_events():
    simulated, pieces = capture()
    total = sum(len(data) for _, data in pieces)
    first_set = range(total // 2)
    assert events_of(cut(pieces, set(first_set)), simulated) == whole_events()


def test_a_set_from_real_bytes_is_counted_as_the_simulator_lifted_it():
    simulated, _ = capture()
    newest = {e.event_id: e for e in whole_events() if isinstance(e, RepEvent)}
    true = [rep for a_set in simulated.truth["sets"] for rep in a_set["reps"] if rep["counted"]]
    counted = [e.rep for e in newest.values() if e.rep.counted]
    assert len(counted) == len(true) == 4
    assert [e.summary.counted_reps for e in whole_events() if isinstance(e, SetEvent)] == [2, 2]
    for rep, truth in zip(counted, true, strict=True):
        assert rep.rom_m == pytest.approx(truth["rom_m"], abs=0.004)
        assert rep.concentric_s == pytest.approx(truth["concentric_s"], abs=0.05)
        assert rep.mean_concentric_velocity_mps == pytest.approx(
            truth["mean_concentric_velocity_mps"], abs=0.015
        )


def test_live_values_come_ten_times_a_second_and_name_the_phase():
    lives = [e for e in whole_events() if isinstance(e, Live)]
    np.testing.assert_allclose(np.diff([live.session_s for live in lives]), 0.1, atol=1e-6)
    assert {live.phase for live in lives} >= {"top", "eccentric", "concentric"}


@pytest.mark.parametrize("name", sorted(all_profiles()))
def test_every_exercise_counts_its_own_simulated_set(name):
    profile = load_profile(name)
    simulated = simulate_set(profile, reps=5, rng=with_seed(11))
    pipeline = StationPipeline(simulated.station, profile)
    samples = [
        Samples(channel, time_s.copy(), value.copy())
        for channel, (time_s, value) in simulated.recording.items()
    ]
    newest = {e.event_id: e for e in pipeline.feed(samples) + pipeline.finish() if isinstance(e, RepEvent)}
    assert [e.rep.counted for e in newest.values() if e.state == "confirmed"] == [True] * 5


def test_a_number_the_sensors_cannot_see_is_none():
    simulated = simulate_set(load_profile("rdl"), reps=2, rng=with_seed(3))
    station = StationFile(station=StationTable("one-tether", "barbell"))
    pipeline = StationPipeline(station, load_profile("rdl"))
    time_s, value = simulated.recording["position_m"]
    events = pipeline.feed([Samples("position_m", time_s.copy(), value.copy())]) + pipeline.finish()
    reps = [e.rep for e in events if isinstance(e, RepEvent) and e.state == "confirmed"]
    assert reps
    for rep in reps:
        assert rep.path_deviation_m is rep.path_drift_m is rep.path_deviation_sigma_m is None
        assert rep.mean_force_n is rep.peak_power_w is rep.work_j is None
        assert rep.mean_propulsive_velocity_mps is not None
    band = simulate_set(load_profile("banded-hinge"), reps=2, rng=with_seed(3))
    pipeline = StationPipeline(band.station, load_profile("banded-hinge"))
    time_s, value = band.recording["force_n"]
    events = pipeline.feed([Samples("force_n", time_s.copy(), value.copy())]) + pipeline.finish()
    reps = [e.rep for e in events if isinstance(e, RepEvent) and e.state == "confirmed"]
    assert reps
    for rep in reps:
        assert rep.rom_m is rep.mean_concentric_velocity_mps is rep.work_j is None
        assert rep.mean_force_n is not None


def test_changing_the_exercise_ends_the_set_and_the_numbers_go_on():
    simulated = simulate_set(load_profile("rdl"), reps=2, rng=with_seed(3))
    time_s, value = simulated.recording["position_m"]
    pipeline = StationPipeline(simulated.station, load_profile("rdl"))
    pipeline.feed([Samples("position_m", time_s.copy(), value.copy())])
    ended = pipeline.set_profile(load_profile("good-morning"), None)
    assert [e.summary.number for e in ended if isinstance(e, SetEvent)] == [1]
    assert pipeline.sets.set_number == 2
    later = pipeline.feed([Samples("position_m", time_s + 100.0, value.copy())]) + pipeline.finish()
    # What was pending under the exercise before is said to the end under it.
    assert {(e.set_number, e.exercise) for e in later if isinstance(e, RepEvent)} <= {
        (1, "romanian-deadlift"),
        (2, "good-morning"),
    }
    assert {e.event_id for e in later if isinstance(e, RepEvent) and e.set_number == 2} == {"s2-r1", "s2-r2"}


def test_tare_moves_the_zero_of_the_load_cell_and_says_so():
    station = StationFile(station=StationTable("rack", "barbell"), geometry=Geometry())
    pipeline = StationPipeline(station, load_profile("rdl"))
    with pytest.raises(CommandError, match="nothing was changed"):
        pipeline.cell.tare()
    time_s = np.arange(0.0, 1.0, 0.0125)
    pipeline.feed([Samples("force_n", time_s, np.full(80, 12.5))])
    assert pipeline.cell.tare() == "zero moved by +12.5 N"


def test_a_silent_sensor_breaks_off_and_makes_no_phantom_rep():
    simulated = simulate_set(load_profile("rdl"), reps=3, rng=with_seed(3))
    time_s, value = simulated.recording["position_m"]
    pipeline = StationPipeline(simulated.station, load_profile("rdl"))
    bottom = simulated.truth["sets"][0]["reps"][2]["concentric_start_s"]
    before = time_s < bottom
    events = pipeline.feed([Samples("position_m", time_s[before].copy(), value[before].copy())])
    events += pipeline.idle(bottom + 1.0)
    after = time_s > bottom + 5.0
    events += pipeline.feed([Samples("position_m", time_s[after].copy(), value[after].copy())])
    events += pipeline.finish()
    newest = {e.event_id: e for e in events if isinstance(e, RepEvent)}
    assert sum(e.rep.counted for e in newest.values() if e.state == "confirmed") == 2
    assert not any(isinstance(e, Rejected) and e.reason == "no rep" for e in events)


def test_every_number_of_the_kernel_is_a_field_of_the_record_or_the_coordinates_own():
    simulated, pieces = capture()
    driver = make_driver(Port(url="capture"), simulated.station)
    counter = make_counter(simulated.station, load_profile(simulated.exercise), 0.0)
    found = [one for at_s, data in pieces for one in counter.feed(driver.feed(data, at_s))]
    reps = [one for one in found + counter.finish() if isinstance(one, Measured)]
    assert reps
    for rep in reps:
        own = {"size", "bottom", "top", "smoothing_s", "size_sigma", "start_sigma_s", "end_sigma_s"}
        assert rep.numbers.keys() - set(Rep.__struct_fields__) == own


def test_the_range_of_a_stick_on_one_tether_is_as_unsure_as_it_leans():
    profile = load_profile("broomstick-hinge")
    sensors = msgspec.structs.replace(default_sensors(profile), tilt_hz=None, second_tether=False)
    off = []
    for seed in range(6):
        plan = StationPlan(exercise=profile.name, sets=[SetPlan(reps=3)], sensors=sensors)
        simulated = simulate_station(plan, with_seed(seed))
        pieces = [(sent_s, data) for sent_s, data in board_bytes(simulated, with_seed(100 + seed))]
        reps = {e.rep.number: e.rep for e in events_of(pieces, simulated) if isinstance(e, RepEvent)}
        for rep, true in zip(reps.values(), simulated.truth["sets"][0]["reps"], strict=True):
            off.append((rep.rom_m - true["rom_m"]) / rep.rom_sigma_m)
    assert np.max(np.abs(off)) < 1.8
    assert np.sqrt(np.mean(np.square(off))) > 0.7
