"""A person: how far, how strong, with what habits; and one rep of theirs, stroke by stroke."""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from tests.second_simulator.strokes import DT_S, Floats, G, Rng, bounces, driven, dropped, steady, timed
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
    slump: float  # by how much of the range a lockout may lack
    breath_m: float  # the bar's rise and fall with it at the top
    pins_m: float  # how high the pins are that it comes down to; 0: none
    pins_s: tuple[float, float]  # how long it rests there
    moody: bool  # rests as it comes, at the top and at the bottom
    slow_s: float  # how long a lift is drawn out; 0: as it goes
    cluster: bool  # puts some seconds between reps

    def bottom_rest_s(self) -> float:
        """How long it rests at the bottom this time; 0: it touches and goes."""
        if self.moody:
            return float(self.rng.choice([0.0, self.rng.uniform(0.3, 4.5)]))
        return min(4.5, self.bottom_s * self.rng.uniform(0.7, 1.3))

    def top_rest_s(self) -> float:
        """How long it is held at the top this time."""
        if self.cluster and self.rng.random() < 0.4:
            return float(self.rng.uniform(7.0, 9.5))
        top_s = self.rng.uniform(0.15, 5.0) if self.moody else self.top_s * self.rng.uniform(0.8, 1.25)
        return min(top_s, 9.5)

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
        if self.lower_style == "halting" and t > 1.6:
            part = rng.uniform(0.35, 0.65)
            one, two = timed(-span_m * part, t * 0.5), timed(-span_m * (1.0 - part), t * 0.5)
            stop = np.full(round(1000 * rng.uniform(0.1, 0.8)), one[-1])
            return np.concatenate((one, stop, one[-1] + two))
        return timed(-span_m, t)

    def lift(self, span_m: float, *, start_mps2: float = 0.0) -> Floats:
        """Up to lockout."""
        rng = self.rng
        if self.slow_s:
            return timed(span_m, max(1.5, self.slow_s * rng.uniform(0.9, 1.1)), 1.2, 1.2)
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
        ["usual", "explosive", "grinder", "careful", "hasty", "quick"], p=[0.42, 0.15, 0.12, 0.15, 0.1, 0.06]
    )
    load = {
        "usual": rng.uniform(0.5, 0.85),
        "explosive": rng.uniform(0.3, 0.55),
        "grinder": rng.uniform(0.8, 0.9),
        "careful": rng.uniform(0.6, 0.8),
        "hasty": rng.uniform(0.5, 0.75),
        "quick": rng.uniform(0.2, 0.35),
    }[character]
    if exercise == "broomstick-hinge":
        load = rng.uniform(0.6, 0.86)
    lower_s = {
        "usual": rng.uniform(1.0, 2.2),
        "explosive": rng.uniform(0.7, 1.6),
        "grinder": rng.uniform(1.5, 3.0),
        "careful": rng.uniform(2.0, 5.0),
        "hasty": rng.uniform(0.65, 1.0),
        "quick": rng.uniform(0.4, 0.6),
    }[character]
    rom = stature * rng.uniform(low, high)
    slow_s = rng.uniform(3.0, 9.0) if rng.random() < 0.03 else 0.0
    if slow_s:
        lower_s = rng.uniform(4.0, 9.0)
    searching = rng.random() < 0.12  # a depth of its own each rep
    return Lifter(
        rng=rng,
        stature_m=stature,
        rom_m=rom,
        load=load,
        fatigue=rng.uniform(0.0, 0.025),
        lower_s=max(lower_s, sqrt(5.77 * rom / (0.7 * G))),  # no faster than it falls
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
        scatter=rng.uniform(0.04, 0.08) if searching else rng.uniform(0.005, 0.03),
        slump=rng.uniform(0.02, 0.07) if rng.random() < 0.2 else rng.uniform(0.0, 0.01),
        moody=rng.random() < 0.12,
        pins_m=0.0,
        pins_s=(0.4, 3.0),
        slow_s=slow_s,
        cluster=rng.random() < 0.08,
        breath_m=rng.uniform(0.003, 0.012) if rng.random() < 0.1 else 0.0,
    )


def hinge_rep(track: Track, who: Lifter, set_number: int, *, top_m: float, share: float = 1.0) -> None:
    """Down and up from a held lockout. share: of the lifter's range; below 0.6 it is a partial rep."""
    rng = who.rng
    scatter = who.scatter if share == 1.0 else 0.01
    span = who.rom_m * share * float(np.clip(rng.normal(1.0, scatter), 0.86, 1.14))
    top, breathed = track.count - 1, track.breathes
    on_pins = who.pins_m > 0.0 and share == 1.0
    if on_pins:
        span = track.place_m - who.pins_m
    way = who.lowering(span)
    bottom_s = who.bottom_rest_s() if share == 1.0 else 0.0
    if on_pins:
        bottom_s = rng.uniform(*who.pins_s)
    touch = bottom_s == 0.0
    track.go(way, who.aside(track, way, True, span))
    if not touch:
        track.carried = 0.0 if on_pins else 1.0
        track.hold(bottom_s, 0.0 if on_pins else rng.uniform(0.0, 0.002))
        track.carried = 1.0
        if rng.random() < 0.12 and not on_pins and bottom_s < 3.0:  # a bounce before it goes up
            bounce_m = span * rng.uniform(0.02, 0.07)
            track.move(bounce_m, rng.uniform(0.18, 0.4))
            track.move(-bounce_m, rng.uniform(0.18, 0.4))
    turn = track.count - 1
    span = top_m - track.place_m - who.rom_m * rng.uniform(0.0, who.slump)
    if rng.random() < 0.06 and share == 1.0 and not who.slow_s:
        way = _with_a_dip(track, who, span)
    else:
        slope = np.gradient(way[-40:], DT_S)
        start = float(np.clip(np.gradient(slope, DT_S)[-10:].mean(), 0.0, 12.0)) if touch else 0.0
        way = who.lift(span, start_mps2=start)
    track.go(way, who.aside(track, way, False, span))
    end = track.count - 1
    hold_s = who.top_rest_s()
    track.breathes = who.breath_m > 0.0 and hold_s > 2.5
    track.hold(hold_s, who.breath_m if track.breathes else rng.uniform(0.0, 0.004) * (hold_s > 1.0))
    asked = not (track.breathes or breathed)
    end += min(track.count - 1 - end, 150)
    track.reps.append(Meant(top, turn, end, share == 1.0, asked, set_number=set_number))
    who.tire()


