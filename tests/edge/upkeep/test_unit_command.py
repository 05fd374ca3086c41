"""Record, dashboard and screen as units: complete, sound to systemd, no secret in a command line."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from station.cli import main
from station.config import read_secret
from station.errors import ConfigError

SYSTEM = Path("etc/systemd/system")
ADDED = {
    "record": ["record", "--host", "gym.local"],
    "dashboard": ["dashboard", "--host", "gym.local", "--no-record", "--web-host", "0.0.0.0"],
    "screen": ["screen", "rack-1", "--host", "gym.local", "--tty", "tty2"],
}
each = pytest.mark.parametrize("kind", ADDED)


def unit(root: Path, *words: str) -> int:
    return main(["unit", *words, "--root", str(root)])


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def text_of(root: Path, kind: str) -> str:
    return (root / SYSTEM / f"plumbline-{kind}.service").read_text()


@each
def test_a_unit_added_twice_is_the_same_and_removed_it_is_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    assert unit(tmp_path, "add", *ADDED[kind], "--dry-run") == 0
    assert tree(tmp_path) == {}
    assert unit(tmp_path, "add", *ADDED[kind]) == 0
    before = tree(tmp_path)
    said = capsys.readouterr().out
    assert f"systemctl enable plumbline-{kind}" in said and "is not here yet" in said
    assert unit(tmp_path, "add", *ADDED[kind]) == 0
    assert capsys.readouterr().out == "nothing to change\n" and tree(tmp_path) == before
    assert unit(tmp_path, "remove", kind) == 0
    assert not any(name.startswith(str(SYSTEM)) for name in tree(tmp_path))


@each
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_finds_each_unit_sound_and_hardly_exposed(tmp_path: Path, kind: str) -> None:
    unit(tmp_path, "add", *ADDED[kind])
    path = tmp_path / SYSTEM / f"plumbline-{kind}.service"
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    about = [line for line in verified.stderr.splitlines() if f"plumbline-{kind}" in line]
    assert about == []
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "Unknown" not in done.stderr and "ignoring" not in done.stderr, done.stderr
    assert float(done.stdout.strip().splitlines()[-1].split()[-3]) < 2.5, done.stdout


@each
def test_the_command_of_each_unit_is_one_the_program_knows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    unit(tmp_path, "add", *ADDED[kind])
    (command,) = re.findall(r"^ExecStart=(.*)$", text_of(tmp_path, kind), re.M)
    program, *words = command.split()
    assert program.endswith("/bin/plumbline") and words[0] == kind
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main([kind, "--help"])
    known = capsys.readouterr().out
    assert [word for word in words if word.startswith("--") and word not in known] == []
    handed_over = set(re.findall(r"^LoadCredential=([^:]+):", text_of(tmp_path, kind), re.M))
    assert {word.removeprefix("%d/") for word in words if word.startswith("%d/")} == handed_over


def test_the_web_token_is_in_a_file_of_roots_alone_and_said_nowhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unit(tmp_path, "add", *ADDED["dashboard"])
    token = tmp_path / "etc/plumbline/web.token"
    assert token.stat().st_mode & 0o777 == 0o600
    word = token.read_text().strip()
    assert word not in capsys.readouterr().out and word not in text_of(tmp_path, "dashboard")


def test_a_password_in_a_url_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert unit(tmp_path, "add", "record", "--db", "postgresql://gym:geheim@db.local/gym") == 1
    error = capsys.readouterr().err
    assert "--pgpass" in error and "geheim" not in error and tree(tmp_path) == {}
    words = ["--db", "postgresql://gym@db.local/gym?sslmode=require", "--pgpass", "/etc/plumbline/pgpass"]
    assert unit(tmp_path, "add", "record", *words) == 0
    text = text_of(tmp_path, "record")
    assert (
        "Environment=PGPASSFILE=%d/pgpass" in text and "LoadCredential=pgpass:/etc/plumbline/pgpass" in text
    )


@pytest.mark.parametrize(
    "words",
    [
        ["record", "--db", "/srv/a\n.db"],
        ["record", "--db", "/srv/a\udce9.db"],
        ["record", "--db", "a.db"],
        ["record", "--pgpass", "/etc/x\nUser=root"],
        ["record", "--pgpass", "pgpass"],
        ["dashboard", "--web-host", "gym\nUser=root"],
    ],
)
def test_what_a_unit_cannot_hold_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert unit(tmp_path, "add", *words) == 1
    said = capsys.readouterr()
    assert f"{words[1]} is {words[2]!r}; " in said.err and len(said.err.splitlines()) == 1
    assert not said.out and not list(tmp_path.iterdir())


def test_a_screen_takes_its_terminal_from_the_login(tmp_path: Path) -> None:
    unit(tmp_path, "add", *ADDED["screen"])
    text = text_of(tmp_path, "screen")
    assert "TTYPath=/dev/tty2" in text and "Conflicts=getty@tty2.service" in text
    assert "DeviceAllow=/dev/tty2 rw" in text and "--username screen-rack-1" in text


def test_status_names_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert unit(tmp_path, "status") == 0
    unit(tmp_path, "add", *ADDED["record"])
    capsys.readouterr()
    assert unit(tmp_path, "status") == 1
    assert "to do: bring /etc/plumbline/record.pw" in capsys.readouterr().out
    for name in ("record.pw", "ca.pem"):
        (tmp_path / "etc/plumbline" / name).write_text("x")
    assert unit(tmp_path, "status") == 0


def test_a_unit_of_somebody_elses_is_not_touched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / SYSTEM / "plumbline-record.service"
    path.parent.mkdir(parents=True)
    path.write_text("[Service]\n")
    assert unit(tmp_path, "add", "record") == 1 and unit(tmp_path, "remove", "record") == 1
    assert path.read_text() == "[Service]\n" and len(capsys.readouterr().err.splitlines()) == 2


def test_a_masked_unit_stays_masked_and_status_tells_of_the_others_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unit(tmp_path, "add", *ADDED["screen"])
    path = tmp_path / SYSTEM / "plumbline-record.service"
    path.symlink_to("/dev/null")
    capsys.readouterr()
    for words in (["add", "record"], ["add", "record", "--dry-run"], ["remove", "record"]):
        assert unit(tmp_path, *words) == 1
        error = capsys.readouterr().err
        assert "masked" in error and "`systemctl unmask plumbline-record.service`" in error
        assert len(error.splitlines()) == 1
    assert path.readlink() == Path("/dev/null")
    assert unit(tmp_path, "status") == 1
    said = capsys.readouterr().out
    assert "plumbline-record.service: masked" in said and "plumbline-screen.service" in said


def test_a_secret_that_systemd_hands_over_is_read_whatever_its_mode_looks_like(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "password"
    secret.write_text("word\n")
    secret.chmod(0o440)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_secret(secret)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert read_secret(secret) == "word"
