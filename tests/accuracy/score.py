"""Score the whole pipeline on simulated sessions: what was counted, and how far off every number is."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edge.counting.pipeline import Event, StationPipeline
from edge.link.drivers import Samples
from edge.tools.analysis import BLOCK_S, RepBook
from edge.tools.plot import draw_analysis
from station.exercises import load_profile
from station.records import Rejected, Rep, RepEvent
from station.sim import SimulatedSet, load_scenario, simulate_station, with_seed

# Nothing wrong with lifter, sensors or set-up; every other scenario is adversarial.
CLEAN = frozenset(
    {
        "clean-gym", "clean-rdl", "dead-stop", "from-floor", "long-top-pause", "platform", "rack-and-back",
        "short-and-tall", "short-range", "slow-eccentric", "thirty-stations", "two-lifters", "two-tethers",
        "unit-off-line", "warm-up-then-work",
    }
)  # fmt: skip
# The set-up is wrong on purpose, so lengths are too: counts and times are scored, lengths are not.
COUNT_ONLY = frozenset({"ratio-wrong", "unit-moved", "missed-ticks", "bar-drift-moved"})
# Times are read where a speed of so many m/s is passed: no station can know that its metres are half metres.
TIMES_OFF = frozenset({"ratio-wrong"})

TIMES = ("eccentric_s", "bottom_pause_s", "concentric_s", "top_pause_s")
LENGTHS = (
    "mean_concentric_velocity_mps", "peak_concentric_velocity_mps", "mean_propulsive_velocity_mps",
    "mean_eccentric_velocity_mps", "rom_m",
)  # fmt: skip
TEMPO_LIMIT_S = 0.08  # what 95 % of adversarial tempo errors must be within
# Numbers that say how sure they are, and where they say it.
SIGMAS = {
    "rom_m": "rom_sigma_m",
    "mean_concentric_velocity_mps": "mean_concentric_velocity_sigma_mps",
    "peak_concentric_velocity_mps": "peak_concentric_velocity_sigma_mps",
    **{key: f"{key.removesuffix('_s')}_sigma_s" for key in TIMES},
}
BEYOND = "  beyond"  # ends a printed line that does not keep what is asked
SAME_REP_S = 0.6  # a rep is found where a lockout lies this near the true one


@dataclass
class Score:
    """Sums over sessions."""

    sets: int = 0
    exact_sets: int = 0
    reps: int = 0
    found: int = 0
    ghosts: int = 0
    errors: dict[str, list[float]] = field(default_factory=dict)
    path: dict[str, list[tuple[float, float]]] = field(default_factory=dict)  # error and sigma, per layout
    in_sigma: dict[str, list[float]] = field(default_factory=dict)  # errors over their sigma
    onsets: list[tuple[float, float]] = field(default_factory=list)  # true MCV, error of the lift's start
    lags_s: list[float] = field(default_factory=list)  # from the first reading after the lockout
    announced: int = 0
    taken_back: int = 0  # of them
    hours: float = 0.0
    # how bad (a miss or ghost, or the largest tempo error in units of the limit), scenario, seed, station
    worst: list[tuple[float, str, int, int]] = field(default_factory=list)

    def add(self, other: "Score") -> None:
        for name in ("sets", "exact_sets", "reps", "found", "ghosts", "hours", "announced", "taken_back"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for key, values in other.errors.items():
            self.errors.setdefault(key, []).extend(values)
        for key, values in other.in_sigma.items():
            self.in_sigma.setdefault(key, []).extend(values)
        for key, pairs in other.path.items():
            self.path.setdefault(key, []).extend(pairs)
        self.lags_s += other.lags_s
        self.onsets += other.onsets
        self.worst = sorted(self.worst + other.worst, reverse=True)[:10]

    @property
    def f1(self) -> float:
        if not self.reps + self.ghosts:
            return 1.0
        return 2.0 * self.found / (self.reps + self.found + self.ghosts)


def blocks(simulated: SimulatedSet, block_s: float) -> Iterator[list[Samples]]:
    """The recording in stretches of time, as a station's driver would give it."""
    end_s = max((float(c.time_s[-1]) for c in simulated.recording.values() if c.time_s.size), default=0.0)
    for start_s in np.arange(0.0, end_s + block_s, block_s):
        block = []
        for channel, (time_s, value) in simulated.recording.items():
            first, last = np.searchsorted(time_s, [start_s, start_s + block_s])
            if last > first:
                block.append(Samples(channel, time_s[first:last].copy(), value[first:last].copy()))
        yield block


def run_pipeline(
    simulated: SimulatedSet, block_s: float = 1.0
) -> tuple[list[RepEvent], list[Rejected], dict[str, float]]:
    """The newest revision of every rep, what was rejected, and when each rep was first announced."""
    pipeline = StationPipeline(simulated.station, load_profile(simulated.exercise), live_s=0.0)
    newest: dict[str, RepEvent] = {}
    rejected: list[Rejected] = []
    announced: dict[str, float] = {}
    events: list[Event] = []
    for block in blocks(simulated, block_s):
        events += pipeline.feed(block)
    for event in events + pipeline.finish():
        if isinstance(event, RepEvent):
            newest[event.event_id] = event
            announced.setdefault(event.event_id, event.known_s)
        elif isinstance(event, Rejected):
            rejected.append(event)
    return [e for e in newest.values() if e.state != "rejected"], rejected, announced


