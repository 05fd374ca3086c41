"""Installing a node: files below a folder, nothing of the gym's overwritten, nothing of it removed."""

import base64
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from station.cli import main
from station.config import load_station, read_password


def install(root: Path, *words: str) -> int:
    return main(["edge", "install", *words, "--root", str(root)])


def test_what_is_written_is_complete_and_the_request_holds_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert install(tmp_path, "rack-1", "cable-1", "--host", "gym.local") == 0
    settings = tmp_path / "etc/plumbline"
    station = load_station(settings / "rack-1.toml")
    assert station.station.id == "rack-1" and station.exercise and station.ports
    assert station.mqtt is not None and station.mqtt.tls and station.mqtt.username == "rack-1"
    word = (settings / "rack-1.pw").read_text().strip()
    assert (settings / "rack-1.pw").stat().st_mode & 0o777 == 0o600
    request = (settings / "rack-1.request").read_text().strip()
    assert word not in request
    name, _, rest = request.partition(":")
    _, kind, rounds, salt, digest = rest.split("$")
    expected = hashlib.pbkdf2_hmac("sha512", word.encode(), base64.b64decode(salt), int(rounds))
    assert (name, kind, base64.b64decode(digest)) == ("rack-1", "7", expected)
    unit = (tmp_path / "etc/systemd/system/plumbline-edge.service").read_text()
    assert "--station /etc/plumbline/rack-1.toml /etc/plumbline/cable-1.toml --outbox" in unit
    assert "Type=notify" in unit and "WatchdogSec=" in unit
    assert "systemctl enable --now plumbline-edge" in capsys.readouterr().out


def test_a_second_installation_keeps_settings_and_password(tmp_path: Path) -> None:
    install(tmp_path, "rack-1", "--host", "gym.local")
    settings = tmp_path / "etc/plumbline"
    (settings / "rack-1.toml").write_text((settings / "rack-1.toml").read_text() + "# mine\n")
    before = {path.name: path.read_bytes() for path in settings.iterdir()}
    install(tmp_path, "rack-1", "rack-2", "--host", "other.local")
    assert {name: (settings / name).read_bytes() for name in before} == before
    assert (settings / "rack-2.toml").exists()


def test_uninstalling_leaves_settings_and_data(tmp_path: Path) -> None:
    install(tmp_path, "rack-1")
    data = tmp_path / "var/lib/plumbline/outbox.db"
    data.parent.mkdir(parents=True)
    data.write_text("reps")
    foreign = tmp_path / "etc/udev/rules.d/99-other.rules"
    foreign.write_text("other")
    assert main(["edge", "uninstall", "--root", str(tmp_path)]) == 0
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {
        "etc/plumbline/rack-1.toml",
        "etc/udev/rules.d/99-other.rules",
        "var/lib/plumbline/outbox.db",
    }


def test_a_broker_on_this_machine_needs_no_credentials(tmp_path: Path) -> None:
    install(tmp_path, "rack-1")
    station = load_station(tmp_path / "etc/plumbline/rack-1.toml")
    assert station.mqtt is not None and not station.mqtt.tls and read_password(station.mqtt) is None


@pytest.mark.parametrize("words", [("Rack 1",), ("rack-1", "--site", 'x"y')])
def test_names_that_cannot_be_are_refused_and_leave_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert install(tmp_path, *words) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) <= 2
    assert not list((tmp_path / "etc/plumbline").glob("*.toml"))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_finds_the_unit_sound_and_hardly_exposed(tmp_path: Path) -> None:
    install(tmp_path, "rack-1", "--host", "gym.local")
    unit = tmp_path / "etc/systemd/system/plumbline-edge.service"
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert "Unknown" not in done.stderr and "ignoring" not in done.stderr, done.stderr
    level = float(done.stdout.strip().splitlines()[-1].split()[-3])
    assert level < 2.0, done.stdout
