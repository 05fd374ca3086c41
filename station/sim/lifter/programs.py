"""What a lifter does around and in a set, written as pieces of movement."""

import numpy as np

from station.exercises import Profile
from station.sim.lifter.body import Lifter
from station.sim.lifter.habits import EASY, Habits
from station.sim.lifter.load import G_MPS2
from station.sim.lifter.motion import Piece, Shape
from station.sim.lifter.postures import PLATE_RADIUS_M
from station.sim.lifter.reach import Reach
from station.sim.plan import SetPlan


class Programme:
    """Writes the pieces of one set, from where the load was left to where it is left again.

    State: the pieces so far, the motion coordinate at their end, and how many reps are in them.
    """

    def __init__(
        self,
        profile: Profile,
        plan: SetPlan,
        reach: Reach,
        lifter: Lifter,
        rng: np.random.Generator,
        first_rep: int,
    ) -> None:
        self.profile = profile
        self.plan = plan
        self.technique = plan.technique
        self.reach = reach
        self.rng = rng
        self.reps = first_rep
        self.pieces: list[Piece] = []
        self.habits = Habits(profile, plan, reach, lifter, rng)
        self.from_below, self.floor = self.habits.from_below, self.habits.floor
        self._draw = self.habits.draw
        self.s_m = self.start_m = self._start()
        self.x_m = self.start_x_m = self._rack_x()

    def _start(self) -> float:
        if self.plan.approach == "none":
            return self.reach.bottom_m if self.from_below else self.reach.top_m
        return self._left(self.plan.approach)

    def _rack_x(self) -> float:
        """Where the load waits, in front of the place the sensors are set up under."""
        if self.plan.approach == "none" or self.floor or self.profile.load in ("cable", "band"):
            return 0.0
        if self.plan.approach == "floor" or self.profile.load == "none":
            return 0.2
        return -0.13 if self.profile.name == "bench-press" else 0.4

    def _left(self, way: str) -> float:
        return PLATE_RADIUS_M if way == "floor" and not self.floor else self.reach.rest_m

    def go(
        self,
        what: str,
        duration_s: float,
        to_m: float | None = None,
        *,
        held: float | None = None,
        shape: Shape = EASY,
        rep: int | None = None,
        walk_m: float = 0.0,
        steps: int = 0,
        sway_m: float = 0.0,
        impact: bool = False,
    ) -> None:
        """Add a piece that ends at s = `to_m` (None: stays), carrying `held` of the load at its end."""
        delta = 0.0 if to_m is None else to_m - self.s_m
        if held is None:
            held = self.pieces[-1].held if self.pieces else 0.0
        self.pieces.append(Piece(what, duration_s, delta, shape, rep, walk_m, steps, held, sway_m, impact))
        self.s_m += delta
        self.x_m += walk_m

    def write(self, before_s: float, came_from: tuple[float, float] | None) -> list[Piece]:
        """The whole set: `before_s` of rest from where the load was left, approach, reps, way back.

        `came_from`: s and x of the load at the end of the set before.
        """
        goal = (self.start_m, self.start_x_m)
        if came_from is not None and max(abs(np.subtract(came_from, goal))) > 0.001:
            self.s_m, self.x_m = self.start_m, self.start_x_m = came_from
            self.go("rest", before_s / 2, held=0.0)
            self.go("moved", 2.5, goal[0], walk_m=goal[1] - came_from[1])
            self.go("rest", before_s / 2)
        elif before_s > 0.0:
            self.go("rest", before_s, held=1.0 if self.plan.approach == "none" else 0.0)
        if self.plan.reps:
            self._approach()
            self._handle()
            for k in range(self.plan.reps):
                if self.from_below:
                    self._rep_from_below(k)
                else:
                    self._rep_from_above(k)
            self._return()
        return self.pieces

    def _approach(self) -> None:
        draw, way = self._draw, self.plan.approach
        if way == "none":
            self.go("settle", draw(0.5, 1.5), held=0.0 if self.floor else 1.0)
            return
        self.go("idle", draw(1.0, 2.5), held=0.0)
        if self.floor:
            if self.plan.fidget:
                self._fidget(0.008, draw(1.0, 2.0))
            self.go("settle", draw(0.8, 1.5))
            return
        if self.profile.load in ("cable", "band"):
            target = self.reach.bottom_m if self.from_below else self.reach.top_m
            self.go("walk-out", draw(1.8, 3.2), target, held=1.0, steps=3)
        elif way == "floor" or self.profile.load == "none":
            self.go("settle", 0.4, held=1.0)
            self.go("pick-up", draw(0.9, 2.0), self.reach.top_m)
            self.go("settle", 0.3)
            self.go("walk-out", draw(0.8, 1.6), walk_m=self._to_place(), steps=2)
        else:
            self.go("settle", 0.4, held=1.0)
            self.go("unrack", draw(0.5, 1.0), self.reach.top_m + draw(0.0, 0.01))
            if self.profile.name == "bench-press":
                self.go("walk-out", draw(0.6, 1.2), self.reach.top_m, walk_m=self._to_place())
            else:
                seconds = draw(1.4, 2.6)
                self.go("walk-out", seconds, self.reach.top_m, walk_m=self._to_place(), steps=3)
        self.go("settle", draw(0.8, 1.5))
        if self.plan.fidget:
            self._fidget(draw(0.02, 0.04), draw(0.5, 1.0))
        self.go("settle", draw(0.3, 1.2))

    def _to_place(self) -> float:
        """The way to where the lifter lifts, a few centimetres off the marked place."""
        return float(self.rng.normal(0.0, 0.02)) - self.x_m

    def _fidget(self, size_m: float, seconds: float) -> None:
        home = self.s_m
        away = size_m if self.floor or self.from_below else -size_m
        self.go("fidget", seconds, home + away)
        self.go("fidget", seconds, home)

    def _handle(self) -> None:
        """What is done with the load before the set, there and back, and is no rep of it."""
        draw, home = self._draw, self.s_m
        away = (self.reach.top_m - self.reach.bottom_m) * (1.0 if self.from_below else -1.0)
        for _ in range(self.plan.handled):
            # put down on blocks and taken up again; from below, taken up and put down again
            self.go("moved", draw(0.9, 2.2), home + draw(0.6, 1.2) * away, held=1.0)
            self.go("idle", draw(4.0, 9.0), held=1.0 if self.from_below else 0.0)
            self.go("moved", draw(0.9, 2.2), home + float(self.rng.normal(0.0, 0.01)), held=1.0)
            self.go("settle", draw(2.0, 14.0))
        if self.plan.quick_pull:
            turn = home + draw(0.6, 1.4) * away
            lift_m, slower = abs(away), draw(0.6, 1.2)
            aimed = self.habits.lifting(lift_m, 0)[0]
            quick_s = max(0.25, aimed / draw(2.5, 4.5))
            self.go("moved", quick_s if self.from_below else slower, turn, held=1.0)
            self.go("moved", slower if self.from_below else quick_s, home)
            self.go("settle", draw(6.0, 11.0))

    def _return(self) -> None:
        draw, way = self._draw, self.plan.leave
        if way == "none" or self.technique.failed_last:
            return
        goal = self._left(way)
        if self.floor:
            self.go("idle", draw(1.0, 2.0), held=0.0)
            return
        if self.profile.load in ("cable", "band"):
            self.go("walk-in", draw(1.5, 2.8), goal - 0.02, steps=2)
            self.go("idle", draw(1.0, 2.0), goal, held=0.0)
            return
        away = self.x_m - self._rack_x()
        if way == "floor" or self.profile.load == "none":
            self.go("walk-in", draw(0.8, 1.6), walk_m=-away, steps=2)
            self.go("set-down", draw(0.8, 1.8), goal)
        else:
            steps = 0 if self.profile.name == "bench-press" else 3
            self.go("walk-in", draw(1.2, 2.4), self.reach.lockout_m + 0.005, walk_m=-away, steps=steps)
            self.go("re-rack", draw(0.4, 0.9), goal)
        self.go("idle", 0.3, held=0.0)
        self.go("idle", draw(1.0, 2.0))

    def _lift(self, to_m: float, k: int, rep: int) -> None:
        """The concentric, with a hitch or a stall in it where the technique says so."""
        seconds, shape = self.habits.lifting(to_m - self.s_m, k)
        technique, start = self.technique, self.s_m
        if technique.failed_last and k == self.plan.reps - 1:
            self.go("concentric", seconds, start + 0.42 * (to_m - start), rep=rep, shape=Shape(1.2, 1.0))
            return
        if not (technique.hitch_m or technique.stall_s):
            self.go("concentric", seconds, to_m, rep=rep, shape=shape)
            return
        part = self._draw(0.3, 0.65)
        self.go("concentric", seconds * part, start + part * (to_m - start), rep=rep, shape=Shape(1.0, 0.8))
        if technique.hitch_m:
            dip_s = max(0.18, technique.hitch_m / 0.15)
            self.go("concentric", dip_s, self.s_m - technique.hitch_m, rep=rep, shape=Shape())
        if technique.stall_s:
            self.go("concentric", technique.stall_s, rep=rep)
        self.go("concentric", seconds * (1.0 - part), to_m, rep=rep, shape=Shape(0.8, 1.5))

    def _rep_from_above(self, k: int) -> None:
        rep, technique, last = self.reps, self.technique, k == self.plan.reps - 1
        self.reps += 1
        bottom, top = self.habits.targets(k)
        seconds, shape = self.habits.lowering(self.s_m - bottom)
        self.go("eccentric", seconds, bottom, rep=rep, shape=shape)
        if technique.bounce_m:
            self.go("bottom", 0.2, bottom + technique.bounce_m, rep=rep, shape=Shape(1.0, 1.0))
            self.go("bottom", 0.2, bottom, rep=rep, shape=Shape(1.0, 1.0))
        pause = self.habits.pause(self.habits.tempo[1], 0.0, 0.6)
        if self.plan.dead_stop:
            self.go("bottom", 0.3 + 0.5 * pause, rep=rep, held=0.0)
            self.go("bottom", 0.3 + 0.5 * pause, rep=rep, held=1.0)
        elif pause > 0.0:
            self.go("bottom", pause, rep=rep)
        self._lift(top, k, rep)
        if technique.failed_last and last:
            self._give_up(bottom)
            return
        pause = self.habits.pause(self.habits.tempo[3], 0.1, 1.4) + (self._draw(0.8, 1.5) if last else 0.0)
        if pause > 0.0:
            self.go("top", pause, sway_m=self.plan.top_sway_m)

    def _give_up(self, pins_m: float) -> None:
        """Down to the pins, out from under the bar, and spotters carry it back to the rack."""
        self.go("set-down", self._draw(0.8, 1.5), pins_m)
        self.go("idle", 0.4, held=0.0)
        self.go("idle", self._draw(6.0, 12.0))
        home = self._rack_x() - self.x_m
        self.go("re-rack", self._draw(3.0, 5.0), self.reach.rest_m, walk_m=home, steps=3)
        self.go("idle", 1.0)

    def _rep_from_below(self, k: int) -> None:
        rep, technique, last = self.reps, self.technique, k == self.plan.reps - 1
        self.reps += 1
        bottom, top = self.habits.targets(k)
        touch_and_go = self.habits.tempo[1] == 0.0 and k > 0
        if self.floor and not touch_and_go:
            self.go("bottom", self._draw(0.25, 0.6), held=1.0)
        self._lift(top, k, rep)
        pause = self.habits.pause(self.habits.tempo[3], 0.1, 1.0)
        if pause > 0.0:
            self.go("top", pause, rep=rep, sway_m=self.plan.top_sway_m)
        if technique.drop_last and last:
            self._drop(bottom)
            return
        seconds, shape = self.habits.lowering(self.s_m - bottom)
        self.go("eccentric", seconds, bottom, rep=rep, shape=shape)
        if technique.bounce_m:
            self.go("bottom", 0.12, bottom + technique.bounce_m, shape=Shape(0.5, 1.0))
            self.go("bottom", 0.12, bottom, shape=Shape(1.0, 0.5))
        pause = self.habits.pause(self.habits.tempo[1], 0.0, 1.2)
        if self.floor and not (self.habits.tempo[1] == 0.0 and not last):
            self.go("bottom", 0.15, held=0.1)
        if pause > 0.0:
            self.go("bottom", pause)

    def _drop(self, floor_m: float) -> None:
        """Let go: free fall, then bounces as rubber discs give them."""
        self.go("top", 0.3, held=1.0, impact=True)
        self.go("top", 0.05, held=0.0, impact=True)
        self._ballistic("dropped", self.s_m - floor_m, floor_m, falling=True)
        height = self._draw(0.08, 0.165)
        for _ in range(3):
            self._ballistic("bounce", height, floor_m + height, falling=False)
            self._ballistic("bounce", height, floor_m, falling=True)
            height *= 0.12
        self.go("idle", 0.5, impact=True)

    def _ballistic(self, what: str, height_m: float, to_m: float, *, falling: bool) -> None:
        seconds = float(np.sqrt(2.0 * height_m / G_MPS2))
        self.go(what, seconds, to_m, shape=Shape(1.0, 0.0) if falling else Shape(0.0, 1.0), impact=True)
