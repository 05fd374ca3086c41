"""Sensors that fail are noticed within a second of their samples, and well ones never are."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.counting.pipeline import StationPipeline
from edge.counting.watch import SensorWatch
from edge.link.drivers import Samples
from station.exercises import load_profile
from station.records import RepEvent
from station.sim.session import simulate_set

Floats = NDArray[np.float64]
RNG = np.random.default_rng(3)
SET = simulate_set(load_profile("rdl"), reps=4, rng=np.random.default_rng(5))
REPS = SET.truth["sets"][0]["reps"]


def noise(hz: float, duration_s: float, digits: int = 6) -> tuple[Floats, Floats]:
    time_s = np.arange(0.0, duration_s, 1.0 / hz)
    return time_s, np.round(500.0 + RNG.normal(0.0, 0.5, len(time_s)), digits)


def play(watch: SensorWatch, time_s: Floats, value: Floats, name: str = "force_n") -> dict[float, str]:
    """Feed in blocks of 50 ms; the faults seen at each block's end."""
    seen = {}
    for start_s in np.arange(time_s[0], time_s[-1], 0.05):
        part = (time_s >= start_s) & (time_s < start_s + 0.05)
        if part.any():
            watch.feed([Samples(name, time_s[part], value[part])], start_s + 0.05)
        seen[float(start_s) + 0.05] = watch.faults(start_s + 0.05).get(name, "")
    return seen


@pytest.mark.parametrize("hz", [10.0, 80.0, 1000.0])
@pytest.mark.parametrize("fault", ["stuck", "no value", "silent"])
def test_a_fault_is_flagged_within_a_second_and_gone_when_it_is_over(hz: float, fault: str) -> None:
    time_s, value = noise(hz, 20.0)
    bad = (time_s >= 10.0) & (time_s < 15.0)
    if fault == "stuck":
        value[bad] = value[np.flatnonzero(bad)[0] - 1]
    elif fault == "no value":
        value[bad] = np.nan
    else:
        time_s, value = time_s[~bad], value[~bad]
    seen = play(SensorWatch(), time_s, value)
    assert {said for at_s, said in seen.items() if at_s < 10.0 or at_s > 15.2} == {""}
    assert {said for at_s, said in seen.items() if 10.9 < at_s < 14.9} == {fault}


def test_a_stuck_channel_gives_no_value_until_it_moves() -> None:
    time_s, value = noise(80.0, 12.0)
    value[400:800] = value[400]
    watch = SensorWatch()
    play(watch, time_s[:700], value[:700])
    (given,) = watch.feed([Samples("force_n", time_s[700:702], value[700:702])], 8.8)
    assert np.isnan(given.value).all()
    (given,) = watch.feed([Samples("force_n", time_s[800:802], value[800:802])], 10.0)
    assert not np.isnan(given.value).any()


def at_rest_then_moving(time_s: Floats) -> Floats:
    return np.round(0.8 + 0.3 * np.maximum(0.0, np.sin(0.4 * time_s)), 3)


@pytest.mark.parametrize(
    "signal",
    [
        at_rest_then_moving,
        lambda t: np.full_like(t, 0.8),
        lambda t: np.round(0.8 + 0.3 * np.sin(t), 4) * (t < 15) + 0.8 * (t >= 15),
        lambda t: np.round(500 + np.random.default_rng(1).normal(0, 0.2, len(t)), 0),
    ],
    ids=["encoder", "never moved", "moving, then put down", "a scale that shows whole newtons"],
)
def test_an_encoder_at_rest_is_well(signal: Callable[[Floats], Floats]) -> None:
    time_s = np.arange(0.0, 40.0, 0.005)
    assert set(play(SensorWatch(), time_s, signal(time_s)).values()) == {""}


def test_a_simulated_set_shows_no_fault() -> None:
    for name, recorded in SET.recording.items():
        said = play(SensorWatch(), recorded.time_s, recorded.value, name)
        assert set(said.values()) == {""}, name


def test_saturation_is_flagged_while_it_goes_on() -> None:
    watch = SensorWatch()
    watch.feed([Samples("force_n", np.array([0.1]), np.array([1.0]))], 5.0)
    watch.saturated({"force_n": 3}, 5.0)
    assert watch.faults(5.1) == {"force_n": "saturated"}
    watch.feed([Samples("force_n", np.array([1.5]), np.array([1.0]))], 6.4)
    watch.saturated({"force_n": 3}, 6.4)
    assert watch.faults(6.4) == {}


@pytest.mark.parametrize("fault", ["stuck", "nan", "silent"])
def test_no_rep_is_counted_while_the_position_is_lost(fault: str) -> None:
    watch, pipeline = SensorWatch(), StationPipeline(SET.station, load_profile("rdl"))
    out_s, in_s = REPS[1]["start_s"] + 0.5, REPS[1]["start_s"] + 3.5
    recorded = dict(SET.recording.items())
    time_s, value = recorded["position_m"].time_s, recorded["position_m"].value.copy()
    lost = (time_s >= out_s) & (time_s < in_s)
    value[lost] = np.nan if fault == "nan" else value[np.flatnonzero(lost)[0]]
    keep = ~lost if fault == "silent" else np.ones(len(time_s), dtype=bool)
    recorded["position_m"] = Samples("position_m", time_s[keep], value[keep])
    found: dict[str, RepEvent] = {}
    for start_s in np.arange(0.0, time_s[-1] + 0.05, 0.05):
        block = []
        for name, (at_s, of, *_) in ((n, (r.time_s, r.value)) for n, r in recorded.items()):
            part = (at_s >= start_s) & (at_s < start_s + 0.05)
            if part.any():
                block.append(Samples(name, at_s[part], of[part]))
        events = pipeline.feed(watch.feed(block, start_s + 0.05))
        found |= {event.event_id: event for event in events if isinstance(event, RepEvent)}
    found |= {event.event_id: event for event in pipeline.finish() if isinstance(event, RepEvent)}
    counted = [event.rep for event in found.values() if event.rep.counted and event.state != "rejected"]
    assert 2 <= len(counted) <= 3
    for rep in counted:
        assert rep.end_s <= out_s + 0.1 or rep.start_s >= in_s - 0.1
