from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

CHANNELS: tuple[str, ...]
LAYOUTS: dict[str, int]
REASONS: tuple[str, ...]
KINDS: tuple[str, ...]

class Measured(NamedTuple):
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
    start_s: float
    end_s: float
    reason: str
    candidate: int

class Tick(NamedTuple):
    time_s: float
    place: float
    velocity: float
    force: float
    x: float
    rising: int
    busy: bool

class RepCounter:
    def __init__(
        self,
        layout: str,
        *,
        concentric_first: bool,
        free_weight: bool,
        min_range: float,
        v0_mps: float = ...,
        gap_s: float = ...,
        tick_s: float = ...,
        anchor_m: tuple[float, float] = ...,
        anchor_2_m: tuple[float, float] = ...,
        travel_ratio: float = ...,
        free_length_m: float = ...,
        pulley_efficiency: float = ...,
        sigma_length_m: float = ...,
        sigma_tilt_rad: float = ...,
        sigma_pulley_n: float = ...,
    ) -> None: ...
    def push(
        self, channel: int, time_s: NDArray[np.float64], value: NDArray[np.float64]
    ) -> list[Measured | Discarded | Tick]: ...
    def finish(self) -> list[Measured | Discarded | Tick]: ...
    def set_load(self, load_kg: float) -> None: ...
    def trace(self, from_s: float) -> NDArray[np.float64]: ...
    @property
    def now_s(self) -> float: ...
    @property
    def on_tension(self) -> bool: ...
    @property
    def moving(self) -> float: ...
    @property
    def spikes(self) -> tuple[int, int]: ...
    @property
    def place(self) -> float: ...
    @property
    def velocity(self) -> float: ...
