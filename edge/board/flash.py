"""Putting an image on a board: a Pico is a disk for it, a Nano has a boot loader that avrdude speaks to.

Neither can be broken by it: the Pico's disk is in its ROM, and the Nano's boot loader is not overwritten.
"""

import contextlib
import errno
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import serial

from edge.board.contents import Image, differences
from edge.link.drivers.board import NOT_CONFIGURED, BoardDriver
from edge.link.listening import Listener
from edge.link.sources import SerialSource
from station.config import Port, StationFile, StationTable
from station.errors import ConfigError, SourceError
from station.wire import Hello

INFO = "INFO_UF2.TXT"
MOUNT = "/mnt/RPI-RP2"
DISKS = ("/media/*/RPI-RP2", "/media/RPI-RP2", "/run/media/*/RPI-RP2", MOUNT)
LABEL = Path("/dev/disk/by-label/RPI-RP2")
BY_ID = Path("/dev/serial/by-id")
DISK_S = 20.0
MOUNT_S = 5.0  # a desktop mounts a disk within it
LEAVES_S = 2.0  # from the disk's last error to its being gone
AVRDUDE_S = 120.0
HELLO_S = 2.5  # a board says it once a second
_REASON = re.compile("error|not in sync|not responding", re.IGNORECASE)
TOUCH_BAUD = 1200  # opened and closed at this rate a board becomes a disk
HINT = "hold BOOTSEL while you plug it in, mount it, and say --disk FOLDER"


def flash_uf2(file: Path, data: bytes, disk: Path | None, port: str | None) -> str:
    """Copy a UF2 file to the board's disk; returns a report line. Raises ConfigError or SourceError."""
    if port is not None and disk is None:
        touch(port)
    disk = disk or find_disk(DISK_S if port is not None else 0.0)
    try:
        info = (disk / INFO).read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise ConfigError(f"{disk}: not the disk of a board ({error.strerror}); {HINT}") from error
    if "Board-ID: RPI-RP2" not in info:
        seen = next((line for line in info.splitlines() if line.startswith("Board-ID")), "no Board-ID")
        raise ConfigError(
            f"{disk}: another board ({seen[:60]}); this image is for a Raspberry Pi Pico (RP2040)"
        )
    written, then = 0, "starts by itself"
    try:
        with (disk / file.name).open("wb", buffering=0) as to:
            while written < len(data):  # a raw write may take a part only
                written += to.write(data[written:])
            try:
                os.fsync(to.fileno())
            except OSError:
                if not _leaves(disk):
                    raise
                then = "has left early: it starts, or was pulled out; look with board check"
    except OSError as error:
        seen = f"{disk}: {written} of {len(data)} bytes copied ({error.strerror})"
        raise ConfigError(f"{seen}; {_to_write(disk, error)}") from error
    return f"{file.name}: {len(data) // 512} pages copied to {disk}; the board {then}"


def flash_hex(file: Path, port: str | None) -> str:
    """Write a .hex file through the boot loader with avrdude. Raises ConfigError or SourceError."""
    if port is None:
        raise ConfigError("a Nano is flashed through its port; say --port /dev/serial/by-id/…")
    with SerialSource(Port(port)):
        pass  # in use, missing, not allowed: said in the node's words
    if shutil.which("avrdude") is None:
        raise ConfigError("avrdude is missing; apt-get install avrdude")
    command = ["avrdude", "-q", "-p", "m328p", "-c", "arduino", "-b", "115200", "-D", "-P", port]
    command += ["-U", f"flash:w:{file}:i"]
    todo = "is it a Nano with an ATmega328P and Optiboot? flash again"
    try:
        ended = subprocess.run(command, capture_output=True, check=False, timeout=AVRDUDE_S)
    except subprocess.TimeoutExpired as error:
        raise ConfigError(f"avrdude did not end in {AVRDUDE_S:g} s; {todo}") from error
    if ended.returncode != 0:
        lines = ended.stderr.decode("utf-8", "replace").splitlines()
        said = [line for line in lines if line.strip() and "avrdude done" not in line]
        reason = next((line for line in said if _REASON.search(line)), said[-1] if said else "no word")
        raise ConfigError(f"avrdude: {reason.removeprefix('avrdude:').strip()[:160]}; {todo}")
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
    labelled = False
    while True:
        found = sorted({path for pattern in DISKS for path in Path("/").glob(pattern[1:]) if _there(path)})
        if len(found) == 1:
            return found[0]
        if found:
            raise ConfigError(f"{len(found)} boards show themselves as disks; say which with --disk FOLDER")
        now_s = time.monotonic()
        if not labelled and LABEL.exists():
            labelled, end_s = True, min(end_s, now_s + MOUNT_S)
        if now_s >= end_s:
            break
        time.sleep(0.1)
    if labelled:
        raise ConfigError(
            f"the board is a disk that nothing has mounted; sudo mkdir -p {MOUNT} && sudo mount -o"
            f" uid={os.getuid()} {LABEL} {MOUNT}, then the same command with --disk {MOUNT}"
        )
    raise ConfigError(f"no board shows itself as a disk; {HINT}")


