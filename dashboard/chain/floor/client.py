"""The floors of several gyms, through the chain, in the place of a broker: what the screens are shown.

A network thread fills the inbox, as with a gym's own broker. Nothing is commanded from here.
"""

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
from nats.aio.client import Client as Nats
from nats.errors import Error as NatsError

from dashboard.broker.events import Packet
from dashboard.broker.source import ConnectionState, FloorSource
from dashboard.chain.batch import subject
from dashboard.chain.connection import NatsConnection, Servers
from dashboard.chain.floor.looks import FLOORS, LOOK_S, LOOKS, MOST_KEPT, WatchRequest, unpack
from dashboard.chain.pacing import Patience
from dashboard.plaintext import clean
from station.errors import MessageError
from station.messages import new_id
from station.topics import Address

POLL_S = 0.1
SILENT_S = 8.0  # of a gym; its relay says something every other second


class ChainClient(FloorSource):
    """The messages of these gyms' stations in `inbox`; `watched` is the station whose live values come."""

    brings_live = False
    unsent = "a station is commanded in its own gym, not through the chain"

    def __init__(self, servers: Servers, sites: Sequence[str]) -> None:
        """Raises ConfigError for credentials that cannot be read."""
        super().__init__("chain")
        self._link = NatsConnection(servers, "plumbline dashboard")
        self._sites = list(sites)
        self._patience = Patience()
        self._looker = new_id()
        self._heard: dict[str, tuple[float, str | None]] = {}  # by site: when, and what its relay lacks
        self._at: dict[str, float] = {}  # by topic: when the newest came

    def _run(self) -> None:
        asyncio.run(self._connect())

    async def _connect(self) -> None:
        looking = asyncio.create_task(self._link.serve(self._look, self._stopping.is_set))
        while not looking.done():
            self._say(self._link.up)
            await asyncio.wait([looking], timeout=POLL_S)

    async def _look(self, nc: Nats) -> None:
        """Listen to every gym, and say every other second that somebody looks."""
        for site in self._sites:
            await nc.subscribe(subject(FLOORS, site), cb=partial(self._take, site))
        self._patience.connected(time.monotonic())
        said: tuple[str, str] | None = None
        next_s = 0.0
        while not self._stopping.is_set():
            if nc.is_connected and (self.watched != said or time.monotonic() >= next_s):
                said, next_s = self.watched, time.monotonic() + LOOK_S
                for site in self._sites:
                    station = said[1] if said and said[0] == site else None
                    try:
                        await nc.publish(
                            subject(LOOKS, site), msgspec.json.encode(WatchRequest(self._looker, station))
                        )
                    except NatsError:
                        break
                self._patience.asked(time.monotonic())
                if self._patience.is_over(time.monotonic()):
                    self._link.leave("no gym is heard here; another server is asked")
            await asyncio.sleep(POLL_S)

    async def _take(self, site: str, message: Any) -> None:
        now_s = time.monotonic()
        try:
            update = unpack(message.data)
        except MessageError:
            self.inbox.dropped += 1
            return
        self._patience.answered()
        self._heard[site] = now_s, update.problem
        for one in update.said:
            topic = Address(site, one.station, one.leaf).topic
            # One way may take longer than the next: what was said later stays later.
            at_s = max(now_s - one.age_s, self._at.get(topic, 0.0))
            if topic in self._at or len(self._at) < MOST_KEPT * len(self._sites):
                self._at[topic] = at_s
                self.inbox.put(Packet(topic, one.payload.encode(), at_s))

    def _say(self, up: bool) -> None:
        text = ", ".join(self._sites) if up else self._link.problem or "the chain is not reached"
        if up:
            silent = []
            for site in self._sites:
                at_s, problem = self._heard.get(site, (self.connection.since_s, None))
                if time.monotonic() - at_s > SILENT_S:
                    silent.append(f"{site} is not heard")
                elif problem is not None:
                    silent.append(f"{site}: {clean(problem)}")
            refused = [self._link.problem] if self._link.refused and self._link.problem else []
            text = "; ".join([*silent, *refused]) or text
        if (up, text) != (self.connection.up, self.connection.text):
            since_s = self.connection.since_s if up == self.connection.up else time.monotonic()
            self.connection = ConnectionState(up, text, since_s)
