"""The doctor's checks of the machine: versions, clock, disk, outbox."""

import platform
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from edge.doctor.findings import Finding, Status
from edge.node.clock_sync import clock_synchronised
from edge.node.machine import throttled_bits, troubles
from station.program.distribution import release

HERE = "machine"
LEAST_BYTES, FEW_BYTES = 100 * 2**20, 2**30
MANY_EVENTS = 1000  # an hour of a busy gym that nobody records
PACKAGES = ("numpy", "msgspec", "paho-mqtt", "pyserial")


def check_versions() -> list[Finding]:
    """Check the installed versions and that the kernels were built for them."""
    try:
        parts = [f"plumbline {release()}", f"Python {platform.python_version()}"]
        parts += [f"{name} {version(name)}" for name in PACKAGES]
    except PackageNotFoundError as error:
        return [
            Finding(HERE, "versions", "fail", f"{error.name} is not installed", "install Plumbline again")
        ]
    parts.append(f"SQLite {sqlite3.sqlite_version}")
    return [Finding(HERE, "versions", "ok", ", ".join(parts))]


def check_clock(now_s: float | None = None) -> list[Finding]:
    """Check the wall clock, which stamps published messages; intervals do not depend on it."""
    built_s = Path(__file__).stat().st_mtime
    now_s = time.time() if now_s is None else now_s
    if now_s < built_s - 86_400.0:
        seen = f"this machine thinks it is {time.strftime('%Y-%m-%d', time.gmtime(now_s))}"
        return [Finding(HERE, "wall clock", "fail", seen, "set it; switch on NTP: timedatectl set-ntp true")]
    tool = shutil.which("timedatectl")
    kernel = clock_synchronised()
    said = "" if kernel is None else "yes" if kernel else "no"
    if tool is not None and kernel is None:
        try:
            command = [tool, "show", "--property=NTPSynchronized", "--value"]
            said = subprocess.run(command, capture_output=True, text=True, timeout=3.0, check=False).stdout
        except (OSError, subprocess.TimeoutExpired):
            said = ""
    if said.strip() == "no":
        todo = (
            "reps would carry wrong dates and TLS may refuse the broker; timedatectl set-ntp true, and"
            " without the internet name the broker's machine in /etc/systemd/timesyncd.conf"
        )
        return [Finding(HERE, "wall clock", "warn", "not synchronised", todo)]
    seen = (
        "synchronised" if said.strip() == "yes" else "plausible; nothing here says whether it is synchronised"
    )
    return [Finding(HERE, "wall clock", "ok", seen)]


def check_machine(data: Path, ports: Sequence[str], root: Path = Path("/")) -> list[Finding]:
    """Check power, heat, card, file system and USB adapter names as the kernel reports them."""
    found = [
        Finding(HERE, one.code, "fail" if one.now else "warn", one.seen, one.todo)
        for one in troubles(data, ports, root)
        if one.code != "card" or "left" not in one.seen  # `disk` says it
    ]
    if not found:
        bits = throttled_bits(root)
        seen = "no trouble of card and filesystem" + ("" if bits is None else ", power well since it started")
        found.append(Finding(HERE, "machine", "ok", seen))
    return found


def check_disk(folder: Path) -> list[Finding]:
    """Check the free space for the outbox."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        todo = "give a folder that is there and writable"
        return [Finding(HERE, "disk", "fail", f"{folder}: {error.strerror}", todo)]
    status: Status = "ok" if free >= FEW_BYTES else "warn" if free >= LEAST_BYTES else "fail"
    todo = "" if status == "ok" else "make room; without any, what is counted cannot be kept"
    return [Finding(HERE, "disk", status, f"{free / 2**30:.1f} GiB free at {folder}", todo)]


def check_outbox(path: Path) -> tuple[list[Finding], bool]:
    """Check the outbox without changing it, and whether a node holds it."""
    check = "outbox"
    if not path.exists():
        return [Finding(HERE, check, "ok", f"{path} is not there yet; the node makes it")], False
    try:
        db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=0.5)
        try:
            sound = str(db.execute("PRAGMA integrity_check(1)").fetchone()[0])
            waiting = int(db.execute("SELECT count(*) FROM events WHERE lost = 0").fetchone()[0])
            gaps, lost = db.execute("SELECT count(*), total(lost) FROM events WHERE lost > 0").fetchone()
        finally:
            db.close()
    except sqlite3.Error as error:
        name = str(getattr(error, "sqlite_errorname", ""))
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return [Finding(HERE, check, "ok", f"{path} is in use by a node; its health has the depth")], True
        todo = "the next start of the node sets it aside and begins a new one" if "NOTADB" in name else ""
        return [Finding(HERE, check, "fail", f"{path}: {error}", todo or "check owner and mode")], False
    if sound != "ok":
        todo = "copy it away; the next start of the node sets it aside and begins a new stream"
        return [Finding(HERE, check, "fail", f"{path} is damaged: {sound}", todo)], False
    found = [
        Finding(
            HERE,
            check,
            "ok" if waiting < MANY_EVENTS else "warn",
            f"sound, {waiting} events wait for the record",
            "" if waiting < MANY_EVENTS else "is a `plumbline record` or a dashboard running?",
        )
    ]
    if gaps:
        todo = "the record was away for too long; raise --quota, or keep the record running"
        found.append(Finding(HERE, check, "warn", f"{lost:.0f} events were forced out", todo))
    return found, False
