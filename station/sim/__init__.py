"""The simulated station: a lifter, a load, sensors and a board.

    from station.exercises import load_profile
    from station.sim import Sensors, Technique, simulate_set, with_seed

    simulated = simulate_set(load_profile("rdl"), reps=8, rng=with_seed(7))
    simulated.recording["position_m"].time_s    # every channel has its own times, seconds
    simulated.recording["position_m"].value     # SI, as a recording's column of that name
    simulated.station                           # the StationFile that fits it
    simulated.truth["sets"][0]["reps"][0]       # keys of station.records.Rep, None where undefined
    simulated.truth["not_reps"]                 # [{"start_s", "end_s", "what"}]

`simulate_set` draws what it is not told (lifter, load, geometry) from `rng`; `lifter=Lifter(...)`,
`technique=Technique(short_deg=20)`, `sensors=Sensors(position_hz=45, second_tether=True)`, `geometry=`,
`load_kg=`, `approach=False` (no unrack or walk-out), `sets=3, rest_s=30` say it. The same seed gives the
same bits. `station.sim.recording` writes the CSV, the truth and the station file.
"""

from station.sim.body import Lifter, Technique, random_lifter
from station.sim.sensors import Channel, Sensors
from station.sim.session import SimulatedSet, default_sensors, simulate_set, with_seed

__all__ = [
    "Channel",
    "Lifter",
    "Sensors",
    "SimulatedSet",
    "Technique",
    "default_sensors",
    "random_lifter",
    "simulate_set",
    "with_seed",
]
