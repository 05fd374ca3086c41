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
