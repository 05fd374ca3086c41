"""Stations added to a node and taken from it: what is there stays, what others made is not touched."""

import base64
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.delivery.outbox import Outbox
from station.cli import main
from station.config import load_station, read_password
from station.messages import RepMessage


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
    said = capsys.readouterr().out
    assert "systemctl enable plumbline-edge" in said and word not in said


def test_a_second_installation_keeps_settings_and_password(tmp_path: Path) -> None:
    install(tmp_path, "rack-1", "--host", "gym.local")
    settings = tmp_path / "etc/plumbline"
    (settings / "rack-1.toml").write_text((settings / "rack-1.toml").read_text() + "# mine\n")
    before = {path.name: path.read_bytes() for path in settings.iterdir()}
    install(tmp_path, "rack-1", "rack-2", "--host", "other.local")
    assert {name: (settings / name).read_bytes() for name in before} == before
    assert (settings / "rack-2.toml").exists()


UNIT = Path("etc/systemd/system/plumbline-edge.service")


def remove(root: Path, *words: str) -> int:
    return main(["edge", "remove", *words, "--root", str(root)])


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_station_more_is_added_to_those_that_are_served(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(tmp_path, "rack-1", "--host", "gym.local")
    capsys.readouterr()
    assert install(tmp_path, "cable-1", "--host", "gym.local") == 0
    said = capsys.readouterr().out
    assert (
        "--station /etc/plumbline/rack-1.toml /etc/plumbline/cable-1.toml --outbox"
        in (tmp_path / UNIT).read_text()
    )
    assert "rack-1.toml /etc/plumbline/cable-1.toml" in said and f"~ {tmp_path / UNIT}" in said


def test_the_same_again_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(tmp_path, "rack-1", "cable-1", "--host", "gym.local")
    before = tree(tmp_path)
    capsys.readouterr()
    assert install(tmp_path, "cable-1", "--host", "gym.local") == 0
    assert capsys.readouterr().out == "nothing to change\n" and tree(tmp_path) == before
    remove(tmp_path, "cable-1")
    before = tree(tmp_path)
    assert remove(tmp_path, "cable-1") == 1 and tree(tmp_path) == before


def test_a_dry_run_says_what_would_change_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert install(tmp_path, "rack-1", "--host", "gym.local", "--dry-run") == 0
    assert "+ " in capsys.readouterr().out and tree(tmp_path) == {}


def test_options_added_to_the_unit_stay(tmp_path: Path) -> None:
    install(tmp_path, "rack-1")
    unit = tmp_path / UNIT
    own = "--outbox /mnt/ssd/outbox.db --metrics 9310"
    unit.write_text(unit.read_text().replace("--outbox /var/lib/plumbline/outbox.db", own))
    install(tmp_path, "rack-2")
    assert f"rack-2.toml {own}\n" in unit.read_text()


def test_a_station_taken_away_leaves_the_others_its_settings_and_its_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(tmp_path, "rack-1", "cable-1", "--host", "gym.local")
    settings = {name: data for name, data in tree(tmp_path).items() if name.startswith("etc/plumbline")}
    assert remove(tmp_path, "cable-1") == 0
    text = (tmp_path / UNIT).read_text()
    assert "rack-1.toml" in text and "cable-1" not in text
    assert settings.items() <= tree(tmp_path).items()
    assert "edge retire cable-1" in capsys.readouterr().out


def test_what_a_station_has_not_delivered_yet_is_said_when_it_goes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make_rep: Callable[..., RepMessage]
) -> None:
    install(tmp_path, "rack-1", "cable-1")
    (tmp_path / "var/lib/plumbline").mkdir(parents=True)
    with Outbox(tmp_path / "var/lib/plumbline/outbox.db") as outbox:
        outbox.append("cable-1", [make_rep(1), make_rep(2)])
    assert remove(tmp_path, "cable-1") == 0
    assert "2 events of cable-1 wait" in capsys.readouterr().out
    assert main(["edge", "status", "--root", str(tmp_path)]) == 1
    assert "to do: 2 events of cable-1 wait" in capsys.readouterr().out


