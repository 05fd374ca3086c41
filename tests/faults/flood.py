"""Floods on the broker that `plumbline broker --setup` describes: by each user, on each topic it may."""

import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import numpy as np

from dashboard.broker.client import Client
from dashboard.broker.events import read_all
from edge.broker.access import SITE_WRITES, STATION_WRITES, Role, User
from edge.delivery.outbox import Outbox
from edge.delivery.publisher import Publisher
from station.config import Mqtt
from tests.faults.gym import ROOT, Gym, Verdict
from tests.faults.hardware import until
from tests.faults.spoof import guarded_broker
from tests.faults.station import make_rep

P95_S = 1.0
PACE_S = 0.1  # a rep of the good station; a lifter takes thirty times as long
USERS = {"screen-1": User(Role.SCREEN, "rack-2"), "house": User(Role.HOME_ASSISTANT)}
# What each user of the broker may write that the record or a screen reads.
FLOODS = [
    *(("rack-2", "rack-2", leaf) for leaf in STATION_WRITES),
    *(("coach", "rack-1", leaf) for leaf in SITE_WRITES["coach"]),
    ("record", "rack-2", "reply"),
    ("screen-1", "rack-2", "badge"),
]

# A hand-made client: a flood that a client library makes is that library's own limit.
CLIENT = """
import itertools, socket, ssl, struct, sys
host, port, ca_file, user, password, station, leaf, qos = sys.argv[1:]
def text(words): return struct.pack(">H", len(words)) + words.encode()
def packet(kind, body):
    length, digits = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (0x80 if length else 0))
        if not length: return bytes([kind]) + bytes(digits) + body
sock = ssl.create_default_context(cafile=ca_file).wrap_socket(
    socket.create_connection((host, int(port))), server_hostname=host)
sock.sendall(packet(0x10, text("MQTT") + b"\\x04\\xc2\\x02\\x58" + text(user) + text(user) + text(password)))
assert sock.recv(4)[3] == 0
from tests.faults.flood import payloads
topic = f"plumbline/1/gym/{station}/{leaf}"
for batch in itertools.count():
    data = b"".join(
        packet(0x30 | 2 * int(qos),
               text(topic) + (struct.pack(">H", n % 65535 + 1) if int(qos) else b"") + body)
        for n, body in enumerate(payloads(leaf, batch), 100 * batch))
    sock.sendall(data)
    if int(qos):
        sock.setblocking(False)
        try: sock.recv(1 << 16)
        except (BlockingIOError, ssl.SSLWantReadError): pass
        sock.setblocking(True)
"""


def payloads(leaf: str, batch: int) -> list[bytes]:
    """A hundred messages for a topic, each another; those of rep and set have odd numbers."""
    from station.messages import BadgeMessage, CommandMessage, ReplyMessage, encode, new_id, now_utc  # noqa: PLC0415

    found: list[bytes] = []
    rep = encode(make_rep("flood-1")).replace(b'"stream":""', b'"stream":"f"')
    for n in range(100 * batch, 100 * batch + 100):
        at = {"event_id": f"flood-{n}", "at_utc": now_utc()}
        match leaf:
            case "rep" | "set":
                odd = b'"seq":%d,' % (2 * n + 1)
                found.append(rep.replace(b'"seq":1,', odd).replace(b'"flood-1"', b'"flood-%d"' % n))
            case "badge":
                found.append(encode(BadgeMessage(**at, badge=str(n), by="screen")))
            case "command" | "correction":
                found.append(encode(CommandMessage(**at, name="undo", by="coach")))
            case "reply":
                found.append(encode(ReplyMessage(**at, in_reply_to=new_id(), ok=True, text="done")))
            case _:
                found.append(b"{" + b"x" * 500)
    return found


