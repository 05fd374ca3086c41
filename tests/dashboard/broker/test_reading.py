"""Reading ahead: packets arrive whole whatever the pieces, and what needs no answer goes round paho."""

import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.broker.client import Client
from dashboard.broker.reading import split_qos0
from station.config import Mqtt


def packet(header: int, body: bytes) -> bytes:
    """An MQTT packet, its length as the standard writes it."""
    length, digits = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (0x80 if length else 0))
        if not length:
            return bytes([header]) + bytes(digits) + body


def published(topic: bytes, payload: bytes, properties: bytes | None = None, header: int = 0x30) -> bytes:
    """A message as MQTT 5 has it where there are properties, else as 3.1.1."""
    extra = b"" if properties is None else bytes([len(properties)]) + properties
    return packet(header, len(topic).to_bytes(2) + topic + extra + payload)


topics = st.sampled_from([b"a/live", b"b/live", b"a/rep", b""])


def packets(five: bool) -> st.SearchStrategy[bytes]:
    """What may come: messages, live values that are retained or repeated, and anything else."""
    properties = st.binary(max_size=20) if five else st.none()
    return st.one_of(
        st.builds(published, topics, st.binary(max_size=300), properties),
        st.builds(
            published, st.just(b"a/live"), st.binary(max_size=4), properties, st.sampled_from([0x31, 0x32])
        ),
        st.builds(packet, st.integers(0, 255).filter(lambda h: h != 0x30), st.binary(max_size=200)),
    )


def is_quick(one: bytes) -> bool:
    """Whether it goes round paho."""
    return one[0] == 0x30 and any(topic in one[:10] for topic in (b"\0\6a/live", b"\0\6b/live", b"\0\5a/rep"))


@pytest.mark.parametrize("five", [True, False])
@given(given=st.data(), cuts=st.lists(st.integers(0, 5000), max_size=6))
def test_whatever_the_pieces_packets_stay_whole_and_live_values_go_round_paho(
    given: st.DataObject, cuts: list[int], five: bool
) -> None:
    stream = given.draw(st.lists(packets(five), max_size=40))
    data = b"".join(stream)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    live, others, tail = [], b"", b""
    for first, last in pairwise(edges):
        found = split_qos0(tail + data[first:last], five)
        live += found.qos0
        others += found.others
        tail = found.tail
    assert tail == b""
    assert others == b"".join(one for one in stream if not is_quick(one))
    assert len(live) == sum(map(is_quick, stream))


def test_a_live_value_s_payload_begins_behind_its_properties() -> None:
    said = published(b"r1/live", b"{}", b"\x01\x01")
    assert split_qos0(said, True).qos0 == [(b"r1/live", b"{}")]
    assert split_qos0(published(b"r1/live", b"{}"), False).qos0 == [(b"r1/live", b"{}")]
    # Properties longer than the packet are nonsense: paho sees it and says so.
    lying = packet(0x30, (7).to_bytes(2) + b"r1/live" + b"\x7f{}")
    assert split_qos0(lying, True) == ([], lying, b"")


def test_a_length_that_never_ends_is_left_to_paho_to_refuse() -> None:
    nonsense = b"\x30\xff\xff\xff\xff\xff"
    assert split_qos0(nonsense, True) == ([], nonsense, b"")
    assert split_qos0(nonsense[:4], True) == ([], b"", nonsense[:4])


def test_a_long_read_costs_no_more_a_packet_than_a_short_one() -> None:
    """Of a flood, a read brings hundreds of packets; none of them is looked at by copying the others."""

    class Counted(bytes):
        copied = 0

        def __getitem__(self, key: Any) -> Any:
            found = super().__getitem__(key)
            Counted.copied += len(found) if isinstance(found, bytes) else 0
            return found

    said = published(b"r1/rep", b"x" * 1000, b"\x01\x01")
    assert len(split_qos0(Counted(200 * said), True).qos0) == 200
    assert Counted.copied < 2 * 200 * len(said)


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


BUSY_S = 6.0


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
        begun_s = time.monotonic()
        while time.monotonic() < begun_s + BUSY_S:  # keeps the interpreter, as a screen at work does
            sum(range(1000))
        newest = max(
            float(one.payload.split()[0]) for one in client.inbox.drain() if one.topic.endswith("/live")
        )
        # paho alone reads nothing meanwhile: what it has is of before
        assert newest > begun_s + BUSY_S / 2
    finally:
        client.stop()
