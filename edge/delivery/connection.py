"""One station's connection to the broker.

One thread drives the connections of all stations: it calls `look_after` and waits in edge.delivery.network;
paho's threads, one a station, took as much of the processor again. Commands and acknowledgements go to
the callbacks given, `connected` becomes true or false. Each station has a connection of its own, because a
connection has one last will, and because that is what lets a gym give every station its own password.

The client id is fixed ("plumbline-<site>-<station>"): with a random one a late last will of the old
connection would overwrite the new birth. Which version of MQTT: see station.program.mqtt_version.
"""

import math
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any

import msgspec
from paho.mqtt import client as paho

from edge.delivery.duplicate_node import LEAVES as DUPLICATE_LEAVES
from edge.delivery.duplicate_node import DuplicateNode
from edge.delivery.home_assistant import discovery
from edge.delivery.mqtt_client import client_id, new_client
from edge.delivery.network import Attempt, Network
from station.config import Mqtt, certificate_problem, check_mqtt, read_password
from station.errors import MessageError
from station.messages import StateMessage, decode, encode, new_id
from station.program.mqtt_version import UNSUPPORTED_VERSION, VERSIONS, other_version
from station.topics import RETAINED, Address

LEAVES = ("command", "ack")  # what a station listens to
TAKEN_OVER = "Session taken over"  # MQTT 5's reason 0x8E, in paho's words
KEEPALIVE_S = 10  # a half-open link shows after 15 to 20 s
RECONNECT_MIN_S = 1.0
RECONNECT_MAX_S = 2.0
ANEW_MIN_S = 0.5  # from one attempt to the next under another name or version
CONNECT_TIMEOUT_S = 3.0
ANSWER_TIMEOUT_S = 2.0
MOST_PACKETS = 100  # read of one station before the others have their turn


