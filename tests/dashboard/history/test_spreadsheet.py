"""Exports for people: names, digits that sigma warrants, decimal commas, and cells that nothing runs."""

import csv
import io
import math
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.database.schema import open_writable
from dashboard.history import cli
from dashboard.history.export import COLUMNS, write_csv
from dashboard.history.spreadsheet import is_formula, rounded, write_excel
from dashboard.record.store import Arrived, open_store
from dashboard.roster.athletes import save
from dashboard.roster.people import Athlete
from station.errors import StoreError


@pytest.fixture
def where(tmp_path: Path, make_rep: Any, make_set: Any) -> str:
    """A history with a set of two reps by a-17."""
    path = str(tmp_path / "history.db")
    with open_store(path) as store:
        given = {"session": "one", "stream": "past", "athlete": "a-17"}
        messages = [
            make_rep(n, **given, seq=n, event_id=f"r{n}", rom_m=0.4, mean_force_n=None) for n in (1, 2)
        ]
        messages.append(make_set(1, **given, seq=3, event_id="s1"))
        store.ingest([Arrived("gym", "rack-1", message) for message in messages])
    return path


FORMULAS = [
    "=1+1",
    "+49 170 1",
    "-2+3",
    "@SUM(A1)",
    " =1+1",
    "\u00a0=1",
    "\u3000＝1",
    "＝1",
    "＋1",
    "－1",
    "＠A",
    "﹦1",
    "−1",
    "\u200b=1",
    "\ufeff@A",
    "\t=1",
    "\r=1",
    "\tx",
    "\x0b=1",
]


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("write", [write_csv, write_excel])
def test_no_cell_is_a_formula(text: str, write: Any) -> None:
    file = io.StringIO()
    write([{"name": text, "rom_m": -0.5, "count": -3}], ("name", "rom_m", "count"), file)
    rows = list(
        csv.reader(io.StringIO(file.getvalue(), newline=""), delimiter=";" if write is write_excel else ",")
    )
    text = text.replace("\r", "\n")  # a bare one would begin a row
    assert rows[1] == [f"'{text}", "-0,5" if write is write_excel else "-0.5", "-3"]


@pytest.mark.parametrize("text", ["", "Ana", "a-17", "a=1", "3-1-1-0", "'=1", "(+)", "2030-01-31T10:00:00Z"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert not is_formula(text)


@given(text=st.text(max_size=20))
def test_a_guarded_text_is_no_formula(text: str) -> None:
    assert not is_formula(f"'{text}") and (not is_formula(text) or text.strip("\t\r\n") != "a")


@pytest.mark.parametrize(
    "value, sigma, shown",
    [
        (0.41237, 0.0123, (0.412, 0.012)),
        (0.41237, 0.00987, (0.4124, 0.0099)),
        (1.2345, 0.5, (1.23, 0.5)),
        (123.4, 25.0, (123.0, 25.0)),
        (1234.0, 250.0, (1230.0, 250.0)),
        (0.4, None, (0.4, None)),
        (None, 0.01, (None, 0.01)),
        (0.4, 0.0, (0.4, 0.0)),
    ],
)
def test_a_number_has_the_digits_its_sigma_warrants(value: Any, sigma: Any, shown: tuple[Any, Any]) -> None:
    row = {"rom_m": value, "rom_sigma_m": sigma, "load_kg": 62.512345}
    (found,) = rounded([row])
    assert (found["rom_m"], found["rom_sigma_m"]) == shown
    assert found["load_kg"] == 62.512345  # of which nobody says a sigma


@given(value=st.floats(-1e6, 1e6), sigma=st.floats(1e-9, 1e4))
def test_rounding_moves_nothing_by_a_tenth_of_sigma(value: float, sigma: float) -> None:
    (found,) = rounded([{"rom_m": value, "rom_sigma_m": sigma}])
    assert abs(found["rom_m"] - value) <= 0.051 * sigma * 1.01 + 1e-9 * abs(value)
    assert math.isclose(found["rom_sigma_m"], sigma, rel_tol=0.051)


def test_an_export_for_excel_has_names_commas_and_a_byte_order_mark(where: str, tmp_path: Path) -> None:
    with open_writable(where) as db:
        save(db, [Athlete(id="a-17", name="Zoë; =Ström")])
    path = tmp_path / "all.csv"
    assert cli.export_command([str(path), "--db", where, "--dialect", "excel", "--names"]) == 0
    raw = path.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfsite;station;") and raw.count(b"\r\n") == raw.count(b"\n") == 3
    found = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert list(found[0]) == [*COLUMNS["reps"][:9], "athlete_name", *COLUMNS["reps"][9:]]
    assert {row["athlete_name"] for row in found if row["athlete"] == "a-17"} == {"Zoë; =Ström"}
    assert found[0]["rom_m"] == "0,4" and found[0]["mean_force_n"] == ""


def test_names_are_there_on_request_alone(where: str, tmp_path: Path) -> None:
    with open_writable(where) as db:
        save(db, [Athlete(id="a-17", name="Ana Okoro")])
    for words, there in (([], False), (["--names"], True)):
        for file in ("x.csv", "x.jsonl"):
            for what in ("reps", "sets"):
                assert cli.export_command([str(tmp_path / file), "--db", where, "--what", what, *words]) == 0
                assert ("Ana Okoro" in (tmp_path / file).read_text()) is there


def test_an_export_to_the_terminal_is_utf8_in_every_locale(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_writable(where) as db:
        save(db, [Athlete(id="a-17", name="Łukasz")])
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", write_through=True))
    assert cli.export_command(["-", "--db", where, "--names"]) == 0
    assert "Łukasz" in raw.getvalue().decode("utf-8")


@pytest.mark.parametrize(
    "words, says",
    [
        (["x.jsonl", "--dialect", "excel"], "--dialect excel writes .csv, not .jsonl"),
        (["x.parquet", "--dialect", "excel"], "--dialect excel writes .csv, not .parquet"),
        (["x.parquet", "--names"], "not into Parquet"),
        (["x.csv", "--names", "--what", "commands"], "commands belong to a station"),
        (["-", "--names", "--what", "commands"], "commands belong to a station"),
        (["x.xlsx"], "there are .csv, .jsonl and .parquet"),
    ],
)
def test_what_a_format_cannot_have_is_refused_before_anything_is_written(
    where: str, tmp_path: Path, words: list[str], says: str
) -> None:
    with pytest.raises(StoreError) as refused:
        cli.export_command(
            [words[0] if words[0] == "-" else str(tmp_path / words[0]), *words[1:], "--db", where]
        )
    assert says in str(refused.value) and not any(tmp_path.glob("x.*"))
