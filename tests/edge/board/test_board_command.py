"""`plumbline board`: images, a board's disk, and boards that talk."""

import os
import shutil
import struct
import subprocess
import tempfile
import termios
from collections.abc import Callable, Iterator
from operator import itemgetter
from pathlib import Path

import pytest

from edge.board import build as building
from edge.board.build import firmware_version
from edge.board.check import check_firmware, station_toml
from edge.board.command import board
from edge.board.configuration import TargetName, block, load_board
from edge.board.image import CONFIGURATION_AT
from edge.link.sources import SerialSource
from station.config import load_station
from station.errors import ConfigError, SourceError
from station.exercises import load_profile
from station.ports import Port
from station.wire import Channel, Hello
from tests.edge.board.boot_rom import copied

SPEED = 4  # of the board that is listened to


@pytest.fixture
def talking(host_board: Path, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """A board that measures a moving tether, on a pseudo-terminal."""
    children: list[subprocess.Popen[str]] = []

    def start(
        configuration: bytes, *, swapped: bool = False, out_first: bool = False, stuck: bool = False
    ) -> str:
        order = [0, 2, 3, 1] if swapped else [0, 1, 3, 2]
        steps = [(10_000 + 500 * n, 1, 0, 0, order[n % 4]) for n in range(120_000)]
        if out_first:  # by 2 m at once; then it is let in
            steps = [(n // 20, 1, 0, 0, order[n % 4]) for n in range(20_000)]
            steps += [(20_000 + 3000 * n, 1, 0, 0, order[(19_998 - n) % 4]) for n in range(19_000)]
        readings = [(12_500 * n, 2, 1, 0, 41_213 + (0 if stuck else n % 3)) for n in range(4800)]
        data = b"".join(struct.pack("<IBBHi", *one) for one in sorted(steps + readings, key=itemgetter(0)))
        at, of = tmp_path / "board.bin", tmp_path / "stimuli.bin"
        at.write_bytes(configuration)
        of.write_bytes(data)
        child = subprocess.Popen(
            [str(host_board), str(at), str(of), str(SPEED)], stdout=subprocess.PIPE, text=True
        )
        children.append(child)
        assert child.stdout is not None
        return child.stdout.readline().strip()

    yield start
    for child in children:
        child.kill()
        child.communicate()


def configuration_of(file: Path) -> bytes:
    return copied(file.read_bytes())[CONFIGURATION_AT:]


@pytest.mark.parametrize("target", ["avr", pytest.param("rp2040", marks=pytest.mark.long)])
def test_folders_with_a_space_change_no_byte_and_nothing_is_written_beside_the_sources(
    target: TargetName, build: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = f"plumbline-{target}.{'bin' if target == 'rp2040' else 'hex'}"
    usual = (build(target) / product).read_bytes()
    package, work, scratch = (tmp_path / name for name in ("the package", "my work", "of the machine"))
    shutil.copytree(building.SOURCES, package)
    scratch.mkdir()
    monkeypatch.setattr(building, "SOURCES", package)
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    before = sorted(package.rglob("*"))
    image = building.build_image(target, work)
    assert (work / product).read_bytes() == usual
    assert len(image) == len(usual)
    assert sorted(package.rglob("*")) == before
    assert not list(scratch.iterdir())


def test_a_folder_to_keep_things_in_that_cannot_be_is_said(board_file: Path, tmp_path: Path) -> None:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    words = ["build", str(board_file), "--out", str(tmp_path / "x.uf2"), "--work", str(board_file)]
    with pytest.raises(ConfigError, match=rf"{board_file}: .*another place"):
        board(words)
    assert not (tmp_path / "x.uf2").exists()


def test_a_board_file_without_a_serial_number_gets_one_of_its_own(board_file: Path, tmp_path: Path) -> None:
    board_file.write_text(board_file.read_text().replace('serial = "rack-1"', ""))
    outs = [tmp_path / f"{n}.uf2" for n in (1, 2)]
    for out in outs:
        board(["configure", str(board_file), "--out", str(out)])
    assert outs[0].read_bytes() != outs[1].read_bytes()


def test_a_port_that_another_program_has_is_not_touched(
    built: Path, board_file: Path, talking: Callable[..., str]
) -> None:
    url = talking(configuration_of(built))
    with SerialSource(Port(url)):
        for command in (["check", url], ["flash", str(built), "--port", url]):
            with pytest.raises(SourceError, match="in use"):
                board(command)


def test_a_board_that_is_well_is_said_to_be_and_gets_its_station_file(
    built: Path,
    board_file: Path,
    talking: Callable[..., str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = talking(configuration_of(built))
    out = tmp_path / "rack-1.toml"
    command = ["check", url, "--board", str(board_file), "--for", "0.6", "--station-out", str(out)]
    assert board(command) == 0, capsys.readouterr().out
    said = capsys.readouterr().out
    assert f"rack board, firmware {firmware_version()}, serial rack-1" in said
    assert "pulling it out counts up" in said
    assert "name, serial number and 2 channels as the file says" in said
    station = load_station(out)
    assert (station.station.id, station.ports[0].url) == ("rack-1", url)
    with pytest.raises((ConfigError, SourceError)):
        board(command)  # the file is there, or the board has gone


def test_swapped_lines_and_another_configuration_are_found(
    built: Path, board_file: Path, talking: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    url = talking(configuration_of(built), swapped=True)
    board_file.write_text(board_file.read_text().replace("10000", "12000"))
    assert board(["check", url, "--board", str(board_file), "--for", "0.6"]) == 1
    said = capsys.readouterr().out
    assert said.count("swap A and B") == said.count("direction") == 1
    assert "position_m has another counts_per_unit" in said


@pytest.mark.parametrize("swapped", [False, True])
def test_of_a_cable_station_it_is_the_stack_that_is_raised(
    built: Path, talking: Callable[..., str], swapped: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    url = talking(configuration_of(built), swapped=swapped)
    assert board(["check", url, "--kind", "cable", "--for", "0.6"]) == swapped
    said = capsys.readouterr().out
    assert ("change reversed in the board file" in said) == swapped
    assert ("raising the stack counts up" in said) == (not swapped)
    assert "tether" not in said


def test_a_tether_that_was_out_already_and_is_let_in_is_not_swapped(
    built: Path, talking: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    board(["check", talking(configuration_of(built), out_first=True), "--for", "0.6"])
    said = capsys.readouterr().out
    assert "pulling it out counts up" in said
    assert said.count("direction") == 1


def test_a_converter_whose_readings_never_change_is_not_alive(
    built: Path, talking: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert board(["check", talking(configuration_of(built), stuck=True), "--for", "0.6"]) == 1
    assert "force_n converter" in capsys.readouterr().out


@pytest.mark.parametrize("with_file", [False, True])
@pytest.mark.parametrize(
    ("name", "sensor", "pins", "todo"),
    [
        ("pulley_x_n", "hx711", [12, 13], "is its RATE pin tied for 80 readings a second?"),
        ("pulley_x_n", "nau7802", [4, 5, 7], "SDA, SCL and DRDY"),
        ("tether_angle_rad", "as5600", [4, 5], "SDA and SCL"),
    ],
)
def test_of_a_silent_converter_its_own_pins_are_named(
    board_file: Path,
    talking: Callable[..., str],
    name: str,
    sensor: str,
    pins: list[int],
    todo: str,
    with_file: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with board_file.open("a") as more:
        more.write(f'[[channels]]\nname = "{name}"\nsensor = "{sensor}"\npins = {pins}\n')
    url = talking(block(load_board(board_file), "rack-1"))
    words = ["--board", str(board_file)] if with_file else []
    assert board(["check", url, *words, "--for", "0.6"]) == 1
    (said,) = [line for line in capsys.readouterr().out.splitlines() if f"{name} missed" in line]
    assert todo in said
    assert ("RATE" in said) == (sensor == "hx711")


def test_another_boards_file_is_not_this_boards(
    board_file: Path,
    saying: Callable[[Hello], str],
    hello_of: Callable[..., Hello],
    capsys: pytest.CaptureFixture[str],
) -> None:
    port = saying(hello_of(board_file))
    board_file.write_text(board_file.read_text().replace("rack board", "cable").replace("rack-1", "cable-2"))
    assert board(["check", port, "--board", str(board_file), "--for", "0.5"]) == 1
    said = capsys.readouterr().out
    assert "name is 'rack board', not 'cable'; serial is 'rack-1', not 'cable-2'" in said
    assert "as the file says" not in said


def test_a_port_is_opened_at_the_boards_baud(
    board_file: Path, saying: Callable[[Hello], str], hello_of: Callable[..., Hello]
) -> None:
    board_file.write_text("baud = 460800\n" + board_file.read_text())
    port = saying(hello_of(board_file))
    board(["check", port, "--board", str(board_file), "--for", "0.5"])
    line = os.open(port, os.O_RDWR | os.O_NOCTTY)
    try:
        assert termios.tcgetattr(line)[4:6] == [termios.B460800, termios.B460800]
    finally:
        os.close(line)


@pytest.mark.parametrize("kind", ["barbell", "cable", "band"])
@pytest.mark.parametrize("baud", [115_200, 460_800])
def test_the_station_file_is_one_whatever_its_words(kind: str, baud: int, tmp_path: Path) -> None:
    path = tmp_path / "rack.toml"
    path.write_text(station_toml(Port('/dev/a "b" \\c', baud=baud), "rack-1", kind, 'my "own"'))
    station = load_station(path)
    assert station.ports == [Port('/dev/a "b" \\c', baud=baud)]
    assert (station.station.kind, station.exercise) == (kind, 'my "own"')
    assert ("baud" in path.read_text()) == (baud != 115_200)


@pytest.mark.parametrize("name", ["Rack 1", 'r"', "", "é"])
def test_an_id_that_is_none_is_refused_before_anything_is_heard(tmp_path: Path, name: str) -> None:
    out = tmp_path / "rack.toml"
    with pytest.raises(ConfigError, match="is no name; use 1 to 32"):
        board(["check", "/dev/null", "--station-out", str(out), "--id", name])
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        (["--exercise", "nosuch"], r"no exercise 'nosuch'; .*there are .*cable-row.*romanian-deadlift"),
        (["--exercise", ""], r"no exercise ''; there are .*cable-row.*romanian-deadlift"),
        (
            ["--exercise", "cable-row"],
            r"cable-row is not done at a barbell station; .*squat.*--kind cable",
        ),
        (["--exercise", "rdl", "--kind", "cable"], r"at a cable station; .*cable-row.*--kind barbell"),
        (
            ["--exercise", "deadlift", "--kind", "band"],
            r"at a band station; .*banded-hinge.*--kind barbell",
        ),
    ],
)
def test_an_exercise_that_is_none_or_not_this_stations_is_refused_before_anything_is_heard(
    tmp_path: Path, words: list[str], seen: str
) -> None:
    out = tmp_path / "rack.toml"
    with pytest.raises(ConfigError, match=seen) as refused:
        board(["check", "/dev/null", "--station-out", str(out), *words])
    assert "\n" not in str(refused.value)
    assert not out.exists()


@pytest.mark.parametrize("kind", ["barbell", "cable", "band"])
def test_a_station_of_each_kind_begins_with_an_exercise_of_its_own(
    built: Path, talking: Callable[..., str], tmp_path: Path, kind: str
) -> None:
    out = tmp_path / "station.toml"
    url = talking(configuration_of(built))
    assert board(["check", url, "--kind", kind, "--for", "0.6", "--station-out", str(out)]) == 0
    profile = load_profile(load_station(out).exercise or "")
    assert profile.load == {"barbell": "mass"}.get(kind, kind)


def test_what_is_no_board_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours, theirs = os.openpty()
    try:
        assert board(["check", os.ttyname(theirs), "--for", "0.5"]) == 1
    finally:
        os.close(ours)
        os.close(theirs)
    assert "nothing comes" in capsys.readouterr().out


@pytest.mark.parametrize(("says", "word"), [("1.0", "then flash"), ("99.0", "update it")])
def test_older_and_newer_firmware_is_said(says: str, word: str, capsys: pytest.CaptureFixture[str]) -> None:
    (finding,) = check_firmware(Hello(0, 1, 0, "b", says, (Channel("force_n", 80.0, 1.0),)), None)
    assert finding.status == "warn"
    assert word in finding.todo


def test_a_missing_compiler_is_named_with_its_package(
    board_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        ConfigError, match="arm-none-eabi-gcc or make is missing; apt-get install make gcc-arm"
    ):
        board(["build", str(board_file), "--out", str(tmp_path / "x.uf2")])


@pytest.mark.parametrize("command", ["build", "flash", "check", "configure"])
def test_each_command_explains_itself_with_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        board([command, "--help"])
    assert ended.value.code == 0
    assert f"plumbline board {command}" in capsys.readouterr().out.split("examples:")[1]
