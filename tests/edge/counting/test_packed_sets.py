"""Old sets are kept small, and are as they were when somebody corrects one."""

import tracemalloc

import pytest

from edge.counting.sets import SetBook
from station.records import ReasonCode
from tests.edge.counting.test_sets import RDL, make_rep


def lift_sets(book, first, sets):
    """Sets of three reps, the second short and the third picked up once more; after them nothing is new."""
    for number in range(first, first + sets):
        start_s = 100.0 * number
        for index, (rom_m, mcv) in enumerate(((0.4, 0.51), (0.21, 0.7), (0.41, 0.437))):
            rep = make_rep(start_s + 5.0 * index, rom_m, mcv + 0.001 * number, mean_force_n=800.0 + number)
            book.rep((1, 4 * number + index), rep, rom_m, "confirmed", rep.end_s, ends_sigma_s=(0.01, 0.02))
        slip = make_rep(start_s + 15.0)
        book.rep((1, 4 * number + 3), slip, 0.4, "pending", slip.end_s)
        book.withdraw((1, 4 * number + 3), ReasonCode.WITHDRAWN, slip.end_s)
        book.end(start_s + 40.0)


@pytest.mark.parametrize(
    "correct",
    [
        lambda book: book.mark("s2-r2", "counted", "kim", 1e4),
        lambda book: book.mark("s2-r4", "counted", "kim", 1e4),
        lambda book: book.add("s2", 1e4, "kim", 1e4),
        lambda book: book.give("s2", None, "ben", 1e4),
        lambda book: book.give(None, "s2-r3", "ben", 1e4),
        lambda book: book.load_set("s2", 80.0, 1e4, weighs=True),
    ],
    ids=["short rep", "withdrawn rep", "missed rep", "whole set", "part of a set", "load"],
)
def test_an_old_set_is_put_right_and_back_as_one_that_was_never_packed(monkeypatch, correct):
    said = []
    for packs in (True, False):
        if not packs:
            monkeypatch.setattr("edge.counting.sets.pack", lambda _: None)
        book = SetBook(RDL)
        book.set_load(60.0, 0.0)
        lift_sets(book, 0, 6)
        events, undo = correct(book)
        verdicts = book.verdicts("s2")
        lift_sets(book, 6, 4)  # and packed again
        said.append([*events, *verdicts, *undo(), *book.verdicts("s2")])
    assert said[0] == said[1] and len(said[0]) > 8


def test_sets_of_hours_take_little_memory():
    book = SetBook(RDL)
    lift_sets(book, 0, 6)
    tracemalloc.start()
    try:
        lift_sets(book, 6, 40)
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown / 40 < 5_000
