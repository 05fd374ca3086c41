"""A coverage-guided fuzzer in a page: inputs that reach a line by a new way are kept and changed further.

After afl (Zalewski, 2013) and libFuzzer, in Python's own terms: `sys.settrace` tells the lines of our
packages as they are run, a pair of lines that follow each other is an edge, and how often an edge was taken
counts in powers of two. Slow beside a compiled one, and it needs nothing that is not there.
"""

import random
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
OURS = tuple(str(ROOT / name) for name in ("station", "edge", "dashboard"))
SLOW_S = 2.0  # of processor time, for an input below MOST_BYTES
HANG_S = 20
MOST_BYTES = 16_384
MOST_KEPT = 2000
MOST_GROWTH_MB = 48.0  # of the whole process, edges and kept inputs included
EXTREMES = (
    *(b"0", b"-1", b"1e308", b"-1e-320", b"1e999", b"NaN", b"-Infinity", b"9" * 30, b"9" * 5000),
    *(
        b"2147483648",
        b"9223372036854775808",
        b"0x7f",
        b"1_0",
        b"1,5",
        b"1.234,5",
        b"\xd9\xa3",
        b"null",
        b"true",
    ),
    *(
        b"",
        b'"',
        b"'",
        b'"""',
        b"\x00",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        b"\xe2\x80\xae",
        b"\\ud800",
    ),
    *(b"[" * 600, b"{" * 600, b"\r", b"\r\n\r\n", b"\t", b";", b"#", b"=", b"."),
)


class Hang(BaseException):
    """An input took so long that it will not come back."""


class Target(NamedTuple):
    """What is fuzzed.

    run : takes an input; raises one of `refuses` for one that is refused
    seeds : inputs to begin with
    words : that mean something in the format
    """

    run: Callable[[bytes], object]
    refuses: tuple[type[Exception], ...]
    seeds: Sequence[bytes]
    words: Sequence[bytes]


class Finding(NamedTuple):
    """An input that was neither taken nor refused."""

    what: str
    data: bytes


class Outcome(NamedTuple):
    """What came of a run."""

    inputs: int
    refused: int
    edges: int
    kept: int
    slowest_s: float
    growth_mb: float
    findings: list[Finding]

    @property
    def passed(self) -> bool:
        return not self.findings and self.growth_mb < MOST_GROWTH_MB


class Edges:
    """Which pairs of lines of ours an input takes, and how often in powers of two."""

    def __init__(self) -> None:
        self._ours: dict[Any, bool] = {}
        self._counts: dict[tuple[int, int], int] = {}
        self._last = 0

    def watch(self, work: Callable[[], object]) -> None:
        """Do it; `taken` tells the edges, also where it raises."""
        self._counts, self._last = {}, 0
        sys.settrace(self._enter)
        try:
            work()
        finally:
            sys.settrace(None)

    def taken(self) -> Iterator[tuple[int, int, int]]:
        """The edges of the newest input."""
        return ((*edge, count.bit_length()) for edge, count in self._counts.items())

    def _enter(self, frame: FrameType, event: str, _: Any) -> Any:
        code = frame.f_code
        ours = self._ours.get(code)
        if ours is None:
            ours = self._ours[code] = code.co_filename.startswith(OURS)
        return self._line if ours else None

    def _line(self, frame: FrameType, event: str, _: Any) -> Any:
        here = hash((frame.f_code, frame.f_lineno))
        edge = (self._last, here)
        self._counts[edge] = self._counts.get(edge, 0) + 1
        self._last = here
        return self._line


