"""Hardware problems of a node's machine as the kernel reports them: power, heat, card, USB names.

    /sys/devices/platform/soc/soc:firmware/get_throttled   a Raspberry Pi's firmware, bits in hexadecimal
    /sys/class/hwmon/*/name = rpi_volt, in0_lcrit_alarm    the same of undervoltage, by the mainline driver
    /sys/fs/ext4/*/errors_count                            errors that ext4 has met, kept in the filesystem
    /sys/block/mmcblk*/device/life_time, pre_eol_info      wear of an eMMC (JESD84-B51); SD cards say nothing
    /proc/mounts                                           a filesystem that the kernel has made read-only

Every path is looked for below `root`, so that a test can make a machine.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

Code = Literal["undervoltage", "throttled", "card", "filesystem", "usb-name"]
FEW_BYTES = 100 << 20  # what is counted soon cannot be kept
HOT_C = 80.0  # a Pi slows down from here on
WORN = 0x0A  # JESD84-B51: 90 to 100 % of the device's life used
LOOK_S = 5.0
HOLD_S = 60.0  # undervoltage lasts for milliseconds, again and again
# vcgencmd get_throttled: bits 0 to 3 now, the same from 16 on since boot
_UNDERVOLTAGE, _CAPPED, _THROTTLED, _HOT = 1, 2, 4, 8
_SINCE_BOOT = 16
_BY_ID = "/dev/serial/by-id/"


class Trouble(NamedTuple):
    """A problem: what was observed and what to do."""

    code: Code
    seen: str
    todo: str
    now: bool = True  # False: it was so since the machine started


def troubles(data: Path, ports: Sequence[str] = (), root: Path = Path("/")) -> list[Trouble]:
    """The machine's current problems. `data`: the outbox's folder; `ports`: urls of station files."""
    found = [*_power(root), *_heat(root), *_disk(data), *_filesystems(root), *_wear(root)]
    return found + [trouble for url in ports for trouble in shared_name(url, root)]


def throttled_bits(root: Path = Path("/")) -> int | None:
    """A Raspberry Pi's throttling flags; None on another machine."""
    text = _read(root / "sys/devices/platform/soc/soc:firmware/get_throttled")
    if text is not None:
        return int(text, 16)
    for name in (root / "sys/class/hwmon").glob("*/name"):
        if _read(name) == "rpi_volt":
            return _UNDERVOLTAGE if _read(name.with_name("in0_lcrit_alarm")) == "1" else 0
    return None


def shared_name(url: str, root: Path = Path("/")) -> list[Trouble]:
    """Whether a by-id name is shared by several adapters, which have no serial number."""
    if not url.startswith(_BY_ID):
        return []
    own = _usb_device((root / url.lstrip("/")).resolve().name, root)
    if own is None:
        return []
    same = []
    for tty in sorted((root / "sys/class/tty").glob("tty[UA]*")):
        other = _usb_device(tty.name, root)
        if other is not None and other != own and _identity(other) == _identity(own):
            same.append(tty.name)
    if not same:
        return []
    paths = sorted(str(path) for path in (root / "dev/serial/by-path").glob("*"))
    known = ", ".join(f"/{Path(path).relative_to(root)}" for path in paths[:4]) or "/dev/serial/by-path/…"
    return [
        Trouble(
            "usb-name",
            f"{url}: {len(same) + 1} adapters have this name; it is whichever was plugged in last",
            f"name the socket instead, one of {known}",
        )
    ]


class MachineWatch:
    """Checks the machine periodically; a problem is reported for a minute, as some last milliseconds."""

    def __init__(
        self,
        data: Path,
        ports: Sequence[str],
        root: Path = Path("/"),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._data, self._ports, self._root = data, ports, root
        self._clock = clock
        self._next_s = clock()
        self._seen: dict[tuple[Code, str], tuple[float, Trouble]] = {}  # when last

    def problems(self) -> list[str]:
        """The current problems as text."""
        now_s = self._clock()
        if now_s >= self._next_s:
            self._next_s = now_s + LOOK_S
            for trouble in troubles(self._data, self._ports, self._root):
                if trouble.now:
                    place = trouble.seen.partition(":")[0]
                    self._seen[trouble.code, place] = (now_s, trouble)
        self._seen = {key: held for key, held in self._seen.items() if now_s - held[0] < HOLD_S}
        return [f"{trouble.seen}; {trouble.todo}" for _, trouble in self._seen.values()]


def _power(root: Path) -> Iterator[Trouble]:
    bits = throttled_bits(root) or 0
    todo = "use the Pi's own power supply, a short thick cable, and a powered hub for what it feeds"
    if bits & _UNDERVOLTAGE:
        yield Trouble("undervoltage", "undervoltage: the power supply is too weak", todo)
    elif bits >> _SINCE_BOOT & _UNDERVOLTAGE:
        yield Trouble(
            "undervoltage", "undervoltage: there was some since the machine started", todo, now=False
        )


def _heat(root: Path) -> Iterator[Trouble]:
    bits = throttled_bits(root) or 0
    todo = "give it air or a heat sink, and shade"
    text = _read(root / "sys/class/thermal/thermal_zone0/temp")
    celsius = int(text) / 1000.0 if text is not None and text.isdigit() else None
    hot = celsius is not None and celsius >= HOT_C
    seen = "" if celsius is None else f", {celsius:.0f} °C"
    if hot or bits & (_CAPPED | _THROTTLED | _HOT):
        yield Trouble("throttled", f"throttled: the processor is slowed down{seen}", todo)
    elif bits >> _SINCE_BOOT & (_CAPPED | _THROTTLED | _HOT):
        yield Trouble(
            "throttled", "throttled: the processor was slowed down since it started", todo, now=False
        )


def _disk(data: Path) -> Iterator[Trouble]:
    try:
        room = os.statvfs(data)
    except OSError:
        return
    if room.f_flag & os.ST_RDONLY:
        todo = (
            "save what is on the card, and replace it: the kernel does this when it can no longer be written"
        )
        yield Trouble("filesystem", f"{data}: the filesystem is read-only", todo)
    free = room.f_bavail * room.f_frsize
    if free < FEW_BYTES:
        yield Trouble(
            "card", f"{data}: {free >> 20} MB left", "make room; full, nothing that is counted is kept"
        )


def _filesystems(root: Path) -> Iterator[Trouble]:
    for path in sorted((root / "sys/fs/ext4").glob("*/errors_count")):
        count = _read(path)
        if count not in (None, "0"):
            todo = "back up, replace the card, restore; a card that errs once goes on to"
            yield Trouble("filesystem", f"{path.parent.name}: errors on its filesystem: {count}", todo)


def _wear(root: Path) -> Iterator[Trouble]:
    for path in sorted((root / "sys/block").glob("mmcblk*/device/life_time")):
        used = max((int(word, 16) for word in (_read(path) or "").split()), default=0)
        urgent = _read(path.with_name("pre_eol_info")) in ("0x02", "0x03")
        if used >= WORN or urgent:
            name = path.parent.parent.name
            yield Trouble(
                "card", f"{name}: worn, {min(used, 10) * 10} % of its life used", "back up and replace it"
            )


def _usb_device(tty: str, root: Path) -> Path | None:
    """The USB device that a terminal belongs to."""
    where = (root / "sys/class/tty" / tty / "device").resolve()
    return next((one for one in (where, *where.parents) if (one / "idVendor").is_file()), None)


def _identity(device: Path) -> tuple[str | None, ...]:
    """What udev makes a name of."""
    return tuple(
        _read(device / name) for name in ("idVendor", "idProduct", "manufacturer", "product", "serial")
    )


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None
