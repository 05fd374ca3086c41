"""One station's connection to the broker.

paho's network thread runs here and hands everything over at once: commands and acknowledgements go to the
callbacks given, `connected` becomes true or false. Each station has a connection of its own, because a
connection has one last will, and because that is what lets a gym give every station its own password.

The client id is fixed ("plumbline-<site>-<station>"): with a random one a late last will of the old
connection would overwrite the new birth. Which version of MQTT: see station.program.mqtt_version.
"""

import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
from paho.mqtt import client as paho
from paho.mqtt.enums import MQTTErrorCode

from edge.delivery.duplicate_node import LEAVES as DUPLICATE_LEAVES
from edge.delivery.duplicate_node import DuplicateNode
from edge.delivery.home_assistant import discovery
from edge.delivery.mqtt_client import client_id, new_client
from station.config import Mqtt, certificate_problem, check_mqtt, read_password
from station.errors import MessageError
from station.messages import StateMessage, decode, encode, new_id
from station.program.mqtt_version import UNSUPPORTED_VERSION, VERSIONS, other_version
from station.topics import RETAINED, Address

LEAVES = ("command", "ack")  # what a station listens to
TAKEN_OVER = "Session taken over"  # MQTT 5's reason 0x8E, in paho's words
KEEPALIVE_S = 10  # a half-open link shows after 15 to 20 s
RECONNECT_MAX_S = 2  # paho's own default is 120
CONNECT_TIMEOUT_S = 3.0
ANSWER_TIMEOUT_S = 2.0


