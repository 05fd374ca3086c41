"""Reading ahead: packets arrive whole whatever the pieces, and only overtaken live values are left out."""

import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.client import Client
from dashboard.reading import LIVE_EACH, thinned
from station.config import Mqtt


def packet(header: int, body: bytes) -> bytes:
    """An MQTT packet, its length as the standard writes it."""
    length, digits = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (0x80 if length else 0))
        if not length:
            return bytes([header]) + bytes(digits) + body


def published(topic: bytes, payload: bytes, header: int = 0x30) -> bytes:
    return packet(header, len(topic).to_bytes(2) + topic + payload)


packets = st.one_of(
    st.builds(published, st.sampled_from([b"a/live", b"b/live", b"a/rep", b""]), st.binary(max_size=300)),
    st.builds(published, st.just(b"a/live"), st.binary(max_size=4), st.just(0x31)),  # retained
    st.builds(packet, st.integers(0, 255).filter(lambda h: h != 0x30), st.binary(max_size=200)),
)


@given(stream=st.lists(packets, max_size=40), cuts=st.lists(st.integers(0, 5000), max_size=6))
def test_whatever_the_pieces_packets_stay_whole_and_the_newest_live_values_among_them(
    stream: list[bytes], cuts: list[int]
) -> None:
    data = b"".join(stream)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    out, tail, dropped = b"", b"", 0
    for first, last in pairwise(edges):
        whole, tail, count = thinned(tail + data[first:last])
        out, dropped = out + whole, dropped + count
    assert tail == b""
    kept = iter(stream)
    left: list[bytes] = []
    while out:
        one = next(kept)
        if out.startswith(one):
            out = out[len(one) :]
        else:
            left.append(one)
            assert one[0] == 0x30
            assert b"/live" in one
    left += list(kept)
    assert len(left) == dropped


def test_of_values_that_have_piled_up_the_newest_few_of_each_station_are_left() -> None:
    said = [published(b"%s/live" % rack, b"%d" % n) for n in range(100) for rack in (b"r1", b"r2")]
    reps = [published(b"r1/rep", b"%d" % n) for n in range(100)]
    whole, tail, dropped = thinned(b"".join([*said[:100], *reps, *said[100:], b"\x30"]))
    assert whole == b"".join([*reps, *said[-2 * LIVE_EACH :]])
    assert (tail, dropped) == (b"\x30", 200 - 2 * LIVE_EACH)


def test_a_length_that_never_ends_is_left_to_paho_to_refuse() -> None:
    nonsense = b"\x30\xff\xff\xff\xff\xff"
    assert thinned(nonsense) == (nonsense, b"", 0)
    assert thinned(nonsense[:4]) == (b"", nonsense[:4], 0)


FLOOD = """
import sys, time
import paho.mqtt.client as paho
client = paho.Client(paho.CallbackAPIVersion.VERSION2)
client.connect("127.0.0.1", int(sys.argv[1]))
client.loop_start()
number = 0
while True:
    for _ in range(36):
        number += 1
        client.publish(f"plumbline/1/gym/r{number % 60}/live", f"{time.monotonic()} " + 300 * "x")
    time.sleep(0.01)
"""


@pytest.fixture
def flood(broker: Any) -> Iterator[Any]:
    """Another process publishes 3600 live values a second, each with the time it left."""
    process = subprocess.Popen([sys.executable, "-c", FLOOD, str(broker.port)])
    yield broker
    process.kill()
    process.wait()


def test_a_screen_that_is_always_busy_still_gets_what_is_said_now(flood: Any, until: Any) -> None:
    client = Client(Mqtt(host="127.0.0.1", port=flood.port, tls=False))
    client.start()
    try:
        until(lambda: client.connection.up and client.inbox.drain())
        end_s = time.monotonic() + 6.0
        while time.monotonic() < end_s:  # keeps the interpreter, as a screen at work does
            sum(range(1000))
        newest = max(
            float(one.payload.split()[0]) for one in client.inbox.drain() if one.topic.endswith("/live")
        )
        assert time.monotonic() - newest < 0.5
    finally:
        client.stop()
