"""What a board file may say, and the bytes made of it."""

import zlib
from pathlib import Path

import pytest

from edge.board.command import board
from edge.board.configuration import announced, block, load_board
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
        ('"rack board"', '""', "name is ''; use 1 to 32"),
        ('"rack board"', '"not configured"', "name is 'not configured'"),
        ('"rack-1"', '""', "serial is ''; a port's name takes 1 to 16"),
        ('"rack-1"', "'r /\"%'", r"a port's name takes"),
        ("rate_hz = 100", "zero_counts = nan", "zero_counts is nan; a as5600 counts 0 to 4095"),
        ("rate_hz = 100", "zero_counts = 1e6", "zero_counts is 1e.06; a as5600 counts 0 to 4095"),
        ("counts_per_unit = 10000", "counts_per_unit = 1\nzero_counts = inf", "zero_counts is inf"),
        ("counts_per_unit = 10000", "counts_per_unit = 1.7e308", "counts_per_unit is 1.7e.308; it must be"),
        ("counts_per_unit = 10000", "counts_per_unit = 1e-320", "it must be a finite number"),
        (
            "counts_per_unit = 10000",
            "counts_per_unit = 1\nrate_hz = 200",
            "rate_hz is 200; it lies in 300 to 1000",
        ),
        ("[10, 11]", '["GP10", 11]', "expected `int`, got `str`; write the board's numbers: 10 for GP10"),
        ("[10, 11]", "[10, 11]\nrate_hz = 40", "rate_hz is 40; a hx711 has 10 or 80"),
        ('"hx711"\npins = [10, 11]', '"nau7802"\npins = [4, 5, 7]\nrate_hz = 80', "a nau7802 has 320"),
        ("[10, 11]", "[10, 11]\nreversed = true", "a hx711 takes a negative counts_per_unit instead"),
        (
            '"hx711"\npins = [10, 11]',
            '"nau7802"\npins = [4, 5, 7]\nreversed = true',
            "a nau7802 takes a negative counts_per_unit instead",
        ),
        ('"force_n"', '"position_2_m"', r"is position_2_m; a hx711 measures \*_n, for example force_n"),
        ('"position_m"', '"pulley_x_n"', r"a encoder measures \*_m, for example position_m"),
        ('"tether_angle_rad"', '"position_2_m"', r"a as5600 measures \*_rad, for example tether_angle_rad"),
        (
            '"hx711"\npins = [10, 11]',
            '"nau7802"\npins = [4, 5, 7]\n[[channels]]\nname = "pulley_x_n"\nsensor = "nau7802"\n'
            "pins = [4, 5, 8]",
            "2 nau7802; a board with rp2040 serves 1",
        ),
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


def test_a_cell_that_is_wired_the_other_way_round_has_a_negative_scale(board_file: Path) -> None:
    board_file.write_text(GOOD.replace("[10, 11]", "[10, 11]\ncounts_per_unit = -100"))
    assert announced(load_board(board_file).channels[1], "rp2040").counts_per_unit == -100.0


def test_a_tilt_encoder_that_shows_nothing_where_the_tether_is_plumb_has_its_zero_there(
    board_file: Path,
) -> None:
    assert announced(load_board(board_file).channels[2], "rp2040").zero_counts == 2048.0
    board_file.write_text(GOOD.replace("rate_hz = 100", "zero_counts = 0"))
    assert announced(load_board(board_file).channels[2], "rp2040").zero_counts == 0.0


NANO = (
    GOOD[: GOOD.rindex("[[channels]]")]
    .replace('serial = "rack-1"', 'target = "avr"')
    .replace("[10, 11]", "[4, 5]")
)


@pytest.mark.parametrize(
    ("old", "new", "seen"),
    [
        ("[4, 5]", "[8, 9]", r"has 8; a board with avr has 2 to 7"),
        ("[2, 3, 6]", "[2, 3, 9]", r"has 9; a board with avr has 2 to 7"),
        (
            '"position_m"\nsensor = "encoder"\npins = [2, 3, 6]',
            '"pulley_x_n"\nsensor = "hx711"\npins = [6, 7]',
            "2 hx711; a board with avr serves 1",
        ),
        (
            "counts_per_unit = 10000",
            "counts_per_unit = 1\nrate_hz = 30",
            "rate_hz is 30; it lies in 31 to 500",
        ),
        ('target = "avr"', 'target = "avr"\nbaud = 230400', "baud is 230400; a Nano makes 222222 of it"),
        ('target = "avr"', 'target = "avr"\nbaud = 460800', "baud is 460800; a Nano makes 500000 of it"),
        ('target = "avr"', 'target = "avr"\nbaud = 921600', "baud is 921600; a Nano makes 1000000 of it"),
    ],
)
def test_what_a_nano_would_measure_wrongly_or_never_is_refused(
    board_file: Path, old: str, new: str, seen: str
) -> None:
    board_file.write_text(NANO)
    load_board(board_file)
    board_file.write_text(NANO.replace(old, new, 1))
    with pytest.raises(ConfigError, match=seen):
        load_board(board_file)


@pytest.mark.parametrize("baud", [38_400, 57_600, 115_200, 250_000, 500_000])
def test_bauds_that_a_nano_keeps_are_taken(board_file: Path, baud: int) -> None:
    slow = NANO.replace("counts_per_unit = 10000", "counts_per_unit = 10000\nrate_hz = 31").replace(
        '"hx711"', '"hx711"\nrate_hz = 10'
    )
    board_file.write_text(slow.replace('"avr"', f'"avr"\nbaud = {baud}'))
    assert load_board(board_file).baud == baud


@pytest.mark.parametrize("command", ["build", "configure"])
@pytest.mark.parametrize(
    ("text", "out", "right"),
    [(GOOD, "x.hex", "rp2040 ends with .uf2"), (NANO, "x.uf2", "avr ends with .hex")],
)
def test_an_image_has_the_ending_of_its_board(
    board_file: Path, tmp_path: Path, command: str, text: str, out: str, right: str
) -> None:
    board_file.write_text(text)
    with pytest.raises(ConfigError, match=f"{out}; an image for {right}"):
        board([command, str(board_file), "--out", str(tmp_path / out)])
    assert not (tmp_path / out).exists()
