"""Sessions at a bar: from a rack or from the floor, and what people do with a bar when they do not lift."""

from dataclasses import dataclass

import numpy as np

from tests.second_simulator.lifters import Lifter, floor_rep, hinge_rep, some_lifter
from tests.second_simulator.strokes import Rng, bounces, driven, timed
from tests.second_simulator.track import Track

_UNSEEN_M = 0.05
FLOOR_M = 0.225  # the middle of a bar on 45 cm plates


@dataclass
class Scene:
    """What happened at a station, before anything measured it."""

    exercise: str
    station: str  # barbell, cable, band
    track: Track
    load_kg: float
    body_kg: float
    lockout_m: float
    rom_m: float
    travel_ratio: float = 1.0
    stack_kg: tuple[float, ...] = ()
    band: tuple[float, float, float] = (0.0, 0.0, 0.0)  # N, length at rest m, loss s/m
    loose_sets: bool = False  # nobody can say where a set ends

    @property
    def up_first(self) -> bool:
        return self.exercise in {"deadlift", "cable-row"}


def _load_kg(rng: Rng, exercise: str, who: Lifter) -> float:
    if exercise == "broomstick-hinge":
        return 0.4
    most = {"bench-press": 120.0, "good-morning": 90.0}.get(exercise, 200.0)
    return float(np.clip(np.round(who.load * rng.uniform(0.5, 1.0) * most / 2.5) * 2.5, 20.0, 260.0))


def _reps_of(rng: Rng) -> int:
    often = [0.06, 0.06, 0.11, 0.24, 0.15, 0.19, 0.12, 0.05, 0.02]
    return int(rng.choice([1, 2, 3, 5, 6, 8, 10, 12, 20], p=often))


def _rest(track: Track, seconds: float, *, floor: bool) -> None:
    """Between sets: mostly nothing, now and then somebody is at the bar. The bar ends where it was."""
    rng = track.rng
    track.carried = 0.0
    until = track.count + round(1000 * seconds)
    track.hold(rng.uniform(2.0, 6.0))
    while track.count < until:
        what = rng.random()
        if what < 0.2:  # tried, lifted off a little
            by = rng.uniform(0.01, 0.06)
            track.note("tries the bar")
            track.move(by, rng.uniform(0.3, 0.9))
            track.hold(rng.uniform(0.0, 1.5))
            track.move(-by, rng.uniform(0.3, 0.9))
        elif what < 0.3 and floor:  # jacked up for plates
            by = rng.uniform(0.02, 0.06)
            track.note("jacks it up")
            track.move(by, rng.uniform(0.5, 1.5))
            track.hold(rng.uniform(3.0, 8.0))
            track.move(-by, rng.uniform(0.5, 1.5))
        elif what < 0.45:  # rolled or pushed, plates put on
            track.note("rolls it")
            by = rng.uniform(-0.06, 0.06)
            count = round(1000 * rng.uniform(0.6, 2.0))
            there = track.aside_m + timed(by, count / 1000.0)
            track.go(np.zeros(count), there[:count])
            track.hold(rng.uniform(0.5, 2.0))
            back = track.aside_m + timed(-by, count / 1000.0)
            track.go(np.zeros(count), back[:count])
        elif what < 0.5 and floor:  # carried a step
            by = rng.uniform(0.06, 0.14)
            track.note("carries it a step")
            track.move(by, rng.uniform(0.5, 1.0))
            track.walk(0.0, rng.uniform(1.0, 3.0), rng.uniform(0.003, 0.015))
            track.move(-by, rng.uniform(0.5, 1.0))
        elif what < 0.6:  # shaken
            track.note("shakes it")
            at = np.arange(1, round(1000 * rng.uniform(0.5, 2.0))) * 0.001
            ends = np.clip(np.minimum(at, at[-1] - at) / 0.2, 0.0, 1.0)
            track.go(rng.uniform(0.002, 0.01) * np.sin(2 * np.pi * rng.uniform(1.0, 3.0) * at) * ends)
        track.hold(rng.uniform(2.0, 8.0))


def _ready(track: Track, who: Lifter) -> None:
    """Stands with the bar before the first rep; some bend a little and come back."""
    rng = track.rng
    track.hold(rng.uniform(0.35, 3.0), rng.uniform(0.0, 0.003))
    for _ in range(int(rng.choice([0, 1, 2], p=[0.75, 0.17, 0.08]))):
        by = rng.uniform(0.04, 0.22) * who.rom_m
        track.note("warm-up twitch")
        track.move(-by, rng.uniform(0.25, 0.7) * max(1.0, by / 0.08))
        track.move(by, rng.uniform(0.25, 0.7) * max(1.0, by / 0.08))
        track.hold(rng.uniform(0.4, 1.5))


