"""Screens that join, are cut off and come back at random show what one shows that has heard everything.

A hundred runs in the suite; PLUMBLINE_RUNS=1000 for as many as one has the time for.
"""

import os
import random
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from dashboard.broker.events import Packet, read_all
from dashboard.floor.state import FloorState, apply_all
from dashboard.floor.views import view
from station.exercises import all_profiles
from station.messages import CURRENT_REPS, Message, RepMessage, SetMessage, encode
from station.topics import RETAINED, Address

RUNS = int(os.environ.get("PLUMBLINE_RUNS", "100"))
STEPS = 60
PROFILES = all_profiles()


@dataclass
class Screen:
    """A state behind a connection that is cut and restored: what is sent meanwhile is lost."""

    up: bool = False
    floor: FloorState = field(default_factory=FloorState)
    under_way: dict[str, deque[bytes]] = field(default_factory=dict)  # by topic, which alone keeps its order

    def take(self, chance: random.Random, share: float, now_s: float) -> None:
        """Receive some of what is under way, the topics in any order, some of it twice."""
        packets = []
        while any(self.under_way.values()) and chance.random() < share:
            topic = chance.choice([topic for topic, waiting in self.under_way.items() if waiting])
            payload = self.under_way[topic].popleft()
            for _ in range(chance.choice((1, 1, 1, 2))):
                # Of two of the same moment of the session the later to arrive holds: each has its own stamp.
                packets.append(Packet(topic, payload, now_s + len(packets) / 1e6))
        arrivals, refused = read_all(packets)
        assert refused == 0
        self.floor = apply_all(self.floor, arrivals)

    @property
    def shows(self) -> dict[str, Any]:
        """What a person reads of the running set."""
        seen = view(self.floor.stations["gym", "rack-1"], PROFILES, 0.0)
        reps = [(rep.event_id, rep.measured.number, rep.state, rep.counted) for rep in seen.reps]
        return {"set": seen.set_number, "over": seen.set_over, "count": seen.counted, "reps": reps}


class Broker:
    """Keeps what is retained and relays to whoever is connected."""

    def __init__(self, screens: list[Screen]) -> None:
        self._kept: dict[str, bytes] = {}
        self._screens = screens

    def publish(self, message: Message) -> None:
        leaf = type(message).__name__.removesuffix("Message").lower()
        topic, payload = Address("gym", "rack-1", leaf).topic, encode(message)
        if leaf in RETAINED:
            self._kept[topic] = payload
        for screen in self._screens:
            if screen.up:
                screen.under_way.setdefault(topic, deque()).append(payload)

    def connect(self, screen: Screen) -> None:
        screen.up = True
        screen.under_way = {topic: deque([payload]) for topic, payload in self._kept.items()}

    def cut(self, screen: Screen) -> None:
        screen.up = False
        screen.under_way = {}


