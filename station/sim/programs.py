"""What a lifter does around and in a set: pieces of movement for each kind of exercise."""

import numpy as np

from station.exercises import Profile
from station.sim.body import Lifter, Technique
from station.sim.motion import Piece, Shape
from station.sim.reach import Reach


class Programme:
    """Writes the pieces of one or more sets; s is kept so that errors never accumulate."""

    def __init__(
        self, profile: Profile, reach: Reach, lifter: Lifter, technique: Technique, rng: np.random.Generator
    ) -> None:
        self.profile, self.reach, self.lifter, self.technique, self.rng = (
            profile,
            reach,
            lifter,
            technique,
            rng,
        )
        self.pieces: list[Piece] = []
        self.reps = 0
        self.s_m = self.start_m = reach.rest_m

    def begin_in_position(self) -> None:
        """Start with the load already held where the first rep begins."""
        below = self.profile.starts_with == "concentric"
        self.s_m = self.start_m = self.reach.bottom_m if below else self.reach.lockout_m

    def _draw(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def go(self, what: str, duration_s: float, to_m: float | None = None, **rest: object) -> None:
        """Add a piece that ends at s = `to_m` (stays where it is if None)."""
        delta = 0.0 if to_m is None else to_m - self.s_m
        held = rest.pop("held", self.pieces[-1].held if self.pieces else 0.0)
        drift = rest.pop("drift_m", self.pieces[-1].drift_m if self.pieces else 0.0)
        self.pieces.append(Piece(what, duration_s, delta, held=held, drift_m=drift, **rest))  # type: ignore[arg-type]
        self.s_m += delta

    def a_set(self, reps: int, *, approach: bool = True, leave: bool = True) -> None:
        """Approach, reps, and the way back."""
        if approach:
            self._approach()
        else:
            self.begin_in_position()
            self.go("settle", self._draw(0.5, 1.5), held=0.0 if self.profile.name == "deadlift" else 1.0)
        concentric_first = self.profile.starts_with == "concentric"
        for k in range(reps):
            if concentric_first:
                self._rep_from_below(k, reps)
            else:
                self._rep_from_above(k, reps)
        if leave:
            self._return()

    def _approach(self) -> None:
        draw, name = self._draw, self.profile.name
        self.go("idle", draw(1.0, 2.5), held=0.0)
        if name == "deadlift":
            self.go("settle", draw(0.8, 1.5))
        elif self.profile.load in ("cable", "band"):
            low = self.profile.starts_with == "concentric"
            target = self.reach.bottom_m if low else self.reach.top_m
            self.go("walk-out", draw(1.8, 3.2), target, held=1.0, steps=3, shape=Shape(1.2, 1.6))
            self.go("settle", draw(1.0, 2.5))
        elif self.profile.load == "none":
            self.go("pick-up", draw(0.8, 1.6), self.reach.top_m, held=1.0)
            self.go("settle", draw(1.0, 2.5))
        else:
            self.go("settle", 0.4, held=1.0)
            self.go("unrack", draw(0.5, 1.0), self.reach.top_m + draw(0.0, 0.01))
            away = 0.15 if name == "bench-press" else -draw(0.4, 0.8)
            self.go("walk-out", draw(1.4, 2.6), self.reach.top_m, walk_m=away, steps=3)
            self.go("settle", draw(0.8, 2.5))

    def _return(self) -> None:
        draw, name = self._draw, self.profile.name
        if name == "deadlift":
            self.go("idle", draw(1.0, 2.0), held=0.0)
            return
        if self.profile.load in ("cable", "band"):
            self.go("walk-in", draw(1.5, 2.8), self.reach.rest_m - 0.02, steps=2, held=0.0, impact=True)
            self.go("idle", draw(1.0, 2.0))
            return
        if self.profile.load == "none":
            self.go("set-down", draw(0.8, 1.6), self.reach.rest_m, held=0.0)
            self.go("idle", draw(1.0, 2.0))
            return
        away = sum(piece.walk_m for piece in self.pieces)
        self.go("walk-in", draw(1.2, 2.4), self.reach.top_m + 0.005, walk_m=-away, steps=3)
        self.go("re-rack", draw(0.4, 0.9), self.reach.rest_m)
        self.go("idle", draw(1.0, 2.0), held=0.0)

    def _seconds(self, aimed_s: float) -> float:
        spread = self.lifter.steadiness
        return max(0.25, aimed_s * float(np.exp(self.rng.normal(0.0, spread))))

    def _targets(self, k: int, reps: int) -> tuple[float, float]:
        """This rep's bottom and top."""
        reach, lifter, draw = self.reach, self.lifter, self.rng.normal
        rom = reach.top_m - reach.bottom_m
        top = reach.lockout_m + float(draw(0.0, 0.003))
        bottom = reach.bottom_m + rom * abs(float(draw(0.0, lifter.range_spread)))
        if self.profile.starts_with == "concentric":
            floor = self.profile.name == "deadlift"
            bottom = reach.bottom_m if floor else reach.bottom_m + float(draw(0.0, 0.004))
        if k + 1 in self.technique.partial_reps:
            share = self.technique.partial_share
            if self.profile.starts_with == "concentric":
                top = bottom + share * (top - bottom)
            else:
                bottom = top - share * (top - bottom)
        return bottom, top

    def _lowering(self, to_m: float) -> tuple[float, Shape]:
        tempo = self.profile.tempo.eccentric_s
        aimed = tempo if tempo else abs(self.s_m - to_m) / self.lifter.eccentric_mps
        kind = self.rng.integers(3)
        shape = (
            Shape(self._draw(0.3, 0.8), self._draw(0.4, 1.0)),
            Shape(self._draw(1.2, 2.2), self._draw(1.2, 2.2)),
            Shape(self._draw(1.0, 1.6), self._draw(0.4, 0.8)),
        )[kind]
        return self._seconds(max(0.5, aimed)) * self.technique.rush, shape

    def _lifting(self, to_m: float, k: int, reps: int) -> tuple[float, Shape]:
        tempo = self.profile.tempo.concentric_s
        aimed = tempo if tempo else abs(to_m - self.s_m) / self.lifter.speed_mps
        tired = (k / max(1, reps - 1)) ** 1.5
        aimed *= 1.0 + self.lifter.fatigue * tired
        sticking = min(0.85, self.lifter.sticking * (0.5 + 0.8 * tired))
        shape = Shape(
            self._draw(0.6, 1.6), self._draw(0.9, 2.4), sticking, self._draw(0.3, 0.55), self._draw(0.1, 0.18)
        )
        return self._seconds(max(0.4, aimed)), shape

    def _hold(self, aimed_s: float | None, low: float, high: float) -> float:
        return (
            self._draw(low, high) if aimed_s is None else max(0.0, aimed_s + float(self.rng.normal(0, 0.1)))
        )

    def _lift(self, to_m: float, k: int, reps: int, rep: int) -> None:
        """The concentric, with a stall or a hitch in it where the technique says so."""
        seconds, shape = self._lifting(to_m, k, reps)
        technique = self.technique
        if technique.failed_last and k == reps - 1:
            self.go(
                "concentric", seconds, self.s_m + 0.42 * (to_m - self.s_m), rep=rep, shape=Shape(1.2, 1.0)
            )
            return
        if technique.hitch_m or technique.stall_s:
            part = self._draw(0.35, 0.6)
            self.go(
                "concentric",
                seconds * part,
                self.s_m + part * (to_m - self.s_m),
                rep=rep,
                shape=Shape(1.2, 1.0),
            )
            if technique.hitch_m:
                self.go("concentric", 0.25, self.s_m - technique.hitch_m, rep=rep)
            if technique.stall_s:
                self.go("concentric", technique.stall_s, rep=rep)
            self.go("concentric", seconds * (1 - part), to_m, rep=rep, shape=Shape(1.0, 1.5))
            return
        self.go("concentric", seconds, to_m, rep=rep, shape=shape)

    def _rep_from_above(self, k: int, reps: int) -> None:
        rep, tempo, technique = self.reps, self.profile.tempo, self.technique
        self.reps += 1
        bottom, top = self._targets(k, reps)
        seconds, shape = self._lowering(bottom)
        self.go("eccentric", seconds, bottom, rep=rep, shape=shape)
        if technique.bounce_m:
            self.go("bottom", 0.22, bottom + technique.bounce_m, rep=rep)
            self.go("bottom", 0.22, bottom, rep=rep)
        pause = self._hold(tempo.bottom_pause_s, 0.0, 0.6)
        if pause > 0.02:
            self.go("bottom", pause, rep=rep)
        self._lift(top, k, reps, rep)
        if technique.failed_last and k == reps - 1:
            self.go("set-down", self._draw(0.8, 1.5), bottom)
            self.go("rest", 2.0)
            self.go("pick-up", self._draw(1.5, 2.5), self.reach.top_m)
        pause = self._hold(tempo.top_pause_s, 0.1, 1.4) + (self._draw(0.8, 1.5) if k == reps - 1 else 0.0)
        self.go("top", max(0.03, pause))

    def _rep_from_below(self, k: int, reps: int) -> None:
        rep, tempo = self.reps, self.profile.tempo
        self.reps += 1
        bottom, top = self._targets(k, reps)
        floor = self.profile.name == "deadlift"
        if floor:
            self.go("bottom", self._draw(0.25, 0.6), held=1.0)
        self._lift(top, k, reps, rep)
        self.go("top", max(0.05, self._hold(tempo.top_pause_s, 0.1, 1.0)), rep=rep)
        seconds, shape = self._lowering(bottom)
        self.go("eccentric", seconds, bottom, rep=rep, shape=shape, impact=floor, held=0.6 if floor else 1.0)
        self.go("bottom", max(0.03, self._hold(tempo.bottom_pause_s, 0.0, 1.2)), held=0.2 if floor else 1.0)
