"""What a file to be flashed holds: firmware or none, and the configuration that its board's hello repeats."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from edge.board.configuration import MAGIC
from edge.board.image import AVR_CONFIGURATION_AT, CONFIGURATION_AT, from_intel_hex, from_uf2
from station.errors import ConfigError, MessageError
from station.text.encoding import read_whole
from station.wire import Channel, Hello, parse_hello

_HEAD, _CHANNEL, _CRC = 60, 68, 4  # bytes of a configuration block, see edge.board.configuration
_FORMATS = {".uf2": (from_uf2, CONFIGURATION_AT), ".hex": (from_intel_hex, AVR_CONFIGURATION_AT)}


class Configured(NamedTuple):
    """What a configuration block says of its board."""

    name: str
    serial: str
    baud: int  # 0: USB alone
    channels: tuple[Channel, ...]


class Image(NamedTuple):
    """A file to be flashed. firmware: empty where it holds a configuration alone."""

    data: bytes
    firmware: bytes
    configured: Configured


def load_image(file: Path) -> Image:
    """Read and check a .uf2 or .hex file. Raises ConfigError for one that is not as it was made."""
    kind = file.suffix.lower()
    if kind not in _FORMATS:
        raise ConfigError(f"{file}: neither .uf2 nor .hex; make one with plumbline board build")
    parse, configuration_at = _FORMATS[kind]
    try:
        data = read_whole(file, 100)
        parts = sorted(parse(data).items())
        firmware = b""
        for at, part in parts:
            if at < configuration_at:
                if at != len(firmware):
                    raise ConfigError(f"a part of the firmware is missing at {len(firmware):#x}")
                firmware += part
        return Image(data, firmware, configured(b"".join(p for at, p in parts if at >= configuration_at)))
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}; make it with plumbline board build") from error
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}; make it anew with plumbline board build") from error


def configured(block: bytes) -> Configured:
    """Read a configuration block, whatever follows it. Raises ConfigError for none, or half of one."""
    size = int.from_bytes(block[4:6], "little")
    body, crc = block[: size - _CRC], block[size - _CRC : size]
    if size < _HEAD + _CRC or body[:4] != MAGIC.to_bytes(4, "little") or zlib.crc32(body) != _number(crc):
        raise ConfigError("no configuration of a board is in it, or half of one")
    # Of each channel it has what a hello of the first edition has.
    channels = b"".join(body[at + 12 : at + _CHANNEL] for at in range(_HEAD, len(body), _CHANNEL))
    head = bytes((1, 1)) + bytes(10) + body[12:44] + body[44:60] + body[6:7]
    try:
        hello = parse_hello(head + channels + bytes(_CRC))
    except MessageError as error:
        raise ConfigError(f"the configuration in it makes no sense ({error})") from error
    return Configured(hello.board, hello.firmware, _number(body[8:12]), hello.channels)


def differences(hello: Hello, wanted: Configured) -> Iterator[str]:
    """What a board says otherwise than its configuration would have it. Pins are in no hello."""
    # Firmware of before edition 2 tells no serial number; a board file may leave it to chance.
    for key, said, asked in (
        ("name", hello.board, wanted.name),
        ("serial", hello.serial, wanted.serial),
        ("channels", _names(hello.channels), _names(wanted.channels)),
    ):
        if said and asked and said != asked:
            yield f"{key} is {said!r}, not {asked!r}"
    for mine, its in zip(wanted.channels, hello.channels, strict=False):
        other = [key for key in mine._fields[1:6] if getattr(mine, key) != getattr(its, key)]
        if mine.name == its.name and other:
            yield f"{mine.name} has another {' and '.join(other)}"


def _names(channels: tuple[Channel, ...]) -> str:
    return ", ".join(channel.name for channel in channels)


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "little")
