"""Names and badges as people type, paste and save them: kept as spelt, found however they are written."""

import gzip
import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.database.schema import open_history, open_writable
from dashboard.plaintext import clean
from dashboard.roster.athletes import athletes, find_athlete, save
from dashboard.roster.athletes_file import Roster, read_roster
from dashboard.roster.names import badge_warnings, name_key, normalize_badge, normalize_name, same_badge
from dashboard.roster.people import Athlete
from dashboard.roster.plans import identify, matching
from station.cli import main
from station.errors import ConfigError, StoreError
from station.exercises import all_profiles

PERSIAN = "می\u200cرا کوهی"  # a joiner that is spelling
HINDI = "क्\u200dषमा"
HEBREW = 'שרה\u200f (ב"ג)'


def roster(tmp_path: Path, text: str, encoding: str = "utf-8", name: str = "athletes.csv") -> Roster:
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return read_roster(path, all_profiles())


@pytest.mark.parametrize(
    "written, kept",
    [
        ("Ana\u00a0Okoro", "Ana Okoro"),
        ("\u2007Ana\u202fOkoro\u3000", "Ana Okoro"),
        ("Ana  \t Okoro", "Ana Okoro"),
        ("\ufeffAna\u200b Oko\u00adro\u2060", "Ana Okoro"),
        ("Zoe\u0308", "Zoë"),
        ("Jose\u0301 Nu\u0301n\u0303ez", "José Núñez"),
        ("Nguye\u0302\u0303n", "Nguyễn"),
        (PERSIAN, PERSIAN),
        (HINDI, HINDI),
        (HEBREW, HEBREW),
        ("\u200fAna\u200e", "Ana"),
        ("A\u200dna", "Ana"),
        ("\u202eanA\u202c", "anA"),
        ("\u2067Ana\u2069", "Ana"),
        (f"\u200c{PERSIAN}\u200c", PERSIAN),
        ("한\u1100\u1161", "한가"),
        ("\u200b\u200c", ""),
    ],
)
def test_a_name_is_kept_as_it_is_spelt(written: str, kept: str) -> None:
    assert normalize_name(written) == unicodedata.normalize("NFC", kept)
    assert normalize_name(normalize_name(written)) == normalize_name(written)


@given(text=st.text(max_size=60))
def test_spelling_is_found_once_and_hides_nothing(text: str) -> None:
    kept = normalize_name(text)
    assert normalize_name(kept) == kept and name_key(kept) == name_key(text)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b\ufeff]", kept)
    for form in ("NFC", "NFD"):
        assert name_key(unicodedata.normalize(form, text)) == name_key(text)


@pytest.mark.parametrize(
    "kept, asked",
    [
        ("Zoë Ström", "zoe\u0308 stro\u0308m"),
        ("Ana Okoro", "ANA\u00a0OKORO"),
        (PERSIAN, PERSIAN.replace("\u200c", "")),
        (HINDI, HINDI.replace("\u200d", "")),
        (HEBREW, HEBREW.replace("\u200f", "")),
        ("Straße", "STRASSE"),
        ("Ana", "Ａｎａ"),
    ],
)
def test_a_name_is_found_however_it_is_typed(tmp_path: Path, kept: str, asked: str) -> None:
    people = [Athlete(id="a-17", name=normalize_name(kept)), Athlete(id="b-04", name="Ben Lund")]
    found = identify(people, asked)
    assert found is not None and found.id == "a-17"
    assert [one.id for one in matching(people, name_key(asked)[:3])] == ["a-17"]
    with open_writable(str(tmp_path / "h.db")) as db:
        save(db, people)
        assert find_athlete(db, asked) == "a-17"


def test_joiners_are_shown_and_overrides_are_not() -> None:
    assert clean(PERSIAN) == PERSIAN and clean(HINDI) == HINDI
    assert clean("A\u200db\u200c\u202ec") == "Abc"
    assert clean("م\u200c\u200c\u200cی") == "م\u200cی"


