"""No traceback from any subcommand, whatever the file, the environment or the locale.

Five hundred command lines with files that are something else, cut short, changed here and there, saved in
another encoding, or no files at all: each ends with 0, 1 or 2, and with a few lines that give the reason.
"""

import gzip
import io
import os
import random
import subprocess
import sys
import time
import tomllib
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboard.database.schema import open_writable
from dashboard.roster.athletes import save
from dashboard.roster.people import Athlete, Plan
from station.cli import commands, main

pytestmark = pytest.mark.long
CASES, BATCHES = int(os.environ.get("PLUMBLINE_CASES", "500")), 10
LOCALES = ["utf-8", "ascii", "iso8859-2", "cp1252", "shift_jis", "koi8-r"]
ZONES = ["UTC", "Africa/Cairo", "America/Santiago", "Nowhere/None", "", ":", "<+0330>-3:30"]
STATION = """\
exercise = "rdl"
[station]
id = "rack-1"
kind = "barbell"
[geometry]
lpt_anchor_m = [0.02, 0.0]
"""
PORTS = """\
[[ports]]
url = "PORT"
driver = "csv"
columns = ["time_ms", "position_m"]
[mqtt]
host = "127.0.0.1"
tls = false
port = 1
"""
ATHLETES = "id,name,badge,exercise,load_kg,sets,reps,tempo\na-17,Zoë Ström,0042,rdl,62.5,3,8,2-0-1-1\n"
BOARD = 'name = "rack-1"\n'
# F: a hostile file; S, R, H: a good station file, recording and history; N: something new.
COMMANDS = """\
analyze F --station S --exercise rdl
analyze F --station S --exercise rdl --json
analyze F --station S --exercise rdl --plot N.png
analyze R --station F --exercise rdl
analyze R --station S --exercise F
import F -o N.csv
import F -o N.csv --rate 100 --column a=position_m
import F -o N.csv --spread --column 1=time_ms --column 2=position_mm
athletes import F --db N.db
athletes import F --db H --exercises F
athletes list --db F
athletes export a-17 N.json --db F
athletes export F N.json --db H
athletes erase a-17 --yes --db F
export N.csv --db F --names --dialect excel
export N.parquet --db F
export - --db F --what sets --from 2024-04-26
export F --db H
report a-17 --db F -o N.html
report list --db F --to 2025-09-07
report F --db H
dashboard --config F --plain --for 0.05 --no-record --port 1
dashboard --plain --for 0.05 --db F --port 1 --host 127.0.0.1
dashboard --plain --for 0.05 --no-record --exercises F --port 1
dashboard --plain --for 0.05 --no-record --username a --password-file F --port 1
screen rack-1 --config F --plain --for 0.05
screen F --plain --for 0.05
doctor --station F --for 0.5
doctor --station S --outbox F --for 0.5
calibrate --station F --channel force_n --points 0,10
edge --station F --outbox N.db
edge --station F S --outbox F
capture --station F --out N.plc --for 0.05
capture F --out N.plc --for 0.05
replay F --station S --exercise rdl --speed 1e9 --host 127.0.0.1 --port 1
replay R --station F --exercise rdl --host 127.0.0.1 --port 1
simulate --scenario F --out N.csv
simulate --exercise F --out N.csv
schema F
board configure F --out N.uf2
board check F
record --db F --port 99999 --host 127.0.0.1
record --db H --host F
broker status F
chain init F
chain check --server a:1 --ca-file F --credential F
relay --site g --db F --server a:1 --ca-file F --credential F
relay --site g --db F --remove
ingest --db F --server a:1 --ca-file F --credential F
broker renew F
disputes list --dir F
disputes show F --dir F
backup --out N --db F --root N
restore F --db N.db --root N
restore F --db F --root N --check
restore F --db N.db --root N --only settings --over
history move F N.db
history move H F
unit status F
unit status --root F
unit add record --db F --root N
unit add record --db F --pgpass F --root N --dry-run
unit add dashboard --root F
unit add screen rack-1 --root N
unit remove record --root F
edge install rack-1 --host F --root N
edge install F --root N --dry-run
edge remove F --root N
edge status --root F
edge retire F
broker add N --host F --stations rack-1 F
broker add N --host gym.local --requests F --dry-run
broker remove F rack-1
broker --port F
board build F --out N.uf2
board flash F --disk N
board flash F --port F
disputes export --all --dir F --out N
demo --seed F
simulate --scenario F --pty F
simulate --exercise rdl --capture F --station-out F --truth F
update --from F --into N
F
analyze
reprocess F --station S --exercise rdl --out N
reprocess R --station F --exercise rdl --out N --workers 1
export --db
--version F
""".splitlines()


def good_files(folder: Path) -> dict[str, Path]:
    """A station file, a recording and a history that are well; and others to be spoilt."""
    found = {
        name: folder / name
        for name in ("rack.toml", "rec.csv", "h.db", "athletes.csv", "ports.toml", "b.toml")
    }
    assert main(["simulate", "--exercise", "rdl", "--reps", "2", "--out", str(found["rec.csv"])]) == 0
    found["rack.toml"].write_text(STATION)
    found["ports.toml"].write_text(STATION + PORTS)
    found["athletes.csv"].write_text(ATHLETES, encoding="utf-8")
    found["b.toml"].write_text(BOARD)
    with open_writable(str(found["h.db"])) as db:
        save(db, [Athlete(id="a-17", name="Zoë", badge="0042", plans=(Plan(exercise="romanian-deadlift"),))])
    return found


