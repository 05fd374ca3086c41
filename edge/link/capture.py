"""A capture: the raw bytes of a port with the times they were received at, exactly as `read` returned them.

Little endian:

    offset  type  name
    0       8 B   magic         89 50 4C 43 0D 0A 1A 0A: not text, and damaged by any newline translation
    8       u32   version       1
    12      u32   length m      of the JSON that follows
    16      m B   CaptureInfo   one JSON object, UTF-8
    then records, each:
    +0      f64   received_s    host's monotonic clock when the read returned, never decreasing
    +8      u32   length n      1 to 1 MiB
    +12     u32   crc           CRC-32 of received_s, length and the bytes
    +16     n B   bytes

A writer that was killed leaves a torn last record; a reader stops before it and says how much it leaves out.
"""

import math
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self, get_args

import msgspec

from station.config import StationFile
from station.errors import RecordingError
from station.ports import DriverName, Port
from station.timing.clock import ClockMark

MAGIC = b"\x89PLC\r\n\x1a\n"
VERSION = 1
MAX_RECORD_BYTES = 1 << 20
MAX_INFO_BYTES = 1 << 16

_HEADER = struct.Struct("<8sII")
_STAMP = struct.Struct("<dI")
_CRC = struct.Struct("<I")


class CaptureInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Metadata of a capture."""

    station: str
    url: str
    driver: str
    baud: int
    started_utc: str  # RFC 3339
    clock: ClockMark | None = (
        None  # where the device's clock stood before the first byte; None: it begins here
    )


class Received(NamedTuple):
    """The bytes of one read and its time (host's monotonic clock, seconds)."""

    received_s: float
    data: bytes


class CaptureWriter:
    """Write a capture; every record is handed to the operating system before `write` returns."""

    def __init__(self, path: Path, info: CaptureInfo) -> None:
        """Creates the file. Raises RecordingError if it exists or cannot be made."""
        self._path = path
        try:
            self._file = path.open("xb")
        except FileExistsError as error:
            raise RecordingError(f"{path}: exists already; give the capture another name") from error
        except OSError as error:
            raise RecordingError(
                f"{path}: cannot be created ({error.strerror}); give another path"
            ) from error
        text = msgspec.json.encode(info)
        self._put(_HEADER.pack(MAGIC, VERSION, len(text)) + text)

    def write(self, received_s: float, data: bytes) -> None:
        """Append the bytes of one read, if any. Raises RecordingError when the disk refuses."""
        for start in range(0, len(data), MAX_RECORD_BYTES):
            self._put(record(received_s, data[start : start + MAX_RECORD_BYTES]))

    def write_records(self, records: bytes) -> None:
        """Append whole records, as `record` makes them. Raises RecordingError when the disk refuses."""
        self._put(records)

    def close(self) -> None:
        """Close the file; closing twice does nothing."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _put(self, record: bytes) -> None:
        try:
            self._file.write(record)
            self._file.flush()
        except OSError as error:
            raise RecordingError(
                f"{self._path}: cannot be written ({error.strerror}); free space, start another capture"
            ) from error


class Capture:
    """A capture to read. Iterating it gives what was received, oldest first; it can be iterated again.

    What follows the last whole record is left out, which is said on stderr.
    """

    def __init__(self, path: Path) -> None:
        """Raises RecordingError for what cannot be read or is not a capture."""
        self._path = path
        with self._open() as file:
            self.info, self._start = self._read_info(file)

    def __iter__(self) -> Iterator[Received]:
        with self._open() as file:
            good = file.seek(self._start)
            newest_s = -math.inf
            while (received := _read_record(file)) is not None and received.received_s >= newest_s:
                good = file.tell()
                newest_s = received.received_s
                yield received
            left_bytes = file.seek(0, 2) - good
        if left_bytes:
            left = f"the last {left_bytes} bytes are no whole record; read up to there"
            print(f"{self._path}: {left}", file=sys.stderr)

    def port(self, station: StationFile) -> Port:
        """The port it was captured from, as the station file has it: it says what the driver needs to know.

        A port under another name is the one that reads with its driver; without ports, by the driver alone.
        Raises RecordingError where it has only others, or several that would read it differently.
        """
        info = self.info
        theirs = list(dict.fromkeys(port.driver for port in station.ports))
        if info.driver in theirs:
            same = [port for port in station.ports if port.driver == info.driver]
            same = [port for port in same if port.url == info.url] or same
            if len({msgspec.json.encode(msgspec.structs.replace(port, url="")) for port in same}) > 1:
                raise RecordingError(
                    f"{self._path}: of port {info.url[:80]}, and the station file has"
                    f" {' and '.join(port.url for port in same)} with driver {info.driver};"
                    " give a file in which the one it was has that url"
                )
            return same[0]
        if theirs or info.driver not in get_args(DriverName):
            raise RecordingError(
                f"{self._path}: what driver {info.driver[:40]!r} read, and the station file's ports have"
                f" {', '.join(theirs) or 'none'}; capture with --station, or give the file it was made with"
            )
        return Port(url=info.url, driver=info.driver, baud=info.baud)  # type: ignore[arg-type]

    def _open(self) -> BinaryIO:
        try:
            return self._path.open("rb")
        except OSError as error:
            raise RecordingError(
                f"{self._path}: cannot be read ({error.strerror}); give the path of a capture"
            ) from error

    def _read_info(self, file: BinaryIO) -> tuple[CaptureInfo, int]:
        header = file.read(_HEADER.size)
        if header[:8] != MAGIC[: len(header)] or len(header) < 8:
            raise RecordingError(
                f"{self._path}: no capture, starts with {header[:8]!r}; make one with `plumbline capture`"
            )
        if len(header) < _HEADER.size:
            raise RecordingError(f"{self._path}: ends within its header; nothing was captured")
        _, version, length = _HEADER.unpack(header)
        if version != VERSION:
            raise RecordingError(
                f"{self._path}: capture of version {version}; this software reads {VERSION}, use a newer one"
            )
        text = file.read(min(length, MAX_INFO_BYTES))
        try:
            return msgspec.json.decode(text, type=CaptureInfo), file.tell()
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RecordingError(f"{self._path}: the capture's header is damaged: {error}") from error


def record(received_s: float, data: bytes) -> bytes:
    """Encode the bytes of one read, 1 byte to 1 MiB, as a record of a capture."""
    stamp = _STAMP.pack(received_s, len(data))
    return stamp + _CRC.pack(zlib.crc32(data, zlib.crc32(stamp))) + data


def is_capture(path: Path) -> bool:
    """Whether a file starts like a capture; False for one that cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _read_record(file: BinaryIO) -> Received | None:
    """The next record; None where there is no whole one."""
    head = file.read(_STAMP.size + _CRC.size)
    if len(head) < _STAMP.size + _CRC.size:
        return None
    received_s, length = _STAMP.unpack_from(head)
    (crc,) = _CRC.unpack_from(head, _STAMP.size)
    if not 1 <= length <= MAX_RECORD_BYTES or not math.isfinite(received_s):
        return None
    data = file.read(length)
    if len(data) < length or zlib.crc32(data, zlib.crc32(head[: _STAMP.size])) != crc:
        return None
    return Received(received_s, data)
