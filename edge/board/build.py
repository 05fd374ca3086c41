"""Building the firmware from the sources that came with this software, with Debian's compilers."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import edge
from edge.board.configuration import TargetName
from edge.board.image import AVR_CONFIGURATION_AT, intel_hex, sealed
from station.errors import ConfigError

SOURCES = Path(edge.__file__).parent / "firmware"
_NEEDS: dict[TargetName, tuple[str, str]] = {
    "rp2040": ("arm-none-eabi-gcc", "gcc-arm-none-eabi libnewlib-arm-none-eabi"),
    "avr": ("avr-gcc", "gcc-avr avr-libc"),
}


def firmware_version() -> str:
    """The version reported by boards with the firmware of this release."""
    text = (SOURCES / "version.h").read_text(encoding="ascii")
    found = re.search(r'#define FIRMWARE "([^"]+)"', text)
    assert found is not None
    return found[1]


def build_image(target: TargetName, keep: Path | None = None) -> bytes:
    """Compile the firmware of a target; returns its flash image. `keep` takes what the compiler leaves.

    Raises ConfigError where a compiler is missing or stops, or a folder cannot be written.
    """
    compiler, packages = _NEEDS[target]
    if shutil.which(compiler) is None or shutil.which("make") is None:
        raise ConfigError(f"{compiler} or make is missing; apt-get install make {packages}")
    try:
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch:
            out = Path(scratch, "out")
            _make(target, Path(scratch, "firmware"))
            if keep is not None:
                shutil.copytree(out, keep, dirs_exist_ok=True)
            if target == "rp2040":
                return sealed((out / "plumbline-rp2040.bin").read_bytes())
            return (out / "plumbline-avr.hex").read_bytes()
    except OSError as error:  # of one file, or a list of them
        where, why = error.filename or keep, error.strerror or "cannot be written"
        raise ConfigError(f"{where}: {why}; give another place") from error


def _make(target: TargetName, sources: Path) -> None:
    """Make a target from a copy of the sources, into `out` beside it. make knows no names with spaces."""
    shutil.copytree(SOURCES, sources)
    command = ["make", "--silent", "HERE=./", "OUT=../out", target]
    ended = subprocess.run(command, cwd=sources, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        first = next((line for line in ended.stderr.splitlines() if "rror" in line), "make stopped")
        raise ConfigError(f"the firmware was not built: {first[:200]}; are the compilers Debian's?")


def flash_bytes(target: TargetName, image: bytes) -> int:
    """How much of a board's flash an image of `build_image` takes."""
    if target == "rp2040":
        return len(image)
    records = image.decode("ascii").splitlines()
    return sum(int(record[1:3], 16) for record in records if record[7:9] == "00")  # of data


def avr_hex(image: bytes | None, configuration: bytes) -> bytes:
    """The .hex file for an ATmega328P: firmware and configuration, or the configuration alone."""
    lines = "" if image is None else image.decode("ascii").replace(":00000001FF", "").rstrip() + "\n"
    return (lines + intel_hex(AVR_CONFIGURATION_AT, configuration) + ":00000001FF\n").encode("ascii")
