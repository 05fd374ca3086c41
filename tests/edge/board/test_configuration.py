"""What a board file may say, and the bytes made of it."""

import zlib
from pathlib import Path

import pytest

from edge.board.configuration import block, load_board
from station import wire
from station.errors import ConfigError

GOOD = """
name = "rack board"
serial = "rack-1"

[[channels]]
name = "position_m"
sensor = "encoder"
pins = [2, 3, 6]
counts_per_unit = 10000

[[channels]]
name = "force_n"
sensor = "hx711"
pins = [10, 11]

[[channels]]
name = "tether_angle_rad"
sensor = "as5600"
pins = [4, 5]
rate_hz = 100
"""


@pytest.fixture
def board_file(tmp_path: Path) -> Path:
    path = tmp_path / "rack.board.toml"
    path.write_text(GOOD)
    return path


def test_the_block_holds_what_the_hello_will_say(board_file: Path) -> None:
    raw = block(load_board(board_file), "rack-1")
    assert zlib.crc32(raw[:-4]).to_bytes(4, "little") == raw[-4:]
    assert (raw[:4], int.from_bytes(raw[4:6], "little"), raw[6]) == (b"PLB2", len(raw), 3)
    # The 56 bytes of each channel are the first edition's: a hello of that edition made of them can be read.
    channels = b"".join(raw[60 + 68 * n + 12 :][:56] for n in range(3))
    head = bytes((1, 1)) + bytes(10) + raw[12:44] + b"2.0".ljust(16, b"\0") + b"\3"
    hello = wire.parse_hello(head + channels + bytes(4))
    assert [channel.name for channel in hello.channels] == ["position_m", "force_n", "tether_angle_rad"]
    assert hello.channels[0].counts_per_unit == 160_000.0
    assert hello.channels[2].rate_hz == 100.0


@pytest.mark.parametrize(
    ("old", "new", "seen"),
    [
        ("[10, 11]", "[2, 11]", r"pin 2 carries both position_m \(encoder\) and force_n \(hx711\)"),
        ("[10, 11]", "[0, 11]", r"pin 0 carries both the serial line and force_n"),
        ("[10, 11]", "[10, 10]", "each pin carries one thing"),
        ("[10, 11]", "[10, 25]", r"has 25; a board with rp2040 has 0 to 22, 26 to 28"),
        ("[10, 11]", "[10]", "a hx711 has 2"),
        ("[2, 3, 6]", "[2, 7]", "B is on the pin after A"),
        ("[4, 5]", "[8, 9]", r"the I2C bus of rp2040 is \[4, 5\]"),
        ('"force_n"', '"position_m"', "both are position_m"),
        ('"force_n"', '"forse_n"', "did you mean force_n"),
        ("rate_hz = 100", "rate_hz = 5000", "lies in 1 to 200"),
        ("counts_per_unit = 10000", "", "counts_per_unit is missing"),
        ("counts_per_unit = 10000", "counts_per_unit = nan", "must be a finite number"),
        ('name = "rack board"', 'name = "rack board"\nbaud = 19200', r"kB/s do not fit 19200 baud"),
        (
            'name = "rack board"',
            'name = "rack board"\ntarget = "avr"',
            "3 channels; a board with avr has 1 to 2",
        ),
        ('"rack board"', '"r\\u001b[2J"', "printable ASCII"),
        ('sensor = "hx711"', 'sensor = "hx712"', "did you mean hx711"),
        ("pins = [10, 11]", "pin = [10, 11]", "unknown key"),
    ],
)
def test_a_board_file_that_cannot_be_is_refused_in_one_line(
    board_file: Path, old: str, new: str, seen: str
) -> None:
    board_file.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError, match=seen) as refused:
        load_board(board_file)
    assert "\n" not in str(refused.value)
    assert str(board_file) in str(refused.value)
