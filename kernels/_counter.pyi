from collections.abc import Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray

from kernels.results import Discarded, Measured, Tick

_Channel = tuple[str, NDArray[np.float64], NDArray[np.float64]]

REASONS: tuple[str, ...]
KINDS: tuple[str, ...]

@final
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
        sigma_anchor_m: float = ...,
        sigma_zero_m: float = ...,
        sigma_scale: float = ...,
        stray_m: float = ...,
    ) -> None: ...
    def push(
        self, channel: int, time_s: NDArray[np.float64], value: NDArray[np.float64]
    ) -> list[Measured | Discarded | Tick]: ...
    def feed(self, samples: Sequence[_Channel]) -> list[Measured | Discarded | Tick]: ...
    def finish(self) -> list[Measured | Discarded | Tick]: ...
    def begin_set(self) -> None: ...
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
    def adrift(self) -> tuple[str, float] | None: ...
    @property
    def below_reel(self) -> bool: ...
    @property
    def taken(self) -> tuple[int, int]: ...
    @property
    def place(self) -> float: ...
    @property
    def velocity(self) -> float: ...