def _hinge_set(track: Track, who: Lifter, set_number: int, reps: int | None = None) -> None:
    """The reps of a set that begins at the top; now and then with a partial one."""
    rng = track.rng
    reps, top_m = reps or _reps_of(rng), track.place_m
    track.breathes = False
    partial = (
        int(rng.integers(0, reps + 1)) if reps > 4 and who.scatter < 0.035 and rng.random() < 0.14 else None
    )
    for n in range(reps + 1):
        if n == partial:
            track.note("partial")
            hinge_rep(track, who, set_number, top_m=top_m, share=rng.uniform(0.4, 0.5))
        if n < reps:
            hinge_rep(track, who, set_number, top_m=top_m)
    track.hold(rng.uniform(0.3, 2.5))


def _lockout_m(rng: Rng, exercise: str, who: Lifter) -> float:
    if exercise == "bench-press":
        return float(rng.uniform(0.40, 0.48) + who.stature_m * rng.uniform(0.32, 0.36))
    low, high = (0.44, 0.49) if exercise == "romanian-deadlift" else (0.80, 0.84)
    return float(who.stature_m * rng.uniform(low, high))


def rack(rng: Rng, exercise: str) -> Scene:
    """Unrack, walk out, reps, walk in, re-rack, several sets, some by another lifter."""
    who = some_lifter(rng, exercise)
    lockout = _lockout_m(rng, exercise, who)
    bench = exercise == "bench-press"
    squats = exercise in {"back-squat", "bench-press"}
    hooks_below = rng.uniform(0.03, 0.10)
    if not bench and exercise != "back-squat" and rng.random() < 0.25:
        hooks_below = rng.uniform(0.1, 0.35)  # from pins
    walk = (rng.uniform(0.05, 0.22) if bench else rng.uniform(0.25, 0.7)) * rng.choice([-1.0, 1.0])
    track = Track(lockout - hooks_below, rng, aside_m=walk)
    load_kg = _load_kg(rng, exercise, who)
    scene = Scene(exercise, "barbell", track, load_kg, rng.uniform(52, 115), lockout, who.rom_m)
    _rest(track, rng.uniform(4.0, 15.0), floor=False)
    sets = int(rng.integers(1, 4))
    for number in range(1, sets + 1):
        if number > 1 and rng.random() < 0.25:
            track.note("another lifter")
            who, lockout = _another(track, exercise, hooks_below)
        who.load *= rng.uniform(0.8, 1.0)
        track.note(f"set {number}")
        # To one tether a long way out and back is a rep: nobody could be sure.
        if rng.random() < 0.1 and np.hypot(lockout, walk) - lockout < _UNSEEN_M:
            track.note("changes their mind")
            over = _unrack(track, walk, hooks_below, bench=bench)
            track.hold(rng.uniform(1.0, 6.0), 0.002)
            _re_rack(track, walk, hooks_below, over, bench=bench)
            track.carried = 0.0
            track.hold(rng.uniform(16.0, 25.0))
        over = _unrack(track, walk, hooks_below, bench=bench)
        _ready(track, who)
        if squats and rng.random() < 0.1:
            track.note("onto pins")
            who.pins_m = track.place_m - who.rom_m
        _hinge_set(track, who, number)
        while squats and rng.random() < 0.06:
            track.note("rest-pause")
            scene.loose_sets = True
            _re_rack(track, walk, hooks_below, over + track.place_m - lockout, bench=bench)
            track.carried = 0.0
            track.hold(rng.uniform(4.0, 12.0))
            over = _unrack(track, walk, hooks_below, bench=bench)
            track.hold(rng.uniform(0.5, 2.0))
            _hinge_set(track, who, number, int(rng.integers(1, 4)))
        done = sum(rep.set_number == number for rep in track.reps)
        if (
            squats and done > 3 and not scene.loose_sets and rng.random() < 0.05
        ):  # of two, the median would let the failed one count
            _fails(track, who, walk, hooks_below)
        else:
            _re_rack(track, walk, hooks_below, over + track.place_m - lockout, bench=bench)
        if number < sets:
            _rest(track, rng.uniform(18.0, 35.0), floor=False)
    _rest(track, rng.uniform(5.0, 20.0), floor=False)
    return scene


def _another(track: Track, exercise: str, hooks_below: float) -> tuple[Lifter, float]:
    """Somebody else takes over: the hooks are moved."""
    who = some_lifter(track.rng, exercise)
    lockout = _lockout_m(track.rng, exercise, who)
    track.move(lockout - hooks_below - track.place_m, 1.5)
    track.hold(track.rng.uniform(14.0, 20.0))
    return who, lockout


