"""What a rep counter says: measured candidates, movements that were none, and the stream at its ticks."""

from typing import NamedTuple


class Measured(NamedTuple):
    """One candidate at one moment. Seconds, metres, newtons, watts, joules; NaN is "not seen".

    `size`, `bottom` and `top` are in the unit of the motion coordinate: metres, or newtons on tension alone.
    """

    kind: str
    candidate: int
    known_s: float
    start_s: float
    end_s: float
    eccentric_end_s: float
    concentric_start_s: float
    concentric_end_s: float
    eccentric_s: float
    bottom_pause_s: float
    concentric_s: float
    top_pause_s: float
    size: float
    mean_concentric_velocity: float
    peak_concentric_velocity: float
    mean_propulsive_velocity: float
    mean_eccentric_velocity: float
    peak_eccentric_velocity: float
    mean_force: float
    peak_force: float
    mean_power: float
    peak_power: float
    work: float
    path_deviation: float
    path_drift: float
    path_sigma: float
    bottom: float
    top: float
    smoothing_s: float


class Discarded(NamedTuple):
    """A movement that was no rep; `candidate` is the announced one it takes back, or -1."""

    start_s: float
    end_s: float
    reason: str
    candidate: int


class Tick(NamedTuple):
    """The stream at a full tick of its own clock; place and velocity are a little behind `time_s`."""

    time_s: float
    place: float
    velocity: float
    force: float
    x: float
    rising: int  # +1 the motion leads up, -1 down, 0 it has not moved
    busy: bool  # a movement is going on that may become a rep
