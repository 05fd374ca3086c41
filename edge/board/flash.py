"""Putting an image on a board: a Pico is a disk for it, a Nano has a boot loader that avrdude speaks to.

Neither can be broken by it: the Pico's disk is in its ROM, and the Nano's boot loader is not overwritten.
"""

import contextlib
import os
import shutil
import subprocess
import time
from pathlib import Path

import serial

from edge.board.image import from_uf2
from edge.link.listening import Listener
from edge.link.sources import SerialSource
from station.config import Port, StationFile, StationTable
from station.errors import ConfigError, SourceError
from station.text.encoding import read_whole

DISKS = ("/media/*/RPI-RP2", "/media/RPI-RP2", "/run/media/*/RPI-RP2", "/mnt/RPI-RP2")
DISK_S = 20.0
TOUCH_BAUD = 1200  # opened and closed at this rate a board becomes a disk
HINT = "hold BOOTSEL while you plug it in, mount it, and say --disk FOLDER"


def flash_uf2(file: Path, disk: Path | None, port: str | None) -> str:
    """Copy a UF2 file to the board's disk; returns a report line. Raises ConfigError or SourceError."""
    data = _read(file)
    from_uf2(data)
    if port is not None and disk is None:
        touch(port)
    disk = disk or find_disk(DISK_S if port is not None else 0.0)
    try:
        info = (disk / "INFO_UF2.TXT").read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise ConfigError(f"{disk}: not the disk of a board ({error.strerror}); {HINT}") from error
    if "Board-ID: RPI-RP2" not in info:
        seen = next((line for line in info.splitlines() if line.startswith("Board-ID")), "no Board-ID")
        raise ConfigError(
            f"{disk}: another board ({seen[:60]}); this image is for a Raspberry Pi Pico (RP2040)"
        )
    written = 0
    try:
        with (disk / file.name).open("wb", buffering=0) as to:
            written = to.write(data)
            with contextlib.suppress(OSError):  # the board has what it needs and is gone
                os.fsync(to.fileno())
    except OSError as error:
        raise ConfigError(
            f"{disk}: {written} of {len(data)} bytes copied ({error.strerror}); the board is still a disk,"
            " copy again"
        ) from error
    return f"{file.name}: {len(data) // 512} pages copied to {disk}; the board starts by itself"


def flash_hex(file: Path, port: str | None) -> str:
    """Write a .hex file through the boot loader with avrdude. Raises ConfigError or SourceError."""
    if port is None:
        raise ConfigError("a Nano is flashed through its port; say --port /dev/serial/by-id/…")
    _read(file)
    with SerialSource(Port(port)):
        pass  # in use, missing, not allowed: said in the node's words
    if shutil.which("avrdude") is None:
        raise ConfigError("avrdude is missing; apt-get install avrdude")
    command = ["avrdude", "-q", "-p", "m328p", "-c", "arduino", "-b", "115200", "-D", "-P", port]
    ended = subprocess.run(
        [*command, "-U", f"flash:w:{file}:i"], capture_output=True, text=True, check=False, timeout=120
    )
    if ended.returncode != 0:
        last = [line for line in ended.stderr.splitlines() if line.strip()][-1:] or ["no word"]
        raise ConfigError(f"avrdude: {last[0][:160]}; is it a Nano with an ATmega328P? flash again")
    return f"{file.name}: written and read back through {port}"


def touch(port: str) -> None:
    """Reset a board into its boot loader, which appears as a disk. Raises SourceError."""
    with SerialSource(Port(port)):
        pass
    with contextlib.suppress(OSError, serial.SerialException), serial.Serial(port, TOUCH_BAUD) as line:
        line.dtr = False


def find_disk(within_s: float) -> Path:
    """Find the mounted boot disk of a board. Raises ConfigError where there is none, or several."""
    end_s = time.monotonic() + within_s
    while True:
        found = sorted({path for pattern in DISKS for path in Path("/").glob(pattern[1:]) if path.is_dir()})
        if len(found) == 1:
            return found[0]
        if found:
            raise ConfigError(f"{len(found)} boards show themselves as disks; say which with --disk FOLDER")
        if time.monotonic() >= end_s:
            raise ConfigError(f"no board shows itself as a disk; {HINT}")
        time.sleep(0.1)


def verify(port: str, version: str, within_s: float) -> str:
    """Wait for the flashed board's hello; returns its name. Raises ConfigError if none comes."""
    end_s = time.monotonic() + within_s
    station = StationFile(station=StationTable("flash", "barbell"))
    while time.monotonic() < end_s:
        try:
            with Listener(Port(port), station) as listener:
                listener.wait(lambda: listener.driver.board, end_s - time.monotonic())
                name = listener.driver.board
                if name is not None and not name.endswith(f" {version}"):
                    raise ConfigError(
                        f"{port}: {name} still runs, not {version}; the copy was not taken, flash again"
                    )
                if name is not None:
                    return name
        except SourceError:
            time.sleep(0.2)  # it is starting, and its port is not there yet
    raise ConfigError(
        f"{port}: no word in {within_s:g} s; the copy may be half: nothing is lost, {HINT}, and flash again"
    )


def _read(file: Path) -> bytes:
    try:
        return read_whole(file, 100)
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}; make it with plumbline board build") from error