@pytest.mark.parametrize(
    "kept, read, same",
    [
        ("42", "0042", True),
        ("0042", "42", True),
        ("42", "420", False),
        ("0", "000", False),
        ("4.20001E+11", "420001234567", True),
        ("4,20001E+11", "420001234567", True),
        ("4.2E+11", "420001234567", True),
        ("4.2E+11", "4200012345678", False),
        ("4.20001E+11", "420011234567", False),
        ("1.20E+05", "120000", True),
        ("1.20E+05", "12E4", True),
        ("42", "42a", False),
        ("a42", "a042", False),
        ("4.2E+11", "nan", False),
        ("4.2E+11", "9e999999999", False),
        ("42", "４２", True),
    ],
)
def test_what_a_spreadsheet_does_to_badges_is_known_again(kept: str, read: str, same: bool) -> None:
    assert same_badge(kept, read) is same


def test_a_maimed_badge_is_forgiven_for_one_and_refused_between_two(tmp_path: Path) -> None:
    people = [
        Athlete(id="a-17", name="Ana", badge="42"),
        Athlete(id="b-04", name="Ben", badge="4.20001E+11"),
        Athlete(id="c-01", name="Cem", badge="0007"),
    ]
    for read, owner in (("0042", "a-17"), ("420001234567", "b-04"), ("7", "c-01"), ("0007", "c-01")):
        found = identify(people, read, ("badge", "id"))
        assert found is not None and found.id == owner
    twins = [
        *people,
        Athlete(id="d-02", name="Dan", badge="042"),
        Athlete(id="e-03", name="Eve", badge="4.20E+11"),
    ]
    assert identify(twins, "0042", ("badge", "id")) is None
    assert identify(twins, "420001234567", ("badge", "id")) is None
    exact = identify(twins, "042", ("badge", "id"))
    assert exact is not None and exact.id == "d-02"
    with open_writable(str(tmp_path / "h.db")) as db:
        save(db, twins)
        assert find_athlete(db, "007") == "c-01"
        with pytest.raises(StoreError, match="is 2 athletes: a-17, d-02"):
            find_athlete(db, "00042")


