import json
from datetime import UTC, datetime
from enum import StrEnum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station.bounds import measured, within
from station.curve import Curve, packed
from station.errors import MessageError
from station.messages import (
    MAX_PAYLOAD_BYTES,
    AckMessage,
    AnyMessage,
    BadgeMessage,
    CommandMessage,
    CurrentMessage,
    HealthMessage,
    InfoMessage,
    LiveMessage,
    ReplyMessage,
    RepMessage,
    SetMessage,
    StateMessage,
    Tombstone,
    decode,
    encode,
    new_id,
    now_utc,
)
from station.records import Rep
from station.topics import LEAVES, QOS, RETAINED, Address, parse_topic

LEAF = {
    StateMessage: "state",
    InfoMessage: "info",
    HealthMessage: "health",
    CurrentMessage: "current",
    LiveMessage: "live",
    RepMessage: "rep",
    SetMessage: "set",
    CommandMessage: "command",
    BadgeMessage: "badge",
    ReplyMessage: "reply",
    AckMessage: "ack",
}

PLAIN = {
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: st.text(st.characters(exclude_categories=["Cs"]), max_size=20),  # JSON holds no lone surrogates
    bool: st.booleans(),
    type(None): st.none(),
}


def values(of: Any) -> st.SearchStrategy[Any]:  # noqa: PLR0911
    """Any value a message's field of that type may have."""
    args = get_args(of)
    if of in PLAIN:
        return PLAIN[of]
    if isinstance(of, type) and issubclass(of, StrEnum):
        return st.sampled_from(of)
    if of is Curve:
        return st.builds(
            lambda places, seen: packed(1.5, places, places if seen else None),
            st.lists(st.floats(-40.0, 40.0), max_size=20),
            st.booleans(),
        )
    if isinstance(of, type) and issubclass(of, msgspec.Struct):
        fields = {field.name: values(field.type) for field in msgspec.structs.fields(of)}
        return st.builds(of, **fields)
    match get_origin(of):
        case origin if origin is Annotated:
            bounds = [meta for meta in args[1:] if meta.ge is not None]
            return st.integers(bounds[0].ge, bounds[0].le) if bounds else values(args[0])
        case origin if origin is Literal:
            return st.sampled_from(args)
        case origin if origin in (Union, UnionType):
            return st.one_of(*map(values, args))
        case origin if origin is list:
            return st.lists(values(args[0]), max_size=2)
        case origin if origin is tuple:
            return st.tuples(*map(values, args))
        case origin if origin is dict:
            return st.dictionaries(values(args[0]), values(args[1]), max_size=2)
    raise TypeError(of)


def live(**changes: Any) -> dict[str, Any]:
    """A live message as JSON has it."""
    newest = {
        "session_s": 1.5,
        "position_m": 0.9,
        "velocity_mps": None,
        "force_n": None,
        "x_m": None,
        "phase": None,
    }
    plain = {
        "schema": "plumbline/live/1",
        "event_id": "e",
        "at_utc": "2030-01-01T00:00:00.000Z",
        "session": "s",
    }
    return {**plain, "live": newest, **changes}


LIVE = json.dumps(live()).encode()
ENVELOPE = {"schema": "plumbline/rep/1", "event_id": "e", "at_utc": "2030-01-01T00Z", "stream": "s", "seq": 1}
SET = {
    "session": "s",
    "session_s": 5.0,
    "revision": 1,
    "state": "confirmed",
    "exercise": "rdl",
    "set_number": 1,
}
REP = json.dumps(ENVELOPE | SET)


def refusal(leaf: str, payload: bytes) -> str:
    with pytest.raises(MessageError) as refused:
        decode(leaf, payload)
    said = str(refused.value)
    assert len(said) < 400, "too long for a line of a log"
    assert said.isprintable()
    return said


@given(data=st.data())
@settings(max_examples=30, deadline=None)
@pytest.mark.parametrize("kind", LEAF)
def test_every_message_comes_back_as_it_was_sent(kind, data):
    message = msgspec.structs.replace(data.draw(values(kind)), at_utc="2030-01-01T00:00:00.000Z")
    payload = encode(message)
    try:
        assert decode(LEAF[kind], payload) == message
    except MessageError as error:
        assert "lies between" in str(error)


