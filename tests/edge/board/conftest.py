"""A board file, its image, a Pico's disk, and a board that says what it is told to."""

import contextlib
import os
import shutil
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.board.build import firmware_version
from edge.board.command import board
from edge.board.configuration import announced, load_board
from station import wire

BOARD = """
name = "rack board"
serial = "rack-1"

[[channels]]
name = "position_m"
sensor = "encoder"
pins = [2, 3]
counts_per_unit = 10000

[[channels]]
name = "force_n"
sensor = "hx711"
pins = [10, 11]
counts_per_unit = 800
zero_counts = 41213
"""


@pytest.fixture
def board_file(tmp_path: Path) -> Path:
    path = tmp_path / "rack.board.toml"
    path.write_text(BOARD)
    return path


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A Pico as its boot ROM shows it."""
    folder = tmp_path / "RPI-RP2"
    folder.mkdir()
    (folder / "INFO_UF2.TXT").write_text(
        "UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: RPI-RP2\r\n"
    )
    return folder


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image of BOARD, compiled once."""
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    folder = tmp_path_factory.mktemp("image")
    (folder / "rack.board.toml").write_text(BOARD)
    out = folder / "rack.uf2"
    assert board(["build", str(folder / "rack.board.toml"), "--out", str(out)]) == 0
    return out


@pytest.fixture
def saying() -> Iterator[Callable[[wire.Hello], str]]:
    """A board, on a pseudo-terminal, that says this hello again and again; returns the port."""
    done = threading.Event()
    threads: list[threading.Thread] = []
    files: list[int] = []

    def start(hello: wire.Hello) -> str:
        ours, theirs = os.openpty()
        tty.setraw(theirs)
        os.set_blocking(ours, False)
        frame = wire.encode(hello)

        def say() -> None:
            while not done.wait(0.02):
                with contextlib.suppress(BlockingIOError):  # nobody listens
                    os.write(ours, frame)

        files.extend((ours, theirs))
        threads.append(threading.Thread(target=say))
        threads[-1].start()
        return os.ttyname(theirs)

    yield start
    done.set()
    for thread in threads:
        thread.join()
    for file in files:
        os.close(file)


@pytest.fixture
def hello_of() -> Callable[..., wire.Hello]:
    """What a board says that is as its file says, but for the other things."""

    def make(file: Path, **other: object) -> wire.Hello:
        said = load_board(file)
        channels = tuple(announced(channel, said.target) for channel in said.channels)
        hello = wire.Hello(0, 1, 0, said.name, firmware_version(), channels, said.serial or "")
        return hello._replace(**other)  # type: ignore[arg-type]

    return make
