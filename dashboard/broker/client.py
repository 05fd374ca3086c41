"""The screen's connection to the broker: a network thread that fills bounded queues, nothing else.

Only that thread touches paho. It runs paho's loop itself: an error in it, a refused connection and a
broker that is gone are all the same case here, tried again, and the screen can say which it is.
"""

import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from dashboard.broker.events import Packet
from dashboard.broker.reading import ReadAheadClient
from dashboard.broker.source import ConnectionState, FloorSource, PendingCommand
from dashboard.broker.subscriptions import Subscriptions
from dashboard.plaintext import clean
from station.config import Mqtt, certificate_problem, check_mqtt, read_password
from station.messages import MAX_PAYLOAD_BYTES, BadgeMessage, CommandMessage, Message, ReplyMessage, encode
from station.program.mqtt_version import MQTT_5, UNSUPPORTED_VERSION, VERSIONS, other_version
from station.program.retry import attempts
from station.topics import RETAINED, Address

CONNECT_TIMEOUT_S = 2.0  # less than is waited for the thread at the end
KEEPALIVE_S = 5  # a broker behind a dead link is noticed within 1.5 of these
LOOP_S = 0.05  # how long a command waits at most
REPLY_WAIT_S = 5.0
OUTGOING = 1024  # commands, and the record's acknowledgements
FILTERS = 100  # in one packet
LEAVES = ("state", "info", "health", "current", "live", "rep", "set", "reply")


