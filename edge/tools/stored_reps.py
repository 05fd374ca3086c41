"""The reps that a history holds of a recording, as rows for `reprocess` to compare.

A recording is placed by what it says itself: its station, and the session of its dispute or the one that
began with it. What a person has said of a rep stays theirs and is no difference between kernels.
"""

import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec

from edge.counting.dispute import Dispute
from edge.link.capture import Capture, is_capture
from edge.node.dispute_store import DISPUTE
from edge.tools.dispute_replay import SAME_REP_S, read_dispute
from station.bounds import is_time
from station.config import StationFile
from station.errors import RecordingError, StoreError
from station.messages import CommandMessage
from station.program.distribution import dashboard_installed, install_with
from station.records import MARKED, ReasonCode

Row = dict[str, Any]

BEGAN_WITHIN_S = 5.0  # a session and its capture: the port is opened, and a board starts anew
DAY = timedelta(days=1)  # export's days are those of this machine's zone
EARLIEST = date(1970, 1, 2)  # that export takes
MANY_PORTS = "one of several ports, and its station counts by all of them together"
BY_A_PERSON = {*MARKED.values(), ReasonCode.SET_RESTARTED}
OF_HISTORY = (
    *("site", "session", "event_id", "at_utc", "session_s"),
    *("exercise", "state", "reason_code", "confidence"),
)


class Place(NamedTuple):
    """Where a recording lies: in which session of which station, and from when to when in it."""

    station: str
    session: str | None  # its first characters; None: the one that began at `at_utc`
    at_utc: datetime
    from_s: float  # session time
    to_s: float


def place(path: Path, station: StationFile) -> Place | str:
    """Where a recording lies, or why that cannot be told."""
    if not is_capture(path):
        return "a table of readings, without station and time of day"
    try:
        capture = Capture(path)
        dispute = read_dispute(path.parent) if (path.parent / DISPUTE).exists() else None
        found = _place(capture, station) if dispute is None else _place_of(dispute)
    except RecordingError as error:
        return str(error)
    if isinstance(found, Place) and found.station != station.station.id:
        return f"of {found.station[:40]}, and counted as {station.station.id}; give that station's --station"
    return found


def _place(capture: Capture, station: StationFile) -> Place | str:
    info = capture.info
    if not info.station:
        return "says of no station that it is its own"
    if len(station.ports) > 1:
        return MANY_PORTS
    if info.clock is not None:
        return f"cut out of a session that it does not name; keep it beside its {DISPUTE}"
    if not is_time(info.started_utc):
        return f"says {info.started_utc[:40]!r} for when it was made"
    received_s = [one.received_s for one in capture] or [0.0]
    began = datetime.fromisoformat(info.started_utc)
    return Place(info.station, None, began, 0.0, received_s[-1] - received_s[0])


def _place_of(dispute: Dispute) -> Place | str:
    station = dispute.station.station.id
    if len(dispute.station.ports) > 1:
        return MANY_PORTS
    if not is_time(dispute.at_utc):
        return f"its {DISPUTE} says {dispute.at_utc[:40]!r} for when it was made"
    session = dispute.name.removeprefix(f"{station}-").partition("-")[0]
    return Place(station, session, datetime.fromisoformat(dispute.at_utc), dispute.from_s, dispute.to_s)


def stored(
    placed: Mapping[str, Place], history: str, site: str | None, exercise: str, columns: Sequence[str]
) -> dict[str, list[Row] | str]:
    """By recording of a station the reps that a history holds of it, or why it cannot be told which.

    Raises StoreError for a history that cannot be read.
    """
    if not placed:
        return {}
    days = [one.at_utc.astimezone(UTC).date() for one in placed.values()]
    limits = [
        f"--station={next(iter(placed.values())).station}",
        "--from",
        str(max(EARLIEST, min(days) - DAY)),
    ]
    limits += [] if site is None else [f"--site={site}"]
    until = ["--rejected", "--to", str(max(EARLIEST, max(days) + DAY))]
    rows = _export(history, "reps", [*OF_HISTORY, *columns], [*limits, *until])
    corrections = ("session", "event_id", "command", "undone_utc")
    spoken = _spoken(_export(history, "corrections", corrections, limits))
    return {name: _of_place(one, rows, spoken, exercise) for name, one in placed.items()}


