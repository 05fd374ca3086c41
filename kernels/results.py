"""What a rep counter says: measured candidates, movements that were none, and the stream at its ticks."""

from typing import NamedTuple


class Measured(NamedTuple):
    """One candidate at one moment; `rep.rom_m` is `rep.numbers["rom_m"]`.

    The numbers are the fields of kernels._window.Measures, in SI, NaN for "not seen": those of a rep's record
    by its own names, and `size`, `bottom`, `top` in the unit of the motion coordinate (metres, or newtons on
    tension alone, where every metre of a record's name is a newton), `smoothing_s`.
    """

    kind: str
    candidate: int
    known_s: float
    numbers: dict[str, float]

    def __getattr__(self, name: str) -> float:
        try:
            return self.numbers[name]
        except KeyError:
            raise AttributeError(name) from None


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