class Client(FloorSource):
    """The broker's messages in `inbox`, and a way to send commands."""

    brings_live = True
    unsent = "no broker"

    def __init__(
        self,
        mqtt: Mqtt,
        site: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        leaves: Sequence[str] = LEAVES,
        station: str | None = None,
    ) -> None:
        """Prepare; `site` and `station` None listen to every one on the broker.

        Raises ConfigError as `read_password`.
        """
        check_mqtt(mqtt)
        super().__init__("broker", clock)
        self.refused: str | None = None  # why the broker does not take what we publish; MQTT 5 says so
        self.errors = 0  # of the network thread, each survived by connecting anew
        self._subscriptions = Subscriptions(leaves, site, station)
        self._subscribed: set[str] = set()
        self._mqtt = mqtt
        self._password = read_password(mqtt)
        self._read_until_s = clock()
        self._outgoing: deque[tuple[str, bytes]] = deque(maxlen=OUTGOING)
        self._asked: dict[str, PendingCommand] = {}

    def send(
        self,
        site: str,
        station: str,
        request: CommandMessage | BadgeMessage,
        tracked: bool = True,
        leaf: str = "command",
    ) -> bool:
        """Ask a station's edge, or the record for a badge and on `correction`; False without a broker.

        One that is `tracked` turns up in `answered` or `unanswered` later.
        """
        if not self.connection.up:
            return False
        leaf = "badge" if isinstance(request, BadgeMessage) else leaf
        if tracked:
            self._asked[request.event_id] = PendingCommand(
                request, station, self._clock() + REPLY_WAIT_S, leaf
            )
        self.publish(Address(site, station, leaf), request)
        return True

    @property
    def heard_until_s(self) -> float:
        """Until when everything that came is in the inbox: what is still to be read is late, not missing."""
        return self._read_until_s if self.connection.up else self._clock()

    def publish(self, to: Address, message: Message) -> None:
        """Send a message with QoS 1 when the connection stands next; beyond OUTGOING the oldest goes."""
        self._outgoing.append((to.topic, encode(message)))

    def answered(self, reply: ReplyMessage) -> PendingCommand | None:
        """The command of ours this reply answers; None for another screen's and for a repeat."""
        return self._asked.pop(reply.in_reply_to, None)

    def unanswered(self) -> list[PendingCommand]:
        """Commands whose time is up, each said once."""
        now_s = self._clock()
        late = [asked for asked in self._asked.values() if asked.deadline_s < now_s]
        for asked in late:
            del self._asked[asked.request.event_id]
        return late

    def _run(self) -> None:
        version = VERSIONS[0]
        for _ in attempts(self._stopping):
            try:
                understood = self._stay_connected(version)
            except (
                OSError,
                ValueError,
            ) as error:  # ssl's errors are OSErrors; ValueError: a host that cannot be
                self._say(False, _reason(error))
            except Exception as error:  # noqa: BLE001  a broken packet must not silence the screen for good
                self.errors += 1
                self._say(False, f"{type(error).__name__} in the connection")
            else:
                if not understood:
                    version = other_version(version)

    def _stay_connected(self, version: int) -> bool:
        """One connection from beginning to end; whether the broker ever answered in this version."""
        answers: list[int] = []  # reason codes of CONNACK
        client = self._new_client(version, answers)
        limits = None
        if version == MQTT_5:
            limits = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            limits.MaximumPacketSize = 2 * MAX_PAYLOAD_BYTES
        client.connect(self._mqtt.host, self._mqtt.port, KEEPALIVE_S, properties=limits)
        refused = False
        try:
            while not self._stopping.is_set() and not refused:
                began_s = self._clock()
                code = client.loop(LOOP_S)
                while code == paho.MQTT_ERR_SUCCESS and client.has_read_ahead:
                    code = client.loop_read()
                    self._send_waiting(client, answers)  # a flood takes long to be read
                if code != paho.MQTT_ERR_SUCCESS:
                    break
                self._read_until_s = began_s
                refused = any(answers)
                self._send_waiting(client, answers)
                if answers and not refused:
                    self._subscribe(client)
        finally:
            client.disconnect()
            if self.connection.up:
                self._say(False, "broker gone")
        if not answers and not self._stopping.is_set():
            other = "without TLS" if self._mqtt.tls else "with TLS"
            self._say(False, f"it hangs up unasked; is its port one {other}?")
        # Refused for who we are is an answer; refused for the version is not.
        return bool(answers) and answers[0] != UNSUPPORTED_VERSION

    def _send_waiting(self, client: ReadAheadClient, answers: Sequence[int]) -> None:
        while self._outgoing and answers:
            topic, payload = self._outgoing.popleft()
            client.publish(topic, payload, qos=1)

    def _subscribe(self, client: ReadAheadClient) -> None:
        """Listen to what is wanted now, and leave what is flooded."""
        now_s = self._clock()
        self._subscriptions.heard(self.inbox.came)
        for topic in self.inbox.flooded():
            self._subscriptions.leave(topic, now_s)
        self.flooded = sorted(map(clean, self._subscriptions.left(now_s)))
        wanted = self._subscriptions.wanted(now_s)
        # QoS 0: a connection loses nothing by itself, and without one nothing is kept for us either
        # way. With QoS 1 the answers to the packets of a flood held all others up for seconds.
        more = sorted(wanted - self._subscribed)
        for start in range(0, len(more), FILTERS):
            client.subscribe([(topic, 0) for topic in more[start : start + FILTERS]])
        less = sorted(self._subscribed - wanted)
        for start in range(0, len(less), FILTERS):
            client.unsubscribe(less[start : start + FILTERS])
        self._subscribed = wanted

    def _new_client(self, version: int, answers: list[int]) -> ReadAheadClient:
        client = ReadAheadClient(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion(version))
        client.connect_timeout = CONNECT_TIMEOUT_S
        if self._mqtt.username is not None:
            client.username_pw_set(self._mqtt.username, self._password)
        if self._mqtt.tls:
            client.tls_set(ca_certs=self._mqtt.ca_file)

        def on_connect(_client: paho.Client, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
            answers.append(code.value)
            if code.is_failure:
                self._say(False, f"refused: {str(code).lower()}")
                return
            self.refused = None
            self._subscribed.clear()
            self._subscribe(client)

        def on_subscribe(*_: Any) -> None:
            # Not before: what a station says meanwhile would be missed by a screen that says it listens.
            self._say(True, f"{self._mqtt.host}:{self._mqtt.port}")

        def on_message(_client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
            try:
                topic = message.topic
            except UnicodeDecodeError:
                topic = ""  # counted as refused where all are checked
            if message.retain and topic.rpartition("/")[2] not in RETAINED:
                return  # a retained command would be carried out again at every start
            self.inbox.put(Packet(topic, bytes(message.payload), self._clock()))

        def on_qos0(found: list[tuple[bytes, bytes]]) -> None:
            self.inbox.put_all(found, self._clock())

        def on_publish(_c: paho.Client, _d: Any, _mid: int, code: Any, _properties: Any) -> None:
            if code.is_failure:
                self.refused = str(code).lower()

        client.on_connect = on_connect
        client.on_publish = on_publish
        client.on_subscribe = on_subscribe
        client.on_message = on_message
        client.on_qos0 = on_qos0
        return client

    def _say(self, up: bool, text: str) -> None:
        if (up, text) != (self.connection.up, self.connection.text):
            self.connection = ConnectionState(up, text, self._clock())


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "; ".join(certificate_problem(error, datetime.now(UTC)))
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error).lower()[:80] or type(error).__name__
