"""Which version of MQTT a broker is spoken to: 5 where it can, 3.1.1 otherwise.

A broker without MQTT 5 refuses the version in its CONNACK, hangs up, or says nothing (amqtt waits 5 s for the
rest of a CONNECT that it cannot read). Then it is the other version's turn, and so on until one is answered.
The versions are the protocol levels of CONNECT.
"""

MQTT_5, MQTT_3_1_1 = 5, 4
VERSIONS = (MQTT_5, MQTT_3_1_1)  # in the order in which they are tried
NAMES = {MQTT_5: "MQTT 5", MQTT_3_1_1: "MQTT 3.1.1"}
UNSUPPORTED_VERSION = 0x84  # reason code of MQTT 5, 3.2.2.2; paho reports it for 3.1.1 as well


def other_version(version: int) -> int:
    """The version to try when a broker has not answered in this one."""
    return MQTT_3_1_1 if version == MQTT_5 else MQTT_5
