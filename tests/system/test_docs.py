"""What the documents say is so: links, and every key and field."""

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from station.config import CHANNELS, StationFile, load_station
from station.exercises import Profile
from station.messages import CommandName
from station.ports import DriverName
from station.topics import LEAVES
from tests.fields import with_table

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
FORMATS = ROOT / "docs" / "formats.md"
DOCUMENTS = [README, *sorted((ROOT / "docs").glob("*.md"))]


def blocks(document: Path, language: str) -> list[str]:
    fenced = re.findall(
        r"^```(\w*)\n(.*?)^```$", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    return [text for word, text in fenced if word == language]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document):
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    missing = [link for link in links if link and not (document.parent / link).exists()]
    assert missing == []


def test_the_readmes_station_file_and_python_run(tmp_path):
    (text,) = blocks(README, "toml")
    path = tmp_path / "rack.toml"
    path.write_text(text, encoding="utf-8")
    assert load_station(path).station.id == "rack-1"
    code, _ = blocks(README, "python")  # the second is a test for a screen nobody has here
    names = {}
    exec(code, names)
    assert len(names["simulated"].truth["sets"][0]["reps"]) == 8


def test_the_readmes_table_of_a_rep_is_the_one_list_of_its_fields():
    text = README.read_text(encoding="utf-8")
    assert with_table(text) == text, "run python -m tests.fields"


def keys(kind: type[msgspec.Struct]) -> set[str]:
    """Every key of a file, those of its tables too."""
    found = set()
    for field in msgspec.structs.fields(kind):
        found.add(field.encode_name)
        for inner in (field.type, *get_args(field.type)):
            if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
                found |= keys(inner)
    return found


def test_every_key_channel_driver_topic_and_command_is_in_the_formats():
    words = set(re.findall(r"[\w-]+", FORMATS.read_text(encoding="utf-8")))
    known = (
        keys(StationFile)
        | keys(Profile)
        | {*CHANNELS, *LEAVES, *get_args(DriverName), *get_args(CommandName)}
    )
    assert sorted(known - words) == [], "tell what it is in docs/formats.md; a driver: in the line `driver`"