def fuzz(target: Target, lasts_s: float, seed: int, *, least: int = 0, first: bool = False) -> Outcome:
    """Run changed inputs for so long, and `least` of them; `first`: until something is found."""
    rng = random.Random(seed)
    edges, seen = Edges(), set[tuple[int, int, int]]()
    kept: list[bytes] = []
    findings: dict[str, Finding] = {}
    inputs = refused = 0
    slowest_s, settled_mb = 0.0, None
    waiting = list(target.seeds)
    begun_s = time.monotonic()
    while (waiting or inputs < least or time.monotonic() - begun_s < lasts_s) and not (first and findings):
        data = waiting.pop() if waiting else changed(rng, kept or list(target.seeds), target.words)
        start_s, inputs = time.process_time(), inputs + 1
        what = None
        try:
            with no_longer_than(HANG_S):
                edges.watch(partial(target.run, data))
        except target.refuses:
            refused += 1
        except Hang:
            what = f"hangs: {HANG_S} s"
        except Exception:  # noqa: BLE001 - that is what is looked for
            what = traceback.format_exc()
        took_s = time.process_time() - start_s
        slowest_s = max(slowest_s, took_s)
        if what is None and took_s > SLOW_S:
            what = f"slow: {took_s:.1f} s for {len(data)} bytes"
        if what is not None:
            findings.setdefault(_place(what), Finding(what, data))
        new = set(edges.taken()) - seen
        if new:
            seen |= new
            kept.append(data)
            if len(kept) > MOST_KEPT:
                del kept[rng.randrange(len(kept) // 2)]
        if settled_mb is None and time.monotonic() - begun_s > lasts_s / 3:
            settled_mb = _resident_mb()
    growth_mb = _resident_mb() - (settled_mb or 0.0)
    return Outcome(inputs, refused, len(seen), len(kept), slowest_s, growth_mb, list(findings.values()))


def changed(rng: random.Random, kept: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """One of the kept inputs, preferably a new one, changed in one to eight places."""
    newest = min(len(kept), 200)
    data = kept[-1 - rng.randrange(newest)] if rng.random() < 0.7 else rng.choice(kept)
    for _ in range(rng.choice((1, 1, 2, 4, 8))):
        first = rng.randrange(len(data) + 1)
        last = min(len(data), first + rng.choice((0, 1, 1, 4, 16, 64)))
        piece = data[first:last]
        match rng.randrange(9):
            case 0:
                piece = bytes(rng.randrange(256) for _ in range(rng.choice((1, 1, 3))))
            case 1:
                piece = b""
            case 2:
                piece *= rng.choice((2, 2, 20))
            case 3:
                piece = rng.choice(EXTREMES)
            case 4 | 5 if words:
                piece = rng.choice(words)
            case 6:
                other = rng.choice(kept)
                cut = rng.randrange(len(other) + 1)
                piece, last = other[cut:], len(data) if rng.random() < 0.5 else last
            case 7 if piece:
                at = rng.randrange(len(piece))
                piece = piece[:at] + bytes([piece[at] ^ (1 << rng.randrange(8))]) + piece[at + 1 :]
            case 8:
                first, last, piece = _number(rng, data, first)
        data = (data[:first] + piece + data[last:])[:MOST_BYTES]
    if rng.random() < 0.01:
        data = data.decode("latin-1").encode(rng.choice(("utf-16", "utf-16-be", "utf-8-sig")))[:MOST_BYTES]
    return data


def _number(rng: random.Random, data: bytes, near: int) -> tuple[int, int, bytes]:
    """The next number after a place, and an extreme one or a neighbour in its stead."""
    first = next((n for n in range(near, min(len(data), near + 400)) if data[n : n + 1].isdigit()), None)
    if first is None:
        return near, near, b"1"
    last = first
    while last < len(data) and data[last : last + 1] in b"0123456789.":
        last += 1
    if rng.random() < 0.5 or b"." in data[first:last] or last - first > 15:
        return first, last, rng.choice(EXTREMES)
    return first, last, b"%d" % (int(data[first:last]) + rng.choice((-1, 1, 1000)))


@contextmanager
def no_longer_than(seconds: int) -> Iterator[None]:
    """Raises Hang after so long. On the main thread."""

    def over(*_: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _place(what: str) -> str:
    """What tells a finding from another: the last two lines of code, and the kind."""
    lines = [line.strip() for line in what.splitlines() if line.startswith("  File ")]
    return "|".join([*lines[-2:], what.splitlines()[-1].split(":")[0]])


def _resident_mb() -> float:
    pages = Path("/proc/self/statm")
    if pages.exists():
        return int(pages.read_text().split()[1]) * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
