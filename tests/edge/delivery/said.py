"""What the tests of the publisher say on the broker."""

from typing import Any

from edge.broker.mosquitto import Broker
from edge.delivery.outbox import Outbox
from station.config import Mqtt
from station.messages import (
    AckMessage,
    StateMessage,
    StreamAck,
    encode,
)

NOW = "2030-01-01T00:00:00.000Z"


TOPIC = "plumbline/1/gym/rack-1/"


def at(broker: Broker) -> Mqtt:
    return Mqtt(host="127.0.0.1", port=broker.port, tls=False)


def state(name: Any, session: str = "one") -> StateMessage:
    return StateMessage(event_id="e", at_utc=NOW, session=session, state=name)


def acknowledge(wire: Any, outbox: Outbox, seq: int, *missing: tuple[int, int]) -> None:
    ack = StreamAck(stream=outbox.stream("rack-1"), committed_seq=seq, missing=list(missing))
    wire.say(TOPIC + "ack", encode(AckMessage(event_id="a", at_utc=NOW, streams=[ack])))