def within(at: Place, rows: Iterable[Row]) -> list[Row]:
    """The rows of a place's time; one that its ends cut is there to be matched, and not compared."""
    return [
        row | {"cut": row["start_s"] < at.from_s or row["end_s"] > at.to_s}
        for row in rows
        if row["end_s"] >= at.from_s - SAME_REP_S and row["start_s"] <= at.to_s + SAME_REP_S
    ]


def _export(history: str, what: str, columns: Sequence[str], limits: Sequence[str]) -> list[Row]:
    """Rows of a history, by time, through `plumbline export`: it knows every kind, and who may read what."""
    import pyarrow.parquet as pq  # noqa: PLC0415  an extra

    if not dashboard_installed():
        raise StoreError(f"histories cannot be read here; {install_with('dashboard')}")
    with TemporaryDirectory(prefix="plumbline-reprocess-") as folder:
        file = Path(folder) / "rows.parquet"
        asked = [str(file), "--what", what, f"--db={history}", *limits]
        command = [sys.executable, "-P", "-m", "station.cli", "export", *asked]
        done = subprocess.run(command, capture_output=True, errors="replace", check=False)
        if done.returncode != 0 or not file.exists():
            said = done.stderr.strip().rpartition("\n")[2].removeprefix("plumbline export: ")
            raise StoreError(said or f"the history's reader ended with status {done.returncode}")
        rows: list[Row] = pq.read_table(file, columns=list(columns)).to_pylist()
        return rows


def _spoken(corrections: Iterable[Row]) -> set[str]:
    """The reps that a person has judged, or added, later than in their session."""
    marks: dict[str, str | None] = {}
    for row in corrections:
        if row["undone_utc"] is not None:
            continue
        try:
            command = msgspec.json.decode(row["command"], type=CommandMessage)
        except msgspec.DecodeError as error:
            raise StoreError(f"correction {row['event_id'][:64]} of the history is none ({error})") from error
        if command.name == "mark-rep" and command.rep_event_id is not None:
            marks[command.rep_event_id] = command.mark
        elif command.name == "add-rep":
            marks[f"{row['session']}-{row['event_id']}"] = "counted"
    return {event_id for event_id, mark in marks.items() if mark is not None}


def _of_place(at: Place, rows: Sequence[Row], spoken: set[str], exercise: str) -> list[Row] | str:
    sessions: dict[tuple[str, str], datetime] = {}  # by site and id, when each began
    rows = [row for row in rows if is_time(row["at_utc"])]
    for row in sorted(rows, key=lambda one: float(one["session_s"])):
        began = datetime.fromisoformat(row["at_utc"]) - timedelta(seconds=row["session_s"])
        sessions.setdefault((row["site"], row["session"]), began)
    fit = [one for one, began in sessions.items() if _fits(at, one[1], began)]
    if len({site for site, _ in fit}) > 1:
        return f"{at.station} is a station of {' and '.join(sorted({site for site, _ in fit}))}; give --site"
    if len(fit) != 1:
        which = "began with it" if at.session is None else f"is {at.session[:40]}…"
        seen = f"{len(fit)} sessions" if fit else "no session"
        return f"the history has reps of {seen} of {at.station} that {which}"
    of_session = [_said(row, spoken) for row in rows if (row["site"], row["session"]) == fit[0]]
    kept = within(at, (row for row in of_session if row["state"] != "rejected" or row["by_person"]))
    others = sorted({row["exercise"] for row in kept} - {exercise})
    if others:
        return f"the history has {' and '.join(others)} there; give --exercise {others[0]}"
    if at.from_s > 0.0 or any(row["by_person"] for row in of_session):
        kept = [row | {"number": None} for row in kept]  # a set that is cut, or that a person has changed
    return [row for row in kept if row["end_s"] > row["start_s"]]  # one that a person added has no length


def _fits(at: Place, session: str, began: datetime) -> bool:
    if at.session is not None:
        return at.session != "" and session.startswith(at.session)
    return abs(began - at.at_utc).total_seconds() <= BEGAN_WITHIN_S


def _said(row: Row, spoken: set[str]) -> Row:
    """A row with who has judged it; whether it counts is None where that was not by the recording alone."""
    # A judgement is sure where a person has made it, and no measured one is quite.
    by_person = row["event_id"] in spoken or row["reason_code"] in BY_A_PERSON or row["confidence"] == 1.0
    by_more = by_person or row["reason_code"] == ReasonCode.SHORT_OF_ATHLETE
    return row | {"by_person": by_person, "counted": None if by_more else row["counted"]}
