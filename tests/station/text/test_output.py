"""Locales that are not UTF-8: the nearest letters, never a traceback; data stays UTF-8."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.cli import commands, main
from station.text.output import PLAIN, open_standard_streams, plain, print_data, screen_problem

LOCALES = ["ascii", "iso8859-1", "iso8859-2", "koi8-r", "cp1252", "cp437", "shift_jis", "gb2312"]


@pytest.fixture
def stdout_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], io.BytesIO]:
    """Make standard output one of another encoding; its bytes."""

    def make(encoding: str) -> io.BytesIO:
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding, write_through=True))
        return raw

    return make


@given(text=st.text())
def test_any_text_becomes_ascii(text: str) -> None:
    assert plain(text).isascii()
    for encoding in LOCALES:
        assert text.encode(encoding, PLAIN).decode(encoding) is not None


def test_letters_and_signs_become_the_nearest() -> None:
    assert plain("Łukasz Strößner, Åse Ødegård") == "Lukasz Strossner, Ase Odegard"
    assert plain("0.43 ± 0.01 m/s … “X” ≥ 3 × 8 — 90°") == '0.43 +- 0.01 m/s ... "X" >= 3 x 8 - 90deg'
    assert plain("█▄▁ ✓ 日本") == "##_ + ??"
    assert "Łódź".encode("iso8859-2", PLAIN).decode("iso8859-2") == "Łódź"


@pytest.mark.parametrize("encoding", LOCALES)
@pytest.mark.parametrize("command", ["", *sorted(commands())])
def test_every_help_can_be_printed_in_every_locale(
    stdout_in: Callable[[str], io.BytesIO], encoding: str, command: str
) -> None:
    raw = stdout_in(encoding)
    try:
        main([command, "--help"] if command else ["--help"])
    except SystemExit as left:
        assert left.code == 0
    assert len(raw.getvalue().decode(encoding)) > 200


@pytest.mark.parametrize("encoding", LOCALES)
def test_an_analysis_is_printed_in_every_locale_and_its_json_is_utf8(
    stdout_in: Callable[[str], io.BytesIO], tmp_path: Path, encoding: str
) -> None:
    assert main(["simulate", "--exercise", "rdl", "--reps", "2", "--out", str(tmp_path / "rec.csv")]) == 0
    station = tmp_path / "rack.toml"
    station.write_text('[station]\nid = "rack-1"\nkind = "barbell"\n')
    words = ["analyze", str(tmp_path / "rec.csv"), "--station", str(station), "--exercise", "rdl"]
    raw = stdout_in(encoding)
    assert main(words) == 0
    assert "set" in raw.getvalue().decode(encoding)
    raw = stdout_in(encoding)
    assert main([*words, "--json"]) == 0
    assert json.loads(raw.getvalue().decode("utf-8"))["station"] == "rack-1"


def test_data_are_utf8_in_every_locale(stdout_in: Callable[[str], io.BytesIO]) -> None:
    raw = stdout_in("ascii")
    open_standard_streams()
    print("Łukasz")
    print_data("Łukasz")
    assert raw.getvalue() == b"Lukasz\n" + "Łukasz\n".encode()


def test_a_process_with_closed_streams_and_the_c_locale_ends_without_a_traceback(tmp_path: Path) -> None:
    bare = {"PATH": os.environ["PATH"], "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = f"{sys.executable} -P -m station.cli"
    for words, status in (
        ("export --help", 0),
        ("analyze --help >&-", 0),
        ("analyze caf\udce9.csv --station x.toml --exercise rdl", 1),
        ("nonsense <&- >&- 2>&-", 2),
        ("dashboard --plain --for 0.1 --no-record --port 1 <&- >&-", 0),
    ):
        line = os.fsencode(f"{command} {words}")
        done = subprocess.run(
            ["sh", "-c", line], env=bare, cwd=tmp_path, capture_output=True, timeout=60, check=False
        )
        assert done.returncode == status, done.stderr
        assert b"Traceback" not in done.stderr + done.stdout


def test_what_the_screen_needs_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONIOENCODING", raising=False)
    for encoding in ("utf-8", "UTF8"):
        monkeypatch.setattr(sys, "__stderr__", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
        assert screen_problem() is None
    monkeypatch.setattr(sys, "__stderr__", io.TextIOWrapper(io.BytesIO(), encoding="iso8859-2"))
    said = screen_problem()
    assert said is not None and "the locale says iso8859-2" in said and "LC_ALL=C.UTF-8" in said
