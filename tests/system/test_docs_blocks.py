"""Every code block of the documents: Python runs, files are read by what reads them, commands exist."""

import contextlib
import io
import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dashboard.roster.athletes_file import read_roster
from edge.board.configuration import load_board
from station.cli import commands, main
from station.config import load_station
from station.exercises import all_profiles
from station.sim.plan import load_scenario
from tests.edge.link import written

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "edge/firmware/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


class Block(NamedTuple):
    """What stands between two fences."""

    document: Path
    line: int
    language: str
    text: str


def blocks_of(document: Path) -> list[Block]:
    text = document.read_text(encoding="utf-8")
    return [
        Block(document, text[: found.start()].count("\n") + 1, found[1], found[2])
        for found in re.finditer(r"^```(\S*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    ]


BLOCKS = [block for document in DOCUMENTS for block in blocks_of(document)]


def run_python(block: Block, _: Path) -> None:
    """It runs by itself; a test in it is defined, and would run where its screen is."""
    if block.document == written.PAGE:
        return  # its blocks build on each other: test_conformance.py runs them
    exec(compile(block.text, f"{block.document.name}:{block.line}", "exec"), {})


# What reads a file that has a table of this name.
READERS: dict[str, Callable[[Path], Any]] = {
    "station": load_station,
    "athletes": lambda path: read_roster(path, all_profiles()),
    "stations": lambda path: load_scenario(str(path)),
    "channels": load_board,
}


def read_toml(block: Block, folder: Path) -> None:
    path = folder / "written.toml"
    path.write_text(block.text, encoding="utf-8")
    tables = tomllib.loads(block.text)
    reader = next(reader for table, reader in READERS.items() if table in tables)
    assert reader(path)


def read_text(block: Block, folder: Path) -> None:
    path = folder / "athletes.csv"
    path.write_text(block.text, encoding="utf-8")
    assert read_roster(path, all_profiles()).athletes


def try_shell(block: Block, _: Path) -> None:
    """A shell can read it; commands of ours and targets of make exist, with their options."""
    text = block.text
    if block.language == "console":
        text = "\n".join(line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ "))
    subprocess.run(["bash", "-n"], input=text, text=True, check=True)
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        words = words[words[:1] == ["sudo"] :]
        match words[:1]:
            case ["plumbline"]:
                check_command(words[1:])
            case ["make"]:
                targets = [word for word in words[1:] if "=" not in word]
                assert [t for t in targets if not re.search(rf"^{t}:", MAKEFILE, re.MULTILINE)] == []


def help_of(*words: str) -> str:
    """What a command prints about itself; nothing where there is no such command."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        try:
            main([*words, "--help"])
        except SystemExit as end:
            return said.getvalue() if not end.code else ""
    return ""


def check_command(words: list[str]) -> None:
    name, *rest = words
    assert name in commands(), f"there is no plumbline {name}"
    known = help_of(name)
    tasks: list[str] = []
    for word in rest:
        if not word.isidentifier():
            break
        tasks.append(word)
        known += help_of(name, *tasks)
    for word in rest:
        if word.startswith("--"):
            assert re.search(rf"{re.escape(word.split('=')[0])}\b", known), f"plumbline {name} has no {word}"


def read_json(block: Block, _: Path) -> None:
    json.loads(block.text)


def follow_tree(block: Block, _: Path) -> None:
    pages = [line for line in block.text.splitlines() if line and not line.startswith(":")]
    assert [page for page in pages if not (block.document.parent / f"{page}.md").exists()] == []
    assert {path.stem for path in block.document.parent.glob("*.md")} == {*pages, block.document.stem}


TRIED: dict[str, Callable[[Block, Path], None]] = {
    "python": run_python,
    "toml": read_toml,
    "text": read_text,
    "sh": try_shell,
    "console": try_shell,
    "json": read_json,
    "sql": lambda block, folder: None,  # dashboard/database/test_tables_page.py runs them on both databases
    "{toctree}": follow_tree,
    "": lambda block, folder: None,  # what a program prints
}


def test_there_is_a_test_for_every_language():
    assert {block.language for block in BLOCKS} <= set(TRIED)
    assert len(BLOCKS) > 30


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block.document.name}:{block.line}")
def test_a_block_does_what_it_shows(block, tmp_path):
    TRIED[block.language](block, tmp_path)
