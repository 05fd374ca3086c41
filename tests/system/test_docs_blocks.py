"""Every code block of the documents: Python runs, files are read by what reads them, commands exist.

Commands that need no hardware, server or root are run, page by page, and print what the page shows. Those of
operations.md and broker.md are pasted into a machine of namespaces (test_operations.py), those of drivers.md
and of disputes have tests of their own.
"""

import contextlib
import io
import json
import re
import shlex
import subprocess
import time
import tomllib
from collections.abc import Callable, Iterator
from itertools import pairwise, product
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dashboard.record.store import Arrived, open_store
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


# What needs nothing but the gym's folder; a line with an address of a server needs more.
RUNS = (
    *("simulate", "analyze", "report", "export", "athletes", "schema", "backup", "restore"),
    *("chain init", "reprocess archive"),
)
RUN = re.compile(rf"plumbline (?:{'|'.join(RUNS)}) (?!.*://)")
NUMBER = re.compile(r"\d+\.?\d*")


class Command(NamedTuple):
    """A command of a page, and what the page shows of what it prints; nothing where it shows nothing."""

    where: str
    line: str
    shown: str


def commands_of(document: Path) -> Iterator[Command]:
    """In the page's order. A block without a language right after commands shows what the last one prints."""
    own = [block for block in BLOCKS if block.document == document]
    for block, after in pairwise([*own, None]):
        where = f"{document.name}:{block.line}"
        if block.language == "console":
            for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
                line, _, shown = part.partition("\n")
                yield Command(where, line, shown)
        elif block.language == "sh":
            *lines, last = block.text.replace("\\\n", " ").splitlines()
            yield from (Command(where, line, "") for line in lines)
            follows = block.line + block.text.count("\n") + 2
            shown = after.text if after and (after.language, after.line) == ("", follows) else ""
            yield Command(where, last, shown)


COMMANDS = {document: [one for one in commands_of(document) if RUN.match(one.line)] for document in DOCUMENTS}


class Typed(io.StringIO):
    """What somebody types at a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def gym(tmp_path, monkeypatch, make_rep):
    """A folder with what the pages take for granted: Ana's sets of a Thursday, her file, an archive."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    seq = 0
    exercises = ["romanian-deadlift"] * 4 + ["cable-pull-through"] * 2
    (tmp_path / "plumbline").mkdir()
    with open_store(str(tmp_path / "plumbline/history.db")) as store:
        for (number, exercise), n in product(enumerate(exercises, 1), range(1, 9)):
            if exercise != "romanian-deadlift" and n == 8:
                continue
            seq += 1
            rep = make_rep(
                n, event_id=f"s{number}-r{n}", session="thursday", set_number=number, stream="s", seq=seq,
                at_utc=f"2026-11-19T10:{5 * number:02d}:{4 * n:02d}.000Z", athlete="a-17", exercise=exercise,
                load_kg=40.0 + 10.0 * number, mean_concentric_velocity_mps=0.8 - 0.1 * number - 0.01 * n,
            )  # fmt: skip
            store.ingest([Arrived("gym", "rack-1", rep)])
    (text,) = (b.text for b in BLOCKS if b.document.name == "history.md" and b.language == "toml")
    athletes = tmp_path / "athletes.toml"
    athletes.write_text(text, encoding="utf-8")
    assert main(["athletes", "import", "athletes.toml"]) == 0
    athletes.write_text(text.replace("load_kg = 60", "load_kg = -5"), encoding="utf-8")
    (tmp_path / "archive").mkdir()
    simulate = ["simulate", "--exercise", "rdl", "--reps", "2", "--seed", "2"]
    assert main([*simulate, "--out", "archive/one.csv", "--station-out", "rack.toml"]) == 0
    yield
    monkeypatch.undo()
    time.tzset()


def run(line: str) -> tuple[int, str]:
    """What a command ends with and prints."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            status = main(shlex.split(line.replace(" /etc/", " "), comments=True)[1:])
        except SystemExit as end:
            status = end.code
    return status, said.getvalue()


def assert_alike(said: str, shown: str) -> None:
    """The same text; a number with decimals may differ by two of its last digit, as when a filter changes."""
    assert NUMBER.sub("#", said) == NUMBER.sub("#", shown)
    for one, other in zip(NUMBER.findall(said), NUMBER.findall(shown), strict=True):
        _, point, decimals = other.partition(".")
        assert abs(float(one) - float(other)) <= (2.001 * 10.0 ** -len(decimals) if point else 0.0), said


def test_the_pages_have_commands_that_can_be_run():
    assert sum(len(some) for some in COMMANDS.values()) >= 16
    consoles = {f"{b.document.name}:{b.line}" for b in BLOCKS if b.language == "console"}
    shown = [one for document in DOCUMENTS for one in commands_of(document) if one.shown]
    assert [one for one in shown if one.where in consoles and not RUN.match(one.line)] == []


@pytest.mark.parametrize(
    "document", [page for page in DOCUMENTS if COMMANDS[page]], ids=lambda page: page.name
)
def test_the_commands_of_a_page_print_what_it_shows(document, gym, monkeypatch):
    earlier = ["reprocess", "archive", "--station", "rack.toml", "--exercise", "rdl", "--out", "reps-before"]
    if any("reps-before" in one.line for one in COMMANDS[document]):
        assert main(earlier) == 0
    for where, line, shown in COMMANDS[document]:
        monkeypatch.setattr("sys.stdin", Typed("a-17\n"))
        status, said = run(line)
        assert status == shown.startswith("plumbline "), f"{where}: {line}: {said}"
        if shown:
            assert_alike(said, shown)
