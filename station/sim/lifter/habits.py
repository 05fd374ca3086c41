"""How a lifter does each phase: how long, how far and with which shape of velocity, drawn for every rep."""

import numpy as np

from station.exercises import Profile
from station.exercises.judge import asked_of
from station.sim.lifter.body import Lifter
from station.sim.lifter.motion import Shape
from station.sim.lifter.reach import Reach
from station.sim.plan import SetPlan

EASY = Shape(1.2, 1.6)


class Habits:
    """One lifter in one set. `k` is the rep's index in the set, from 0; distances are metres of s."""

    def __init__(
        self, profile: Profile, plan: SetPlan, reach: Reach, lifter: Lifter, rng: np.random.Generator
    ) -> None:
        """`tempo`: seconds aimed at in the order eccentric, bottom, concentric, top; None: as it comes."""
        self.plan = plan
        self.technique = plan.technique
        self.reach = reach
        self.lifter = lifter
        self.rng = rng
        self.from_below = profile.starts_with == "concentric"
        self.floor = profile.name == "deadlift"
        self.tempo = (None,) * 4 if plan.free_tempo else plan.tempo or asked_of(profile.tempo)

    def draw(self, low: float, high: float) -> float:
        """A number between the two."""
        return float(self.rng.uniform(low, high))

    def _seconds(self, aimed_s: float) -> float:
        return max(0.25, aimed_s * float(np.exp(self.rng.normal(0.0, self.lifter.steadiness))))

    def _share_done(self, k: int) -> float:
        return k / max(1, self.plan.reps - 1)

    def targets(self, k: int) -> tuple[float, float]:
        """This rep's bottom and top, metres of s."""
        reach, technique = self.reach, self.technique
        rom = reach.top_m - reach.bottom_m
        top = reach.lockout_m + float(self.rng.normal(0.0, 0.003))
        if self.from_below:
            bottom = reach.bottom_m + (0.0 if self.floor else float(self.rng.normal(0.0, 0.004)))
            top -= rom * abs(float(self.rng.normal(0.0, 0.5 * self.lifter.range_spread)))
        else:
            bottom = reach.bottom_m + rom * abs(float(self.rng.normal(0.0, self.lifter.range_spread)))
        lost = technique.shrink * self._share_done(k)
        if k + 1 in technique.partial_reps:
            lost = 1.0 - technique.partial_share
        if self.from_below:
            return bottom, top - lost * (top - bottom)
        return bottom + lost * (top - bottom), top

    def lowering(self, distance_m: float) -> tuple[float, Shape]:
        """Duration and shape of an eccentric."""
        aimed = self.tempo[0] or abs(distance_m) / self.lifter.eccentric_mps
        draw = self.draw
        rise, fall = (
            (draw(0.3, 0.8), draw(0.4, 1.0)),  # even
            (draw(1.2, 2.2), draw(1.2, 2.2)),  # swinging
            (draw(1.0, 1.6), draw(0.4, 0.8)),  # late brake
        )[int(self.rng.integers(3))]
        # Getting under way and stopping take their own time: what is slow is slow because it is even.
        even = min(1.0, 1.6 / aimed)
        return self._seconds(aimed) * self.technique.rush, Shape(rise * even, fall * even)

    def lifting(self, distance_m: float, k: int) -> tuple[float, Shape]:
        """Duration and shape of a concentric, slower and stickier towards the end of the set."""
        aimed = self.tempo[2] or max(0.4, abs(distance_m) / self.lifter.speed_mps)
        tired = self._share_done(k) ** 1.5
        sticking = min(0.85, self.lifter.sticking * (0.5 + 0.8 * tired))
        draw = self.draw
        shape = Shape(draw(0.6, 1.6), draw(0.9, 2.4), sticking, draw(0.3, 0.55), draw(0.1, 0.18))
        return self._seconds(aimed * (1.0 + self.lifter.fatigue * tired)), shape

    def pause(self, aimed_s: float | None, low: float, high: float) -> float:
        """Length of a hold; 0 asked for is touch and go, and stays so."""
        if aimed_s is None:
            return self.draw(low, high)
        return 0.0 if aimed_s == 0.0 else max(0.02, aimed_s * float(np.exp(self.rng.normal(0.0, 0.1))))
