"""The pictures of the screens in docs/: the demo as it runs, and a history of invented numbers.

    python -m tests.pictures [NAME ...]      all of them take two minutes or so

Look at what has come out before committing it.
"""

import asyncio
import re
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

import dashboard.tui.app
from dashboard.broker.client import Client, ConnectionState
from dashboard.broker.events import Arrival, Packet, read_all
from dashboard.demo.gym import DemoGym, coach
from dashboard.floor.attention import Attention
from dashboard.floor.views import StationView
from dashboard.history.recall import Recall
from dashboard.record.embedded import EmbeddedRecord
from dashboard.record.store import Arrived, open_store
from dashboard.tui.app import PlumblineApp
from station.config import Mqtt
from station.exercises import all_profiles
from station.messages import InfoMessage
from tests.dashboard.conftest import Words

DOCS = Path(__file__).parent.parent / "docs"
NAMES = ("floor", "station", "health", "lifter", "history")
RACK = ("gym", "rack-1")
COACH, LIFTER = (120, 40), (100, 30)
PATIENCE_S = 180.0


class GymsClient(Client):
    """Says the name a gym's broker has."""

    def __init__(self, mqtt: Mqtt) -> None:
        self._link = ConnectionState(False, "", 0.0)
        super().__init__(mqtt)

    @property
    def connection(self) -> ConnectionState:  # type: ignore[override]
        return self._link

    @connection.setter
    def connection(self, found: ConnectionState) -> None:
        self._link = ConnectionState(found.up, "gym.local:8883", found.since_s)


def read_as_if_set(packets: Iterable[Packet]) -> tuple[list[Arrival], int]:
    """As on a machine whose clock is set, which the one that takes the pictures may not be."""
    arrivals, refused = read_all(packets)
    return [
        one._replace(message=msgspec.structs.replace(one.message, clock_synchronised=True))
        if isinstance(one.message, InfoMessage)
        else one
        for one in arrivals
    ], refused


def take(app: PlumblineApp, name: str) -> None:
    """Write the screen as it is; the file loads nothing from anywhere."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", app.export_screenshot(), flags=re.DOTALL)
    svg = svg.replace("Fira Code, monospace", "monospace")
    (DOCS / f"{name}.svg").write_text(svg, encoding="utf-8")
    print(name, flush=True)


def drive(app: PlumblineApp, size: tuple[int, int], work: Callable[[Any], Awaitable[None]]) -> None:
    """Run the app without a terminal."""

    async def driven() -> None:
        async with app.run_test(size=size) as pilot:
            await work(pilot)

    asyncio.run(driven())


async def until(pilot: Any, so: Callable[[], object]) -> None:
    """Let the app run until something is so."""
    end_s = time.monotonic() + PATIENCE_S
    while not so():
        if time.monotonic() > end_s:
            raise TimeoutError("what the picture is to show did not come")
        await pilot.pause(0.02)


def live(names: set[str]) -> None:
    """Pictures of the demo, in an athlete's second set or later."""
    with DemoGym(1, threading.Event()) as gym:
        profiles = all_profiles()
        client = GymsClient(gym.mqtt)
        meet = coach(client)
        with EmbeddedRecord(gym.mqtt, None, gym.database, profiles), Recall(gym.database) as recall:
            client.start()
            if "lifter" in names:
                app = PlumblineApp(client, profiles, on_floor=meet, lifter_at=RACK[1])
                drive(app, LIFTER, partial(at_the_rack, app))
            else:
                app = PlumblineApp(client, profiles, on_floor=meet, by="cleo", recall=recall)
                drive(app, COACH, partial(at_the_desk, app))
            client.stop()


async def at_the_desk(app: PlumblineApp, pilot: Any) -> None:
    """The floor with somebody who needs a look, a station in the middle of a set, every station's health."""

    def at_work() -> bool:
        found = [app.view_of(key) for key in app.floor.stations]
        calls = any(one.attention < Attention.FINE for one in found)
        return len(found) == 4 and calls and all(lifting(one, 3) for one in found)

    await until(pilot, at_work)
    take(app, "floor")
    app.screen._tiles[RACK].focus()  # type: ignore[attr-defined]  # wherever it stands by attention
    await pilot.press("enter")
    await until(pilot, lambda: lifting(app.view_of(RACK), 6) and app.view_of(RACK).phase == "concentric")
    take(app, "station")
    await pilot.press("escape", "i")
    await pilot.pause(0.5)
    take(app, "health")


async def at_the_rack(app: PlumblineApp, pilot: Any) -> None:
    """The lifter half-way down."""

    def half_way_down() -> bool:
        if RACK not in app.floor.stations:
            return False
        view, place = app.view_of(RACK), app.screen._pace.place  # type: ignore[attr-defined]
        return lifting(view, 3) and view.phase == "eccentric" and place is not None and 0.3 < place < 0.7

    await until(pilot, half_way_down)
    take(app, "lifter")


def lifting(view: StationView, reps: int) -> bool:
    """Whether a later set has so many reps and goes on."""
    return view.counted >= reps and "/" in view.set_words and view.sets_begun > 1 and not view.set_over


def past() -> None:
    """A history nobody has lifted: nine days of ana's at three loads, and one of ben's."""
    loads = ((50.0, 0.60), (70.0, 0.50), (90.0, 0.37))
    days = [(load_kg, fastest + faster) for faster in (0.0, 0.02, 0.05) for load_kg, fastest in loads]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "history.db"
        with open_store(str(file)) as store:
            for day, (load_kg, fastest) in enumerate(days, 1):
                say = Words(f"d{day}")
                for number in range(1, 7):
                    rep = say.rep(
                        number,
                        mean_concentric_velocity_mps=fastest - 0.012 * (number - 1) - 0.002 * day,
                        path_deviation_m=0.018 + 0.003 * (number % 3) + 0.001 * day,
                        athlete="ana",
                        load_kg=load_kg,
                        stream=f"f{day}",
                        at_utc=f"2026-11-{2 * day - 1:02d}T17:05:{number:02d}.000Z",
                    )
                    store.ingest([Arrived("gym", "rack-1", rep)])
            ben = Words("b").rep(1, athlete="ben", exercise="deadlift", at_utc="2026-11-02T17:00:00.000Z")
            store.ingest([Arrived("gym", "rack-2", ben)])
        client = GymsClient(Mqtt(host="127.0.0.1", port=1, tls=False))
        client.connection = ConnectionState(True, "", 0.0)
        app = PlumblineApp(client, all_profiles(), history=str(file))

        async def look(pilot: Any) -> None:
            await pilot.press("y")
            await pilot.pause(1.5)
            take(app, "history")

        drive(app, COACH, look)


def main(names: list[str]) -> int:
    """Take the named pictures, or all."""
    dashboard.tui.app.read_all = read_as_if_set  # type: ignore[attr-defined]
    wanted = set(names or NAMES)
    if wanted - set(NAMES):
        print(f"there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    for together in ({"floor", "station", "health"}, {"lifter"}):
        if wanted & together:
            live(wanted & together)
    if "history" in wanted:
        past()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