class Hostile:
    """Makes a file that is not what is expected."""

    def __init__(self, folder: Path, good: dict[str, Path], rng: random.Random) -> None:
        self._folder = folder
        self._sources = [path.read_bytes()[:200_000] for path in good.values()]
        self._rng = rng
        self._count = 0

    def make(self) -> str:
        rng = self._rng
        self._count += 1
        name = rng.choice(["x", "x y", "é", "x\udce9", "-x", "x;y", "x\n"])
        path = (
            self._folder
            / f"{self._count}{name}{rng.choice(['', '.csv', '.toml', '.db', '.parquet', '.plc', '.gz'])}"
        )
        kind = rng.randrange(12)
        if kind == 0:
            return rng.choice(
                [
                    "/dev/null",
                    "/dev/full",
                    "/nonexistent/x",
                    "",
                    "a" * 5000,
                    "postgresql://",
                    "postgresql://127.0.0.1:1/x",
                    "socket://127.0.0.1:1",
                ]
            )
        if kind == 1:
            path.mkdir()
            return str(path)
        if kind == 2:
            path.symlink_to(path)
            return str(path)
        path.write_bytes(self._bytes(kind))
        return str(path)

    def _bytes(self, kind: int) -> bytes:
        rng = self._rng
        data = bytearray(rng.choice(self._sources))
        if kind == 3:
            return bytes(rng.randrange(256) for _ in range(rng.randrange(400)))
        if kind == 4:
            return b""
        if kind == 5:
            return bytes(data[: rng.randrange(max(1, len(data)))])
        if kind == 6:
            return (
                bytes(data)
                .decode("latin-1")
                .encode(rng.choice(["utf-16", "utf-8-sig", "utf-32", "utf-16-be"]))
            )
        if kind == 7:
            return gzip.compress(bytes(data))[: rng.randrange(40, 4000)]
        for _ in range(rng.randrange(1, 30)):
            at = rng.randrange(max(1, len(data)))
            change = rng.choice(
                [
                    bytes([rng.randrange(256)]),
                    b"",
                    b"\n",
                    b'"',
                    b",",
                    b"[",
                    b"nan",
                    b"-1e999",
                    b"\0",
                    b"9" * 50,
                ]
            )
            data[at : at + rng.randrange(1, 6)] = change
        return bytes(data)


@pytest.fixture
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home and a working directory of our own, and this machine's zone again afterwards."""
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "TMPDIR"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("PLUMBLINE_ANSWER", "")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    monkeypatch.undo()
    time.tzset()


def test_every_subcommand_is_tried_and_installed() -> None:
    pyproject = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    promised = pyproject["project"]["entry-points"]["plumbline.commands"].keys()
    assert commands().keys() == promised, "installed before pyproject.toml was changed: make .venv/.dev"
    assert promised <= {words.split()[0] for words in COMMANDS}


@pytest.mark.parametrize("batch", range(BATCHES))
def test_no_command_line_ends_in_a_traceback(
    surroundings: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    rng = random.Random(batch)
    good, problems = good_files(surroundings), list[str]()
    hostile = Hostile(surroundings, good, rng)
    known = {"S": good["rack.toml"], "R": good["rec.csv"], "H": good["h.db"]}
    for number in range(CASES // BATCHES):
        template = COMMANDS[(batch + number * BATCHES) % len(COMMANDS)]
        new = str(surroundings / f"new-{number}")
        words = []
        for word in template.split(" "):
            stem, dot, suffix = word.partition(".")
            if stem == "N" and len(word) < 12:
                words.append(f"{new}{dot}{suffix}")
            else:
                words.append(hostile.make() if word == "F" else str(known.get(word, word)))
        encoding = rng.choice(LOCALES)
        with monkeypatch.context() as patch:
            streams = [
                io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True) for _ in range(2)
            ]
            patch.setattr(sys, "stdout", streams[0])
            patch.setattr(sys, "stderr", streams[1])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\n"), encoding=encoding))
            patch.setenv("TZ", rng.choice(ZONES))
            patch.setenv("COLUMNS", rng.choice(["", "0", "1", "-5", "x", "80"]))
            time.tzset()
            problem = _problem(words, *(stream.buffer for stream in streams))
        if problem is not None:
            problems.append(f"plumbline {words!r} ({encoding}): {problem}")
    assert not problems, "\n".join(problems)


def _problem(words: list[str], out: Any, err: Any) -> str | None:
    """What is wrong with how a command line ended; None: nothing."""
    try:
        status = main(words)
    except SystemExit as left:
        status = left.code if isinstance(left.code, int) else 1
    except Exception:  # noqa: BLE001 - that there is none is what is tried
        return traceback.format_exc()[-1500:]
    said = err.getvalue()
    if status not in (0, 1, 2):
        return f"status {status}"
    if b"Traceback" in said:
        return "a traceback is printed"
    if status == 1 and not said and not out.getvalue():
        return "it gives no reason"
    longest = max(map(len, said.splitlines()), default=0)
    return f"a line of {longest} characters" if longest > 6_000 else None


@pytest.mark.parametrize(
    "env",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "xx_YY.nonsense"},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "utf-16"},
        {"TERM": "", "COLUMNS": "0", "LINES": "0"},
        {"TZ": "Nowhere/None", "HOME": "/nonexistent", "XDG_DATA_HOME": "/dev/null"},
        {"HOME": "", "TMPDIR": "/nonexistent"},
    ],
)
def test_no_environment_makes_a_traceback(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "athletes.csv").write_text(ATHLETES, encoding="utf-8")
    base = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    for words in (
        "athletes import athletes.csv",
        "athletes list",
        "report list",
        "nonsense",
        "export --help",
    ):
        command = [sys.executable, "-P", "-m", "station.cli", *words.split()]
        done = subprocess.run(
            command, env=base | env, cwd=tmp_path, capture_output=True, timeout=60, check=False
        )
        assert done.returncode in (0, 1, 2), done.stderr
        assert b"Traceback" not in done.stdout + done.stderr, done.stderr
