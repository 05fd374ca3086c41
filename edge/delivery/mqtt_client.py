"""A paho client for the broker of a station file: version, user, TLS."""

import hashlib
import ssl
import time
from functools import cache
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from station.config import Mqtt
from station.errors import BrokerError, ConfigError
from station.program.mqtt_version import MQTT_3_1_1, UNSUPPORTED_VERSION, VERSIONS

LOOP_S = 0.05


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
        # Otherwise paho connects anew, with MQTT 3.1, while it handles a refusal of 3.1.1: seconds.
        reconnect_on_failure=False,
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


def connected_client(
    mqtt: Mqtt, client_id: str, password: str | None, timeout_s: float
) -> tuple[paho.Client, int]:
    """A client that the broker has let in, and the version it speaks; whoever asked calls its `loop`.

    timeout_s : how long each version may take
    Raises BrokerError saying why it is not let in.
    """
    where = f"{mqtt.host}:{mqtt.port}"
    for version in VERSIONS:
        answers: list[Any] = []
        client = new_client(mqtt, client_id, version, password, timeout_s)
        client.on_connect = lambda _c, _d, _f, reason, _p, said=answers: said.append(reason)
        end_s = time.monotonic() + timeout_s
        try:
            client.connect(mqtt.host, mqtt.port)
            while not answers and time.monotonic() < end_s and not client.loop(LOOP_S):
                pass
        except OSError as error:
            reason = getattr(error, "verify_message", None) or error.strerror or error
            raise BrokerError(
                f"{where}: {reason}; is it the right host, and is the broker running?"
            ) from error
        if answers and not answers[0].is_failure:
            return client, version
        client.disconnect()
        if answers and answers[0].value != UNSUPPORTED_VERSION:
            raise BrokerError(
                f"{where} to {who(mqtt)}: {answers[0]}; check mqtt.username and mqtt.password_file"
                " against the broker's users"
            )
    raise BrokerError(f"{where} speaks neither MQTT 5 nor 3.1.1; is it a broker?")


def who(mqtt: Mqtt) -> str:
    """As whom a broker is asked."""
    return "no user name" if mqtt.username is None else f"user {mqtt.username}"
