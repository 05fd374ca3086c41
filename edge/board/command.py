"""`plumbline board`: build, flash, configure and check a sensor board."""

import argparse
import secrets
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from edge.board.build import avr_hex, build_image, firmware_version, flash_bytes
from edge.board.check import check_board, exercise_at, station_toml
from edge.board.configuration import BoardFile, block, line_bytes_per_s, load_board
from edge.board.contents import load_image
from edge.board.flash import flash_hex, flash_uf2, port_by_serial, verify
from edge.board.image import uf2
from edge.doctor.findings import as_line, worst
from station.errors import ConfigError
from station.ports import Port, check_port
from station.program.process import replace_file
from station.program.usage import command_parser
from station.topics import check_name

EXAMPLES = """\
examples:
  plumbline board build rack-1.board.toml --out rack-1.uf2
  plumbline board flash rack-1.uf2
  plumbline board check /dev/serial/by-id/usb-Plumbline_board_rack-1-if00
  plumbline board configure rack-1.board.toml --out rack-1-pins.uf2

A board file says what is connected where; `plumbline board build --help` shows one.
"""


def board(argv: Sequence[str]) -> int:
    """Build, flash, configure and check a sensor board."""
    commands: dict[str, Callable[[Sequence[str]], int]] = {
        "build": _build,
        "flash": _flash,
        "check": _check,
        "configure": _configure,
    }
    if argv and argv[0] in commands:
        return commands[argv[0]](argv[1:])
    parser = command_parser(
        "board", "Make a sensor board of a Raspberry Pi Pico or an Arduino Nano.", EXAMPLES
    )
    parser.add_argument("command", choices=commands, help="each has --help")
    parser.parse_args(argv)
    return 2


def _build(argv: Sequence[str]) -> int:
    parser = command_parser(
        "board build",
        "Build the firmware with what is connected to the board: a .uf2 for a Pico, a .hex for a Nano.",
        """\
examples:
  plumbline board build rack-1.board.toml --out rack-1.uf2

rack-1.board.toml:
  name = "rack 1"
  target = "rp2040"            # or avr
  serial = "rack-1"

  [[channels]]
  name = "position_m"
  sensor = "encoder"
  pins = [2, 3]
  counts_per_unit = 10000      # edges a metre: 4 x lines a turn / metres of tether a turn

  [[channels]]
  name = "force_n"
  sensor = "hx711"
  pins = [10, 11]
""",
    )
    parser.add_argument("--work", type=Path, metavar="FOLDER", help="keep what the compiler leaves")
    args, file = _image_arguments(parser, argv)
    image = build_image(file.target, args.work)
    configuration = _write_image(args.out, file, image)
    print(
        f"{args.out}: firmware {firmware_version()} for {file.target},"
        f" {flash_bytes(file.target, image)} bytes, configuration {configuration} bytes;"
        f" {line_bytes_per_s(file) / 1000:.1f} kB/s on the line"
    )
    return 0


def _configure(argv: Sequence[str]) -> int:
    parser = command_parser(
        "board configure",
        "Say what is connected to a board, without touching its firmware: a file to be flashed.",
        """\
examples:
  plumbline board configure rack-1.board.toml --out rack-1-pins.uf2
  plumbline board flash rack-1-pins.uf2
""",
    )
    args, file = _image_arguments(parser, argv)
    _write_image(args.out, file, None)
    print(f"{args.out}: {len(file.channels)} channels for {file.target}; plumbline board flash {args.out}")
    return 0


