"""The border: hostile payloads and hostile text."""

import unicodedata
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.broker.events import Packet, read, read_all
from dashboard.floor.state import FloorState
from dashboard.plaintext import TEXT_LIMIT, clean
from dashboard.tui.messages import FloorChanged
from station.errors import MessageError
from station.messages import encode

HOSTILE = {
    "ansi": "\x1b[2J\x1b[31mana",
    "osc": "\x1b]0;owned\x07\x1b]52;c;aGk=\x1b\\ana",
    "c1": "\x9b2Jana\x9d0;x\x9c",
    "bidi": "\u202eana\u2066\u2069\u200f",
    "lines": "an\u2028a\u2029\r\n\t",
    "zero width": "a\u200bn\ufeffa\u00ad",
    "private": "\ue000ana\U000f0000",
}


def test_our_own_messages_pass_unchanged(words: Any) -> None:
    for message in (words().state(), words().rep(3), words().live(1.0), words().set(1), words().health(2.0)):
        leaf = type(message).__name__.removesuffix("Message").lower()
        assert read(Packet(f"plumbline/1/gym/rack-1/{leaf}", encode(message), 5.0)).message == message


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_text_from_outside_keeps_nothing_a_terminal_would_obey(words: Any, text: str) -> None:
    message = words().info(athlete=text, board=text)
    arrival = read(Packet("plumbline/1/gym/rack-1/info", encode(message), 0.0))
    shown = arrival.message.athlete  # type: ignore[union-attr]
    assert "ana" in shown
    assert not [
        char for char in shown if unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp")
    ]


def test_markup_stays_what_it_is_text() -> None:
    assert clean("[@click=app.quit]x[/]") == "[@click=app.quit]x[/]"


def test_keys_and_nested_texts_are_cleaned_too(words: Any) -> None:
    message = words().info(geometry={"\x1b[31mlpt": 1.0})
    arrival = read(Packet("plumbline/1/gym/rack-1/info", encode(message), 0.0))
    assert arrival.message.geometry == {"[31mlpt": 1.0}  # type: ignore[union-attr]


def test_a_long_text_is_cut_and_piled_up_marks_are_thinned() -> None:
    assert len(clean("x" * 10_000)) == TEXT_LIMIT
    assert clean("a" + "\u0301" * 50) == "a\u0301\u0301"


@given(text=st.text(max_size=400))
def test_cleaning_is_idempotent_and_bounded(text: str) -> None:
    once = clean(text)
    assert clean(once) == once and len(once) <= TEXT_LIMIT


STATE = b'{"schema":"plumbline/state/1","at_utc":"2030-01-01T00Z",'
HEALTH = b'{"schema":"plumbline/health/1","at_utc":"2030-01-01T00Z",'
REPLY = b'{"schema":"plumbline/reply/1","at_utc":"2030-01-01T00Z",'
BAD = {
    "not json": b"hello",
    "empty object": b"{}",
    "array": b"[1, 2]",
    "deep": b"[" * 30_000 + b"]" * 30_000,
    "deep object": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "NaN": STATE + b'"event_id":NaN,"session":"a","state":"ready"}',
    "out of range": HEALTH + b'"event_id":"1","session":"a","session_s":1e999}',
    "lone surrogate": STATE + b'"event_id":"\\ud800","session":"a","state":"ready"}',
    "wrong type": STATE + b'"event_id":"1","session":7,"state":"ready"}',
    "wrong word": STATE + b'"event_id":"1","session":"a","state":"sleeping"}',
    "other leaf": REPLY + b'"event_id":"1","in_reply_to":"1","ok":true,"text":""}',
    "too large": STATE + b'"event_id":"' + b"x" * 70_000 + b'","session":"a","state":"ready"}',
    "not utf-8": STATE + b'"event_id":"\xff","session":"a","state":"ready"}',
}


def test_the_bad_payloads_are_bad_for_one_reason_each() -> None:
    assert read(
        Packet("plumbline/1/gym/rack-1/state", STATE + b'"event_id":"1","session":"a","state":"ready"}', 0)
    )
    assert read(Packet("plumbline/1/gym/rack-1/reply", BAD["other leaf"], 0))


@pytest.mark.parametrize("payload", BAD.values(), ids=BAD.keys())
def test_what_is_no_message_is_counted_and_stops_nothing(words: Any, payload: bytes) -> None:
    topic = "plumbline/1/gym/rack-1/state"
    good = Packet(topic, encode(words().state()), 0.0)
    arrivals, refused = read_all([Packet(topic, payload, 0.0), good])
    assert refused == 1 and len(arrivals) == 1


@pytest.mark.parametrize(
    "topic",
    ["", "plumbline/1/gym/rack-1", "plumbline/1/Gym/rack-1/state", "plumbline/1/gym/\x1b[2J/state", "x/y"],
)
def test_a_topic_of_somebody_else_is_refused(words: Any, topic: str) -> None:
    with pytest.raises(MessageError):
        read(Packet(topic, encode(words().state()), 0.0))


def test_a_retained_message_taken_back_is_no_fault() -> None:
    assert read_all([Packet("plumbline/1/gym/rack-1/state", b"", 0.0)]) == ([], 0)


@given(payload=st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_whatever_get_through_or_break_it(payload: bytes) -> None:
    arrivals, refused = read_all([Packet("plumbline/1/gym/rack-1/rep", payload, 0.0)])
    assert not arrivals and refused == bool(payload)


def test_a_newer_floor_replaces_one_that_waits() -> None:
    newer, waiting = FloorChanged(FloorState()), FloorChanged(FloorState())
    assert newer.can_replace(waiting)
