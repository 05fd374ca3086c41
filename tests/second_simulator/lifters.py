"""A person: how far, how strong, with what habits; and one rep of theirs, stroke by stroke."""

from dataclasses import dataclass

import numpy as np

from tests.second_simulator.strokes import Floats, Rng, bounces, driven, dropped, steady, timed
from tests.second_simulator.track import Meant, Track

# Range of the bar over stature, least and most.
_RANGE = {
    "back-squat": (0.28, 0.40),
    "bench-press": (0.17, 0.27),
    "romanian-deadlift": (0.15, 0.28),
    "good-morning": (0.15, 0.26),
    "broomstick-hinge": (0.10, 0.24),
    "deadlift": (0.26, 0.34),
    "cable-pull-through": (0.16, 0.34),
    "cable-row": (0.20, 0.34),
}


@dataclass
class Lifter:
    """Habits of one set; `load` is of what can just be lifted and grows with fatigue."""

    rng: Rng
    stature_m: float
    rom_m: float
    load: float
    fatigue: float  # by how much of itself the load grows each rep
    lower_s: float
    lower_style: str
    bottom_s: float
    top_s: float
    stick: float
    fastest_mps: float
    aside_m: float  # how far the bar goes forward on its way
    loop_m: float  # how much less on the way up
    scatter: float  # of range, rep to rep

    def aside(self, track: Track, way: Floats, down: bool, span_m: float) -> Floats:
        """Where the bar is sideways along a stroke."""
        depth = np.clip(np.abs(way) / span_m if down else 1.0 - np.abs(way) / span_m, 0.0, 1.0)
        out = self.aside_m * depth**1.5 + (self.loop_m if down else -self.loop_m) * depth * (1.0 - depth)
        begin = self.aside_m * (0.0 if down else 1.0)
        return np.asarray(track.aside_m + out - begin)

    def lowering(self, span_m: float) -> Floats:
        """Down, to rest or into the turn."""
        rng, t = self.rng, self.lower_s * self.rng.uniform(0.85, 1.18)
        if self.lower_style == "steady":
            return steady(-span_m, t, rng.uniform(0.15, 0.4))
        if self.lower_style == "late":  # slow first, caught at the end
            return timed(-span_m, t, rng.uniform(1.5, 2.5), rng.uniform(1.0, 1.3))
        if self.lower_style == "early":
            return timed(-span_m, t, rng.uniform(1.0, 1.5), rng.uniform(1.5, 2.5))
        if self.lower_style == "halting":
            part = rng.uniform(0.35, 0.65)
            one, two = timed(-span_m * part, t * 0.5), timed(-span_m * (1.0 - part), t * 0.5)
            stop = np.full(round(1000 * rng.uniform(0.1, 0.8)), one[-1])
            return np.concatenate((one, stop, one[-1] + two))
        return timed(-span_m, t)

    def lift(self, span_m: float, *, start_mps2: float = 0.0) -> Floats:
        """Up to lockout."""
        rng = self.rng
        return driven(
            span_m,
            min(0.93, self.load * rng.uniform(0.98, 1.02)),
            rng,
            fastest_mps=self.fastest_mps,
            stick=self.stick,
            stick_at=rng.uniform(0.35, 0.6),
            start_mps2=start_mps2,
            brake_mps2=rng.uniform(1.5, 5.0),
            tau_s=rng.uniform(0.06, 0.12),
        )

    def tire(self) -> None:
        self.load = min(0.93, self.load * (1.0 + self.fatigue))


def some_lifter(rng: Rng, exercise: str) -> Lifter:
    """Anybody, from the shy beginner to the explosive and the grinder."""
    stature = float(np.clip(rng.normal(1.73, 0.10), 1.50, 2.02))
    low, high = _RANGE[exercise]
    character = rng.choice(
        ["usual", "explosive", "grinder", "careful", "hasty"], p=[0.45, 0.15, 0.12, 0.16, 0.12]
    )
    load = {
        "usual": rng.uniform(0.5, 0.85),
        "explosive": rng.uniform(0.3, 0.55),
        "grinder": rng.uniform(0.8, 0.9),
        "careful": rng.uniform(0.6, 0.8),
        "hasty": rng.uniform(0.5, 0.75),
    }[character]
    if exercise == "broomstick-hinge":
        load = rng.uniform(0.6, 0.86)
    lower_s = {
        "usual": rng.uniform(1.0, 2.2),
        "explosive": rng.uniform(0.7, 1.6),
        "grinder": rng.uniform(1.5, 3.0),
        "careful": rng.uniform(2.0, 5.0),
        "hasty": rng.uniform(0.65, 1.0),
    }[character]
    rom = stature * rng.uniform(low, high)
    return Lifter(
        rng=rng,
        stature_m=stature,
        rom_m=rom,
        load=load,
        fatigue=rng.uniform(0.0, 0.025),
        lower_s=max(lower_s, rom / 0.9),
        lower_style=str(
            rng.choice(["plain", "steady", "late", "early", "halting"], p=[0.35, 0.25, 0.2, 0.12, 0.08])
        ),
        bottom_s=float(rng.choice([0.0, rng.uniform(0.2, 1.0), rng.uniform(1.0, 3.5)], p=[0.6, 0.28, 0.12])),
        top_s=float(
            rng.choice(
                [rng.uniform(0.15, 0.6), rng.uniform(0.6, 2.5), rng.uniform(2.5, 8.0)], p=[0.3, 0.55, 0.15]
            )
        ),
        stick=rng.uniform(0.0, 0.3),
        fastest_mps=rng.uniform(2.4, 3.6),
        aside_m=rng.uniform(-0.01, 0.045),
        loop_m=rng.normal(0.0, 0.012),
        scatter=rng.uniform(0.005, 0.03),
    )


