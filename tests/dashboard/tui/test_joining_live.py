"""Real screens on a real broker, joining in mid-set and cut off: they show what the one that stayed shows."""

from typing import Any

from dashboard.broker.client import Client
from dashboard.broker.events import read_all
from dashboard.floor.state import FloorState, apply_all
from dashboard.floor.views import StationView, view
from dashboard.tui.app import PlumblineApp
from station.config import Mqtt
from station.exercises import all_profiles
from tests.faults.proxy import Proxy

RACK = ("gym", "rack-1")
PROFILES = all_profiles()
WITHIN_S = 1.0


class Heard:
    """A client and the floor it has heard."""

    def __init__(self, port: int) -> None:
        self.client = Client(Mqtt(host="127.0.0.1", port=port, tls=False))
        self.client.start()
        self.floor = FloorState()

    @property
    def seen(self) -> StationView | None:
        arrivals, refused = read_all(self.client.inbox.drain())
        assert refused == 0
        self.floor = apply_all(self.floor, arrivals)
        station = self.floor.stations.get(RACK)
        return view(station, PROFILES, 0.0) if station else None

    @property
    def shows(self) -> tuple[Any, ...] | None:
        seen = self.seen
        reps = [(rep.measured.number, rep.state) for rep in seen.reps] if seen else []
        return (seen.set_number, seen.counted, seen.set_over, reps) if seen else None


def test_three_clients_that_join_and_come_back_show_what_was_said_within_a_second(
    broker: Any, edge: Any, words: Any, until: Any
) -> None:
    say = words()
    edge.say("rack-1", say.state(), say.info())
    screens: list[Heard] = []
    try:
        for number in range(1, 10):
            if number in (1, 4, 7):
                screens.append(Heard(broker.port))
                until(lambda: screens[-1].client.connection.up)
            if number == 6:  # one is gone for some reps
                screens[0].client.stop()
            reps = [say.rep(n) for n in range(1, number + 1)]
            edge.say("rack-1", reps[-1], say.current(*reps))
            if number == 8:
                left = screens[0].floor
                screens[0] = Heard(broker.port)
                screens[0].floor = left
                until(lambda: screens[0].client.connection.up)
        expected = (1, 9, False, [(n, "confirmed") for n in range(1, 10)])
        for screen in screens:
            until(lambda screen=screen: screen.shows == expected, timeout_s=WITHIN_S)
    finally:
        for screen in screens:
            screen.client.stop()


def test_an_app_opened_in_mid_set_shows_the_set_within_a_second(
    broker: Any, edge: Any, words: Any, until: Any, looks: Any
) -> None:
    say = words()
    reps = [say.rep(n) for n in range(1, 8)]
    edge.say("rack-1", say.state(), say.info(target_reps=8), *reps, say.current(*reps))
    for given in ({}, {"lifter_at": "rack-1"}):
        client = Client(Mqtt(host="127.0.0.1", port=broker.port, tls=False))
        client.start()
        until(lambda client=client: client.connection.up)
        app = PlumblineApp(client, PROFILES, **given)

        async def drive(pilot: Any, app: PlumblineApp = app) -> None:
            await looks.poll(pilot, lambda: RACK in app.floor.stations)
            await looks.poll(pilot, lambda: app.view_of(RACK).counted == 7, timeout_s=WITHIN_S)

        looks.run(app, (80, 24), drive)
        client.stop()


def test_an_app_whose_network_was_cut_shows_what_was_said_meanwhile(
    broker: Any, edge: Any, words: Any, until: Any, looks: Any
) -> None:
    say = words()
    edge.say("rack-1", say.state(), say.info(target_reps=8), say.rep(1), say.current(say.rep(1)))
    with Proxy(broker.port) as network:
        client = Client(Mqtt(host="127.0.0.1", port=network.port, tls=False))
        client.start()
        until(lambda: client.connection.up)
        app = PlumblineApp(client, PROFILES)

        async def drive(pilot: Any) -> None:
            await looks.poll(pilot, lambda: RACK in app.floor.stations and app.view_of(RACK).counted == 1)
            network.set("refuse")
            await looks.poll(pilot, lambda: not client.connection.up)
            for number in range(2, 7):
                reps = [say.rep(n) for n in range(1, number + 1)]
                edge.say("rack-1", reps[-1], say.current(*reps))
            await pilot.pause()
            assert app.view_of(RACK).counted == 1
            network.set("pass")
            await looks.poll(pilot, lambda: client.connection.up, timeout_s=15.0)
            await looks.poll(pilot, lambda: app.view_of(RACK).counted == 6, timeout_s=WITHIN_S)
            assert [rep.measured.number for rep in app.view_of(RACK).reps] == [1, 2, 3, 4, 5, 6]

        looks.run(app, (80, 24), drive)
        client.stop()
