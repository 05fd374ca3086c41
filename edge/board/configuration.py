"""What is connected to a board: a TOML file for people, and the block of bytes the firmware reads.

    name = "rack board"
    target = "rp2040"                # rp2040, avr
    baud = 115200                    # of the serial pins; 0: USB alone
    serial = "rack-1"                # part of the port's name; drawn by chance where it is left out

    [[channels]]
    name = "position_m"
    sensor = "encoder"               # encoder, hx711, nau7802, as5600
    pins = [2, 3]                    # encoder A, B and, where there is one, the home switch; hx711 data and
                                     # clock; nau7802 data, clock, data ready; as5600 data, clock
    rate_hz = 1000
    counts_per_unit = 10000          # encoder: edges a metre; as5600: left out; negative: a cell wired the
                                     # other way round
    reversed = false                 # encoder: A and B are swapped; as5600: it turns the other way

The block, little endian; firmware/configuration.h has the same:

    0    u32   magic "PLB2"
    4    u16   bytes of the whole block
    6    u8    n channels
    7    u8    frame_ms
    8    u32   baud
    12   32 B  name
    44   16 B  serial
    60   n x 68 B: u8 sensor, 3 x u8 pins (255 none), u8 width, u8 option, i16 centre, u32 period_us, and
               the 56 bytes that the hello of the protocol's edition 1 has for a channel (station.wire)
    end-4 u32  CRC-32 of everything before it
"""

import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from edge.link.drivers.board import NOT_CONFIGURED
from station import wire
from station.config import CHANNELS, decode_toml
from station.errors import ConfigError
from station.ports import suggest

MAGIC = 0x32424C50
SUBSTEPS = 16  # of an encoder's count, measured by the age of its edges; firmware/quadrature.h
FRAME_MS = 20
NO_PIN = 255
AVR_BAUD = 2e6  # of 16 MHz; what its divisor, a whole number, divides
BAUD_WITHIN = 0.025  # what a receiver of 10 bits bears
ZERO_COUNTS = 2**27  # times the sub-steps it fits the 32 bits of a count
MOST_HZ = {"hx711": 80.0, "nau7802": 320.0, "as5600": 200.0}
SETTINGS_HZ = {"hx711": (10.0, 80.0), "nau7802": (320.0,)}  # by the converter's RATE pin; as firmware sets it
UNIT = (1e-3, 1e9)  # least and most counts per unit, of either sign
CODES = {"encoder": 1, "hx711": 2, "as5600": 3, "nau7802": 4}
UNIT_OF = {"encoder": "_m", "hx711": "_n", "nau7802": "_n", "as5600": "_rad"}  # what a channel's name ends in
TILT_CENTRE = 2048
_HEAD = struct.Struct("<IHBBI32s16s")
_CHANNEL = struct.Struct("<B3BBBhI")
_HELLO_CHANNEL = struct.Struct("<24sdddii")

TargetName = Literal["rp2040", "avr"]
SensorName = Literal["encoder", "hx711", "nau7802", "as5600"]


class Target(NamedTuple):
    """A processor's resources: sensor pins, serial pins, I2C pins, and how many it serves of each."""

    pins: frozenset[int]
    serial_pins: tuple[int, ...]
    encoders: int
    channels: int
    sensors: tuple[SensorName, ...]
    bus: tuple[int, int]
    hx711: int
    encoder_hz: tuple[float, float]  # lowest, highest


TARGETS: dict[TargetName, Target] = {
    "rp2040": Target(
        pins=frozenset({*range(23), 26, 27, 28}),
        serial_pins=(0, 1),
        encoders=2,
        channels=10,
        sensors=("encoder", "hx711", "nau7802", "as5600"),
        bus=(4, 5),
        hx711=4,
        encoder_hz=(300.0, 1000.0),  # 4.1 ms of edges find room between two looks, a hello meanwhile
    ),
    # Arduino's numbers, of the one port that is served. Only 2 and 3 interrupt by themselves; 0 and 1 are the
    # serial line. A period is counted in half microseconds of 16 bits.
    "avr": Target(
        pins=frozenset(range(2, 8)),
        serial_pins=(0, 1),
        encoders=1,
        channels=2,
        sensors=("encoder", "hx711"),
        bus=(18, 19),
        hx711=1,
        encoder_hz=(31.0, 500.0),
    ),
}


class ChannelTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[[channels]]"""

    name: str
    sensor: SensorName
    pins: list[int]
    rate_hz: float | None = None  # None: as fast as the sensor and the board go
    counts_per_unit: float | None = None  # None: known of the sensor, or calibrated later
    zero_counts: float | None = None  # None: 0, and of an as5600 the middle of its range
    reversed: bool = False


class BoardFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole board file."""

    channels: list[ChannelTable]
    name: str = "sensor board"
    target: TargetName = "rp2040"
    baud: int = 115_200
    serial: str | None = None


