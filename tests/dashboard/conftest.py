"""A scripted edge and its words, a client whose clock stands still, a PostgreSQL server, eyes for the app."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest

from dashboard.broker.client import ConnectionState
from dashboard.broker.events import Packet
from dashboard.broker.inbox import Inbox
from dashboard.tui.messages import FloorChanged
from edge.broker.mosquitto import Broker
from station.messages import (
    CurrentMessage,
    CurrentRep,
    HealthMessage,
    InfoMessage,
    LiveMessage,
    Message,
    RepMessage,
    Sensor,
    SetMessage,
    StateMessage,
    encode,
)
from station.records import Live, Rep, SetSummary
from station.topics import RETAINED, Address
from tests.dashboard.colours import drawn
from tests.servers import Postgres


class Words:
    """Messages as an edge sends them; every field can be given, the others are plausible."""

    def __init__(self, session: str = "a1") -> None:
        self.session = session

    def state(self, state: str = "ready", **given: Any) -> StateMessage:
        return StateMessage(**self._head("state"), **({"session": self.session, "state": state} | given))

    def info(self, exercise: str = "romanian-deadlift", **given: Any) -> InfoMessage:
        fields = {
            "session": self.session,
            "software": "0.1.0",
            "kind": "barbell",
            "sensors": [Sensor(channel="position_m", rate_hz=100.0)],
            "geometry": {"travel_ratio": 1.0},
            "exercise": exercise,
            "velocity_loss_cutoff_pct": 20.0,  # the coach of these gyms prescribes one
        }
        return InfoMessage(**self._head("info"), **(fields | given))

    def health(self, session_s: float, **given: Any) -> HealthMessage:
        fields = {
            "session": self.session,
            "session_s": session_s,
            "link_up": True,
            "frames": 100,
            "frames_lost": 0,
            "frames_corrupt": 0,
            "samples_rejected": 0,
            "bytes_discarded": 0,
            "clock_drift_ppm": None,
            "outbox_depth": 0,
        }
        return HealthMessage(**self._head("health"), **(fields | given))

    def live(self, session_s: float, position_m: float | None = 0.5, **given: Any) -> LiveMessage:
        fields = {"velocity_mps": 0.0, "force_n": None, "x_m": None, "phase": "top"} | given
        live = Live(session_s=session_s, position_m=position_m, **fields)
        return LiveMessage(**self._head("live"), session=self.session, live=live)

    def rep(self, number: int = 1, set_number: int = 1, **given: Any) -> RepMessage:
        fields: dict[str, Any] = {
            "event_id": f"{self.session}-s{set_number}-r{number}",
            "at_utc": "2026-01-01T00:00:00.000Z",
            "stream": "f00",
            "seq": number,
            "session": self.session,
            "session_s": 4.0 * number,
            "revision": 1,
            "state": "confirmed",
            "exercise": "romanian-deadlift",
            "set_number": set_number,
        }
        envelope = {name: given.pop(name) for name in list(given) if name in RepMessage.__struct_fields__}
        return RepMessage(**(fields | envelope), rep=self.bare_rep(number, **given))

    def current(self, *reps: RepMessage, **given: Any) -> CurrentMessage:
        """The set of these reps as it stands; the first says which."""
        first = reps[0] if reps else None
        standing = [one.rep.counted for one in reps if one.state != "rejected"]
        fields: dict[str, Any] = {
            "session": self.session,
            "session_s": max((one.session_s for one in reps), default=0.0),
            "set_event_id": f"{self.session}-s{first.set_number}" if first else None,
            "set_number": first.set_number if first else 1,
            "over": False,
            "exercise": first.exercise if first else "romanian-deadlift",
            "athlete": first.athlete if first else None,
            "load_kg": first.load_kg if first else None,
            "counted_reps": sum(standing),
            "partial_reps": len(standing) - sum(standing),
            "reps": [
                CurrentRep(event_id=m.event_id, revision=m.revision, state=m.state, rep=m.rep) for m in reps
            ],
        }
        return CurrentMessage(**self._head("current"), **(fields | given))

    def bare_rep(self, number: int = 1, **given: Any) -> Rep:
        start_s = 4.0 * number
        fields: dict[str, Any] = dict.fromkeys(Rep.__struct_fields__) | {
            "number": number,
            "counted": True,
            "start_s": start_s,
            "end_s": start_s + 3.0,
            "eccentric_end_s": start_s + 2.0,
            "concentric_start_s": start_s + 2.0,
            "concentric_end_s": start_s + 3.0,
            "eccentric_s": 2.1,
            "bottom_pause_s": 0.0,
            "concentric_s": 0.9,
            "top_pause_s": 1.1,
            "rom_m": 0.47,
            "mean_concentric_velocity_mps": 0.52,
            "path_deviation_m": 0.023,
            "path_deviation_sigma_m": 0.002,
            "velocity_loss_pct": 8.0,
        }
        return Rep(**(fields | given))

    def set(self, number: int = 1, **given: Any) -> SetMessage:
        envelope = {
            "event_id": f"{self.session}-s{number}",
            "at_utc": "2026-01-01T00:00:00.000Z",
            "stream": "f00",
            "seq": 100 + number,
            "session": self.session,
            "session_s": 60.0,
            "revision": 1,
            "exercise": "romanian-deadlift",
        }
        summary = {
            "number": number,
            "counted_reps": 8,
            "partial_reps": 0,
            "start_s": 4.0,
            "end_s": 40.0,
            "fastest_mean_concentric_velocity_mps": 0.56,
            "last_mean_concentric_velocity_mps": 0.52,
            "velocity_loss_pct": 8.0,
            "median_rom_m": 0.47,
            "largest_path_deviation_m": 0.03,
        }
        envelope |= {name: given.pop(name) for name in list(given) if name in SetMessage.__struct_fields__}
        return SetMessage(**envelope, summary=SetSummary(**(summary | given)))

    def _head(self, leaf: str) -> dict[str, str]:
        return {"event_id": f"{self.session}-{leaf}", "at_utc": "2026-01-01T00:00:00.000Z"}


@pytest.fixture
def words() -> type[Words]:
    """The factory of messages, by session."""
    return Words


@pytest.fixture
def at() -> Callable[[str, Message], Address]:
    """A message's address on a station of the site `gym`."""

    def address(station: str, message: Message) -> Address:
        return Address("gym", station, type(message).__name__.removesuffix("Message").lower())

    return address