def _flash(argv: Sequence[str]) -> int:
    parser = command_parser(
        "board flash",
        "Copy an image to the board that is a disk (Pico), or write it through the port (Nano).\n"
        "A copy that breaks off breaks nothing: the board stays a disk.",
        """\
examples:
  plumbline board flash rack-1.uf2                        hold BOOTSEL while plugging it in
  plumbline board flash rack-1.uf2 --port /dev/serial/by-id/usb-Plumbline_board_rack-1-if00
  plumbline board flash nano.hex --port /dev/ttyUSB0
""",
    )
    parser.add_argument("image", type=Path, metavar="FILE.uf2|FILE.hex")
    parser.add_argument("--disk", type=Path, metavar="FOLDER", help="where the board's disk is mounted")
    parser.add_argument("--port", help="of a board that runs; it becomes a disk, and is heard afterwards")
    args = parser.parse_args(argv)
    if args.port is not None:
        check_port(Port(args.port))
    image = load_image(args.image)
    ports = [args.port]
    if args.image.suffix.lower() == ".hex":
        print(flash_hex(args.image, args.port))
    else:
        print(flash_uf2(args.image, image.data, args.disk, args.port))
        ports = [port_by_serial(image.configured.serial), args.port]
    if args.port is not None:
        print(verify(list(dict.fromkeys(ports)), image, 20.0))
    return 0


def _check(argv: Sequence[str]) -> int:
    parser = command_parser(
        "board check",
        "Listen to a board: firmware, configuration, rates, noise, direction, converters, its own counters.\n"
        "Pull the tether out and let it in meanwhile; of a cable station raise the stack and let it down.\n"
        "Exit status 1 when something fails.",
        """\
examples:
  plumbline board check /dev/serial/by-id/usb-Plumbline_board_rack-1-if00
  plumbline board check /dev/ttyACM0 --board rack-1.board.toml --for 10
  plumbline board check /dev/ttyACM0 --station-out rack-1.toml --id rack-1
  plumbline board check /dev/ttyACM0 --kind cable
""",
    )
    parser.add_argument("port", help="a device, pty or socket://host:port")
    parser.add_argument("--board", type=Path, metavar="BOARD.toml", help="what is on it, and at which baud")
    parser.add_argument("--for", type=float, default=5.0, dest="seconds", metavar="SECONDS")
    parser.add_argument(
        "--station-out", type=Path, metavar="STATION.toml", help="write one, if nothing fails"
    )
    parser.add_argument("--id", default="rack-1", help="of the station that is written")
    parser.add_argument("--kind", default="barbell", choices=["barbell", "cable", "band"])
    parser.add_argument("--exercise", help="it begins with; without this, the usual one of its kind")
    args = parser.parse_args(argv)
    if not 0.5 <= args.seconds <= 3600.0:
        raise ConfigError(f"--for is {args.seconds:g}; give 0.5 to 3600 seconds")
    check_name(args.id)
    exercise = exercise_at(args.kind, args.exercise)
    file = load_board(args.board) if args.board else None
    port = Port(args.port) if file is None or not file.baud else Port(args.port, baud=file.baud)
    check_port(port)
    findings = []
    for finding in check_board(port, file, args.seconds, args.kind):
        findings.append(finding)
        print(as_line(finding, sys.stdout), flush=True)
    if worst(findings) == "fail":
        return 1
    if args.station_out is not None:
        try:
            with args.station_out.open("x", encoding="utf-8") as out:
                out.write(station_toml(port, args.id, args.kind, exercise))
        except FileExistsError as error:
            raise ConfigError(f"{args.station_out}: is there already; give another name") from error
        except OSError as error:
            raise ConfigError(f"{args.station_out}: {error.strerror}; give another place") from error
        print(f"{args.station_out}: written; set the geometry and the broker")
    return 0


def _image_arguments(
    parser: argparse.ArgumentParser, argv: Sequence[str]
) -> tuple[argparse.Namespace, BoardFile]:
    parser.add_argument("board", type=Path, metavar="BOARD.toml")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the .uf2 or .hex")
    args = parser.parse_args(argv)
    file = load_board(args.board)
    suffix = {"rp2040": ".uf2", "avr": ".hex"}[file.target]
    if args.out.suffix != suffix:
        raise ConfigError(f"--out is {args.out}; an image for {file.target} ends with {suffix}")
    return args, file


def _write_image(path: Path, file: BoardFile, image: bytes | None) -> int:
    """Write what is to be flashed, with firmware or without; returns the bytes of the configuration."""
    configuration = block(file, secrets.token_hex(4) if file.serial is None else file.serial)
    make = uf2 if file.target == "rp2040" else avr_hex
    try:
        replace_file(path, make(image, configuration))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; give another place") from error
    return len(configuration)
