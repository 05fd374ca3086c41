"""`plumbline edge retire`: what the broker has kept of a station is cleared; no screen shows it again.

An empty retained payload takes a retained message back (MQTT-3.3.1-10). A node that lives would publish it
all again, so one is listened for first.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from paho.mqtt import client as paho

from edge.delivery.duplicate_node import LEAVES as DUPLICATE_LEAVES
from edge.delivery.duplicate_node import SUSPECT_S, DuplicateNode
from edge.delivery.home_assistant import discovery
from edge.delivery.mqtt_client import LOOP_S, connected_client
from edge.upkeep.station_files import settings_path
from station.config import Mqtt, check_mqtt, load_station, read_password
from station.errors import BrokerError, ConfigError, MessageError
from station.messages import decode, new_id
from station.program.usage import command_parser
from station.topics import RETAINED, Address

WAIT_S = 5.0
EXAMPLES = """\
examples:
  sudo plumbline edge retire cable-1                 by its settings in /etc/plumbline
  plumbline edge retire old/cable-1.toml             by a station file elsewhere
"""


def retire(argv: Sequence[str]) -> int:
    """Clear the retained messages of retired stations."""
    parser = command_parser(
        "edge retire",
        "Clear what the broker has kept of a station that is no more, and its Home Assistant entities.",
        EXAMPLES,
    )
    parser.add_argument("stations", nargs="+", metavar="STATION|FILE", help="an id, or a station file")
    args = parser.parse_args(argv)
    for word in args.stations:
        path = Path(word) if word.endswith(".toml") else Path("/") / settings_path(word)
        station = load_station(path)
        if station.mqtt is None:
            raise ConfigError(f"{path}: no [mqtt] table; nothing was ever published from it")
        name = station.station.id
        cleared = clear(station.mqtt, name)
        print(f"{name}: cleared {', '.join(cleared)} on {station.mqtt.host}")
    return 0


def clear(mqtt: Mqtt, station: str) -> list[str]:
    """Clear a station's retained topics; returns their leaves, and `home-assistant` for discovery.

    Raises BrokerError where the broker is not reached, denies it, or a node still speaks for the station.
    """
    check_mqtt(mqtt)
    # Not the station's own id: a node that lives is not to be thrown off the broker.
    client, _ = connected_client(mqtt, f"plumbline-asks-{new_id()[:12]}", read_password(mqtt), WAIT_S)
    try:
        return _Clearing(mqtt, station, client).clear()
    finally:
        client.disconnect()


class _Clearing:
    def __init__(self, mqtt: Mqtt, station: str, client: paho.Client) -> None:
        self._mqtt, self._station, self._client = mqtt, station, client
        self._duplicate = DuplicateNode(session="")
        self._listening_s: float | None = None
        self._published: dict[int, Any] = {}
        self._client.on_subscribe = self._subscribed
        self._client.on_publish = self._acknowledged
        self._client.on_message = self._heard

    def clear(self) -> list[str]:
        """See the function. Raises BrokerError."""
        self._client.subscribe([(self._topic(leaf), 1) for leaf in DUPLICATE_LEAVES])
        self._loop(self._heard_enough)
        duplicate = self._duplicate.session(time.monotonic())
        if duplicate is not None:
            raise BrokerError(
                f"a node (session {duplicate[:8]}) speaks as {self._station} right now;"
                f" take it away first: plumbline edge remove {self._station}, and restart the node"
            )
        asked = {leaf: [self._topic(leaf)] for leaf in sorted(RETAINED)}
        announced = self._mqtt.home_assistant is not None
        prefix = self._mqtt.home_assistant or "homeassistant"  # announced once, perhaps, and no more
        known = Mqtt(host=self._mqtt.host, site=self._mqtt.site, home_assistant=prefix)
        asked["home-assistant"] = list(discovery(known, self._station))
        sent: dict[str, list[int]] = {
            name: [self._client.publish(topic, b"", qos=1, retain=True).mid for topic in topics]
            for name, topics in asked.items()
        }
        self._loop(lambda: all(mid in self._published for mids in sent.values() for mid in mids))
        denied = {
            name
            for name, mids in sent.items()
            if any(mid not in self._published or self._published[mid].is_failure for mid in mids)
        }
        if denied - (set() if announced else {"home-assistant"}):
            raise BrokerError(
                f"{self._mqtt.host} does not let {self._mqtt.username or 'us'} clear"
                f" {', '.join(sorted(denied))} of {self._station}; see its ACL"
            )
        return [name for name in asked if name not in denied]

    def _heard_enough(self) -> bool:
        """A node that lives says its health every second, whatever was kept of it."""
        now_s = time.monotonic()
        listened = self._listening_s is not None and now_s - self._listening_s > SUSPECT_S
        return listened or self._duplicate.session(now_s) is not None

    def _loop(self, done: Callable[[], bool]) -> None:
        end_s = time.monotonic() + WAIT_S
        while not done() and time.monotonic() < end_s and not self._client.loop(LOOP_S):
            pass

    def _topic(self, leaf: str) -> str:
        return Address(self._mqtt.site, self._station, leaf).topic

    def _subscribed(self, *_: Any) -> None:
        self._listening_s = time.monotonic()

    def _acknowledged(self, _c: Any, _d: Any, mid: int, reason: Any, _p: Any) -> None:
        self._published[mid] = reason

    def _heard(self, _c: Any, _d: Any, message: paho.MQTTMessage) -> None:
        try:
            said = decode(message.topic.rsplit("/", 1)[1], bytes(message.payload))
        except MessageError:
            return  # an empty one among them
        self._duplicate.message_arrived(said, message.retain, time.monotonic())
