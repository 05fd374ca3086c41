"""Sessions at a cable stack and at a band."""

import numpy as np

from tests.second_simulator.barbell import Scene, _ready, _reps_of
from tests.second_simulator.lifters import Lifter, hinge_rep, some_lifter
from tests.second_simulator.strokes import DT_S, Floats, Rng, bounces, smoothed, timed
from tests.second_simulator.track import Meant, Track

PLATES_KG = tuple(float(kg) for kg in np.arange(5.0, 100.1, 5.0))


def _stack_rest(track: Track, seconds: float) -> None:
    """Between sets: the handle is tugged, the stack lifted a little and let down."""
    rng = track.rng
    track.carried = 0.0
    until = track.count + round(1000 * seconds)
    track.hold(rng.uniform(2.0, 6.0))
    while track.count < until:
        if rng.random() < 0.3:
            track.note("tugs at the handle")
            by = rng.uniform(0.01, 0.05)
            track.carried = 1.0
            track.move(by, rng.uniform(0.3, 0.8))
            track.hold(rng.uniform(0.0, 1.0))
            track.move(-by, rng.uniform(0.3, 0.8))
            track.carried = 0.0
        track.hold(rng.uniform(2.0, 8.0))


def _take_up(track: Track) -> None:
    """The slack out of the cable: the tension comes, the stack stays."""
    track.carried = 1.0
    track.hold(track.rng.uniform(0.3, 1.0))


def pull_through(rng: Rng) -> Scene:
    """Handle taken up, walked out, hinges, walked back, stack down."""
    who = some_lifter(rng, "cable-pull-through")
    who.lower_s = max(who.lower_s, 0.6)
    ratio = float(rng.choice([1.0, 2.0], p=[0.7, 0.3]))
    lockout = who.rom_m + rng.uniform(0.12, 0.35)
    track = Track(0.0, rng)
    kg = float(rng.choice(PLATES_KG[1:14]))
    scene = Scene(
        "cable-pull-through", "cable", track, kg, rng.uniform(52, 115), lockout, who.rom_m, ratio, PLATES_KG
    )
    _stack_rest(track, rng.uniform(4.0, 12.0))
    sets = int(rng.integers(1, 4))
    for number in range(1, sets + 1):
        track.note(f"set {number}")
        if rng.random() < 0.08:
            track.note("changes their mind")
            _take_up(track)
            track.walk(0.0, rng.uniform(1.8, 4.0), rng.uniform(0.0, 0.012), lockout)
            track.hold(rng.uniform(1.0, 6.0), 0.002)
            track.move(-track.place_m, rng.uniform(1.0, 2.0))
            track.carried = 0.0
            track.hold(rng.uniform(16.0, 25.0))
        _take_up(track)
        track.walk(0.0, rng.uniform(1.8, 4.0), rng.uniform(0.0, 0.012), lockout)
        _ready(track, who)
        reps = _reps_of(rng)
        track.breathes = False
        top_m = lockout
        for _ in range(reps):
            hinge_rep(track, who, number, top_m=top_m)
            if rng.random() < 0.03:
                track.note("steps forward")
                by = rng.uniform(0.02, 0.06)
                track.reps[-1].asked, track.breathes = False, True
                track.move(by, rng.uniform(0.5, 1.0))
                track.hold(rng.uniform(0.5, 2.0))
                top_m += by
        track.hold(rng.uniform(0.5, 2.0))
        _let_back(track, number, sets)
    return scene


def _let_back(track: Track, number: int, sets: int) -> None:
    rng = track.rng
    track.note("lets it back")
    track.go(
        timed(-track.place_m, max(0.9, track.place_m * rng.uniform(1.2, 2.2)), 2.0, rng.uniform(0.6, 2.0))
    )
    track.go(bounces(rng.uniform(0.0, 0.3), rng), hit=True)
    _stack_rest(track, rng.uniform(18.0, 30.0) if number < sets else rng.uniform(5.0, 15.0))


def idle(rng: Rng) -> Scene:
    """Minutes in which nobody trains: the handle is tugged, taken, held and let back."""
    track = Track(0.0, rng)
    scene = Scene("cable-pull-through", "cable", track, 30.0, 75.0, 0.6, 0.4, 1.0, PLATES_KG)
    for _ in range(int(rng.integers(6, 12))):
        _stack_rest(track, rng.uniform(18.0, 40.0))
        track.note("takes the handle, lets it back")
        _take_up(track)
        track.walk(0.0, rng.uniform(1.5, 3.0), rng.uniform(0.0, 0.02), rng.uniform(0.05, 0.7))
        track.hold(rng.uniform(0.5, 8.0), 0.003)
        track.move(-track.place_m, rng.uniform(0.8, 2.0))
        track.carried = 0.0
    track.hold(15.0)
    return scene


