"""Every code of a rep, a movement and a reply, brought about through the real way: samples and commands.

What only the record answers is in the tests of the record and of the roster: `erased`, `unknown-badge`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edge.link.drivers import Samples
from edge.node.session import Session
from station.config import Geometry, StationFile, StationTable
from station.exercises import load_profile
from station.messages import CommandMessage, ReplyCode, ReplyMessage, RepMessage
from station.records import ReasonCode, Rejected

HZ = 100.0
TOP = ((2.0, 0.0),)


def rdl(reps: int = 3, rom_m: float = 0.4, rest_s: float = 1.0):
    return [(1.8, -rom_m), (0.4, 0.0), (1.0, rom_m), (rest_s, 0.0)] * reps


class Station:
    """A session on a rack with one tether, its real pipeline, and what it has said."""

    def __init__(self, exercise: str = "rdl", kind: Any = "barbell", **geometry: Any) -> None:
        station = StationFile(station=StationTable("rack-1", kind), geometry=Geometry(**geometry))
        self.session = Session(station, load_profile(exercise))
        self.session.attach(self, self)  # type: ignore[arg-type]  the disk and the network are this object
        self.reps: dict[str, RepMessage] = {}
        self.replies: list[ReplyMessage] = []
        self.movements: list[ReasonCode | None] = []
        self._asked: list[CommandMessage] = []
        self.inbox = self
        self._at_s, self._place_m = 0.0, 1.0
        take = self.session.take

        def overhear(events: Any) -> None:
            self.movements += [one.reason_code for one in events if isinstance(one, Rejected)]
            take(events)

        self.session.take = overhear  # type: ignore[method-assign]  of a movement only the number goes out

    problem = None

    def append(self, _station: str, messages: Any, lost_before: int = 0) -> list[int]:
        self.reps |= {one.event_id: one for one in messages if isinstance(one, RepMessage)}
        return []

    def save_state(self, *_: Any) -> None: ...
    def wake(self) -> None: ...
    def live(self, *_: Any) -> None: ...
    def retain(self, *_: Any) -> None: ...

    def reply(self, message: ReplyMessage) -> None:
        self.replies.append(message)

    def take(self) -> list[CommandMessage]:
        asked, self._asked = self._asked, []
        return asked

    def move(self, *legs: tuple[float, float], channel: str = "position_m") -> None:
        """Legs of (seconds, metres), each without jerk at its ends."""
        for duration_s, moved_m in legs:
            t = np.linspace(0.0, 1.0, round(duration_s * HZ) + 1)[1:]
            place_m = self._place_m + moved_m * t**3 * (10.0 - 15.0 * t + 6.0 * t**2)
            self._see(place_m, channel)

    def _see(self, place_m: np.ndarray, channel: str) -> None:
        time_s = self._at_s + np.arange(1, place_m.size + 1) / HZ
        self._at_s, self._place_m = float(time_s[-1]), float(place_m[-1])
        self.session.step([Samples(channel, time_s, place_m)], self._at_s)
        self.session.write(self._at_s)

    def skip(self, duration_s: float, moved_m: float) -> None:
        """The bar moves while no sample comes."""
        self._at_s += duration_s
        self._place_m += moved_m

    def ask(self, name: Any, **given: Any) -> ReplyMessage:
        command = CommandMessage(
            event_id=f"c{len(self.replies)}", at_utc="2030-01-01T00Z", name=name, by="coach", **given
        )
        self._asked.append(command)
        self.session.step([], self._at_s)
        self.session.write(self._at_s)
        return self.replies[-1]

    @property
    def ids(self) -> list[str]:
        return [one.event_id for one in sorted(self.reps.values(), key=lambda one: one.rep.start_s)]

    def reasons(self) -> set[ReasonCode | None]:
        self.session.finish()
        self.session.write(self._at_s + 1.0)
        return {*self.movements, *(one.rep.reason_code for one in self.reps.values())}


def after(*legs: tuple[float, float], **station: Any) -> Station:
    done = Station(**station)
    done.move(*legs)
    return done


def marked(name: Any, **given: Any) -> Callable[[], Station]:
    def do() -> Station:
        station = after(*TOP, *rdl(3))
        if name == "mark-rep":
            given["rep_event_id"] = station.ids[1]
        assert station.ask(name, **given).code is ReplyCode.DONE
        return station

    return do


def short_of_the_athletes_range() -> Station:
    station = Station()
    station.ask("set-target", target_reps=5, full_range_m=0.7)
    station.move(*TOP, *rdl(2))
    return station


def a_sensor_that_was_blind_on_the_way_down() -> Station:
    station = after(*TOP)
    station.skip(0.1, -0.2)  # nothing but its end was seen of the eccentric
    station.move((1.0, 0.4))
    return station


REASONS: dict[ReasonCode, Callable[[], Station]] = {
    ReasonCode.PICK_UP: lambda: after((1.0, 0.0), (1.5, 0.55), (2.0, 0.0), *rdl(3)),
    ReasonCode.SET_DOWN: lambda: after(*TOP, *rdl(3), (1.5, -0.55), (8.0, 0.0)),
    ReasonCode.UNRACK: lambda: after((1.0, 0.0), (0.6, 0.045), *TOP, *rdl(4)),
    ReasonCode.RE_RACK: lambda: after(*TOP, *rdl(4), (0.6, -0.045), (8.0, 0.0)),
    ReasonCode.SET_DOWN_AND_PICK_UP: lambda: after(
        *TOP, *rdl(4), (1.8, -0.65), (3.0, 0.0), (1.2, 0.65), (1.0, 0.0), *rdl(2)
    ),
    ReasonCode.TOO_QUICK: lambda: after(*TOP, (0.1, 0.4), (0.4, -0.4), *TOP),
    # A bob at the floor, and then the bar is picked up.
    ReasonCode.WITHDRAWN: lambda: after(*TOP, (1.0, -0.1), (0.4, 0.1), (2.0, 0.2), (1.0, 0.1)),
    ReasonCode.UNMEASURED: a_sensor_that_was_blind_on_the_way_down,
    ReasonCode.SHORT_OF_LEAST: lambda: after(*TOP, *rdl(3, rom_m=0.09)),
    ReasonCode.SHORT_OF_SET: lambda: after(*TOP, *rdl(3, rom_m=0.6), *rdl(1, rom_m=0.3), *rdl(1)),
    ReasonCode.SHORT_OF_ATHLETE: short_of_the_athletes_range,
    ReasonCode.MARKED_FALSE: marked("mark-rep", mark="false"),
    ReasonCode.MARKED_PARTIAL: marked("mark-rep", mark="partial"),
    ReasonCode.MARKED_FAILED: marked("mark-rep", mark="failed"),
    ReasonCode.SET_RESTARTED: marked("restart-set"),
}


@pytest.mark.parametrize("code", ReasonCode)
def test_a_movement_is_said_with_its_reason(code: ReasonCode) -> None:
    assert code in REASONS[code]().reasons()


def asked_twice(name: Any, **given: Any) -> ReplyCode | None:
    station = after(*TOP)
    station.ask("set-athlete", athlete="ana")
    station.ask(name, **given)
    return station.ask(name, **given).code


def ended_too_long_ago() -> ReplyCode | None:
    station = after(*TOP, *rdl(2))
    station.ask("end-set")
    station.move((60.0, 0.0), *rdl(2))
    return station.ask("undo").code


REPLIES: dict[ReplyCode, Callable[[], ReplyCode | None]] = {
    ReplyCode.DONE: lambda: Station().ask("set-load", load_kg=60.0).code,
    ReplyCode.UNDONE: lambda: [(one := Station()).ask("mute"), one.ask("undo")][1].code,
    ReplyCode.NOTHING_TO_UNDO: lambda: Station().ask("undo").code,
    ReplyCode.TOO_LATE: ended_too_long_ago,
    ReplyCode.MISSING: lambda: Station().ask("set-exercise").code,
    ReplyCode.OUT_OF_BOUNDS: lambda: Station().ask("set-load", load_kg=1e9).code,
    ReplyCode.ALREADY: lambda: asked_twice("sign-off"),
    ReplyCode.NO_ATHLETE: lambda: Station().ask("sign-off").code,
    ReplyCode.NO_SET: lambda: Station().ask("restart-set").code,
    ReplyCode.UNKNOWN_EXERCISE: lambda: Station().ask("set-exercise", exercise="yoga").code,
    ReplyCode.UNKNOWN_REP: lambda: Station().ask("mark-rep", rep_event_id="another-s1-r1", mark="false").code,
    ReplyCode.UNKNOWN_SET: lambda: Station().ask("load-set", set_event_id="another-s1", load_kg=9.0).code,
    ReplyCode.NOT_HERE: lambda: Station().ask("tare").code,
}


ELSEWHERE = (ReplyCode.ERASED, ReplyCode.UNKNOWN_BADGE, ReplyCode.REFUSED)  # the record's, and no command's


@pytest.mark.parametrize("code", [code for code in ReplyCode if code not in ELSEWHERE])
def test_a_command_is_answered_with_its_code(code: ReplyCode) -> None:
    assert REPLIES[code]() is code
