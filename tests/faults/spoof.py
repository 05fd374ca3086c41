"""A thief in the gym: another station's password, on the broker that `plumbline broker --setup` describes."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from dashboard.record.record import Record
from dashboard.record.store import open_store
from edge.broker.access import Role, User
from edge.broker.folder import ALWAYS, BrokerFolder, BrokerSetup
from edge.delivery.outbox import Outbox
from edge.delivery.publisher import Publisher
from station.config import Mqtt
from station.messages import AckMessage, CommandMessage, StreamAck, encode, now_utc
from station.topics import Address
from tests.faults.gym import Gym, Verdict
from tests.faults.hardware import until
from tests.faults.station import make_rep
from tests.ports import free_port

REPS = 200


@contextmanager
def guarded_broker(folder: Path, more: Mapping[str, User] | None = None) -> Iterator[int]:
    """A mosquitto with TLS, passwords and the generated ACL; its port."""
    port = free_port()
    users = {"rack-1": User(Role.STATION), "rack-2": User(Role.STATION), "coach": User(Role.COACH)}
    BrokerFolder(folder).change(
        BrokerSetup(host="localhost", site="gym", port=port, users={**ALWAYS, **users, **(more or {})})
    )
    config = folder / "broker" / "plumbline.conf"
    config.write_text(config.read_text() + "user root\n")  # the folder is ours alone
    mosquitto = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    child = subprocess.Popen([str(mosquitto), "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, 5.0)
        yield port
    finally:
        child.terminate()
        child.wait()


class Thief:
    """Says what it likes with a station's credentials, and counts what the broker lets pass."""

    def __init__(self, mqtt: Mqtt) -> None:
        self.refused = self.passed = 0
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "thief", protocol=paho.MQTTv5)
        self._client.username_pw_set(mqtt.username, Path(mqtt.password_file or "").read_text().strip())
        self._client.tls_set(mqtt.ca_file)
        self._client.on_publish = self._answered
        self._client.connect(mqtt.host, mqtt.port)
        self._client.loop_start()

    def _answered(self, client: Any, data: Any, mid: int, reason: Any, properties: Any) -> None:
        if reason == "Not authorized":
            self.refused += 1
        else:
            self.passed += 1

    def say(self, leaf: str, payload: bytes) -> None:
        """As if it were rack-1, or the record, or a screen."""
        self._client.publish(Address("gym", "rack-1", leaf).topic, payload, qos=1)

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()


def spoof(quick: bool) -> Verdict:
    """A spoofed station and spoofed acknowledgements: refused, and nothing is deleted unacknowledged."""
    tries = 50 if quick else 1000
    with Gym() as gym, guarded_broker(gym.folder / "broker") as port:

        def mqtt(user: str) -> Mqtt:
            folder = gym.folder / "broker"
            ca_file, password = str(folder / "ca.pem"), str(folder / "private" / f"{user}.pw")
            return Mqtt(host="localhost", port=port, ca_file=ca_file, username=user, password_file=password)

        with Outbox(gym.folder / "outbox.db") as outbox, open_store(gym.history) as store:
            publisher = Publisher(outbox, {"rack-1": mqtt("rack-1")}, {"rack-1": "one"})
            publisher.start()
            until(lambda: publisher.senders["rack-1"].connection.connected, 10.0)
            thief = Thief(mqtt("rack-2"))
            stream = outbox.stream("rack-1")
            ack = StreamAck(stream=stream, committed_seq=REPS)
            asked = CommandMessage(event_id="c", at_utc=now_utc(), name="end-set", by="thief")
            for n in range(1, REPS + 1):
                outbox.append("rack-1", [make_rep(f"a-{n}")])
                publisher.wake()
            for n in range(tries):
                thief.say("ack", encode(AckMessage(event_id="a", at_utc=now_utc(), streams=[ack])))
                thief.say("rep", encode(make_rep(f"forged-{n}")))
                thief.say("command", encode(asked))
            until(lambda: thief.refused + thief.passed >= 3 * tries, 20.0)
            held, obeyed = outbox.depth(), len(publisher.senders["rack-1"].inbox.take())
            with Record(mqtt("record"), store):
                start_s = time.monotonic()
                until(lambda: outbox.depth() == 0, 10.0)
                drained_s = time.monotonic() - start_s
            thief.close()
            publisher.stop()
        found = gym.delivered()
    forged = len(found.keys() - {f"a-{n}" for n in range(1, REPS + 1)})
    return Verdict(
        "spoofed station, acknowledgement and command, under the generated ACL",
        f"{thief.refused} of {3 * tries} refused; {held} of {REPS} held until the record came,"
        f" drained in {drained_s:.1f} s; {len(found) - forged} stored, {forged} forged;"
        f" {obeyed} commands obeyed",
        (thief.refused, thief.passed, held, forged, obeyed, len(found)) == (3 * tries, 0, REPS, 0, 0, REPS),
    )
