"""A session through the product, in the process, and what was said against what was true."""

from dataclasses import dataclass, field

import numpy as np

from edge.tools.analysis import analyse
from station.exercises import load_profile
from station.records import Analysis, Rep
from station.weighing import of_set, other_than
from tests.second_simulator.sessions import Session, heel_of, make
from tests.second_simulator.truth import TrueRep

NUMBERS = {
    "mean_concentric_velocity_mps": "mean_concentric_velocity_sigma_mps",
    "peak_concentric_velocity_mps": "peak_concentric_velocity_sigma_mps",
    "rom_m": "rom_sigma_m",
    "eccentric_s": "eccentric_sigma_s",
    "bottom_pause_s": "bottom_pause_sigma_s",
    "concentric_s": "concentric_sigma_s",
    "top_pause_s": "top_pause_sigma_s",
    "path_deviation_m": "path_deviation_sigma_m",
}


@dataclass
class Score:
    """One session's outcome, in plain numbers."""

    seed: int
    kind: str
    level: str
    name: str
    true: int = 0
    counted: int = 0
    missed: list[float] = field(default_factory=list)  # when
    too_many: list[float] = field(default_factory=list)
    ghosts: int = 0  # of too_many: outside every set
    sets: int = 0
    sets_exact: int = 0
    sets_apart: int = 0  # whose reps were said in several sets, or with those of another
    idle_s: float = 0.0
    errors: dict[str, list[tuple[float, float]]] = field(default_factory=dict)  # said - true, sigma
    absent: dict[str, int] = field(default_factory=dict)  # null though it was there to be seen
    unsure: int = 0  # numbers that the simulator does not ask for
    confidence: list[tuple[float, bool]] = field(default_factory=list)
    heel: list[float] = field(default_factory=list)  # said - true, points
    loads: list[float] = field(default_factory=list)  # said / true - 1, a set
    loads_doubted: int = 0  # sets whose right load was called another
    pins: list[tuple[bool, bool]] = field(default_factory=list)  # wrong, said so rightly
    failure: str = ""

    @property
    def badness(self) -> float:
        far = sum(abs(e) > 5.0 * s for pairs in self.errors.values() for e, s in pairs)
        return 100.0 * (len(self.missed) + len(self.too_many)) + far + (1e6 if self.failure else 0.0)


def score_seed(seed: int, kind: str | None, level: str | None) -> Score:
    """Make a session and score it; what breaks the product is a finding, not an end."""
    session = make(seed, kind, level)
    score = Score(seed, session.kind, session.level, session.name)
    try:
        analysis = analyse(session.recording, session.station, load_profile(session.scene.exercise))
    except Exception as error:  # noqa: BLE001 - any failure of the product is what is looked for
        score.failure = repr(error)
        return score
    _score(session, analysis, score)
    return score


def _lift(rep: Rep) -> tuple[float, float]:
    start = rep.start_s if rep.concentric_start_s is None else rep.concentric_start_s
    return start, rep.end_s if rep.concentric_end_s is None else rep.concentric_end_s


def match(true: list[TrueRep], said: list[Rep]) -> dict[int, int]:
    """Which true rep each said one is, by how much their lifts overlap."""
    pairs = []
    for i, rep in enumerate(said):
        a0, a1 = _lift(rep)
        for j, one in enumerate(true):
            b0, b1 = one.lift_s
            both = min(a1, b1) - max(a0, b0)
            if both > 0.5 * min(a1 - a0, b1 - b0):
                pairs.append((both, i, j))
    found: dict[int, int] = {}
    for _, i, j in sorted(pairs, reverse=True):
        if i not in found and j not in found.values():
            found[i] = j
    return found


def _score(session: Session, analysis: Analysis, score: Score) -> None:
    said = [rep for one in analysis.sets for rep in one.reps]
    true = session.reps
    found = match(true, said)
    back = {j: i for i, j in found.items()}
    score.true = sum(rep.counts for rep in true)
    score.counted = sum(rep.counted for rep in said)
    for j, one in enumerate(true):
        if one.counts and (j not in back or not said[back[j]].counted):
            score.missed.append(one.lift_s[0])
    for i, rep in enumerate(said):
        right = i in found and true[found[i]].counts
        if rep.counted and not right:
            score.too_many.append(rep.start_s)
            score.ghosts += all(not a - 1.0 < _lift(rep)[1] < b + 1.0 for a, b, _ in session.sets)
        if rep.confidence is not None:
            score.confidence.append((rep.confidence, rep.counted == right))
        if rep.counted and right:
            _numbers(session, true[found[i]], rep, score)
    score.sets = len(session.sets)
    wrong = np.array(score.missed + score.too_many)
    score.sets_exact = sum(not ((wrong > a - 8.0) & (wrong < b + 8.0)).any() for a, b, _ in session.sets)
    score.sets_apart = 0 if session.scene.loose_sets else _apart(session, analysis, found)
    score.idle_s = float(session.seen.time_s[-1] - session.seen.time_s[0])
    score.idle_s -= sum(b - a for a, b, _ in session.sets)
    if session.scene.load_kg > 5.0:  # not a stick's, nor a band's
        _loads(session, analysis, score)


def _apart(session: Session, analysis: Analysis, found: dict[int, int]) -> int:
    """The number of true sets that are not one said set."""
    numbers = [one.number for one in analysis.sets for _ in one.reps]
    pairs = {(session.reps[j].set_number, numbers[i]) for i, j in found.items() if session.reps[j].counts}
    said_of = {true: {said for one, said in pairs if one == true} for true, _ in pairs}
    true_of = {said: {true for true, one in pairs if one == said} for _, said in pairs}
    return sum(len(said) > 1 or any(len(true_of[number]) > 1 for number in said) for said in said_of.values())


def _numbers(session: Session, true: TrueRep, rep: Rep, score: Score) -> None:
    for name, sigma_name in NUMBERS.items():
        value, sigma = getattr(rep, name), getattr(rep, sigma_name)
        if name not in true.numbers:
            score.unsure += 1
        elif value is None:
            score.absent[name] = score.absent.get(name, 0) + 1
        else:
            error = (value - true.numbers[name], float("nan") if sigma is None else sigma)
            score.errors.setdefault(name, []).append(error)
    heel = heel_of(session, true)
    if heel is not None and true.asked and not true.let_go and "eccentric_s" in true.numbers:
        if rep.heel_pct is None:
            score.absent["heel_pct"] = score.absent.get("heel_pct", 0) + 1
        else:
            score.heel.append(rep.heel_pct - heel)


def _loads(session: Session, analysis: Analysis, score: Score) -> None:
    plates = session.scene.stack_kg
    true_kg = session.scene.load_kg
    drawn = np.random.default_rng([session.seed, 4])
    for one in analysis.sets:
        weighed = of_set(one.reps)
        if weighed is None:
            if session.seen.weighs:
                score.absent["load_measured_kg"] = score.absent.get("load_measured_kg", 0) + 1
            continue
        score.loads.append(weighed.kg / true_kg - 1.0)
        score.loads_doubted += other_than(true_kg, one.reps, plates) is not None
        if plates and sum(rep.load_measured_kg is not None for rep in one.reps) >= 2:
            wrong = bool(drawn.random() < 0.4)
            at = plates.index(true_kg)
            entered = plates[max(0, at + int(drawn.choice([-1, 1])))] if wrong else true_kg
            told = other_than(entered, one.reps, plates)
            score.pins.append((wrong, told == true_kg if wrong else told is None))
