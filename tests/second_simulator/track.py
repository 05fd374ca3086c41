"""A motion put together from strokes: place, sideways, what is carried, and marks of what was meant."""

from dataclasses import dataclass, field

import numpy as np

from tests.second_simulator.strokes import DT_S, Floats, Rng, smoothed, sway, timed

_CORNER_S = 0.028  # muscles: voluntary motion has little above 5 Hz
_HIT_S = 0.008  # plates on a floor, a stack on its buffers
_NEAR = 70  # samples before a hit that have its corner


@dataclass
class Meant:
    """A rep as its lifter meant it, by samples of the track."""

    top: int  # before it goes down; concentric first: on the floor, before it goes up
    turn: int  # at the bottom; concentric first: held at lockout
    end: int  # held at lockout; concentric first: at rest on the floor again, or dropped
    counts: bool
    asked: bool = True  # whether the numbers are beyond dispute
    let_go: bool = False  # concentric first: dropped
    set_number: int = 1


@dataclass
class Track:
    """Grows by strokes. `place_m` is the coordinate s; `aside_m` the horizontal place; `carried` 0 or 1."""

    place_m: float
    rng: Rng
    aside_m: float = 0.0
    carried: float = 0.0
    on_platform: float = 1.0
    breathes: bool = False  # so deeply that nobody can say when it leaves the top
    count: int = 0
    reps: list[Meant] = field(default_factory=list)
    notes: list[tuple[int, str]] = field(default_factory=list)
    _places: list[Floats] = field(default_factory=list)
    _asides: list[Floats] = field(default_factory=list)
    _hits: list[tuple[int, int]] = field(default_factory=list)
    _carried: list[tuple[int, float, float]] = field(default_factory=list)

    def note(self, words: str) -> None:
        self.notes.append((self.count, words))

    def go(self, way: Floats, aside: Floats | None = None, *, hit: bool = False) -> None:
        """Move by a stroke. hit: it begins with something hard."""
        if hit:
            self._hits.append((self.count - _NEAR, self.count + len(way)))
        self._places.append(self.place_m + way)
        self._asides.append(np.full(len(way), self.aside_m) if aside is None else aside)
        self._carried.append((len(way), self.carried, self.on_platform))
        self.place_m = float(self._places[-1][-1])
        self.aside_m = float(self._asides[-1][-1])
        self.count += len(way)

    def hold(self, duration_s: float, sway_m: float = 0.0) -> None:
        if duration_s > 0.0:
            self.go(sway(max(1, round(duration_s / DT_S)), sway_m, self.rng))

    def move(self, by_m: float, duration_s: float, rise: float = 2.0, fall: float = 2.0) -> None:
        self.go(timed(by_m, duration_s, rise, fall))

    def walk(self, by_m: float, duration_s: float, bob_m: float, lift_m: float = 0.0) -> None:
        """Some steps with the bar: it goes sideways and bobs."""
        count = round(duration_s / DT_S)
        at = np.arange(1, count + 1) * DT_S
        ends = np.clip(np.minimum(at, duration_s - at) / 0.4, 0.0, 1.0)
        bob = bob_m * np.sin(2.0 * np.pi * self.rng.uniform(0.9, 1.6) * at) * ends
        self.go(bob + timed(lift_m, duration_s)[:count], self.aside_m + timed(by_m, duration_s)[:count])

    def places(self) -> Floats:
        way = np.concatenate(self._places)
        hard = np.zeros(len(way))
        for first, last in self._hits:
            hard[first:last] = 1.0
        hard = smoothed(hard, 0.015)
        return hard * smoothed(way, _HIT_S) + (1.0 - hard) * smoothed(way, _CORNER_S)

    def asides(self) -> Floats:
        return smoothed(np.concatenate(self._asides), 0.03)

    def loads(self) -> tuple[Floats, Floats]:
        """The share of the load that is carried, and whether the lifter stands on the platform."""
        carried = np.concatenate([np.full(n, c) for n, c, _ in self._carried])
        standing = np.concatenate([np.full(n, p) for n, _, p in self._carried])
        # All of it before it moves: a load that is lifted by less than m (g + a) has no impulse to move with.
        ahead = np.minimum(np.arange(len(carried)) + round(0.1 / DT_S), len(carried) - 1)
        carried = np.maximum(carried, carried[ahead])
        return smoothed(carried, 0.04), smoothed(standing, 0.1)