@pytest.mark.parametrize(
    "at_utc",
    [
        "",
        "yesterday",
        "9999-12-31T23:59:59Z",
        "2030-02-30T00:00:00Z",
        "2030-01-01T00:00:00",
        "1969-12-31T23:59:59Z",
    ],
)
def test_a_time_that_is_none_is_refused(at_utc):
    assert "give a time" in refusal("live", json.dumps(live() | {"at_utc": at_utc}).encode())


@pytest.mark.parametrize(
    "name, good, bad",
    [
        ("mean_concentric_velocity_mps", 4.0, 9.9),
        ("peak_eccentric_velocity_mps", 7.0, 1e308),
        ("rom_m", 2.6, -0.1),
        ("concentric_s", 0.0, -0.001),
        ("top_pause_s", 600.0, 1e308),
        ("peak_force_n", 20_000.0, -1e308),
        ("velocity_loss_pct", -50.0, 101.0),
        ("confidence", 1.0, 1.001),
        ("start_s", -20.0, 1e308),
        ("number", 300, 2**52),
    ],
)
def test_a_number_that_is_no_lifter_s_is_refused_with_its_bounds(name, good, bad):
    fields = {field.name: None for field in msgspec.structs.fields(Rep)}
    rep = {**fields, "number": 1, "counted": True, "start_s": 1.0, "end_s": 2.0, "repaired_samples": 0}
    message = {**json.loads(REP), "rep": rep | {name: good}}
    decode("rep", json.dumps(message).encode())
    assert "lies between" in refusal("rep", json.dumps(message | {"rep": rep | {name: bad}}).encode())
    said = measured(msgspec.convert(rep | {name: bad}, Rep))
    assert within(name, getattr(said, name)) or name in ("start_s", "number")


def test_the_load_and_the_time_around_a_rep_have_bounds_too():
    for change in ({"load_kg": 1001.0}, {"session_s": 1e308}, {"revision": 10**9}):
        fields = {field.name: None for field in msgspec.structs.fields(Rep)}
        rep = {**fields, "number": 1, "counted": True, "start_s": 1.0, "end_s": 2.0}
        message = {**json.loads(REP), "rep": rep, **change}
        assert "lies between" in refusal("rep", json.dumps(message).encode())


def test_every_kind_of_message_has_its_leaf():
    assert set(LEAF) | {Tombstone} == set(get_args(AnyMessage))
    assert set(LEAF.values()) | {"correction"} == set(LEAVES)  # a command, to the record
    assert set(LEAVES) >= RETAINED | set(QOS)


def test_a_tombstone_travels_in_the_place_of_a_rep_or_a_set():
    tombstone = Tombstone(event_id="e", at_utc="2030-01-01T00Z", stream="a", seq=9, first_seq=3, lost=7)
    assert decode("rep", encode(tombstone)) == tombstone
    assert "does not belong on live" in refusal("live", encode(tombstone))
    backwards = msgspec.structs.replace(tombstone, first_seq=10)
    assert "a tombstone from 10 to 9 runs backwards" in refusal("rep", encode(backwards))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_leaves_as_null(make_rep, number):
    payload = encode(make_rep(rom_m=number))
    assert b'"rom_m":null' in payload
    assert json.loads(payload, parse_constant=pytest.fail)["rep"]["rom_m"] is None


@pytest.mark.parametrize(
    "number",
    [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"1" + b"0" * 400, b'"1.5"', b"true", b"[1.5]"],
)
def test_what_is_no_number_does_not_come_in(number):
    assert LIVE.count(b"1.5") == 1
    assert decode("live", LIVE).live.session_s == 1.5
    refusal("live", LIVE.replace(b"1.5", number))


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"", "Input data was truncated"),
        (b"\0" * 40, "JSON is malformed"),
        (b"null", "Expected `object`, got `null`"),
        (b"[" * 60_000, "Expected `object`, got `array`"),
        (LIVE[:-1], "truncated"),
        (LIVE + b"{}", "trailing characters"),
        (LIVE.replace(b'"e"', rb'"\ud800"'), "surrogate"),
        (LIVE.replace(b'"e"', b'"\xff\xfe"'), "UTF-8"),
        (LIVE.replace(b"live/1", b"live/2"), "Invalid value 'plumbline/live/2'"),
        (LIVE.replace(b'"schema"', b'"scheme"'), "missing required field `schema`"),
        (LIVE.replace(b'"session_s"', b'"session_ms"'), "missing required field `session_s`"),
        (json.dumps(live(session=7)).encode(), "Expected `str`, got `int` - at `$.session`"),
        (json.dumps(live(live=None)).encode(), "Expected `object`, got `null` - at `$.live`"),
        (LIVE.replace(b'"phase": null', b'"phase": "sideways"'), "Invalid enum value 'sideways'"),
        (LIVE + b" " * MAX_PAYLOAD_BYTES, f"at most {MAX_PAYLOAD_BYTES} are accepted"),
    ],
    ids=lambda part: part[:12] if isinstance(part, str) else "",
)
def test_a_hostile_payload_is_refused_with_a_reason(payload, says):
    assert says.casefold() in refusal("live", payload).casefold()


