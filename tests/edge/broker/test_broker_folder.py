"""The files of `plumbline broker add`, as files: what a change keeps, who may read them, what is refused."""

import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.broker.access import Role, User, acl
from edge.broker.folder import BrokerFolder
from station.cli import main
from station.program.certificates import ends_at, names_in

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(
    not (MOSQUITTO and shutil.which("openssl")), reason="needs mosquitto and openssl"
)


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_added_keeps_what_is_there_and_a_second_time_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "gym"
    assert main(["broker", "add", str(folder), "--stations", "rack-1", "rack-2"]) == 0
    before = _contents(folder)
    capsys.readouterr()
    assert main(["broker", "add", str(folder), "--stations", "rack-3", "--dry-run"]) == 0
    assert capsys.readouterr().out == "+ rack-3: station\n"
    assert _contents(folder) == before
    assert main(["broker", "add", str(folder), "--stations", "rack-3"]) == 0
    after = _contents(folder)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"users.json", "broker/acl", "broker/passwords", "private/rack-3.pw"}
    assert set(before["broker/passwords"].splitlines()) < set(after["broker/passwords"].splitlines())
    capsys.readouterr()
    assert main(["broker", "add", str(folder), "--stations", "rack-1", "rack-3"]) == 0
    assert capsys.readouterr().out == "nothing to change\n"
    assert _contents(folder) == after


def test_a_user_who_is_removed_is_gone_with_the_screen_of_it_and_the_others_stay(tmp_path: Path) -> None:
    folder = tmp_path / "gym"
    assert main(["broker", "add", str(folder), "--stations", "rack-1", "rack-2", "--screens", "rack-2"]) == 0
    before = _contents(folder)
    assert main(["broker", "remove", str(folder), "rack-2"]) == 0
    after = _contents(folder)
    assert set(before) - set(after) == {"private/rack-2.pw", "private/screen-rack-2.pw"}
    assert b"rack-2" not in after["broker/acl"] + after["broker/passwords"] + after["users.json"]
    assert after["private/rack-1.pw"] == before["private/rack-1.pw"]


def test_a_request_of_a_node_becomes_a_user_whose_password_stays_there(tmp_path: Path) -> None:
    node, folder = tmp_path / "node", tmp_path / "gym"
    assert main(["edge", "install", "rack-7", "--host", "gym.local", "--root", str(node)]) == 0
    request = node / "etc/plumbline/rack-7.request"
    assert main(["broker", "add", str(folder), "--requests", str(request)]) == 0
    assert request.read_text().strip() in (folder / "broker/passwords").read_text().splitlines()
    assert not (folder / "private/rack-7.pw").exists()
    assert main(["broker", "add", str(folder), "--requests", str(folder / "users.json")]) == 1


def test_a_broker_that_is_called_by_its_address_has_a_certificate_for_it(tmp_path: Path) -> None:
    folder = tmp_path / "gym"
    assert main(["broker", "add", str(folder), "--host", "192.168.7.20", "--address", "fd00::20"]) == 0
    assert names_in(folder / "broker/broker.pem") == ["192.168.7.20", "FD00:0:0:0:0:0:0:20"]
    assert main(["broker", "add", str(folder), "--host", "192.168.7.20"]) == 0
    first = (folder / "broker/broker.pem").read_bytes()
    assert main(["broker", "add", str(folder), "--host", "gym.local"]) == 0
    assert (folder / "broker/broker.pem").read_bytes() != first, "another name is another certificate"
    assert (ends_at(folder / "broker/broker.pem") - datetime.now(UTC)).days in (824, 825)


def test_mosquittos_user_reads_what_it_needs_and_no_secret_of_anybody(tmp_path: Path) -> None:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv to be another user")
    folder = Path("/tmp") / f"plumbline-{tmp_path.name}-{os.getpid()}"  # where another user gets to
    try:
        assert main(["broker", "add", str(folder), "--stations", "rack-1"]) == 0
        readable = {
            name: _reads_as_mosquitto(folder / name)
            for name in (
                *("broker/broker.pem", "broker/broker.key", "broker/passwords", "broker/acl"),
                *("broker/plumbline.conf", "ca.pem", "private/ca.key", "private/rack-1.pw", "users.json"),
            )
        }
        assert {name for name, can in readable.items() if not can} == {
            "private/ca.key",
            "private/rack-1.pw",
            "users.json",
        }
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _reads_as_mosquitto(path: Path) -> bool:
    command = ["setpriv", "--reuid=mosquitto", "--regid=mosquitto", "--clear-groups", "cat", str(path)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_link_in_a_folder_of_the_broker_is_replaced_and_not_followed(tmp_path: Path) -> None:
    folder, precious = tmp_path / "gym", tmp_path / "precious"
    assert main(["broker", "add", str(folder), "--stations", "rack-1"]) == 0
    precious.write_text("mine")
    (folder / "broker/acl").unlink()
    (folder / "broker/acl").symlink_to(precious)
    assert main(["broker", "add", str(folder), "--stations", "rack-2"]) == 0
    assert precious.read_text() == "mine"
    assert not (folder / "broker/acl").is_symlink()


def test_what_is_to_be_done_about_a_certificate_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "gym"
    assert main(["broker", "add", str(folder), "--stations", "rack-1"]) == 0
    capsys.readouterr()
    assert main(["broker", "status", str(folder)]) == 0
    assert "to do" not in capsys.readouterr().out
    monkeypatch.setattr("station.program.certificates.BROKER_DAYS", 30)
    monkeypatch.setattr(BrokerFolder, "days_left", lambda *_: 30)
    assert main(["broker", "status", str(folder)]) == 1
    assert f"plumbline broker renew {folder}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["--stations", "record"],
        ["--stations", "Rack"],
        ["--stations", "a/b"],
        ["--stations", "+"],
        ["--stations", "ana", "--coaches", "ana"],
        ["--screens", "rack-1"],
        ["--address", "gym.local"],
        ["--host", "a b"],
    ],
)
def test_what_cannot_be_is_refused_in_a_line_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert main(["broker", "add", str(tmp_path / "x"), *words]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not (tmp_path / "x").exists()


def test_the_rights_in_docs_are_the_ones_that_are_written() -> None:
    text = (Path(__file__).parents[3] / "docs" / "broker.md").read_text()
    users = {
        "rack-1": User(Role.STATION),
        "record": User(Role.RECORD),
        "coach": User(Role.COACH),
        "screen-rack-1": User(Role.SCREEN, "rack-1"),
    }
    for line in acl("gym", users).splitlines():
        assert line in text
