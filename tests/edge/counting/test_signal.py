"""Whether a sensor is fit for its work, said with the figure; and never of one that is."""

import tracemalloc
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from edge.counting.pipeline import StationPipeline
from edge.counting.signal import SignalMeter, troubles
from edge.link.drivers import Samples
from edge.link.recording import Recording
from edge.tools.analysis import analyse, table
from station.config import Geometry, StationFile, StationTable
from station.exercises import all_profiles, load_profile
from station.records import RepEvent
from station.sim import Sensors, simulate_set, with_seed
from tests.accuracy.score import blocks

RACK = StationFile(station=StationTable(id="rack-1", kind="barbell"))


def squats(rate_hz=60.0, *, noise_m=0.0005, outliers=0.0, seconds=60.0, seed=1):
    """A squat every three seconds after five of rest, as a sensor sees it."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(1, round(seconds * rate_hz) + 1) / rate_hz
    place = 1.0 - 0.2 * (1.0 - np.cos(2.0 * np.pi * (time_s - 5.0) / 3.0)) * (time_s > 5.0)
    place = place + rng.normal(0.0, noise_m, place.size)
    off = rng.random(place.size) < outliers
    return time_s, place + off * rng.uniform(-0.5, 0.5, place.size)


def quality_of(time_s, place, **kinds):
    meter = SignalMeter("position_m", metres=True)
    meter.feed([Samples("position_m", time_s, place)])
    return meter.quality(kinds.get("taken", len(place)), kinds.get("repaired", 0), kinds.get("spikes", 0))


@pytest.mark.parametrize("rate_hz", [25.0, 100.0, 1000.0])
@pytest.mark.parametrize("noise_m", [0.0002, 0.002, 0.02])
def test_noise_is_what_was_added_at_any_rate(rate_hz, noise_m):
    quality = quality_of(*squats(rate_hz, noise_m=noise_m))
    assert quality.noise_m == pytest.approx(noise_m, rel=0.1, abs=0.0003)
    assert quality.rate_hz == pytest.approx(rate_hz, rel=0.001)
    assert quality.fit == (noise_m < 0.01)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("outliers", "most"), [(0.0, 1.07), (0.01, 1.15), (0.03, 1.4)])
def test_what_health_says_of_the_noise_is_the_noise_and_not_the_spikes(outliers, most, seed):
    said = quality_of(*squats(100.0, noise_m=0.001, outliers=outliers, seed=seed)).noise_m
    assert 0.00095 < said < 0.001 * most


def test_a_few_spikes_are_no_noise():
    meter = SignalMeter("position_m", metres=True)
    meter.feed([Samples("position_m", *squats(100.0, noise_m=0.001, outliers=0.03))])
    assert meter.noise_m(0.0, 60.0) == pytest.approx(0.001, rel=0.25)


def test_a_lidar_over_a_black_mat_is_called_unfit_with_its_figure():
    time_s, place = squats(outliers=0.3, noise_m=0.003)
    analysis = analyse(Recording(time_s, {"position_m": place}), RACK, load_profile("back-squat"))
    assert not analysis.signal.fit
    assert analysis.signal.repaired_pct > 10.0
    assert "mm about the motion, 10 at most" in analysis.signal.reason
    assert f"signal unfit for velocities and boundaries: {analysis.signal.reason}" in table(analysis)


def test_what_is_missing_or_jumps_is_said_too():
    time_s, place = squats()
    there = (time_s % 2.0) > 0.7
    assert quality_of(time_s[there], place[there]).reason.startswith("35 % of the time is without readings")
    said = quality_of(time_s, place, taken=900, repaired=100, spikes=60).reason
    assert said == "6 % of the readings jump, 3 % at most"
    assert quality_of(*squats(6.0)).reason == "6.0 new readings a second, 8 at least"
    assert quality_of(time_s, np.full_like(place, np.nan)) is None


@pytest.mark.parametrize("exercise", sorted(all_profiles()))
def test_a_simulated_sensor_that_is_well_is_fit(exercise):
    simulated = simulate_set(load_profile(exercise), reps=4, rng=with_seed(2))
    pipeline = StationPipeline(simulated.station, load_profile(exercise), live_s=0.0)
    for block in blocks(simulated, 1.0):
        pipeline.feed(block)
    assert pipeline.signal.fit, pipeline.signal
    assert (pipeline.signal.noise_m is None) == (simulated.station.station.kind == "band")
    assert troubles(pipeline.adrift, pipeline.signal) == []


def test_every_rep_says_how_noisy_its_signal_was():
    sensors = Sensors(position_noise_m=0.002, tilt_hz=100.0)
    simulated = simulate_set(load_profile("rdl"), reps=3, rng=with_seed(3), sensors=sensors)
    said = []
    for block_s in (0.016, 600.0):
        pipeline = StationPipeline(simulated.station, load_profile("rdl"), live_s=0.0)
        events = [event for block in blocks(simulated, block_s) for event in pipeline.feed(block)]
        events += pipeline.finish()
        said.append([event.rep.signal_noise_m for event in events if isinstance(event, RepEvent)])
    assert said[0] == said[1]
    assert said[0] == pytest.approx([0.002] * len(said[0]), rel=0.3)


@pytest.mark.parametrize("rate_hz", [25.0, 100.0, 1000.0])
@pytest.mark.parametrize("outliers", [0.0, 0.03])
def test_the_noise_of_a_second_is_that_of_its_readings_at_any_rate_and_with_spikes(rate_hz, outliers):
    meter = SignalMeter("position_m", metres=True)
    time_s, place = squats(rate_hz, noise_m=0.002, outliers=outliers)
    meter.feed([Samples("position_m", time_s, place)])
    said = [meter.noise_m(start_s, start_s + 1.0) for start_s in np.arange(3.0, 55.0)]
    assert np.median(said) == pytest.approx(0.002, rel=0.3 if outliers else 0.1)
    assert outliers or max(said) < 0.004


@pytest.mark.parametrize("missing", [0.05, 0.2])
def test_readings_that_are_missing_are_no_noise_and_hide_none(missing):
    time_s, place = squats(100.0, noise_m=0.015)
    place[np.random.default_rng(2).random(place.size) < missing] = np.nan
    meter = SignalMeter("position_m", metres=True)
    meter.feed([Samples("position_m", time_s, place)])
    assert [meter.noise_m(at_s, at_s + 1.5) for at_s in np.arange(3.0, 55.0)] == pytest.approx(
        [0.015] * 52, rel=0.4
    )
    quality = meter.quality(len(place), 0, 0)
    assert quality.noise_m == pytest.approx(0.015, rel=0.05) and not quality.fit


def test_the_noise_of_a_time_is_the_same_however_it_was_read_and_from_whenever_on():
    """A replay begins in the middle; a recording may come in one piece, longer than what is kept."""
    rng = np.random.default_rng(8)
    time_s, place = squats(100.0, noise_m=0.002, outliers=0.01, seconds=200.0)
    time_s = time_s + rng.uniform(-0.002, 0.002, time_s.size)
    place[rng.random(place.size) < 0.02] = np.nan
    there = ~((time_s > 48.0) & (time_s < 49.0))
    time_s, place = time_s[there], place[there]
    said = []
    for first, pieces in ((0, 1), (0, 700), (1437, 300)):
        meter, heard = SignalMeter("position_m", metres=True), {}
        for part in np.array_split(np.arange(first, time_s.size), pieces):
            meter.feed([Samples("position_m", time_s[part], place[part])])
            for at_s in np.arange(30.0, time_s[part[-1]] - 2.0, 2.3):
                heard.setdefault(at_s, meter.noise_m(at_s, at_s + 1.1))
        said.append(list(heard.values()))
    assert said[0] == said[1], "to the last bit"
    assert said[2] == pytest.approx(said[1], rel=0.05)


def test_noise_is_that_of_the_time_that_is_asked_for():
    """A tether that comes loose in the middle of a set."""
    meter = SignalMeter("position_m", metres=True)
    time_s, place = squats(1000.0, noise_m=0.001)
    place[time_s > 30.0] += np.random.default_rng(7).normal(0.0, 0.004, np.count_nonzero(time_s > 30.0))
    meter.feed([Samples("position_m", time_s, place)])
    assert meter.noise_m(28.0, 29.5) == pytest.approx(0.001, rel=0.1)
    assert meter.noise_m(30.5, 32.0) == pytest.approx(0.0041, rel=0.1)
    assert meter.noise_m(1.0, 1.015) is None, "too few"


def test_a_zero_that_jumped_is_said_until_the_bar_has_rested_and_counted_for_good():
    time_s, place = squats(100.0, seconds=12.0)
    place = place + np.where(time_s > 10.0, 0.4, 0.0)
    pipeline = StationPipeline(RACK, load_profile("back-squat"), live_s=0.0)
    pipeline.feed([Samples("position_m", time_s, place)])
    (said,) = troubles(pipeline.adrift, pipeline.signal)
    assert said.startswith("position_m: its zero has jumped by +0.40 m; let the load rest a second")
    rest_s = 12.0 + np.arange(1, 301) / 100.0
    pipeline.feed([Samples("position_m", rest_s, np.full(300, place[-1]))])
    assert (pipeline.adrift, pipeline.shifts) == (None, 1)
    pipeline.zero(None)
    assert pipeline.shifts == 1, "counted since the session began"


def test_the_command_zero_begins_anew_at_once():
    time_s, place = squats(100.0, seconds=12.0)
    place = place + np.where(time_s > 10.0, 0.4, 0.0)
    pipeline = StationPipeline(RACK, load_profile("back-squat"), live_s=0.0)
    pipeline.feed([Samples("position_m", time_s, place)])
    pipeline.zero(None)
    assert (pipeline.adrift, pipeline.shifts) == (None, 1)


def test_lengths_too_short_for_where_the_reel_is_are_said():
    """Zeroed with the bar on its hooks, over a reel 5 cm aside of it."""
    rack = msgspec.structs.replace(RACK, geometry=Geometry(lpt_anchor_m=(0.05, 0.1)))
    time_s, place = squats(seconds=30.0)
    pipeline = StationPipeline(rack, load_profile("back-squat"), live_s=0.0)
    events = pipeline.feed([Samples("position_m", time_s, place - place.max())]) + pipeline.finish()
    reps = {event.rep.number: event.rep for event in events if isinstance(event, RepEvent)}
    assert sorted(reps) == list(range(1, 9))
    assert {rep.rom_m for rep in reps.values()} == {None}
    (said,) = troubles(None, pipeline.signal)
    assert said.startswith("the motion's signal is unfit: its lengths are too short for where the reel is")
    recording = Recording(time_s, {"position_m": place - place.max()})
    assert "its lengths are too short for where the reel is" in table(
        analyse(recording, rack, load_profile("back-squat"))
    )


@pytest.mark.parametrize("seed", range(3))
def test_reads_of_any_size_give_the_same_quality_to_the_last_bit(seed):
    rng = np.random.default_rng(seed)
    time_s, place = squats(100.0, outliers=0.05)
    place[rng.integers(0, place.size, 50)] = np.nan
    whole = quality_of(time_s, place)
    meter = SignalMeter("position_m", metres=True)
    for a, b in pairwise(sorted({0, place.size, *rng.integers(0, place.size, 40).tolist()})):
        meter.feed([Samples("position_m", time_s[a:b], place[a:b])])
    assert meter.quality(place.size, 0, 0) == whole


def test_five_minutes_of_readings_take_no_more_memory_than_two():
    meter, held = SignalMeter("position_m", metres=True), []
    rng = np.random.default_rng(4)
    tracemalloc.start()
    for minute in range(5):
        for second in range(60):
            time_s = 60.0 * minute + second + np.arange(1000) / 1000.0
            value = 0.5 + 0.3 * np.sin(time_s) + rng.integers(-1, 2, 1000) * 1e-4
            meter.feed([Samples("position_m", time_s, value)])
        held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert max(held[2:]) < 1.1 * held[1] < 200_000  # readings of 85 s, 16 bytes each as they come: 1.4 MB
