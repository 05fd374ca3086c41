"""Samples, commands, badges, restarts of the node and a network that loses and repeats, in any order.

The oracle is the simulator's truth: each true rep is confirmed at most once, in one set, for the athlete who
was signed in when it began, and none is lost. What a restart of the node falls into cannot be counted whole,
and a rep that begins within the kernel's own accuracy of a line may be on either side of it.
"""

import random
from collections.abc import Iterator
from functools import cache
from multiprocessing import Pool
from typing import Any, NamedTuple

import msgspec
import numpy as np

from edge.link.drivers import Samples
from edge.node.session import Session
from station.exercises import load_profile
from station.messages import CommandMessage, RepMessage, SetMessage
from station.sim import Sensors, SetPlan, SimulatedSet, StationPlan, simulate_station, with_seed
from tests.edge.node.bench import ListeningSender
from tests.faults.gym import Verdict

STEP_S = 0.1
EDGE_S = 0.25  # the start of an eccentric is found to within less
PEOPLE = (None, "ana", "ben", "chidi")
Newest = dict[str, RepMessage]


class Found(NamedTuple):
    """What came of one interleaving."""

    reps: int  # true ones
    judged: int  # that no restart fell into
    doubled: int
    lost: int
    wrong: int  # confirmed, for another athlete or in two sets


class MemoryOutbox:
    """What a node has on its disk: events, and what it is set to. It outlives the session."""

    def __init__(self) -> None:
        self.messages: list[RepMessage | SetMessage] = []
        self._kept: dict[str, bytes] = {}

    problem = None

    def append(self, _station: str, messages: Any, lost_before: int = 0) -> list[int]:
        assert lost_before == 0
        self.messages += messages
        return []

    def save_state(self, station: str, settings: bytes) -> None:
        self._kept[station] = settings

    def saved_state(self, station: str) -> bytes | None:
        return self._kept.get(station)


@cache
def played(number: int) -> SimulatedSet:
    """One of a few sessions of two sets; every interleaving plays one of them anew."""
    exercise = ("romanian-deadlift", "deadlift", "back-squat")[number % 3]
    plan = StationPlan(
        exercise=exercise,
        sensors=Sensors(position_hz=50.0),
        sets=[SetPlan(reps=3), SetPlan(reps=2)],
    )
    return simulate_station(plan, with_seed(100 + number))


def interleave(seed: int) -> Found:
    """Play one session with everything that may come between; count what came of it."""
    dice = random.Random(seed)
    simulated = played(dice.randrange(9))
    time_s, value = simulated.recording["position_m"]
    outbox, publisher = MemoryOutbox(), ListeningSender()
    session = _born(simulated, outbox, publisher)
    signed_in: list[tuple[float, str | None]] = [(-np.inf, None)]
    restarts: list[float] = []
    blurred: list[tuple[float, float]] = []  # an undo makes what lies between be as if never said
    at_s = float(time_s[0])
    for start_s in np.arange(time_s[0], time_s[-1] + 30.0, STEP_S):
        there = (time_s >= start_s) & (time_s < start_s + STEP_S)
        if there.any():
            session.step([Samples("position_m", time_s[there], value[there])], float(start_s))
            at_s = float(time_s[there][-1])
        else:
            session.step([], float(start_s))
        for command in _commands(dice, session):
            publisher.waiting.append(command)
            before = session.settings.athlete
            session.step([], float(start_s))
            if command.name == "undo":
                blurred.append((signed_in[-1][0], at_s))
            if session.settings.athlete != before:
                signed_in.append((at_s, session.settings.athlete))
        if dice.random() < 0.7:
            session.write(float(start_s))
        if dice.random() < 0.002:
            # Killed: what was not written is gone with the process, and so is what it had begun to see.
            session.write(float(start_s))
            session = _born(simulated, outbox, publisher)
            restarts.append(at_s)
    session.finish()
    session.write(1e9)
    return _judged(simulated, _delivered(dice, outbox), signed_in, restarts, blurred)


def _born(simulated: SimulatedSet, outbox: Any, publisher: Any) -> Session:
    session = Session(simulated.station, load_profile(simulated.exercise))
    session.attach(outbox, publisher)
    session.resume(outbox)
    return session


