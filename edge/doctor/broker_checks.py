"""The doctor's checks of a station's broker: reachability, certificate, credentials."""

import socket
import ssl
import time
from datetime import UTC, datetime

from edge.delivery.mqtt_client import connected_client, who
from edge.doctor.findings import Finding, failed
from station.config import Mqtt, certificate_problem, check_mqtt, read_password
from station.errors import BrokerError, ConfigError
from station.program.mqtt_version import NAMES

TIMEOUT_S = 3.0
CERTIFICATE_DAYS = 30


def check_broker(mqtt: Mqtt, place: str, *, node_runs: bool) -> list[Finding]:
    """Check that a station can reach its broker.

    node_runs: a node is connected with these credentials. Where a broker takes the user name for the client
    id, a second connection would throw that node out; so then none is made.
    """
    try:
        check_mqtt(mqtt)
        password = read_password(mqtt)
    except ConfigError as error:
        return [failed(place, "broker settings", error)]
    where = f"{mqtt.host}:{mqtt.port}"
    started_s = time.monotonic()
    try:
        with socket.create_connection((mqtt.host, mqtt.port), timeout=TIMEOUT_S) as plain:
            took_s = time.monotonic() - started_s
            found = [Finding(place, "broker", "ok", f"{where} answers in {took_s * 1000:.0f} ms")]
            if mqtt.tls:
                found.append(_tls(mqtt, plain, place))
            else:
                found.append(Finding(place, "broker TLS", "ok", "none, on this machine"))
    except OSError as error:
        todo = "is the broker running? check mqtt.host and mqtt.port, the network and its firewall"
        return [Finding(place, "broker", "fail", f"{where}: {error.strerror or error}", todo)]
    if found[-1].status == "fail":
        return found
    if node_runs:
        seen = "not tried: the node that is running uses them, its health tells"
        return [*found, Finding(place, "broker credentials", "ok", seen)]
    return [*found, _credentials(mqtt, password, place)]


def _tls(mqtt: Mqtt, plain: socket.socket, place: str) -> Finding:
    """Shake hands as the node does: the certificate must be the host's, and of the given CA."""
    check = "broker TLS"
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # as paho's: stricter rules are not the node's
        if mqtt.ca_file is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(mqtt.ca_file)
    except ssl.SSLError:
        seen = f"mqtt.ca_file {mqtt.ca_file} is not a certificate"
        return Finding(place, check, "fail", seen, "give the CA's certificate as PEM")
    try:
        with context.wrap_socket(plain, server_hostname=mqtt.host) as secured:
            certificate, version = secured.getpeercert(), secured.version()
    except ssl.SSLCertVerificationError as error:
        return Finding(place, check, "fail", *certificate_problem(error, datetime.now(UTC)))
    except (ssl.SSLError, OSError) as error:
        reason = getattr(error, "reason", None) or error
        todo = "does the broker speak TLS on this port? it is usually 8883"
        return Finding(place, check, "fail", f"no handshake ({reason})", todo)
    until_s = ssl.cert_time_to_seconds(str((certificate or {})["notAfter"]))
    days = (datetime.fromtimestamp(until_s, UTC) - datetime.now(UTC)).days
    if days < CERTIFICATE_DAYS:
        todo = "renew it; every station stops publishing on that day"
        return Finding(place, check, "warn", f"{version}, certificate ends in {days} days", todo)
    return Finding(place, check, "ok", f"{version}, certificate valid for {days} days")


def _credentials(mqtt: Mqtt, password: str | None, place: str) -> Finding:
    """Connect as the station, under another client id, and leave again."""
    check = "broker credentials"
    try:
        client, version = connected_client(mqtt, f"plumbline-doctor-{place}", password, TIMEOUT_S)
    except BrokerError as error:
        return failed(place, check, error)
    client.disconnect()
    return Finding(place, check, "ok", f"{who(mqtt)}, let in over {NAMES[version]}")