def row(rng: Rng) -> Scene:
    """Rows, from a stack that is held up or that comes down each time."""
    who = some_lifter(rng, "cable-row")
    who.lower_s = min(who.lower_s, 3.0)
    ratio = float(rng.choice([1.0, 2.0], p=[0.7, 0.3]))
    dead = rng.random() < 0.3
    up_m = 0.0 if dead else rng.uniform(0.05, 0.12)
    track = Track(0.0, rng)
    kg = float(rng.choice(PLATES_KG[1:16]))
    scene = Scene(
        "cable-row", "cable", track, kg, rng.uniform(52, 115), up_m + who.rom_m, who.rom_m, ratio, PLATES_KG
    )
    _stack_rest(track, rng.uniform(4.0, 12.0))
    sets = int(rng.integers(1, 4))
    for number in range(1, sets + 1):
        track.note(f"set {number}")
        _take_up(track)
        if up_m:
            track.move(up_m, rng.uniform(0.7, 1.5))
        track.hold(rng.uniform(1.5, 3.5), 0.001)
        for _ in range(max(2, _reps_of(rng))):  # of a single one nobody knows where it began
            _row_rep(track, who, number, dead=dead)
        track.hold(rng.uniform(0.8, 2.0))
        _let_back(track, number, sets)
    return scene


def _row_rep(track: Track, who: Lifter, number: int, *, dead: bool) -> None:
    rng = who.rng
    span = who.rom_m * float(np.clip(rng.normal(1.0, who.scatter), 0.94, 1.06))
    top = track.count - 1
    track.go(who.lift(span, start_mps2=-1.0))
    hold_s = rng.uniform(0.1, 1.5)
    track.hold(hold_s)
    turn = track.count - 1 - round(400 * hold_s)
    track.go(who.lowering(span))
    end = track.count - 1
    pause_s = rng.uniform(0.3, 1.5) if dead or rng.random() < 0.7 else rng.uniform(1.5, 5.0)
    track.hold(pause_s)
    track.reps.append(Meant(top, turn, end + min(200, round(500 * pause_s)), True, set_number=number))
    who.tire()


def tension(scene: Scene, place: Floats) -> Floats:
    """A rubber band's pull at an extension, N: a neo-Hookean strip with a little loss."""
    force, rest_m, loss = scene.band
    out = np.maximum(0.0, place)
    stretch = 1.0 + out / rest_m
    speed = smoothed(np.gradient(out, DT_S), 0.03)
    return np.asarray(force * (stretch - stretch**-2) * (1.0 + loss * speed))


def band(rng: Rng, exercise: str) -> Scene:
    """Hinges against a band: stepped out, hinges back into less pull, stepped back."""
    who = some_lifter(rng, "cable-pull-through")
    who.rom_m = min(who.rom_m, 0.45)
    lockout = who.rom_m + rng.uniform(0.1, 0.5)
    track = Track(0.0, rng)
    scene = Scene(exercise, "band", track, float("nan"), rng.uniform(52, 115), lockout, who.rom_m)
    scene.band = (rng.uniform(60.0, 260.0), rng.uniform(0.5, 1.1), rng.uniform(0.0, 0.08))
    track.hold(rng.uniform(4.0, 10.0))
    sets = int(rng.integers(1, 4))
    for number in range(1, sets + 1):
        track.note(f"set {number}")
        if rng.random() < 0.4:  # plucked before it is put on
            track.note("plucks it")
            for _ in range(int(rng.integers(1, 4))):
                by = rng.uniform(0.01, 0.04)
                track.move(by, 0.2)
                track.move(-by, 0.2)
                track.hold(rng.uniform(0.3, 1.0))
            track.hold(rng.uniform(2.0, 5.0))
        track.carried = 1.0
        track.walk(0.0, rng.uniform(1.5, 3.5), rng.uniform(0.0, 0.03), lockout)
        _ready(track, who)
        track.breathes = False
        for _ in range(_reps_of(rng)):
            hinge_rep(track, who, number, top_m=lockout)
        track.hold(rng.uniform(0.5, 2.0))
        track.note("steps back")
        track.move(-track.place_m, rng.uniform(0.8, 2.0))
        track.carried = 0.0
        track.hold(rng.uniform(18.0, 30.0))
    return scene
