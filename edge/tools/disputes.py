"""`plumbline disputes`: the stretches a node has kept because somebody, or itself, doubted its count.

`show` counts them once more and draws the curve with what was said; `export` copies them into a folder that
can be sent on: no athlete is named in it.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.counting.dispute import Dispute, Verdict
from edge.node.dispute_store import DISPUTE
from edge.tools.dispute_replay import Replayed, differences, nearest, read_dispute, replay
from station.errors import ConfigError, RecordingError
from station.program.usage import command_parser

HOME = Path("/var/lib/plumbline/disputes")
COLUMNS, ROWS = 100, 8  # of the curve, in characters
AROUND_S = 3.0
EXAMPLES = """\
examples:
  sudo plumbline disputes list
  sudo plumbline disputes show rack-1-3f2a9c1b-s4
  sudo plumbline disputes export --all --out quarrels && python -m tests.accuracy --disputes quarrels
"""


def disputes(argv: Sequence[str]) -> int:
    """List, show or export what was disputed."""
    parser = command_parser(
        "disputes", "What a node has kept of disputed reps: list, show, export.", EXAMPLES
    )
    parser.add_argument("task", choices=["list", "show", "export"])
    parser.add_argument("names", nargs="*", metavar="NAME", help="as `list` gives them")
    parser.add_argument(
        "--dir", type=Path, default=HOME, metavar="DIR", help=f"where they are (default {HOME})"
    )
    parser.add_argument("--all", action="store_true", help="show or export every one")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where `export` puts them")
    args = parser.parse_args(argv)
    if args.task != "list" and bool(args.names) == args.all:
        parser.error("name the disputes, or give --all")
    if (args.task == "export") != (args.out is not None):
        parser.error("--out goes with export, and export needs it")
    found = _found(args.dir)
    if args.task == "list":
        for dispute in found.values():
            print(_line(dispute))
        if not found:
            print(f"none in {args.dir}")
        return 0
    for name in args.names:
        if name not in found:
            raise ConfigError(f"{name}: no such dispute in {args.dir}; `plumbline disputes list` names them")
    chosen = list(found) if args.all else args.names
    task = _show if args.task == "show" else _export
    return max((task(args, args.dir / name, found[name]) for name in chosen), default=0)


def _found(folder: Path) -> dict[str, Dispute]:
    """By name, the oldest first; what is none is said on stderr."""
    try:
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        if isinstance(error, FileNotFoundError) and folder.parent.is_dir():
            return {}  # the node makes it with the first
        raise ConfigError(f"{folder}: {error.strerror}; give --dir, or use sudo") from error
    found = {}
    for path in paths:
        try:
            found[path.name] = read_dispute(path)
        except RecordingError as error:
            print(f"plumbline disputes: {error}", file=sys.stderr)
    return dict(sorted(found.items(), key=lambda item: item[1].at_utc))


def _line(dispute: Dispute) -> str:
    said = sum(one.measured_state != "rejected" and not one.added for one in dispute.verdicts)
    words: list[str] = [one.mark for one in dispute.verdicts if one.mark is not None and not one.added]
    words += ["added"] * sum(one.added and one.state != "rejected" for one in dispute.verdicts)
    why = ", ".join(words) or ", ".join(dispute.why)
    exercise = dispute.changes[0].state.exercise
    return f"{dispute.name}  {dispute.at_utc[:16]}Z  {exercise}, {said} reps measured; {why}"


def _show(args: argparse.Namespace, path: Path, dispute: Dispute) -> int:
    """0 where a replay says the same."""
    replayed = replay(path, dispute)
    print(_line(dispute))
    for line in _curve(dispute, replayed):
        print(line)
    for verdict in dispute.verdicts:
        print(_row(verdict, replayed))
    apart = differences(dispute, replayed)
    print("replayed: the same" if not apart else "replayed, it differs:")
    for line in apart:
        print(f"  {line}")
    return 1 if apart else 0


def _row(verdict: Verdict, replayed: Replayed) -> str:
    rep = verdict.rep
    code = f" ({rep.reason_code})" if rep.reason_code is not None else ""
    stands = "rejected" if verdict.state == "rejected" else "counted" if rep.counted else "not counted"
    match = None if verdict.added else nearest(replayed.reps, rep)
    again = (
        "-" if match is None else "counted" if match.rep.counted else f"not counted: {match.rep.reason_code}"
    )
    word = "added by a person" if verdict.added else verdict.mark or "nobody said anything"
    rom = "" if rep.rom_m is None else f"{rep.rom_m * 100:5.1f} cm"
    return f"  {rep.start_s:9.2f} s {rom:9} stands as {stands}{code}; said: {word}; by measure: {again}"


def _curve(dispute: Dispute, replayed: Replayed) -> list[str]:
    """The motion around the reps in question, and below it each lockout's sign."""
    from_s, to_s = dispute.from_s - AROUND_S, dispute.to_s + AROUND_S
    time_s, place = replayed.trace
    chosen = (time_s >= from_s) & (time_s <= to_s)
    if not chosen.any():
        return []
    lines = [f"  {line}" for line in _braille(time_s[chosen], place[chosen], from_s, to_s)]
    signs = [" "] * COLUMNS
    for verdict in dispute.verdicts:
        at_s = verdict.rep.concentric_end_s or verdict.rep.end_s
        place_in = int((at_s - from_s) / (to_s - from_s) * COLUMNS)
        sign = "+" if verdict.added else "x" if verdict.state == "rejected" else "o"
        sign = sign if verdict.state == "rejected" or verdict.added or verdict.rep.counted else "p"
        signs[min(max(place_in, 0), COLUMNS - 1)] = sign
    return [
        *lines,
        f"  {''.join(signs)}",
        f"  {from_s:.0f} to {to_s:.0f} s; o counted, p not, x none, + added",
    ]


def _braille(
    time_s: NDArray[np.float64], value: NDArray[np.float64], from_s: float, to_s: float
) -> list[str]:
    """A curve of two by four dots a character."""
    low, high = float(np.nanmin(value)), float(np.nanmax(value))
    column = ((time_s - from_s) / (to_s - from_s) * (2 * COLUMNS - 1)).astype(int)
    row = ((high - value) / max(high - low, 1e-9) * (4 * ROWS - 1)).round()
    cells = np.zeros((ROWS, COLUMNS), dtype=int)
    dots = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
    seen = ~np.isnan(row)
    for x, y in set(zip(column[seen].tolist(), row[seen].astype(int).tolist(), strict=True)):
        cells[y // 4, x // 2] |= dots[y % 4][x % 2]
    return ["".join(chr(0x2800 + int(cell)) for cell in line).rstrip("\u2800") for line in cells]


def _export(args: argparse.Namespace, path: Path, dispute: Dispute) -> int:
    to = args.out / dispute.name
    try:
        to.mkdir(parents=True)
        for source in [path / DISPUTE, *sorted(path.glob("port-*.plc"))]:
            # No link is followed: the folder is the node's, and root may be who exports.
            number = os.open(source, os.O_RDONLY | os.O_NOFOLLOW)
            with os.fdopen(number, "rb") as read, (to / source.name).open("xb") as written:
                shutil.copyfileobj(read, written)
    except FileExistsError as error:
        raise ConfigError(f"{to}: exists already; give --out another folder") from error
    except OSError as error:
        raise ConfigError(f"{error.filename}: {error.strerror}; give --out another folder") from error
    print(to)
    return 0
