"""How many sets an athlete has done: the station knows, and says it to screens that begin late."""

from itertools import pairwise
from typing import Any

import numpy as np

from edge.delivery.outbox import Outbox
from edge.delivery.publisher import Publisher
from edge.link.drivers import Samples
from edge.node.session import Session
from station.exercises import load_profile
from station.messages import CommandMessage, encode
from station.sim.session import simulate_set

BLOCK_S = 0.5


def test_sets_are_counted_for_whoever_lifts_until_somebody_else_does(
    outbox: Outbox, publisher: Publisher, wire: Any, until: Any
) -> None:
    long_day: dict[str, Any] = {"reps": 2, "sets": 18, "rest_s": 16.0, "approach": "none"}
    rng = np.random.default_rng(5)
    simulated = simulate_set(load_profile("rdl"), **long_day, rng=rng, station_id="rack-1")
    session = Session(simulated.station, load_profile("rdl"))
    session.attach(outbox, publisher.senders["rack-1"])
    until(lambda: publisher.senders["rack-1"].connection.connected)

    def told(athlete: str) -> int | None:
        """What is said of the sets, once the station is this athlete's."""
        session.step([], 100.0)
        session.tell_info([], None)
        infos = wire.messages("info")
        return infos[-1].sets_done if infos and infos[-1].athlete == athlete else None

    def assign(athlete: str) -> None:
        request = CommandMessage(
            event_id=athlete, at_utc="2030-01-01T00Z", name="set-athlete", by="cleo", athlete=athlete
        )
        wire.say("plumbline/1/gym/rack-1/command", encode(request))

    assign("ana")
    until(lambda: told("ana") == 0)
    time_s, value = simulated.recording["position_m"]
    edges = np.searchsorted(time_s, np.arange(0.0, time_s[-1] + BLOCK_S, BLOCK_S))
    for first, last in pairwise(edges):
        if first < last:
            samples = Samples("position_m", time_s[first:last].copy(), value[first:last].copy())
            session.step([samples], 100.0)
    session.finish()
    session.write(100.0)
    until(lambda: told("ana") == 18)
    assign("ben")
    until(lambda: told("ben") == 0)
