"""What the firmware's README says of a board file is what the code takes."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from edge.board.build import SOURCES
from edge.board.configuration import (
    MOST_HZ,
    SETTINGS_HZ,
    TARGETS,
    BoardFile,
    ChannelTable,
    load_board,
)

README = (SOURCES / "README.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \|(.*?)\|(.*)\|$", re.MULTILINE)
OF_BOARD, OF_CHANNEL = (
    {key: (default.strip(), means) for key, default, means in ROW.findall(part)}
    for part in README.split("| **`[[channels]]`** |")
)


@pytest.mark.parametrize(("table", "rows"), [(BoardFile, OF_BOARD), (ChannelTable, OF_CHANNEL)])
def test_the_table_of_keys_has_those_of_the_code_with_their_defaults(
    table: type[msgspec.Struct], rows: dict[str, tuple[str, str]]
) -> None:
    fields = [field for field in msgspec.structs.fields(table) if field.name != "channels"]
    assert {field.name for field in fields} == set(rows)
    for field in fields:
        said = rows[field.name][0]
        if field.required:
            assert said == "", field.name
        elif field.default is None:
            assert said and "`" not in said, field.name
        else:
            assert said == f"`{json.dumps(field.default)}`", field.name


def test_the_table_has_the_rates_of_every_sensor() -> None:
    for low, high in (target.encoder_hz for target in TARGETS.values()):
        assert f"{low:g} to {high:g}" in OF_CHANNEL["rate_hz"][1]
    for rates in SETTINGS_HZ.values():
        assert " or ".join(f"{rate:g}" for rate in reversed(rates)) in OF_CHANNEL["rate_hz"][1]
    assert f"1 to {MOST_HZ['as5600']:g}" in OF_CHANNEL["rate_hz"][1]


def test_the_board_file_in_it_is_one(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", README, re.S)
    (tmp_path / "rack.board.toml").write_text(text)
    assert [channel.sensor for channel in load_board(tmp_path / "rack.board.toml").channels]


def test_every_drawing_it_shows_is_there_and_every_one_there_is_shown() -> None:
    assert set(re.findall(r"\((\S+\.svg)\)", README)) == {path.name for path in SOURCES.glob("*.svg")}
