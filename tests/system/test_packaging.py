"""What is installed, under which name, and what a release asks for."""

import re
import sqlite3
import subprocess
import sys
import tomllib
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from station.program.distribution import DISTRIBUTION, install_with, release
from tests.release import faults_of

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TEXTS = sorted(
    path
    for folder in ("station", "kernels", "edge", "dashboard", "docs")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".py", ".md", ".html", ".pyx", ".toml")
)
DAY = date(2030, 1, 31)
CHANGELOG = "# Changelog\n\n## [1.2.0] - 2030-01-31\n\n### Added\n"


def test_the_distribution_is_ours_and_installed():
    assert PROJECT["name"] == DISTRIBUTION == "plumbline-gym"
    assert release() == PROJECT["version"]


def test_every_text_that_says_pip_install_names_our_distribution_and_an_extra_of_it():
    named = [
        (path.name, words)
        for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *TEXTS]
        for words in re.findall(
            r"pip install (?:--\S+ )*['\"]?([\w.-]+(?:\[[\w,]+\])?)", path.read_text(encoding="utf-8")
        )
    ]
    extras = [re.fullmatch(rf"{DISTRIBUTION}(?:\[(\w+)\])?", words) for _, words in named]
    assert named
    assert [words for words, found in zip(named, extras, strict=True) if found is None] == []
    assert {found[1] for found in extras if found and found[1]} <= set(PROJECT["optional-dependencies"])


def test_every_feature_that_is_missing_names_an_extra_there_is():
    used = {
        extra
        for path in TEXTS
        if path.suffix == ".py"
        for extra in re.findall(r"install_with\(['\"](\w+)['\"]\)", path.read_text(encoding="utf-8"))
    }
    assert used == {"dashboard", "plot", "parquet", "postgres", "chain", "demo", "web"}
    assert install_with("web") == "pip install 'plumbline-gym[web]'"
    assert used <= set(PROJECT["optional-dependencies"])


def test_the_project_has_one_address_and_what_is_asked_for_there_exists():
    home = PROJECT["urls"]["Homepage"]
    assert set(PROJECT["urls"]) == {"Homepage", "Documentation", "Source", "Issues", "Changelog"}
    written = [
        ROOT / "pyproject.toml",
        ROOT / "tests/packaging/debian/control",
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / ".github").rglob("*.yml"),
    ]
    ours = {
        url
        for path in written
        for url in re.findall(r"https?://[^\s\"')>]+", path.read_text(encoding="utf-8"))
        if "plumbline" in url
    }
    assert [url for url in sorted(ours) if url != home and not url.startswith(f"{home}/")] == []
    files = [found[1] for url in ours if (found := re.match(rf"{home}/(?:tree|blob)/main/(.+)", url))]
    assert sorted(files) == [name for name in sorted(files) if (ROOT / name).exists()] != []
    contact = (ROOT / ".github/ISSUE_TEMPLATE/config.yml").read_text(encoding="utf-8")
    assert f"url: {home}/" in contact


@pytest.mark.parametrize(
    ("version", "changelog", "dirty", "tags", "words"),
    [
        ("1.3.0", CHANGELOG, "", [], "CHANGELOG.md begins with 1.2.0"),
        ("1.2.0", CHANGELOG.replace("2030-01-31", "unreleased"), "", [], "dates 1.2.0 unreleased"),
        ("1.2.0", CHANGELOG, " M README.md", [], "not committed"),
        ("1.2.0", CHANGELOG, "", ["v1.1.0", "v1.2.0"], "tagged already"),
        ("1.2.0", "# Changelog\n", "", [], "has no section"),
    ],
)
def test_what_stands_in_the_way_of_a_release_is_said(version, changelog, dirty, tags, words):
    (fault,) = faults_of(version, changelog, DAY, dirty, tags)
    assert words in fault


def test_nothing_stands_in_the_way_of_a_release_that_is_ready():
    assert faults_of("1.2.0", CHANGELOG, DAY, "", ["v1.1.0"]) == []


# What a command really loads: a node or a record on a small machine has no use for a terminal's screens.
@pytest.mark.parametrize(
    "command",
    ["record", "edge", "analyze", "athletes", "export", "report", "doctor", "simulate", "relay", "ingest"],
)
def test_a_command_without_a_screen_loads_no_textual(command):
    code = (
        "import sys; from station.cli import commands; run = commands()[sys.argv[1]].load()\n"
        "try: run(['--help'])\n"
        "except SystemExit: pass\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'textual', 'rich'}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, command], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stderr.strip() == "[]"


def test_words_that_had_several_meanings_have_one():
    defined = [
        name
        for path in TEXTS
        if path.suffix == ".py"
        for name in re.findall(r"^class (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    for name in ("Kept", "Recording", "Session", "Connection", "Channel"):
        assert defined.count(name) <= 1, f"class {name} means two things"


# Alembic reads its steps as files: they have to be where the package was installed, not only in a checkout.
def test_an_installed_plumbline_brings_an_old_history_up_to_date(tmp_path):
    packed = tmp_path / "installed"
    pack = (
        "import sys; from setuptools import Distribution\n"
        "found = Distribution({'script_name': 'setup.py'}); found.parse_config_files()\n"
        "found.ext_modules = []\n"
        "build = found.get_command_obj('build_py'); build.build_lib = sys.argv[1]\n"
        "build.ensure_finalized(); build.run()"
    )
    subprocess.run([sys.executable, "-c", pack, packed], check=True, capture_output=True, text=True, cwd=ROOT)
    statements = (ROOT / "tests" / "dashboard" / "database" / "first_edition.sql").read_text(encoding="utf-8")
    history = tmp_path / "old.db"
    with closing(sqlite3.connect(history)) as db:
        db.executescript(statements.split("-- schema 2")[0])
        db.executescript(f"PRAGMA application_id = {0x504C4849}; PRAGMA user_version = 1")
    bring = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import dashboard; from dashboard.database.schema import open_history, open_writable\n"
        "open_writable(sys.argv[2]).close(); open_history(sys.argv[2]).close(); print(dashboard.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", bring, packed, history],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.stdout.startswith(str(packed)), done.stderr


def test_the_screens_first_frame_loads_no_database():
    code = (
        "import sys, dashboard.cli, dashboard.tui.app, dashboard.demo.gym, dashboard.history.recall\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'sqlalchemy', 'alembic'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_a_history_that_is_up_to_date_is_opened_without_alembic_and_the_other_database(tmp_path):
    needless = {"alembic", "sqlalchemy.dialects.postgresql"}
    code = (
        "import sys; from dashboard.database.schema import open_history, open_writable\n"
        "open_writable(sys.argv[1]).close(); open_writable(sys.argv[1]).close()\n"
        f"open_history(sys.argv[1]).close(); print(*{needless} & {{*sys.modules}})"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "h.db")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == ""
