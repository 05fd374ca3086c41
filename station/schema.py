"""What travels, for programs that are not ours: JSON Schemas and an AsyncAPI document.

Made from the messages in station.messages, so that they cannot differ.
"""

from typing import Any

import msgspec

from station.messages import BY_LEAF
from station.program.distribution import release
from station.topics import QOS, RETAINED

FROM_STATION = ("state", "info", "health", "live", "rep", "set", "reply")


def json_schemas() -> dict[str, dict[str, Any]]:
    """A JSON Schema (draft 2020-12) for each leaf's payload."""
    found = {}
    for leaf, kinds in BY_LEAF.items():
        (schema,), components = msgspec.json.schema_components(
            [_any_of(kinds)], ref_template="#/$defs/{name}"
        )
        found[leaf] = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": f"plumbline/1/<site>/<station>/{leaf}",
            **schema,
            "$defs": components,
        }
    return found


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3.0 document of all topics; `send` and `receive` as a station does them."""
    kinds = [kind for of_leaf in BY_LEAF.values() for kind in of_leaf]
    _, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    level = {"description": "1 to 32 of a-z, 0-9 and -", "examples": ["rack-1"]}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Plumbline",
            "version": release(),
            "description": "What gym stations measure, and the commands they take. Lengths in m, forces in N,"
            " times in s and UTC. A value that cannot be observed is null.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": {
            leaf: {
                "address": f"plumbline/1/{{site}}/{{station}}/{leaf}",
                "parameters": {"site": level, "station": level},
                "messages": {
                    kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"} for kind in of_leaf
                },
            }
            for leaf, of_leaf in BY_LEAF.items()
        },
        "operations": {
            leaf: {
                "action": "send" if leaf in FROM_STATION else "receive",
                "channel": {"$ref": f"#/channels/{leaf}"},
                "bindings": {"mqtt": {"qos": QOS.get(leaf, 1), "retain": leaf in RETAINED}},
            }
            for leaf in BY_LEAF
        },
        "components": {
            "messages": {
                kind.__name__: {
                    "summary": (kind.__doc__ or "").split("\n", 1)[0],
                    "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
                }
                for kind in kinds
            },
            "schemas": components,
        },
    }


def _any_of(kinds: tuple[type[Any], ...]) -> Any:
    """The union of a leaf's messages as a type."""
    union = kinds[0]
    for kind in kinds[1:]:
        union = union | kind  # type: ignore[assignment]
    return union
