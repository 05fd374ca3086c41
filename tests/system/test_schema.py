"""The published schemas hold for what really travels, and refuse what does not belong."""

import copy
import threading
from typing import Any

import msgspec
import numpy as np
import pytest

from dashboard.record.record import Record
from dashboard.record.store import open_store
from edge.broker.mosquitto import Broker
from edge.cli import schema
from edge.delivery.outbox import Outbox
from edge.link.drivers import Samples
from edge.node.acquisition import PlayedSamples
from edge.node.node import Node
from edge.node.session import Session
from station.config import Mqtt
from station.exercises import load_profile
from station.messages import BadgeMessage, CommandMessage, encode, now_utc
from station.schema import asyncapi, json_schemas
from station.sim.session import simulate_set
from station.topics import LEAVES

KINDS = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def fits(value: Any, schema: Any, definitions: Any) -> bool:  # noqa: PLR0911
    """Whether a value fits a JSON Schema: the keywords that msgspec writes, and no other."""
    known = {
        "$schema",
        "$ref",
        "$defs",
        "title",
        "description",
        "contentEncoding",
        "default",
        "type",
        "enum",
        "anyOf",
        "discriminator",
    }
    known |= {
        "properties",
        "required",
        "items",
        "additionalProperties",
        "minimum",
        "maximum",
        "exclusiveMinimum",
    }
    known |= {"prefixItems", "minItems", "maxItems"}
    assert schema.keys() <= known, schema.keys() - known
    if "$ref" in schema:
        return fits(value, definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
    if "anyOf" in schema:
        return any(fits(value, one, definitions) for one in schema["anyOf"])
    if "enum" in schema and value not in schema["enum"]:
        return False
    kind = schema.get("type")
    if kind in ("integer", "number"):
        if isinstance(value, bool) or not isinstance(value, int if kind == "integer" else (int, float)):
            return False
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    if kind is not None and not isinstance(value, KINDS[kind]):
        return False
    if isinstance(value, dict):
        known_keys = schema.get("properties", {})
        return set(schema.get("required", [])) <= value.keys() and all(
            fits(item, known_keys.get(key, schema.get("additionalProperties") or {}), definitions)
            for key, item in value.items()
        )
    if isinstance(value, list):
        each = schema.get("prefixItems", [schema.get("items") or {}] * len(value))
        return len(each) == len(value) and all(
            fits(item, one, definitions) for item, one in zip(value, each, strict=True)
        )
    return True


def fits_leaf(leaf: str, value: Any) -> bool:
    known = json_schemas()[leaf]
    return fits(value, known, known["$defs"])


def test_what_a_gym_says_fits_its_schemas(
    broker: Broker, wire: Any, outbox: Outbox, tmp_path: Any, until: Any
) -> None:
    profile = load_profile("rdl")
    played = simulate_set(profile, reps=3, rng=np.random.default_rng(5))
    end_s = max(float(part.time_s[-1]) for part in played.recording.values())
    samples = [
        [
            Samples(name, part.time_s[there], part.value[there])
            for name, part in played.recording.items()
            if (there := (part.time_s >= start_s) & (part.time_s < start_s + 0.2)).any()
        ]
        for start_s in np.arange(0.0, end_s, 0.2)
    ]
    mqtt = Mqtt(host="127.0.0.1", port=broker.port, tls=False)
    session = Session(played.station, profile)
    node = Node([PlayedSamples(session, samples, 20.0, [])], outbox, {"sim-1": mqtt}, say=lambda line: None)
    with open_store(tmp_path / "h.db") as store, Record(mqtt, store) as record:
        until(lambda: record.connected)
        running = threading.Thread(target=node.run)
        running.start()
        until(lambda: wire.messages("state"))
        command = CommandMessage(event_id="c", at_utc=now_utc(), name="set-load", by="coach", load_kg=60.0)
        wire.say("plumbline/1/gym/sim-1/command", encode(command))
        badge = BadgeMessage(event_id="b", at_utc=now_utc(), badge="0042", by="sim-1")
        wire.say("plumbline/1/gym/sim-1/badge", encode(badge))
        until(lambda: {leaf for leaf, _, _ in wire.heard} == set(LEAVES) - {"correction"})
        running.join(10.0)
    for leaf, payload, _ in wire.heard:
        assert fits_leaf(leaf, msgspec.json.decode(payload)), (leaf, payload)


def test_a_schema_refuses_what_does_not_belong(make_rep: Any) -> None:
    good = msgspec.json.decode(encode(make_rep()))
    assert fits_leaf("rep", good)
    for change in ({"seq": 0}, {"seq": "1"}, {"state": "done"}, {"schema": "plumbline/set/1"}, {"rep": None}):
        assert not fits_leaf("rep", copy.deepcopy(good) | change), change
    assert not fits_leaf("set", good)


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = asyncapi()
    references: list[str] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            references.extend([node["$ref"]] if isinstance(node.get("$ref"), str) else [])
            for item in node.values():
                walk(item)
        elif isinstance(node, list):
            for item in node:
                walk(item)

    walk(document)
    assert len(references) > 30
    for reference in references:
        at: Any = document
        for part in reference.removeprefix("#/").split("/"):
            at = at[part]
    assert set(document["channels"]) == set(LEAVES)


def test_the_command_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert schema([]) == 0
    assert msgspec.json.decode(capsys.readouterr().out)["asyncapi"] == "3.0.0"
    assert schema(["rep"]) == 0
    assert "RepMessage" in msgspec.json.decode(capsys.readouterr().out)["$defs"]
