"""The relay's part of a floor over several gyms: listens to its gym's broker while somebody looks."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from nats.aio.client import Client as Nats
from nats.errors import Error as NatsError

from dashboard.broker.client import Client
from dashboard.chain.batch import pack, subject
from dashboard.chain.floor.looks import FLOORS, LIVE_S, LOOKS, FloorUpdates
from station.errors import MessageError


class Forward:
    """Says a gym's floor to whoever looks; what goes wrong here does not touch the relay's history."""

    def __init__(self, site: str, broker: Callable[[], Client]) -> None:
        """`broker` makes a client of the gym's broker, which is started here."""
        self._site = site
        self._broker = broker
        self._updates = FloorUpdates()
        self.looked_at = False

    async def run(self, nc: Nats) -> None:
        """Until it is cancelled."""
        await nc.subscribe(subject(LOOKS, self._site), cb=self._look)
        client: Client | None = None
        try:
            while True:
                now_s = time.monotonic()
                self.looked_at = self._updates.watched(now_s) is not None
                if self.looked_at and client is None:
                    client = self._broker()
                    client.start()
                elif not self.looked_at and client is not None:
                    await asyncio.to_thread(client.stop)
                    client = None
                    self._updates.forget()
                if client is not None:
                    await self._say(nc, client, now_s)
                await asyncio.sleep(LIVE_S)
        finally:
            if client is not None:
                client.stop()

    async def _say(self, nc: Nats, client: Client, now_s: float) -> None:
        self._updates.heard(client.inbox.drain(), now_s)
        if not nc.is_connected:
            return  # it would wait there, and be old when it comes
        problem = None if client.connection.up else f"its broker: {client.connection.text}"[:200]
        for update in self._updates.due(now_s, problem):
            try:
                await nc.publish(subject(FLOORS, self._site), pack(update))
            except NatsError:
                return  # the relay says what stands in the way

    async def _look(self, message: Any) -> None:
        try:
            self._updates.look(message.data, time.monotonic())
        except MessageError:
            return
