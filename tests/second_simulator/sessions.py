"""The kinds of sessions, and a session from its seed."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np

from edge.link.recording import Recording
from station.config import StationFile
from station.exercises import load_profile
from tests.second_simulator import barbell, pulled
from tests.second_simulator.barbell import Scene
from tests.second_simulator.sensors import LEVELS, Seen, observe
from tests.second_simulator.strokes import DT_S, Rng
from tests.second_simulator.truth import TrueRep, true_reps

KINDS: dict[str, tuple[float, Callable[[Rng], Scene]]] = {
    "squat": (1.5, lambda rng: barbell.rack(rng, "back-squat")),
    "bench": (1.2, lambda rng: barbell.rack(rng, "bench-press")),
    "rdl-rack": (1.5, lambda rng: barbell.rack(rng, "romanian-deadlift")),
    "good-morning": (0.8, lambda rng: barbell.rack(rng, "good-morning")),
    "rdl-floor": (1.2, lambda rng: barbell.from_floor(rng, "romanian-deadlift")),
    "rdl-touch": (0.7, barbell.touching),
    "broomstick": (1.0, lambda rng: barbell.from_floor(rng, "broomstick-hinge")),
    "deadlift-stop": (1.5, lambda rng: barbell.deadlifts(rng, "stop")),
    "deadlift-go": (0.8, lambda rng: barbell.deadlifts(rng, "go")),
    "deadlift-drop": (0.5, lambda rng: barbell.deadlifts(rng, "drop")),
    "pull-through": (1.5, pulled.pull_through),
    "row": (1.2, pulled.row),
    "band-hinge": (0.8, lambda rng: pulled.band(rng, "banded-hinge")),
    "band-pull": (0.6, lambda rng: pulled.band(rng, "banded-pull-through")),
    "idle": (0.3, barbell.idle),
    "idle-cable": (0.15, pulled.idle),
}
_SHARES = {"clean": 0.45, "ordinary": 0.33, "rough": 0.15, "harsh": 0.07}


@dataclass
class Session:
    """A recording with its truth, by the recording's clock."""

    seed: int
    kind: str
    level: str
    scene: Scene
    seen: Seen
    reps: list[TrueRep]
    sets: list[tuple[float, float, int]]  # from, to, counted

    @property
    def recording(self) -> Recording:
        return Recording(self.seen.time_s, self.seen.columns)

    @property
    def station(self) -> StationFile:
        return msgspec.convert(self.seen.station, StationFile)

    @property
    def name(self) -> str:
        rate = f"{self.seen.rate_hz:g}/s"
        return ", ".join([self.kind, self.level, rate, *self.seen.notes])


def make(seed: int, kind: str | None = None, level: str | None = None) -> Session:
    """The session of a seed; its kind and its sensors too, unless they are given."""
    drawn = np.random.default_rng([seed, 1])
    names = list(KINDS)
    weights = np.array([KINDS[name][0] for name in names])
    by_seed = str(drawn.choice(names, p=weights / weights.sum()))
    level_by_seed = str(drawn.choice(list(_SHARES), p=list(_SHARES.values())))
    kind, level = kind or by_seed, level or level_by_seed
    rng = np.random.default_rng([seed, 2])
    scene = KINDS[kind][1](rng)
    seen = observe(scene, LEVELS[level], np.random.default_rng([seed, 3]))
    profile = load_profile(scene.exercise)
    reps = true_reps(
        seen.place_m,
        seen.aside_m if seen.handle_m is None else seen.handle_m,
        scene.track.reps,
        v0=profile.v0_mps,
        lengths=scene.station != "band",
        up_first=profile.starts_with == "concentric",
    )
    for rep in reps:
        _shift(rep, seen.zero_s)
        if rep.end_s > seen.last_s - 0.05:  # it was lowered when nobody recorded any more
            rep.end_s = rep.lift_s[1]
            rep.numbers.pop("eccentric_s", None)
            rep.numbers.pop("path_deviation_m", None)
        if seen.slips_s and min(seen.slips_s) < rep.end_s:  # where the path was from then on, nobody can say
            rep.numbers.pop("path_deviation_m", None)
        if any(rep.start_s - 0.5 < at < rep.end_s + 0.5 for at in seen.slips_s):
            rep.numbers.clear()
    return Session(seed, kind, level, scene, seen, reps, _sets(reps))


def _shift(rep: TrueRep, by_s: float) -> None:
    rep.start_s += by_s
    rep.end_s += by_s
    rep.lift_s = (rep.lift_s[0] + by_s, rep.lift_s[1] + by_s)


def _sets(reps: list[TrueRep]) -> list[tuple[float, float, int]]:
    out = []
    for number in sorted({rep.set_number for rep in reps}):
        mine = [rep for rep in reps if rep.set_number == number]
        end_s = max(max(rep.end_s, rep.lift_s[1]) for rep in mine)
        out.append((mine[0].start_s, end_s, sum(rep.counts for rep in mine)))
    return out


def heel_of(session: Session, rep: TrueRep) -> float | None:
    """The mean share of the weight on the heels over a rep, percent."""
    if session.seen.heel is None:
        return None
    first = round((rep.start_s - session.seen.zero_s) / DT_S)
    last = round((rep.end_s - session.seen.zero_s) / DT_S)
    return 100.0 * float(session.seen.heel[first : last + 1].mean())