def load_board(path: Path) -> BoardFile:
    """Read and check a board file. Raises ConfigError naming file, key, what was seen and what is valid."""
    try:
        board = decode_toml(path, BoardFile)
    except ConfigError as error:
        seen = str(error).partition("; ")[0]
        if not re.search(r"\.pins\b.*got `str`", seen):
            raise
        raise ConfigError(
            f"{seen}; write the board's numbers: 10 for GP10 of a Pico, 4 for D4 of a Nano"
        ) from error
    for problem in _problems(board):
        raise ConfigError(f"{path}: {problem}")
    return board


def rate_hz(channel: ChannelTable, target: TargetName) -> float:
    """Samples a second of a channel."""
    if channel.rate_hz is not None:
        return channel.rate_hz
    return TARGETS[target].encoder_hz[1] if channel.sensor == "encoder" else MOST_HZ[channel.sensor]


def announced(channel: ChannelTable, target: TargetName) -> wire.Channel:
    """A channel as the board's hello announces it."""
    low, high = -(2**31) + 1, 2**31 - 1
    unit, zero = channel.counts_per_unit or 1.0, channel.zero_counts or 0.0
    if channel.sensor == "encoder":
        unit, zero = unit * SUBSTEPS, zero * SUBSTEPS
    elif channel.sensor == "as5600":
        unit = channel.counts_per_unit or 4096.0 / (2.0 * np.pi)
        zero = float(TILT_CENTRE) if channel.zero_counts is None else zero
    else:
        low, high = -(2**23) + 1, 2**23 - 1
    return wire.Channel(channel.name, rate_hz(channel, target), unit, zero, low, high)


def block(board: BoardFile, serial: str) -> bytes:
    """Encode the configuration block read by the firmware. Raises ConfigError for text that does not fit."""
    body = bytearray()
    for channel in board.channels:
        said = announced(channel, board.target)
        pins = [*channel.pins, NO_PIN, NO_PIN][:3]
        width = 2 if channel.sensor == "as5600" else 3
        option = int(channel.reversed)
        centre = round(said.zero_counts) if channel.sensor == "as5600" else 0
        period_us = round(1e6 / said.rate_hz)
        body += _CHANNEL.pack(CODES[channel.sensor], *pins, width, option, centre, period_us)
        numbers = (said.rate_hz, said.counts_per_unit, said.zero_counts, said.min_counts, said.max_counts)
        body += _HELLO_CHANNEL.pack(said.name.encode(), *numbers)
    size = _HEAD.size + len(body) + 4
    head = _HEAD.pack(
        MAGIC, size, len(board.channels), FRAME_MS, board.baud, board.name.encode(), serial.encode()
    )
    whole = head + bytes(body)
    return whole + zlib.crc32(whole).to_bytes(4, "little")


def line_bytes_per_s(board: BoardFile) -> float:
    """The largest number of bytes a second that the board sends."""
    frames = 1000.0 / FRAME_MS
    total = 82.0 + 57.0 * len(board.channels) + 27.0 + 4.0 * len(board.channels) + frames * 18.0
    for channel in board.channels:
        hz, width = rate_hz(channel, board.target), 2 if channel.sensor == "as5600" else 3
        even = channel.sensor == "encoder"
        total += hz * width + wire.BLOCK_BYTES * (frames if even else hz)
    return total


def _problems(board: BoardFile) -> Iterator[str]:  # noqa: PLR0912
    """What is wrong with a board file, worst first: key, what was seen, what is valid."""
    target = TARGETS[board.target]
    if not 1 <= len(board.channels) <= target.channels:
        yield f"{len(board.channels)} channels; a board with {board.target} has 1 to {target.channels}"
    name = board.name
    if not 1 <= len(name) <= 32 or not name.isascii() or not name.isprintable() or name == NOT_CONFIGURED:
        yield f"name is {name!r}; use 1 to 32 printable ASCII characters, other than {NOT_CONFIGURED!r}"
    if board.serial is not None and not re.fullmatch(r"[A-Za-z0-9._-]{1,16}", board.serial):
        yield f"serial is {board.serial!r}; a port's name takes 1 to 16 of A to Z, a to z, 0 to 9, . _ and -"
    if board.baud and not 9600 <= board.baud <= 921_600:
        yield f"baud is {board.baud}; it lies in 9600 to 921600, or is 0 for USB alone"
    if board.target == "avr" and not board.baud:
        yield "baud is 0; a board with avr has no USB of its own, give 115200"
    elif board.target == "avr":
        made = AVR_BAUD / max(1, int(AVR_BAUD / board.baud + 0.5))
        if abs(made / board.baud - 1.0) > BAUD_WITHIN:
            yield f"baud is {board.baud}; a Nano makes {made:.0f} of it, too far off; give 115200 or 250000"
    used: dict[int, str] = dict.fromkeys(target.serial_pins, "the serial line") if board.baud else {}
    names: dict[str, int] = {}
    for index, channel in enumerate(board.channels):
        where = f"channels[{index}]"
        if channel.name not in CHANNELS:
            yield f"{where}.name is {channel.name!r}; {suggest(channel.name, CHANNELS)}"
        if names.setdefault(channel.name, index) != index:
            yield f"channels[{names[channel.name]}] and {where} both are {channel.name}; keep one of them"
        yield from _channel_problems(where, channel, board.target)
        shared = channel.pins[:2] if channel.sensor in ("as5600", "nau7802") else []
        for pin in channel.pins:
            what = "the I2C bus" if pin in shared else f"{channel.name} ({channel.sensor})"
            if used.setdefault(pin, what) != what:
                yield f"pin {pin} carries both {used[pin]} and {what}; move one of them"
    sensors = [channel.sensor for channel in board.channels]
    # The I2C sensors have one address.
    serves = {"encoder": target.encoders, "hx711": target.hx711, "nau7802": 1, "as5600": 1}
    for sensor in sorted(set(sensors)):
        number = sensors.count(sensor)
        if number > serves[sensor]:
            yield f"{number} {sensor}; a board with {board.target} serves {serves[sensor]}, use a second one"
    need = line_bytes_per_s(board)
    if board.baud and need > board.baud / 10.0:
        yield (
            f"{need / 1000.0:.1f} kB/s do not fit {board.baud} baud ({board.baud / 10_000:.1f} kB/s);"
            " lower rate_hz, raise baud, or set baud = 0 and use USB"
        )