def test_a_payload_nested_without_end_is_refused_or_passed_over() -> None:
    """Python 3.14 bounds recursion by its stack, not by a count: there the unknown key is read past."""
    nested = LIVE[:-1] + b', "x": ' + b"[" * 30_000 + b"]" * 30_000 + b"}"
    try:
        assert decode("live", nested) == decode("live", LIVE)
    except MessageError as refused:
        assert "recursion" in str(refused)


@pytest.mark.parametrize("seq", [0, -1, 2**53, 1.5, "1", None])
def test_a_sequence_number_that_cannot_be_is_refused(make_rep, seq):
    sent = json.loads(encode(make_rep()))
    assert decode("rep", json.dumps(sent).encode()).seq == 1
    refusal("rep", json.dumps({**sent, "seq": seq}).encode())


@pytest.mark.parametrize("leaf", [leaf for leaf in LEAVES if leaf != "live"])
def test_a_message_on_the_wrong_leaf_is_refused(leaf):
    assert f"payload is no message of {leaf!r}: Invalid value 'plumbline/live/1'" in refusal(leaf, LIVE)


@pytest.mark.parametrize("leaf", ["", "other", "x" * 9000])
def test_a_message_on_a_leaf_that_there_is_not_is_refused(leaf):
    assert f"nothing belongs on {leaf[:40]!r}; messages travel on state, " in refusal(leaf, LIVE)


def test_a_key_of_a_newer_software_does_no_harm():
    assert decode("live", json.dumps(live(battery_pct=80)).encode()) == decode("live", LIVE)


@given(payload=st.binary(max_size=60), leaf=st.sampled_from(LEAVES), cut=st.integers(0, len(LIVE)))
@settings(max_examples=300, deadline=None)
def test_no_bytes_raise_anything_else(payload, leaf, cut):
    for hostile in (payload, LIVE[:cut] + payload + LIVE[cut:], LIVE[:cut] + payload):
        try:
            decode(leaf, hostile)
        except MessageError as error:
            assert str(error)


@given(
    site=st.from_regex(r"[a-z0-9-]{1,32}", fullmatch=True),
    station=st.from_regex(r"[a-z0-9-]{1,32}", fullmatch=True),
    leaf=st.sampled_from(LEAVES),
)
def test_every_topic_is_read_as_it_is_written(site, station, leaf):
    address = Address(site, station, leaf)
    assert parse_topic(address.topic) == address


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "plumbline/1/gym/rack-1",
        "plumbline/1/gym/rack-1/rep/2",
        "plumbline/1/gym/rack-1/reps",
        "plumbline/1/gym/rack-1/rep\n",
        "plumbline/2/gym/rack-1/rep",
        "plumbline/1//rack-1/rep",
        "plumbline/1/gym/+/rep",
        "plumbline/1/gym/#",
        "plumbline/1/Gym/rack-1/rep",
        "plumbline/1/gym/rack 1/rep",
        "plumbline/1/gym/rack.1/rep",
        "plumbline/1/gym/" + "r" * 33 + "/rep",
        "$SYS/broker/version",
    ],
)
def test_any_other_topic_is_refused(topic):
    with pytest.raises(MessageError, match="is not plumbline/1/<site>/<station>/<leaf>"):
        parse_topic(topic)


def test_times_are_utc_to_the_millisecond_and_ids_are_new():
    assert now_utc(datetime(2030, 1, 2, 3, 4, 5, 678_900, UTC)) == "2030-01-02T03:04:05.678Z"
    assert len({new_id() for _ in range(100)}) == 100
