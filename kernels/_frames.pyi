import numpy as np
from numpy.typing import NDArray

class Frames:
    hellos: list[tuple[int, bytes]]
    statuses: list[tuple[int, bytes]]

    def __len__(self) -> int: ...
    @property
    def boot_id(self) -> list[int]: ...
    @property
    def t_us(self) -> list[int]: ...
    @property
    def span_us(self) -> list[int]: ...
    @property
    def samples(self) -> list[NDArray[np.void]]: ...

class FrameDecoder:
    frames: int
    frames_lost: int
    frames_corrupt: int
    frames_repeated: int
    frames_unsupported: int
    unsupported_version: int
    resets: int
    bytes_discarded: int

    def feed(self, data: bytes) -> Frames: ...
    def restart(self) -> None: ...
