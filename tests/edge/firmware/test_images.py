"""What the compilers make of the firmware: sizes as the README's table says, and the same bytes each time."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.board.build import flash_bytes
from edge.board.configuration import TargetName
from tests.edge.conftest import FIRMWARE

pytestmark = pytest.mark.long

TARGETS: tuple[tuple[TargetName, str, str, int], ...] = (
    ("rp2040", "plumbline-rp2040.bin", "arm-none-eabi-size", 2),
    ("avr", "plumbline-avr.hex", "avr-size", 3),
)
IN_RAM = {".data", ".rings", ".bss", ".noinit"}


def named(row: str, column: int) -> int:
    """A number of the README's size table."""
    lines = (FIRMWARE / "README.md").read_text().splitlines()
    (found,) = [line for line in lines if line.startswith(f"| {row}")]
    return int(found.split("|")[column].replace(" ", ""))


@pytest.mark.parametrize(("target", "file", "size", "column"), TARGETS)
def test_the_sizes_the_readme_names_are_the_images(
    build: Callable[..., Path], target: TargetName, file: str, size: str, column: int
) -> None:
    folder = build(target)
    image = folder / file
    close = 0.03  # another release of the compiler
    assert flash_bytes(target, image.read_bytes()) == pytest.approx(named("image", column), rel=close)
    said = subprocess.run(
        [size, "-A", str(image.with_suffix(".elf"))], capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in said.stdout.splitlines()]
    ram = sum(int(row[1]) for row in rows if row and row[0] in IN_RAM)
    assert ram == pytest.approx(named("RAM", column), rel=close)


@pytest.mark.parametrize(("target", "file", "size", "column"), TARGETS)
def test_the_same_sources_give_the_same_image_wherever_they_lie(
    build: Callable[..., Path], tmp_path: Path, target: TargetName, file: str, size: str, column: int
) -> None:
    shutil.copytree(FIRMWARE, tmp_path / "elsewhere")
    subprocess.run(
        ["make", "--silent", "-C", str(tmp_path / "elsewhere"), f"OUT={tmp_path / 'out'}", target], check=True
    )
    assert (tmp_path / "out" / file).read_bytes() == (build(target) / file).read_bytes()


def test_the_images_fit_their_processors(build: Callable[..., Path]) -> None:
    pico = (build("rp2040") / "plumbline-rp2040.bin").read_bytes()
    assert len(pico) < 16_384  # all of it in the processor's cache of flash
    nano = (build("avr") / "plumbline-avr.hex").read_bytes()
    assert flash_bytes("avr", nano) < 0x7000 / 2  # far below the configuration
    assert named("RAM", 3) < 2048 - 256  # the stack's