def draw_session(path: Path, scenario: str, seed: int, station: int) -> None:
    """A picture of what was measured."""
    simulated = simulate_station(load_scenario(scenario).stations[station], with_seed(seed * 1000 + station))
    profile = load_profile(simulated.exercise)
    pipeline = StationPipeline(simulated.station, profile, live_s=0.0)
    book, trace, seen_s = RepBook(), [], 0.0
    for block in blocks(simulated, BLOCK_S):
        book.take(pipeline.feed(block))
        piece = pipeline.counter.trace(seen_s)
        if piece.shape[1]:
            trace.append(piece)
            seen_s = float(piece[0, -1]) + 0.0075
    book.take(pipeline.finish())
    draw_analysis(
        path, book.analysis(simulated.station.station.id, scenario), np.concatenate(trace, 1), profile
    )


def layout_of(simulated: SimulatedSet) -> str:
    if simulated.station.station.kind == "cable":
        return "pulley cell"
    return "two tethers" if "position_2_m" in simulated.recording else "tilt"


def score_session(scenario: str, seed: int, station: int) -> Score:
    """Simulate one station of a scenario and score it."""
    plan = load_scenario(scenario).stations[station]
    simulated = simulate_station(plan, with_seed(seed * 1000 + station))
    found, _, announced = run_pipeline(simulated)
    counted = [event for event in found if event.rep.counted]
    score = Score(announced=len(announced), taken_back=len(announced) - len(found))
    score.hours = float(simulated.motion.time_s[-1]) / 3600.0
    free = list(counted)
    layout = layout_of(simulated)
    lead_s = simulated.recording["position_m" if "position_m" in simulated.recording else "force_n"].time_s
    lengths = scenario not in COUNT_ONLY
    missed_reps = 0
    for a_set in simulated.truth["sets"]:
        score.sets += 1
        missed = 0
        for truth in a_set["reps"]:
            if not truth["counted"]:
                continue
            score.reps += 1
            match = min(
                free,
                key=lambda e: abs(e.rep.concentric_end_s - truth["concentric_end_s"]),
                default=None,
            )
            if match is None or abs(match.rep.concentric_end_s - truth["concentric_end_s"]) > SAME_REP_S:
                missed += 1
                continue
            free.remove(match)
            score.found += 1
            seen = min(int(np.searchsorted(lead_s, truth["concentric_end_s"])), len(lead_s) - 1)
            score.lags_s.append(announced[match.event_id] - float(lead_s[seen]))
            _compare(score, match.rep, truth, layout, lengths)
            _weigh(score, match.rep, truth, lengths, times=scenario not in TIMES_OFF)
        span = [r["start_s"] for r in a_set["reps"]] + [r["end_s"] for r in a_set["reps"]]
        near = [e for e in free if span and min(span) - 6.0 < e.rep.end_s < max(span) + 6.0]
        score.exact_sets += not missed and not near
        missed_reps += missed
    score.ghosts = len(free)
    times = [abs(e) for key in TIMES for e in score.errors.get(key, [])]
    badness = 100.0 * (missed_reps + len(free)) + max(times, default=0.0) / TEMPO_LIMIT_S
    score.worst.append((badness, scenario, seed, station))
    return score


def _compare(score: Score, rep: Rep, truth: dict[str, float | None], layout: str, lengths: bool) -> None:
    for key in (*TIMES, *(LENGTHS if lengths else ())):
        measured, true = getattr(rep, key), truth.get(key)
        if measured is not None and true is not None:
            score.errors.setdefault(key, []).append(measured - true)
        elif (measured is None) != (true is None):
            score.errors.setdefault(f"null {key}", []).append(1.0)
    mcv, start_s = truth.get("mean_concentric_velocity_mps"), truth["concentric_start_s"]
    if lengths and mcv is not None and start_s is not None and rep.concentric_start_s is not None:
        score.onsets.append((mcv, rep.concentric_start_s - start_s))
    true = truth.get("path_deviation_m")
    if lengths and rep.path_deviation_m is not None and true is not None:
        sigma = rep.path_deviation_sigma_m or np.nan
        score.path.setdefault(layout, []).append((rep.path_deviation_m - true, sigma))


def _weigh(score: Score, rep: Rep, truth: dict[str, float | None], lengths: bool, *, times: bool) -> None:
    """How many sigma each number is off by."""
    for key, name in SIGMAS.items():
        measured, true, sigma = getattr(rep, key), truth.get(key), getattr(rep, name)
        if not (times if key in TIMES else lengths) or measured is None or true is None:
            continue
        score.in_sigma.setdefault(key, []).append((measured - true) / sigma if sigma else np.nan)