def hinge_rep(track: Track, who: Lifter, set_number: int, *, share: float = 1.0) -> None:
    """Down and up from a held lockout. share: of the lifter's range; below 0.6 it is a partial rep."""
    rng = who.rng
    span = who.rom_m * share * float(np.clip(rng.normal(1.0, who.scatter), 0.93, 1.07))
    top = track.count - 1
    way = who.lowering(span)
    bounce_m = 0.0
    touch = who.bottom_s == 0.0 or share < 1.0
    track.go(way, who.aside(track, way, True, span))
    turn = track.count - 1
    if not touch:
        track.hold(who.bottom_s * rng.uniform(0.7, 1.3), rng.uniform(0.0, 0.002))
        if rng.random() < 0.12:  # a bounce before it goes up
            bounce_m = span * rng.uniform(0.02, 0.07)
            track.move(bounce_m, rng.uniform(0.18, 0.4))
            track.move(-bounce_m, rng.uniform(0.18, 0.4))
        turn = track.count - 1
    if rng.random() < 0.06 and share == 1.0:  # it stalls or falls back on the way
        part, dip = rng.uniform(0.35, 0.65), rng.uniform(0.005, 0.04)
        dip = min(dip, 0.15 * span)
        rest_s = float(rng.choice([0.0, rng.uniform(0.1, 2.0)]))
        one = timed(span * part, rng.uniform(0.5, 1.2))
        back = one[-1] + timed(-dip, rng.uniform(0.2, 0.6))
        still = np.full(round(1000 * rest_s), back[-1])
        two = back[-1] + who.lift(span * (1.0 - part) + dip)
        way = np.concatenate((one, back, still, two))
        track.note("falls back on the way up")
    else:
        slope = np.gradient(way[-40:], 0.001)
        start = float(np.clip(np.gradient(slope, 0.001)[-10:].mean(), 0.0, 12.0)) if touch else 0.0
        way = who.lift(span, start_mps2=start)
    track.go(way, who.aside(track, way, False, span))
    end = track.count - 1
    hold_s = who.top_s * rng.uniform(0.8, 1.25)
    track.hold(min(hold_s, 9.0), rng.uniform(0.0, 0.004) if hold_s > 1.0 else 0.0)
    track.reps.append(
        Meant(top, turn, end + min(track.count - 1 - end, 150), share == 1.0, set_number=set_number)
    )
    who.tire()


def floor_rep(
    track: Track, who: Lifter, set_number: int, *, style: str, last: bool, share: float = 1.0
) -> None:
    """Up from the floor and down: 'stop' rests there, 'go' touches and goes, 'drop' lets go at the top."""
    rng = who.rng
    span = who.rom_m * share
    floor_m = track.place_m
    start = 0.0
    top = track.count - 1
    if style == "go" and track.reps and track.reps[-1].end >= track.count - 1:
        start = rng.uniform(3.0, 9.0)
    elif rng.random() < 0.35:  # the slack out of the bar
        creep_m = rng.uniform(0.003, 0.012)
        track.go(steady(creep_m, creep_m / rng.uniform(0.012, 0.04), 0.2))
        span -= creep_m
    way = who.lift(span, start_mps2=start)
    track.go(way, who.aside(track, way, False, span))
    hold_s = float(np.clip(rng.normal(0.9, 0.5), 0.15, 3.0))
    track.hold(hold_s, 0.001)
    turn = track.count - 1 - min(100, round(500 * hold_s))
    height = track.place_m - floor_m
    if style == "drop":
        track.go(dropped(height, rng), hit=True)
        track.carried = 0.0
    else:
        t = max(0.4, rng.uniform(0.4, 1.5) * (height / 0.5) ** 0.5)
        if style == "go" and not last:
            way = timed(-height, max(t, 0.6), rng.uniform(1.3, 2.2), rng.uniform(0.8, 1.2))
        else:
            way = timed(-height, t, rng.uniform(1.2, 2.2), rng.uniform(0.25, 1.5))
        track.go(way, who.aside(track, way, True, height))
        hit = min(2.0, abs(way[-1] - way[-6]) / 0.005)
        if style != "go" or last:
            track.carried = 0.0
            track.go(bounces(min(0.55, hit * rng.uniform(0.0, 0.35)), rng), hit=True)
    end = track.count - 1
    if style == "stop" or (style == "drop" and not last):
        track.hold(rng.uniform(0.3, 5.0) if style == "stop" else rng.uniform(1.5, 6.0))
        end += min(track.count - 1 - end, 250)
    elif last:
        track.hold(1.0)
        end += 250
    track.carried = 1.0
    counts = share == 1.0
    track.reps.append(Meant(top, turn, end, counts, let_go=style == "drop", set_number=set_number))
    who.tire()
