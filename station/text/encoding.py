"""Bytes of a file to its text: one decoder for settings, passwords and tables."""

import errno
import os
import re
import stat
from pathlib import Path

from station.errors import ConfigError, TextError

SETTINGS_MB = 4  # also of a list of 20 000 athletes
RECORDING_MB = 500  # nine hours of one channel at 1 kHz

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


def encoding_of(data: bytes) -> str:
    """UTF-8, UTF-16 or UTF-32, by the byte order mark or by the zeros that ASCII has in UTF-16."""
    marked = next((name for bom, name in _BOMS if data.startswith(bom)), None)
    if marked is not None:
        return marked
    head = data[:4096]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    pairs = len(head) // 2
    if pairs and not even and odd > 0.6 * pairs:
        return "utf-16-le"
    if pairs and not odd and even > 0.6 * pairs:
        return "utf-16-be"
    return "utf-8"


def decoded(data: bytes) -> str:
    """The text of a file. Raises TextError where it is none, or in an encoding that would be a guess."""
    encoding = encoding_of(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if not encoding.startswith("utf-8"):
            raise TextError(
                f"{encoding.upper()} text that is cut short or damaged; save it as UTF-8"
            ) from error
        line = data[: error.start].count(b"\n") + 1
        raise TextError(
            f"line {line}: byte 0x{data[error.start]:02x} is not UTF-8;"
            " save it as UTF-8 (a spreadsheet: CSV UTF-8)"
        ) from error
    text = text.lstrip("\ufeff")  # a file that was given a mark twice
    text = text.removesuffix("\x1a")  # the end of a file in DOS
    bad = _NO_TEXT.search(text)
    if bad is not None:
        line = text.count("\n", 0, bad.start()) + 1
        raise TextError(
            f"line {line}: character 0x{ord(bad[0]):02x} is no text; delete it, or give a file of text"
        )
    return text


def read_whole(path: Path, most_mb: int) -> bytes:
    """The bytes of a file. Raises OSError, also for a device, which may have no end, and a larger file."""
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
            raise OSError(errno.ENODEV, "a device, not a file", str(path))
        data = file.read(most_mb * 1_000_000 + 1)
    if len(data) > most_mb * 1_000_000:
        raise OSError(errno.EFBIG, f"larger than {most_mb} MB", str(path))
    return data


def read_text(path: Path, what: str = "a file of text") -> str:
    """The text of a file. Raises ConfigError, beginning with the path; what: what was expected there."""
    try:
        return decoded(read_whole(path, SETTINGS_MB))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); give {what}") from error
    except (TextError, ValueError) as error:  # ValueError: a path no file can have
        raise ConfigError(f"{path}: {error}") from error
