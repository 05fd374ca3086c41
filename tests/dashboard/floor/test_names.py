"""What an athlete is called on a screen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from dashboard.floor.names import name_of, shortened
from dashboard.plaintext import cells as cells_of
from dashboard.plaintext import clean, column
from dashboard.roster.people import Athlete, names_of
from dashboard.roster.plans import matching

ANA = Athlete(id="a-17", name="Ana Maria Okoro", badge="0042")
BEN = Athlete(id="b-04", name="Ben Lund")
BENNO = Athlete(id="b-05", name="Benno Okoro")
TWIN = Athlete(id="b-06", name="Ben Lund")


def test_the_name_is_said_and_the_id_of_whoever_has_none() -> None:
    names = names_of([ANA, BEN])
    assert [name_of(one, names) for one in ("a-17", "z-99", None)] == ["Ana Maria Okoro", "z-99", None]


def test_two_of_one_name_are_told_apart() -> None:
    names = names_of([ANA, BEN, TWIN])
    assert names == {"a-17": "Ana Maria Okoro", "b-04": "Ben Lund b-04", "b-06": "Ben Lund b-06"}


@pytest.mark.parametrize(
    ("cells", "shown"), [(15, "Ana Maria Okoro"), (14, "Ana O."), (6, "Ana O."), (5, "AMO"), (2, "A…")]
)
def test_a_name_is_shortened_as_people_would(cells: int, shown: str) -> None:
    assert shortened("Ana Maria Okoro", cells) == shown


@given(st.text(max_size=40), st.integers(0, 40))
def test_a_shortened_name_fits(name: str, cells: int) -> None:
    assert cells_of(shortened(clean(name), cells)) <= cells


@given(st.text(max_size=40), st.integers(0, 40))
def test_a_column_is_as_wide_as_asked_whatever_the_script(text: str, room: int) -> None:
    assert cells_of(column(clean(text), room)) == room


def test_wide_letters_and_marks_take_the_room_they_take_on_a_screen() -> None:
    assert [cells_of(text) for text in ("Ana", "東京", "Zoe\u0308", "😀", "שלום")] == [3, 4, 3, 2, 4]
    for text in ("Ana", "東京", "Zoe\u0308", "😀", "שלום", "กำลัง"):
        assert cells_of(text) == cell_len(text)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("0042", ["a-17"]),
        ("ana", ["a-17"]),
        ("MARIA OK", ["a-17"]),
        ("oko", ["a-17", "b-05"]),
        ("b-0", ["b-04", "b-05"]),
        ("ben", ["b-04", "b-05"]),
        ("ben lund", ["b-04"]),
        ("und", []),
    ],
)
def test_whom_a_word_may_mean(word: str, meant: list[str]) -> None:
    assert [one.id for one in matching([ANA, BEN, BENNO], word)] == meant
