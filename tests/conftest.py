"""What the tests of several packages share: a real broker, and messages as a station would make them."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from edge.broker import Broker
from station.errors import BrokerError
from station.messages import RepMessage, SetMessage
from station.records import Rep, SetSummary


@pytest.fixture
def broker() -> Iterator[Broker]:
    """mosquitto on a free loopback port."""
    try:
        child = Broker(kind="mosquitto")
    except BrokerError:
        pytest.skip("mosquitto is not installed")
    with child:
        yield child


@pytest.fixture
def until() -> Callable[[Callable[[], Any]], None]:
    """Wait until something is true; fail after 10 s."""

    def wait(condition: Callable[[], Any], timeout_s: float = 10.0) -> None:
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline_s, "it did not become true in time"
            time.sleep(0.01)

    return wait


@pytest.fixture
def make_rep() -> Callable[..., RepMessage]:
    return _make_rep


@pytest.fixture
def make_set() -> Callable[..., SetMessage]:
    return _make_set


def _make_rep(number: int = 1, **changes: Any) -> RepMessage:
    """A confirmed rep; `changes` are of the message or of the rep."""
    fields: dict[str, Any] = {field.name: None for field in msgspec.structs.fields(Rep)}
    fields |= {"number": number, "counted": True, "start_s": 1.0, "end_s": 4.0}
    fields |= {"concentric_start_s": 3.0, "concentric_end_s": 4.0, "concentric_s": 1.0}
    fields |= {"mean_concentric_velocity_mps": 0.5}
    message: dict[str, Any] = {
        "event_id": f"session-s1-r{number}",
        "at_utc": "2030-01-01T00:00:00.000Z",
        "stream": "",
        "seq": 1,
        "session": "session",
        "session_s": 4.0,
        "revision": 1,
        "state": "confirmed",
        "exercise": "romanian-deadlift",
        "set_number": 1,
    }
    for name, value in changes.items():
        (fields if name in fields else message)[name] = value
    return RepMessage(rep=Rep(**fields), **message)


def _make_set(number: int = 1, **changes: Any) -> SetMessage:
    fields: dict[str, Any] = {field.name: None for field in msgspec.structs.fields(SetSummary)}
    fields |= {"number": number, "counted_reps": 5, "partial_reps": 0, "start_s": 1.0, "end_s": 20.0}
    message: dict[str, Any] = {
        "event_id": f"session-s{number}",
        "at_utc": "2030-01-01T00:00:00.000Z",
        "stream": "",
        "seq": 1,
        "session": "session",
        "session_s": 21.0,
        "revision": 1,
        "exercise": "romanian-deadlift",
    }
    for name, value in changes.items():
        (fields if name in fields else message)[name] = value
    return SetMessage(summary=SetSummary(**fields), **message)
