"""The shipped scenarios: each runs, and has the reps it asks for."""

import numpy as np
import pytest

from station.sim import list_scenarios, load_scenario, simulate_station, with_seed

SLOW = {"idle-half-hour", "thirty-stations"}


@pytest.mark.parametrize("name", sorted(set(list_scenarios()) - SLOW))
def test_every_shipped_scenario_runs_and_its_truth_has_the_reps_it_asks_for(name: str) -> None:
    scenario = load_scenario(name)
    rng = with_seed(scenario.seed)
    for station in scenario.stations:
        truth = simulate_station(station, rng).truth
        asked = sum(one.reps * one.repeat for one in station.sets)
        assert sum(len(one["reps"]) for one in truth["sets"]) == asked


def test_nobody_lifts_in_the_idle_half_hour() -> None:
    simulated = simulate_station(load_scenario("idle-half-hour").stations[0], with_seed(1))
    assert simulated.truth["sets"] == []
    assert simulated.motion.time_s[-1] > 1799.0
    assert len(simulated.truth["not_reps"]) > 20
    assert np.ptp(simulated.recording["position_m"].value) > 0.02
