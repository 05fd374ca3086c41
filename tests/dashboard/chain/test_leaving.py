"""Who leaves a server that answers nothing, and who stays: a relay, an ingest, with a clock of the test's."""

import asyncio
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from dashboard.chain import relay as relay_module
from dashboard.chain.changes import Changes
from dashboard.chain.connection import NatsConnection
from dashboard.chain.ingest import Ingest
from dashboard.chain.relay import Relay
from dashboard.chain.store import ChainStore
from station.messages import AckMessage, StreamAck, encode, now_utc
from tests.dashboard.chain.conftest import GymHistory


class Published:
    """The servers, as a relay sees them: what it sends them is kept."""

    is_connected = True

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.answer: Callable[[Any], Any] | None = None

    async def subscribe(self, subject: str, cb: Callable[[Any], Any]) -> None:
        self.answer = cb

    async def publish(self, subject: str, data: bytes) -> None:
        self.sent.append(data)


class Left(NatsConnection):
    """A connection that keeps why it was left."""

    def __init__(self) -> None:
        self.problem: str | None = None
        self.refused = 0
        self.left: list[str] = []

    def leave(self, why: str) -> None:
        self.left.append(why)


@pytest.mark.parametrize("what", ["idle", "silent", "answered", "refused"])
def test_a_relay_leaves_a_server_that_answers_nothing_and_no_other(
    gym_a: GymHistory, make_rep: Any, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    changes, link, servers = Changes(gym_a.store.db, "gym-a"), Left(), Published()
    changes.install()
    relay = Relay(changes, link, "gym-a")
    now_s = [1000.0]
    monkeypatch.setattr(relay_module, "time", SimpleNamespace(monotonic=lambda: now_s[0], time=time.time))
    if what != "idle":
        gym_a.take(make_rep(1, stream="s", seq=1))
    link.problem = "refused" if what == "refused" else None
    looks = iter(range(200))

    async def answer() -> None:
        streams = [StreamAck(stream=relay._begun.stream, committed_seq=1)]
        ack = AckMessage(event_id="a", at_utc=now_utc(), streams=streams)
        assert servers.answer is not None
        await servers.answer(SimpleNamespace(data=encode(ack)))

    async def turn(_delay_s: float) -> None:
        now_s[0] += 1.0
        if what == "answered" and servers.sent:
            await answer()

    monkeypatch.setattr(relay_module.asyncio, "sleep", turn)
    asyncio.run(relay._relay(servers, lambda: next(looks) == 199))  # type: ignore[arg-type]
    assert bool(servers.sent) == (what != "idle")
    assert len(link.left) == (3 if what == "silent" else 0), "after 30, 60 and 120 s, and 240 to come"


@pytest.mark.parametrize(("answers", "left"), [("----", 1), ("---+---", 0), ("--------", 2)])
def test_an_ingest_leaves_a_server_that_answers_nothing_time_after_time(answers: str, left: int) -> None:
    """By counting: however long its database takes in between, that is nobody's silence."""
    link = Left()
    one = Ingest(ChainStore("postgresql://nobody@127.0.0.1/none"), link)

    class Js:
        async def consumer_info(self, *_: str) -> Any:
            if next(to_come) == "+":
                return SimpleNamespace(num_pending=0, num_ack_pending=0)
            raise TimeoutError("nats: timeout")

    to_come = iter(answers)
    for _ in answers:
        one._look_at = 0.0
        asyncio.run(one._look(Js()))  # type: ignore[arg-type]
    assert link.left == ["nats: timeout"] * left
