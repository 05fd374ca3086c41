from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kernels._frames import Frames

class ChannelSplit:
    def __init__(
        self,
        boot_id: int,
        limits: NDArray[np.float64],
        scales: NDArray[np.float64],
        newest_us: Sequence[int],
    ) -> None: ...
    @property
    def newest_us(self) -> list[int]: ...
    def split(
        self, frames: Frames, session_us: list[int], start: int, stop: int
    ) -> tuple[list[tuple[int, NDArray[np.float64], NDArray[np.float64], int, float]], int]: ...

class Dither:
    n: int
    known: int
    moved: int
    turns: int
    at: int
    first_s: float
    newest_s: float
    value_s: float
    moved_s: float
    def take(self, time_s: NDArray[np.float64], value: NDArray[np.float64]) -> float: ...
    def begin(self) -> None: ...
