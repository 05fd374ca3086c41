"""A floor over two gyms: through real servers, on request, each coach what is theirs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dashboard.broker.events import Packet, read_all
from dashboard.chain.batch import pack
from dashboard.chain.connection import Servers, url_of
from dashboard.chain.floor.client import ChainClient
from dashboard.chain.floor.looks import (
    AGAIN_S,
    FLOOR_S,
    LIVE_S,
    LOOK_KEPT_S,
    MOST_BYTES,
    MOST_EVENTS,
    MOST_LOOKS,
    FloorUpdate,
    FloorUpdates,
    StationUpdate,
    WatchRequest,
    unpack,
)
from dashboard.record.store import open_store
from dashboard.tui.app import PlumblineApp
from dashboard.tui.screens.station import StationScreen
from dashboard.tui.widgets.tile import Tile
from station.cli import main
from station.errors import MessageError
from station.exercises import all_profiles
from station.messages import LiveMessage
from tests.dashboard.chain.conftest import Processes
from tests.servers import NatsServers


def packet(station: str, leaf: str, payload: bytes = b"{}", at_s: float = 0.0) -> Packet:
    return Packet(f"plumbline/1/gym-a/{station}/{leaf}", payload, at_s)


def look(who: str = "one", station: str | None = None) -> bytes:
    return msgspec.json.encode(WatchRequest(who, station))


def said(updates: FloorUpdates, now_s: float) -> list[tuple[str, str, str]]:
    """What is due, as whoever looks gets it."""
    found = [one for update in updates.due(now_s) for one in unpack(pack(update)).said]
    return [(one.station, one.leaf, one.payload) for one in found]


def test_nobody_looks_and_nothing_is_said() -> None:
    updates = FloorUpdates()
    updates.heard([packet("rack-1", "state"), packet("rack-1", "live")], 0.0)
    assert list(updates.due(0.0)) == []
    updates.look(look(), 1.0)
    assert said(updates, 1.0) == [("rack-1", "state", "{}")]
    updates.heard([packet("rack-1", "state", b"[]")], 2.0)
    assert list(updates.due(1.0 + LOOK_KEPT_S)) == []  # whoever looked is gone


def test_live_values_are_of_the_station_that_is_watched_and_end_with_it() -> None:
    updates = FloorUpdates()
    updates.look(look(station="rack-2"), 0.0)
    some = [
        packet("rack-1", "live"),
        packet("rack-2", "live"),
        packet("rack-1", "rep"),
        packet("rack-2", "rep"),
    ]
    updates.heard(some, 0.0)
    assert {one[:2] for one in said(updates, 0.0)} == {("rack-2", "live"), ("rack-2", "rep")}
    updates.look(look(station=None), 1.0)
    updates.heard(some, 1.0)
    assert said(updates, FLOOR_S + 1.0) == []


def test_of_a_station_the_newest_is_said_and_no_more_often_than_that() -> None:
    updates = FloorUpdates()
    updates.look(look(), 0.0)
    times = 0
    for tick in range(round(60.0 / LIVE_S)):
        now_s = tick * LIVE_S
        updates.look(look(), now_s)
        updates.heard([packet("rack-1", "health", str(tick).encode(), now_s)], now_s)
        found = said(updates, now_s)
        times += len(found)
        assert all(one == ("rack-1", "health", str(tick)) for one in found)
    assert times == 60.0 / FLOOR_S


def test_whoever_comes_later_is_told_everything_and_all_are_told_again() -> None:
    updates = FloorUpdates()
    updates.look(look("one"), 0.0)
    updates.heard([packet("rack-1", "info"), packet("rack-1", "state")], 0.0)
    assert len(said(updates, 0.0)) == 2
    updates.look(look("one"), 2.0)
    assert said(updates, 2.0) == []
    updates.look(look("two"), 4.0)
    assert len(said(updates, 4.0)) == 2
    updates.look(look("two"), AGAIN_S + 1.0)
    assert len(said(updates, AGAIN_S + 1.0)) == 2


def test_what_is_kept_and_said_is_bounded() -> None:
    updates = FloorUpdates()
    for number in range(5 * MOST_LOOKS):
        updates.look(look(f"{number}", "rack-1"), 0.0)
    updates.heard((packet(f"s-{n}", "state", b"x" * 60_000) for n in range(40)), 0.0)
    updates.heard((packet("rack-1", "live") for _ in range(10 * MOST_EVENTS)), 0.0)
    found = list(updates.due(0.0))
    assert sum(one.leaf == "live" for update in found for one in update.said) == MOST_EVENTS
    assert max(sum(len(one.payload) for one in update.said) for update in found) <= MOST_BYTES
    updates.heard([packet("rack-1", "state", b"x" * 70_000), packet("rack-1", "state", b"\xff")], 1.0)
    updates.heard([packet("rack-1", "command"), Packet("plumbline/1/x", b"{}", 0.0)], 1.0)
    assert said(updates, FLOOR_S) == []


@pytest.mark.parametrize(
    "bad", [b"", b"{}", b'{"schema":"plumbline/look/1"}', look("", None), look("x" * 65)]
)
def test_what_is_no_look_is_refused(bad: bytes) -> None:
    with pytest.raises(MessageError):
        FloorUpdates().look(bad, 0.0)


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"x",
        pack(FloorUpdate([StationUpdate("RACK", "live", 0.0, "")])),
        pack(FloorUpdate([StationUpdate("a", "live", -1.0, "")])),
    ],
    ids=["nothing", "noise", "no station", "from tomorrow"],
)
def test_what_is_no_floor_update_is_refused(bad: bytes) -> None:
    with pytest.raises(MessageError):
        unpack(bad)


@pytest.fixture
def two_gyms(
    broker: Any, nats_servers: NatsServers, processes: Processes, tmp_path: Path
) -> Iterator[Callable[[str, list[str]], ChainClient]]:
    """Relays of two gyms beside their broker; gives a coach's client."""
    file = tmp_path / "dashboard.toml"
    file.write_text(f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\ntls = false\n')
    for site in ("gym-a", "gym-b"):
        where = tmp_path / f"{site}.db"
        open_store(where).close()
        given = ("--db", str(where), "--broker", str(file), *nats_servers.options(site))
        processes.run("relay", "--site", site, *given)
    running: list[ChainClient] = []

    def client(coach: str, sites: list[str]) -> ChainClient:
        urls = [url_of(one) for one in nats_servers.addresses]
        who = str(nats_servers.folder.credential(f"{coach}.coach"))
        running.append(ChainClient(Servers(urls, str(nats_servers.ca), who), sites))
        return running[-1]

    yield client
    for one in running:
        one.stop()


def test_both_gyms_stand_on_one_floor_and_a_key_shows_one(
    two_gyms: Any, edge: Any, words: Any, looks: Any
) -> None:
    say = words()
    reps = [say.rep(number) for number in (1, 2, 3)]
    for site in ("gym-a", "gym-b"):
        edge.say("rack-1", say.state(), say.info(athlete=f"a-{site}"), say.health(1.0), site=site)
        edge.say("rack-1", say.current(*reps), site=site)
    app = PlumblineApp(two_gyms("bo", ["gym-a", "gym-b"]), all_profiles())
    app.client.start()

    async def drive(pilot: Any) -> None:
        session_s = 2.0

        def both() -> bool:
            nonlocal session_s
            session_s += 0.1
            for site in ("gym-a", "gym-b"):
                edge.say("rack-1", say.health(session_s), site=site)
            return {tile.view.name for tile in app.screen.query(Tile)} == {"gym-a/rack-1", "gym-b/rack-1"}

        def well() -> bool:
            views = [tile.view for tile in app.screen.query(Tile)]
            return both() and all(one.counted == 3 and one.freshness.name == "live" for one in views)

        await looks.poll(pilot, well, 40.0)
        await looks.poll(pilot, lambda: "j Gym" in looks.text(app))
        await pilot.press("j")
        await looks.poll(pilot, lambda: [tile.view.key[0] for tile in app.screen.query(Tile)] == ["gym-a"])
        await looks.poll(pilot, lambda: "1 station at gym-a" in looks.text(app))
        await pilot.press("t")
        await looks.poll(pilot, lambda: "commanded in its own gym" in looks.text(app))
        await pilot.press("enter")
        await looks.poll(pilot, lambda: isinstance(app.screen, StationScreen))

        def moved() -> bool:
            nonlocal session_s
            session_s += 0.1
            edge.say("rack-1", say.live(session_s), site="gym-a")
            edge.say("rack-1", say.live(session_s), site="gym-b")
            return len(app.floor.stations["gym-a", "rack-1"].newest.trace) > 3

        await looks.poll(pilot, moved, 20.0)
        assert not app.floor.stations["gym-b", "rack-1"].newest.trace  # nobody looks at it
        await pilot.press("escape", "j", "j")
        await looks.poll(pilot, both)

    looks.run(app, (120, 40), drive)


def test_live_values_stop_when_nobody_looks_at_the_station_any_more(
    two_gyms: Any, edge: Any, words: Any, until: Callable[..., None]
) -> None:
    say, client = words(), two_gyms("bo", ["gym-a"])
    client.watched = ("gym-a", "rack-1")
    client.start()
    session_s = 0.0

    def lives(health: bool = False) -> int:
        nonlocal session_s
        session_s += 0.1
        edge.say("rack-1", say.live(session_s), say.health(session_s), site="gym-a")
        arrivals, refused = read_all(client.inbox.drain())
        assert not refused
        found = [type(one.message).__name__ for one in arrivals]
        return found.count("HealthMessage" if health else LiveMessage.__name__)

    until(lives, 40.0)
    client.watched = None
    until(lambda: lives(health=True), 20.0)
    until(lambda: not lives(), 20.0)

    def health_alone() -> bool:
        nonlocal session_s
        heard = client.inbox.drain()
        assert not [one for one in heard if one.topic.endswith("/live")]
        session_s += 0.1
        edge.say("rack-1", say.live(session_s), say.health(session_s), site="gym-a")
        return any(one.topic.endswith("/health") for one in heard)

    for _ in range(3):  # and what comes after that is without them
        until(health_alone, 20.0)


def test_a_coach_of_one_gym_is_not_shown_the_other(
    two_gyms: Any, edge: Any, words: Any, until: Callable[..., None]
) -> None:
    say, client = words(), two_gyms("ana", ["gym-a", "gym-b"])
    for site in ("gym-a", "gym-b"):
        edge.say("rack-1", say.state(), site=site)
    client.start()
    topics: set[str] = set()

    def refused() -> bool:
        topics.update(one.topic for one in client.inbox.drain())
        return bool(topics) and "permissions violation" in client.connection.text

    until(refused, 40.0)
    until(lambda: "gym-b is not heard" in client.connection.text, 20.0)
    refused()
    assert {one.split("/")[2] for one in topics} == {"gym-a"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--ca-file"),
        (["--ca-file", "ca.pem", "--credential", "ana.pem", "--sites", "gym-a"], "--db"),
        (["--ca-file", "ca.pem", "--credential", "ana.pem", "--sites", "GYM", "--db", "h.db"], "'GYM'"),
        (["--ca-file", "no.pem", "--credential", "ana.pem", "--sites", "a", "--db", "h.db"], "no.pem"),
    ],
)
def test_what_is_missing_for_a_floor_through_the_chain_is_said_in_a_line(
    words: list[str], said: str, capsys: Any
) -> None:
    assert main(["dashboard", "--plain", "--for", "1", "--chain", "c1.example", *words]) == 1
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_plain_lines_through_the_chain_name_the_stations_of_a_gym(
    two_gyms: Any, edge: Any, words: Any, nats_servers: NatsServers, tmp_path: Path, capsys: Any
) -> None:
    for site in ("gym-a", "gym-b"):
        edge.say("rack-1", words().state(), words().health(1.0), site=site)
    where = [
        "--ca-file",
        str(nats_servers.ca),
        "--credential",
        str(nats_servers.folder.credential("bo.coach")),
    ]
    given = [
        "--chain",
        *nats_servers.addresses,
        *where,
        "--sites",
        "gym-b",
        "--db",
        str(tmp_path / "none.db"),
    ]
    heard = ""
    for _ in range(4):
        assert main(["dashboard", "--plain", "--for", "5", *given]) == 0
        heard += capsys.readouterr().out
        if "rack-1" in heard:
            break
    assert "broker     gym-b" in heard and "gym-b/rack-1 live" in heard
