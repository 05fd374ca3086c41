import numpy as np
from numpy.typing import NDArray

from kernels._frames import Frames

def split_channels(
    frames: Frames,
    session_us: NDArray[np.int64],
    start: int,
    stop: int,
    boot_id: int,
    limits: NDArray[np.float64],
    newest_us: NDArray[np.int64],
) -> tuple[list[tuple[int, NDArray[np.float64], NDArray[np.float64], int]], int]: ...