def _unrack(track: Track, walk: float, hooks_below: float, *, bench: bool) -> float:
    """Off the hooks and to where the lifter stands; by how much higher it was lifted than it then is."""
    rng = track.rng
    track.carried = 1.0
    over = rng.uniform(0.0, 0.03)
    track.move(hooks_below + over, rng.uniform(0.5, 1.3) * max(1.0, hooks_below / 0.15))
    if bench:
        track.go(timed(-over, 1.2), track.aside_m + timed(-walk, 1.2))
    else:
        track.hold(rng.uniform(0.2, 1.5))
        track.walk(-walk, rng.uniform(1.5, 4.0), rng.uniform(0.003, 0.03), -over)
    return float(over)


def _re_rack(track: Track, walk: float, hooks_below: float, over: float, *, bench: bool) -> None:
    """Back, over the hooks, at times against the uprights first, and down."""
    rng = track.rng
    over = max(0.0, over)
    to = track.place_m
    if bench:
        track.go(timed(over, 1.0), track.aside_m + timed(walk, 1.0))
    else:
        track.walk(walk, rng.uniform(1.5, 3.5), rng.uniform(0.003, 0.015), over)
    if rng.random() < 0.1:
        by = rng.uniform(0.02, 0.05)
        track.note("misses the hooks")
        track.move(-by, rng.uniform(0.3, 0.6))
        track.move(by, rng.uniform(0.3, 0.8))
    down = hooks_below + track.place_m - to
    track.move(-down, rng.uniform(0.4, 1.0) * max(1.0, down / 0.12))


def touching(rng: Rng) -> Scene:
    """Picked up, then every rep goes down until the plates touch the floor, and set down."""
    who = some_lifter(rng, "romanian-deadlift")
    lockout = FLOOR_M + who.stature_m * rng.uniform(0.26, 0.34)
    who.rom_m = lockout - FLOOR_M
    track = Track(FLOOR_M, rng)
    load_kg = _load_kg(rng, "romanian-deadlift", who)
    scene = Scene("romanian-deadlift", "barbell", track, load_kg, rng.uniform(52, 115), lockout, who.rom_m)
    who.scatter, who.pins_m, who.pins_s = 0.0, FLOOR_M, (0.0, 0.4)
    _rest(track, rng.uniform(4.0, 15.0), floor=True)
    sets = int(rng.integers(1, 4))
    for number in range(1, sets + 1):
        track.note(f"set {number}")
        track.carried = 1.0
        track.go(driven(lockout - FLOOR_M, min(0.85, who.load), rng, stick=who.stick, start_mps2=-2.0))
        _ready(track, who)
        _hinge_set(track, who, number)
        track.note("sets down")
        track.go(timed(FLOOR_M - track.place_m, rng.uniform(0.7, 2.0), 1.8, rng.uniform(0.5, 1.8)))
        track.carried = 0.0
        track.go(bounces(rng.uniform(0.0, 0.4), rng), hit=True)
        _rest(track, rng.uniform(18.0, 32.0), floor=True)
    return scene


def _fails(track: Track, who: Lifter, walk: float, hooks_below: float) -> None:
    """Goes down, does not get up, sinks onto the pins; after a while the bar is put back on its hooks."""
    rng = track.rng
    track.note("fails")
    way = who.lowering(who.rom_m)
    track.go(way)
    part = rng.uniform(0.2, 0.55) * who.rom_m
    track.go(timed(part, rng.uniform(0.8, 1.6)))
    track.hold(rng.uniform(0.2, 1.2))
    track.go(timed(-part - 0.02, rng.uniform(0.7, 1.5), 1.5, 1.0))
    track.carried = 0.0
    track.hold(rng.uniform(16.0, 30.0))
    track.note("back on the hooks")
    track.go(timed(who.rom_m + 0.02, 2.0), track.aside_m + timed(walk, 2.0))
    track.move(-hooks_below, 0.8)