def _with_a_dip(track: Track, who: Lifter, span: float) -> Floats:
    """A lift that stalls on its way and falls back a little."""
    rng = who.rng
    track.note("falls back on the way up")
    part, dip = rng.uniform(0.35, 0.65), min(rng.uniform(0.005, 0.04), 0.15 * span)
    one = timed(span * part, rng.uniform(0.5, 1.2))
    back = one[-1] + timed(-dip, rng.uniform(0.2, 0.6))
    rest_s = float(rng.choice([0.0, rng.uniform(0.1, 2.5)]))
    still = np.full(round(1000 * rest_s), back[-1])
    return np.concatenate((one, back, still, back[-1] + who.lift(span * (1.0 - part) + dip)))


def floor_rep(
    track: Track, who: Lifter, set_number: int, *, style: str, last: bool, share: float = 1.0
) -> None:
    """Up from the floor and down: 'stop' rests there, 'go' touches and goes, 'drop' lets go at the top."""
    rng = who.rng
    span = who.rom_m * share
    floor_m, feet_m = track.place_m, track.aside_m
    start = 0.0
    top = track.count - 1
    if style == "go" and track.reps and track.reps[-1].end >= track.count - 1:
        start = rng.uniform(3.0, 9.0)
    elif rng.random() < 0.35:  # the slack out of the bar
        creep_m = rng.uniform(0.003, 0.012)
        track.go(steady(creep_m, creep_m / rng.uniform(0.012, 0.04), 0.2))
        span -= creep_m
    hitches = share == 1.0 and rng.random() < 0.05
    way = _with_a_dip(track, who, span) if hitches else who.lift(span, start_mps2=start)
    track.go(way, who.aside(track, way, False, span))
    hold_s = float(np.clip(rng.normal(0.9, 0.5), 0.15, 3.0)) if rng.random() < 0.93 else rng.uniform(3.0, 5.0)
    track.hold(hold_s, 0.001)
    turn = track.count - 1 - min(100, round(500 * hold_s))
    height = track.place_m - floor_m
    if style == "drop":
        way = dropped(height, rng)
        track.go(way, np.linspace(track.aside_m, feet_m, len(way)), hit=True)
        track.carried = 0.0
    else:
        way = _put_down(who, height, slowly=style == "go" and not last)
        track.go(way, who.aside(track, way, True, height))
        hit = min(2.0, abs(way[-1] - way[-6]) / 0.005)
        if style != "go" or last:
            track.carried = 0.0
            track.go(bounces(min(0.55, hit * rng.uniform(0.0, 0.35)), rng), hit=True)
    end = track.count - 1
    if style == "go" and not last:
        track.aside_m = feet_m
    else:
        end += 250
        rest_s = 1.0 if last else rng.uniform(1.5, 6.0) if style == "drop" else rng.uniform(0.3, 5.0)
        if who.cluster and style == "stop" and not last and rng.random() < 0.4:
            rest_s = rng.uniform(8.0, 10.5)
        count = max(260, round(1000 * rest_s))
        track.go(np.zeros(count), np.linspace(track.aside_m, feet_m, count))  # rolled back to the feet
        if not last and rng.random() < 0.1:  # tugs before the next
            by = rng.uniform(0.002, 0.015)
            track.move(by, rng.uniform(0.2, 0.5))
            track.move(-by, rng.uniform(0.2, 0.5))
            track.hold(rng.uniform(0.3, 1.0))
    track.carried = 1.0
    track.reps.append(Meant(top, turn, end, share == 1.0, let_go=style == "drop", set_number=set_number))
    who.tire()


def _put_down(who: Lifter, height: float, *, slowly: bool) -> Floats:
    """A lowering to the floor in 0.4 to 1.5 s, in which the lifter carries at least 0.35 of the weight."""
    rng = who.rng
    t = rng.uniform(0.6 if slowly else 0.4, 1.5)
    rise, fall = rng.uniform(1.2, 2.2), rng.uniform(0.8, 1.2) if slowly else rng.uniform(0.25, 1.5)
    while True:
        way = timed(-height, t, rise, fall)
        speed = np.gradient(way, DT_S)
        if np.gradient(speed, DT_S)[: int(0.8 * len(way))].min() > -0.65 * G:
            break
        t *= 1.05
    if rng.random() < 0.08:  # by way of the knees
        part = rng.uniform(0.4, 0.7)
        one, two = timed(-height * part, max(0.6, t * 0.6)), timed(-height * (1.0 - part), max(0.5, t * 0.6))
        way = np.concatenate((one, np.full(round(1000 * rng.uniform(0.1, 1.0)), one[-1]), one[-1] + two))
    return way
