"""The command line: what it takes, and what it says to what it cannot use."""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dashboard import cli
from dashboard.options import add_broker_options, broker_of
from dashboard.record.store import open_store
from station.cli import main

NO_NATS = "import sys; sys.modules['nats'] = None; from dashboard.chain import cli; cli.{}(sys.argv[1:])"


@pytest.mark.parametrize(
    "words", ["chain check", "ingest --db postgresql://db/x", "relay --site a --db h.db"]
)
def test_without_the_extra_of_a_chain_its_commands_name_it(tmp_path: Path, words: str) -> None:
    with open_store(tmp_path / "h.db"):
        pass
    name, *args = [*words.split(), "--server", "a:1", "--ca-file", "ca.pem", "--credential", "a.pem"]
    command = [sys.executable, "-P", "-c", NO_NATS.format(name), *args]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].startswith(
        "station.errors.ConfigError: a chain of gyms needs nats-py"
    )


def run(*argv: str) -> int:
    return main(["dashboard", "--plain", "--for", "0.1", "--no-record", *argv])


def test_without_a_broker_it_starts_says_so_and_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--port", "1") == 0
    assert "broker     " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--host", "gym.local", "--no-tls"], "without TLS only a broker on this machine"),
        (["--ca-file", "/nowhere.pem"], "/nowhere.pem: no such file"),
        (["--password-file", "/nowhere"], "without mqtt.username"),
        (["--port", "70000"], "a port is 1 to 65535"),
        (["--host", ""], "mqtt.host is ''"),
        (["--config", "/nowhere.toml"], "/nowhere.toml: cannot be read"),
        (["--exercises", "/nowhere"], "/nowhere: no such folder"),
        (["--site", "My Gym"], "mqtt.site is 'My Gym'"),
    ],
)
def test_what_cannot_be_used_is_one_or_two_lines(
    capsys: pytest.CaptureFixture[str], argv: list[str], words: str
) -> None:
    assert run(*argv) == 1
    err = capsys.readouterr().err
    assert words in err and err.startswith("plumbline dashboard: ") and len(err.splitlines()) <= 2


@pytest.mark.parametrize("station", ["Rack 1", "rack-+", "gym/", "a/b/c", "#"])
def test_a_lifter_s_screen_refuses_what_is_no_station(
    capsys: pytest.CaptureFixture[str], station: str
) -> None:
    assert main(["screen", station, "--plain", "--for", "0.1", "--port", "1"]) == 1
    assert "is no station; give its id" in capsys.readouterr().err


def test_an_unknown_key_in_the_file_is_named_with_what_is_valid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "dashboard.toml"
    path.write_text('[mqtt]\nhots = "gym.local"\n')
    assert run("--config", str(path)) == 1
    assert "unknown key mqtt.hots; did you mean host?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "tls", "port"),
    [
        ([], False, 1883),
        (["--ca-file", "ca.pem"], True, 8883),
        (["--ca-file", "ca.pem", "--no-tls"], False, 1883),
        (["--host", "gym.local"], True, 8883),
    ],
)
def test_whoever_names_an_authority_means_tls_also_on_this_machine(
    argv: list[str], tls: bool, port: int
) -> None:
    parser = argparse.ArgumentParser()
    add_broker_options(parser)
    mqtt = broker_of(parser.parse_args(argv))
    assert (mqtt.tls, mqtt.port) == (tls, port)


def test_the_command_line_overrides_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "dashboard.toml"
    path.write_text('[mqtt]\nhost = "127.0.0.1"\nport = 1\ntls = false\nusername = "coach"\n')
    used: list[Any] = []

    class StoppedError(Exception):
        pass

    def note(mqtt: Any, site: Any) -> Any:
        used.append((mqtt, site))
        raise StoppedError

    monkeypatch.setattr(cli, "Client", note)
    with pytest.raises(StoppedError):
        cli.dashboard(["--config", str(path), "--port", "2", "--site", "north"])
    mqtt, site = used[0]
    assert (mqtt.host, mqtt.port, mqtt.tls, mqtt.username, site) == ("127.0.0.1", 2, False, "coach", "north")


def test_a_history_that_cannot_be_opened_is_said_and_the_rest_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = tmp_path / "history.db"
    database.write_bytes(b"this is no database, whatever its name says" * 10)
    assert main(["dashboard", "--plain", "--for", "4", "--port", "1", "--db", str(database)]) == 0
    assert "no history: " in capsys.readouterr().out


def test_wrong_usage_has_status_two() -> None:
    with pytest.raises(SystemExit) as left:
        run("--frobnicate")
    assert left.value.code == 2
