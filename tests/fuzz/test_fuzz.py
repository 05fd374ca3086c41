"""A short look with the fuzzer, and that it finds what it is for; ten minutes each: python -m tests.fuzz."""

import time
from functools import partial
from pathlib import Path

import pytest

from tests.fuzz import fuzzer
from tests.fuzz.fuzzer import Edges, Target, fuzz
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_changed_inputs_are_taken_or_refused(name: str, tmp_path: Path) -> None:
    found = fuzz(TARGETS[name](tmp_path), lasts_s=0.4, seed=1, least=50)
    assert not found.findings, found.findings[0]
    assert found.inputs >= 50 and found.edges > 100


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines of this file are looked at as the program's are."""
    monkeypatch.setattr(fuzzer, "OURS", (__file__,))


def maze(data: bytes) -> None:
    for at, wanted in enumerate(b"BUG"):
        if data[at : at + 1] != bytes([wanted]):
            raise ValueError
        data.find(b"one more step is an edge of its own")
    raise ZeroDivisionError


def test_it_finds_its_way_through_one_condition_after_the_other(ours: None) -> None:
    target = Target(maze, (ValueError,), [b"....."], [b"B", b"U", b"G"])
    found = fuzz(target, lasts_s=60.0, seed=1, first=True)
    assert [one.what.splitlines()[-1] for one in found.findings] == ["ZeroDivisionError"]
    assert found.findings[0].data[:3] == b"BUG" and not found.passed


def test_what_hangs_is_found_and_ended(ours: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzzer, "HANG_S", 1)
    found = fuzz(Target(lambda _: time.sleep(60), (), [b"."], []), lasts_s=0.0, seed=1)
    assert "hangs" in found.findings[0].what


def test_what_grows_does_not_pass(ours: None) -> None:
    held: list[bytes] = []
    target = Target(lambda _: held.append(b"x" * 2_000_000), (), [b"."], [])
    assert fuzz(target, lasts_s=2.0, seed=1).growth_mb > 0.0


def test_an_edge_is_a_pair_of_lines_and_how_often(ours: None) -> None:
    def loop(times: int) -> None:
        for _ in range(times):
            pass

    def taken(times: int) -> set[tuple[int, int, int]]:
        edges = Edges()
        edges.watch(partial(loop, times))
        return set(edges.taken())

    assert taken(1) != taken(3) != taken(100)
    assert taken(3) == taken(3)