def test_with_the_last_station_the_node_goes_and_what_others_made_stays(tmp_path: Path) -> None:
    install(tmp_path, "rack-1")
    data = tmp_path / "var/lib/plumbline/outbox.db"
    data.parent.mkdir(parents=True)
    data.write_text("reps")
    foreign = tmp_path / "etc/udev/rules.d/99-other.rules"
    foreign.write_text("other")
    wanted = tmp_path / "etc/systemd/system/multi-user.target.wants/plumbline-edge.service"
    wanted.parent.mkdir()
    wanted.symlink_to("/etc/systemd/system/plumbline-edge.service")
    assert remove(tmp_path, "--all") == 0
    assert not wanted.is_symlink()
    assert set(tree(tmp_path)) == {
        "etc/plumbline/rack-1.toml",
        "etc/udev/rules.d/99-other.rules",
        "var/lib/plumbline/outbox.db",
    }


@pytest.mark.parametrize("kind", ["foreign", "link"])
def test_what_nobody_of_us_made_is_not_touched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    unit, target = tmp_path / UNIT, tmp_path / "target"
    unit.parent.mkdir(parents=True)
    target.write_text("[Service]\nExecStart=/bin/true\n")
    if kind == "link":
        unit.symlink_to(target)
    else:
        unit.write_text(target.read_text())
    assert install(tmp_path, "rack-1") == 1
    error = capsys.readouterr().err
    assert str(unit) in error and len(error.splitlines()) == 1
    assert target.read_text() == "[Service]\nExecStart=/bin/true\n"
    assert not (tmp_path / "etc/plumbline/rack-1.toml").exists()


@pytest.mark.parametrize(
    ("masked", "remedy"),
    [
        (UNIT, "`systemctl unmask plumbline-edge.service`"),
        ("etc/udev/rules.d/60-plumbline.rules", "remove it"),
    ],
)
def test_what_the_machines_owner_has_masked_stays_so_and_the_way_back_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], masked: str, remedy: str
) -> None:
    path = tmp_path / masked
    path.parent.mkdir(parents=True)
    path.symlink_to("/dev/null")
    for words in (["install", "rack-1"], ["install", "rack-1", "--dry-run"], ["status"]):
        if masked == UNIT or words != ["status"]:
            assert main(["edge", *words, "--root", str(tmp_path)]) == 1
            error = capsys.readouterr().err
            assert f"{path}: masked" in error and remedy in error and len(error.splitlines()) == 1
    assert path.readlink() == Path("/dev/null")
    assert not (tmp_path / "etc/plumbline").exists()
    path.unlink()
    assert install(tmp_path, "rack-1") == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_links_planted_by_the_nodes_user_are_not_followed_and_the_folder_is_taken_back(
    tmp_path: Path,
) -> None:
    settings, victim = tmp_path / "etc/plumbline", tmp_path / "shadow"
    settings.mkdir(parents=True)
    os.chown(settings, 65_534, 65_534)
    victim.write_text("root's")
    (settings / "rack-1.toml").symlink_to(victim)
    (settings / "rack-2.pw").symlink_to(victim)
    assert install(tmp_path, "rack-1", "--host", "gym.local") == 1
    assert install(tmp_path, "rack-2", "--host", "gym.local") == 1
    assert victim.read_text() == "root's"
    assert install(tmp_path, "rack-3", "--host", "gym.local") == 0
    assert settings.stat().st_uid == 0


def test_status_says_what_is_served_and_what_is_to_be_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = ["edge", "status", "--root", str(tmp_path)]
    assert main(status) == 1
    install(tmp_path, "rack-1")
    capsys.readouterr()
    assert main(status) == 0
    assert "rack-1" in capsys.readouterr().out
    unit = tmp_path / UNIT
    unit.write_text(unit.read_text().replace("NoNewPrivileges=yes\n", ""))
    (tmp_path / "etc/plumbline/rack-1.toml").write_text("[station]\nid = 3\n")
    assert main(status) == 1
    said = capsys.readouterr().out
    assert "to do: plumbline edge install rack-1" in said and "station.id" in said


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
    unit = tmp_path / UNIT
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
