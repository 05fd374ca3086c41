"""Getting into a gym's own broker: TLS against a given CA, a password, and what is said when it refuses."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.delivery.outbox import Outbox
from edge.delivery.publisher import Publisher
from edge.doctor.broker_checks import check_broker
from station.config import Mqtt
from station.errors import ConfigError
from station.messages import StateMessage
from tests.ports import free_port

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
PASSWD = shutil.which("mosquitto_passwd", path="/usr/sbin:/usr/bin:/usr/local/bin")
pytestmark = pytest.mark.skipif(
    not (MOSQUITTO and PASSWD and shutil.which("openssl")),
    reason="needs mosquitto, mosquitto_passwd and openssl",
)


def openssl(folder: Path, *args: str) -> None:
    subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True, timeout=20)


@pytest.fixture(scope="module")
def gym(tmp_path_factory: pytest.TempPathFactory, serving: Any) -> Iterator[tuple[int, Path]]:
    """A broker with TLS for "localhost" and one user, rack-1 with the password secret."""
    folder = tmp_path_factory.mktemp("gym")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    for name in ("ca", "other"):
        openssl(
            folder,
            "req",
            "-x509",
            *key,
            "-keyout",
            f"{name}.key",
            "-out",
            f"{name}.pem",
            "-subj",
            f"/CN={name}",
        )
    openssl(folder, "req", *key[:-2], "-keyout", "b.key", "-out", "b.csr", "-subj", "/CN=localhost")
    (folder / "san").write_text("subjectAltName=DNS:localhost")
    openssl(
        folder,
        *("x509", "-req", "-in", "b.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
        *("-out", "b.pem", "-days", "2", "-extfile", "san"),
    )
    subprocess.run([str(PASSWD), "-c", "-b", "users", "rack-1", "secret"], cwd=folder, check=True)
    port = free_port()
    (folder / "m.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {folder}/users\nuser root\n"
        f"certfile {folder}/b.pem\nkeyfile {folder}/b.key\n"
    )
    with serving(MOSQUITTO, folder / "m.conf", port):
        yield port, folder


def connect(mqtt: Mqtt, tmp_path: Path) -> Publisher:
    publisher = Publisher(Outbox(tmp_path / "o.db"), {"rack-1": mqtt}, {"rack-1": "one"})
    publisher.senders["rack-1"].retain(
        StateMessage(event_id="e", at_utc="2030-01-01T00Z", session="one", state="ready")
    )
    publisher.start()
    return publisher


def secret(tmp_path: Path, text: str) -> str:
    path = tmp_path / "password"
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


def with_password(port: int, folder: Path, file: str) -> Mqtt:
    ca_file = str(folder / "ca.pem")
    return Mqtt(host="localhost", port=port, ca_file=ca_file, username="rack-1", password_file=file)


def test_tls_with_the_gyms_ca_and_the_stations_password(gym: Any, tmp_path: Path, until: Any) -> None:
    port, folder = gym
    mqtt = with_password(port, folder, secret(tmp_path, "secret\n"))
    publisher = connect(mqtt, tmp_path)
    until(lambda: publisher.senders["rack-1"].connection.connected)
    publisher.stop()


def test_a_certificate_of_another_ca_is_not_trusted_and_that_is_said(
    gym: Any, tmp_path: Path, until: Any
) -> None:
    port, folder = gym
    publisher = connect(Mqtt(host="localhost", port=port, ca_file=str(folder / "other.pem")), tmp_path)
    until(lambda: publisher.senders["rack-1"].connection.trouble)
    assert "certificate" in (publisher.senders["rack-1"].connection.trouble or "")
    assert not publisher.senders["rack-1"].connection.connected
    publisher.stop()


def test_a_wrong_password_is_said(gym: Any, tmp_path: Path, until: Any) -> None:
    port, folder = gym
    mqtt = with_password(port, folder, secret(tmp_path, "wrong"))
    publisher = connect(mqtt, tmp_path)
    until(lambda: publisher.senders["rack-1"].connection.trouble)
    assert "Not authorized" in (publisher.senders["rack-1"].connection.trouble or "")
    publisher.stop()


def test_a_ca_file_that_is_no_certificate_is_a_short_error(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("nothing")
    with pytest.raises(ConfigError, match="not a certificate"):
        connect(Mqtt(host="localhost", ca_file=str(path)), tmp_path)


def test_the_doctor_sees_certificate_and_credentials(gym: Any, tmp_path: Path) -> None:
    port, folder = gym
    mqtt = with_password(port, folder, secret(tmp_path, "secret"))
    found = check_broker(mqtt, "rack-1", node_runs=False)
    assert [finding.check for finding in found] == ["broker", "broker TLS", "broker credentials"]
    assert [finding.status for finding in found] == ["ok", "warn", "ok"]
    assert "certificate ends in 1 days" in found[1].seen
    secret(tmp_path, "wrong")
    finding = check_broker(mqtt, "rack-1", node_runs=False)[-1]
    assert finding.status == "fail" and "user rack-1: Not authorized" in finding.seen


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"ca_file": "other.pem"}, "certificate: "),
        ({"host": "127.0.0.1"}, "certificate: .*IP address mismatch"),
        ({"ca_file": "users"}, "users is not a certificate"),
    ],
)
def test_the_doctor_says_what_is_wrong_with_the_certificate(
    gym: Any, changes: dict[str, str], says: str
) -> None:
    port, folder = gym
    settings = {"host": "localhost", "ca_file": "ca.pem"} | changes
    mqtt = Mqtt(host=settings["host"], port=port, ca_file=str(folder / settings["ca_file"]))
    found = check_broker(mqtt, "rack-1", node_runs=False)
    assert found[-1].status == "fail" and re.search(says, found[-1].seen)
    assert found[-1].todo


def test_the_doctor_does_not_throw_a_running_node_out(gym: Any, tmp_path: Path) -> None:
    port, folder = gym
    mqtt = with_password(port, folder, secret(tmp_path, "secret"))
    assert "not tried" in check_broker(mqtt, "rack-1", node_runs=True)[-1].seen


def test_the_doctor_refuses_a_password_others_may_read(gym: Any, tmp_path: Path) -> None:
    port, folder = gym
    path = Path(secret(tmp_path, "secret"))
    path.chmod(0o644)
    (finding,) = check_broker(with_password(port, folder, str(path)), "rack-1", node_runs=False)
    assert finding.status == "fail" and "0644" in finding.seen and "chmod 600" in finding.todo
