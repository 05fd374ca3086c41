from typing import final

import numpy as np
from numpy.typing import NDArray

@final
class Resampler:
    newest: int
    bins: int
    taken: int
    adrift: bool
    step: float
    stale: int
    spikes: int
    shifts: int
    disordered: int
    gaps: int
    def __init__(
        self, max_rate: float, max_curve: float, tolerance: float, least: float = ..., max_gap_s: float = ...
    ) -> None: ...
    def push(self, time_s: NDArray[np.float64], value: NDArray[np.float64]) -> None: ...
    def grid(self, first: int, last: int) -> NDArray[np.float64]: ...
