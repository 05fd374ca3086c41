"""A node's machine has what a node needs, and no Textual, Matplotlib or database driver."""

import importlib.metadata
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from station.cli import commands

ROOT = Path(__file__).parents[2]
OURS = "plumbline-gym"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `pip install plumbline-gym` installs without an extra, as links to what is installed here."""
    folder = tmp_path_factory.mktemp("site")
    wanted = [OURS]
    for name in wanted:
        one = importlib.metadata.distribution(name)
        for line in one.requires or []:
            if ";" not in line and (found := re.match(r"[\w.-]+", line)) and found[0] not in wanted:
                wanted.append(found[0])
        roots = {file.parts[0] for file in one.files or [] if file.parts[0] not in ("..", "__pycache__")}
        for root in roots:
            (folder / root).symlink_to(one.locate_file(root))
    return folder


def run(site: Path, *words: str, **how: object) -> subprocess.Popen[str]:
    """`plumbline` in an interpreter that sees the checkout and that folder alone."""
    environment = {**os.environ, "PYTHONPATH": f"{site}:{ROOT}"}
    command = [sys.executable, "-S", "-m", "station.cli", *words]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how
    )


def test_a_node_starts_and_ends_where_no_screen_and_no_database_driver_is(site: Path, tmp_path: Path) -> None:
    for name in (
        "textual",
        "rich",
        "sqlalchemy",
        "alembic",
        "platformdirs",
        "matplotlib",
        "psycopg",
        "pyarrow",
    ):
        assert not (site / name).exists()
    station = tmp_path / "rack-1.toml"
    station.write_text(
        'exercise = "rdl"\n[station]\nid = "rack-1"\nkind = "barbell"\n'
        '[geometry]\nlpt_anchor_m = [0.0, 0.0]\n[[ports]]\nurl = "/dev/none"\n'
        '[mqtt]\nhost = "127.0.0.1"\nport = 9\n'
        "tls = false\n"
    )
    node = run(site, "edge", "--station", str(station), "--outbox", str(tmp_path / "outbox.db"))
    assert node.stdout is not None
    begun = node.stdout.readline()
    node.send_signal(signal.SIGTERM)
    _, said = node.communicate(timeout=30)
    assert begun.startswith("counting at rack-1"), said
    assert node.returncode == 0
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "command", sorted(name for name, entry in commands().items() if entry.module.startswith("edge."))
)
def test_every_command_of_a_node_is_there(site: Path, command: str) -> None:
    node = run(site, command, "--help")
    said = node.communicate(timeout=30)
    assert node.returncode == 0, said
    assert said[0].startswith("usage:")


@pytest.mark.parametrize("words", [["dashboard"], ["record", "--db", "h.db"], ["report", "ana"], ["demo"]])
def test_what_a_node_has_not_is_said_in_one_line_with_what_to_do(site: Path, words: list[str]) -> None:
    node = run(site, *words)
    out, said = node.communicate(timeout=30)
    assert node.returncode == 1
    assert out == ""
    assert said == (
        f"plumbline {words[0]}: screens, record and history are not installed here;"
        " pip install 'plumbline-gym[dashboard]'\n"
    )
