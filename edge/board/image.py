"""Images of the board's flash: the second stage's checksum, the configuration's place, and UF2.

UF2 is what a Pico takes as a disk: blocks of 512 bytes, each a page of 256 with its address
(github.com/microsoft/uf2). The page that holds the second stage goes last, the rest of its sector first: the
boot ROM erases a sector when its first page comes, and a board whose second stage is not whole shows itself
as a disk again. So an image that was only half copied is never run.
"""

import struct

from station.errors import ConfigError

FLASH_START = 0x1000_0000
CONFIGURATION_AT = 0x1F_F000  # the last sector of a Pico's 2 MiB
PAGE = 256
FAMILY_RP2040 = 0xE48B_FF56
_BLOCK = struct.Struct("<IIIIIIII")
_MAGICS = (0x0A32_4655, 0x9E5D_5157, 0x0AB1_6F30)
_HAS_FAMILY = 0x2000


def boot2_checksum(stage: bytes) -> int:
    """The checksum the boot ROM asks for: CRC-32 of 252 bytes, most significant bit first, not inverted."""
    crc = 0xFFFF_FFFF
    for byte in stage[:252]:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1) ^ (0x04C1_1DB7 if crc & 0x8000_0000 else 0)
            crc &= 0xFFFF_FFFF
    return crc


def sealed(image: bytes) -> bytes:
    """Add the second stage's checksum to a linked image. Raises ConfigError for what is not an image."""
    if len(image) < 2 * PAGE or len(image) > CONFIGURATION_AT:
        raise ConfigError(f"an image of {len(image)} bytes; it has {2 * PAGE} to {CONFIGURATION_AT}")
    return image[:252] + boot2_checksum(image).to_bytes(4, "little") + image[PAGE:]


def uf2(image: bytes | None, configuration: bytes | None) -> bytes:
    """A UF2 file with an image, a configuration, or both; None leaves that part of the flash unchanged."""
    pages: list[tuple[int, bytes]] = []
    if configuration is not None:
        pages += _pages(CONFIGURATION_AT, configuration)
    if image is not None:
        stage, *rest = _pages(0, sealed(image))
        pages = [*rest, *pages, stage]
    return b"".join(
        _BLOCK.pack(
            _MAGICS[0], _MAGICS[1], _HAS_FAMILY, FLASH_START + at, PAGE, number, len(pages), FAMILY_RP2040
        )
        + page.ljust(476, b"\0")
        + _MAGICS[2].to_bytes(4, "little")
        for number, (at, page) in enumerate(pages)
    )


def from_uf2(data: bytes) -> dict[int, bytes]:
    """The pages of a UF2 by their place in flash. Raises ConfigError for what is none or another chip's."""
    pages: dict[int, bytes] = {}
    for start in range(0, len(data), 512):
        block = data[start : start + 512]
        if (
            len(block) < 512
            or (*_BLOCK.unpack_from(block)[:2], *struct.unpack_from("<I", block, 508)) != _MAGICS
        ):
            raise ConfigError("not a UF2 file, or not a whole one; build it anew with plumbline board build")
        _, _, _, address, size, _, total, family = _BLOCK.unpack_from(block)
        if family != FAMILY_RP2040 or len(data) != 512 * total:
            raise ConfigError("not for an RP2040, or not whole; build it anew with plumbline board build")
        pages[address - FLASH_START] = block[32 : 32 + size]
    return pages


def intel_hex(at: int, data: bytes) -> str:
    """Lines of Intel's hexadecimal format, without the closing one."""
    lines = []
    for start in range(0, len(data), 16):
        part = data[start : start + 16]
        record = bytes((len(part), (at + start) >> 8, (at + start) & 255, 0)) + part
        lines.append(f":{record.hex().upper()}{-sum(record) & 255:02X}\n")
    return "".join(lines)


def _pages(at: int, data: bytes) -> list[tuple[int, bytes]]:
    return [(at + n, data[n : n + PAGE].ljust(PAGE, b"\xff")) for n in range(0, len(data), PAGE)]
