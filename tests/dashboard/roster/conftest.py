"""A coach's app before a station, on a real broker, with a record that knows who lifts."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.events import Key
from textual.keys import key_to_character
from textual.widgets import Input

from dashboard.broker.client import Client
from dashboard.database.schema import open_history, open_writable
from dashboard.history.recall import Recall
from dashboard.roster.athletes import athletes, save
from dashboard.roster.people import Athlete
from dashboard.tui.app import PlumblineApp
from dashboard.tui.dialogs.ask import AskScreen
from station.config import Mqtt
from station.exercises import all_profiles
from station.messages import CommandMessage, decode

PROFILES = all_profiles()


class Desk:
    """A coach's app before a station, and the record behind it."""

    def __init__(self, app: PlumblineApp, pilot: Any, edge: Any, looks: Any, where: Path) -> None:
        self.app, self.pilot, self.edge, self.looks, self.where = app, pilot, edge, looks, where

    async def poll(self, true: Callable[[], object]) -> None:
        await self.looks.poll(self.pilot, true, 20.0)

    async def shows(self, words: str) -> None:
        await self.poll(lambda: words in self.looks.text(self.app))

    async def fill(self, *keys: str, **lines: str) -> None:
        """Open a form, put these into the lines whose labels begin so, and send it."""
        await self.pilot.press(*keys)
        await self.poll(lambda: isinstance(self.app.screen, AskScreen))
        form = self.app.screen
        assert isinstance(form, AskScreen)
        labels = [field.label for field in form._fields]
        await self.poll(lambda: len(form.query(Input)) == len(labels))
        for word, text in lines.items():
            (place,) = [n for n, label in enumerate(labels) if label.split()[0].strip(",:") == word]
            form.query(Input)[place].value = text
        await self.pilot.press("enter")

    def type_ahead(self, *keys: str) -> None:
        """Press keys faster than the app can take them."""
        for key in keys:
            char = key if len(key) == 1 else key_to_character(key)
            self.app.post_message(Key(key, char))

    def commands(self, name: str) -> list[CommandMessage]:
        found = [decode("command", one.payload) for one in self.edge.heard]
        return [one for one in found if isinstance(one, CommandMessage) and one.name == name]

    def heard_since(self, place: int) -> list[CommandMessage]:
        """The commands after the first so many."""
        return [decode("command", one.payload) for one in self.edge.heard[place:]]  # type: ignore[misc]

    def people(self) -> dict[str, Athlete]:
        with open_history(self.where) as db:
            return {one.name: one for one in athletes(db)}


@pytest.fixture
def desk(broker: Any, edge: Any, until: Any, tmp_path: Path, looks: Any) -> Iterator[Callable[..., None]]:
    """Drive a coach's app that knows these people from the record."""
    where = tmp_path / "h.db"
    client = Client(Mqtt(host="127.0.0.1", port=broker.port, tls=False))

    def run(people: list[Athlete], drive: Callable[[Desk], Any], size: tuple[int, int] = (80, 24)) -> None:
        with open_writable(where) as db:
            save(db, people)
        client.start()
        until(lambda: client.connection.up)
        with Recall(where) as recall:
            until(lambda: recall.known.athletes)
            app = PlumblineApp(client, PROFILES, by="cleo", recall=recall, history=str(where))

            async def ready(pilot: Any) -> None:
                hands = Desk(app, pilot, edge, looks, where)
                await hands.shows("rack-1")
                await drive(hands)

            looks.run(app, size, ready)

    yield run
    client.stop()
