"""MQTT discovery messages, from which Home Assistant sets a station up.

Topic: <prefix>/<component>/<station>/plumbline_<site>_<station>_<what>/config, retained. The station is a
level of its own, because in a mosquitto ACL %u must be one: `pattern write homeassistant/+/%u/+/config`.
"""

from typing import NamedTuple

import msgspec

from station.config import Mqtt
from station.topics import Address


class _Entity(NamedTuple):
    what: str
    component: str
    name: str
    leaf: str
    value: str
    more: dict[str, str] = {}  # noqa: RUF012 - never changed


# A tombstone on `rep` has no rep: the entity keeps what it showed.
_ENTITIES = (
    _Entity("rep", "sensor", "Rep", "rep", "{{ value_json.rep.number if value_json.rep else this.state }}"),
    _Entity(
        "velocity",
        "sensor",
        "Mean velocity",
        "rep",
        "{{ value_json.rep.mean_concentric_velocity_mps if value_json.rep else this.state }}",
        {"unit_of_measurement": "m/s", "device_class": "speed"},
    ),
    _Entity("reps_in_set", "sensor", "Reps of the last set", "set", "{{ value_json.summary.counted_reps }}"),
    _Entity("exercise", "sensor", "Exercise", "info", "{{ value_json.exercise }}"),
    _Entity(
        "sensors",
        "binary_sensor",
        "Sensors",
        "health",
        "{{ 'ON' if value_json.link_up and not value_json.sensor_faults else 'OFF' }}",
        {"device_class": "connectivity", "entity_category": "diagnostic"},
    ),
    _Entity(
        "waiting",
        "sensor",
        "Events not yet recorded",
        "health",
        "{{ value_json.outbox_depth }}",
        {"entity_category": "diagnostic"},
    ),
)


def discovery(mqtt: Mqtt, station: str) -> dict[str, bytes]:
    """The discovery messages of a station, by topic; none where the station file does not ask for them."""
    if mqtt.home_assistant is None:
        return {}
    found = {}
    for entity in _ENTITIES:
        name = f"plumbline_{mqtt.site}_{station}_{entity.what}"
        config = {
            "name": entity.name,
            "unique_id": name,
            "state_topic": Address(mqtt.site, station, entity.leaf).topic,
            "value_template": entity.value,
            "availability_topic": Address(mqtt.site, station, "state").topic,
            "availability_template": "{{ 'online' if value_json.state == 'ready' else 'offline' }}",
            "device": {
                "identifiers": [f"plumbline_{mqtt.site}_{station}"],
                "name": station,
                "manufacturer": "Plumbline",
            },
            **entity.more,
        }
        found[f"{mqtt.home_assistant}/{entity.component}/{station}/{name}/config"] = msgspec.json.encode(
            config
        )
    return found