class BrokerConnection:
    """One station's connection to its broker, with its state as text; for the thread that waits in `network`.

    The attributes and properties may be read from any thread.

    Parameters
    ----------
    mqtt : the broker; checked here, ConfigError where it may not be used
    station : the station's id
    will : published by the broker when the connection is lost
    on_message : called as (leaf, payload) for `command` and `ack`, unless retained
    on_change : called, from any thread, when something has come of connecting, reading or writing
    network : where the socket is waited for
    """

    def __init__(
        self,
        mqtt: Mqtt,
        station: str,
        will: StateMessage,
        on_message: Callable[[str, bytes], None],
        on_change: Callable[[], None],
        network: Network,
    ) -> None:
        check_mqtt(mqtt)
        self.connected = False
        self.connects = 0  # how often a connection was made
        self.trouble: str | None = None  # why there is no connection, once that is known
        self.failure: BaseException | None = None  # a defect of ours in a callback
        self._mqtt = mqtt
        self._station = station
        self._will = will
        self._on_message = on_message
        self._on_change = on_change
        self._network = network
        self._password = read_password(mqtt)
        self._version = VERSIONS[0]
        self.unsubscribed = False  # the broker has read everything and sends nothing more
        self._listening = True
        self._duplicate = DuplicateNode(will.session)
        self._asking = True  # under a name of our own whether another node has the station's
        self._wrong_version = False
        self._taken_over = False
        self._asked_at: float | None = None  # when a CONNECT was sent that nobody has answered
        self._unanswered: list[paho.MQTTMessageInfo] = []  # published with QoS 1
        self._attempt: Attempt | None = None  # under way
        self._attempted_at = -math.inf
        self._attempt_at = -math.inf  # the next
        self._delay_s = RECONNECT_MIN_S
        self._watched = 0  # what the network waits for
        self._client = self._make()

    def look_after(self) -> None:
        """Connect, under another name or version where that is called for, and keep the connection alive.

        Call it now and then, and while not `connected` after `on_change`.
        """
        now = time.monotonic()
        if self._attempt is not None:
            if self._attempt.over:
                attempt, self._attempt = self._attempt, None
                self._attempted(attempt.error, now)
            return
        asked_at = self._asked_at
        if self._asking and self._duplicate.is_absent(now):
            self._asking, self.trouble = False, None
            self._anew()
        elif not self._asking and self._taken_over:
            self._taken_over, self._asking = False, True
            self._anew()
        elif self._wrong_version or (asked_at and now - asked_at > ANSWER_TIMEOUT_S):
            self._wrong_version, self._asked_at = False, None
            self._version = other_version(self._version)
            self._anew()
        if self._client.socket() is not None:
            self._client.loop_misc()
            self._watch()
        elif now >= self._attempt_at:
            self._attempted_at = now
            # These two would come on the attempt's thread where CONNECT cannot be written.
            self._client.on_disconnect = self._client.on_socket_close = None
            self._attempt = Attempt(self._client, self._on_change)
            self._attempt.begin()

    @property
    def reconnects(self) -> int:
        """Number of reconnections."""
        return max(0, self.connects - 1)

    @property
    def duplicate(self) -> str | None:
        """The session of another node that publishes as this station; None where there is none."""
        return self._duplicate.session(time.monotonic()) if self._asking else None

    @property
    def congested(self) -> bool:
        """Whether the broker does not read as fast as is published."""
        return self._client.want_write()

    @property
    def closed(self) -> bool:
        """Whether there is no socket, nor will be before the next `look_after`."""
        return self._attempt is not None or self._client.socket() is None

    def publish(self, leaf: str, payload: bytes, qos: int) -> None:
        """Publish a message.

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
        self._watch()

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
        self._watch()

    def announce(self, before: str | None) -> str | None:
        """Tell Home Assistant what there is to show, where the station file asks for it; under which prefix.

        before : the prefix it was told under by an earlier run; what is no longer asked for is taken back
        """
        now = discovery(self._mqtt, self._station)
        old = discovery(msgspec.structs.replace(self._mqtt, home_assistant=before), self._station)
        for topic, payload in (dict.fromkeys(old, b"") | now).items():
            self._publish(topic, payload, qos=1, retain=True)
        return self._mqtt.home_assistant

    def unsubscribe(self) -> None:
        """Have the broker send nothing more; `unsubscribed` says when that is so."""
        # Closing a socket with unread bytes in it resets the connection: the DISCONNECT was lost in one stop
        # of eight, and `lost` published over `stopping`.
        self.unsubscribed = False
        if self.connected:
            self._client.unsubscribe([self._topic(leaf) for leaf in LEAVES])
            self._watch()

    def disconnect(self) -> None:
        """Disconnect behind what is queued, which takes the last will back; `closed` says when that is so."""
        self.connected = False
        if self._attempt is not None:
            self._attempt.abandoned = True
        else:
            self._client.disconnect()
            self._watch()

    def _make(self) -> paho.Client:
        name = (
            f"plumbline-asks-{new_id()[:12]}"
            if self._asking
            else client_id(self._mqtt.site, self._station, self._password)
        )
        self._unanswered.clear()
        client = new_client(self._mqtt, name, self._version, self._password, CONNECT_TIMEOUT_S)
        client.connect_async(self._mqtt.host, self._mqtt.port, KEEPALIVE_S)
        if not self._asking:
            client.will_set(self._topic("state"), encode(self._will), qos=1, retain=True)
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_unsubscribe = self._has_unsubscribed
        client.on_message = self._message
        return client

    def _topic(self, leaf: str) -> str:
        return Address(self._mqtt.site, self._station, leaf).topic

    def _anew(self) -> None:
        """Give the client up for a new one."""
        self._client.disconnect()
        sock: Any = self._client.socket()
        if sock is not None:  # DISCONNECT is not written while the broker does not read
            self._closing(self._client, None, sock)
            sock.close()
            self.connected = False
            self._duplicate.disconnected()
        self._client = self._make()
        self._attempt_at = self._attempted_at + ANEW_MIN_S

    def _attempted(self, error: Exception | None, now: float) -> None:
        """An attempt is over: the client is this thread's again."""
        if error is not None:
            # UnicodeError: a host that can be no name, says the IDNA codec.
            if not isinstance(error, OSError | UnicodeError):
                raise error
            self._failed(error)
            self._try_later(now)
            return
        sock: Any = self._client.socket()
        self._client.on_disconnect = self._disconnected
        self._client.on_socket_close = self._closing
        # Otherwise a rep right after a live value waits for the far end's delayed ACK, up to 40 ms.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._asked_at = now
        self._watch()

    def _try_later(self, now: float) -> None:
        self._attempt_at = now + self._delay_s
        self._delay_s = min(RECONNECT_MAX_S, 2 * self._delay_s)

    def _failed(self, error: Exception) -> None:
        if self._mqtt.tls and isinstance(error, ssl.SSLCertVerificationError):
            why = "; ".join(certificate_problem(error, datetime.now(UTC)))
        else:
            why = getattr(error, "strerror", None) or str(error)
        self.trouble = f"{self._mqtt.host}:{self._mqtt.port} cannot be reached: {why}"

    def _watch(self) -> None:
        sock: Any = self._client.socket()
        wanted = EVENT_READ | EVENT_WRITE if self._client.want_write() else EVENT_READ
        if sock is not None and wanted != self._watched:
            self._watched = wanted
            self._network.watch(sock, wanted, self._ready)

    def _closing(self, client: paho.Client, _: Any, sock: Any) -> None:
        self._watched = 0
        self._network.forget(sock)

    def _ready(self, events: int) -> None:
        if self._attempt is not None:  # what was to be read on is of the connection before
            return
        try:
            if events & EVENT_READ:
                self._read()
            if self._client.want_write():  # before this, or by a callback: paho does not write within one
                self._client.loop_write()
                if not self._client.want_write():
                    self._on_change()
        except Exception as error:  # noqa: BLE001 - paho raises many kinds for what is no MQTT
            self._anew()
            self.trouble = f"what {self._mqtt.host}:{self._mqtt.port} sends is no MQTT: {error!r}"
            self._on_change()
        self._watch()

    def _read(self) -> None:
        for _ in range(MOST_PACKETS):
            self._client.loop_read()
            sock: Any = self._client.socket()
            # What TLS has decrypted already makes no socket readable. Of the rest the next round reads.
            if sock is None or not self._mqtt.tls or not sock.pending():
                return
        self._network.read_on(self._ready)

    def _connected(self, client: paho.Client, _: Any, flags: Any, reason: Any, properties: Any) -> None:
        with self._caught():
            self._asked_at = None
            if reason.is_failure:
                self.trouble = f"the broker refuses: {reason}"
                self._wrong_version = reason.value == UNSUPPORTED_VERSION
                self._on_change()
                return
            self._delay_s = RECONNECT_MIN_S
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

    def _has_unsubscribed(self, *_: Any) -> None:
        self.unsubscribed = True

    def _disconnected(self, client: paho.Client, _: Any, flags: Any, reason: Any, properties: Any) -> None:
        with self._caught():
            if self.connected:
                self.trouble = "the connection to the broker was lost"
            self.connected = False
            self._duplicate.disconnected()
            self._taken_over = self._taken_over or str(reason) == TAKEN_OVER
            self._wrong_version = self._wrong_version or self._asked_at is not None
            self._asked_at = None
            self._try_later(time.monotonic())
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
        # Kept apart from what paho itself raises: that ends a connection, this the node.
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