def test_a_maimed_badge_is_said_at_import(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "saved.csv"
    path.write_text("id;name;badge\na-1;Ana;42\nb-2;Ben;1234\nc-3;Cem;2345\nd-4;Dan;4,20001E+11\n")
    assert main(["athletes", "import", str(path), "--db", str(tmp_path / "h.db")]) == 0
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert (
        "line 2: badge 42 of a-1: 2 digits where others have 4: a spreadsheet drops leading zeros" in said[0]
    )
    assert "line 5: badge 4,20001E+11 of d-4: a spreadsheet has rounded it" in said[1]
    assert badge_warnings(["1", "22", "333"]) == {}
    assert badge_warnings(["0042", "0007"]) == {}
    assert [normalize_badge(one) for one in ("'0042", "42.0", "42,0", "0042\u00a0", "O'Hara")] == [
        "0042",
        "42",
        "42",
        "0042",
        "O'Hara",
    ]


TABLE = """\
id,name,badge,exercise,load_kg,sets,reps,tempo
a-17,Ana Okoro,0042,rdl,62.5,3,8,2-0-1-1
a-17,,,cable-pull-through,25,3,12,
b-04,Zoë Ström,0077,,,,,
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: text.replace(".", ",").replace(",", ";").replace("62;5", "62,5"),
        lambda text: text.replace(",", "\t"),
        lambda text: "sep=;\r\n" + text.replace(",", ";").replace("\n", "\r\n"),
        lambda text: "# from the office\n\n" + text.replace("\n", ",,\n"),
        lambda text: "\n".join(",".join(f'"{cell}"' for cell in row.split(",")) for row in text.splitlines()),
        lambda text: text.replace("id,name,badge", "Id, Name ,BADGE"),
        lambda text: text.replace("Zoë", "Zoe\u0308").replace("Ana Okoro", "Ana\u00a0Okoro "),
        lambda text: text.replace("0077", "'0077").replace("\n", "\r"),
    ],
)
def test_athletes_are_read_in_the_dialects_of_recordings(tmp_path: Path, change: Any, encoding: str) -> None:
    assert roster(tmp_path, change(TABLE), encoding).athletes == roster(tmp_path, TABLE).athletes
    ana, zoe = roster(tmp_path, change(TABLE), encoding).athletes
    assert (ana.name, ana.badge, ana.plans[0].load_kg, len(ana.plans)) == ("Ana Okoro", "0042", 62.5, 2)
    assert (zoe.name, zoe.badge) == ("Zoë Ström", "0077")


@pytest.mark.parametrize(
    "text, says",
    [
        (TABLE.replace("62.5", "62,5"), "line 2 has 9 cells, the header names 8 columns"),
        (
            TABLE.replace(",", ";").replace("62.5", "1,250").replace(";25;", ";2.500;"),
            "write all numbers in one way",
        ),
        (TABLE.replace("62.5", "62.5 kg"), "line 2: load_kg: '62.5 kg'; expected a number from 0 to 1000"),
        (TABLE.replace("Ana Okoro", "\x1b[31mAna"), "character 0x1b is no text"),
        (TABLE.replace("name", "names"), "line 1: unknown 'names'; did you mean name?"),
        ("", "empty; the first line names the columns"),
        (TABLE.replace("a-17,,,", "a-17,Anna,,"), "name of a-17 is 'Anna', and 'Ana Okoro' in line 2"),
    ],
)
def test_tables_of_athletes_that_cannot_be_read_are_refused_with_the_line(
    tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        roster(tmp_path, text)
    assert "athletes.csv" in str(refused.value) and says in str(refused.value)


def test_names_in_toml_are_spelt_the_same(tmp_path: Path) -> None:
    text = f'[[athletes]]\nid = "a-17"\nname = "Zoe\u0308\u00a0{PERSIAN}"\nbadge = " 0042"\n'
    (one,) = roster(tmp_path, text, name="athletes.toml").athletes
    assert (one.name, one.badge) == (f"Zoë {PERSIAN}", "0042")
    with open_writable(str(tmp_path / "h.db")) as db:
        save(db, [one])
    with open_history(str(tmp_path / "h.db")) as db:
        assert [kept.name for kept in athletes(db)] == [f"Zoë {PERSIAN}"]


@pytest.mark.parametrize(
    "kept, typed",
    [
        ("Işıl Ilgaz", "işil ilgaz"),
        ("IŞIL ILGAZ", "ışıl ılgaz"),
        ("İpek", "ipek"),
        ("مهدی\u200cپور", "مهدي\u200cپور"),
        ("کریم", "كريم"),
        ("Niamh O\u2019Neill", "niamh o'neill"),
        ("Anne\u2011Marie", "anne-marie"),
    ],
)
def test_signs_that_another_keyboard_has_find_the_same_name(kept: str, typed: str) -> None:
    one = Athlete(id="a-1", name=kept)
    other = Athlete(id="a-2", name="Ana")
    assert identify([one, other], typed) == one
    assert matching([other, one], typed.rsplit(maxsplit=1)[-1]) == [one]
    assert normalize_name(kept) == kept


def test_a_formula_that_keeps_a_badges_zeros_is_the_badge(tmp_path: Path) -> None:
    assert normalize_badge('="0042"') == "0042"
    found = roster(tmp_path, 'id,name,badge\na-1,Ana,"=""0042"""\na-2,Bo,="0043"\n')
    assert [one.badge for one in found.athletes] == ["0042", "0043"]


@pytest.mark.parametrize(
    "name, says",
    [
        ("JÃ¼rgen", "rather 'Jürgen'"),
        ("J\ufffdrgen", "a letter was lost"),
        ("Jürgen", ""),
    ],
)
def test_a_name_that_was_saved_in_another_encoding_is_said(tmp_path: Path, name: str, says: str) -> None:
    (warning,) = roster(tmp_path, f"id,name\na-1,{name}\n").warnings or ("",)
    assert says in warning and bool(says) == bool(warning)


def test_athletes_come_packed_and_by_any_name_and_workbooks_are_called_so(tmp_path: Path) -> None:
    for name, data in (
        ("a.tsv", TABLE.replace(",", "\t").encode()),
        ("a.csv.gz", gzip.compress(TABLE.encode())),
    ):
        (tmp_path / name).write_bytes(data)
        assert read_roster(tmp_path / name, all_profiles()) == roster(tmp_path, TABLE)
    (tmp_path / "a.xlsx").write_bytes(b"PK\x03\x04")
    with pytest.raises(ConfigError, match="a workbook"):
        read_roster(tmp_path / "a.xlsx", all_profiles())


def test_two_lists_in_one_file_are_not_an_athlete_called_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"line 3 is the header \(line 1\) again"):
        roster(tmp_path, "id,name\na-1,Ana\nid,name\na-2,Bo\n")