class Node:
    """A station whose lifter, counter and coach do anything in any order."""

    def __init__(self, say: Any, broker: Broker, chance: random.Random) -> None:
        self._say, self._broker, self._chance = say, broker, chance
        self._now_s = 10.0
        self._set, self._ids, self._over = 1, 0, False
        self._said: dict[str, RepMessage] = {}  # every rep of the session in its newest revision
        broker.publish(say.state())
        broker.publish(say.info())
        broker.publish(say.current())

    def step(self) -> None:
        acts = [self._lockout] * 5 + [self._confirm, self._take_back, self._mark, self._mark, self._end]
        acts += [self._reopen, self._give]
        self._now_s += self._chance.choice((0.0, 0.1, 3.0))
        self._chance.choice(acts)()
        self._broker.publish(self._current())

    @property
    def truth(self) -> dict[str, Any]:
        """The running set as it is: what a person is to read."""
        reps = self._standing()
        if not reps and self._set == 1:
            return {"set": None, "over": False, "count": 0, "reps": []}
        rows = [
            (one.event_id, one.rep.number, one.state, one.rep.counted and one.state != "rejected")
            for one in reps[-CURRENT_REPS:]
        ]
        count = sum(one.rep.counted and one.state != "rejected" for one in reps)
        return {"set": self._set, "over": self._over, "count": count, "reps": rows}

    def _standing(self) -> list[RepMessage]:
        found = [one for one in self._said.values() if one.set_number == self._set]
        return sorted(found, key=lambda one: one.rep.start_s)

    def _lockout(self) -> None:
        if self._over:
            self._set, self._over = self._set + 1, False
        self._ids += 1
        self._now_s += 3.0
        count = len([one for one in self._standing() if one.state != "rejected"])
        rep = self._say.rep(count + 1, self._set, event_id=f"a1-s{self._set}-r{self._ids}", state="pending")
        self._say_rep(rep, start_s=self._now_s, end_s=self._now_s + 2.0)

    def _confirm(self) -> None:
        for one in self._standing():
            if one.state == "pending":
                self._say_rep(one, state="confirmed")

    def _take_back(self) -> None:
        """The counter says that one was none: it goes, and those behind it move up."""
        standing = [one for one in self._standing() if one.state != "rejected"]
        if standing:
            gone = self._chance.choice(standing)
            self._say_rep(gone, state="rejected", counted=False, reason_code="set-down")
            self._renumber()
            del self._said[gone.event_id]

    def _mark(self) -> None:
        if self._standing():
            one = self._chance.choice(self._standing())
            mark = self._chance.choice(("false", "partial", "counted"))
            state = "rejected" if mark == "false" else "confirmed"
            code = None if mark == "counted" else f"marked-{mark}"
            marked = {"state": state, "counted": mark == "counted", "reason_code": code}
            self._say_rep(one, later=False, **marked)
            self._renumber()

    def _give(self) -> None:
        """The last rep belongs to the set before: it leaves this one."""
        standing = self._standing()
        if len(standing) > 1 and self._set > 1:
            self._say_rep(standing[-1], set_number=self._set - 1, later=False)
            self._renumber()

    def _end(self) -> None:
        if self._standing() and not self._over:
            self._confirm()
            self._over = True
            counted = sum(one.rep.counted for one in self._standing())
            ends_s = [one.rep.end_s for one in self._standing()]
            over = self._say.set(
                self._set, counted_reps=counted, session_s=self._now_s, start_s=ends_s[0], end_s=ends_s[-1]
            )
            self._broker.publish(over)

    def _reopen(self) -> None:
        self._over = False

    def _renumber(self) -> None:
        standing = [one for one in self._standing() if one.state != "rejected"]
        for number, one in enumerate(standing, 1):
            if one.rep.number != number:
                self._say_rep(one, number=number, later=False)

    def _say_rep(self, one: RepMessage, later: bool = True, **changed: Any) -> None:
        """One more revision; a person's word leaves the moment at which the rep became known."""
        of_message = {k: v for k, v in changed.items() if k in ("state", "set_number")}
        of_rep = {k: v for k, v in changed.items() if k not in of_message}
        old = self._said.get(one.event_id)
        said = msgspec.structs.replace(
            one,
            revision=old.revision + 1 if old else 1,
            session_s=self._now_s if later else one.session_s,
            rep=msgspec.structs.replace(one.rep, **of_rep),
            **of_message,
        )
        self._said[one.event_id] = said
        self._broker.publish(said)

    def _current(self) -> Message:
        reps = self._standing()
        left = max(0, len(reps) - CURRENT_REPS)
        counted = sum(one.rep.counted for one in reps if one.state != "rejected")
        message: Message = self._say.current(
            *reps[left:],
            session_s=self._now_s,
            set_event_id=f"a1-s{self._set}" if reps or self._set > 1 else None,
            set_number=self._set,
            over=self._over,
            counted_reps=counted,
            reps_left_out=left,
        )
        return message


@pytest.mark.parametrize("part", range(4))
def test_whoever_joins_or_comes_back_shows_what_all_others_show(words: Any, part: int) -> None:
    for seed in range(part, RUNS, 4):
        chance = random.Random(seed)
        always, *others = screens = [Screen() for _ in range(4)]
        broker = Broker(screens)
        broker.connect(always)
        node = Node(words(), broker, chance)
        for step in range(STEPS):
            for screen in others:
                if chance.random() < 0.1:
                    (broker.cut if screen.up else broker.connect)(screen)
            node.step()
            for screen in screens:
                screen.take(chance, 0.8, float(step))
        for screen in others:
            if not screen.up:
                broker.connect(screen)
        for screen in screens:
            screen.take(chance, 1.1, float(STEPS))  # all that is under way
        for screen in screens:
            assert screen.shows == node.truth, f"run {seed}"


def test_the_runs_have_sets_that_end_and_reps_that_are_struck_in_them(words: Any) -> None:
    """What the runs are made of, so that they cannot agree about nothing."""
    said: list[Message] = []
    for seed in range(20):
        chance = random.Random(seed)
        broker = Broker([])
        broker.publish = said.append  # type: ignore[method-assign]
        node = Node(words(), broker, chance)
        for _ in range(STEPS):
            node.step()
    reps = [one for one in said if isinstance(one, RepMessage)]
    assert sum(isinstance(one, SetMessage) for one in said) > 40
    assert {one.state for one in reps} == {"pending", "confirmed", "rejected"}
    assert max(one.set_number for one in reps) > 3
