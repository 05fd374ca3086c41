"""Images of the board's flash: the second stage's checksum, the configuration's place, UF2, Intel's format.

UF2 is what a Pico takes as a disk: blocks of 512 bytes, each a page of 256 with its address
(github.com/microsoft/uf2). Its boot ROM goes by the blocks' numbers: of each sixteen numbers, the block that
comes first erases the sector that it lies in (github.com/raspberrypi/pico-bootrom-rp2040,
bootrom/virtual_disk.c, _write_uf2_page). So sectors are written whole, sixteen numbers each. The page that
holds the second stage comes last, the rest of its sector first, which erases it; and a board whose second
stage is not whole shows itself as a disk again: an image that was only half copied is never run.
"""

import struct

from station.errors import ConfigError

FLASH_START = 0x1000_0000
CONFIGURATION_AT = 0x1F_F000  # the last sector of a Pico's 2 MiB
PAGE, SECTOR = 256, 4096
PAGES = SECTOR // PAGE
AVR_CONFIGURATION_AT, AVR_FLASH_END = 0x7000, 0x7800  # below the boot loader, which begins here or at 7E00
FAMILY_RP2040 = 0xE48B_FF56
_BLOCK = struct.Struct("<IIIIIIII")
_MAGICS = (0x0A32_4655, 0x9E5D_5157, 0x0AB1_6F30)
_HAS_FAMILY = 0x2000
_HEX_END = ":00000001FF"


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
    if image is not None:
        pages += _pages(0, sealed(image))
    if configuration is not None:
        pages += _pages(CONFIGURATION_AT, configuration)
    blocks = [
        _BLOCK.pack(
            _MAGICS[0], _MAGICS[1], _HAS_FAMILY, FLASH_START + at, PAGE, number, len(pages), FAMILY_RP2040
        )
        + page.ljust(476, b"\0")
        + _MAGICS[2].to_bytes(4, "little")
        for number, (at, page) in enumerate(pages)
    ]
    if image is not None:
        blocks.append(blocks.pop(0))  # the second stage
    return b"".join(blocks)


def from_uf2(data: bytes) -> dict[int, bytes]:
    """The pages of a UF2 by their place in flash. Raises ConfigError for what is no whole one for a Pico."""
    pages: dict[int, bytes] = {}
    sectors: dict[int, int] = {}  # by sixteenths of the numbers
    total, rest = divmod(len(data), 512)
    if not total:
        raise ConfigError("not a UF2 file" if data else "is empty")
    first = int.from_bytes(data[20:24], "little")  # 1 where the second stage is in it, and comes last
    for number in range(total):
        block = data[512 * number : 512 * (number + 1)]
        *begins, flags, address, size, index, count, family = _BLOCK.unpack_from(block)
        if (*begins, *struct.unpack_from("<I", block, 508)) != _MAGICS:
            raise ConfigError("not a UF2 file")
        if not flags & _HAS_FAMILY or family != FAMILY_RP2040:
            raise ConfigError("not for an RP2040")
        if rest or total % PAGES or (size, index, count) != (PAGE, (number + first) % total, total):
            raise ConfigError("not whole, or not in order")
        at = address - FLASH_START
        if at % PAGE or not 0 <= at < CONFIGURATION_AT + SECTOR:
            raise ConfigError(f"no page of a Pico's flash is at {address:#x}")
        if at in pages:
            raise ConfigError(f"the page at {address:#x} is in it twice")
        if sectors.setdefault(index // PAGES, at // SECTOR) != at // SECTOR:
            raise ConfigError(f"a board would erase the page at {address:#x} again")
        pages[at] = block[32 : 32 + PAGE]
    stage = pages.get(0, bytes(PAGE))
    if min(pages) < CONFIGURATION_AT and (
        list(pages)[-1] != 0 or boot2_checksum(stage) != int.from_bytes(stage[252:], "little")
    ):
        raise ConfigError("a board would not start with it")
    return pages


def intel_hex(at: int, data: bytes) -> str:
    """Lines of Intel's hexadecimal format, without the closing one."""
    lines = []
    for start in range(0, len(data), 16):
        part = data[start : start + 16]
        record = bytes((len(part), (at + start) >> 8, (at + start) & 255, 0)) + part
        lines.append(f":{record.hex().upper()}{-sum(record) & 255:02X}\n")
    return "".join(lines)


def from_intel_hex(data: bytes) -> dict[int, bytes]:
    """The records of a .hex file by their place in flash. Raises ConfigError for what is none for a Nano."""
    parts: dict[int, bytes] = {}
    taken: set[int] = set()
    if not data.strip():
        raise ConfigError("is empty")
    if not data.isascii():
        raise ConfigError("not a file in Intel's hexadecimal format")
    *lines, last = data.decode("ascii").split()
    for number, line in enumerate(lines, start=1):
        if line == _HEX_END:
            raise ConfigError(f"goes on after its end in line {number}")
        at, part = _record(number, line)
        places = set(range(at, at + len(part)))
        if at + len(part) > AVR_FLASH_END:
            raise ConfigError(f"line {number} lies at {at:#x}, in the boot loader (from {AVR_FLASH_END:#x})")
        if taken & places:
            raise ConfigError(f"what is at {at:#x} is in it twice")
        taken |= places
        parts[at] = part
    if last != _HEX_END:
        raise ConfigError("not whole: no end record")
    return parts


def _record(number: int, line: str) -> tuple[int, bytes]:
    """Place and bytes of a record of data."""
    try:
        record = bytes.fromhex(line.removeprefix(":"))
    except ValueError:
        record = b""
    if not line.startswith(":") or len(record) < 5 or record[0] != len(record) - 5 or sum(record) & 255:
        raise ConfigError(f"line {number} is no record with a checksum: {line[:44]!r}")
    if record[3]:
        raise ConfigError(f"line {number} is of kind {record[3]}; a Nano's have 0, and 1 at the end")
    return int.from_bytes(record[1:3], "big"), record[4:-1]


def _pages(at: int, data: bytes) -> list[tuple[int, bytes]]:
    """Data that begins with a sector, as pages of whole sectors; what is left of the last stays erased."""
    whole = data.ljust(-(-len(data) // SECTOR) * SECTOR, b"\xff")
    return [(at + n, whole[n : n + PAGE]) for n in range(0, len(whole), PAGE)]
