import os
import subprocess
import sys
from pathlib import Path

import pytest

from station import cli
from station.errors import PlumblineError, RecordingError

PLUMBLINE = [sys.executable, "-m", "station.cli"]
COMMANDS = (
    "analyze",
    "broker",
    "calibrate",
    "capture",
    "dashboard",
    "demo",
    "doctor",
    "edge",
    "record",
    "replay",
    "simulate",
)
# As on a user's shell, where what is printed waits in a buffer.
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


def run(*argv: str, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PLUMBLINE, *argv],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        env=BUFFERED,
        check=False,
    )


class OneCommand:
    """Stands for an installed subcommand that does as the test wants."""

    def __init__(self, does):
        self.module, self.load = "edge.tools", lambda: does


@pytest.fixture
def command(monkeypatch):
    def install(does):
        monkeypatch.setattr(cli, "commands", lambda: {"do": OneCommand(does)})

    return install


def raising(error):
    def does(_argv):
        raise error

    return does


@pytest.mark.parametrize("word", ["help", "-h", "--help"])
def test_help_names_every_command(capsys, word):
    assert cli.main([word]) == 0
    said = capsys.readouterr().out
    assert all(f" {name}" in said for name in COMMANDS)


def test_no_command_at_all_is_wrong_usage(capsys):
    assert cli.main([]) == 2
    assert "usage: plumbline COMMAND" in capsys.readouterr().out


def test_an_unknown_command_is_wrong_usage_and_the_nearest_is_named(capsys):
    assert cli.main(["analyse"]) == 2
    heard = capsys.readouterr()
    assert heard.out == ""
    assert heard.err.startswith("plumbline: no command 'analyse'; did you mean analyze? there are analyze, ")
    assert heard.err.count("\n") == 1


def test_the_version_is_the_installed_one(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("plumbline 0.")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_examples(capsys, name):
    with pytest.raises(SystemExit) as left:
        cli.main([name, "--help"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    assert f"usage: plumbline {name}" in said
    assert "examples:\n" in said


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_option_is_wrong_usage(capsys, name):
    with pytest.raises(SystemExit) as left:
        cli.main([name, "--no-such-option"])
    assert left.value.code == 2
    assert f"plumbline {name}: error:" in capsys.readouterr().err


def test_the_arguments_after_the_command_are_its_own(command):
    heard = []
    command(lambda argv: heard.append(argv) or 0)
    assert cli.main(["do", "--json", "a b"]) == 0
    assert heard == [["--json", "a b"]]


def test_a_commands_status_is_passed_on(command):
    command(lambda _: 143)
    assert cli.main(["do"]) == 143


@pytest.mark.parametrize("kind", [PlumblineError, RecordingError])
def test_an_error_of_ours_is_one_line_and_status_1(command, capsys, kind):
    command(raising(kind("rec.csv: empty; give another")))
    assert cli.main(["do"]) == 1
    assert capsys.readouterr().err == "plumbline do: rec.csv: empty; give another\n"


def test_an_endless_word_is_shortened_in_an_error(command, capsys):
    command(raising(PlumblineError(f"port {'a' * 5000}.csv cannot be opened ({'b' * 5000})")))
    assert cli.main(["do"]) == 1
    error = capsys.readouterr().err
    assert len(error) < 600 and "aaa...aaa" in error
    assert ".csv cannot be opened (bbb" in error and error.endswith("bbb)\n")


def test_ctrl_c_is_status_130_without_a_word(command, capsys):
    command(raising(KeyboardInterrupt()))
    assert cli.main(["do"]) == 130
    assert capsys.readouterr().err == ""


def test_a_defect_is_not_hidden(command):
    command(raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        cli.main(["do"])


def test_what_fails_in_a_process_of_its_own_prints_no_traceback(tmp_path):
    done = run(
        "analyze", str(tmp_path / "none.csv"), "--station", str(tmp_path / "none.toml"), "--exercise", "rdl"
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("plumbline analyze: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("argv", [("help",), ("simulate", "--list"), ("demo", "--help")])
def test_a_reader_that_goes_away_is_left_in_peace(argv):
    reader, writer = os.pipe()
    os.close(reader)  # as `| true` does
    done = run(*argv, stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_under_the_output_is_said_in_one_line():
    full = os.open("/dev/full", os.O_WRONLY)
    done = run("simulate", "--list", stdout=full)
    os.close(full)
    assert done.returncode == 1
    assert done.stderr == "plumbline simulate: no room left on the disk for the output; free some space\n"


def test_a_command_imports_only_what_it_needs():
    """A coach's laptop has no compiler and no kernels; a node has no screen."""
    probe = (
        "import sys; from station.cli import main\n"
        "try: main([sys.argv[1], '--help'])\n"
        "except SystemExit: pass\n"
        "print('\\n', *sys.modules)"
    )
    for command_name, foreign in (
        ("simulate", ("kernels", "textual", "paho", "serial")),
        ("edge", ("textual",)),
    ):
        said = subprocess.run(
            [sys.executable, "-c", probe, command_name],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        loaded = {name.split(".")[0] for name in said.splitlines()[-1].split()}
        assert "station" in loaded
        assert not loaded & set(foreign)
