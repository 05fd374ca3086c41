"""A session with doubles on either side: a scripted pipeline before it, a listening publisher behind it."""

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from edge.counting.sets import SetBook
from edge.counting.zero import CellZero
from edge.delivery.outbox import Outbox
from edge.link.drivers import Samples
from edge.node.session import Session
from station.config import StationFile, StationTable
from station.exercises import load_profile
from station.messages import (
    CommandMessage,
    CurrentMessage,
    InfoMessage,
    LiveMessage,
    ReplyMessage,
    decode,
)
from station.records import Live

NOW = "2030-01-01T00:00:00.000Z"
LIVE = Live(session_s=1.0, position_m=None, velocity_mps=None, force_n=None, x_m=None, phase=None)


class Script:
    """A pipeline that says what it was told to say; the book of its sets is a real one."""

    def __init__(self, _: Any, profile: Any) -> None:
        self.sets = SetBook(profile)
        self.next: list[Any] = []
        self.idle_at: list[float] = []
        self.done: list[Any] = []
        self.newest_s = 5.0
        self.cell = CellZero()
        self.cell.take_off(Samples("force_n", np.array([0.0]), np.array([1.0])))
        self.weighs = False

    @property
    def now_s(self) -> float:
        return self.newest_s

    def feed(self, samples: Sequence[Samples]) -> list[Any]:
        said, self.next = self.next, []
        return [event for one in said for event in (one(self.sets) if callable(one) else [one])]

    def idle(self, session_s: float) -> list[Any]:
        self.idle_at.append(session_s)
        return []

    def finish(self) -> list[Any]:
        return self.feed([])

    def end_set(self, athlete: str | None) -> list[Any]:
        self.done.append("end-set")
        return self.sets.begin_section(self.newest_s, self.newest_s, athlete=athlete)

    def restart_set(self, by: str) -> Any:
        return self.sets.restart(self.newest_s, by, self.newest_s)

    def reopen_set(self, line: int) -> bool:
        return self.sets.undo_section(line, self.newest_s)

    def set_profile(self, profile: Any, athlete: str | None) -> list[Any]:
        self.done.append(profile.name)
        return self.sets.begin_section(self.newest_s, self.newest_s, profile=profile, athlete=athlete)

    def set_load(self, load_kg: float | None) -> None:
        self.done.append(load_kg)
        self.sets.set_load(load_kg, self.newest_s)

    def set_full_range(self, full_range_m: float | None) -> None:
        self.done.append(("full range", full_range_m))
        self.sets.set_full_range(full_range_m)


class ListeningSender:
    """A station's sender that keeps what it is given, and hands on the commands a test puts in."""

    def __init__(self) -> None:
        self.lives: list[LiveMessage] = []
        self.retained: list[Any] = []
        self.replies: list[ReplyMessage] = []
        self.waiting: list[CommandMessage] = []
        self.inbox = self

    def wake(self) -> None: ...

    @property
    def infos(self) -> list[InfoMessage]:
        return [message for message in self.retained if isinstance(message, InfoMessage)]

    @property
    def current(self) -> CurrentMessage:
        return next(m for m in reversed(self.retained) if isinstance(m, CurrentMessage))

    def live(self, message: LiveMessage) -> None:
        self.lives.append(message)

    def retain(self, message: Any) -> None:
        self.retained.append(message)

    def reply(self, message: ReplyMessage) -> None:
        self.replies.append(message)

    def take(self) -> list[CommandMessage]:
        taken, self.waiting = self.waiting, []
        return taken


class Nothing:
    """Stands for an outbox and a sender that nobody asks anything of."""

    @property
    def inbox(self) -> Self:
        return self

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *_, **__: []


class Bench:
    """A session with a scripted pipeline, a real outbox and somebody who listens."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self.hears = ListeningSender()
        station = StationFile(station=StationTable(id="rack-1", kind="barbell"))
        self.session = Session(station, load_profile("rdl"))
        self.session.attach(outbox, self.hears)  # type: ignore[arg-type]
        self.pipeline: Any = self.session.pipeline
        self.now_s = 100.0
        self._commands = 0

    def measure(self, *events: Any) -> None:
        self.pipeline.next = list(events)
        self.now_s += 0.1
        time_s = np.array([self.now_s - 100.0])
        self.session.step([Samples("position_m", time_s, np.array([1.0]))], self.now_s)
        self.session.write(self.now_s)

    def ask(self, name: Any, event_id: str | None = None, **given: Any) -> ReplyMessage:
        self._commands += 1
        event_id = event_id or f"c{self._commands}"
        self.hears.waiting.append(
            CommandMessage(event_id=event_id, at_utc=NOW, name=name, by="coach", **given)
        )
        self.session.step([], self.now_s)
        self.session.write(self.now_s)
        return self.hears.replies[-1]

    @property
    def sent(self) -> list[Any]:
        return [decode(entry.leaf, entry.payload) for entry in self.outbox.unacknowledged("rack-1", 10_000)]


def ended(sets: SetBook) -> list[Any]:
    return list(sets.end(9.0))