def _commands(dice: random.Random, session: Session) -> Iterator[CommandMessage]:
    """Now and then what a coach, a badge or another screen asks for."""
    if dice.random() > 0.012:
        return
    what = dice.choice(["athlete", "badge", "end", "exercise", "load", "mark", "undo", "target", "tare"])
    ask = _asking(dice)
    match what:
        case "athlete":
            yield ask("set-athlete", athlete=dice.choice(PEOPLE))
        case "badge":
            action = f"badge-{dice.random()}"
            yield ask("set-athlete", athlete=dice.choice(PEOPLE), action=action)
            yield ask("set-load", load_kg=float(dice.randrange(20, 120)), action=action)
            yield ask("set-target", target_reps=5, action=action)
        case "end":
            yield ask("end-set")
        case "exercise":
            alike = {"eccentric": ["rdl", "good-morning", "back-squat"], "concentric": ["deadlift"]}
            yield ask("set-exercise", exercise=dice.choice(alike[session.profile.starts_with]))
        case "load":
            yield ask("set-load", load_kg=float(dice.randrange(20, 120)))
        case "mark":
            yield ask("mark-rep", mark=dice.choice(["counted", "partial", "failed", None]))
        case "target":
            yield ask("set-target", target_reps=dice.randrange(1, 12))
        case "tare":
            yield ask("tare")
        case "undo":
            yield ask("undo")


def _asking(dice: random.Random) -> Any:
    def ask(name: Any, **given: Any) -> CommandMessage:
        event_id = f"{dice.getrandbits(64):x}"
        return CommandMessage(event_id=event_id, at_utc="2030-01-01T00Z", name=name, by="coach", **given)

    return ask


def _delivered(dice: random.Random, outbox: MemoryOutbox) -> Newest:
    """What a record has in the end: messages overtake and repeat each other, the highest revision stays."""
    sent = [one for one in outbox.messages if isinstance(one, RepMessage)]
    sent += dice.sample(sent, len(sent) // 3)
    dice.shuffle(sent)
    newest: Newest = {}
    for one in sent:
        held = newest.get(one.event_id)
        if held is not None and held.revision == one.revision:
            same = msgspec.structs.replace(held, at_utc=one.at_utc, session_s=one.session_s)
            assert same == one, "a revision says one thing"
        if held is None or one.revision > held.revision:
            newest[one.event_id] = one
    return newest


def _judged(
    simulated: SimulatedSet,
    newest: Newest,
    signed_in: list[tuple[float, str | None]],
    restarts: list[float],
    blurred: list[tuple[float, float]],
) -> Found:
    true = [rep for a_set in simulated.truth["sets"] for rep in a_set["reps"]]
    confirmed = [one for one in newest.values() if one.state == "confirmed"]
    judged = doubled = lost = wrong = 0
    for rep in true:
        low, high = rep["concentric_start_s"], rep["concentric_end_s"]
        found = [one for one in confirmed if _overlap_s(one, low, high) > 0.5 * (high - low)]
        doubled += len(found) > 1
        if any(rep["start_s"] - 3.0 < at_s < rep["end_s"] + 3.0 for at_s in restarts):
            continue
        judged += 1
        lost += not found
        begins = rep["start_s"]
        if any(since_s - EDGE_S <= begins <= until_s + EDGE_S for since_s, until_s in blurred):
            continue
        athletes = {
            athlete
            for (from_s, athlete), (to_s, _) in zip(signed_in, [*signed_in[1:], (np.inf, None)], strict=True)
            if from_s - EDGE_S <= begins < to_s + EDGE_S
        }
        wrong += any(one.athlete not in athletes for one in found)
    return Found(len(true), judged, doubled, lost, wrong)


def _overlap_s(one: RepMessage, low_s: float, high_s: float) -> float:
    start_s, end_s = one.rep.concentric_start_s, one.rep.concentric_end_s
    return 0.0 if start_s is None or end_s is None else min(high_s, end_s) - max(low_s, start_s)


def interleavings(quick: bool) -> Verdict:
    """The row of `make faults`."""
    count = 300 if quick else 10_000
    with Pool() as cores:
        total = Found(*map(sum, zip(*cores.imap_unordered(interleave, range(count), 50), strict=True)))
    return Verdict(
        f"{count} interleavings of samples, commands, badges and restarts",
        f"{total.reps} true reps, {total.judged} outside restarts: {total.doubled} doubled,"
        f" {total.lost} lost, {total.wrong} of another athlete",
        not (total.doubled or total.lost or total.wrong),
    )