class BrokerConnection:
    """One station's connection to its broker, with its state as text.

    Parameters
    ----------
    mqtt : the broker; checked here, ConfigError where it may not be used
    station : the station's id
    will : published by the broker when the connection is lost
    on_message : called as (leaf, payload) on the network thread for `command` and `ack`, unless retained
    on_change : called on the network thread after connecting and after losing the connection
    """

    def __init__(
        self,
        mqtt: Mqtt,
        station: str,
        will: StateMessage,
        on_message: Callable[[str, bytes], None],
        on_change: Callable[[], None],
    ) -> None:
        check_mqtt(mqtt)
        self.connected = False
        self.connects = 0  # how often a connection was made
        self.trouble: str | None = None  # why there is no connection, once that is known
        self.failure: BaseException | None = None  # a defect of ours, caught on the network thread
        self._mqtt = mqtt
        self._station = station
        self._will = will
        self._on_message = on_message
        self._on_change = on_change
        self._password = read_password(mqtt)
        self._version = VERSIONS[0]
        self._unsubscribed = threading.Event()
        self._listening = True
        self._duplicate = DuplicateNode(will.session)
        self._asking = True  # under a name of our own whether another node has the station's
        self._wrong_version = False
        self._taken_over = False
        self._asked_at: float | None = None  # when a CONNECT was sent that nobody has answered
        self._unanswered: list[paho.MQTTMessageInfo] = []  # published with QoS 1
        self._client = self._make()

    def start(self) -> None:
        """Connect, and reconnect until `stop`."""
        self._client.connect_async(self._mqtt.host, self._mqtt.port, KEEPALIVE_S)
        self._client.loop_start()

    def look_after(self) -> None:
        """Call this now and then from another thread: changes the protocol version where the broker wants
        that, and starts the network thread anew if it has died."""
        if self._asking and self._duplicate.is_absent(time.monotonic()):
            self._asking, self.trouble = False, None
            self._anew()
            return
        if not self._asking and self._taken_over:
            self._taken_over, self._asking = False, True
            self._anew()
            return
        asked_at = self._asked_at
        if self._wrong_version or (asked_at and time.monotonic() - asked_at > ANSWER_TIMEOUT_S):
            self._wrong_version, self._asked_at = False, None
            self._version = other_version(self._version)
            self._anew()
        elif self._client.loop_start() == MQTTErrorCode.MQTT_ERR_SUCCESS:
            self.connected = False  # it was not running: paho answers MQTT_ERR_INVAL while it is

    @property
    def reconnects(self) -> int:
        """Number of reconnections."""
        return max(0, self.connects - 1)

    @property
    def asking(self) -> bool:
        """Whether the check for another node with this station's id is still running."""
        return self._asking

    @property
    def duplicate(self) -> str | None:
        """The session of another node that publishes as this station; None where there is none."""
        return self._duplicate.session(time.monotonic()) if self._asking else None

    def _anew(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client = self._make()
        self.start()

    def publish(self, leaf: str, payload: bytes, qos: int) -> None:
        """Publish a message. Call it without holding a lock: paho holds its own during callbacks.

        Nothing is kept for later: when not connected the message is dropped (paho would keep QoS 1 in
        memory and send it twice after the caller's own repetition).
        """
        if self.connected:
            self._publish(self._topic(leaf), payload, qos, retain=leaf in RETAINED)

    def _publish(self, topic: str, payload: bytes, qos: int, *, retain: bool) -> None:
        # While somebody asks, paho makes a reason with its properties for every message that is sent: half
        # of what a live value costs. Only an answer to QoS 1 says anything.
        self._unanswered = [one for one in self._unanswered if _waits(one)]
        self._client.on_publish = self._published if qos or self._unanswered else None
        sent = self._client.publish(topic, payload, qos, retain=retain)
        if qos:
            self._unanswered.append(sent)

    def listen_to_commands(self, listen: bool) -> None:
        """Have the broker send the station's commands, or not; each connection begins with listening."""
        if not self.connected or listen == self._listening:
            return
        self._listening = listen
        topic = self._topic("command")
        if listen:
            self._client.subscribe(topic, 0)
        else:
            self._client.unsubscribe(topic)

    def announce(self, before: str | None) -> str | None:
        """Tell Home Assistant what there is to show, where the station file asks for it; under which prefix.

        before : the prefix it was told under by an earlier run; what is no longer asked for is taken back
        """
        now = discovery(self._mqtt, self._station)
        old = discovery(msgspec.structs.replace(self._mqtt, home_assistant=before), self._station)
        for topic, payload in (dict.fromkeys(old, b"") | now).items():
            self._publish(topic, payload, qos=1, retain=True)
        return self._mqtt.home_assistant

    def stop(self, timeout_s: float) -> None:
        """Send what is queued and disconnect, which takes the last will back; give up after `timeout_s`."""
        if self.connected:
            # Wait until the broker has read everything and sends nothing more. Closing a socket with unread
            # bytes in it resets the connection: the DISCONNECT was lost in one stop of eight, and `lost`
            # published over `stopping`.
            self._unsubscribed.clear()
            self._client.unsubscribe([self._topic(leaf) for leaf in LEAVES])
            self._unsubscribed.wait(timeout_s / 2)
        self._client.disconnect()
        # loop_stop waits for the network thread, and that may be waiting for a broker that hangs.
        stopping = threading.Thread(target=self._client.loop_stop, daemon=True)
        stopping.start()
        stopping.join(timeout_s / 2)
        self.connected = False

    def _make(self) -> paho.Client:
        name = (
            f"plumbline-asks-{new_id()[:12]}"
            if self._asking
            else client_id(self._mqtt.site, self._station, self._password)
        )
        self._unanswered.clear()
        client = new_client(self._mqtt, name, self._version, self._password, CONNECT_TIMEOUT_S)
        client.reconnect_delay_set(min_delay=1, max_delay=RECONNECT_MAX_S)
        if not self._asking:
            client.will_set(self._topic("state"), encode(self._will), qos=1, retain=True)
        client.on_connect_fail = self._failed
        client.on_socket_open = self._asked
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_unsubscribe = lambda *_: self._unsubscribed.set()
        client.on_disconnect = self._disconnected
        client.on_message = self._message
        return client

    def _topic(self, leaf: str) -> str:
        return Address(self._mqtt.site, self._station, leaf).topic

    def _failed(self, client: paho.Client, _: Any) -> None:
        # paho calls this while it handles the exception, and does not pass it on.
        error = sys.exc_info()[1]
        if self._mqtt.tls and isinstance(error, ssl.SSLCertVerificationError):
            why = "; ".join(certificate_problem(error, datetime.now(UTC)))
        else:
            why = getattr(error, "strerror", None) or str(error)
        self.trouble = f"{self._mqtt.host}:{self._mqtt.port} cannot be reached: {why}"

    def _asked(self, client: paho.Client, _: Any, sock: Any) -> None:
        with self._caught():
            # Otherwise a rep right after a live value waits for the far end's delayed ACK, up to 40 ms.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._asked_at = time.monotonic()

    def _connected(self, client: paho.Client, _: Any, flags: Any, reason: Any, properties: Any) -> None:
        with self._caught():
            self._asked_at = None
            if reason.is_failure:
                self.trouble = f"the broker refuses: {reason}"
                self._wrong_version = reason.value == UNSUPPORTED_VERSION
                self._on_change()
                return
            leaves = DUPLICATE_LEAVES if self._asking else LEAVES
            # QoS 0: a connection loses nothing by itself. With QoS 1 a flood of commands is handed over
            # twenty at a time, and an acknowledgement behind it waits for seconds.
            client.subscribe([(self._topic(leaf), 0) for leaf in leaves])

    def _subscribed(self, client: paho.Client, _: Any, mid: int, reasons: Any, properties: Any) -> None:
        # Connected from here on, not from the CONNACK: between the two paho sends the QoS 1 messages it
        # still holds once more, and an old `state` must not come after the new one.
        with self._caught():
            if self._asking:
                self.trouble = None
                self._duplicate.subscribed(time.monotonic())
                self._on_change()
                return
            if self.connected:  # to commands again
                return
            denied = [leaf for leaf, reason in zip(LEAVES, reasons, strict=False) if reason.is_failure]
            self.trouble = (
                f"the broker does not let station {self._station} read {' and '.join(denied)}; see its ACL"
                if denied
                else None
            )
            self._listening = True
            self.connects += 1
            self.connected = True
            self._on_change()

    def _published(self, client: paho.Client, _: Any, mid: int, reason: Any, properties: Any) -> None:
        if reason.is_failure:  # MQTT 5 only: under 3.1.1 what an ACL denies is dropped in silence
            self.trouble = f"the broker does not let station {self._station} publish ({reason}); see its ACL"

    def _disconnected(self, client: paho.Client, _: Any, flags: Any, reason: Any, properties: Any) -> None:
        with self._caught():
            if self.connected:
                self.trouble = "the connection to the broker was lost"
            self.connected = False
            self._duplicate.disconnected()
            self._taken_over = self._taken_over or str(reason) == TAKEN_OVER
            self._wrong_version = self._wrong_version or self._asked_at is not None
            self._asked_at = None
            self._on_change()

    def _message(self, client: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
        with self._caught():
            if self._asking:
                self._look_at(message)
            elif not message.retain:  # a command kept by the broker would be obeyed at every connect
                self._on_message(message.topic.rsplit("/", 1)[1], bytes(message.payload))

    def _look_at(self, message: paho.MQTTMessage) -> None:
        """What another node of this station has said, if there is one."""
        leaf, now_s = message.topic.rsplit("/", 1)[1], time.monotonic()
        try:
            self._duplicate.message_arrived(decode(leaf, bytes(message.payload)), message.retain, now_s)
        except MessageError:
            return  # nobody's; the record puts it aside
        duplicate = self._duplicate.session(now_s)
        if duplicate is not None:
            self.trouble = (
                f"another node (session {duplicate[:8]}) speaks as station {self._station}; this one counts"
                " nothing until it is gone. Give one of them an id of its own"
            )
            self._on_change()

    @contextmanager
    def _caught(self) -> Iterator[None]:
        # An exception in a callback ends paho's thread while is_connected() stays true.
        try:
            yield
        except Exception as error:  # noqa: BLE001
            self.failure = error


def _waits(sent: paho.MQTTMessageInfo) -> bool:
    """Whether an answer to it is to come."""
    try:
        return not sent.is_published()
    except (ValueError, RuntimeError):  # it was not sent
        return False
