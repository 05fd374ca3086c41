"""What `plumbline doctor` finds, one line each, and how it is shown."""

import os
import sys
from collections.abc import Sequence
from typing import Literal, TextIO

import msgspec

from station.messages import now_utc

Status = Literal["ok", "warn", "fail"]
_GLYPH: dict[Status, str] = {"ok": "✓", "warn": "!", "fail": "✗"}
_COLOUR: dict[Status, str] = {"ok": "34", "warn": "33", "fail": "31"}  # blue, yellow, red
_RANK: dict[Status, int] = {"ok": 0, "warn": 1, "fail": 2}


class Finding(msgspec.Struct, frozen=True):
    """The result of one check. `todo` is empty where nothing is to be done."""

    place: str  # the station or the machine
    check: str
    status: Status
    seen: str
    todo: str = ""


def failed(place: str, check: str, error: object, todo: str = "") -> Finding:
    """The finding of an error: what was seen, and behind its semicolon what to do, else `todo`."""
    seen, _, what = str(error).partition("; ")
    return Finding(place, check, "fail", seen, what or todo)


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """The document printed by `plumbline doctor --json`."""

    schema: str = "plumbline/doctor/1"
    at_utc: str
    worst: Status
    findings: list[Finding]


def worst(findings: Sequence[Finding]) -> Status:
    """The worst status among them."""
    return max((finding.status for finding in findings), key=_RANK.__getitem__, default="ok")


def as_json(findings: Sequence[Finding]) -> str:
    """One JSON object."""
    body = Findings(at_utc=now_utc(), worst=worst(findings), findings=list(findings))
    return msgspec.json.format(msgspec.json.encode(body)).decode()


def as_line(finding: Finding, to: TextIO) -> str:
    """A line for people: status as word, glyph and colour (on a terminal, and not with NO_COLOR)."""
    word = f"{_glyph(finding.status, to)}{finding.status:<4}"
    if to.isatty() and not os.environ.get("NO_COLOR"):
        word = f"\x1b[{_COLOUR[finding.status]}m{word}\x1b[0m"
    todo = f"; {finding.todo}" if finding.todo else ""
    # What a device or a broker says must not steer the terminal.
    text = "".join(c if c.isprintable() else "?" for c in f"{finding.seen}{todo}")
    return f"{word} {finding.place:<10} {finding.check:<22} {text}"


def _glyph(status: Status, to: TextIO) -> str:
    try:
        _GLYPH[status].encode(to.encoding or sys.getdefaultencoding())
    except UnicodeEncodeError:
        return ""
    return f"{_GLYPH[status]} "