def flood(quick: bool) -> Verdict:
    """The time from a good station's rep to its acknowledgement and to a screen, while each user floods."""
    lasts_s = 3.0 if quick else 10.0
    worst_s, calm_s, worst, lost, total = 0.0, 0.0, "", 0, 0
    with ExitStack() as stack:
        gym = stack.enter_context(Gym())
        port = stack.enter_context(guarded_broker(gym.folder / "broker", USERS))
        folder = gym.folder / "broker"

        def mqtt(user: str) -> Mqtt:
            password = str(folder / "private" / f"{user}.pw")
            ca_file = str(folder / "ca.pem")
            return Mqtt(host="localhost", port=port, ca_file=ca_file, username=user, password_file=password)

        with Outbox(gym.folder / "outbox.db") as outbox:
            gym.record_at(mqtt("record"))
            publisher = Publisher(outbox, {"rack-1": mqtt("rack-1")}, {"rack-1": "one"})
            publisher.start()
            until(lambda: publisher.senders["rack-1"].connection.connected, 10.0)
            screen = stack.enter_context(Screen(mqtt("coach")))
            for user, station, leaf in [("", "", ""), *FLOODS[:: 3 if quick else 1]]:
                if not user:  # what the machine takes without a flood
                    calm_s, count = _p95_s(outbox, publisher, screen, lasts_s, total)
                    total += count
                    continue
                password = Path(mqtt(user).password_file or "").read_text().strip()
                qos = "0" if leaf in ("rep", "set") else "1"
                where = ("localhost", str(port), str(folder / "ca.pem"), user, password, station, leaf, qos)
                child = subprocess.Popen(
                    [sys.executable, "-c", CLIENT, *where], cwd=ROOT, stderr=subprocess.DEVNULL
                )
                time.sleep(1.0)  # to start up; measured is what comes then
                p95_s, count = _p95_s(outbox, publisher, screen, lasts_s, total)
                total += count
                child.kill()
                child.wait()
                if p95_s > worst_s:
                    worst_s, worst = p95_s, f"{user} on {leaf}"
            until(lambda: outbox.depth() == 0, 20.0)
            publisher.stop()
        found = gym.delivered().keys()
        lost = total - sum(f"good-{n}" in found for n in range(1, total + 1))
    return Verdict(
        f"floods by {len(FLOODS[:: 3 if quick else 1])} users and topics, under the generated ACL",
        f"{total} reps of a good station, {lost} lost; p95 until stored and shown {worst_s:.2f} s at worst"
        f" ({worst}), {calm_s:.2f} s without a flood",
        lost == 0 and worst_s < P95_S,
    )


class Screen:
    """A coach's screen, which looks at what has come twenty times a second."""

    def __init__(self, mqtt: Mqtt) -> None:
        self.heard: set[str] = set()
        self._client = Client(mqtt)
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        self._client.start()
        self._thread.start()
        until(lambda: self._client.connection.up, 10.0)
        return self

    def __exit__(self, *exc: object) -> None:
        self._leaving.set()
        self._thread.join()
        self._client.stop()

    def _look(self) -> None:
        while not self._leaving.wait(0.05):
            arrivals, _ = read_all(self._client.inbox.drain())
            self.heard |= {one.message.event_id for one in arrivals if one.address.station == "rack-1"}


def _p95_s(
    outbox: Outbox, publisher: Publisher, screen: Screen, lasts_s: float, issued: int
) -> tuple[float, int]:
    """Reps one after the other for so long: until each is acknowledged and shown, in 95 of 100; how many."""
    took_s: list[float] = []
    end_s = time.monotonic() + lasts_s
    while time.monotonic() < end_s:
        name = f"good-{issued + len(took_s) + 1}"
        outbox.append("rack-1", [make_rep(name)])
        publisher.wake()
        took_s.append(min(until(lambda: outbox.depth() == 0 and name in screen.heard, 10.0), 10.0))  # noqa: B023
        time.sleep(PACE_S)
    return float(np.quantile(took_s, 0.95)), len(took_s)
