"""The doctor's check of a history, made by running the record's command."""

import subprocess
import sys

import msgspec

from edge.doctor.findings import Finding, failed
from station.program.distribution import dashboard_installed, install_with

TIMEOUT_S = 60.0
CHECK = "history"


class _Lack(msgspec.Struct):
    """What `plumbline record --check --json` says of a station."""

    station: str
    missing: int
    lost: int
    streams: int
    after_utc: str | None = None
    before_utc: str | None = None


def check_history(where: str) -> list[Finding]:
    """What the history at a path or postgresql:// URL lacks of each station."""
    if not dashboard_installed():
        todo = install_with("dashboard")
        return [Finding("record", CHECK, "fail", "`plumbline record` is not installed here", todo)]
    command = [sys.executable, "-m", "station.cli", "record", "--db", where, "--check", "--json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        found = msgspec.json.decode(done.stdout, type=list[_Lack])
    except subprocess.TimeoutExpired:
        return [Finding("record", CHECK, "fail", f"no answer in {TIMEOUT_S:g} s", "look after its server")]
    except msgspec.DecodeError:
        return [failed("record", CHECK, done.stderr.strip()[-300:], "give the file the record writes")]
    if not found:
        return [Finding("record", CHECK, "ok", "nothing is missing that a station has said")]
    return [finding for lack in found for finding in _findings(lack)]


def _findings(lack: _Lack) -> list[Finding]:
    found = []
    if lack.missing:
        times = (("after", lack.after_utc), ("before", lack.before_utc))
        around = "".join(f" {word} {at[:19]}Z" for word, at in times if at)
        seen = f"{lack.missing} events missing{around}, of {lack.streams} runs of the node"
        todo = "was it restored from a copy, or does a second record write? look for the other file"
        found.append(Finding(lack.station, CHECK, "fail", seen, todo))
    if lack.lost:
        seen = f"{lack.lost} events were lost at the station"
        todo = "look after its disk, and its outbox's quota"
        found.append(Finding(lack.station, CHECK, "warn", seen, todo))
    return found
