"""A paho client for the broker of a station file: version, user, TLS."""

import hashlib
import ssl
from functools import cache

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from station.config import Mqtt
from station.errors import ConfigError
from station.program.mqtt_version import MQTT_3_1_1


@cache
def client_id(site: str, station: str, password: str | None) -> str:
    """The client id of a station's node: always the same, and with a password nobody else's to guess.

    A broker throws out whoever had the id that a newcomer gives (MQTT 5, 3.1.4-3), and mosquitto can bind
    an id to a user only where each user has one connection. So it is derived from the password, by scrypt
    (RFC 7914), because brokers write ids into their logs.
    """
    name = f"plumbline-{site}-{station}"
    if not password:
        return name
    secret = hashlib.scrypt(password.encode(), salt=name.encode(), n=4096, r=8, p=1, dklen=8)
    return f"{name}-{secret.hex()}"


def new_client(
    mqtt: Mqtt, client_id: str, version: int, password: str | None, timeout_s: float
) -> paho.Client:
    """A client that is not connected yet and keeps nothing at the broker.

    version : of station.program.mqtt_version
    timeout_s : how long connecting may take
    Raises ConfigError for a CA file that is none.
    """
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=MQTTProtocolVersion(version),
        # Nothing rests on a session kept by the broker: the outbox repeats.
        clean_session=True if version == MQTT_3_1_1 else None,
    )
    client.connect_timeout = timeout_s
    if mqtt.username is not None:
        client.username_pw_set(mqtt.username, password)
    if mqtt.tls:
        try:
            client.tls_set(ca_certs=mqtt.ca_file, cert_reqs=ssl.CERT_REQUIRED)
        except ssl.SSLError as error:
            raise ConfigError(
                f"mqtt.ca_file {mqtt.ca_file}: not a certificate; give the CA's, as PEM"
            ) from error
    return client
