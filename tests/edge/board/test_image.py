"""The image of a Pico's flash as a file, and as its boot ROM leaves it in flash."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edge.board.command import board
from edge.board.image import CONFIGURATION_AT, SECTOR, boot2_checksum, from_uf2, sealed, uf2
from tests.edge.board.boot_rom import EMPTY, FLASH_BYTES, copied


def written(file: bytes, start: int) -> bytes:
    """The pages of a file from a place in flash on."""
    return b"".join(page for at, page in sorted(from_uf2(file).items()) if at >= start)


def test_the_image_that_is_built_boots_and_ends_with_what_makes_it_boot(built: Path) -> None:
    data = built.read_bytes()
    pages = from_uf2(data)
    assert int.from_bytes(pages[0][252:], "little") == boot2_checksum(pages[0])
    assert pages[CONFIGURATION_AT].startswith(b"PLB2")


@pytest.mark.parametrize("before", ["nothing", "zeros", "another"])
def test_a_boards_rom_leaves_in_flash_what_is_in_the_file_whatever_was_there(
    built: Path, build: Callable[..., Path], before: str
) -> None:
    file = built.read_bytes()
    another = uf2(bytes(range(256)) * 300, b"\x55" * SECTOR)
    flash = {"nothing": EMPTY, "zeros": bytes(FLASH_BYTES), "another": copied(another)}[before]
    after = copied(file, flash)
    linked = (build("rp2040") / "plumbline-rp2040.bin").read_bytes()
    assert after[: len(linked)] == sealed(linked)
    assert after[CONFIGURATION_AT:] == written(file, CONFIGURATION_AT)
    end = -(-len(linked) // SECTOR) * SECTOR
    assert after[end:CONFIGURATION_AT] == flash[end:CONFIGURATION_AT]
    for blocks in range(1, len(file) // 512):  # a copy that breaks off leaves a board that is a disk
        stage = copied(file[: 512 * blocks], flash)[:256]
        assert boot2_checksum(stage) != int.from_bytes(stage[252:], "little")


def test_a_boards_rom_puts_a_configuration_where_another_was_and_leaves_the_firmware(
    board_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "pins.uf2"
    assert board(["configure", str(board_file), "--out", str(out)]) == 0
    flash = bytes(range(256)) * (FLASH_BYTES // 256)
    after = copied(out.read_bytes(), flash)
    assert after[:CONFIGURATION_AT] == flash[:CONFIGURATION_AT]
    assert after[CONFIGURATION_AT:] == written(out.read_bytes(), CONFIGURATION_AT)


def test_a_configuration_alone_touches_no_other_page(board_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "pins.uf2"
    assert board(["configure", str(board_file), "--out", str(out)]) == 0
    assert min(from_uf2(out.read_bytes())) == CONFIGURATION_AT