def verify(ports: Sequence[str], image: Image, within_s: float) -> str:
    """Wait for the hello of the board that was flashed, on the first of the ports that has one.

    Returns what runs where. Raises ConfigError if none comes, or one that is not as the image says.
    """
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        for port in ports:
            with contextlib.suppress(SourceError):  # it is starting, and its port is not there yet
                hello = _hello(Port(port, baud=image.configured.baud or Port(port).baud))
                if hello is not None:
                    _compare(port, hello, image)
                    return f"{hello.board} {hello.firmware} runs on {port}"
        time.sleep(0.2)
    raise ConfigError(
        f"{ports[-1]}: no word in {within_s:g} s; the copy may be half: nothing is lost, {HINT},"
        " and flash again"
    )


def port_by_serial(serial: str) -> str:
    """The name under which udev shows a Pico with this serial number."""
    return str(BY_ID / f"usb-Plumbline_board_{serial}-if00")


def _hello(port: Port) -> Hello | None:
    station = StationFile(station=StationTable("flash", "barbell"))
    with Listener(port, station) as listener:
        driver = listener.driver
        assert isinstance(driver, BoardDriver)
        listener.wait(lambda: driver.hello, HELLO_S)
        return driver.hello


def _compare(port: str, hello: Hello, image: Image) -> None:
    """Raise ConfigError for a board that does not say what was flashed."""
    if image.firmware and hello.firmware.encode() + b"\0" not in image.firmware:
        seen = f"firmware {hello.firmware} still runs, and is not in the file"
    elif hello.board == NOT_CONFIGURED:
        seen = f"firmware {hello.firmware} runs and calls itself {NOT_CONFIGURED}"
    else:
        seen = "; ".join(differences(hello, image.configured))
    if seen:
        raise ConfigError(f"{port}: {seen}; the copy was not taken, flash again")


def _there(disk: Path) -> bool:
    """Whether a board's disk is there. The kernel remembers one that was pulled out, but not its device."""
    try:
        device = (disk / INFO).stat().st_dev
    except OSError:
        return False
    known, of = Path("/sys/dev/block"), (os.major(device), os.minor(device))
    return of[0] == 0 or not known.is_dir() or (known / f"{of[0]}:{of[1]}").exists()


def _to_write(disk: Path, error: OSError) -> str:
    """What to do about a copy that ended with this error. A second try changes no rights and no mount."""
    where = shlex.quote(str(disk))
    if error.errno == errno.EROFS:
        return f"sudo mount -o remount,rw {where}, then the same command"
    if error.errno in (errno.EACCES, errno.EPERM):
        mount = f"sudo mount -o uid={os.getuid()} {LABEL} {where}"
        return f"sudo umount {where}, then {mount} and the same command"
    return "the board is still a disk, copy again"


def _leaves(disk: Path) -> bool:
    """Whether a disk goes in a moment."""
    end_s = time.monotonic() + LEAVES_S
    while _there(disk):
        if time.monotonic() >= end_s:
            return False
        time.sleep(0.05)
    return True