def from_floor(rng: Rng, exercise: str) -> Scene:
    """Picked up, reps from the top, set down. The broomstick comes from a corner at any height."""
    who = some_lifter(rng, exercise)
    stick = exercise == "broomstick-hinge"
    lockout = who.stature_m * (rng.uniform(0.5, 0.9) if stick else rng.uniform(0.44, 0.49))
    begins = lockout - rng.uniform(0.25, 0.45) if stick else FLOOR_M
    track = Track(begins, rng)
    scene = Scene(
        exercise, "barbell", track, _load_kg(rng, exercise, who), rng.uniform(52, 115), lockout, who.rom_m
    )
    _rest(track, rng.uniform(4.0, 15.0), floor=not stick)
    sets = int(rng.integers(1, 4))
    fresh = who.load
    for number in range(1, sets + 1):
        who.load = fresh
        track.note(f"set {number}")
        if rng.random() < 0.08:
            track.note("changes their mind")
            track.carried = 1.0
            track.go(driven(lockout - begins, 0.6, rng, start_mps2=-2.0))
            track.hold(rng.uniform(1.0, 6.0), 0.002)
            track.move(begins - lockout, rng.uniform(0.9, 2.0))
            track.carried = 0.0
            track.hold(rng.uniform(16.0, 25.0))
        track.carried = 1.0
        track.go(driven(lockout - begins, min(0.85, who.load), rng, stick=who.stick, start_mps2=-2.0))
        if rng.random() < 0.3:
            track.walk(0.0, rng.uniform(1.0, 2.5), rng.uniform(0.003, 0.012))
        _ready(track, who)
        _hinge_set(track, who, number)
        track.note("sets down")
        track.go(timed(begins - track.place_m, rng.uniform(0.7, 2.0), 1.8, rng.uniform(0.5, 1.8)))
        track.carried = 0.0
        track.go(bounces(0.0 if stick else rng.uniform(0.0, 0.4), rng), hit=True)
        _rest(track, rng.uniform(18.0, 32.0), floor=not stick)
    return scene


def deadlifts(rng: Rng, style: str) -> Scene:
    """Sets of deadlifts: 'stop', 'go' or 'drop'."""
    who = some_lifter(rng, "deadlift")
    lockout = FLOOR_M + who.rom_m
    blocks_m = rng.uniform(0.05, max(0.06, who.rom_m - 0.27)) if rng.random() < 0.15 else 0.0
    who.rom_m -= blocks_m
    track = Track(FLOOR_M + blocks_m, rng)
    scene = Scene(
        "deadlift", "barbell", track, _load_kg(rng, "deadlift", who), rng.uniform(52, 115), lockout, who.rom_m
    )
    _rest(track, rng.uniform(5.0, 15.0), floor=True)
    sets = int(rng.integers(1, 4))
    fresh = who.load
    for number in range(1, sets + 1):
        who.load = fresh
        track.note(f"set {number}")
        track.carried = 1.0
        if rng.random() < 0.4:  # tugs at it before it goes
            for _ in range(int(rng.integers(1, 4))):
                by = rng.uniform(0.002, 0.02)
                track.move(by, rng.uniform(0.2, 0.5))
                track.move(-by, rng.uniform(0.2, 0.5))
            track.hold(rng.uniform(0.3, 2.0))
        reps = _reps_of(rng)
        partial = int(rng.integers(2, reps)) if style == "stop" and reps > 4 and rng.random() < 0.08 else None
        for n in range(reps):
            if n == partial:
                track.note("partial")
                floor_rep(track, who, number, style=style, last=False, share=rng.uniform(0.4, 0.5))
            one = style if style != "drop" or n == reps - 1 or rng.random() < 0.5 else "stop"
            floor_rep(track, who, number, style=one, last=n == reps - 1)
        _rest(track, rng.uniform(18.0, 32.0), floor=True)
    return scene


def idle(rng: Rng) -> Scene:
    """Minutes in which nobody trains: the bar is tried, moved to other hooks, put on the floor and back."""
    lockout = rng.uniform(1.2, 1.5)
    exercise = str(rng.choice(["back-squat", "romanian-deadlift", "good-morning", "deadlift"]))
    track = Track(FLOOR_M if exercise == "deadlift" else lockout, rng)
    scene = Scene(exercise, "barbell", track, 20.0, 75.0, lockout, 0.4)
    if exercise == "deadlift":  # up and down again would be one
        _rest(track, rng.uniform(180.0, 400.0), floor=True)
        return scene
    for _ in range(int(rng.integers(6, 12))):
        _rest(track, rng.uniform(18.0, 40.0), floor=False)
        by = rng.uniform(0.05, 0.9)
        by = -by if track.place_m - by > FLOOR_M and (rng.random() < 0.5 or track.place_m > 1.3) else by
        if track.place_m + by > 2.0:
            by = -by
        track.note("moves the bar")
        track.carried = 1.0
        seconds = max(0.8, abs(by) / 0.5)
        sideways = rng.uniform(-0.2, 0.2) - track.aside_m
        track.go(timed(by, seconds), track.aside_m + timed(sideways, seconds))
        track.carried = 0.0
    track.hold(15.0)
    return scene
