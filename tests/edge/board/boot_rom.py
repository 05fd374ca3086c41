"""What a Pico's boot ROM does with the blocks of a UF2 file that is copied to its disk.

After bootrom/virtual_disk.c of github.com/raspberrypi/pico-bootrom-rp2040, _write_uf2_page: a block whose
number has come is passed over; the first of each sixteen numbers erases the sector of its own address; a page
is programmed, which clears bits and sets none.
"""

import struct

FLASH_START, FLASH_BYTES = 0x1000_0000, 2 << 20
PAGE, SECTOR = 256, 4096
EMPTY = b"\xff" * FLASH_BYTES


def copied(file: bytes, flash: bytes = EMPTY) -> bytes:
    """The flash after so much of a file has come."""
    after = bytearray(flash)
    come: set[int] = set()
    erased: set[int] = set()
    for start in range(0, len(file) - 511, 512):
        address, _, number = struct.unpack_from("<III", file, start + 12)
        at = address - FLASH_START
        if number in come:
            continue
        come.add(number)
        part = number * PAGE // SECTOR
        if part not in erased:
            erased.add(part)
            sector = at // SECTOR * SECTOR
            after[sector : sector + SECTOR] = b"\xff" * SECTOR
        page = file[start + 32 : start + 32 + PAGE]
        after[at : at + PAGE] = bytes(old & new for old, new in zip(after[at : at + PAGE], page, strict=True))
    return bytes(after)
