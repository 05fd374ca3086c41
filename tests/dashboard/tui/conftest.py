"""The record on a real broker, and a coach before her screen."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from dashboard.broker.client import Client
from dashboard.database.schema import open_history
from dashboard.record.embedded import EmbeddedRecord
from dashboard.tui.app import PlumblineApp
from station.config import Mqtt
from station.errors import StoreError
from station.exercises import all_profiles
from station.messages import Message, RepMessage
from tests.dashboard.tui.hands import Coach, screen_text

PROFILES = all_profiles()


@pytest.fixture
def gym(broker: Any, edge: Any, until: Any, looks: Any, tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """The record on a real broker, and a coach called cleo before her screen."""
    where = tmp_path / "history.db"
    mqtt = Mqtt(host="127.0.0.1", port=broker.port, tls=False)
    client = Client(mqtt)

    def run(said: list[Message], drive: Callable[[Any, PlumblineApp], Any]) -> Path:
        with EmbeddedRecord(mqtt, None, where, PROFILES):
            wanted = sum(isinstance(one, RepMessage) for one in said)
            # Said again and again, as an outbox does: the record may not listen yet.
            until(lambda: edge.say("rack-1", *said) or kept_reps(where) == wanted)
            client.start()
            until(lambda: client.connection.up)
            app = PlumblineApp(client, PROFILES, by="cleo", history=str(where))

            async def ready(pilot: Any) -> None:
                await looks.poll(pilot, lambda: "rack-1" in looks.text(app))
                await drive(pilot, app)

            looks.run(app, (120, 40), ready)
        return where

    yield run
    client.stop()


def kept_reps(where: Path) -> int:
    """How many reps the history has; none while it is being made."""
    try:
        with open_history(str(where)) as db:
            return int(db.rows(text("SELECT COUNT(*) AS found FROM reps"))[0]["found"])
    except StoreError:
        return 0


@pytest.fixture
def coach(broker: Any, edge: Any, until: Any) -> Iterator[Callable[..., None]]:
    """Drive the app as a coach called cleo, a station with two reps before her."""
    clients: list[Client] = []

    def drive(say: Any, size: tuple[int, int], what: Callable[[Coach], Any], **given: Any) -> None:
        client = Client(Mqtt(host="127.0.0.1", port=broker.port, tls=False))
        clients.append(client)
        client.start()
        until(lambda: client.connection.up)
        given = {"by": "cleo"} | given
        app = PlumblineApp(client, all_profiles(), **given)

        async def driven() -> None:
            async with app.run_test(size=size, notifications=True) as pilot:
                hands = Coach(app, pilot, edge)
                await hands.poll(lambda: app.floor.stations)
                edge.say("rack-1", say.live(9.0), say.rep(1), say.rep(2))
                await hands.poll(lambda: "0.52" in screen_text(app) or "▀" in screen_text(app))
                await what(hands)

        asyncio.run(driven())

    yield drive
    for client in clients:
        client.stop()
