"""The simulated station: a lifter, a load, sensors and a board.

    plan           what to simulate, as data: stations, lifters, sets, sensors and their faults
    scenarios/     the shipped plans
    lifter/        the true motion: body, habits, load
    devices/       what sensors and boards make of it
    measures       the README's definitions, on the noise-free motion
    truth          the truth about a session, by those definitions
    session        a plan to a recording and its truth
    recording      writing these down, with the station file that fits
    play           simulated boards on pseudo-terminals, in real time or faster
    demo           four stations in real time, for ever
    pytest_plugin  fixtures for tests of whatever listens to Plumbline

    from station.exercises import load_profile
    from station.sim import Sensors, Technique, simulate_set, with_seed

    simulated = simulate_set(load_profile("rdl"), reps=8, rng=with_seed(7))
    simulated.recording["position_m"].time_s    # every channel has its own times, seconds
    simulated.recording["position_m"].value     # SI, as a recording's column of that name
    simulated.station                           # the StationFile that fits it
    simulated.truth["sets"][0]["reps"][0]       # keys of station.records.Rep, None where undefined
    simulated.truth["not_reps"]                 # [{"start_s", "end_s", "what"}]

`simulate_set` draws what it is not told (lifter, load, geometry) from `rng`; `lifter=Lifter(...)`,
`technique=Technique(short_deg=20)`, `tempo=(3, 0, 1, 0)`, `sensors=Sensors(position_hz=45,
second_tether=True)`, `geometry=`, `load_kg=`, `approach="none"` (no unrack or walk-out), `sets=3, rest_s=30`
say it. The same seed gives the same bits. `station.sim.recording` writes the CSV, the truth and the station
file. A whole session, with its faults, is a plan or a scenario file:

    from station.sim import SetPlan, Setup, StationPlan, load_scenario, simulate_station

    plan = StationPlan(exercise="deadlift", sets=[SetPlan(reps=5, load_kg=100), SetPlan(reps=3, load_kg=140)])
    simulate_station(plan, with_seed(1))        # a SimulatedSet with two sets
    load_scenario("dead-stop").stations         # the shipped scenarios: plumbline simulate --list
"""

from station.sim.devices.sensors import LoadCell, Sensors, Signal
from station.sim.lifter.body import Lifter, Technique, random_lifter
from station.sim.plan import Scenario, SetPlan, Setup, StationPlan, list_scenarios, load_scenario
from station.sim.session import SimulatedSet, default_sensors, simulate_set, simulate_station, with_seed

__all__ = [
    "Lifter",
    "LoadCell",
    "Scenario",
    "Sensors",
    "SetPlan",
    "Setup",
    "Signal",
    "SimulatedSet",
    "StationPlan",
    "Technique",
    "default_sensors",
    "list_scenarios",
    "load_scenario",
    "random_lifter",
    "simulate_set",
    "simulate_station",
    "with_seed",
]