def _channel_problems(where: str, channel: ChannelTable, name: TargetName) -> Iterator[str]:
    target = TARGETS[name]
    if channel.sensor not in target.sensors:
        yield f"{where}.sensor is {channel.sensor!r}; a board with {name} has {', '.join(target.sensors)}"
    unit = UNIT_OF[channel.sensor]
    if channel.name in CHANNELS and not channel.name.endswith(unit):
        fit = next(known for known in CHANNELS if known.endswith(unit))
        yield f"{where}.name is {channel.name}; a {channel.sensor} measures *{unit}, for example {fit}"
    if channel.reversed and unit == "_n":  # the firmware passes a converter's readings on as they are
        yield f"{where}.reversed is true; a {channel.sensor} takes a negative counts_per_unit instead"
    need = {"encoder": (2, 3), "hx711": (2, 2), "nau7802": (3, 3), "as5600": (2, 2)}[channel.sensor]
    if not need[0] <= len(channel.pins) <= need[1]:
        asked = f"{need[0]} or {need[1]}" if need[0] < need[1] else need[0]
        yield f"{where}.pins is {channel.pins}; a {channel.sensor} has {asked}"
    if len(set(channel.pins)) < len(channel.pins):
        yield f"{where}.pins is {channel.pins}; each pin carries one thing"
    for pin in channel.pins:
        if pin not in target.pins:
            yield f"{where}.pins has {pin}; a board with {name} has {_ranges(target.pins)}"
    if channel.sensor in ("as5600", "nau7802") and tuple(channel.pins[:2]) != target.bus:
        yield f"{where}.pins begins with {channel.pins[:2]}; the I2C bus of {name} is {list(target.bus)}"
    if channel.sensor == "encoder" and name == "rp2040" and channel.pins[1:2] != [channel.pins[0] + 1]:
        yield f"{where}.pins is {channel.pins}; B is on the pin after A, for example [2, 3]"
    if channel.sensor == "encoder" and name == "avr" and channel.pins[:2] != [2, 3]:
        yield f"{where}.pins is {channel.pins}; the encoder of an avr is on [2, 3]"
    yield from _number_problems(where, channel, name)


def _number_problems(where: str, channel: ChannelTable, name: TargetName) -> Iterator[str]:
    hz = rate_hz(channel, name)
    if channel.sensor in SETTINGS_HZ:
        if hz not in SETTINGS_HZ[channel.sensor]:
            rates = " or ".join(f"{setting:g}" for setting in SETTINGS_HZ[channel.sensor])
            yield f"{where}.rate_hz is {hz:g}; a {channel.sensor} has {rates}"
    else:
        least, most = (
            TARGETS[name].encoder_hz if channel.sensor == "encoder" else (1.0, MOST_HZ[channel.sensor])
        )
        if not least <= hz <= most:
            yield f"{where}.rate_hz is {hz:g}; it lies in {least:g} to {most:g}"
    unit, zero = channel.counts_per_unit, channel.zero_counts
    if unit is not None and not UNIT[0] <= abs(unit) <= UNIT[1]:
        yield f"{where}.counts_per_unit is {unit:g}; it must be a finite number of {UNIT[0]:g} to {UNIT[1]:g}"
    low, high = (0, 4095) if channel.sensor == "as5600" else (-ZERO_COUNTS, ZERO_COUNTS)
    if zero is not None and not low <= zero <= high:
        yield f"{where}.zero_counts is {zero:g}; a {channel.sensor} counts {low} to {high}"
    if unit is None and channel.sensor == "encoder":
        yield f"{where}.counts_per_unit is missing; edges a metre, for example 10000 for 0.1 mm"


def _ranges(pins: frozenset[int]) -> str:
    """Pins in words: 0 to 22, 26 to 28."""
    ordered = sorted(pins)
    starts = [pin for pin in ordered if pin - 1 not in pins]
    ends = [pin for pin in ordered if pin + 1 not in pins]
    return ", ".join(f"{a} to {b}" for a, b in zip(starts, ends, strict=True))
