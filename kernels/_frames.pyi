from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

class Frames(NamedTuple):
    boot_id: NDArray[np.uint32]
    t_us: NDArray[np.uint32]
    span_us: NDArray[np.uint32]
    samples: NDArray[np.int32]
    channel: NDArray[np.uint8]
    age_us: NDArray[np.uint32]
    counts: NDArray[np.float64]
    hellos: list[tuple[int, bytes]]

class FrameDecoder:
    frames: int
    frames_lost: int
    frames_corrupt: int
    frames_repeated: int
    frames_unsupported: int
    resets: int
    bytes_discarded: int

    def feed(self, data: bytes) -> Frames: ...
    def restart(self) -> None: ...