@pytest.fixture
def clock_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Put this machine's clock into a zone."""

    def put(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield put
    monkeypatch.undo()
    time.tzset()


class Edge:
    """Publishes what it is told, and keeps what is sent to it."""

    def __init__(self, port: int) -> None:
        self.heard: list[paho.MQTTMessage] = []
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.on_message = lambda _client, _data, message: self.heard.append(message)
        self._client.reconnect_delay_set(0, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._client.subscribe("plumbline/1/gym/+/command", qos=1)

    def say(self, station: str, *messages: Message, site: str = "gym") -> None:
        """Publish messages as this station."""
        for message in messages:
            leaf = type(message).__name__.removesuffix("Message").lower()
            self.send(Address(site, station, leaf).topic, encode(message), leaf in RETAINED)

    def send(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Publish bytes."""
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(5.0)

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""
        return self._client.is_connected()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def edge(broker: Broker) -> Iterator[Edge]:
    """A scripted edge on the running broker."""
    edge = Edge(broker.port)
    yield edge
    edge.close()


class StillClient:
    """Stands where the client stands, without a network: what is put in is what was received."""

    brings_live = True

    def __init__(self) -> None:
        self.inbox = Inbox(1000, 1_000_000)  # a test says in a moment what takes half a minute
        self.connection = ConnectionState(True, "gym.local:8883", 0.0)
        self.flooded: list[str] = []
        self.watched: tuple[str, str] | None = None
        self.now_s = 1000.0

    @property
    def heard_until_s(self) -> float:
        return self.now_s

    def put(self, station: str, *messages: Message, site: str = "gym") -> None:
        """Receive these now."""
        for message in messages:
            leaf = type(message).__name__.removesuffix("Message").lower()
            packet = Packet(Address(site, station, leaf).topic, encode(message), self.now_s)
            self.inbox.put(packet)

    def unanswered(self) -> list[Any]:
        return []


@pytest.fixture
def still() -> StillClient:
    """A client whose clock stands still."""
    return StillClient()


@pytest.fixture(params=["sqlite", "postgres"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new history goes: once a file, once a PostgreSQL database."""
    if request.param == "sqlite":
        return str(tmp_path / "history.db")
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()


class Looks:
    """A headless app: drive it, read its screen, compare that with a reviewed file."""

    def run(self, app: Any, size: tuple[int, int], drive: Callable[[Any], Any]) -> None:
        """Drive the app."""

        async def driven() -> None:
            async with app.run_test(size=size, notifications=True) as pilot:
                await drive(pilot)

        asyncio.run(driven())

    def text(self, app: Any) -> str:
        """What stands on the screen, a line per row."""
        width, height = app.size
        rows = app.screen._compositor.render_strips()[:height]
        return "".join(strip.crop(0, width).text.rstrip() + "\n" for strip in rows)

    async def settle(self, pilot: Any) -> None:
        """Take in what has arrived and draw it, until the screen does not change any more."""
        app = pilot.app
        seen: list[str] = []
        while len(seen) < 3 or len(set(seen[-3:])) > 1:
            assert len(seen) < 100, "the screen does not come to rest"
            app.flush()
            app.post_message(FloorChanged(app.floor))
            await pilot.pause()
            focused = app.focused is not None and app.focused.has_focus
            chosen = focused or not app.screen.query("#tiles > Tile")
            seen.append(self.text(app) if chosen and not app.screen._dirty_widgets else str(len(seen)))

    async def poll(self, pilot: Any, true: Callable[[], object], timeout_s: float = 5.0) -> None:
        """Let the app run until something is so."""
        for _ in range(int(timeout_s / 0.02)):
            if true():
                return
            await pilot.pause(0.02)
        raise AssertionError(f"it did not become true in time; on the screen:\n{self.text(pilot.app)}")

    async def in_each(self, pilot: Any, themes: Sequence[str]) -> AsyncIterator[str]:
        """What stands there in one theme after the other, from the first, which it has; and back to that."""
        yield themes[0]
        said = self.text(pilot.app)
        for name in (*themes[1:], themes[0]) if themes[1:] else ():
            before = drawn(pilot.app)
            pilot.app._prefer(theme=name)
            await self.poll(
                pilot, lambda before=before: drawn(pilot.app) != before and self.text(pilot.app) == said
            )
            if name != themes[0]:
                yield name

    def check(self, name: str, text: str) -> None:
        """Compare with the reviewed file; PLUMBLINE_ACCEPT=1 writes it anew, to be read before the commit."""
        path = Path(__file__).parent / "tui" / "expected" / f"{name}.txt"
        if os.environ.get("PLUMBLINE_ACCEPT"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")


@pytest.fixture
def looks() -> Looks:
    """Hands and eyes for the app."""
    return Looks()
